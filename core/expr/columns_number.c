/* SPDX-License-Identifier: Apache-2.0 */
/* columns_number.c: arithmetic on columns of numbers and times: which kernel, and what becomes of rows that it cannot
 * hold. */
#include "core/expr/columns_internal.h"
#include "core/expr/kernels.h"

#include <math.h>

enum { DIVISION_DIGITS = 12 };

static struct ints ints_of(const struct col *c)
{
    return c->constant ? (struct ints){NULL, c->value.as.i64} : (struct ints){c->data, 0};
}

/* Of any number, as doubles. to: where they are put, unless they are there already. */
static struct doubles doubles_into(struct eval *x, const struct col *c, double *to)
{
    if (c->constant)
        return (struct doubles){NULL, value_double(&c->value)};
    if (c->type == LEAT_F64)
        return (struct doubles){c->data, 0};
    const int64_t *from = c->data;
    int32_t scale = c->type == LEAT_DEC ? c->scale : 0;
    if (kernel_int_to_double(from, (double)power_of_ten(scale), to, x->n))
        for (uint32_t i = 0; i < x->n; i++) {
            leat_value v = value_decimal(from[i], scale);
            to[i] = value_double(&v);
        }
    return (struct doubles){to, 0};
}

static struct doubles doubles_of(struct eval *x, const struct col *c)
{
    bool there = c->constant || c->type == LEAT_F64;
    return doubles_into(x, c, there ? NULL : eval_room(x, NULL, x->n * sizeof(double)));
}

static struct col result(struct eval *x, uint32_t type, int32_t scale, const void *data, const struct col *a,
                         const struct col *b)
{
    return (struct col){.type = type,
                        .scale = scale,
                        .data = data,
                        .valid = bits_and(x, a->valid, b->valid),
                        .bad = bits_or(x, a->bad, b->bad)};
}

static void reject_more(struct eval *x, struct col *c, const uint64_t *bad)
{
    c->bad = bits_or(x, c->bad, bad);
    c->valid = bits_less(x, c->valid, bad);
}

/* --- ints and times ---------------------------------------------------------------------------------------------- */

/* The rows that are there and left 64 bits. */
static const uint64_t *rows_that_left(struct eval *x, int op, const struct col *c, struct ints a, struct ints b,
                                      uint32_t *ret_n)
{
    uint64_t *bad = eval_zero_bits(x);
    *ret_n = 0;
    for (uint32_t i = 0; i < x->n; i++)
        if ((!c->valid || bits_get(c->valid, i)) &&
            kernel_int_left(op, a.at ? a.at[i] : a.one, b.at ? b.at[i] : b.one)) {
            bits_set(bad, i);
            ++*ret_n;
        }
    return bad;
}

/* reject: rows that leave 64 bits are bad; else one such row means that there is no kernel. */
static bool int_kernel(struct eval *x, const struct node *n, int op, const struct col *a, const struct col *b,
                       bool reject, struct col *ret)
{
    int64_t *data = eval_room(x, n, x->n * sizeof *data);
    struct ints p = ints_of(a), q = ints_of(b);
    bool left = kernel_int(op, p, q, data, x->n);
    struct col made = result(x, LEAT_I64, 0, data, a, b);
    if (left) {
        uint32_t count;
        const uint64_t *bad = rows_that_left(x, op, &made, p, q, &count);
        if (count && !reject)
            return false;
        if (count)
            reject_more(x, &made, bad);
    }
    col_clear_absent(data, sizeof *data, made.valid, x->n);
    *ret = made;
    return true;
}

static int kernel_of(enum op op)
{
    return op == OP_ADD ? KERNEL_ADD : op == OP_MULTIPLY ? KERNEL_MULTIPLY : KERNEL_SUBTRACT; /* OP_NEGATE: 0 - x */
}

/* Times and spans: the type of the result, or LEAT_NULL. */
static uint32_t time_result(enum op op, uint32_t a, uint32_t b)
{
    if (op == OP_ADD && ((a == LEAT_TIME && b == TYPE_DURATION) || (a == TYPE_DURATION && b == LEAT_TIME)))
        return LEAT_TIME;
    if (op == OP_SUBTRACT && a == LEAT_TIME)
        return b == LEAT_TIME ? TYPE_DURATION : b == TYPE_DURATION ? LEAT_TIME : LEAT_NULL;
    return (op == OP_ADD || op == OP_SUBTRACT) && a == TYPE_DURATION && b == TYPE_DURATION ? TYPE_DURATION : LEAT_NULL;
}

