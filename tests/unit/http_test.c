/* SPDX-License-Identifier: Apache-2.0 */
/* http_test.c: the sinks `http` and `http_batch` against a server that answers what we want it to. */
#include "tests/unit/sink_host.h"

#include <setjmp.h>

#include <cmocka.h>

enum { PATIENCE_US = 20000000 };

static struct loop *loop;

struct receiver {
    struct http_server *server;
    char *url;
    int n;
    int (*judge)(struct receiver *r, const struct http_call *call, int seen);
    struct map keys;   /* Idempotency-Key -> how often it came */
    struct map bodies; /* body -> how often it was answered with 200 */
    const char *retry_after;
    char last[512], last_path[256], last_headers[512];
    int now, most;
};

static void on_call(void *self, const struct http_call *call)
{
    struct receiver *r = self;
    leat_text key = call->header(call, "idempotency-key"), wait = text_of(r->retry_after);
    intptr_t seen = (intptr_t)map_get(&r->keys, key);
    r->n++;
    *map_at(&r->keys, key) = (void *)(seen + 1);
    snprintf(r->last, sizeof r->last, TEXT_FMT, TEXT_ARG(call->body));
    snprintf(r->last_path, sizeof r->last_path, TEXT_FMT " " TEXT_FMT, TEXT_ARG(call->method), TEXT_ARG(call->path));
    leat_text type = call->header(call, "content-type"), user = call->header(call, "authorization"),
              x = call->header(call, "x-kind");
    snprintf(r->last_headers, sizeof r->last_headers, TEXT_FMT "|" TEXT_FMT "|" TEXT_FMT "|" TEXT_FMT, TEXT_ARG(type),
             TEXT_ARG(user), TEXT_ARG(x), TEXT_ARG(key));
    int status = r->judge ? r->judge(r, call, (int)seen) : 200;
    if (status < 300) {
        void **held = map_at(&r->bodies, call->body);
        *held = (void *)((intptr_t)*held + 1);
    }
    struct http_answer a = {
        .status = status, .body = TEXT("because\nof that"), .headers = &wait, .n_headers = wait.n ? 1 : 0};
    http_server_answer(r->server, call->number, &a);
}

static void receiver_open(struct receiver *r)
{
    struct err err;
    struct http_server_options o = {.address = "127.0.0.1:0"};
    if (http_server_new(&r->server, loop, &o, on_call, r, &err))
        fail_msg("%s", err.text);
    r->url = xasprintf("http://127.0.0.1:%u/in", http_server_port(r->server));
}

static void receiver_close(struct receiver *r)
{
    http_server_free(r->server);
    free(r->url);
    map_fini(&r->keys);
    map_fini(&r->bodies);
    http_listeners_sweep();
}

static void begin(struct sink_host *t)
{
    if (sink_host_create(t) != LEAT_OK || sink_host_start(t) != LEAT_OK)
        fail_msg("%s", t->failed);
}

static void run(struct sink_host *t, uint32_t n)
{
    if (!sink_host_run(t, n, PATIENCE_US))
        fail_msg("not done: %u done, %u rejected; %s %s", sink_host_done(t), sink_host_rejected(t), t->failed,
                 t->last_retry);
}

/* A map of one header, as the host hands it over. */
static void set_header(struct sink_host *t, const char *name, const char *text)
{
    static leat_value pair[2];
    sink_host_set(t, "headers", text);
    leat_value *v = sink_host_option(t, "headers");
    pair[0] = (leat_value){.type = LEAT_TEXT, .as.text = text_of(name)};
    pair[1] = *v;
    *v = (leat_value){.type = LEAT_LIST, .as.list = {pair, 2}};
}

static void each_record_is_a_request_with_its_key(void **state)
{
    struct receiver r = {0};
    (void)state;
    receiver_open(&r);
    struct sink_host *t = sink_host_new(loop, "http", "http");
    auto_free char *url = xasprintf("%s/{n} x", r.url);
    sink_host_set(t, "url", url);
    sink_host_set(t, "method", "PUT");
    sink_host_set(t, "auth.token", "s3cret");
    set_header(t, "X-Kind", "stock {n}");
    begin(t);
    run(t, 1);
    assert_string_equal(r.last, "{\"n\":0}");
    assert_string_equal(r.last_path, "PUT /in/0%20x");
    assert_string_equal(r.last_headers, "application/json|Bearer s3cret|stock 0|flow/src/0/0");
    sink_host_set(t, "auth.token", "n3w");
    assert_int_equal(t->p->reconfigure(&t->h, t->self), LEAT_OK);
    run(t, 500);
    assert_non_null(strstr(r.last_headers, "|Bearer n3w|"));
    assert_int_equal(r.keys.n, 500);
    assert_int_equal(r.bodies.n, 500);
    assert_int_equal(sink_host_done(t), 500);
    sink_host_free(t);
    receiver_close(&r);
}

static int busy_twice(struct receiver *r, const struct http_call *call, int seen)
{
    int n = (int)strtol(call->body.data + 5, NULL, 10);
    (void)r;
    return n % 4 == 3 ? 422 : seen >= 2 ? 201 : n == 2 && !seen ? 503 : n % 4 == 2 ? 502 : n % 4 == 1 ? 429 : 200;
}

