/* SPDX-License-Identifier: Apache-2.0 */
/* expr.h: the expression language: PostgreSQL's scalar SQL over the fields of a record; and templates.
 *
 * Parsed and type-checked when a flow is loaded, as far as types are known; evaluated on whole batches by column kernels,
 * and row by row where a column's values differ in kind or no kernel fits. Both ways give the same answers. */
#ifndef LEAT_CORE_EXPR_H
#define LEAT_CORE_EXPR_H

#include "core/base/base.h"
#include "core/record/record.h"

struct expr;

/* What is wrong with a text, and where: byte offset and length in it. */
struct expr_error {
    size_t offset, length;
    char code[8];    /* "E3xx" */
    char text[512];  /* one sentence */
    char hint[256];  /* next step, or empty: "did you mean 'quantity'?" */
};

/* What is known of the fields. */
struct expr_fields {
    void *self;
    /* The type of a path (LEAT_NULL: not known before the first record) -> true; false: there is no such field, and *ret_near
     * may name one that is spelt alike. NULL function: nothing is known, all is allowed. */
    bool (*type)(void *self, leat_text path, uint32_t *ret_type, const char **ret_near);
};

/* [main] NULL and *error when it is wrong. Memory is the arena's. Paths are added to `paths`. */
struct expr *expr_parse(struct arena *a, struct paths *paths, leat_text text, const struct expr_fields *fields,
                        struct expr_error *error);
/* "stock-{warehouse}", "{day:YYYY-MM}", "{{": a text. Null in it makes the whole null. */
struct expr *expr_template(struct arena *a, struct paths *paths, leat_text text, const struct expr_fields *fields,
                           struct expr_error *error);
/* Aggregates, only inside `aggregate`: sum(qty) -> name "sum", arguments. */
struct expr_call {
    leat_text name;
    size_t n;
    struct expr *const *arguments;
};
int expr_aggregate(struct arena *a, struct paths *paths, leat_text text, const struct expr_fields *fields,
                   struct expr_call *ret, struct expr_error *error);

uint32_t expr_type(const struct expr *e);                        /* LEAT_NULL: not known before the first record */
const uint32_t *expr_paths(const struct expr *e, size_t *ret_n); /* what it reads */
uint32_t expr_is_field(const struct expr *e);                    /* a field alone: its path; else PATH_NONE */
bool expr_is_constant(const struct expr *e, leat_value *ret);
enum { EXPR_NOW = 1, EXPR_RANDOM = 2 };
uint32_t expr_impure(const struct expr *e); /* what would differ in a replay */
leat_text expr_prefix(const struct expr *e); /* of a template: the literal text before the first { */
void expr_explain(const struct expr *e, struct buf *out); /* the compiled form, for `leat explain` */

/* One lane's working memory. */
struct expr_run;
struct expr_run *expr_run_new(void);
void expr_run_free(struct expr_run *r);
/* A column over all rows of b, in b's memory. type as in batch_read (LEAT_NULL: as it comes). Rows where it fails (overflow,
 * wrong type, error()) are `bad` and absent. Time is b's now_us. */
struct read expr_eval(struct expr_run *r, const struct expr *e, struct batch *b, uint32_t type);
/* Why row `row` was bad: a sentence and a constant code: "type", "overflow", "division_by_zero", "domain", "scale" (decimals
 * that no column holds together), "error". */
void expr_reason(struct expr_run *r, const struct expr *e, struct batch *b, uint32_t row, uint32_t type, char ret[256],
                 const char **ret_code);

/* Row by row, for tests (the judge of the kernels) and for `eval`. */
struct read expr_eval_rows(struct expr_run *r, const struct expr *e, struct batch *b, uint32_t type);

/* The functions that exist: for reference pages, completion and tests. */
struct expr_function {
    const char *name, *signature, *doc;
    const char *example, *result; /* run as a test */
};
const struct expr_function *expr_functions(size_t *ret_n);
#endif
