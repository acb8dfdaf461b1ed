/* SPDX-License-Identifier: Apache-2.0 */
/* whole.c: records as JSON again: the bytes they came as, with what changed spliced in. */
#include "core/record/whole.h"

static void add_change(struct batch *b, struct plan *p, struct batch *level, const struct overlay *o, uint32_t room)
{
    uint32_t i = 0;
    if (!p->at)
        p->at = batch_alloc(b, room * sizeof *p->at);
    while (i < p->n && p->at[i].path != o->path)
        i++;
    p->n += i == p->n;
    p->at[i] = (struct change){o->path, o->column, batch_rows_to(b, level)};
}

static uint32_t overlays_down(const struct batch *l)
{
    uint32_t n = 0;
    for (; l; l = l->parent)
        n += l->in->n_overlays;
    return n;
}

/* From the bottom up; a level that writes the whole record, or begins afresh, forgets what is below. */
static void plan_level(struct batch *b, struct plan *p, struct batch *l, uint32_t room)
{
    if (l->in->whole) {
        p->base = l;
        p->whole = l->in->whole->column;
    } else if (!l->in->fresh && l->parent) {
        plan_level(b, p, l->parent, room);
    } else if (!l->in->fresh && l->in->root.kind == ROOT_CONCAT) {
        p->base = l;
        p->whole = batch_read(l, PATH_WHOLE, LEAT_JSON).column;
    } else if (!l->in->fresh) {
        p->base = l;
    }
    if (p->base == l)
        p->base_rows = batch_rows_to(b, l);
    for (uint32_t i = 0; i < l->in->n_overlays; i++)
        if (l->in->overlays[i].path->n_steps == 1)
            add_change(b, p, l, &l->in->overlays[i], room);
}

static const struct change *change_of(const struct plan *p, leat_text key, bool escaped)
{
    for (uint32_t i = 0; i < p->n; i++) {
        leat_text name = p->at[i].path->steps[0].name;
        if (escaped ? json_key_is(key, name) : text_equal(key, name))
            return &p->at[i];
    }
    return NULL;
}

static char *put(char *out, leat_text t)
{
    if (t.n)
        memcpy(out, t.data, t.n);
    return out + t.n;
}

/* A value that is missing leaves the field out, like one that was removed. */
static bool left_out(const struct change *c, uint32_t row)
{
    return !c->column || column_missing(c->column, change_row(c, row));
}

/* One record being written. */
struct splice {
    const struct plan *plan;
    uint32_t row;
    char *out, *begin;
};

static void mark_done(struct splice *s, const struct change *c)
{
    s->plan->done[c - s->plan->at] = true;
}

static void put_comma(struct splice *s)
{
    if (s->out > s->begin + 1)
        *s->out++ = ',';
}

static void put_change(struct splice *s, const struct change *c)
{
    s->out = column_json(s->out, c->column, change_row(c, s->row));
}

/* Members one by one, in their order; runs of unchanged ones are copied as they are. */
static void splice_json(struct splice *s, leat_text object)
{
    struct member m = {.next = object.data + 1};
    const char *run = object.data + 1;
    bool first = true;
    while (json_member(&m)) {
        const struct change *c = change_of(s->plan, m.key, true);
        if (!c) {
            first = false;
            continue;
        }
        if (!left_out(c, s->row)) {
            s->out = put(s->out, (leat_text){run, (size_t)(m.value.data - run)});
            put_change(s, c);
            first = false;
        } else { /* together with the comma before it, or behind it if it is the first */
            const char *end = m.at;
            while (end > run && end[-1] != ',')
                end--;
            end -= end > run;
            s->out = put(s->out, (leat_text){run, (size_t)(end - run)});
            if (first) {
                const char *p = json_blanks(m.next, object.data + object.n);
                if (*p == ',')
                    m.next = json_blanks(p + 1, object.data + object.n);
            }
        }
        run = m.next;
        mark_done(s, c);
    }
    s->out = put(s->out, (leat_text){run, (size_t)(object.data + object.n - 1 - run)});
}

static void put_text_field(struct splice *s, leat_text name, leat_text value)
{
    const struct change *c = change_of(s->plan, name, false);
    if (c)
        mark_done(s, c);
    if (c && left_out(c, s->row))
        return;
    put_comma(s);
    s->out = json_quote(s->out, name);
    *s->out++ = ':';
    if (c)
        put_change(s, c);
    else
        s->out = json_quote(s->out, value);
}

static void splice_texts(struct splice *s, struct memory *m, const struct root *r, uint32_t row)
{
    if (r->kind == ROOT_TEXT || r->kind == ROOT_RAW)
        put_text_field(s, text_root_field(r), utf8_repair(m, root_record(r, row)));
    for (uint32_t i = 0; r->kind == ROOT_CSV && i < r->names->n; i++)
        if (csv_column(r->names, r->names->names[i]) == i) /* of equal names the last */
            put_text_field(s, r->names->names[i], csv_field(m, r, &r->fields[(size_t)row * r->names->n + i]));
}

