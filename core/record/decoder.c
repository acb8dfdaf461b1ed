/* SPDX-License-Identifier: Apache-2.0 */
/* decoder.c: bytes and messages of one partition become batches; owns positions and streams. */
#include "core/record/decoder_internal.h"

#include <stdarg.h>

enum { RAW_KEPT = 64 << 10, DEPTH_LIMIT = 4096 };

bool record_scalar;

void codec_default(struct codec *c, enum codec_kind kind)
{
    *c = (struct codec){
        .kind = kind, .delimiter = ',', .quote = '"', .header = true, .max_record = 16 << 20, .max_depth = 128};
}

const char *codec_name(enum codec_kind kind)
{
    static const char *const names[] = {"json", "csv", "text", "raw"};
    return names[kind];
}

static void copy_codec(struct codec *to, const struct codec *from)
{
    *to = *from;
    to->columns = xcalloc(from->n_columns, sizeof *to->columns);
    for (size_t i = 0; i < from->n_columns; i++)
        to->columns[i] = (leat_text){xstrndup(from->columns[i].data, from->columns[i].n), from->columns[i].n};
    if (to->max_depth > DEPTH_LIMIT)
        to->max_depth = DEPTH_LIMIT;
}

struct decoder *decoder_new(const struct codec *codec, const struct paths *paths, struct pool *pool,
                            struct origin *origin)
{
    struct decoder *d = xcalloc(1, sizeof *d);
    copy_codec(&d->codec, codec);
    d->paths = paths;
    d->pool = pool;
    d->found = pool_found(pool);
    d->origin = origin_ref(origin);
    d->compression = codec->compression;
    d->line = 1;
    if (codec->kind == CODEC_CSV && codec->n_columns)
        csv_fixed_names(d);
    if (codec->kind == CODEC_JSON && !record_scalar)
        d->shapes = shapes_new(d->codec.max_depth, paths_count(paths));
    return d;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    messages_drop(d);
    VEC_FINI(&d->queue);
    VEC_FINI(&d->rejected);
    arena_fini(&d->headers);
    arena_fini(&d->texts);
    block_unref(d->block);
    inflater_free(d->inflater);
    csv_names_unref(d->names);
    buf_fini(&d->state);
    buf_fini(&d->header);
    for (size_t i = 0; i < d->codec.n_columns; i++)
        free((char *)d->codec.columns[i].data);
    free(d->codec.columns);
    free(d->input);
    shapes_unref(d->shapes);
    origin_unref(d->origin);
    free(d);
}

/* A state that begins with such a byte says that the position is inside of a record that was too long, and where in it;
 * or only that the header follows, if that begins with such a byte itself. */
enum { MARK_HEADER = 0x17, MARK_SKIPPING = 0x18, MARK_LAST = MARK_SKIPPING + SKIP_QUOTE };

static bool is_mark(leat_text t)
{
    return t.n && *t.data >= MARK_HEADER && *t.data <= MARK_LAST;
}

static void take_mark(struct decoder *d, leat_text *state)
{
    if (!is_mark(*state))
        return;
    d->skipping = *state->data != MARK_HEADER;
    d->skip = d->skipping ? (enum csv_skip)(*state->data - MARK_SKIPPING) : SKIP_START;
    state->data++;
    state->n--;
}

int decoder_seek(struct decoder *d, uint64_t offset, leat_text state, struct err *err)
{
    messages_drop(d);
    block_unref(d->block);
    inflater_free(d->inflater);
    d->block = NULL;
    d->inflater = NULL;
    d->begin = d->filled = d->seen = 0;
    d->offset = d->next_sequence = offset;
    d->line = offset ? 0 : 1;
    d->started = d->ended = d->dead = d->skipping = d->idle = false;
    d->compression = d->codec.compression;
    d->to_skip = offset;
    d->header.n = 0;
    take_mark(d, &state);
    if (d->codec.kind == CODEC_CSV && !d->codec.n_columns) {
        csv_names_unref(d->names);
        d->names = NULL;
        if (state.n && !csv_set_names(d, state.data, state.data + state.n))
            return err_set(err, EINVAL,
                           "the header that was kept for %s is no csv record; start the source from the beginning",
                           codec_name(d->codec.kind));
    }
    return 0;
}

