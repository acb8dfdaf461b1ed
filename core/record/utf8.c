/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.c: is it UTF-8 (RFC 3629), and what to put where it is not. */
#include "core/record/record_internal.h"

/* Length of the sequence at p, 0 if it is wrong. Table 3-7 of the Unicode standard. */
static size_t sequence_length(const unsigned char *p, size_t n)
{
    unsigned char a = p[0], least = 0x80, most = 0xbf;
    size_t length = a < 0x80 ? 1 : a < 0xc2 ? 0 : a < 0xe0 ? 2 : a < 0xf0 ? 3 : a < 0xf5 ? 4 : 0;
    if (length < 2 || length > n)
        return length > n ? 0 : length;
    if (a == 0xe0)
        least = 0xa0;
    else if (a == 0xed)
        most = 0x9f;
    else if (a == 0xf0)
        least = 0x90;
    else if (a == 0xf4)
        most = 0x8f;
    if (p[1] < least || p[1] > most)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* Past the ASCII bytes at the start. */
static size_t ascii_length(const char *p, size_t n)
{
    size_t i = 0;
    uint64_t word;
    for (; i + 8 <= n; i += 8) {
        memcpy(&word, p + i, 8);
        if (word & 0x8080808080808080u)
            break;
    }
    while (i < n && (unsigned char)p[i] < 0x80)
        i++;
    return i;
}

size_t utf8_check(const char *p, size_t n)
{
    size_t i = 0;
    for (;;) {
        i += ascii_length(p + i, n - i);
        if (i >= n)
            return n;
        size_t length = sequence_length((const unsigned char *)p + i, n - i);
        if (!length)
            return i;
        i += length;
    }
}

leat_text utf8_repair(struct memory *m, leat_text t)
{
    size_t good = utf8_check(t.data, t.n);
    if (good == t.n)
        return t;
    char *to = memory_alloc(m, t.n * 3), *at = to;
    for (size_t i = 0; i < t.n;) {
        good = utf8_check(t.data + i, t.n - i);
        memcpy(at, t.data + i, good);
        at += good;
        i += good;
        if (i < t.n) {
            memcpy(at, "\xef\xbf\xbd", 3);
            at += 3;
            i++;
        }
    }
    return (leat_text){to, (size_t)(at - to)};
}
