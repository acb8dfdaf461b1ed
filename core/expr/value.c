/* SPDX-License-Identifier: Apache-2.0 */
/* value.c: single values: kinds, arithmetic, comparison. The kernels must agree with what stands here. */
#include "core/expr/expr_internal.h"

#include <math.h>

enum { DIVISION_DIGITS = 12 };
#define EXACT_DOUBLE (INT64_C(1) << 53)

const char *type_name(uint32_t type)
{
    switch (type) {
    case LEAT_BOOL:
        return "a bool";
    case LEAT_I64:
        return "an int";
    case LEAT_F64:
        return "a float";
    case LEAT_DEC:
        return "a decimal";
    case LEAT_TIME:
        return "a time";
    case LEAT_TEXT:
    case LEAT_BYTES:
        return "a text";
    case LEAT_JSON:
        return "an array or object";
    case TYPE_DURATION:
        return "a span of time";
    default:
        return "null";
    }
}

bool is_number(uint32_t type)
{
    return type == LEAT_I64 || type == LEAT_DEC || type == LEAT_F64;
}

bool value_is_exact(const leat_value *v)
{
    return v->type == LEAT_I64 || v->type == LEAT_DEC;
}

leat_value value_bool(bool b)
{
    return (leat_value){.type = LEAT_BOOL, .as.i64 = b};
}

leat_value value_int(int64_t i)
{
    return (leat_value){.type = LEAT_I64, .as.i64 = i};
}

leat_value value_f64(double x)
{
    return (leat_value){.type = LEAT_F64, .as.f64 = x};
}

leat_value value_text(leat_text t)
{
    return (leat_value){.type = LEAT_TEXT, .as.text = t};
}

leat_value value_of(uint32_t type, int64_t i)
{
    return (leat_value){.type = type, .as.i64 = i};
}

leat_value value_decimal(int64_t mantissa, int32_t scale)
{
    while (scale > 0 && mantissa % 10 == 0) {
        mantissa /= 10;
        scale--;
    }
    return (leat_value){.type = scale ? LEAT_DEC : LEAT_I64, .scale = scale, .as.i64 = mantissa};
}

double value_double(const leat_value *v)
{
    char text[24];
    if (v->type == LEAT_F64)
        return v->as.f64;
    if (v->type != LEAT_DEC || !v->scale)
        return (double)v->as.i64;
    if (v->as.i64 > -EXACT_DOUBLE && v->as.i64 < EXACT_DOUBLE)
        return (double)v->as.i64 / (double)decimal_powers[v->scale]; /* both exact, so rounded once */
    text[decimal_print(text, (struct decimal){v->as.i64, v->scale})] = 0;
    return strtod(text, NULL);
}

static bool fits(wide x)
{
    return x >= INT64_MIN && x <= INT64_MAX;
}

bool value_from_wide(wide mantissa, int32_t scale, leat_value *ret)
{
    while (scale > 0 && mantissa % 10 == 0) {
        mantissa /= 10;
        scale--;
    }
    if (scale > 18 || !fits(mantissa))
        return false;
    *ret = value_decimal((int64_t)mantissa, scale);
    return true;
}

static wide magnitude(wide x)
{
    return x < 0 ? -x : x;
}

/* n / d, half even; d > 0. */
static wide divide_half_even(wide n, wide d)
{
    wide q = n / d, rest = magnitude(n % d), other = d - rest;
    if (rest > other || (rest == other && (q & 1)))
        q += n < 0 ? -1 : 1;
    return q;
}

bool value_rounded(wide n, wide d, int32_t scale, leat_value *ret)
{
    const wide limit = (wide)decimal_powers[18];
    if (d < 0) {
        n = -n;
        d = -d;
    }
    /* n / d * 10^-scale = (n * 10^(digits - scale)) / d * 10^-digits */
    for (int32_t digits = DIVISION_DIGITS; digits >= 0; digits--) {
        int32_t shift = digits - scale;
        wide up = n, down = d, q;
        if (shift > 18 || (shift > 0 && magnitude(n) > ((wide)1 << 126) / decimal_powers[shift]))
            continue;
        if (shift > 0)
            up *= decimal_powers[shift];
        for (int32_t s = -shift; s > 0; s -= 18) {
            if (magnitude(down) > ((wide)1 << 126) / decimal_powers[s < 18 ? s : 18])
                return *ret = value_int(0), true;
            down *= decimal_powers[s < 18 ? s : 18];
        }
        q = divide_half_even(up, down);
        if (magnitude(q) < limit || (digits == 0 && fits(q)))
            return value_from_wide(q, digits, ret);
    }
    return false;
}

