/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c: epochs of sinks: claim, begin, commit or prepare, publish. A failure of an exact (TRANSACTIONAL, STAGED) sink rewinds
 * the flow, because the batches of its epoch are not kept. */
#include "core/run/run_internal.h"

int sink_init(struct instance *in)
{
    const leat_sink *k = in->planned->p->sink;
    struct sink *s = in->sink = xcalloc(1, sizeof *s);
    s->class_ = k->class_;
    s->exact = k->class_ == LEAT_TRANSACTIONAL || k->class_ == LEAT_STAGED;
    s->overlap = s->exact || k->overlap == 0 ? 1 : k->overlap;
    for (size_t i = 0; i < EPOCH_SLOTS; i++) {
        struct sink_epoch *e = &s->at[i];
        e->e.size = sizeof e->e;
    }
    return 0;
}

void sink_fini(struct instance *in)
{
    free(in->sink);
    in->sink = NULL;
}

struct sink_epoch *sink_find(struct instance *in, uint64_t ticket)
{
    for (size_t i = 0; in->sink && i < EPOCH_SLOTS; i++)
        if (in->sink->at[i].e.ticket == ticket && in->sink->at[i].asked)
            return &in->sink->at[i];
    return NULL;
}

/* --- claiming ------------------------------------------------------------------------------------------------------ */

static void refuse_destination(struct instance *in, uint64_t number, uint64_t delivered, uint64_t logged)
{
    char sentence[512];
    snprintf(sentence, sizeof sentence,
             "the destination notes epoch %llu of scope '" TEXT_FMT "', but the state in %s knows epochs %llu to %llu: %s",
             (unsigned long long)number, TEXT_ARG(in->place.scope), store_dir(in->run->store), (unsigned long long)delivered,
             (unsigned long long)logged,
             number > logged ? "the state folder is old, a copy, or lost; bring the newest one back, or give the flow another name"
                             : "the destination is older than noted, such as restored from a backup; remove the state folder to "
                               "write everything again");
    run_fail(in->run, EUCLEAN, in->planned->name, sentence);
}

/* What the log knows of one scope, for a claim; texts live in the arena. */
static void claim_of(struct instance *in, struct arena *a, leat_claim *c)
{
    const struct store *store = in->run->store;
    uint64_t delivered, id;
    size_t n;
    store_hold(store);
    const struct logged_token *t = store_tokens(store, text_of(in->planned->name), in->place.scope, &n);
    leat_entry *entries = arena_zalloc(a, (n + 1) * sizeof *entries);
    leat_logged *known = arena_zalloc(a, (n + 1) * sizeof *known);
    delivered = store_delivered(store, &id);
    for (size_t i = 0; i < n; i++) {
        known[i] = (leat_logged){t[i].number, t[i].id};
        c->logged = t[i].number;
        if (t[i].number <= delivered)
            c->delivered = t[i].number;
        else
            entries[c->n_tokens++] = (leat_entry){(int64_t)t[i].number, arena_text(a, t[i].token)};
    }
    store_let_go(store);
    c->tokens = entries;
    c->epochs = known;
    c->n_epochs = (uint32_t)n;
}

bool sink_recover(struct instance *in)
{
    struct sink *s = in->sink;
    const leat_sink *k = in->planned->p->sink;
    if (!k->recover || s->recovered)
        return true;
    struct arena a = {0};
    uint64_t number = 0, id = 0;
    struct { leat_claim c; char zeros[ZEROS]; } claim = {.c = {.size = sizeof claim.c, .incarnation = s->incarnation, .scope = in->place.scope}};
    leat_claim *c = &claim.c;
    if (s->class_ == LEAT_TRANSACTIONAL)
        c->logged = UINT64_MAX; /* it commits before the log (docs/architecture.md, Delivery), so it may be ahead of it */
    else
        claim_of(in, &a, c);
    struct call *call = call_begin(in);
    leat_status status = k->recover(&in->host, in->self, c, &number, &id);
    call_end(call);
    arena_fini(&a);
    if (status == LEAT_RETRY || status == LEAT_AGAIN)
        instance_start_later(in);
    else if (status != LEAT_OK)
        run_fail(in->run, EIO, in->planned->name, in->why);
    else if (number < c->delivered || number > c->logged)
        refuse_destination(in, number, c->delivered, c->logged);
    else
        s->recovered = true;
    return s->recovered;
}

/* --- epochs -------------------------------------------------------------------------------------------------------- */

static struct sink_epoch *at(struct instance *in, uint64_t epoch)
{
    return &in->sink->at[epoch % EPOCH_SLOTS];
}

static void say_retry(struct instance *in, struct sink_epoch *e)
{
    int64_t wait = back_off(&in->planned->on_error, e->attempt++);
    e->not_before_us = in->lane->now_us + wait;
    figure_add(in->figures, CALLS_FAILED, 1);
    run_say_waiting(in->run, in->planned->name, in->why, wait);
}

