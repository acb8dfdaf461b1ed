/* SPDX-License-Identifier: Apache-2.0 */
/* columns_internal.h: evaluation of whole batches: a column for each node, by a kernel or row by row. */
#ifndef LEAT_CORE_EXPR_COLUMNS_INTERNAL_H
#define LEAT_CORE_EXPR_COLUMNS_INTERNAL_H

#include "core/expr/bits.h"
#include "core/expr/run_internal.h"

enum { TYPE_VALUES = 33 }; /* data: leat_value per row, of any kinds */

/* A node's column. Absent rows read as 0 or empty; bad rows are absent too. */
struct col {
    uint32_t type; /* LEAT_NULL: all absent */
    int32_t scale;
    bool constant; /* value for all rows; no data */
    leat_value value;
    const void *data;
    const uint64_t *valid; /* NULL: all */
    const uint64_t *bad;   /* NULL: none */
};

/* One evaluation. */
struct eval {
    struct call call;
    const struct expr *e;
    struct batch *batch;
    uint32_t n;
    struct memo *memo; /* by node number */
};
struct memo {
    bool made;
    const uint64_t *active;
    struct col col;
};

/* active: the rows that count; others may hold anything (NULL: all). */
struct col eval_node(struct eval *x, const struct node *n, const uint64_t *active);
struct col eval_rows_of(struct eval *x, const struct node *n, const struct col *args, const uint64_t *active);
/* A column from single values: of one type where they are of one. Takes values as its own memory. */
struct col col_from_values(struct eval *x, const struct node *n, leat_value *values, const uint64_t *bad);
struct col col_constant(const leat_value *v);
bool col_value(struct eval *x, const struct col *c, uint32_t row, leat_value *ret);
bool col_is_exact(const struct col *c);

/* Memory of this evaluation: of the batch for the root, else of the run. */
void *eval_room(struct eval *x, const struct node *n, size_t bytes);
uint64_t *eval_bits(struct eval *x);                                            /* not filled in */
uint64_t *eval_zero_bits(struct eval *x);                                       /* all 0 */
const uint64_t *bits_and(struct eval *x, const uint64_t *a, const uint64_t *b); /* of valid and active ones */
const uint64_t *bits_or(struct eval *x, const uint64_t *a, const uint64_t *b);  /* of bad ones */
/* a less b: what is left of rows. */
const uint64_t *bits_less(struct eval *x, const uint64_t *all, const uint64_t *none);
void col_clear_absent(void *data, size_t element, const uint64_t *valid, uint32_t n);
void bits_of_bools(const uint8_t *bools, uint32_t n, uint64_t *ret);

/* False: there is no kernel for these (or a decimal left 64 bits); *ret is not touched. */
bool columns_arithmetic(struct eval *x, const struct node *n, const struct col *a, const struct col *b,
                        struct col *ret);
bool columns_compare(struct eval *x, const struct node *n, enum op op, const struct col *a, const struct col *b,
                     struct col *ret);
bool columns_cast(struct eval *x, const struct node *n, const struct col *a, struct col *ret);
bool columns_concat(struct eval *x, const struct node *n, const struct col *args, struct col *ret);
bool columns_length(struct eval *x, const struct node *n, const struct col *a, struct col *ret);
bool columns_round(struct eval *x, const struct node *n, const struct col *args, struct col *ret);
bool columns_like(struct eval *x, const struct node *n, const struct col *a, struct col *ret);
/* Both decimals (or ints) as mantissas of one scale; constants too. False: they leave 64 bits. */
bool columns_align(struct eval *x, const struct col *a, const struct col *b, struct col *ret_a, struct col *ret_b);
bool columns_call(struct eval *x, const struct node *n, const struct col *args, const uint64_t *active,
                  struct col *ret);
struct col columns_junction(struct eval *x, const struct node *n, const uint64_t *active);
struct col columns_in(struct eval *x, const struct node *n, const uint64_t *active);
struct col columns_case(struct eval *x, const struct node *n, const uint64_t *active);
struct col columns_coalesce(struct eval *x, const struct node *n, const uint64_t *active);
struct col columns_truth(struct eval *x, const struct node *n, const struct col *a);

/* The column as it is given out, converted. */
struct read out_column(struct eval *x, const struct col *c, uint32_t type);
bool out_value(struct call *c, const leat_value *v, uint32_t type, leat_value *ret);
#endif
