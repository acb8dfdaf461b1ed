/* SPDX-License-Identifier: Apache-2.0 */
/* bits.h: bitmaps of rows, a word of 64 at a time. NULL stands for "all" (valid, active) or "none" (bad). */
#ifndef LEAT_CORE_EXPR_BITS_H
#define LEAT_CORE_EXPR_BITS_H

#include <stdbool.h>
#include <stdint.h>

static inline uint32_t bits_words(uint32_t n)
{
    return (n + 63) / 64;
}

static inline bool bits_get(const uint64_t *bits, uint32_t i)
{
    return bits[i >> 6] >> (i & 63) & 1;
}

static inline void bits_set(uint64_t *bits, uint32_t i)
{
    bits[i >> 6] |= (uint64_t)1 << (i & 63);
}

/* The rows that word w stands for, out of n. */
static inline uint64_t bits_rows(uint32_t w, uint32_t n)
{
    uint32_t left = n - w * 64;
    return left >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << left) - 1;
}

static inline uint64_t bits_all(const uint64_t *bits, uint32_t w)
{
    return bits ? bits[w] : ~(uint64_t)0;
}

static inline uint64_t bits_none(const uint64_t *bits, uint32_t w)
{
    return bits ? bits[w] : 0;
}
#endif
