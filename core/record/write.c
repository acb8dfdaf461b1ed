/* SPDX-License-Identifier: Apache-2.0 */
/* write.c: columns laid over the rows of a batch, until it is sealed. */
#include "core/record/record_internal.h"

struct overlay *overlay_find(const struct batch *b, const struct path *path)
{
    for (uint32_t i = 0; i < b->in->n_overlays; i++)
        if (b->in->overlays[i].path == path)
            return &b->in->overlays[i];
    return NULL;
}

static struct overlay *overlay_at(struct batch *o, uint32_t path)
{
    struct batch_inside *in = o->in;
    const struct path *p = paths_at(o->paths, path);
    struct overlay *known = overlay_find(o, p);
    ASSERT(!in->sealed);
    if (known)
        return known;
    if (in->n_overlays == in->cap_overlays) {
        struct overlay *more = batch_alloc(o, (in->cap_overlays + 16) * sizeof *more);
        if (in->n_overlays)
            memcpy(more, in->overlays, in->n_overlays * sizeof *more);
        in->overlays = more;
        in->cap_overlays += 16;
    }
    in->overlays[in->n_overlays] = (struct overlay){.path = p};
    return &in->overlays[in->n_overlays++];
}

void *batch_write(struct batch *o, uint32_t path, uint32_t type, int32_t scale, const uint32_t *offsets)
{
    struct memory *m = &o->in->memory;
    struct overlay *over = overlay_at(o, path);
    leat_column *c = column_new(m, type, o->view.n);
    c->scale = scale;
    *over = (struct overlay){.path = over->path, .column = c};
    if (type < LEAT_LIST)
        return (void *)c->data;
    memcpy((void *)c->data, offsets, ((size_t)c->n + 1) * sizeof *offsets);
    leat_column *items = column_new(m, type - LEAT_LIST, offsets[c->n]);
    items->scale = scale;
    c->items = items;
    return (void *)items->data;
}

void batch_write_column(struct batch *o, uint32_t path, const leat_column *c)
{
    struct overlay *over = overlay_at(o, path);
    ASSERT(c->n == o->view.n);
    *over = (struct overlay){.path = over->path, .column = (leat_column *)c, .borrowed = true};
}

void overlay_put(struct batch *o, uint32_t path, leat_column *c)
{
    struct overlay *over = overlay_at(o, path);
    *over = (struct overlay){.path = over->path, .column = c};
}

void batch_remove(struct batch *o, uint32_t path)
{
    struct overlay *over = overlay_at(o, path);
    *over = (struct overlay){.path = over->path};
}

static uint64_t *no_bits(struct memory *m, uint32_t n)
{
    return memory_zalloc(m, ((size_t)n + 63) / 64 * 8);
}

/* The overlay with a column of JSON texts that may be written cell by cell. */
static leat_column *json_cells(struct batch *o, struct overlay *over)
{
    struct memory *m = &o->in->memory;
    leat_column *c = column_new(m, LEAT_JSON, o->view.n);
    if (!over->column) {
        over->written = no_bits(m, o->view.n); /* the rows that are not written keep what they have */
    } else {
        const leat_column *old = column_convert(m, over->column, LEAT_JSON).column;
        memcpy((void *)c->data, old->data, c->n * sizeof(leat_text));
        for (uint32_t i = 0; i < c->n; i++)
            if (!leat_has(old, i))
                column_absent(m, c, i);
    }
    over->column = c;
    over->borrowed = false;
    return c;
}

static bool set_typed(leat_column *c, uint32_t row, const leat_value *v)
{
    if (c->type != v->type || (c->type == LEAT_DEC && c->scale != v->scale))
        return false;
    if (c->type == LEAT_BOOL)
        ((uint8_t *)c->data)[row] = v->as.i64 != 0;
    else if (type_bytes(c->type) == 16)
        ((leat_text *)c->data)[row] = v->as.text;
    else if (c->type < LEAT_LIST && c->type != LEAT_NULL)
        ((int64_t *)c->data)[row] = v->as.i64;
    else
        return false;
    if (c->valid && !leat_has(c, row)) {
        ((uint64_t *)c->valid)[row >> 6] |= (uint64_t)1 << (row & 63);
        c->nulls--;
    }
    return true;
}

void batch_write_value(struct batch *o, uint32_t path, uint32_t row, const leat_value *v)
{
    struct memory *m = &o->in->memory;
    struct overlay *over = overlay_at(o, path);
    leat_column *c = over->column;
    if (!c || over->borrowed || (v->type != LEAT_NULL && c->type != LEAT_JSON && !set_typed(c, row, v)))
        c = json_cells(o, over);
    if (over->written)
        over->written[row >> 6] |= (uint64_t)1 << (row & 63);
    if (v->type == LEAT_NULL) {
        column_absent(m, c, row);
        if (c->type == LEAT_JSON)
            ((leat_text *)c->data)[row] = JSON_NULL_CELL;
        return;
    }
    if (c->type != LEAT_JSON)
        return;
    auto_buf text = {0};
    value_json(&text, v);
    char *kept = memory_alloc(m, text.n);
    memcpy(kept, text.data, text.n);
    set_typed(c, row, &(leat_value){.type = LEAT_JSON, .as.text = {kept, text.n}});
}

