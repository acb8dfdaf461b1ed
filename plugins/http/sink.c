/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c: sends records by HTTP: `http` one request per record, `http_batch` one per batch.
 *
 * What a batch becomes is copied into a job, because columns live only as long as the call. A few requests are under
 * way at once; a job ends when each of its requests was answered. */
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { URL, METHOD, HEADERS, IDEMPOTENCY_KEY, BODY, IN_FLIGHT, TIMEOUT, AUTH, TLS };
enum { AUTH_USER, AUTH_PASSWORD, AUTH_TOKEN };
enum { TLS_CA, TLS_CERT, TLS_KEY, TLS_VERIFY };
enum { BODY_LINES, BODY_ARRAY };
enum { REQUESTS, RETRIED };
enum { JOBS_MAX = 16, HEADERS_MAX = 32, IN_FLIGHT_MAX = 256 };
static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", "GET"};

static const leat_option auth[] = {
    [AUTH_USER] = {.name = "user", .doc = "Name for basic authentication.", .type = LEAT_OPT_TEXT},
    [AUTH_PASSWORD] =
        {.name = "password", .doc = "Its password.", .type = LEAT_OPT_TEXT, .flags = LEAT_SECRET, .only_with = "user"},
    [AUTH_TOKEN] = {.name = "token",
                    .doc = "Bearer token; instead of a user.",
                    .type = LEAT_OPT_TEXT,
                    .flags = LEAT_SECRET},
};
static const leat_option tls[] = {
    [TLS_CA] = {.name = "ca",
                .doc = "PEM file of the authorities to believe; without it those of the system.",
                .type = LEAT_OPT_TEXT},
    [TLS_CERT] = {.name = "cert", .doc = "PEM file of our certificate.", .type = LEAT_OPT_TEXT},
    [TLS_KEY] = {.name = "key", .doc = "PEM file of its key.", .type = LEAT_OPT_TEXT, .only_with = "cert"},
    [TLS_VERIFY] = {.name = "verify",
                    .doc = "Whether the server must prove who it is.",
                    .type = LEAT_OPT_BOOL,
                    .standard = "true"},
};
#define COMMON_OPTIONS                                                                                                 \
    [URL] = {.name = "url",                                                                                            \
             .doc = "Where to send; values are put in as they are, such as https://api/stock/{sku}.",                  \
             .type = LEAT_OPT_TEMPLATE,                                                                                \
             .column = LEAT_TEXT,                                                                                      \
             .flags = LEAT_REQUIRED | LEAT_DESTINATION},                                                               \
    [METHOD] = {.name = "method",                                                                                      \
                .doc = "Method of the requests.",                                                                      \
                .type = LEAT_OPT_CHOICE,                                                                               \
                .standard = "POST",                                                                                    \
                .choices = "POST|PUT|PATCH|DELETE|GET"},                                                               \
    [HEADERS] = {.name = "headers",                                                                                    \
                 .doc = "More headers, by name.",                                                                      \
                 .type = LEAT_OPT_TEMPLATE,                                                                            \
                 .column = LEAT_TEXT,                                                                                  \
                 .flags = LEAT_PAIRS},                                                                                 \
    [IDEMPOTENCY_KEY] = {.name = "idempotency_key",                                                                    \
                         .doc = "Sent as Idempotency-Key, so that the receiver knows a repetition; empty: not sent.",  \
                         .type = LEAT_OPT_TEMPLATE,                                                                    \
                         .column = LEAT_TEXT,                                                                          \
                         .standard = "{$id}"}
