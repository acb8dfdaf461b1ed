/* SPDX-License-Identifier: Apache-2.0 */
/* embedded.c: the broker inside this process: librdkafka's mock cluster, one per process, and the bookkeeping that
 * keeps its writers from running ahead of its readers, because it forgets what it has no room for. One lock over all of
 * it. */
#include "embedded.h"

#include "client.h"

#include <fcntl.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SILENT_US = 3000000, STARTING_US = 30000000 };
enum { MARKS = 512, MARK_BYTES = 16 << 10, PARTITIONS_MAX = 64, WAITERS_MAX = 256 };

/* At `next`, so many bytes had been written to the partition. */
struct mark {
    int64_t next;
    uint64_t bytes;
};
struct written {
    struct mark marks[MARKS]; /* a ring; the newest is at n - 1 */
    uint64_t n;
    struct mark now;
};
struct embedded_reader {
    struct embedded_reader *next;
    struct embedded_topic *topic;
    char *group;
    unsigned users;
    int64_t silent_at_us; /* from then on it counts as stopped */
    int64_t at[PARTITIONS_MAX];
};
struct embedded_topic {
    struct embedded_topic *next;
    char *name;
    bool made;
    struct written *written[PARTITIONS_MAX];
    uint64_t flying_bytes, flying; /* sent, not answered */
    struct embedded_reader *readers;
    int waiters[WAITERS_MAX];
    unsigned n_waiters;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct embedded_topic *topics;
static rd_kafka_t *owner; /* of the mock cluster; both stay until the process ends */
static rd_kafka_mock_cluster_t *cluster;
static char cluster_name[40];

static void quiet(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk, (void)level, (void)facility, (void)text;
}

static void start(void)
{
    char why[256];
    struct timespec now;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, quiet);
    owner = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!owner) {
        rd_kafka_conf_destroy(conf);
        return;
    }
    cluster = rd_kafka_mock_cluster_new(owner, 1);
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(cluster_name, sizeof cluster_name, "embedded-%llx",
             (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
}

/* So that other programs find it: kcat -b $(cat .leat/FLOW/embedded-kafka) -L */
static void leave_address(const leat_host *h, const char *address)
{
    leat_text folder = h->place->folder;
    char path[4096], line[300];
    if (!folder.n || snprintf(path, sizeof path, "%.*s/embedded-kafka", (int)folder.n, folder.data) >= (int)sizeof path)
        return;
    int n = snprintf(line, sizeof line, "%s\n", address);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, line, (size_t)n) != n)
        h->log(h, LEAT_WARN, "the address of the embedded broker could not be written to the run's folder");
    if (fd >= 0)
        close(fd);
}

const char *embedded_address(const leat_host *h)
{
    const char *address = NULL;
    bool first;
    pthread_mutex_lock(&lock);
    first = !cluster;
    if (first)
        start();
    if (cluster)
        address = rd_kafka_mock_cluster_bootstraps(cluster);
    pthread_mutex_unlock(&lock);
    if (first && address) {
        char sentence[400];
        snprintf(sentence, sizeof sentence,
                 "the embedded broker listens on %s; it forgets everything when this run ends", address);
        h->log(h, LEAT_INFO, sentence);
        leave_address(h, address);
    }
    return address;
}

const char *embedded_cluster(void)
{
    return cluster_name;
}

struct embedded_topic *embedded_topic(const char *name)
{
    struct embedded_topic *t;
    pthread_mutex_lock(&lock);
    for (t = topics; t && strcmp(t->name, name) != 0;)
        t = t->next;
    if (!t) {
        t = kafka_zeroed(1, sizeof *t);
        t->name = kafka_text(leat_text_of(name));
        t->next = topics;
        topics = t;
    }
    pthread_mutex_unlock(&lock);
    return t;
}

void embedded_topic_make(struct embedded_topic *t)
{
    pthread_mutex_lock(&lock);
    if (!t->made && cluster)
        rd_kafka_mock_topic_create(cluster, t->name, EMBEDDED_PARTITIONS,
                                   1); /* fails if a client's request made it: fine */
    t->made = cluster != NULL;
    pthread_mutex_unlock(&lock);
}

/* --- who is how far ---------------------------------------------------------------------------------------------- */

/* How much had been written to the partition before `next`, as far as marks remember. */
static uint64_t bytes_before(const struct written *w, int64_t next)
{
    uint64_t oldest = w->n > MARKS ? w->n - MARKS : 0, low = oldest, high = w->n;
    if (next >= w->now.next)
        return w->now.bytes;
    while (low < high) { /* the first mark beyond */
        uint64_t middle = low + (high - low) / 2;
        if (w->marks[middle % MARKS].next <= next)
            low = middle + 1;
        else
            high = middle;
    }
    return low > oldest ? w->marks[(low - 1) % MARKS].bytes : oldest ? w->marks[oldest % MARKS].bytes : 0;
}

