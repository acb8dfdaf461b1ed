/* SPDX-License-Identifier: Apache-2.0 */
/* net_test.c: the loop, the client and the server against each other, and against peers that misbehave. */
#include "core/net/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_US = 20000000, HELD_MAX = 2000 };

/* --- a client's and a server's side that remember what came --------------------------------------------------------
 */

struct answers {
    int n, status;
    int64_t retry_after_us;
    struct buf body, headers;
};

static void on_answer(void *self, const struct http_result *r)
{
    struct answers *a = self;
    a->n++;
    a->status = r->status;
    a->retry_after_us = r->retry_after_us;
    a->body.n = a->headers.n = 0;
    buf_text(&a->body, r->body);
    buf_text(&a->headers, r->headers);
    buf_char(&a->body, 0);
    buf_char(&a->headers, 0);
    a->body.n--;
}

static void answers_fini(struct answers *a)
{
    buf_fini(&a->body);
    buf_fini(&a->headers);
}

struct service {
    struct http_server *server;
    bool hold; /* answers only when told */
    int n;
    uint64_t held[HELD_MAX];
    struct buf seen; /* "METHOD path?query body\n" of each */
    char header[64]; /* x-test of the last, or authorization */
};

static void on_call(void *self, const struct http_call *c)
{
    struct service *s = self;
    buf_printf(&s->seen, TEXT_FMT " " TEXT_FMT "?" TEXT_FMT " ", TEXT_ARG(c->method), TEXT_ARG(c->path),
               TEXT_ARG(c->query));
    if (c->body.n < 100)
        buf_text(&s->seen, c->body);
    buf_char(&s->seen, '\n');
    leat_text header = c->header(c, "X-Test"), user = c->header(c, "authorization");
    header = header.n ? header : user;
    snprintf(s->header, sizeof s->header, TEXT_FMT, TEXT_ARG(header));
    s->held[s->n++ % HELD_MAX] = c->number;
    if (!s->hold)
        http_reply(s->server, c->number, 200, "application/octet-stream", c->body);
}

static struct loop *loop;

static void serve(struct service *s, struct http_server_options o)
{
    struct err err;
    o.address = o.address ? o.address : "127.0.0.1:0";
    if (http_server_new(&s->server, loop, &o, on_call, s, &err))
        fail_msg("%s", err.text);
}

static void unserve(struct service *s)
{
    http_server_free(s->server);
    buf_fini(&s->seen);
    http_listeners_sweep();
}

static char *url_of(const struct service *s, const char *path)
{
    return xasprintf("http://127.0.0.1:%u%s", http_server_port(s->server), path);
}

static struct http_request *post(const struct service *s, leat_text body, struct answers *a)
{
    auto_free char *url = url_of(s, "/in?x=1");
    struct http_options o = {.method = "POST", .url = url, .body = body, .timeout_ms = 20000};
    return http_send(loop, &o, on_answer, a);
}

#define TURN_UNTIL(holds)                                                                                              \
    do {                                                                                                               \
        int64_t end_ = clock_mono_us() + PATIENCE_US;                                                                  \
        while (!(holds) && clock_mono_us() < end_)                                                                     \
            loop_turn(loop, 10000);                                                                                    \
        assert_true(holds);                                                                                            \
    } while (0)

