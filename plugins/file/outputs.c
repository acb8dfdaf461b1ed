/* SPDX-License-Identifier: Apache-2.0 */
/* outputs.c: the files that a sink writes: buffers, compression, parts, and how many are open at once. */
#include "outputs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { DATA_MAX = 128 << 10, SCRATCH = 128 << 10, SUM_BYTES = 4096, START_EVERY = 8 << 20 };

struct compressor {
    z_stream gzip;
    ZSTD_CCtx *zstd;
    bool begun; /* a member is open */
};

/* --- the table --------------------------------------------------------------------------------------------------- */

bool outputs_init(struct outputs *o, uint32_t max_open, int compress)
{
    *o = (struct outputs){.max_open = max_open, .n_buckets = 1024, .compress = compress, .failed = ""};
    o->buckets = calloc(o->n_buckets, sizeof(struct output *));
    o->open = calloc(max_open, sizeof(struct output *));
    o->scratch = malloc(SCRATCH);
    return o->buckets && o->open && o->scratch;
}

static struct output **bucket(const struct outputs *o, leat_text key)
{
    return &o->buckets[file_hash(FILE_HASH_START, key.data, key.n) % o->n_buckets];
}

struct output *outputs_find(const struct outputs *o, leat_text key)
{
    struct output *e = *bucket(o, key);
    while (e && (strncmp(e->key, key.data, key.n) != 0 || e->key[key.n] != 0))
        e = e->next;
    return e;
}

/* "out/a.ndjson.gz" and 3 -> "out/a-000003.ndjson.gz" */
static char *part_path(leat_text key, uint32_t part)
{
    char *path = NULL;
    size_t at = key.n;
    while (at > 0 && key.data[at - 1] != '/')
        at--;
    const char *dot = at + 1 < key.n ? memchr(key.data + at + 1, '.', key.n - at - 1) : NULL;
    size_t stem = dot ? (size_t)(dot - key.data) : key.n;
    if (asprintf(&path, "%.*s-%06u%.*s", (int)stem, key.data, part, (int)(key.n - stem), key.data + stem) < 0)
        return NULL;
    return path;
}

struct output *outputs_add(struct outputs *o, leat_text key, uint32_t part, const char *path)
{
    struct output *e = calloc(1, sizeof *e), **at = bucket(o, key);
    if (!e)
        return NULL;
    e->key = strndup(key.data, key.n);
    e->path = path ? strdup(path) : part ? part_path(key, part) : strndup(key.data, key.n);
    if (!e->key || !e->path) {
        free(e->key);
        free(e->path);
        free(e);
        return NULL;
    }
    e->part = part;
    e->fd = -1;
    e->id = o->next_id++;
    e->next = *at;
    *at = e;
    o->n++;
    return e;
}

static void unlink_from(struct output **at, struct output *e)
{
    while (*at && *at != e)
        at = &(*at)->next;
    if (*at)
        *at = e->next;
}

void outputs_retire(struct outputs *o, struct output *e)
{
    unlink_from(bucket(o, leat_text_of(e->key)), e);
    e->next = o->retired;
    o->retired = e;
    e->retired = true;
}

static void free_compressor(struct outputs *o, struct output *e)
{
    if (!e->compressor)
        return;
    if (o->compress == COMPRESS_GZIP)
        deflateEnd(&e->compressor->gzip);
    ZSTD_freeCCtx(e->compressor->zstd);
    free(e->compressor);
    e->compressor = NULL;
}

/* Gives the descriptor and the memory back; what is not yet written is lost. */
static void close_output(struct outputs *o, struct output *e)
{
    free_compressor(o, e);
    free(e->data);
    e->data = NULL;
    e->n = 0;
    if (e->fd < 0)
        return;
    close(e->fd);
    e->fd = -1;
    for (uint32_t i = 0; i < o->n_open; i++)
        if (o->open[i] == e)
            o->open[i] = o->open[--o->n_open];
}

void outputs_remove(struct outputs *o, struct output *e)
{
    close_output(o, e);
    unlink_from(e->retired ? &o->retired : bucket(o, leat_text_of(e->key)), e);
    free(e->key);
    free(e->path);
    free(e);
    o->n--;
}

bool outputs_each(struct outputs *o, bool (*f)(void *with, struct output *e), void *with)
{
    for (uint32_t i = 0; i <= o->n_buckets; i++)
        for (struct output *e = i < o->n_buckets ? o->buckets[i] : o->retired, *next; e; e = next) {
            next = e->next; /* f may remove it */
            if (!f(with, e))
                return false;
        }
    return true;
}

struct search {
    uint32_t id;
    struct output *found;
};
static bool is_searched(void *search, struct output *e)
{
    struct search *s = search;
    if (e->id == s->id)
        s->found = e;
    return !s->found;
}

