/* SPDX-License-Identifier: Apache-2.0 */
/* waits.c: transforms that do not answer at once: `hold` answers later, `ask` fetches an answer for each record. */
#include <leat/plugin.h>

#include <stdio.h>
#include <stdlib.h>

/* --- hold ---------------------------------------------------------------------------------------------------------- */

static const leat_option hold_options[] = {
    {.name = "for", .doc = "How long each batch is held.", .type = LEAT_OPT_DURATION, .standard = "300ms"},
};
struct hold {
    uint64_t due; /* ticket whose time has come */
};

static leat_status hold_process(const leat_host *h, void *self, const leat_batch *b)
{
    struct hold *hold = self;
    if (hold->due != b->ticket) {
        h->loop->alarm(h, b->ticket, h->with[0].as.i64);
        return LEAT_PENDING;
    }
    h->emit(h, 0, b, NULL, b->n);
    return LEAT_OK;
}

static void hold_alarm(const leat_host *h, void *self, uint64_t ticket)
{
    struct hold *hold = self;
    hold->due = ticket;
    h->finish(h, ticket, LEAT_AGAIN);
}

static const leat_loop_hooks hold_loop = {.size = sizeof hold_loop, .alarm = hold_alarm};
static const leat_processor hold = {
    .size = sizeof hold,
    .kind = LEAT_TRANSFORM,
    .name = "hold",
    .doc = "Holds batches for a while.",
    .needs = LEAT_NEEDS_LOOP,
    .options = hold_options,
    .n_options = LEAT_N(hold_options),
    .instance_bytes = sizeof(struct hold),
    .loop = &hold_loop,
    .process = hold_process,
};

/* --- ask ----------------------------------------------------------------------------------------------------------- */

enum { URL, KEY, KEEP, KEEP_BYTES };
static const leat_option ask_options[] = {
    [URL] = {.name = "url", .doc = "What is asked, less the key.", .type = LEAT_OPT_TEXT, .flags = LEAT_REQUIRED},
    [KEY] = {.name = "key", .doc = "A number behind the URL.", .type = LEAT_OPT_READ, .column = LEAT_I64, .flags = LEAT_REQUIRED},
    [KEEP] = {.name = "keep", .doc = "How long an answer is good.", .type = LEAT_OPT_DURATION, .standard = "1h"},
    [KEEP_BYTES] = {.name = "keep_bytes", .doc = "Most that is kept.", .type = LEAT_OPT_I64, .standard = "1000000"},
};

static leat_status ask_process(const leat_host *h, void *self, const leat_batch *b)
{
    const int64_t *key = leat_read_i64(h, b, h->with[KEY].as.field);
    leat_status s = LEAT_OK;
    (void)self;
    for (uint32_t i = 0; i < b->n; i++) {
        char url[256];
        snprintf(url, sizeof url, "%.*s%lld", (int)h->with[URL].as.text.n, h->with[URL].as.text.data, (long long)key[i]);
        leat_http_request r = {.size = sizeof r, .method = "GET", .url = url, .at_once = 2,
                               .keep_us = h->with[KEEP].as.i64, .keep_bytes = (uint64_t)h->with[KEEP_BYTES].as.i64};
        const leat_http_answer *a = h->loop->fetch(h, &r);
        if (!a)
            s = LEAT_WAIT;
        else if (a->status != 200 && s == LEAT_OK)
            s = h->fail(h, LEAT_RETRY, "the server is not well");
    }
    if (s == LEAT_OK)
        h->emit(h, 0, b, NULL, b->n);
    return s;
}

static const leat_processor ask = {
    .size = sizeof ask,
    .kind = LEAT_TRANSFORM,
    .name = "ask",
    .doc = "Fetches an answer for each record.",
    .needs = LEAT_NEEDS_LOOP,
    .options = ask_options,
    .n_options = LEAT_N(ask_options),
    .process = ask_process,
};
LEAT_PLUGIN("waits", "1.0.0", "Transforms that do not answer at once.", &hold, &ask);
