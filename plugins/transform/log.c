/* SPDX-License-Identifier: Apache-2.0 */
/* log.c: says something in the log about records that pass. */
#include "transform.h"

#include <string.h>

enum { MESSAGE, LEVEL, EVERY };
static const leat_option options[] = {
    [MESSAGE] = {.name = "message",
                 .doc = "What to say, with {fields}; not given: the record itself.",
                 .type = LEAT_OPT_TEMPLATE,
                 .flags = LEAT_MAY_MISS},
    [LEVEL] = {.name = "level",
               .doc = "How serious it is.",
               .type = LEAT_OPT_CHOICE,
               .standard = "info",
               .choices = "debug|info|warn|error"},
    [EVERY] = {.name = "every",
               .doc = "Say it for one record in so many.",
               .type = LEAT_OPT_I64,
               .standard = "1",
               .range = "1.."},
};
enum { SENTENCE_MAX = 4096 };
struct log {
    leat_field message;
    uint64_t passed;
};

static leat_status create(const leat_host *h, void *self, void *shared)
{
    struct log *l = self;
    (void)shared;
    l->message = h->with[MESSAGE].type != LEAT_NULL ? h->with[MESSAGE].as.field
                                                    : leat_bind(h, LEAT_READ, 0, ".", LEAT_JSON, LEAT_MAY_MISS);
    return LEAT_OK;
}

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    struct log *l = self;
    uint64_t every = (uint64_t)h->with[EVERY].as.i64;
    const leat_column *c = h->read(h, b, l->message);
    const leat_text *t = c->data;
    for (uint64_t i = (every - l->passed % every) % every; i < b->n; i += every) {
        char sentence[SENTENCE_MAX];
        size_t n = t[i].n < sizeof sentence - 1 ? t[i].n : sizeof sentence - 1;
        if (n)
            memcpy(sentence, t[i].data, n);
        sentence[n] = 0;
        h->log(h, (uint32_t)h->with[LEVEL].as.i64, leat_has(c, (uint32_t)i) ? sentence : "(null)");
    }
    l->passed += b->n;
    h->emit(h, 0, b, NULL, b->n);
    return LEAT_OK;
}

const leat_processor transform_log = {
    .size = sizeof transform_log,
    .kind = LEAT_TRANSFORM,
    .name = "log",
    .doc = "Says something in the log about records that pass.",
    .instance_bytes = sizeof(struct log),
    .options = options,
    .n_options = LEAT_N(options),
    .create = create,
    .process = process,
};