#define LAST_OPTIONS                                                                                                   \
    [IN_FLIGHT] = {.name = "in_flight",                                                                                \
                   .doc = "Requests under way at once, per lane; 1 keeps the order.",                                  \
                   .type = LEAT_OPT_I64,                                                                               \
                   .standard = "8",                                                                                    \
                   .range = "1..256"},                                                                                 \
    [TIMEOUT] = {.name = "timeout",                                                                                    \
                 .doc = "How long an answer may take.",                                                                \
                 .type = LEAT_OPT_DURATION,                                                                            \
                 .standard = "30s",                                                                                    \
                 .range = "10ms..1h"},                                                                                 \
    [AUTH] = {.name = "auth", .doc = "Who we are.", .type = LEAT_OPT_GROUP, .rows = auth, .n_rows = LEAT_N(auth)},     \
    [TLS] = {.name = "tls", .doc = "For https addresses.", .type = LEAT_OPT_GROUP, .rows = tls, .n_rows = LEAT_N(tls)}
static const leat_option record_options[] = {
    COMMON_OPTIONS,
    [BODY] = {.name = "body",
              .doc = "What to send of a record: as the codec writes it, or nothing.",
              .type = LEAT_OPT_CHOICE,
              .standard = "record",
              .choices = "record|none"},
    LAST_OPTIONS,
};
static const leat_option batch_options[] = {
    COMMON_OPTIONS,
    [BODY] = {.name = "body",
              .doc = "How records stand together: line by line as the codec writes them, or as a JSON array.",
              .type = LEAT_OPT_CHOICE,
              .standard = "lines",
              .choices = "lines|array"},
    LAST_OPTIONS,
};
static const leat_metric metrics[] = {
    [REQUESTS] = {.name = "requests", .doc = "Requests sent."},
    [RETRIED] = {.name = "retried_requests", .doc = "Requests that will be sent again: no answer, 429 or 5xx."},
};

/* One request: rows from .. to - 1 of the batch; its texts stand in the job's bytes, each ended by a zero byte. */
struct outgoing {
    uint32_t from, to; /* places in job->rows */
    size_t url, headers, body, body_bytes;
    uint32_t n_headers;
};

struct job {
    uint64_t ticket; /* of the batch; 0: free */
    uint32_t life;
    uint32_t n, next, answered; /* requests: all, to be sent next, answered */
    uint32_t *rows;             /* of the batch, those that are sent */
    struct outgoing *requests;
    struct bytes text;
};

struct sink {
    bool batched;
    leat_field encoded, whole;
    struct job jobs[JOBS_MAX];
    uint32_t under_way;
    bool paused; /* until the server's Retry-After is over */
    bool wanted; /* process said AGAIN */
    char *user, *token, *ca, *cert, *key;
};
enum { TAG_PAUSE = 1 };

/* --- options ------------------------------------------------------------------------------------------------------ */

static leat_status check_url(const leat_host *h)
{
    const leat_column *c = h->read(h, NULL, h->with[URL].as.field);
    const leat_text *literal = c ? c->data : NULL;
    if (!literal || !literal->data) /* a host that does not tell */
        return LEAT_OK;
    bool http = literal->n > 7 && !memcmp(literal->data, "http://", 7);
    bool https = literal->n > 8 && !memcmp(literal->data, "https://", 8);
    if (!http && !https)
        return leat_failf(h, LEAT_FATAL, "url '%.*s' must begin with http:// or https:// and the name of the server",
                          (int)literal->n, literal->data);
    return LEAT_OK;
}

static leat_status take_auth(const leat_host *h, struct sink *s)
{
    const leat_value *who = h->with[AUTH].as.list.at;
    char *user = option_copy(&who[AUTH_USER]), *password = option_copy(&who[AUTH_PASSWORD]);
    char *token = option_copy(&who[AUTH_TOKEN]);
    bool both = user && token;
    free(s->user);
    free(s->token);
    s->user = s->token = NULL;
    if (user && asprintf(&s->user, "%s:%s", user, password ? password : "") < 0)
        s->user = NULL;
    if (token && asprintf(&s->token, "Authorization: Bearer %s", token) < 0)
        s->token = NULL;
    free(user);
    free(password);
    free(token);
    return both ? h->fail(h, LEAT_FATAL, "auth has both a user and a token; give one of them") : LEAT_OK;
}

/* A secret has changed. Requests that wait keep the one they were built with; refused, they are built again. */
static leat_status reconfigure(const leat_host *h, void *self)
{
    return take_auth(h, self);
}