/* --- decimals ---------------------------------------------------------------------------------------------------- */

static bool scale_up(struct eval *x, const struct col *c, int32_t scale, struct col *ret)
{
    int64_t by = power_of_ten(scale - c->scale);
    const int64_t *from = c->data; /* ret may be c */
    *ret = *c;
    ret->type = LEAT_DEC;
    ret->scale = scale;
    if (by == 1)
        return true;
    if (c->constant) {
        ret->value.type = LEAT_DEC;
        ret->value.scale = scale;
        return !__builtin_mul_overflow(c->value.as.i64, by, &ret->value.as.i64);
    }
    int64_t *data = eval_room(x, NULL, x->n * sizeof *data);
    ret->data = data;
    return !kernel_int_scale(from, by, data, x->n); /* absent rows are 0 and stay in */
}

bool columns_align(struct eval *x, const struct col *a, const struct col *b, struct col *ret_a, struct col *ret_b)
{
    int32_t scale = a->scale > b->scale ? a->scale : b->scale;
    return scale_up(x, a, scale, ret_a) && scale_up(x, b, scale, ret_b);
}

/* n / d, half even, for 64 bits. */
static inline int64_t half_even(int64_t n, int64_t d)
{
    int64_t q = n / d;
    uint64_t rest = n % d < 0 ? -(uint64_t)(n % d) : (uint64_t)(n % d), size = d < 0 ? -(uint64_t)d : (uint64_t)d;
    if (rest > size - rest || (rest == size - rest && (q & 1)))
        q += (n < 0) != (d < 0) ? -1 : 1;
    return q;
}

/* Smaller by three digits at a time while all rows allow it; real quotients stop at the first row. */
static int32_t shrink(int64_t *data, uint32_t n, int32_t scale)
{
    for (; scale >= 3; scale -= 3) {
        for (uint32_t i = 0; i < n; i++)
            if (data[i] % 1000)
                return scale;
        for (uint32_t i = 0; i < n; i++)
            data[i] /= 1000;
    }
    return scale;
}

/* By a constant like 2, 100 or 2.5, which has an exact inverse: a / d = a * (10^k / d) / 10^k. */
static bool division_by_inverse(struct eval *x, const struct node *n, const struct col *a, const struct col *b,
                                struct col *ret)
{
    int64_t d = b->value.as.i64, limit = power_of_ten(18);
    int32_t k = 0;
    while (b->constant && d && k <= DIVISION_DIGITS && power_of_ten(k) % d)
        k++;
    int32_t scale = a->scale - b->scale + k;
    if (!b->constant || a->constant || !d || k > DIVISION_DIGITS || scale < 0 || scale > DIVISION_DIGITS)
        return false;
    struct col factor = {.type = LEAT_I64, .constant = true, .value = value_int(power_of_ten(k) / d)};
    if (!int_kernel(x, n, KERNEL_MULTIPLY, a, &factor, false, ret))
        return false;
    const int64_t *data = ret->data;
    uint64_t far = 0;
    for (uint32_t i = 0; i < x->n; i++)
        far |= (uint64_t)(data[i] >= limit) | (uint64_t)(data[i] <= -limit);
    ret->type = LEAT_DEC;
    ret->scale = scale;
    return !far; /* else fewer digits are kept: value_rounded */
}

static bool exact_division(struct eval *x, const struct node *n, const struct col *a, const struct col *b,
                           struct col *ret)
{
    int32_t shift = DIVISION_DIGITS - a->scale + b->scale;
    struct ints p = ints_of(a), q = ints_of(b);
    if (division_by_inverse(x, n, a, b, ret))
        return true;
    if (shift < 0 || shift > 18)
        return false;
    int64_t *data = eval_room(x, n, x->n * sizeof *data), up, by = power_of_ten(shift);
    struct col made = result(x, LEAT_DEC, DIVISION_DIGITS, data, a, b);
    uint64_t *zero = NULL;
    for (uint32_t i = 0; i < x->n; i++) {
        int64_t d = q.at ? q.at[i] : q.one;
        data[i] = 0;
        if (d == 0) {
            if (!made.valid || bits_get(made.valid, i))
                bits_set(zero = zero ? zero : eval_zero_bits(x), i);
        } else if (__builtin_mul_overflow(p.at ? p.at[i] : p.one, by, &up) || up == INT64_MIN) {
            return false;
        } else {
            data[i] = half_even(up, d);
            if (data[i] >= power_of_ten(18) || data[i] <= -power_of_ten(18))
                return false;
        }
    }
    if (zero)
        reject_more(x, &made, zero);
    col_clear_absent(data, sizeof *data, made.valid, x->n);
    made.scale = shrink(data, x->n, made.scale);
    *ret = made;
    return true;
}

