/* SPDX-License-Identifier: Apache-2.0 */
/* net.h: one event loop per lane (libevent), HTTP client (libcurl multi on it), HTTP server. */
#ifndef LEAT_CORE_NET_H
#define LEAT_CORE_NET_H

#include "core/base/base.h"

#include <leat/host.h>

struct loop;
struct loop *loop_new(struct err *err); /* [main] */
void loop_free(struct loop *l);
/* [lane] Runs what is ready; waits at most wait_us for the first (0: not at all; < 0: until something comes). */
void loop_turn(struct loop *l, int64_t wait_us);
void loop_wake(struct loop *l); /* [any] ends a waiting loop_turn */

/* Descriptors. events: LEAT_READABLE | LEAT_WRITABLE; 0: no more. */
struct loop_watch;
struct loop_watch *loop_watch_new(struct loop *l, int fd, void (*ready)(void *self, int fd, uint32_t events),
                                  void *self);
void loop_watch_set(struct loop_watch *w, uint32_t events);
void loop_watch_free(struct loop_watch *w);

struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *l, void (*due)(void *self), void *self);
void loop_timer_set(struct loop_timer *t, int64_t after_us); /* < 0: cancel */
void loop_timer_free(struct loop_timer *t);

/* HTTP client. The answer comes in loop_turn. */
struct http_options { /* all copied */
    const char *method, *url;
    leat_text body;
    const leat_text *headers; /* "Name: value" */
    size_t n_headers;
    uint32_t timeout_ms;
    const char *ca, *cert, *key; /* PEM files, or NULL */
    bool no_verify;
    const char *user_password; /* basic auth, or NULL */
};
struct http_result {
    int status; /* below 100: there was no answer, and body is the reason */
    leat_text body;
    leat_text headers;      /* all lines */
    int64_t retry_after_us; /* from Retry-After; -1: none */
};
struct http_request;
struct http_request *http_send(struct loop *l, const struct http_options *o,
                               void (*done)(void *self, const struct http_result *r), void *self);
void http_cancel(struct http_request *r); /* done is not called any more */

/* HTTP server. Listening sockets are the process's: made by whoever asks first, shared by all lanes that serve the same
 * address, and kept open while a reload changes hands. Servers of one lane at one address are told apart by path. */
struct http_call {
    uint64_t number;                           /* for http_reply */
    leat_text method, path, query, body, peer; /* live until the reply; path and query as they were sent */
    const leat_value *headers;                 /* name, value, name, value, ...: LEAT_TEXT, names in lower case */
    size_t n_headers;                          /* pairs of them */
    leat_text (*header)(const struct http_call *c, const char *name); /* empty: not there */
};
struct http_server;
struct http_server_options { /* all copied */
    const char *address;     /* "127.0.0.1:8080"; port 0: a free one, see http_server_port */
    const char *path;        /* NULL or "/": whatever no other server of this lane at this address takes */
    const char *cert, *key;  /* TLS when given */
    size_t max_body;         /* bytes; 413 above; default 16 MiB */
    size_t max_open;         /* requests not yet answered; 503 with Retry-After above; default 1,024 */
};
struct http_answer {
    int status;
    const char *content_type; /* NULL: text/plain */
    const leat_text *headers; /* "Name: value" */
    size_t n_headers;
    leat_text body;
};
/* [lane] -EADDRINUSE, -EACCES, -EINVAL... with a sentence. */
int http_server_new(struct http_server **ret, struct loop *l, const struct http_server_options *o,
                    void (*call)(void *self, const struct http_call *c), void *self, struct err *err);
uint16_t http_server_port(const struct http_server *s);
/* [lane] Each number once; one that is unknown, or whose peer has gone, is ignored. 503 gets Retry-After: 1 of itself.
 */
void http_server_answer(struct http_server *s, uint64_t number, const struct http_answer *a);
void http_reply(struct http_server *s, uint64_t number, int status, const char *content_type, leat_text body);
void http_server_free(struct http_server *s); /* [lane] open requests get 503; the socket goes on listening */
/* [any] Closes the sockets that no server uses: after a reload is complete, and at the end. */
void http_listeners_sweep(void);
#endif
