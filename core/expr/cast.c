/* SPDX-License-Identifier: Apache-2.0 */
/* cast.c: values to texts and back, casts, JSON texts as values. */
#include "core/expr/expr_internal.h"

#include <ctype.h>
#include <math.h>

/* --- texts to values --------------------------------------------------------------------------------------------- */

/* Digits, less their point, into mantissa and scale; false: more than 64 bits or 18 digits with a fraction. */
static bool exact_number(leat_text t, leat_value *ret)
{
    bool minus = t.n && t.data[0] == '-', point = false;
    uint64_t m = 0;
    int32_t scale = 0, digits = 0;
    for (size_t i = minus || (t.n && t.data[0] == '+'); i < t.n; i++) {
        if (t.data[i] == '.') {
            point = true;
            continue;
        }
        digits += m || t.data[i] != '0';
        if (digits > 19)
            return false;
        m = m * 10 + (uint64_t)(t.data[i] - '0'); /* 19 digits stay below 2^64 */
        scale += point;
    }
    if (scale > 18 || (point && digits > 18) || m > (uint64_t)INT64_MAX + minus)
        return false;
    *ret = value_decimal((int64_t)(minus ? -m : m), scale);
    return true;
}

/* [+-] digits [. digits] [e [+-] digits] */
static bool number_grammar(leat_text t, bool *ret_exponent)
{
    size_t i = t.n && (t.data[0] == '-' || t.data[0] == '+'), from = i;
    *ret_exponent = false;
    while (i < t.n && isdigit((unsigned char)t.data[i]))
        i++;
    size_t digits = i - from;
    if (i < t.n && t.data[i] == '.') {
        from = ++i;
        while (i < t.n && isdigit((unsigned char)t.data[i]))
            i++;
        digits += i - from;
    }
    if (digits && i < t.n && (t.data[i] == 'e' || t.data[i] == 'E')) {
        *ret_exponent = true;
        i++;
        if (i < t.n && (t.data[i] == '-' || t.data[i] == '+'))
            i++;
        from = i;
        while (i < t.n && isdigit((unsigned char)t.data[i]))
            i++;
        if (i == from)
            return false;
    }
    return digits && i == t.n;
}

/* [-]digits[.digits] of at most 18 digits, in one pass; false: anything else. */
static bool plain_number(leat_text t, leat_value *ret)
{
    const char *s = t.data, *end = t.data + t.n, *point = NULL, *first;
    bool minus = t.n && *s == '-';
    uint64_t m = 0; /* 19 digits stay in */
    s += minus;
    if (end - s > 19)
        return false;
    for (first = s; s < end; s++) {
        if (*s == '.' && !point && s > first)
            point = s;
        else if (*s >= '0' && *s <= '9')
            m = m * 10 + (uint64_t)(*s - '0');
        else
            return false;
    }
    if (end - first - (point != NULL) > 18 || end == first || (point && point + 1 == end))
        return false;
    int64_t i = minus ? -(int64_t)m : (int64_t)m;
    *ret = point ? value_decimal(i, (int32_t)(end - point - 1)) : value_int(i);
    return true;
}

bool value_parse_number(leat_text t, leat_value *ret)
{
    bool exponent;
    char room[64], *end;
    if (plain_number(t, ret))
        return true;
    if (!number_grammar(t, &exponent))
        return false;
    if (!exponent && exact_number(t, ret))
        return true;
    auto_free char *longer = t.n < sizeof room ? NULL : xstrndup(t.data, t.n);
    if (!longer) {
        memcpy(room, t.data, t.n);
        room[t.n] = 0;
    }
    double x = strtod(longer ? longer : room, &end);
    if (!isfinite(x))
        return false;
    *ret = value_f64(x);
    return true;
}

static const struct {
    const char *name;
    int64_t us;
} spans[] = {{"us", 1},
             {"microsecond", 1},
             {"microseconds", 1},
             {"ms", 1000},
             {"millisecond", 1000},
             {"milliseconds", 1000},
             {"s", 1000000},
             {"sec", 1000000},
             {"secs", 1000000},
             {"second", 1000000},
             {"seconds", 1000000},
             {"m", 60000000},
             {"min", 60000000},
             {"mins", 60000000},
             {"minute", 60000000},
             {"minutes", 60000000},
             {"h", 3600000000},
             {"hour", 3600000000},
             {"hours", 3600000000},
             {"d", 86400000000},
             {"day", 86400000000},
             {"days", 86400000000},
             {"w", 604800000000},
             {"week", 604800000000},
             {"weeks", 604800000000}};

