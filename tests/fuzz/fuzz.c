/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.c: decoding any bytes, and writing down what came out. */
#include "tests/fuzz/fuzz.h"

static const uint32_t types[] = {LEAT_NULL,
                                 LEAT_BOOL,
                                 LEAT_I64,
                                 LEAT_F64,
                                 LEAT_DEC,
                                 LEAT_TIME,
                                 LEAT_TEXT,
                                 LEAT_JSON,
                                 LEAT_LIST + LEAT_I64,
                                 LEAT_LIST + LEAT_JSON};

static void check_valid(leat_text json)
{
    struct json_error e;
    ASSERT(utf8_check(json.data, json.n) == json.n);
    ASSERT(json_check(json.data, json.data + json.n, 5000, &e) == json.data + json.n);
}

static void add_cell(struct buf *out, const leat_column *c, const uint64_t *bad, uint32_t row)
{
    if (bad && bad[row >> 6] >> (row & 63) & 1) {
        buf_str(out, " bad");
        return;
    }
    char *text = xmalloc(column_json_bound(c, row) + 1), *end = column_json(text, c, row);
    check_valid((leat_text){text, (size_t)(end - text)});
    buf_char(out, ' ');
    buf_add(out, text, (size_t)(end - text));
    free(text);
}

/* Natural types may differ with what else is in a batch, so only single rows are compared. */
static void add_row(const struct way *w, struct buf *out, struct batch *b, uint32_t row)
{
    struct batch *one = batch_slice(b, row, 1);
    for (size_t p = 0; p < w->n_paths; p++)
        for (size_t t = 0; t < N_OF(types); t++) {
            struct read r = batch_read(one, paths_find(b->paths, text_of(w->paths[p])), types[t]);
            add_cell(out, r.column, r.bad, 0);
        }
    batch_unref(one);
}

static struct batch *changed(struct batch *b, const struct way *w)
{
    struct batch *o = batch_derive(b->pool, b->paths, b, NULL, 0, false);
    for (size_t p = 0; p < w->n_paths; p++) {
        uint32_t path = paths_find(b->paths, text_of(w->paths[p]));
        if (p % 3 == 2)
            batch_remove(o, path);
        else if (!strstr(w->paths[p], "[]"))
            memset(batch_write(o, path, LEAT_I64, 0, NULL), 0, b->view.n * 8);
    }
    batch_seal(o);
    return o;
}

static void add_batch(const struct way *w, struct buf *out, struct batch *b)
{
    struct batch *o = changed(b, w);
    const leat_text *whole = batch_read(b, PATH_WHOLE, LEAT_JSON).column->data,
                    *after = batch_read(o, PATH_WHOLE, LEAT_JSON).column->data;
    const leat_text *id = batch_read(b, PATH_ID, LEAT_TEXT).column->data;
    for (size_t p = 0; p < w->n_paths; p++)
        for (size_t t = 0; t < N_OF(types); t++)
            batch_read(b, paths_find(b->paths, text_of(w->paths[p])), types[t]);
    for (uint32_t i = 0; i < b->view.n; i++) {
        check_valid(whole[i]);
        check_valid(after[i]);
        buf_text(out, id[i]);
        buf_char(out, ' ');
        buf_text(out, whole[i]);
        buf_text(out, after[i]);
        add_row(w, out, b, i);
        buf_char(out, '\n');
    }
    batch_unref(o);
}

static void add_rejected(struct buf *out, struct decoder *d)
{
    size_t n;
    const struct rejected *r = decoder_rejected(d, &n);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "- %llu %s\n", (unsigned long long)r[i].sequence, r[i].code);
}

/* True: a restart is due. */
static bool drain(const struct way *w, struct buf *out, struct buf *bad, struct decoder *d)
{
    for (;;) {
        struct batch *b = decoder_next(d, w->max_rows);
        size_t n;
        add_rejected(bad, d);
        decoder_rejected(d, &n);
        if (b)
            add_batch(w, out, b);
        batch_unref(b);
        if (w->restart && (b || n))
            return true;
        if (!b)
            break;
    }
    ASSERT(!decoder_waiting(d));
    return false;
}

static struct decoder *decoder_at(const struct way *w, struct paths *paths, struct pool *pool, struct origin *o,
                                  uint64_t at, leat_text state)
{
    struct decoder *d = decoder_new(w->codec, paths, pool, o);
    ASSERT(decoder_seek(d, at, state, NULL) == 0);
    return d;
}

static void stream(const struct way *w, leat_text input, struct buf *out, struct buf *bad, struct decoder *d,
                   struct paths *paths, struct pool *pool, struct origin *o)
{
    size_t at = 0;
    for (bool ended = false; !ended;) {
        size_t n = input.n - at < w->chunk ? input.n - at : w->chunk;
        char *to = decoder_space(d, n);
        if (n)
            memcpy(to, input.data + at, n);
        decoder_fill(d, n);
        at += n;
        if ((ended = at == input.n))
            decoder_end(d);
        if (drain(w, out, bad, d)) {
            auto_buf state = {0};
            buf_text(&state, decoder_state(d));
            at = decoder_position(d);
            decoder_free(d);
            d = decoder_at(w, paths, pool, o, at, buf_view(&state));
            ended = false;
        }
    }
    if (w->codec->compression == COMPRESSION_NONE)
        ASSERT(decoder_position(d) == input.n);
    decoder_free(d);
}

void fuzz_decode(const struct way *w, leat_text input, struct buf *ret)
{
    struct paths *paths = paths_new();
    struct pool *pool = pool_new();
    struct origin *o = origin_new(TEXT("i/"), TEXT("p"), TEXT("t"), 0);
    auto_buf bad = {0};
    record_scalar = w->scalar;
    for (size_t i = 0; i < w->n_paths; i++)
        paths_add(paths, text_of(w->paths[i]));
    struct decoder *d = decoder_at(w, paths, pool, o, 0, (leat_text){0});
    if (w->message) {
        decoder_message(d, 3, input, TEXT("key"), 5, NULL, 0);
        drain(w, ret, &bad, d);
        decoder_free(d);
    } else {
        stream(w, input, ret, &bad, d, paths, pool, o);
    }
    buf_text(ret, buf_view(&bad));
    origin_unref(o);
    pool_free(pool);
    paths_free(paths);
}

void fuzz_same(const struct buf *a, const struct buf *b, const char *what)
{
    if (text_equal(buf_view(a), buf_view(b)))
        return;
    fprintf(stderr, "%s differ:\n" TEXT_FMT "\n--- and\n" TEXT_FMT "\n", what, TEXT_ARG(buf_view(a)),
            TEXT_ARG(buf_view(b)));
    abort();
}
