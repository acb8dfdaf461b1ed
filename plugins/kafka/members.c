/* SPDX-License-Identifier: Apache-2.0 */
/* members.c: life in a consumer group. The callback only notes what the group wants; the host is told between two
 * batches of messages, and answers in its own time: an assignment by `seek`, a revocation by `release`. So no batch is
 * ever cut by a rebalance, which librdkafka 2.0.2 would not survive (messages lost or mixed). */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* --- who we are -------------------------------------------------------------------------------------------------- */

/* Takes the id that stands in the file, or leaves ours there. False: errno says why not. */
static bool keep_id(const char *path, char id[20])
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    ssize_t n = fd < 0 ? -1 : read(fd, id, 16);
    if (n != 16 && fd >= 0) {
        uint64_t random = 0;
        n = getrandom(&random, sizeof random, 0) == sizeof random ? 0 : -1;
        snprintf(id, 20, "%016llx", (unsigned long long)random);
        n = n ? n : pwrite(fd, id, 16, 0);
    }
    id[16] = 0;
    if (fd >= 0)
        close(fd);
    return n == 16;
}

/* The node is this run's folder: whoever has another one, of this flow too, is another node. */
leat_status members_know_node(struct source *s)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* lanes start at the same time */
    const leat_host *h = s->client.h;
    char path[4096];
    bool kept;
    snprintf(path, sizeof path, "%.*s/kafka-node", (int)h->place->folder.n, h->place->folder.data);
    pthread_mutex_lock(&lock);
    kept = keep_id(path, s->node);
    pthread_mutex_unlock(&lock);
    if (!kept)
        return leat_failf(h, LEAT_RETRY, "cannot write %s: %s", path, strerror(errno));
    snprintf(s->note, sizeof s->note, "leat %s %.*s", s->node, (int)h->place->scope.n, h->place->scope.data);
    return LEAT_OK;
}

/* --- what the group wants ---------------------------------------------------------------------------------------- */

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

/* Asks for the group's offsets of what was assigned. True: they are known. */
static bool know_offsets(struct source *s)
{
    rd_kafka_ListConsumerGroupOffsets_t *request;
    rd_kafka_AdminOptions_t *options;
    char why[200];
    if (s->asked || s->assigned->cnt == 0)
        return true;
    if (s->asking || clock_us() < s->ask_at_us)
        return false;
    s->asking = true;
    s->ask_at_us = clock_us() + 1000000;
    request = rd_kafka_ListConsumerGroupOffsets_new(s->group, s->assigned);
    options = rd_kafka_AdminOptions_new(s->client.rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    rd_kafka_AdminOptions_set_request_timeout(options, 10000, why, sizeof why);
    rd_kafka_ListConsumerGroupOffsets(s->client.rk, &request, 1, options, s->answers);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    return false;
}

/* Whose offset is this? Ours begin with "leat NODE ". */
static bool is_foreign(const struct source *s, const rd_kafka_topic_partition_t *t)
{
    const char *text = t->metadata;
    if (t->offset < 0 || !text || t->metadata_size < 22 || memcmp(text, "leat ", 5) != 0)
        return false;
    return memcmp(text + 5, s->node, 16) != 0;
}

static void take_offsets(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
    s->asked = true;
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *t = &list->elems[i];
        struct part *p = part_make(s, t->topic, t->partition);
        p->group_at = t->err ? -1 : t->offset;
        if (s->client.h->with[NODES].as.i64 == NODES_ONE && is_foreign(s, t))
            snprintf(s->refused, sizeof s->refused,
                     "the offsets of group %s were written by another node of Leat (%.16s, we are %s): stop the other "
                     "one and give "
                     "this flow its state folder, or say `nodes: many` if both shall share the work, or take another "
                     "`group`",
                     s->group, (const char *)t->metadata + 5, s->node);
    }
}

static void answer_to_question(struct source *s, rd_kafka_event_t *ev)
{
    size_t n;
    const rd_kafka_ListConsumerGroupOffsets_result_t *result = rd_kafka_event_ListConsumerGroupOffsets_result(ev);
    const rd_kafka_group_result_t **groups =
        result ? rd_kafka_ListConsumerGroupOffsets_result_groups(result, &n) : NULL;
    s->asking = false;
    if (rd_kafka_event_error(ev))
        client_error(&s->client, rd_kafka_event_error(ev), rd_kafka_event_error_string(ev));
    else if (groups && n == 1 && rd_kafka_group_result_error(groups[0]))
        client_error(&s->client, rd_kafka_error_code(rd_kafka_group_result_error(groups[0])),
                     rd_kafka_error_string(rd_kafka_group_result_error(groups[0])));
    else if (groups && n == 1)
        take_offsets(s, rd_kafka_group_result_partitions(groups[0]));
}

static void answer_to_commit(struct source *s, rd_kafka_event_t *ev)
{
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(ev);
    bool failed = rd_kafka_event_error(ev) != 0;
    for (int i = 0; list && failed && i < list->cnt; i++) {
        struct part *p = part_find(s, list->elems[i].topic, list->elems[i].partition);
        if (p)
            p->told = -1; /* again in a second */
    }
    if (failed)
        client_error(&s->client, rd_kafka_event_error(ev), rd_kafka_event_error_string(ev));
    s->commits -= s->commits > 0;
}

void members_answers(struct source *s)
{
    rd_kafka_event_t *ev;
    while ((ev = rd_kafka_queue_poll(s->answers, 0)) != NULL) {
        if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT)
            answer_to_question(s, ev);
        else if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_OFFSET_COMMIT)
            answer_to_commit(s, ev);
        rd_kafka_event_destroy(ev);
    }
}

static void tell_assigned(struct source *s)
{
    const leat_host *h = s->client.h;
    rd_kafka_topic_partition_list_t *list = s->assigned;
    s->assigned = NULL;
    s->member = true;
    s->asked = false;
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
        if (p->group_at >= 0)
            p->told = p->group_at;
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
        source_log(s, LEAT_WARN,
                   "the group took %d partitions away without asking (this node was silent for too long); "
                   "uncommitted work on them is undone",
                   withdrawn);
    if (s->lost || !withdrawn)
        unplace_parts(s, list);
    list_free(&list);
}

bool members_tell(struct source *s)
{
    if (!s->assigned && !s->revoked)
        return false;
    if (s->assigned) {
        if (!know_cluster(s) || !know_offsets(s))
            return false; /* they come with the next answers */
        tell_assigned(s);
    }
    if (s->revoked)
        tell_revoked(s);
    return true;
}

/* --- what we give back ------------------------------------------------------------------------------------------- */

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
    if (!s->leaving || (s->commits && clock_us() < s->leave_by_us))
        return;
    EACH_PART(s, p)
    if (s->eager && p->state == PART_LEAVING)
        return; /* the older protocol gives all of them back at once */
    unplace_parts(s, s->leaving);
    list_free(&s->leaving);
}

/* librdkafka 2.0.2 may hang or crash when a member closes before its first assignment; then it is only destroyed, and
 * the group forgets it after session.timeout.ms. */
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
