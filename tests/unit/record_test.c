/* SPDX-License-Identifier: Apache-2.0 */
/* record_test.c: batches, columns, splicing and codecs of core/record. */
#include "core/record/record_internal.h"

#include <setjmp.h>

#include <cmocka.h>

/* A decoder of one stream that was given all of `text`. */
struct fixture {
    struct pool *pool;
    struct paths *paths;
    struct origin *origin;
    struct codec codec;
    struct decoder *decoder;
};

static void feed(struct fixture *f, const char *text)
{
    size_t n = strlen(text);
    memcpy(decoder_space(f->decoder, n), text, n);
    decoder_fill(f->decoder, n);
}

static void begin(struct fixture *f, enum codec_kind kind)
{
    f->pool = pool_new();
    f->paths = paths_new();
    f->origin = origin_new(TEXT("f/s/p/"), TEXT("p"), TEXT("in.json"), 0);
    codec_default(&f->codec, kind);
}

static void start(struct fixture *f)
{
    f->decoder = decoder_new(&f->codec, f->paths, f->pool, f->origin);
}

static void finish(struct fixture *f)
{
    decoder_free(f->decoder);
    origin_unref(f->origin);
    pool_free(f->pool);
    paths_free(f->paths);
}

static uint32_t path(struct fixture *f, const char *text)
{
    uint32_t p = paths_add(f->paths, text_of(text));
    assert_int_not_equal(p, PATH_NONE);
    return p;
}

static struct batch *decode(struct fixture *f, const char *text)
{
    start(f);
    feed(f, text);
    decoder_end(f->decoder);
    return decoder_next(f->decoder, LEAT_ROWS_MAX);
}

static const char *text_at(const leat_column *c, uint32_t row)
{
    static char some[4][4096];
    static unsigned turn;
    char *to = some[turn++ % 4];
    leat_text t = ((const leat_text *)c->data)[row];
    assert_true(t.n < sizeof some[0]);
    memcpy(to, t.data ? t.data : "", t.n);
    to[t.n] = 0;
    return leat_has(c, row) ? to : NULL;
}

static const char *whole(struct batch *b, uint32_t row)
{
    return text_at(batch_read(b, PATH_WHOLE, LEAT_JSON).column, row);
}

static void paths_are_spelt_one_way(void **state)
{
    static const char *const same[][2] = {{"\"qty\"", "qty"},
                                          {"a . b", NULL},
                                          {"lines[0].sku", "lines[0].sku"},
                                          {"\"a.b\".c", "\"a.b\".c"},
                                          {"\"x\"\"y\"", "\"x\"\"y\""},
                                          {"a..b", NULL},
                                          {"[0]", NULL},
                                          {"a[].b[]", NULL},
                                          {"lines[].qty", "lines[].qty"},
                                          {"$headers['x']", "$headers['x']"},
                                          {"$nope", NULL},
                                          {"\"$id\"", "\"$id\""},
                                          {"Order Id", "Order Id"},
                                          {"", NULL},
                                          {"a[-1]", NULL}};
    struct paths *p = paths_new();
    (void)state;
    for (size_t i = 0; i < N_OF(same); i++) {
        uint32_t number = paths_add(p, text_of(same[i][0]));
        if (!same[i][1]) {
            assert_int_equal(number, PATH_NONE);
            continue;
        }
        assert_true(text_is(paths_text(p, number), same[i][1]));
        assert_int_equal(paths_find(p, text_of(same[i][0])), number);
    }
    uint32_t nested = paths_add(p, TEXT("supplier.country"));
    assert_true(text_is(paths_text(p, paths_top(p, nested)), "supplier"));
    assert_int_equal(paths_find(p, TEXT("$id")), PATH_ID);
    paths_free(p);
}

