/* SPDX-License-Identifier: Apache-2.0 */
/* partitions.c: the topics and partitions of a source, where the library reads them, and what the group is told of
 * them. */
#include "source.h"

#include <stdlib.h>
#include <string.h>

struct topic *topic_find(struct source *s, const char *name)
{
    for (size_t i = 0; i < s->n_topics; i++)
        if (strcmp(s->topics[i]->name, name) == 0)
            return s->topics[i];
    struct topic *t = kafka_zeroed(1, sizeof *t);
    t->name = kafka_text(leat_text_of(name));
    s->topics = kafka_grow(s->topics, (s->n_topics + 1) * sizeof(struct topic *));
    s->topics[s->n_topics++] = t;
    return t;
}

struct part *part_find(struct source *s, const char *topic, int32_t number)
{
    const struct topic *t = topic_find(s, topic);
    return number >= 0 && number < t->n ? t->parts[number] : NULL;
}

struct part *part_make(struct source *s, const char *topic, int32_t number)
{
    struct topic *t = topic_find(s, topic);
    if (number >= t->n) {
        t->parts = kafka_grow(t->parts, (size_t)(number + 1) * sizeof(struct part *));
        memset(t->parts + t->n, 0, (size_t)(number + 1 - t->n) * sizeof(struct part *));
        t->n = number + 1;
    }
    if (!t->parts[number]) {
        t->parts[number] = kafka_zeroed(1, sizeof(struct part));
        t->parts[number]->topic = t;
        t->parts[number]->number = number;
    }
    return t->parts[number];
}

struct part *part_by_id(struct source *s, leat_partition id)
{
    EACH_PART(s, p)
    if (p->id == id && p->state != PART_IDLE)
        return p;
    return NULL;
}

void topics_free(struct source *s)
{
    EACH_PART(s, p)
    free(p);
    for (size_t i = 0; i < s->n_topics; i++) {
        embedded_reader_free(s->topics[i]->reader);
        free(s->topics[i]->parts);
        free(s->topics[i]->name);
        free(s->topics[i]);
    }
    free(s->topics);
    s->topics = NULL;
    s->n_topics = 0;
}

rd_kafka_topic_partition_t *list_add(rd_kafka_topic_partition_list_t *list, const struct part *p)
{
    return rd_kafka_topic_partition_list_add(list, p->topic->name, p->number);
}

void list_free(rd_kafka_topic_partition_list_t **list)
{
    if (*list)
        rd_kafka_topic_partition_list_destroy(*list);
    *list = NULL;
}

bool know_cluster(struct source *s)
{
    if (!s->cluster && s->client.embedded)
        s->cluster = kafka_text(leat_text_of(embedded_cluster()));
    if (!s->cluster) {
        char *id = rd_kafka_clusterid(s->client.rk, 0);
        if (id)
            s->cluster = kafka_text(leat_text_of(id));
        rd_kafka_mem_free(s->client.rk, id);
    }
    return s->cluster != NULL;
}

/* --- where the library reads ------------------------------------------------------------------------------------- */

static bool wants_pause(const struct source *s, const struct part *p)
{
    return s->full || p->held;
}

void apply_pauses(struct source *s)
{
    rd_kafka_topic_partition_list_t *pause = rd_kafka_topic_partition_list_new(8);
    rd_kafka_topic_partition_list_t *resume = rd_kafka_topic_partition_list_new(8);
    EACH_PART(s, p)
    {
        if (p->state != PART_READING || p->paused == wants_pause(s, p))
            continue;
        p->paused = !p->paused;
        list_add(p->paused ? pause : resume, p);
    }
    if (pause->cnt)
        rd_kafka_pause_partitions(s->client.rk, pause);
    if (resume->cnt) /* never one that is not paused: librdkafka 2.0.2 would read it again from an old position */
        rd_kafka_resume_partitions(s->client.rk, resume);
    list_free(&pause);
    list_free(&resume);
}

