/* SPDX-License-Identifier: Apache-2.0 */
/* decimal.c: exact decimals, and numbers in and out of text. */
#include "core/record/record_internal.h"

#include <math.h>

const int64_t decimal_powers[19] = {1,
                                    10,
                                    100,
                                    1000,
                                    10000,
                                    100000,
                                    1000000,
                                    10000000,
                                    100000000,
                                    1000000000,
                                    10000000000,
                                    100000000000,
                                    1000000000000,
                                    10000000000000,
                                    100000000000000,
                                    1000000000000000,
                                    10000000000000000,
                                    100000000000000000,
                                    1000000000000000000};

/* At most 18 digits from p on, leading zeros not counted; false: there are more. */
static bool add_digits(const char **p, const char *end, uint64_t *m)
{
    while (*p < end && (unsigned)(**p - '0') < 10) {
        if (*m >= 100000000000000000u)
            return false;
        *m = *m * 10 + (unsigned)(*(*p)++ - '0');
    }
    return true;
}

/* Whole numbers of 19 digits, and the least one. */
static bool long_integer(const char *p, const char *end, bool minus, int64_t *ret)
{
    uint64_t m = 0;
    if (end - p > 19)
        return false;
    for (; p < end; p++) {
        if ((unsigned)(*p - '0') > 9)
            return false;
        m = m * 10 + (unsigned)(*p - '0');
    }
    if (m > (uint64_t)INT64_MAX + minus)
        return false;
    *ret = (int64_t)(minus ? 0 - m : m);
    return true;
}

enum number_kind number_parse(leat_text t, struct decimal *ret)
{
    const char *p = t.data, *end = t.data + t.n;
    bool minus = *p == '-';
    uint64_t m = 0;
    ret->scale = 0;
    p += minus;
    const char *from = p;
    if (!add_digits(&p, end, &m))
        return long_integer(from, end, minus, &ret->mantissa) ? NUMBER_I64 : NUMBER_F64;
    const char *point = p;
    if (p < end && *p == '.') {
        p++;
        if (!add_digits(&p, end, &m) || p - point - 1 > 18)
            return NUMBER_F64;
        ret->scale = (int32_t)(p - point) - 1;
    }
    if (p < end)
        return NUMBER_F64;
    ret->mantissa = minus ? -(int64_t)m : (int64_t)m;
    return point < end ? NUMBER_DEC : NUMBER_I64;
}

double number_f64(leat_text t)
{
    char some[64];
    if (t.n < sizeof some) {
        memcpy(some, t.data, t.n);
        some[t.n] = 0;
        return strtod(some, NULL);
    }
    auto_free char *copy = xstrndup(t.data, t.n);
    return strtod(copy, NULL);
}

/* The exponent behind e, within what matters. */
static int32_t exponent(const char *p, const char *end)
{
    int32_t e = 0;
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    for (; p < end && e < 100000; p++)
        e = e * 10 + (*p - '0');
    return minus ? -e : e;
}

bool number_exact(leat_text t, int64_t *ret_mantissa, int32_t *ret_exponent)
{
    const char *p = t.data, *end = t.data + t.n;
    bool minus = *p == '-', point = false;
    int64_t m = 0;
    int32_t e = 0, zeros = 0;
    for (p += minus; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        e -= point;
        if (*p == '0') { /* counted, until a digit comes that needs them */
            zeros++;
            continue;
        }
        if (m && zeros > 17)
            return false;
        for (; zeros && m; zeros--)
            if ((m *= 10) > decimal_powers[18] / 10)
                return false;
        zeros = 0;
        if (m > decimal_powers[17] - 1)
            return false;
        m = m * 10 + (*p - '0');
    }
    if (p < end)
        e += exponent(p + 1, end);
    *ret_mantissa = minus ? -m : m;
    *ret_exponent = m ? e + zeros : 0;
    return true;
}

