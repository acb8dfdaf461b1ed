/* SPDX-License-Identifier: Apache-2.0 */
/* follow.c: which files there are, and which file is which after renames, truncation and restarts.
 *
 * A file is known by inode, time of birth (where the file system tells it), and a hash of its first bytes: as many as
 * there were when it was first seen, at most a KiB. The number of bytes stands in the name of the partition, so after a
 * restart the host's list of known partitions tells how many to hash. A generation is added when a file is truncated.
 */
#include "follow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OPEN_MAX_FILES = 256 };
static const int64_t second_us = 1000000;

int64_t follow_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * second_us + t.tv_nsec / 1000;
}

/* --- the table --------------------------------------------------------------------------------------------------- */

static struct followed **bucket_of_inode(struct follow *f, uint64_t ino)
{
    return &f->by_inode[file_hash(FILE_HASH_START, &ino, sizeof ino) % BUCKETS];
}

struct followed *follow_find(const struct follow *f, leat_partition p)
{
    struct followed *e = f->by_partition[p % BUCKETS];
    while (e && e->partition != p)
        e = e->next_partition;
    return e;
}

static struct followed *find_inode(struct follow *f, uint64_t dev, uint64_t ino)
{
    struct followed *e = *bucket_of_inode(f, ino);
    while (e && (e->ino != ino || e->dev != dev || e->dead))
        e = e->next_inode;
    return e;
}

static struct followed *add(struct follow *f, const struct stat *st, const char *path)
{
    if (f->n == f->room) {
        uint32_t room = f->room ? f->room * 2 : 16;
        struct followed **more = realloc(f->files, room * sizeof *more);
        if (!more)
            return NULL;
        f->files = more;
        f->room = room;
    }
    struct followed *e = calloc(1, sizeof *e);
    char *copy = strdup(path);
    if (!e || !copy) {
        free(e);
        free(copy);
        return NULL;
    }
    e->path = copy;
    e->dev = st->st_dev;
    e->ino = st->st_ino;
    e->fd = -1;
    e->at = f->n;
    f->files[f->n++] = e;
    struct followed **bucket = bucket_of_inode(f, e->ino);
    e->next_inode = *bucket;
    *bucket = e;
    return e;
}

void follow_forget(struct follow *f, struct followed *e)
{
    struct followed **at = bucket_of_inode(f, e->ino);
    while (*at != e)
        at = &(*at)->next_inode;
    *at = e->next_inode;
    for (at = &f->by_partition[e->partition % BUCKETS]; *at && *at != e;)
        at = &(*at)->next_partition;
    if (*at)
        *at = e->next_partition;
    f->files[e->at] = f->files[--f->n];
    f->files[e->at]->at = e->at;
    follow_close(f, e);
    free(e->path);
    free(e);
}

void follow_fini(struct follow *f)
{
    while (f->n)
        follow_forget(f, f->files[f->n - 1]);
    free(f->files);
    f->files = NULL;
    f->room = 0;
}

/* --- complaints -------------------------------------------------------------------------------------------------- */

/* Says a sentence about a path, unless that was said within a minute. number tells one sentence from another. */
static void say(const leat_host *h, struct follow *f, const char *path, int number, const char *sentence)
{
    uint64_t hash = file_hash(FILE_HASH_START, path, strlen(path));
    int64_t now = follow_now_us();
    struct complaint *c = &f->complaints[0];
    for (uint32_t i = 0; i < COMPLAINTS; i++) {
        if (f->complaints[i].path == hash) {
            c = &f->complaints[i];
            break;
        }
        if (f->complaints[i].said_us < c->said_us)
            c = &f->complaints[i];
    }
    if (c->path == hash && c->number == number && now - c->said_us < 60 * second_us)
        return;
    *c = (struct complaint){hash, number, now};
    h->log(h, LEAT_WARN, sentence);
}

void follow_complain(const leat_host *h, struct follow *f, const char *path, int number, const char *what)
{
    char sentence[480];
    snprintf(f->why, sizeof f->why, "cannot %s %s: %s", what, path, strerror(number));
    f->unreadable++;
    snprintf(sentence, sizeof sentence, "%s; it is tried again every second", f->why);
    say(h, f, path, number, sentence);
}

/* --- identity ---------------------------------------------------------------------------------------------------- */

static uint64_t birth_of(int fd)
{
    struct statx s;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &s) != 0 || !(s.stx_mask & STATX_BTIME))
        return 0;
    return (uint64_t)s.stx_btime.tv_sec * 1000000000u + s.stx_btime.tv_nsec;
}

/* Hash of the first n bytes; false when there are fewer, or they cannot be read. */
static bool hash_head(int fd, uint32_t n, uint64_t *ret)
{
    char head[HEAD_MAX];
    uint32_t got = 0;
    while (got < n) {
        ssize_t r = pread(fd, head + got, n - got, got);
        if (r <= 0)
            return false;
        got += (uint32_t)r;
    }
    *ret = file_hash(FILE_HASH_START, head, n);
    return true;
}

