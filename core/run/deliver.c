/* SPDX-License-Identifier: Apache-2.0 */
/* deliver.c: batches on their way into instances: run at once when nothing is in the way, else parked in order; what SLOW
 * processors collect; what becomes of the answers of `process`. */
#include "core/run/run_internal.h"

/* --- accounting ---------------------------------------------------------------------------------------------------- */

/* Every delivery that exists, and every collection, holds its epoch open. */
static void open_epoch(struct instance *in, uint64_t epoch)
{
    if (in->sink)
        in->sink->at[epoch % EPOCH_SLOTS].open++;
    else
        slot_of(in->lane, epoch)->transit++;
}

static void close_epoch(struct instance *in, uint64_t epoch)
{
    uint32_t *open = in->sink ? &in->sink->at[epoch % EPOCH_SLOTS].open : &slot_of(in->lane, epoch)->transit;
    ASSERT(*open > 0);
    --*open;
}

static void count_parked(struct instance *in, const struct batch *b, int sign)
{
    in->parked_rows += (uint64_t)((int64_t)b->view.n * sign);
    in->parked_bytes += (uint64_t)((int64_t)batch_bytes(b) * sign);
    figure_add(in->figures, WAITING, (uint64_t)((int64_t)b->view.n * sign));
}

static struct delivery *delivery_new(struct instance *in, uint32_t input, struct batch *take_b, uint64_t epoch)
{
    struct delivery *d = xcalloc(1, sizeof *d);
    *d = (struct delivery){.batch = take_b, .input = input, .epoch = epoch};
    count_parked(in, take_b, 1);
    open_epoch(in, epoch);
    return d;
}

static void delivery_free(struct instance *in, struct delivery *d)
{
    count_parked(in, d->batch, -1);
    close_epoch(in, d->epoch);
    if (d->call)
        call_end(d->call);
    batch_unref(d->batch);
    free(d);
}

/* Who has to wait should not keep blocks alive of which little is left. */
static struct batch *compact(struct batch *take_b)
{
    struct batch *small = batch_compact(take_b);
    batch_unref(take_b);
    return small;
}

static void park_at(struct instance *in, struct delivery **at, struct delivery *d)
{
    d->next = *at;
    *at = d;
    if (!d->next)
        in->queue_end = &d->next;
}

/* Behind those of its epoch. Older epochs stand in front: a sink may have to finish one before it begins the next. */
static void park_last(struct instance *in, struct delivery *d)
{
    struct delivery **at = in->queue_end;
    if (in->queue && in->queue_last_epoch > d->epoch)
        for (at = &in->queue; *at && (*at)->epoch <= d->epoch;)
            at = &(*at)->next;
    if (at == in->queue_end)
        in->queue_last_epoch = d->epoch;
    park_at(in, at, d);
}

/* In front of those of its epoch. */
static void park_first(struct instance *in, struct delivery *d)
{
    struct delivery **at = &in->queue;
    while (*at && (*at)->epoch < d->epoch)
        at = &(*at)->next;
    if (!*at)
        in->queue_last_epoch = d->epoch;
    park_at(in, at, d);
}

static void park_later(struct instance *in, struct delivery *d)
{
    struct delivery **at = &in->later;
    while (*at && (*at)->not_before_us <= d->not_before_us)
        at = &(*at)->next;
    d->next = *at;
    *at = d;
}

/* Those whose time has come go in front. */
static void take_later(struct instance *in)
{
    while (in->later && in->later->not_before_us <= in->lane->now_us) {
        struct delivery *d = in->later;
        in->later = d->next;
        park_first(in, d);
    }
}

static struct delivery *unpark(struct instance *in)
{
    struct delivery *d = in->queue;
    in->queue = d->next;
    if (!in->queue)
        in->queue_end = &in->queue;
    return d;
}

/* --- answers of process -------------------------------------------------------------------------------------------- */

static struct delivery *part_of(struct instance *in, struct delivery *d, const uint32_t *rows, uint32_t n)
{
    struct delivery *part = delivery_new(in, d->input, batch_select(d->batch, rows, n), d->epoch);
    part->attempt = d->attempt;
    part->failing_since_us = d->failing_since_us;
    return part;
}