static bool int_division(struct eval *x, const struct node *n, const struct col *a, const struct col *b,
                         struct col *ret)
{
    struct ints p = ints_of(a), q = ints_of(b);
    int64_t *data = eval_room(x, n, x->n * sizeof *data);
    struct col made = result(x, LEAT_I64, 0, data, a, b);
    uint64_t *bad = NULL;
    for (uint32_t i = 0; i < x->n; i++) {
        int64_t u = p.at ? p.at[i] : p.one, d = q.at ? q.at[i] : q.one;
        bool odd = d == 0 || (d == -1 && u == INT64_MIN && n->op == OP_DIV);
        data[i] = odd || d == -1 ? (odd || n->op == OP_MODULO ? 0 : -u) : n->op == OP_DIV ? u / d : u % d;
        if (odd && (!made.valid || bits_get(made.valid, i)))
            bits_set(bad = bad ? bad : eval_zero_bits(x), i);
    }
    if (bad)
        reject_more(x, &made, bad);
    col_clear_absent(data, sizeof *data, made.valid, x->n);
    *ret = made;
    return true;
}

static bool exact_kernel(struct eval *x, const struct node *n, const struct col *a, const struct col *b,
                         struct col *ret)
{
    struct col p, q;
    bool ints = a->type == LEAT_I64 && b->type == LEAT_I64;
    if (n->op == OP_DIVIDE)
        return exact_division(x, n, a, b, ret);
    if (n->op == OP_DIV || n->op == OP_MODULO)
        return ints && int_division(x, n, a, b, ret);
    if (ints)
        return int_kernel(x, n, kernel_of(n->op), a, b, true, ret);
    if (n->op == OP_MULTIPLY) {
        if (a->scale + b->scale > 18 || !int_kernel(x, n, KERNEL_MULTIPLY, a, b, false, ret))
            return false;
        ret->scale = a->scale + b->scale;
    } else {
        if (!columns_align(x, a, b, &p, &q) || !int_kernel(x, n, kernel_of(n->op), &p, &q, false, ret))
            return false;
        ret->scale = p.scale;
    }
    ret->type = LEAT_DEC;
    return true;
}

/* --- floats ------------------------------------------------------------------------------------------------------ */

static bool double_kernel(struct eval *x, const struct node *n, const struct col *a, const struct col *b,
                          struct col *ret)
{
    if (n->op == OP_DIV || n->op == OP_MODULO || n->op == OP_NEGATE)
        return false;
    struct doubles p = doubles_of(x, a), q = doubles_of(x, b);
    double *data = eval_room(x, n, x->n * sizeof *data);
    bool odd =
        n->op == OP_DIVIDE ? kernel_double_divide(p, q, data, x->n) : kernel_double(kernel_of(n->op), p, q, data, x->n);
    struct col made = result(x, LEAT_F64, 0, data, a, b);
    if (odd) {
        uint64_t *bad = eval_zero_bits(x);
        for (uint32_t i = 0; i < x->n; i++)
            if (!isfinite(data[i]) && (!made.valid || bits_get(made.valid, i)))
                bits_set(bad, i);
        reject_more(x, &made, bad);
    }
    col_clear_absent(data, sizeof *data, made.valid, x->n);
    *ret = made;
    return true;
}

bool columns_arithmetic(struct eval *x, const struct node *n, const struct col *a, const struct col *b, struct col *ret)
{
    if (a->type == LEAT_NULL || b->type == LEAT_NULL)
        return *ret = (struct col){.constant = true, .bad = bits_or(x, a->bad, b->bad)}, true;
    if (col_is_exact(a) && col_is_exact(b))
        return exact_kernel(x, n, a, b, ret);
    if (is_number(a->type) && is_number(b->type))
        return double_kernel(x, n, a, b, ret);
    uint32_t type = time_result(n->op, a->type, b->type);
    if (type == LEAT_NULL || !int_kernel(x, n, kernel_of(n->op), a, b, true, ret))
        return false;
    ret->type = type;
    return true;
}