static int64_t span_unit(leat_text unit)
{
    for (size_t i = 0; i < N_OF(spans); i++)
        if (unit.n == strlen(spans[i].name) && strncasecmp(unit.data, spans[i].name, unit.n) == 0)
            return spans[i].us;
    return 0;
}

static void cut(leat_text *t, size_t n)
{
    t->data += n;
    t->n -= n;
}

static size_t run_of(leat_text t, bool letters)
{
    size_t n = 0;
    while (n < t.n &&
           (letters ? isalpha((unsigned char)t.data[n]) : isdigit((unsigned char)t.data[n]) || t.data[n] == '.'))
        n++;
    return n;
}

/* hh:mm or hh:mm:ss.ffffff at the start of t; the hours were read. */
static bool clock_span(leat_text *t, int64_t hours, wide *ret_us)
{
    leat_value minutes, seconds = value_int(0), us;
    cut(t, 1);
    size_t n = run_of(*t, false);
    if (!value_parse_number((leat_text){t->data, n}, &minutes) || minutes.type != LEAT_I64 || minutes.as.i64 > 59)
        return false;
    cut(t, n);
    if (t->n && t->data[0] == ':') {
        cut(t, 1);
        n = run_of(*t, false);
        if (!value_parse_number((leat_text){t->data, n}, &seconds) || !value_is_exact(&seconds) ||
            value_double(&seconds) >= 60)
            return false;
        cut(t, n);
    }
    if (!value_rounded((wide)seconds.as.i64 * 1000000, power_of_ten(seconds.scale), 0, &us) || us.type != LEAT_I64)
        return false;
    *ret_us = (wide)hours * 3600000000 + (wide)minutes.as.i64 * 60000000 + us.as.i64;
    return true;
}

