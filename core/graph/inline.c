/* SPDX-License-Identifier: Apache-2.0 */
/* inline.c: expressions that use fields written just before them (`set`): the later one takes the earlier one in, so
 * that both are read from the records as they came. */
#include "core/graph/graph_internal.h"

#include <ctype.h>

enum { INLINED_MAX = 65536 }; /* bytes of one expression */

static bool name_begins(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t name_length(leat_text t)
{
    size_t n = 0;
    while (n < t.n && (name_begins(t.data[n]) || isdigit((unsigned char)t.data[n]) || t.data[n] == '$'))
        n++;
    return n;
}

/* Length of a text in quotes that begins t, doubled quotes included. */
static size_t quoted_length(leat_text t)
{
    size_t n = 1;
    while (n < t.n) {
        if (t.data[n] != t.data[0])
            n++;
        else if (n + 1 < t.n && t.data[n + 1] == t.data[0])
            n += 2;
        else
            return n + 1;
    }
    return n;
}

static const struct earlier *named(leat_text token, const struct earlier *earlier, size_t n)
{
    if (token.n > 1 && token.data[0] == '"')
        token = (leat_text){token.data + 1, token.n - 2};
    for (size_t i = n; i-- > 0;) /* the last that was written */
        if (text_equal(earlier[i].name, token))
            return &earlier[i];
    return NULL;
}

static bool is_call(leat_text rest)
{
    size_t i = 0;
    while (i < rest.n && isspace((unsigned char)rest.data[i]))
        i++;
    return i < rest.n && rest.data[i] == '(';
}

leat_text inline_earlier(struct arena *a, leat_text text, const struct earlier *earlier, size_t n)
{
    auto_buf out = {0};
    char before = 0;
    for (size_t i = 0; i < text.n;) {
        leat_text rest = {text.data + i, text.n - i};
        size_t len = rest.data[0] == '\'' || rest.data[0] == '"' ? quoted_length(rest)
                     : name_begins(rest.data[0])                 ? name_length(rest)
                                                                 : 1;
        leat_text token = {rest.data, len};
        bool name = rest.data[0] == '"' || name_begins(rest.data[0]);
        const struct earlier *e =
            name && before != '.' && !isalnum((unsigned char)before) && before != '$' ? named(token, earlier, n) : NULL;
        if (e && !is_call((leat_text){rest.data + len, rest.n - len}))
            buf_printf(&out, "(" TEXT_FMT ")", TEXT_ARG(e->text));
        else
            buf_text(&out, token);
        before = token.data[len - 1];
        i += len;
        if (out.n > INLINED_MAX)
            break;
    }
    return arena_text(a, buf_view(&out));
}
