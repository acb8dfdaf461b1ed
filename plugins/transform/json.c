/* SPDX-License-Identifier: Apache-2.0 */
/* json.c: JSON texts as trees, for schemas and what they are held against (RFC 8259). */
#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 200 };
struct reader {
    struct json_memory m;
    const char *at, *end;
    unsigned depth;
};

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

static bool takes(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->at >= r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* Behind the opening quote, up to the closing one. */
static bool read_text(struct reader *r, leat_text *ret)
{
    ret->data = r->at;
    while (r->at < r->end && *r->at != '"') {
        if (*r->at == '\\')
            r->at++;
        r->at++;
    }
    if (r->at >= r->end)
        return false;
    ret->n = (size_t)(r->at - ret->data);
    r->at++;
    return true;
}

static bool read_digits(struct reader *r)
{
    const char *from = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > from;
}

static bool read_number(struct reader *r)
{
    if (*r->at == '-')
        r->at++;
    if (!read_digits(r))
        return false;
    if (r->at < r->end && *r->at == '.') {
        r->at++;
        if (!read_digits(r))
            return false;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            r->at++;
        return read_digits(r);
    }
    return true;
}

static bool read_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

static struct json *read_value(struct reader *r);

/* Children up to `close`; of an object each with its name. */
static bool read_children(struct reader *r, struct json *j, char close)
{
    struct json **last = &j->first;
    if (takes(r, close))
        return true;
    do {
        leat_text name = {0};
        if (close == '}' && (!takes(r, '"') || !read_text(r, &name) || !takes(r, ':')))
            return false;
        struct json *child = read_value(r);
        if (!child)
            return false;
        child->name = name;
        *last = child;
        last = &child->next;
        j->n++;
    } while (takes(r, ','));
    return takes(r, close);
}

static struct json *read_value(struct reader *r)
{
    skip_blanks(r);
    struct json *j = r->at < r->end && r->depth < DEPTH_MAX ? r->m.alloc(r->m.with, sizeof *j) : NULL;
    bool ok;
    if (!j)
        return NULL;
    memset(j, 0, sizeof *j);
    j->text.data = r->at;
    r->depth++;
    switch (*r->at) {
    case '{':
    case '[':
        j->kind = *r->at == '{' ? JSON_OBJECT : JSON_ARRAY;
        r->at++;
        ok = read_children(r, j, j->kind == JSON_OBJECT ? '}' : ']');
        break;
    case '"': {
        leat_text inside;
        j->kind = JSON_TEXT;
        r->at++;
        ok = read_text(r, &inside);
        break;
    }
    case 't':
        j->kind = JSON_TRUE;
        ok = read_word(r, "true");
        break;
    case 'f':
        j->kind = JSON_FALSE;
        ok = read_word(r, "false");
        break;
    case 'n':
        j->kind = JSON_NULL;
        ok = read_word(r, "null");
        break;
    default:
        j->kind = JSON_NUMBER;
        ok = read_number(r);
    }
    r->depth--;
    j->text.n = (size_t)(r->at - j->text.data);
    return ok ? j : NULL;
}

struct json *json_parse(struct json_memory m, leat_text t)
{
    struct reader r = {m, t.data, t.data + t.n, 0};
    struct json *j = read_value(&r);
    skip_blanks(&r);
    return j && r.at == r.end ? j : NULL;
}

static void *nothing(void *with, size_t bytes)
{
    (void)bytes;
    return with;
}

size_t json_length(leat_text t, size_t at)
{
    struct reader r = {{nothing, NULL}, t.data + at, t.data + t.n, 0};
    unsigned depth = 0;
    do {
        skip_blanks(&r);
        leat_text inside;
        if (r.at >= r.end)
            break;
        char c = *r.at++;
        if (c == '"')
            read_text(&r, &inside);
        else if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        else if (c != ',' && c != ':')
            while (r.at < r.end && !strchr(",:]} \t\r\n", *r.at))
                r.at++;
    } while (depth);
    return (size_t)(r.at - (t.data + at));
}

const struct json *json_member(const struct json *object, const char *name)
{
    const struct json *found = NULL;
    size_t n = strlen(name);
    if (object && object->kind == JSON_OBJECT)
        for (const struct json *j = object->first; j; j = j->next)
            if (j->name.n == n && memcmp(j->name.data, name, n) == 0)
                found = j; /* of duplicates the last counts */
    return found;
}

/* --- texts ------------------------------------------------------------------------------------------------------- */

static unsigned hex4(const char *at)
{
    unsigned x = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        x = x << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return x;
}

static size_t put_utf8(char *to, unsigned c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xe0 | c >> 12);
        to[1] = (char)(0x80 | (c >> 6 & 63));
        to[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    to[0] = (char)(0xf0 | c >> 18);
    to[1] = (char)(0x80 | (c >> 12 & 63));
    to[2] = (char)(0x80 | (c >> 6 & 63));
    to[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* One escape at `at` (behind the backslash); gives the character and moves on. */
static unsigned read_escape(const char **at, const char *end)
{
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    char c = *(*at)++;
    const char *known = strchr(names, c);
    if (c != 'u')
        return known ? (unsigned char)values[known - names] : (unsigned char)c;
    if (end - *at < 4)
        return 0xfffd;
    unsigned x = hex4(*at);
    *at += 4;
    if (x >= 0xd800 && x < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        x = 0x10000 + ((x - 0xd800) << 10) + (hex4(*at + 2) - 0xdc00);
        *at += 6;
    }
    return x > 0x10ffff ? 0xfffd : x;
}

leat_text json_text(struct json_memory m, const struct json *j)
{
    const char *at = j->text.data + 1, *end = j->text.data + j->text.n - 1;
    if (!memchr(at, '\\', (size_t)(end - at)))
        return (leat_text){at, (size_t)(end - at)};
    char *to = m.alloc(m.with, (size_t)(end - at) + 4);
    leat_text t = {to, 0};
    while (to && at < end) {
        if (*at != '\\') {
            to[t.n++] = *at++;
            continue;
        }
        at++;
        t.n += put_utf8(to + t.n, read_escape(&at, end));
    }
    return t;
}

size_t json_characters(leat_text utf8)
{
    size_t n = 0;
    for (size_t i = 0; i < utf8.n; i++)
        n += ((unsigned char)utf8.data[i] & 0xc0) != 0x80;
    return n;
}

/* --- values ------------------------------------------------------------------------------------------------------ */

double json_number(const struct json *j)
{
    char t[64];
    size_t n = j->text.n < sizeof t ? j->text.n : sizeof t - 1;
    memcpy(t, j->text.data, n);
    t[n] = 0;
    return strtod(t, NULL);
}

static bool same(leat_text a, leat_text b)
{
    return a.n == b.n && memcmp(a.data, b.data, a.n) == 0;
}

bool json_equal(const struct json *a, const struct json *b)
{
    if (a->kind != b->kind || a->n != b->n)
        return false;
    if (a->kind == JSON_NUMBER)
        return same(a->text, b->text) || json_number(a) == json_number(b);
    if (a->kind != JSON_ARRAY && a->kind != JSON_OBJECT)
        return same(a->text, b->text);
    for (const struct json *x = a->first, *y = b->first; x; x = x->next, y = y->next) {
        const struct json *other = y;
        if (a->kind == JSON_OBJECT)
            for (other = b->first; other && !same(other->name, x->name);)
                other = other->next;
        if (!other || !json_equal(x, other))
            return false;
    }
    return true;
}
