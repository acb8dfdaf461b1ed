/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c: the Kafka sink: one idempotent producer per lane. A batch is PENDING until the broker has answered for each
 * of its records; what it refuses is rejected, what may still work is given again. Batches are handed to the library in
 * the order in which they came. One that does not fit now goes on where it stopped, by finish(AGAIN), when answers or
 * readers (embedded) have made room. */
#include "client.h"
#include "embedded.h"
#include "kafka.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TOPIC = CLIENT_OPTIONS, KEY, HEADERS, TIMESTAMP, DELIVERY, SINK_OPTIONS };
static const leat_option options[SINK_OPTIONS] = {
    CLIENT_ROWS,
    [TOPIC] = {.name = "topic",
               .type = LEAT_OPT_TEMPLATE,
               .flags = LEAT_REQUIRED | LEAT_DESTINATION,
               .column = LEAT_TEXT,
               .doc = "Topic to write to, such as `orders-{region}`."},
    [KEY] = {.name = "key",
             .type = LEAT_OPT_READ,
             .flags = LEAT_MAY_MISS,
             .column = LEAT_BYTES,
             .standard = "$key",
             .doc = "Expression for the key: records of one key go to one partition, in order. Null: no key."},
    [HEADERS] = {.name = "headers",
                 .type = LEAT_OPT_READ,
                 .flags = LEAT_PAIRS | LEAT_MAY_MISS,
                 .column = LEAT_BYTES,
                 .doc = "Headers by name, each an expression. Null: without it."},
    [TIMESTAMP] = {.name = "timestamp",
                   .type = LEAT_OPT_READ,
                   .flags = LEAT_MAY_MISS,
                   .column = LEAT_TIME,
                   .doc = "Expression for the message's time. Not given or null: when it is sent."},
    [DELIVERY] = {.name = "delivery",
                  .type = LEAT_OPT_CHOICE,
                  .choices = "idempotent|transactional",
                  .standard = "idempotent",
                  .doc = "idempotent: each is written once, and in order, as long as this process lives."},
};
static const leat_metric metrics[] = {{.name = "broker_errors", .doc = "Errors that the Kafka library reported."}};

enum {
    SLOTS = 64,              /* batches on their way */
    PRODUCE = 256,           /* handed to the library at once */
    FLYING_BYTES = 16 << 20, /* at most this much unanswered, unless a single batch is larger than that */
    FLYING = 200000,
    CHECK_BYTES = 64 << 10, /* how often room is looked for */
    TOPIC_SLOTS = 256,
    TOPICS_MAX = 10000
};
enum { ALARM_BLOCKED, ALARM_RENEW };
/* A record that the broker, or the library, did not take. */
struct failure {
    uint32_t row;
    rd_kafka_resp_err_t err;
    struct target *target;
};
/* A batch on its way. */
struct slot {
    uint64_t ticket; /* 0: free */
    uint64_t order;
    uint32_t next; /* row to be sent next */
    uint32_t n;
    uint32_t open; /* sent, not answered */
    bool asked;    /* finish(AGAIN) was called: process will come with it */
    struct failure *failures;
    uint32_t n_failures, cap_failures;
};
struct target {          /* a topic */
    struct target *next; /* of the same hash */
    char *name;
    rd_kafka_topic_t *rkt;
    struct embedded_topic *embedded;
    bool missing; /* said so */
};
struct sink {
    struct client client; /* the first */
    rd_kafka_queue_t *queue;
    int event_fd;
    leat_field encoded;
    struct slot slots[SLOTS];
    uint64_t orders;
    uint64_t flying_bytes, flying;
    bool renewing; /* soon */
    bool broken;   /* fatal: a new producer comes when the old one has given everything back */
    struct target *targets[TOPIC_SLOTS];
    uint32_t n_targets;
    struct target *last;
    struct target *blocked; /* embedded: its readers are behind */
};

/* --- create, start, stop ----------------------------------------------------------------------------------------- */

