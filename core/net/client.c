/* SPDX-License-Identifier: Apache-2.0 */
/* client.c: HTTP requests of a lane; owns the curl multi handle, which this loop drives, and all requests under way.
 *
 * Names are resolved on curl's own thread, so nothing here waits. Answers are told outside of curl's callbacks: `done`
 * may send and cancel as it likes. */
#include "core/net/net.h"
#include "core/net/net_internal.h"

#include <curl/curl.h>
#include <pthread.h>

enum {
    SPARE_MAX = 32, /* handles kept for the next requests; connections are kept by the multi handle anyway */
    CONNECTIONS_KEPT = 256,
    CONNECT_TIMEOUT_MS = 10000,
    HEADERS_MAX = 256 << 10,
    ANSWER_MAX = 64 << 20, /* bytes of an answer's body */
};

struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    struct http_request *first; /* all that are under way */
    CURL *spare[SPARE_MAX];
    int n_spare;
};

struct http_request {
    struct http_request *next, **link;
    struct http_client *client;
    CURL *easy;
    struct curl_slist *headers;
    char *sent; /* the body */
    struct buf body, answered_headers;
    bool too_large;
    char why[CURL_ERROR_SIZE];
    void (*done)(void *self, const struct http_result *r);
    void *self;
};

/* --- what curl calls ---------------------------------------------------------------------------------------------- */

static size_t on_body(char *at, size_t one, size_t n, void *request)
{
    struct http_request *r = request;
    if (r->body.n + one * n > ANSWER_MAX) {
        r->too_large = true;
        return 0;
    }
    buf_add(&r->body, at, one * n);
    return one * n;
}

static size_t on_header(char *at, size_t one, size_t n, void *request)
{
    struct http_request *r = request;
    size_t bytes = one * n;
    if (bytes >= 5 && !memcmp(at, "HTTP/", 5)) { /* a status line: what came before it was 100 Continue */
        r->answered_headers.n = 0;
        return bytes;
    }
    if (r->answered_headers.n + bytes > HEADERS_MAX) {
        r->too_large = true;
        return 0;
    }
    if (bytes > 2)
        buf_add(&r->answered_headers, at, bytes);
    return bytes;
}

static void tell_finished(struct http_client *c);

static void act(struct http_client *c, curl_socket_t fd, int what)
{
    int running;
    curl_multi_socket_action(c->multi, fd, what, &running);
    tell_finished(c);
}

static void on_ready(void *self, int fd, uint32_t events)
{
    act(self, fd, (events & LEAT_READABLE ? CURL_CSELECT_IN : 0) | (events & LEAT_WRITABLE ? CURL_CSELECT_OUT : 0));
}

static void on_due(void *self)
{
    act(self, CURL_SOCKET_TIMEOUT, 0);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *watch)
{
    struct http_client *c = self;
    struct loop_watch *w = watch;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        loop_watch_free(w);
        curl_multi_assign(c->multi, fd, NULL);
        return 0;
    }
    if (!w) {
        w = loop_watch_new(c->loop, fd, on_ready, c);
        curl_multi_assign(c->multi, fd, w);
    }
    loop_watch_set(w, (what & CURL_POLL_IN ? LEAT_READABLE : 0u) | (what & CURL_POLL_OUT ? LEAT_WRITABLE : 0u));
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *self)
{
    struct http_client *c = self;
    (void)multi;
    loop_timer_set(c->timer, ms < 0 ? -1 : (int64_t)ms * 1000);
    return 0;
}

/* --- the client --------------------------------------------------------------------------------------------------- */

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static struct http_client *client_of(struct loop *l)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (l->client)
        return l->client;
    pthread_once(&once, init_curl);
    struct http_client *c = xcalloc(1, sizeof *c);
    c->loop = l;
    c->multi = curl_multi_init();
    ASSERT(c->multi);
    c->timer = loop_timer_new(l, on_due, c);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    l->client = c;
    return c;
}

void client_free(struct http_client *c)
{
    if (!c)
        return;
    while (c->first)
        http_cancel(c->first);
    for (int i = 0; i < c->n_spare; i++)
        curl_easy_cleanup(c->spare[i]);
    curl_multi_cleanup(c->multi);
    loop_timer_free(c->timer);
    free(c);
}

