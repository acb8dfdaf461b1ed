/* SPDX-License-Identifier: Apache-2.0 */
/* source.c: reads files, those that grow too, from where the host says, and puts them away when all of it is committed.
 */
#include "follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const leat_option after_rows[] = {
    [AFTER_DO] = {.name = "do",
                  .doc = "Leave it where it is, or delete it.",
                  .type = LEAT_OPT_CHOICE,
                  .flags = LEAT_BARE,
                  .standard = "keep",
                  .choices = "keep|delete"},
    [AFTER_MOVE] = {.name = "move",
                    .doc = "Move it to this folder, which must be on the same file system.",
                    .type = LEAT_OPT_TEXT},
};
static const leat_option options[] = {
    [OPTION_PATHS] =
        {.name = "paths",
         .doc = "Files to read; names may hold the wildcards * ? [...]; new files that match are found every second.",
         .type = LEAT_OPT_TEXT,
         .flags = LEAT_REQUIRED | LEAT_MANY},
    [OPTION_START] = {.name = "start",
                      .doc = "Where to begin in files that are there at the first start; later ones are read whole.",
                      .type = LEAT_OPT_CHOICE,
                      .standard = "beginning",
                      .choices = "beginning|end"},
    [OPTION_UNTIL] = {.name = "until",
                      .doc = "Read what is there now, then finish.",
                      .type = LEAT_OPT_CHOICE,
                      .choices = "end"},
    [OPTION_SETTLE] =
        {.name = "settle",
         .doc = "How long a file must be unchanged to count as finished, where that matters (`after`, rotated files).",
         .type = LEAT_OPT_DURATION,
         .standard = "5s",
         .range = "0s.."},
    [OPTION_AFTER] =
        {.name = "after",
         .doc = "What becomes of a finished file once all of it is committed: keep, delete, or {move: FOLDER}.",
         .type = LEAT_OPT_GROUP,
         .rows = after_rows,
         .n_rows = LEAT_N(after_rows)},
};
enum { METRIC_FILES, METRIC_UNREADABLE };
static const leat_metric metrics[] = {
    [METRIC_FILES] = {.name = "files", .doc = "Files that are followed.", .kind = LEAT_GAUGE},
    [METRIC_UNREADABLE] = {.name = "unreadable_files",
                           .doc = "Files that could not be read at the last look.",
                           .kind = LEAT_GAUGE},
};
enum { CHUNKS_IN_A_ROW = 64, CHECK_EVERY_US = 100000, SAMPLE_BYTES = 4096 };

/* --- beginning and ending ---------------------------------------------------------------------------------------- */

static bool until_end(const leat_host *h)
{
    return h->with[OPTION_UNTIL].type != LEAT_NULL;
}

static const leat_value *after(const leat_host *h)
{
    return h->with[OPTION_AFTER].as.list.at;
}

static bool puts_away(const leat_host *h)
{
    return after(h)[AFTER_MOVE].type != LEAT_NULL || after(h)[AFTER_DO].as.i64 == DO_DELETE;
}

/* Behind the last line end of what is there now, so that reading does not begin in the middle of a line. */
static uint64_t last_line_end(const struct followed *e)
{
    char tail[4096];
    uint64_t at = e->size;
    while (at > 0) {
        size_t n = at < sizeof tail ? at : sizeof tail;
        ssize_t got = pread(e->fd, tail, n, (off_t)(at - n));
        if (got <= 0)
            return e->size;
        const char *line_end = memrchr(tail, '\n', (size_t)got);
        if (line_end)
            return at - n + (uint64_t)(line_end - tail) + 1;
        at -= n;
    }
    return 0;
}

/* `start: end` for a file that was never read before. */
static void begin_at_end(const leat_host *h, struct followed *e)
{
    leat_position p = {e->compressed ? e->size : last_line_end(e), {NULL, 0}};
    e->from_end = false;
    h->source->feed(h, e->partition, NULL, 0, &p);
    e->offset = p.sequence;
}

static void end(const leat_host *h, struct followed *e)
{
    e->ended = true;
    h->source->withdraw(h, e->partition, LEAT_ENDED);
}

/* All of it was read, and nothing more will come? */
static bool is_finished(const leat_host *h, const struct follow *f, const struct followed *e, int64_t now_us)
{
    if (until_end(h))
        return true;
    return (puts_away(h) || e->look != f->looks) && now_us - e->quiet_since_us >= h->with[OPTION_SETTLE].as.i64;
}

/* --- putting away ------------------------------------------------------------------------------------------------ */

