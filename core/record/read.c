/* SPDX-License-Identifier: Apache-2.0 */
/* read.c: a path of a batch as a typed column, decoded once and kept. */
#include "core/record/making.h"
#include "core/record/shape.h"

/* --- the caches --- */

struct read cache_get(const struct batch *b, uint32_t path, uint32_t type)
{
    for (const struct cached *c = path < b->in->n_cache ? b->in->cache[path] : NULL; c; c = c->next)
        if (c->type == type)
            return c->read;
    return (struct read){NULL, NULL};
}

static void cache_put(struct batch *b, uint32_t path, uint32_t type, struct read r)
{
    if (path >= b->in->n_cache) { /* paths were added after the batch was made */
        uint32_t n = paths_count(b->paths);
        struct cached **more = memory_zalloc(&b->in->memory, n * sizeof *more);
        memcpy(more, b->in->cache, b->in->n_cache * sizeof *more);
        b->in->cache = more;
        b->in->n_cache = n;
    }
    struct cached *c = batch_alloc(b, sizeof *c);
    *c = (struct cached){b->in->cache[path], type, r};
    b->in->cache[path] = c;
}

/* --- where a path comes from --- */

enum where { ABSENT, COLUMN, INSIDE, ROOT, KNOWN };
struct place {
    enum where where;
    struct batch *level;
    const leat_column *column; /* COLUMN: it; INSIDE: the JSON it lies in */
    struct read known;         /* KNOWN: decoded already for that level */
    uint32_t from;             /* INSIDE: the step to begin with */
};

/* What one level says about the path; false: nothing. */
static bool level_says(struct batch *l, const struct path *path, struct place *ret)
{
    const struct overlay *o = l->in->n_overlays ? overlay_find(l, path) : NULL;
    uint32_t from = 0;
    if (!o && l->in->n_overlays && path->n_steps > 1) {
        for (uint32_t i = 0; i < l->in->n_overlays && !o; i++) {
            const struct path *top = l->in->overlays[i].path;
            if (top->n_steps == 1 && text_equal(top->steps[0].name, path->steps[0].name))
                o = &l->in->overlays[i];
        }
        from = 1;
    }
    if (!o && l->in->whole && path->n_steps) {
        o = l->in->whole;
        from = 0;
    }
    *ret = (struct place){.level = l, .from = from};
    if (o) {
        ret->where = !o->column ? ABSENT : o->path == path ? COLUMN : INSIDE;
        ret->column = o->column;
    }
    return o || (l->in->fresh && path->n_steps);
}

/* A decoded column may be gathered for a part of its rows, unless it is what it is only because of other rows: JSON
 * where they differ in kind, decimals that do not fit beside them. */
static bool level_knows(struct batch *l, const struct path *path, uint32_t type, struct place *ret)
{
    struct read r = cache_get(l, path->number, type);
    if (!r.column || (type == LEAT_NULL && r.column->type != LEAT_TEXT && r.column->type != LEAT_I64))
        return false;
    if (r.bad && type == LEAT_DEC)
        return false;
    *ret = (struct place){.where = KNOWN, .level = l, .known = r};
    return true;
}

static void find_place(struct batch *b, const struct path *path, uint32_t type, struct place *ret)
{
    for (struct batch *l = b;; l = l->parent) {
        if (l != b && path->number && level_knows(l, path, type, ret))
            return;
        if (level_says(l, path, ret))
            return;
        if (!l->parent) {
            *ret = (struct place){.where = l->in->root.kind == ROOT_NONE ? ABSENT : ROOT, .level = l};
            return;
        }
    }
}

/* --- JSON cells of a path --- */

leat_text text_root_field(const struct root *r)
{
    return r->kind == ROOT_TEXT ? TEXT("text") : TEXT("raw");
}

