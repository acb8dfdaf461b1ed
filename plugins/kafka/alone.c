/* SPDX-License-Identifier: Apache-2.0 */
/* alone.c: reading without a group: a thread asks the brokers, which may take long, for the partitions and, for `until:
 * end`, where they end now; then the host hands them out among its lanes. */
#include "source.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct found {
    char *topic;
    int32_t number;
    int64_t end;
};
struct survey {
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
    bool ends, stop, done;
    bool announced; /* [lane] */
};

/* [thread] True when it is time to stop. */
static bool rest(struct survey *v)
{
    struct timespec until;
    bool stop;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    pthread_mutex_lock(&v->lock);
    while (!v->stop && pthread_cond_timedwait(&v->stirred, &v->lock, &until) == 0)
        continue;
    stop = v->stop;
    pthread_mutex_unlock(&v->lock);
    return stop;
}

static bool stopped(struct survey *v)
{
    bool stop;
    pthread_mutex_lock(&v->lock);
    stop = v->stop;
    pthread_mutex_unlock(&v->lock);
    return stop;
}

/* Number of partitions; below 1: not known, *ret_err says why. */
static int count_partitions(struct survey *v, const char *topic, rd_kafka_resp_err_t *ret_err)
{
    const rd_kafka_metadata_t *m = NULL;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(v->rk, topic, NULL);
    int n = 0;
    *ret_err = rd_kafka_metadata(v->rk, 0, rkt, &m, 1000);
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
static bool await_topic(struct survey *v, const char *topic, int *ret_n)
{
    bool told = false;
    while (!stopped(v)) {
        rd_kafka_resp_err_t err;
        *ret_n = count_partitions(v, topic, &err);
        if (*ret_n > 0)
            return true;
        if (!told && err && err != RD_KAFKA_RESP_ERR__TRANSPORT && err != RD_KAFKA_RESP_ERR__TIMED_OUT) {
            char sentence[600];
            snprintf(sentence, sizeof sentence, "topic %s at %s: %s; waiting for it (create it, or check `topics`)%s",
                     topic, v->brokers, rd_kafka_err2str(err), client_advice(err));
            v->h->log(v->h, LEAT_WARN, sentence);
            told = true;
        }
        if (rest(v))
            break;
    }
    return false;
}

static bool await_end(struct survey *v, const char *topic, int32_t number)
{
    int64_t low, high = INT64_MAX;
    while (!stopped(v)) {
        if (!v->ends || !rd_kafka_query_watermark_offsets(v->rk, topic, number, &low, &high, 1000)) {
            v->found = kafka_grow(v->found, (v->n_found + 1) * sizeof *v->found);
            v->found[v->n_found++] = (struct found){kafka_text(leat_text_of(topic)), number, high};
            return true;
        }
        if (rest(v))
            break;
    }
    return false;
}

static void *look(void *opaque)
{
    struct survey *v = opaque;
    for (size_t i = 0; i < v->n_topics; i++) {
        int n;
        if (!await_topic(v, v->topics[i], &n))
            return NULL;
        for (int k = 0; k < n; k++)
            if (!await_end(v, v->topics[i], k))
                return NULL;
    }
    pthread_mutex_lock(&v->lock);
    v->done = true;
    pthread_mutex_unlock(&v->lock);
    v->h->wake(v->h);
    return NULL;
}

leat_status alone_start(struct source *s)
{
    struct survey *v = kafka_zeroed(1, sizeof *v);
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->stirred, NULL);
    v->h = s->client.h;
    v->rk = s->client.rk;
    v->brokers = s->client.brokers;
    v->ends = s->ends;
    v->topics = kafka_zeroed(s->n_topics, sizeof(char *));
    for (size_t i = 0; i < s->n_topics; i++)
        v->topics[v->n_topics++] = s->topics[i]->name;
    if (pthread_create(&v->thread, NULL, look, v)) {
        free(v->topics);
        free(v);
        return s->client.h->fail(s->client.h, LEAT_RETRY,
                                 "no thread for asking the brokers; is the limit of threads reached?");
    }
    s->survey = v;
    return LEAT_OK;
}

bool alone_poll(struct source *s)
{
    struct survey *v = s->survey;
    const leat_host *h = s->client.h;
    bool done;
    pthread_mutex_lock(&v->lock);
    done = v->done;
    pthread_mutex_unlock(&v->lock);
    if (!done || v->announced)
        return v->announced;
    if (!know_cluster(s))
        return false;
    v->announced = true;
    client_answered(&s->client);
    for (size_t i = 0; i < v->n_found; i++) {
        struct part *p = part_make(s, v->found[i].topic, v->found[i].number);
        char name[600];
        p->state = PART_ANNOUNCED;
        p->end = v->found[i].end;
        p->committed = p->told = p->group_at = -1;
        source_name_part(s, p, name, sizeof name);
        p->id = h->source->announce(h, leat_text_of(name), leat_text_of(p->topic->name),
                                      LEAT_OFFERED | (s->client.embedded && !s->ends ? LEAT_INSIDE : 0));
    }
    return true;
}

void alone_stop(struct source *s)
{
    struct survey *v = s->survey;
    if (!v)
        return;
    pthread_mutex_lock(&v->lock);
    v->stop = true;
    pthread_cond_signal(&v->stirred);
    pthread_mutex_unlock(&v->lock);
    pthread_join(v->thread, NULL); /* its calls take a second at most */
    for (size_t i = 0; i < v->n_found; i++)
        free(v->found[i].topic);
    free(v->found);
    free(v->topics);
    pthread_cond_destroy(&v->stirred);
    pthread_mutex_destroy(&v->lock);
    free(v);
    s->survey = NULL;
}