/* DIR/NAME, or DIR/NAME.1 and so on when that is taken. The folder is made when it is missing. */
static bool free_name(char ret[4096], leat_text folder, const char *path)
{
    snprintf(ret, 4096, "%.*s", (int)folder.n, folder.data);
    if (folder.n < 4096 && mkdir(ret, 0755) < 0 && errno != EEXIST)
        return false;
    errno = ENAMETOOLONG;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (unsigned k = 0; k < 10000; k++) {
        int n = snprintf(ret, 4096, "%.*s/%s", (int)folder.n, folder.data, name);
        if (k && n < 4096)
            n += snprintf(ret + n, (size_t)(4096 - n), ".%u", k);
        if (n >= 4096)
            return false;
        if (access(ret, F_OK) != 0)
            return true;
    }
    return false;
}

static void put_away(const leat_host *h, struct followed *e)
{
    struct stat st;
    char to[4096];
    bool moves = after(h)[AFTER_MOVE].type != LEAT_NULL;
    if (e->dead || stat(e->path, &st) != 0 || st.st_ino != e->ino || st.st_dev != e->dev)
        return; /* something else has that name now */
    errno = ENAMETOOLONG;
    if (moves ? free_name(to, after(h)[AFTER_MOVE].as.text, e->path) && rename(e->path, to) == 0 : unlink(e->path) == 0)
        return;
    char sentence[512];
    snprintf(sentence, sizeof sentence, "cannot %s %s, which is read and committed: %s", moves ? "move" : "delete",
             e->path, strerror(errno));
    h->log(h, LEAT_ERROR, sentence);
}

