/* SPDX-License-Identifier: Apache-2.0 */
/* server.c: HTTP served by a lane; owns the fronts (one per address of a loop), the servers behind them, and open
 * requests.
 *
 * A front speaks HTTP (evhttp) and hands each request to the server that took its path. It outlives its servers, so
 * that connections survive a reload: while nobody is there they get 503. The answer may come at any later time, by
 * number. */
#include "core/net/net.h"
#include "core/net/net_internal.h"

#include <ctype.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_BODY = 16 << 20,
    MAX_OPEN = 1024,
    MAX_HEADERS = 64 << 10,
    IDLE_S =
        60, /* a peer that neither sends nor takes anything so long is cut off; not while it waits for our answer */
    LAST_TURNS = 8, /* of the loop, at its end, to get the last answers out */
};

/* A request that waits for its answer. The texts of `call` live in the request and in `arena`. */
struct open_call {
    struct evhttp_request *request; /* NULL: this place is free */
    struct http_server *server;
    struct http_call call;
    struct arena arena;
    uint32_t life; /* of this place, so that an old number finds nobody */
    uint32_t next_free;
};

struct http_front {
    struct http_front *next;
    struct loop *loop;
    char *address, *cert, *key;
    SSL_CTX *tls;
    struct evhttp *http;
    struct listener *listener; /* both NULL: no server is there */
    struct evhttp_bound_socket *accepting;
    struct http_server *servers;
    VEC(struct open_call *) open;
    uint32_t first_free; /* index + 1; 0: none */
};

struct http_server {
    struct http_server *next;
    struct http_front *front;
    char *path; /* "/": all the rest */
    void (*call)(void *self, const struct http_call *c);
    void *self;
    size_t max_body, max_open, n_open;
};

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void add_header_line(struct evkeyvalq *headers, leat_text line)
{
    const char *colon = memchr(line.data, ':', line.n);
    if (!colon)
        return;
    leat_text value = text_trim((leat_text){colon + 1, line.n - (size_t)(colon + 1 - line.data)});
    auto_free char *name = xstrndup(line.data, (size_t)(colon - line.data));
    auto_free char *text = xstrndup(value.data, value.n);
    evhttp_remove_header(headers, name);
    evhttp_add_header(headers, name, text); /* refuses line ends inside */
}

static void answer(struct evhttp_request *r, const struct http_answer *a)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
    evhttp_add_header(headers, "Content-Type", a->content_type ? a->content_type : "text/plain; charset=utf-8");
    if (a->status == 503)
        evhttp_add_header(headers, "Retry-After", "1");
    for (size_t i = 0; i < a->n_headers; i++)
        add_header_line(headers, a->headers[i]);
    struct evbuffer *body = evbuffer_new();
    if (body && a->body.n)
        evbuffer_add(body, a->body.data, a->body.n);
    evhttp_send_reply(r, a->status, NULL, body); /* frees the request if its peer has gone */
    if (body)
        evbuffer_free(body);
}

static void answer_shortly(struct evhttp_request *r, int status, const char *sentence)
{
    answer(r, &(struct http_answer){.status = status, .body = text_of(sentence)});
}

/* --- open requests ------------------------------------------------------------------------------------------------ */

static struct open_call *take_place(struct http_front *f)
{
    if (f->first_free) {
        struct open_call *o = f->open.at[f->first_free - 1];
        f->first_free = o->next_free;
        return o;
    }
    struct open_call *o = xcalloc(1, sizeof *o);
    *VEC_PUSH(&f->open) = o;
    o->call.number = f->open.n; /* the place; made whole by number_of */
    return o;
}

static uint32_t place_of(const struct open_call *o)
{
    return (uint32_t)o->call.number;
}

static void give_place_back(struct http_front *f, struct open_call *o)
{
    uint32_t place = place_of(o);
    o->request = NULL;
    o->server->n_open--;
    o->server = NULL;
    arena_reset(&o->arena);
    o->call = (struct http_call){.number = place};
    o->next_free = f->first_free;
    f->first_free = place;
}

static struct open_call *find_open(struct http_front *f, uint64_t number)
{
    uint32_t place = (uint32_t)number;
    if (!place || place > f->open.n)
        return NULL;
    struct open_call *o = f->open.at[place - 1];
    return o->request && o->call.number == number ? o : NULL;
}

static leat_text header_of(const struct http_call *c, const char *name)
{
    for (size_t i = 0; i < c->n_headers; i++) {
        leat_text at = c->headers[2 * i].as.text;
        if (at.n == strlen(name) && !strncasecmp(at.data, name, at.n))
            return c->headers[2 * i + 1].as.text;
    }
    return (leat_text){NULL, 0};
}

static leat_value text_value(leat_text t)
{
    return (leat_value){.type = LEAT_TEXT, .as.text = t};
}

static void take_headers(struct open_call *o)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(o->request);
    size_t n = 0;
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next)
        n++;
    leat_value *values = arena_alloc(&o->arena, 2 * n * sizeof *values + 1);
    o->call.headers = values;
    o->call.n_headers = n;
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next) {
        char *name = arena_strdup(&o->arena, h->key);
        for (char *c = name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        *values++ = text_value(text_of(name));
        *values++ = text_value(text_of(h->value));
    }
}