/* A peer that speaks bytes, not HTTP. */
static int peer_of(const struct service *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(http_server_port(s->server))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void say(int fd, const char *bytes)
{
    assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
}

/* What the peer has read so far; true when it holds `word`, or the end of the stream if that is NULL. */
static bool heard(int fd, struct buf *b, const char *word)
{
    ssize_t n = read(fd, buf_room(b, 4096), 4096);
    if (n > 0)
        b->n += (size_t)n;
    *buf_room(b, 1) = 0;
    return word ? strstr(b->data, word) != NULL : n == 0 || (n < 0 && errno == ECONNRESET);
}

static int count_of(const char *text, const char *word)
{
    int n = 0;
    for (; (text = strstr(text, word)) != NULL; text++)
        n++;
    return n;
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void *wake_soon(void *l)
{
    usleep(20000);
    loop_wake(l);
    return NULL;
}

static void a_wait_without_end_ends_when_woken_from_another_thread(void **state)
{
    pthread_t thread;
    (void)state;
    pthread_create(&thread, NULL, wake_soon, loop);
    loop_turn(loop, -1);
    pthread_join(thread, NULL);
}

static void a_wake_before_the_wait_is_not_lost(void **state)
{
    (void)state;
    loop_wake(loop);
    int64_t start = clock_mono_us();
    loop_turn(loop, 5000000);
    assert_true(clock_mono_us() - start < 4000000);
}

static void a_wait_keeps_its_microseconds(void **state)
{
    (void)state;
    int64_t start = clock_mono_us();
    loop_turn(loop, 300);
    assert_true(clock_mono_us() - start >= 300);
    start = clock_mono_us();
    for (int i = 0; i < 20; i++)
        loop_turn(loop, 100);
    assert_true(clock_mono_us() - start < 2000000);
}

static struct buf order;
static void due_a(void *self)
{
    (void)self;
    buf_char(&order, 'a');
}
static void due_b(void *self)
{
    (void)self;
    buf_char(&order, 'b');
}

static void timers_fire_in_order_and_cancelled_ones_do_not(void **state)
{
    (void)state;
    struct loop_timer *a = loop_timer_new(loop, due_a, NULL), *b = loop_timer_new(loop, due_b, NULL);
    loop_timer_set(a, 3000);
    loop_timer_set(b, 1000);
    TURN_UNTIL(order.n == 2);
    assert_true(text_is(buf_view(&order), "ba"));
    loop_timer_set(a, 1000);
    loop_timer_set(a, -1);
    loop_timer_set(b, 2000);
    TURN_UNTIL(order.n == 3);
    assert_true(text_is(buf_view(&order), "bab"));
    buf_fini(&order);
    loop_timer_free(a);
    loop_timer_free(b);
}

static uint32_t ready_events;
static void on_ready(void *self, int fd, uint32_t events)
{
    char c;
    (void)self;
    ready_events |= events;
    if (events & LEAT_READABLE)
        assert_int_equal(read(fd, &c, 1), 1);
}

static void watches_tell_what_they_were_asked_for(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct loop_watch *w = loop_watch_new(loop, fds[0], on_ready, NULL);
    loop_watch_set(w, LEAT_READABLE);
    loop_turn(loop, 0);
    assert_int_equal(ready_events, 0);
    say(fds[1], "x");
    TURN_UNTIL(ready_events);
    assert_int_equal(ready_events, LEAT_READABLE);
    loop_watch_set(w, LEAT_WRITABLE);
    ready_events = 0;
    TURN_UNTIL(ready_events);
    assert_int_equal(ready_events, LEAT_WRITABLE);
    loop_watch_set(w, 0);
    ready_events = 0;
    say(fds[1], "x");
    loop_turn(loop, 0);
    assert_int_equal(ready_events, 0);
    loop_watch_free(w);
    close(fds[0]);
    close(fds[1]);
}

/* --- client and server -------------------------------------------------------------------------------------------- */

static void a_request_carries_method_path_query_headers_and_body(void **state)
{
    struct service s = {0};
    struct answers a = {0};
    leat_text headers[] = {TEXT("X-Test: one two"), TEXT("Content-Type: application/json")};
    (void)state;
    serve(&s, (struct http_server_options){0});
    auto_free char *url = url_of(&s, "/orders/7?full=yes");
    struct http_options o = {
        .method = "PUT", .url = url, .body = TEXT("{\"a\":1}"), .headers = headers, .n_headers = 2};
    http_send(loop, &o, on_answer, &a);
    TURN_UNTIL(a.n);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body.data, "{\"a\":1}");
    assert_true(text_is(buf_view(&s.seen), "PUT /orders/7?full=yes {\"a\":1}\n"));
    assert_string_equal(s.header, "one two");
    assert_non_null(strstr(a.headers.data, "Content-Type: application/octet-stream\r\n"));
    assert_int_equal(a.retry_after_us, -1);
    answers_fini(&a);
    unserve(&s);
}

static void methods_without_a_body_arrive(void **state)
{
    static const char *const methods[] = {"GET", "DELETE", "HEAD", "POST"};
    struct service s = {0};
    struct answers a = {0};
    (void)state;
    serve(&s, (struct http_server_options){0});
    auto_free char *url = url_of(&s, "/");
    for (int i = 0; i < 4; i++) {
        struct http_options o = {.method = methods[i], .url = url};
        http_send(loop, &o, on_answer, &a);
        TURN_UNTIL(a.n == i + 1);
        assert_int_equal(a.status, 200);
    }
    assert_true(text_is(buf_view(&s.seen), "GET /? \nDELETE /? \nHEAD /? \nPOST /? \n"));
    answers_fini(&a);
    unserve(&s);
}

static void a_thousand_requests_are_in_flight_at_once(void **state)
{
    struct service s = {.hold = true};
    struct answers a = {0};
    (void)state;
    serve(&s, (struct http_server_options){.max_open = HELD_MAX});
    for (int i = 0; i < 1000; i++)
        post(&s, TEXT("x"), &a);
    TURN_UNTIL(s.n == 1000);
    assert_int_equal(a.n, 0);
    for (int i = 999; i >= 0; i--)
        http_reply(s.server, s.held[i], 201, NULL, TEXT("late"));
    TURN_UNTIL(a.n == 1000);
    assert_int_equal(a.status, 201);
    answers_fini(&a);
    unserve(&s);
}

static void old_and_unknown_numbers_are_ignored(void **state)
{
    struct service s = {.hold = true};
    struct answers a = {0};
    (void)state;
    serve(&s, (struct http_server_options){0});
    for (int i = 1; i <= 2; i++) {
        post(&s, TEXT("x"), &a);
        TURN_UNTIL(s.n == i);
        http_reply(s.server, s.held[0], 200, NULL,
                   TEXT("")); /* the second time it is the number of one long answered */
        http_reply(s.server, 77, 200, NULL, TEXT(""));
        http_reply(s.server, s.held[1], 202, NULL, TEXT(""));
        TURN_UNTIL(a.n == i);
    }
    assert_int_equal(a.status, 202);
    answers_fini(&a);
    unserve(&s);
}

static void big_bodies_come_back_whole(void **state)
{
    enum { BIG = 12 << 20 };
    struct service s = {0};
    struct answers a = {0};
    auto_free char *big = xmalloc(BIG);
    (void)state;
    for (int i = 0; i < BIG; i++)
        big[i] = (char)(i * 7 + i / 251);
    serve(&s, (struct http_server_options){0});
    post(&s, (leat_text){big, BIG}, &a);
    TURN_UNTIL(a.n);
    assert_int_equal(a.status, 200);
    assert_true(text_equal(buf_view(&a.body), (leat_text){big, BIG}));
    answers_fini(&a);
    unserve(&s);
}

static void a_body_above_the_limit_gets_413(void **state)
{
    struct service s = {0};
    struct answers a = {0};
    auto_free char *big = xcalloc(1, 300000);
    (void)state;
    serve(&s, (struct http_server_options){.max_body = 1000});
    post(&s, (leat_text){big, 1001}, &a);
    post(&s, (leat_text){big, 300000}, &a);
    TURN_UNTIL(a.n == 2);
    assert_int_equal(a.status, 413);
    assert_int_equal(s.n, 0);
    post(&s, (leat_text){big, 1000}, &a);
    TURN_UNTIL(a.n == 3);
    assert_int_equal(a.status, 200);
    answers_fini(&a);
    unserve(&s);
}

static void too_many_open_requests_get_503_and_a_time_to_come_back(void **state)
{
    struct service s = {.hold = true};
    struct answers first = {0}, second = {0};
    (void)state;
    serve(&s, (struct http_server_options){.max_open = 1});
    post(&s, TEXT("x"), &first);
    TURN_UNTIL(s.n == 1);
    post(&s, TEXT("x"), &second);
    TURN_UNTIL(second.n);
    assert_int_equal(second.status, 503);
    assert_int_equal(second.retry_after_us, 1000000);
    http_reply(s.server, s.held[0], 200, NULL, TEXT(""));
    TURN_UNTIL(first.n);
    post(&s, TEXT("x"), &second); /* there is room again */
    TURN_UNTIL(s.n == 2);
    http_reply(s.server, s.held[1], 200, NULL, TEXT(""));
    TURN_UNTIL(second.n == 2);
    assert_int_equal(second.status, 200);
    answers_fini(&first);
    answers_fini(&second);
    unserve(&s);
}

static void a_cancelled_request_is_never_told(void **state)
{
    struct service s = {.hold = true};
    struct answers gone = {0}, kept = {0};
    (void)state;
    serve(&s, (struct http_server_options){0});
    struct http_request *r = post(&s, TEXT("x"), &gone);
    TURN_UNTIL(s.n == 1);
    http_cancel(r);
    http_cancel(post(&s, TEXT("x"), &gone)); /* before it was even sent */
    loop_turn(loop, 0);
    http_reply(s.server, s.held[0], 200, NULL, TEXT("to nobody"));
    post(&s, TEXT("x"), &kept);
    TURN_UNTIL(s.n == 2);
    http_reply(s.server, s.held[1], 200, NULL, TEXT("kept"));
    TURN_UNTIL(kept.n);
    assert_string_equal(kept.body.data, "kept");
    assert_int_equal(gone.n, 0);
    answers_fini(&kept);
    unserve(&s);
}

static void cancel_second(void *self, const struct http_result *r)
{
    struct http_request **second = self;
    (void)r;
    http_cancel(steal(*second));
}

static void an_answer_may_cancel_another_request(void **state)
{
    struct service s = {.hold = true};
    struct http_request *second = NULL;
    (void)state;
    serve(&s, (struct http_server_options){0});
    auto_free char *url = url_of(&s, "/");
    struct http_options o = {.url = url};
    http_send(loop, &o, cancel_second, &second);
    second = http_send(loop, &o, cancel_second, &second);
    TURN_UNTIL(s.n == 2);
    http_reply(s.server, s.held[0], 200, NULL, TEXT(""));
    http_reply(s.server, s.held[1], 200, NULL, TEXT(""));
    TURN_UNTIL(!second);
    loop_turn(loop, 10000);
    unserve(&s);
}

static void silence_ends_with_a_reason_after_the_timeout(void **state)
{
    struct service s = {.hold = true};
    struct answers a = {0};
    (void)state;
    serve(&s, (struct http_server_options){0});
    auto_free char *url = url_of(&s, "/slow?password=x");
    struct http_options o = {.url = url, .timeout_ms = 50};
    http_send(loop, &o, on_answer, &a);
    TURN_UNTIL(a.n);
    assert_true(a.status < 100);
    assert_non_null(strstr(a.body.data, "no answer from http://127.0.0.1:"));
    assert_non_null(strstr(a.body.data, "timed out"));
    assert_null(strstr(a.body.data, "password")); /* a query may hold secrets */
    answers_fini(&a);
    unserve(&s);
}

static void nobody_there_and_no_such_host_are_answers_without_status(void **state)
{
    static const char *const urls[] = {"http://127.0.0.1:1/", "http://no-such-host.invalid/", "ftp://127.0.0.1/",
                                       "http://", ""};
    (void)state;
    for (size_t i = 0; i < N_OF(urls); i++) {
        struct answers a = {0};
        struct http_options o = {.url = urls[i], .timeout_ms = 10000};
        http_send(loop, &o, on_answer, &a);
        TURN_UNTIL(a.n);
        assert_true(a.status < 100);
        assert_non_null(strstr(a.body.data, "no answer from"));
        answers_fini(&a);
    }
}

static void header_names_have_no_case(void **state)
{
    struct service s = {0};
    (void)state;
    serve(&s, (struct http_server_options){0});
    int fd = peer_of(&s);
    auto_buf got = {0};
    say(fd, "GET / HTTP/1.1\r\nHost: x\r\nX-TEST: Any Case\r\n\r\n");
    TURN_UNTIL(heard(fd, &got, "\r\n\r\n"));
    assert_string_equal(s.header, "Any Case");
    close(fd);
    unserve(&s);
}

static void basic_auth_is_sent(void **state)
{
    struct service s = {0};
    struct answers a = {0};
    (void)state;
    serve(&s, (struct http_server_options){0});
    auto_free char *url = url_of(&s, "/");
    struct http_options o = {.url = url, .user_password = "ann:s3cret"};
    http_send(loop, &o, on_answer, &a);
    TURN_UNTIL(a.n);
    assert_string_equal(s.header, "Basic YW5uOnMzY3JldA==");
    answers_fini(&a);
    unserve(&s);
}

static void connections_are_used_again(void **state)
{
    struct service s = {0};
    (void)state;
    serve(&s, (struct http_server_options){0});
    int fd = peer_of(&s);
    auto_buf got = {0};
    say(fd,
        "GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"); /* pipelined */
    TURN_UNTIL(heard(fd, &got, "\r\n\r\nhi"));
    say(fd, "GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    TURN_UNTIL(heard(fd, &got, NULL));
    assert_int_equal(count_of(got.data, "HTTP/1.1 200 OK"), 3);
    assert_true(text_is(buf_view(&s.seen), "GET /a? \nPOST /b? hi\nGET /c? \n"));
    close(fd);
    unserve(&s);
}

static void chunked_bodies_are_put_together(void **state)
{
    struct service s = {0};
    (void)state;
    serve(&s, (struct http_server_options){0});
    int fd = peer_of(&s);
    auto_buf got = {0};
    say(fd, "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    loop_turn(loop, 1000);
    say(fd, "4\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n");
    TURN_UNTIL(heard(fd, &got, "abcdefg"));
    assert_true(text_is(buf_view(&s.seen), "POST /c? abcdefg\n"));
    close(fd);
    unserve(&s);
}

static void bad_requests_get_400_or_the_door_and_harm_nobody(void **state)
{
    static const char *const bad[] = {
        "hello\r\n\r\n",
        "GET / HTTP/9.9.9\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 12x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET / HTTP/1.1\r\nno colon here\r\n\r\n",
        "BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n",
        "\r\n\r\n\r\n\r\n",
        "GET /\x01\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    };
    struct service s = {0};
    struct answers a = {0};
    (void)state;
    serve(&s, (struct http_server_options){0});
    for (size_t i = 0; i < N_OF(bad); i++) {
        int fd = peer_of(&s);
        auto_buf got = {0};
        say(fd, bad[i]);
        shutdown(fd, SHUT_WR);
        TURN_UNTIL(heard(fd, &got, NULL));
        assert_true(got.n == 0 || !strncmp(got.data, "HTTP/1.", 7));
        close(fd);
    }
    post(&s, TEXT("x"), &a);
    TURN_UNTIL(a.n);
    assert_int_equal(a.status, 200);
    answers_fini(&a);
    unserve(&s);
}

static void headers_above_the_limit_are_refused(void **state)
{
    struct service s = {0};
    (void)state;
    serve(&s, (struct http_server_options){0});
    int fd = peer_of(&s);
    auto_buf got = {0}, lines = {0};
    buf_str(&lines, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 2000; i++)
        buf_printf(&lines, "X-%d: %060d\r\n", i, i);
    for (size_t sent = 0; sent < lines.n;) {
        ssize_t n = write(fd, lines.data + sent, lines.n - sent);
        sent = n > 0 ? sent + (size_t)n : errno == EAGAIN ? sent : lines.n;
        loop_turn(loop, 0);
    }
    TURN_UNTIL(heard(fd, &got, NULL));
    assert_int_equal(s.n, 0);
    close(fd);
    unserve(&s);
}

static void a_slow_peer_delays_nobody(void **state)
{
    static const char request[] = "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    struct service s = {0};
    struct answers a = {0};
    (void)state;
    serve(&s, (struct http_server_options){0});
    int fd = peer_of(&s);
    for (size_t i = 0; i < sizeof request - 1; i++) {
        assert_int_equal(write(fd, request + i, 1), 1);
        post(&s, TEXT("x"), &a);
        TURN_UNTIL(a.n == (int)i + 1);
    }
    auto_buf got = {0};
    TURN_UNTIL(heard(fd, &got, "abc"));
    assert_int_equal(s.n, (int)sizeof request);
    close(fd);
    answers_fini(&a);
    unserve(&s);
}

static void a_peer_that_leaves_harms_nobody(void **state)
{
    struct service s = {.hold = true};
    (void)state;
    serve(&s, (struct http_server_options){0});
    int fd = peer_of(&s);
    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
    loop_turn(loop, 1000);
    close(fd);
    fd = peer_of(&s);
    say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    TURN_UNTIL(s.n == 1);
    close(fd);
    loop_turn(loop, 1000);
    http_reply(s.server, s.held[0], 200, NULL, TEXT("to nobody"));
    loop_turn(loop, 1000);
    unserve(&s);
}

/* --- addresses, paths, reloads ------------------------------------------------------------------------------------ */

static void paths_tell_servers_apart(void **state)
{
    struct service a = {0}, b = {0}, twice = {0};
    struct answers got = {0};
    struct err err;
    (void)state;
    serve(&a, (struct http_server_options){.path = "/a"});
    serve(&b, (struct http_server_options){.path = "/b"});
    assert_int_equal(http_server_port(a.server), http_server_port(b.server));
    static const struct {
        const char *path;
        int status, a, b;
    } rows[] = {{"/a", 200, 1, 0}, {"/b?x", 200, 1, 1}, {"/c", 404, 1, 1}};
    for (int i = 0; i < 3; i++) {
        auto_free char *url = url_of(&a, rows[i].path);
        http_send(loop, &(struct http_options){.url = url}, on_answer, &got);
        TURN_UNTIL(got.n == i + 1);
        assert_int_equal(got.status, rows[i].status);
        assert_int_equal(a.n, rows[i].a);
        assert_int_equal(b.n, rows[i].b);
    }
    struct http_server_options o = {.address = "127.0.0.1:0", .path = "/a"};
    assert_int_equal(http_server_new(&twice.server, loop, &o, on_call, &twice, &err), -EADDRINUSE);
    assert_string_equal(err.text, "127.0.0.1:0/a is served already; give one of the two another path");
    answers_fini(&got);
    http_server_free(b.server);
    buf_fini(&b.seen);
    unserve(&a);
}

static void a_reload_keeps_port_connections_and_waiting_peers(void **state)
{
    struct service old = {.hold = true}, new = {0};
    struct answers a = {0};
    (void)state;
    serve(&old, (struct http_server_options){0});
    uint16_t port = http_server_port(old.server);
    int fd = peer_of(&old);
    say(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
    TURN_UNTIL(old.n == 1);
    auto_free char *url = url_of(&old, "/2");
    http_server_free(old.server);
    auto_buf got = {0};
    TURN_UNTIL(heard(fd, &got, "send it again"));
    assert_non_null(strstr(got.data, "503"));
    http_send(loop, &(struct http_options){.url = url}, on_answer, &a); /* nobody is there: it waits in the queue */
    loop_turn(loop, 1000);
    loop_turn(loop, 1000);
    assert_int_equal(a.n, 0);
    serve(&new, (struct http_server_options){0});
    assert_int_equal(http_server_port(new.server), port);
    TURN_UNTIL(a.n);
    assert_int_equal(a.status, 200);
    say(fd, "GET /3 HTTP/1.1\r\nHost: x\r\n\r\n"); /* the connection from before */
    TURN_UNTIL(heard(fd, &got, "200 OK"));
    close(fd);
    buf_fini(&old.seen);
    answers_fini(&a);
    unserve(&new);
}

static void lanes_share_an_address(void **state)
{
    struct service here = {0}, there = {0};
    struct answers a = {0};
    struct err err;
    (void)state;
    struct loop *other = loop_new(&err);
    serve(&here, (struct http_server_options){0});
    struct http_server_options o = {.address = "127.0.0.1:0"};
    assert_int_equal(http_server_new(&there.server, other, &o, on_call, &there, &err), 0);
    assert_int_equal(http_server_port(here.server), http_server_port(there.server));
    for (int i = 0; i < 20; i++) {
        leat_text close_it = TEXT("Connection: close");
        auto_free char *url = url_of(&here, "/");
        http_send(loop, &(struct http_options){.url = url, .headers = &close_it, .n_headers = 1}, on_answer, &a);
    }
    int64_t end = clock_mono_us() + PATIENCE_US;
    while (a.n < 20 && clock_mono_us() < end) {
        loop_turn(loop, 0);
        loop_turn(other, 0);
    }
    assert_int_equal(a.n, 20);
    assert_int_equal(here.n + there.n, 20);
    http_server_free(there.server);
    buf_fini(&there.seen);
    loop_free(other);
    answers_fini(&a);
    unserve(&here);
}

static void addresses_that_cannot_be_listened_on_say_why(void **state)
{
    struct service s = {0};
    struct err err;
    struct http_server *none = NULL;
    (void)state;
    serve(&s, (struct http_server_options){0});
    auto_free char *taken = xasprintf("127.0.0.1:%u", http_server_port(s.server));
    struct http_server_options o = {.address = taken};
    assert_int_equal(http_server_new(&none, loop, &o, on_call, NULL, &err), -EADDRINUSE);
    assert_non_null(strstr(err.text, "another process listens there"));
    o.address = "8080";
    assert_int_equal(http_server_new(&none, loop, &o, on_call, NULL, &err), -EINVAL);
    assert_string_equal(err.text, "'8080' is no address to listen on; write host and port: '127.0.0.1:8080'");
    o.address = "127.0.0.1:http:x";
    assert_int_equal(http_server_new(&none, loop, &o, on_call, NULL, &err), -EINVAL);
    o.address = "203.0.113.1:0"; /* of nobody here */
    assert_int_equal(http_server_new(&none, loop, &o, on_call, NULL, &err), -EADDRNOTAVAIL);
    unserve(&s);
}

/* --- TLS ---------------------------------------------------------------------------------------------------------- */

static char cert_file[256], key_file[256];

static void make_certificate(void)
{
    const char *tmp = getenv("LEAT_TMP");
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *x = X509_new();
    snprintf(cert_file, sizeof cert_file, "%s/net-cert.pem", tmp ? tmp : ".");
    snprintf(key_file, sizeof key_file, "%s/net-key.pem", tmp ? tmp : ".");
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"leat test", -1, -1,
                               0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(x, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x, key, EVP_sha256());
    FILE *f = fopen(cert_file, "we");
    PEM_write_X509(f, x);
    fclose(f);
    f = fopen(key_file, "we");
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void tls_is_spoken_and_strangers_are_not_believed(void **state)
{
    struct service s = {0};
    struct answers a = {0};
    (void)state;
    make_certificate();
    serve(&s, (struct http_server_options){.cert = cert_file, .key = key_file});
    auto_free char *url = xasprintf("https://127.0.0.1:%u/", http_server_port(s.server));
    auto_free char *big = xcalloc(1, 3000000);
    struct http_options o = {.url = url, .method = "POST", .body = {big, 3000000}, .ca = cert_file};
    http_send(loop, &o, on_answer, &a);
    TURN_UNTIL(a.n == 1);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body.n, 3000000);
    o.ca = NULL;
    http_send(loop, &o, on_answer, &a);
    TURN_UNTIL(a.n == 2);
    assert_true(a.status < 100);
    assert_non_null(strstr(a.body.data, "certificate"));
    o.no_verify = true;
    http_send(loop, &o, on_answer, &a);
    TURN_UNTIL(a.n == 3);
    assert_int_equal(a.status, 200);
    int fd = peer_of(&s); /* plain words to a TLS port */
    auto_buf got = {0};
    say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    TURN_UNTIL(heard(fd, &got, NULL));
    close(fd);
    assert_int_equal(s.n, 2);
    answers_fini(&a);
    unserve(&s);
}

static void tls_files_that_do_not_fit_say_which(void **state)
{
    struct err err;
    struct http_server *none = NULL;
    (void)state;
    struct http_server_options o = {.address = "127.0.0.1:0", .cert = "/nowhere.pem", .key = key_file};
    assert_int_equal(http_server_new(&none, loop, &o, on_call, NULL, &err), -EINVAL);
    assert_non_null(strstr(err.text, "cannot use the certificate '/nowhere.pem'"));
    o.cert = cert_file;
    o.key = cert_file;
    assert_int_equal(http_server_new(&none, loop, &o, on_call, NULL, &err), -EINVAL);
    assert_non_null(strstr(err.text, "cannot use the key"));
}

/* --- ends --------------------------------------------------------------------------------------------------------- */

static void a_loop_can_end_in_the_middle_of_everything(void **state)
{
    struct service s = {.hold = true};
    struct answers a = {0};
    struct err err;
    (void)state;
    struct loop *before = loop;
    loop = loop_new(&err);
    serve(&s, (struct http_server_options){0});
    post(&s, TEXT("x"), &a);
    TURN_UNTIL(s.n == 1);
    post(&s, TEXT("x"), &a);
    loop_free(loop);
    loop = before;
    buf_fini(&s.seen);
    answers_fini(&a);
    http_listeners_sweep();
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
        TEST(a_wait_without_end_ends_when_woken_from_another_thread),
        TEST(a_wake_before_the_wait_is_not_lost),
        TEST(a_wait_keeps_its_microseconds),
        TEST(timers_fire_in_order_and_cancelled_ones_do_not),
        TEST(watches_tell_what_they_were_asked_for),
        TEST(a_request_carries_method_path_query_headers_and_body),
        TEST(methods_without_a_body_arrive),
        TEST(a_thousand_requests_are_in_flight_at_once),
        TEST(old_and_unknown_numbers_are_ignored),
        TEST(big_bodies_come_back_whole),
        TEST(a_body_above_the_limit_gets_413),
        TEST(too_many_open_requests_get_503_and_a_time_to_come_back),
        TEST(a_cancelled_request_is_never_told),
        TEST(an_answer_may_cancel_another_request),
        TEST(silence_ends_with_a_reason_after_the_timeout),
        TEST(nobody_there_and_no_such_host_are_answers_without_status),
        TEST(header_names_have_no_case),
        TEST(basic_auth_is_sent),
        TEST(connections_are_used_again),
        TEST(chunked_bodies_are_put_together),
        TEST(bad_requests_get_400_or_the_door_and_harm_nobody),
        TEST(headers_above_the_limit_are_refused),
        TEST(a_slow_peer_delays_nobody),
        TEST(a_peer_that_leaves_harms_nobody),
        TEST(paths_tell_servers_apart),
        TEST(a_reload_keeps_port_connections_and_waiting_peers),
        TEST(lanes_share_an_address),
        TEST(addresses_that_cannot_be_listened_on_say_why),
        TEST(tls_is_spoken_and_strangers_are_not_believed),
        TEST(tls_files_that_do_not_fit_say_which),
        TEST(a_loop_can_end_in_the_middle_of_everything),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
