/* SPDX-License-Identifier: Apache-2.0 */
/* types.h: texts as values of a type, for `check`; see types.c. */
#ifndef LEAT_TRANSFORM_TYPES_H
#define LEAT_TRANSFORM_TYPES_H

#include <leat/plugin.h>
#include <stdbool.h>

enum { FORMATS_MAX = 4, FORMAT_MAX = 48, TYPE_WHY = 200 };

/* "int", "decimal", "float", "bool", "text", "time", "date 'DD.MM.YYYY'", "time 'FORMAT' | 'FORMAT'". */
struct type {
    uint32_t column; /* LEAT_I64, LEAT_DEC, LEAT_F64, LEAT_BOOL, LEAT_TEXT, LEAT_TIME */
    uint32_t n_formats;
    char formats[FORMATS_MAX][FORMAT_MAX];   /* PostgreSQL's patterns; none: RFC 3339 */
    uint16_t steps[FORMATS_MAX][FORMAT_MAX]; /* what they mean, see types.c; ends with 0 */
};
struct parsed {
    int64_t i64; /* LEAT_BOOL, LEAT_TIME, and the mantissa of LEAT_DEC too */
    int32_t scale;
    double f64;
};
bool type_parse(leat_text spelt, struct type *ret, char why[TYPE_WHY]);
/* The value of t (no blanks around it). false: it is none; type_name says of what. */
bool type_convert(const struct type *type, leat_text t, struct parsed *ret);
const char *type_name(const struct type *type); /* "a whole number" */

#endif