static size_t base_bound(const struct plan *p, uint32_t row)
{
    const struct root *r = p->base ? &p->base->in->root : NULL;
    size_t names = 0;
    if (!p->base)
        return 2;
    if (p->whole)
        return ((const leat_text *)p->whole->data)[row].n + 2;
    for (uint32_t i = 0; r->kind == ROOT_CSV && i < r->names->n; i++)
        names += json_quoted_bound(r->names->names[i]) + 4;
    size_t n = root_record(r, row).n;
    return r->kind == ROOT_JSON ? n + 2 : n * 6 + names + 16;
}

size_t changes_bound(const struct plan *p, uint32_t row)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < p->n; i++)
        if (p->at[i].column)
            bytes += p->at[i].path->key.n + 1 + column_json_bound(p->at[i].column, change_row(&p->at[i], row));
    return bytes;
}

static leat_text base_text(const struct plan *p, uint32_t row)
{
    leat_text t = !p->base   ? (leat_text){"{}", 2}
                  : p->whole ? ((const leat_text *)p->whole->data)[row]
                             : root_record(&p->base->in->root, row);
    return t.n && t.data[0] == '{' ? t : TEXT("{}");
}

char *whole_put_row(struct batch *b, const struct plan *p, uint32_t row, uint32_t base_row, char *out)
{
    struct splice s = {.plan = p, .row = row, .out = out, .begin = out};
    if (!p->n && (!p->base || p->whole || p->base->in->root.kind == ROOT_JSON))
        return put(out, base_text(p, base_row));
    memset(p->done, 0, p->n * sizeof *p->done);
    *s.out++ = '{';
    if (p->base && !p->whole && p->base->in->root.kind != ROOT_JSON)
        splice_texts(&s, &b->in->memory, &p->base->in->root, base_row);
    else
        splice_json(&s, base_text(p, base_row));
    for (uint32_t i = 0; i < p->n; i++) {
        if (p->done[i] || left_out(&p->at[i], row))
            continue;
        char *begin = s.begin;
        while (s.out > begin + 1 && (s.out[-1] == ' ' || s.out[-1] == '\t' || s.out[-1] == '\n' || s.out[-1] == '\r'))
            s.out--; /* blanks before the brace */
        put_comma(&s);
        s.out = put(s.out, p->at[i].path->key);
        put_change(&s, &p->at[i]);
    }
    *s.out++ = '}';
    return s.out;
}

/* Rows that nothing changed are their own bytes, where they stand; a line end that follows them there is used too. */
static bool row_as_it_is(const struct plan *p, uint32_t base_row, bool newline, leat_text *ret)
{
    if (p->n || !p->base || (!p->whole && p->base->in->root.kind != ROOT_JSON))
        return false;
    leat_text t = base_text(p, base_row);
    if (newline && (p->whole || t.data[t.n] != '\n'))
        return false;
    *ret = (leat_text){t.data, t.n + newline};
    return true;
}

static const struct plan *plan_of(struct batch *b)
{
    if (!b->in->plan) {
        struct plan *p = memory_zalloc(&b->in->memory, sizeof *p);
        plan_level(b, p, b, overlays_down(b));
        p->done = batch_alloc(b, p->n * sizeof *p->done);
        b->in->plan = p;
    }
    return b->in->plan;
}

static void put_rows(struct batch *b, const struct plan *p, bool newline, leat_text *texts)
{
    struct memory *m = &b->in->memory;
    struct reserve room = {0};
    for (uint32_t i = 0; i < b->view.n; i++) {
        uint32_t base_row = p->base_rows ? p->base_rows[i] : i;
        if (row_as_it_is(p, base_row, newline, &texts[i]))
            continue;
        char *out = memory_reserve(m, &room, base_bound(p, base_row) + changes_bound(p, i) + 8);
        char *end = whole_put_row(b, p, i, base_row, out);
        if (newline)
            *end++ = '\n';
        texts[i] = (leat_text){out, (size_t)(end - out)};
        room.at = end;
    }
}

static leat_column *whole_of(struct batch *b, bool newline)
{
    return newline ? whole_column(b, true) : (leat_column *)batch_read(b, PATH_WHOLE, LEAT_JSON).column;
}

leat_column *whole_column(struct batch *b, bool newline)
{
    struct memory *m = &b->in->memory;
    const struct root *r = &b->in->root;
    if (b->parent && !b->rows && !b->in->n_overlays && !b->in->fresh)
        return whole_of(b->parent, newline); /* the same records */
    if (!b->parent && r->kind == ROOT_CONCAT) {
        const leat_column **parts = memory_alloc(m, r->n_parts * sizeof *parts);
        for (uint32_t i = 0; i < r->n_parts; i++)
            parts[i] = whole_of(r->parts[i], newline);
        return column_join(m, parts, r->n_parts, LEAT_JSON, b->view.n);
    }
    leat_column *c = column_new(m, LEAT_JSON, b->view.n);
    const struct plan *p = plan_of(b);
    if (p->n && p->base && !p->whole && p->base->in->root.slots)
        splice_rows(b, p, newline, (leat_text *)c->data);
    else
        put_rows(b, p, newline, (leat_text *)c->data);
    return c;
}
