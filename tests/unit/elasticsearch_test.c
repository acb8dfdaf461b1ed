/* SPDX-License-Identifier: Apache-2.0 */
/* elasticsearch_test.c: the sink against clusters that answer what we want them to; the real one is asked by
 * tests/long. */
#include "tests/unit/sink_host.h"

#include <setjmp.h>
#include <zlib.h>

#include <cmocka.h>

enum { PATIENCE_US = 20000000 };

static struct loop *loop;

/* --- a cluster of our own ------------------------------------------------------------------------------------------
 */

struct cluster {
    struct http_server *server;
    char *url;
    int n; /* requests */
    /* Status and, for items, their JSON; NULL: 201 for each. */
    int (*whole)(struct cluster *c, const struct http_call *call, struct buf *ret_body);
    void (*item)(struct cluster *c, leat_text action, leat_text record, int seen, struct buf *ret);
    struct map seen;  /* action line -> how often it came */
    struct buf lines; /* of the last request */
    int items;        /* of the last request */
    char last_path[64], last_query[512], last_authorization[128], last_encoding[32];
    const char *retry_after;
};

static leat_text take_line(leat_text *rest)
{
    const char *end = memchr(rest->data, '\n', rest->n);
    assert_non_null(end); /* every line of a bulk request has its end */
    leat_text line = {rest->data, (size_t)(end - rest->data)};
    rest->n -= line.n + 1;
    rest->data = end + 1;
    return line;
}

static void default_item(struct cluster *c, leat_text action, leat_text record, int seen, struct buf *ret)
{
    (void)c, (void)action, (void)record, (void)seen;
    buf_str(ret, "{\"index\":{\"status\":201}}");
}

static void answer_items(struct cluster *c, leat_text body, struct buf *ret)
{
    buf_str(ret, "{\"items\":[");
    for (c->items = 0; body.n; c->items++) {
        leat_text action = take_line(&body), record = {0};
        if (memcmp(action.data, "{\"delete\"", 9))
            record = take_line(&body);
        intptr_t seen = (intptr_t)map_get(&c->seen, action);
        *map_at(&c->seen, action) = (void *)(seen + 1);
        buf_str(ret, c->items ? "," : "");
        (c->item ? c->item : default_item)(c, action, record, (int)seen, ret);
    }
    buf_str(ret, "]}");
}

static void unzip(leat_text packed, struct buf *ret)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.data, .avail_in = (uInt)packed.n};
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    z.next_out = (Bytef *)buf_room(ret, 1 << 20);
    z.avail_out = 1 << 20;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    ret->n += (1 << 20) - z.avail_out;
    inflateEnd(&z);
}

static void keep(char *ret, size_t room, leat_text t)
{
    snprintf(ret, room, TEXT_FMT, TEXT_ARG(t));
}

static void on_call(void *self, const struct http_call *call)
{
    struct cluster *c = self;
    auto_buf body = {0}, plain = {0};
    leat_text header = text_of(c->retry_after);
    c->n++;
    keep(c->last_path, sizeof c->last_path, call->path);
    keep(c->last_query, sizeof c->last_query, call->query);
    keep(c->last_authorization, sizeof c->last_authorization, call->header(call, "authorization"));
    keep(c->last_encoding, sizeof c->last_encoding, call->header(call, "content-encoding"));
    if (text_is(call->header(call, "content-encoding"), "gzip"))
        unzip(call->body, &plain);
    else
        buf_text(&plain, call->body);
    c->lines.n = 0;
    buf_text(&c->lines, buf_view(&plain));
    buf_char(&c->lines, 0);
    int status = c->whole ? c->whole(c, call, &body) : 200;
    if (status == 200 && !body.n && text_is(call->path, "/_bulk"))
        answer_items(c, buf_view(&plain), &body);
    struct http_answer a = {.status = status,
                            .content_type = "application/json",
                            .body = buf_view(&body),
                            .headers = &header,
                            .n_headers = header.n ? 1 : 0};
    http_server_answer(c->server, call->number, &a);
}

