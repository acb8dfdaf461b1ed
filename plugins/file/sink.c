/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c: a staged sink: appends to files that others read. `process` writes behind the committed length, `prepare`
 * syncs it, `commit` notes the new length in the journal; a restart, or `abort`, cuts what was never committed. */
#include "sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const leat_option roll_rows[] = {
    [ROLL_SIZE] = {.name = "size",
                   .doc = "Begin the next part when one is this long.",
                   .type = LEAT_OPT_SIZE,
                   .range = "1B.."},
    [ROLL_EVERY] = {.name = "every",
                    .doc = "Begin the next part with the first record after this time.",
                    .type = LEAT_OPT_DURATION,
                    .range = "1s.."},
};
static const leat_option options[] = {
    [PATH] = {.name = "path",
              .doc = "The file to append to; {fields} in it choose between files; folders are made.",
              .type = LEAT_OPT_TEMPLATE,
              .flags = LEAT_REQUIRED | LEAT_DESTINATION},
    [ROLL] = {.name = "roll",
              .doc = "Write numbered parts, NAME-000001.EXT and so on, and when the next one begins.",
              .type = LEAT_OPT_GROUP,
              .rows = roll_rows,
              .n_rows = LEAT_N(roll_rows)},
    [COMPRESS] = {.name = "compress",
                  .doc =
                      "How the files are compressed; what an epoch adds is a complete member that can be read at once.",
                  .type = LEAT_OPT_CHOICE,
                  .standard = "none",
                  .choices = "none|gzip|zstd"},
    [MAX_OPEN] = {.name = "max_open",
                  .doc = "How many files are kept open at once.",
                  .type = LEAT_OPT_I64,
                  .standard = "64",
                  .range = "1..4096"},
};
static const leat_metric metrics[] = {
    [OPENED] = {.name = "files_begun", .doc = "Files, and parts of files, that were begun.", .kind = LEAT_COUNTER},
    [CUT] = {.name = "cut",
             .doc = "What was written but not committed, and so was cut.",
             .unit = "bytes",
             .kind = LEAT_COUNTER},
};

static const leat_value *roll(const leat_host *h)
{
    return h->with[ROLL].as.list.at;
}

static bool rolls(const leat_host *h)
{
    return h->with[ROLL].type != LEAT_NULL && (roll(h)[ROLL_SIZE].type || roll(h)[ROLL_EVERY].type);
}

static leat_status create(const leat_host *h, void *self, void *shared)
{
    struct file *f = self;
    (void)shared;
    f->j.fd = -1;
    f->encoded = leat_bind(h, LEAT_READ, 0, "$encoded", LEAT_BYTES, 0);
    f->head = leat_bind(h, LEAT_READ, 0, "$head", LEAT_BYTES, LEAT_MAY_MISS);
    const leat_column *path = h->read(h, NULL, h->with[PATH].as.field);
    const leat_text *beginning = path->type == LEAT_TEXT ? path->data : NULL;
    f->one_file = beginning && path->n == 1;
    leat_text folder = h->place->folder; /* of a host that does not tell how the template begins */
    if (beginning)
        snprintf(f->prefix, sizeof f->prefix, "%.*s", (int)beginning->n, beginning->data);
    else if (folder.n)
        snprintf(f->prefix, sizeof f->prefix, "%.*s/%.*s", (int)folder.n, folder.data, (int)h->place->processor.n,
                 h->place->processor.data);
    return LEAT_OK;
}

/* --- choosing files ---------------------------------------------------------------------------------------------- */

/* A path that data chose must stay below its literal beginning. */
static const char *bad_path(const struct file *f, leat_text path)
{
    size_t from = strlen(f->prefix);
    const char *slash = strrchr(f->prefix, '/');
    from = slash ? (size_t)(slash - f->prefix) + 1 : 0;
    if (path.n == 0 || path.n >= TEXT_MAX - 32)
        return path.n ? "the path is too long" : "the path is empty";
    if (memchr(path.data, 0, path.n))
        return "the path holds a zero byte";
    for (size_t i = from < path.n ? from : 0; i + 1 < path.n; i++)
        if (path.data[i] == '.' && path.data[i + 1] == '.' && (i == 0 || path.data[i - 1] == '/') &&
            (i + 2 == path.n || path.data[i + 2] == '/'))
            return "the path leaves its folder by '..'";
    return path.data[path.n - 1] == '/' ? "the path is a folder" : NULL;
}

