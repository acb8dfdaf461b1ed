/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h: what fuzz targets share: decoding of any bytes in many ways, which must all say the same. */
#ifndef LEAT_TESTS_FUZZ_H
#define LEAT_TESTS_FUZZ_H

#include "core/record/record_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* How one decoding is done. */
struct way {
    const struct codec *codec;
    size_t chunk;
    uint32_t max_rows;
    bool scalar, restart, message;
    const char *const *paths; /* read as every type */
    size_t n_paths;
};
/* Everything that comes out, as one text. */
void fuzz_decode(const struct way *w, leat_text input, struct buf *ret);
/* Aborts where two ways do not say the same. */
void fuzz_same(const struct buf *a, const struct buf *b, const char *what);
#endif
