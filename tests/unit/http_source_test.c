/* SPDX-License-Identifier: Apache-2.0 */
/* http_source_test.c: the source `http` under a host of a few lines: what is answered, and when. */
#include "tests/unit/sink_host.h"

#include <setjmp.h>
#include <zlib.h>

#include <cmocka.h>

enum { PATIENCE_US = 20000000 };

static struct loop *loop;

/* --- a host that decodes lines: those that begin with { are records ------------------------------------------------
 */

static struct {
    struct sink_host *t;
    struct http_server *server;
    struct buf fed; /* all bodies, one after the other */
    char headers[512];
    uint64_t records, rejected, sequence, first;
    bool seeks; /* announced: seek is due */
} host;

static leat_partition announce(const leat_host *h, leat_text name, leat_text topic, uint32_t how)
{
    (void)h;
    assert_true(text_is(name, "flow/in/0"));
    assert_true(text_is(topic, "/in"));
    assert_int_equal(how, LEAT_ASSIGNED);
    host.seeks = true;
    return 7;
}

static void feed(const leat_host *h, leat_partition p, const leat_message *m, uint32_t n, const leat_position *after)
{
    (void)h;
    assert_int_equal(p, 7);
    assert_int_equal(n, 1);
    assert_null(after);
    assert_int_equal(m->sequence, host.sequence);
    host.sequence++;
    host.records = host.rejected = 0;
    buf_text(&host.fed, m->body);
    leat_text rest = m->body;
    while (rest.n) {
        const char *end = memchr(rest.data, '\n', rest.n);
        size_t line = end ? (size_t)(end - rest.data) + 1 : rest.n;
        host.records += rest.data[0] == '{';
        host.rejected += rest.data[0] != '{';
        rest.data += line;
        rest.n -= line;
    }
    host.headers[0] = 0;
    for (size_t i = 0, at = 0; i < m->n_headers; i++)
        at += (size_t)snprintf(host.headers + at, sizeof host.headers - at, TEXT_FMT "=" TEXT_FMT ";",
                               TEXT_ARG(m->headers[2 * i].as.text), TEXT_ARG(m->headers[2 * i + 1].as.text));
}

static void fed(const leat_host *h, uint64_t *ret_records, uint64_t *ret_rejected)
{
    (void)h;
    *ret_records = host.records;
    *ret_rejected = host.rejected;
}

static void called(void *self, const struct http_call *c)
{
    struct sink_host *t = self;
    struct {
        leat_http_call c;
        char zeros[256];
    } call = {.c = {.size = sizeof call.c,
                    .request = c->number,
                    .method = c->method,
                    .path = c->path,
                    .query = c->query,
                    .body = c->body,
                    .peer = c->peer,
                    .headers = c->headers,
                    .n_headers = c->n_headers}};
    t->p->loop->request(&t->h, t->self, &call.c);
}

static leat_status serve(const leat_host *h, const leat_http_listen *l)
{
    struct err err;
    struct http_server_options o = {.address = l->address,
                                    .path = l->path,
                                    .cert = l->cert,
                                    .key = l->key,
                                    .max_body = l->max_body,
                                    .max_open = l->max_open};
    if (http_server_new(&host.server, loop, &o, called, host.t, &err))
        return (h->fail)(h, LEAT_RETRY, err.text);
    return LEAT_OK;
}

static void reply(const leat_host *h, uint64_t request, const leat_http_reply *r)
{
    struct http_answer a = {.status = r->status,
                            .content_type = r->content_type,
                            .headers = r->headers,
                            .n_headers = r->n_headers,
                            .body = r->body};
    (void)h;
    http_server_answer(host.server, request, &a);
}

static const leat_loop_service loop_service = {.size = sizeof loop_service, .serve = serve, .reply = reply};
static const leat_source_service source_service = {
    .size = sizeof source_service, .announce = announce, .feed = feed, .fed = fed};
static leat_place place;