static bool is_gone(const struct output *e)
{
    struct stat there, ours;
    return e->fd >= 0 && fstat(e->fd, &ours) == 0 &&
           (stat(e->path, &there) != 0 || there.st_ino != ours.st_ino || there.st_dev != ours.st_dev);
}

/* The entry for a key before its first record of an epoch: a new one, or the next part, where that is due. */
static struct output *entry_for(const leat_host *h, struct file *f, leat_text key)
{
    struct output *e = outputs_find(&f->o, key);
    uint32_t part = e ? e->part : 0;
    if (e && e->touched)
        return e;
    if (e && is_gone(e)) {
        char sentence[TEXT_MAX];
        snprintf(sentence, sizeof sentence, "%s was moved or deleted: a new one is begun", e->path);
        h->log(h, LEAT_INFO, sentence);
        outputs_remove(&f->o, e);
        e = NULL;
    } else if (e && rolls(h) && e->committed > 0 && roll(h)[ROLL_EVERY].type != LEAT_NULL &&
               f->now_us - e->opened_us >= roll(h)[ROLL_EVERY].as.i64) {
        outputs_retire(&f->o, e);
        e = NULL;
    }
    if (!e && rolls(h))
        part = part ? part + 1 : outputs_last_part(key) + 1;
    return e ? e : outputs_add(&f->o, key, part, NULL);
}

/* An output that can be written to: open, noted in the journal, as long as it should be. NULL: errno. */
static struct output *output_for(const leat_host *h, struct file *f, leat_text key, bool *noted)
{
    struct output *e = entry_for(h, f, key);
    uint64_t length = 0;
    if (e && e->touched)
        return e;
    if (!e) {
        f->o.failed = f->prefix;
        errno = ENOMEM;
        return NULL;
    }
    bool was_open = e->fd >= 0;
    if (!output_open(&f->o, e, &length))
        return NULL;
    if (!e->noted) {
        e->committed = e->length = length;
        e->opened_us = f->now_us;
        h->measure(h, OPENED, 1);
        if (!journal_file(&f->j, e)) {
            f->o.failed = f->j.path;
            return NULL;
        }
        *noted = true;
    } else if (!was_open) {
        e->committed = e->length = length < e->committed ? length : e->committed;
        if (length > e->length && !output_cut(&f->o, e, e->length))
            return NULL;
    }
    e->touched = true;
    return e;
}

static bool is_the_records_fault(int number)
{
    return number == ENAMETOOLONG || number == EISDIR || number == ENOTDIR || number == EINVAL || number == ELOOP;
}

/* Which records of a batch go where: a list for each output. */
struct rows {
    struct output **outputs; /* those that the batch goes to */
    uint32_t n_outputs;
    uint32_t *next; /* the row behind a row in its output; NO_ROW: it is the last */
};
#define NO_ROW UINT32_MAX

static void add_row(struct rows *r, struct output *e, uint32_t row)
{
    if (!e->listed) {
        e->listed = true;
        e->first = row;
        r->outputs[r->n_outputs++] = e;
    } else {
        r->next[e->last] = row;
    }
    e->last = row;
    r->next[row] = NO_ROW;
}

static void unlist(struct rows *r)
{
    for (uint32_t i = 0; i < r->n_outputs; i++)
        r->outputs[i]->listed = false;
}

static bool same_text(leat_text a, leat_text b)
{
    return a.n == b.n && (a.data == b.data || memcmp(a.data, b.data, a.n) == 0);
}

static void reject_path(const leat_host *h, const leat_batch *b, uint32_t row, leat_text path, const char *why)
{
    char sentence[256];
    snprintf(sentence, sizeof sentence, "cannot write to '%.*s': %s", (int)(path.n < 160 ? path.n : 160), path.data,
             why);
    h->reject(h, b->ticket, row, "path", sentence);
}