static void json_columns_have_their_natural_types(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, CODEC_JSON);
    uint32_t qty = path(&f, "qty"), cost = path(&f, "cost"), name = path(&f, "s.name"), mix = path(&f, "mix");
    uint32_t skus = path(&f, "lines[].sku"), second = path(&f, "lines[1].sku"), none = path(&f, "none");
    struct batch *b = decode(
        &f,
        "{\"qty\":5,\"cost\":1.50,\"s\":{\"name\":\"a\\nb\"},\"mix\":1,\"lines\":[{\"sku\":\"x\"},{\"sku\":\"y\"}]}\r\n"
        "\n{\"qty\":-7,\"cost\":2,\"s\":{\"name\":\"\\u00e9\"},\"mix\":\"t\",\"lines\":[]}");
    assert_non_null(b);
    assert_int_equal(b->view.n, 2);
    const leat_column *c = batch_read(b, qty, LEAT_NULL).column;
    assert_int_equal(c->type, LEAT_I64);
    assert_int_equal(((const int64_t *)c->data)[1], -7);
    c = batch_read(b, cost, LEAT_NULL).column;
    assert_int_equal(c->type, LEAT_DEC);
    assert_int_equal(c->scale, 2);
    assert_int_equal(((const int64_t *)c->data)[1], 200);
    c = batch_read(b, name, LEAT_NULL).column;
    assert_int_equal(c->type, LEAT_TEXT);
    assert_string_equal(text_at(c, 0), "a\nb");
    assert_string_equal(text_at(c, 1), "\xc3\xa9");
    c = batch_read(b, mix, LEAT_NULL).column;
    assert_int_equal(c->type, LEAT_JSON);
    assert_string_equal(text_at(c, 1), "\"t\"");
    c = batch_read(b, skus, LEAT_LIST + LEAT_TEXT).column;
    assert_int_equal(c->type, LEAT_LIST + LEAT_TEXT);
    assert_int_equal(((const uint32_t *)c->data)[1], 2);
    assert_int_equal(((const uint32_t *)c->data)[2], 2);
    assert_string_equal(text_at(c->items, 1), "y");
    assert_string_equal(text_at(batch_read(b, second, LEAT_TEXT).column, 0), "y");
    assert_int_equal(batch_read(b, none, LEAT_NULL).column->type, LEAT_NULL);
    struct read bad = batch_read(b, name, LEAT_I64);
    assert_int_equal(*bad.bad, 3);
    batch_unref(b);
    finish(&f);
}

static void numbers_convert_only_without_loss(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, CODEC_JSON);
    uint32_t x = path(&f, "x");
    struct batch *b = decode(&f, "{\"x\":5.0}\n{\"x\":5.5}\n{\"x\":1e2}\n{\"x\":123456789012345678901}\n{\"x\":\"5\"}"
                                 "\n{\"x\":null}\n{\"x\":-0.10}");
    struct read r = batch_read(b, x, LEAT_I64);
    assert_int_equal(((const int64_t *)r.column->data)[0], 5);
    assert_int_equal(((const int64_t *)r.column->data)[2], 100);
    assert_int_equal(*r.bad, 1 << 1 | 1 << 3 | 1 << 4 | 1 << 6);
    assert_false(leat_has(r.column, 5));
    r = batch_read(b, x, LEAT_DEC);
    assert_int_equal(*r.bad, 1 << 3 | 1 << 4);
    assert_int_equal(r.column->scale, 2);
    assert_int_equal(((const int64_t *)r.column->data)[6], -10);
    r = batch_read(b, x, LEAT_F64);
    assert_int_equal(*r.bad, 1 << 4);
    assert_true(((const double *)r.column->data)[3] == 123456789012345678901.0);
    r = batch_read(b, x, LEAT_TEXT);
    assert_null(r.bad);
    assert_string_equal(text_at(r.column, 0), "5.0");
    batch_unref(b);
    finish(&f);
}

static void unchanged_records_are_their_own_bytes(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, CODEC_JSON);
    struct batch *b = decode(&f, " { \"b\" : 12345678901234567890123 , \"a\":null, \"b\":1.50 } \n{}\n");
    assert_string_equal(whole(b, 0), "{ \"b\" : 12345678901234567890123 , \"a\":null, \"b\":1.50 }");
    assert_string_equal(whole(b, 1), "{}");
    batch_unref(b);
    finish(&f);
}

