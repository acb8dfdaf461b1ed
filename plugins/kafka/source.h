/* SPDX-License-Identifier: Apache-2.0 */
/* source.h: what the files of the source share: its partitions and their way from assignment to release.
 *
 * source.c      the hooks, reading, feeding
 * partitions.c  topics and partitions, lists of them, committing to the group
 * members.c     rebalances: an assignment is answered by `seek`, a revocation by `release`
 * alone.c       reading without a group (`until: end`, the embedded broker, a trial): a thread asks what there is */
#ifndef LEAT_KAFKA_SOURCE_H
#define LEAT_KAFKA_SOURCE_H

#include "client.h"
#include "embedded.h"

enum { TOPICS = CLIENT_OPTIONS, GROUP, START, UNTIL, NODES, TOMBSTONES, SOURCE_OPTIONS };
enum { START_EARLIEST, START_LATEST };
enum { NODES_ONE, NODES_MANY };
enum { TOMBSTONES_REJECT, TOMBSTONES_SKIP, TOMBSTONES_PASS };

/* A partition is announced, then sought (read from there), then withdrawn, then released. */
enum part_state {
    PART_IDLE,      /* not ours */
    PART_ANNOUNCED, /* the host will say by seek where to begin */
    PART_READING,
    PART_LEAVING, /* withdrawn, still assigned: released when its epoch is committed */
    PART_ENDED    /* `until: end`: read up to its end */
};
struct part {
    struct topic *topic;
    int32_t number;
    enum part_state state;
    leat_partition id;
    bool held;         /* the host holds it back */
    bool placed;       /* the library has it assigned */
    bool paused;       /* what the library was told */
    bool quiet;        /* told the host that nothing is there now */
    uint64_t behind;   /* embedded: what the host was told of its lag */
    int64_t next;      /* offset that comes next; what is below was seen before */
    int64_t begin;     /* where reading began, as an offset or one of RD_KAFKA_OFFSET_x */
    int64_t end;       /* `until: end`: read up to here */
    int64_t committed; /* what the flow committed, -1: nothing yet */
    int64_t told;      /* of that, what the group was told */
    int64_t group_at;  /* the group's offset when it was assigned, -1: none */
};
struct topic {
    char *name;
    struct part **parts; /* by number; NULL: never ours */
    int32_t n;
    bool missing; /* said that it does not exist */
    struct embedded_topic *embedded;
    struct embedded_reader *reader;
};
struct survey; /* of what there is */
struct source {
    struct client client;      /* the first */
    rd_kafka_queue_t *queue;   /* messages, and callbacks */
    rd_kafka_queue_t *answers; /* of commits */
    rd_kafka_message_t **messages;
    leat_message *run;
    leat_value *headers; /* of the messages in `run` */
    size_t n_headers, cap_headers;
    struct topic **topics;
    size_t n_topics;
    rd_kafka_topic_partition_list_t *assigned, *revoked; /* a rebalance that waits to be told to the host */
    rd_kafka_topic_partition_list_t *leaving; /* are unassigned once the group knows how far they were read */
    rd_kafka_message_t *carried;              /* came although there was no room */
    struct survey *survey;
    char *cluster; /* its id; NULL: not known yet */
    bool grouped;  /* a member of a group; else the host hands the partitions out */
    bool ends;     /* `until: end` */
    bool eager;    /* the group's protocol */
    bool lost;     /* `revoked` is gone already */
    bool member;   /* was assigned something once */
    bool closing;
    bool all_known;     /* without a group: everything there is was announced */
    bool asking, asked; /* for the group's offsets of what was assigned */
    bool full;          /* the flow has no room: all is paused */
    int64_t leave_by_us, second_us, ask_at_us;
    uint32_t commits; /* that the group has not answered */
    char group[256];
    char node[20];     /* of this run's folder; "": it keeps nothing */
    char note[300];    /* metadata of our offsets in the group: whose they are */
    char refused[900]; /* why reading cannot go on; poll says it */
};

/* partitions.c */
struct topic *topic_find(struct source *s, const char *name); /* made when not known */
struct part *part_find(struct source *s, const char *topic, int32_t number);
struct part *part_make(struct source *s, const char *topic, int32_t number);
struct part *part_by_id(struct source *s, leat_partition id);
void topics_free(struct source *s);
rd_kafka_topic_partition_t *list_add(rd_kafka_topic_partition_list_t *list, const struct part *p);
void list_free(rd_kafka_topic_partition_list_t **list);
#define EACH_PART(s, p)                                                                                                \
    for (size_t t_ = 0; t_ < (s)->n_topics; t_++)                                                                      \
        for (int32_t i_ = 0; i_ < (s)->topics[t_]->n; i_++)                                                            \
            for (struct part *p = (s)->topics[t_]->parts[i_]; p; p = NULL)
/* Tells the group, without waiting, how far the partitions are committed here; for people who look at its lag. */
void tell_group(struct source *s, rd_kafka_topic_partition_list_t *only);
void source_name_part(const struct source *s, const struct part *p, char *ret, size_t size); /* cluster/topic/number */

/* Reads these from the offsets in the list, whether they are read already or not, and pauses what is to be paused. */
leat_status place_parts(struct source *s, const rd_kafka_topic_partition_list_t *list);
void unplace_parts(struct source *s, const rd_kafka_topic_partition_list_t *list);
void apply_pauses(struct source *s);
bool know_cluster(
    struct source *s); /* names of partitions need its id, which comes with the first answer of a broker */

/* members.c */
leat_status members_know_node(struct source *s);
void members_callback(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque);
bool members_tell(struct source *s); /* a rebalance goes to the host; false: there was none */
void members_release(struct source *s, const leat_partition *p, uint32_t n);
void members_leave(struct source *s); /* unassigns what was released, when the group knows, or time is up */
void members_close(struct source *s);

void members_answers(struct source *s); /* of the group to commits and questions */

/* alone.c */
leat_status alone_start(struct source *s);
bool alone_poll(struct source *s); /* announces what there is; true: all of it is known */
void alone_stop(struct source *s);

/* source.c */
void source_log(const struct source *s, uint32_t level, const char *format, ...) LEAT_PRINTF(3, 4);
#endif
