/* SPDX-License-Identifier: Apache-2.0 */
/* transform.h: the processors that plugin.c lists; each is defined in the file of its name. */
#ifndef LEAT_TRANSFORM_H
#define LEAT_TRANSFORM_H

#include <leat/plugin.h>
#include <stdbool.h>

extern const leat_processor transform_check, transform_explode, transform_filter, transform_format, transform_log,
    transform_parse, transform_route, transform_sample, transform_select, transform_set, transform_throttle;

#endif
