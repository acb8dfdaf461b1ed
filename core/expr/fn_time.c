/* SPDX-License-Identifier: Apache-2.0 */
/* fn_time.c: functions of times, all in UTC. */
#include "core/expr/expr_internal.h"

#define DAY_US INT64_C(86400000000)

FUNCTION(function_now)
{
    (void)args, (void)n;
    *ret = value_of(LEAT_TIME, call_now(c));
    return true;
}

FUNCTION(function_age)
{
    leat_value now = value_of(LEAT_TIME, call_now(c));
    if (n == 1)
        return value_arithmetic(c, OP_SUBTRACT, &now, &args[0], ret);
    return value_arithmetic(c, OP_SUBTRACT, &args[0], &args[1], ret);
}

enum unit {
    UNIT_MICROSECOND,
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_EPOCH,
    UNIT_DOW,
    UNIT_ISODOW,
    UNIT_DOY,
    UNIT_ISOYEAR
};
static const char *const units[] = {"microsecond", "millisecond", "second", "minute",  "hour",
                                    "day",         "week",        "month",  "quarter", "year",
                                    "epoch",       "dow",         "isodow", "doy",     "isoyear"};

/* Its number, also of a plural. */
static bool find_unit(struct call *c, leat_text name, enum unit *ret)
{
    static const uint8_t lengths[] = {11, 11, 6, 6, 4, 3, 4, 5, 7, 4, 5, 3, 6, 3, 7};
    for (size_t i = 0; i < N_OF(units); i++) {
        size_t n = lengths[i];
        bool plural = name.n == n + 1 && (name.data[n] == 's' || name.data[n] == 'S');
        if ((name.n == n || plural) && strncasecmp(name.data, units[i], n) == 0)
            return *ret = (enum unit)i, true;
    }
    const char *near = closest(name, units, N_OF(units));
    return call_fail(c, "error", "unknown unit '" TEXT_FMT "'%s%s%s", (int)(name.n < 60 ? name.n : 60), name.data,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* Weeks around the last times of 64 bits are not reckoned with. */
static bool in_calendar(struct call *c, int64_t us)
{
    const int64_t margin = 8 * DAY_US;
    return (us > INT64_MIN + margin && us < INT64_MAX - margin) ||
           call_fail(c, "overflow", "the time is too far from 1970");
}

/* Units of one length: by division. */
static int64_t cut_to(int64_t us, int64_t unit)
{
    int64_t rest = us % unit;
    return us - (rest < 0 ? rest + unit : rest);
}

FUNCTION(function_date_trunc)
{
    struct civil t;
    enum unit unit;
    int64_t us = args[1].as.i64;
    (void)n;
    if (!find_unit(c, args[0].as.text, &unit))
        return false;
    if (unit > UNIT_YEAR)
        return call_fail(c, "error", "date_trunc knows second, minute, hour, day, week, month, quarter, year");
    if (!in_calendar(c, us))
        return false;
    if (unit == UNIT_WEEK)
        us -= (civil_weekday(us) + 6) % 7 * DAY_US;
    if (unit <= UNIT_WEEK) {
        static const int64_t sizes[] = {1, 1000, 1000000, 60000000, 3600000000, DAY_US, DAY_US};
        *ret = value_of(LEAT_TIME, cut_to(us, sizes[unit]));
        return true;
    }
    civil_of(us, &t);
    static const int16_t first[] = {[UNIT_QUARTER] = 3, [UNIT_YEAR] = 12};
    if (unit >= UNIT_QUARTER)
        t.month -= (t.month - 1) % first[unit];
    t = (struct civil){.year = t.year, .month = t.month, .day = 1};
    if (!civil_time(&t, &us))
        return call_fail(c, "overflow", "the time does not fit into 64 bits");
    *ret = value_of(LEAT_TIME, us);
    return true;
}

static bool extract_span(struct call *c, enum unit unit, int64_t us, leat_value *ret)
{
    switch (unit) {
    case UNIT_EPOCH:
        return *ret = value_decimal(us, 6), true;
    case UNIT_DAY:
        return *ret = value_int(us / INT64_C(86400000000)), true;
    case UNIT_HOUR:
        return *ret = value_int(us / INT64_C(3600000000) % 24), true;
    case UNIT_MINUTE:
        return *ret = value_int(us / 60000000 % 60), true;
    case UNIT_SECOND:
        return *ret = value_decimal(us % 60000000, 6), true;
    default:
        return call_fail(c, "error", "of a span of time extract knows day, hour, minute, second and epoch");
    }
}

FUNCTION(function_extract)
{
    struct civil t;
    enum unit unit;
    int64_t us = args[1].as.i64, year = 0;
    (void)n;
    if (!find_unit(c, args[0].as.text, &unit))
        return false;
    if (args[1].type == TYPE_DURATION)
        return extract_span(c, unit, us, ret);
    if (!in_calendar(c, us))
        return false;
    civil_of(us, &t);
    int week = unit == UNIT_WEEK || unit == UNIT_ISOYEAR ? civil_iso_week(us, &year) : 0;
    const int64_t answers[] = {[UNIT_MICROSECOND] = t.second * INT64_C(1000000) + t.us,
                               [UNIT_MINUTE] = t.minute,
                               [UNIT_HOUR] = t.hour,
                               [UNIT_DAY] = t.day,
                               [UNIT_WEEK] = week,
                               [UNIT_MONTH] = t.month,
                               [UNIT_QUARTER] = (t.month + 2) / 3,
                               [UNIT_YEAR] = t.year,
                               [UNIT_DOW] = civil_weekday(us),
                               [UNIT_ISODOW] = (civil_weekday(us) + 6) % 7 + 1,
                               [UNIT_DOY] = unit == UNIT_DOY ? civil_day_of_year(&t) : 0,
                               [UNIT_ISOYEAR] = year};
    if (unit == UNIT_EPOCH)
        *ret = value_decimal(us, 6);
    else if (unit == UNIT_SECOND || unit == UNIT_MILLISECOND)
        *ret = value_decimal(answers[UNIT_MICROSECOND], unit == UNIT_SECOND ? 6 : 3);
    else
        *ret = value_int(answers[unit]);
    return true;
}

/* to_time(text [, pattern]), to_time(seconds since 1970) */
FUNCTION(function_to_time)
{
    int64_t us;
    leat_value million = value_int(1000000), product, whole;
    if (args[0].type == LEAT_TIME)
        return *ret = args[0], true;
    if (is_number(args[0].type) && n == 1) {
        if (!value_arithmetic(c, OP_MULTIPLY, &args[0], &million, &product) ||
            !value_cast(c, &product, LEAT_I64, &whole))
            return false;
        *ret = value_of(LEAT_TIME, whole.as.i64);
        return true;
    }
    if (args[0].type != LEAT_TEXT)
        return call_fail(c, "type", "to_time takes a text, or seconds since 1970, not %s", type_name(args[0].type));
    if (n == 1)
        return value_cast(c, &args[0], LEAT_TIME, ret);
    if (!time_read(c, args[0].as.text, args[1].as.text, &us))
        return false;
    *ret = value_of(LEAT_TIME, us);
    return true;
}

/* to_text(time, pattern), to_text(number, pattern), to_text(any) */
FUNCTION(function_to_text)
{
    leat_text t;
    leat_value time;
    if (n == 1)
        return value_cast(c, &args[0], LEAT_TEXT, ret);
    bool good;
    if (is_number(args[0].type)) {
        good = number_print(c, &args[0], args[1].as.text, &t);
    } else if (args[0].type == LEAT_TIME) {
        good = time_print(c, args[0].as.i64, args[1].as.text, &t);
    } else if (args[0].type == LEAT_TEXT &&
               value_cast(c, &args[0], LEAT_TIME, &time)) { /* RFC 3339, as records carry times */
        good = time_print(c, time.as.i64, args[1].as.text, &t);
    } else {
        return args[0].type == LEAT_TEXT
                   ? false
                   : call_fail(c, "type", "to_text formats times and numbers, not %s", type_name(args[0].type));
    }
    if (good)
        *ret = value_text(t);
    return good;
}
