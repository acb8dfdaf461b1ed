/* SPDX-License-Identifier: Apache-2.0 */
/* columns_logic.c: and, or, not, in, case and coalesce on columns, by bitmaps. What a row does not need does not fail
 * it. */
#include "core/expr/columns_internal.h"
#include "core/expr/kernels.h"

/* A condition, as bits: rows that are true, rows that are known. Both less the bad ones. */
struct condition {
    const uint64_t *yes, *known; /* known NULL: all */
    const uint64_t *bad;
};

static const uint64_t *constant_bits(struct eval *x, bool on)
{
    return memset(eval_bits(x), on ? 0xff : 0, (size_t)bits_words(x->n) * 8);
}

/* Of single values: what is neither true, false nor null is bad. */
static struct condition condition_of_values(struct eval *x, const struct col *c)
{
    uint64_t *yes = eval_zero_bits(x), *known = eval_zero_bits(x), *bad = eval_zero_bits(x);
    for (uint32_t i = 0; i < x->n; i++) {
        leat_value v;
        if (c->bad && bits_get(c->bad, i)) {
            bits_set(bad, i);
            continue;
        }
        if (!col_value(x, c, i, &v) || (v.type != LEAT_BOOL && v.type != LEAT_NULL)) {
            bits_set(bad, i);
        } else if (v.type == LEAT_BOOL) {
            bits_set(known, i);
            if (v.as.i64)
                bits_set(yes, i);
        }
    }
    return (struct condition){yes, known, bad};
}

static struct condition condition_of(struct eval *x, const struct col *c)
{
    if (c->type == LEAT_NULL)
        return (struct condition){constant_bits(x, false), constant_bits(x, false), c->bad};
    if (c->type != LEAT_BOOL)
        return condition_of_values(x, c);
    if (c->constant)
        return (struct condition){constant_bits(x, c->value.as.i64), NULL, c->bad};
    uint64_t *yes = eval_bits(x);
    bits_of_bools(c->data, x->n, yes);
    return (struct condition){yes, c->valid, c->bad};
}

/* Bits as bytes of 0 and 1: each byte of a broadcast byte keeps a bit of its own. */
static struct col bools_of(struct eval *x, const struct node *n, const uint64_t *yes, const uint64_t *known,
                           const uint64_t *bad)
{
    uint8_t *data = eval_room(x, n, ((size_t)x->n + 71) & ~(size_t)7);
    for (uint32_t i = 0; i < x->n; i += 8) {
        uint64_t eight = (yes[i >> 6] >> (i & 63) & 0xff) * 0x0101010101010101u & 0x8040201008040201u;
        eight = ((eight + 0x7f7f7f7f7f7f7f7fu) | eight) >> 7 & 0x0101010101010101u;
        memcpy(data + i, &eight, 8);
    }
    return (struct col){.type = LEAT_BOOL, .data = data, .valid = known, .bad = bad};
}

static bool all_known(const struct col *c)
{
    return c->type == LEAT_BOOL && !c->constant && !c->valid && !c->bad;
}

static bool any_row(const uint64_t *bits, uint32_t n)
{
    for (uint32_t w = 0; w < bits_words(n); w++)
        if (bits_all(bits, w) & bits_rows(w, n))
            return true;
    return false;
}

/* left decides where it is false (and) or true (or); the right one matters elsewhere. */
struct col columns_junction(struct eval *x, const struct node *n, const uint64_t *active)
{
    bool both = n->op == OP_AND;
    struct col a = eval_node(x, n->args[0], active);
    struct condition p = condition_of(x, &a);
    uint64_t *rest = eval_bits(x), *yes, *known, *bad;
    uint32_t words = bits_words(x->n);
    for (uint32_t w = 0; w < words; w++) {
        uint64_t decided = both ? bits_all(p.known, w) & ~p.yes[w] : p.yes[w];
        rest[w] = bits_all(active, w) & ~decided & ~bits_none(p.bad, w);
    }
    if (!any_row(rest, x->n))
        return a.type == LEAT_BOOL && !a.constant ? a : bools_of(x, n, p.yes, p.known, p.bad);
    struct col b = eval_node(x, n->args[1], rest);
    if (all_known(&a) && all_known(&b)) {
        uint8_t *data = eval_room(x, n, x->n);
        kernel_bool(both, a.data, b.data, data, x->n);
        return (struct col){.type = LEAT_BOOL, .data = data};
    }
    struct condition q = condition_of(x, &b);
    yes = eval_bits(x);
    known = eval_bits(x);
    bad = eval_bits(x);
    for (uint32_t w = 0; w < words; w++) {
        uint64_t pk = bits_all(p.known, w) & ~bits_none(p.bad, w), qk = bits_all(q.known, w) & ~bits_none(q.bad, w);
        uint64_t py = p.yes[w] & pk, qy = q.yes[w] & qk, pn = pk & ~py, qn = qk & ~qy;
        uint64_t decided = both ? pn : py, right = both ? qn : qy;
        bad[w] = bits_none(p.bad, w) | (bits_none(q.bad, w) & ~decided);
        yes[w] = (both ? py & qy : py | qy) & ~bad[w];
        known[w] = (decided | right | (pk & qk)) & ~bad[w];
    }
    return bools_of(x, n, yes, known, p.bad || q.bad ? bad : NULL);
}

