/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_test.c: the Kafka plugin under a host of a few lines, on the broker inside the process: what it announces,
 * feeds, holds, releases and answers, with more control over the order of things than a whole flow gives. */
#include <dlfcn.h>
#include <errno.h>
#include <leat/plugin.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PARTS = 4, MOST = 40000, OPTIONS = 16, FIELD_TOPIC = 1, FIELD_KEY, FIELD_ENCODED };

/* The positions of a flow, shared by its lanes. */
struct flow {
    struct {
        char name[200];
        uint64_t next;
        struct lane *owner;
        bool known, ended;
    } part[64];
    uint8_t *seen; /* by partition and sequence */
    uint64_t fed, rejected;
    int stolen, gaps, lost;
};
struct lane {
    leat_host h;
    const leat_processor *p;
    void *self;
    leat_value with[OPTIONS];
    leat_place place;
    struct flow *flow;
    int wake_fd, watched_fd;
    leat_seek seek[64];
    leat_partition leaving[64];
    uint32_t n_seek, n_leaving, wait;
    int assigned, revoked;
    uint64_t lag;
    int64_t alarm_us;
    uint64_t alarm_tag;
    char said[8192];
    /* sink */
    uint64_t finished, again, refused, retried;
    uint64_t ticket_again;
    leat_column columns[8];
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct lane *of(const leat_host *h)
{
    return (struct lane *)(uintptr_t)h;
}

static leat_partition announce(const leat_host *h, leat_text name, leat_text topic, uint32_t how)
{
    struct lane *l = of(h);
    uint32_t i = 1;
    assert_true(topic.n > 0);
    while (l->flow->part[i].name[0] &&
           (strlen(l->flow->part[i].name) != name.n || memcmp(l->flow->part[i].name, name.data, name.n)))
        i++;
    memcpy(l->flow->part[i].name, name.data, name.n);
    if (how == LEAT_OFFERED && l->flow->part[i].owner)
        return i;
    l->flow->stolen += l->flow->part[i].owner != NULL; /* the other lane has not released it yet */
    l->flow->part[i].owner = l;
    l->seek[l->n_seek++] = (leat_seek){.partition = i,
                                       .known = l->flow->part[i].known,
                                       .name = leat_text_of(l->flow->part[i].name),
                                       .from = {l->flow->part[i].next, {NULL, 0}}};
    l->assigned++;
    return i;
}

static void withdraw(const leat_host *h, leat_partition p, uint32_t how)
{
    struct lane *l = of(h);
    if (how == LEAT_ENDED) {
        l->flow->part[p].ended = true;
        return;
    }
    if (how == LEAT_LOST) {
        l->flow->lost++;
        l->flow->part[p].owner = NULL;
        return;
    }
    l->leaving[l->n_leaving++] = p;
    l->wait = 20;
    l->revoked++;
}

static void feed(const leat_host *h, leat_partition p, const leat_message *m, uint32_t n, const leat_position *after)
{
    struct flow *f = of(h)->flow;
    (void)after;
    for (uint32_t i = 0; i < n; i++) {
        f->stolen += f->part[p].owner != of(h);
        f->gaps += f->part[p].known && m[i].sequence != f->part[p].next;
        if (f->seen && m[i].sequence < MOST)
            f->seen[p * MOST + m[i].sequence]++;
        f->part[p].next = m[i].sequence + 1;
        f->part[p].known = true;
        f->fed++;
    }
}

static void reject_message(const leat_host *h, leat_partition p, const leat_message *m, const char *code,
                           const char *sentence)
{
    (void)p, (void)m, (void)code, (void)sentence;
    of(h)->flow->rejected++;
}

static void idle(const leat_host *h, leat_partition p)
{
    (void)h, (void)p;
}

static void lag(const leat_host *h, leat_partition p, uint64_t records)
{
    (void)p;
    of(h)->lag = records;
}

static void watch(const leat_host *h, int fd, uint32_t events)
{
    of(h)->watched_fd = events ? fd : -1;
}

static void alarm_in(const leat_host *h, uint64_t tag, int64_t after_us)
{
    of(h)->alarm_tag = tag;
    of(h)->alarm_us = after_us < 0 ? 0 : now_us() + after_us;
}

static void wake(const leat_host *h)
{
    static const uint64_t one = 1;
    if (write(of(h)->wake_fd, &one, sizeof one) < 0)
        return;
}

/* [any] */
static void say(const leat_host *h, uint32_t level, const char *sentence)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct lane *l = of(h);
    if (level < LEAT_INFO)
        return;
    pthread_mutex_lock(&lock);
    size_t n = strlen(l->said);
    if (n + strlen(sentence) + 2 < sizeof l->said)
        snprintf(l->said + n, sizeof l->said - n, "%s\n", sentence);
    pthread_mutex_unlock(&lock);
}