/* A group of the older protocol knows only the whole assignment: what is read, with the given offsets where there are
 * any. */
static rd_kafka_topic_partition_list_t *whole_assignment(struct source *s, const rd_kafka_topic_partition_list_t *given)
{
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_copy(given);
    EACH_PART(s, p)
    if ((p->state == PART_READING || p->state == PART_LEAVING) &&
        !rd_kafka_topic_partition_list_find(given, p->topic->name, p->number))
        list_add(all, p)->offset = p->next >= 0 ? p->next : p->begin;
    return all;
}

static rd_kafka_error_t *place_incrementally(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *now = NULL, *again = rd_kafka_topic_partition_list_new(list->cnt);
    rd_kafka_error_t *e = NULL;
    rd_kafka_assignment(s->client.rk, &now);
    for (int i = 0; i < list->cnt; i++)
        if (now && rd_kafka_topic_partition_list_find(now, list->elems[i].topic, list->elems[i].partition))
            rd_kafka_topic_partition_list_add(again, list->elems[i].topic, list->elems[i].partition);
    /* Not rd_kafka_seek_partitions: in 2.0.2 its time-out is a thousand times too short, and it fails on partitions
     * that wait for an offset. */
    if (again->cnt)
        e = rd_kafka_incremental_unassign(s->client.rk, again);
    if (!e)
        e = rd_kafka_incremental_assign(s->client.rk, list);
    list_free(&now);
    list_free(&again);
    return e;
}

leat_status place_parts(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_error_t *e = NULL;
    rd_kafka_resp_err_t err = 0;
    if (s->eager) {
        rd_kafka_topic_partition_list_t *all = whole_assignment(s, list);
        err = rd_kafka_assign(s->client.rk, all);
        list_free(&all);
    } else {
        e = place_incrementally(s, list);
    }
    if (e || err) {
        leat_status status = leat_failf(s->client.h, LEAT_RETRY, "partitions of %s cannot be read: %s",
                                        s->client.brokers, e ? rd_kafka_error_string(e) : rd_kafka_err2str(err));
        rd_kafka_error_destroy(e);
        return status;
    }
    for (int i = 0; i < list->cnt; i++) {
        struct part *p = part_make(s, list->elems[i].topic, list->elems[i].partition);
        p->begin = list->elems[i].offset;
        p->next = p->begin >= 0 ? p->begin : -1;
        p->quiet = false;
        p->placed = true;
        if (wants_pause(s, p))
            p->paused = false; /* it may have survived or not: say it again */
    }
    apply_pauses(s);
    return LEAT_OK;
}

void unplace_parts(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        struct part *p = part_find(s, list->elems[i].topic, list->elems[i].partition);
        if (p)
            p->placed = false;
    }
    if (s->eager)
        rd_kafka_assign(s->client.rk, NULL);
    else
        rd_kafka_error_destroy(rd_kafka_incremental_unassign(s->client.rk, list));
}

/* --- what the group is told -------------------------------------------------------------------------------------- */

static void add_offset(struct source *s, rd_kafka_topic_partition_list_t *list, struct part *p)
{
    rd_kafka_topic_partition_t *t = list_add(list, p);
    t->offset = p->told = p->committed;
    t->metadata = kafka_text(leat_text_of(s->note)); /* the list frees it */
    t->metadata_size = strlen(s->note);
}

void tell_group(struct source *s, rd_kafka_topic_partition_list_t *only)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    EACH_PART(s, p)
    {
        bool wanted = only ? rd_kafka_topic_partition_list_find(only, p->topic->name, p->number) != NULL
                           : p->state == PART_READING;
        if (wanted && p->committed >= 0 && p->committed != p->told)
            add_offset(s, list, p);
    }
    if (list->cnt) {
        rd_kafka_commit_queue(s->client.rk, list, s->answers, NULL, NULL);
        s->commits++;
    }
    list_free(&list);
}
