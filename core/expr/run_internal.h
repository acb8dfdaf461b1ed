/* SPDX-License-Identifier: Apache-2.0 */
/* run_internal.h: a lane's working memory. */
#ifndef LEAT_CORE_EXPR_RUN_INTERNAL_H
#define LEAT_CORE_EXPR_RUN_INTERNAL_H

#include "core/expr/expr_internal.h"

#include <locale.h>
#include <regex.h>

struct regex;
enum digest_kind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256, DIGESTS };
struct scratch {
    void *at;
    size_t cap;
};
struct expr_run {
    VEC(struct regex *) regexes;
    VEC(struct scratch) scratch; /* columns of one evaluation; taken in the same order each time, so sizes settle */
    size_t taken;
    char *text, *text_end; /* what is left of a piece of the batch's memory */
    size_t text_piece;
    size_t text_bytes;                  /* made for this batch */
    struct evp_md_st *digests[DIGESTS]; /* of OpenSSL, once they were needed */
    struct evp_md_ctx_st *digesting;
    struct batch *batch; /* whose memory that is */
};

bool run_holds(const struct expr_run *r, const void *p); /* whether p points into its scratch memory */
void regex_forget(struct expr_run *r);
void digests_forget(struct expr_run *r);
locale_t text_locale(void); /* C.UTF-8 */
/* The first match at or behind `from`, with n_ret groups (ret NULL: none). False: the expression is wrong. */
bool regex_search(struct call *c, leat_text t, size_t from, leat_text pattern, bool ignore_case, regmatch_t *ret,
                  size_t n_ret, bool *ret_found);
#endif