static rd_kafka_conf_t *configure(struct sink *s)
{
    static const struct property ours[] = {
        {"client.id", "leat", false},
        {"enable.idempotence", "true", true},
        {"acks", "all", true},
        {"message.timeout.ms", "0", true}, /* a broker that is down is waited for; the flow stops reading meanwhile */
        {"linger.ms", "20", false},
        {"batch.size", "1000000", false},
        {"compression.codec", "lz4", false},
        {"partitioner", "murmur2_random", false}, /* as Java clients choose */
        {"queue.buffering.max.messages", "2000000", false},
        {"queue.buffering.max.kbytes", "1048576", false},
        {"topic.metadata.propagation.max.ms", "5000", false}, /* how soon a topic that does not exist is named */
        {"reconnect.backoff.max.ms", "2000", false},
        {"socket.nagle.disable", "true", false},
    };
    return client_conf(&s->client, ours, LEAT_N(ours));
}

static leat_status create(const leat_host *h, void *self, void *shared)
{
    struct sink *s = self;
    (void)shared;
    s->client.h = h;
    s->event_fd = -1;
    if (h->with[DELIVERY].as.i64)
        return h->fail(h, LEAT_FATAL,
                       "delivery: transactional is not there yet; use idempotent, and give readers an id to "
                       "recognise repetitions by: headers: {id: $id}");
    rd_kafka_conf_t *conf = configure(s);
    if (!conf)
        return LEAT_FATAL;
    rd_kafka_conf_destroy(conf);
    s->encoded = leat_bind(h, LEAT_READ, 0, "$encoded", LEAT_NULL, 0);
    return LEAT_OK;
}

static void stir(const struct sink *s)
{
    static const uint64_t one = 1;
    if (write(s->event_fd, &one, sizeof one) < 0)
        return; /* its counter is full: it will wake us */
}

static leat_status open_producer(struct sink *s)
{
    static const uint64_t one = 1;
    rd_kafka_conf_t *conf = configure(s);
    if (!conf)
        return LEAT_FATAL;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    leat_status status = client_open(&s->client, RD_KAFKA_PRODUCER, conf);
    if (status)
        return status;
    s->queue = rd_kafka_queue_get_main(s->client.rk);
    rd_kafka_queue_io_event_enable(s->queue, s->event_fd, &one, sizeof one);
    stir(s); /* it only tells when the queue was empty before: a broker that refused at once is in it already */
    s->broken = s->renewing = false;
    return LEAT_OK;
}

static void close_producer(struct sink *s)
{
    for (size_t i = 0; i < TOPIC_SLOTS; i++)
        for (struct target *t = s->targets[i], *next; t; t = next) {
            next = t->next;
            rd_kafka_topic_destroy(t->rkt);
            free(t->name);
            free(t);
        }
    memset(s->targets, 0, sizeof s->targets);
    s->n_targets = 0;
    s->last = s->blocked = NULL;
    rd_kafka_queue_io_event_enable(s->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(s->queue);
    client_close(&s->client);
}

static leat_status start(const leat_host *h, void *self)
{
    struct sink *s = self;
    s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->event_fd < 0)
        return h->fail(h, LEAT_RETRY, "no event descriptor; is the limit of open files (ulimit -n) reached?");
    leat_status status = open_producer(s);
    if (status) {
        close(s->event_fd);
        s->event_fd = -1;
        return status;
    }
    h->loop->watch(h, s->event_fd, LEAT_READABLE);
    return LEAT_OK;
}

