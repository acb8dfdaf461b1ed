/* SPDX-License-Identifier: Apache-2.0 */
/* json_walk.c: finding and changing values in JSON text that was checked before, and strings in and out of quotes. */
#include "core/record/record_internal.h"

static const char *string_end(const char *p)
{
    for (p++; *p != '"'; p++)
        if (*p == '\\')
            p++;
    return p + 1;
}

const char *json_end(const char *p)
{
    int depth = 0;
    do {
        switch (*p) {
        case '"':
            p = string_end(p);
            break;
        case '{':
        case '[':
            depth++;
            p++;
            break;
        case '}':
        case ']':
            depth--;
            p++;
            break;
        default:
            if (!depth) {
                while ((unsigned char)*p > 0x20 && *p != ',' && *p != '}' && *p != ']')
                    p++;
                return p;
            }
            p++;
        }
    } while (depth);
    return p;
}

static const char *blanks(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
        p++;
    return p;
}

bool json_member(struct member *m)
{
    const char *p = blanks(m->next);
    if (*p == ',')
        p = blanks(p + 1);
    if (*p != '"')
        return false;
    const char *end = string_end(p);
    m->at = p;
    m->key = (leat_text){p + 1, (size_t)(end - p) - 2};
    p = blanks(blanks(end) + 1);
    m->next = json_end(p);
    m->value = (leat_text){p, (size_t)(m->next - p)};
    return true;
}

static size_t put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xe0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 0x3f));
        to[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 0x3f));
    to[2] = (char)(0x80 | (code >> 6 & 0x3f));
    to[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

static uint32_t hex4(const char *p)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t c = (unsigned char)p[i];
        code = code << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return code;
}

size_t json_unescape(const char *p, size_t n, char *ret)
{
    const char *end = p + n;
    char *to = ret;
    while (p < end) {
        if (*p != '\\') {
            *to++ = *p++;
            continue;
        }
        char c = p[1];
        p += 2;
        if (c == 'u') {
            uint32_t code = hex4(p);
            p += 4;
            if (code >= 0xd800 && code < 0xdc00) {
                code = 0x10000 + ((code - 0xd800) << 10) + (hex4(p + 2) - 0xdc00);
                p += 6;
            }
            to += put_utf8(to, code);
        } else {
            *to++ = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c;
        }
    }
    return (size_t)(to - ret);
}

leat_text json_unquote(struct memory *m, leat_text string)
{
    leat_text t = {string.data + 1, string.n - 2};
    if (!memchr(t.data, '\\', t.n))
        return t;
    char *to = memory_alloc(m, t.n);
    return (leat_text){to, json_unescape(t.data, t.n, to)};
}

bool json_key_is(leat_text key, leat_text name)
{
    if (LIKELY(!memchr(key.data, '\\', key.n)))
        return text_equal(key, name);
    char some[256];
    char *to = key.n <= sizeof some ? some : xmalloc(key.n);
    bool same = text_equal((leat_text){to, json_unescape(key.data, key.n, to)}, name);
    if (to != some)
        free(to);
    return same;
}

static leat_text find_name(leat_text object, leat_text name)
{
    leat_text found = JSON_MISSING;
    struct member m = {.next = object.data + 1};
    while (json_member(&m))
        if (json_key_is(m.key, name))
            found = m.value; /* of duplicates the last */
    return found;
}

static leat_text find_index(leat_text array, uint32_t index)
{
    const char *p = blanks(array.data + 1);
    for (uint32_t i = 0; *p != ']'; i++) {
        const char *end = json_end(p);
        if (i == index)
            return (leat_text){p, (size_t)(end - p)};
        p = blanks(end);
        if (*p == ',')
            p = blanks(p + 1);
    }
    return JSON_MISSING;
}

leat_text json_find(leat_text value, const struct step *steps, uint32_t n)
{
    for (uint32_t i = 0; i < n && value.data; i++) {
        if (steps[i].kind == STEP_NAME)
            value = value.data[0] == '{' ? find_name(value, steps[i].name) : JSON_MISSING;
        else
            value = value.data[0] == '[' ? find_index(value, steps[i].index) : JSON_MISSING;
    }
    return value;
}

/* --- writing --- */

size_t json_quoted_bound(leat_text t)
{
    return t.n * 6 + 2;
}

