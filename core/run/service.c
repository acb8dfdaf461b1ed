/* SPDX-License-Identifier: Apache-2.0 */
/* service.c: the loop service of an instance: descriptors, alarms, HTTP both ways, fetched answers. */
#include "core/run/run_internal.h"

struct watch {
    struct instance *in;
    struct loop_watch *watch;
    int fd;
};
struct alarm_ {
    struct instance *in;
    struct loop_timer *timer;
    uint64_t tag;
};
struct request_ { /* under way */
    struct request_ *next;
    struct instance *in;
    struct http_request *request;
    uint64_t tag;
};
struct fetched { /* an answer, or the request for it */
    struct instance *in;
    struct http_request *request; /* NULL: it has come */
    uint64_t ticket;              /* of the batch that asked last, and its attempt: for it the answer stays */
    uint32_t attempt;
    leat_http_answer answer;
    char zeros[ZEROS];
    char *body, *headers;
    int64_t until_us; /* good until then */
    int64_t keep_us, keep_absent_us;
};
struct services {
    VEC(struct watch *) watches;
    VEC(struct alarm_ *) alarms;
    VEC(struct http_server *) servers;
    struct request_ *requests;
    struct map fetched; /* request text -> fetched */
    size_t fetched_bytes;
    uint32_t fetching;
};

/* --- descriptors and alarms ------------------------------------------------------------------------------------------- */

static void ready(void *self, int fd, uint32_t events)
{
    struct watch *w = self;
    struct instance *in = w->in;
    struct call *c = call_begin(in);
    in->lane->moved = true;
    in->planned->p->loop->ready(&in->host, in->self, fd, events);
    call_end(c);
}

static void watch(const leat_host *h, int fd, uint32_t events)
{
    struct instance *in = instance_of(h);
    struct services *s = in->services;
    for (size_t i = 0; i < s->watches.n; i++) {
        struct watch *w = s->watches.at[i];
        if (w->fd != fd)
            continue;
        if (events) {
            loop_watch_set(w->watch, events);
            return;
        }
        loop_watch_free(w->watch);
        free(w);
        s->watches.at[i] = s->watches.at[--s->watches.n];
        return;
    }
    if (!events)
        return;
    struct watch *w = xcalloc(1, sizeof *w);
    *w = (struct watch){in, NULL, fd};
    w->watch = loop_watch_new(in->lane->loop, fd, ready, w);
    loop_watch_set(w->watch, events);
    *VEC_PUSH(&s->watches) = w;
}

static void due(void *self)
{
    struct alarm_ *a = self;
    struct instance *in = a->in;
    struct call *c = call_begin(in);
    in->lane->moved = true;
    in->planned->p->loop->alarm(&in->host, in->self, a->tag);
    call_end(c);
}

static void set_alarm(const leat_host *h, uint64_t tag, int64_t after_us)
{
    struct instance *in = instance_of(h);
    struct services *s = in->services;
    struct alarm_ *a = NULL;
    for (size_t i = 0; i < s->alarms.n && !a; i++)
        a = s->alarms.at[i]->tag == tag ? s->alarms.at[i] : NULL;
    if (!a) {
        a = xcalloc(1, sizeof *a);
        *a = (struct alarm_){in, NULL, tag};
        a->timer = loop_timer_new(in->lane->loop, due, a);
        *VEC_PUSH(&s->alarms) = a;
    }
    loop_timer_set(a->timer, after_us);
}

/* --- HTTP client ------------------------------------------------------------------------------------------------------- */

static struct http_options options_of(const leat_http_request *r)
{
    return (struct http_options){.method = r->method, .url = r->url, .body = r->body, .headers = r->headers,
                                 .n_headers = r->n_headers, .timeout_ms = r->timeout_ms, .ca = r->ca, .cert = r->cert,
                                 .key = r->key, .no_verify = r->no_verify, .user_password = r->user};
}

static void unlink_request(struct request_ *r)
{
    struct request_ **at = &r->in->services->requests;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    free(r);
}

