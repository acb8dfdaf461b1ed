/* SPDX-License-Identifier: Apache-2.0 */
/* claim.c: what the sink does when it starts: reads the journal, looks whether everything that was logged is there,
 * claims, shows it, and cuts the rest. */
#include "sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

leat_status file_failed(const leat_host *h, const struct file *f, const char *what)
{
    return leat_failf(h, LEAT_RETRY, "cannot %s %s: %s", what, f->o.failed, strerror(errno));
}

leat_status file_journal_failed(const leat_host *h, const struct file *f)
{
    return leat_failf(h, LEAT_RETRY, "cannot write %s: %s", f->j.path, strerror(errno));
}

/* FOLDER/.NAME.leat for one file; where data chooses among files, other sinks may begin alike:
 * FOLDER/.FLOW-PROCESSOR.leat */
static void journal_path(const leat_host *h, const struct file *f, char ret[TEXT_MAX])
{
    const char *slash = strrchr(f->prefix, '/'), *name = slash ? slash + 1 : f->prefix;
    int folder = (int)(name - f->prefix);
    leat_text scope = h->place->scope;
    if (f->one_file) {
        snprintf(ret, TEXT_MAX, "%.*s.%s.leat", folder, f->prefix, name);
        return;
    }
    snprintf(ret, TEXT_MAX, "%.*s.%.*s.leat", folder, f->prefix, (int)(scope.n < 200 ? scope.n : 200), scope.data);
    for (char *at = ret + folder; (at = strchr(at, '/'));)
        *at = '-';
}

static leat_status open_journal(const leat_host *h, struct file *f)
{
    char path[TEXT_MAX];
    journal_path(h, f, path);
    journal_close(&f->j);
    outputs_fini(&f->o);
    f->claimed = false;
    if (!outputs_init(&f->o, (uint32_t)h->with[MAX_OPEN].as.i64, (int)h->with[COMPRESS].as.i64))
        return h->fail(h, LEAT_RETRY, "no memory for the table of files");
    if (!outputs_make_folders(path))
        return leat_failf(h, LEAT_RETRY, "cannot make the folder of %s: %s", path, strerror(errno));
    return journal_open(h, &f->j, path, h->place->scope, &f->o);
}

static bool has_other_id(const struct file *f, const leat_claim *c)
{
    for (uint32_t i = 0; i < c->n_epochs; i++)
        if (c->epochs[i].number == f->j.number && c->epochs[i].id && f->j.id && c->epochs[i].id != f->j.id)
            return true;
    return false;
}

/* The marks of a token, which may stand in the journal. NULL: they are not there. To be freed. */
static struct mark *marks_of(struct file *f, leat_text token, size_t *ret_n)
{
    struct token t = {0};
    size_t least = offsetof(struct token, marks);
    if (token.n < least || token.n > sizeof t)
        return NULL;
    memcpy(&t, token.data, token.n);
    if (t.in_journal)
        return journal_staged(&f->j, t.number, ret_n);
    struct mark *marks = malloc(t.n * sizeof *marks + 1);
    if (!marks || token.n < least + t.n * sizeof *marks) {
        free(marks);
        return NULL;
    }
    memcpy(marks, t.marks, t.n * sizeof *marks);
    *ret_n = t.n;
    return marks;
}

/* What was logged, and is not yet committed here, must be there. Its lengths are kept as `length`. */
static leat_status find_staged(const leat_host *h, struct file *f, leat_text token)
{
    size_t n = 0;
    struct mark *marks = marks_of(f, token, &n);
    leat_status s =
        marks ? LEAT_OK
              : leat_failf(h, LEAT_FATAL,
                           "%s does not know what was staged: it is older than the state of this flow; restore it, or "
                           "remove the state",
                           f->j.path);
    for (size_t i = 0; s == LEAT_OK && i < n; i++) {
        struct output *e = outputs_by_id(&f->o, marks[i].id);
        uint32_t sum = 0;
        if (!e || access(e->path, F_OK) != 0 || !output_sum(&f->o, e, marks[i].length, &sum) || sum != marks[i].sum)
            s = leat_failf(
                h, LEAT_FATAL,
                "%s lacks what was written to it: it was changed, or is older than the state of this flow; restore "
                "it, or remove the state",
                e ? e->path : f->j.path);
        else
            e->length = marks[i].length;
    }
    free(marks);
    return s;
}