static void cluster_open(struct cluster *c, const char *address)
{
    struct err err;
    struct http_server_options o = {.address = address, .max_body = 64 << 20};
    if (http_server_new(&c->server, loop, &o, on_call, c, &err))
        fail_msg("%s", err.text);
    free(c->url);
    c->url = xasprintf("http://127.0.0.1:%u", http_server_port(c->server));
}

static void cluster_close(struct cluster *c)
{
    http_server_free(c->server);
    free(c->url);
    map_fini(&c->seen);
    buf_fini(&c->lines);
    http_listeners_sweep();
}

static struct sink_host *sink(const char *url, const char *index)
{
    struct sink_host *t = sink_host_new(loop, "elasticsearch", "elasticsearch");
    sink_host_set(t, "url", url);
    sink_host_set(t, "index", index);
    return t;
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

/* --- bodies ---------------------------------------------------------------------------------------------------------
 */

static void a_batch_is_one_request_of_actions_and_records(void **state)
{
    struct cluster c = {0};
    (void)state;
    cluster_open(&c, "127.0.0.1:0");
    struct sink_host *t = sink(c.url, "stock-{n}");
    begin(t);
    run(t, 2);
    assert_string_equal(c.lines.data, "{\"index\":{\"_index\":\"stock-0\",\"_id\":\"flow/src/0/0\"}}\n{\"n\":0}\n"
                                      "{\"index\":{\"_index\":\"stock-1\",\"_id\":\"flow/src/0/1\"}}\n{\"n\":1}\n");
    assert_string_equal(c.last_path, "/_bulk");
    assert_non_null(strstr(c.last_query, "timeout=30000ms"));
    assert_non_null(strstr(c.last_query, "filter_path="));
    assert_int_equal(sink_host_done(t), 2);
    assert_int_equal(c.n, 1);
    sink_host_free(t);
    cluster_close(&c);
}

static const char *odd_record(struct sink_host *t, const char *path, uint32_t doc)
{
    (void)t, (void)doc;
    return strcmp(path, ".") ? NULL : "{\"a\":\n[1,\r\n2],\"b\":\"x\\ny\"\n}";
}

static void a_record_of_several_lines_becomes_one(void **state)
{
    struct cluster c = {0};
    (void)state;
    cluster_open(&c, "127.0.0.1:0");
    struct sink_host *t = sink(c.url, "i");
    t->text = odd_record;
    begin(t);
    run(t, 1);
    assert_non_null(strstr(c.lines.data, "}}\n{\"a\": [1,\r 2],\"b\":\"x\\ny\" }\n"));
    sink_host_free(t);
    cluster_close(&c);
}

static void operations_have_their_own_lines(void **state)
{
    static const struct {
        const char *op, *version, *lines;
    } rows[] = {
        {"create", NULL, "{\"create\":{\"_index\":\"i\",\"_id\":\"0\"}}\n{\"n\":0}\n"},
        {"update", NULL,
         "{\"update\":{\"_index\":\"i\",\"_id\":\"0\",\"retry_on_conflict\":3}}\n{\"doc\":{\"n\":0},\"doc_as_upsert\":"
         "true}\n"},
        {"delete", NULL, "{\"delete\":{\"_index\":\"i\",\"_id\":\"0\"}}\n"},
        {"index", "7",
         "{\"index\":{\"_index\":\"i\",\"_id\":\"0\",\"version\":7,\"version_type\":\"external_gte\"}}\n{\"n\":0}\n"},
        {"delete", "7",
         "{\"delete\":{\"_index\":\"i\",\"_id\":\"0\",\"version\":7,\"version_type\":\"external_gte\"}}\n"},
        {"create", "7", "{\"create\":{\"_index\":\"i\",\"_id\":\"0\"}}\n{\"n\":0}\n"},
    };
    (void)state;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct cluster c = {0};
        cluster_open(&c, "127.0.0.1:0");
        struct sink_host *t = sink(c.url, "i");
        sink_host_set(t, "id", "{n}");
        sink_host_set(t, "op", rows[i].op);
        if (rows[i].version)
            sink_host_set(t, "version", rows[i].version);
        begin(t);
        run(t, 1);
        assert_string_equal(c.lines.data, rows[i].lines);
        sink_host_free(t);
        cluster_close(&c);
    }
}

