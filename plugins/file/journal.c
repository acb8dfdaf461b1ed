/* SPDX-License-Identifier: Apache-2.0 */
/* journal.c: what a sink notes beside its files, in FOLDER/.*.leat: whose files they are, which files there are and
 * how long they were at the last commit. It is locked while the sink runs, so a file has one writer.
 *
 * A record is {CRC-32 of the rest, length of the body, kind, reserved} and its body; numbers as the machine has them. A
 * torn tail, which a power cut may leave, is cut. A file is noted before its first byte is written, so whatever stands
 * behind a committed length can be cut after a crash. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { SCOPE = 1, CLAIM, FILE_, STAGE, COMMIT };
enum { LONG_ENOUGH = 4 << 20, BODY_MAX = 256 << 20 };
struct head {
    uint32_t crc, n, kind, reserved;
};
struct file_body { /* then the key and the path, each ended by a zero byte */
    uint64_t committed;
    int64_t opened_us;
    uint32_t id, part;
};
struct epoch_body { /* then n marks */
    uint64_t number, id;
    uint64_t n;
};

static uint32_t crc_of(const struct head *h, const char *body)
{
    uLong crc = crc32(0, (const Bytef *)&h->n, sizeof *h - sizeof h->crc);
    return (uint32_t)crc32(crc, (const Bytef *)body, h->n);
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

static bool append(struct journal *j, uint32_t kind, const void *body, size_t n)
{
    struct head h = {.n = (uint32_t)n, .kind = kind};
    char *all = malloc(sizeof h + n);
    if (!all)
        return false;
    memcpy(all + sizeof h, body, n);
    h.crc = crc_of(&h, all + sizeof h);
    memcpy(all, &h, sizeof h);
    ssize_t w = pwrite(j->fd, all, sizeof h + n, (off_t)j->length);
    free(all);
    if (w != (ssize_t)(sizeof h + n)) {
        errno = w < 0 ? errno : ENOSPC;
        return false; /* what was written of it is overwritten by the next */
    }
    j->length += sizeof h + n;
    return true;
}

bool journal_sync(struct journal *j)
{
    return fdatasync(j->fd) == 0;
}

bool journal_file(struct journal *j, struct output *e)
{
    struct file_body b = {e->committed, e->opened_us, e->id, e->part};
    size_t key = strlen(e->key) + 1, path = strlen(e->path) + 1;
    char *body = malloc(sizeof b + key + path);
    if (!body)
        return false;
    memcpy(body, &b, sizeof b);
    memcpy(body + sizeof b, e->key, key);
    memcpy(body + sizeof b + key, e->path, path);
    bool ok = append(j, FILE_, body, sizeof b + key + path);
    free(body);
    e->noted |= ok;
    return ok;
}

bool journal_claim(struct journal *j, uint64_t incarnation)
{
    if (!append(j, CLAIM, &incarnation, sizeof incarnation) || !journal_sync(j))
        return false;
    j->incarnation = incarnation;
    return true;
}

static bool append_epoch(struct journal *j, uint32_t kind, struct epoch_body e, const struct mark *marks)
{
    char *body = malloc(sizeof e + e.n * sizeof *marks);
    if (!body)
        return false;
    memcpy(body, &e, sizeof e);
    if (e.n)
        memcpy(body + sizeof e, marks, e.n * sizeof *marks);
    bool ok = append(j, kind, body, sizeof e + e.n * sizeof *marks);
    free(body);
    return ok;
}

bool journal_stage(struct journal *j, uint64_t number, const struct mark *marks, size_t n)
{
    return append_epoch(j, STAGE, (struct epoch_body){number, 0, n}, marks) && journal_sync(j);
}

bool journal_commit(struct journal *j, uint64_t number, uint64_t id, const struct mark *marks, size_t n)
{
    if (!append_epoch(j, COMMIT, (struct epoch_body){number, id, n}, marks) || !journal_sync(j))
        return false;
    j->number = number;
    j->id = id;
    return true;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static char *read_all(int fd, size_t *ret_n)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return NULL;
    size_t n = (size_t)st.st_size, got = 0;
    char *all = malloc(n + 1);
    while (all && got < n) {
        ssize_t r = pread(fd, all + got, n - got, (off_t)got);
        if (r <= 0)
            break;
        got += (size_t)r;
    }
    *ret_n = got;
    return all;
}

/* The next whole record at *at; false: there is none. */
static bool next_record(const char *all, size_t n, size_t *at, struct head *ret, const char **ret_body)
{
    if (n - *at < sizeof *ret)
        return false;
    memcpy(ret, all + *at, sizeof *ret);
    *ret_body = all + *at + sizeof *ret;
    if (ret->n > BODY_MAX || n - *at - sizeof *ret < ret->n || ret->crc != crc_of(ret, *ret_body))
        return false;
    *at += sizeof *ret + ret->n;
    return true;
}

static bool load_file(struct outputs *o, const char *body, uint32_t n)
{
    struct file_body b;
    if (n < sizeof b + 2 || body[n - 1] != 0)
        return false;
    memcpy(&b, body, sizeof b);
    const char *key = body + sizeof b, *path = key + strlen(key) + 1;
    if (path >= body + n)
        return false;
    struct output *old = outputs_find(o, leat_text_of(key));
    if (old && strcmp(old->path, path) == 0)
        outputs_remove(o, old); /* it was closed after its last commit, and opened again: what it says is old */
    else if (old)
        outputs_retire(o, old);
    struct output *e = outputs_add(o, leat_text_of(key), b.part, path);
    if (!e)
        return false;
    e->id = b.id;
    e->committed = b.committed;
    e->opened_us = b.opened_us;
    e->noted = true;
    o->next_id = b.id >= o->next_id ? b.id + 1 : o->next_id;
    return true;
}

static void load_commit(struct journal *j, struct outputs *o, const char *body, uint32_t n)
{
    struct epoch_body e;
    memcpy(&e, body, sizeof e);
    for (size_t i = 0; i < e.n && sizeof e + (i + 1) * sizeof(struct mark) <= n; i++) {
        struct mark m;
        memcpy(&m, body + sizeof e + i * sizeof m, sizeof m);
        struct output *f = outputs_by_id(o, m.id);
        if (f)
            f->committed = m.length;
    }
    j->number = e.number;
    j->id = e.id;
}

static leat_status load(const leat_host *h, struct journal *j, leat_text scope, struct outputs *o)
{
    size_t n, at = 0;
    char *all = read_all(j->fd, &n);
    struct head head;
    const char *body;
    if (!all)
        return leat_failf(h, LEAT_RETRY, "cannot read %s: %s", j->path, strerror(errno));
    while (next_record(all, n, &at, &head, &body)) {
        if (head.kind == SCOPE && (head.n != scope.n || memcmp(body, scope.data, scope.n) != 0)) {
            leat_failf(h, LEAT_FATAL,
                       "%s says that these files are written by '%.*s': choose another path, or remove that note",
                       j->path, (int)head.n, body);
            free(all);
            return LEAT_FATAL;
        }
        if (head.kind == CLAIM && head.n == sizeof j->incarnation)
            memcpy(&j->incarnation, body, sizeof j->incarnation);
        else if (head.kind == FILE_)
            load_file(o, body, head.n);
        else if (head.kind == COMMIT && head.n >= sizeof(struct epoch_body))
            load_commit(j, o, body, head.n);
    }
    j->length = at;
    free(all);
    if (at < n && ftruncate(j->fd, (off_t)at) != 0)
        return leat_failf(h, LEAT_RETRY, "cannot cut %s: %s", j->path, strerror(errno));
    bool is_new = at == 0; /* a power cut must not leave files without their note */
    return is_new && (!append(j, SCOPE, scope.data, scope.n) || !journal_sync(j) || !outputs_sync_folder(j->path))
               ? leat_failf(h, LEAT_RETRY, "cannot write %s: %s", j->path, strerror(errno))
               : LEAT_OK;
}

/* Opens and locks the file that has the name once the lock is held. */
static leat_status lock(const leat_host *h, struct journal *j)
{
    struct stat ours, there;
    for (int tries = 0; tries < 10; tries++) {
        j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (j->fd < 0)
            return leat_failf(h, LEAT_RETRY, "cannot open %s: %s", j->path, strerror(errno));
        if (flock(j->fd, LOCK_EX | LOCK_NB) != 0) {
            journal_close(j);
            return leat_failf(h, LEAT_RETRY,
                              "another process or processor writes these files (%s is locked): stop it, or "
                              "choose another path",
                              j->path);
        }
        if (fstat(j->fd, &ours) == 0 && stat(j->path, &there) == 0 && ours.st_ino == there.st_ino)
            return LEAT_OK;
        journal_close(j);
    }
    return leat_failf(h, LEAT_RETRY, "%s changes all the time", j->path);
}

leat_status journal_open(const leat_host *h, struct journal *j, const char *path, leat_text scope, struct outputs *o)
{
    free(j->path);
    *j = (struct journal){.path = strdup(path), .fd = -1};
    if (!j->path)
        return h->fail(h, LEAT_RETRY, "no memory");
    leat_status s = lock(h, j);
    if (s == LEAT_OK)
        s = load(h, j, scope, o);
    if (s != LEAT_OK)
        journal_close(j);
    return s;
}

void journal_close(struct journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    j->fd = -1;
}

struct mark *journal_staged(struct journal *j, uint64_t number, size_t *ret_n)
{
    size_t n, at = 0;
    char *all = read_all(j->fd, &n);
    struct head head;
    const char *body;
    struct mark *marks = NULL;
    while (all && next_record(all, n, &at, &head, &body)) {
        struct epoch_body e;
        if (head.kind != STAGE || head.n < sizeof e)
            continue;
        memcpy(&e, body, sizeof e);
        if (e.number != number || head.n != sizeof e + e.n * sizeof *marks)
            continue;
        free(marks);
        marks = malloc(e.n * sizeof *marks + 1);
        *ret_n = e.n;
        if (marks)
            memcpy(marks, body + sizeof e, e.n * sizeof *marks);
    }
    free(all);
    return marks;
}

/* --- writing it anew --------------------------------------------------------------------------------------------- */

static bool note_file(void *journal, struct output *e)
{
    return journal_file(journal, e);
}

bool journal_compact(struct journal *j, leat_text scope, struct outputs *o)
{
    if (j->length < LONG_ENOUGH)
        return true;
    struct journal fresh = *j;
    char *path = NULL;
    if (asprintf(&path, "%s.new", j->path) < 0)
        return false;
    fresh.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    fresh.length = 0;
    bool ok = fresh.fd >= 0 && flock(fresh.fd, LOCK_EX | LOCK_NB) == 0 && append(&fresh, SCOPE, scope.data, scope.n) &&
              append(&fresh, CLAIM, &fresh.incarnation, sizeof fresh.incarnation) &&
              outputs_each(o, note_file, &fresh) &&
              append_epoch(&fresh, COMMIT, (struct epoch_body){fresh.number, fresh.id, 0}, NULL) &&
              journal_sync(&fresh) && rename(path, fresh.path) == 0 && outputs_sync_folder(fresh.path);
    free(path);
    if (!ok) {
        journal_close(&fresh);
        return false;
    }
    close(j->fd);
    *j = fresh;
    return true;
}