static void changes_are_spliced_in(void **state)
{
    static const char *const in =
        "{\"a\":1,\"b\":\"x\",\"c\":{\"d\":1,\"e\":[1, 2]}}\n{\"b\":\"y\"}\n{ \"c\" : 3 , \"a\":7 }\n{}\n";
    static const char *const out[] = {
        "{\"a\":10,\"c\":{\"d\":\"n\",\"e\":[1, 2]},\"f\":1.5}", "{\"a\":20,\"f\":2.5,\"c\":{\"d\":\"n\"}}",
        "{ \"c\" : {\"d\":\"n\"} , \"a\":30,\"f\":3.5}", "{\"a\":40,\"f\":4.5,\"c\":{\"d\":\"n\"}}"};
    struct fixture f;
    (void)state;
    begin(&f, CODEC_JSON);
    uint32_t a = path(&f, "a"), bb = path(&f, "b"), cd = path(&f, "c.d"), ff = path(&f, "f");
    struct batch *b = decode(&f, in);
    assert_int_equal(b->view.n, 4);
    struct batch *o = batch_derive(f.pool, f.paths, b, NULL, 0, false);
    int64_t *x = batch_write(o, a, LEAT_I64, 0, NULL), *y = batch_write(o, ff, LEAT_DEC, 2, NULL);
    leat_text *n = batch_write(o, cd, LEAT_TEXT, 0, NULL);
    for (int i = 0; i < 4; i++) {
        x[i] = (i + 1) * 10;
        y[i] = i * 100 + 150;
        n[i] = TEXT("n");
    }
    batch_remove(o, bb);
    batch_seal(o);
    for (uint32_t i = 0; i < 4; i++)
        assert_string_equal(whole(o, i), out[i]);
    uint32_t n_names;
    const leat_text *names = batch_names(o, &n_names);
    assert_int_equal(n_names, 3);
    assert_true(text_is(names[0], "a") && text_is(names[1], "c") && text_is(names[2], "f"));
    /* Records that begin afresh take what is borrowed from those below; a value that was missing is left out. */
    static const uint32_t rows[] = {0, 1};
    struct batch *some = batch_select(b, rows, 2), *fresh = batch_derive(f.pool, f.paths, some, NULL, 0, true);
    batch_write_column(fresh, ff, batch_read(some, a, LEAT_JSON).column);
    batch_seal(fresh);
    assert_string_equal(whole(fresh, 0), "{\"f\":1}");
    assert_string_equal(whole(fresh, 1), "{}");
    batch_unref(fresh);
    batch_unref(some);
    batch_unref(o);
    batch_unref(b);
    finish(&f);
}

static void ids_tell_records_apart(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, CODEC_JSON);
    start(&f);
    decoder_message(f.decoder, 7, TEXT("{\"a\":1}"), TEXT("k"), 5, NULL, 0);
    decoder_message(f.decoder, 9, TEXT("{\"a\":\n2}\n{\"a\":3} x\n\n{\"a\":4}"), (leat_text){0}, LEAT_NO_TIME, NULL, 0);
    struct batch *b = decoder_next(f.decoder, 100);
    assert_int_equal(b->view.n, 3);
    size_t n;
    const struct rejected *r = decoder_rejected(f.decoder, &n);
    assert_int_equal(n, 1);
    assert_int_equal(r[0].sequence, 9);
    assert_string_equal(r[0].code, "json_syntax");
    assert_int_equal(decoder_position(f.decoder), 10);
    static const uint32_t rows[] = {0, 0, 1, 2, 2};
    struct batch *o = batch_derive(f.pool, f.paths, b, rows, 5, false);
    batch_seal(o);
    static const char *const ids[] = {"f/s/p/7", "f/s/p/7.1", "f/s/p/9", "f/s/p/9.1", "f/s/p/9.1.1"};
    const leat_column *c = batch_read(o, PATH_ID, LEAT_TEXT).column;
    for (uint32_t i = 0; i < 5; i++)
        assert_string_equal(text_at(c, i), ids[i]);
    assert_string_equal(text_at(batch_read(o, PATH_KEY, LEAT_TEXT).column, 1), "k");
    assert_int_equal(((const int64_t *)batch_read(o, PATH_TIME, LEAT_TIME).column->data)[1], 5);
    assert_string_equal(whole(o, 2), "{\"a\": 2}");
    batch_unref(o);
    batch_unref(b);
    finish(&f);
}