static void release(const leat_host *h, void *self, const leat_partition *p, uint32_t n)
{
    struct follow *f = self;
    for (uint32_t i = 0; i < n; i++) {
        struct followed *e = follow_find(f, p[i]);
        if (!e)
            continue;
        follow_close(f, e);
        if (!e->ended) {
            e->mine = false; /* another lane has it now */
            continue;
        }
        if (puts_away(h) && !e->dead)
            put_away(h, e);
        if (e->dead || puts_away(h) || e->look != f->looks)
            follow_forget(f, e);
    }
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static leat_status seek(const leat_host *h, void *self, const leat_seek *s, uint32_t n)
{
    struct follow *f = self;
    for (uint32_t i = 0; i < n; i++) {
        struct followed *e = follow_find(f, s[i].partition);
        if (!e)
            continue;
        e->mine = true;
        if (e->dead) { /* what was not committed of it is gone */
            h->source->withdraw(h, e->partition, LEAT_ENDED);
            continue;
        }
        e->at_end = e->ended = false;
        e->offset = e->compressed ? 0 : s[i].from.sequence; /* the host skips what it has of compressed ones */
        e->from_end = !s[i].known && e->first && h->with[OPTION_START].as.i64 == 1;
        e->quiet_since_us = follow_now_us();
        if (!e->compressed && e->offset > e->size)
            e->offset = e->size + 1; /* truncated while nobody looked: `follow_open` sees it */
    }
    return LEAT_OK;
}

static void hold(const leat_host *h, void *self, const leat_partition *p, uint32_t n, uint32_t on)
{
    (void)h;
    for (uint32_t i = 0; i < n; i++) {
        struct followed *e = follow_find(self, p[i]);
        if (e)
            e->held = on;
    }
}

/* Nothing more to read at the moment: truncated, finished, or waiting. */
static void reached_end(const leat_host *h, struct follow *f, struct followed *e)
{
    struct stat st;
    int64_t now = follow_now_us();
    if (fstat(e->fd, &st) == 0 && (uint64_t)st.st_size < e->offset) {
        follow_replaced(h, f, e);
        return;
    }
    if (!e->at_end) {
        e->at_end = true;
        e->quiet_since_us = now;
        h->source->idle(h, e->partition);
    }
    if (is_finished(h, f, e, now))
        end(h, e);
}

/* How long records are, from the line ends of the first bytes; a file without any tells no lag. */
static void measure_records(struct followed *e, const char *bytes, size_t n)
{
    uint32_t ends = 0;
    n = n < SAMPLE_BYTES ? n : SAMPLE_BYTES;
    for (size_t i = 0; i < n; i++)
        ends += bytes[i] == '\n';
    e->record_bytes = ends && !e->compressed ? (uint32_t)(n / ends) : 0;
}

/* One chunk; true when there was something. */
static bool read_chunk(const leat_host *h, struct follow *f, struct followed *e)
{
    if (!follow_open(h, f, e)) {
        e->at_end = true;
        e->quiet_since_us = follow_now_us();
        return false;
    }
    if (e->from_end)
        begin_at_end(h, e);
    char *to = h->source->space(h, e->partition, FILE_CHUNK);
    ssize_t n = pread(e->fd, to, FILE_CHUNK, (off_t)e->offset);
    if (n > 0)
        measure_records(e, to, (size_t)n);
    h->source->fill(h, e->partition, n > 0 ? (size_t)n : 0);
    if (n > 0) {
        e->offset += (uint64_t)n;
        e->at_end = false;
        return true;
    }
    if (n == 0)
        reached_end(h, f, e);
    else if (errno != EINTR && errno != EAGAIN) {
        follow_complain(h, f, e->path, errno, "read");
        follow_close(f, e);
        e->at_end = true;
    }
    return false;
}

static bool is_readable(const struct followed *e)
{
    return e->mine && !e->held && !e->ended && !e->at_end;
}

/* The next chunk of the file that is read now, or of the next one that has something. */
static bool read_any(const leat_host *h, struct follow *f)
{
    for (uint32_t tried = 0; f->n && tried <= f->n; tried++) {
        if (f->cursor >= f->n)
            f->cursor = 0;
        struct followed *e = f->files[f->cursor];
        if (is_readable(e) && f->chunks < CHUNKS_IN_A_ROW && read_chunk(h, f, e)) {
            f->chunks++;
            return true;
        }
        f->cursor++;
        f->chunks = 0;
    }
    return false;
}

/* What is still to come, for the metric; in compressed files nobody knows. */
static void tell_lag(const leat_host *h, struct followed *e)
{
    uint64_t left = e->size > e->offset && !e->ended ? e->size - e->offset : 0;
    uint64_t lag = e->record_bytes ? (left + e->record_bytes - 1) / e->record_bytes : 0;
    if (lag == e->lag)
        return;
    e->lag = lag;
    h->source->lag(h, e->partition, lag);
}

/* Files at whose end we stood: have they grown, shrunk, or been quiet for long enough? */
static void check_ends(const leat_host *h, struct follow *f, int64_t now_us)
{
    struct stat st;
    f->check_at_us = now_us + CHECK_EVERY_US;
    for (uint32_t i = 0; i < f->n; i++) {
        struct followed *e = f->files[i];
        if (!e->mine)
            continue;
        tell_lag(h, e);
        if (e->ended || !e->at_end)
            continue;
        if (e->fd >= 0 && fstat(e->fd, &st) == 0 && (uint64_t)st.st_size > e->offset)
            e->at_end = false;
        else if (e->fd >= 0)
            reached_end(h, f, e);
        else if (e->offset >= e->size && is_finished(h, f, e, now_us))
            end(h, e);
        else
            e->at_end = false; /* tries to open it again */
    }
}

static bool all_ended(const struct follow *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (f->files[i]->mine && !f->files[i]->ended)
            return false;
    return !f->announced;
}

static leat_status poll(const leat_host *h, void *self, uint32_t room)
{
    struct follow *f = self;
    int64_t now = follow_now_us();
    if (!room)
        return LEAT_AGAIN;
    f->announced = false;
    if (now >= f->look_at_us && (!until_end(h) || f->looks == 0 || f->unreadable)) {
        follow_look(h, f);
        h->measure(h, METRIC_FILES, f->n);
        h->measure(h, METRIC_UNREADABLE, f->unreadable);
    }
    if (now >= f->check_at_us)
        check_ends(h, f, now);
    if (read_any(h, f) || f->announced)
        return LEAT_OK;
    if (!until_end(h) || !all_ended(f))
        return LEAT_AGAIN;
    return f->unreadable ? h->fail(h, LEAT_RETRY, f->why) : LEAT_END;
}

static void stop(const leat_host *h, void *self)
{
    struct follow *f = self;
    (void)h;
    follow_fini(f);
    memset(f, 0, sizeof *f);
}

static const leat_source hooks = {
    .size = sizeof hooks,
    .class_ = LEAT_SEEKABLE,
    .poll = poll,
    .seek = seek,
    .release = release,
    .hold = hold,
};
const leat_processor file_source = {
    .size = sizeof file_source,
    .kind = LEAT_SOURCE,
    .name = "file",
    .doc = "Reads files, those that grow, are rotated or appear later too.",
    .needs = LEAT_NEEDS_FILES,
    .instance_bytes = sizeof(struct follow),
    .options = options,
    .n_options = LEAT_N(options),
    .metrics = metrics,
    .n_metrics = LEAT_N(metrics),
    .source = &hooks,
    .stop = stop,
};