leat_text csv_field(struct memory *m, const struct root *r, const struct field *f)
{
    leat_text t = {r->base + f->at, f->n};
    if (!f->doubled)
        return t;
    char *to = memory_alloc(m, t.n), *at = to;
    for (size_t i = 0; i < t.n; i++) {
        *at++ = t.data[i];
        i += t.data[i] == r->names->quote; /* the next one is the same */
    }
    return (leat_text){to, (size_t)(at - to)};
}

uint32_t csv_column(const struct csv_names *names, leat_text name)
{
    for (uint32_t i = names->n; i-- > 0;)
        if (text_equal(names->names[i], name))
            return i; /* of equal names the last, as in JSON */
    return names->n;
}

/* Texts of a root that is no JSON; false: it has no such field. */
static bool root_texts(struct memory *m, const struct root *r, const uint32_t *rows, uint32_t n, leat_text name,
                       leat_text *texts)
{
    if (r->kind != ROOT_CSV) {
        if (!text_equal(name, text_root_field(r)))
            return false;
        for (uint32_t i = 0; i < n; i++)
            texts[i] = root_record(r, rows ? rows[i] : i);
        return true;
    }
    uint32_t column = csv_column(r->names, name);
    if (column == r->names->n)
        return false;
    for (uint32_t i = 0; i < n; i++)
        texts[i] = csv_field(m, r, &r->fields[(size_t)(rows ? rows[i] : i) * r->names->n + column]);
    return true;
}

static void find_all(const leat_text *from, uint32_t n, const struct step *steps, uint32_t n_steps, leat_text *cells)
{
    for (uint32_t i = 0; i < n; i++)
        cells[i] = from[i].n ? json_find(from[i], steps, n_steps) : n_steps ? JSON_MISSING : from[i];
}

static const leat_column *gathered(struct batch *b, const leat_column *c, const uint32_t *rows)
{
    return rows ? column_gather(&b->in->memory, c, rows, b->view.n) : c;
}

static struct read absent(struct batch *b, uint32_t type)
{
    leat_text *none = memory_zalloc(&b->in->memory, b->view.n * sizeof *none);
    return column_of_cells(&b->in->memory, none, b->view.n, type);
}

static leat_text shaped_cell(const struct shape *s, struct shape_path w, const struct path *path, uint32_t n,
                             const char *record, const struct slot *slots)
{
    if (w.way == WAY_ABSENT)
        return JSON_MISSING;
    leat_text cell = shape_part_text(&s->parts[w.part], record, slots);
    return w.way == WAY_PART ? cell : json_find(cell, path->steps + w.steps, n - w.steps);
}

/* The first n steps of a path in records as they came. */
static void record_cells(const struct root *r, const uint32_t *rows, uint32_t n_rows, const struct path *path,
                         uint32_t n, leat_text *cells)
{
    uint32_t known = SHAPE_NONE;
    const struct shape *shape = NULL;
    struct shape_path way = {WAY_ABSENT, 0, 0};
    for (uint32_t i = 0; i < n_rows; i++) {
        const struct record *x = &r->records[rows ? rows[i] : i];
        if (UNLIKELY(x->shape == SHAPE_NONE)) {
            cells[i] = json_find((leat_text){r->base + x->at, x->n}, path->steps, n);
            continue;
        }
        if (UNLIKELY(x->shape != known)) {
            known = x->shape;
            shape = shapes_at(r->shapes, known);
            way = shape_find(shape, path, n);
        }
        cells[i] = shaped_cell(shape, way, path, n, r->base + x->at, r->slots + x->slot);
    }
}