void batch_write_null(struct batch *o, uint32_t path, uint32_t row)
{
    struct overlay *over = overlay_find(o, paths_at(o->paths, path));
    if (!over || !over->column || over->borrowed) {
        batch_write_value(o, path, row, &(leat_value){.type = LEAT_NULL});
        return;
    }
    leat_column *c = over->column;
    column_absent(&o->in->memory, c, row);
    if (c->type == LEAT_JSON)
        ((leat_text *)c->data)[row] = JSON_NULL_CELL;
    else if (c->type < LEAT_LIST)
        memset((char *)c->data + row * type_bytes(c->type), 0, type_bytes(c->type));
}

/* --- sealing --- */

static bool valid_json(leat_text t)
{
    struct json_error e;
    return t.n && utf8_check(t.data, t.n) == t.n && json_check(t.data, t.data + t.n, 4096, &e) == t.data + t.n;
}

static leat_text kept_text(leat_text t, char **at)
{
    char *to = *at;
    memcpy(to, t.data, t.n);
    *at += t.n;
    return (leat_text){to, t.n};
}

static leat_text checked_text(struct memory *m, leat_column *c, uint32_t row, char **at)
{
    leat_text t = ((leat_text *)c->data)[row];
    if (c->type == LEAT_JSON) {
        t = text_trim(t);
        if (!valid_json(t) || text_is(t, "null")) {
            column_absent(m, c, row);
            return JSON_NULL_CELL;
        }
    }
    if (!t.n)
        return (leat_text){"", 0};
    t = kept_text(t, at);
    return c->type == LEAT_TEXT ? utf8_repair(m, t) : t;
}

/* Texts that plugins wrote end with their call: they move into the batch's memory. */
static void seal_column(struct memory *m, leat_column *c)
{
    if (c->type >= LEAT_LIST)
        c = (leat_column *)c->items;
    if (type_bytes(c->type) != sizeof(leat_text))
        return;
    leat_text *texts = (leat_text *)c->data;
    size_t bytes = 0;
    for (uint32_t i = 0; i < c->n; i++)
        bytes += leat_has(c, i) ? texts[i].n : 0;
    char *at = memory_alloc(m, bytes);
    for (uint32_t i = 0; i < c->n; i++)
        if (leat_has(c, i))
            texts[i] = checked_text(m, c, i, &at);
}

/* What the level below has there, as JSON cells of o's rows. */
static const leat_column *below(struct batch *o, uint32_t path)
{
    struct memory *m = &o->in->memory;
    if (!o->parent || o->in->fresh) {
        leat_column *none = column_new(m, LEAT_JSON, o->view.n);
        for (uint32_t i = 0; i < o->view.n; i++)
            column_absent(m, none, i);
        return none;
    }
    const leat_column *c = batch_read(o->parent, path, LEAT_JSON).column;
    return o->rows ? column_gather(m, c, o->rows, o->view.n) : c;
}

static void keep_unwritten(struct batch *o, struct overlay *over)
{
    struct memory *m = &o->in->memory;
    const leat_column *old = below(o, over->path->number);
    for (uint32_t i = 0; i < o->view.n; i++) {
        if (over->written[i >> 6] >> (i & 63) & 1)
            continue;
        ((leat_text *)over->column->data)[i] = ((const leat_text *)old->data)[i];
        if (!leat_has(old, i))
            column_absent(m, over->column, i);
    }
    over->written = NULL;
}

/* A field inside an object becomes a new text of the whole top-level field. */
static void fold_nested(struct batch *o, const struct overlay *nested)
{
    struct memory *m = &o->in->memory;
    const struct path *p = nested->path;
    if (p->each < p->n_steps)
        return; /* the elements of an array are written as a whole */
    struct overlay *top = overlay_at(o, p->top);
    if (!top->column)
        top->column = (leat_column *)below(o, p->top);
    leat_column *c = json_cells(o, top);
    const leat_column *value = nested->column ? column_convert(m, nested->column, LEAT_JSON).column : NULL;
    for (uint32_t i = 0; i < o->view.n; i++) {
        leat_text to = !value || column_missing(value, i) ? JSON_MISSING
                       : leat_has(value, i)               ? ((const leat_text *)value->data)[i]
                                                          : TEXT("null");
        leat_text old = leat_has(c, i) ? ((leat_text *)c->data)[i] : JSON_MISSING;
        leat_text all = json_set(m, old, p->steps + 1, p->n_steps - 1, to);
        if (all.data)
            set_typed(c, i, &(leat_value){.type = LEAT_JSON, .as.text = all});
    }
}

static void seal_whole(struct batch *o)
{
    struct overlay *whole = overlay_find(o, paths_at(o->paths, PATH_WHOLE));
    if (!whole || !whole->column)
        return;
    leat_column *c = (leat_column *)column_convert(&o->in->memory, whole->column, LEAT_JSON).column;
    whole->column = c;
    o->in->whole = whole;
}

void batch_seal(struct batch *o)
{
    struct batch_inside *in = o->in;
    uint32_t kept = 0, n = in->n_overlays;
    for (uint32_t i = 0; i < n; i++) {
        if (in->overlays[i].written)
            keep_unwritten(o, &in->overlays[i]);
        if (in->overlays[i].column && !in->overlays[i].borrowed)
            seal_column(&in->memory, in->overlays[i].column);
    }
    for (uint32_t i = 0; i < n; i++)
        if (in->overlays[i].path->n_steps > 1) {
            struct overlay nested = in->overlays[i]; /* (the array may move) */
            fold_nested(o, &nested);
        }
    for (uint32_t i = 0; i < in->n_overlays; i++)
        if (in->overlays[i].path->n_steps <= 1)
            in->overlays[kept++] = in->overlays[i];
    in->n_overlays = kept;
    seal_whole(o);
    in->sealed = true;
}
