/* SPDX-License-Identifier: Apache-2.0 */
/* compact.c: copies of the few records that are left of a block, so that a batch that has to wait does not keep it
 * alive. */
#include "core/record/record_internal.h"
#include "core/record/shape.h"

enum { WORTH = 4 }; /* a batch that keeps less than a quarter of its block alive is copied */

/* The root, if the levels above it can be written again: no written `.`, no repeated rows. NULL: they cannot. */
static const struct batch *simple_root(const struct batch *b)
{
    for (; b->parent; b = b->parent)
        if (b->in->whole || b->in->kth)
            return NULL;
    return b->in->root.kind == ROOT_JSON && b->in->root.block && b->in->root.records ? b : NULL;
}

static leat_text keep(struct memory *m, leat_text t)
{
    char *copy = t.data ? memory_alloc(m, t.n + 1) : NULL;
    if (t.n)
        memcpy(copy, t.data, t.n);
    return (leat_text){copy, t.n};
}

static const leat_value *keep_headers(struct memory *m, const struct message *from)
{
    leat_value *copy = memory_alloc(m, (from->n_headers * 2 + 1) * sizeof *copy);
    for (size_t i = 0; i < from->n_headers * 2; i++) {
        copy[i] = from->headers[i];
        if (copy[i].type == LEAT_TEXT || copy[i].type == LEAT_BYTES)
            copy[i].as.text = keep(m, copy[i].as.text);
    }
    return copy;
}

/* Each row gets a message of its own, so that its sequence, key and time stay. */
static void copy_messages(struct batch *to, const struct root *from, const uint32_t *rows)
{
    struct memory *m = &to->in->memory;
    struct root *r = &to->in->root;
    struct message *messages = memory_zalloc(m, (to->view.n + 1) * sizeof *messages);
    uint32_t *of = memory_alloc(m, (to->view.n + 1) * sizeof *of),
             *kth = memory_alloc(m, (to->view.n + 1) * sizeof *kth);
    for (uint32_t i = 0; i < to->view.n; i++) {
        uint32_t row = rows ? rows[i] : i;
        of[i] = i;
        kth[i] = from->kth ? from->kth[row] : 0;
        messages[i] = from->messages[from->message_of[row]];
        messages[i].key = keep(m, messages[i].key);
        messages[i].headers = keep_headers(m, &messages[i]);
    }
    r->messages = messages;
    r->message_of = of;
    r->kth = kth;
}

static void copy_places(struct batch *to, struct batch *b, const struct root *from, const uint32_t *rows)
{
    uint64_t *sequences = batch_alloc(to, (to->view.n + 1) * sizeof *sequences);
    for (uint32_t i = 0; i < to->view.n; i++)
        sequences[i] =
            from->sequences ? from->sequences[rows ? rows[i] : i] : from->first + from->records[rows ? rows[i] : i].at;
    to->in->root.sequences = sequences;
    if (!from->first_line && !from->lines)
        return;
    const leat_column *lines = batch_read(b, PATH_LINE, LEAT_I64).column;
    to->in->root.lines = memcpy(batch_alloc(to, (to->view.n + 1) * 8), lines->data, to->view.n * 8ull);
}

static void copy_records(struct batch *to, const struct root *from, const uint32_t *rows, size_t bytes)
{
    struct root *r = &to->in->root;
    char *base = batch_alloc(to, bytes + BLOCK_SLACK), *at = base;
    struct record *records = batch_alloc(to, (to->view.n + 1) * sizeof *records);
    uint32_t n_slots = 0;
    for (uint32_t i = 0; i < to->view.n; i++) {
        uint32_t shape = from->records[rows ? rows[i] : i].shape;
        n_slots += shape ? shapes_at(from->shapes, shape)->n_slots : 0;
    }
    struct slot *slots = batch_alloc(to, (n_slots + 1) * sizeof *slots), *slot = slots;
    for (uint32_t i = 0; i < to->view.n; i++) {
        const struct record *old = &from->records[rows ? rows[i] : i];
        uint32_t n = old->shape ? shapes_at(from->shapes, old->shape)->n_slots : 0;
        records[i] = (struct record){(uint32_t)(at - base), old->n, old->shape, (uint32_t)(slot - slots)};
        memcpy(at, from->base + old->at, old->n);
        at += old->n;
        if (n)
            memcpy(slot, from->slots + old->slot, n * sizeof *slot);
        slot += n;
    }
    memset(at, 0, BLOCK_SLACK);
    r->kind = ROOT_JSON;
    r->base = base;
    r->records = records;
    r->slots = n_slots ? slots : NULL;
    r->shapes = n_slots ? shapes_ref(from->shapes) : NULL;
    r->origin = origin_ref(from->origin);
}

/* Records that begin afresh keep what travels beside them. */
static void forget_fields(struct batch *to)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < to->in->n_overlays; i++)
        if (path_is_meta(to->in->overlays[i].path))
            to->in->overlays[kept++] = to->in->overlays[i];
    to->in->n_overlays = kept;
}

/* What was laid over, level by level from below, in b's rows. */
static void copy_overlays(struct batch *to, struct batch *b, const struct batch *level, const uint32_t *same)
{
    if (level->parent)
        copy_overlays(to, b, level->parent, same);
    if (level->in->fresh) {
        forget_fields(to);
        to->in->fresh = true;
    }
    const uint32_t *rows = level == b ? NULL : batch_rows_to(b, level);
    for (uint32_t i = 0; i < level->in->n_overlays; i++) {
        const struct overlay *o = &level->in->overlays[i];
        leat_column *c = o->column ? column_gather(&to->in->memory, o->column, rows ? rows : same, b->view.n) : NULL;
        overlay_put(to, o->path->number, c);
    }
}

struct batch *batch_compact(struct batch *b)
{
    const struct batch *root = simple_root(b);
    if (!root)
        return batch_ref(b);
    const uint32_t *rows = batch_rows_to(b, root);
    size_t bytes = 0;
    for (uint32_t i = 0; i < b->view.n; i++)
        bytes += root->in->root.records[rows ? rows[i] : i].n;
    if (bytes * WORTH >= root->in->root.block->size)
        return batch_ref(b);
    struct batch *copy = batch_new(b->pool, b->paths, b->view.n);
    copy_records(copy, &root->in->root, rows, bytes);
    if (root->in->root.message_of)
        copy_messages(copy, &root->in->root, rows);
    else
        copy_places(copy, b, &root->in->root, rows);
    copy->view = b->view;
    copy->kept = (uint32_t)bytes;
    copy->in->sealed = true;
    struct batch *top = batch_derive(b->pool, b->paths, copy, NULL, b->view.n, false);
    batch_unref(copy);
    uint32_t *same = batch_alloc(top, (b->view.n + 1) * sizeof *same);
    for (uint32_t i = 0; i < b->view.n; i++)
        same[i] = i;
    copy_overlays(top, b, b, same);
    batch_seal(top);
    top->view = b->view;
    return top;
}
