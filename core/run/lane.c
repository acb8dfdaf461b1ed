/* SPDX-License-Identifier: Apache-2.0 */
/* lane.c: the loop of one lane: mail, parked batches, epochs, sources; sleeps when nothing moves. */
#include "core/run/run_internal.h"

#include <signal.h>

enum { TURN_US = 500, REST_MAX_US = 500000 };

uint64_t lane_ticket(struct lane *l)
{
    return (uint64_t)(l->number + 1) << 48 | ++l->tickets;
}

int lane_init(struct lane *l, struct run *r, uint32_t number, struct err *err)
{
    *l = (struct lane){.run = r, .number = number, .epoch = r->cut + 1, .oldest = r->cut + 1};
    pthread_mutex_init(&l->mail_lock, NULL);
    l->loop = loop_new(err);
    if (!l->loop)
        return -EIO;
    l->pool = pool_new();
    l->instances = xcalloc(r->plan->n, sizeof *l->instances);
    slot_of(l, l->epoch)->number = l->epoch;
    for (uint32_t i = 0; i < r->plan->n; i++) {
        l->instances[i] = instance_new(l, i, err);
        if (!l->instances[i])
            return -EINVAL;
    }
    return 0;
}

static void slot_reset(struct slot *s, uint64_t number)
{
    for (size_t i = 0; i < s->positions.n; i++)
        free(s->positions.at[i].state);
    s->positions.n = 0;
    s->number = number;
    s->phase = SLOT_OPEN;
    s->transit = 0;
}

void lane_fini(struct lane *l)
{
    for (uint32_t i = 0; l->instances && i < l->run->plan->n; i++)
        instance_free(l->instances[i]);
    free(l->instances);
    for (size_t i = 0; i < EPOCH_SLOTS; i++) {
        slot_reset(&l->slots[i], 0);
        VEC_FINI(&l->slots[i].positions);
    }
    if (l->pool)
        pool_free(l->pool);
    if (l->loop)
        loop_free(l->loop);
    pthread_mutex_destroy(&l->mail_lock);
    *l = (struct lane){0};
}

/* --- epochs -------------------------------------------------------------------------------------------------------- */

static void cut(struct lane *l)
{
    struct slot *s = slot_of(l, l->epoch);
    for (uint32_t i = 0; i < l->run->plan->n; i++)
        if (l->instances[i]->source) /* positions tell of it */
            source_flush(l->instances[i]);
    for (uint32_t i = 0; i < l->run->plan->n; i++)
        deliver_flush(l->instances[i]);
    for (uint32_t i = 0; i < l->run->plan->n; i++)
        if (l->instances[i]->source)
            source_snapshot(l->instances[i], s);
    __atomic_store_n(&l->dirty, false, __ATOMIC_RELAXED);
    s->phase = SLOT_CUT;
    l->epoch++;
    slot_reset(slot_of(l, l->epoch), l->epoch);
    l->moved = true;
}

static bool all_sinks(struct lane *l, uint64_t epoch, bool (*step)(struct instance *in, uint64_t epoch))
{
    bool all = true;
    for (uint32_t i = 0; i < l->run->plan->n; i++)
        if (l->instances[i]->sink && !l->run->options.muted)
            all &= step(l->instances[i], epoch);
    return all;
}

/* The oldest epoch goes one step on, if it can. */
static bool advance(struct lane *l)
{
    struct slot *s = slot_of(l, l->oldest);
    if (s->phase == SLOT_CUT) {
        if (s->transit || !all_sinks(l, s->number, sink_close))
            return false;
        s->phase = SLOT_READY;
        run_part_ready(l->run, s->number);
        return true;
    }
    if (s->phase == SLOT_READY && run_logged(l->run) >= s->number)
        s->phase = SLOT_LOGGED;
    if (s->phase != SLOT_LOGGED || !all_sinks(l, s->number, sink_publish))
        return false;
    for (uint32_t i = 0; i < l->run->plan->n; i++)
        if (l->instances[i]->source)
            source_committed(l->instances[i], s);
    l->oldest++;
    run_part_finished(l->run, s->number);
    return true;
}

