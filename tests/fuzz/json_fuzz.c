/* SPDX-License-Identifier: Apache-2.0 */
/* json_fuzz.c: JSON records by shapes and one by one, cut, restarted and as messages: all ways say the same. */
#include "tests/fuzz/fuzz.h"

static const char *const names[] = {"a", "b.c", "c", "a[0]", "a[].b", "\"x y\""};

/* The lines several times over, so that their shapes are learnt and predicted. */
static void repeated(struct buf *to, leat_text t, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        buf_text(to, t);
        buf_char(to, '\n');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct codec codec;
    if (n < 2 || n > 4096)
        return 0;
    codec_default(&codec, CODEC_JSON);
    codec.compression = COMPRESSION_NONE;
    codec.max_depth = 20;
    if (data[0] & 1)
        codec.max_record = 40 + data[0];
    auto_buf input = {0}, scalar = {0}, shaped = {0}, cut = {0}, message = {0}, message_scalar = {0};
    repeated(&input, (leat_text){(const char *)data + 2, n - 2}, data[0] & 2 ? 9 : 1);
    struct way w = {
        .codec = &codec, .chunk = 1 << 20, .max_rows = 1000, .scalar = true, .paths = names, .n_paths = N_OF(names)};
    fuzz_decode(&w, buf_view(&input), &scalar);
    w.scalar = false;
    fuzz_decode(&w, buf_view(&input), &shaped);
    fuzz_same(&scalar, &shaped, "scalar and shaped");
    w.chunk = data[1] + 1u;
    w.max_rows = data[0] & 4 ? 3 : 1000;
    w.restart = data[0] & 8;
    fuzz_decode(&w, buf_view(&input), &cut);
    fuzz_same(&shaped, &cut, "whole and cut");
    w.restart = false;
    w.message = true;
    fuzz_decode(&w, buf_view(&input), &message);
    w.scalar = true;
    fuzz_decode(&w, buf_view(&input), &message_scalar);
    fuzz_same(&message, &message_scalar, "messages");
    return 0;
}
