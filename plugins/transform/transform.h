/* SPDX-License-Identifier: Apache-2.0 */
/* transform.h: the processors that plugin.c lists; each is defined in the file of its name. */
#ifndef LEAT_TRANSFORM_H
#define LEAT_TRANSFORM_H

#include <leat/plugin.h>

extern const leat_processor transform_filter;

#endif
