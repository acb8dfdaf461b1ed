/* SPDX-License-Identifier: Apache-2.0 */
/* units.c: durations, sizes, rates, numbers and times as people write them; clocks. */
#include "core/base/base.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <time.h>

int64_t clock_wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct unit {
    const char *name;
    double value;
};
static const struct unit durations[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 6e7}, {"h", 3.6e9}, {"d", 8.64e10}, {"w", 6.048e11}};
static const struct unit sizes[] = {{"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"TiB", 1099511627776},
                                    {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}};

/* The digits at the start of t, cut off it. */
static bool leading_number(leat_text *t, double *ret)
{
    char digits[40];
    size_t n = 0;
    while (n < t->n && n < sizeof digits - 1 && (isdigit((unsigned char)t->data[n]) || t->data[n] == '.'))
        n++;
    if (!n)
        return false;
    memcpy(digits, t->data, n);
    digits[n] = 0;
    char *end;
    *ret = strtod(digits, &end);
    t->data += n;
    t->n -= n;
    return *end == 0;
}

static const struct unit *leading_unit(leat_text *t, const struct unit *units, size_t n_units)
{
    size_t n = 0;
    while (n < t->n && isalpha((unsigned char)t->data[n]))
        n++;
    for (size_t i = 0; i < n_units; i++)
        if (text_is((leat_text){t->data, n}, units[i].name)) {
            t->data += n;
            t->n -= n;
            return &units[i];
        }
    return NULL;
}

/* Numbers with units, one after the other; false at what is none. */
static bool sum_of_units(leat_text t, const struct unit *units, size_t n_units, double *ret)
{
    double number;
    *ret = 0;
    if (!t.n)
        return false;
    while (t.n) {
        if (!leading_number(&t, &number))
            return false;
        const struct unit *u = leading_unit(&t, units, n_units);
        if (!u)
            return false;
        *ret += number * u->value;
    }
    return *ret < 9.2e18;
}

static bool only_digits(leat_text t)
{
    for (size_t i = 0; i < t.n; i++)
        if (!isdigit((unsigned char)t.data[i]))
            return false;
    return t.n > 0;
}

int parse_duration(leat_text t, int64_t *ret_us, struct err *err)
{
    double us;
    if (sum_of_units(t, durations, N_OF(durations), &us)) {
        *ret_us = llround(us);
        return 0;
    }
    if (only_digits(t))
        return err_set(err, EINVAL, "a duration needs its unit: '" TEXT_FMT "s' or '" TEXT_FMT "ms'", TEXT_ARG(t), TEXT_ARG(t));
    return err_set(err, EINVAL, "'" TEXT_FMT "' is no duration; write 250ms, 5s, 2h, 1d or 1h30m", TEXT_ARG(t));
}

int parse_size(leat_text t, int64_t *ret_bytes, struct err *err)
{
    double bytes;
    if (sum_of_units(t, sizes, N_OF(sizes), &bytes)) {
        *ret_bytes = llround(bytes);
        return 0;
    }
    if (only_digits(t))
        return err_set(err, EINVAL, "a size needs its unit: '" TEXT_FMT "MiB' or '" TEXT_FMT "B'", TEXT_ARG(t), TEXT_ARG(t));
    return err_set(err, EINVAL, "'" TEXT_FMT "' is no size; write 512B, 64KiB, 16MiB or 2GiB", TEXT_ARG(t));
}

int parse_rate(leat_text t, double *ret_per_s, struct err *err)
{
    leat_text rest = t;
    double number;
    if (leading_number(&rest, &number) && rest.n > 1 && rest.data[0] == '/') {
        rest.data++, rest.n--;
        const struct unit *u = leading_unit(&rest, durations, N_OF(durations));
        if (u && !rest.n) {
            *ret_per_s = number * 1e6 / u->value;
            return 0;
        }
    }
    if (only_digits(t))
        return err_set(err, EINVAL, "a rate needs its unit: '" TEXT_FMT "/s'", TEXT_ARG(t));
    return err_set(err, EINVAL, "'" TEXT_FMT "' is no rate; write 100/s or 5/m", TEXT_ARG(t));
}

int parse_i64(leat_text t, int64_t *ret, struct err *err)
{
    char digits[40];
    size_t n = 0;
    char *end;
    for (size_t i = 0; i < t.n && n < sizeof digits - 1; i++)
        if (t.data[i] != '_' || i == 0)
            digits[n++] = t.data[i];
    digits[n] = 0;
    errno = 0;
    int64_t x = strtoll(digits, &end, 10);
    if (!n || *end || isspace((unsigned char)digits[0]))
        return err_set(err, EINVAL, "'" TEXT_FMT "' is no whole number", TEXT_ARG(t));
    if (errno)
        return err_set(err, EINVAL, "'" TEXT_FMT "' does not fit into 64 bits", TEXT_ARG(t));
    *ret = x;
    return 0;
}

int parse_f64(leat_text t, double *ret, struct err *err)
{
    char digits[64];
    char *end = digits;
    if (t.n && t.n < sizeof digits && !isspace((unsigned char)t.data[0])) {
        memcpy(digits, t.data, t.n);
        digits[t.n] = 0;
        *ret = strtod(digits, &end);
        if (!*end && isfinite(*ret))
            return 0;
    }
    return err_set(err, EINVAL, "'" TEXT_FMT "' is no number", TEXT_ARG(t));
}

/* --- times: days from civil after Howard Hinnant's public-domain algorithm --- */

static int64_t days_of(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400), doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

static bool two(leat_text *t, unsigned *ret, char before)
{
    if (before && (!t->n || t->data[0] != before))
        return false;
    if (before)
        t->data++, t->n--;
    if (t->n < 2 || !isdigit((unsigned char)t->data[0]) || !isdigit((unsigned char)t->data[1]))
        return false;
    *ret = (unsigned)(t->data[0] - '0') * 10 + (unsigned)(t->data[1] - '0');
    t->data += 2, t->n -= 2;
    return true;
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month < 1 || month > 12 ? 0 : days[month - 1] + (month == 2 && leap);
}

static int64_t fraction(leat_text *t)
{
    int64_t us = 0, unit = 100000;
    if (!t->n || t->data[0] != '.')
        return 0;
    t->data++, t->n--;
    for (; t->n && isdigit((unsigned char)t->data[0]); t->data++, t->n--, unit /= 10)
        us += (t->data[0] - '0') * unit;
    return us;
}

/* Z, +hh:mm or nothing (UTC), in microseconds to subtract. */
static bool zone(leat_text *t, int64_t *ret_us)
{
    unsigned h, m;
    *ret_us = 0;
    if (!t->n)
        return true;
    char sign = t->data[0];
    t->data++, t->n--;
    if (sign == 'Z' || sign == 'z')
        return t->n == 0;
    if ((sign != '+' && sign != '-') || !two(t, &h, 0))
        return false;
    if (!two(t, &m, t->n && t->data[0] == ':' ? ':' : 0))
        return false;
    *ret_us = (int64_t)(h * 60 + m) * 60000000 * (sign == '-' ? -1 : 1);
    return t->n == 0 && h < 24 && m < 60;
}

static bool read_time(leat_text t, int64_t *ret_us)
{
    unsigned century, year, month, day, h = 0, m = 0, s = 0;
    int64_t us = 0, shift = 0;
    if (!two(&t, &century, 0) || !two(&t, &year, 0) || !two(&t, &month, '-') || !two(&t, &day, '-'))
        return false;
    year += century * 100;
    if (day < 1 || day > days_in(year, month))
        return false;
    if (t.n) {
        if (t.data[0] != 'T' && t.data[0] != 't' && t.data[0] != ' ')
            return false;
        t.data++, t.n--;
        if (!two(&t, &h, 0) || !two(&t, &m, ':') || h > 23 || m > 59)
            return false;
        if (t.n && t.data[0] == ':' && (!two(&t, &s, ':') || s > 60))
            return false;
        us = fraction(&t);
        if (!zone(&t, &shift))
            return false;
    }
    *ret_us = ((days_of(year, month, day) * 24 + h) * 60 + m) * 60000000 + (int64_t)s * 1000000 + us - shift;
    return true;
}

int parse_time(leat_text t, int64_t *ret_us, struct err *err)
{
    if (read_time(t, ret_us))
        return 0;
    return err_set(err, EINVAL, "'" TEXT_FMT "' is no time; write 2026-03-01T12:00:00Z (RFC 3339)", TEXT_ARG(t));
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static char *put_digits(char *to, unsigned x, int n)
{
    for (int i = n; i-- > 0; x /= 10)
        to[i] = (char)('0' + x % 10);
    return to + n;
}

size_t print_time(char ret[40], int64_t us)
{
    int64_t days = floor_div(us, 86400000000), rest = us - days * 86400000000, z = days + 719468;
    int64_t era = floor_div(z, 146097);
    unsigned doe = (unsigned)(z - era * 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    unsigned d = doy - (153 * mp + 2) / 5 + 1, m = mp < 10 ? mp + 3 : mp - 9, second = (unsigned)(rest / 1000000);
    int64_t y = (int64_t)yoe + era * 400 + (m <= 2);
    char *at = y >= 0 && y <= 9999 ? put_digits(ret, (unsigned)y, 4) : ret + snprintf(ret, 16, "%04" PRId64, y);
    const unsigned parts[] = {m, d, second / 3600, second / 60 % 60, second % 60};
    for (size_t i = 0; i < N_OF(parts); i++) {
        *at++ = "--T::"[i];
        at = put_digits(at, parts[i], 2);
    }
    if (rest % 1000000) {
        *at++ = '.';
        at = put_digits(at, (unsigned)(rest % 1000000), 6);
        while (at[-1] == '0')
            at--;
    }
    *at++ = 'Z';
    *at = 0;
    return (size_t)(at - ret);
}

size_t print_duration(char ret[40], int64_t us)
{
    for (size_t i = N_OF(durations) - 1; i-- > 1;) /* no weeks */
        if (us && us % (int64_t)durations[i].value == 0)
            return (size_t)snprintf(ret, 40, "%" PRId64 "%s", us / (int64_t)durations[i].value, durations[i].name);
    return (size_t)snprintf(ret, 40, us ? "%" PRId64 "us" : "%" PRId64 "s", us);
}

size_t print_size(char ret[40], int64_t bytes)
{
    for (size_t i = 5; i-- > 1;)
        if (bytes && bytes % (int64_t)sizes[i].value == 0)
            return (size_t)snprintf(ret, 40, "%" PRId64 "%s", bytes / (int64_t)sizes[i].value, sizes[i].name);
    return (size_t)snprintf(ret, 40, "%" PRId64 "B", bytes);
}

size_t print_count(char ret[40], int64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, n < 0 ? -n : n);
    size_t at = 0;
    if (n < 0)
        ret[at++] = '-';
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            ret[at++] = ',';
        ret[at++] = digits[i];
    }
    ret[at] = 0;
    return at;
}
