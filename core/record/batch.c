/* SPDX-License-Identifier: Apache-2.0 */
/* batch.c: life of batches, views, and what travels beside a record. */
#include "core/record/record_internal.h"
#include "core/record/shape.h"

struct origin *origin_new(leat_text prefix, leat_text partition, leat_text topic, uint32_t number)
{
    struct origin *o = xmalloc(sizeof *o + prefix.n + partition.n + topic.n);
    char *at = (char *)(o + 1);
    leat_text *const texts[] = {&prefix, &partition, &topic};
    for (size_t i = 0; i < N_OF(texts); i++) {
        if (texts[i]->n)
            memcpy(at, texts[i]->data, texts[i]->n);
        texts[i]->data = at;
        at += texts[i]->n;
    }
    *o = (struct origin){.prefix = prefix, .partition = partition, .topic = topic, .number = number, .refs = 1};
    return o;
}

struct origin *origin_ref(struct origin *o)
{
    if (o)
        __atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED);
    return o;
}

void origin_unref(struct origin *o)
{
    if (o && !__atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL))
        free(o);
}

void csv_names_unref(struct csv_names *names)
{
    if (names && !__atomic_sub_fetch(&names->refs, 1, __ATOMIC_ACQ_REL))
        free(names);
}

struct batch *batch_new(struct pool *pool, const struct paths *paths, uint32_t n)
{
    struct memory m = {pool, NULL};
    struct batch *b = memory_zalloc(&m, sizeof *b);
    b->in = memory_zalloc(&m, sizeof *b->in);
    b->in->n_cache = paths_count(paths);
    b->in->cache = memory_zalloc(&m, b->in->n_cache * sizeof *b->in->cache);
    b->in->memory = m;
    b->view.size = sizeof b->view;
    b->view.n = n;
    b->refs = 1;
    b->pool = pool;
    b->paths = paths;
    return b;
}

struct batch *batch_ref(struct batch *b)
{
    __atomic_fetch_add(&b->refs, 1, __ATOMIC_RELAXED);
    return b;
}

static void root_fini(struct root *r)
{
    for (uint32_t i = 0; i < r->n_parts; i++)
        batch_unref(r->parts[i]);
    csv_names_unref(r->names);
    shapes_unref(r->shapes);
    origin_unref(r->origin);
    block_unref(r->block);
}

void batch_unref(struct batch *b)
{
    while (b && !__atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL)) {
        struct batch *parent = b->parent;
        struct memory m = b->in->memory;
        root_fini(&b->in->root);
        memory_free(&m); /* b stands in it */
        b = parent;
    }
}

void *batch_alloc(struct batch *b, size_t bytes)
{
    return memory_alloc(&b->in->memory, bytes);
}

/* --- views --- */

static const uint32_t *copy_rows(struct batch *to, const uint32_t *rows, uint32_t n)
{
    uint32_t *copy = batch_alloc(to, n * sizeof *copy);
    if (n)
        memcpy(copy, rows, n * sizeof *copy);
    return copy;
}

static void take_header(struct batch *to, const struct batch *from)
{
    uint32_t n = to->view.n;
    to->view = from->view;
    to->view.n = n;
}

struct batch *batch_select(struct batch *b, const uint32_t *rows, uint32_t n)
{
    bool all = !rows || n == b->view.n; /* rows rise: as many as there are are all */
    struct batch *v = batch_new(b->pool, b->paths, all ? b->view.n : n);
    take_header(v, b);
    v->parent = batch_ref(b);
    v->rows = all ? NULL : copy_rows(v, rows, n);
    v->in->sealed = true;
    return v;
}

struct batch *batch_slice(struct batch *b, uint32_t from, uint32_t n)
{
    struct batch *v = batch_new(b->pool, b->paths, n);
    uint32_t *rows = batch_alloc(v, n * sizeof *rows);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = from + i;
    take_header(v, b);
    v->parent = batch_ref(b);
    v->rows = n == b->view.n ? NULL : rows;
    v->in->sealed = true;
    return v;
}

/* How often each row came before, and how often it comes in all. */
static void count_repeats(struct batch *o)
{
    uint32_t n = o->view.n;
    bool any = false;
    for (uint32_t i = 1; i < n && !any; i++)
        any = o->rows[i] == o->rows[i - 1];
    if (!any)
        return;
    uint32_t *kth = batch_alloc(o, n * sizeof *kth), *times = batch_alloc(o, n * sizeof *times);
    for (uint32_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && o->rows[end] == o->rows[i]; end++)
            kth[end] = end - i;
        for (uint32_t j = i; j < end; j++)
            times[j] = end - i;
    }
    o->in->kth = kth;
    o->in->times = times;
}

struct batch *batch_derive(struct pool *pool, const struct paths *paths, struct batch *b, const uint32_t *rows,
                           uint32_t n, bool fresh)
{
    struct batch *o = batch_new(pool, paths, b && !rows ? b->view.n : n);
    o->in->fresh = fresh || !b;
    if (!b)
        return o;
    take_header(o, b);
    o->parent = batch_ref(b);
    if (rows) {
        o->rows = copy_rows(o, rows, n);
        count_repeats(o);
    }
    return o;
}

void batch_place(struct batch *o, struct origin *origin, uint64_t first)
{
    ASSERT(!o->parent && o->in->root.kind == ROOT_NONE);
    origin_unref(o->in->root.origin);
    o->in->root.origin = origin_ref(origin);
    o->in->root.first = first;
    o->in->placed = true;
}

