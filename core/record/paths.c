/* SPDX-License-Identifier: Apache-2.0 */
/* paths.c: spelling of paths, and their numbers. */
#include "core/record/record_internal.h"

struct paths {
    struct arena arena;
    VEC(struct path *) all;
    struct map by_text;
};

static const char *const meta_names[PATH_FIRST_FIELD] = {"",         ".",        "$id",        "$key",      "$time",
                                                         "$topic",   "$file",    "$partition", "$sequence", "$line",
                                                         "$headers", "$version", "$raw",       "$encoded",  "$head"};

static bool bare(unsigned char c)
{
    return c > 0x20 && c != '.' && c != '[' && c != ']' && c != '"' && c != 0x7f;
}

/* Blanks may stand inside a bare name, not around it. */
static bool bare_name(leat_text t)
{
    if (!t.n || t.data[0] == ' ' || t.data[t.n - 1] == ' ' || t.data[0] == '$')
        return false;
    for (size_t i = 0; i < t.n; i++)
        if (!bare((unsigned char)t.data[i]) && t.data[i] != ' ')
            return false;
    return true;
}

/* "a ""b""" -> a "b"; past the closing quote, or NULL. */
static const char *quoted_step(struct arena *a, const char *p, const char *end, leat_text *ret)
{
    char *name = arena_alloc(a, (size_t)(end - p) + 1);
    size_t n = 0;
    for (p++; p < end; p++) {
        if (*p == '"' && (p + 1 == end || p[1] != '"')) {
            *ret = (leat_text){name, n};
            return p + 1;
        }
        if (*p == '"')
            p++;
        name[n++] = *p;
    }
    return NULL;
}

static const char *name_step(struct arena *a, const char *p, const char *end, struct step *ret)
{
    *ret = (struct step){.kind = STEP_NAME};
    if (p < end && *p == '"')
        return quoted_step(a, p, end, &ret->name);
    const char *from = p;
    while (p < end && (bare((unsigned char)*p) || *p == ' '))
        p++;
    leat_text name = {from, (size_t)(p - from)};
    if (!bare_name(name))
        return NULL;
    ret->name = arena_text(a, name);
    return p;
}

/* Behind '[': a number or nothing. */
static const char *index_step(const char *p, const char *end, struct step *ret)
{
    uint64_t index = 0;
    const char *from = p;
    while (p < end && *p >= '0' && *p <= '9' && index < UINT32_MAX)
        index = index * 10 + (uint64_t)(*p++ - '0');
    if (p >= end || *p != ']' || index >= UINT32_MAX)
        return NULL;
    *ret = (struct step){.kind = p == from ? STEP_EACH : STEP_INDEX, .index = (uint32_t)index};
    return p + 1;
}

static void spell(struct buf *out, const struct step *s, uint32_t at)
{
    if (s->kind == STEP_EACH) {
        buf_str(out, "[]");
    } else if (s->kind == STEP_INDEX) {
        buf_printf(out, "[%u]", s->index);
    } else {
        if (at)
            buf_char(out, '.');
        if (bare_name(s->name)) {
            buf_text(out, s->name);
            return;
        }
        buf_char(out, '"');
        for (size_t i = 0; i < s->name.n; i++) {
            if (s->name.data[i] == '"')
                buf_char(out, '"');
            buf_char(out, s->name.data[i]);
        }
        buf_char(out, '"');
    }
}

static bool finish_path(struct arena *a, struct path *p)
{
    auto_buf text = {0};
    p->each = p->n_steps;
    for (uint32_t i = 0; i < p->n_steps; i++) {
        spell(&text, &p->steps[i], i);
        if (p->steps[i].kind == STEP_EACH) {
            if (p->each < p->n_steps)
                return false; /* lists of lists have no column */
            p->each = i;
        }
    }
    p->text = arena_text(a, buf_view(&text));
    auto_buf key = {0};
    buf_json(&key, p->steps[0].name);
    buf_char(&key, ':');
    p->key = arena_text(a, buf_view(&key));
    return true;
}

