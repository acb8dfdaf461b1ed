/* SPDX-License-Identifier: Apache-2.0 */
/* source.c: the Kafka source: one consumer per lane, read in batches. Positions are the host's; offsets in the group
 * only show how far this flow is. */
#include "source.h"

#include "kafka.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 4096, SECOND_US = 1000000 };

static const leat_option options[SOURCE_OPTIONS] = {
    CLIENT_ROWS,
    [TOPICS] = {.name = "topics",
                .type = LEAT_OPT_TEXT,
                .flags = LEAT_REQUIRED | LEAT_MANY,
                .doc = "Topics to read; one that does not exist yet is waited for. `^regex` takes all that match."},
    [GROUP] =
        {.name = "group",
         .type = LEAT_OPT_TEXT,
         .doc = "Consumer group: shares the partitions among lanes, and shows the lag. Default: the name of the flow."},
    [START] = {.name = "start",
               .type = LEAT_OPT_CHOICE,
               .choices = "earliest|latest",
               .standard = "earliest",
               .doc = "Where to begin in partitions that this flow has not read before."},
    [UNTIL] = {.name = "until",
               .type = LEAT_OPT_CHOICE,
               .choices = "end",
               .doc = "Read what is there at the start, without a group, then finish."},
    [NODES] =
        {.name = "nodes",
         .type = LEAT_OPT_CHOICE,
         .choices = "one|many",
         .standard = "one",
         .doc =
             "`many`: other processes run this flow too, and go on where the group is; then records may come twice."},
    [TOMBSTONES] = {.name = "tombstones",
                    .type = LEAT_OPT_CHOICE,
                    .choices = "reject|skip|pass",
                    .standard = "reject",
                    .doc =
                        "What becomes of messages without a value: to the port `rejected`, nothing, or to the codec."},
};
static const leat_metric metrics[] = {{.name = "broker_errors", .doc = "Errors that the Kafka library reported."}};

void source_log(const struct source *s, uint32_t level, const char *format, ...)
{
    char sentence[800];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    s->client.h->log(s->client.h, level, sentence);
}

/* --- create, start, stop ----------------------------------------------------------------------------------------- */

/* A group shares partitions among nodes. Where there is but this process (embedded), or nothing is to be disturbed (a
 * trial keeps no state; `until: end`), the host alone hands them out. */
static void decide(struct source *s)
{
    const leat_host *h = s->client.h;
    leat_text group = h->with[GROUP].type ? h->with[GROUP].as.text : h->place->flow;
    s->client.embedded = client_is_embedded(h);
    s->ends = h->with[UNTIL].type != LEAT_NULL;
    s->grouped = !s->client.embedded && !s->ends && h->place->folder.n;
    snprintf(s->group, sizeof s->group, "%.*s", (int)group.n, group.data);
}

static rd_kafka_conf_t *configure(struct source *s)
{
    bool stays = s->grouped && s->node[0] && s->client.h->with[NODES].as.i64 == NODES_ONE;
    leat_text scope = s->client.h->place->scope;
    char member[300];
    snprintf(member, sizeof member, "%.*s@%s", (int)scope.n, scope.data, s->node);
    const struct property ours[] = {
        {"client.id", "leat", false},
        {"group.id", s->group, true},
        /* A member that comes back within its session, after a crash too, gets its partitions without a rebalance. */
        {"group.instance.id", stays ? member : NULL, false},
        {"partition.assignment.strategy", "cooperative-sticky", false},
        {"enable.auto.commit", "false", true},
        {"enable.auto.offset.store", "false", true},
        {"auto.offset.reset", "error", true},
        {"enable.partition.eof", "true", true},
        {"check.crcs", "true", false},
        {"fetch.wait.max.ms", s->client.embedded ? "10" : "50", false},
        {"queued.min.messages", "100000", false},
        {"queued.max.messages.kbytes", "16384", false},
        {"topic.metadata.refresh.interval.ms", "10000", false}, /* how soon a topic that was missing is seen */
        {"reconnect.backoff.max.ms", "2000", false},
        {"socket.nagle.disable", "true", false},
    };
    return client_conf(&s->client, ours, LEAT_N(ours));
}