static void answered(void *self, const struct http_result *result)
{
    struct request_ *r = self;
    struct instance *in = r->in;
    uint64_t tag = r->tag;
    struct { leat_http_answer a; char zeros[ZEROS]; } answer = {
        .a = {.size = sizeof answer.a, .status = result->status, .body = result->body, .headers = result->headers,
              .retry_after_us = result->retry_after_us > 0 ? result->retry_after_us : 0}};
    unlink_request(r);
    in->lane->moved = true;
    struct call *c = call_begin(in);
    in->planned->p->loop->answer(&in->host, in->self, tag, &answer.a);
    call_end(c);
}

static void request(const leat_host *h, uint64_t tag, const leat_http_request *wanted)
{
    struct instance *in = instance_of(h);
    struct request_ *r = xcalloc(1, sizeof *r);
    struct http_options o = options_of(wanted);
    *r = (struct request_){in->services->requests, in, NULL, tag};
    in->services->requests = r;
    r->request = http_send(in->lane->loop, &o, answered, r);
}

/* --- fetched answers --------------------------------------------------------------------------------------------------- */

static void fetched_come(void *self, const struct http_result *result)
{
    struct fetched *f = self;
    struct instance *in = f->in;
    bool absent = result->status == 404 || result->status == 410;
    bool failed = result->status < 100 || result->status >= 500 || result->status == 429; /* who tries again asks again */
    f->request = NULL;
    f->body = xstrndup(result->body.data ? result->body.data : "", result->body.n);
    f->headers = xstrndup(result->headers.data ? result->headers.data : "", result->headers.n);
    f->answer = (leat_http_answer){.size = sizeof f->answer, .status = result->status, .body = {f->body, result->body.n},
                                   .headers = {f->headers, result->headers.n}};
    f->until_us = in->lane->now_us + (absent ? f->keep_absent_us : failed ? 0 : f->keep_us);
    in->services->fetched_bytes += result->body.n;
    in->services->fetching--;
    instance_wake(in);
}

static void fetched_free(struct fetched *f)
{
    if (f->request)
        http_cancel(f->request);
    free(f->body);
    free(f->headers);
    free(f);
}

static bool asked_by(const struct fetched *f, const leat_batch *b)
{
    return b && f->ticket == b->ticket && f->attempt == b->attempt;
}

/* Answers that are old, or too many, go; not those that the batch of this call asked for: it waits until all have come. */
static void forget(struct services *s, const leat_batch *b, int64_t now_us, uint64_t most)
{
    struct map kept = {0};
    if (s->fetched_bytes < most)
        return;
    for (size_t i = 0; i < s->fetched.n; i++) {
        struct fetched *f = s->fetched.at[i].value;
        if (f->request || asked_by(f, b) || (f->until_us > now_us && s->fetched_bytes < most)) {
            *map_at(&kept, s->fetched.at[i].key) = f;
        } else {
            s->fetched_bytes -= f->answer.body.n;
            fetched_free(f);
        }
    }
    map_fini(&s->fetched);
    s->fetched = kept;
}

static struct fetched *ask_for(struct instance *in, const leat_http_request *wanted)
{
    struct http_options o = options_of(wanted);
    struct fetched *f = xcalloc(1, sizeof *f);
    *f = (struct fetched){.in = in, .keep_us = wanted->keep_us, .keep_absent_us = wanted->keep_absent_us};
    in->services->fetching++;
    f->request = http_send(in->lane->loop, &o, fetched_come, f);
    return f;
}

