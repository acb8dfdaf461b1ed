/* SPDX-License-Identifier: Apache-2.0 */
/* embedded.h: `brokers: embedded`, the broker inside this process, and how far its writers may run ahead of its
 * readers. */
#ifndef LEAT_KAFKA_EMBEDDED_H
#define LEAT_KAFKA_EMBEDDED_H

#include <leat/plugin.h>
#include <stdbool.h>

/* librdkafka's mock cluster forgets what is older than 5 MiB or 100,000 messages of a partition, read or not. So a
 * writer stops when it is this far ahead of the slowest reader in this process. */
enum { EMBEDDED_PARTITIONS = 4, EMBEDDED_AHEAD_BYTES = 3 << 20, EMBEDDED_AHEAD_MESSAGES = 60000 };

/* [lane] Its address; starts it first if need be, for as long as the process runs, and leaves the address in the file
 * `embedded-kafka` of the run's folder. NULL: it does not start. */
const char *embedded_address(const leat_host *h);
const char *embedded_cluster(void); /* [any] its name; another in every process, as it forgets all when it ends */

/* What is known of a topic; lives as long as the process. */
struct embedded_topic;
struct embedded_topic *embedded_topic(const char *name); /* [any] */
void embedded_topic_make(struct embedded_topic *t);      /* [lane] in the broker, unless it is there */

/* Readers: one per group (or source that reads without one) and topic, shared by all instances; new and free count.
 * While one is there, writers wait for it. [any] */
struct embedded_reader;
struct embedded_reader *embedded_reader_new(struct embedded_topic *t, const char *group);
void embedded_reader_free(struct embedded_reader *r);
void embedded_reader_lives(
    struct embedded_reader *r); /* it is still polled; silent for 3 s, it is waited for no more */
void embedded_reader_at(struct embedded_reader *r, int32_t partition,
                        int64_t next); /* has read everything before `next` */
/* Messages that it has not read, with those on their way to the topic. */
uint64_t embedded_reader_behind(struct embedded_reader *r, int32_t partition);

/* Writers. [any] */
void embedded_sent(struct embedded_topic *t, uint32_t n, size_t bytes);
/* One of those was answered. partition -1: it was not written. */
void embedded_answered(struct embedded_topic *t, int32_t partition, int64_t offset, size_t bytes);
/* May more be sent? If not, event_fd is written to once readers have made room; ask again after a second, too. */
bool embedded_has_room(struct embedded_topic *t, int event_fd);
void embedded_writer_gone(int event_fd);
#endif
