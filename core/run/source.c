/* SPDX-License-Identifier: Apache-2.0 */
/* source.c: partitions of sources: announced, sought, fed, decoded, and told what is committed. */
#include "core/run/run_internal.h"

#include <inttypes.h>
#include <unistd.h>

enum { NUMBER_BITS = 20 }; /* a partition's number: processor, then a count */

static struct partition *find(struct instance *in, uint32_t number)
{
    struct source *s = in->source;
    for (size_t i = 0; i < s->partitions.n; i++)
        if (s->partitions.at[i]->number == number)
            return s->partitions.at[i];
    return NULL;
}

static struct partition *readable(struct instance *in, uint32_t number)
{
    struct partition *p = find(in, number);
    return p && p->state == PARTITION_READING ? p : NULL;
}

/* --- announcing ---------------------------------------------------------------------------------------------------- */

/* OFFERED partitions go to the lane that has the fewest so far. true: this one. */
static bool mine(struct instance *in, leat_text name)
{
    struct run *r = in->run;
    if (r->n_lanes == 1)
        return true;
    auto_free char *key = xasprintf("%s\n" TEXT_FMT, in->planned->name, TEXT_ARG(name));
    pthread_mutex_lock(&r->lock);
    void **lane = map_at(&r->partitions, text_of(key));
    if (!*lane)
        *lane = (void *)(uintptr_t)(r->n_partitions++ % r->n_lanes + 1);
    bool is = (uintptr_t)*lane == in->lane->number + 1;
    pthread_mutex_unlock(&r->lock);
    return is;
}

static leat_text last_part(leat_text name)
{
    size_t at = name.n;
    while (at && name.data[at - 1] != '/')
        at--;
    return (leat_text){name.data + at, name.n - at};
}

static struct partition *partition_new(struct instance *in, leat_text name, leat_text topic)
{
    struct source *s = in->source;
    struct partition *p = xcalloc(1, sizeof *p);
    auto_free char *prefix = xasprintf("%s/%s/" TEXT_FMT "/", in->run->plan->flow, in->planned->name, TEXT_ARG(name));
    p->number = in->index << NUMBER_BITS | ((uint32_t)s->partitions.n + 1);
    p->name = xstrndup(name.data, name.n);
    p->topic = xstrndup(topic.data ? topic.data : "", topic.n);
    p->origin = origin_new(text_of(prefix), last_part(name), topic, p->number);
    *VEC_PUSH(&s->partitions) = p;
    return p;
}

static leat_partition announce(const leat_host *h, leat_text name, leat_text topic, uint32_t how)
{
    struct instance *in = instance_of(h);
    struct source *s = in->source;
    s->inside |= (how & LEAT_INSIDE) != 0;
    how &= ~(uint32_t)LEAT_INSIDE;
    for (size_t i = 0; i < s->partitions.n; i++) {
        struct partition *p = s->partitions.at[i];
        if (!text_is(name, p->name))
            continue;
        if (p->state == PARTITION_LEFT && how == LEAT_ASSIGNED) { /* it came back */
            p->state = PARTITION_ANNOUNCED;
            *VEC_PUSH(&s->to_seek) = p;
        }
        return p->number;
    }
    struct partition *p = partition_new(in, name, topic);
    if (how == LEAT_OFFERED && !mine(in, name))
        p->state = PARTITION_ELSEWHERE;
    else
        *VEC_PUSH(&s->to_seek) = p;
    in->lane->moved = true;
    return p->number;
}

static void position_of(struct instance *in, struct partition *p, const struct stored_position *stored, leat_seek *ret)
{
    p->known = stored != NULL;
    p->next = stored ? stored->sequence : 0;
    p->token_n = stored ? (uint8_t)stored->token.n : 0;
    if (p->token_n)
        memcpy(p->token, stored->token.data, p->token_n);
    *ret = (leat_seek){.partition = p->number, .known = p->known, .name = text_of(p->name),
                       .from = {p->next, {p->token, p->token_n}}};
    (void)in;
}

static void decoder_for(struct instance *in, struct partition *p, const struct stored_position *stored)
{
    struct err err;
    struct codec json;
    codec_default(&json, CODEC_JSON);
    decoder_free(p->decoder);
    p->decoder = decoder_new(in->run->options.pipe ? &json : &in->planned->codec, in->run->plan->paths, in->lane->pool, p->origin);
    if (decoder_seek(p->decoder, p->next, stored ? stored->state : (leat_text){0}, &err) < 0)
        run_fail(in->run, EINVAL, in->planned->name, err.text);
}

