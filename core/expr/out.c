/* SPDX-License-Identifier: Apache-2.0 */
/* out.c: the result of an expression as a column of the batch, converted as batch_read converts. */
#include "core/expr/columns_internal.h"

#include <math.h>

static bool does_not_convert(struct call *c, const leat_value *v, uint32_t type)
{
    return call_fail(c, "type", "the result is %s, but %s is wanted", type_name(v->type), type_name(type));
}

static bool to_exact(struct call *c, const leat_value *v, uint32_t type, leat_value *ret)
{
    leat_value made = *v;
    if (v->type == LEAT_F64 && !value_cast(c, v, LEAT_DEC, &made))
        return false;
    if (!value_is_exact(&made) || (v->type == LEAT_F64 && value_double(&made) != v->as.f64))
        return does_not_convert(c, v, type);
    if (type == LEAT_I64 && made.type != LEAT_I64)
        return call_fail(c, "type", "the result has a fraction, but a whole number is wanted");
    *ret = made;
    return true;
}

static bool to_json_text(struct call *c, const leat_value *v, leat_value *ret)
{
    auto_buf out = {0};
    leat_value scalar = *v;
    leat_text t;
    if (v->type == LEAT_JSON)
        return *ret = *v, true;
    if (v->type == LEAT_TIME || v->type == TYPE_DURATION) {
        if (!value_to_text(c, v, &t))
            return false;
        scalar = value_text(t);
    }
    value_json(&out, &scalar);
    char *copy = call_room(c, out.n);
    memcpy(copy, out.data, out.n);
    *ret = (leat_value){.type = LEAT_JSON, .as.text = {copy, out.n}};
    return true;
}

/* type: of a column, never LEAT_NULL unless v is. */
bool out_value(struct call *c, const leat_value *v, uint32_t type, leat_value *ret)
{
    *ret = *v;
    if (v->type == LEAT_NULL || type == LEAT_NULL || v->type == type)
        return true;
    switch (type) {
    case LEAT_I64:
        if (v->type == TYPE_DURATION)
            return *ret = value_int(v->as.i64), true;
        return is_number(v->type) ? to_exact(c, v, type, ret) : does_not_convert(c, v, type);
    case LEAT_DEC:
        return is_number(v->type) ? to_exact(c, v, type, ret) : does_not_convert(c, v, type);
    case LEAT_F64:
        if (!is_number(v->type))
            return does_not_convert(c, v, type);
        *ret = value_f64(value_double(v));
        return true;
    case LEAT_TEXT:
    case LEAT_BYTES:
        return v->type == LEAT_JSON ? does_not_convert(c, v, LEAT_TEXT) : value_cast(c, v, LEAT_TEXT, ret);
    case LEAT_TIME:
        return v->type == LEAT_TEXT || v->type == LEAT_I64 ? value_cast(c, v, type, ret) : does_not_convert(c, v, type);
    case LEAT_JSON:
        return to_json_text(c, v, ret);
    default:
        return does_not_convert(c, v, type);
    }
}

/* --- columns ----------------------------------------------------------------------------------------------------- */

static const uint64_t *kept_bits(struct eval *x, const uint64_t *bits)
{
    size_t bytes = (size_t)bits_words(x->n) * 8;
    return bits ? memcpy(batch_alloc(x->batch, bytes + 8), bits, bytes) : NULL;
}

static uint32_t count_absent(const uint64_t *valid, uint32_t n)
{
    uint32_t there = 0;
    for (uint32_t w = 0; valid && w < bits_words(n); w++)
        there += (uint32_t)__builtin_popcountll(valid[w] & bits_rows(w, n));
    return valid ? n - there : 0;
}

static bool any(const uint64_t *bits, uint32_t n)
{
    for (uint32_t w = 0; bits && w < bits_words(n); w++)
        if (bits[w] & bits_rows(w, n))
            return true;
    return false;
}

static size_t size_of(uint32_t type)
{
    return type == LEAT_BOOL ? 1 : type == LEAT_TEXT || type == LEAT_JSON || type == LEAT_BYTES ? sizeof(leat_text) : 8;
}

/* Data in the batch's memory, bitmaps copied there. */
static struct read give(struct eval *x, const struct col *c, uint32_t type)
{
    leat_column *column = batch_alloc(x->batch, sizeof *column);
    const void *data = c->data;
    const uint64_t *bad = any(c->bad, x->n) ? c->bad : NULL;
    const uint64_t *valid = bits_less(x, c->valid, bad);
    if (run_holds(x->call.run, data) || !data) {
        size_t bytes = x->n * size_of(type);
        void *copy = batch_alloc(x->batch, bytes + 16);
        data = data ? memcpy(copy, data, bytes) : memset(copy, 0, bytes);
    }
    uint32_t absent = c->data ? count_absent(valid, x->n) : x->n;
    if (!c->data)
        valid = eval_zero_bits(x);
    *column = (leat_column){.type = type,
                            .scale = c->scale,
                            .data = data,
                            .valid = absent ? kept_bits(x, valid) : NULL,
                            .n = x->n,
                            .nulls = absent};
    return (struct read){column, kept_bits(x, bad)};
}

