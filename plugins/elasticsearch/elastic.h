/* SPDX-License-Identifier: Apache-2.0 */
/* elastic.h: what the files of this plugin share.
 *
 * A batch becomes a job: its bulk body, sent as one request, or as several where the cluster says 413. A job answers
 * its batch when all its items were answered; then the host gives again, dead-letters or forgets. */
#ifndef LEAT_ELASTICSEARCH_ELASTIC_H
#define LEAT_ELASTICSEARCH_ELASTIC_H

#include <leat/plugin.h>
#include <stdbool.h>
#include <zlib.h>

enum { URL, INDEX, ID, VERSION, OP, PIPELINE, TEMPLATE, TEMPLATE_NAME, GZIP, IN_FLIGHT, TIMEOUT, AUTH, TLS };
enum { AUTH_USER, AUTH_PASSWORD, AUTH_API_KEY };
enum { TLS_CA, TLS_CERT, TLS_KEY, TLS_VERIFY };
enum { RETRIED_ITEMS, CONFLICTS, REQUESTS, SENT };
enum { OP_INDEX, OP_CREATE, OP_UPDATE, OP_DELETE };
enum { IN_FLIGHT_MAX = 64, NODES_MAX = 64 };

/* Growing bytes. When memory runs out, `broken` stays set and nothing more is added. */
struct bytes {
    char *at;
    size_t n, room;
    bool broken;
};
void bytes_add(struct bytes *b, const void *at, size_t n);
void bytes_str(struct bytes *b, const char *s);
void bytes_text(struct bytes *b, leat_text t);
leat_text bytes_view(const struct bytes *b);
void bytes_free(struct bytes *b);

/* --- nodes of the cluster (cluster.c) -------------------------------------------------------------------------------
 */

struct node {
    char *url; /* no slash at its end; of the instance's memory */
    bool dead; /* did not answer; asked again after a while */
    int64_t probe_after_us;
};

/* --- requests (bulk.c) ----------------------------------------------------------------------------------------------
 */

struct item {
    uint32_t row;
    uint8_t op;
    bool versioned;
    size_t from; /* where it begins in the body */
};

struct job {
    uint64_t ticket;   /* of the batch; 0: free */
    uint32_t life;     /* rises with every request, so that a late answer finds nobody */
    uint32_t n;        /* items */
    uint32_t from, to; /* those that are under way */
    uint32_t most;     /* items in one request, after a 413 */
    uint32_t tries;    /* of nodes, for the request under way */
    uint32_t node;
    struct item *items;
    uint32_t items_room;
    struct bytes body;
};

struct elastic {
    leat_field whole;
    struct node nodes[NODES_MAX];
    uint32_t n_nodes, next_node;
    struct job jobs[IN_FLIGHT_MAX];
    char *query;   /* of bulk requests */
    char *user;    /* name:password */
    char *api_key; /* header line */
    char *ca, *cert, *key;
    size_t limit;  /* bytes in one request; learnt from 413 */
    double window; /* batches that may be under way now: fewer while the cluster is short of room */
    bool paused;   /* until the cluster's Retry-After is over */
    bool wanted;   /* process said AGAIN, so wake when there is room */
    bool ready;    /* the index template is there */
    uint32_t template_life;
    char *template_name;
    struct bytes template_body;
    int64_t template_after_us;
    char *broken; /* why this instance is of no more use */
    z_stream zip;
    bool zip_ready;
    struct bytes zipped;
};

/* Tags of requests and alarms: a kind in the low byte. */
enum { TAG_BULK = 1, TAG_PROBE = 2, TAG_TEMPLATE = 3, TAG_PAUSE = 4 };

leat_status elastic_process(const leat_host *h, void *self, const leat_batch *b);
void elastic_on_bulk(const leat_host *h, struct elastic *e, uint64_t tag, const leat_http_answer *a);
void elastic_wake(const leat_host *h, struct elastic *e);
void elastic_jobs_free(struct elastic *e);

leat_status cluster_create(const leat_host *h, struct elastic *e);
leat_status cluster_take_auth(const leat_host *h, struct elastic *e); /* again when a secret changed */
leat_status cluster_start(const leat_host *h, struct elastic *e);
void cluster_free(struct elastic *e);
/* Number of the node to ask now: the next that lives, or if none does, the next. */
uint32_t cluster_next(struct elastic *e);
bool cluster_other_lives(const struct elastic *e, uint32_t node);
void cluster_died(const leat_host *h, struct elastic *e, uint32_t node);
void cluster_lives(const leat_host *h, struct elastic *e, uint32_t node);
void cluster_on_answer(const leat_host *h, struct elastic *e, uint64_t tag, const leat_http_answer *a);
void cluster_on_alarm(const leat_host *h, struct elastic *e, uint64_t tag);
/* Sends to a node. The path begins with a slash. encoding: NULL, or "gzip". */
struct call {
    const char *method, *path, *encoding;
    leat_text body;
};
void cluster_send(const leat_host *h, struct elastic *e, uint32_t node, uint64_t tag, const struct call *c);

/* --- answers (answer.c) ---------------------------------------------------------------------------------------------
 */

struct item_answer {
    int status;
    char type[64]; /* of the error; empty: none */
    char reason[320];
    char caused_by[160];
};
struct answer_reader {
    const char *at, *end;
    bool broken; /* no JSON, or not what a bulk request is answered with */
};
/* Items in their order. False: no more. Order of keys, blanks and unknown members do not matter. */
struct answer_reader answer_items(leat_text body);
bool answer_next(struct answer_reader *r, struct item_answer *ret);
/* The "type: reason" of a whole answer that is an error; whatever else it holds is shown as it is, shortened. */
void answer_error(leat_text body, char ret[512]);

#endif