static leat_status create(const leat_host *h, void *self, void *shared)
{
    struct source *s = self;
    (void)shared;
    s->client.h = h;
    decide(s);
    rd_kafka_conf_t *conf = configure(s);
    if (!conf)
        return LEAT_FATAL;
    rd_kafka_conf_destroy(conf);
    const leat_value *topics = &h->with[TOPICS];
    for (size_t i = 0; i < topics->as.list.n; i++)
        if ((s->ends || s->client.embedded) && topics->as.list.at[i].as.text.n &&
            topics->as.list.at[i].as.text.data[0] == '^')
            return h->fail(h, LEAT_FATAL,
                           "`topics`: a pattern needs a group, which neither `until: end` nor the embedded broker "
                           "has; name the topics");
    char *reader = kafka_text(h->place->processor);
    for (size_t i = 0; i < topics->as.list.n; i++) {
        char *name = kafka_text(topics->as.list.at[i].as.text);
        struct topic *t = topic_find(s, name);
        if (s->client.embedded && !t->reader) { /* from now on writers wait for us */
            t->embedded = embedded_topic(name);
            t->reader = embedded_reader_new(t->embedded, reader);
        }
        free(name);
    }
    free(reader);
    return LEAT_OK;
}

static void destroy(const leat_host *h, void *self)
{
    (void)h;
    topics_free(self);
}

/* [a thread of the library] */
static void stirred(rd_kafka_t *rk, void *opaque)
{
    const leat_host *h = opaque;
    (void)rk;
    h->wake(h);
}

static leat_status subscribe(struct source *s)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)s->n_topics);
    for (size_t i = 0; i < s->n_topics; i++)
        rd_kafka_topic_partition_list_add(list, s->topics[i]->name, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(s->client.rk, list);
    list_free(&list);
    if (!err)
        return LEAT_OK;
    return leat_failf(s->client.h, LEAT_FATAL, "cannot subscribe to `topics`: %s", rd_kafka_err2str(err));
}

static leat_status start(const leat_host *h, void *self)
{
    struct source *s = self;
    leat_status known = s->grouped ? members_know_node(s) : LEAT_OK;
    rd_kafka_conf_t *conf = known ? NULL : configure(s);
    if (!conf)
        return known ? known : LEAT_FATAL;
    if (s->grouped)
        rd_kafka_conf_set_rebalance_cb(conf, members_callback);
    leat_status status = client_open(&s->client, RD_KAFKA_CONSUMER, conf);
    if (status)
        return status;
    for (size_t i = 0; i < s->n_topics; i++)
        if (s->topics[i]->embedded)
            embedded_topic_make(s->topics[i]->embedded);
    s->messages = kafka_zeroed(BATCH, sizeof(rd_kafka_message_t *));
    s->run = kafka_zeroed(BATCH, sizeof *s->run);
    rd_kafka_poll_set_consumer(s->client.rk);
    s->queue = rd_kafka_queue_get_consumer(s->client.rk);
    s->answers = rd_kafka_queue_new(s->client.rk);
    rd_kafka_queue_cb_event_enable(s->queue, stirred, (void *)(uintptr_t)h);
    rd_kafka_queue_cb_event_enable(s->answers, stirred, (void *)(uintptr_t)h);
    s->all_known = s->closing = s->member = s->full = s->eager = s->asking = s->asked = false;
    s->commits = 0;
    s->ask_at_us = s->second_us = 0;
    return s->grouped ? subscribe(s) : alone_start(s);
}

static void stop(const leat_host *h, void *self)
{
    struct source *s = self;
    (void)h;
    if (!s->client.rk)
        return;
    alone_stop(s);
    if (s->grouped)
        members_close(s);
    rd_kafka_queue_cb_event_enable(s->queue, NULL, NULL);
    rd_kafka_queue_cb_event_enable(s->answers, NULL, NULL);
    if (s->carried)
        rd_kafka_message_destroy(s->carried);
    s->carried = NULL;
    list_free(&s->assigned);
    list_free(&s->revoked);
    list_free(&s->leaving);
    rd_kafka_queue_destroy(s->queue);
    rd_kafka_queue_destroy(s->answers);
    client_close(&s->client);
    EACH_PART(s, p)
    {
        p->state = PART_IDLE;
        p->placed = p->paused = p->held = false;
    }
    free(s->messages);
    free(s->run);
    free(s->headers);
    free(s->cluster);
    s->messages = NULL;
    s->run = NULL;
    s->headers = NULL;
    s->cap_headers = 0;
    s->cluster = NULL;
}

/* --- what is not a message --------------------------------------------------------------------------------------- */

static void finish_part(struct source *s, struct part *p)
{
    p->state = PART_ENDED;
    s->client.h->source->withdraw(s->client.h, p->id, LEAT_ENDED);
}