/* The records that retry() named are given again later, the rest is done. */
static void park_retries(struct instance *in, struct delivery *d)
{
    struct call *c = d->call;
    uint32_t *rows = arena_alloc(&c->scratch, (c->refusals.n + 1) * sizeof *rows), n = 0;
    const char *why = "";
    for (uint32_t row = 0; row < c->given->view.n; row++)
        for (size_t i = 0; i < c->refusals.n; i++)
            if (c->refusals.at[i].retry && c->refusals.at[i].of == c->given && c->refusals.at[i].row == row) {
                rows[n++] = row;
                why = c->refusals.at[i].sentence;
                break;
            }
    if (!n)
        return;
    struct delivery *again = delivery_new(in, d->input, batch_select(c->given, rows, n), d->epoch);
    again->attempt = d->attempt + 1;
    again->failing_since_us = d->failing_since_us ? d->failing_since_us : in->lane->now_us;
    int64_t wait = back_off(&in->planned->on_error, d->attempt);
    again->not_before_us = in->lane->now_us + wait;
    figure_add(in->figures, RECORDS_RETRIED, n);
    auto_free char *sentence = xasprintf("%s; %u record%s", why, n, n == 1 ? "" : "s");
    run_say_waiting(in->run, in->planned->name, sentence, wait);
    park_later(in, again);
}

/* Undone: it waits in front of the others. */
static void settle_again(struct instance *in, struct delivery *d, int64_t not_before_us)
{
    call_end(d->call);
    d->call = NULL;
    d->not_before_us = not_before_us;
    park_first(in, d);
}

/* It has failed for longer than on_error allows: what was to be given again is not; true: the flow ends. */
static bool give_up(struct instance *in, struct delivery *d)
{
    const struct on_error *o = &in->planned->on_error;
    struct call *c = d->call;
    if (!o->give_up_us || !d->failing_since_us || in->lane->now_us - d->failing_since_us <= o->give_up_us)
        return false;
    for (size_t i = 0; i < c->refusals.n; i++) {
        struct refusal *r = &c->refusals.at[i];
        if (r->retry && o->then == ON_STOP) {
            run_fail(in->run, EIO, in->planned->name, r->sentence);
            return true;
        }
        if (r->retry)
            *r = (struct refusal){r->of, r->row, false, "unavailable", r->sentence, r->field, true};
    }
    return false;
}

static void settle_ok(struct instance *in, struct delivery *d)
{
    struct call *c = d->call;
    if (c->refusals.n && give_up(in, d)) {
        settle_again(in, d, INT64_MAX);
        return;
    }
    if (c->refusals.n) {
        call_settle_refusals(c, d, d->epoch);
        park_retries(in, d);
    }
    call_commit(c, d->epoch);
    delivery_free(in, d);
}

/* What the call itself refused or wanted again does not count: it failed. */
static void dead_letter_all(struct instance *in, struct delivery *d, const char *code, bool given_up)
{
    struct call *c = d->call;
    size_t kept = 0;
    for (size_t i = 0; i < c->refusals.n; i++)
        if (!c->refusals.at[i].retry && c->refusals.at[i].of == d->batch)
            c->refusals.at[kept++] = c->refusals.at[i];
    c->refusals.n = kept;
    for (uint32_t row = 0; row < d->batch->view.n; row++) {
        call_refuse(c, d->batch, row, false, code, in->why, "");
        c->refusals.at[c->refusals.n - 1].given_up = given_up;
    }
    call_undo(c);
    settle_ok(in, d);
}

static void settle_retry(struct instance *in, struct delivery *d)
{
    const struct on_error *o = &in->planned->on_error;
    int64_t now = in->lane->now_us, wait = back_off(o, d->attempt++);
    d->failing_since_us = d->failing_since_us ? d->failing_since_us : now;
    figure_add(in->figures, CALLS_FAILED, 1);
    figure_add(in->figures, RECORDS_RETRIED, d->batch->view.n);
    if (o->give_up_us && now - d->failing_since_us > o->give_up_us) {
        if (o->then == ON_STOP) {
            settle_again(in, d, INT64_MAX);
            run_fail(in->run, EIO, in->planned->name, in->why);
        } else {
            dead_letter_all(in, d, "unavailable", true);
        }
        return;
    }
    run_say_waiting(in->run, in->planned->name, in->why, wait);
    settle_again(in, d, now + wait);
}

