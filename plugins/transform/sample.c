/* SPDX-License-Identifier: Apache-2.0 */
/* sample.c: passes one record in so many, chosen by a hash of `$id`: a replay chooses the same ones. */
#include "transform.h"

enum { ONE_IN };
static const leat_option options[] = {
    [ONE_IN] = {.name = "one_in",
                .doc = "One record in so many passes, on the average.",
                .type = LEAT_OPT_I64,
                .flags = LEAT_REQUIRED,
                .range = "1.."},
};
struct sample {
    leat_field id;
};

static leat_status create(const leat_host *h, void *self, void *shared)
{
    (void)shared;
    ((struct sample *)self)->id = leat_bind(h, LEAT_READ, 0, "$id", LEAT_TEXT, LEAT_MAY_MISS);
    return LEAT_OK;
}

/* FNV-1a, with a last mix (from MurmurHash3, Austin Appleby, public domain) so that its low bits can be used. */
static uint64_t hash(leat_text t)
{
    uint64_t x = 0xcbf29ce484222325u;
    for (size_t i = 0; i < t.n; i++)
        x = (x ^ (unsigned char)t.data[i]) * 0x100000001b3u;
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
    return x ^ x >> 33;
}

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    const leat_text *id = leat_read_text(h, b, ((struct sample *)self)->id);
    uint64_t one_in = (uint64_t)h->with[ONE_IN].as.i64;
    uint32_t *keep = leat_rows(h, b), n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        keep[n] = i;
        n += hash(id[i]) % one_in == 0;
    }
    h->emit(h, 0, b, keep, n);
    return LEAT_OK;
}

const leat_processor transform_sample = {
    .size = sizeof transform_sample,
    .kind = LEAT_TRANSFORM,
    .name = "sample",
    .doc = "Passes one record in so many, the same ones in a replay.",
    .flags = LEAT_STATELESS,
    .instance_bytes = sizeof(struct sample),
    .options = options,
    .n_options = LEAT_N(options),
    .create = create,
    .process = process,
};