bool value_parse_duration(leat_text t, int64_t *ret_us)
{
    wide sum = 0;
    bool any = false;
    for (t = text_trim(t); t.n; t = text_trim(t), any = true) {
        bool minus = t.data[0] == '-';
        leat_value number, us;
        wide part;
        if (minus || t.data[0] == '+')
            cut(&t, 1);
        size_t n = run_of(t, false);
        if (!value_parse_number((leat_text){t.data, n}, &number) || !value_is_exact(&number))
            return false;
        cut(&t, n);
        if (t.n && t.data[0] == ':') {
            if (number.type != LEAT_I64 || number.as.i64 > 1000000000 || !clock_span(&t, number.as.i64, &part))
                return false;
        } else {
            t = text_trim(t);
            n = run_of(t, true);
            int64_t unit = span_unit((leat_text){t.data, n});
            cut(&t, n);
            if (!unit || !value_rounded((wide)number.as.i64 * unit, power_of_ten(number.scale), 0, &us))
                return false;
            part = us.as.i64 / power_of_ten(us.scale);
        }
        sum += minus ? -part : part;
        if (sum > INT64_MAX || sum < INT64_MIN)
            return false;
    }
    *ret_us = (int64_t)sum;
    return any;
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static int hex4(const char *s)
{
    int x = 0;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        x = x << 4 | (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return x;
}

static size_t utf8(char *out, uint32_t c)
{
    if (c < 0x80)
        return out[0] = (char)c, 1;
    if (c < 0x800)
        return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000)
        return out[0] = (char)(0xe0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 63)), out[2] = (char)(0x80 | (c & 63)),
               3;
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* One escape at in[0] == '\\'; *ret_used bytes of it. Valid JSON is taken for granted. */
static size_t unescape(const char *in, size_t n, char *out, size_t *ret_used)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    *ret_used = 2;
    const char *at = n > 1 ? memchr(from, in[1], 8) : NULL;
    if (at)
        return out[0] = to[at - from], 1;
    if (n < 6)
        return *ret_used = n, 0;
    *ret_used = 6;
    uint32_t c = (uint32_t)hex4(in + 2);
    if (c >= 0xd800 && c < 0xdc00 && n >= 12 && in[6] == '\\' && in[7] == 'u') {
        uint32_t low = (uint32_t)hex4(in + 8);
        if (low >= 0xdc00 && low < 0xe000) {
            *ret_used = 12;
            return utf8(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
        }
    }
    return utf8(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
}

static leat_text json_string(struct call *c, leat_text inside)
{
    if (!inside.n || !memchr(inside.data, '\\', inside.n))
        return inside;
    char *out = call_room(c, inside.n);
    size_t n = 0;
    for (size_t i = 0, used; i < inside.n; i += used) {
        if (inside.data[i] == '\\') {
            n += unescape(inside.data + i, inside.n - i, out + n, &used);
            continue;
        }
        used = 1;
        out[n++] = inside.data[i];
    }
    return (leat_text){out, n};
}

static bool has_point(leat_text number)
{
    for (size_t i = 0; i < number.n; i++)
        if (number.data[i] == '.' || number.data[i] == 'e' || number.data[i] == 'E')
            return true;
    return false;
}

bool value_parse_json(struct call *c, leat_text json, leat_value *ret)
{
    json = text_trim(json);
    *ret = (leat_value){0};
    if (!json.n)
        return true;
    switch (json.data[0]) {
    case '"':
        *ret = value_text(json_string(c, (leat_text){json.data + 1, json.n - 2}));
        return true;
    case '{':
    case '[':
        *ret = (leat_value){.type = LEAT_JSON, .as.text = json};
        return true;
    case 't':
    case 'f':
        *ret = value_bool(json.data[0] == 't');
        return true;
    case 'n':
        return true;
    default:
        if (value_parse_number(json, ret)) {
            if (ret->type == LEAT_F64 && !has_point(json)) /* beyond 64 bits: passed on, but nothing computes with it */
                *ret = (leat_value){.type = LEAT_JSON, .as.text = json};
            return true;
        }
        return call_fail(c, "overflow", "the number " TEXT_FMT " is out of range", (int)(json.n < 60 ? json.n : 60),
                         json.data);
    }
}

/* --- values to texts --------------------------------------------------------------------------------------------- */

size_t print_int(char *ret, int64_t i)
{
    char digits[20];
    size_t n = 0, at = 0;
    uint64_t u = i < 0 ? -(uint64_t)i : (uint64_t)i;
    do
        digits[n++] = (char)('0' + u % 10);
    while (u /= 10);
    if (i < 0)
        ret[at++] = '-';
    while (n)
        ret[at++] = digits[--n];
    return at;
}

bool value_to_text(struct call *c, const leat_value *v, leat_text *ret)
{
    char room[48];
    size_t n = 0;
    switch (v->type) {
    case LEAT_TEXT:
    case LEAT_BYTES:
    case LEAT_JSON:
        *ret = v->as.text;
        return true;
    case LEAT_BOOL:
        *ret = v->as.i64 ? TEXT("true") : TEXT("false");
        return true;
    case LEAT_I64:
        n = print_int(room, v->as.i64);
        break;
    case LEAT_DEC:
        n = decimal_print(room, (struct decimal){v->as.i64, v->scale});
        break;
    case LEAT_F64:
        n = f64_print(room, v->as.f64);
        break;
    case LEAT_TIME:
        n = print_time(room, v->as.i64);
        break;
    case TYPE_DURATION:
        n = print_duration(room, v->as.i64);
        break;
    default:
        return call_fail(c, "type", "%s has no text", type_name(v->type));
    }
    char *copy = call_room(c, n);
    memcpy(copy, room, n);
    *ret = (leat_text){copy, n};
    return true;
}

/* --- casts ------------------------------------------------------------------------------------------------------- */

static bool no_cast(struct call *c, const leat_value *v, uint32_t type)
{
    if (v->type == LEAT_TEXT)
        return call_fail(c, "type", "'" TEXT_FMT "' is not %s", (int)(v->as.text.n < 60 ? v->as.text.n : 60),
                         v->as.text.data, type_name(type));
    return call_fail(c, "type", "%s does not become %s", value_name(v), type_name(type));
}

/* Half away from zero, as PostgreSQL rounds numerics. */
static bool decimal_to_int(const leat_value *v, leat_value *ret)
{
    int64_t unit = power_of_ten(v->scale), q = v->as.i64 / unit, rest = v->as.i64 % unit;
    if ((rest < 0 ? -rest : rest) >= unit - unit / 2)
        q += v->as.i64 < 0 ? -1 : 1;
    *ret = value_int(q);
    return true;
}

static bool to_int(struct call *c, const leat_value *v, leat_value *ret)
{
    leat_value n;
    double x;
    switch (v->type) {
    case LEAT_I64:
        *ret = *v;
        return true;
    case LEAT_BOOL:
    case LEAT_TIME:
    case TYPE_DURATION:
        *ret = value_int(v->as.i64);
        return true;
    case LEAT_DEC:
        return decimal_to_int(v, ret);
    case LEAT_F64:
        x = rint(v->as.f64);
        if (!(x >= -0x1p63 && x < 0x1p63))
            return call_fail(c, "overflow", "the float does not fit into an int");
        *ret = value_int((int64_t)x);
        return true;
    case LEAT_TEXT:
        if (!value_parse_number(text_trim(v->as.text), &n) || n.type != LEAT_I64 ||
            memchr(v->as.text.data, '.', v->as.text.n))
            return no_cast(c, v, LEAT_I64);
        *ret = n;
        return true;
    default:
        return no_cast(c, v, LEAT_I64);
    }
}

/* The shortest decimal that reads as the float. */
static bool float_to_decimal(struct call *c, double x, leat_value *ret)
{
    char room[64];
    int digits = 15;
    do
        snprintf(room, sizeof room, "%.*e", digits - 1, x);
    while (strtod(room, NULL) != x && digits++ < 17);
    char *e = strchr(room, 'e');
    int32_t exponent = (int32_t)strtol(e + 1, NULL, 10);
    wide m = 0;
    int32_t scale = -exponent;
    for (char *s = room; s < e; s++)
        if (isdigit((unsigned char)*s)) {
            m = m * 10 + (*s - '0');
            scale += s > room + (room[0] == '-') ? 1 : 0;
        }
    if (room[0] == '-')
        m = -m;
    if (scale < -18)
        return m == 0 ? (*ret = value_int(0), true) : call_fail(c, "overflow", "the float does not fit into a decimal");
    if (scale < 0) {
        m *= power_of_ten(-scale);
        scale = 0;
    }
    if (value_from_wide(m, scale, ret) || value_rounded(m, 1, scale, ret))
        return true;
    return call_fail(c, "overflow", "the float does not fit into a decimal");
}

static bool to_decimal(struct call *c, const leat_value *v, leat_value *ret)
{
    leat_value n;
    if (value_is_exact(v) || v->type == LEAT_BOOL) {
        *ret = *v;
        ret->type = v->type == LEAT_BOOL ? LEAT_I64 : v->type;
        return true;
    }
    if (v->type == LEAT_F64)
        return float_to_decimal(c, v->as.f64, ret);
    if (v->type != LEAT_TEXT || !value_parse_number(text_trim(v->as.text), &n))
        return no_cast(c, v, LEAT_DEC);
    if (n.type == LEAT_F64)
        return float_to_decimal(c, n.as.f64, ret);
    *ret = n;
    return true;
}

static bool to_float(struct call *c, const leat_value *v, leat_value *ret)
{
    leat_value n;
    if (is_number(v->type) || v->type == LEAT_BOOL) {
        *ret = value_f64(v->type == LEAT_BOOL ? (double)v->as.i64 : value_double(v));
        return true;
    }
    if ((v->type != LEAT_TEXT && !value_is_huge(v)) || !value_parse_number(text_trim(v->as.text), &n))
        return no_cast(c, v, LEAT_F64);
    *ret = value_f64(value_double(&n));
    return true;
}

static bool to_bool(struct call *c, const leat_value *v, leat_value *ret)
{
    static const char *const words[] = {"false", "true", "f", "t", "no", "yes", "off", "on", "n", "y", "0", "1"};
    if (v->type == LEAT_BOOL || v->type == LEAT_I64) {
        *ret = value_bool(v->as.i64 != 0);
        return true;
    }
    leat_text t = v->type == LEAT_TEXT ? text_trim(v->as.text) : (leat_text){0};
    for (size_t i = 0; i < N_OF(words) && t.n; i++)
        if (t.n == strlen(words[i]) && strncasecmp(t.data, words[i], t.n) == 0) {
            *ret = value_bool(i & 1);
            return true;
        }
    return no_cast(c, v, LEAT_BOOL);
}

static bool to_span(struct call *c, const leat_value *v, uint32_t type, leat_value *ret)
{
    int64_t us;
    if (v->type == LEAT_I64) {
        *ret = value_of(type, v->as.i64);
        return true;
    }
    if (v->type != LEAT_TEXT)
        return no_cast(c, v, type);
    leat_text t = text_trim(v->as.text);
    if (type == LEAT_TIME ? parse_time(t, &us, NULL) != 0 : !value_parse_duration(t, &us))
        return no_cast(c, v, type);
    *ret = value_of(type, us);
    return true;
}

bool value_cast(struct call *c, const leat_value *v, uint32_t type, leat_value *ret)
{
    leat_text t;
    if (v->type == LEAT_NULL || v->type == type) {
        *ret = *v;
        return true;
    }
    switch (type) {
    case LEAT_I64:
        return to_int(c, v, ret);
    case LEAT_DEC:
        return to_decimal(c, v, ret);
    case LEAT_F64:
        return to_float(c, v, ret);
    case LEAT_BOOL:
        return to_bool(c, v, ret);
    case LEAT_TIME:
    case TYPE_DURATION:
        return to_span(c, v, type, ret);
    case LEAT_TEXT:
        if (!value_to_text(c, v, &t))
            return false;
        *ret = value_text(t);
        return true;
    default:
        return no_cast(c, v, type);
    }
}