static void at_end(struct source *s, struct part *p, int64_t offset)
{
    if (p->state != PART_READING)
        return;
    embedded_reader_at(p->topic->reader, p->number, offset);
    if (s->ends && offset >= p->end)
        finish_part(s, p);
    else if (!p->quiet)
        s->client.h->source->idle(s->client.h, p->id);
    p->quiet = true;
}

/* The broker has not what we asked for: removed by retention before we came, or the topic was made anew. */
static void begin_again(struct source *s, struct part *p)
{
    rd_kafka_topic_partition_list_t *list;
    int64_t low = -1, high = -1, at = p->next >= 0 ? p->next : p->begin;
    if (p->state != PART_READING)
        return;
    rd_kafka_query_watermark_offsets(s->client.rk, p->topic->name, p->number, &low, &high, 1000);
    if (at >= 0 && high >= 0 && high < at) { /* sequences never go back: it would be taken for what was read before */
        snprintf(s->refused, sizeof s->refused,
                 "partition %s/%d ends at %lld, but this flow has read it up to %lld: the topic was made anew; to read "
                 "it from the "
                 "beginning, give the source another name or remove the state folder",
                 p->topic->name, p->number, (long long)high, (long long)at);
        return;
    }
    source_log(s, LEAT_ERROR, "%s/%d: offset %lld was removed by the broker before it was read; reading on from %lld",
               p->topic->name, p->number, (long long)at, (long long)low);
    list = rd_kafka_topic_partition_list_new(1);
    list_add(list, p)->offset = low > at ? low : RD_KAFKA_OFFSET_BEGINNING;
    place_parts(s, list);
    list_free(&list);
}

static void topic_missing(struct source *s, const char *name, const char *reason)
{
    struct topic *t = topic_find(s, name);
    if (t->missing)
        return;
    t->missing = true;
    source_log(s, LEAT_WARN, "topic %s does not exist at %s (%s); waiting for it: create it, or check `topics`", name,
               s->client.brokers, reason);
}

static leat_status fatal_error(struct source *s)
{
    char why[400];
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(s->client.rk, why, sizeof why);
    if (err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        return leat_failf(s->client.h, LEAT_FATAL,
                          "another process runs this flow and took over its place in the group %s; stop "
                          "one of them, or say `nodes: many`",
                          s->group);
    return leat_failf(s->client.h, LEAT_FATAL, "the consumer of %s has ended: %s", s->client.brokers, why);
}

static void on_message_error(struct source *s, const rd_kafka_message_t *m)
{
    const char *name = m->rkt ? rd_kafka_topic_name(m->rkt) : "";
    struct part *p = m->rkt ? part_find(s, name, m->partition) : NULL;
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        client_answered(&s->client);
        if (p)
            at_end(s, p, m->offset);
    } else if (p && (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || m->err == RD_KAFKA_RESP_ERR__NO_OFFSET ||
                     m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)) {
        begin_again(s, p);
    } else if (m->rkt &&
               (m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || m->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
                m->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)) {
        topic_missing(s, name, rd_kafka_err2str(m->err));
    } else {
        s->client.h->measure(s->client.h, 0, 1);
        client_error(&s->client, m->err, rd_kafka_message_errstr(m));
    }
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

static void add_headers(struct source *s, const rd_kafka_message_t *r, leat_message *m)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t n;
    if (rd_kafka_message_headers(r, &headers))
        return;
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &n); i++) {
        if (s->n_headers + 2 > s->cap_headers) {
            s->cap_headers = s->cap_headers ? 2 * s->cap_headers : 256;
            s->headers = kafka_grow(s->headers, s->cap_headers * sizeof *s->headers);
        }
        s->headers[s->n_headers++] = (leat_value){.type = LEAT_TEXT, .as.text = leat_text_of(name)};
        s->headers[s->n_headers++] =
            (leat_value){.type = value ? LEAT_BYTES : LEAT_NULL, .as.text = {value, value ? n : 0}};
        m->n_headers++;
    }
}

/* False: it goes another way than by feed. */
static bool take_message(struct source *s, struct part *p, const rd_kafka_message_t *r, leat_message *m)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(r, &type);
    *m = (leat_message){.sequence = (uint64_t)r->offset,
                        .body = {r->payload, r->len},
                        .key = {r->key, r->key_len},
                        .time_us = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? LEAT_NO_TIME : ms * 1000};
    p->next = r->offset + 1;
    p->quiet = false;
    add_headers(s, r, m);
    return r->payload || s->client.h->with[TOMBSTONES].as.i64 == TOMBSTONES_PASS;
}

