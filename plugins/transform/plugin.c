/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c: the transforms that every flow needs, as one plugin. */
#include "transform.h"

LEAT_PLUGIN("transform", "1.0.0", "Filters, computes, routes, checks and reshapes records.", &transform_filter,
            &transform_set, &transform_select, &transform_route, &transform_explode, &transform_check, &transform_parse,
            &transform_format, &transform_throttle, &transform_sample, &transform_log);
