/* SPDX-License-Identifier: Apache-2.0 */
/* types.c: texts as values of a type: numbers, truth values, and times in PostgreSQL's patterns (to_timestamp). */
#include "types.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- how a type is spelt ----------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint32_t column;
    const char *is;
} types[] = {
    {"int", LEAT_I64, "a whole number"}, {"decimal", LEAT_DEC, "a decimal number"},
    {"float", LEAT_F64, "a number"},     {"bool", LEAT_BOOL, "true or false"},
    {"text", LEAT_TEXT, "a text"},       {"time", LEAT_TIME, "a time"},
    {"date", LEAT_TIME, "a date"},
};

const char *type_name(const struct type *type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].column == type->column)
            return types[i].is;
    return "a value";
}

static bool read_formats(leat_text rest, struct type *ret, char why[TYPE_WHY])
{
    while (rest.n) {
        const char *end = rest.data[0] == '\'' ? memchr(rest.data + 1, '\'', rest.n - 1) : NULL;
        if (rest.data[0] == ' ' || rest.data[0] == '|') {
            rest.data++;
            rest.n--;
            continue;
        }
        size_t n = end ? (size_t)(end - rest.data) - 1 : 0;
        if (!end || n >= FORMAT_MAX || ret->n_formats == FORMATS_MAX) {
            snprintf(why, TYPE_WHY, "'%.*s' is not a format in quotes (at most %d of them, with | between)",
                     (int)rest.n, rest.data, FORMATS_MAX);
            return false;
        }
        memcpy(ret->formats[ret->n_formats], rest.data + 1, n);
        ret->formats[ret->n_formats++][n] = 0;
        rest.data += n + 2;
        rest.n -= n + 2;
    }
    return true;
}

/* --- numbers ----------------------------------------------------------------------------------------------------- */

/* Sign, digits, and at most one point: mantissa and scale. false: something else, or more than 18 digits. */
static bool read_decimal(leat_text t, struct parsed *ret)
{
    size_t at = t.n && (t.data[0] == '-' || t.data[0] == '+');
    bool minus = at && t.data[0] == '-', point = false;
    unsigned digits = 0, seen = 0;
    uint64_t m = 0;
    ret->scale = 0;
    for (; at < t.n; at++) {
        char c = t.data[at];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            return false;
        seen++;
        ret->scale += point;
        digits += digits || c != '0';
        if (digits > 18)
            return false;
        m = m * 10 + (uint64_t)(c - '0');
    }
    while (ret->scale > 0 && m % 10 == 0) {
        m /= 10;
        ret->scale--;
    }
    ret->i64 = minus ? -(int64_t)m : (int64_t)m;
    return seen > 0 && ret->scale <= 18;
}

static bool read_int(leat_text t, struct parsed *ret)
{
    bool minus = t.n && t.data[0] == '-';
    size_t at = t.n && (minus || t.data[0] == '+');
    uint64_t limit = (uint64_t)INT64_MAX + minus, x = 0;
    if (at == t.n)
        return false;
    for (; at < t.n; at++) {
        unsigned digit = (unsigned char)t.data[at] - '0';
        if (digit > 9 || x > (limit - digit) / 10)
            return false;
        x = x * 10 + digit;
    }
    ret->i64 = (int64_t)(minus ? 0 - x : x);
    return true;
}

static bool read_float(leat_text t, struct parsed *ret)
{
    char text[64], *end;
    if (t.n == 0 || t.n >= sizeof text || strspn(t.data, "+-.0123456789eE") < t.n)
        return false;
    memcpy(text, t.data, t.n);
    text[t.n] = 0;
    ret->f64 = strtod(text, &end);
    return !*end;
}

static bool read_bool(leat_text t, struct parsed *ret)
{
    static const char *const words[] = {"false", "true", "f", "t", "no", "yes", "n", "y", "off", "on", "0", "1"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == t.n && strncasecmp(words[i], t.data, t.n) == 0) {
            ret->i64 = i & 1;
            return true;
        }
    return false;
}

/* --- times ------------------------------------------------------------------------------------------------------- */

struct moment {
    int year, month, day, hour, minute, second, us, zone; /* zone: minutes east of UTC */
    int half;                                             /* of the day: 0 not said, 1 am, 2 pm */
};
struct scan {
    const char *at, *end;
};

static bool scan_number(struct scan *s, int most, int *ret)
{
    int n = 0, x = 0;
    while (n < most && s->at < s->end && isdigit((unsigned char)*s->at)) {
        x = x * 10 + *s->at++ - '0';
        n++;
    }
    *ret = x;
    return n > 0;
}