static const char *bad_second(struct sink_host *t, const char *path, uint32_t doc)
{
    static char long_id[600];
    memset(long_id, 'x', sizeof long_id - 1);
    (void)t;
    if (doc == 1 && !strcmp(path, "{$id}"))
        return "";
    if (doc == 2 && !strcmp(path, "{$id}"))
        return long_id;
    if (doc == 3 && !strcmp(path, "index"))
        return "upsert";
    return NULL;
}

static void what_would_spoil_the_whole_request_is_rejected_alone(void **state)
{
    struct cluster c = {0};
    (void)state;
    cluster_open(&c, "127.0.0.1:0");
    struct sink_host *t = sink(c.url, "i");
    t->text = bad_second;
    begin(t);
    run(t, 5);
    assert_int_equal(sink_host_rejected(t), 3);
    assert_int_equal(sink_host_done(t), 2);
    assert_int_equal(c.items, 2);
    assert_string_equal(t->first_reason, "the id is empty");
    sink_host_free(t);
    cluster_close(&c);
}

static void gzip_key_and_pipeline_are_sent(void **state)
{
    struct cluster c = {0};
    (void)state;
    cluster_open(&c, "127.0.0.1:0");
    struct sink_host *t = sink(c.url, "i");
    sink_host_set(t, "gzip", "true");
    sink_host_set(t, "auth.api_key", "abc==");
    sink_host_set(t, "pipeline", "geo ip");
    sink_host_set(t, "timeout", "10s");
    begin(t);
    run(t, 300);
    assert_string_equal(c.last_encoding, "gzip");
    assert_string_equal(c.last_authorization, "ApiKey abc==");
    assert_non_null(strstr(c.last_query, "timeout=5000ms"));
    assert_non_null(strstr(c.last_query, "pipeline=geo%20ip"));
    assert_int_equal(sink_host_done(t), 300);
    assert_int_equal(c.seen.n, 300);
    sink_host_free(t);
    cluster_close(&c);
}

static void options_that_cannot_be_meant_say_why(void **state)
{
    static const struct {
        const char *url, *why;
    } rows[] = {
        {"localhost:9200", "url 'localhost:9200' must begin with http:// or https://"},
        {"http://ann:pw@localhost:9200",
         "a user does not belong into 'url', where it would be logged; give auth: {user, password}"},
        {"http://a:1,ftp://b", "url 'ftp://b' must begin with http:// or https://"},
    };
    (void)state;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct sink_host *t = sink(rows[i].url, "i");
        assert_int_equal(sink_host_create(t), LEAT_FATAL);
        assert_string_equal(t->failed, rows[i].why);
        sink_host_free(t);
    }
    struct sink_host *t = sink("http://a", "Stock-{n}");
    assert_int_equal(sink_host_create(t), LEAT_FATAL);
    assert_non_null(strstr(t->failed, "index 'Stock-...': the cluster takes no 'S' there; names are lower case"));
    sink_host_free(t);
    t = sink("http://a", "i");
    sink_host_set(t, "auth.user", "ann");
    sink_host_set(t, "auth.api_key", "x");
    assert_int_equal(sink_host_create(t), LEAT_FATAL);
    assert_string_equal(t->failed, "auth has both a user and an api_key; give one of them");
    sink_host_free(t);
}

/* --- items ----------------------------------------------------------------------------------------------------------
 */

/* Of {"n":12}. */
static int number_in(leat_text record)
{
    return (int)strtol(record.data + 5, NULL, 10);
}

