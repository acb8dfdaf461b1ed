/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.c: is it UTF-8 (RFC 3629), and what to put where it is not. */
#include "core/record/record_internal.h"

#ifdef __SSE2__
#include <tmmintrin.h>
#endif

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

#ifdef __SSE2__
/* Sixteen bytes at a time, by three lookups of half bytes: J. Keiser and D. Lemire, "Validating UTF-8 in less than one
 * instruction per byte", Software: Practice and Experience 51 (2021). Needs SSSE3, which all but the first x86-64 have.
 */
enum {
    TOO_SHORT = 1,
    TOO_LONG = 2,
    OVERLONG_3 = 4,
    TOO_LARGE = 8,
    SURROGATE = 16,
    OVERLONG_2 = 32,
    TOO_LARGE_1000 = 64,
    OVERLONG_4 = 64,
    TWO_CONTINUE = 128,
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTINUE,
    LARGE = CARRY | TOO_LARGE | TOO_LARGE_1000,
    SECOND = TOO_LONG | OVERLONG_2 | TWO_CONTINUE,
};
#define ROW(...) _mm_setr_epi8(__VA_ARGS__)
#define BYTE(x) ((char)(x))

struct utf8_state {
    __m128i before, error;
};

__attribute__((target("ssse3"))) static void check16(struct utf8_state *s, __m128i x)
{
    const __m128i first_high =
        ROW(TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, BYTE(TWO_CONTINUE),
            BYTE(TWO_CONTINUE), BYTE(TWO_CONTINUE), BYTE(TWO_CONTINUE), TOO_SHORT | OVERLONG_2, TOO_SHORT,
            TOO_SHORT | OVERLONG_3 | SURROGATE, TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4);
    const __m128i first_low =
        ROW(BYTE(CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4), BYTE(CARRY | OVERLONG_2), BYTE(CARRY), BYTE(CARRY),
            BYTE(CARRY | TOO_LARGE), BYTE(LARGE), BYTE(LARGE), BYTE(LARGE), BYTE(LARGE), BYTE(LARGE), BYTE(LARGE),
            BYTE(LARGE), BYTE(LARGE), BYTE(LARGE | SURROGATE), BYTE(LARGE), BYTE(LARGE));
    const __m128i second_high = ROW(TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
                                    TOO_SHORT, BYTE(SECOND | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4),
                                    BYTE(SECOND | OVERLONG_3 | TOO_LARGE), BYTE(SECOND | SURROGATE | TOO_LARGE),
                                    BYTE(SECOND | SURROGATE | TOO_LARGE), TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT);
    const __m128i low = _mm_set1_epi8(0x0f);
    __m128i one = _mm_alignr_epi8(x, s->before, 15);
    __m128i bits = _mm_shuffle_epi8(first_high, _mm_and_si128(_mm_srli_epi16(one, 4), low));
    bits = _mm_and_si128(bits, _mm_shuffle_epi8(first_low, _mm_and_si128(one, low)));
    bits = _mm_and_si128(bits, _mm_shuffle_epi8(second_high, _mm_and_si128(_mm_srli_epi16(x, 4), low)));
    __m128i third = _mm_subs_epu8(_mm_alignr_epi8(x, s->before, 14), _mm_set1_epi8(0xe0 - 0x80));
    __m128i fourth = _mm_subs_epu8(_mm_alignr_epi8(x, s->before, 13), _mm_set1_epi8(0xf0 - 0x80));
    __m128i must = _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8(BYTE(0x80)));
    s->error = _mm_or_si128(s->error, _mm_xor_si128(must, bits));
    s->before = x;
}

__attribute__((target("ssse3"))) static bool all_utf8(const char *p, size_t n)
{
    struct utf8_state s = {_mm_setzero_si128(), _mm_setzero_si128()};
    char last[32] = {0}; /* the zeros behind the end show a sequence that is cut off there */
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        check16(&s, _mm_loadu_si128((const __m128i *)(p + i)));
    memcpy(last, p + i, n - i);
    check16(&s, _mm_loadu_si128((const __m128i *)last));
    check16(&s, _mm_loadu_si128((const __m128i *)(last + 16)));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(s.error, _mm_setzero_si128())) == 0xffff;
}

static bool wide_says_good(const char *p, size_t n)
{
    return n >= 16 && !record_scalar && __builtin_cpu_supports("ssse3") && all_utf8(p, n);
}
#else
static bool wide_says_good(const char *p, size_t n)
{
    return false;
}
#endif

size_t utf8_check(const char *p, size_t n)
{
    size_t i = ascii_length(p, n);
    if (i == n || wide_says_good(p + i, n - i))
        return n;
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
