/* SPDX-License-Identifier: Apache-2.0 */
/* sink_host.h: a small host for testing a sink by itself: it gives documents 0 .. n-1 in batches, keeps what is to be
 * given again, and knows in the end what became of each. Requests go through core/net. */
#ifndef LEAT_TESTS_SINK_HOST_H
#define LEAT_TESTS_SINK_HOST_H

#include "core/net/net.h"

#include <leat/plugin.h>

enum { HOST_DOCS = 20000, HOST_TICKETS = 4096, HOST_FIELDS = 32, HOST_BATCH = 500 };

struct ticket {
    uint32_t doc[HOST_BATCH], n;
    uint8_t out[HOST_BATCH]; /* rejected or to be given again */
    leat_status ended;       /* PENDING until then */
};

struct sink_host {
    leat_host h; /* first: what the plugin gets */
    char zeros[1024];
    const leat_processor *p;
    void *self, *so;
    struct loop *loop;
    leat_value *with;
    struct arena arena;
    const char *fields[HOST_FIELDS]; /* path or template */
    uint32_t types[HOST_FIELDS];
    uint32_t n_fields;
    /* The text of a field for a document; NULL: of hosted_text. */
    const char *(*text)(struct sink_host *t, const char *path, uint32_t doc);
    struct arena batch_arena;
    leat_column columns[HOST_FIELDS];
    struct ticket tickets[HOST_TICKETS];
    uint64_t next_ticket, current;
    uint32_t queue[HOST_DOCS * 4];
    uint32_t head, tail, n_docs, batch;
    uint8_t done[HOST_DOCS], rejected[HOST_DOCS];
    int under_way, most, item_retries, whole_retries, whole_rejects;
    bool woken, broken;
    struct hosted_request *requests;
    VEC(struct hosted_alarm *) alarms;
    char first_reason[1024], first_code[64], last_retry[1024], failed[1024], logged[4096];
    double measured[16];
};

/* plugin: "http", processor: its name. Options that are not set have their standards. Prints why and fails if it
 * cannot. */
struct sink_host *sink_host_new(struct loop *l, const char *plugin, const char *processor);
/* The same for a processor of another kind, whose services the test brings along. */
struct sink_host *plugin_host_new(struct loop *l, const char *plugin, const char *processor, uint32_t kind);
void sink_host_free(struct sink_host *t);
leat_value *sink_host_option(struct sink_host *t, const char *name);         /* "auth.user" too */
void sink_host_set(struct sink_host *t, const char *name, const char *text); /* as a flow would write it */
leat_status sink_host_create(struct sink_host *t);
leat_status sink_host_start(struct sink_host *t);
/* Gives documents 0 .. n-1 until all are done or rejected, or the time is over. */
bool sink_host_run(struct sink_host *t, uint32_t n, int64_t most_us);
void sink_host_turn(struct sink_host *t); /* gives what may be given, and one turn of the loop */
uint32_t sink_host_done(const struct sink_host *t);
uint32_t sink_host_rejected(const struct sink_host *t);

#endif