/* A third is taken, a third has no room twice, a third does not fit the mapping. */
static void mixed_item(struct cluster *c, leat_text action, leat_text record, int seen, struct buf *ret)
{
    (void)c, (void)action;
    int n = number_in(record);
    if (n % 3 == 2)
        buf_str(ret, "{\"index\":{\"status\":400,\"error\":{\"type\":\"mapper_parsing_exception\",\"reason\":\"failed "
                     "to parse field [qty]\","
                     "\"caused_by\":{\"type\":\"x\",\"reason\":\"For input string: \\\"abc\\\"\"}}}}");
    else if (n % 3 == 1 && seen < 2)
        buf_str(
            ret,
            "{\"index\":{\"status\":429,\"error\":{\"type\":\"rejected_execution_exception\",\"reason\":\"full\"}}}");
    else
        buf_str(ret, "{\"index\":{\"status\":201}}");
}

static void each_item_is_answered_by_itself(void **state)
{
    struct cluster c = {.item = mixed_item};
    (void)state;
    cluster_open(&c, "127.0.0.1:0");
    struct sink_host *t = sink(c.url, "i");
    begin(t);
    run(t, 3000);
    assert_int_equal(sink_host_done(t), 2000);
    assert_int_equal(sink_host_rejected(t), 1000);
    assert_int_equal(t->item_retries, 2000);
    assert_int_equal(t->whole_retries, 0);
    assert_true(t->most <= 4);
    assert_string_equal(t->first_code, "mapping");
    assert_string_equal(t->first_reason, "the mapping of the index refuses the record: failed to parse field [qty]: "
                                         "For input string: \"abc\" (mapper_parsing_exception, status 400)");
    sink_host_free(t);
    cluster_close(&c);
}

static int full_unless_alone(struct cluster *c, const struct http_call *call, struct buf *ret)
{
    (void)call;
    if (c->n > 30)
        return 200;
    buf_str(ret, "{\"error\":{\"type\":\"rejected_execution_exception\",\"reason\":\"rejected execution of X@4d20 on Y\"}}");
    return 429;
}

static void a_full_queue_is_asked_for_less_at_once(void **state)
{
    struct cluster c = {.whole = full_unless_alone};
    (void)state;
    cluster_open(&c, "127.0.0.1:0");
    struct sink_host *t = sink(c.url, "i");
    sink_host_set(t, "in_flight", "16");
    t->batch = 1;
    begin(t);
    sink_host_run(t, 2000, 0);
    while (c.n < 25)
        sink_host_turn(t);
    assert_int_equal(t->most, 16);
    assert_int_equal(t->under_way, 1);
    assert_non_null(strstr(t->failed, "(status 429): rejected_execution_exception: its queue is full"));
    run(t, 2000);
    assert_int_equal(sink_host_done(t), 2000);
    sink_host_free(t);
    cluster_close(&c);
}

static const char *one_answer;
static void fixed_item(struct cluster *c, leat_text action, leat_text record, int seen, struct buf *ret)
{
    (void)c, (void)action, (void)record;
    buf_str(ret, seen ? "{\"x\":{\"status\":200}}" : one_answer);
}