/* Values that convert, of one type or absent; those that do not are bad. */
static const uint64_t *convert(struct eval *x, const struct col *c, uint32_t type, leat_value *out)
{
    uint64_t *bad = eval_zero_bits(x);
    for (uint32_t i = 0; i < x->n; i++) {
        leat_value v;
        bool good =
            !(c->bad && bits_get(c->bad, i)) && col_value(x, c, i, &v) && out_value(&x->call, &v, type, &out[i]);
        if (good)
            continue;
        out[i] = (leat_value){0};
        bits_set(bad, i);
    }
    return bad;
}

/* The largest scale of decimals; where not all fit it, those that do not are bad. */
static void one_scale(struct eval *x, leat_value *values, uint64_t *bad)
{
    int32_t scale = 0;
    for (uint32_t i = 0; i < x->n; i++)
        if (values[i].type == LEAT_DEC && values[i].scale > scale)
            scale = values[i].scale;
    for (uint32_t i = 0; i < x->n; i++) {
        struct decimal d = {values[i].as.i64, values[i].type == LEAT_DEC ? values[i].scale : 0};
        if (values[i].type == LEAT_NULL || decimal_rescale(&d, scale))
            continue;
        values[i] = (leat_value){0};
        bits_set(bad, i);
    }
}

static struct read all_absent(struct eval *x, uint32_t type, const uint64_t *bad)
{
    struct col none = {.bad = bad};
    return give(x, &none, type);
}

static struct read out_converted(struct eval *x, const struct col *c, uint32_t type, bool as_it_comes)
{
    leat_value *out = eval_room(x, NULL, (x->n + 1) * sizeof *out);
    uint64_t *bad = (uint64_t *)convert(x, c, type, out);
    struct col made = col_from_values(x, x->e->root, out, bad);
    if (made.constant)
        return all_absent(x, type, bad);
    if (made.type == TYPE_VALUES || (made.type == LEAT_DEC && type != LEAT_DEC)) {
        if (type == LEAT_DEC && !as_it_comes) {
            one_scale(x, out, bad);
            made = col_from_values(x, x->e->root, out, bad);
            return made.constant ? all_absent(x, type, bad) : give(x, &made, type);
        }
        return out_converted(x, c, LEAT_JSON, false); /* decimals of scales that have no column together */
    }
    return give(x, &made, type);
}

/* What a column of mixed kinds becomes when its type is not asked for. */
static uint32_t type_as_it_comes(const struct eval *x, const struct col *c)
{
    uint32_t known = expr_type(x->e);
    if (known)
        return known;
    if (c->type == TYPE_DURATION)
        return LEAT_TEXT;
    return c->type == TYPE_VALUES ? LEAT_JSON : c->type;
}

/* One value for all rows, converted once. */
static struct read out_constant(struct eval *x, const struct col *c, uint32_t type)
{
    leat_value v;
    struct col made = {.type = type, .bad = c->bad};
    if (!out_value(&x->call, &c->value, type, &v))
        return all_absent(x, type, memset(eval_bits(x), 0xff, (size_t)bits_words(x->n) * 8));
    void *data = batch_alloc(x->batch, x->n * size_of(type) + 16);
    made.scale = v.type == LEAT_DEC ? v.scale : 0;
    made.data = data;
    if (type == LEAT_BOOL)
        memset(data, v.as.i64 != 0, x->n);
    for (uint32_t i = 0; type != LEAT_BOOL && i < x->n; i++)
        if (size_of(type) == sizeof(leat_text))
            ((leat_text *)data)[i] = v.as.text;
        else
            ((int64_t *)data)[i] = v.as.i64; /* or the double in its place */
    return give(x, &made, type);
}

struct read out_column(struct eval *x, const struct col *c, uint32_t type)
{
    uint32_t as = type ? type : type_as_it_comes(x, c);
    if (c->constant && c->value.type == LEAT_NULL)
        return all_absent(x, as, c->bad);
    if (c->constant && !c->bad)
        return out_constant(x, c, as);
    if (!c->constant && (c->type == as || (c->type == LEAT_I64 && as == LEAT_DEC)))
        return give(x, c, as);
    return out_converted(x, c, as, !type);
}
