/* SPDX-License-Identifier: Apache-2.0 */
/* text.c: texts with a length, and the growing text. */
#include "core/base/base.h"

leat_text text_of(const char *s)
{
    return (leat_text){s, s ? strlen(s) : 0};
}

bool text_is(leat_text t, const char *s)
{
    return text_equal(t, text_of(s));
}

bool text_equal(leat_text a, leat_text b)
{
    return a.n == b.n && (!a.n || memcmp(a.data, b.data, a.n) == 0);
}

int text_compare(leat_text a, leat_text b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.data, b.data, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

leat_text text_trim(leat_text t)
{
    while (t.n && blank(t.data[0]))
        t.data++, t.n--;
    while (t.n && blank(t.data[t.n - 1]))
        t.n--;
    return t;
}

void buf_fini(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

char *buf_room(struct buf *b, size_t bytes)
{
    if (b->cap - b->n <= bytes) { /* one more for the zero */
        size_t cap = b->cap ? b->cap * 2 : 64;
        while (cap - b->n <= bytes)
            cap *= 2;
        b->data = xrealloc(b->data, b->cap = cap);
    }
    return b->data + b->n;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
    char *at = buf_room(b, n);
    if (n)
        memcpy(at, data, n);
    b->n += n;
    b->data[b->n] = 0;
}

void buf_text(struct buf *b, leat_text t)
{
    buf_add(b, t.data, t.n);
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    vsnprintf(buf_room(b, (size_t)n + 1), (size_t)n + 1, format, again);
    va_end(again);
    b->n += (size_t)n;
}

void buf_json(struct buf *b, leat_text t)
{
    static const char names[] = "btn?fr"; /* \b .. \r, of 8 .. 13 */
    buf_char(b, '"');
    for (size_t i = 0; i < t.n; i++) {
        unsigned char c = (unsigned char)t.data[i];
        if (c == '"' || c == '\\') {
            buf_char(b, '\\');
            buf_char(b, (char)c);
        } else if (c >= 8 && c <= 13 && c != 11) {
            buf_char(b, '\\');
            buf_char(b, names[c - 8]);
        } else if (c < 0x20) {
            buf_printf(b, "\\u%04x", c);
        } else {
            buf_char(b, (char)c);
        }
    }
    buf_char(b, '"');
}

leat_text buf_view(const struct buf *b)
{
    return (leat_text){b->data ? b->data : "", b->n};
}

char *buf_steal(struct buf *b)
{
    buf_add(b, "", 0);
    char *s = b->data;
    *b = (struct buf){0};
    return s;
}
