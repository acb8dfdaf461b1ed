/* SPDX-License-Identifier: Apache-2.0 */
/* schema.h: JSON Schema, as far as `check` goes; see schema.c. */
#ifndef LEAT_TRANSFORM_SCHEMA_H
#define LEAT_TRANSFORM_SCHEMA_H

#include "json.h"

struct schema;
enum { SCHEMA_WHY = 400 };

/* Reads a schema. NULL: why says what is wrong with it. To be freed. */
struct schema *schema_new(leat_text text, char why[SCHEMA_WHY]);
void schema_free(struct schema *s);
/* Does the record fit? If not, why names the field and its value. m: memory for the time of the call. */
bool schema_holds(const struct schema *s, struct json_memory m, leat_text record, char why[SCHEMA_WHY]);

#endif