struct output *outputs_by_id(struct outputs *o, uint32_t id)
{
    struct search s = {id, NULL};
    outputs_each(o, is_searched, &s);
    return s.found;
}

static bool remove_one(void *outputs, struct output *e)
{
    outputs_remove(outputs, e);
    return true;
}

void outputs_fini(struct outputs *o)
{
    if (o->buckets)
        outputs_each(o, remove_one, o);
    free(o->buckets);
    free(o->open);
    free(o->scratch);
    *o = (struct outputs){0};
}

/* --- folders ----------------------------------------------------------------------------------------------------- */

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

uint32_t outputs_last_part(leat_text key)
{
    char *first = part_path(key, 0), *folder = first ? folder_of(first) : NULL;
    DIR *d = folder ? opendir(folder) : NULL;
    struct dirent *entry;
    uint32_t last = 0;
    const char *slash = first ? strrchr(first, '/') : NULL, *name = slash ? slash + 1 : first;
    const char *digits = d ? strstr(name, "-000000") + 1 : NULL;
    size_t stem = d ? (size_t)(digits - name) : 0;
    while (d && (entry = readdir(d))) {
        char *end;
        if (strncmp(entry->d_name, name, stem) != 0)
            continue;
        unsigned long part = strtoul(entry->d_name + stem, &end, 10);
        if (end - (entry->d_name + stem) >= 6 && strcmp(end, digits + 6) == 0 && part > last && part < UINT32_MAX)
            last = (uint32_t)part;
    }
    if (d)
        closedir(d);
    free(folder);
    free(first);
    return last;
}

bool outputs_make_folders(const char *path)
{
    char *copy = strdup(path);
    bool ok = copy != NULL;
    for (char *at = copy; ok && (at = strchr(at + 1, '/'));) {
        *at = 0;
        bool made = mkdir(copy, 0777) == 0;
        ok = made ? outputs_sync_folder(copy) : errno == EEXIST;
        *at = '/';
    }
    free(copy);
    return ok;
}

bool outputs_sync_folder(const char *path)
{
    char *folder = folder_of(path);
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool ok = fd >= 0 && fsync(fd) == 0;
    free(folder);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

static bool put(struct outputs *o, struct output *e, const char *data, size_t n)
{
    while (n) {
        ssize_t w = pwrite(e->fd, data, n, (off_t)e->length);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0) {
            o->failed = e->path;
            return false;
        }
        data += w;
        n -= (size_t)w;
        e->length += (uint64_t)w;
    }
    if (e->length - e->started >= START_EVERY) { /* so that the sync at the end has little left to do */
        sync_file_range(e->fd, (off_t)e->started, (off_t)(e->length - e->started), SYNC_FILE_RANGE_WRITE);
        e->started = e->length;
    }
    return true;
}

static bool begin_member(struct outputs *o, struct output *e)
{
    struct compressor *c = e->compressor;
    if (!c) {
        c = e->compressor = calloc(1, sizeof *c);
        if (c && o->compress == COMPRESS_ZSTD)
            c->zstd = ZSTD_createCCtx();
        if (!c || (o->compress == COMPRESS_ZSTD ? !c->zstd
                                                : deflateInit2(&c->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
                                                               Z_DEFAULT_STRATEGY) != Z_OK)) {
            o->failed = e->path;
            errno = ENOMEM;
            return false;
        }
    } else if (!c->begun && o->compress == COMPRESS_GZIP) {
        deflateReset(&c->gzip);
    }
    c->begun = true;
    return true;
}

static bool gzip(struct outputs *o, struct output *e, const char *data, size_t n, bool last)
{
    z_stream *z = &e->compressor->gzip;
    z->next_in = (Bytef *)(uintptr_t)data;
    z->avail_in = (uInt)n;
    do {
        z->next_out = (Bytef *)o->scratch;
        z->avail_out = SCRATCH;
        deflate(z, last ? Z_FINISH : Z_NO_FLUSH);
        if (!put(o, e, o->scratch, SCRATCH - z->avail_out))
            return false;
    } while (z->avail_out == 0);
    return true;
}

static bool zstd(struct outputs *o, struct output *e, const char *data, size_t n, bool last)
{
    ZSTD_inBuffer in = {data, n, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {o->scratch, SCRATCH, 0};
        left = ZSTD_compressStream2(e->compressor->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) {
            o->failed = e->path;
            errno = EIO;
            return false;
        }
        if (!put(o, e, o->scratch, out.pos))
            return false;
    } while (last ? left > 0 : in.pos < in.size);
    return true;
}