static void statuses_mean_what_the_operation_says(void **state)
{
    static const struct {
        const char *op, *version, *answer;
        int done, rejected, retried;
        const char *code;
    } rows[] = {
        {"create", NULL,
         "{\"create\":{\"status\":409,\"error\":{\"type\":\"version_conflict_engine_exception\",\"reason\":\"r\"}}}", 1,
         0, 0, ""},
        {"index", "5",
         "{\"index\":{\"status\":409,\"error\":{\"type\":\"version_conflict_engine_exception\",\"reason\":\"r\"}}}", 1,
         0, 0, ""},
        {"index", NULL,
         "{\"index\":{\"status\":409,\"error\":{\"type\":\"version_conflict_engine_exception\",\"reason\":\"r\"}}}", 0,
         1, 0, "refused"},
        {"update", NULL,
         "{\"update\":{\"status\":409,\"error\":{\"type\":\"version_conflict_engine_exception\",\"reason\":\"r\"}}}", 1,
         0, 1, ""},
        {"delete", NULL, "{\"delete\":{\"status\":404}}", 1, 0, 0, ""},
        {"index", NULL,
         "{\"index\":{\"status\":404,\"error\":{\"type\":\"index_not_found_exception\",\"reason\":\"r\"}}}", 0, 1, 0,
         "no_index"},
        {"index", NULL,
         "{\"index\":{\"status\":503,\"error\":{\"type\":\"unavailable_shards_exception\",\"reason\":\"r\"}}}", 1, 0, 1,
         ""},
        {"index", NULL,
         "{\"index\":{\"status\":403,\"error\":{\"type\":\"cluster_block_exception\",\"reason\":\"index [i] "
         "blocked\"}}}",
         1, 0, 1, ""},
        {"index", NULL,
         "{\"index\":{\"status\":400,\"error\":{\"type\":\"strict_dynamic_mapping_exception\",\"reason\":\"r\"}}}", 0,
         1, 0, "mapping"},
        {"index", NULL, "{\"index\":{\"status\":400,\"error\":\"just a sentence\"}}", 0, 1, 0, "refused"},
        {"index", NULL,
         " { \"index\" : { \"error\" : { \"x\" : [ { } , \"]}\" ] , \"reason\":\"r\", \"type\" : \"t\" } , \"status\" "
         ": 400 } } ",
         0, 1, 0, "refused"},
        {"index", NULL,
         "{\"index\":{\"_id\":\"a\\\"b\",\"_shards\":{\"total\":2,\"failed\":0},\"took\":1.5e3,\"ok\":true,\"no\":null,"
         "\"status\":201}}",
         1, 0, 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct cluster c = {.item = fixed_item};
        one_answer = rows[i].answer;
        cluster_open(&c, "127.0.0.1:0");
        struct sink_host *t = sink(c.url, "i");
        sink_host_set(t, "op", rows[i].op);
        if (rows[i].version)
            sink_host_set(t, "version", rows[i].version);
        begin(t);
        run(t, 1);
        assert_int_equal(sink_host_done(t), rows[i].done);
        assert_int_equal(sink_host_rejected(t), rows[i].rejected);
        assert_int_equal(t->item_retries, rows[i].retried);
        assert_string_equal(t->first_code, rows[i].code);
        sink_host_free(t);
        cluster_close(&c);
    }
}

static void a_read_only_index_says_so(void **state)
{
    struct cluster c = {.item = fixed_item};
    (void)state;
    one_answer =
        "{\"index\":{\"status\":403,\"error\":{\"type\":\"cluster_block_exception\",\"reason\":\"index [i] blocked by: "
        "[FORBIDDEN/8/index write (api)];\"}}}";
    cluster_open(&c, "127.0.0.1:0");
    struct sink_host *t = sink(c.url, "i");
    begin(t);
    run(t, 1);
    assert_string_equal(t->last_retry, "the index is read-only: index [i] blocked by: [FORBIDDEN/8/index write (api)]; "
                                       "(cluster_block_exception, status 403); lift its block and it goes on");
    sink_host_free(t);
    cluster_close(&c);
}

static const char *broken_body;
static int break_first(struct cluster *c, const struct http_call *call, struct buf *ret)
{
    (void)call;
    if (c->n == 1)
        buf_str(ret, broken_body);
    return 200;
}

static void answers_that_are_not_whole_are_asked_for_again(void **state)
{
    static const char *const bodies[] = {
        "hello",
        "{",
        "{}",
        "[]",
        "{\"items\":[]}",
        "{\"items\":[{\"index\":{\"status\":201}}]}",
        "{\"items\":{\"a\":1}}",
        "{\"items\":[{\"index\":{\"status\":201}},{\"index\":{\"status\":201}},{\"index\":{\"status\":201}}]}",
        "{\"items\":[{\"index\":{\"status\":201}},{\"index\":{\"stat",
        "{\"items\":[{\"index\":{\"status\":201}},{\"index\":{}}]}",
        "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "\"items\"",
        "{\"items\":[{\"index\":{\"status\":\"x",
    };
    (void)state;
    for (size_t i = 0; i < N_OF(bodies); i++) {
        struct cluster c = {.whole = break_first};
        broken_body = bodies[i];
        cluster_open(&c, "127.0.0.1:0");
        struct sink_host *t = sink(c.url, "i");
        begin(t);
        run(t, 2);
        assert_int_equal(t->whole_retries, 1);
        assert_int_equal(sink_host_done(t), 2);
        sink_host_free(t);
        cluster_close(&c);
    }
}

/* --- whole requests -------------------------------------------------------------------------------------------------
 */

static int too_large(struct cluster *c, const struct http_call *call, struct buf *ret)
{
    (void)c, (void)ret;
    return call->body.n > 900 ? 413 : 200;
}

static const char *large_77(struct sink_host *t, const char *path, uint32_t doc)
{
    if (doc != 77 || strcmp(path, "."))
        return NULL;
    return arena_printf(&t->batch_arena, "{\"n\":%01000d}", 77);
}

static void too_large_requests_are_split_and_only_the_culprit_is_rejected(void **state)
{
    struct cluster c = {.whole = too_large};
    (void)state;
    cluster_open(&c, "127.0.0.1:0");
    struct sink_host *t = sink(c.url, "i");
    t->text = large_77;
    begin(t);
    run(t, 300);
    assert_int_equal(sink_host_done(t), 299);
    assert_int_equal(sink_host_rejected(t), 1);
    assert_int_equal(t->rejected[77], 1);
    assert_int_equal(t->whole_retries, 0);
    assert_string_equal(t->first_code, "too_large");
    sink_host_free(t);
    cluster_close(&c);
}

static int busy_then_fine(struct cluster *c, const struct http_call *call, struct buf *ret)
{
    (void)call;
    if (c->n % 3 != 1)
        return 200;
    buf_str(ret, "{\"error\":{\"type\":\"circuit_breaking_exception\",\"reason\":\"Data too large\"},\"status\":429}");
    return 429;
}

static void a_busy_cluster_gets_everything_later(void **state)
{
    struct cluster c = {.whole = busy_then_fine};
    (void)state;
    cluster_open(&c, "127.0.0.1:0");
    struct sink_host *t = sink(c.url, "i");
    begin(t);
    run(t, 2000);
    assert_int_equal(sink_host_done(t), 2000);
    assert_true(t->whole_retries > 3);
    assert_non_null(strstr(t->failed, "is busy or not whole (status 429): circuit_breaking_exception: Data too large"));
    sink_host_free(t);
    cluster_close(&c);
}

static int first_503(struct cluster *c, const struct http_call *call, struct buf *ret)
{
    (void)call, (void)ret;
    c->retry_after = c->n == 1 ? "Retry-After: 1" : NULL;
    return c->n == 1 ? 503 : 200;
}

static void retry_after_is_kept(void **state)
{
    struct cluster c = {.whole = first_503};
    (void)state;
    cluster_open(&c, "127.0.0.1:0");
    struct sink_host *t = sink(c.url, "i");
    sink_host_set(t, "in_flight", "1");
    begin(t);
    int64_t start = clock_mono_us();
    run(t, 100);
    assert_true(clock_mono_us() - start >= 1000000);
    assert_int_equal(c.n, 2);
    sink_host_free(t);
    cluster_close(&c);
}

static int status_once;
static int once(struct cluster *c, const struct http_call *call, struct buf *ret)
{
    (void)call;
    if (c->n > 1)
        return 200;
    buf_str(ret, "{\"error\":{\"type\":\"t\",\"reason\":\"because\"},\"status\":1}");
    return status_once;
}

static void other_answers_have_their_meaning(void **state)
{
    static const struct {
        int status;
        int retried, rejected;
        bool fatal;
        const char *why;
    } rows[] = {
        {401, 1, 0, false, "refuses the user or API key (status 401): t: because; correct 'auth'"},
        {403, 1, 0, false, "refuses the user or API key (status 403): t: because; correct 'auth'"},
        {500, 1, 0, false, "is busy or not whole (status 500): t: because"},
        {400, 0, 1, false, "refuses the bulk request (status 400): t: because"},
        {404, 0, 0, true, "has no bulk API (status 404): t: because; correct 'url'"},
        {301, 0, 0, true, "has no bulk API (status 301): t: because; correct 'url'"},
    };
    (void)state;
    for (size_t i = 0; i < N_OF(rows); i++) {
        struct cluster c = {.whole = once};
        status_once = rows[i].status;
        cluster_open(&c, "127.0.0.1:0");
        struct sink_host *t = sink(c.url, "i");
        begin(t);
        sink_host_run(t, 10, PATIENCE_US);
        assert_int_equal(t->whole_retries, rows[i].retried);
        assert_int_equal(t->whole_rejects, rows[i].rejected);
        assert_int_equal(t->broken, rows[i].fatal);
        assert_non_null(strstr(t->failed, rows[i].why));
        assert_int_equal(sink_host_done(t), rows[i].fatal ? 0 : 10);
        sink_host_free(t);
        cluster_close(&c);
    }
}

/* --- nodes ----------------------------------------------------------------------------------------------------------
 */

static void nodes_take_turns_and_dead_ones_are_left_out(void **state)
{
    struct cluster a = {0}, b = {0};
    (void)state;
    cluster_open(&a, "127.0.0.1:0");
    cluster_open(&b, "localhost:0");
    auto_free char *urls = xasprintf("%s,%s/,http://127.0.0.1:1", a.url, b.url);
    struct sink_host *t = sink(urls, "i");
    begin(t);
    run(t, 3000);
    assert_int_equal(sink_host_done(t), 3000);
    assert_int_equal(a.n + b.n, 30);
    assert_true(a.n >= 10 && b.n >= 10);
    assert_int_equal(t->whole_retries, 0);
    assert_string_equal(t->logged, "http://127.0.0.1:1 does not answer; it is left out until it does\n");
    sink_host_free(t);
    cluster_close(&b);
    cluster_close(&a);
}

static void a_node_that_answers_again_is_used_again(void **state)
{
    struct cluster a = {0}, b = {0};
    (void)state;
    cluster_open(&a, "127.0.0.1:0");
    cluster_open(&b, "localhost:0");
    auto_free char *b_address = xasprintf("127.0.0.1:%u", http_server_port(b.server));
    auto_free char *urls = xasprintf("%s,%s", a.url, b.url);
    struct sink_host *t = sink(urls, "i");
    begin(t);
    http_server_free(b.server);
    http_listeners_sweep();
    run(t, 1000);
    assert_int_equal(a.n, 10);
    cluster_open(&b, b_address);
    int64_t end = clock_mono_us() + PATIENCE_US;
    while (!strstr(t->logged, "answers again") && clock_mono_us() < end)
        sink_host_turn(t);
    run(t, 2000);
    assert_int_equal(sink_host_done(t), 2000);
    assert_true(b.n > 1);
    sink_host_free(t);
    cluster_close(&b);
    cluster_close(&a);
}

static void nobody_there_is_a_retry_that_names_the_address(void **state)
{
    (void)state;
    struct sink_host *t = sink("http://127.0.0.1:1", "i");
    begin(t);
    sink_host_run(t, 10, 100000);
    assert_int_equal(sink_host_done(t), 0);
    assert_true(t->whole_retries > 0);
    assert_non_null(strstr(t->failed, "no answer from http://127.0.0.1:1/_bulk: "));
    sink_host_free(t);
}

/* --- index template -------------------------------------------------------------------------------------------------
 */

static int with_template(struct cluster *c, const struct http_call *call, struct buf *ret)
{
    if (!text_is(call->path, "/_index_template/stock"))
        return 200;
    buf_str(ret, text_is(call->method, "HEAD") ? "" : "{\"acknowledged\":true}");
    *map_at(&c->seen, call->method) = (void *)1;
    return text_is(call->method, "HEAD") ? status_once : 200;
}

static void write_template(char ret_path[256])
{
    const char *tmp = getenv("LEAT_TMP");
    struct err err;
    snprintf(ret_path, 256, "%s/stock.json", tmp ? tmp : "/tmp");
    assert_int_equal(replace_file(ret_path, TEXT("{\"index_patterns\":[\"stock-*\"]}"), &err), 0);
}

static void an_index_template_is_made_when_there_is_none(void **state)
{
    (void)state;
    for (int there = 0; there < 2; there++) {
        struct cluster c = {.whole = with_template};
        char path[256];
        write_template(path);
        status_once = there ? 200 : 404;
        cluster_open(&c, "127.0.0.1:0");
        struct sink_host *t = sink(c.url, "stock-a");
        sink_host_set(t, "template", path);
        begin(t);
        run(t, 10);
        assert_int_equal(sink_host_done(t), 10);
        assert_int_equal(map_get(&c.seen, TEXT("PUT")) != NULL, !there);
        sink_host_free(t);
        cluster_close(&c);
    }
}

static int bad_template(struct cluster *c, const struct http_call *call, struct buf *ret)
{
    (void)c;
    if (text_is(call->method, "HEAD"))
        return 404;
    buf_str(
        ret,
        "{\"error\":{\"type\":\"x_content_parse_exception\",\"reason\":\"unknown field [paterns]\"},\"status\":400}");
    return 400;
}

static void a_template_that_is_refused_or_missing_says_why(void **state)
{
    struct cluster c = {.whole = bad_template};
    char path[256];
    (void)state;
    write_template(path);
    cluster_open(&c, "127.0.0.1:0");
    struct sink_host *t = sink(c.url, "stock-a");
    sink_host_set(t, "template", path);
    begin(t);
    sink_host_run(t, 10, PATIENCE_US);
    assert_true(t->broken);
    assert_string_equal(t->failed,
                        "the cluster refuses the index template 'stock': x_content_parse_exception: unknown field "
                        "[paterns]; correct the file");
    sink_host_free(t);
    t = sink(c.url, "stock-a");
    sink_host_set(t, "template", "/nowhere/x.json");
    assert_int_equal(sink_host_create(t), LEAT_OK);
    assert_int_equal(sink_host_start(t), LEAT_FATAL);
    assert_string_equal(t->failed, "cannot read the index template '/nowhere/x.json': No such file or directory");
    sink_host_free(t);
    cluster_close(&c);
}

static void an_instance_can_stop_in_the_middle_and_start_again(void **state)
{
    struct cluster c = {0};
    (void)state;
    cluster_open(&c, "127.0.0.1:0");
    struct sink_host *t = sink(c.url, "i");
    begin(t);
    sink_host_run(t, 1000, 0);
    sink_host_turn(t);
    t->p->stop(&t->h, t->self); /* what is under way comes too late */
    for (int i = 0; i < 5; i++)
        loop_turn(loop, 10000);
    assert_int_equal(t->p->start(&t->h, t->self), LEAT_OK);
    sink_host_free(t);
    cluster_close(&c);
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
        TEST(a_batch_is_one_request_of_actions_and_records),
        TEST(a_record_of_several_lines_becomes_one),
        TEST(operations_have_their_own_lines),
        TEST(what_would_spoil_the_whole_request_is_rejected_alone),
        TEST(gzip_key_and_pipeline_are_sent),
        TEST(options_that_cannot_be_meant_say_why),
        TEST(each_item_is_answered_by_itself),
        TEST(a_full_queue_is_asked_for_less_at_once),
        TEST(statuses_mean_what_the_operation_says),
        TEST(a_read_only_index_says_so),
        TEST(answers_that_are_not_whole_are_asked_for_again),
        TEST(too_large_requests_are_split_and_only_the_culprit_is_rejected),
        TEST(a_busy_cluster_gets_everything_later),
        TEST(retry_after_is_kept),
        TEST(other_answers_have_their_meaning),
        TEST(nodes_take_turns_and_dead_ones_are_left_out),
        TEST(a_node_that_answers_again_is_used_again),
        TEST(nobody_there_is_a_retry_that_names_the_address),
        TEST(an_index_template_is_made_when_there_is_none),
        TEST(a_template_that_is_refused_or_missing_says_why),
        TEST(an_instance_can_stop_in_the_middle_and_start_again),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