/* --- the loop ------------------------------------------------------------------------------------------------------ */

static void read_clocks(struct lane *l)
{
    l->now_us = clock_mono_us();
    l->wall_us = clock_wall_us();
}

static bool nothing_left(struct lane *l)
{
    for (uint32_t i = 0; i < l->run->plan->n; i++) {
        struct instance *in = l->instances[i];
        if (deliver_has(in) || (in->source && (!source_finished(in) || in->state != INSTANCE_RUNNING)))
            return false;
    }
    return true;
}

/* A source that never started holds nothing back once the flow is told to stop. */
static bool nothing_to_stop(struct lane *l)
{
    if (!__atomic_load_n(&l->run->stop, __ATOMIC_RELAXED) || drain_waits(l))
        return false;
    for (uint32_t i = 0; i < l->run->plan->n; i++)
        if (deliver_has(l->instances[i]))
            return false;
    return true;
}

static void rest(struct lane *l)
{
    int64_t until = l->now_us + REST_MAX_US;
    for (uint32_t i = 0; i < l->run->plan->n; i++) {
        struct instance *in = l->instances[i];
        int64_t at = in->state < INSTANCE_RUNNING ? in->start_at_us : deliver_next_us(in);
        if (in->source && source_next_us(in) < at)
            at = source_next_us(in);
        for (size_t k = 0; in->sink && k < EPOCH_SLOTS; k++)
            if (in->sink->at[k].not_before_us > l->now_us && in->sink->at[k].not_before_us < at)
                at = in->sink->at[k].not_before_us;
        if (at < until)
            until = at;
    }
    loop_turn(l->loop, until > l->now_us ? until - l->now_us : 0);
    l->turned_us = clock_mono_us();
}

/* Latest stage first: what is parked near the sinks makes room for what is above. */
static void turn(struct lane *l)
{
    struct run *r = l->run;
    l->moved = false;
    read_clocks(l);
    if (l->now_us - l->turned_us > TURN_US) {
        loop_turn(l->loop, 0);
        l->turned_us = l->now_us;
    }
    worker_mail(l);
    for (uint32_t i = r->plan->n; i-- > 0;) {
        instance_try_start(l->instances[i]);
        if (!l->instances[i]->source)
            l->moved |= deliver_pump(l->instances[i]);
    }
    while (__atomic_load_n(&r->cut, __ATOMIC_ACQUIRE) >= l->epoch)
        cut(l);
    while (l->oldest < l->epoch && advance(l))
        l->moved = true;
    for (uint32_t i = 0; i < r->plan->n; i++)
        if (l->instances[i]->source)
            l->moved |= source_turn(l->instances[i]);
    bool dirty = false;
    for (uint32_t i = 0; i < r->plan->n; i++)
        dirty |= l->instances[i]->source && source_dirty(l->instances[i]);
    __atomic_store_n(&l->dirty, dirty, __ATOMIC_RELAXED);
    drain_turn(l);
    __atomic_store_n(&l->ended, nothing_left(l) || nothing_to_stop(l), __ATOMIC_RELEASE);
}

static bool finished(struct lane *l)
{
    struct run *r = l->run;
    if (__atomic_load_n(&r->abandon, __ATOMIC_ACQUIRE))
        return true;
    return __atomic_load_n(&r->final, __ATOMIC_ACQUIRE) && l->oldest == l->epoch;
}

void *lane_main(void *lane)
{
    struct lane *l = lane;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (!finished(l)) {
        bool before = l->ended;
        turn(l);
        if (l->ended && !before)
            run_changed(l->run);
        if (!l->moved && !finished(l))
            rest(l);
    }
    read_clocks(l);
    for (uint32_t i = l->run->plan->n; i-- > 0;)
        instance_stop(l->instances[i]);
    return NULL;
}