/* The raw JSON of the first n steps of a path for each row of b. */
static void cells_of_place(struct batch *b, const struct place *at, const struct path *path, uint32_t n,
                           leat_text *cells)
{
    const struct step *steps = path->steps;
    struct memory *m = &b->in->memory;
    const uint32_t *rows = batch_rows_to(b, at->level);
    const struct root *r = &at->level->in->root;
    const leat_column *c = NULL;
    uint32_t from = at->where == COLUMN ? n : at->from;
    if (at->where != ROOT || r->kind != ROOT_JSON)
        memset(cells, 0, b->view.n * sizeof *cells);
    if (at->where == COLUMN || at->where == INSIDE) {
        c = column_convert(m, gathered(b, at->column, rows), LEAT_JSON).column;
    } else if (at->where == ROOT && r->kind == ROOT_JSON) {
        record_cells(r, rows, b->view.n, path, n, cells);
        return;
    } else if (at->where == ROOT && n == 1 && root_texts(m, r, rows, b->view.n, steps[0].name, cells)) {
        for (uint32_t i = 0; r->kind == ROOT_RAW && i < b->view.n; i++)
            cells[i] = utf8_repair(m, cells[i]);
        c = column_of_texts(m, cells, b->view.n, LEAT_JSON).column;
        from = n;
    }
    if (c)
        find_all(column_cells(m, c), b->view.n, steps + from, n - from, cells);
}

/* --- lists: lines[].qty --- */

/* Each array's elements, by the steps behind []. */
static struct read each_read(struct batch *b, const struct place *at, const struct path *path, uint32_t type)
{
    struct memory *m = &b->in->memory;
    uint32_t n = b->view.n;
    leat_text *arrays = memory_alloc(m, n * sizeof *arrays);
    struct place before = *at;
    if (before.where == COLUMN) { /* the list itself was written */
        struct read r = column_convert(m, gathered(b, at->column, batch_rows_to(b, at->level)), type);
        return r;
    }
    cells_of_place(b, &before, path, path->each, arrays);
    struct read lists = column_of_cells(m, arrays, n, LEAT_LIST + LEAT_JSON);
    leat_column *c = (leat_column *)lists.column;
    const leat_text *items = column_cells(m, c->items);
    uint32_t n_items = c->items->n, item = type >= LEAT_LIST ? type - LEAT_LIST : LEAT_NULL;
    leat_text *found = memory_alloc(m, n_items * sizeof *found);
    find_all(items, n_items, path->steps + path->each + 1, path->n_steps - path->each - 1, found);
    c->items = column_of_cells(m, found, n_items, LEAT_JSON).column;
    c->type = LEAT_LIST + LEAT_JSON;
    struct read r = column_convert(m, c, type >= LEAT_LIST || type == LEAT_NULL ? LEAT_LIST + item : type);
    if (!r.bad)
        r.bad = lists.bad;
    return r;
}

/* --- */

static struct read root_read(struct batch *b, const struct place *at, const struct path *path, uint32_t type)
{
    struct memory *m = &b->in->memory;
    const struct root *r = &at->level->in->root;
    const uint32_t *rows = batch_rows_to(b, at->level);
    leat_text *cells = memory_alloc(m, b->view.n * sizeof *cells);
    if (r->kind == ROOT_JSON) {
        cells_of_place(b, at, path, path->n_steps, cells);
        return column_of_cells(m, cells, b->view.n, type);
    }
    if (path->n_steps != 1 || !root_texts(m, r, rows, b->view.n, path->steps[0].name, cells))
        return absent(b, type);
    if (r->kind == ROOT_RAW && type == LEAT_NULL)
        type = LEAT_BYTES;
    for (uint32_t i = 0; r->kind == ROOT_RAW && type != LEAT_BYTES && i < b->view.n; i++)
        cells[i] = utf8_repair(m, cells[i]); /* no text was promised */
    return column_of_texts(m, cells, b->view.n, type);
}

static uint32_t common_type(const struct read *parts, uint32_t n)
{
    uint32_t type = LEAT_NULL;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t t = parts[i].column->type;
        bool exact = (t == LEAT_I64 || t == LEAT_DEC) && (type == LEAT_I64 || type == LEAT_DEC);
        if (t == LEAT_NULL || t == type)
            continue;
        if (type == LEAT_NULL)
            type = t;
        else if (exact)
            type = LEAT_DEC;
        else
            return LEAT_JSON; /* doubles too: no value depends on what else is there */
    }
    return type;
}