/* --- streams --- */

/* Room for n bytes behind what is there; what is not decoded moves along: a long record twice as far each time. */
static char *block_space(struct decoder *d, size_t n)
{
    size_t kept = d->filled - d->begin;
    if (!d->block || d->block->size - d->filled < n) {
        struct block *fresh = block_new(d->pool, kept > n ? (kept + n) * 2 : kept + n);
        if (kept)
            memcpy(fresh->data, d->block->data + d->begin, kept);
        block_unref(d->block);
        d->block = fresh;
        d->begin = 0;
        d->filled = kept;
    }
    return d->block->data + d->filled;
}

char *decoder_space(struct decoder *d, size_t n)
{
    if (!d->inflater)
        return block_space(d, n);
    if (d->input_room < n)
        d->input = xrealloc(d->input, d->input_room = n);
    return d->input;
}

/* The first bytes tell whether the stream is compressed; then they are no records. */
static void start_stream(struct decoder *d)
{
    const char *first = d->block ? d->block->data + d->begin : "";
    size_t n = d->filled - d->begin;
    enum compression kind = d->compression == COMPRESSION_AUTO ? compression_of(first, n) : d->compression;
    if (d->compression == COMPRESSION_AUTO && n < 4 && !d->ended && (n == 0 || *first == '\x1f' || *first == '\x28'))
        return;
    d->started = true;
    if (kind != COMPRESSION_NONE) {
        d->inflater = inflater_new(kind);
        inflater_add(d->inflater, first, n);
        d->filled = d->begin;
    }
}

void decoder_fill(struct decoder *d, size_t n)
{
    d->idle = false;
    if (d->inflater)
        inflater_add(d->inflater, d->input, n);
    else
        d->filled += n;
    if (!d->started)
        start_stream(d);
}

void decoder_end(struct decoder *d)
{
    d->ended = true;
    d->idle = false;
    if (!d->started)
        start_stream(d);
}

/* The byte order mark that some programs put before UTF-8. */
static void skip_mark(struct decoder *d)
{
    if (d->offset || d->codec.kind == CODEC_RAW || d->filled - d->begin < 3)
        return;
    if (memcmp(d->block->data + d->begin, "\xef\xbb\xbf", 3))
        return;
    d->begin += 3;
    d->offset += 3;
    d->seen = 0;
}

/* Plain bytes, less those before the place that was sought. As inflater_take. */
static ssize_t take_behind_skipped(struct decoder *d, char *to, size_t room)
{
    for (;;) {
        ssize_t n = inflater_take(d->inflater, to, room);
        if (n <= 0 || !d->to_skip)
            return n;
        size_t skipped = (uint64_t)n < d->to_skip ? (size_t)n : (size_t)d->to_skip;
        d->to_skip -= skipped;
        memmove(to, to + skipped, (size_t)n - skipped);
        if ((size_t)n > skipped)
            return n - (ssize_t)skipped;
    }
}

/* More plain bytes from the compressed ones. */
static bool inflate_more(struct decoder *d)
{
    if (!d->inflater || d->dead)
        return false;
    char *to = block_space(d, 64 << 10);
    ssize_t n = take_behind_skipped(d, to, d->block->size - d->filled);
    bool cut = n == 0 && d->ended && !inflater_between(d->inflater);
    if (n < 0 || cut) {
        d->dead = true;
        uint64_t at = d->offset + d->filled - d->begin;
        reject(d, (leat_text){"", 0}, at, 0, "compression",
               cut ? "the compressed stream ends too early, at byte %llu of its contents"
                   : "the compressed stream is damaged; nothing can be read behind byte %llu of its contents",
               (unsigned long long)at);
        return false;
    }
    d->filled += (size_t)n;
    return n > 0;
}

/* --- records --- */

