/* SPDX-License-Identifier: Apache-2.0 */
/* fn_json.c: functions of arrays and objects, which are kept as JSON text. */
#include "core/expr/expr_internal.h"

#include <ctype.h>

enum { JSON_DEPTH_MAX = 128 };

/* --- walking valid JSON ------------------------------------------------------------------------------------------ */

static size_t blanks(leat_text t, size_t at)
{
    while (at < t.n && (t.data[at] == ' ' || t.data[at] == '\t' || t.data[at] == '\n' || t.data[at] == '\r'))
        at++;
    return at;
}

/* Behind the text whose first quote stands at `at`. */
static size_t skip_text(leat_text t, size_t at)
{
    for (at++; at < t.n && t.data[at] != '"'; at++)
        at += t.data[at] == '\\';
    return at < t.n ? at + 1 : t.n;
}

/* Behind the value at `at`. */
static size_t skip_value(leat_text t, size_t at)
{
    int depth = 0;
    if (at < t.n && t.data[at] == '"')
        return skip_text(t, at);
    if (at < t.n && t.data[at] != '{' && t.data[at] != '[') {
        while (at < t.n && !strchr(",]} \t\r\n", t.data[at]))
            at++;
        return at;
    }
    do {
        char ch = at < t.n ? t.data[at] : 0;
        depth += (ch == '{' || ch == '[') - (ch == '}' || ch == ']');
        at = ch == '"' ? skip_text(t, at) : at + 1;
    } while (at < t.n && depth);
    return at < t.n ? at : t.n;
}

struct walk {
    leat_text json;
    size_t at;
    bool object;
    leat_text key, value; /* the key with its quotes */
};

static struct walk walk_start(leat_text json)
{
    return (struct walk){.json = json, .at = 1, .object = json.n && json.data[0] == '{'};
}

static bool walk_next(struct walk *w)
{
    leat_text t = w->json;
    size_t at = blanks(t, w->at);
    if (at < t.n && t.data[at] == ',')
        at = blanks(t, at + 1);
    if (at >= t.n || t.data[at] == ']' || t.data[at] == '}')
        return false;
    if (w->object) {
        size_t end = skip_value(t, at);
        w->key = (leat_text){t.data + at, end - at};
        at = blanks(t, end);
        at = blanks(t, at < t.n ? at + 1 : at); /* the colon */
    }
    size_t end = skip_value(t, at);
    w->value = (leat_text){t.data + at, end - at};
    w->at = end;
    return true;
}

/* --- checking what comes from a text ----------------------------------------------------------------------------- */

static bool check_value(leat_text t, size_t *at, int depth);

static bool check_text(leat_text t, size_t *at)
{
    for (size_t i = *at + 1; i < t.n; i++) {
        unsigned char ch = (unsigned char)t.data[i];
        if (ch == '"')
            return *at = i + 1, true;
        if (ch < 0x20)
            return false;
        if (ch != '\\')
            continue;
        if (++i >= t.n || !strchr("\"\\/bfnrtu", t.data[i]) || !t.data[i])
            return false;
        for (int k = 0; t.data[i] == 'u' && k < 4; k++)
            if (i + 4 >= t.n || !isxdigit((unsigned char)t.data[i + 1 + k]))
                return false;
    }
    return false;
}

static bool check_number(leat_text t, size_t *at)
{
    size_t from = *at, i = from;
    while (i < t.n && (isdigit((unsigned char)t.data[i]) || strchr("+-.eE", t.data[i])) && t.data[i])
        i++;
    leat_text n = {t.data + from, i - from};
    leat_value v;
    size_t first = n.n && n.data[0] == '-', last = n.n;
    if (!value_parse_number(n, &v) || !isdigit((unsigned char)n.data[first]) || n.data[0] == '+' ||
        !isdigit((unsigned char)n.data[last - 1]))
        return false;
    const char *point = memchr(n.data, '.', n.n);
    if (point && !isdigit((unsigned char)point[1]))
        return false;
    *at = i;
    return n.data[first] != '0' || first + 1 == n.n || !isdigit((unsigned char)n.data[first + 1]);
}