/* Names that the host has of this inode: the youngest generation whose first bytes are those of fd. */
static bool known_name(const leat_host *h, struct followed *e, const char *prefix)
{
    bool found = false;
    if (!h->source->known)
        return false;
    for (uint32_t k = 0;; k++) {
        leat_text t = h->source->known(h, leat_text_of(prefix), k);
        char name[sizeof e->name];
        unsigned generation, n;
        unsigned long long hash;
        uint64_t now;
        if (!t.data)
            return found;
        snprintf(name, sizeof name, "%.*s", (int)t.n, t.data);
        if (sscanf(name + strlen(prefix), "%x:%x:%llx", &generation, &n, &hash) != 3 || n > HEAD_MAX ||
            (found && generation < e->generation) || !hash_head(e->fd, n, &now) || now != hash)
            continue;
        found = true;
        e->generation = generation;
        e->head_n = n;
        e->head_hash = hash;
        memcpy(e->name, name, sizeof name);
    }
}

static bool is_compressed(int fd)
{
    unsigned char m[4] = {0};
    ssize_t n = pread(fd, m, sizeof m, 0);
    return (n >= 2 && m[0] == 0x1f && m[1] == 0x8b) || (n == 4 && memcmp(m, "\x28\xb5\x2f\xfd", 4) == 0);
}

/* Gives an open file its name and makes it known to the host. generation: at least this one. */
static void announce(const leat_host *h, struct follow *f, struct followed *e, uint32_t generation)
{
    char prefix[48];
    snprintf(prefix, sizeof prefix, "%llx.%llx:", (unsigned long long)e->ino, (unsigned long long)birth_of(e->fd));
    if (generation || !known_name(h, e, prefix)) {
        e->generation = generation;
        e->head_n = e->size < HEAD_MAX ? (uint32_t)e->size : HEAD_MAX;
        hash_head(e->fd, e->head_n, &e->head_hash);
        snprintf(e->name, sizeof e->name, "%s%x:%x:%llx", prefix, e->generation, e->head_n,
                 (unsigned long long)e->head_hash);
    }
    e->compressed = is_compressed(e->fd);
    e->partition = h->source->announce(h, leat_text_of(e->name), leat_text_of(e->path), LEAT_OFFERED);
    e->next_partition = f->by_partition[e->partition % BUCKETS];
    f->by_partition[e->partition % BUCKETS] = e;
    f->announced = true;
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

void follow_close(struct follow *f, struct followed *e)
{
    if (e->fd < 0)
        return;
    close(e->fd);
    e->fd = -1;
    f->n_open--;
}

/* Room for one more descriptor: the one that had nothing for longest is closed. Files without a name are left alone. */
static void make_room(struct follow *f)
{
    struct followed *oldest = NULL;
    if (f->n_open < OPEN_MAX_FILES)
        return;
    for (uint32_t i = 0; i < f->n; i++) {
        struct followed *e = f->files[i];
        if (e->fd >= 0 && e->look == f->looks && (e->at_end || !e->mine) &&
            (!oldest || e->quiet_since_us < oldest->quiet_since_us))
            oldest = e;
    }
    if (oldest)
        follow_close(f, oldest);
}

static bool open_path(const leat_host *h, struct follow *f, struct followed *e, struct stat *st)
{
    make_room(f);
    e->fd = open(e->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (e->fd < 0) {
        if (errno != ENOENT)
            follow_complain(h, f, e->path, errno, "open");
        return false;
    }
    f->n_open++;
    return fstat(e->fd, st) == 0;
}

bool follow_open(const leat_host *h, struct follow *f, struct followed *e)
{
    struct stat st;
    uint64_t hash;
    if (e->fd >= 0)
        return true;
    if (!open_path(h, f, e, &st))
        return false;
    if (st.st_dev == e->dev && st.st_ino == e->ino && (uint64_t)st.st_size >= e->offset &&
        hash_head(e->fd, e->head_n, &hash) && hash == e->head_hash)
        return true;
    follow_replaced(h, f, e);
    return false;
}

void follow_replaced(const leat_host *h, struct follow *f, struct followed *e)
{
    struct stat st;
    char sentence[512];
    snprintf(sentence, sizeof sentence, "%s was truncated or replaced at byte %llu: it is read from its beginning",
             e->path, (unsigned long long)e->offset);
    h->log(h, LEAT_INFO, sentence);
    follow_close(f, e);
    e->dead = e->at_end = true;
    if (!e->ended)
        h->source->withdraw(h, e->partition, LEAT_ENDED);
    e->ended = true;
    if (stat(e->path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
        return; /* the next look finds what comes in its place */
    struct followed *fresh = add(f, &st, e->path);
    if (!fresh)
        return;
    if (!open_path(h, f, fresh, &st)) {
        follow_forget(f, fresh);
        return;
    }
    fresh->size = (uint64_t)st.st_size;
    fresh->look = f->looks;
    announce(h, f, fresh, e->ino == fresh->ino ? e->generation + 1 : 0);
}

/* --- looking ----------------------------------------------------------------------------------------------------- */

static int64_t modified_us(const struct stat *st)
{
    return st->st_mtim.tv_sec * second_us + st->st_mtim.tv_nsec / 1000;
}

/* A file that is followed was found, perhaps under another name. */
static void visit_known(const leat_host *h, struct follow *f, struct followed *e, const char *path,
                        const struct stat *st)
{
    uint64_t size = (uint64_t)st->st_size, hash;
    bool changed = size != e->size;
    if (strcmp(path, e->path) != 0) {
        char *copy = strdup(path);
        if (copy) {
            free(e->path);
            e->path = copy;
        }
    }
    e->size = size;
    e->modified_us = modified_us(st);
    if (e->ended) {
        char sentence[480];
        snprintf(sentence, sizeof sentence, "%s grew after it was finished: what was added is not read", path);
        if (changed && size > e->offset && !e->compressed)
            say(h, f, path, -1, sentence);
        return;
    }
    if (!changed || !e->mine)
        return;
    if (size < e->offset || (e->fd >= 0 && (!hash_head(e->fd, e->head_n, &hash) || hash != e->head_hash)))
        follow_replaced(h, f, e);
    else
        e->at_end = e->at_end && size == e->offset;
}

static bool host_knows(const leat_host *h, uint64_t ino)
{
    char prefix[24];
    snprintf(prefix, sizeof prefix, "%llx.", (unsigned long long)ino);
    return h->source->known && h->source->known(h, leat_text_of(prefix), 0).data != NULL;
}

/* A path that a pattern gave. only_known: it has no pattern, but may be one of ours under another name. */
static void visit(const leat_host *h, struct follow *f, const char *path, bool only_known)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno != ENOENT)
            follow_complain(h, f, path, errno, "look at");
        return;
    }
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || (only_known && !host_knows(h, st.st_ino)))
        return;
    struct followed *e = find_inode(f, st.st_dev, st.st_ino);
    if (e) {
        e->look = only_known ? e->look : f->looks;
        visit_known(h, f, e, path, &st);
        return;
    }
    e = add(f, &st, path);
    if (!e)
        return;
    if (!open_path(h, f, e, &st)) {
        follow_forget(f, e);
        return;
    }
    e->size = (uint64_t)st.st_size;
    e->modified_us = modified_us(&st);
    e->look = only_known ? 0 : f->looks;
    e->first = f->looks == 1;
    e->quiet_since_us = follow_now_us();
    announce(h, f, e, 0);
}