/* "I do not know which": halves, in order, until it is one record. */
static void settle_reject(struct instance *in, struct delivery *d)
{
    uint32_t n = d->batch->view.n, half = n / 2;
    figure_add(in->figures, CALLS_FAILED, 1);
    if (n == 1) {
        dead_letter_all(in, d, "rejected", false);
        return;
    }
    uint32_t *rows = xmalloc(n * sizeof *rows);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = i;
    struct delivery *second = part_of(in, d, rows + half, n - half), *first = part_of(in, d, rows, half);
    park_first(in, second);
    park_first(in, first);
    free(rows);
    call_undo(d->call);
    delivery_free(in, d);
}

void deliver_settle(struct instance *in, struct delivery *d, leat_status s)
{
    struct call *c = d->call;
    if (c->poisoned && s != LEAT_FATAL)
        s = LEAT_FATAL;
    if (!in->worker && in->current == c)
        in->current = NULL;
    if (s != LEAT_OK && s != LEAT_PENDING)
        call_undo(c);
    bool undone = s != LEAT_OK && s != LEAT_PENDING && s != LEAT_FATAL && (s != LEAT_AGAIN || in->worker);
    if (undone && in->sink && in->sink->exact) {
        settle_again(in, d, INT64_MAX);
        sink_failed(in, d, s);
        return;
    }
    switch (s) {
    case LEAT_OK:
        settle_ok(in, d);
        break;
    case LEAT_PENDING:
        d->pending_since_us = in->lane->now_us;
        d->next = in->pending;
        in->pending = d;
        in->n_pending++;
        if (in->early_ticket == d->ticket) {
            d->answered = true;
            d->status = in->early_status;
            instance_wake(in);
        }
        break;
    case LEAT_WAIT:
    case LEAT_AGAIN:
        in->again = true;
        in->again_until_us = in->lane->now_us + 100000;
        settle_again(in, d, 0);
        break;
    case LEAT_RETRY:
        settle_retry(in, d);
        break;
    case LEAT_REJECT:
        settle_reject(in, d);
        break;
    default:
        settle_again(in, d, INT64_MAX);
        run_fail(in->run, EIO, in->planned->name, in->why[0] ? in->why : "the plugin gave up without a reason");
    }
}

/* --- giving -------------------------------------------------------------------------------------------------------- */

static bool can_take(struct instance *in, const struct delivery *d)
{
    if (in->state != INSTANCE_RUNNING || in->again || d->not_before_us > in->lane->now_us || in->n_pending >= in->pending_max)
        return false;
    return !in->sink || sink_can_take(in, d->epoch);
}

/* Records that an exact sink refused before a rewind are dead letters already. */
static bool already_refused(struct instance *in, struct call *c)
{
    if (!in->sink || !in->sink->exact || !in->run->refused.n)
        return false;
    const leat_column *id = batch_read(c->given, PATH_ID, LEAT_TEXT).column;
    uint32_t *rows = arena_alloc(&c->scratch, c->given->view.n * sizeof *rows), n = 0;
    char why[256];
    for (uint32_t i = 0; i < c->given->view.n; i++)
        if (run_was_refused(in->run, in->index, ((const leat_text *)id->data)[i], why))
            call_refuse(c, c->given, i, false, "rejected", why, "");
        else
            rows[n++] = i;
    if (n == c->given->view.n)
        return false;
    struct batch *left = batch_select(c->given, rows, n);
    left->view = c->given->view;
    left->view.n = n;
    batch_unref(c->given);
    c->given = left;
    memset(c->columns, 0, in->planned->n_bindings * sizeof *c->columns);
    return n == 0;
}

/* An exact sink that looks for a record that it refuses gets fewer at a time. */
static struct delivery *cut(struct instance *in, struct delivery *d)
{
    uint32_t n = d->batch->view.n;
    if (LIKELY(n <= in->rows_max))
        return d;
    uint32_t *rows = xmalloc(n * sizeof *rows);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = i;
    park_first(in, part_of(in, d, rows + in->rows_max, n - in->rows_max));
    struct delivery *first = part_of(in, d, rows, in->rows_max);
    free(rows);
    delivery_free(in, d);
    return first;
}

