/* SPDX-License-Identifier: Apache-2.0 */
/* many.c: processors of every form that the planner meets; they are planned, never run. */
#include <leat/plugin.h>
#include <string.h>

static leat_status nothing(const leat_host *h, void *self, const leat_batch *b)
{
    (void)h, (void)self, (void)b;
    return LEAT_OK;
}
static leat_status never(const leat_host *h, void *self, uint32_t room)
{
    (void)h, (void)self, (void)room;
    return LEAT_END;
}
static leat_status begin(const leat_host *h, void *self, const leat_epoch *e)
{
    (void)h, (void)self, (void)e;
    return LEAT_OK;
}

/* --- sources ----------------------------------------------------------------------------------------------------- */

static const leat_option bytes_options[] = {
    {.name = "paths", .doc = "Files.", .type = LEAT_OPT_TEXT, .flags = LEAT_REQUIRED | LEAT_MANY},
    {.name = "password", .doc = "Secret.", .type = LEAT_OPT_TEXT, .flags = LEAT_SECRET},
};
static const leat_source seekable = {.size = sizeof seekable, .class_ = LEAT_SEEKABLE, .poll = never};
static const leat_processor bytes = {.size = sizeof bytes,
                                     .kind = LEAT_SOURCE,
                                     .name = "bytes",
                                     .doc = "Bytes.",
                                     .options = bytes_options,
                                     .n_options = LEAT_N(bytes_options),
                                     .source = &seekable};
static const leat_source ackable = {.size = sizeof ackable, .class_ = LEAT_ACKABLE, .poll = never};
static const leat_processor push = {
    .size = sizeof push, .kind = LEAT_SOURCE, .name = "push", .doc = "Pushed.", .source = &ackable};
static const leat_source lossy = {.size = sizeof lossy, .class_ = LEAT_LOSSY, .poll = never};
static const leat_processor packets = {
    .size = sizeof packets, .kind = LEAT_SOURCE, .name = "packets", .doc = "Packets.", .source = &lossy};

/* Makes records itself: `n` and `word` are all the fields that there are. */
static const leat_port made[] = {{.name = "out", .doc = "Numbers.", .flags = LEAT_NEW_RECORDS}};
static leat_status numbers_create(const leat_host *h, void *self, void *shared)
{
    (void)self, (void)shared;
    leat_bind(h, LEAT_WRITE, 0, "n", LEAT_I64, 0);
    leat_bind(h, LEAT_WRITE, 0, "word", LEAT_TEXT, 0);
    return LEAT_OK;
}
static const leat_processor numbers = {.size = sizeof numbers,
                                       .kind = LEAT_SOURCE,
                                       .name = "numbers",
                                       .doc = "Numbers.",
                                       .outputs = made,
                                       .n_outputs = LEAT_N(made),
                                       .source = &seekable,
                                       .create = numbers_create};

/* --- transforms -------------------------------------------------------------------------------------------------- */

static const leat_option keep_options[] = {{.name = "where",
                                            .doc = "Condition.",
                                            .type = LEAT_OPT_READ,
                                            .column = LEAT_BOOL,
                                            .flags = LEAT_REQUIRED | LEAT_MAY_MISS}};
static const leat_processor keep = {.size = sizeof keep,
                                    .kind = LEAT_TRANSFORM,
                                    .name = "keep",
                                    .doc = "Keeps.",
                                    .options = keep_options,
                                    .n_options = LEAT_N(keep_options),
                                    .process = nothing};

static const leat_option put_options[] = {{.name = "fields",
                                           .doc = "Fields.",
                                           .type = LEAT_OPT_READ,
                                           .flags = LEAT_REQUIRED | LEAT_PAIRS | LEAT_MAY_MISS,
                                           .names = LEAT_OPT_WRITE}};
static const leat_processor put = {.size = sizeof put,
                                   .kind = LEAT_TRANSFORM,
                                   .name = "put",
                                   .doc = "Writes.",
                                   .options = put_options,
                                   .n_options = LEAT_N(put_options),
                                   .process = nothing};

/* Reads `price` twice and `qty`, as one column each; forgets `word`. */
static const leat_option fixed_options[] = {
    {.name = "price", .doc = "Price.", .type = LEAT_OPT_READ, .column = LEAT_F64, .standard = "price"}};
static leat_status fixed_create(const leat_host *h, void *self, void *shared)
{
    (void)self, (void)shared;
    leat_field price = leat_bind(h, LEAT_READ, LEAT_EVERY_INPUT, "price", LEAT_F64, 0),
               qty = leat_bind(h, LEAT_READ, 0, "qty", LEAT_I64, LEAT_MAY_MISS);
    leat_field total = leat_bind(h, LEAT_WRITE, 0, "total", LEAT_F64, 0);
    leat_bind(h, LEAT_REMOVE, 0, "word", LEAT_NULL, 0);
    if (price != h->with[0].as.field || qty != price + 1 || total != qty + 1)
        return h->fail(h, LEAT_FATAL, "columns are numbered in another order");
    return LEAT_OK;
}
static const leat_processor fixed = {.size = sizeof fixed,
                                     .kind = LEAT_TRANSFORM,
                                     .name = "fixed",
                                     .doc = "Fixed names.",
                                     .options = fixed_options,
                                     .n_options = LEAT_N(fixed_options),
                                     .process = nothing,
                                     .create = fixed_create};