/* Finds the output of each record; rejects those whose path is none. */
static leat_status choose(const leat_host *h, struct file *f, const leat_batch *b, const leat_text *path,
                          struct rows *r)
{
    struct output *e = NULL;
    bool noted = false;
    for (uint32_t i = 0; i < b->n; i++) {
        if (!e || !same_text(path[i], path[i - 1])) {
            const char *bad = bad_path(f, path[i]);
            e = bad ? NULL : output_for(h, f, path[i], &noted);
            if (!e && !bad && !is_the_records_fault(errno))
                return file_failed(h, f, "open");
            if (!e)
                reject_path(h, b, i, path[i], bad ? bad : strerror(errno));
        }
        if (e)
            add_row(r, e, i);
    }
    return noted && !journal_sync(&f->j) ? file_journal_failed(h, f) : LEAT_OK;
}

/* --- epochs ------------------------------------------------------------------------------------------------------ */

static bool cut_staged(void *with, struct output *e)
{
    struct visit *v = with;
    if (!e->touched)
        return true;
    e->touched = e->begun = false;
    if (e->length > e->committed)
        v->h->measure(v->h, CUT, (double)(e->length - e->committed));
    if (output_cut(&v->f->o, e, e->committed))
        return true;
    e->touched = true;
    return false;
}

static leat_status begin(const leat_host *h, void *self, const leat_epoch *e)
{
    struct file *f = self;
    struct visit v = {h, f};
    (void)e;
    if (!f->claimed)
        return h->fail(h, LEAT_RETRY, "the files are not claimed yet");
    if (f->uncut && !outputs_each(&f->o, cut_staged, &v))
        return file_failed(h, f, "cut");
    f->uncut = false;
    return LEAT_OK;
}

static void undo(const leat_host *h, void *self, const leat_epoch *e)
{
    struct file *f = self;
    struct visit v = {h, f};
    (void)e;
    f->uncut = f->claimed && !outputs_each(&f->o, cut_staged, &v);
}

/* Records that stand behind each other in memory are written at once. */
static bool write_rows(struct file *f, struct output *e, const uint32_t *next, const leat_text *t,
                       const leat_text *head)
{
    uint64_t length;
    if (!output_open(&f->o, e, &length)) /* another one of this batch may have taken its place */
        return false;
    if (!e->begun && e->length == 0 && head && head[e->first].n && !output_write(&f->o, e, head[e->first]))
        return false;
    e->begun = true;
    for (uint32_t i = e->first; i != NO_ROW;) {
        leat_text run = t[i];
        for (i = next[i]; i != NO_ROW && t[i].data == run.data + run.n; i = next[i])
            run.n += t[i].n;
        if (!output_write(&f->o, e, run))
            return false;
    }
    return true;
}

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    struct file *f = self;
    const leat_text *path = leat_read_text(h, b, h->with[PATH].as.field), *t = leat_read_text(h, b, f->encoded),
                    *head = leat_read_text(h, b, f->head);
    struct rows r = {.outputs = h->alloc(h, b->n * sizeof *r.outputs), .next = h->alloc(h, b->n * sizeof *r.next)};
    bool by_size = rolls(h) && roll(h)[ROLL_SIZE].type != LEAT_NULL;
    f->now_us = b->now_us;
    leat_status s = choose(h, f, b, path, &r);
    unlist(&r);
    for (uint32_t i = 0; s == LEAT_OK && i < r.n_outputs; i++) {
        struct output *e = r.outputs[i];
        if (!write_rows(f, e, r.next, t, head))
            s = file_failed(h, f, "write");
        else if (by_size && e->length + e->n >= (uint64_t)roll(h)[ROLL_SIZE].as.i64)
            outputs_retire(&f->o, e);
    }
    return s;
}

static bool finish(void *file, struct output *e)
{
    struct file *f = file;
    return !e->touched || output_finish(&f->o, e);
}

