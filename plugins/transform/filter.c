/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c: passes the records for which a condition is true. */
#include "transform.h"

enum { WHERE };
static const leat_option options[] = {
    [WHERE] = {.name = "where",
               .doc = "The condition; records for which it is false or unknown (null) are left out.",
               .type = LEAT_OPT_READ,
               .flags = LEAT_REQUIRED | LEAT_MAY_MISS,
               .column = LEAT_BOOL},
};
enum { UNKNOWN };
static const leat_metric metrics[] = {
    [UNKNOWN] = {.name = "unknown",
                 .doc = "Records left out because the condition was unknown (null).",
                 .kind = LEAT_COUNTER},
};

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    const leat_column *where = h->read(h, b, h->with[WHERE].as.field);
    const uint8_t *holds = where->data; /* 0 where it is unknown */
    uint32_t *keep = leat_rows(h, b), n = 0;
    (void)self;
    for (uint32_t i = 0; i < b->n; i++) {
        keep[n] = i;
        n += holds[i];
    }
    h->emit(h, 0, b, keep, n);
    if (where->nulls)
        h->measure(h, UNKNOWN, where->nulls);
    return LEAT_OK;
}

const leat_processor transform_filter = {
    .size = sizeof transform_filter,
    .kind = LEAT_TRANSFORM,
    .name = "filter",
    .doc = "Passes the records for which a condition is true.",
    .flags = LEAT_STATELESS,
    .options = options,
    .n_options = LEAT_N(options),
    .metrics = metrics,
    .n_metrics = LEAT_N(metrics),
    .process = process,
};