void reject(struct decoder *d, leat_text raw, uint64_t sequence, uint64_t line, const char *code, const char *format,
            ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (raw.n > RAW_KEPT)
        raw.n = RAW_KEPT;
    leat_text reason = {text, n < (int)sizeof text ? (size_t)n : sizeof text - 1};
    *VEC_PUSH(&d->rejected) = (struct rejected){.raw = arena_text(&d->texts, raw),
                                                .sequence = sequence,
                                                .line = line,
                                                .code = code,
                                                .reason = arena_text(&d->texts, reason),
                                                .origin = d->origin};
}

uint64_t sequence_at(const struct decoder *d, const struct place_in *in, const char *p)
{
    if (in->message != UINT32_MAX)
        return d->queue.at[in->message].message.sequence;
    return d->offset + (uint64_t)(p - in->begin);
}

struct record *found_add(struct decoder *d, const struct place_in *in, const char *at, size_t n)
{
    struct found *f = d->found;
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 1024;
        f->records = xrealloc(f->records, f->cap * sizeof *f->records);
        f->message_of = xrealloc(f->message_of, f->cap * sizeof *f->message_of);
        f->kth = xrealloc(f->kth, f->cap * sizeof *f->kth);
    }
    f->message_of[f->n] = in->message;
    f->kth[f->n] = d->message_kth++;
    f->records[f->n] = (struct record){.at = (uint32_t)(at - in->base), .n = (uint32_t)n};
    return &f->records[f->n++];
}

struct slot *found_slots(struct decoder *d, size_t n)
{
    struct found *f = d->found;
    if (UNLIKELY(f->cap_slots - f->n_slots < n)) {
        f->cap_slots = f->cap_slots * 2 + n;
        f->slots = xrealloc(f->slots, f->cap_slots * sizeof *f->slots);
    }
    return f->slots + f->n_slots;
}

uint64_t line_number(const struct decoder *d, const struct place_in *in)
{
    return in->message == UINT32_MAX ? d->line : 0;
}

bool reject_utf8(struct decoder *d, struct place_in *in, leat_text t)
{
    size_t good = utf8_check(t.data, t.n);
    if (LIKELY(good == t.n))
        return false;
    reject(d, t, sequence_at(d, in, t.data), line_number(d, in), "utf8", "byte %zu (0x%02x) is no UTF-8", good + 1,
           (unsigned char)t.data[good]);
    return true;
}

bool too_long(struct decoder *d, struct place_in *in, const char *p, size_t n)
{
    if (n <= d->codec.max_record)
        return false;
    reject(d, (leat_text){p, n}, sequence_at(d, in, p), in->message == UINT32_MAX ? d->line : 0, "too_long",
           "the record is longer than max_record (%zu bytes); raise it in the source's codec, or mend the producer",
           d->codec.max_record);
    return true;
}

bool unended_too_long(struct decoder *d, struct place_in *in, const char *p)
{
    size_t n = (size_t)(in->end - p);
    return too_long(d, in, p, n - (n && in->end[-1] == '\r')); /* that may belong to the line end */
}

const char *decode(struct decoder *d, struct place_in *in, const char *p, uint32_t max)
{
    switch (d->codec.kind) {
    case CODEC_JSON:
        return in->message == UINT32_MAX ? decode_json(d, in, p, max) : decode_json_message(d, in, p, max);
    case CODEC_CSV:
        return decode_csv(d, in, p, max);
    case CODEC_TEXT:
        return decode_text(d, in, p, max);
    default:
        return decode_raw(d, in, p, max);
    }
}

void *batch_copied(struct batch *b, const void *from, size_t bytes)
{
    return memcpy(batch_alloc(b, bytes), from, bytes);
}

struct batch *found_batch(struct decoder *d, struct block *block, const char *base)
{
    static const enum root_kind kinds[] = {ROOT_JSON, ROOT_CSV, ROOT_TEXT, ROOT_RAW};
    struct found *f = d->found;
    struct batch *b = batch_new(d->pool, d->paths, f->n);
    struct root *r = &b->in->root;
    r->kind = kinds[d->codec.kind];
    r->base = base;
    r->records = batch_copied(b, f->records, f->n * sizeof *f->records);
    r->block = block_ref(block);
    r->origin = origin_ref(d->origin);
    if (d->names) {
        __atomic_fetch_add(&d->names->refs, 1, __ATOMIC_RELAXED);
        r->names = d->names;
        r->fields = batch_copied(b, f->fields, f->n_fields * sizeof *f->fields);
    }
    if (f->n_slots) {
        r->shapes = shapes_ref(d->shapes);
        r->slots = batch_copied(b, f->slots, f->n_slots * sizeof *f->slots);
    }
    b->in->sealed = true;
    return b;
}