/* Syncs what was written, and notes how long it is now. */
static bool stage(void *file, struct output *e)
{
    struct file *f = file;
    if (!e->touched)
        return true;
    if (f->n_marks == f->room_marks) {
        size_t room = f->room_marks ? f->room_marks * 2 : 16;
        struct mark *more = realloc(f->marks, room * sizeof *more);
        if (!more)
            return false;
        f->marks = more;
        f->room_marks = room;
    }
    struct mark *m = &f->marks[f->n_marks];
    f->o.failed = e->path;
    if (!output_sync(&f->o, e) || (e->created && !outputs_sync_folder(e->path)) ||
        !output_sum(&f->o, e, e->length, &m->sum))
        return false;
    m->id = e->id;
    m->length = e->length;
    f->n_marks++;
    return true;
}

static leat_status prepare(const leat_host *h, void *self, const leat_epoch *e, leat_text *ret_token)
{
    struct file *f = self;
    f->n_marks = 0;
    if (!outputs_each(&f->o, finish, f) || !outputs_each(&f->o, stage, f))
        return file_failed(h, f, "write");
    f->token = (struct token){.incarnation = e->incarnation, .number = e->number, .n = (uint32_t)f->n_marks};
    f->token.in_journal = f->n_marks > TOKEN_MARKS;
    if (f->token.in_journal && !journal_stage(&f->j, e->number, f->marks, f->n_marks))
        return file_journal_failed(h, f);
    size_t inside = f->token.in_journal ? 0 : f->n_marks * sizeof *f->marks;
    if (inside)
        memcpy(f->token.marks, f->marks, inside);
    *ret_token = (leat_text){(const char *)&f->token, offsetof(struct token, marks) + inside};
    return LEAT_OK;
}

/* After a commit: what is not needed any more goes. */
static bool tidy(void *file, struct output *e)
{
    struct file *f = file;
    e->touched = e->begun = e->created = false;
    if (e->retired || e->fd < 0)
        outputs_remove(&f->o, e);
    return true;
}

static leat_status commit(const leat_host *h, void *self, const leat_epoch *e)
{
    struct file *f = self;
    if (!f->claimed || f->j.incarnation != e->incarnation)
        return leat_failf(h, LEAT_FATAL, "another instance has claimed these files (%s)",
                          f->j.path ? f->j.path : f->prefix);
    if (e->number <= f->shown || (e->number == f->j.number && (!e->id || e->id == f->j.id)))
        return LEAT_OK;
    if (e->number <= f->j.number)
        return leat_failf(h, LEAT_FATAL, "%s notes epoch %llu already", f->j.path, (unsigned long long)f->j.number);
    if (!file_show(f, e->number, e->id, e->token) || !outputs_each(&f->o, tidy, f) ||
        !journal_compact(&f->j, h->place->scope, &f->o))
        return file_journal_failed(h, f);
    return LEAT_OK;
}

static void stop(const leat_host *h, void *self)
{
    struct file *f = self;
    (void)h;
    outputs_fini(&f->o);
    journal_close(&f->j);
    free(f->j.path);
    free(f->marks);
    f->j.path = NULL;
    f->marks = NULL;
    f->n_marks = f->room_marks = 0;
    f->claimed = f->uncut = false;
}

static const leat_sink hooks = {
    .size = sizeof hooks,
    .class_ = LEAT_STAGED,
    .overlap = 1,
    .recover = file_recover,
    .begin = begin,
    .commit = commit,
    .abort = undo,
    .prepare = prepare,
};
const leat_processor file_sink = {
    .size = sizeof file_sink,
    .kind = LEAT_SINK,
    .name = "file",
    .doc = "Appends records to files, exactly once.",
    .flags = LEAT_BLOCKING | LEAT_ONE_LANE,
    .needs = LEAT_NEEDS_FILES,
    .instance_bytes = sizeof(struct file),
    .options = options,
    .n_options = LEAT_N(options),
    .metrics = metrics,
    .n_metrics = LEAT_N(metrics),
    .sink = &hooks,
    .create = create,
    .process = process,
    .stop = stop,
};