char *json_escape(char *out, leat_text t)
{
    static const char hex[] = "0123456789abcdef", names[] = "btn?fr";
    for (size_t i = 0; i < t.n; i++) {
        unsigned char c = (unsigned char)t.data[i];
        if (LIKELY(c >= 0x20 && c != '"' && c != '\\')) {
            *out++ = (char)c;
        } else if (c >= 0x20) {
            *out++ = '\\';
            *out++ = (char)c;
        } else if (c >= 8 && c <= 13 && c != 11) {
            *out++ = '\\';
            *out++ = names[c - 8];
        } else {
            memcpy(out, "\\u00", 4);
            out[4] = hex[c >> 4];
            out[5] = hex[c & 15];
            out += 6;
        }
    }
    return out;
}

char *json_quote(char *out, leat_text t)
{
    *out++ = '"';
    out = json_escape(out, t);
    *out++ = '"';
    return out;
}

static char *put(char *out, const char *from, size_t n)
{
    if (n)
        memcpy(out, from, n);
    return out + n;
}

/* {"name":{...}} for what is not there yet. */
static char *put_nested(char *out, const struct step *steps, uint32_t n, leat_text to)
{
    for (uint32_t i = 0; i < n; i++) {
        *out++ = '{';
        out = json_quote(out, steps[i].name);
        *out++ = ':';
    }
    out = put(out, to.data, to.n);
    return memset(out, '}', n), out + n;
}

static size_t nested_bound(const struct step *steps, uint32_t n, leat_text to)
{
    size_t bytes = to.n;
    for (uint32_t i = 0; i < n; i++)
        bytes += json_quoted_bound(steps[i].name) + 3;
    return bytes;
}

/* The object without each member of that name; what remains of it behind the last one of them goes on at `to`. */
static leat_text without(struct memory *m, leat_text object, leat_text name)
{
    char *out = memory_alloc(m, object.n + 1), *at = out;
    struct member x = {.next = object.data + 1};
    *at++ = '{';
    while (json_member(&x)) {
        if (json_key_is(x.key, name))
            continue;
        if (at > out + 1)
            *at++ = ',';
        at = put(at, x.at, (size_t)(x.next - x.at));
    }
    *at++ = '}';
    return (leat_text){out, (size_t)(at - out)};
}

static leat_text with_member(struct memory *m, leat_text object, leat_text name, leat_text value)
{
    struct member x = {.next = object.data + 1};
    leat_text old = JSON_MISSING;
    while (json_member(&x))
        if (json_key_is(x.key, name))
            old = x.value;
    char *out = memory_alloc(m, object.n + value.n + json_quoted_bound(name) + 2), *at = out;
    if (old.data) {
        at = put(at, object.data, (size_t)(old.data - object.data));
        at = put(at, value.data, value.n);
        at = put(at, old.data + old.n, (size_t)(object.data + object.n - old.data - old.n));
    } else {
        at = put(at, object.data, object.n - 1);
        if (*blanks(object.data + 1) != '}')
            *at++ = ',';
        at = json_quote(at, name);
        *at++ = ':';
        at = put(at, value.data, value.n);
        *at++ = '}';
    }
    return (leat_text){out, (size_t)(at - out)};
}

/* An element that is there gets another value; an array does not grow. */
static leat_text set_element(struct memory *m, leat_text array, const struct step *steps, uint32_t n, leat_text to)
{
    leat_text old = array.data && array.data[0] == '[' ? find_index(array, steps[0].index) : JSON_MISSING;
    if (!old.data)
        return array;
    leat_text inner = n == 1 && !to.data ? TEXT("null") : json_set(m, old, steps + 1, n - 1, to);
    char *out = memory_alloc(m, array.n + inner.n), *at = out;
    at = put(at, array.data, (size_t)(old.data - array.data));
    at = put(at, inner.data, inner.n);
    at = put(at, old.data + old.n, (size_t)(array.data + array.n - old.data - old.n));
    return (leat_text){out, (size_t)(at - out)};
}

leat_text json_set(struct memory *m, leat_text value, const struct step *steps, uint32_t n, leat_text to)
{
    if (!n)
        return to;
    if (steps[0].kind == STEP_INDEX)
        return set_element(m, value, steps, n, to);
    if (!value.data || value.data[0] != '{') {
        for (uint32_t i = 0; i < n; i++)
            if (!to.data || steps[i].kind != STEP_NAME)
                return value; /* nothing to take out, no array to write into */
        char *out = memory_alloc(m, nested_bound(steps, n, to)), *end = put_nested(out, steps, n, to);
        return (leat_text){out, (size_t)(end - out)};
    }
    if (n == 1 && !to.data)
        return without(m, value, steps[0].name);
    leat_text inner = json_set(m, json_find(value, steps, 1), steps + 1, n - 1, to);
    return inner.data ? with_member(m, value, steps[0].name, inner) : value;
}