static int folder_failed(const char *path, int number)
{
    (void)path;
    return number != ENOENT && number != ENOTDIR;
}

static void say_nothing_matches(const leat_host *h, const char *pattern)
{
    char sentence[512];
    bool ends = h->with[OPTION_UNTIL].type != LEAT_NULL;
    snprintf(sentence, sizeof sentence, "no file matches %.400s%s", pattern, ends ? "" : " yet; waiting for one");
    h->log(h, ends ? LEAT_WARN : LEAT_INFO, sentence);
}

static void look_for(const leat_host *h, struct follow *f, const char *pattern)
{
    glob_t found;
    int r = glob(pattern, GLOB_NOSORT * (f->looks > 1), folder_failed, &found);
    if (r == GLOB_ABORTED)
        follow_complain(h, f, pattern, errno, "look for");
    else if (r == GLOB_NOMATCH && !strpbrk(pattern, "*?["))
        follow_complain(h, f, pattern, ENOENT, "open");
    else if (r == GLOB_NOMATCH && f->looks == 1)
        say_nothing_matches(h, pattern);
    else if (r == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            visit(h, f, found.gl_pathv[i], false);
    globfree(&found);
}

/* After a restart a file may have been renamed to what no pattern matches: it stands in the same folder. */
static void look_for_renamed(const leat_host *h, struct follow *f, const char *pattern)
{
    char path[4096];
    const char *slash = strrchr(pattern, '/');
    int n = slash ? (int)(slash - pattern) + 1 : 0;
    if ((slash && memchr(pattern, '*', (size_t)n)) || !h->source->known)
        return;
    snprintf(path, sizeof path, "%.*s", n, pattern);
    DIR *d = opendir(n ? path : ".");
    struct dirent *entry;
    while (d && (entry = readdir(d)))
        if (entry->d_type != DT_DIR && host_knows(h, entry->d_ino)) {
            snprintf(path, sizeof path, "%.*s%s", n, pattern, entry->d_name);
            visit(h, f, path, true);
        }
    if (d)
        closedir(d);
}

void follow_look(const leat_host *h, struct follow *f)
{
    const leat_value *paths = &h->with[OPTION_PATHS];
    int64_t from = follow_now_us();
    f->looks++;
    f->unreadable = 0;
    for (size_t i = 0; i < paths->as.list.n; i++) {
        char pattern[4096];
        leat_text t = paths->as.list.at[i].as.text;
        snprintf(pattern, sizeof pattern, "%.*s", (int)t.n, t.data);
        look_for(h, f, pattern);
        if (f->looks == 1)
            look_for_renamed(h, f, pattern);
    }
    int64_t took = follow_now_us() - from;
    f->look_at_us = from + (took * 20 > second_us ? took * 20 : second_us); /* at most a twentieth of the time */
}