static bool check_word(leat_text t, size_t *at, const char *word)
{
    size_t n = strlen(word);
    if (t.n - *at < n || memcmp(t.data + *at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

static bool check_members(leat_text t, size_t *at, int depth)
{
    bool object = t.data[*at] == '{';
    char close = object ? '}' : ']';
    *at = blanks(t, *at + 1);
    if (*at < t.n && t.data[*at] == close)
        return ++*at, true;
    for (;;) {
        if (object) {
            if (*at >= t.n || t.data[*at] != '"' || !check_text(t, at))
                return false;
            *at = blanks(t, *at);
            if (*at >= t.n || t.data[(*at)++] != ':')
                return false;
        }
        if (!check_value(t, at, depth + 1))
            return false;
        *at = blanks(t, *at);
        if (*at >= t.n || (t.data[*at] != ',' && t.data[*at] != close))
            return false;
        if (t.data[(*at)++] == close)
            return true;
        *at = blanks(t, *at);
    }
}

static bool check_value(leat_text t, size_t *at, int depth)
{
    *at = blanks(t, *at);
    if (*at >= t.n || depth > JSON_DEPTH_MAX)
        return false;
    switch (t.data[*at]) {
    case '"':
        return check_text(t, at);
    case '{':
    case '[':
        return check_members(t, at, depth);
    case 't':
        return check_word(t, at, "true");
    case 'f':
        return check_word(t, at, "false");
    case 'n':
        return check_word(t, at, "null");
    default:
        return check_number(t, at);
    }
}

/* --- functions --------------------------------------------------------------------------------------------------- */

FUNCTION(function_parse_json)
{
    leat_text t = text_trim(args[0].as.text);
    size_t at = 0;
    (void)n;
    if (!check_value(t, &at, 0) || at != t.n)
        return call_fail(c, "type", "'" TEXT_FMT "' is no JSON", (int)(t.n < 60 ? t.n : 60), t.data);
    return value_parse_json(c, t, ret);
}

FUNCTION(function_to_json)
{
    auto_buf out = {0};
    leat_text t;
    (void)n;
    if (!value_to_text(c, &args[0], &t))
        return false;
    if (args[0].type == LEAT_TEXT || args[0].type == LEAT_TIME || args[0].type == TYPE_DURATION)
        buf_json(&out, t);
    else
        return *ret = value_text(t), true;
    char *copy = call_room(c, out.n);
    memcpy(copy, out.data, out.n);
    *ret = value_text((leat_text){copy, out.n});
    return true;
}

FUNCTION(function_array_length)
{
    int64_t count = 0;
    (void)n;
    if (args[0].as.text.data[0] != '[')
        return call_fail(c, "type", "array_length takes an array, not an object");
    for (struct walk w = walk_start(args[0].as.text); walk_next(&w);)
        count++;
    *ret = value_int(count);
    return true;
}

/* An array has the member, an object the name, a text the part. */
FUNCTION(function_contains)
{
    leat_value item;
    bool found = false;
    (void)n;
    if (args[0].type == LEAT_TEXT) {
        if (args[1].type != LEAT_TEXT)
            return call_fail(c, "type", "a text contains texts, not %s", type_name(args[1].type));
        leat_text t = args[0].as.text, part = args[1].as.text;
        *ret = value_bool(!part.n || (t.n && memmem(t.data, t.n, part.data, part.n)));
        return true;
    }
    for (struct walk w = walk_start(args[0].as.text); !found && walk_next(&w);) {
        if (!value_parse_json(c, w.object ? w.key : w.value, &item))
            return false;
        found = item.type != LEAT_NULL && value_equal(&item, &args[1]);
    }
    *ret = value_bool(found);
    return true;
}

static bool element_at(struct call *c, leat_text array, int64_t wanted, leat_value *ret)
{
    leat_value count;
    leat_value self = {.type = LEAT_JSON, .as.text = array};
    if (wanted < 0) {
        if (!function_array_length(c, &self, 1, &count))
            return false;
        wanted += count.as.i64;
    }
    *ret = (leat_value){0};
    int64_t i = 0;
    for (struct walk w = walk_start(array); wanted >= 0 && walk_next(&w); i++)
        if (i == wanted)
            return value_parse_json(c, w.value, ret);
    return true;
}

/* Of an array by number, from 0, or from the end by -1; of an object by name (of two alike the last). */
FUNCTION(function_element)
{
    leat_text json = args[0].as.text;
    leat_value key;
    bool object = json.data[0] == '{';
    (void)n;
    if (!object && args[1].type == LEAT_I64)
        return element_at(c, json, args[1].as.i64, ret);
    if (!object || args[1].type != LEAT_TEXT)
        return call_fail(c, "type",
                         object ? "an element of an object has a name" : "an element of an array has a number");
    *ret = (leat_value){0};
    for (struct walk w = walk_start(json); walk_next(&w);)
        if (value_parse_json(c, w.key, &key) && value_equal(&key, &args[1]) && !value_parse_json(c, w.value, ret))
            return false;
    return true;
}
