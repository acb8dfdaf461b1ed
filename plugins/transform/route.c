/* SPDX-License-Identifier: Apache-2.0 */
/* route.c: sends records to outputs that the flow names; the rest leaves by `other`. */
#include "transform.h"

#include <string.h>

enum { PORTS, MODE };
enum { FIRST, ALL };
static const leat_option options[] = {
    [PORTS] = {.name = "ports",
               .doc = "Outputs, each with the condition under which a record leaves by it.",
               .type = LEAT_OPT_READ,
               .flags = LEAT_REQUIRED | LEAT_PAIRS | LEAT_MAY_MISS,
               .column = LEAT_BOOL,
               .names = LEAT_OPT_OUTPUT},
    [MODE] = {.name = "mode",
              .doc = "Where several conditions are true: the record leaves by the first of those outputs, or by all.",
              .type = LEAT_OPT_CHOICE,
              .standard = "first",
              .choices = "first|all"},
};
enum { OTHER };
static const leat_port outputs[] = {
    [OTHER] = {.name = "other", .doc = "Records for which no condition is true."},
    {.name = "*", .doc = "Records for which the condition of that output is true."},
};

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    const leat_value *pair = h->with[PORTS].as.list.at, *end = pair + h->with[PORTS].as.list.n;
    const bool all = h->with[MODE].as.i64 == ALL;
    uint32_t *rows = leat_rows(h, b), n;
    uint8_t *taken = h->alloc(h, b->n);
    (void)self;
    memset(taken, 0, b->n);
    for (; pair < end; pair += 2) {
        const uint8_t *holds = h->read(h, b, pair[1].as.field)->data; /* 0 where it is unknown */
        n = 0;
        for (uint32_t i = 0; i < b->n; i++) {
            rows[n] = i;
            n += holds[i] & (uint8_t)(all | !taken[i]);
            taken[i] |= holds[i];
        }
        h->emit(h, (uint32_t)pair[0].as.i64, b, rows, n);
    }
    n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        rows[n] = i;
        n += !taken[i];
    }
    h->emit(h, OTHER, b, rows, n);
    return LEAT_OK;
}

const leat_processor transform_route = {
    .size = sizeof transform_route,
    .kind = LEAT_TRANSFORM,
    .name = "route",
    .doc = "Sends records to the outputs whose conditions they meet.",
    .flags = LEAT_STATELESS,
    .options = options,
    .n_options = LEAT_N(options),
    .outputs = outputs,
    .n_outputs = LEAT_N(outputs),
    .process = process,
};