static void malformed_lines_are_rejected_one_by_one(void **state)
{
    static const char *const lines[] = {
        "{\"a\":01}",          "{\"a\":1,}",   "{\"a\"}",     "[1]",        "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}",
        "{\"a\":\"\\ud800\"}", "{\"a\":1} {}", "{\"a\":NaN}", "{\"a\":1.}", "{\"a\":+1}",       "{'a':1}",
        "{\"a\":\"\\x\"}",     "nul"};
    struct fixture f;
    auto_buf text = {0};
    size_t n;
    (void)state;
    begin(&f, CODEC_JSON);
    for (size_t i = 0; i < N_OF(lines); i++)
        buf_printf(&text, "{\"good\":%zu}\n%s\n", i, lines[i]);
    struct batch *b = decode(&f, text.data);
    assert_int_equal(b->view.n, N_OF(lines));
    const struct rejected *r = decoder_rejected(f.decoder, &n);
    assert_int_equal(n, N_OF(lines));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(r[i].line, i * 2 + 2);
        assert_true(text_is(r[i].raw, lines[i]));
        assert_memory_equal(text.data + r[i].sequence, lines[i], strlen(lines[i]));
    }
    assert_int_equal(decoder_position(f.decoder), text.n);
    batch_unref(b);
    finish(&f);
}

static void csv_fields_have_the_names_of_the_header(void **state)
{
    struct fixture f;
    size_t n;
    (void)state;
    begin(&f, CODEC_CSV);
    uint32_t name = path(&f, "name"), qty = path(&f, "qty");
    struct batch *b = decode(&f, "\xef\xbb\xbfname,qty\r\n\"a \"\"q\"\"\r\nb\",1\r\n\nshort\nc,\r\"open");
    assert_int_equal(b->view.n, 2);
    const leat_column *c = batch_read(b, name, LEAT_NULL).column;
    assert_string_equal(text_at(c, 0), "a \"q\"\r\nb");
    assert_string_equal(text_at(batch_read(b, qty, LEAT_TEXT).column, 1), "");
    assert_int_equal(*batch_read(b, qty, LEAT_I64).bad, 3);
    assert_string_equal(whole(b, 0), "{\"name\":\"a \\\"q\\\"\\r\\nb\",\"qty\":\"1\"}");
    const struct rejected *r = decoder_rejected(f.decoder, &n);
    assert_int_equal(n, 2);
    assert_string_equal(r[0].code, "csv_columns");
    assert_string_equal(r[1].code, "csv_quote");
    assert_true(text_is(decoder_state(f.decoder), "name,qty"));
    struct encoder *e = encoder_new(&f.codec);
    assert_string_equal(text_at(encoder_column(e, b), 0), "\"a \"\"q\"\"\r\nb\",1\n");
    assert_true(text_is(encoder_head(e), "name,qty\n"));
    encoder_free(e);
    batch_unref(b);
    finish(&f);
}