static const leat_port forked[] = {{.name = "other", .doc = "The rest."}, {.name = "*", .doc = "Named."}};
static const leat_option fork_options[] = {{.name = "ports",
                                            .doc = "Ports.",
                                            .type = LEAT_OPT_READ,
                                            .column = LEAT_BOOL,
                                            .flags = LEAT_REQUIRED | LEAT_PAIRS | LEAT_MAY_MISS,
                                            .names = LEAT_OPT_OUTPUT}};
static const leat_processor fork_ = {.size = sizeof fork_,
                                     .kind = LEAT_TRANSFORM,
                                     .name = "fork",
                                     .doc = "Forks.",
                                     .options = fork_options,
                                     .n_options = LEAT_N(fork_options),
                                     .outputs = forked,
                                     .n_outputs = LEAT_N(forked),
                                     .process = nothing};

static const leat_port named[] = {{.name = "*", .doc = "Named by the flow."}};
static const leat_option newest_options[] = {
    {.name = "emit_on", .doc = "Inputs.", .type = LEAT_OPT_INPUT, .flags = LEAT_MANY},
    {.name = "value", .doc = "Of that input.", .type = LEAT_OPT_READ, .port = LEAT_EVERY_INPUT, .flags = LEAT_MAY_MISS},
};
static const leat_processor newest = {.size = sizeof newest,
                                      .kind = LEAT_TRANSFORM,
                                      .name = "newest",
                                      .doc = "Several inputs.",
                                      .options = newest_options,
                                      .n_options = LEAT_N(newest_options),
                                      .inputs = named,
                                      .n_inputs = LEAT_N(named),
                                      .process = nothing};
static const leat_processor counter = {.size = sizeof counter,
                                       .kind = LEAT_TRANSFORM,
                                       .name = "counter",
                                       .doc = "State.",
                                       .needs = LEAT_NEEDS_STATE,
                                       .process = nothing};
static leat_status refuse_create(const leat_host *h, void *self, void *shared)
{
    (void)self, (void)shared;
    return h->fail(h, LEAT_FATAL, "these two options do not go together");
}
static const leat_processor refuse = {.size = sizeof refuse,
                                      .kind = LEAT_TRANSFORM,
                                      .name = "refuse",
                                      .doc = "Refuses.",
                                      .process = nothing,
                                      .create = refuse_create};

/* --- sinks ------------------------------------------------------------------------------------------------------- */

static leat_status encoded_create(const leat_host *h, void *self, void *shared)
{
    (void)self, (void)shared;
    leat_bind(h, LEAT_READ, 0, "$encoded", LEAT_BYTES, 0);
    return LEAT_OK;
}
static const leat_option place_options[] = {
    {.name = "path", .doc = "Where.", .type = LEAT_OPT_TEMPLATE, .flags = LEAT_REQUIRED | LEAT_DESTINATION}};
static leat_status recover(const leat_host *h, void *self, const leat_claim *c, uint64_t *ret_number, uint64_t *ret_id)
{
    (void)h, (void)self, (void)c;
    *ret_number = *ret_id = 0;
    return LEAT_OK;
}
static leat_status prepare(const leat_host *h, void *self, const leat_epoch *e, leat_text *ret_token)
{
    (void)h, (void)self, (void)e, (void)ret_token;
    return LEAT_OK;
}
static void abort_(const leat_host *h, void *self, const leat_epoch *e)
{
    (void)h, (void)self, (void)e;
}
static const leat_sink staged_sink = {.size = sizeof staged_sink,
                                      .class_ = LEAT_STAGED,
                                      .recover = recover,
                                      .begin = begin,
                                      .commit = begin,
                                      .abort = abort_,
                                      .prepare = prepare};
static const leat_processor staged = {.size = sizeof staged,
                                      .kind = LEAT_SINK,
                                      .name = "staged",
                                      .doc = "Staged.",
                                      .flags = LEAT_ONE_LANE,
                                      .options = place_options,
                                      .n_options = LEAT_N(place_options),
                                      .sink = &staged_sink,
                                      .process = nothing,
                                      .create = encoded_create};
static const leat_option index_options[] = {
    {.name = "id", .doc = "Id.", .type = LEAT_OPT_TEMPLATE, .standard = "{$id}"},
    {.name = "version", .doc = "Version.", .type = LEAT_OPT_READ, .column = LEAT_I64, .standard = "$version"},
};
static const leat_sink upsert_sink = {.size = sizeof upsert_sink, .class_ = LEAT_UPSERT, .begin = begin};
static const leat_processor index_ = {.size = sizeof index_,
                                      .kind = LEAT_SINK,
                                      .name = "index",
                                      .doc = "Upserts.",
                                      .flags = LEAT_SLOW,
                                      .options = index_options,
                                      .n_options = LEAT_N(index_options),
                                      .sink = &upsert_sink,
                                      .process = nothing,
                                      .batch_us = 300000,
                                      .max_pending = 3};
static const leat_sink repeat_sink = {.size = sizeof repeat_sink, .class_ = LEAT_REPEAT, .begin = begin};
static const leat_processor screen = {.size = sizeof screen,
                                      .kind = LEAT_SINK,
                                      .name = "screen",
                                      .doc = "Repeats.",
                                      .sink = &repeat_sink,
                                      .process = nothing};

LEAT_PLUGIN("many", "1.2.3", "For tests of the planner.", &bytes, &push, &packets, &numbers, &keep, &put, &fixed,
            &fork_, &newest, &counter, &refuse, &staged, &index_, &screen);
