/* SPDX-License-Identifier: Apache-2.0 */
/* set.c: writes fields from expressions. The host reads all of them from the records as they came: where a later one
 * names an earlier one, the planner has put the earlier expression in its place. */
#include "transform.h"

enum { FIELDS };
static const leat_option options[] = {
    [FIELDS] = {.name = "fields",
                .doc = "Fields to write, each with its expression, in order; later ones see earlier ones.",
                .type = LEAT_OPT_READ,
                .flags = LEAT_REQUIRED | LEAT_PAIRS | LEAT_MAY_MISS,
                .names = LEAT_OPT_WRITE},
};

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    const leat_value *pair = h->with[FIELDS].as.list.at, *end = pair + h->with[FIELDS].as.list.n;
    leat_out *out = h->derive(h, b, NULL, b->n);
    (void)self;
    for (; pair < end; pair += 2)
        h->write_column(h, out, pair[0].as.field, h->read(h, b, pair[1].as.field));
    h->send(h, out, 0);
    return LEAT_OK;
}

const leat_processor transform_set = {
    .size = sizeof transform_set,
    .kind = LEAT_TRANSFORM,
    .name = "set",
    .doc = "Writes fields from expressions.",
    .flags = LEAT_STATELESS,
    .options = options,
    .n_options = LEAT_N(options),
    .process = process,
};
