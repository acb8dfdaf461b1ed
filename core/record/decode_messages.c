/* SPDX-License-Identifier: Apache-2.0 */
/* decode_messages.c: the queue of whole messages, and the batches made of them. */
#include "core/record/decoder_internal.h"

static size_t keep_text(char *to, leat_text *t)
{
    if (t->n)
        memcpy(to, t->data, t->n);
    t->data = to;
    return t->n;
}

/* Messages that were decoded leave the queue, also where it never runs empty. */
static void compact_queue(struct decoder *d)
{
    if (d->next_message < 1024 || d->next_message < d->queue.n / 2)
        return;
    d->queue.n -= d->next_message;
    memmove(d->queue.at, d->queue.at + d->next_message, d->queue.n * sizeof *d->queue.at);
    d->next_message = 0;
}

static bool has_text(const leat_value *v)
{
    return v->type == LEAT_TEXT || v->type == LEAT_BYTES || v->type == LEAT_JSON;
}

void decoder_message(struct decoder *d, uint64_t sequence, leat_text body, leat_text key, int64_t time_us,
                     const leat_value *headers, size_t n_headers)
{
    size_t bytes = body.n + key.n + 1;
    for (size_t i = 0; i < n_headers * 2; i++)
        bytes += has_text(&headers[i]) ? headers[i].as.text.n : 0;
    compact_queue(d);
    d->idle = false;
    struct block *block;
    char *to = pool_inbox(d->pool, bytes, &block);
    struct queued *q = VEC_PUSH(&d->queue);
    *q = (struct queued){.block = block, .at = (size_t)(to - block->data), .n = body.n};
    q->message = (struct message){.sequence = sequence, .key = key, .time_us = time_us, .n_headers = n_headers};
    to += keep_text(to, &body);
    *to++ = '\n'; /* a record that ends here may be written with its line end */
    if (key.data)
        to += keep_text(to, &q->message.key);
    leat_value *copy = n_headers ? arena_alloc(&d->headers, n_headers * 2 * sizeof *copy) : NULL;
    for (size_t i = 0; i < n_headers * 2; i++) {
        copy[i] = headers[i];
        if (has_text(&copy[i]))
            to += keep_text(to, &copy[i].as.text);
    }
    q->message.headers = copy;
}

void messages_drop(struct decoder *d)
{
    for (size_t i = d->next_message; i < d->queue.n; i++)
        block_unref(d->queue.at[i].block);
    d->queue.n = d->next_message = d->message_at = 0;
    d->message_kth = 0;
    d->in_array = false;
    arena_reset(&d->headers);
}

static void message_done(struct decoder *d)
{
    struct queued *q = &d->queue.at[d->next_message++];
    d->next_sequence = q->message.sequence + 1;
    block_unref(q->block);
    d->message_at = 0;
    d->message_kth = 0;
    d->in_array = false;
    if (d->codec.kind == CODEC_CSV && !d->codec.n_columns) {
        csv_names_unref(d->names); /* each message has a header of its own */
        d->names = NULL;
    }
}

static void set_messages(struct decoder *d, struct batch *b, size_t first)
{
    struct root *r = &b->in->root;
    uint32_t n = d->found->message_of[d->found->n - 1] + 1 - (uint32_t)first;
    struct message *messages = batch_alloc(b, n * sizeof *messages);
    uint32_t *of = batch_alloc(b, d->found->n * sizeof *of);
    for (uint32_t i = 0; i < n; i++) {
        messages[i] = d->queue.at[first + i].message;
        if (messages[i].n_headers)
            messages[i].headers = batch_copied(b, messages[i].headers, messages[i].n_headers * 2 * sizeof(leat_value));
    }
    for (uint32_t i = 0; i < d->found->n; i++)
        of[i] = d->found->message_of[i] - (uint32_t)first;
    r->messages = messages;
    r->message_of = of;
    r->kth = batch_copied(b, d->found->kth, d->found->n * sizeof *r->kth);
}

/* Messages of one block. A message is not cut, unless it alone has more records than a batch may have. */
struct batch *messages_next(struct decoder *d, uint32_t max)
{
    size_t first = d->next_message, bytes = 0;
    struct block *block = d->queue.at[first].block;
    block_ref(block);
    const char *base = block->data + d->queue.at[first].at;
    bool own_header = d->codec.kind == CODEC_CSV && !d->codec.n_columns;
    while (d->next_message < d->queue.n && d->found->n < max && bytes < BATCH_BYTES) {
        struct queued *q = &d->queue.at[d->next_message];
        if (q->block != block || (own_header && d->found->n))
            break;
        const char *begin = block->data + q->at, *p = begin + d->message_at;
        struct place_in in = {.base = base,
                              .begin = begin,
                              .end = begin + q->n,
                              .stop = begin + q->n,
                              .last = true,
                              .message = (uint32_t)d->next_message};
        bytes += q->n;
        const char *stop = decode(d, &in, p, LEAT_ROWS_MAX - d->found->n);
        q->message.n_records = d->message_kth;
        if (stop < in.end) {
            d->message_at = (size_t)(stop - begin);
            q->message.n_records = UINT32_MAX; /* more than one, to come */
            break;
        }
        if (own_header && d->found->n) { /* the names belong to the batch that is made now */
            struct batch *b = found_batch(d, block, base);
            set_messages(d, b, first);
            b->kept = (uint32_t)bytes;
            message_done(d);
            found_clear(d);
            block_unref(block);
            return b;
        }
        message_done(d);
    }
    struct batch *b = d->found->n ? found_batch(d, block, base) : NULL;
    if (b) {
        set_messages(d, b, first);
        b->kept = (uint32_t)bytes;
    }
    found_clear(d);
    block_unref(block);
    if (d->next_message == d->queue.n)
        messages_drop(d);
    return b;
}
