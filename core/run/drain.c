/* SPDX-License-Identifier: Apache-2.0 */
/* drain.c: the end of sources that read what this process writes (LEAT_INSIDE). They may end only when nothing more can
 * come: all other sources have ended, nothing is on its way in any lane, nothing lies unread, and that for a while,
 * because the lanes do not look at the same moment. */
#include "core/run/run_internal.h"

enum { CALM_US = 200000, PATIENCE_US = 10000000 };

static bool is_drained(const struct run *r)
{
    return __atomic_load_n(&r->drained, __ATOMIC_RELAXED);
}

bool drain_waits(const struct lane *l)
{
    for (uint32_t i = 0; i < l->run->plan->n; i++)
        if (l->instances[i]->source && l->instances[i]->source->inside && !is_drained(l->run))
            return true;
    return false;
}

/* Nothing on its way in this lane, nothing unread inside, and the sources outside have ended. */
static bool is_calm(const struct lane *l, bool *ret_outside)
{
    for (uint32_t i = 0; i < l->run->plan->n; i++) {
        const struct instance *in = l->instances[i];
        if (deliver_has(in))
            return false;
        if (!in->source)
            continue;
        *ret_outside |= !in->source->inside;
        if (in->source->inside ? in->source->lag > 0 : !source_finished(in))
            return false;
    }
    return !l->moved;
}

static bool all_calm(const struct run *r)
{
    for (uint32_t i = 0; i < r->n_lanes; i++)
        if (!__atomic_load_n(&r->lanes[i].calm, __ATOMIC_ACQUIRE))
            return false;
    return true;
}

void drain_turn(struct lane *l)
{
    struct run *r = l->run;
    bool outside = false;
    if (!drain_waits(l))
        return;
    bool calm = is_calm(l, &outside), stop = __atomic_load_n(&r->stop, __ATOMIC_RELAXED);
    __atomic_store_n(&l->calm, calm && (outside || stop), __ATOMIC_RELEASE);
    if (l->number != 0)
        return;
    uint64_t fed = __atomic_load_n(&r->fed, __ATOMIC_RELAXED);
    if (!all_calm(r) || fed != l->calm_fed) {
        l->calm_since_us = l->now_us;
        l->calm_fed = fed;
    }
    if (!stop)
        l->stop_seen_us = l->now_us;
    if (l->now_us - l->calm_since_us < CALM_US && l->now_us - l->stop_seen_us < PATIENCE_US)
        return;
    __atomic_store_n(&r->drained, 1, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < r->n_lanes; i++)
        loop_wake(r->lanes[i].loop);
}
