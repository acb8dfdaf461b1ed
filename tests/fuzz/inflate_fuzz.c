/* SPDX-License-Identifier: Apache-2.0 */
/* inflate_fuzz.c: damaged gzip and zstd streams end with a sentence, whole or cut. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct codec codec;
    if (n < 3 || n > 65536)
        return 0;
    codec_default(&codec, CODEC_JSON);
    codec.compression = data[0] & 1 ? COMPRESSION_AUTO : data[0] & 2 ? COMPRESSION_GZIP : COMPRESSION_ZSTD;
    codec.max_record = 1 << 16;
    auto_buf whole = {0}, cut = {0};
    struct way w = {.codec = &codec, .chunk = 1 << 20, .max_rows = 1000};
    leat_text input = {(const char *)data + 2, n - 2};
    fuzz_decode(&w, input, &whole);
    w.chunk = data[1] + 1u;
    fuzz_decode(&w, input, &cut);
    /* How much comes out before damage is met is the library's affair. */
    if (!memmem(whole.data, whole.n, "compression", 11))
        fuzz_same(&whole, &cut, "whole and cut");
    return 0;
}