/* An independent definition: decodes code points one by one. */
static bool is_utf8(const unsigned char *p, size_t n)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    for (size_t i = 0, more; i < n; i += more + 1) {
        more = p[i] < 0x80 ? 0 : p[i] < 0xc0 ? 9 : p[i] < 0xe0 ? 1 : p[i] < 0xf0 ? 2 : p[i] < 0xf8 ? 3 : 9;
        uint32_t code = more == 0 ? p[i] : p[i] & (0x3fu >> more);
        if (more == 9 || i + more >= n)
            return false;
        for (size_t k = 1; k <= more; k++) {
            if ((p[i + k] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (p[i + k] & 0x3f);
        }
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
    }
    return true;
}

static uint32_t chance(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Code points at random, sometimes cut, sometimes with a bit turned over. */
static size_t some_text(uint64_t *state, char *to, size_t most)
{
    size_t n = 0, wanted = chance(state) % most;
    while (n < wanted) {
        static const uint32_t limits[] = {0x80, 0x800, 0x10000, 0x110000};
        uint32_t code = chance(state) % limits[chance(state) % 4];
        char *at = to + n;
        if (code < 0x80)
            n += 1, at[0] = (char)code;
        else if (code < 0x800)
            n += 2, at[0] = (char)(0xc0 | code >> 6);
        else if (code < 0x10000)
            n += 3, at[0] = (char)(0xe0 | code >> 12), at[1] = (char)(0x80 | (code >> 6 & 0x3f));
        else
            n += 4, at[0] = (char)(0xf0 | code >> 18), at[1] = (char)(0x80 | (code >> 12 & 0x3f)), at[2] = (char)(0x80 | (code >> 6 & 0x3f));
        if (code >= 0x80)
            to[n - 1] = (char)(0x80 | (code & 0x3f));
    }
    n = chance(state) % 4 ? n : wanted;
    if (n && chance(state) % 3 == 0)
        to[chance(state) % n] ^= (char)(1 << chance(state) % 8);
    return n;
}

static void utf8_is_told_from_what_is_none(void **state)
{
    uint64_t seed = 1;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[96];
        size_t n = some_text(&seed, text, 80);
        bool good = is_utf8((unsigned char *)text, n);
        record_scalar = false;
        assert_int_equal(utf8_check(text, n) == n, good);
        size_t at = utf8_check(text, n);
        record_scalar = true;
        assert_int_equal(utf8_check(text, n), at);
        record_scalar = false;
    }
}

static void cells_are_written_one_by_one(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, CODEC_JSON);
    uint32_t a = path(&f, "a"), first = path(&f, "l[0].x"), fresh = path(&f, "n.m"), bytes = path(&f, "bytes");
    struct batch *b = decode(&f, "{\"a\":1,\"l\":[{\"x\":1},2]}\n{\"a\":2,\"l\":[]}\n{\"l\":3}\n");
    struct batch *o = batch_derive(f.pool, f.paths, b, NULL, 0, false);
    batch_write_value(o, a, 0, &(leat_value){.type = LEAT_TEXT, .as.text = TEXT("t\"")});
    batch_write_value(o, a, 2, &(leat_value){.type = LEAT_DEC, .scale = 2, .as.i64 = 150});
    batch_write_value(o, fresh, 1, &(leat_value){.type = LEAT_BOOL, .as.i64 = 1});
    memset(batch_write(o, first, LEAT_I64, 0, NULL), 0, 3 * 8);
    leat_text *t = batch_write(o, bytes, LEAT_BYTES, 0, NULL);
    t[0] = TEXT("\xff");
    batch_write_null(o, bytes, 1);
    batch_seal(o);
    assert_string_equal(whole(o, 0), "{\"a\":\"t\\\"\",\"l\":[{\"x\":0},2],\"bytes\":\"\xef\xbf\xbd\"}");
    assert_string_equal(whole(o, 1), "{\"a\":2,\"l\":[],\"bytes\":null,\"n\":{\"m\":true}}");
    assert_string_equal(whole(o, 2), "{\"l\":3,\"a\":1.5,\"bytes\":\"\"}");
    batch_unref(o);
    batch_unref(b);
    finish(&f);
}

static void whole_records_are_written_over(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, CODEC_JSON);
    uint32_t x = path(&f, "x"), y = path(&f, "y");
    struct batch *b = decode(&f, "{\"l\":1}\n{\"l\":2}\n");
    static const uint32_t rows[] = {0, 0, 1};
    struct batch *o = batch_derive(f.pool, f.paths, b, rows, 3, false);
    leat_text *t = batch_write(o, PATH_WHOLE, LEAT_JSON, 0, NULL);
    t[0] = TEXT("{\"x\":1}");
    t[1] = TEXT("no JSON");
    t[2] = TEXT(" {\"x\":{\"z\":[]}} ");
    memset(batch_write(o, y, LEAT_I64, 0, NULL), 0, 3 * 8);
    batch_seal(o);
    assert_string_equal(whole(o, 0), "{\"x\":1,\"y\":0}");
    assert_string_equal(whole(o, 1), "{\"y\":0}");
    assert_string_equal(whole(o, 2), "{\"x\":{\"z\":[]},\"y\":0}");
    assert_string_equal(text_at(batch_read(o, x, LEAT_JSON).column, 2), "{\"z\":[]}");
    assert_string_equal(text_at(batch_read(o, PATH_ID, LEAT_TEXT).column, 1), "f/s/p/0.1");
    uint32_t n;
    batch_names(o, &n);
    assert_int_equal(n, 2);
    batch_unref(o);
    batch_unref(b);
    finish(&f);
}

