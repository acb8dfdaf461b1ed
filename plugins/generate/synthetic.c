/* SPDX-License-Identifier: Apache-2.0 */
/* synthetic.c: plain load. Every field has a fixed width and is written without a format, so that the generator is
 * never what is slow; numbers begin with a digit from 1, because JSON has no leading zeros. */
#include "synthetic.h"

#include <string.h>

#define PUT(to, literal) (memcpy(to, literal, sizeof(literal) - 1), (to) + sizeof(literal) - 1)

static uint64_t mix(uint64_t z) /* the finaliser of splitmix64 */
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline char *digits(char *to, uint32_t n, unsigned width)
{
    for (unsigned i = width; i--; n /= 10)
        to[i] = (char)('0' + n % 10);
    return to + width;
}

/* 100 .. 999 */
static inline char *hundreds(char *to, uint32_t any)
{
    return digits(to, 100 + any % 900, 3);
}

static inline char *choice(char *to, const char *all, uint32_t which, size_t width)
{
    memcpy(to, all + which * width, width);
    return to + width;
}

/* Seconds of January 2026, so that two records a second apart differ. */
static char *clock_text(char *to, uint64_t i)
{
    uint32_t ms = (uint32_t)(i % 1000), s = (uint32_t)(i / 1000 % (27 * 86400));
    to = digits(PUT(to, "2026-01-"), 1 + s / 86400, 2);
    to = digits(PUT(to, "T"), s % 86400 / 3600, 2);
    to = digits(PUT(to, ":"), s % 3600 / 60, 2);
    to = digits(PUT(to, ":"), s % 60, 2);
    to = digits(PUT(to, "."), ms, 3);
    return PUT(to, "Z");
}

static char *record(char *to, uint64_t seed, uint64_t i)
{
    uint64_t a = mix(seed + i * UINT64_C(0x9e3779b97f4a7c15)), b = mix(a);
    to = digits(PUT(to, "{\"event_id\":\"EV-"), (uint32_t)(i / 100000000 % 100000000), 8);
    to = digits(to, (uint32_t)(i % 100000000), 8);
    to = clock_text(PUT(to, "\",\"ts\":\""), i);
    to = digits(PUT(to, "\",\"sku\":\"SKU-"), (uint32_t)(a & 0xffffff) % 200000, 7);
    to = choice(PUT(to, "\",\"warehouse\":\"WH-"), "EU-NORTHEU-SOUTHUS-NORTHUS-SOUTHAP-NORTHAP-SOUTH",
                (uint32_t)(a >> 24 & 0xff) % 6, 8);
    to = digits(PUT(to, "-"), (uint32_t)(a >> 32 & 0xff) % 200, 3);
    to = hundreds(PUT(to, "\",\"qty\":"), (uint32_t)(a >> 40));
    to = hundreds(PUT(to, ",\"reorder_point\":"), (uint32_t)b & 0xffffff);
    to = hundreds(PUT(to, ",\"unit_cost\":"), (uint32_t)(b >> 16) & 0xffffff);
    to = digits(PUT(to, "."), (uint32_t)(b >> 24 & 0xff) % 100, 2);
    to = choice(PUT(to, ",\"status\":\""), "IN_STOCKSOLD_OUTON_ORDERRESERVED", (uint32_t)(b >> 32 & 3), 8);
    to = digits(PUT(to, "\",\"supplier\":{\"id\":\"SUP-"), (uint32_t)(b >> 36 & 0xffff) % 5000, 4);
    to = choice(PUT(to, "\",\"country\":\""), "DEFRUSCNINBRJPGB", (uint32_t)(b >> 56 & 7), 2);
    return PUT(to, "\"},\"note\":\"synthetic\"}\n");
}

void synthetic_write(char *to, uint64_t seed, uint64_t first, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        to = record(to, seed, first + k);
}