/* --- arithmetic -------------------------------------------------------------------------------------------------- */

static bool overflow(struct call *c, const char *what)
{
    return call_fail(c, "overflow", "%s does not fit into 64 bits; use float, or round() before", what);
}

static bool checked(struct call *c, double x, leat_value *ret)
{
    if (!isfinite(x))
        return call_fail(c, "overflow", "the result is no finite number");
    *ret = value_f64(x);
    return true;
}

static bool by_zero(struct call *c)
{
    return call_fail(c, "division_by_zero", "division by zero; nullif(x, 0) makes it null");
}

static bool float_arithmetic(struct call *c, enum op op, double a, double b, leat_value *ret)
{
    switch (op) {
    case OP_ADD:
        return checked(c, a + b, ret);
    case OP_SUBTRACT:
        return checked(c, a - b, ret);
    case OP_MULTIPLY:
        return checked(c, a * b, ret);
    default:
        if (b == 0)
            return by_zero(c);
        return checked(c, op == OP_DIVIDE ? a / b : op == OP_DIV ? trunc(a / b) : fmod(a, b), ret);
    }
}

/* Both with the larger scale. */
static int32_t align(const leat_value *a, const leat_value *b, wide *x, wide *y)
{
    int32_t scale = a->scale > b->scale ? a->scale : b->scale;
    *x = (wide)a->as.i64 * decimal_powers[scale - a->scale];
    *y = (wide)b->as.i64 * decimal_powers[scale - b->scale];
    return scale;
}

static bool exact_arithmetic(struct call *c, enum op op, const leat_value *a, const leat_value *b, leat_value *ret)
{
    wide x, y;
    int32_t scale = align(a, b, &x, &y);
    switch (op) {
    case OP_ADD:
        return value_from_wide(x + y, scale, ret) || overflow(c, "the sum");
    case OP_SUBTRACT:
        return value_from_wide(x - y, scale, ret) || overflow(c, "the difference");
    case OP_MULTIPLY:
        x = (wide)a->as.i64 * b->as.i64;
        scale = a->scale + b->scale;
        return value_from_wide(x, scale, ret) || (scale && value_rounded(x, 1, scale, ret)) ||
               overflow(c, "the product");
    default:
        if (y == 0)
            return by_zero(c);
        if (op == OP_DIVIDE)
            return value_rounded((wide)a->as.i64, (wide)b->as.i64, a->scale - b->scale, ret) ||
                   overflow(c, "the quotient");
        return value_from_wide(op == OP_DIV ? x / y : x % y, op == OP_DIV ? 0 : scale, ret) ||
               overflow(c, "the quotient");
    }
}

static const char *cast_hint(uint32_t a, uint32_t b)
{
    if (a != LEAT_TEXT && b != LEAT_TEXT)
        return "";
    uint32_t other = a == LEAT_TEXT ? b : a;
    return other == LEAT_TIME ? "; write x::time" : is_number(other) ? "; write x::int or x::decimal" : "";
}

bool value_is_huge(const leat_value *v)
{
    return v->type == LEAT_JSON && v->as.text.n && v->as.text.data[0] != '{' && v->as.text.data[0] != '[';
}

const char *value_name(const leat_value *v)
{
    return value_is_huge(v) ? "a whole number beyond 64 bits" : type_name(v->type);
}

static bool type_fails(struct call *c, enum op op, const leat_value *a, const leat_value *b)
{
    static const char *const names[] = {[OP_ADD] = "+",    [OP_SUBTRACT] = "-", [OP_MULTIPLY] = "*",
                                        [OP_DIVIDE] = "/", [OP_DIV] = "div",    [OP_MODULO] = "%"};
    return call_fail(c, "type", "'%s' does not compute with %s and %s%s", names[op], value_name(a), value_name(b),
                     cast_hint(a->type, b->type));
}

static bool checked_span(struct call *c, wide x, uint32_t type, leat_value *ret)
{
    if (!fits(x))
        return overflow(c, type_name(type));
    *ret = value_of(type, (int64_t)x);
    return true;
}