static leat_status create_sink(const leat_host *h, struct sink *s)
{
    const leat_value *files = h->with[TLS].as.list.at;
    s->ca = option_copy(&files[TLS_CA]);
    s->cert = option_copy(&files[TLS_CERT]);
    s->key = option_copy(&files[TLS_KEY]);
    if (h->with[HEADERS].type != LEAT_NULL && h->with[HEADERS].as.list.n / 2 > HEADERS_MAX - 4)
        return h->fail(h, LEAT_FATAL, "more than 28 'headers'");
    leat_status status = take_auth(h, s);
    return status == LEAT_OK ? check_url(h) : status;
}

static leat_status create_record(const leat_host *h, void *self, void *shared)
{
    struct sink *s = self;
    (void)shared;
    s->encoded = leat_bind(h, LEAT_READ, 0, "$encoded", LEAT_BYTES, 0);
    return create_sink(h, s);
}

static leat_status create_batch(const leat_host *h, void *self, void *shared)
{
    struct sink *s = self;
    (void)shared;
    s->batched = true;
    if (h->with[BODY].as.i64 == BODY_ARRAY)
        s->whole = leat_bind(h, LEAT_READ, 0, ".", LEAT_JSON, 0);
    else
        s->encoded = leat_bind(h, LEAT_READ, 0, "$encoded", LEAT_BYTES, 0);
    return create_sink(h, s);
}

/* --- building ----------------------------------------------------------------------------------------------------- */

struct columns {
    const leat_text *url, *key, *body;
    const leat_text *headers[HEADERS_MAX];
    leat_text names[HEADERS_MAX];
    uint32_t n_headers;
};

static struct columns read_columns(const leat_host *h, const struct sink *s, const leat_batch *b)
{
    const leat_value *given = &h->with[HEADERS];
    struct columns c = {.url = leat_read_text(h, b, h->with[URL].as.field),
                        .key = leat_read_text(h, b, h->with[IDEMPOTENCY_KEY].as.field)};
    if (s->batched || h->with[BODY].as.i64 == 0)
        c.body = leat_read_text(h, b, s->encoded ? s->encoded : s->whole);
    for (size_t i = 0; given->type != LEAT_NULL && i + 1 < given->as.list.n; i += 2) {
        c.names[c.n_headers] = given->as.list.at[i].as.text;
        c.headers[c.n_headers++] = leat_read_text(h, b, given->as.list.at[i + 1].as.field);
    }
    return c;
}

static bool has_control(leat_text t)
{
    for (size_t i = 0; i < t.n; i++)
        if ((unsigned char)t.data[i] < 0x20 || t.data[i] == 0x7f)
            return true;
    return false;
}

/* What could not be a header line, or would be more than one. */
static bool check_row(const leat_host *h, const leat_batch *b, const struct columns *c, uint32_t row)
{
    const char *why = !c->url[row].n             ? "the url is empty"
                      : has_control(c->key[row]) ? "the idempotency key has control characters"
                                                 : NULL;
    for (uint32_t i = 0; !why && i < c->n_headers; i++)
        if (has_control(c->headers[i][row]))
            why = "a header has control characters, such as a line end";
    if (why)
        h->reject(h, b->ticket, row, "header", why);
    return !why;
}

static void end_text(struct job *j)
{
    bytes_add(&j->text, "", 1);
}

static void add_url(struct job *j, leat_text url)
{
    char escape[4];
    for (size_t i = 0; i < url.n; i++) {
        unsigned char c = (unsigned char)url.data[i];
        if (c > 0x20 && c < 0x7f) {
            bytes_add(&j->text, &url.data[i], 1);
        } else {
            snprintf(escape, sizeof escape, "%%%02X", c);
            bytes_str(&j->text, escape);
        }
    }
    end_text(j);
}

static void add_header(struct job *j, struct outgoing *o, leat_text name, leat_text value)
{
    if (!value.n)
        return;
    bytes_text(&j->text, name);
    bytes_str(&j->text, ": ");
    bytes_text(&j->text, value);
    end_text(j);
    o->n_headers++;
}

