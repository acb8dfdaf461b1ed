/* SPDX-License-Identifier: Apache-2.0 */
/* source.c: takes records by HTTP POST; 200 is the answer to what is durable, and comes never before.
 *
 * A body is one message, which the flow's codec decodes into any number of records. The requests that wait for their
 * answer stand in a ring, in the order of their sequence: answered <= fed <= come. */
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LISTEN, PATH, MAX_BODY, MAX_OPEN, MAX_WAITING, AUTH, TLS };
enum { AUTH_USER, AUTH_PASSWORD, AUTH_TOKEN };
enum { TLS_CERT, TLS_KEY };
static const leat_option auth[] = {
    [AUTH_USER] = {.name = "user", .doc = "Name that senders must give (basic authentication).", .type = LEAT_OPT_TEXT},
    [AUTH_PASSWORD] =
        {.name = "password", .doc = "Its password.", .type = LEAT_OPT_TEXT, .flags = LEAT_SECRET, .only_with = "user"},
    [AUTH_TOKEN] = {.name = "token",
                    .doc = "Bearer token that senders must give; instead of a user.",
                    .type = LEAT_OPT_TEXT,
                    .flags = LEAT_SECRET},
};
static const leat_option tls[] = {
    [TLS_CERT] = {.name = "cert",
                  .doc = "PEM file of our certificate, its chain included.",
                  .type = LEAT_OPT_TEXT,
                  .flags = LEAT_REQUIRED},
    [TLS_KEY] = {.name = "key",
                 .doc = "PEM file of its key; without it the key stands in the file of the certificate.",
                 .type = LEAT_OPT_TEXT},
};
static const leat_option options[] = {
    [LISTEN] = {.name = "listen",
                .doc = "Address and port to listen on; port 0 takes one that is free, and the log says which.",
                .type = LEAT_OPT_TEXT,
                .standard = "127.0.0.1:8080"},
    [PATH] = {.name = "path",
              .doc = "Path that requests must have; / is every path that no other processor takes at this address.",
              .type = LEAT_OPT_TEXT,
              .standard = "/"},
    [MAX_BODY] = {.name = "max_body",
                  .doc = "Largest body, as sent and as unpacked; more gets 413.",
                  .type = LEAT_OPT_SIZE,
                  .standard = "16MiB",
                  .range = "1KiB..1GiB"},
    [MAX_OPEN] = {.name = "max_open",
                  .doc = "Requests that may wait for their answer, per lane; the next get 503.",
                  .type = LEAT_OPT_I64,
                  .standard = "1024",
                  .range = "1..65536"},
    [MAX_WAITING] = {.name = "max_waiting",
                     .doc = "Bytes of bodies that may wait, per lane; the next get 503.",
                     .type = LEAT_OPT_SIZE,
                     .standard = "256MiB",
                     .range = "1MiB.."},
    [AUTH] = {.name = "auth",
              .doc = "What senders must prove; others get 401.",
              .type = LEAT_OPT_GROUP,
              .rows = auth,
              .n_rows = LEAT_N(auth)},
    [TLS] = {.name = "tls", .doc = "Serve https.", .type = LEAT_OPT_GROUP, .rows = tls, .n_rows = LEAT_N(tls)},
};
enum { REQUESTS, REFUSED };
static const leat_metric metrics[] = {
    [REQUESTS] = {.name = "requests", .doc = "Requests taken."},
    [REFUSED] = {.name = "refused_requests", .doc = "Requests answered with 4xx or 503 before they were read."},
};

struct waiting {
    uint64_t request;
    leat_text body;
    struct bytes unpacked;
    leat_value *headers; /* less those that hold secrets; the texts are the request's */
    size_t n_headers;
    uint64_t records, rejected;
};

struct source {
    leat_partition partition;
    bool ours; /* between seek and release */
    uint64_t answered, fed, come;
    struct waiting *ring;
    uint64_t room;  /* of the ring */
    size_t bytes;   /* of the bodies in it */
    char *expected; /* the authorization header; NULL: none is asked for */
};

