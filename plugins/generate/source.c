/* SPDX-License-Identifier: Apache-2.0 */
/* source.c: the source `generate`: the company, or plain load, as one partition that can be read on from any record. */
#include "books.h"
#include "company.h"
#include "record.h"
#include "snapshot.h"
#include "synthetic.h"

#include <leat/plugin.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

enum { SHAPE, SEED, RATE, COUNT, UNTIL, DEFECTS_SHARE, BOOKS };
enum { SUPPLY_CHAIN, SYNTHETIC };
static const leat_option options[] = {
    [SHAPE] =
        {.name = "shape",
         .doc =
             "supply-chain: what the systems of a simulated company tell, five topics in one stream (field `topic`). "
             "synthetic: records of 249 bytes, made as fast as can be.",
         .type = LEAT_OPT_CHOICE,
         .standard = "supply-chain",
         .choices = "supply-chain|synthetic"},
    [SEED] = {.name = "seed",
              .doc = "The same seed gives the same records, byte for byte.",
              .type = LEAT_OPT_I64,
              .standard = "1"},
    [RATE] = {.name = "rate",
              .doc = "At most so many records; not given: as fast as the flow takes them.",
              .type = LEAT_OPT_RATE},
    [COUNT] = {.name = "count",
               .doc = "Ends after so many records; 0: never.",
               .type = LEAT_OPT_I64,
               .standard = "0",
               .range = "0.."},
    [UNTIL] = {.name = "until",
               .doc = "supply-chain: ends when the company's calendar, which begins on 2026-01-05, reaches this time.",
               .type = LEAT_OPT_TIME},
    [DEFECTS_SHARE] =
        {.name = "defects",
         .doc = "supply-chain: share of the records that are damaged on purpose: a word in a number, a time that "
                "does not exist, a field that is missing.",
         .type = LEAT_OPT_F64,
         .standard = "0.001",
         .range = "0..1"},
    [BOOKS] =
        {.name = "books",
         .doc = "supply-chain: file to which the simulator writes the truth (NDJSON): every stock-out, late delivery, "
                "breakdown and defect, and the audit of every day. Written only by runs that keep a state.",
         .type = LEAT_OPT_TEXT},
};

