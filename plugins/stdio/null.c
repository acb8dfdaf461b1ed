/* SPDX-License-Identifier: Apache-2.0 */
/* null.c: takes records and forgets them. */
#include "streams.h"

enum { READ };
static const leat_option options[] = {
    [READ] = {.name = "read",
              .doc = "Fields or expressions that are read all the same, to measure what that takes.",
              .type = LEAT_OPT_READ,
              .flags = LEAT_MANY | LEAT_MAY_MISS},
};

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    (void)self;
    for (size_t i = 0; i < h->with[READ].as.list.n; i++)
        h->read(h, b, h->with[READ].as.list.at[i].as.field);
    return LEAT_OK;
}

static const leat_sink hooks = {.size = sizeof hooks, .class_ = LEAT_DEDUP, .overlap = 4};
const leat_processor stdio_null = {
    .size = sizeof stdio_null,
    .kind = LEAT_SINK,
    .name = "null",
    .doc = "Takes records and forgets them.",
    .options = options,
    .n_options = LEAT_N(options),
    .sink = &hooks,
    .process = process,
};
