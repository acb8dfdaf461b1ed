/* SPDX-License-Identifier: Apache-2.0 */
/* time_pattern.c: times printed and read by PostgreSQL's patterns (YYYY-MM-DD HH24:MI:SS); numbers printed by 990.00.
 */
#include "core/expr/expr_internal.h"

#include <ctype.h>

enum part {
    PART_YYYY,
    PART_YY,
    PART_MM,
    PART_MONTH,
    PART_MON,
    PART_DD,
    PART_DDD,
    PART_DAY,
    PART_DY,
    PART_D,
    PART_ID,
    PART_HH24,
    PART_HH12,
    PART_MI,
    PART_SS,
    PART_MS,
    PART_US,
    PART_AM,
    PART_Q,
    PART_IW,
    PART_IYYY,
    PART_TZH,
    PART_TZM,
    PART_TZ,
    PART_LITERAL
};
/* Longest first where one begins another. digits: most that are read. */
static const struct {
    const char *name;
    uint8_t part, digits;
} parts[] = {{"YYYY", PART_YYYY, 4}, {"YY", PART_YY, 2},   {"IYYY", PART_IYYY, 4}, {"MONTH", PART_MONTH, 0},
             {"MON", PART_MON, 0},   {"MM", PART_MM, 2},   {"MI", PART_MI, 2},     {"MS", PART_MS, 3},
             {"DDD", PART_DDD, 3},   {"DD", PART_DD, 2},   {"DAY", PART_DAY, 0},   {"DY", PART_DY, 0},
             {"D", PART_D, 1},       {"ID", PART_ID, 1},   {"IW", PART_IW, 2},     {"HH24", PART_HH24, 2},
             {"HH12", PART_HH12, 2}, {"HH", PART_HH12, 2}, {"SS", PART_SS, 2},     {"US", PART_US, 6},
             {"AM", PART_AM, 0},     {"PM", PART_AM, 0},   {"Q", PART_Q, 1},       {"TZH", PART_TZH, 2},
             {"TZM", PART_TZM, 2},   {"TZ", PART_TZ, 0},   {"OF", PART_TZ, 0}};
static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

struct piece {
    enum part part;
    leat_text spelt; /* as the pattern has it: its case decides that of names */
    int digits;
    bool fill; /* no FM before it */
};

static bool begins(leat_text t, const char *name)
{
    size_t n = strlen(name);
    return t.n >= n && strncasecmp(t.data, name, n) == 0;
}

static void cut(leat_text *t, size_t n)
{
    t->data += n;
    t->n -= n;
}

/* The next piece of the pattern; literals one letter at a time, but quoted ones as a whole. */
static struct piece next_piece(leat_text *pattern)
{
    struct piece p = {.part = PART_LITERAL, .fill = true};
    if (begins(*pattern, "FM") && pattern->n > 2) {
        p.fill = false;
        cut(pattern, 2);
    }
    const char *end = pattern->data[0] == '"' && pattern->n > 1 ? memchr(pattern->data + 1, '"', pattern->n - 1) : NULL;
    if (end) {
        p.spelt = (leat_text){pattern->data + 1, (size_t)(end - pattern->data) - 1};
        cut(pattern, p.spelt.n + 2);
        return p;
    }
    for (size_t i = 0; i < N_OF(parts); i++)
        if (begins(*pattern, parts[i].name)) {
            p.part = parts[i].part;
            p.digits = parts[i].digits;
            p.spelt = (leat_text){pattern->data, strlen(parts[i].name)};
            cut(pattern, p.spelt.n);
            return p;
        }
    p.spelt = (leat_text){pattern->data, 1};
    cut(pattern, 1);
    return p;
}

/* --- printing ---------------------------------------------------------------------------------------------------- */

static void print_name(struct buf *out, const struct piece *p, const char *name, size_t n)
{
    bool upper = isupper((unsigned char)p->spelt.data[0]), all = upper && isupper((unsigned char)p->spelt.data[1]);
    for (size_t i = 0; name[i] && i < n; i++)
        buf_char(out,
                 (char)(all || (upper && i == 0) ? toupper((unsigned char)name[i]) : tolower((unsigned char)name[i])));
    for (size_t i = strlen(name); p->fill && n == 9 && i < n; i++)
        buf_char(out, ' ');
}

static void print_number(struct buf *out, const struct piece *p, int64_t x, int width)
{
    buf_printf(out, "%0*lld", p->fill ? width : 1, (long long)x);
}