static bool parse_header_path(struct arena *a, leat_text t, struct path *ret)
{
    static const char begin[] = "$headers['";
    size_t n = sizeof begin - 1;
    if (t.n < n + 3 || memcmp(t.data, begin, n) || memcmp(t.data + t.n - 2, "']", 2))
        return false;
    ret->text = arena_text(a, t);
    ret->header = arena_text(a, (leat_text){t.data + n, t.n - n - 2});
    return true;
}

static bool parse_meta(struct arena *a, leat_text t, struct path *ret)
{
    for (uint32_t i = PATH_WHOLE; i < PATH_FIRST_FIELD; i++)
        if (text_is(t, meta_names[i])) {
            ret->text = text_of(meta_names[i]);
            ret->number = i;
            return true;
        }
    return parse_header_path(a, t, ret);
}

bool path_parse(struct arena *a, leat_text t, struct path *ret)
{
    struct step steps[64];
    const char *p = t.data, *end = t.data + t.n;
    *ret = (struct path){0};
    if (!t.n || utf8_check(t.data, t.n) < t.n)
        return false;
    if (t.data[0] == '$' || text_is(t, "."))
        return parse_meta(a, t, ret);
    p = name_step(a, p, end, &steps[0]);
    uint32_t n = 1;
    while (p && p < end) {
        if (n == N_OF(steps) || (*p != '.' && *p != '['))
            return false;
        p = *p == '.' ? name_step(a, p + 1, end, &steps[n]) : index_step(p + 1, end, &steps[n]);
        n++;
    }
    if (!p)
        return false;
    struct step *kept = arena_alloc(a, n * sizeof *kept);
    memcpy(kept, steps, n * sizeof *kept);
    ret->steps = kept;
    ret->n_steps = n;
    return finish_path(a, ret);
}

static uint32_t enter(struct paths *p, struct path *path)
{
    struct path *kept = arena_alloc(&p->arena, sizeof *kept);
    *kept = *path;
    kept->number = (uint32_t)p->all.n;
    kept->top = kept->number;
    *VEC_PUSH(&p->all) = kept;
    if (kept->text.n)
        *map_at(&p->by_text, kept->text) = kept;
    return kept->number;
}

struct paths *paths_new(void)
{
    struct paths *p = xcalloc(1, sizeof *p);
    for (uint32_t i = 0; i < PATH_FIRST_FIELD; i++)
        enter(p, &(struct path){.text = text_of(meta_names[i])});
    return p;
}

void paths_free(struct paths *p)
{
    if (!p)
        return;
    VEC_FINI(&p->all);
    map_fini(&p->by_text);
    arena_fini(&p->arena);
    free(p);
}

uint32_t paths_add(struct paths *p, leat_text text)
{
    struct path path, top;
    if (!path_parse(&p->arena, text, &path))
        return PATH_NONE;
    const struct path *known = map_get(&p->by_text, path.text);
    if (known)
        return known->number;
    if (path.n_steps <= 1)
        return enter(p, &path);
    top = (struct path){.steps = path.steps, .n_steps = 1};
    finish_path(&p->arena, &top);
    known = map_get(&p->by_text, top.text);
    uint32_t above = known ? known->number : enter(p, &top);
    uint32_t number = enter(p, &path);
    p->all.at[number]->top = above;
    return number;
}

uint32_t paths_find(const struct paths *p, leat_text text)
{
    const struct path *known = map_get(&p->by_text, text);
    if (known)
        return known->number;
    struct arena a = {0};
    struct path path;
    if (path_parse(&a, text, &path))
        known = map_get(&p->by_text, path.text);
    arena_fini(&a);
    return known ? known->number : PATH_NONE;
}

const struct path *paths_at(const struct paths *p, uint32_t number)
{
    ASSERT(number < p->all.n);
    return p->all.at[number];
}

leat_text paths_text(const struct paths *p, uint32_t path)
{
    return paths_at(p, path)->text;
}

uint32_t paths_count(const struct paths *p)
{
    return (uint32_t)p->all.n;
}

uint32_t paths_top(const struct paths *p, uint32_t path)
{
    return paths_at(p, path)->top;
}

bool path_is_meta(const struct path *path)
{
    return path->n_steps == 0 && path->number != PATH_WHOLE;
}