static const char *method_of(struct evhttp_request *r)
{
    switch (evhttp_request_get_command(r)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    default:
        return "";
    }
}

static const char *path_of(struct evhttp_request *r)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    return path && path[0] ? path : "/";
}

static void take_texts(struct open_call *o)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(o->request);
    struct evbuffer *body = evhttp_request_get_input_buffer(o->request);
    char *peer = NULL;
    ev_uint16_t port = 0;
    evhttp_connection_get_peer(evhttp_request_get_connection(o->request), &peer, &port);
    o->call.method = text_of(method_of(o->request));
    o->call.path = text_of(path_of(o->request));
    o->call.query = text_of(uri ? evhttp_uri_get_query(uri) : NULL);
    o->call.peer = text_of(arena_printf(&o->arena, "%s:%u", peer ? peer : "", port));
    o->call.body.n = evbuffer_get_length(body);
    o->call.body.data = o->call.body.n ? (const char *)evbuffer_pullup(body, -1) : NULL;
    o->call.header = header_of;
    take_headers(o);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static struct http_server *find_server(const struct http_front *f, const char *path)
{
    struct http_server *rest = NULL;
    for (struct http_server *s = f->servers; s; s = s->next) {
        if (!strcmp(s->path, path))
            return s;
        if (!strcmp(s->path, "/"))
            rest = s;
    }
    return rest;
}

static void on_request(struct evhttp_request *r, void *front)
{
    struct http_front *f = front;
    struct http_server *s = find_server(f, path_of(r));
    if (!s && !f->servers)
        answer_shortly(r, 503, "nobody is here for a moment; try again\n");
    else if (!s)
        answer_shortly(r, 404, "no such path\n");
    else if (evbuffer_get_length(evhttp_request_get_input_buffer(r)) > s->max_body)
        answer_shortly(r, 413, "the body is too large\n");
    else if (s->n_open >= s->max_open)
        answer_shortly(r, 503, "too many requests are open; try again\n");
    else {
        struct open_call *o = take_place(f);
        o->request = r;
        o->server = s;
        o->call.number |= (uint64_t)++o->life << 32;
        s->n_open++;
        take_texts(o);
        s->call(s->self, &o->call);
    }
}

void http_server_answer(struct http_server *s, uint64_t number, const struct http_answer *a)
{
    struct open_call *o = find_open(s->front, number);
    if (!o)
        return;
    struct evhttp_request *r = o->request;
    answer(r, a); /* before the place is given back: the answer may quote the request */
    give_place_back(s->front, o);
}

void http_reply(struct http_server *s, uint64_t number, int status, const char *content_type, leat_text body)
{
    http_server_answer(s, number, &(struct http_answer){.status = status, .content_type = content_type, .body = body});
}

/* --- fronts ------------------------------------------------------------------------------------------------------- */

/* Out of descriptors: a connection that cannot be accepted would make the loop spin. The spare descriptor is given up
 * for it, the peer is turned away, and the spare is taken again. */
static void turn_away(struct evconnlistener *l, void *http)
{
    static int spare = -1;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)http;
    pthread_mutex_lock(&lock);
    if (spare >= 0)
        close(spare);
    int fd = accept4(evconnlistener_get_fd(l), NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pthread_mutex_unlock(&lock);
}