static leat_status failed(const leat_host *h, leat_status s, const char *sentence)
{
    say(h, LEAT_ERROR, sentence);
    return s;
}

static void measure(const leat_host *h, uint32_t metric, double value)
{
    (void)h, (void)metric, (void)value;
}

static leat_field bind_column(const leat_host *h, const leat_binding *want)
{
    (void)h;
    assert_string_equal(want->path, "$encoded");
    return FIELD_ENCODED;
}

static const leat_column *read_column(const leat_host *h, const leat_batch *b, leat_field f)
{
    (void)b;
    return &of(h)->columns[f];
}

static void reject(const leat_host *h, uint64_t ticket, uint32_t row, const char *code, const char *sentence)
{
    (void)ticket, (void)row, (void)code;
    of(h)->refused++;
    say(h, LEAT_INFO, sentence);
}

static void retry(const leat_host *h, uint64_t ticket, uint32_t row, const char *code, const char *sentence)
{
    (void)ticket, (void)row, (void)code;
    of(h)->retried++;
    say(h, LEAT_INFO, sentence);
}

static void finish(const leat_host *h, uint64_t ticket, leat_status s)
{
    if (s == LEAT_AGAIN) {
        of(h)->again++;
        of(h)->ticket_again = ticket;
    } else {
        of(h)->finished++;
    }
}

static const leat_source_service source_service = {.size = sizeof source_service,
                                                   .announce = announce,
                                                   .withdraw = withdraw,
                                                   .feed = feed,
                                                   .reject = reject_message,
                                                   .idle = idle,
                                                   .lag = lag};
static const leat_loop_service loop_service = {.size = sizeof loop_service, .watch = watch, .alarm = alarm_in};

static const leat_processor *processor(uint32_t kind)
{
    char path[1024];
    const leat_plugin *(*entry)(void);
    const char *build = getenv("LEAT_BUILD");
    snprintf(path, sizeof path, "%s/plugins/kafka.so", build ? build : ".");
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!so)
        fail_msg("%s", dlerror());
    *(void **)&entry = dlsym(so, "leat_plugin_v1");
    const leat_plugin *p = entry();
    for (uint32_t i = 0; i < p->n_processors; i++)
        if (p->processors[i]->kind == kind)
            return p->processors[i];
    return NULL;
}

static leat_value *option(struct lane *l, const char *name)
{
    for (uint32_t i = 0; i < l->p->n_options; i++)
        if (strcmp(l->p->options[i].name, name) == 0)
            return &l->with[i];
    fail_msg("no option %s", name);
    return NULL;
}

static void text_option(struct lane *l, const char *name, const char *value)
{
    *option(l, name) = (leat_value){.type = LEAT_TEXT, .as.text = leat_text_of(value)};
}

/* A lane that is made, but not started. */
static struct lane *lane_new(uint32_t kind, const char *scope, struct flow *flow)
{
    struct lane *l = calloc(1, sizeof *l);
    l->p = processor(kind);
    l->flow = flow;
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->watched_fd = -1;
    l->place = (leat_place){.size = sizeof l->place,
                            .flow = leat_text_of("flow"),
                            .processor = leat_text_of("kafka"),
                            .scope = leat_text_of(scope)};
    l->h = (leat_host){.size = sizeof l->h,
                       .processor = l->p,
                       .place = &l->place,
                       .with = l->with,
                       .loop = &loop_service,
                       .source = &source_service,
                       .bind = bind_column,
                       .read = read_column,
                       .reject = reject,
                       .retry = retry,
                       .finish = finish,
                       .fail = failed,
                       .wake = wake,
                       .log = say,
                       .measure = measure};
    l->self = calloc(1, l->p->instance_bytes);
    text_option(l, "brokers", "embedded");
    return l;
}