/* What is still unanswered on the embedded broker counts as its backlog no longer. */
static void forget_flying(struct sink *s)
{
    rd_kafka_event_t *ev;
    rd_kafka_purge(s->client.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    for (int turns = 0; s->flying && turns < 100; turns++)
        while ((ev = rd_kafka_queue_poll(s->queue, s->flying ? 20 : 0)) != NULL) {
            const rd_kafka_message_t *m;
            while (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_DR && (m = rd_kafka_event_message_next(ev)) != NULL) {
                struct target *t = rd_kafka_topic_opaque(m->rkt);
                s->flying--;
                if (t && t->embedded)
                    embedded_answered(t->embedded, m->err ? -1 : m->partition, m->offset, m->len + m->key_len);
            }
            rd_kafka_event_destroy(ev);
        }
}

static void stop(const leat_host *h, void *self)
{
    struct sink *s = self;
    if (s->event_fd < 0)
        return;
    h->loop->watch(h, s->event_fd, 0);
    if (s->client.rk) {
        forget_flying(s);
        close_producer(s);
    }
    embedded_writer_gone(s->event_fd);
    close(s->event_fd);
    s->event_fd = -1;
    for (size_t i = 0; i < SLOTS; i++)
        free(s->slots[i].failures);
    memset(s->slots, 0, sizeof s->slots);
    s->flying = s->flying_bytes = 0;
}

/* --- topics ------------------------------------------------------------------------------------------------------ */

static struct target *target_find(struct sink *s, leat_text name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.n; i++)
        hash = (hash ^ (uint8_t)name.data[i]) * 16777619u;
    struct target **at = &s->targets[hash % TOPIC_SLOTS];
    for (struct target *t = *at; t; t = t->next)
        if (strlen(t->name) == name.n && memcmp(t->name, name.data, name.n) == 0)
            return t;
    if (s->n_targets == TOPICS_MAX)
        return NULL;
    struct target *t = kafka_zeroed(1, sizeof *t);
    t->name = kafka_text(name);
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(s->client.rk);
    rd_kafka_topic_conf_set_opaque(conf, t);
    t->rkt = rd_kafka_topic_new(s->client.rk, t->name, conf);
    if (!t->rkt) {
        free(t->name);
        free(t);
        return NULL;
    }
    if (s->client.embedded) {
        t->embedded = embedded_topic(t->name);
        embedded_topic_make(t->embedded);
    }
    t->next = *at;
    *at = t;
    s->n_targets++;
    return t;
}

static struct target *target_of(struct sink *s, leat_text name)
{
    struct target *t = s->last;
    if (!t || strncmp(t->name, name.data, name.n) != 0 || t->name[name.n])
        t = target_find(s, name);
    if (t)
        s->last = t;
    return t;
}

/* --- batches on their way ---------------------------------------------------------------------------------------- */

static struct slot *slot_by_ticket(struct sink *s, uint64_t ticket)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (s->slots[i].ticket == ticket)
            return &s->slots[i];
    return NULL;
}

static struct slot *slot_take(struct sink *s, const leat_batch *b)
{
    struct slot *slot = slot_by_ticket(s, b->ticket);
    if (slot)
        return slot;
    slot = slot_by_ticket(s, 0);
    if (slot) {
        slot->ticket = b->ticket;
        slot->order = ++s->orders;
        slot->n = b->n;
        slot->next = slot->open = slot->n_failures = 0;
    }
    return slot;
}

/* The first in order that was not sent wholly. */
static struct slot *slot_first(struct sink *s)
{
    struct slot *first = NULL;
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &s->slots[i];
        if (slot->ticket && slot->next < slot->n && (!first || slot->order < first->order))
            first = slot;
    }
    return first;
}

static void slot_fail(struct slot *slot, uint32_t row, rd_kafka_resp_err_t err, struct target *t)
{
    if (slot->n_failures == slot->cap_failures) {
        slot->cap_failures = slot->cap_failures ? 2 * slot->cap_failures : 64;
        slot->failures = kafka_grow(slot->failures, slot->cap_failures * sizeof *slot->failures);
    }
    slot->failures[slot->n_failures++] = (struct failure){row, err, t};
}

static bool is_the_record(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || err == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
           err == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP || err == RD_KAFKA_RESP_ERR_INVALID_MSG ||
           err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION || err == RD_KAFKA_RESP_ERR__INVALID_ARG;
}

static void say_missing(struct sink *s, struct target *t, rd_kafka_resp_err_t err)
{
    char sentence[700];
    bool unknown = err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                   err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    if (!t || t->missing || (!unknown && !client_advice(err)[0]))
        return;
    t->missing = true;
    snprintf(sentence, sizeof sentence, "topic %s at %s: %s; waiting%s", t->name, s->client.brokers,
             rd_kafka_err2str(err), unknown ? ": create it, or check `topic`" : client_advice(err));
    s->client.h->log(s->client.h, LEAT_WARN, sentence);
}