bool decimal_parse(leat_text t, struct decimal *ret)
{
    struct json_error e;
    struct decimal d;
    if (!t.n || (t.data[0] != '-' && (unsigned)(t.data[0] - '0') > 9))
        return false;
    if (json_check(t.data, t.data + t.n, 0, &e) != t.data + t.n || number_parse(t, &d) == NUMBER_F64)
        return false;
    if (d.mantissa > decimal_powers[18] - 1 || d.mantissa < -decimal_powers[18] + 1)
        return false;
    *ret = d;
    return true;
}

struct decimal decimal_trim(struct decimal d)
{
    while (d.scale > 0 && d.mantissa % 10 == 0) {
        d.mantissa /= 10;
        d.scale--;
    }
    return d;
}

bool decimal_rescale(struct decimal *d, int32_t scale)
{
    if (scale < 0 || scale > 18)
        return false;
    if (scale >= d->scale) {
        int64_t m;
        if (__builtin_mul_overflow(d->mantissa, decimal_powers[scale - d->scale], &m))
            return false;
        *d = (struct decimal){m, scale};
        return true;
    }
    int64_t by = decimal_powers[d->scale - scale];
    if (d->mantissa % by)
        return false;
    *d = (struct decimal){d->mantissa / by, scale};
    return true;
}

double decimal_f64(struct decimal d)
{
    int64_t limit = (int64_t)1 << 53;
    if (d.mantissa <= limit && d.mantissa >= -limit)
        return (double)d.mantissa / (double)decimal_powers[d.scale]; /* both exact: the quotient is rounded right */
    char text[24];
    size_t n = decimal_print(text, d);
    return number_f64((leat_text){text, n});
}

static const char pairs[] = "000102030405060708091011121314151617181920212223242526272829303132333435363738394041424344"
                            "45464748495051525354555657585"
                            "960616263646566676869707172737475767778798081828384858687888990919293949596979899";

size_t u64_print(char *ret, uint64_t v)
{
    char digits[20], *at = digits + sizeof digits;
    while (v >= 100) {
        at -= 2;
        memcpy(at, pairs + v % 100 * 2, 2);
        v /= 100;
    }
    if (v >= 10) {
        at -= 2;
        memcpy(at, pairs + v * 2, 2);
    } else {
        *--at = (char)('0' + v);
    }
    size_t n = (size_t)(digits + sizeof digits - at);
    memcpy(ret, at, n);
    return n;
}

size_t i64_print(char *ret, int64_t v)
{
    if (v >= 0)
        return u64_print(ret, (uint64_t)v);
    *ret = '-';
    return 1 + u64_print(ret + 1, 0 - (uint64_t)v);
}

size_t decimal_print(char ret[24], struct decimal d)
{
    d = decimal_trim(d);
    char *out = ret;
    uint64_t m = d.mantissa < 0 ? 0 - (uint64_t)d.mantissa : (uint64_t)d.mantissa, by = (uint64_t)decimal_powers[d.scale];
    if (d.mantissa < 0)
        *out++ = '-';
    out += u64_print(out, m / by);
    if (!d.scale)
        return (size_t)(out - ret);
    *out++ = '.';
    uint64_t fraction = m % by;
    for (int32_t i = d.scale - 1; i >= 0; i--) {
        out[i] = (char)('0' + fraction % 10);
        fraction /= 10;
    }
    return (size_t)(out + d.scale - ret);
}

/* A double of few decimals, which most are: m / 10^s == x exactly as read back. */
static bool short_decimal(double x, struct decimal *ret)
{
    if (!(fabs(x) < 1e11))
        return false;
    for (int32_t s = 0; s <= 4; s++) {
        double y = x * (double)decimal_powers[s];
        int64_t m = (int64_t)(y < 0 ? y - 0.5 : y + 0.5);
        if ((double)m / (double)decimal_powers[s] == x) {
            *ret = (struct decimal){m, s};
            return true;
        }
    }
    return false;
}

size_t f64_print(char ret[32], double x)
{
    struct decimal d;
    if (!isfinite(x)) {
        memcpy(ret, "null", 4);
        return 4;
    }
    if (x != 0 && short_decimal(x, &d))
        return decimal_print(ret, d);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(ret, 32, "%.*g", digits, x);
        if (strtod(ret, NULL) == x)
            break;
    }
    return strlen(ret);
}