struct col columns_truth(struct eval *x, const struct node *n, const struct col *a)
{
    uint32_t words = bits_words(x->n);
    uint64_t *yes;
    if (n->op == OP_NOT && all_known(a)) {
        uint8_t *data = eval_room(x, n, x->n);
        kernel_not(a->data, data, x->n);
        return (struct col){.type = LEAT_BOOL, .data = data};
    }
    yes = eval_bits(x);
    if (n->op == OP_IS_NULL) {
        bool null = a->type == LEAT_NULL;
        for (uint32_t w = 0; w < words; w++)
            yes[w] = (null ? ~(uint64_t)0 : a->constant ? 0 : ~bits_all(a->valid, w)) & ~bits_none(a->bad, w);
        return bools_of(x, n, yes, a->bad ? bits_less(x, NULL, a->bad) : NULL, a->bad);
    }
    struct condition p = condition_of(x, a);
    for (uint32_t w = 0; w < words; w++) {
        uint64_t known = bits_all(p.known, w) & ~bits_none(p.bad, w), on = p.yes[w] & known;
        yes[w] = n->op == OP_IS_TRUE ? on : known & ~on;
    }
    if (n->op == OP_NOT)
        return bools_of(x, n, yes, bits_less(x, p.known, p.bad), p.bad);
    return bools_of(x, n, yes, p.bad ? bits_less(x, NULL, p.bad) : NULL, p.bad);
}

/* --- in ---------------------------------------------------------------------------------------------------------- */

enum { SORTED_FROM = 24 }; /* below it comparing with each is faster (0.9 ns a text and row) */

static int by_text(const void *a, const void *b)
{
    return text_compare(*(const leat_text *)a, *(const leat_text *)b);
}

/* A text among many constant ones: they are sorted, each row halves its way. */
static bool among_texts(struct eval *x, const struct node *n, const struct col *a, struct col *ret)
{
    if (a->type != LEAT_TEXT || a->constant || n->n <= SORTED_FROM)
        return false;
    for (uint32_t i = 1; i < n->n; i++)
        if (n->args[i]->op != OP_VALUE || n->args[i]->value.type != LEAT_TEXT)
            return false;
    leat_text *sorted = eval_room(x, NULL, n->n * sizeof *sorted);
    for (uint32_t i = 1; i < n->n; i++)
        sorted[i - 1] = n->args[i]->value.as.text;
    qsort(sorted, n->n - 1, sizeof *sorted, by_text);
    uint8_t *data = eval_room(x, n, x->n);
    const leat_text *texts = a->data;
    for (uint32_t i = 0; i < x->n; i++)
        data[i] = bsearch(&texts[i], sorted, n->n - 1, sizeof *sorted, by_text) != NULL;
    *ret = (struct col){.type = LEAT_BOOL, .data = data, .valid = a->valid, .bad = a->bad};
    col_clear_absent(data, 1, a->valid, x->n);
    return true;
}

static struct col equal_columns(struct eval *x, const struct node *n, const struct col *a, const struct col *b,
                                const uint64_t *active)
{
    struct node equal = {.op = OP_EQ, .type = LEAT_BOOL, .n = 2};
    struct col made, args[] = {*a, *b};
    (void)n;
    if (!columns_compare(x, &equal, OP_EQ, a, b, &made))
        made = eval_rows_of(x, &equal, args, active);
    return made;
}