/* Headers are written to one array that may move: they are pointed to only when it is complete. */
static void point_to_headers(struct source *s, uint32_t n)
{
    const leat_value *at = s->headers;
    for (uint32_t i = 0; i < n; i++) {
        s->run[i].headers = at;
        at += 2 * s->run[i].n_headers;
    }
}

static void feed_run(struct source *s, struct part *p, uint32_t n)
{
    const leat_host *h = s->client.h;
    if (n) {
        client_answered(&s->client);
        point_to_headers(s, n);
        h->source->feed(h, p->id, s->run, n, NULL);
        embedded_reader_at(p->topic->reader, p->number, p->next);
        if (s->ends && p->next >= p->end)
            finish_part(s, p);
    }
    s->n_headers = 0;
}

static void tombstone(struct source *s, struct part *p, leat_message *m)
{
    const leat_host *h = s->client.h;
    m->headers = s->headers;
    if (h->with[TOMBSTONES].as.i64 == TOMBSTONES_REJECT)
        h->source->reject(h, p->id, m, "tombstone",
                          "message without a value (a tombstone); `tombstones` says what to do with it");
    s->n_headers = 0;
}

/* Hands over n messages, one feed per run of the same partition. */
static void feed(struct source *s, rd_kafka_message_t *const *messages, size_t n)
{
    const rd_kafka_message_t *last = NULL;
    struct part *p = NULL;
    uint32_t run = 0;
    for (size_t i = 0; i < n; i++) {
        const rd_kafka_message_t *r = messages[i];
        if (r->err || !last || r->rkt != last->rkt || r->partition != last->partition) {
            feed_run(s, p, run);
            run = 0;
            last = r->err ? NULL : r;
            p = r->err ? NULL : part_find(s, rd_kafka_topic_name(r->rkt), r->partition);
        }
        if (r->err) {
            on_message_error(s, r);
            continue;
        }
        /* What comes again after a rebalance or a pause (librdkafka 2.0.2), and what is not ours any more. */
        if (!p || p->state != PART_READING || (p->next >= 0 && r->offset < p->next) || (s->ends && r->offset >= p->end))
            continue;
        if (take_message(s, p, r, &s->run[run])) {
            run++;
        } else {
            leat_message m = s->run[run];
            feed_run(s, p, run);
            run = 0;
            tombstone(s, p, &m);
        }
    }
    feed_run(s, p, run);
}

/* --- poll -------------------------------------------------------------------------------------------------------- */

/* Exact, and at once: the flow does not end before it is 0. */
static void tell_embedded_lag(struct source *s)
{
    EACH_PART(s, p)
    {
        uint64_t behind = p->state == PART_READING ? embedded_reader_behind(p->topic->reader, p->number) : 0;
        if (behind == p->behind)
            continue;
        p->behind = behind;
        s->client.h->source->lag(s->client.h, p->id, behind);
    }
}

static void once_a_second(struct source *s)
{
    const leat_host *h = s->client.h;
    if (clock_us() < s->second_us)
        return;
    s->second_us = clock_us() + SECOND_US;
    if (s->grouped && !s->revoked && !s->leaving) /* no commit between a revocation and its answer but its own */
        tell_group(s, NULL);
    EACH_PART(s, p)
    {
        int64_t low, high;
        if (p->state != PART_READING || s->client.embedded ||
            rd_kafka_get_watermark_offsets(s->client.rk, p->topic->name, p->number, &low, &high) || high < 0)
            continue;
        int64_t from = p->next >= 0 ? p->next : p->begin == RD_KAFKA_OFFSET_BEGINNING ? low : high;
        h->source->lag(h, p->id, high > from ? (uint64_t)(high - from) : 0);
    }
}

static bool all_ended(struct source *s)
{
    EACH_PART(s, p)
    if (p->state == PART_READING)
        return false;
    return true;
}

static uint32_t read_messages(struct source *s, uint32_t room)
{
    size_t most = room < BATCH ? room : BATCH;
    if (s->full != (room == 0)) {
        s->full = room == 0;
        apply_pauses(s);
    }
    if (s->carried && room) {
        feed(s, &s->carried, 1);
        rd_kafka_message_destroy(s->carried);
        s->carried = NULL;
        return 1;
    }
    if (s->carried)
        return 0;
    ssize_t n = rd_kafka_consume_batch_queue(s->queue, 0, s->messages, most ? most : 1);
    n = n < 0 ? 0 : n;
    if (n && !room) { /* all is paused: only an error, or a message that slipped in */
        s->carried = s->messages[0];
        return 0;
    }
    feed(s, s->messages, (size_t)n);
    for (ssize_t i = 0; i < n; i++)
        rd_kafka_message_destroy(s->messages[i]);
    return (uint32_t)n;
}