static void give(struct instance *in, struct delivery *d)
{
    d = cut(in, d);
    struct call *c = d->call = call_begin(in);
    struct batch *b = d->batch;
    bool first = !d->ticket; /* a batch that is given again keeps its ticket */
    if (first)
        d->ticket = lane_ticket(in->lane);
    b->view.ticket = d->ticket;
    b->view.input = d->input;
    b->view.attempt = d->attempt;
    b->view.now_us = in->lane->wall_us;
    b->view.epoch = in->sink ? in->sink->at[d->epoch % EPOCH_SLOTS].e.ticket : 0;
    if (first && !d->attempt) {
        figure_add(in->figures, RECORDS_IN, b->view.n);
        figure_add(in->figures, BYTES_IN, batch_bytes(b));
    }
    if (!call_give(c, b, d->input) || already_refused(in, c)) {
        deliver_settle(in, d, LEAT_OK);
        return;
    }
    if (in->worker) {
        for (size_t f = 1; f <= in->planned->n_bindings; f++) /* decoded here: caches of batches are the lane's */
            if (in->planned->bindings[f - 1].how == LEAT_READ)
                host_column(c, (leat_field)f);
        deliver_settle(in, d, LEAT_PENDING);
        worker_post(in, JOB_PROCESS, d, NULL);
        return;
    }
    int64_t from = clock_mono_us();
    leat_status s = in->planned->p->process(&in->host, in->self, &c->given->view);
    figure_add(in->figures, BUSY_US, (uint64_t)(clock_mono_us() - from));
    deliver_settle(in, d, s);
}

static void offer(struct instance *in, uint32_t input, struct batch *take_b, uint64_t epoch)
{
    struct delivery *d = delivery_new(in, input, take_b, epoch);
    in->lane->moved = true;
    if (!in->queue && can_take(in, d)) {
        give(in, d);
    } else {
        d->batch = compact(d->batch);
        park_last(in, d);
    }
}

/* How many rows from `from` on have decimals that fit into columns together. */
static uint32_t rows_of_one_scale(const struct instance *in, uint32_t input, struct batch *b, uint32_t from)
{
    uint32_t n = b->view.n - from;
    for (size_t i = 0; i < in->planned->n_bindings; i++) {
        const struct binding *k = &in->planned->bindings[i];
        bool here = k->how == LEAT_READ && (k->port == input || k->port == LEAT_EVERY_INPUT);
        if (!here || k->expr || k->type != LEAT_DEC || k->path < PATH_FIRST_FIELD)
            continue;
        uint32_t rows = batch_one_scale(b, k->path, from);
        n = rows < n ? rows : n;
    }
    return n;
}

/* Records whose decimals have no scale together go one part after the other. */
static void offer_in_scales(struct instance *in, uint32_t input, struct batch *take_b, uint64_t epoch)
{
    uint32_t n = take_b->view.n, rows = rows_of_one_scale(in, input, take_b, 0);
    if (LIKELY(rows == n)) {
        offer(in, input, take_b, epoch);
        return;
    }
    for (uint32_t from = 0; from < n; from += rows) {
        rows = rows_of_one_scale(in, input, take_b, from);
        offer(in, input, batch_slice(take_b, from, rows), epoch);
    }
    batch_unref(take_b);
}

/* --- collecting ---------------------------------------------------------------------------------------------------- */

void deliver_flush(struct instance *in)
{
    if (!in->collect.parts.n)
        return;
    struct batch *b = in->collect.parts.n == 1 ? batch_ref(in->collect.parts.at[0])
                                               : batch_concat(in->lane->pool, in->collect.parts.at, (uint32_t)in->collect.parts.n);
    uint64_t epoch = in->collect.epoch;
    for (size_t i = 0; i < in->collect.parts.n; i++) {
        count_parked(in, in->collect.parts.at[i], -1);
        batch_unref(in->collect.parts.at[i]);
    }
    in->collect.parts.n = 0;
    in->collect.rows = 0;
    in->collect.bytes = 0;
    offer_in_scales(in, in->collect.input, b, epoch);
    close_epoch(in, epoch);
}

static void collect(struct instance *in, uint32_t input, struct batch *take_b, uint64_t epoch)
{
    const struct batching *limit = &in->planned->batching;
    size_t bytes = batch_bytes(take_b);
    if (in->collect.parts.n && (in->collect.input != input || in->collect.epoch != epoch || in->collect.parts.n == 1024 ||
                                in->collect.rows + take_b->view.n > limit->records || in->collect.bytes + bytes > limit->bytes))
        deliver_flush(in);
    if (!in->collect.parts.n) {
        in->collect.input = input;
        in->collect.epoch = epoch;
        in->collect.since_us = in->lane->now_us;
        open_epoch(in, epoch);
    }
    take_b = compact(take_b);
    count_parked(in, take_b, 1);
    in->collect.rows += take_b->view.n;
    in->collect.bytes += bytes;
    *VEC_PUSH(&in->collect.parts) = take_b;
    if (in->collect.rows >= limit->records || in->collect.bytes >= limit->bytes)
        deliver_flush(in);
}