static bool has_content_type(const struct columns *c)
{
    for (uint32_t i = 0; i < c->n_headers; i++)
        if (c->names[i].n == 12 && !strncasecmp(c->names[i].data, "content-type", 12))
            return true;
    return false;
}

static leat_text content_type(const leat_host *h, const struct sink *s)
{
    return leat_text_of(s->batched && h->with[BODY].as.i64 == BODY_LINES ? "application/x-ndjson" : "application/json");
}

static void add_headers(const leat_host *h, const struct sink *s, struct job *j, struct outgoing *o,
                        const struct columns *c, uint32_t row)
{
    o->headers = j->text.n;
    for (uint32_t i = 0; i < c->n_headers; i++)
        add_header(j, o, c->names[i], c->headers[i][row]);
    if (c->body && !has_content_type(c))
        add_header(j, o, leat_text_of("Content-Type"), content_type(h, s));
    add_header(j, o, leat_text_of("Idempotency-Key"), c->key[row]);
    if (s->token) {
        bytes_str(&j->text, s->token);
        end_text(j);
        o->n_headers++;
    }
}

/* Less the line end that codecs write behind a record. */
static leat_text one_record(leat_text t)
{
    if (t.n && t.data[t.n - 1] == '\n')
        t.n--;
    if (t.n && t.data[t.n - 1] == '\r')
        t.n--;
    return t;
}

static void add_body(const leat_host *h, const struct sink *s, struct job *j, struct outgoing *o,
                     const struct columns *c)
{
    bool array = s->batched && h->with[BODY].as.i64 == BODY_ARRAY;
    o->body = j->text.n;
    if (array)
        bytes_str(&j->text, "[");
    for (uint32_t i = o->from; c->body && i < o->to; i++) {
        leat_text record = c->body[j->rows[i]];
        if (array && i > o->from)
            bytes_str(&j->text, ",\n");
        bytes_text(&j->text, s->batched && !array ? record : one_record(record));
    }
    if (array)
        bytes_str(&j->text, "]");
    o->body_bytes = j->text.n - o->body;
}

static bool same_text(leat_text a, leat_text b)
{
    return a.n == b.n && !memcmp(a.data, b.data, a.n);
}

/* Records go together while all that stands outside the body is the same; the key is that of the first. */
static bool goes_with(const struct columns *c, uint32_t a, uint32_t b)
{
    bool same = same_text(c->url[a], c->url[b]);
    for (uint32_t i = 0; same && i < c->n_headers; i++)
        same = same_text(c->headers[i][a], c->headers[i][b]);
    return same;
}

static void add_request(const leat_host *h, const struct sink *s, struct job *j, struct outgoing *o,
                        const struct columns *c)
{
    o->url = j->text.n;
    add_url(j, c->url[j->rows[o->from]]);
    add_headers(h, s, j, o, c, j->rows[o->from]);
    add_body(h, s, j, o, c);
}

static void job_free(struct job *j)
{
    uint32_t life = j->life + 1;
    free(j->rows);
    free(j->requests);
    bytes_free(&j->text);
    memset(j, 0, sizeof *j);
    j->life = life;
}