static void lane_free(struct lane *l)
{
    l->p->stop(&l->h, l->self);
    if (l->p->destroy)
        l->p->destroy(&l->h, l->self);
    close(l->wake_fd);
    free(l->self);
    free(l);
}

static struct lane *reader_new(const char *scope, struct flow *flow, const char *topic, const char *group,
                               leat_value *list)
{
    struct lane *l = lane_new(LEAT_SOURCE, scope, flow);
    *list = (leat_value){.type = LEAT_TEXT, .as.text = leat_text_of(topic)};
    *option(l, "topics") = (leat_value){.type = LEAT_LIST, .as.list = {list, 1}};
    text_option(l, "group", group);
    assert_int_equal(l->p->create(&l->h, l->self, NULL), LEAT_OK);
    return l;
}

static leat_status reader_turn(struct lane *l, uint32_t room)
{
    struct pollfd fd = {l->wake_fd, POLLIN, 0};
    uint64_t n;
    if (poll(&fd, 1, 5) > 0 && read(l->wake_fd, &n, sizeof n) < 0)
        n = 0;
    leat_status s = l->p->source->poll(&l->h, l->self, room);
    assert_true(s <= LEAT_END);
    if (l->n_seek) {
        assert_int_equal(l->p->source->seek(&l->h, l->self, l->seek, l->n_seek), LEAT_OK);
        l->n_seek = 0;
    }
    if (l->n_leaving && --l->wait == 0) { /* the epoch is committed only now */
        for (uint32_t i = 0; i < l->n_leaving; i++) {
            leat_position upto = {l->flow->part[l->leaving[i]].next, {NULL, 0}};
            l->p->source->committed(&l->h, l->self, l->leaving[i], &upto);
            l->flow->part[l->leaving[i]].owner = NULL;
        }
        l->p->source->release(&l->h, l->self, l->leaving, l->n_leaving);
        l->n_leaving = 0;
    }
    return s;
}

static struct lane *writer_new(struct flow *flow)
{
    struct lane *l = lane_new(LEAT_SINK, "writer", flow);
    *option(l, "topic") = (leat_value){.type = LEAT_TEXT, .as.field = FIELD_TOPIC};
    *option(l, "key") = (leat_value){.type = LEAT_BYTES, .as.field = FIELD_KEY};
    assert_int_equal(l->p->create(&l->h, l->self, NULL), LEAT_OK);
    assert_int_equal(l->p->start(&l->h, l->self), LEAT_OK);
    return l;
}

/* What a batch of the writer consists of. */
struct rows {
    leat_text topic[1000], key[1000], value[1000];
    char keys[1000][16];
    leat_batch batch;
};

static struct rows *rows_new(struct lane *l, const char *topic, leat_text value, uint64_t ticket)
{
    struct rows *r = calloc(1, sizeof *r);
    for (int i = 0; i < 1000; i++) {
        r->topic[i] = leat_text_of(topic);
        snprintf(r->keys[i], sizeof r->keys[i], "k%d", i);
        r->key[i] = leat_text_of(r->keys[i]);
        r->value[i] = value;
    }
    r->batch = (leat_batch){.size = sizeof r->batch, .n = 1000, .ticket = ticket};
    l->columns[FIELD_TOPIC] = (leat_column){.type = LEAT_TEXT, .data = r->topic, .n = 1000};
    l->columns[FIELD_KEY] = (leat_column){.type = LEAT_BYTES, .data = r->key, .n = 1000};
    l->columns[FIELD_ENCODED] = (leat_column){.type = LEAT_TEXT, .data = r->value, .n = 1000};
    return r;
}

static void writer_turn(struct lane *l)
{
    struct pollfd fd = {l->watched_fd, POLLIN, 0};
    if (poll(&fd, 1, 5) > 0)
        l->p->loop->ready(&l->h, l->self, l->watched_fd, LEAT_READABLE);
    if (l->alarm_us && now_us() >= l->alarm_us) {
        l->alarm_us = 0;
        l->p->loop->alarm(&l->h, l->self, l->alarm_tag);
    }
}