struct col columns_in(struct eval *x, const struct node *n, const uint64_t *active)
{
    struct col a = eval_node(x, n->args[0], active), made;
    uint32_t words = bits_words(x->n);
    if (among_texts(x, n, &a, &made))
        return made;
    uint64_t *found = eval_zero_bits(x), *unknown = eval_zero_bits(x), *bad = eval_zero_bits(x), *there = eval_bits(x);
    for (uint32_t w = 0; w < words; w++) {
        there[w] = a.type == LEAT_NULL ? 0 : bits_all(a.valid, w) & ~bits_none(a.bad, w);
        bad[w] = bits_none(a.bad, w);
    }
    for (uint32_t i = 1; i < n->n; i++) {
        uint64_t *rest = eval_bits(x);
        for (uint32_t w = 0; w < words; w++)
            rest[w] = bits_all(active, w) & there[w] & ~found[w] & ~bad[w];
        if (!any_row(rest, x->n))
            break;
        struct col item = eval_node(x, n->args[i], rest), equal = equal_columns(x, n, &a, &item, rest);
        struct condition p = condition_of(x, &equal);
        for (uint32_t w = 0; w < words; w++) {
            uint64_t known = bits_all(p.known, w), odd = bits_none(p.bad, w) & rest[w];
            found[w] |= p.yes[w] & known & rest[w] & ~odd;
            unknown[w] |= ~known & rest[w] & ~odd;
            bad[w] |= odd;
        }
    }
    for (uint32_t w = 0; w < words; w++)
        unknown[w] = there[w] & ~bad[w] & (found[w] | ~unknown[w]);
    for (uint32_t w = 0; w < words; w++)
        found[w] &= unknown[w];
    return bools_of(x, n, found, unknown, bad);
}

/* --- case and coalesce ------------------------------------------------------------------------------------------- */

struct branch {
    struct col col;
    const uint64_t *rows; /* that take it */
};

static size_t element_size(uint32_t type)
{
    return type == LEAT_BOOL ? 1 : type == LEAT_TEXT || type == LEAT_JSON ? sizeof(leat_text) : 8;
}

/* The one type that all branches have, decimals brought to one scale; false: they differ. */
static bool unify_branches(struct eval *x, struct branch *all, uint32_t n, uint32_t *ret_type)
{
    uint32_t type = LEAT_NULL;
    int32_t scale = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct col *c = &all[i].col;
        if (c->type == TYPE_VALUES)
            return false;
        if (c->type == LEAT_NULL || c->type == type)
            ;
        else if (type == LEAT_NULL)
            type = c->type;
        else if ((type == LEAT_I64 && c->type == LEAT_DEC) || (type == LEAT_DEC && c->type == LEAT_I64))
            type = LEAT_DEC;
        else
            return false;
        scale = c->type == LEAT_DEC && c->scale > scale ? c->scale : scale;
    }
    struct col like = {.type = LEAT_DEC, .scale = scale, .constant = true, .value = {.type = LEAT_DEC, .scale = scale}},
               same;
    struct col *aligned = eval_room(x, NULL, (n + 1) * sizeof *aligned);
    for (uint32_t i = 0; type == LEAT_DEC && i < n; i++) {
        aligned[i] = all[i].col;
        if (all[i].col.type != LEAT_NULL && !columns_align(x, &all[i].col, &like, &aligned[i], &same))
            return false;
    }
    for (uint32_t i = 0; type == LEAT_DEC && i < n; i++)
        all[i].col = aligned[i];
    *ret_type = type;
    return true;
}

/* A word of rows (or what is left of them) out of a branch. */
static void put_rows(const struct col *c, uint32_t type, uint64_t rows, uint32_t from, uint32_t n, char *data)
{
    size_t size = element_size(type);
    uint32_t count = n - from < 64 ? n - from : 64;
    const char *source = c->constant ? NULL : (const char *)c->data + from * size;
    if (size == 8 && c->constant) {
        kernel_select_one(c->value.as.i64, rows, (int64_t *)data + from, count); /* or the double in its place */
        return;
    }
    if (size == 8) {
        kernel_select((const int64_t *)source, rows, (int64_t *)data + from, count);
        return;
    }
    for (; rows; rows &= rows - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rows);
        if (size == 1)
            data[from + i] = c->constant ? c->value.as.i64 != 0 : source[i];
        else
            ((leat_text *)data)[from + i] = c->constant ? c->value.as.text : ((const leat_text *)source)[i];
    }
}