static void seek_now(uint64_t sequence)
{
    leat_seek s = {.partition = 7, .known = sequence > 0, .name = TEXT("flow/in/0"), .from = {.sequence = sequence}};
    assert_true(host.seeks);
    host.sequence = host.first = sequence;
    assert_int_equal(host.t->p->source->seek(&host.t->h, host.t->self, &s, 1), LEAT_OK);
}

static leat_status poll_(uint32_t room)
{
    return host.t->p->source->poll(&host.t->h, host.t->self, room);
}

static void commit(void)
{
    leat_position upto = {.sequence = host.sequence};
    host.t->p->source->committed(&host.t->h, host.t->self, 7, &upto);
}

static void new_source(void)
{
    memset(&host, 0, sizeof host);
    host.t = plugin_host_new(loop, "http", "http", LEAT_SOURCE);
    sink_host_set(host.t, "listen", "127.0.0.1:0");
    sink_host_set(host.t, "path", "/in");
    place = (leat_place){.size = sizeof place, .scope = TEXT("flow/in/0")};
    host.t->h.loop = &loop_service;
    host.t->h.source = &source_service;
    host.t->h.place = &place;
}

static void start(void)
{
    if (sink_host_create(host.t) != LEAT_OK || sink_host_start(host.t) != LEAT_OK)
        fail_msg("%s", host.t->failed);
}

static void end_source(void)
{
    sink_host_free(host.t);
    http_server_free(host.server);
    buf_fini(&host.fed);
    http_listeners_sweep();
}

/* --- a sender ------------------------------------------------------------------------------------------------------
 */

struct sent {
    int n, status;
    char body[256], headers[1024];
};

static void on_answer(void *self, const struct http_result *r)
{
    struct sent *s = self;
    s->n++;
    s->status = r->status;
    snprintf(s->body, sizeof s->body, TEXT_FMT, TEXT_ARG(r->body));
    snprintf(s->headers, sizeof s->headers, TEXT_FMT, TEXT_ARG(r->headers));
}

static void send_with(struct sent *s, const char *method, leat_text body, const char *header)
{
    leat_text line = text_of(header);
    auto_free char *url = xasprintf("http://127.0.0.1:%u/in", http_server_port(host.server));
    struct http_options o = {
        .method = method, .url = url, .body = body, .headers = &line, .n_headers = header ? 1 : 0, .timeout_ms = 20000};
    http_send(loop, &o, on_answer, s);
}

#define TURN_UNTIL(holds)                                                                                              \
    do {                                                                                                               \
        int64_t end_ = clock_mono_us() + PATIENCE_US;                                                                  \
        bool held_;                                                                                                    \
        while (!(held_ = (holds)) && clock_mono_us() < end_)                                                           \
            loop_turn(loop, 10000);                                                                                    \
        assert_true(held_);                                                                                            \
    } while (0)

static bool come(void)
{
    bool woken = host.t->woken;
    host.t->woken = false;
    return woken;
}

/* --- tests ----------------------------------------------------------------------------------------------------------
 */

static void nothing_is_answered_before_it_is_committed(void **state)
{
    struct sent s = {0};
    (void)state;
    new_source();
    start();
    seek_now(41);
    send_with(&s, "POST", TEXT("{\"a\":1}\n{\"a\":2}\n"), "Content-Type: application/x-ndjson");
    TURN_UNTIL(come());
    assert_int_equal(poll_(100), LEAT_AGAIN);
    assert_true(text_is(buf_view(&host.fed), "{\"a\":1}\n{\"a\":2}\n"));
    assert_int_equal(host.sequence, 42);
    for (int i = 0; i < 3; i++)
        loop_turn(loop, 1000);
    assert_int_equal(s.n, 0);
    commit();
    TURN_UNTIL(s.n);
    assert_int_equal(s.status, 200);
    assert_string_equal(s.body, "{\"accepted\":2,\"rejected\":0}\n");
    end_source();
}