static leat_status build(const leat_host *h, const struct sink *s, struct job *j, const leat_batch *b)
{
    struct columns c = read_columns(h, s, b);
    uint32_t n = 0;
    j->rows = malloc(b->n * sizeof *j->rows);
    j->requests = calloc(b->n, sizeof *j->requests);
    if (!j->rows || !j->requests)
        return h->fail(h, LEAT_RETRY, "no memory for requests");
    for (uint32_t row = 0; row < b->n; row++)
        if (check_row(h, b, &c, row))
            j->rows[n++] = row;
    for (uint32_t from = 0, to; from < n; from = to) {
        for (to = from + 1; s->batched && to < n && goes_with(&c, j->rows[from], j->rows[to]); to++)
            ;
        struct outgoing *o = &j->requests[j->n++];
        o->from = from;
        o->to = to;
        add_request(h, s, j, o, &c);
    }
    return j->text.broken ? h->fail(h, LEAT_RETRY, "no memory for requests") : LEAT_OK;
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

static void send_one(const leat_host *h, struct sink *s, struct job *j, uint32_t k)
{
    const struct outgoing *o = &j->requests[k];
    leat_text headers[HEADERS_MAX];
    const char *at = j->text.at + o->headers;
    for (uint32_t i = 0; i < o->n_headers; i++, at += strlen(at) + 1)
        headers[i] = leat_text_of(at);
    const leat_value *verify = &h->with[TLS].as.list.at[TLS_VERIFY];
    leat_http_request r = {.size = sizeof r,
                           .timeout_ms = (uint32_t)(h->with[TIMEOUT].as.i64 / 1000),
                           .method = methods[h->with[METHOD].as.i64],
                           .url = j->text.at + o->url,
                           .body = {j->text.at + o->body, o->body_bytes},
                           .headers = headers,
                           .n_headers = o->n_headers,
                           .ca = s->ca,
                           .cert = s->cert,
                           .key = s->key,
                           .user = s->user,
                           .no_verify = verify->type != LEAT_NULL && !verify->as.i64};
    s->under_way++;
    h->measure(h, REQUESTS, 1);
    h->loop->request(h, (uint64_t)(j - s->jobs) | (uint64_t)(j->life & 0xffff) << 8 | (uint64_t)k << 32, &r);
}

static void send_more(const leat_host *h, struct sink *s)
{
    for (struct job *j = s->jobs; !s->paused && j < s->jobs + JOBS_MAX; j++)
        while (j->ticket && j->next < j->n && s->under_way < (uint32_t)h->with[IN_FLIGHT].as.i64)
            send_one(h, s, j, j->next++);
}

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    struct sink *s = self;
    struct job *j = s->jobs;
    while (j < s->jobs + JOBS_MAX && j->ticket)
        j++;
    s->wanted = j == s->jobs + JOBS_MAX || s->paused || s->under_way >= (uint32_t)h->with[IN_FLIGHT].as.i64;
    if (s->wanted)
        return LEAT_AGAIN;
    leat_status status = build(h, s, j, b);
    if (status != LEAT_OK || !j->n) {
        job_free(j);
        return status;
    }
    j->ticket = b->ticket;
    send_more(h, s);
    return LEAT_PENDING;
}

