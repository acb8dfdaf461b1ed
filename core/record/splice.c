/* SPDX-License-Identifier: Apache-2.0 */
/* splice.c: changed records of known shapes: where the changes go is found once a shape, not once a record. */
#include "core/record/scan.h"
#include "core/record/shape.h"
#include "core/record/whole.h"

/* A field of the shape that gets another value, or goes together with the comma before it. */
struct edit {
    const struct shape_part *part;
    const struct change *change;
};
/* What is to be done with every record of one shape. */
struct recipe {
    uint32_t shape;
    bool usable;
    uint32_t n_edits, n_added;
    struct edit *edits; /* in the order of the record */
    const struct change **added;
};
struct splicer {
    struct batch *b;
    const struct plan *plan;
    leat_text *keys;  /* of changes: `,"name":`, 32 bytes more may be read */
    size_t fixed;     /* bytes that the changes of a row need at most, less texts */
    uint32_t n_texts; /* changes of types without a bound */
    const struct change **texts;
    struct recipe *recipes; /* by shape number */
};

static uint32_t top_part(const struct shape *s, leat_text name)
{
    for (uint32_t i = 1; i < s->n_parts; i++)
        if (!s->parts[i].parent && text_equal(s->parts[i].name, name))
            return i;
    return 0;
}

static void add_edit(struct recipe *r, const struct shape_part *part, const struct change *c)
{
    uint32_t i = r->n_edits++;
    for (; i > 0 && r->edits[i - 1].part->first > part->first; i--)
        r->edits[i] = r->edits[i - 1];
    r->edits[i] = (struct edit){part, c};
}

static void make_recipe(struct splicer *s, struct recipe *r, uint32_t number, const struct shape *shape)
{
    const struct plan *p = s->plan;
    *r = (struct recipe){.shape = number, .usable = true};
    r->edits = batch_alloc(s->b, p->n * sizeof *r->edits);
    r->added = batch_alloc(s->b, p->n * sizeof *r->added);
    for (uint32_t i = 0; i < p->n; i++) {
        const struct change *c = &p->at[i];
        uint32_t part = top_part(shape, c->path->steps[0].name);
        if (part && !c->column && !shape->parts[part].comma)
            r->usable = false; /* the first field goes: the next comma would have to go with it */
        else if (part)
            add_edit(r, &shape->parts[part], c);
        else if (c->column)
            r->added[r->n_added++] = c;
    }
}

static char *put_value(char *out, const leat_column *c, uint32_t row)
{
    if (LIKELY(leat_has(c, row))) {
        if (c->type == LEAT_I64)
            return out + i64_print(out, ((const int64_t *)c->data)[row]);
        if (c->type == LEAT_DEC)
            return out + decimal_print(out, (struct decimal){((const int64_t *)c->data)[row], c->scale});
    }
    return column_json(out, c, row);
}

static char *put_record(const struct splicer *s, const struct recipe *r, uint32_t row, leat_text raw,
                        const struct slot *slots, char *out)
{
    const char *from = raw.data, *begin = out;
    for (uint32_t i = 0; i < r->n_edits; i++) {
        const struct edit *e = &r->edits[i];
        leat_text old = shape_part_text(e->part, raw.data, slots);
        const char *to = e->change->column ? old.data : raw.data + slots[e->part->first].at - e->part->comma;
        out = scan_copy(out, from, (size_t)(to - from));
        if (e->change->column)
            out = put_value(out, e->change->column, change_row(e->change, row));
        from = old.data + old.n;
    }
    const char *brace = raw.data + raw.n - 1;
    out = scan_copy(out, from, (size_t)(brace - from));
    while (r->n_added && out > begin + 1 && (unsigned char)out[-1] <= 0x20)
        out--; /* new fields follow the last one without blanks */
    for (uint32_t i = 0; i < r->n_added; i++) {
        const struct change *c = r->added[i];
        const leat_text *key = &s->keys[c - s->plan->at];
        out = scan_copy(out, key->data, key->n);
        out = put_value(out, c->column, change_row(c, row));
    }
    *out++ = '}';
    return out;
}

static void prepare(struct splicer *s)
{
    const struct plan *p = s->plan;
    s->keys = batch_alloc(s->b, p->n * sizeof *s->keys);
    s->texts = batch_alloc(s->b, p->n * sizeof *s->texts);
    for (uint32_t i = 0; i < p->n; i++) {
        const struct change *c = &p->at[i];
        size_t n = c->path->key.n + 1;
        char *key = batch_alloc(s->b, n + 32);
        *key = ',';
        memcpy(key + 1, c->path->key.data, n - 1);
        s->keys[i] = (leat_text){key, n};
        s->fixed += n + 50;
        if (c->column && (c->column->type >= LEAT_LIST || type_bytes(c->column->type) == sizeof(leat_text)))
            s->texts[s->n_texts++] = c;
    }
    uint32_t n_shapes = shapes_count(p->base->in->root.shapes);
    s->recipes = memory_zalloc(&s->b->in->memory, (n_shapes + 1) * sizeof *s->recipes);
}

/* Most bytes of the row's changes; false: one of them is missing there. */
static bool texts_bound(const struct splicer *s, uint32_t row, size_t *bytes)
{
    for (uint32_t i = 0; i < s->n_texts; i++) {
        const struct change *c = s->texts[i];
        if (column_missing(c->column, change_row(c, row)))
            return false;
        *bytes += column_json_bound(c->column, change_row(c, row));
    }
    return true;
}

enum { COPY_SLACK = 64 };

void splice_rows(struct batch *b, const struct plan *p, bool newline, leat_text *texts)
{
    struct memory *m = &b->in->memory;
    const struct root *root = &p->base->in->root;
    struct splicer s = {.b = b, .plan = p};
    struct reserve out = {0};
    prepare(&s);
    for (uint32_t i = 0; i < b->view.n; i++) {
        uint32_t base_row = p->base_rows ? p->base_rows[i] : i;
        const struct record *x = &root->records[base_row];
        size_t bytes = x->n + s.fixed + COPY_SLACK;
        struct recipe *r = &s.recipes[x->shape];
        if (x->shape && r->shape != x->shape)
            make_recipe(&s, r, x->shape, shapes_at(root->shapes, x->shape));
        bool known = x->shape && r->usable && texts_bound(&s, i, &bytes);
        if (!known)
            bytes = x->n + 4 + changes_bound(p, i) + COPY_SLACK;
        char *to = memory_reserve(m, &out, bytes), *end;
        if (known)
            end = put_record(&s, r, i, (leat_text){root->base + x->at, x->n}, root->slots + x->slot, to);
        else
            end = whole_put_row(b, p, i, base_row, to);
        if (newline)
            *end++ = '\n';
        texts[i] = (leat_text){to, (size_t)(end - to)};
        out.at = end;
    }
}
