/* SPDX-License-Identifier: Apache-2.0 */
/* correct.c: where YAML and expressions collide: the line as it should have been written. */
#include "core/config/config_internal.h"

#include <ctype.h>

/* Length of `key: ` at s: a name, a quoted name, then a colon and a blank or the end; 0: none. */
static size_t key_length(leat_text s)
{
    size_t i = 0;
    if (s.n && (s.data[0] == '"' || s.data[0] == '\'')) {
        for (i = 1; i < s.n && s.data[i] != s.data[0];)
            i++;
        i++;
    } else
        while (i < s.n && (isalnum((unsigned char)s.data[i]) || (s.data[i] && strchr("_-.$", s.data[i]))))
            i++;
    if (!i || i >= s.n || s.data[i] != ':' || (i + 1 < s.n && s.data[i + 1] != ' '))
        return 0;
    for (i++; i < s.n && s.data[i] == ' ';)
        i++;
    return i;
}

/* Past the text in SQL's quotes that begins at i. */
static size_t past_quotes(leat_text s, size_t i)
{
    char quote = s.data[i];
    for (i++; i < s.n && s.data[i] != quote;)
        i += s.data[i] == '\\' && quote == '"' ? 2 : 1;
    return i < s.n ? i + 1 : s.n;
}

/* Length of an expression that was meant as one value within { } or [ ]: up to a comma or an end outside of
 * parentheses. */
static size_t value_length(leat_text s)
{
    long depth = 0;
    size_t i = 0, end;
    while (i < s.n) {
        char c = s.data[i];
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            break;
        depth += (c == '(' || c == '[' || c == '{') - (c == ')' || c == ']' || c == '}');
        i = c == '"' || c == '\'' ? past_quotes(s, i) : i + 1;
    }
    for (end = i; end > 0 && s.data[end - 1] == ' ';)
        end--;
    return end;
}

/* One quoted text as YAML reads it, and nothing else. */
static bool is_quoted(leat_text v)
{
    return v.n > 1 && (v.data[0] == '"' || v.data[0] == '\'') && past_quotes(v, 0) == v.n;
}

static bool has(leat_text v, const char *what)
{
    return memmem(v.data, v.n, what, strlen(what)) != NULL;
}

static bool needs_quotes(leat_text v, bool flow)
{
    if (!v.n || is_quoted(v))
        return false;
    if (strchr("@`\"'%", v.data[0]) || has(v, ": ") || has(v, " #") || has(v, "${"))
        return v.data[0] != '\'' || v.n > 1;
    if (flow && memchr("{[", v.data[0], 2))
        return false;
    for (size_t i = 0; flow && i < v.n; i++)
        if (strchr(",{}[]", v.data[i]))
            return true;
    return false;
}

static void put_quoted(struct buf *out, leat_text v)
{
    bool single = memchr(v.data, '"', v.n) || memchr(v.data, '\\', v.n);
    buf_char(out, single ? '\'' : '"');
    for (size_t i = 0; i < v.n; i++) {
        if (single && v.data[i] == '\'')
            buf_char(out, '\'');
        buf_char(out, v.data[i]);
    }
    buf_char(out, single ? '\'' : '"');
}

/* A value behind a key, or an item. */
static size_t put_value(struct buf *out, leat_text s, bool flow, bool *changed)
{
    size_t n = flow ? value_length(s) : s.n;
    while (n && !flow && isspace((unsigned char)s.data[n - 1]))
        n--;
    leat_text v = {s.data, n};
    bool quote = needs_quotes(v, flow);
    *changed |= quote;
    if (quote)
        put_quoted(out, v);
    else
        buf_text(out, v);
    return n;
}

/* Inside { } or [ ]: keys stand as they are, values get quotes where they need them. */
static void put_flow(struct buf *out, leat_text s, bool *changed)
{
    for (size_t i = 0; i < s.n;) {
        leat_text rest = {s.data + i, s.n - i};
        char c = s.data[i];
        size_t n = key_length(rest);
        if (n || c == '{' || c == '[' || c == '}' || c == ']' || c == ',' || c == ' ') {
            n = n ? n : 1;
            buf_add(out, rest.data, n);
            i += n;
        } else {
            n = put_value(out, rest, true, changed);
            i += n ? n : 1;
        }
    }
}

const char *line_corrected(struct arena *a, leat_text line)
{
    auto_buf out = {0};
    bool changed = false;
    size_t i = 0;
    while (i < line.n && (line.data[i] == ' ' || (line.data[i] == '-' && i + 1 < line.n && line.data[i + 1] == ' ')))
        i++;
    i += key_length((leat_text){line.data + i, line.n - i});
    buf_add(&out, line.data, i);
    leat_text rest = {line.data + i, line.n - i};
    if (rest.n && (rest.data[0] == '{' || rest.data[0] == '['))
        put_flow(&out, rest, &changed);
    else
        put_value(&out, rest, false, &changed);
    if (!changed)
        return NULL;
    leat_text all = text_trim(buf_view(&out));
    return arena_text(a, all).data;
}
