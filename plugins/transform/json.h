/* SPDX-License-Identifier: Apache-2.0 */
/* json.h: JSON texts for this plugin. What comes in columns is valid already; files are checked. */
#ifndef LEAT_TRANSFORM_JSON_H
#define LEAT_TRANSFORM_JSON_H

#include <leat/plugin.h>
#include <stdbool.h>

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

/* One value; children of arrays and objects are a list. */
struct json {
    enum json_kind kind;
    leat_text text; /* as it is written */
    leat_text name; /* of a member, as it is written between the quotes */
    uint32_t n;     /* children */
    struct json *first, *next;
};

/* Memory for nodes. */
struct json_memory {
    void *(*alloc)(void *with, size_t bytes);
    void *with;
};
/* The value that t holds, and nothing behind it. NULL: it is no JSON (or no memory). */
struct json *json_parse(struct json_memory m, leat_text t);
const struct json *json_member(const struct json *object, const char *name); /* NULL: not there */
/* The characters between quotes with escapes resolved, as UTF-8. */
leat_text json_text(struct json_memory m, const struct json *j);
size_t json_characters(leat_text utf8);
bool json_equal(const struct json *a, const struct json *b); /* numbers by value, members in any order */
double json_number(const struct json *j);
/* Length of the value that begins valid JSON text at `at`. */
size_t json_length(leat_text t, size_t at);

#endif
