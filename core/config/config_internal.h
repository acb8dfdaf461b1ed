/* SPDX-License-Identifier: Apache-2.0 */
/* config_internal.h: what the files of core/config share. */
#ifndef LEAT_CORE_CONFIG_INTERNAL_H
#define LEAT_CORE_CONFIG_INTERNAL_H

#include "core/config/config.h"

/* A text as a tree of the arena; NULL if it cannot be parsed (a finding says why) or is empty. file and source must
 * live as long as the arena. */
struct node *tree_parse(struct arena *a, const char *file, leat_text source, struct findings *f);
/* The line with values put into quotes where YAML would cut them; NULL if there is nothing to put right. The arena's.
 */
const char *line_corrected(struct arena *a, leat_text line);
/* Line number (from 1) of a text, without its end. */
leat_text source_line(leat_text source, uint32_t line);
bool parentheses_unbalanced(leat_text t);

/* The tree that the default of a row is, at the place of `blame`. The arena's. */
struct node *node_of_standard(struct arena *a, const leat_option *o, const struct node *blame);
bool option_choice_number(const char *choices, leat_text text, int64_t *ret);

struct option_reader {
    struct arena *a;
    const struct option_binder *binder;
    struct findings *f;
    uint32_t chosen; /* the input that the group under way names */
};
/* One value of a row, whatever its MANY and PAIRS say. */
bool option_scalar(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret);
#endif