static bool scan_fraction(struct scan *s, int digits, int *ret_us)
{
    int n = 0, x = 0;
    while (n < digits && s->at < s->end && isdigit((unsigned char)*s->at)) {
        x = x * 10 + *s->at++ - '0';
        n++;
    }
    bool any = n > 0;
    for (; n < 6; n++)
        x *= 10;
    *ret_us = x;
    return any;
}

static bool scan_month(struct scan *s, bool whole, int *ret)
{
    static const char *const months[] = {"january", "february", "march",     "april",   "may",      "june",
                                         "july",    "august",   "september", "october", "november", "december"};
    for (int i = 0; i < 12; i++) {
        size_t n = whole ? strlen(months[i]) : 3;
        if ((size_t)(s->end - s->at) >= n && strncasecmp(s->at, months[i], n) == 0) {
            s->at += n;
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

static bool scan_half(struct scan *s, int *ret)
{
    if (s->end - s->at < 2 || !strchr("aApP", s->at[0]) || (s->at[1] | 32) != 'm')
        return false;
    *ret = (s->at[0] | 32) == 'a' ? 1 : 2;
    s->at += 2;
    return true;
}

/* +02:00, -0530, +01, Z */
static bool scan_zone(struct scan *s, int *ret)
{
    int hours, minutes = 0;
    if (s->at < s->end && (*s->at | 32) == 'z') {
        s->at++;
        return true;
    }
    if (s->at >= s->end || (*s->at != '+' && *s->at != '-'))
        return false;
    int sign = *s->at++ == '-' ? -1 : 1;
    if (!scan_number(s, 2, &hours))
        return false;
    if (s->at < s->end && *s->at == ':')
        s->at++;
    scan_number(s, 2, &minutes);
    *ret = sign * (hours * 60 + minutes);
    return true;
}

static bool scan_year2(struct scan *s, int *ret)
{
    if (!scan_number(s, 2, ret))
        return false;
    *ret += *ret < 70 ? 2000 : 1900; /* as PostgreSQL has it */
    return true;
}

enum { YEAR, YEAR2, MONTH, MON, MONTH_NAME, DAY, HOUR, MINUTE, SECOND, MILLI, MICRO, HALF, ZONE };
static const struct {
    const char *spelt;
    int what;
} patterns[] = {/* longer ones before those that they begin with */
                {"YYYY", YEAR}, {"YY", YEAR2}, {"MONTH", MONTH_NAME}, {"MON", MON},      {"MM", MONTH},  {"MI", MINUTE},
                {"MS", MILLI},  {"US", MICRO}, {"DD", DAY},           {"HH24", HOUR},    {"HH12", HOUR}, {"HH", HOUR},
                {"SS", SECOND}, {"AM", HALF},  {"PM", HALF},          {"TZH:TZM", ZONE}, {"TZH", ZONE},  {"TZ", ZONE}};

static bool scan_one(struct scan *s, int what, struct moment *m)
{
    switch (what) {
    case YEAR:
        return scan_number(s, 4, &m->year);
    case YEAR2:
        return scan_year2(s, &m->year);
    case MONTH:
        return scan_number(s, 2, &m->month);
    case MON:
    case MONTH_NAME:
        return scan_month(s, what == MONTH_NAME, &m->month);
    case DAY:
        return scan_number(s, 2, &m->day);
    case HOUR:
        return scan_number(s, 2, &m->hour);
    case MINUTE:
        return scan_number(s, 2, &m->minute);
    case SECOND:
        return scan_number(s, 2, &m->second);
    case MILLI:
        return scan_fraction(s, 3, &m->us);
    case MICRO:
        return scan_fraction(s, 6, &m->us);
    case HALF:
        return scan_half(s, &m->half);
    default:
        return scan_zone(s, &m->zone);
    }
}

/* A format as steps: PATTERN and what is scanned, or a character that stands for itself. */
enum { PATTERN = 256 };

static void compile_format(const char *format, uint16_t *steps)
{
    while (*format) {
        size_t i = 0, n = sizeof patterns / sizeof *patterns;
        while (i < n && strncasecmp(format, patterns[i].spelt, strlen(patterns[i].spelt)) != 0)
            i++;
        *steps++ = i < n ? (uint16_t)(PATTERN + patterns[i].what) : (unsigned char)*format;
        format += i < n ? strlen(patterns[i].spelt) : 1;
    }
    *steps = 0;
}

static bool scan_time(struct scan s, const uint16_t *steps, struct moment *m)
{
    for (; *steps; steps++)
        if (*steps >= PATTERN ? !scan_one(&s, *steps - PATTERN, m) : s.at >= s.end || (unsigned char)*s.at++ != *steps)
            return false;
    return s.at == s.end;
}

/* Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil. */
static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1, doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static int days_in(int year, int month)
{
    static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)));
}