/* Every record was answered: what failed is rejected, or comes again. */
static void slot_settle(struct sink *s, struct slot *slot)
{
    const leat_host *h = s->client.h;
    for (uint32_t i = 0; i < slot->n_failures; i++) {
        const struct failure *f = &slot->failures[i];
        const char *topic = f->target ? f->target->name : "";
        char sentence[500];
        snprintf(sentence, sizeof sentence, "topic %s: %s%s", topic, rd_kafka_err2str(f->err),
                 f->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
                     ? "; the broker's max.message.bytes and our message.max.bytes limit it"
                     : client_advice(f->err));
        if (is_the_record(f->err)) {
            h->reject(h, slot->ticket, f->row, f->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? "too_large" : "refused",
                      sentence);
        } else {
            say_missing(s, f->target, f->err);
            h->retry(h, slot->ticket, f->row, "not_written", sentence);
        }
    }
    slot->ticket = 0;
    slot->n_failures = 0;
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

struct columns {
    const leat_text *topic, *key;
    const leat_column *value_column, *key_column, *time;
    size_t n_headers;
    const leat_column *headers[64];
    const char *header_names[64];
};

static leat_status read_columns(struct sink *s, const leat_batch *b, struct columns *c)
{
    const leat_host *h = s->client.h;
    const leat_value *headers = &h->with[HEADERS];
    c->topic = leat_read_text(h, b, h->with[TOPIC].as.field);
    c->value_column = h->read(h, b, s->encoded);
    c->key_column = h->with[KEY].type ? h->read(h, b, h->with[KEY].as.field) : NULL;
    c->key = c->key_column ? c->key_column->data : NULL;
    c->time = h->with[TIMESTAMP].type ? h->read(h, b, h->with[TIMESTAMP].as.field) : NULL;
    c->n_headers = headers->type ? headers->as.list.n / 2 : 0;
    if (c->n_headers > LEAT_N(c->headers))
        return h->fail(h, LEAT_FATAL, "at most 64 headers");
    for (size_t i = 0; i < c->n_headers; i++) {
        leat_text name = headers->as.list.at[2 * i].as.text;
        char *zero = h->alloc(h, name.n + 1);
        memcpy(zero, name.data, name.n);
        zero[name.n] = 0;
        c->header_names[i] = zero;
        c->headers[i] = h->read(h, b, headers->as.list.at[2 * i + 1].as.field);
    }
    return LEAT_OK;
}

/* A message is the record without the line end that files want. Bytes (codec: raw) are left as they are. */
static leat_text message_of(const leat_column *c, uint32_t row)
{
    leat_text t = ((const leat_text *)c->data)[row];
    if (c->type != LEAT_BYTES && t.n && t.data[t.n - 1] == '\n')
        t.n--;
    return t;
}

static void *mark(const struct sink *s, const struct slot *slot, uint32_t row)
{
    return (void *)(uintptr_t)((uint64_t)(slot - s->slots) << 32 | row);
}

/* Headers or a time: one by one. */
static rd_kafka_resp_err_t send_one(struct target *t, const struct columns *c, uint32_t row,
                                    const rd_kafka_message_t *m, rd_kafka_t *rk)
{
    rd_kafka_vu_t vu[8 + LEAT_N(c->headers)];
    size_t n = 0;
    vu[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = t->rkt};
    vu[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {m->payload, m->len}};
    vu[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY};
    vu[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = m->_private};
    if (m->key)
        vu[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {m->key, m->key_len}};
    if (c->time && leat_has(c->time, row))
        vu[n++] =
            (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = ((const int64_t *)c->time->data)[row] / 1000};
    for (size_t i = 0; i < c->n_headers; i++) {
        const leat_text *value = c->headers[i]->data;
        if (leat_has(c->headers[i], row))
            vu[n++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADER,
                                      .u.header = {c->header_names[i], value[row].data, (ssize_t)value[row].n}};
    }
    rd_kafka_error_t *e = rd_kafka_produceva(rk, vu, n);
    rd_kafka_resp_err_t err = e ? rd_kafka_error_code(e) : RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_error_destroy(e);
    return err;
}

/* Hands n messages for one topic, rows from `row` on, to the library. */
static void send_run(struct sink *s, struct slot *slot, struct target *t, const struct columns *c,
                     rd_kafka_message_t *m, uint32_t n, uint32_t row)
{
    size_t bytes = 0;
    uint32_t sent = 0;
    if (!n)
        return;
    for (uint32_t i = 0; i < n; i++)
        bytes += m[i].len + m[i].key_len;
    if (t->embedded)
        embedded_sent(t->embedded, n, bytes);
    if (c->n_headers || c->time)
        for (uint32_t i = 0; i < n; i++)
            m[i].err = send_one(t, c, row + i, &m[i], s->client.rk);
    else
        rd_kafka_produce_batch(t->rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, m, (int)n);
    for (uint32_t i = 0; i < n; i++) {
        size_t size = m[i].len + m[i].key_len;
        if (m[i].err) {
            slot_fail(slot, row + i, m[i].err, t);
            bytes -= size;
            if (t->embedded)
                embedded_answered(t->embedded, -1, 0, size);
        }
        sent += m[i].err == 0;
    }
    slot->open += sent;
    s->flying += sent;
    s->flying_bytes += bytes;
}

static bool has_room(struct sink *s, struct target *t)
{
    if (s->broken || (s->flying && (s->flying_bytes > FLYING_BYTES || s->flying > FLYING)))
        return false;
    if (!t->embedded || embedded_has_room(t->embedded, s->event_fd))
        return true;
    s->blocked = t;
    s->client.h->loop->alarm(s->client.h, ALARM_BLOCKED,
                             1000000); /* a reader that has stopped makes room by its silence */
    return false;
}

/* Sends from slot->next on, as far as there is room. */
static void send_rows(struct sink *s, struct slot *slot, const struct columns *c)
{
    rd_kafka_message_t m[PRODUCE];
    while (slot->next < slot->n) {
        struct target *t = target_of(s, c->topic[slot->next]);
        uint32_t n = 0, from = slot->next;
        size_t bytes = 0;
        if (!t) {
            slot_fail(slot, slot->next++, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, NULL);
            continue;
        }
        if (!has_room(s, t))
            return;
        while (n < PRODUCE && from + n < slot->n && bytes < CHECK_BYTES &&
               (n == 0 || target_of(s, c->topic[from + n]) == t)) {
            uint32_t row = from + n;
            leat_text value = message_of(c->value_column, row);
            bool keyed = c->key && leat_has(c->key_column, row);
            m[n] = (rd_kafka_message_t){.payload = (void *)(uintptr_t)value.data,
                                        .len = value.n,
                                        .key = keyed ? (void *)(uintptr_t)c->key[row].data : NULL,
                                        .key_len = keyed ? c->key[row].n : 0,
                                        ._private = mark(s, slot, row)};
            bytes += value.n + m[n++].key_len;
        }
        slot->next = from + n;
        send_run(s, slot, t, c, m, n, from);
    }
}

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    struct sink *s = self;
    struct columns c = {0};
    if (!s->client.rk)
        return h->fail(h, LEAT_FATAL, "no new producer could be made after the last one ended; restart the flow");
    struct slot *slot = slot_take(s, b);
    if (!slot)
        return LEAT_AGAIN;
    slot->asked = false;
    leat_status status = read_columns(s, b, &c);
    if (status) {
        slot->ticket = 0;
        return status;
    }
    if (slot_first(s) == slot)
        send_rows(s, slot, &c);
    if (slot->next < slot->n || slot->open) {
        if (slot->next == slot->n && slot_first(s))
            stir(s); /* the one behind it may go on */
        return LEAT_PENDING;
    }
    slot_settle(s, slot);
    return LEAT_OK;
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

static void on_answer(struct sink *s, const rd_kafka_message_t *m)
{
    uint64_t mark = (uint64_t)(uintptr_t)m->_private;
    struct slot *slot = &s->slots[mark >> 32];
    struct target *t = rd_kafka_topic_opaque(m->rkt);
    s->flying--;
    s->flying_bytes -= m->len + m->key_len;
    slot->open--;
    if (m->err)
        slot_fail(slot, (uint32_t)mark, m->err, t);
    else if (t)
        t->missing = false;
    if (t && t->embedded)
        embedded_answered(t->embedded, m->err ? -1 : m->partition, m->offset, m->len + m->key_len);
    if (!m->err)
        client_answered(&s->client);
}

/* The producer is of no more use (an idempotent one ends when it cannot tell whether something was written): all that
 * is unanswered comes back as failed and is given again, perhaps twice, to a new one. */
static void on_fatal(struct sink *s)
{
    char why[300], sentence[700];
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(s->client.rk, why, sizeof why);
    if (s->broken)
        return;
    s->broken = true;
    snprintf(sentence, sizeof sentence,
             "the producer for %s has ended (%s%s); a new one sends again what was not answered", s->client.brokers,
             why, client_advice(err));
    s->client.h->log(s->client.h, LEAT_WARN, sentence);
    rd_kafka_purge(s->client.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

static void read_events(struct sink *s)
{
    rd_kafka_event_t *ev;
    while ((ev = rd_kafka_queue_poll(s->queue, 0)) != NULL) {
        const rd_kafka_message_t *m;
        if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_DR) {
            while ((m = rd_kafka_event_message_next(ev)) != NULL)
                on_answer(s, m);
        } else if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_ERROR) {
            s->client.h->measure(s->client.h, 0, 1);
            if (rd_kafka_event_error_is_fatal(ev))
                on_fatal(s);
            else
                client_error(&s->client, rd_kafka_event_error(ev), rd_kafka_event_error_string(ev));
        }
        rd_kafka_event_destroy(ev);
    }
}

/* Batches that are answered wholly, in the order in which they came. */
static void finish_slots(struct sink *s)
{
    const leat_host *h = s->client.h;
    for (;;) {
        struct slot *done = NULL;
        for (size_t i = 0; i < SLOTS; i++) {
            struct slot *slot = &s->slots[i];
            if (slot->ticket && !slot->asked && slot->next == slot->n && !slot->open &&
                (!done || slot->order < done->order))
                done = slot;
        }
        if (!done)
            return;
        uint64_t ticket = done->ticket;
        slot_settle(s, done);
        h->finish(h, ticket, LEAT_OK);
    }
}

static void go_on(struct sink *s)
{
    struct slot *first = slot_first(s);
    if (!first || first->asked || s->broken || s->flying > FLYING || s->flying_bytes > FLYING_BYTES)
        return;
    if (s->blocked && !embedded_has_room(s->blocked->embedded, s->event_fd))
        return;
    s->blocked = NULL;
    first->asked = true;
    s->client.h->finish(s->client.h, first->ticket, LEAT_AGAIN);
}

/* A second after the old one has ended: if the broker refuses us altogether, no faster. */
static void renew(struct sink *s)
{
    s->renewing = false;
    for (size_t i = 0; i < SLOTS; i++) /* targets end with their producer */
        for (uint32_t k = 0; k < s->slots[i].n_failures; k++)
            s->slots[i].failures[k].target = NULL;
    close_producer(s);
    const struct slot *first = slot_first(s);
    if (open_producer(s) && first)
        s->client.h->finish(s->client.h, first->ticket, LEAT_FATAL);
}

static void ready(const leat_host *h, void *self, int fd, uint32_t events)
{
    struct sink *s = self;
    uint64_t n;
    (void)events;
    if (read(fd, &n, sizeof n) < 0 || !s->client.rk)
        return;
    read_events(s);
    finish_slots(s);
    if (s->broken && !s->flying && !s->renewing) {
        s->renewing = true;
        h->loop->alarm(h, ALARM_RENEW, 1000000);
    }
    go_on(s);
}

static void alarm_hook(const leat_host *h, void *self, uint64_t tag)
{
    struct sink *s = self;
    if (!s->client.rk)
        return;
    if (tag == ALARM_RENEW && s->renewing)
        renew(s);
    if (s->client.rk)
        go_on(s);
    if (s->blocked)
        h->loop->alarm(h, ALARM_BLOCKED, 1000000);
}

static leat_status commit(const leat_host *h, void *self, const leat_epoch *e)
{
    (void)h, (void)self,
        (void)e; /* the epoch is delivered when its batches are finished; linger.ms says how long they wait */
    return LEAT_OK;
}

static const leat_sink sink = {.size = sizeof sink, .class_ = LEAT_REPEAT, .overlap = 4, .commit = commit};
static const leat_loop_hooks loop = {.size = sizeof loop, .ready = ready, .alarm = alarm_hook};
const leat_processor kafka_sink = {
    .size = sizeof kafka_sink,
    .kind = LEAT_SINK,
    .name = "kafka",
    .doc = "Writes to topics of Apache Kafka.",
    .needs = LEAT_NEEDS_LOOP | LEAT_NEEDS_NETWORK | LEAT_NEEDS_THREADS,
    .instance_bytes = sizeof(struct sink),
    .options = options,
    .n_options = LEAT_N(options),
    .metrics = metrics,
    .n_metrics = LEAT_N(metrics),
    .sink = &sink,
    .loop = &loop,
    .create = create,
    .start = start,
    .stop = stop,
    .process = process,
    .max_pending = SLOTS,
};
