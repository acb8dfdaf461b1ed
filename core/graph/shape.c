/* SPDX-License-Identifier: Apache-2.0 */
/* shape.c: what is known of the records on an edge: fields, types, and whether there are others. */
#include "core/graph/graph_internal.h"

void shape_fini(struct shape *s)
{
    VEC_FINI(&s->fields);
}

void shape_add(struct shape *s, uint32_t path, uint32_t type, bool may_miss)
{
    struct shape_field field = {path, type, may_miss};
    for (size_t i = 0; i < s->fields.n; i++)
        if (s->fields.at[i].path == path) {
            s->fields.at[i] = field;
            return;
        }
    *VEC_PUSH(&s->fields) = field;
}

void shape_remove(struct shape *s, const struct paths *paths, uint32_t path)
{
    size_t kept = 0;
    if (path == PATH_WHOLE) { /* all of them; then some are written again */
        s->fields.n = 0;
        s->closed = true;
        return;
    }
    for (size_t i = 0; i < s->fields.n; i++) {
        uint32_t p = s->fields.at[i].path;
        if (p != path && !(paths_top(paths, path) == path && paths_top(paths, p) == path))
            s->fields.at[kept++] = s->fields.at[i];
    }
    s->fields.n = kept;
}

void shape_copy(struct shape *to, const struct shape *from)
{
    to->closed = from->closed;
    to->fields.n = 0;
    for (size_t i = 0; i < from->fields.n; i++)
        *VEC_PUSH(&to->fields) = from->fields.at[i];
}

static struct shape_field *find(const struct shape *s, uint32_t path)
{
    for (size_t i = 0; i < s->fields.n; i++)
        if (s->fields.at[i].path == path)
            return &s->fields.at[i];
    return NULL;
}

void shape_merge(struct shape *to, const struct shape *from)
{
    for (size_t i = 0; i < to->fields.n; i++) {
        struct shape_field *mine = &to->fields.at[i];
        const struct shape_field *other = find(from, mine->path);
        mine->may_miss |= !other || other->may_miss;
        if (other ? other->type != mine->type : !from->closed)
            mine->type = LEAT_NULL;
    }
    for (size_t i = 0; i < from->fields.n; i++) {
        const struct shape_field *other = &from->fields.at[i];
        if (!find(to, other->path))
            *VEC_PUSH(&to->fields) = (struct shape_field){other->path, to->closed ? other->type : LEAT_NULL, true};
    }
    to->closed &= from->closed;
}

bool metadata_type(leat_text path, uint32_t *ret_type)
{
    static const struct {
        const char *name;
        uint32_t type;
    } known[] = {{"$id", LEAT_TEXT},      {"$key", LEAT_TEXT},       {"$time", LEAT_TIME},    {"$topic", LEAT_TEXT},
                 {"$file", LEAT_TEXT},    {"$partition", LEAT_TEXT}, {"$sequence", LEAT_I64}, {"$line", LEAT_I64},
                 {"$headers", LEAT_JSON}, {"$version", LEAT_I64},    {"$raw", LEAT_BYTES},    {"$encoded", LEAT_BYTES},
                 {"$head", LEAT_BYTES}};
    for (size_t i = 0; i < N_OF(known); i++)
        if (text_is(path, known[i].name)) {
            *ret_type = known[i].type;
            return true;
        }
    *ret_type = LEAT_TEXT;
    return path.n > 10 && memcmp(path.data, "$headers[", 9) == 0 && path.data[path.n - 1] == ']' &&
           !memchr(path.data + 9, '[', path.n - 9);
}

/* `outer` is the beginning of `inner`, by whole steps. */
static bool lies_in(leat_text inner, leat_text outer)
{
    return inner.n > outer.n && memcmp(inner.data, outer.data, outer.n) == 0 &&
           (inner.data[outer.n] == '.' || inner.data[outer.n] == '[');
}

static const char *nearest(const struct shape *s, const struct paths *paths, leat_text path)
{
    VEC(char *) names = {0};
    const char *near = NULL;
    for (size_t i = 0; i < s->fields.n; i++) {
        leat_text t = paths_text(paths, s->fields.at[i].path);
        *VEC_PUSH(&names) = xstrndup(t.data, t.n);
    }
    const char *found = closest(path, (const char *const *)names.at, names.n);
    for (size_t i = 0; i < names.n; i++) {
        if (found == names.at[i])
            near = paths_text(paths, s->fields.at[i].path).data;
        free(names.at[i]);
    }
    VEC_FINI(&names);
    return near;
}

bool shape_type(const struct shape *s, struct paths *paths, leat_text path, uint32_t *ret_type, const char **ret_near)
{
    *ret_type = LEAT_NULL;
    if (path.n && path.data[0] == '$')
        return metadata_type(path, ret_type);
    if (text_is(path, ".")) {
        *ret_type = LEAT_JSON;
        return true;
    }
    for (size_t i = 0; i < s->fields.n; i++) {
        const struct shape_field *x = &s->fields.at[i];
        leat_text name = paths_text(paths, x->path);
        if (text_equal(name, path)) {
            *ret_type = x->type;
            return true;
        }
        if (lies_in(path, name) && (x->type == LEAT_JSON || x->type == LEAT_NULL || x->type >= LEAT_LIST))
            return true;
        if (lies_in(name, path)) {
            *ret_type = LEAT_JSON;
            return true;
        }
    }
    if (s->closed && ret_near)
        *ret_near = nearest(s, paths, path);
    return !s->closed;
}

const char *graph_type_name(uint32_t type)
{
    static const char *const names[] = {"anything", "bool", "int", "float", "decimal", "time", "text", "bytes", "json"};
    return type >= LEAT_LIST ? "a list" : type < N_OF(names) ? names[type] : "?";
}

static bool is_number(uint32_t type)
{
    return type == LEAT_I64 || type == LEAT_F64 || type == LEAT_DEC;
}

bool type_converts(uint32_t from, uint32_t to)
{
    if (from == LEAT_NULL || to == LEAT_NULL || from == to || from == LEAT_JSON || to == LEAT_JSON)
        return true;
    if (is_number(from) && is_number(to))
        return true;
    if (to == LEAT_TEXT || to == LEAT_BYTES)
        return from < LEAT_LIST;
    if (to == LEAT_TIME)
        return from == LEAT_TEXT || from == LEAT_I64;
    return to >= LEAT_LIST && from >= LEAT_LIST;
}