static void memory_is_used_again(void **state)
{
    struct fixture f;
    size_t bytes = 0;
    (void)state;
    begin(&f, CODEC_JSON);
    uint32_t a = path(&f, "a");
    start(&f);
    for (int i = 0; i < 3000; i++) {
        char line[200];
        snprintf(line, sizeof line, "{\"a\":%d,\"pad\":\"%0150d\"}\n", i, i);
        for (int k = 0; k < 10; k++)
            feed(&f, line);
        struct batch *b = decoder_next(f.decoder, 100);
        assert_int_equal(((const int64_t *)batch_read(b, a, LEAT_I64).column->data)[9], i);
        batch_read(b, PATH_WHOLE, LEAT_JSON);
        batch_unref(b);
        if (i == 1000)
            bytes = pool_bytes(f.pool);
    }
    assert_int_equal(pool_bytes(f.pool), bytes);
    finish(&f);
}

static void made_records_are_placed(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, CODEC_JSON);
    uint32_t a = path(&f, "a");
    struct batch *o = batch_derive(f.pool, f.paths, NULL, NULL, 2, false);
    int64_t *x = batch_write(o, a, LEAT_I64, 0, NULL), *time = batch_write(o, PATH_TIME, LEAT_TIME, 0, NULL);
    x[1] = 5;
    time[0] = 77;
    batch_write_null(o, PATH_TIME, 1);
    batch_place(o, f.origin, 40);
    batch_seal(o);
    assert_string_equal(text_at(batch_read(o, PATH_ID, LEAT_TEXT).column, 1), "f/s/p/41");
    assert_string_equal(whole(o, 1), "{\"a\":5}");
    struct identity id;
    batch_identity(o, 0, &id);
    assert_int_equal(id.time_us, 77);
    batch_identity(o, 1, &id);
    assert_true(id.time_us == LEAT_NO_TIME);
    assert_int_equal(id.sequence, 41);
    batch_unref(o);
    start(&f);
    finish(&f);
}

static void what_waits_is_copied_out_of_its_block(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, CODEC_JSON);
    uint32_t x = path(&f, "x"), a = path(&f, "a");
    for (int shaped = 0; shaped < 2; shaped++) {
        struct batch *b = decode(&f, shaped ? "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n" : "{}\n{}\n{}\n");
        static const uint32_t rows[] = {0, 2};
        struct batch *v = batch_select(b, rows, 2), *o = batch_derive(f.pool, f.paths, v, NULL, 0, false);
        int64_t *time = batch_write(o, PATH_TIME, LEAT_TIME, 0, NULL), *value = batch_write(o, x, LEAT_I64, 0, NULL);
        time[1] = 8;
        value[1] = 9;
        batch_seal(o);
        struct batch *fresh = batch_derive(f.pool, f.paths, o, NULL, 0, true);
        batch_write_column(fresh, a, batch_read(o, x, LEAT_JSON).column);
        batch_seal(fresh);
        struct batch *small = batch_compact(o), *small_fresh = batch_compact(fresh);
        assert_ptr_not_equal(small, o);
        struct block *block = b->in->root.block;
        assert_int_equal(block->refs, 2);
        batch_unref(fresh);
        batch_unref(o);
        batch_unref(v);
        batch_unref(b);
        assert_int_equal(block->refs, 1); /* the decoder's own */
        assert_string_equal(whole(small, 1), shaped ? "{\"a\":3,\"x\":9}" : "{\"x\":9}");
        assert_string_equal(whole(small_fresh, 1), "{\"a\":9}");
        assert_int_equal(((const int64_t *)batch_read(small_fresh, PATH_TIME, LEAT_TIME).column->data)[1], 8);
        assert_string_equal(text_at(batch_read(small, PATH_ID, LEAT_TEXT).column, 1), shaped ? "f/s/p/16" : "f/s/p/6");
        assert_int_equal(((const int64_t *)batch_read(small, PATH_LINE, LEAT_I64).column->data)[1], 3);
        batch_unref(small);
        batch_unref(small_fresh);
        decoder_free(f.decoder);
    }
    start(&f);
    finish(&f);
}

