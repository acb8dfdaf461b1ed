/* SPDX-License-Identifier: Apache-2.0 */
/* ending.c: `until: end`: what there is now, then the end. No group takes part: a thread asks the brokers, which may take long,
 * for the partitions and where they end; then the host hands them out among its lanes. */
#include "source.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct found {
    char *topic;
    int32_t number;
    int64_t end;
};
struct ending {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stirred;
    const leat_host *h;
    rd_kafka_t *rk;
    const char *brokers;
    char **topics;
    size_t n_topics;
    struct found *found; /* [thread] until `done` */
    size_t n_found;
    bool stop, done;
    bool announced; /* [lane] */
};

/* [thread] True when it is time to stop. */
static bool rest(struct ending *e)
{
    struct timespec until;
    bool stop;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    pthread_mutex_lock(&e->lock);
    while (!e->stop && pthread_cond_timedwait(&e->stirred, &e->lock, &until) == 0)
        continue;
    stop = e->stop;
    pthread_mutex_unlock(&e->lock);
    return stop;
}

static bool stopped(struct ending *e)
{
    bool stop;
    pthread_mutex_lock(&e->lock);
    stop = e->stop;
    pthread_mutex_unlock(&e->lock);
    return stop;
}

/* Number of partitions; below 1: not known, *ret_err says why. */
static int count_partitions(struct ending *e, const char *topic, rd_kafka_resp_err_t *ret_err)
{
    const rd_kafka_metadata_t *m = NULL;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(e->rk, topic, NULL);
    int n = 0;
    *ret_err = rd_kafka_metadata(e->rk, 0, rkt, &m, 1000);
    if (!*ret_err && m->topic_cnt == 1) {
        *ret_err = m->topics[0].err;
        n = m->topics[0].err ? 0 : m->topics[0].partition_cnt;
    }
    if (m)
        rd_kafka_metadata_destroy(m);
    rd_kafka_topic_destroy(rkt);
    return n;
}

/* Waits until the topic is there. False: stopped. */
static bool await_topic(struct ending *e, const char *topic, int *ret_n)
{
    bool told = false;
    while (!stopped(e)) {
        rd_kafka_resp_err_t err;
        *ret_n = count_partitions(e, topic, &err);
        if (*ret_n > 0)
            return true;
        if (!told && err && err != RD_KAFKA_RESP_ERR__TRANSPORT && err != RD_KAFKA_RESP_ERR__TIMED_OUT) {
            char sentence[600];
            snprintf(sentence, sizeof sentence, "topic %s at %s: %s; waiting for it (create it, or check `topics`)%s", topic,
                     e->brokers, rd_kafka_err2str(err), client_advice(err));
            e->h->log(e->h, LEAT_WARN, sentence);
            told = true;
        }
        if (rest(e))
            break;
    }
    return false;
}

static bool await_end(struct ending *e, const char *topic, int32_t number)
{
    int64_t low, high;
    while (!stopped(e)) {
        if (!rd_kafka_query_watermark_offsets(e->rk, topic, number, &low, &high, 1000)) {
            e->found = kafka_grow(e->found, (e->n_found + 1) * sizeof *e->found);
            e->found[e->n_found++] = (struct found){kafka_text(leat_text_of(topic)), number, high};
            return true;
        }
        if (rest(e))
            break;
    }
    return false;
}

static void *look(void *opaque)
{
    struct ending *e = opaque;
    for (size_t i = 0; i < e->n_topics; i++) {
        int n;
        if (!await_topic(e, e->topics[i], &n))
            return NULL;
        for (int k = 0; k < n; k++)
            if (!await_end(e, e->topics[i], k))
                return NULL;
    }
    pthread_mutex_lock(&e->lock);
    e->done = true;
    pthread_mutex_unlock(&e->lock);
    e->h->wake(e->h);
    return NULL;
}

leat_status ending_start(struct source *s)
{
    struct ending *e = kafka_zeroed(1, sizeof *e);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->stirred, NULL);
    e->h = s->client.h;
    e->rk = s->client.rk;
    e->brokers = s->client.brokers;
    e->topics = kafka_zeroed(s->n_topics, sizeof(char *));
    for (size_t i = 0; i < s->n_topics; i++)
        e->topics[e->n_topics++] = s->topics[i]->name;
    if (pthread_create(&e->thread, NULL, look, e)) {
        free(e->topics);
        free(e);
        return s->client.h->fail(s->client.h, LEAT_RETRY, "no thread for asking the brokers; is the limit of threads reached?");
    }
    s->ending = e;
    return LEAT_OK;
}

bool ending_poll(struct source *s)
{
    struct ending *e = s->ending;
    const leat_host *h = s->client.h;
    bool done;
    pthread_mutex_lock(&e->lock);
    done = e->done;
    pthread_mutex_unlock(&e->lock);
    if (!done || e->announced)
        return e->announced;
    if (!know_cluster(s))
        return false;
    e->announced = true;
    client_answered(&s->client);
    for (size_t i = 0; i < e->n_found; i++) {
        struct part *p = part_make(s, e->found[i].topic, e->found[i].number);
        char name[600];
        p->state = PART_ANNOUNCED;
        p->end = e->found[i].end;
        p->committed = p->told = -1;
        source_name_part(s, p, name, sizeof name);
        p->id = h->source->announce(h, leat_text_of(name), leat_text_of(p->topic->name), LEAT_OFFERED);
    }
    return true;
}

void ending_stop(struct source *s)
{
    struct ending *e = s->ending;
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->stop = true;
    pthread_cond_signal(&e->stirred);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL); /* its calls take a second at most */
    for (size_t i = 0; i < e->n_found; i++)
        free(e->found[i].topic);
    free(e->found);
    free(e->topics);
    pthread_cond_destroy(&e->stirred);
    pthread_mutex_destroy(&e->lock);
    free(e);
    s->ending = NULL;
}