/* Decimals of one scale: the greatest of the parts. */
static const leat_column *rescaled(struct memory *m, const leat_column *c, int32_t scale, bool *fits)
{
    if (c->type != LEAT_DEC || c->scale == scale)
        return c;
    leat_column *to = column_new(m, LEAT_DEC, c->n);
    to->scale = scale;
    to->valid = c->valid;
    to->nulls = c->nulls;
    for (uint32_t i = 0; i < c->n; i++) {
        struct decimal d = {((const int64_t *)c->data)[i], c->scale};
        *fits &= decimal_rescale(&d, scale);
        ((int64_t *)to->data)[i] = d.mantissa;
    }
    return to;
}

static const uint64_t *join_bad(struct memory *m, const struct read *parts, uint32_t n_parts, uint32_t n)
{
    uint64_t *bad = NULL;
    for (uint32_t p = 0, at = 0; p < n_parts; at += parts[p++].column->n)
        for (uint32_t i = 0; parts[p].bad && i < parts[p].column->n; i++)
            if (parts[p].bad[i >> 6] >> (i & 63) & 1)
                bits_set(m, &bad, n, at + i);
    return bad;
}

/* Decimals that have no scale together: those that do not fit are bad. */
static struct read join_decimals(struct memory *m, const struct read *parts, uint32_t n_parts, uint32_t n)
{
    struct making k = making_new(m, LEAT_DEC, n);
    struct decimal *d = memory_zalloc(m, n * sizeof *d);
    for (uint32_t p = 0, at = 0; p < n_parts; at += parts[p++].column->n)
        for (uint32_t i = 0; i < parts[p].column->n; i++) {
            const leat_column *c = parts[p].column;
            if (parts[p].bad && parts[p].bad[i >> 6] >> (i & 63) & 1)
                making_bad(&k, at + i);
            else if (c->type == LEAT_NULL || !leat_has(c, i))
                column_absent(m, k.c, at + i);
            else
                d[at + i] = (struct decimal){((const int64_t *)c->data)[i], c->scale};
        }
    decimals_unify(&k, d);
    return made(&k);
}

static struct read join_as(struct batch *b, struct read *parts, uint32_t type, bool *ret_fits)
{
    struct memory *m = &b->in->memory;
    uint32_t n_parts = b->in->root.n_parts;
    const leat_column **columns = memory_alloc(m, n_parts * sizeof *columns);
    int32_t scale = 0;
    *ret_fits = true;
    for (uint32_t i = 0; i < n_parts; i++) {
        if (parts[i].column->type != LEAT_NULL && parts[i].column->type != type)
            parts[i] = column_convert(m, parts[i].column, type);
        if (type == LEAT_DEC && parts[i].column->scale > scale)
            scale = parts[i].column->scale;
    }
    for (uint32_t i = 0; i < n_parts; i++)
        columns[i] = rescaled(m, parts[i].column, scale, ret_fits);
    return (struct read){column_join(m, columns, n_parts, type, b->view.n), join_bad(m, parts, n_parts, b->view.n)};
}

static struct read concat_read(struct batch *b, const struct path *path, uint32_t type)
{
    struct memory *m = &b->in->memory;
    const struct root *r = &b->in->root;
    struct read *parts = memory_alloc(m, r->n_parts * sizeof *parts);
    bool fits;
    for (uint32_t i = 0; i < r->n_parts; i++)
        parts[i] = path->number ? batch_read(r->parts[i], path->number, type) : path_read(r->parts[i], path, type);
    struct read all = join_as(b, parts, common_type(parts, r->n_parts), &fits);
    if (fits)
        return all;
    return type == LEAT_DEC ? join_decimals(m, parts, r->n_parts, b->view.n) : join_as(b, parts, LEAT_JSON, &fits);
}

static struct read gather_read(struct batch *b, const struct batch *level, struct read r)
{
    const uint32_t *rows = batch_rows_to(b, level);
    struct memory *m = &b->in->memory;
    return rows ? (struct read){column_gather(m, r.column, rows, b->view.n), bits_gather(m, r.bad, rows, b->view.n)}
                : r;
}