/* --- who may send ------------------------------------------------------------------------------------------------- */

static void add_base64(struct bytes *b, leat_text t)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < t.n; i += 3) {
        uint32_t bits = 0;
        char four[4];
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < t.n ? (unsigned char)t.data[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            four[k] = i + k > t.n ? '=' : digits[bits >> (18 - 6 * k) & 63];
        bytes_add(b, four, 4);
    }
}

static leat_status take_auth(const leat_host *h, struct source *s)
{
    const leat_value *rows = h->with[AUTH].as.list.at;
    struct bytes line = {0}, pair = {0};
    if (rows[AUTH_USER].type != LEAT_NULL && rows[AUTH_TOKEN].type != LEAT_NULL)
        return h->fail(h, LEAT_FATAL, "auth has both a user and a token; give one of them");
    free(s->expected);
    s->expected = NULL;
    if (rows[AUTH_TOKEN].type != LEAT_NULL) {
        bytes_str(&line, "Bearer ");
        bytes_text(&line, rows[AUTH_TOKEN].as.text);
    } else if (rows[AUTH_USER].type != LEAT_NULL) {
        bytes_text(&pair, rows[AUTH_USER].as.text);
        bytes_str(&pair, ":");
        if (rows[AUTH_PASSWORD].type != LEAT_NULL)
            bytes_text(&pair, rows[AUTH_PASSWORD].as.text);
        bytes_str(&line, "Basic ");
        add_base64(&line, (leat_text){pair.at, pair.n});
    } else {
        return LEAT_OK;
    }
    bytes_add(&line, "", 1);
    bytes_free(&pair);
    s->expected = line.at;
    return LEAT_OK;
}

/* Takes the same time wherever the difference is. */
static bool same_secret(leat_text given, const char *expected)
{
    size_t n = strlen(expected);
    unsigned char difference = given.n != n;
    for (size_t i = 0; i < n; i++)
        difference |= (unsigned char)(expected[i] ^ (i < given.n ? given.data[i] : 0));
    return !difference;
}

static leat_text header(const leat_http_call *c, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < c->n_headers; i++) {
        leat_text at = c->headers[2 * i].as.text;
        if (at.n == n && !strncasecmp(at.data, name, n))
            return c->headers[2 * i + 1].as.text;
    }
    return (leat_text){NULL, 0};
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void reply(const leat_host *h, uint64_t request, int status, const char *sentence, const char *header_line)
{
    char body[256];
    leat_text line = leat_text_of(header_line);
    int n = snprintf(body, sizeof body, "{\"error\":\"%s\"}\n", sentence);
    leat_http_reply r = {.size = sizeof r,
                         .status = status,
                         .body = {body, (size_t)n},
                         .content_type = "application/json",
                         .headers = header_line ? &line : NULL,
                         .n_headers = header_line ? 1 : 0};
    h->measure(h, REFUSED, 1);
    h->loop->reply(h, request, &r);
}

static void reply_counts(const leat_host *h, const struct waiting *w)
{
    char body[128];
    int n = snprintf(body, sizeof body, "{\"accepted\":%llu,\"rejected\":%llu}\n", (unsigned long long)w->records,
                     (unsigned long long)w->rejected);
    leat_http_reply r = {.size = sizeof r,
                         .status = w->rejected && !w->records ? 400 : 200,
                         .body = {body, (size_t)n},
                         .content_type = "application/json"};
    h->loop->reply(h, w->request, &r);
}

static struct waiting *at(struct source *s, uint64_t sequence)
{
    return &s->ring[sequence % s->room];
}

