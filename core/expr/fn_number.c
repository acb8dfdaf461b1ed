/* SPDX-License-Identifier: Apache-2.0 */
/* fn_number.c: functions of numbers, and those that choose among values. */
#include "core/expr/expr_internal.h"

#include <math.h>

static bool choose(struct call *c, const leat_value *args, size_t n, int wanted, leat_value *ret)
{
    int order;
    *ret = (leat_value){0};
    for (size_t i = 0; i < n; i++) {
        if (args[i].type == LEAT_NULL)
            continue;
        if (ret->type != LEAT_NULL) {
            if (!value_compare(c, &args[i], ret, true, &order))
                return false;
            if (order != wanted)
                continue;
        }
        *ret = args[i];
    }
    return true;
}

FUNCTION(function_greatest)
{
    return choose(c, args, n, 1, ret);
}

FUNCTION(function_least)
{
    return choose(c, args, n, -1, ret);
}

FUNCTION(function_nullif)
{
    int order = 1;
    (void)n;
    if (args[0].type != LEAT_NULL && args[1].type != LEAT_NULL && !value_compare(c, &args[0], &args[1], false, &order))
        return false;
    *ret = order == 0 ? (leat_value){0} : args[0];
    return true;
}

FUNCTION(function_abs)
{
    (void)n;
    if (args[0].type == LEAT_F64)
        return *ret = value_f64(fabs(args[0].as.f64)), true;
    if (args[0].as.i64 < 0)
        return value_negate(c, &args[0], ret);
    *ret = args[0];
    return true;
}

/* mantissa / 10^drop, rounded half away from zero. */
static wide round_away(wide mantissa, int drop)
{
    for (; drop > 18; drop -= 18)
        mantissa /= power_of_ten(18); /* such a value has no digit left that counts */
    wide unit = power_of_ten(drop), q = mantissa / unit, rest = mantissa % unit;
    if ((rest < 0 ? -rest : rest) * 2 >= unit && unit > 1)
        q += mantissa < 0 ? -1 : 1;
    return q;
}

static bool round_exact(struct call *c, const leat_value *v, int places, leat_value *ret)
{
    int32_t scale = v->type == LEAT_DEC ? v->scale : 0;
    if (places >= scale)
        return *ret = *v, true;
    if (places >= 0)
        return value_from_wide(round_away(v->as.i64, scale - places), places, ret);
    if (scale - places > 36 || -places > 18)
        return *ret = value_int(0), true;
    if (!value_from_wide(round_away(v->as.i64, scale - places) * power_of_ten(-places), 0, ret))
        return call_fail(c, "overflow", "the rounded number does not fit into 64 bits");
    return true;
}

FUNCTION(function_round)
{
    int64_t places = n > 1 ? args[1].as.i64 : 0;
    leat_value exact;
    if (places < -18 || places > 18)
        places = places < 0 ? -19 : 18;
    if (args[0].type != LEAT_F64)
        return round_exact(c, &args[0], (int)places, ret);
    if (n == 1)
        return *ret = value_f64(rint(args[0].as.f64)), true;
    if (fabs(args[0].as.f64) < 1e15 && value_cast(c, &args[0], LEAT_DEC, &exact) &&
        round_exact(c, &exact, (int)places, &exact))
        *ret = value_f64(value_double(&exact));
    else
        *ret = args[0];
    return true;
}

static bool whole(struct call *c, const leat_value *v, bool up, leat_value *ret)
{
    (void)c;
    if (v->type == LEAT_F64)
        return *ret = value_f64(up ? ceil(v->as.f64) : floor(v->as.f64)), true;
    int64_t unit = power_of_ten(v->type == LEAT_DEC ? v->scale : 0), q = v->as.i64 / unit, rest = v->as.i64 % unit;
    *ret = value_int(q + (up && rest > 0) - (!up && rest < 0));
    return true;
}

FUNCTION(function_floor)
{
    (void)n;
    return whole(c, args, false, ret);
}

FUNCTION(function_ceil)
{
    (void)n;
    return whole(c, args, true, ret);
}

static bool checked(struct call *c, double x, leat_value *ret)
{
    if (!isfinite(x))
        return call_fail(c, "overflow", "the result is no finite number");
    *ret = value_f64(x);
    return true;
}

FUNCTION(function_sqrt)
{
    (void)n;
    double x = value_double(args);
    return x < 0 ? call_fail(c, "domain", "sqrt of a negative number") : checked(c, sqrt(x), ret);
}

FUNCTION(function_ln)
{
    (void)n;
    double x = value_double(args);
    return x <= 0 ? call_fail(c, "domain", "ln of a number that is not positive") : checked(c, log(x), ret);
}

FUNCTION(function_exp)
{
    (void)n;
    return checked(c, exp(value_double(args)), ret);
}

FUNCTION(function_power)
{
    (void)n;
    double x = value_double(&args[0]), y = value_double(&args[1]);
    if (x == 0 && y < 0)
        return call_fail(c, "division_by_zero", "zero to a negative power");
    if (x < 0 && y != trunc(y))
        return call_fail(c, "domain", "a negative number to a fraction of a power");
    return checked(c, pow(x, y), ret);
}

FUNCTION(function_error)
{
    leat_text t = TEXT("rejected");
    (void)n;
    (void)ret;
    if (args[0].type != LEAT_NULL && !value_to_text(c, &args[0], &t))
        return false;
    return call_fail(c, "error", TEXT_FMT, (int)(t.n < 250 ? t.n : 250), t.data);
}
