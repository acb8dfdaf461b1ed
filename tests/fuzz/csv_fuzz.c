/* SPDX-License-Identifier: Apache-2.0 */
/* csv_fuzz.c: csv, text and raw bytes, cut and restarted; csv written and read again. */
#include "tests/fuzz/fuzz.h"

static const char *const names[] = {"a", "b", "text", "raw"};

/* What is written as csv reads back as the same records. */
static void write_and_read(const struct codec *codec, leat_text input)
{
    struct paths *paths = paths_new();
    struct pool *pool = pool_new();
    struct decoder *d = decoder_new(codec, paths, pool, NULL);
    struct encoder *e = encoder_new(codec);
    auto_buf out = {0}, again = {0};
    size_t n_records = 0, n_again = 0;
    struct batch *b;
    memcpy(decoder_space(d, input.n), input.data, input.n);
    decoder_fill(d, input.n);
    decoder_end(d);
    while ((b = decoder_next(d, 1000))) {
        const leat_column *c = encoder_column(e, b);
        if (!out.n)
            buf_text(&out, encoder_head(e));
        for (uint32_t i = 0; i < c->n; i++)
            buf_text(&out, ((const leat_text *)c->data)[i]);
        n_records += b->view.n;
        batch_unref(b);
    }
    decoder_free(d);
    d = decoder_new(codec, paths, pool, NULL);
    memcpy(decoder_space(d, out.n + 1), out.data ? out.data : "", out.n);
    decoder_fill(d, out.n);
    decoder_end(d);
    while ((b = decoder_next(d, 1000))) {
        n_again += b->view.n;
        batch_unref(b);
    }
    size_t rejected;
    decoder_rejected(d, &rejected);
    ASSERT(n_again == n_records && !rejected);
    decoder_free(d);
    encoder_free(e);
    pool_free(pool);
    paths_free(paths);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const enum codec_kind kinds[] = {CODEC_CSV, CODEC_CSV, CODEC_TEXT, CODEC_RAW};
    struct codec codec;
    if (n < 3 || n > 4096)
        return 0;
    codec_default(&codec, kinds[data[0] & 3]);
    codec.compression = COMPRESSION_NONE;
    if (data[0] & 4)
        codec.delimiter = ';';
    if (data[0] & 8)
        codec.max_record = 30 + data[1];
    leat_text input = {(const char *)data + 2, n - 2};
    auto_buf whole = {0}, cut = {0}, restarted = {0};
    struct way w = {.codec = &codec, .chunk = 1 << 20, .max_rows = 1000, .paths = names, .n_paths = N_OF(names)};
    fuzz_decode(&w, input, &whole);
    w.chunk = data[1] + 1u;
    w.max_rows = data[0] & 16 ? 3 : 1000;
    fuzz_decode(&w, input, &cut);
    fuzz_same(&whole, &cut, "whole and cut");
    w.restart = codec.kind != CODEC_RAW;
    fuzz_decode(&w, input, &restarted);
    fuzz_same(&whole, &restarted, "whole and restarted");
    if (codec.kind == CODEC_CSV) {
        codec.max_record = 1 << 20; /* with quotes and replaced bytes it may be longer */
        write_and_read(&codec, input);
    }
    return 0;
}
