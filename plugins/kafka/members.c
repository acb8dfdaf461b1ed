/* SPDX-License-Identifier: Apache-2.0 */
/* members.c: life in a consumer group. The callback only notes what the group wants; the host is told between two batches of
 * messages, and answers in its own time: an assignment by `seek`, a revocation by `release`. So no batch is ever cut by a
 * rebalance, which librdkafka 2.0.2 would not survive (messages lost or mixed). */
#include "source.h"

#include <stdlib.h>
#include <string.h>

static void note(rd_kafka_topic_partition_list_t **at, const rd_kafka_topic_partition_list_t *list)
{
    if (!*at)
        *at = rd_kafka_topic_partition_list_new(list->cnt);
    for (int i = 0; i < list->cnt; i++)
        rd_kafka_topic_partition_list_add(*at, list->elems[i].topic, list->elems[i].partition);
}

/* [lane] Served inside rd_kafka_consume_batch_queue. */
void members_callback(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    const struct client_link *link = opaque;
    struct source *s = (struct source *)link->c;
    s->eager = strcmp(rd_kafka_rebalance_protocol(rk), "EAGER") == 0;
    if (s->closing) {
        unplace_parts(s, list);
    } else if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        note(&s->assigned, list);
    } else {
        s->lost = rd_kafka_assignment_lost(rk);
        note(&s->revoked, list);
    }
}

void source_name_part(const struct source *s, const struct part *p, char *ret, size_t size)
{
    snprintf(ret, size, "%s/%s/%d", s->cluster, p->topic->name, p->number);
}

static void tell_assigned(struct source *s)
{
    const leat_host *h = s->client.h;
    rd_kafka_topic_partition_list_t *list = s->assigned;
    s->assigned = NULL;
    s->member = true;
    client_answered(&s->client);
    if (list->cnt == 0)
        place_parts(s, list); /* also an empty assignment wants an answer */
    for (int i = 0; i < list->cnt; i++) {
        struct part *p = part_make(s, list->elems[i].topic, list->elems[i].partition);
        char name[600];
        if (p->topic->missing)
            source_log(s, LEAT_INFO, "topic %s is there now", p->topic->name);
        p->topic->missing = false;
        p->state = PART_ANNOUNCED;
        p->held = false;
        p->committed = p->told = -1;
        source_name_part(s, p, name, sizeof name);
        p->id = h->source->announce(h, leat_text_of(name), leat_text_of(p->topic->name), LEAT_ASSIGNED);
    }
    list_free(&list);
}

static void tell_revoked(struct source *s)
{
    const leat_host *h = s->client.h;
    rd_kafka_topic_partition_list_t *list = s->revoked;
    int withdrawn = 0;
    s->revoked = NULL;
    for (int i = 0; i < list->cnt; i++) {
        struct part *p = part_find(s, list->elems[i].topic, list->elems[i].partition);
        if (!p || p->state == PART_IDLE)
            continue;
        p->state = s->lost ? PART_IDLE : PART_LEAVING;
        withdrawn++;
        h->source->withdraw(h, p->id, s->lost ? LEAT_LOST : LEAT_REVOKED);
    }
    if (s->lost && withdrawn)
        source_log(s, LEAT_WARN, "the group took %d partitions away without asking (this node was silent for too long); "
                                 "uncommitted work on them is undone", withdrawn);
    if (s->lost || !withdrawn)
        unplace_parts(s, list);
    list_free(&list);
}

bool members_tell(struct source *s)
{
    if (!s->assigned && !s->revoked)
        return false;
    if (s->assigned) {
        if (!know_cluster(s))
            return false; /* it comes with the next answer */
        tell_assigned(s);
    }
    if (s->revoked)
        tell_revoked(s);
    return true;
}

void members_release(struct source *s, const leat_partition *id, uint32_t n)
{
    if (!s->leaving)
        s->leaving = rd_kafka_topic_partition_list_new((int)n);
    for (uint32_t i = 0; i < n; i++) {
        struct part *p = part_by_id(s, id[i]);
        if (!p)
            continue;
        list_add(s->leaving, p);
        p->state = PART_IDLE;
    }
    s->leave_by_us = clock_us() + 5000000;
    tell_group(s, s->leaving);
    members_leave(s);
}

void members_leave(struct source *s)
{
    if (!s->leaving || clock_us() < s->leave_by_us)
        return;
    EACH_PART(s, p)
        if (s->eager && p->state == PART_LEAVING)
            return; /* the older protocol gives all of them back at once */
    unplace_parts(s, s->leaving);
    list_free(&s->leaving);
}

/* librdkafka 2.0.2 may hang or crash when a member closes before its first assignment; then it is only destroyed, and the
 * group forgets it after session.timeout.ms. */
void members_close(struct source *s)
{
    int64_t deadline = clock_us() + 5000000;
    s->closing = true;
    tell_group(s, NULL);
    if (!s->member)
        return;
    rd_kafka_error_t *e = rd_kafka_consumer_close_queue(s->client.rk, s->queue);
    while (!e && !rd_kafka_consumer_closed(s->client.rk) && clock_us() < deadline) {
        rd_kafka_message_t *m = NULL;
        if (rd_kafka_consume_batch_queue(s->queue, 50, &m, 1) == 1)
            rd_kafka_message_destroy(m);
    }
    rd_kafka_error_destroy(e);
}