static struct bufferevent *new_tls_connection(struct event_base *base, void *front)
{
    struct http_front *f = front;
    struct bufferevent *b =
        bufferevent_openssl_socket_new(base, -1, SSL_new(f->tls), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (b)
        bufferevent_openssl_set_allow_dirty_shutdown(b, 1);
    return b;
}

static int tls_error(struct err *err, const char *what, const char *file)
{
    char why[256];
    ERR_error_string_n(ERR_get_error(), why, sizeof why);
    ERR_clear_error();
    return err_set(err, EINVAL, "cannot use the %s '%s' for TLS: %s; give a PEM file that this user can read", what,
                   file, why);
}

static int new_tls(SSL_CTX **ret, const char *cert, const char *key, struct err *err)
{
    SSL_CTX *c = SSL_CTX_new(TLS_server_method());
    int rc = 0;
    ASSERT(c);
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    if (SSL_CTX_use_certificate_chain_file(c, cert) != 1)
        rc = tls_error(err, "certificate", cert);
    else if (SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(c) != 1)
        rc = tls_error(err, "key", key);
    if (rc)
        SSL_CTX_free(c);
    else
        *ret = c;
    return rc;
}

static bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* A front whose servers all went may come back with another certificate: the next connections get it. */
static int set_tls(struct http_front *f, const struct http_server_options *o, struct err *err)
{
    SSL_CTX *tls = NULL;
    const char *key = o->key ? o->key : o->cert; /* one file may hold both */
    if (f->servers && same(f->cert, o->cert) && same(f->key, key))
        return 0;
    if (f->servers)
        return err_set(err, EINVAL, "%s is served with another certificate already; give both the same 'tls'",
                       o->address);
    int rc = o->cert ? new_tls(&tls, o->cert, key, err) : 0;
    if (rc)
        return rc;
    SSL_CTX_free(f->tls);
    free(f->cert);
    free(f->key);
    f->tls = tls;
    f->cert = o->cert ? xstrdup(o->cert) : NULL;
    f->key = key ? xstrdup(key) : NULL;
    evhttp_set_bevcb(f->http, tls ? new_tls_connection : NULL, f);
    return 0;
}

static struct http_front *new_front(struct loop *l, const char *address)
{
    struct http_front *f = xcalloc(1, sizeof *f);
    f->loop = l;
    f->address = xstrdup(address);
    f->http = evhttp_new(l->base);
    ASSERT(f->http);
    evhttp_set_gencb(f->http, on_request, f);
    evhttp_set_allowed_methods(f->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                                            EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
    evhttp_set_max_headers_size(f->http, MAX_HEADERS);
    evhttp_set_timeout(f->http, IDLE_S);
    evhttp_set_default_content_type(f->http, NULL);
    evhttp_set_flags(f->http, EVHTTP_SERVER_LINGERING_CLOSE); /* or a peer that still sends never reads its 413 */
    f->next = l->fronts;
    l->fronts = f;
    return f;
}

static struct http_front *front_of(struct loop *l, const char *address)
{
    for (struct http_front *f = l->fronts; f; f = f->next)
        if (!strcmp(f->address, address))
            return f;
    return new_front(l, address);
}

static int start_accepting(struct http_front *f, struct err *err)
{
    if (f->accepting)
        return 0;
    int rc = listener_get(&f->listener, f->address, err);
    if (rc)
        return rc;
    struct evconnlistener *accepts =
        evconnlistener_new(f->loop->base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, listener_fd(f->listener));
    ASSERT(accepts);
    f->accepting = evhttp_bind_listener(f->http, accepts);
    ASSERT(f->accepting);
    evconnlistener_set_error_cb(accepts, turn_away);
    return 0;
}

static void stop_accepting(struct http_front *f)
{
    if (!f->accepting)
        return;
    evhttp_del_accept_socket(f->http, f->accepting);
    listener_put(f->listener);
    f->accepting = NULL;
    f->listener = NULL;
}

static void set_limits(struct http_front *f)
{
    size_t most = 0;
    for (struct http_server *s = f->servers; s; s = s->next)
        most = s->max_body > most ? s->max_body : most;
    evhttp_set_max_body_size(f->http, (ev_ssize_t)(most ? most : MAX_BODY));
}

void fronts_free(struct http_front *first)
{
    for (struct http_front *f = first; f; f = f->next)
        while (f->servers)
            http_server_free(f->servers);
    for (int i = 0; first && i < LAST_TURNS; i++)
        event_base_loop(first->loop->base, EVLOOP_NONBLOCK);
    for (struct http_front *f = first, *next; f; f = next) {
        next = f->next;
        evhttp_free(f->http);
        SSL_CTX_free(f->tls);
        for (size_t i = 0; i < f->open.n; i++) {
            arena_fini(&f->open.at[i]->arena);
            free(f->open.at[i]);
        }
        VEC_FINI(&f->open);
        free(f->address);
        free(f->cert);
        free(f->key);
        free(f);
    }
}

/* --- servers ------------------------------------------------------------------------------------------------------ */

static int check_path(const struct http_front *f, const char *path, struct err *err)
{
    if (path[0] != '/')
        return err_set(err, EINVAL, "the path '%s' must begin with '/'", path);
    for (const struct http_server *s = f->servers; s; s = s->next)
        if (!strcmp(s->path, path))
            return err_set(err, EADDRINUSE, "%s%s is served already; give one of the two another path", f->address,
                           path);
    return 0;
}

int http_server_new(struct http_server **ret, struct loop *l, const struct http_server_options *o,
                    void (*call)(void *self, const struct http_call *c), void *self, struct err *err)
{
    const char *path = o->path && o->path[0] ? o->path : "/";
    struct http_front *f = front_of(l, o->address);
    int rc = check_path(f, path, err);
    if (!rc)
        rc = set_tls(f, o, err);
    if (!rc)
        rc = start_accepting(f, err);
    if (rc)
        return rc;
    struct http_server *s = xcalloc(1, sizeof *s);
    *s = (struct http_server){.next = f->servers, .front = f, .path = xstrdup(path), .call = call, .self = self};
    s->max_body = o->max_body ? o->max_body : MAX_BODY;
    s->max_open = o->max_open ? o->max_open : MAX_OPEN;
    f->servers = s;
    set_limits(f);
    *ret = s;
    return 0;
}

uint16_t http_server_port(const struct http_server *s)
{
    return listener_port(s->front->listener);
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    struct http_front *f = s->front;
    struct http_server **at = &f->servers;
    for (size_t i = 0; i < f->open.n; i++)
        if (f->open.at[i]->request && f->open.at[i]->server == s)
            http_reply(s, f->open.at[i]->call.number, 503, NULL, TEXT("stopped before it was stored; send it again\n"));
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    if (!f->servers)
        stop_accepting(f);
    set_limits(f);
    free(s->path);
    free(s);
}