static bool has_room(const struct embedded_topic *t)
{
    int64_t now = clock_us();
    for (const struct embedded_reader *r = t->readers; r; r = r->next)
        for (int p = 0; p < PARTITIONS_MAX && now < r->silent_at_us; p++) {
            const struct written *w = t->written[p];
            if (w && (w->now.bytes - bytes_before(w, r->at[p]) + t->flying_bytes > EMBEDDED_AHEAD_BYTES ||
                      w->now.next - r->at[p] + (int64_t)t->flying > EMBEDDED_AHEAD_MESSAGES))
                return false;
        }
    return !t->readers || (t->flying_bytes <= EMBEDDED_AHEAD_BYTES && t->flying <= EMBEDDED_AHEAD_MESSAGES);
}

static void wake_writers(struct embedded_topic *t)
{
    static const uint64_t one = 1;
    if (!t->n_waiters || !has_room(t))
        return;
    while (t->n_waiters)
        if (write(t->waiters[--t->n_waiters], &one, sizeof one) < 0)
            continue; /* its counter is full: it will wake */
}

struct embedded_reader *embedded_reader_new(struct embedded_topic *t, const char *group)
{
    struct embedded_reader *r;
    pthread_mutex_lock(&lock);
    for (r = t->readers; r && strcmp(r->group, group) != 0;)
        r = r->next;
    if (!r) {
        r = kafka_zeroed(1, sizeof *r);
        r->group = kafka_text(leat_text_of(group));
        r->topic = t;
        r->next = t->readers;
        r->silent_at_us = clock_us() + STARTING_US;
        t->readers = r;
    }
    r->users++;
    pthread_mutex_unlock(&lock);
    return r;
}

void embedded_reader_free(struct embedded_reader *r)
{
    struct embedded_reader **at;
    if (!r)
        return;
    pthread_mutex_lock(&lock);
    if (--r->users == 0) {
        for (at = &r->topic->readers; *at != r;)
            at = &(*at)->next;
        *at = r->next;
        wake_writers(r->topic);
        free(r->group);
        free(r);
    }
    pthread_mutex_unlock(&lock);
}

void embedded_reader_lives(struct embedded_reader *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&lock);
    r->silent_at_us = clock_us() + SILENT_US;
    pthread_mutex_unlock(&lock);
}

void embedded_reader_at(struct embedded_reader *r, int32_t partition, int64_t next)
{
    if (!r || partition < 0 || partition >= PARTITIONS_MAX)
        return;
    pthread_mutex_lock(&lock);
    r->at[partition] = next;
    wake_writers(r->topic);
    pthread_mutex_unlock(&lock);
}

uint64_t embedded_reader_behind(struct embedded_reader *r, int32_t partition)
{
    uint64_t n = 0;
    if (!r || partition < 0 || partition >= PARTITIONS_MAX)
        return 0;
    pthread_mutex_lock(&lock);
    const struct written *w = r->topic->written[partition];
    if (w && w->now.next > r->at[partition])
        n = (uint64_t)(w->now.next - r->at[partition]);
    n += r->topic->flying;
    pthread_mutex_unlock(&lock);
    return n;
}

void embedded_sent(struct embedded_topic *t, uint32_t n, size_t bytes)
{
    pthread_mutex_lock(&lock);
    t->flying_bytes += bytes;
    t->flying += n;
    pthread_mutex_unlock(&lock);
}

static void note_written(struct embedded_topic *t, int32_t partition, int64_t next, size_t bytes)
{
    struct written *w = t->written[partition];
    if (!w)
        w = t->written[partition] = kafka_zeroed(1, sizeof *w);
    w->now.bytes += bytes;
    if (next > w->now.next)
        w->now.next = next;
    if (!w->n || w->now.bytes - w->marks[(w->n - 1) % MARKS].bytes >= MARK_BYTES)
        w->marks[w->n++ % MARKS] = w->now;
}

void embedded_answered(struct embedded_topic *t, int32_t partition, int64_t offset, size_t bytes)
{
    pthread_mutex_lock(&lock);
    t->flying_bytes -= bytes;
    t->flying--;
    if (partition >= 0 && partition < PARTITIONS_MAX)
        note_written(t, partition, offset + 1, bytes);
    wake_writers(t);
    pthread_mutex_unlock(&lock);
}

bool embedded_has_room(struct embedded_topic *t, int event_fd)
{
    bool room;
    unsigned i = 0;
    pthread_mutex_lock(&lock);
    room = has_room(t);
    while (i < t->n_waiters && t->waiters[i] != event_fd)
        i++;
    if (!room && i == t->n_waiters && i < WAITERS_MAX)
        t->waiters[t->n_waiters++] = event_fd;
    pthread_mutex_unlock(&lock);
    return room;
}

void embedded_writer_gone(int event_fd)
{
    pthread_mutex_lock(&lock);
    for (struct embedded_topic *t = topics; t; t = t->next)
        for (unsigned i = 0; i < t->n_waiters; i++)
            if (t->waiters[i] == event_fd)
                t->waiters[i--] = t->waiters[--t->n_waiters];
    pthread_mutex_unlock(&lock);
}