static void bodies_are_answered_by_what_became_of_them(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *answer;
    } rows[] = {
        {"{\"a\":1}\nbad\n{\"a\":2}\n", 200, "{\"accepted\":2,\"rejected\":1}\n"},
        {"bad\n", 400, "{\"accepted\":0,\"rejected\":1}\n"},
        {"", 200, "{\"accepted\":0,\"rejected\":0}\n"},
    };
    (void)state;
    new_source();
    start();
    seek_now(0);
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct sent s = {0};
        send_with(&s, "POST", text_of(rows[i].body), NULL);
        TURN_UNTIL(come());
        poll_(10);
        commit();
        TURN_UNTIL(s.n);
        assert_int_equal(s.status, rows[i].status);
        assert_string_equal(s.body, rows[i].answer);
    }
    end_source();
}

static void what_has_no_room_waits_and_then_gets_503(void **state)
{
    struct sent first = {0}, second = {0}, third = {0};
    (void)state;
    new_source();
    sink_host_set(host.t, "max_open", "2");
    start();
    send_with(&first, "POST", TEXT("{}"), NULL);
    TURN_UNTIL(first.n); /* nobody has said yet where to count on */
    assert_int_equal(first.status, 503);
    assert_non_null(strstr(first.headers, "Retry-After: 1"));
    seek_now(0);
    send_with(&first, "POST", TEXT("{}"), NULL);
    send_with(&second, "POST", TEXT("{}"), NULL);
    TURN_UNTIL(come());
    assert_int_equal(poll_(0), host.sequence ? LEAT_AGAIN : LEAT_OK);
    send_with(&third, "POST", TEXT("{}"), NULL);
    TURN_UNTIL(third.n);
    assert_int_equal(third.status, 503);
    TURN_UNTIL((poll_(1), host.sequence == 2));
    commit();
    TURN_UNTIL(first.n == 2 && second.n == 1);
    assert_int_equal(first.status, 200);
    end_source();
}

static void senders_must_prove_who_they_are(void **state)
{
    static const struct {
        const char *user, *password, *token, *header;
        int status;
        const char *challenge;
    } rows[] = {
        {"ann", "pw", NULL, NULL, 401, "WWW-Authenticate: Basic"},
        {"ann", "pw", NULL, "Authorization: Basic YW5uOnB3", 200, ""},
        {"ann", "pw", NULL, "Authorization: Basic YW5uOnB4", 401, "WWW-Authenticate: Basic"},
        {"a", NULL, NULL, "Authorization: Basic YTo=", 200, ""},
        {"annie", "pw", NULL, "Authorization: Basic YW5uaWU6cHc=", 200, ""},
        {NULL, NULL, "t0ken", "Authorization: Bearer t0ken", 200, ""},
        {NULL, NULL, "t0ken", "Authorization: Bearer t0ke", 401, "WWW-Authenticate: Bearer"},
        {NULL, NULL, "t0ken", "Authorization: Bearer t0ken2", 401, "WWW-Authenticate: Bearer"},
    };
    (void)state;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct sent s = {0};
        new_source();
        sink_host_set(host.t, "auth.user", rows[i].user);
        sink_host_set(host.t, "auth.password", rows[i].password);
        sink_host_set(host.t, "auth.token", rows[i].token);
        start();
        seek_now(0);
        send_with(&s, "POST", TEXT("{}"), rows[i].header);
        TURN_UNTIL(s.n || come());
        poll_(1);
        assert_null(strstr(host.headers, "authorization")); /* does not travel with the record */
        commit();
        TURN_UNTIL(s.n);
        assert_int_equal(s.status, rows[i].status);
        assert_non_null(strstr(s.headers, rows[i].challenge));
        end_source();
    }
}

static void only_posts_are_taken(void **state)
{
    struct sent s = {0};
    (void)state;
    new_source();
    start();
    seek_now(0);
    send_with(&s, "GET", TEXT(""), NULL);
    TURN_UNTIL(s.n);
    assert_int_equal(s.status, 405);
    assert_non_null(strstr(s.headers, "Allow: POST, PUT"));
    end_source();
}