void found_clear(struct decoder *d)
{
    d->found->n = 0;
    d->found->n_fields = 0;
    d->found->n_slots = 0;
}

/* Everything whole of the stream, up to max records. */
static struct batch *next_of_stream(struct decoder *d, uint32_t max)
{
    if (!d->started || !d->block)
        return NULL;
    skip_mark(d);
    const char *base = d->block->data + d->begin;
    struct place_in in = {.base = base, .begin = base, .end = d->block->data + d->filled, .message = UINT32_MAX};
    in.last = d->ended && (!d->inflater || (!d->dead && inflater_between(d->inflater)));
    in.stop = in.end - base > BATCH_BYTES ? base + BATCH_BYTES : in.end;
    if (in.last)
        *(char *)in.end = '\n'; /* as in decoder_message; nothing will be put there any more */
    uint64_t first = d->offset, line = d->line;
    const char *stop = decode(d, &in, base, max);
    struct batch *b = d->found->n ? found_batch(d, d->block, base) : NULL;
    if (b) {
        b->in->root.first = first;
        b->in->root.first_line = line;
        b->kept = (uint32_t)(stop - base);
    }
    d->offset += (uint64_t)(stop - base);
    d->begin += (size_t)(stop - base);
    d->seen = stop == base ? d->seen : 0;
    found_clear(d);
    return b;
}

struct batch *decoder_next(struct decoder *d, uint32_t max_rows)
{
    struct batch *b = NULL;
    uint32_t max = max_rows < 1 ? 1 : max_rows > LEAT_ROWS_MAX ? LEAT_ROWS_MAX : max_rows;
    d->rejected.n = 0;
    arena_reset(&d->texts);
    while (!b && d->next_message < d->queue.n)
        b = messages_next(d, max);
    while (!b) {
        uint64_t before = d->offset;
        b = next_of_stream(d, max);
        if (!b && d->offset == before && !inflate_more(d)) {
            b = next_of_stream(d, max); /* what has no end is whole if the input ended just now */
            break;
        }
    }
    d->idle = !b;
    if (d->idle && d->begin == d->filled && d->block) { /* nothing of it is needed any more by this decoder */
        block_unref(d->block);
        d->block = NULL;
        d->begin = d->filled = 0;
    }
    return b;
}

const struct rejected *decoder_rejected(struct decoder *d, size_t *ret_n)
{
    *ret_n = d->rejected.n;
    return d->rejected.at;
}

uint64_t decoder_position(const struct decoder *d)
{
    return d->next_sequence > d->offset ? d->next_sequence : d->offset;
}

leat_text decoder_state(const struct decoder *d)
{
    struct decoder *own = (struct decoder *)d; /* where the text is put together */
    if (!d->skipping && !is_mark(buf_view(&d->header)))
        return buf_view(&d->header);
    own->state.n = 0;
    buf_char(&own->state, (char)(d->skipping ? MARK_SKIPPING + d->skip : MARK_HEADER));
    buf_text(&own->state, buf_view(&d->header));
    return buf_view(&own->state);
}

bool decoder_waiting(const struct decoder *d)
{
    size_t n = d->filled - d->begin - d->seen;
    if (d->idle)
        return false;
    if (d->next_message < d->queue.n)
        return true;
    if (!d->started)
        return false;
    if (d->inflater && !d->dead && (inflater_pending(d->inflater) || (d->ended && !inflater_between(d->inflater))))
        return true;
    if (!n)
        return false;
    const char *p = d->block->data + d->begin + d->seen;
    return d->ended || (d->codec.kind != CODEC_RAW && memchr(p, '\n', n)) ||
           (d->codec.kind == CODEC_CSV && memchr(p, '\r', n));
}