static void print_piece(struct buf *out, const struct piece *p, const struct civil *t, int64_t time_us)
{
    int64_t year;
    switch (p->part) {
    case PART_YYYY:
        print_number(out, p, t->year, 4);
        break;
    case PART_YY:
        print_number(out, p, (t->year % 100 + 100) % 100, 2);
        break;
    case PART_MM:
        print_number(out, p, t->month, 2);
        break;
    case PART_MONTH:
        print_name(out, p, months[t->month - 1], 9);
        break;
    case PART_MON:
        print_name(out, p, months[t->month - 1], 3);
        break;
    case PART_DD:
        print_number(out, p, t->day, 2);
        break;
    case PART_DDD:
        print_number(out, p, civil_day_of_year(t), 3);
        break;
    case PART_DAY:
        print_name(out, p, days[civil_weekday(time_us)], 9);
        break;
    case PART_DY:
        print_name(out, p, days[civil_weekday(time_us)], 3);
        break;
    case PART_D:
        print_number(out, p, civil_weekday(time_us) + 1, 1);
        break;
    case PART_ID:
        print_number(out, p, (civil_weekday(time_us) + 6) % 7 + 1, 1);
        break;
    case PART_HH24:
        print_number(out, p, t->hour, 2);
        break;
    case PART_HH12:
        print_number(out, p, (t->hour + 11) % 12 + 1, 2);
        break;
    case PART_MI:
        print_number(out, p, t->minute, 2);
        break;
    case PART_SS:
        print_number(out, p, t->second, 2);
        break;
    case PART_MS:
        print_number(out, p, t->us / 1000, 3);
        break;
    case PART_US:
        print_number(out, p, t->us, 6);
        break;
    case PART_AM:
        buf_str(out, isupper((unsigned char)p->spelt.data[0]) ? t->hour < 12 ? "AM" : "PM"
                     : t->hour < 12                           ? "am"
                                                              : "pm");
        break;
    case PART_Q:
        print_number(out, p, (t->month + 2) / 3, 1);
        break;
    case PART_IW:
        print_number(out, p, civil_iso_week(time_us, &year), 2);
        break;
    case PART_IYYY:
        civil_iso_week(time_us, &year);
        print_number(out, p, year, 4);
        break;
    case PART_TZH:
        buf_str(out, "+00");
        break;
    case PART_TZM:
        buf_str(out, "00");
        break;
    case PART_TZ:
        buf_str(out, begins(p->spelt, "OF") ? "+00" : "UTC");
        break;
    case PART_LITERAL:
        buf_text(out, p->spelt);
        break;
    }
}

static void give(struct call *c, const struct buf *out, leat_text *ret)
{
    char *copy = call_room(c, out->n);
    if (out->n)
        memcpy(copy, out->data, out->n);
    *ret = (leat_text){copy, out->n};
}