/* What goes into the file, by way of the compressor. last: ends the member. */
static bool pass_on(struct outputs *o, struct output *e, const char *data, size_t n, bool last)
{
    if (o->compress == COMPRESS_NONE)
        return put(o, e, data, n);
    if (n == 0 && !(e->compressor && e->compressor->begun))
        return true;
    if (!begin_member(o, e))
        return false;
    if (last)
        e->compressor->begun = false;
    while (n > UINT32_MAX / 2) { /* one record cannot be that long, but zlib counts in 32 bits */
        if (!pass_on(o, e, data, UINT32_MAX / 2, false))
            return false;
        data += UINT32_MAX / 2;
        n -= UINT32_MAX / 2;
    }
    return o->compress == COMPRESS_GZIP ? gzip(o, e, data, n, last) : zstd(o, e, data, n, last);
}

bool output_write(struct outputs *o, struct output *e, leat_text t)
{
    if (!e->data && !(e->data = malloc(DATA_MAX))) {
        o->failed = e->path;
        errno = ENOMEM;
        return false;
    }
    if (e->n + t.n > DATA_MAX) {
        size_t n = e->n;
        e->n = 0;
        if (!pass_on(o, e, e->data, n, false))
            return false;
    }
    if (e->n == 0 && t.n >= DATA_MAX / 2)
        return pass_on(o, e, t.data, t.n, false);
    memcpy(e->data + e->n, t.data, t.n);
    e->n += t.n;
    return true;
}

bool output_finish(struct outputs *o, struct output *e)
{
    size_t n = e->n;
    e->n = 0;
    if (e->fd < 0)
        return true;
    if (!pass_on(o, e, e->data, n, true))
        return false;
    if (e->length > e->started)
        sync_file_range(e->fd, (off_t)e->started, (off_t)(e->length - e->started), SYNC_FILE_RANGE_WRITE);
    e->started = e->length;
    return true;
}

/* Its descriptor, or one for the moment, which *ret_own says. */
static int borrow(struct outputs *o, struct output *e, bool *ret_own)
{
    *ret_own = e->fd < 0;
    o->failed = e->path;
    return *ret_own ? open(e->path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : e->fd;
}

bool output_sync(struct outputs *o, struct output *e)
{
    bool own;
    int fd = borrow(o, e, &own);
    bool ok = fd >= 0 && fdatasync(fd) == 0;
    if (own && fd >= 0)
        close(fd);
    return ok;
}

bool output_sum(struct outputs *o, struct output *e, uint64_t length, uint32_t *ret)
{
    char tail[SUM_BYTES];
    bool own;
    int fd = borrow(o, e, &own);
    size_t n = length < sizeof tail ? (size_t)length : sizeof tail, got = 0;
    while (fd >= 0 && got < n) {
        ssize_t r = pread(fd, tail + got, n - got, (off_t)(length - n + got));
        errno = r == 0 ? ESTALE : errno;
        if (r <= 0)
            break;
        got += (size_t)r;
    }
    if (own && fd >= 0)
        close(fd);
    *ret = (uint32_t)crc32(0, (const Bytef *)tail, (uInt)got);
    return fd >= 0 && got == n;
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

/* The one that was used least lately makes room. */
static bool make_room(struct outputs *o)
{
    struct output *oldest = o->open[0];
    if (o->n_open < o->max_open)
        return true;
    for (uint32_t i = 1; i < o->n_open; i++)
        if (o->open[i]->used < oldest->used)
            oldest = o->open[i];
    if (oldest->touched && !output_finish(o, oldest))
        return false;
    close_output(o, oldest);
    return true;
}

bool output_open(struct outputs *o, struct output *e, uint64_t *ret_length)
{
    struct stat st;
    e->used = ++o->ticks;
    if (e->fd >= 0)
        return true;
    if (!make_room(o))
        return false;
    o->failed = e->path;
    bool is_new = access(e->path, F_OK) != 0;
    e->fd = open(e->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (e->fd < 0 && errno == ENOENT && outputs_make_folders(e->path))
        e->fd = open(e->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (e->fd < 0)
        return false;
    o->open[o->n_open++] = e;
    e->created |= is_new;
    int why = fstat(e->fd, &st) != 0            ? errno
              : !S_ISREG(st.st_mode)            ? EINVAL
              : flock(e->fd, LOCK_EX | LOCK_NB) ? EBUSY /* somebody else writes it */
                                                : 0;
    if (why) {
        close_output(o, e);
        errno = why;
        return false;
    }
    *ret_length = (uint64_t)st.st_size;
    return true;
}

bool output_cut(struct outputs *o, struct output *e, uint64_t length)
{
    uint64_t now;
    e->n = 0;
    free_compressor(o, e);
    if (!output_open(o, e, &now))
        return false;
    o->failed = e->path;
    e->length = e->started = length;
    return ftruncate(e->fd, (off_t)length) == 0;
}