static void wake(const leat_host *h, struct sink *s)
{
    if (!s->wanted)
        return;
    s->wanted = false;
    h->wake(h);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static bool is_temporary(int status)
{
    return status < 100 || status >= 500 || status == 408 || status == 425 || status == 429;
}

/* A wrong password harms every record alike: dead letters would fill up with good ones. */
static bool is_about_us(int status)
{
    return status == 401 || status == 407;
}

static leat_text excerpt(leat_text body, size_t most)
{
    if (body.n > most)
        body.n = most;
    while (body.n && ((unsigned char)body.data[body.n - 1] & 0xc0) == 0x80)
        body.n--;
    for (size_t i = 0; i < body.n; i++)
        if ((unsigned char)body.data[i] < 0x20)
            body.n = i;
    return body;
}

static void say(char ret[700], const struct job *j, const struct outgoing *o, const leat_http_answer *a)
{
    leat_text why = excerpt(a->body, a->status < 100 ? 400 : 200);
    const char *url = j->text.at + o->url;
    if (a->status < 100)
        snprintf(ret, 700, "%.*s", (int)why.n, why.data);
    else
        snprintf(ret, 700, "%.*s answered %d: %.*s%s", (int)strcspn(url, "?"), url, a->status, (int)why.n, why.data,
                 is_about_us(a->status) ? "; correct 'auth'" : "");
}

static void judge(const leat_host *h, struct sink *s, struct job *j, const struct outgoing *o,
                  const leat_http_answer *a)
{
    char why[700];
    if (a->status >= 200 && a->status < 300)
        return;
    say(why, j, o, a);
    bool again = is_temporary(a->status) || is_about_us(a->status);
    if (again)
        h->measure(h, RETRIED, 1);
    if (again && a->retry_after_us > 0) {
        s->paused = true;
        h->loop->alarm(h, TAG_PAUSE, a->retry_after_us);
    }
    for (uint32_t i = o->from; i < o->to; i++) {
        if (again)
            h->retry(h, j->ticket, j->rows[i], a->status < 100 ? "no_answer" : "busy", why);
        else
            h->reject(h, j->ticket, j->rows[i], "refused", why);
    }
}

static void finish_if_done(const leat_host *h, struct job *j)
{
    if (j->answered < j->n)
        return;
    uint64_t ticket = j->ticket;
    job_free(j);
    h->finish(h, ticket, LEAT_OK);
}

static void answer(const leat_host *h, void *self, uint64_t tag, const leat_http_answer *a)
{
    struct sink *s = self;
    struct job *j = &s->jobs[(tag & 0xff) % JOBS_MAX];
    uint32_t k = (uint32_t)(tag >> 32);
    if (!j->ticket || (j->life & 0xffff) != (tag >> 8 & 0xffff) || k >= j->next)
        return;
    s->under_way--;
    j->answered++;
    judge(h, s, j, &j->requests[k], a);
    finish_if_done(h, j);
    send_more(h, s);
    if (!s->paused)
        wake(h, s);
}

static void on_alarm(const leat_host *h, void *self, uint64_t tag)
{
    struct sink *s = self;
    (void)tag;
    s->paused = false;
    send_more(h, s);
    wake(h, s);
}

static void stop(const leat_host *h, void *self)
{
    struct sink *s = self;
    (void)h;
    for (int i = 0; i < JOBS_MAX; i++)
        job_free(&s->jobs[i]); /* what still comes finds nobody */
    s->under_way = 0;
    s->paused = s->wanted = false;
}

static void destroy(const leat_host *h, void *self)
{
    struct sink *s = self;
    stop(h, self);
    free(s->user);
    free(s->token);
    free(s->ca);
    free(s->cert);
    free(s->key);
}

static const leat_sink dedup = {.size = sizeof dedup, .class_ = LEAT_DEDUP, .overlap = 4};
static const leat_sink repeat = {.size = sizeof repeat, .class_ = LEAT_REPEAT, .overlap = 4};
static const leat_loop_hooks loop = {.size = sizeof loop, .alarm = on_alarm, .answer = answer};
#define SINK(variable, name_, doc_, flags_, options_, sink_, create_)                                                  \
    const leat_processor variable = {.size = sizeof variable,                                                          \
                                     .kind = LEAT_SINK,                                                                \
                                     .name = name_,                                                                    \
                                     .doc = doc_,                                                                      \
                                     .flags = flags_,                                                                  \
                                     .batch_us = 1000000,                                                              \
                                     .max_pending = JOBS_MAX,                                                          \
                                     .needs = LEAT_NEEDS_LOOP,                                                         \
                                     .instance_bytes = sizeof(struct sink),                                            \
                                     .options = options_,                                                              \
                                     .n_options = LEAT_N(options_),                                                    \
                                     .metrics = metrics,                                                               \
                                     .n_metrics = LEAT_N(metrics),                                                     \
                                     .sink = &sink_,                                                                   \
                                     .loop = &loop,                                                                    \
                                     .create = create_,                                                                \
                                     .process = process,                                                               \
                                     .reconfigure = reconfigure,                                                       \
                                     .stop = stop,                                                                     \
                                     .destroy = destroy}
SINK(http_sink, "http",
     "Sends each record by a request of its own, with a key by which the receiver knows a repetition.", 0,
     record_options, dedup, create_record);
SINK(http_batch_sink, "http_batch",
     "Sends records by HTTP, many in one request; after a failure some may be sent twice.", LEAT_SLOW, batch_options,
     repeat, create_batch);