static struct col blend_values(struct eval *x, const struct node *n, const struct branch *all, uint32_t count,
                               const uint64_t *bad)
{
    leat_value *out = eval_room(x, NULL, (x->n + 1) * sizeof *out);
    memset(out, 0, x->n * sizeof *out);
    uint64_t *failed = eval_zero_bits(x);
    for (uint32_t k = 0; k < count; k++)
        for (uint32_t i = 0; i < x->n; i++) {
            if (!bits_get(all[k].rows, i))
                continue;
            if ((all[k].col.bad && bits_get(all[k].col.bad, i)) || !col_value(x, &all[k].col, i, &out[i])) {
                out[i] = (leat_value){0};
                bits_set(failed, i);
            }
            if (n->type == LEAT_F64 && value_is_exact(&out[i]))
                out[i] = value_f64(value_double(&out[i]));
        }
    return col_from_values(x, n, out, bits_or(x, bad, failed));
}

static struct col blend(struct eval *x, const struct node *n, struct branch *all, uint32_t count, const uint64_t *bad)
{
    uint32_t type, words = bits_words(x->n);
    if (!unify_branches(x, all, count, &type) || (n->type == LEAT_F64 && type != LEAT_F64 && type != LEAT_NULL))
        return blend_values(x, n, all, count, bad);
    uint64_t *valid = eval_zero_bits(x), *failed = eval_bits(x);
    char *data = eval_room(x, n, (x->n + 1) * element_size(type));
    memset(data, 0, x->n * element_size(type));
    for (uint32_t w = 0; w < words; w++)
        failed[w] = bits_none(bad, w);
    int32_t scale = 0;
    for (uint32_t k = 0; k < count; k++) {
        const struct col *c = &all[k].col;
        for (uint32_t w = 0; w < words; w++) {
            uint64_t rows = all[k].rows[w] & bits_rows(w, x->n), odd = bits_none(c->bad, w) & rows;
            failed[w] |= odd;
            rows &= ~odd & (c->type == LEAT_NULL ? 0 : bits_all(c->valid, w));
            valid[w] |= rows;
            if (rows)
                put_rows(c, type, rows, w * 64, x->n, data);
        }
        scale = c->type == LEAT_DEC ? c->scale : scale;
    }
    if (type == LEAT_NULL)
        return (struct col){.constant = true, .bad = failed};
    return (struct col){.type = type, .scale = scale, .data = data, .valid = valid, .bad = failed};
}

struct col columns_case(struct eval *x, const struct node *n, const uint64_t *active)
{
    uint32_t words = bits_words(x->n), count = 0;
    struct branch *all = eval_room(x, NULL, (n->n / 2 + 1) * sizeof *all);
    uint64_t *rest = eval_bits(x), *bad = eval_zero_bits(x);
    for (uint32_t w = 0; w < words; w++)
        rest[w] = bits_all(active, w);
    for (uint32_t i = 0; i + 1 < n->n && any_row(rest, x->n); i += 2) {
        struct col when = eval_node(x, n->args[i], rest);
        struct condition p = condition_of(x, &when);
        uint64_t *rows = eval_bits(x), *left = eval_bits(x);
        for (uint32_t w = 0; w < words; w++) {
            uint64_t odd = bits_none(p.bad, w) & rest[w];
            bad[w] |= odd;
            rows[w] = rest[w] & p.yes[w] & bits_all(p.known, w) & ~odd;
            left[w] = rest[w] & ~rows[w] & ~odd;
        }
        rest = left;
        if (any_row(rows, x->n))
            all[count++] = (struct branch){eval_node(x, n->args[i + 1], rows), rows};
    }
    if (any_row(rest, x->n))
        all[count++] = (struct branch){eval_node(x, n->args[n->n - 1], rest), rest};
    return blend(x, n, all, count, bad);
}

struct col columns_coalesce(struct eval *x, const struct node *n, const uint64_t *active)
{
    uint32_t words = bits_words(x->n), count = 0;
    struct branch *all = eval_room(x, NULL, (n->n + 1) * sizeof *all);
    const uint64_t *rest = constant_bits(x, true);
    if (active)
        rest = active;
    for (uint32_t i = 0; i < n->n && any_row(rest, x->n); i++) {
        struct col c = eval_node(x, n->args[i], rest);
        uint64_t *rows = eval_bits(x), *left = eval_bits(x);
        for (uint32_t w = 0; w < words; w++) {
            uint64_t taken = (c.type == LEAT_NULL ? 0 : bits_all(c.valid, w)) | bits_none(c.bad, w);
            rows[w] = rest[w] & taken;
            left[w] = rest[w] & ~taken;
        }
        rest = left;
        if (any_row(rows, x->n))
            all[count++] = (struct branch){c, rows};
    }
    return blend(x, n, all, count, NULL);
}