static size_t pack(char *ret, size_t room, const char *plain, size_t n)
{
    z_stream z = {
        .next_in = (Bytef *)(uintptr_t)plain, .avail_in = (uInt)n, .next_out = (Bytef *)ret, .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static void packed_bodies_are_unpacked_within_their_limit(void **state)
{
    struct sent s = {0};
    char packed[20000];
    auto_free char *bomb = xcalloc(1, 3 << 20);
    (void)state;
    new_source();
    sink_host_set(host.t, "max_body", "1MiB");
    start();
    seek_now(0);
    size_t n = pack(packed, sizeof packed, "{\"a\":1}\n", 8);
    n += pack(packed + n, sizeof packed - n, "{\"a\":2}\n", 8); /* two, one after the other */
    send_with(&s, "POST", (leat_text){packed, n}, "Content-Encoding: gzip");
    TURN_UNTIL(come());
    poll_(10);
    assert_true(text_is(buf_view(&host.fed), "{\"a\":1}\n{\"a\":2}\n"));
    commit();
    TURN_UNTIL(s.n == 1);
    assert_int_equal(s.status, 200);
    send_with(&s, "POST", TEXT("no gzip"), "Content-Encoding: gzip");
    TURN_UNTIL(s.n == 2);
    assert_int_equal(s.status, 400);
    send_with(&s, "POST", (leat_text){packed, n - 5}, "Content-Encoding: gzip");
    TURN_UNTIL(s.n == 3);
    assert_int_equal(s.status, 400);
    send_with(&s, "POST", (leat_text){packed, pack(packed, sizeof packed, bomb, 3 << 20)}, "Content-Encoding: gzip");
    TURN_UNTIL(s.n == 4);
    assert_int_equal(s.status, 413);
    send_with(&s, "POST", TEXT("{}"), "Content-Encoding: br");
    TURN_UNTIL(s.n == 5);
    assert_int_equal(s.status, 415);
    end_source();
}

static void headers_travel_along(void **state)
{
    struct sent s = {0};
    (void)state;
    new_source();
    start();
    seek_now(0);
    send_with(&s, "POST", TEXT("{}"), "X-Store: 12");
    TURN_UNTIL(come());
    poll_(10);
    assert_non_null(strstr(host.headers, "x-store=12;"));
    commit();
    TURN_UNTIL(s.n);
    end_source();
}

static void what_was_not_committed_is_told_when_the_source_stops(void **state)
{
    struct sent s = {0};
    (void)state;
    new_source();
    start();
    seek_now(0);
    send_with(&s, "POST", TEXT("{}"), NULL);
    TURN_UNTIL(come());
    poll_(10);
    host.t->p->stop(&host.t->h, host.t->self);
    TURN_UNTIL(s.n);
    assert_int_equal(s.status, 503);
    assert_non_null(strstr(s.body, "stopped before it was stored; send it again"));
    end_source();
}

static void many_senders_are_answered_in_epochs(void **state)
{
    struct sent s = {0};
    (void)state;
    new_source();
    start();
    seek_now(0);
    for (int i = 0; i < 500; i++)
        send_with(&s, "POST", TEXT("{\"a\":1}"), NULL);
    int64_t end = clock_mono_us() + PATIENCE_US;
    while (s.n < 500 && clock_mono_us() < end) {
        loop_turn(loop, 1000);
        poll_(64);
        commit();
    }
    assert_int_equal(s.n, 500);
    assert_int_equal(s.status, 200);
    assert_int_equal(host.sequence, 500);
    end_source();
}

static int setup(void **state)
{
    struct err err;
    (void)state;
    loop = loop_new(&err);
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_answered_before_it_is_committed),
        TEST(bodies_are_answered_by_what_became_of_them),
        TEST(what_has_no_room_waits_and_then_gets_503),
        TEST(senders_must_prove_who_they_are),
        TEST(only_posts_are_taken),
        TEST(packed_bodies_are_unpacked_within_their_limit),
        TEST(headers_travel_along),
        TEST(what_was_not_committed_is_told_when_the_source_stops),
        TEST(many_senders_are_answered_in_epochs),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