struct batch *batch_concat(struct pool *pool, struct batch *const *parts, uint32_t n_parts)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_parts; i++)
        n += parts[i]->view.n;
    struct batch *b = batch_new(pool, parts[0]->paths, n);
    struct root *r = &b->in->root;
    uint32_t *starts = batch_alloc(b, (n_parts + 1) * sizeof *starts);
    take_header(b, parts[0]);
    r->kind = ROOT_CONCAT;
    r->parts = batch_alloc(b, n_parts * sizeof *r->parts);
    r->n_parts = n_parts;
    starts[0] = 0;
    for (uint32_t i = 0; i < n_parts; i++) {
        r->parts[i] = batch_ref(parts[i]);
        starts[i + 1] = starts[i] + parts[i]->view.n;
        b->kept += parts[i]->kept;
        if (parts[i]->view.watermark_us < b->view.watermark_us)
            b->view.watermark_us = parts[i]->view.watermark_us;
    }
    r->starts = starts;
    b->in->sealed = true;
    return b;
}

const uint32_t *batch_rows_to(struct batch *b, const struct batch *level)
{
    const uint32_t *map = NULL;
    for (uint32_t i = 0; i < b->in->n_maps; i++)
        if (b->in->maps[i].level == level)
            return b->in->maps[i].rows;
    for (const struct batch *l = b; l != level; l = l->parent) {
        if (!l->rows)
            continue;
        if (!map) {
            map = l->rows;
            continue;
        }
        uint32_t *next = batch_alloc(b, b->view.n * sizeof *next);
        for (uint32_t i = 0; i < b->view.n; i++)
            next[i] = l->rows[map[i]];
        map = next;
    }
    if (b->in->n_maps < MAPS_KEPT)
        b->in->maps[b->in->n_maps++] = (struct map_to){level, map};
    return map;
}

/* The part of a concat that holds row *row, which becomes its row there. */
static const struct batch *concat_part(const struct root *r, uint32_t *row)
{
    uint32_t low = 0, high = r->n_parts;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (r->starts[middle] <= *row)
            low = middle;
        else
            high = middle;
    }
    *row -= r->starts[low];
    return r->parts[low];
}

/* One level down, through views and concats; NULL: at the bottom. */
static const struct batch *step_down(const struct batch *b, uint32_t *row)
{
    if (b->parent)
        return batch_down(b, row);
    return b->in->root.kind == ROOT_CONCAT ? concat_part(&b->in->root, row) : NULL;
}

const struct batch *batch_bottom(const struct batch *b, uint32_t row, uint32_t *ret_row)
{
    for (const struct batch *below; (below = step_down(b, &row)); b = below)
        continue;
    *ret_row = row;
    return b;
}

/* --- identity --- */

leat_text root_record(const struct root *r, uint32_t row)
{
    if (!r->records)
        return (leat_text){"", 0};
    return (leat_text){r->base + r->records[row].at, r->records[row].n};
}

leat_text batch_raw(const struct batch *b, uint32_t row)
{
    const struct batch *root = batch_bottom(b, row, &row);
    return root_record(&root->in->root, row);
}

static size_t concat_bytes(const struct batch *b)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < b->view.n; i++)
        bytes += batch_raw(b, i).n;
    return bytes;
}

static size_t count_bytes(const struct batch *b)
{
    const struct batch *root = b;
    size_t bytes = 0;
    if (b->parent && !b->rows)
        return batch_bytes(b->parent);
    while (root->parent)
        root = root->parent;
    if (root->in->root.kind == ROOT_CONCAT)
        return concat_bytes(b);
    if (!root->in->root.records)
        return 0;
    const uint32_t *rows = batch_rows_to((struct batch *)b, root); /* (kept in b's caches) */
    for (uint32_t i = 0; i < b->view.n; i++)
        bytes += root->in->root.records[rows ? rows[i] : i].n;
    return bytes;
}

/* Asked with every delivery, so it is kept. */
size_t batch_bytes(const struct batch *b)
{
    if (!b->in->bytes)
        b->in->bytes = count_bytes(b) + 1;
    return b->in->bytes - 1;
}

static uint64_t root_sequence(const struct root *r, uint32_t row)
{
    if (r->message_of)
        return r->messages[r->message_of[row]].sequence;
    if (r->sequences)
        return r->sequences[row];
    return r->first + (r->records ? r->records[row].at : row);
}

/* The time that was written over the one from outside, if any. */
static bool written_time(const struct batch *b, uint32_t row, int64_t *ret)
{
    for (uint32_t i = 0; i < b->in->n_overlays; i++) {
        const struct overlay *o = &b->in->overlays[i];
        if (o->path->number != PATH_TIME || !o->column || o->column->type != LEAT_TIME)
            continue;
        *ret = leat_has(o->column, row) ? ((const int64_t *)o->column->data)[row] : LEAT_NO_TIME;
        return true;
    }
    return false;
}

void batch_identity(const struct batch *b, uint32_t row, struct identity *ret)
{
    bool timed = false;
    *ret = (struct identity){.time_us = LEAT_NO_TIME};
    for (const struct batch *below = b; below; below = step_down(b, &row)) {
        b = below;
        if (!timed)
            timed = written_time(b, row, &ret->time_us);
        if (b->in->kth && b->in->kth[row])
            ret->of_message = b->in->kth[row];
    }
    const struct root *r = &b->in->root;
    ret->origin = r->origin;
    ret->sequence = root_sequence(r, row);
    if (r->kth && r->kth[row])
        ret->of_message = r->kth[row];
    if (r->message_of && !timed)
        ret->time_us = r->messages[r->message_of[row]].time_us;
}
