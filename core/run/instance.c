/* SPDX-License-Identifier: Apache-2.0 */
/* instance.c: one processor in one lane: made, started, stopped. */
#include "core/run/run_internal.h"

static void place_init(struct instance *in)
{
    const struct planned *p = in->planned;
    struct run *r = in->run;
    in->place = (leat_place){.size = sizeof in->place, .lane = in->lane->number, .lanes = r->n_lanes, .n_inputs = p->n_inputs,
                             .n_outputs = p->n_outputs ? p->n_outputs - 1 : 0, .flow = text_of(r->plan->flow),
                             .processor = text_of(p->name), .inputs = p->inputs, .outputs = p->outputs,
                             .folder = text_of(r->store ? store_dir(r->store) : "")};
    char *scope = in->lane->number ? xasprintf("%s/%s/%u", r->plan->flow, p->name, in->lane->number)
                                   : xasprintf("%s/%s", r->plan->flow, p->name);
    in->place.scope = text_of(scope);
}

static bool blocking(const leat_processor *p)
{
    return p->kind == LEAT_SINK && p->flags & LEAT_BLOCKING;
}

struct instance *instance_new(struct lane *l, uint32_t processor, struct err *err)
{
    struct instance *in = xcalloc(1, sizeof *in);
    in->run = l->run;
    in->lane = l;
    in->index = processor;
    in->planned = &l->run->plan->processors[processor];
    in->figures = &l->run->figures[l->number * l->run->plan->n + processor];
    in->queue_end = &in->queue;
    in->expr_run = expr_run_new();
    in->rows_max = l->run->rows_max[processor];
    in->pending_max = in->planned->batching.in_flight ? in->planned->batching.in_flight
                      : in->planned->p->max_pending   ? in->planned->p->max_pending
                                                      : 16;
    if (in->planned->p->kind != LEAT_SINK)
        in->pending_max = 1; /* outputs keep their order */
    in->self = xcalloc(1, in->planned->p->instance_bytes + 16);
    place_init(in);
    host_init(in);
    if (in->planned->p->needs & LEAT_NEEDS_LOOP)
        services_init(in);
    if (in->planned->p->kind == LEAT_SOURCE)
        source_service_init(in);
    if (in->planned->p->kind == LEAT_SINK)
        sink_init(in);
    struct call *c = call_begin(in);
    leat_status s = in->planned->p->create ? in->planned->p->create(&in->host, in->self, NULL) : LEAT_OK;
    call_end(c);
    if (s == LEAT_OK && !in->why[0])
        return in;
    err_set(err, EINVAL, "%s: %s", in->planned->name, in->why);
    instance_free(in);
    return NULL;
}

void instance_free(struct instance *in)
{
    if (!in)
        return;
    worker_free(in);
    deliver_drop_all(in);
    if (in->planned->p->destroy) {
        struct call *c = call_begin(in);
        in->planned->p->destroy(&in->host, in->self);
        call_end(c);
    }
    if (in->source)
        source_fini(in);
    if (in->sink)
        sink_fini(in);
    if (in->services)
        services_fini(in);
    call_free(in->spare);
    expr_run_free(in->expr_run);
    encoder_free(in->encoder);
    free((void *)(uintptr_t)in->place.scope.data);
    free(in->self);
    arena_fini(&in->memory);
    free(in);
}

static leat_status start(struct instance *in)
{
    struct call *c = call_begin(in);
    leat_status s = in->planned->p->start ? in->planned->p->start(&in->host, in->self) : LEAT_OK;
    call_end(c);
    return s;
}

static void started(struct instance *in)
{
    if (in->sink && !sink_recover(in))
        return;
    in->state = INSTANCE_RUNNING;
    in->lane->moved = true;
    if (blocking(in->planned->p))
        worker_new(in);
}

void instance_start_later(struct instance *in)
{
    const struct on_error *o = &in->planned->on_error;
    int64_t now = in->lane->now_us, wait = back_off(o, in->start_attempt++);
    in->start_failing_since_us = in->start_failing_since_us ? in->start_failing_since_us : now;
    if (o->give_up_us && now - in->start_failing_since_us > o->give_up_us) {
        run_fail(in->run, EIO, in->planned->name, in->why[0] ? in->why : "it cannot be started");
        wait = INT64_MAX - now;
    } else {
        run_say_waiting(in->run, in->planned->name, in->why, wait);
    }
    in->start_at_us = now + wait;
}

void instance_try_start(struct instance *in)
{
    if (in->state >= INSTANCE_RUNNING)
        return;
    if (__atomic_exchange_n(&in->woken, 0, __ATOMIC_ACQUIRE) && in->state == INSTANCE_NEW)
        in->start_at_us = 0;
    if (in->start_at_us > in->lane->now_us)
        return;
    if ((in->run->options.muted && in->planned->p->kind == LEAT_SINK) ||
        (in->run->options.pipe && in->planned->p->kind == LEAT_SOURCE)) {
        in->state = INSTANCE_RUNNING;
        return;
    }
    leat_status s = in->state == INSTANCE_STARTING ? LEAT_OK : start(in);
    if (s == LEAT_OK) {
        in->state = INSTANCE_STARTING; /* started; a sink has yet to claim its destination */
        started(in);
    } else if (s == LEAT_AGAIN) {
        in->start_at_us = in->lane->now_us + 100000;
    } else if (s == LEAT_RETRY) {
        instance_start_later(in);
    } else {
        run_fail(in->run, EIO, in->planned->name, in->why[0] ? in->why : "start failed without a reason");
        in->start_at_us = INT64_MAX;
    }
}

void instance_stop(struct instance *in)
{
    worker_free(in);
    bool was_started = in->state == INSTANCE_RUNNING || in->state == INSTANCE_STARTING;
    if (in->sink && in->state == INSTANCE_RUNNING && !in->run->options.muted)
        sink_abort_all(in);
    deliver_drop_all(in);
    if (was_started && in->planned->p->stop && !(in->run->options.muted && in->sink) && !(in->run->options.pipe && in->source)) {
        struct call *c = call_begin(in);
        in->planned->p->stop(&in->host, in->self);
        call_end(c);
    }
    in->state = INSTANCE_STOPPED;
}

void instance_wake(struct instance *in)
{
    __atomic_store_n(&in->woken, 1, __ATOMIC_RELEASE);
    loop_wake(in->lane->loop);
}