/* Writes n thousand messages and waits until all are answered. */
static void write_thousands(struct lane *l, const char *topic, uint32_t n)
{
    struct rows *r = rows_new(l, topic, leat_text_of("{\"qty\": 1}\n"), 0);
    for (uint32_t i = 0; i < n; i++) {
        static uint64_t tickets = 1;
        r->batch.ticket = tickets++;
        uint64_t before = l->finished;
        leat_status s = l->p->process(&l->h, l->self, &r->batch);
        assert_int_equal(s, LEAT_PENDING);
        for (int k = 0; k < 2000 && l->finished == before; k++)
            writer_turn(l);
        assert_int_equal(l->finished, before + 1);
    }
    free(r);
}

static void flow_free(struct flow *f)
{
    free(f->seen);
}

static int count_wrong(const struct flow *f, uint64_t total)
{
    uint64_t once = 0, twice = 0;
    for (size_t i = 0; i < (size_t)64 * MOST; i++) {
        once += f->seen[i] > 0;
        twice += f->seen[i] > 1;
    }
    return (int)(total - once) + (int)twice;
}

/* With other options than before. */
static void make_again(struct lane *l)
{
    l->p->destroy(&l->h, l->self);
    assert_int_equal(l->p->create(&l->h, l->self, NULL), LEAT_OK);
}

/* Makes it a member of a group, by the address of the embedded broker, as if that were a real one. */
static void join_group(struct lane *reader, const struct lane *writer, char address[64])
{
    static leat_value quick[4]; /* the mock cluster waits for the whole session in each rebalance */
    static const char *const words[] = {"session.timeout.ms", "6000", "heartbeat.interval.ms", "500"};
    const char *said = strstr(writer->said, "listens on ");
    const char *folder = getenv("LEAT_TMP");
    for (int i = 0; i < 4; i++)
        quick[i] = (leat_value){.type = LEAT_TEXT, .as.text = leat_text_of(words[i])};
    if (said)
        snprintf(address, 64, "%.*s", (int)strcspn(said + 11, ";"), said + 11);
    text_option(reader, "brokers", address);
    *option(reader, "properties") = (leat_value){.type = LEAT_LIST, .as.list = {quick, 4}};
    reader->place.folder = leat_text_of(folder ? folder : "/tmp");
    make_again(reader);
}

static void rebalance_loses_nothing(void **state)
{
    struct flow flow = {.seen = calloc(64, MOST)};
    leat_value list[2];
    (void)state;
    char address[64] = "";
    struct lane *w = writer_new(&flow);
    struct lane *a = reader_new("a", &flow, "moves", "g", &list[0]);
    join_group(a, w, address);
    assert_int_equal(a->p->start(&a->h, a->self), LEAT_OK);
    write_thousands(w, "moves", 8);
    for (int i = 0; i < 2000 && flow.fed < 4000; i++)
        reader_turn(a, 50);
    assert_int_equal(a->assigned, PARTS);
    struct lane *b = reader_new("b", &flow, "moves", "g", &list[1]);
    join_group(b, w, address);
    assert_int_equal(b->p->start(&b->h, b->self), LEAT_OK);
    uint32_t more = 0;
    for (int i = 0; i < 4000 && (flow.fed < 16000 || !b->assigned || a->n_leaving); i++) {
        if (more < 8 && i % 20 == 0) { /* while the group rebalances */
            write_thousands(w, "moves", 1);
            more++;
        }
        reader_turn(a, 100);
        reader_turn(b, 100);
    }
    assert_int_equal(flow.fed, 16000);
    assert_true(a->revoked > 0);
    assert_true(b->assigned > 0);
    assert_int_equal(flow.stolen, 0);
    assert_int_equal(flow.gaps, 0);
    assert_int_equal(flow.lost, 0);
    assert_int_equal(count_wrong(&flow, 16000), 0);
    lane_free(a);
    lane_free(b);
    lane_free(w);
    flow_free(&flow);
}

