/* SPDX-License-Identifier: Apache-2.0 */
/* throttle.c: lets so many records pass in a second. A batch passes as a whole, and what it is over the rate is waited
 * for before the next one; so the rate holds over time, and a burst is at most a batch. */
#include "transform.h"

#include <time.h>

enum { RATE };
static const leat_option options[] = {
    [RATE] = {.name = "rate",
              .doc = "How many records may pass: 1000/s, 5/m.",
              .type = LEAT_OPT_RATE,
              .flags = LEAT_REQUIRED | LEAT_LIVE},
};
struct throttle {
    int64_t next_us; /* when the next batch may pass (monotonic) */
};

static int64_t now_us(void) /* not the batch's: it stays the same while the batch waits */
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * (int64_t)1000000 + t.tv_nsec / 1000;
}

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    struct throttle *t = self;
    double rate = h->with[RATE].as.f64;
    int64_t now = now_us();
    if (now < t->next_us) {
        h->loop->alarm(h, 0, t->next_us - now);
        return LEAT_AGAIN;
    }
    if (now - t->next_us > 1000000)
        t->next_us = now; /* what was not used lately is not saved up */
    t->next_us += (int64_t)((double)b->n / rate * 1e6);
    h->emit(h, 0, b, NULL, b->n);
    return LEAT_OK;
}

static void alarm_rang(const leat_host *h, void *self, uint64_t tag)
{
    (void)self, (void)tag;
    h->wake(h);
}

static leat_status create(const leat_host *h, void *self, void *shared)
{
    (void)self, (void)shared;
    return h->with[RATE].as.f64 > 0 ? LEAT_OK
                                    : h->fail(h, LEAT_FATAL, "`rate` must be more than nothing, such as 1000/s");
}

static leat_status reconfigure(const leat_host *h, void *self)
{
    return create(h, self, NULL);
}

static const leat_loop_hooks loop = {.size = sizeof loop, .alarm = alarm_rang};
const leat_processor transform_throttle = {
    .size = sizeof transform_throttle,
    .kind = LEAT_TRANSFORM,
    .name = "throttle",
    .doc = "Lets records pass at a limited rate, a batch at a time; others wait, and the sources with them.",
    .flags = LEAT_ONE_LANE | LEAT_SLOW,
    .needs = LEAT_NEEDS_LOOP,
    .instance_bytes = sizeof(struct throttle),
    .options = options,
    .n_options = LEAT_N(options),
    .loop = &loop,
    .create = create,
    .process = process,
    .reconfigure = reconfigure,
    .batch_us = 1000,
};
