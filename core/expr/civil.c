/* SPDX-License-Identifier: Apache-2.0 */
/* civil.c: days of the Gregorian calendar, in UTC, after Howard Hinnant's public-domain algorithms. */
#include "core/expr/expr_internal.h"

#define DAY_US INT64_C(86400000000)

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = floor_div(y, 400), yoe = y - era * 400;
    int64_t doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void civil_of(int64_t time_us, struct civil *ret)
{
    int64_t days = floor_div(time_us, DAY_US), rest = time_us - days * DAY_US, z = days + 719468;
    int64_t era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    ret->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    ret->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    ret->year = yoe + era * 400 + (ret->month <= 2);
    ret->hour = (int)(rest / 3600000000);
    ret->minute = (int)(rest / 60000000 % 60);
    ret->second = (int)(rest / 1000000 % 60);
    ret->us = (int)(rest % 1000000);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool civil_time(const struct civil *c, int64_t *ret_us)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (c->month < 1 || c->month > 12 || c->day < 1 ||
        c->day > days[c->month - 1] + (c->month == 2 && is_leap(c->year)))
        return false;
    if (c->hour < 0 || c->hour > 24 || c->minute < 0 || c->minute > 59 || c->second < 0 || c->second > 60)
        return false;
    if (c->year < -200000 || c->year > 200000 || (c->hour == 24 && (c->minute || c->second || c->us)))
        return false;
    *ret_us = days_of(c->year, c->month, c->day) * DAY_US + c->hour * INT64_C(3600000000) +
              c->minute * INT64_C(60000000) + c->second * INT64_C(1000000) + c->us;
    return true;
}

int civil_weekday(int64_t time_us)
{
    int64_t days = floor_div(time_us, DAY_US);
    return (int)(((days + 4) % 7 + 7) % 7);
}

int civil_day_of_year(const struct civil *c)
{
    return (int)(days_of(c->year, c->month, c->day) - days_of(c->year, 1, 1)) + 1;
}

/* ISO 8601: the week that holds the Thursday. */
int civil_iso_week(int64_t time_us, int64_t *ret_year)
{
    struct civil thursday;
    civil_of(time_us + (3 - (civil_weekday(time_us) + 6) % 7) * DAY_US, &thursday);
    *ret_year = thursday.year;
    return (civil_day_of_year(&thursday) - 1) / 7 + 1;
}