/* Held, full, undone: reading goes on where the host says. */
static void hold_full_and_seek_back(void **state)
{
    struct flow flow = {.seen = calloc(64, MOST)};
    leat_value list;
    (void)state;
    struct lane *w = writer_new(&flow);
    struct lane *a = reader_new("a", &flow, "held", "h", &list);
    assert_int_equal(a->p->start(&a->h, a->self), LEAT_OK);
    write_thousands(w, "held", 8);
    for (int i = 0; i < 2000 && flow.fed < 2000; i++)
        reader_turn(a, 50);
    uint64_t before = flow.fed;
    for (int i = 0; i < 10; i++)
        reader_turn(a, 0);
    assert_int_equal(flow.fed, before);
    leat_partition first = 1;
    a->p->source->hold(&a->h, a->self, &first, 1, 1);
    before = flow.part[1].next;
    for (int i = 0; i < 1000 && flow.fed < 8000 - (2600 - before); i++)
        reader_turn(a, 50);
    for (int i = 0; i < 5; i++)
        reader_turn(a, 0);
    for (int i = 0; i < 20; i++)
        reader_turn(a, 50);
    assert_int_equal(flow.part[1].next, before);
    a->p->source->hold(&a->h, a->self, &first, 1, 0);
    leat_seek back[PARTS];
    for (uint32_t p = 1; p <= PARTS; p++) {
        uint64_t to = flow.part[p].next < 100 ? 0 : flow.part[p].next - 100;
        for (uint64_t i = to; i < flow.part[p].next; i++)
            flow.seen[p * MOST + i]--;
        flow.fed -= flow.part[p].next - to;
        flow.part[p].next = to;
        back[p - 1] = (leat_seek){.partition = p, .known = 1, .from = {to, {NULL, 0}}};
    }
    assert_int_equal(a->p->source->seek(&a->h, a->self, back, PARTS), LEAT_OK);
    for (int i = 0; i < 2000 && flow.fed < 8000; i++)
        reader_turn(a, 500);
    assert_int_equal(flow.fed, 8000);
    assert_int_equal(flow.gaps, 0);
    assert_int_equal(count_wrong(&flow, 8000), 0);
    lane_free(a);
    lane_free(w);
    flow_free(&flow);
}

static void until_end_reads_what_is_there_and_ends(void **state)
{
    struct flow flow = {.seen = calloc(64, MOST)};
    leat_value list[2];
    leat_status last[2] = {LEAT_OK, LEAT_OK};
    struct lane *l[2];
    (void)state;
    struct lane *w = writer_new(&flow);
    write_thousands(w, "history", 3);
    for (int i = 0; i < 2; i++) { /* two lanes are offered the same partitions */
        l[i] = reader_new(i ? "b" : "a", &flow, "history", "e", &list[i]);
        *option(l[i], "until") = (leat_value){.type = LEAT_I64};
        make_again(l[i]);
        assert_int_equal(l[i]->p->start(&l[i]->h, l[i]->self), LEAT_OK);
    }
    for (int i = 0; i < 2000 && (last[0] != LEAT_END || last[1] != LEAT_END || flow.fed < 3000); i++)
        for (int k = 0; k < 2; k++)
            last[k] = reader_turn(l[k], 100);
    assert_int_equal(last[0], LEAT_END);
    assert_int_equal(last[1], LEAT_END);
    assert_int_equal(flow.fed, 3000);
    for (int p = 1; p <= PARTS; p++)
        assert_true(flow.part[p].ended);
    assert_int_equal(count_wrong(&flow, 3000), 0);
    lane_free(l[0]);
    lane_free(l[1]);
    lane_free(w);
    flow_free(&flow);
}

