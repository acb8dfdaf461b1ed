/* SPDX-License-Identifier: Apache-2.0 */
/* expr_lab.h: what the tests of expressions share: a lane, records, and numbers that come by chance but the same each
 * time. */
#ifndef LEAT_TESTS_EXPR_LAB_H
#define LEAT_TESTS_EXPR_LAB_H

#include "core/expr/expr.h"

#include <setjmp.h>

#include <cmocka.h>

/* A lane of its own: records in, one expression over them, its column as JSON. */
struct lab {
    struct arena arena;
    struct paths *paths;
    struct pool *pool;
    struct expr_run *run;
};

static inline int lab_new(void **state)
{
    struct lab *l = xcalloc(1, sizeof *l);
    l->paths = paths_new();
    l->pool = pool_new();
    l->run = expr_run_new();
    *state = l;
    return 0;
}

static inline int lab_free(void **state)
{
    struct lab *l = *state;
    expr_run_free(l->run);
    pool_free(l->pool);
    paths_free(l->paths);
    arena_fini(&l->arena);
    free(l);
    return 0;
}

static inline struct batch *records(struct lab *l, const char *lines)
{
    struct codec json;
    codec_default(&json, CODEC_JSON);
    struct origin *origin = origin_new(TEXT("flow/source/file/"), TEXT("file"), TEXT("file"), 0);
    struct decoder *d = decoder_new(&json, l->paths, l->pool, origin);
    memcpy(decoder_space(d, strlen(lines)), lines, strlen(lines));
    decoder_fill(d, strlen(lines));
    decoder_end(d);
    struct batch *b = decoder_next(d, 65536);
    assert_non_null(b);
    decoder_free(d);
    origin_unref(origin);
    b->view.now_us = INT64_C(1772323200000000); /* 2026-03-01 */
    return b;
}

/* xorshift64* */
static inline uint64_t chance(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1du;
}

static inline uint32_t below(uint64_t *seed, uint32_t n)
{
    return (uint32_t)(chance(seed) >> 33) % n;
}

/* $SEED, or what is given; said in the output, so that a failure can be had again. */
static inline uint64_t lab_seed(uint64_t usual)
{
    const char *given = getenv("SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : usual;
    print_message("# SEED=%llu\n", (unsigned long long)seed);
    return seed;
}
#endif