/* round(x), round(x, places) of ints and decimals; half away from zero. */
bool columns_round(struct eval *x, const struct node *n, const struct col *args, struct col *ret)
{
    int64_t places = n->n > 1 ? args[1].value.as.i64 : 0;
    if (args[0].constant || !col_is_exact(&args[0]) || (n->n > 1 && (!args[1].constant || args[1].type != LEAT_I64)))
        return false;
    *ret = args[0];
    if (places < 0 || places >= args[0].scale)
        return places >= 0;
    const int64_t *from = args[0].data, unit = power_of_ten(args[0].scale - (int32_t)places), half = unit / 2;
    int64_t *data = eval_room(x, n, x->n * sizeof *data);
    for (uint32_t i = 0; i < x->n; i++) {
        int64_t q = from[i] / unit, rest = from[i] - q * unit;
        data[i] = q + (rest >= half) - (rest <= -half);
    }
    ret->data = data;
    ret->scale = (int32_t)places;
    ret->type = places ? LEAT_DEC : LEAT_I64;
    return true;
}

bool columns_cast(struct eval *x, const struct node *n, const struct col *a, struct col *ret)
{
    *ret = *a;
    if (a->constant)
        return false;
    if (a->type == n->type || (n->type == LEAT_DEC && a->type == LEAT_I64))
        return true;
    if (n->type != LEAT_F64 || !col_is_exact(a))
        return false;
    ret->type = LEAT_F64;
    ret->scale = 0;
    ret->data = doubles_into(x, a, eval_room(x, n, x->n * sizeof(double))).at;
    return true;
}

/* --- comparison -------------------------------------------------------------------------------------------------- */

static bool text_holds(enum op op, int order)
{
    switch (op) {
    case OP_EQ:
        return order == 0;
    case OP_NE:
        return order != 0;
    case OP_LT:
        return order < 0;
    case OP_LE:
        return order <= 0;
    case OP_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static void compare_texts(const struct eval *x, enum op op, const struct col *a, const struct col *b, uint8_t *ret)
{
    if (op <= OP_NE && (a->constant || b->constant)) {
        kernel_text_equal(a->constant ? b->data : a->data, a->constant ? a->value.as.text : b->value.as.text,
                          op == OP_EQ, ret, x->n);
        return;
    }
    const leat_text *p = a->data, *q = b->data;
    for (uint32_t i = 0; i < x->n; i++)
        ret[i] =
            text_holds(op, text_compare(a->constant ? a->value.as.text : p[i], b->constant ? b->value.as.text : q[i]));
}

/* Bools as ints. */
static struct ints widened(struct eval *x, const struct col *c)
{
    if (c->constant)
        return ints_of(c);
    int64_t *made = eval_room(x, NULL, x->n * sizeof *made);
    for (uint32_t i = 0; i < x->n; i++)
        made[i] = ((const uint8_t *)c->data)[i];
    return (struct ints){made, 0};
}

bool columns_compare(struct eval *x, const struct node *n, enum op op, const struct col *a, const struct col *b,
                     struct col *ret)
{
    struct col p = *a, q = *b;
    if (a->type == LEAT_NULL || b->type == LEAT_NULL)
        return *ret = (struct col){.constant = true, .bad = bits_or(x, a->bad, b->bad)}, true;
    bool exact = col_is_exact(a) && col_is_exact(b), numbers = is_number(a->type) && is_number(b->type);
    bool same = a->type == b->type &&
                (a->type == LEAT_TEXT || a->type == LEAT_TIME || a->type == TYPE_DURATION || a->type == LEAT_BOOL);
    if ((a->constant && b->constant) || !(numbers || same) || (exact && !columns_align(x, a, b, &p, &q)))
        return false;
    uint8_t *data = eval_room(x, n, x->n);
    if (a->type == LEAT_TEXT)
        compare_texts(x, op, a, b, data);
    else if (a->type == LEAT_BOOL)
        kernel_int_compare(KERNEL_EQ + (op - OP_EQ), widened(x, a), widened(x, b), data, x->n);
    else if (exact || same)
        kernel_int_compare(KERNEL_EQ + (op - OP_EQ), ints_of(&p), ints_of(&q), data, x->n);
    else
        kernel_double_compare(KERNEL_EQ + (op - OP_EQ), doubles_of(x, a), doubles_of(x, b), data, x->n);
    *ret = result(x, LEAT_BOOL, 0, data, a, b);
    col_clear_absent(data, 1, ret->valid, x->n);
    return true;
}
