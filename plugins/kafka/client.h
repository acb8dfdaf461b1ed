/* SPDX-License-Identifier: Apache-2.0 */
/* client.h: what source and sink share: the options of a connection, and what the library says about brokers. */
#ifndef LEAT_KAFKA_CLIENT_H
#define LEAT_KAFKA_CLIENT_H

#include <leat/plugin.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdbool.h>

/* The first rows of both option tables. */
enum { BROKERS, TLS, AUTH, PROPERTIES, CLIENT_OPTIONS };
extern const leat_option client_tls[], client_auth[];
enum { TLS_CA, TLS_CERT, TLS_KEY, TLS_KEY_PASSWORD, TLS_VERIFY, TLS_OPTIONS };
enum { AUTH_MECHANISM, AUTH_USER, AUTH_PASSWORD, AUTH_OPTIONS };
#define CLIENT_ROWS                                                                                                    \
    [BROKERS] = {.name = "brokers",                                                                                    \
                 .type = LEAT_OPT_TEXT,                                                                                \
                 .flags = LEAT_REQUIRED,                                                                               \
                 .doc =                                                                                                \
                     "Addresses to begin with, `host:port,host:port`, or `embedded`: a broker inside this process."},  \
    [TLS] = {.name = "tls",                                                                                            \
             .type = LEAT_OPT_GROUP,                                                                                   \
             .rows = client_tls,                                                                                       \
             .n_rows = TLS_OPTIONS,                                                                                    \
             .doc = "Connect by TLS."},                                                                                \
    [AUTH] = {.name = "auth",                                                                                          \
              .type = LEAT_OPT_GROUP,                                                                                  \
              .rows = client_auth,                                                                                     \
              .n_rows = AUTH_OPTIONS,                                                                                  \
              .doc = "Log in by SASL."},                                                                               \
    [PROPERTIES] = {.name = "properties",                                                                              \
                    .type = LEAT_OPT_TEXT,                                                                             \
                    .flags = LEAT_PAIRS,                                                                               \
                    .doc = "Any property of librdkafka, such as `linger.ms: 5`; they win over ours."}

/* The opaque of all callbacks: `c` is NULL once the instance gave the client up, which may outlive it (client_close).
 */
struct client_link {
    pthread_mutex_t lock;
    struct client *c;
};

/* A connection; the first member of source and sink. */
struct client {
    const leat_host *h;
    rd_kafka_t *rk;
    struct client_link *link;
    bool embedded;
    bool down;         /* said that no broker answers */
    char brokers[256]; /* for sentences */
    char reason[400];  /* why the last connection failed */
};

bool client_is_embedded(const leat_host *h);
/* A property of ours. Those marked `fixed` are what the plugin stands on: a flow cannot change them. */
struct property {
    const char *name;
    const char *value; /* NULL: left as it is */
    bool fixed;
};
/* [main, lane] A configuration of ours, then of the options. The caller owns it. NULL: the sentence was given to
 * h->fail. */
rd_kafka_conf_t *client_conf(struct client *c, const struct property *ours, size_t n);
/* [lane] Makes c->rk of it; takes conf. LEAT_OK, or LEAT_FATAL with a sentence. */
leat_status client_open(struct client *c, rd_kafka_type_t type, rd_kafka_conf_t *conf);
/* [lane] Ends c->rk, in the background if that takes longer than five seconds (librdkafka 2.0.2 may wait for ever when
 * a partition that was read is gone). */
void client_close(struct client *c);
/* [lane] The library reports this. Says once that no broker answers, and whatever a person must do something about. */
void client_error(struct client *c, rd_kafka_resp_err_t err, const char *reason);
/* [lane] A broker did something for us: says so if it had not for a while. */
void client_answered(struct client *c);
/* [lane] What to do about it, for the end of a sentence; "" if there is nothing. */
const char *client_advice(rd_kafka_resp_err_t err);

int64_t clock_us(void); /* for distances */

/* Never NULL: out of memory ends the process with a sentence, as in the host. */
void *kafka_grow(void *p, size_t bytes);
void *kafka_zeroed(size_t n, size_t bytes);
char *kafka_text(leat_text t); /* a copy that ends with a zero byte */
#endif
