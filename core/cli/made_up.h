/* SPDX-License-Identifier: Apache-2.0 */
/* made_up.h: a flow around one transform with options that are made up from its table, and records to go through it. */
#ifndef LEAT_CORE_CLI_MADE_UP_H
#define LEAT_CORE_CLI_MADE_UP_H

#include "core/graph/graph.h"

/* The text of a flow: stdin, the transform called `it`, null. with: its options as YAML in one line; NULL: made up. */
void made_up_flow(struct buf *out, const leat_processor *p, const char *with);
/* n records, one a line, with every field that the planned transform reads: of its type mostly, now and then at the
 * edge of it, null, missing or of another type. The same for the same plan. */
void made_up_records(struct buf *out, const struct plan *plan, const struct planned *p, uint32_t n);
#endif
