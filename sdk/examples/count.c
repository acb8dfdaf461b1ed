/* SPDX-License-Identifier: Apache-2.0 */
/* count.c: a source that counts. It has one partition; its position is the number that comes next, so a restart goes on
 * behind what was committed. */
#include <leat/plugin.h>

enum { FIELD, UPTO };
static const leat_option options[] = {
    [FIELD] = {.name = "field", .doc = "The field with the number.",
               .type = LEAT_OPT_WRITE, .column = LEAT_I64, .standard = "n"},
    [UPTO] = {.name = "upto", .doc = "The last number; the first is 1.",
              .type = LEAT_OPT_I64, .flags = LEAT_REQUIRED, .range = "1.."},
};
struct count {
    leat_partition partition; /* 0: not yet ours */
    uint64_t next;            /* sequence of the record that comes next; its number is one more */
    int ended;
};

static leat_status start(const leat_host *h, void *self)
{
    (void)self;
    h->source->announce(h, leat_text_of("numbers"), leat_text_of("count"), LEAT_OFFERED);
    return LEAT_OK;
}

static leat_status seek(const leat_host *h, void *self, const leat_seek *s, uint32_t n)
{
    struct count *c = self;
    (void)h, (void)n; /* one partition was announced, so n is 1 */
    c->partition = s->partition;
    c->next = s->from.sequence;
    c->ended = 0;
    return LEAT_OK;
}

static leat_status poll(const leat_host *h, void *self, uint32_t room)
{
    struct count *c = self;
    uint64_t left = (uint64_t)h->with[UPTO].as.i64 - c->next;
    uint32_t n = left < room ? (uint32_t)left : room;
    if (!c->partition)
        return LEAT_END; /* another lane counts, or this one has not been told to yet */
    if (left == 0) {
        if (!c->ended)
            h->source->withdraw(h, c->partition, LEAT_ENDED);
        c->ended = 1;
        return LEAT_END;
    }
    if (n == 0)
        return LEAT_OK;
    leat_out *out = h->derive(h, NULL, NULL, n);
    int64_t *number = leat_write_i64(h, out, h->with[FIELD].as.field);
    for (uint32_t i = 0; i < n; i++)
        number[i] = (int64_t)(c->next + i + 1);
    h->source->place(h, out, c->partition, c->next, NULL);
    h->send(h, out, 0);
    c->next += n;
    return LEAT_OK;
}

static const leat_port outputs[] = {{.name = "out", .doc = "The numbers.", .flags = LEAT_NEW_RECORDS}};
static const leat_source source = {.size = sizeof source, .class_ = LEAT_SEEKABLE, .poll = poll, .seek = seek};
static const leat_processor count = {
    .size = sizeof count,
    .kind = LEAT_SOURCE,
    .name = "count",
    .doc = "Counts up to a number.",
    .instance_bytes = sizeof(struct count),
    .options = options,
    .n_options = LEAT_N(options),
    .outputs = outputs,
    .n_outputs = LEAT_N(outputs),
    .source = &source,
    .start = start,
};
LEAT_PLUGIN("count", "1.0.0", "A source that counts.", &count);
