/* SPDX-License-Identifier: Apache-2.0 */
/* whole.h: what whole.c and splice.c share: how records of a batch differ from what they came as. */
#ifndef LEAT_CORE_WHOLE_H
#define LEAT_CORE_WHOLE_H

#include "core/record/record_internal.h"

struct change {
    const struct path *path;
    const leat_column *column; /* NULL: removed */
    const uint32_t *rows;      /* row of the batch -> row of the column */
};
struct plan {
    struct batch *base; /* NULL: records begin empty */
    const uint32_t *base_rows;
    const leat_column *whole; /* of base: texts to begin with instead of its records */
    uint32_t n;
    struct change *at;
    bool *done; /* of the row being written: changes whose field it had */
};

static inline uint32_t change_row(const struct change *c, uint32_t row)
{
    return c->rows ? c->rows[row] : row;
}

/* Most bytes that the changes of a row need. */
size_t changes_bound(const struct plan *p, uint32_t row);
/* The way for any record; returns the end. */
char *whole_put_row(struct batch *b, const struct plan *p, uint32_t row, uint32_t base_row, char *out);
/* The way for records of known shapes (others are left to whole_put_row): all rows of b, as texts. */
void splice_rows(struct batch *b, const struct plan *p, bool newline, leat_text *texts);
#endif
