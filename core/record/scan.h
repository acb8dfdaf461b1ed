/* SPDX-License-Identifier: Apache-2.0 */
/* scan.h: how values in JSON text are skipped, 16 bytes at a time where the processor can.
 *
 * What is scanned is followed, within its block, by a line end (so that no scan runs away) and by BLOCK_SLACK bytes
 * that may be read. SSE2 is part of every x86-64; wider registers measured no better on records of a few hundred bytes.
 */
#ifndef LEAT_CORE_SCAN_H
#define LEAT_CORE_SCAN_H

#include "core/record/record_internal.h"

#ifdef __SSE2__
#include <emmintrin.h>

/* Bit i: byte i is a quote, a backslash or a control character. */
static inline unsigned scan_text_mask(const char *p)
{
    __m128i x = _mm_loadu_si128((const __m128i *)p);
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
    __m128i special = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(control, special));
}

/* Bit i: byte i ends a number or a word: a comma, a closing bracket, a blank or a control character. */
static inline unsigned scan_word_mask(const char *p)
{
    __m128i x = _mm_loadu_si128((const __m128i *)p);
    __m128i blank = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x20)), x);
    __m128i closing = _mm_cmpeq_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('}')); /* ] and } */
    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(blank, closing), _mm_cmpeq_epi8(x, _mm_set1_epi8(','))));
}

/* Bit i: byte i is a digit. */
static inline unsigned scan_digit_mask(const char *p)
{
    __m128i x = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8('0'));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(9)), x));
}

/* Bit i: byte i is the delimiter or a line end of csv. */
static inline unsigned scan_field_mask(const char *p, char delimiter)
{
    __m128i x = _mm_loadu_si128((const __m128i *)p);
    __m128i end = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\r')));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(end, _mm_cmpeq_epi8(x, _mm_set1_epi8(delimiter))));
}

/* n <= 16 bytes are the same; both may be read 16 bytes far. */
static inline bool scan_equal16(const char *a, const char *b, unsigned n)
{
    __m128i same = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)a), _mm_loadu_si128((const __m128i *)b));
    return (~(unsigned)_mm_movemask_epi8(same) & ((1u << n) - 1)) == 0;
}

/* Bit i of *ret_ends: byte i of 64 is a line end. True: all 64 are ASCII. */
static inline bool scan_lines64(const char *p, uint64_t *ret_ends)
{
    __m128i end = _mm_set1_epi8('\n'), any = _mm_setzero_si128();
    uint64_t ends = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m128i x = _mm_loadu_si128((const __m128i *)(p + i * 16));
        ends |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, end)) << (i * 16);
        any = _mm_or_si128(any, x);
    }
    *ret_ends = ends;
    return _mm_movemask_epi8(any) == 0;
}

/* Copies n bytes; reads and writes up to 32 bytes too many. */
static inline char *scan_copy(char *to, const char *from, size_t n)
{
    size_t i = 0;
    do {
        _mm_storeu_si128((__m128i *)(to + i), _mm_loadu_si128((const __m128i *)(from + i)));
        _mm_storeu_si128((__m128i *)(to + i + 16), _mm_loadu_si128((const __m128i *)(from + i + 16)));
        i += 32;
    } while (i < n);
    return to + n;
}

#else /* the same, byte by byte */

static inline unsigned scan_text_mask(const char *p)
{
    unsigned mask = 0;
    for (int i = 0; i < 16; i++)
        mask |= (unsigned)(p[i] == '"' || p[i] == '\\' || (unsigned char)p[i] < 0x20) << i;
    return mask;
}

static inline unsigned scan_word_mask(const char *p)
{
    unsigned mask = 0;
    for (int i = 0; i < 16; i++)
        mask |= (unsigned)(p[i] == ',' || p[i] == ']' || p[i] == '}' || (unsigned char)p[i] <= 0x20) << i;
    return mask;
}

static inline unsigned scan_digit_mask(const char *p)
{
    unsigned mask = 0;
    for (int i = 0; i < 16; i++)
        mask |= (unsigned)((unsigned)(p[i] - '0') < 10) << i;
    return mask;
}

static inline unsigned scan_field_mask(const char *p, char delimiter)
{
    unsigned mask = 0;
    for (int i = 0; i < 16; i++)
        mask |= (unsigned)(p[i] == '\n' || p[i] == '\r' || p[i] == delimiter) << i;
    return mask;
}

static inline bool scan_equal16(const char *a, const char *b, unsigned n)
{
    return memcmp(a, b, n) == 0;
}

static inline bool scan_lines64(const char *p, uint64_t *ret_ends)
{
    unsigned char any = 0;
    *ret_ends = 0;
    for (int i = 0; i < 64; i++) {
        *ret_ends |= (uint64_t)(p[i] == '\n') << i;
        any |= (unsigned char)p[i];
    }
    return any < 0x80;
}

static inline char *scan_copy(char *to, const char *from, size_t n)
{
    return memcpy(to, from, n), to + n;
}
#endif

/* p is behind the opening quote: past the closing one, or NULL where the string is wrong. */
static inline const char *scan_string(const char *p, const char *end)
{
    for (;;) {
        unsigned mask = scan_text_mask(p);
        if (LIKELY(mask)) {
            p += __builtin_ctz(mask);
            return LIKELY(*p == '"') ? p + 1 : *p == '\\' ? json_string_rest(p, end) : NULL;
        }
        p += 16;
    }
}

/* Is it a number of fewer than 16 bytes of digits, with at most a sign before and a point inside? Others: look closer.
 */
static inline bool scan_plain_number(const char *v, unsigned n)
{
    unsigned other = ~scan_digit_mask(v) & ((1u << n) - 1), minus = *v == '-';
    const char *first = v + minus;
    other &= ~minus;
    if (LIKELY(!other))
        return n > minus && (LIKELY(*first != '0') || n == minus + 1);
    unsigned at = (unsigned)__builtin_ctz(other);
    return !(other & (other - 1)) && v[at] == '.' && at > minus && at + 1 < n && (*first != '0' || at == minus + 1);
}

/* Past a number or a word, NULL where it is neither. */
__attribute__((always_inline)) static inline const char *scan_word(const char *v, const char *end)
{
    unsigned mask = scan_word_mask(v), n = mask ? (unsigned)__builtin_ctz(mask) : 16;
    if (LIKELY(n < 16 && n) && LIKELY(scan_plain_number(v, n)))
        return v + n;
    return json_word(v, end);
}

/* Past the value at v; depth: how many levels of arrays there may be in it. Objects with members are no leaves: NULL.
 */
__attribute__((always_inline)) static inline const char *scan_value(const char *v, const char *end, size_t depth)
{
    if (*v == '"')
        return scan_string(v + 1, end);
    if (UNLIKELY(*v == '[' || *v == '{'))
        return json_opaque(v, end, depth);
    return scan_word(v, end);
}
#endif