/* The embedded broker forgets beyond 5 MiB a partition: a writer waits for readers, however slow they are. */
static void writer_waits_for_readers(void **state)
{
    enum { BATCHES = 40 };
    struct flow flow = {.seen = calloc(64, MOST)};
    leat_value list;
    char *large = malloc(1000);
    uint64_t most = 0, sent = 0;
    (void)state;
    memset(large, 'x', 1000);
    struct lane *w = writer_new(&flow);
    struct lane *a = reader_new("a", &flow, "large", "l", &list);
    assert_int_equal(a->p->start(&a->h, a->self), LEAT_OK);
    struct rows *r = rows_new(w, "large", (leat_text){large, 1000}, 0);
    for (int i = 0; i < 20000 && flow.fed < BATCHES * 1000; i++) {
        if (w->ticket_again) {
            r->batch.ticket = w->ticket_again;
            w->ticket_again = 0;
            w->p->process(&w->h, w->self, &r->batch);
        } else if (sent < BATCHES && sent - w->finished < 20) {
            r->batch.ticket = 100000 + sent++;
            w->p->process(&w->h, w->self, &r->batch);
        }
        writer_turn(w);
        reader_turn(a, 100);
        uint64_t ahead = w->finished * 1000 - (flow.fed < w->finished * 1000 ? flow.fed : w->finished * 1000);
        most = ahead > most ? ahead : most;
    }
    assert_int_equal(flow.fed, BATCHES * 1000);
    assert_int_equal(count_wrong(&flow, BATCHES * 1000), 0);
    assert_true(w->again > 0);
    assert_true(most < 4 * 5000); /* 5 MiB in each of four partitions */
    assert_null(strstr(a->said, "not there any more"));
    free(r);
    free(large);
    lane_free(a);
    lane_free(w);
    flow_free(&flow);
}

/* When a flow ends, its sources are asked no more, while its sinks still write what was read. */
static void writer_goes_on_when_the_reader_has_stopped(void **state)
{
    enum { BATCHES = 20 };
    struct flow flow = {0};
    leat_value list;
    char *large = malloc(1000);
    uint64_t sent = 0;
    (void)state;
    memset(large, 'x', 1000);
    struct lane *w = writer_new(&flow);
    struct lane *a = reader_new("a", &flow, "left", "s", &list);
    assert_int_equal(a->p->start(&a->h, a->self), LEAT_OK);
    reader_turn(a, 0);
    struct rows *r = rows_new(w, "left", (leat_text){large, 1000}, 0);
    for (int i = 0; i < 20000 && w->finished < BATCHES; i++) {
        r->batch.ticket = w->ticket_again ? w->ticket_again : 200000 + sent;
        if (w->ticket_again || sent < BATCHES) {
            sent += !w->ticket_again;
            w->ticket_again = 0;
            w->p->process(&w->h, w->self, &r->batch);
        }
        writer_turn(w);
    }
    assert_int_equal(w->finished, BATCHES);
    assert_true(w->again > 0);
    free(r);
    free(large);
    lane_free(a);
    lane_free(w);
}