static const leat_http_answer *fetch(const leat_host *h, const leat_http_request *wanted)
{
    struct instance *in = instance_of(h);
    struct services *s = in->services;
    auto_buf key = {0};
    buf_printf(&key, "%s %s\n", wanted->method ? wanted->method : "GET", wanted->url);
    for (uint32_t i = 0; i < wanted->n_headers; i++)
        buf_text(&key, wanted->headers[i]), buf_char(&key, '\n');
    buf_text(&key, wanted->body);
    const leat_batch *b = in->current->given ? &in->current->given->view : NULL;
    struct fetched *f = map_get(&s->fetched, buf_view(&key));
    if (!f || (!f->request && f->until_us <= in->lane->now_us && !asked_by(f, b))) {
        if (s->fetching >= (wanted->at_once ? wanted->at_once : 8))
            return NULL;
        forget(s, b, in->lane->now_us, wanted->keep_bytes ? wanted->keep_bytes : 64 << 20);
        void **at = map_at(&s->fetched, buf_view(&key));
        if (*at) {
            s->fetched_bytes -= ((struct fetched *)*at)->answer.body.n;
            fetched_free(*at);
        }
        *at = f = ask_for(in, wanted);
    }
    f->ticket = b ? b->ticket : 0;
    f->attempt = b ? b->attempt : 0;
    return f->request ? NULL : &f->answer;
}

/* --- HTTP server ------------------------------------------------------------------------------------------------------- */

static void called(void *self, const struct http_call *call)
{
    struct instance *in = self;
    struct { leat_http_call c; char zeros[ZEROS]; } given = {
        .c = {.size = sizeof given.c, .request = call->number, .method = call->method, .path = call->path,
              .query = call->query, .body = call->body, .peer = call->peer, .headers = call->headers, .n_headers = call->n_headers}};
    in->lane->moved = true;
    struct call *c = call_begin(in);
    in->planned->p->loop->request(&in->host, in->self, &given.c);
    call_end(c);
    instance_wake(in);
}

static leat_status serve(const leat_host *h, const leat_http_listen *l)
{
    struct instance *in = instance_of(h);
    struct http_server *server;
    struct err err;
    struct http_server_options o = {.address = l->address, .path = l->path, .cert = l->cert, .key = l->key,
                                    .max_body = l->max_body, .max_open = l->max_open};
    int result = http_server_new(&server, in->lane->loop, &o, called, in, &err);
    if (result < 0)
        return h->fail(h, result == -EADDRINUSE ? LEAT_RETRY : LEAT_FATAL, err.text);
    *VEC_PUSH(&in->services->servers) = server;
    const char *colon = strrchr(l->address, ':');
    if (in->lane->number == 0)
        log_line(LOG_INFO, in->planned->name, "listens at %.*s:%u", (int)(colon ? colon - l->address : (int)strlen(l->address)),
                 l->address, http_server_port(server));
    return LEAT_OK;
}

/* Numbers are unique in a lane, so each server knows its own. */
static void reply(const leat_host *h, uint64_t number, const leat_http_reply *r)
{
    struct services *s = instance_of(h)->services;
    struct http_answer a = {.status = r->status, .content_type = r->content_type, .headers = r->headers,
                            .n_headers = r->n_headers, .body = r->body};
    for (size_t i = 0; i < s->servers.n; i++)
        http_server_answer(s->servers.at[i], number, &a);
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static const leat_loop_service service = {.size = sizeof service, .watch = watch, .alarm = set_alarm, .fetch = fetch,
                                          .request = request, .serve = serve, .reply = reply};

void services_init(struct instance *in)
{
    in->services = xcalloc(1, sizeof *in->services);
    in->host.loop = &service;
}

void services_fini(struct instance *in)
{
    struct services *s = in->services;
    for (size_t i = 0; i < s->watches.n; i++) {
        loop_watch_free(s->watches.at[i]->watch);
        free(s->watches.at[i]);
    }
    for (size_t i = 0; i < s->alarms.n; i++) {
        loop_timer_free(s->alarms.at[i]->timer);
        free(s->alarms.at[i]);
    }
    for (size_t i = 0; i < s->servers.n; i++)
        http_server_free(s->servers.at[i]);
    for (struct request_ *r = s->requests, *next; r; r = next) {
        next = r->next;
        if (r->request)
            http_cancel(r->request);
        free(r);
    }
    for (size_t i = 0; i < s->fetched.n; i++)
        if (s->fetched.at[i].value)
            fetched_free(s->fetched.at[i].value);
    map_fini(&s->fetched);
    VEC_FINI(&s->watches);
    VEC_FINI(&s->alarms);
    VEC_FINI(&s->servers);
    free(s);
    in->services = NULL;
}