static void refused_ones_are_rejected_and_others_come_again(void **state)
{
    struct receiver r = {.judge = busy_twice};
    (void)state;
    receiver_open(&r);
    r.retry_after = "X-Nothing: 1";
    struct sink_host *t = sink_host_new(loop, "http", "http");
    sink_host_set(t, "url", r.url);
    begin(t);
    int64_t start = clock_mono_us();
    run(t, 40); /* a 503 says Retry-After: 1 of itself */
    assert_true(clock_mono_us() - start >= 1000000);
    assert_int_equal(sink_host_done(t), 30);
    assert_int_equal(sink_host_rejected(t), 10);
    assert_int_equal(t->item_retries, 40);
    assert_string_equal(t->first_code, "refused");
    assert_non_null(strstr(t->first_reason, "/in answered 422: because"));
    assert_null(strchr(t->first_reason, '\n'));
    sink_host_free(t);
    receiver_close(&r);
}

static const char *with_line_end(struct sink_host *t, const char *path, uint32_t doc)
{
    (void)t;
    return doc == 1 && !strcmp(path, "{$id}") ? "x\r\nEvil: yes" : NULL;
}

static void a_key_with_a_line_end_is_rejected(void **state)
{
    struct receiver r = {0};
    (void)state;
    receiver_open(&r);
    struct sink_host *t = sink_host_new(loop, "http", "http");
    sink_host_set(t, "url", r.url);
    t->text = with_line_end;
    begin(t);
    run(t, 3);
    assert_int_equal(sink_host_done(t), 2);
    assert_int_equal(t->rejected[1], 1);
    sink_host_free(t);
    receiver_close(&r);
}

static int hold_count(struct receiver *r, const struct http_call *call, int seen)
{
    (void)call, (void)seen;
    return r->n == 1 ? 401 : 200;
}

static void a_wrong_password_loses_nothing(void **state)
{
    struct receiver r = {.judge = hold_count};
    (void)state;
    receiver_open(&r);
    struct sink_host *t = sink_host_new(loop, "http", "http");
    sink_host_set(t, "url", r.url);
    sink_host_set(t, "in_flight", "1");
    begin(t);
    run(t, 5);
    assert_int_equal(sink_host_done(t), 5);
    assert_int_equal(t->item_retries, 1);
    assert_non_null(strstr(t->last_retry, "answered 401: because; correct 'auth'"));
    sink_host_free(t);
    receiver_close(&r);
}

static void a_batch_is_lines_or_an_array(void **state)
{
    static const struct {
        const char *body, *sent, *type;
    } rows[] = {
        {"lines", "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n", "application/x-ndjson|||flow/src/0/0"},
        {"array", "[{\"n\":0},\n{\"n\":1},\n{\"n\":2}]", "application/json|||flow/src/0/0"},
    };
    (void)state;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct receiver r = {0};
        receiver_open(&r);
        struct sink_host *t = sink_host_new(loop, "http", "http_batch");
        sink_host_set(t, "url", r.url);
        sink_host_set(t, "body", rows[i].body);
        begin(t);
        run(t, 3);
        assert_int_equal(r.n, 1);
        assert_string_equal(r.last, rows[i].sent);
        assert_string_equal(r.last_headers, rows[i].type);
        sink_host_free(t);
        receiver_close(&r);
    }
}

static void a_batch_is_cut_where_the_address_changes(void **state)
{
    struct receiver r = {0};
    (void)state;
    receiver_open(&r);
    struct sink_host *t = sink_host_new(loop, "http", "http_batch");
    auto_free char *url = xasprintf("%s/{n}", r.url);
    sink_host_set(t, "url", url);
    begin(t);
    run(t, 50);
    assert_int_equal(r.n, 50);
    assert_int_equal(sink_host_done(t), 50);
    sink_host_free(t);
    receiver_close(&r);
}

static void nobody_there_and_bad_urls_say_why(void **state)
{
    (void)state;
    struct sink_host *t = sink_host_new(loop, "http", "http");
    sink_host_set(t, "url", "http://127.0.0.1:1/x");
    begin(t);
    sink_host_run(t, 3, 100000);
    assert_int_equal(sink_host_done(t), 0);
    assert_true(t->item_retries > 0);
    assert_non_null(strstr(t->last_retry, "no answer from http://127.0.0.1:1/x: "));
    sink_host_free(t);
    t = sink_host_new(loop, "http", "http");
    sink_host_set(t, "url", "shop/{n}");
    assert_int_equal(sink_host_create(t), LEAT_FATAL);
    assert_string_equal(t->failed, "url 'shop/' must begin with http:// or https:// and the name of the server");
    sink_host_free(t);
    t = sink_host_new(loop, "http", "http");
    sink_host_set(t, "url", "http://a/");
    sink_host_set(t, "auth.user", "ann");
    sink_host_set(t, "auth.token", "x");
    assert_int_equal(sink_host_create(t), LEAT_FATAL);
    assert_string_equal(t->failed, "auth has both a user and a token; give one of them");
    sink_host_free(t);
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
        TEST(each_record_is_a_request_with_its_key), TEST(refused_ones_are_rejected_and_others_come_again),
        TEST(a_key_with_a_line_end_is_rejected),     TEST(a_wrong_password_loses_nothing),
        TEST(a_batch_is_lines_or_an_array),          TEST(a_batch_is_cut_where_the_address_changes),
        TEST(nobody_there_and_bad_urls_say_why),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