/* Asks once; later calls look whether the answer has come. PENDING: not yet. */
static leat_status ask(struct instance *in, struct sink_epoch *e, enum job_kind kind)
{
    const leat_sink *k = in->planned->p->sink;
    leat_text token = {0};
    if (e->asked) {
        if (!e->answered)
            return LEAT_PENDING;
        e->asked = e->answered = false;
        return e->status;
    }
    if (e->not_before_us > in->lane->now_us)
        return LEAT_PENDING;
    in->lane->moved = true;
    if (in->worker) {
        e->asked = true;
        worker_post(in, kind, NULL, e);
        return LEAT_PENDING;
    }
    leat_status s = LEAT_OK;
    struct call *c = call_begin(in);
    e->asked = true;
    if (kind == JOB_BEGIN)
        s = k->begin ? k->begin(&in->host, in->self, &e->e) : LEAT_OK;
    else if (kind == JOB_PREPARE)
        s = k->prepare(&in->host, in->self, &e->e, &token);
    else
        s = k->commit ? k->commit(&in->host, in->self, &e->e) : LEAT_OK;
    call_end(c);
    if (s == LEAT_PENDING && !e->answered)
        return LEAT_PENDING;
    e->asked = false;
    if (s == LEAT_PENDING) {
        e->answered = false;
        s = e->status;
    }
    if (kind == JOB_PREPARE && s == LEAT_OK) {
        e->token_n = token.n < sizeof e->token ? token.n : 0;
        if (e->token_n)
            memcpy(e->token, token.data, e->token_n);
    }
    return s;
}

static uint32_t under_way(const struct sink *s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < EPOCH_SLOTS; i++)
        n += s->at[i].phase != SINK_NOTHING && s->at[i].phase != SINK_FINISHED;
    return n;
}

/* While an exact sink's epochs rewind, what was given stays given. */
void sink_failed(struct instance *in, const struct delivery *d, leat_status s)
{
    figure_add(in->figures, CALLS_FAILED, 1);
    if (s == LEAT_FATAL) {
        run_fail(in->run, EIO, in->planned->name, in->why);
        return;
    }
    if (s == LEAT_REJECT && d) { /* search: fewer at a time, until one is alone */
        if (d->batch->view.n == 1)
            run_refuse(in->run, in->index, ((const leat_text *)batch_read(d->batch, PATH_ID, LEAT_TEXT).column->data)[0], in->why);
        else
            in->run->rows_max[in->index] = d->batch->view.n / 2;
    }
    run_rewind(in->run, in->planned, in->why);
}

static void answered_badly(struct instance *in, struct sink_epoch *e, leat_status s)
{
    if (s == LEAT_FATAL)
        run_fail(in->run, EIO, in->planned->name, in->why);
    else if (in->sink->exact && e->phase != SINK_PUBLISHING)
        sink_failed(in, NULL, s);
    else
        say_retry(in, e);
}

/* Earlier epochs that were not begun here and that may still bring something. Room is kept for them, because epochs end in order. */
static uint32_t to_come(struct instance *in, uint64_t epoch)
{
    uint32_t n = 0;
    for (uint64_t k = in->lane->oldest; k < epoch; k++) {
        const struct sink_epoch *e = at(in, k);
        bool begun = e->e.number == k && e->phase != SINK_NOTHING;
        n += !begun && (e->open || slot_of(in->lane, k)->transit);
    }
    return n;
}

bool sink_can_take(struct instance *in, uint64_t epoch)
{
    struct sink_epoch *e = at(in, epoch);
    if (LIKELY(e->phase == SINK_BEGUN && e->e.number == epoch))
        return true;
    if (e->phase != SINK_NOTHING && e->phase != SINK_FINISHED)
        return false;
    if (under_way(in->sink) + to_come(in, epoch) >= in->sink->overlap)
        return false;
    if (!e->asked) {
        e->e.ticket = lane_ticket(in->lane);
        e->e.number = epoch;
        e->e.incarnation = in->sink->incarnation;
        e->e.scope = in->place.scope;
        e->e.token = (leat_text){0};
    }
    leat_status s = ask(in, e, JOB_BEGIN);
    if (s == LEAT_OK) {
        e->phase = SINK_BEGUN;
        e->attempt = 0;
        e->token_n = 0;
    } else if (s != LEAT_PENDING) {
        answered_badly(in, e, s);
    }
    return s == LEAT_OK;
}

bool sink_close(struct instance *in, uint64_t epoch)
{
    struct sink_epoch *e = at(in, epoch);
    if (e->open)
        return false;
    if (e->e.number != epoch || e->phase == SINK_NOTHING || e->phase == SINK_FINISHED || e->phase == SINK_CLOSED)
        return true; /* nothing was given in it, or it is closed already */
    e->phase = SINK_CLOSING;
    leat_status s = ask(in, e, in->sink->class_ == LEAT_STAGED ? JOB_PREPARE : JOB_COMMIT);
    if (s == LEAT_PENDING)
        return false;
    if (s != LEAT_OK) {
        answered_badly(in, e, s);
        return false;
    }
    e->attempt = 0;
    e->phase = in->sink->class_ == LEAT_STAGED ? SINK_CLOSED : SINK_FINISHED;
    return true;
}

bool sink_publish(struct instance *in, uint64_t epoch)
{
    struct sink_epoch *e = at(in, epoch);
    if (e->e.number != epoch || (e->phase != SINK_CLOSED && e->phase != SINK_PUBLISHING))
        return true;
    e->phase = SINK_PUBLISHING;
    e->e.token = (leat_text){e->token, e->token_n};
    leat_status s = ask(in, e, JOB_COMMIT);
    if (s == LEAT_PENDING)
        return false;
    if (s != LEAT_OK) {
        answered_badly(in, e, s);
        return false;
    }
    e->phase = SINK_FINISHED;
    return true;
}

void sink_abort_all(struct instance *in)
{
    const leat_sink *k = in->planned->p->sink;
    for (size_t i = 0; i < EPOCH_SLOTS; i++) {
        struct sink_epoch *e = &in->sink->at[i];
        if (in->sink->exact && k->abort && (e->phase == SINK_BEGUN || e->phase == SINK_CLOSING)) {
            struct call *c = call_begin(in);
            k->abort(&in->host, in->self, &e->e);
            call_end(c);
        }
        if (e->phase != SINK_CLOSED) /* its token may be on its way into the log at this moment */
            e->phase = SINK_NOTHING;
    }
}