static void decimals_far_apart_are_cut(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, CODEC_JSON);
    uint32_t x = path(&f, "x");
    struct batch *parts[2];
    parts[0] = decode(&f, "{\"x\":123456789.25}\n{\"x\":1.5}\n{\"x\":0.30000000000000004}\n{\"x\":\"no\"}\n{\"x\":0.1}\n");
    decoder_free(f.decoder);
    assert_int_equal(batch_one_scale(parts[0], x, 0), 2);
    assert_int_equal(batch_one_scale(parts[0], x, 2), 3);
    struct batch *cut = batch_slice(parts[0], 0, 2);
    assert_true(batch_read(parts[0], x, LEAT_DEC).bad && !batch_read(cut, x, LEAT_DEC).bad);
    batch_unref(cut);
    cut = batch_slice(parts[0], 2, 3);
    struct read r = batch_read(cut, x, LEAT_DEC);
    assert_int_equal(*r.bad, 2);
    assert_int_equal(r.column->scale, 17);
    assert_int_equal(batch_read(parts[0], x, LEAT_DEC).column->type, LEAT_DEC);
    batch_unref(cut);
    parts[1] = decode(&f, "{\"x\":5000000000000}\n");
    struct batch *all = batch_concat(f.pool, parts, 2);
    r = batch_read(all, x, LEAT_DEC);
    assert_int_equal(r.column->type, LEAT_DEC);
    assert_true(*r.bad & 1 << 3);
    assert_int_equal(batch_one_scale(all, x, 4), 2);
    const leat_column *natural = batch_read(all, x, LEAT_NULL).column;
    assert_int_equal(natural->type, LEAT_JSON);
    assert_string_equal(text_at(natural, 2), "0.30000000000000004");
    assert_string_equal(text_at(natural, 5), "5000000000000");
    assert_int_equal(batch_one_scale(all, x, 2), 3);
    batch_unref(all);
    batch_unref(parts[0]);
    batch_unref(parts[1]);
    finish(&f);
}

static void headers_travel_along(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, CODEC_TEXT);
    uint32_t x = path(&f, "$headers['x']"), none = path(&f, "$headers['none']");
    start(&f);
    {
        char value[] = "one";
        leat_value headers[] = {{.type = LEAT_TEXT, .as.text = TEXT("x")}, {.type = LEAT_TEXT, .as.text = {value, 3}}};
        decoder_message(f.decoder, 1, TEXT("first\nsecond"), (leat_text){0}, 9, headers, 1);
        memset(value, 0, sizeof value); /* everything was copied */
    }
    struct batch *b = decoder_next(f.decoder, 10);
    assert_int_equal(b->view.n, 2);
    assert_string_equal(text_at(batch_read(b, x, LEAT_TEXT).column, 1), "one");
    assert_null(text_at(batch_read(b, none, LEAT_TEXT).column, 0));
    assert_string_equal(text_at(batch_read(b, PATH_HEADERS, LEAT_JSON).column, 0), "{\"x\":\"one\"}");
    assert_string_equal(whole(b, 1), "{\"text\":\"second\"}");
    batch_unref(b);
    finish(&f);
}

static void decimals_print_canonically(void **state)
{
    static const struct {
        const char *in, *out;
    } table[] = {{"1.50", "1.5"},
                 {"-0.010", "-0.01"},
                 {"100", "100"},
                 {"0.0", "0"},
                 {"123456789012345678", "123456789012345678"}};
    struct decimal d;
    char text[24];
    (void)state;
    for (size_t i = 0; i < N_OF(table); i++) {
        assert_true(decimal_parse(text_of(table[i].in), &d));
        size_t n = decimal_print(text, d);
        assert_true(text_is((leat_text){text, n}, table[i].out));
    }
    assert_false(decimal_parse(TEXT("1e2"), &d));
    assert_false(decimal_parse(TEXT("1234567890123456789"), &d));
    assert_false(decimal_parse(TEXT("01"), &d));
    assert_false(decimal_parse(TEXT(""), &d));
}