static void request_free(struct http_request *r)
{
    struct http_client *c = r->client;
    curl_multi_remove_handle(c->multi, r->easy);
    *r->link = r->next;
    if (r->next)
        r->next->link = r->link;
    if (c->n_spare < SPARE_MAX) {
        curl_easy_reset(r->easy);
        c->spare[c->n_spare++] = r->easy;
    } else {
        curl_easy_cleanup(r->easy);
    }
    curl_slist_free_all(r->headers);
    free(r->sent);
    buf_fini(&r->body);
    buf_fini(&r->answered_headers);
    free(r);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* The reason why there is no answer, with the address: that is what a person looks for first. */
static void say_why(struct http_request *r, CURLcode rc, struct buf *ret)
{
    const char *url = NULL;
    curl_easy_getinfo(r->easy, CURLINFO_EFFECTIVE_URL, &url);
    const char *why = r->too_large ? "the answer is too large" : r->why[0] ? r->why : curl_easy_strerror(rc);
    leat_text shown = text_of(url);
    const char *query = url ? strchr(url, '?') : NULL;
    if (query)
        shown.n = (size_t)(query - url); /* it may hold a secret */
    buf_printf(ret, "no answer from " TEXT_FMT ": %s", TEXT_ARG(shown), why);
}

static void tell(struct http_request *r, CURLcode rc)
{
    struct http_result result = {.retry_after_us = -1};
    auto_buf why = {0};
    long status = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (rc == CURLE_OK && status >= 100) {
        result.status = (int)status;
        result.body = buf_view(&r->body);
        result.headers = buf_view(&r->answered_headers);
        if (retry_after > 0)
            result.retry_after_us = (int64_t)retry_after * 1000000;
    } else {
        say_why(r, rc, &why);
        result.body = buf_view(&why);
    }
    void (*done)(void *, const struct http_result *) = r->done;
    void *self = r->self;
    struct buf body = r->body, headers = r->answered_headers;
    r->body = r->answered_headers = (struct buf){0};
    request_free(r); /* first, so that `done` may do what it likes */
    done(self, &result);
    buf_fini(&body);
    buf_fini(&headers);
}

static void tell_finished(struct http_client *c)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left)) != NULL;) {
        struct http_request *r = NULL;
        CURLcode rc = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        tell(r, rc);
    }
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* What is on this machine is never asked through a proxy of the environment. */
static bool is_loopback(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return !strncmp(host, "127.", 4) || !strncmp(host, "localhost", 9) || !strncmp(host, "[::1]", 5);
}

static void set_method(struct http_request *r, const struct http_options *o)
{
    const char *method = o->method ? o->method : "GET";
    CURL *c = r->easy;
    if (o->body.n || !strcmp(method, "POST") || !strcmp(method, "PUT") || !strcmp(method, "PATCH")) {
        r->sent = xmalloc(o->body.n + 1);
        if (o->body.n)
            memcpy(r->sent, o->body.data, o->body.n);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->sent);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body.n);
    } else if (!strcmp(method, "HEAD")) {
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
}

static void set_headers(struct http_request *r, const struct http_options *o)
{
    r->headers = curl_slist_append(NULL, "Expect:"); /* large bodies go out without asking, which saves a round trip */
    for (size_t i = 0; i < o->n_headers; i++) {
        auto_free char *line = xstrndup(o->headers[i].data, o->headers[i].n);
        struct curl_slist *more = curl_slist_append(r->headers, line);
        ASSERT(more);
        r->headers = more;
    }
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
}

static void set_security(struct http_request *r, const struct http_options *o)
{
    CURL *c = r->easy;
    if (o->ca)
        curl_easy_setopt(c, CURLOPT_CAINFO, o->ca);
    if (o->cert)
        curl_easy_setopt(c, CURLOPT_SSLCERT, o->cert);
    if (o->key)
        curl_easy_setopt(c, CURLOPT_SSLKEY, o->key);
    if (o->no_verify) {
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (o->user_password) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(c, CURLOPT_USERPWD, o->user_password);
    }
}

static void set_transfer(struct http_request *r, const struct http_options *o)
{
    CURL *c = r->easy;
    long timeout = o->timeout_ms ? (long)o->timeout_ms : 30000;
    curl_easy_setopt(c, CURLOPT_URL, o->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_QUICK_EXIT,
                     1L); /* a cancelled request does not wait for the thread that resolves its name */
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, timeout < CONNECT_TIMEOUT_MS ? timeout : (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(c, CURLOPT_USERAGENT, "leat");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->why);
    curl_easy_setopt(c, CURLOPT_PRIVATE, r);
    if (is_loopback(o->url))
        curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
}

struct http_request *http_send(struct loop *l, const struct http_options *o,
                               void (*done)(void *self, const struct http_result *r), void *self)
{
    struct http_client *c = client_of(l);
    struct http_request *r = xcalloc(1, sizeof *r);
    r->client = c;
    r->done = done;
    r->self = self;
    r->easy = c->n_spare ? c->spare[--c->n_spare] : curl_easy_init();
    ASSERT(r->easy);
    set_transfer(r, o);
    set_method(r, o);
    set_headers(r, o);
    set_security(r, o);
    r->next = c->first;
    r->link = &c->first;
    if (r->next)
        r->next->link = &r->next;
    c->first = r;
    curl_multi_add_handle(c->multi, r->easy);
    return r;
}

void http_cancel(struct http_request *r)
{
    if (r)
        request_free(r);
}
