/* SPDX-License-Identifier: Apache-2.0 */
/* parse_internal.h: what parse.c and primary.c call of each other. */
#ifndef LEAT_CORE_EXPR_PARSE_INTERNAL_H
#define LEAT_CORE_EXPR_PARSE_INTERNAL_H

#include "core/expr/expr_internal.h"

/* A primary with its casts: x::int::text. minus: a number literal follows a minus that was read. */
struct node *parse_cast_chain(struct parser *p, bool minus);
bool parse_expect_word(struct parser *p, const char *word, const char *after);
#endif