static bool to_us(const struct moment *m, int64_t *ret)
{
    int hour = m->half ? m->hour % 12 + (m->half == 2 ? 12 : 0) : m->hour;
    if (m->month < 1 || m->month > 12 || m->day < 1 || m->day > days_in(m->year, m->month) || hour > 23 ||
        m->minute > 59 || m->second > 60 || (m->half && (m->hour < 1 || m->hour > 12)))
        return false;
    int64_t seconds = days_of(m->year, m->month, m->day) * 86400 + hour * 3600 + (m->minute - m->zone) * 60 + m->second;
    *ret = seconds * 1000000 + m->us;
    return true;
}

/* A date; or one with a time, behind T or a blank, with a zone or without (UTC). */
static bool scan_rfc3339(leat_text t, struct moment *m)
{
    struct scan s = {t.data, t.data + t.n};
    if (!scan_number(&s, 4, &m->year) || s.at >= s.end || *s.at++ != '-' || !scan_number(&s, 2, &m->month) ||
        s.at >= s.end || *s.at++ != '-' || !scan_number(&s, 2, &m->day))
        return false;
    if (s.at == s.end)
        return true;
    if (!strchr("Tt ", *s.at++) || !scan_number(&s, 2, &m->hour) || s.at >= s.end || *s.at++ != ':' ||
        !scan_number(&s, 2, &m->minute))
        return false;
    if (s.at < s.end && *s.at == ':') {
        s.at++;
        if (!scan_number(&s, 2, &m->second))
            return false;
    }
    if (s.at < s.end && *s.at == '.') {
        s.at++;
        if (!scan_fraction(&s, 6, &m->us))
            return false;
        while (s.at < s.end && isdigit((unsigned char)*s.at))
            s.at++;
    }
    return s.at == s.end || (scan_zone(&s, &m->zone) && s.at == s.end);
}

static bool read_time(const struct type *type, leat_text t, struct parsed *ret)
{
    struct moment m = {.day = 1, .month = 1};
    if (!type->n_formats)
        return scan_rfc3339(t, &m) && to_us(&m, &ret->i64);
    for (uint32_t i = 0; i < type->n_formats; i++) {
        m = (struct moment){.day = 1, .month = 1};
        if (scan_time((struct scan){t.data, t.data + t.n}, type->steps[i], &m) && to_us(&m, &ret->i64))
            return true;
    }
    return false;
}

bool type_convert(const struct type *type, leat_text t, struct parsed *ret)
{
    switch (type->column) {
    case LEAT_I64:
        return read_int(t, ret);
    case LEAT_DEC:
        return read_decimal(t, ret);
    case LEAT_F64:
        return read_float(t, ret);
    case LEAT_BOOL:
        return read_bool(t, ret);
    case LEAT_TIME:
        return read_time(type, t, ret);
    default:
        return true;
    }
}

bool type_parse(leat_text spelt, struct type *ret, char why[TYPE_WHY])
{
    size_t n = 0;
    memset(ret, 0, sizeof *ret);
    while (n < spelt.n && isalpha((unsigned char)spelt.data[n]))
        n++;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strlen(types[i].name) == n && memcmp(types[i].name, spelt.data, n) == 0)
            ret->column = types[i].column;
    if (!ret->column) {
        snprintf(why, TYPE_WHY,
                 "unknown type '%.*s': there are int, decimal, float, bool, text, time, and date 'DD.MM.YYYY'",
                 (int)(spelt.n < 60 ? spelt.n : 60), spelt.data);
        return false;
    }
    leat_text rest = {spelt.data + n, spelt.n - n};
    if (!read_formats(rest, ret, why))
        return false;
    if (ret->n_formats && ret->column != LEAT_TIME) {
        snprintf(why, TYPE_WHY, "only time and date take a format");
        return false;
    }
    for (uint32_t i = 0; i < ret->n_formats; i++)
        compile_format(ret->formats[i], ret->steps[i]);
    return true;
}