/* How many rows of b may still be collected; 0: what is there goes first. */
static uint32_t room_for(const struct instance *in, uint32_t input, const struct batch *b, uint64_t epoch)
{
    const struct batching *limit = &in->planned->batching;
    size_t each = batch_bytes(b) / b->view.n + 1, left = limit->bytes > in->collect.bytes ? limit->bytes - in->collect.bytes : 0;
    if (in->collect.parts.n && (in->collect.input != input || in->collect.epoch != epoch))
        return 0;
    uint64_t rows = limit->records > in->collect.rows ? limit->records - in->collect.rows : 0;
    rows = left / each < rows ? left / each : rows;
    return rows || in->collect.parts.n ? (uint32_t)rows : 1;
}

/* The limits are upper ones: some destinations refuse more. */
static void collect_within_limits(struct instance *in, uint32_t input, struct batch *take_b, uint64_t epoch)
{
    uint32_t n = take_b->view.n;
    for (uint32_t from = 0; from < n;) {
        uint32_t fits = room_for(in, input, take_b, epoch);
        if (!fits) {
            deliver_flush(in);
            continue;
        }
        fits = fits < n - from ? fits : n - from;
        collect(in, input, fits == n ? batch_ref(take_b) : batch_slice(take_b, from, fits), epoch);
        from += fits;
    }
    batch_unref(take_b);
}

void deliver_output_failed(struct instance *in)
{
    run_fail(in->run, errno, in->planned->name,
             errno == EPIPE ? "whoever read standard output is gone" : "cannot write to standard output");
}

/* `leat pipe`: what reaches this sink goes to standard output. */
static void write_out(struct instance *in, struct batch *b)
{
    if (!in->encoder) {
        struct codec json;
        codec_default(&json, CODEC_JSON);
        in->encoder = encoder_new(&json);
    }
    const leat_column *lines = encoder_column(in->encoder, b);
    for (uint32_t i = 0; i < b->view.n; i++) {
        leat_text t = ((const leat_text *)lines->data)[i];
        if (fwrite_unlocked(t.data, 1, t.n, stdout) != t.n) {
            deliver_output_failed(in);
            return;
        }
    }
}

void deliver(struct instance *in, uint32_t input, struct batch *take_b, uint64_t epoch)
{
    if (in->run->options.muted && in->planned->p->kind == LEAT_SINK) {
        figure_add(in->figures, RECORDS_IN, take_b->view.n);
        if (in->run->options.pipe && in->index == in->run->options.pipe_out)
            write_out(in, take_b);
        batch_unref(take_b);
        return;
    }
    if (in->planned->p->flags & LEAT_SLOW)
        collect_within_limits(in, input, take_b, epoch);
    else
        offer_in_scales(in, input, take_b, epoch);
}

/* Each target gets a view of its own: the view says by which input it came. */
static struct batch *own_view(struct batch *take_b)
{
    if (take_b->refs == 1)
        return take_b;
    struct batch *view = batch_select(take_b, NULL, take_b->view.n);
    batch_unref(take_b);
    return view;
}

static void dispatch_piece(struct instance *from, const struct output *o, uint32_t port, struct batch *take_b, uint64_t epoch)
{
    const struct run_options *options = &from->run->options;
    if (options->seen)
        options->seen(options->self, from->index, port, take_b);
    if (!o->n_targets)
        figure_add(from->figures, RECORDS_DROPPED, take_b->view.n);
    for (uint32_t i = 1; i < o->n_targets; i++)
        deliver(from->lane->instances[o->targets[i].processor], o->targets[i].input,
                batch_select(take_b, NULL, take_b->view.n), epoch);
    if (o->n_targets)
        deliver(from->lane->instances[o->targets[0].processor], o->targets[0].input, own_view(take_b), epoch);
    else
        batch_unref(take_b);
}

void dispatch(struct instance *from, uint32_t port, struct batch *take_b, uint64_t epoch)
{
    enum { ROWS = 1024 };
    const struct output *o = &from->planned->ports[port];
    if (take_b->view.n <= 4 * ROWS || take_b->parent) {
        dispatch_piece(from, o, port, take_b, epoch);
        return;
    }
    for (uint32_t at = 0; at < take_b->view.n; at += ROWS)
        dispatch_piece(from, o, port, batch_slice(take_b, at, take_b->view.n - at < ROWS ? take_b->view.n - at : ROWS), epoch);
    batch_unref(take_b);
}