/* A producer that cannot go on (here: the broker refuses idempotent writing, once) is replaced, and nothing is lost. */
static void a_producer_that_has_ended_is_replaced(void **state)
{
    enum { INIT_PRODUCER_ID = 22 };
    struct flow flow = {0};
    char why[256];
    (void)state;
    rd_kafka_conf_t *quiet = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(quiet, NULL);
    rd_kafka_t *owner = rd_kafka_new(RD_KAFKA_PRODUCER, quiet, why, sizeof why);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(owner, 1);
    rd_kafka_mock_topic_create(cluster, "again", PARTS, 1);
    rd_kafka_mock_push_request_errors(cluster, INIT_PRODUCER_ID, 1, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    struct lane *w = lane_new(LEAT_SINK, "writer", &flow);
    text_option(w, "brokers", rd_kafka_mock_cluster_bootstraps(cluster));
    *option(w, "topic") = (leat_value){.type = LEAT_TEXT, .as.field = FIELD_TOPIC};
    assert_int_equal(w->p->create(&w->h, w->self, NULL), LEAT_OK);
    assert_int_equal(w->p->start(&w->h, w->self), LEAT_OK);
    struct rows *r = rows_new(w, "again", leat_text_of("{}"), 300000);
    assert_int_equal(w->p->process(&w->h, w->self, &r->batch), LEAT_PENDING);
    for (int k = 0; k < 2000 && !w->finished; k++)
        writer_turn(w);
    assert_non_null(strstr(w->said, "has ended"));
    assert_int_equal(w->finished, 1);
    assert_int_equal(w->retried, 1000);
    r->batch.ticket = 300001; /* what was to be given again */
    assert_int_equal(w->p->process(&w->h, w->self, &r->batch), LEAT_PENDING);
    for (int k = 0; k < 2000 && w->finished < 2; k++) {
        writer_turn(w);
        if (w->ticket_again) {
            w->ticket_again = 0;
            w->p->process(&w->h, w->self, &r->batch);
        }
    }
    assert_int_equal(w->finished, 2);
    assert_int_equal(w->retried, 1000);
    free(r);
    lane_free(w);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(owner);
}

static void a_record_too_large_is_rejected_alone(void **state)
{
    struct flow flow = {0};
    (void)state;
    struct lane *w = writer_new(&flow);
    size_t n = 2 << 20;
    char *huge = calloc(1, n);
    struct rows *r = rows_new(w, "sizes", leat_text_of("{}"), 777);
    r->value[500] = (leat_text){huge, n};
    assert_int_equal(w->p->process(&w->h, w->self, &r->batch), LEAT_PENDING);
    for (int k = 0; k < 2000 && !w->finished; k++)
        writer_turn(w);
    assert_int_equal(w->finished, 1);
    assert_int_equal(w->refused, 1);
    assert_int_equal(w->retried, 0);
    assert_non_null(strstr(w->said, "message.max.bytes"));
    free(r);
    free(huge);
    lane_free(w);
}

static void broken_options_are_explained(void **state)
{
    struct flow flow = {0};
    leat_value list, pair[2];
    (void)state;
    struct lane *l = lane_new(LEAT_SOURCE, "x", &flow);
    list = (leat_value){.type = LEAT_TEXT, .as.text = leat_text_of("t")};
    *option(l, "topics") = (leat_value){.type = LEAT_LIST, .as.list = {&list, 1}};
    pair[0].as.text = leat_text_of("fetch.wait.max.mss");
    pair[1].as.text = leat_text_of("5");
    *option(l, "properties") = (leat_value){.type = LEAT_LIST, .as.list = {pair, 2}};
    assert_int_equal(l->p->create(&l->h, l->self, NULL), LEAT_FATAL);
    assert_non_null(strstr(l->said, "fetch.wait.max.mss"));
    pair[0].as.text = leat_text_of("enable.auto.commit");
    assert_int_equal(l->p->create(&l->h, l->self, NULL), LEAT_FATAL);
    assert_non_null(strstr(l->said, "leave it out"));
    lane_free(l);
    l = lane_new(LEAT_SINK, "x", &flow);
    option(l, "delivery")->as.i64 = 1;
    assert_int_equal(l->p->create(&l->h, l->self, NULL), LEAT_FATAL);
    assert_non_null(strstr(l->said, "use idempotent"));
    lane_free(l);
}

static void a_broker_that_is_down_is_said_once(void **state)
{
    struct flow flow = {0};
    leat_value list;
    (void)state;
    struct lane *l = reader_new("x", &flow, "t", "down", &list);
    text_option(l, "brokers", "127.0.0.1:1");
    assert_int_equal(l->p->start(&l->h, l->self), LEAT_OK);
    for (int i = 0; i < 400 && !strstr(l->said, "no broker"); i++)
        reader_turn(l, 100);
    for (int i = 0; i < 100; i++)
        reader_turn(l, 100);
    assert_non_null(strstr(l->said, "no broker of 127.0.0.1:1 answers"));
    assert_null(strstr(strstr(l->said, "no broker") + 1, "no broker"));
    lane_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            rebalance_loses_nothing), /* the first: its writer is told the address of the embedded broker */
        cmocka_unit_test(broken_options_are_explained),
        cmocka_unit_test(hold_full_and_seek_back),
        cmocka_unit_test(until_end_reads_what_is_there_and_ends),
        cmocka_unit_test(writer_waits_for_readers),
        cmocka_unit_test(writer_goes_on_when_the_reader_has_stopped),
        cmocka_unit_test(a_producer_that_has_ended_is_replaced),
        cmocka_unit_test(a_record_too_large_is_rejected_alone),
        cmocka_unit_test(a_broker_that_is_down_is_said_once),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