static bool scale_span(struct call *c, enum op op, int64_t us, const leat_value *by, leat_value *ret)
{
    if (op == OP_DIVIDE && by->type != LEAT_F64 && by->as.i64 == 0)
        return by_zero(c);
    if (by->type == LEAT_F64) {
        if (op == OP_DIVIDE && by->as.f64 == 0)
            return by_zero(c);
        double x = rint(op == OP_MULTIPLY ? (double)us * by->as.f64 : (double)us / by->as.f64);
        if (!(fabs(x) < 9.2e18))
            return overflow(c, "a span of time");
        *ret = value_of(TYPE_DURATION, (int64_t)x);
        return true;
    }
    wide up = op == OP_MULTIPLY ? (wide)us * by->as.i64 : (wide)us * decimal_powers[by->scale];
    wide down = op == OP_MULTIPLY ? decimal_powers[by->scale] : by->as.i64;
    return checked_span(c, divide_half_even(down < 0 ? -up : up, magnitude(down)), TYPE_DURATION, ret);
}

static bool time_arithmetic(struct call *c, enum op op, const leat_value *a, const leat_value *b, leat_value *ret)
{
    wide x = a->as.i64, y = b->as.i64;
    bool at = a->type == LEAT_TIME, bt = b->type == LEAT_TIME, ad = a->type == TYPE_DURATION,
         bd = b->type == TYPE_DURATION;
    if (op == OP_ADD && ((at && bd) || (ad && bt)))
        return checked_span(c, x + y, LEAT_TIME, ret);
    if (op == OP_SUBTRACT && at && (bd || bt))
        return checked_span(c, x - y, bt ? TYPE_DURATION : LEAT_TIME, ret);
    if ((op == OP_ADD || op == OP_SUBTRACT) && ad && bd)
        return checked_span(c, op == OP_ADD ? x + y : x - y, TYPE_DURATION, ret);
    if (op == OP_DIVIDE && ad && bd)
        return y == 0 ? by_zero(c) : value_rounded(x, y, 0, ret) || overflow(c, "the quotient");
    if (ad && is_number(b->type) && (op == OP_MULTIPLY || op == OP_DIVIDE))
        return scale_span(c, op, a->as.i64, b, ret);
    if (bd && is_number(a->type) && op == OP_MULTIPLY)
        return scale_span(c, op, b->as.i64, a, ret);
    return type_fails(c, op, a, b);
}

bool value_arithmetic(struct call *c, enum op op, const leat_value *a, const leat_value *b, leat_value *ret)
{
    if (value_is_exact(a) && value_is_exact(b))
        return exact_arithmetic(c, op, a, b, ret);
    if (is_number(a->type) && is_number(b->type))
        return float_arithmetic(c, op, value_double(a), value_double(b), ret);
    return time_arithmetic(c, op, a, b, ret);
}

bool value_negate(struct call *c, const leat_value *a, leat_value *ret)
{
    if (a->type == LEAT_F64) {
        *ret = value_f64(-a->as.f64);
        return true;
    }
    if (!value_is_exact(a) && a->type != TYPE_DURATION)
        return call_fail(c, "type", "'-' takes a number, not %s", value_name(a));
    if (a->as.i64 == INT64_MIN)
        return overflow(c, "the result");
    *ret = *a;
    ret->as.i64 = -a->as.i64;
    return true;
}

/* --- comparison -------------------------------------------------------------------------------------------------- */

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static bool same_kind(const leat_value *a, const leat_value *b)
{
    return a->type == b->type || (is_number(a->type) && is_number(b->type));
}

static int order_of(const leat_value *a, const leat_value *b)
{
    if (a->type == LEAT_F64 || b->type == LEAT_F64) {
        double x = value_double(a), y = value_double(b);
        return ORDER(x, y);
    }
    if (a->type == LEAT_TEXT || a->type == LEAT_JSON) {
        int order = text_compare(a->as.text, b->as.text);
        return ORDER(order, 0);
    }
    if (a->scale == b->scale || !value_is_exact(a))
        return ORDER(a->as.i64, b->as.i64);
    wide x, y;
    align(a, b, &x, &y);
    return ORDER(x, y);
}

bool value_compare(struct call *c, const leat_value *a, const leat_value *b, bool order, int *ret)
{
    if (!same_kind(a, b))
        return call_fail(c, "type", "%s is not compared with %s%s", value_name(a), value_name(b),
                         cast_hint(a->type, b->type));
    if (order && a->type == LEAT_JSON)
        return call_fail(c, "type", "arrays and objects have no order");
    *ret = order_of(a, b);
    return true;
}

bool value_equal(const leat_value *a, const leat_value *b)
{
    return same_kind(a, b) && (a->type == LEAT_NULL || order_of(a, b) == 0);
}