static void ask_to_seek(struct instance *in)
{
    struct source *s = in->source;
    size_t n = s->to_seek.n;
    leat_seek *seek = xcalloc(n, sizeof *seek);
    const struct store *store = in->run->options.muted ? NULL : in->run->store;
    if (store)
        store_hold(store); /* another thread may be writing an epoch */
    for (size_t i = 0; i < n; i++) {
        struct partition *p = s->to_seek.at[i];
        const struct stored_position *stored = store ? store_position(store, text_of(in->planned->name), text_of(p->name)) : NULL;
        position_of(in, p, stored, &seek[i]);
        p->ended = stored && stored->ended;
        decoder_for(in, p, stored);
        p->state = PARTITION_READING;
    }
    if (store)
        store_let_go(store);
    s->to_seek.n = 0;
    struct call *c = call_begin(in);
    leat_status status = in->planned->p->source->seek ? in->planned->p->source->seek(&in->host, in->self, seek, (uint32_t)n) : LEAT_OK;
    call_end(c);
    free(seek);
    if (status == LEAT_FATAL)
        run_fail(in->run, EIO, in->planned->name, in->why);
    else if (status != LEAT_OK)
        run_rewind(in->run, in->planned, in->why);
}

static void send_decoded(struct instance *in, struct partition *p);

static void withdraw(const leat_host *h, leat_partition number, uint32_t how)
{
    struct instance *in = instance_of(h);
    struct partition *p = find(in, number);
    if (!p || p->state == PARTITION_ELSEWHERE || p->state == PARTITION_LEFT)
        return;
    if (how == LEAT_ENDED) {
        if (p->state == PARTITION_READING && p->decoder) {
            decoder_end(p->decoder);
            send_decoded(in, p);
        }
        p->ended = p->dirty = true;
        p->state = PARTITION_LEAVING;
        p->leaving_since = in->lane->epoch;
    } else if (how == LEAT_LOST) {
        p->state = PARTITION_LEFT;
        p->dirty = false;
    } else {
        p->state = PARTITION_LEAVING;
        p->leaving_since = in->lane->epoch;
        p->dirty = true; /* so that an epoch ends, and releases it */
        run_hurry(in->run);
    }
}

/* --- feeding ------------------------------------------------------------------------------------------------------- */

static bool limited(const struct instance *in)
{
    uint64_t limit = in->run->options.limit;
    return limit && in->source->records >= limit;
}

static uint32_t rows_left(const struct instance *in)
{
    uint64_t limit = in->run->options.limit, have = in->source->records;
    return !limit || limit - have > 1024 ? 1024 : (uint32_t)(limit - have);
}

/* What the decoder has, into the call: it goes on when poll has returned. */
static void send_decoded(struct instance *in, struct partition *p)
{
    struct source *s = in->source;
    struct batch *b;
    size_t n;
    while (!limited(in)) {
        b = decoder_next(p->decoder, rows_left(in));
        const struct rejected *r = decoder_rejected(p->decoder, &n);
        s->fed_rejected += n;
        if (n)
            reject_undecoded(in, r, n, in->lane->epoch);
        p->dirty |= n || b;
        if (!b)
            break;
        s->records += b->view.n;
        s->fed_records += b->view.n;
        figure_add(in->figures, BYTES_IN, batch_bytes(b));
        *VEC_PUSH(&s->fed) = b;
    }
}

