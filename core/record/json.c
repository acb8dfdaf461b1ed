/* SPDX-License-Identifier: Apache-2.0 */
/* json.c: JSON text (RFC 8259): the strict check of what comes from outside. */
#include "core/record/record_internal.h"

static const char *wrong(struct json_error *e, const char *at, const char *what)
{
    *e = (struct json_error){"json_syntax", what, at};
    return NULL;
}

const char *json_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

static bool digit(const char *p, const char *end)
{
    return p < end && (unsigned)(*p - '0') < 10;
}

static const char *check_number(const char *p, const char *end, struct json_error *e)
{
    if (p < end && *p == '-')
        p++;
    if (!digit(p, end))
        return wrong(e, p, "a value is expected here");
    if (*p == '0')
        p++;
    else
        while (digit(p, end))
            p++;
    if (p < end && *p == '.') {
        if (!digit(++p, end))
            return wrong(e, p, "a digit is expected behind the point");
        while (digit(p, end))
            p++;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        if (++p < end && (*p == '+' || *p == '-'))
            p++;
        if (!digit(p, end))
            return wrong(e, p, "a digit is expected in the exponent");
        while (digit(p, end))
            p++;
    }
    if (digit(p, end))
        return wrong(e, p, "a number must not begin with 0");
    return p;
}

/* Four hexadecimal digits at p; -1: they are not there. */
static int hex4(const char *p, const char *end)
{
    int code = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int c = (unsigned char)p[i], letter = c | 0x20;
        if (c >= '0' && c <= '9')
            code = code << 4 | (c - '0');
        else if (letter >= 'a' && letter <= 'f')
            code = code << 4 | (letter - 'a' + 10);
        else
            return -1;
    }
    return code;
}

/* p is behind \u. A high surrogate must be followed by a low one, or the text would not be Unicode. */
static const char *check_unicode(const char *p, const char *end, struct json_error *e)
{
    int code = hex4(p, end);
    if (code < 0)
        return wrong(e, p, "four hexadecimal digits are expected behind \\u");
    if (code >= 0xdc00 && code < 0xe000)
        return wrong(e, p, "half of a surrogate pair stands alone");
    if (code < 0xd800 || code >= 0xe000)
        return p + 4;
    if (end - p < 6 || p[4] != '\\' || p[5] != 'u' || (hex4(p + 6, end) & ~0x3ff) != 0xdc00)
        return wrong(e, p, "half of a surrogate pair stands alone");
    return p + 10;
}

static const char *check_escape(const char *p, const char *end, struct json_error *e)
{
    if (p < end && *p == 'u')
        return check_unicode(p + 1, end, e);
    if (p < end && *p && strchr("\"\\/bfnrt", *p))
        return p + 1;
    return wrong(e, p, "this is no escape");
}

/* p is behind the opening quote. */
static const char *check_string(const char *p, const char *end, struct json_error *e)
{
    const char *from = p;
    while (p < end) {
        unsigned char c = (unsigned char)*p;
        if (c == '"')
            return p + 1;
        if (c < 0x20)
            return wrong(e, p, "a control character must be escaped in a string");
        if (c != '\\')
            p++;
        else if (!(p = check_escape(p + 1, end, e)))
            return NULL;
    }
    return wrong(e, from - 1, "this string has no end");
}

static const char *check_word(const char *p, const char *end, const char *word, size_t n, struct json_error *e)
{
    if ((size_t)(end - p) >= n && memcmp(p, word, n) == 0)
        return p + n;
    return wrong(e, p, "a value is expected here");
}

/* p is behind the bracket. */
static const char *check_array(const char *p, const char *end, size_t depth, struct json_error *e)
{
    p = json_blanks(p, end);
    if (p < end && *p == ']')
        return p + 1;
    for (;;) {
        if (!(p = json_check(p, end, depth, e)))
            return NULL;
        p = json_blanks(p, end);
        if (p < end && *p == ']')
            return p + 1;
        if (p >= end || *p != ',')
            return wrong(e, p, "',' or ']' is expected here");
        p = json_blanks(p + 1, end);
    }
}

static const char *check_object(const char *p, const char *end, size_t depth, struct json_error *e)
{
    p = json_blanks(p, end);
    if (p < end && *p == '}')
        return p + 1;
    for (;;) {
        if (p >= end || *p != '"')
            return wrong(e, p, "a name in quotes is expected here");
        if (!(p = check_string(p + 1, end, e)))
            return NULL;
        p = json_blanks(p, end);
        if (p >= end || *p != ':')
            return wrong(e, p, "':' is expected here");
        if (!(p = json_check(json_blanks(p + 1, end), end, depth, e)))
            return NULL;
        p = json_blanks(p, end);
        if (p < end && *p == '}')
            return p + 1;
        if (p >= end || *p != ',')
            return wrong(e, p, "',' or '}' is expected here");
        p = json_blanks(p + 1, end);
    }
}

const char *json_string_rest(const char *p, const char *end)
{
    struct json_error e;
    return check_string(p, end, &e);
}

const char *json_word(const char *p, const char *end)
{
    struct json_error e;
    return p < end && *p != '"' && *p != '[' && *p != '{' ? json_check(p, end, 0, &e) : NULL;
}

const char *json_opaque(const char *p, const char *end, size_t depth)
{
    struct json_error e;
    if (*p == '{' && (p + 1 == end || p[1] != '}'))
        return NULL;
    return json_check(p, end, depth, &e);
}

/* Recursive: max_depth is at most a few thousand (codec_limits). */
const char *json_check(const char *p, const char *end, size_t max_depth, struct json_error *e)
{
    if (p >= end)
        return wrong(e, p, "a value is expected here");
    switch (*p) {
    case '"':
        return check_string(p + 1, end, e);
    case 't':
        return check_word(p, end, "true", 4, e);
    case 'f':
        return check_word(p, end, "false", 5, e);
    case 'n':
        return check_word(p, end, "null", 4, e);
    case '[':
    case '{':
        if (!max_depth) {
            *e = (struct json_error){"json_depth", "objects and arrays are nested too deeply", p};
            return NULL;
        }
        return *p == '[' ? check_array(p + 1, end, max_depth - 1, e) : check_object(p + 1, end, max_depth - 1, e);
    default:
        return check_number(p, end, e);
    }
}