bool time_print(struct call *c, int64_t time_us, leat_text pattern, leat_text *ret)
{
    auto_buf out = {0};
    struct civil t;
    if (time_us < INT64_MIN / 2 || time_us > INT64_MAX / 2)
        return call_fail(c, "overflow", "the time is too far from 1970");
    civil_of(time_us, &t);
    while (pattern.n) {
        struct piece p = next_piece(&pattern);
        print_piece(&out, &p, &t, time_us);
    }
    give(c, &out, ret);
    return true;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

struct reading {
    leat_text rest;
    struct civil t;
    int day_of_year; /* 0: not given */
    int hour12;      /* 0: not given */
    int afternoon;   /* -1: not given */
    int zone_sign, zone_minutes;
};

static bool read_digits(leat_text *t, int most, int *ret, int *ret_n)
{
    int n = 0, x = 0;
    while (n < most && (size_t)n < t->n && isdigit((unsigned char)t->data[n]))
        x = x * 10 + (t->data[n++] - '0');
    *ret = x;
    *ret_n = n;
    cut(t, (size_t)n);
    return n > 0;
}

/* The number (1 ..) of the name that the text begins with. */
static bool read_name(leat_text *t, const char *const *names, size_t n_names, bool whole, int *ret)
{
    for (size_t i = 0; i < n_names; i++) {
        char brief[4] = {names[i][0], names[i][1], names[i][2], 0};
        const char *name = whole && begins(*t, names[i]) ? names[i] : brief;
        if (begins(*t, name)) {
            *ret = (int)i + 1;
            cut(t, strlen(name));
            return true;
        }
    }
    return false;
}

static bool read_zone(struct reading *r)
{
    int hours, minutes = 0, n;
    leat_text *t = &r->rest;
    if (t->n && (t->data[0] == 'Z' || t->data[0] == 'z'))
        return cut(t, 1), true;
    if (begins(*t, "UTC") || begins(*t, "GMT"))
        return cut(t, 3), true;
    if (!t->n || (t->data[0] != '+' && t->data[0] != '-'))
        return false;
    r->zone_sign = t->data[0] == '-' ? -1 : 1;
    cut(t, 1);
    if (!read_digits(t, 2, &hours, &n))
        return false;
    if (t->n && t->data[0] == ':')
        cut(t, 1);
    read_digits(t, 2, &minutes, &n);
    r->zone_minutes = hours * 60 + minutes;
    return true;
}

static bool read_zone_hour(struct reading *r)
{
    int hours, n;
    leat_text *t = &r->rest;
    r->zone_sign = t->n && t->data[0] == '-' ? -1 : 1;
    if (t->n && (t->data[0] == '+' || t->data[0] == '-'))
        cut(t, 1);
    if (!read_digits(t, 2, &hours, &n))
        return false;
    r->zone_minutes += hours * 60;
    return true;
}

static bool read_literal(struct reading *r, const struct piece *p)
{
    if (p->spelt.data[0] == ' ') { /* a blank stands for any number of them */
        while (r->rest.n && r->rest.data[0] == ' ')
            cut(&r->rest, 1);
        return true;
    }
    if (r->rest.n < p->spelt.n || memcmp(r->rest.data, p->spelt.data, p->spelt.n) != 0)
        return false;
    cut(&r->rest, p->spelt.n);
    return true;
}

static bool read_fraction(struct reading *r, int digits, int unit)
{
    int x, n;
    if (!read_digits(&r->rest, digits, &x, &n))
        return false;
    for (; n < digits; n++)
        x *= 10;
    r->t.us += x * unit;
    return true;
}

static bool read_piece(struct reading *r, const struct piece *p)
{
    int x = 0, n;
    leat_text *t = &r->rest;
    switch (p->part) {
    case PART_LITERAL:
        return read_literal(r, p);
    case PART_MONTH:
    case PART_MON:
        return read_name(t, months, 12, p->part == PART_MONTH, &r->t.month);
    case PART_DAY:
    case PART_DY:
        return read_name(t, days, 7, p->part == PART_DAY, &x);
    case PART_AM:
        if (!begins(*t, "AM") && !begins(*t, "PM"))
            return false;
        r->afternoon = tolower((unsigned char)t->data[0]) == 'p';
        return cut(t, 2), true;
    case PART_TZ:
        return read_zone(r);
    case PART_TZH:
        return read_zone_hour(r);
    case PART_MS:
        return read_fraction(r, 3, 1000);
    case PART_US:
        return read_fraction(r, 6, 1);
    default:
        break;
    }
    if (!read_digits(t, p->digits, &x, &n))
        return false;
    if (p->part == PART_YYYY)
        r->t.year = x;
    else if (p->part == PART_YY)
        r->t.year = x + (x < 70 ? 2000 : 1900);
    else if (p->part == PART_MM)
        r->t.month = x;
    else if (p->part == PART_DD)
        r->t.day = x;
    else if (p->part == PART_DDD)
        r->day_of_year = x;
    else if (p->part == PART_HH24)
        r->t.hour = x;
    else if (p->part == PART_HH12)
        r->hour12 = x ? x : 13;
    else if (p->part == PART_MI)
        r->t.minute = x;
    else if (p->part == PART_SS)
        r->t.second = x;
    else if (p->part == PART_TZM)
        r->zone_minutes += x;
    return true; /* day of the week, week, quarter: read over, as in PostgreSQL */
}

static bool finish_reading(struct reading *r, int64_t *ret_us)
{
    if (r->hour12 > 12 || r->day_of_year > 366)
        return false;
    if (r->hour12)
        r->t.hour = r->hour12 % 12;
    if (r->afternoon >= 0 && (r->hour12 || r->t.hour < 12))
        r->t.hour = r->t.hour % 12 + (r->afternoon ? 12 : 0);
    if (!civil_time(&r->t, ret_us) || r->zone_minutes > 24 * 60)
        return false;
    if (r->day_of_year)
        *ret_us += (r->day_of_year - 1) * INT64_C(86400000000);
    *ret_us -= r->zone_sign * r->zone_minutes * INT64_C(60000000);
    return true;
}

bool time_read(struct call *c, leat_text t, leat_text pattern, int64_t *ret_us)
{
    struct reading r = {.rest = text_trim(t), .t = {.year = 1, .month = 1, .day = 1}, .afternoon = -1, .zone_sign = 1};
    leat_text all = pattern;
    bool good = true;
    while (good && pattern.n) {
        struct piece p = next_piece(&pattern);
        good = read_piece(&r, &p);
    }
    if (good && !r.rest.n && finish_reading(&r, ret_us))
        return true;
    return call_fail(c, "type", "'" TEXT_FMT "' is no time of the form " TEXT_FMT, (int)(t.n < 60 ? t.n : 60), t.data,
                     (int)(all.n < 60 ? all.n : 60), all.data);
}

/* --- numbers ----------------------------------------------------------------------------------------------------- */

/* The integer digits by the pattern's places, from the right; false: there are more digits than places. */
static bool print_places(struct buf *out, leat_text places, const char *digits, size_t n, bool minus)
{
    char reversed[128];
    size_t at = 0;
    bool forced = false, signed_yet = !minus;
    size_t first_zero = places.n;
    for (size_t i = 0; i < places.n && first_zero == places.n; i++)
        if (places.data[i] == '0')
            first_zero = i;
    for (size_t i = places.n; i-- > 0;) {
        forced = i >= first_zero;
        if (places.data[i] == ',') {
            if (n || forced)
                reversed[at++] = ',';
            else if (!signed_yet)
                reversed[at++] = '-', signed_yet = true;
            continue;
        }
        if (n)
            reversed[at++] = digits[--n];
        else if (forced)
            reversed[at++] = '0';
        else
            break;
    }
    if (!signed_yet)
        reversed[at++] = '-';
    while (at)
        buf_char(out, reversed[--at]);
    return n == 0;
}

bool number_print(struct call *c, const leat_value *v, leat_text pattern, leat_text *ret)
{
    auto_buf out = {0};
    leat_value exact, rounded;
    if (begins(pattern, "FM"))
        cut(&pattern, 2);
    const char *point = pattern.n ? memchr(pattern.data, '.', pattern.n) : NULL;
    leat_text whole = {pattern.data, point ? (size_t)(point - pattern.data) : pattern.n};
    size_t places = point ? pattern.n - whole.n - 1 : 0;
    for (size_t i = 0; i < pattern.n; i++)
        if (!strchr("09,.", pattern.data[i]) || (point && pattern.data + i > point && strchr(",.", pattern.data[i])))
            return call_fail(c, "error", "'" TEXT_FMT "' is no pattern of a number; write 990.00 or 999,990.00",
                             TEXT_ARG(pattern));
    if (pattern.n > 60 || places > 15)
        return call_fail(c, "error", "a pattern of a number has at most 60 signs and 15 places");
    leat_value args[] = {*v, value_int((int64_t)places)};
    if (!value_cast(c, v, LEAT_DEC, &exact))
        return false;
    args[0] = exact;
    if (!function_round(c, args, 2, &rounded))
        return false;
    struct decimal d = {rounded.as.i64, rounded.type == LEAT_DEC ? rounded.scale : 0};
    bool minus = d.mantissa < 0;
    char digits[48];
    __extension__ unsigned __int128 m =
        minus ? (unsigned __int128)0 - (unsigned __int128)(wide)d.mantissa : (unsigned __int128)d.mantissa;
    for (; (size_t)d.scale < places; d.scale++)
        m *= 10;
    size_t n = sizeof digits;
    do
        digits[--n] = (char)('0' + (int)(m % 10));
    while ((m /= 10) || sizeof digits - n < places);
    size_t have = sizeof digits - n;
    size_t left = have > places ? have - places : 0;
    if (left == 1 && digits[n] == '0')
        left = 0, n++;
    if (!print_places(&out, whole, digits + n, left, minus))
        return call_fail(c, "overflow", "the number has more digits than the pattern '" TEXT_FMT "'",
                         TEXT_ARG(pattern));
    if (point) {
        buf_char(&out, '.');
        buf_add(&out, digits + sizeof digits - places, places);
        for (size_t i = pattern.n; i-- > whole.n + 1 && pattern.data[i] == '9' && out.data[out.n - 1] == '0';)
            out.n--;
    }
    give(c, &out, ret);
    return true;
}