static leat_status poll(const leat_host *h, void *self, uint32_t room)
{
    struct source *s = self;
    if (rd_kafka_fatal_error(s->client.rk, NULL, 0))
        return fatal_error(s);
    if (s->refused[0])
        return h->fail(h, LEAT_FATAL, s->refused);
    for (size_t i = 0; i < s->n_topics && s->client.embedded; i++)
        embedded_reader_lives(s->topics[i]->reader);
    uint32_t n = read_messages(s, room);
    bool changed = members_tell(s);
    members_answers(s);
    members_leave(s);
    once_a_second(s);
    if (s->client.embedded)
        tell_embedded_lag(s);
    bool was_known = s->all_known; /* what is announced is sought before the next poll */
    s->all_known = s->survey && alone_poll(s);
    if (s->ends && was_known && all_ended(s))
        return LEAT_END;
    changed |= was_known != s->all_known;
    return n || changed ? LEAT_OK : LEAT_AGAIN;
}

/* --- the host's answers ------------------------------------------------------------------------------------------ */

/* Within a node the log wins. What it does not know begins where the group is (it was read by another program, or by
 * another node), else where `start` says. Where several nodes take turns, the one that is further wins. */
static int64_t begin_at(const struct source *s, const struct part *p, const leat_seek *at)
{
    const leat_host *h = s->client.h;
    int64_t logged = at->known ? (int64_t)at->from.sequence : -1;
    if (logged >= 0 && (h->with[NODES].as.i64 == NODES_ONE || logged >= p->group_at))
        return logged;
    if (p->group_at >= 0)
        return p->group_at;
    return h->with[START].as.i64 == START_LATEST ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
}

static leat_status seek(const leat_host *h, void *self, const leat_seek *at, uint32_t n)
{
    struct source *s = self;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    leat_status status = LEAT_OK;
    (void)h;
    for (uint32_t i = 0; i < n; i++) {
        struct part *p = part_by_id(s, at[i].partition);
        if (!p || p->state == PART_LEAVING)
            continue;
        if (s->ends && (p->end == 0 || (at[i].known && (int64_t)at[i].from.sequence >= p->end))) {
            finish_part(s, p);
            continue;
        }
        int64_t offset = begin_at(s, p, &at[i]);
        p->state = PART_READING;
        list_add(list, p)->offset = offset;
        embedded_reader_at(p->topic->reader, p->number, offset >= 0 ? offset : 0);
    }
    if (list->cnt)
        status = place_parts(s, list);
    list_free(&list);
    return status;
}

static void committed(const leat_host *h, void *self, leat_partition id, const leat_position *upto)
{
    struct part *p = part_by_id(self, id);
    (void)h;
    if (p)
        p->committed = (int64_t)upto->sequence;
}

static void release(const leat_host *h, void *self, const leat_partition *id, uint32_t n)
{
    struct source *s = self;
    (void)h;
    if (s->grouped) {
        members_release(s, id, n);
        return;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (uint32_t i = 0; i < n; i++) {
        struct part *p = part_by_id(s, id[i]);
        if (p && p->placed)
            list_add(list, p);
        if (p)
            p->state = PART_IDLE;
    }
    unplace_parts(s, list);
    list_free(&list);
}

static void hold(const leat_host *h, void *self, const leat_partition *id, uint32_t n, uint32_t on)
{
    struct source *s = self;
    (void)h;
    for (uint32_t i = 0; i < n; i++) {
        struct part *p = part_by_id(s, id[i]);
        if (p)
            p->held = on != 0;
    }
    apply_pauses(s);
}

static const leat_source source = {.size = sizeof source,
                                   .class_ = LEAT_SEEKABLE,
                                   .poll = poll,
                                   .seek = seek,
                                   .committed = committed,
                                   .release = release,
                                   .hold = hold};
const leat_processor kafka_source = {
    .size = sizeof kafka_source,
    .kind = LEAT_SOURCE,
    .name = "kafka",
    .doc = "Reads topics of Apache Kafka.",
    .needs = LEAT_NEEDS_NETWORK | LEAT_NEEDS_THREADS,
    .instance_bytes = sizeof(struct source),
    .options = options,
    .n_options = LEAT_N(options),
    .metrics = metrics,
    .n_metrics = LEAT_N(metrics),
    .source = &source,
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
};