static void doubles_print_as_short_as_they_read_back(void **state)
{
    static const double numbers[] = {0.1,           1e300,  5,    -0.0,     1.0 / 3, 4019.2000000000003,
                                     123456789.125, 5e-324, 1e21, 0.1 + 0.2};
    (void)state;
    for (size_t i = 0; i < N_OF(numbers); i++) {
        char text[33];
        text[f64_print(text, numbers[i])] = 0;
        assert_true(strtod(text, NULL) == numbers[i]);
    }
    char text[33];
    text[f64_print(text, 0.1)] = 0;
    assert_string_equal(text, "0.1");
}

static void joined_batches_read_as_one(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, CODEC_JSON);
    uint32_t x = path(&f, "x"), y = path(&f, "y");
    struct batch *parts[2];
    parts[0] = decode(&f, "{\"x\":1,\"y\":\"a\"}\n{\"x\":2}\n");
    decoder_free(f.decoder);
    parts[1] = decode(&f, "{\"x\":2.5,\"y\":\"b\"}\n");
    struct batch *all = batch_concat(f.pool, parts, 2);
    assert_int_equal(all->view.n, 3);
    const leat_column *c = batch_read(all, x, LEAT_NULL).column;
    assert_int_equal(c->type, LEAT_DEC);
    assert_int_equal(((const int64_t *)c->data)[0], 10);
    assert_int_equal(((const int64_t *)c->data)[2], 25);
    static const uint32_t rows[] = {1, 2};
    struct batch *v = batch_select(all, rows, 2);
    assert_string_equal(text_at(batch_read(v, y, LEAT_TEXT).column, 1), "b");
    assert_null(text_at(batch_read(v, y, LEAT_TEXT).column, 0));
    assert_string_equal(whole(v, 1), "{\"x\":2.5,\"y\":\"b\"}");
    struct batch *o = batch_derive(f.pool, f.paths, v, NULL, 0, false);
    batch_write_value(o, x, 0, &(leat_value){.type = LEAT_TEXT, .as.text = TEXT("new")});
    batch_seal(o);
    assert_string_equal(whole(o, 0), "{\"x\":\"new\"}");
    assert_string_equal(whole(o, 1), "{\"x\":2.5,\"y\":\"b\"}");
    leat_value value;
    batch_value(o, 1, TEXT("x"), &value);
    assert_int_equal(value.type, LEAT_DEC);
    assert_int_equal(value.as.i64, 25);
    batch_unref(o);
    batch_unref(v);
    batch_unref(all);
    batch_unref(parts[0]);
    batch_unref(parts[1]);
    finish(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_spelt_one_way),
        cmocka_unit_test(json_columns_have_their_natural_types),
        cmocka_unit_test(numbers_convert_only_without_loss),
        cmocka_unit_test(unchanged_records_are_their_own_bytes),
        cmocka_unit_test(changes_are_spliced_in),
        cmocka_unit_test(ids_tell_records_apart),
        cmocka_unit_test(malformed_lines_are_rejected_one_by_one),
        cmocka_unit_test(csv_fields_have_the_names_of_the_header),
        cmocka_unit_test(utf8_is_told_from_what_is_none),
        cmocka_unit_test(cells_are_written_one_by_one),
        cmocka_unit_test(whole_records_are_written_over),
        cmocka_unit_test(memory_is_used_again),
        cmocka_unit_test(made_records_are_placed),
        cmocka_unit_test(decimals_far_apart_are_cut),
        cmocka_unit_test(headers_travel_along),
        cmocka_unit_test(what_waits_is_copied_out_of_its_block),
        cmocka_unit_test(decimals_print_canonically),
        cmocka_unit_test(doubles_print_as_short_as_they_read_back),
        cmocka_unit_test(joined_batches_read_as_one),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
