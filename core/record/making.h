/* SPDX-License-Identifier: Apache-2.0 */
/* making.h: columns being filled in, for cells.c and convert.c. */
#ifndef LEAT_CORE_MAKING_H
#define LEAT_CORE_MAKING_H

#include "core/record/record_internal.h"

/* A column being filled in. */
struct making {
    struct memory *m;
    leat_column *c;
    uint64_t *bad;
};

static inline struct making making_new(struct memory *m, uint32_t type, uint32_t n)
{
    return (struct making){m, column_new(m, type, n), NULL};
}

static inline void making_bad(struct making *k, uint32_t row)
{
    bits_set(k->m, &k->bad, k->c->n, row);
    column_absent(k->m, k->c, row);
}

static inline struct read made(const struct making *k)
{
    return (struct read){k->c, k->bad};
}

static inline void clear_element(leat_column *c, uint32_t row)
{
    size_t bytes = type_bytes(c->type);
    if (c->type < LEAT_LIST)
        memset((char *)c->data + row * bytes, 0, bytes);
}

/* Decimals under one scale, as column k->c; false: some do not fit beside the others, and are bad. */
bool decimals_unify(struct making *k, struct decimal *d);
bool cell_decimal(leat_text cell, struct decimal *ret); /* of a JSON value */
#endif