static void leave(struct source *s, struct waiting *w)
{
    s->bytes -= w->body.n;
    bytes_free(&w->unpacked);
    free(w->headers);
    *w = (struct waiting){0};
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* The body, unpacked if it is packed. False: it was answered. */
static bool take_body(const leat_host *h, struct waiting *w, const leat_http_call *c)
{
    leat_text encoding = header(c, "content-encoding");
    w->body = c->body;
    if (!encoding.n || (encoding.n == 8 && !strncasecmp(encoding.data, "identity", 8)))
        return true;
    if (!(encoding.n == 4 && !strncasecmp(encoding.data, "gzip", 4)) &&
        !(encoding.n == 7 && !strncasecmp(encoding.data, "deflate", 7))) {
        reply(h, c->request, 415, "this Content-Encoding is not known; send gzip, or none", NULL);
        return false;
    }
    int rc = gunzip(c->body, (size_t)h->with[MAX_BODY].as.i64, &w->unpacked);
    if (rc) {
        bytes_free(&w->unpacked);
        reply(h, c->request, rc == -2 ? 413 : 400,
              rc == -2 ? "the body is too large when unpacked" : "the body is no gzip", NULL);
        return false;
    }
    w->body = (leat_text){w->unpacked.at, w->unpacked.n};
    return true;
}

static bool is(leat_text t, const char *word)
{
    return t.n == strlen(word) && !memcmp(t.data, word, t.n);
}

/* What travels with records may end anywhere, so what proves who the sender is stays here. */
static void take_headers(struct waiting *w, const leat_http_call *c)
{
    w->headers = calloc(2 * c->n_headers + 1, sizeof *w->headers);
    for (size_t i = 0; w->headers && i < c->n_headers; i++) {
        leat_text name = c->headers[2 * i].as.text;
        if (is(name, "authorization") || is(name, "proxy-authorization") || is(name, "cookie"))
            continue;
        w->headers[2 * w->n_headers] = c->headers[2 * i];
        w->headers[2 * w->n_headers++ + 1] = c->headers[2 * i + 1];
    }
}

static void request(const leat_host *h, void *self, const leat_http_call *c)
{
    struct source *s = self;
    if (s->expected && !same_secret(header(c, "authorization"), s->expected)) {
        reply(h, c->request, 401, "who are you?",
              s->expected[1] == 'e' ? "WWW-Authenticate: Bearer" : "WWW-Authenticate: Basic realm=\"leat\"");
        return;
    }
    if (!is(c->method, "POST") && !is(c->method, "PUT")) {
        reply(h, c->request, 405, "send records by POST", "Allow: POST, PUT");
        return;
    }
    if (!s->ours || s->come - s->answered == s->room || s->bytes + c->body.n > (size_t)h->with[MAX_WAITING].as.i64) {
        reply(h, c->request, 503, "busy; send it again", NULL);
        return;
    }
    struct waiting *w = at(s, s->come);
    *w = (struct waiting){.request = c->request};
    if (!take_body(h, w, c))
        return;
    take_headers(w, c);
    s->bytes += w->body.n;
    s->come++;
    h->measure(h, REQUESTS, 1);
    h->wake(h);
}

/* --- the source --------------------------------------------------------------------------------------------------- */

static leat_status create(const leat_host *h, void *self, void *shared)
{
    struct source *s = self;
    leat_text path = h->with[PATH].as.text;
    (void)shared;
    if (!path.n || path.data[0] != '/')
        return leat_failf(h, LEAT_FATAL, "path '%.*s' must begin with /", (int)path.n, path.data);
    s->room = (uint64_t)h->with[MAX_OPEN].as.i64;
    s->ring = calloc(s->room, sizeof *s->ring);
    if (!s->ring)
        return h->fail(h, LEAT_FATAL, "no memory for the requests that wait; lower max_open");
    return take_auth(h, s);
}

static leat_status reconfigure(const leat_host *h, void *self)
{
    return take_auth(h, self);
}

static leat_status start(const leat_host *h, void *self)
{
    const leat_value *files = h->with[TLS].as.list.at;
    char *address = option_copy(&h->with[LISTEN]), *path = option_copy(&h->with[PATH]);
    char *cert = option_copy(&files[TLS_CERT]), *key = option_copy(&files[TLS_KEY]);
    leat_http_listen l = {.size = sizeof l,
                          .max_open = (uint32_t)h->with[MAX_OPEN].as.i64,
                          .max_body = (uint64_t)h->with[MAX_BODY].as.i64,
                          .address = address,
                          .path = path,
                          .cert = cert,
                          .key = key};
    (void)self;
    leat_status s = h->loop->serve(h, &l);
    if (s == LEAT_OK)
        h->source->announce(h, h->place->scope, h->with[PATH].as.text, LEAT_ASSIGNED);
    free(address);
    free(path);
    free(cert);
    free(key);
    return s;
}

static leat_status seek(const leat_host *h, void *self, const leat_seek *at_, uint32_t n)
{
    struct source *s = self;
    (void)h, (void)n;
    s->partition = at_->partition;
    s->answered = s->fed = s->come = at_->from.sequence; /* count on, so that ids never repeat */
    s->ours = true;
    return LEAT_OK;
}

static leat_status poll(const leat_host *h, void *self, uint32_t room)
{
    struct source *s = self;
    while (room && s->fed < s->come) {
        struct waiting *w = at(s, s->fed);
        leat_message m = {.sequence = s->fed,
                          .body = w->body,
                          .time_us = LEAT_NO_TIME,
                          .headers = w->headers,
                          .n_headers = w->n_headers};
        h->source->feed(h, s->partition, &m, 1, NULL);
        h->source->fed(h, &w->records, &w->rejected);
        uint64_t all = w->records + w->rejected;
        room -= all < room ? (uint32_t)all : room;
        s->fed++;
    }
    return s->fed < s->come ? LEAT_OK : LEAT_AGAIN;
}

static void committed(const leat_host *h, void *self, leat_partition partition, const leat_position *upto)
{
    struct source *s = self;
    (void)partition;
    for (; s->answered < upto->sequence && s->answered < s->fed; s->answered++) {
        reply_counts(h, at(s, s->answered));
        leave(s, at(s, s->answered));
    }
}

/* Nobody was told that these are stored: their senders come again. */
static void turn_away(const leat_host *h, struct source *s)
{
    for (; s->answered < s->come; s->answered++) {
        reply(h, at(s, s->answered)->request, 503, "stopped before it was stored; send it again", NULL);
        leave(s, at(s, s->answered));
    }
    s->fed = s->come;
}

static void release(const leat_host *h, void *self, const leat_partition *p, uint32_t n)
{
    struct source *s = self;
    (void)p, (void)n;
    s->ours = false;
    turn_away(h, s);
}

static void stop(const leat_host *h, void *self)
{
    struct source *s = self;
    s->ours = false;
    turn_away(h, s);
}

static void destroy(const leat_host *h, void *self)
{
    struct source *s = self;
    (void)h;
    free(s->ring);
    free(s->expected);
}

static const leat_source source = {.size = sizeof source,
                                   .class_ = LEAT_ACKABLE,
                                   .poll = poll,
                                   .seek = seek,
                                   .committed = committed,
                                   .release = release};
static const leat_loop_hooks loop = {.size = sizeof loop, .request = request};
const leat_processor http_source = {
    .size = sizeof http_source,
    .kind = LEAT_SOURCE,
    .name = "http",
    .doc = "Takes records by HTTP POST and answers when they are durable.",
    .needs = LEAT_NEEDS_LOOP,
    .instance_bytes = sizeof(struct source),
    .options = options,
    .n_options = LEAT_N(options),
    .metrics = metrics,
    .n_metrics = LEAT_N(metrics),
    .source = &source,
    .loop = &loop,
    .create = create,
    .start = start,
    .reconfigure = reconfigure,
    .stop = stop,
    .destroy = destroy,
};