/* --- later --------------------------------------------------------------------------------------------------------- */

struct delivery *deliver_find(struct instance *in, uint64_t ticket)
{
    struct delivery *d = in->pending;
    while (d && d->ticket != ticket)
        d = d->next;
    return d;
}

/* Settled by the pump, so that finish may be called from anywhere in a hook. */
void deliver_finished(struct instance *in, uint64_t ticket, leat_status s)
{
    struct delivery *d = deliver_find(in, ticket);
    struct sink_epoch *e = d ? NULL : sink_find(in, ticket);
    if (d) {
        d->answered = true;
        d->status = s;
    } else if (e) {
        e->answered = true;
        e->status = s;
    } else {
        in->early_ticket = ticket;
        in->early_status = s;
    }
    instance_wake(in);
}

static bool settle_answers(struct instance *in)
{
    bool moved = false;
    for (struct delivery **at = &in->pending, *d; (d = *at);) {
        if (!d->answered) {
            at = &d->next;
            continue;
        }
        *at = d->next;
        in->n_pending--;
        d->answered = false;
        moved = true;
        if (d->status == LEAT_AGAIN)
            settle_again(in, d, 0);
        else
            deliver_settle(in, d, d->status);
        at = &in->pending; /* the list may have changed */
    }
    return moved;
}

/* When the flow ends because a destination has not answered; INT64_MAX: it may take all the time it needs. */
static int64_t answer_due_us(const struct instance *in)
{
    int64_t at = INT64_MAX, allowed = in->planned->on_error.give_up_us;
    for (const struct delivery *d = allowed && in->sink ? in->pending : NULL; d; d = d->next)
        if (!d->answered && d->pending_since_us + allowed < at)
            at = d->pending_since_us + allowed;
    return at;
}

bool deliver_pump(struct instance *in)
{
    int64_t now = in->lane->now_us;
    bool moved = false;
    if (__atomic_exchange_n(&in->woken, 0, __ATOMIC_ACQUIRE) || (in->again && now >= in->again_until_us))
        in->again = false;
    if (in->pending)
        moved = settle_answers(in);
    if (in->pending && answer_due_us(in) < now) /* what it does with them is not known, so they can be nobody else's */
        run_fail(in->run, EIO, in->planned->name, "it has not answered for as long as `give_up` allows");
    take_later(in);
    while (in->queue && can_take(in, in->queue)) {
        moved = true;
        give(in, unpark(in));
    }
    if (in->collect.parts.n && now - in->collect.since_us >= in->planned->batching.after_us) {
        moved = true;
        deliver_flush(in);
    }
    return moved;
}

int64_t deliver_next_us(const struct instance *in)
{
    int64_t at = in->pending ? answer_due_us(in) : INT64_MAX;
    if (in->collect.parts.n && in->collect.since_us + in->planned->batching.after_us < at)
        at = in->collect.since_us + in->planned->batching.after_us;
    if (in->queue && in->again && in->again_until_us < at)
        at = in->again_until_us;
    if (in->queue && in->queue->not_before_us > in->lane->now_us && in->queue->not_before_us < at)
        at = in->queue->not_before_us;
    if (in->later && in->later->not_before_us < at)
        at = in->later->not_before_us;
    return at;
}

bool deliver_has(const struct instance *in)
{
    return in->queue || in->later || in->pending || in->collect.parts.n;
}

void deliver_drop_all(struct instance *in)
{
    while (in->queue)
        delivery_free(in, unpark(in));
    for (struct delivery *d; (d = in->later);) {
        in->later = d->next;
        delivery_free(in, d);
    }
    for (struct delivery *d = in->pending, *next; d; d = next) {
        next = d->next;
        delivery_free(in, d);
    }
    in->pending = NULL;
    in->n_pending = 0;
    for (size_t i = 0; i < in->collect.parts.n; i++) {
        count_parked(in, in->collect.parts.at[i], -1);
        batch_unref(in->collect.parts.at[i]);
    }
    if (in->collect.parts.n)
        close_epoch(in, in->collect.epoch);
    VEC_FINI(&in->collect.parts);
}