struct read path_read(struct batch *b, const struct path *path, uint32_t type)
{
    struct place at;
    find_place(b, path, type, &at);
    if (at.where == KNOWN)
        return gather_read(b, at.level, at.known);
    if (at.where == ROOT && at.level->in->root.kind == ROOT_CONCAT) {
        if (at.level != b)
            return gather_read(b, at.level,
                               path->number ? batch_read(at.level, path->number, type)
                                            : concat_read(at.level, path, type));
        return concat_read(b, path, type);
    }
    if (path->each < path->n_steps)
        return each_read(b, &at, path, type);
    if (at.where == ROOT)
        return root_read(b, &at, path, type);
    if (at.where == COLUMN)
        return column_convert(&b->in->memory, gathered(b, at.column, batch_rows_to(b, at.level)), type);
    if (at.where == ABSENT)
        return absent(b, type);
    leat_text *cells = batch_alloc(b, b->view.n * sizeof *cells);
    cells_of_place(b, &at, path, path->n_steps, cells);
    return column_of_cells(&b->in->memory, cells, b->view.n, type);
}

static struct read whole_read(struct batch *b, uint32_t type)
{
    struct read r = {whole_column(b, false), NULL};
    if (type == LEAT_TEXT || type == LEAT_BYTES) { /* the record as text is its JSON */
        leat_column *c = batch_alloc(b, sizeof *c);
        *c = *r.column;
        c->type = type;
        r.column = c;
        return r;
    }
    return type == LEAT_NULL || type == LEAT_JSON ? r : column_convert(&b->in->memory, r.column, type);
}

/* Of decimals seen so far: the widest value, and the scale that they need. */
struct span {
    struct decimal widest;
    int32_t scale;
};

static bool wider(struct decimal a, struct decimal b)
{
    long double x = (long double)a.mantissa,
                y = (long double)b.mantissa; /* (sizes need not be exact: both are tried) */
    for (int32_t i = a.scale; i < 18; i++)
        x *= 10;
    for (int32_t i = b.scale; i < 18; i++)
        y *= 10;
    return (x < 0 ? -x : x) > (y < 0 ? -y : y);
}

/* Takes d in; false: it has no scale together with the others. */
static bool span_takes(struct span *s, struct decimal d)
{
    d = decimal_trim(d);
    int32_t scale = d.scale > s->scale ? d.scale : s->scale;
    struct decimal widest = wider(d, s->widest) ? d : s->widest, tried = widest;
    if (!decimal_rescale(&tried, scale))
        return false;
    *s = (struct span){widest, scale};
    return true;
}

uint32_t batch_one_scale(struct batch *b, uint32_t path, uint32_t from)
{
    if (!batch_read(b, path, LEAT_DEC).bad)
        return b->view.n - from;
    const leat_column *c = batch_read(b, path, LEAT_JSON).column;
    struct span s = {{0, 0}, 0};
    for (uint32_t i = from; i < c->n; i++) {
        struct decimal d;
        if (leat_has(c, i) && cell_decimal(((const leat_text *)c->data)[i], &d) && !span_takes(&s, d))
            return i - from;
    }
    return c->n - from;
}

struct read batch_read(struct batch *b, uint32_t path, uint32_t type)
{
    struct read r = cache_get(b, path, type);
    if (r.column)
        return r;
    const struct path *p = paths_at(b->paths, path);
    ASSERT(b->in->sealed);
    if (path == PATH_WHOLE)
        r = whole_read(b, type);
    else if (b->parent && !b->rows && !b->in->n_overlays && !(b->in->fresh && p->n_steps))
        r = batch_read(b->parent, path, type); /* the same rows: decoded once for all who look */
    else
        r = path_is_meta(p) ? meta_read(b, p, type) : path_read(b, p, type);
    cache_put(b, path, type, r);
    return r;
}