bool file_show(struct file *f, uint64_t number, uint64_t id, leat_text token)
{
    size_t n = 0;
    struct mark *marks = marks_of(f, token, &n);
    bool ok = marks && journal_commit(&f->j, number, id, marks, n);
    for (size_t i = 0; ok && i < n; i++) {
        struct output *o = outputs_by_id(&f->o, marks[i].id);
        if (o)
            o->committed = marks[i].length;
    }
    free(marks);
    return ok;
}

static uint64_t id_of(const leat_claim *c, uint64_t number)
{
    for (uint32_t i = 0; i < c->n_epochs; i++)
        if (c->epochs[i].number == number)
            return c->epochs[i].id;
    return 0;
}

/* Looks whether everything is there, then claims, then shows what was logged. */
static leat_status claim(const leat_host *h, struct file *f, const leat_claim *c)
{
    leat_status s = LEAT_OK;
    uint64_t from = f->j.number;
    for (uint32_t i = 0; s == LEAT_OK && i < c->n_tokens; i++)
        if ((uint64_t)c->tokens[i].sub > from)
            s = find_staged(h, f, c->tokens[i].value);
    if (s == LEAT_OK && !journal_claim(&f->j, c->incarnation))
        s = file_journal_failed(h, f);
    for (uint32_t i = 0; s == LEAT_OK && i < c->n_tokens; i++) {
        uint64_t number = (uint64_t)c->tokens[i].sub;
        if (number > from && !file_show(f, number, id_of(c, number), c->tokens[i].value))
            s = file_journal_failed(h, f);
    }
    return s;
}

/* Cuts what stands behind what is committed, or staged and logged. */
static bool cut_rest(void *with, struct output *e)
{
    struct visit *v = with;
    struct stat st;
    uint64_t keep = e->length > e->committed ? e->length : e->committed, size;
    if (stat(e->path, &st) != 0) {
        outputs_remove(&v->f->o, e); /* moved away or deleted: it is not ours any more */
        return true;
    }
    size = (uint64_t)st.st_size;
    if (size > keep) {
        v->h->measure(v->h, CUT, (double)(size - keep));
        return output_cut(&v->f->o, e, keep);
    }
    e->committed = size < e->committed ? size : e->committed;
    e->length = keep < size ? keep : size;
    return true;
}

leat_status file_recover(const leat_host *h, void *self, const leat_claim *c, uint64_t *ret_number, uint64_t *ret_id)
{
    struct file *f = self;
    struct visit v = {h, f};
    leat_status s = open_journal(h, f);
    if (s != LEAT_OK)
        return s;
    *ret_number = f->j.number;
    *ret_id = f->j.id;
    if (f->j.number > c->logged) {
        leat_failf(h, LEAT_FATAL,
                   "%s notes epoch %llu, which the state of this flow does not know: bring back the state folder that "
                   "belongs to "
                   "these files, or, to begin anew, remove that note and the files",
                   f->j.path, (unsigned long long)f->j.number);
        journal_close(&f->j);
        return LEAT_FATAL;
    }
    if (f->j.number < c->delivered) {
        journal_close(&f->j);
        return LEAT_OK;
    }
    if (has_other_id(f, c))
        s = leat_failf(
            h, LEAT_FATAL,
            "%s notes another epoch %llu than the state of this flow: one of them is a copy that went its own way",
            f->j.path, (unsigned long long)f->j.number);
    if (s == LEAT_OK)
        s = claim(h, f, c);
    if (s == LEAT_OK && !outputs_each(&f->o, cut_rest, &v))
        s = file_failed(h, f, "cut");
    if (s != LEAT_OK)
        journal_close(&f->j);
    f->claimed = s == LEAT_OK;
    f->shown = f->j.number;
    return s;
}