enum {
    CHUNK = 1024,
    BUFFER = 1 << 20,
    SYNTHETIC_CHUNK = BUFFER / SYNTHETIC_BYTES,
    SNAPSHOT_EVERY = 1 << 18,
    SAVE_EVERY_US = 5000000
};
struct generate {
    leat_partition partition;
    bool ready, ended;      /* ready: the host said where to begin */
    uint64_t sequence;      /* synthetic: of the next record */
    double credit;          /* records that `rate` allows now */
    int64_t credited_us;
    struct company *company, *earlier; /* earlier: a snapshot, not yet saved while has_earlier */
    bool has_earlier;
    int64_t saved_us;
    struct books_file books;
    char *buffer;           /* BUFFER bytes */
    leat_message *messages; /* CHUNK of them */
    char snapshot_path[PATH_MAX]; /* "": this run keeps nothing */
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool is_synthetic(const leat_host *h)
{
    return h->with[SHAPE].as.i64 == SYNTHETIC;
}

static uint64_t seed_of(const leat_host *h)
{
    return (uint64_t)h->with[SEED].as.i64;
}

static bool keeps_books(const leat_host *h)
{
    return !is_synthetic(h) && h->with[BOOKS].type != LEAT_NULL && h->place->folder.n;
}

/* --- beginning and ending ---------------------------------------------------------------------------------------- */

static leat_status create(const leat_host *h, void *self, void *shared)
{
    struct generate *g = self;
    (void)shared;
    g->books.fd = -1;
    if (is_synthetic(h) && (h->with[BOOKS].type != LEAT_NULL || h->with[UNTIL].type != LEAT_NULL))
        return h->fail(h, LEAT_FATAL,
                       "`books` and `until` belong to `shape: supply-chain`; remove them, or use `count`");
    if (h->with[UNTIL].type != LEAT_NULL && h->with[UNTIL].as.i64 <= COMPANY_START * 1000000)
        return h->fail(h, LEAT_FATAL,
                       "`until` is before the company's first day; give a time after 2026-01-05T00:00:00Z");
    return LEAT_OK;
}

static void set_snapshot_path(const leat_host *h, struct generate *g)
{
    const leat_place *p = h->place;
    int n = snprintf(g->snapshot_path, sizeof g->snapshot_path, "%.*s/%.*s.company", (int)p->folder.n, p->folder.data,
                     (int)p->processor.n, p->processor.data);
    if (!p->folder.n || n >= (int)sizeof g->snapshot_path)
        g->snapshot_path[0] = 0;
}

static leat_status start(const leat_host *h, void *self)
{
    struct generate *g = self;
    g->ready = g->ended = g->has_earlier = false;
    g->credit = 0;
    g->credited_us = g->saved_us = now_us();
    set_snapshot_path(h, g);
    if (!is_synthetic(h) && !g->buffer) {
        g->buffer = malloc(BUFFER);
        g->messages = calloc(CHUNK, sizeof *g->messages);
        g->company = calloc(1, sizeof *g->company);
        g->earlier = calloc(1, sizeof *g->earlier);
        if (!g->buffer || !g->messages || !g->company || !g->earlier)
            return h->fail(h, LEAT_FATAL, "no memory for the simulated company, which needs 2 MiB");
    }
    g->partition = h->source->announce(h, leat_text_of(is_synthetic(h) ? "synthetic" : "company"),
                                       leat_text_of("generate"), LEAT_OFFERED);
    return LEAT_OK;
}

static void stop(const leat_host *h, void *self)
{
    struct generate *g = self;
    if (g->books.fd >= 0 && g->ready) {
        char *to = books_room(&g->books, RECORD_MAX);
        if (to)
            books_wrote(&g->books, books_end(to, g->company));
        if (books_flush(&g->books) < 0)
            h->log(h, LEAT_ERROR, "cannot write the last lines of the books; a score will miss them");
    }
    books_close(&g->books);
    g->ready = false;
}

static void destroy(const leat_host *h, void *self)
{
    struct generate *g = self;
    (void)h;
    books_close(&g->books);
    free(g->buffer);
    free(g->messages);
    free(g->company);
    free(g->earlier);
}

/* --- positions --------------------------------------------------------------------------------------------------- */

/* The company as it was when record `sequence` was the next: from a snapshot before that, or from its first day. */
static void go_to(const leat_host *h, struct generate *g, uint64_t sequence)
{
    if (g->has_earlier && g->earlier->sequence <= sequence)
        memcpy(g->company, g->earlier, sizeof *g->company);
    else if (!g->snapshot_path[0] || !snapshot_load(g->snapshot_path, g->company, seed_of(h), sequence))
        company_init(g->company, seed_of(h));
    g->has_earlier = false;
    company_skip(g->company, sequence);
}

static leat_status seek(const leat_host *h, void *self, const leat_seek *s, uint32_t n)
{
    struct generate *g = self;
    if (!n)
        return LEAT_OK;
    g->ready = true;
    g->ended = false;
    if (is_synthetic(h)) {
        g->sequence = s->from.sequence / SYNTHETIC_BYTES; /* the host counts bytes */
        return LEAT_OK;
    }
    go_to(h, g, s->from.sequence);
    leat_text path = h->with[BOOKS].as.text;
    if (!keeps_books(h))
        return LEAT_OK;
    int r = books_open(&g->books, path.data, path.n, s->from.sequence);
    return r == 0 ? LEAT_OK
                  : leat_failf(h, LEAT_FATAL, "cannot write the books to %.*s: %s; give another file as `books`",
                               (int)path.n, path.data, strerror(-r));
}

static void committed(const leat_host *h, void *self, leat_partition p, const leat_position *upto)
{
    struct generate *g = self;
    int64_t now = now_us();
    (void)p;
    if (!g->has_earlier || g->earlier->sequence > upto->sequence || !g->snapshot_path[0] ||
        now - g->saved_us < SAVE_EVERY_US)
        return;
    g->saved_us = now;
    snapshot_save(g->snapshot_path, g->earlier, seed_of(h)); /* only a shortcut: without it the start takes longer */
    g->has_earlier = false;
}

/* --- making ------------------------------------------------------------------------------------------------------ */

static leat_status end(const leat_host *h, struct generate *g)
{
    if (!g->ended)
        h->source->withdraw(h, g->partition, LEAT_ENDED);
    g->ended = true;
    return LEAT_END;
}

/* How many records may be made now. */
static uint32_t allowed(const leat_host *h, struct generate *g, uint32_t room, uint64_t sequence)
{
    uint64_t count = (uint64_t)h->with[COUNT].as.i64, n = room;
    if (h->with[RATE].type != LEAT_NULL) {
        int64_t now = now_us();
        double rate = h->with[RATE].as.f64, most = rate > 1 ? rate : 1; /* a second's worth */
        g->credit += (double)(now - g->credited_us) * rate / 1e6;
        g->credit = g->credit < most ? g->credit : most;
        g->credited_us = now;
        n = g->credit < (double)n ? (uint64_t)g->credit : n;
    }
    if (count && count - sequence < n)
        n = count - sequence;
    return (uint32_t)n;
}

static void spend(struct generate *g, uint32_t n)
{
    g->credit -= g->credit < n ? g->credit : n;
}

static uint64_t defects_of_2_32(const leat_host *h)
{
    return (uint64_t)(h->with[DEFECTS_SHARE].as.f64 * 4294967296.0);
}

static void note(struct generate *g, const struct event *e, enum defect d)
{
    char *to = g->books.fd < 0 ? NULL : books_room(&g->books, RECORD_MAX);
    if (!to)
        return;
    books_wrote(&g->books, e->topic == DAY_CLOSED ? books_day(to, g->company, e) : books_event(to, e, d));
}

/* At most n records into the buffer; their number. It is less at the end of the calendar too (*ret_over). */
static uint32_t make(const leat_host *h, struct generate *g, uint32_t n, bool *ret_over)
{
    int64_t until = h->with[UNTIL].type == LEAT_NULL ? INT64_MAX : h->with[UNTIL].as.i64;
    uint64_t of_2_32 = defects_of_2_32(h), seed = seed_of(h);
    uint32_t made = 0;
    for (char *to = g->buffer; made < n && to + RECORD_MAX <= g->buffer + BUFFER;) {
        struct piece key;
        int64_t next_us = company_peek(g->company) * 1000000;
        if (next_us >= until) {
            *ret_over = true;
            break;
        }
        const struct event *e = company_next(g->company);
        if (e->topic == DAY_CLOSED) {
            note(g, e, NO_DEFECT);
            continue;
        }
        enum defect d = record_defect(seed, e->sequence, of_2_32);
        size_t bytes = record_write(to, e, d, &key);
        note(g, e, d);
        g->messages[made++] = (leat_message){.sequence = e->sequence, .body = {to, bytes}, .key = {key.at, key.n},
                                             .time_us = e->at * 1000000};
        to += bytes;
    }
    return made;
}

static void keep_snapshot(struct generate *g)
{
    if (!g->snapshot_path[0] || g->has_earlier || g->company->sequence % SNAPSHOT_EVERY >= CHUNK)
        return;
    memcpy(g->earlier, g->company, sizeof *g->earlier);
    g->has_earlier = true;
}

static leat_status poll_company(const leat_host *h, struct generate *g, uint32_t room)
{
    bool over = false;
    uint32_t n = allowed(h, g, room < CHUNK ? room : CHUNK, g->company->sequence);
    if (!n)
        return h->with[COUNT].as.i64 && (int64_t)g->company->sequence >= h->with[COUNT].as.i64 ? end(h, g) : LEAT_AGAIN;
    keep_snapshot(g);
    uint32_t made = make(h, g, n, &over);
    spend(g, made);
    if (made)
        h->source->feed(h, g->partition, g->messages, made, NULL);
    if (books_flush(&g->books) < 0)
        return h->fail(h, LEAT_FATAL, "cannot write to the books; free some space, or give another file as `books`");
    return over ? end(h, g) : LEAT_OK;
}

static leat_status poll_synthetic(const leat_host *h, struct generate *g, uint32_t room)
{
    uint32_t n = allowed(h, g, room < SYNTHETIC_CHUNK ? room : SYNTHETIC_CHUNK, g->sequence);
    if (!n)
        return h->with[COUNT].as.i64 && (int64_t)g->sequence >= h->with[COUNT].as.i64 ? end(h, g) : LEAT_AGAIN;
    synthetic_write(h->source->space(h, g->partition, (size_t)n * SYNTHETIC_BYTES), seed_of(h), g->sequence, n);
    h->source->fill(h, g->partition, (size_t)n * SYNTHETIC_BYTES);
    g->sequence += n;
    spend(g, n);
    return LEAT_OK;
}

static leat_status poll(const leat_host *h, void *self, uint32_t room)
{
    struct generate *g = self;
    if (g->ended)
        return LEAT_END;
    if (!g->ready || !room)
        return LEAT_AGAIN;
    return is_synthetic(h) ? poll_synthetic(h, g, room) : poll_company(h, g, room);
}

static const leat_source source = {
    .size = sizeof source, .class_ = LEAT_SEEKABLE, .poll = poll, .seek = seek, .committed = committed};
static const leat_processor generate = {
    .size = sizeof generate,
    .kind = LEAT_SOURCE,
    .name = "generate",
    .doc = "What the systems of a simulated company would send, or plain load.",
    .flags = LEAT_ONE_LANE,
    .needs = LEAT_NEEDS_FILES,
    .instance_bytes = sizeof(struct generate),
    .n_options = LEAT_N(options),
    .options = options,
    .source = &source,
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
};
LEAT_PLUGIN("generate", "1.0.0", "A simulated company, and plain load.", &generate);