static void feed(const leat_host *h, leat_partition number, const leat_message *m, uint32_t n, const leat_position *after)
{
    struct instance *in = instance_of(h);
    struct source *s = in->source;
    struct partition *p = readable(in, number);
    s->fed_records = s->fed_rejected = 0;
    if (p && !n && after) { /* an unknown partition begins there */
        p->next = after->sequence;
        p->streams = true;
        struct err err;
        if (!p->known && decoder_seek(p->decoder, after->sequence, (leat_text){0}, &err) < 0)
            run_fail(in->run, EINVAL, in->planned->name, err.text);
        return;
    }
    if (!p || !n) {
        figure_add(in->figures, RECORDS_DROPPED, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        decoder_message(p->decoder, m[i].sequence, m[i].body, m[i].key, m[i].time_us, m[i].headers, m[i].n_headers);
    p->next = after ? after->sequence : m[n - 1].sequence + 1;
    if (after) {
        p->token_n = (uint8_t)(after->token.n > 255 ? 255 : after->token.n);
        memcpy(p->token, after->token.data ? after->token.data : "", p->token_n);
    }
    p->dirty = true;
    send_decoded(in, p);
}

static void fed(const leat_host *h, uint64_t *ret_records, uint64_t *ret_rejected)
{
    *ret_records = instance_of(h)->source->fed_records;
    *ret_rejected = instance_of(h)->source->fed_rejected;
}

static char *space(const leat_host *h, leat_partition number, size_t n)
{
    struct instance *in = instance_of(h);
    struct partition *p = readable(in, number);
    return p ? decoder_space(p->decoder, n) : host_scratch(in, n);
}

static void fill(const leat_host *h, leat_partition number, size_t n)
{
    struct instance *in = instance_of(h);
    struct partition *p = readable(in, number);
    if (!p)
        return;
    p->streams = true;
    decoder_fill(p->decoder, n);
    send_decoded(in, p);
}

static void place(const leat_host *h, leat_out *o, leat_partition number, uint64_t first, const leat_position *after)
{
    struct instance *in = instance_of(h);
    struct partition *p = readable(in, number);
    if (!p)
        return;
    batch_place(o->batch, p->origin, first);
    p->next = after ? after->sequence : first + o->batch->view.n;
    if (after) {
        p->token_n = (uint8_t)(after->token.n > 255 ? 255 : after->token.n);
        memcpy(p->token, after->token.data ? after->token.data : "", p->token_n);
    }
    p->dirty = true;
    in->source->records += o->batch->view.n;
}

static void reject(const leat_host *h, leat_partition number, const leat_message *m, const char *code, const char *sentence)
{
    struct instance *in = instance_of(h);
    struct partition *p = readable(in, number);
    if (!p)
        return;
    struct rejected r = {.raw = m->body, .sequence = m->sequence, .code = code, .reason = text_of(sentence), .origin = p->origin};
    p->next = m->sequence + 1;
    p->dirty = true;
    reject_undecoded(in, &r, 1, in->lane->epoch);
}

static leat_text known(const leat_host *h, leat_text prefix, uint32_t k)
{
    struct instance *in = instance_of(h);
    leat_text name = {0};
    if (!in->run->store || in->run->options.muted)
        return name;
    size_t n = 0;
    store_hold(in->run->store);
    const struct stored_position *p = store_positions(in->run->store, &n);
    for (size_t i = 0; i < n && !name.data; i++)
        if (text_is(p[i].source, in->planned->name) && p[i].partition.n >= prefix.n &&
            memcmp(p[i].partition.data, prefix.data, prefix.n) == 0 && k-- == 0)
            name = arena_text(&in->current->scratch, p[i].partition);
    store_let_go(in->run->store);
    return name;
}

static void idle(const leat_host *h, leat_partition number)
{
    (void)h, (void)number; /* watermarks come with event time */
}

static void lag(const leat_host *h, leat_partition number, uint64_t records)
{
    struct instance *in = instance_of(h);
    struct partition *p = find(in, number);
    uint64_t sum = 0;
    if (!p)
        return;
    p->lag = records;
    for (size_t i = 0; i < in->source->partitions.n; i++)
        sum += in->source->partitions.at[i]->lag;
    in->source->lag = sum;
    figure_set(in->figures, LAG, sum);
}

static const leat_source_service service = {.size = sizeof service, .announce = announce, .withdraw = withdraw, .feed = feed,
                                            .space = space, .fill = fill, .place = place, .reject = reject, .idle = idle,
                                            .lag = lag, .fed = fed, .known = known};

static void mark_below(const struct plan *plan, uint32_t from, bool *below)
{
    const struct planned *p = &plan->processors[from];
    for (uint32_t o = 0; o < p->n_outputs; o++)
        for (uint32_t t = 0; t < p->ports[o].n_targets; t++) {
            uint32_t to = p->ports[o].targets[t].processor;
            if (!below[to]) {
                below[to] = true;
                mark_below(plan, to, below);
            }
        }
}

void source_service_init(struct instance *in)
{
    in->source = xcalloc(1, sizeof *in->source);
    in->source->below = xcalloc(in->run->plan->n, sizeof(bool));
    mark_below(in->run->plan, in->index, in->source->below);
    in->host.source = &service;
}

void source_fini(struct instance *in)
{
    struct source *s = in->source;
    for (size_t i = 0; i < s->fed.n; i++)
        batch_unref(s->fed.at[i]);
    for (size_t i = 0; i < s->partitions.n; i++) {
        struct partition *p = s->partitions.at[i];
        decoder_free(p->decoder);
        origin_unref(p->origin);
        free(p->name);
        free(p->topic);
        free(p);
    }
    fields_watch_fini(in);
    free(s->below);
    VEC_FINI(&s->fed);
    VEC_FINI(&s->partitions);
    VEC_FINI(&s->to_seek);
    free(s);
    in->source = NULL;
}

/* --- turns --------------------------------------------------------------------------------------------------------- */

/* What poll fed goes on, in the order in which it came. */
static bool dispatch_fed(struct instance *in)
{
    struct source *s = in->source;
    bool any = s->fed.n > 0;
    if (any)
        __atomic_fetch_add(&in->run->fed, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < s->fed.n; i++) {
        struct batch *b = s->fed.at[i];
        s->fed.at[i] = NULL;
        b = schema_hold(in, b, in->lane->epoch);
        if (!b)
            continue;
        fields_watch(in, b);
        figure_add(in->figures, RECORDS_OUT, b->view.n);
        dispatch(in, 0, b, in->lane->epoch);
    }
    s->fed.n = 0;
    return any;
}

static void poll_failed(struct instance *in, leat_status status)
{
    struct source *s = in->source;
    figure_add(in->figures, CALLS_FAILED, 1);
    if (status == LEAT_RETRY) {
        int64_t wait = back_off(&in->planned->on_error, s->attempt++);
        s->poll_at_us = in->lane->now_us + wait;
        run_say_waiting(in->run, in->planned->name, in->why, wait);
    } else {
        run_fail(in->run, EIO, in->planned->name, in->why[0] ? in->why : "the source gave up without a reason");
    }
}

static bool stopping(const struct instance *in)
{
    const int *word = in->source->inside ? &in->run->drained : &in->run->stop;
    return __atomic_load_n(word, __ATOMIC_RELAXED) || limited(in);
}

/* Whether standard input has something. If not, what was written is in the reader's hands before it waits, never long:
 * others have timers, and somebody may want to stop it. */
static bool input_waits(struct instance *in)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(STDIN_FILENO, &set);
    if (select(STDIN_FILENO + 1, &set, NULL, NULL, &(struct timeval){0}) > 0)
        return true;
    if (fflush(stdout) != 0)
        deliver_output_failed(in);
    FD_SET(STDIN_FILENO, &set);
    return select(STDIN_FILENO + 1, &set, NULL, NULL, &(struct timeval){.tv_usec = 20000}) > 0;
}

/* `leat pipe`: standard input instead of the source. */
static leat_status poll_pipe(struct instance *in)
{
    if (in->index != in->run->options.pipe_in)
        return LEAT_END;
    struct source *s = in->source;
    struct partition *p = s->partitions.n ? s->partitions.at[0] : partition_new(in, TEXT("stdin"), TEXT("-"));
    if (!p->decoder) {
        decoder_for(in, p, NULL);
        p->state = PARTITION_READING;
        p->streams = true;
    }
    if (!input_waits(in))
        return LEAT_OK;
    ssize_t n = read(STDIN_FILENO, decoder_space(p->decoder, 128 << 10), 128 << 10);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return LEAT_OK;
    if (n < 0)
        return in->host.fail(&in->host, LEAT_FATAL, "cannot read standard input");
    if (n == 0)
        decoder_end(p->decoder);
    else
        decoder_fill(p->decoder, (size_t)n);
    send_decoded(in, p);
    return n ? LEAT_OK : LEAT_END;
}

static bool poll(struct instance *in, uint32_t room)
{
    struct source *s = in->source;
    struct lane *l = in->lane;
    struct call *c = call_begin(in);
    int64_t from = clock_mono_us();
    leat_status status = in->run->options.pipe ? poll_pipe(in) : in->planned->p->source->poll(&in->host, in->self, room);
    figure_add(in->figures, BUSY_US, (uint64_t)(clock_mono_us() - from));
    if (c->poisoned)
        status = LEAT_FATAL;
    bool sent = c->out.n > 0;
    if (status == LEAT_FATAL)
        call_undo(c);
    call_commit(c, l->epoch);
    call_end(c);
    bool moved = dispatch_fed(in) || sent;
    if (moved) {
        s->attempt = 0;
        if (in->planned->p->source->class_ == LEAT_ACKABLE)
            run_hurry(in->run);
    }
    l->moved |= moved;
    if (status == LEAT_AGAIN)
        s->poll_at_us = l->now_us + 100000;
    else if (status == LEAT_END) {
        s->ended = true;
        fields_watch_end(in);
    } else if (status != LEAT_OK)
        poll_failed(in, status);
    return moved || status == LEAT_OK;
}

/* Too much waits on the ways of this source. What waits elsewhere does not stop it: it may wait for this very source (a sink and
 * a source of the same topic, whose broker has little room). */
static bool source_full(const struct instance *in)
{
    const struct lane *l = in->lane;
    uint64_t rows = 0, bytes = 0;
    for (uint32_t i = 0; i < in->run->plan->n; i++)
        if (in->source->below[i]) {
            rows += l->instances[i]->parked_rows;
            bytes += l->instances[i]->parked_bytes;
        }
    return rows > PARKED_ROWS_MAX || bytes > PARKED_BYTES_MAX || (rows && pool_bytes(l->pool) > 2 * PARKED_BYTES_MAX);
}

void source_flush(struct instance *in)
{
    in->lane->moved |= dispatch_fed(in);
}

bool source_turn(struct instance *in)
{
    struct source *s = in->source;
    if (in->state != INSTANCE_RUNNING)
        return false;
    source_flush(in);
    if (__atomic_exchange_n(&in->woken, 0, __ATOMIC_ACQUIRE))
        s->poll_at_us = 0;
    if (s->to_seek.n)
        ask_to_seek(in);
    if (s->ended || stopping(in) || s->poll_at_us > in->lane->now_us)
        return false;
    if (source_full(in)) {
        if (!s->full_since_us)
            s->full_since_us = in->lane->now_us;
        if (in->lane->now_us - s->full_since_us >= 1000000) { /* keep alive */
            s->full_since_us = in->lane->now_us;
            poll(in, 0);
        }
        return false;
    }
    s->full_since_us = 0;
    return poll(in, ROOM_ROWS);
}

int64_t source_next_us(const struct instance *in)
{
    const struct source *s = in->source;
    if (in->state != INSTANCE_RUNNING || s->ended || stopping(in))
        return INT64_MAX;
    if (s->to_seek.n)
        return 0;
    return source_full(in) ? in->lane->now_us + 1000000 : s->poll_at_us;
}

bool source_finished(const struct instance *in)
{
    return (in->source->ended && !in->source->to_seek.n) || stopping(in);
}

/* --- commit -------------------------------------------------------------------------------------------------------- */

bool source_dirty(const struct instance *in)
{
    for (size_t i = 0; i < in->source->partitions.n; i++)
        if (in->source->partitions.at[i]->dirty)
            return true;
    return false;
}

void source_snapshot(struct instance *in, struct slot *slot)
{
    struct source *s = in->source;
    for (size_t i = 0; i < s->partitions.n; i++) {
        struct partition *p = s->partitions.at[i];
        if (!p->dirty || !p->decoder)
            continue;
        p->dirty = false;
        struct part_position *at = VEC_PUSH(&slot->positions);
        leat_text state = decoder_state(p->decoder);
        *at = (struct part_position){.partition = p, .source = in, .ended = p->ended, .token_n = p->token_n,
                                     .sequence = p->streams ? decoder_position(p->decoder) : p->next};
        memcpy(at->token, p->token, p->token_n);
        at->state = state.n ? xstrndup(state.data, state.n) : NULL;
        at->state_n = state.n;
    }
}

static void release(struct instance *in, uint64_t epoch)
{
    struct source *s = in->source;
    leat_partition *gone = xcalloc(s->partitions.n + 1, sizeof *gone);
    uint32_t n = 0;
    for (size_t i = 0; i < s->partitions.n; i++) {
        struct partition *p = s->partitions.at[i];
        if (p->state == PARTITION_LEAVING && p->leaving_since <= epoch) {
            p->state = PARTITION_LEFT;
            gone[n++] = p->number;
        }
    }
    if (n && in->planned->p->source->release)
        in->planned->p->source->release(&in->host, in->self, gone, n);
    free(gone);
}

void source_committed(struct instance *in, struct slot *slot)
{
    const leat_source *k = in->planned->p->source;
    struct call *c = call_begin(in);
    for (size_t i = 0; i < slot->positions.n; i++) {
        const struct part_position *at = &slot->positions.at[i];
        if (at->source == in && k->committed && !in->run->options.muted && at->partition->state != PARTITION_LEFT) {
            leat_position upto = {at->sequence, {at->token, at->token_n}};
            k->committed(&in->host, in->self, at->partition->number, &upto);
        }
    }
    release(in, slot->number);
    call_end(c);
}
