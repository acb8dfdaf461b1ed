/* SPDX-License-Identifier: Apache-2.0 */
/* dead.c: dead letters: NDJSON files that are rotated, so that they never grow over DEAD_FILES * DEAD_BYTES. */
#include "core/store/store_internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

void dead_init(struct dead *d, const char *dir)
{
    *d = (struct dead){.dir = xstrdup(dir), .fd = -1, .limit = DEAD_BYTES};
    pthread_mutex_init(&d->lock, NULL);
}

void dead_fini(struct dead *d)
{
    if (!d->dir)
        return;
    if (d->fd >= 0)
        close(d->fd);
    free(d->dir);
    pthread_mutex_destroy(&d->lock);
}

static char *path_of(const struct dead *d, int age)
{
    return age ? xasprintf("%s/dead-letters.%d.ndjson", d->dir, age) : xasprintf("%s/dead-letters.ndjson", d->dir);
}

/* Where the last whole line ends. */
static int find_end(int fd, uint64_t size, uint64_t *ret)
{
    char block[4096];
    while (size) {
        size_t want = size % sizeof block ? size % sizeof block : sizeof block;
        ssize_t n = pread(fd, block, want, (off_t)(size - want));
        if (n != (ssize_t)want)
            return n < 0 ? -errno : -EIO;
        const char *newline = memrchr(block, '\n', want);
        if (newline) {
            *ret = size - want + (uint64_t)(newline + 1 - block);
            return 0;
        }
        size -= want;
    }
    *ret = 0;
    return 0;
}

static int open_file(struct dead *d, struct err *err)
{
    auto_free char *path = path_of(d, 0);
    struct stat st;
    d->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (d->fd < 0)
        return err_set(err, errno, "cannot open %s: %m", path);
    int result = fstat(d->fd, &st) < 0 ? -errno : find_end(d->fd, (uint64_t)st.st_size, &d->end);
    if (result == 0 && d->end < (uint64_t)st.st_size && ftruncate(d->fd, (off_t)d->end) < 0)
        result = -errno;
    d->synced = d->kept = d->end;
    if (result == 0)
        return 0;
    close(d->fd);
    d->fd = -1;
    return err_set(err, -result, "cannot read %s: %m", path);
}

static uint64_t lines_in(const char *path)
{
    auto_buf file = {0};
    uint64_t n = 0;
    if (read_file(path, &file, NULL) == 0)
        for (size_t i = 0; i < file.n; i++)
            n += file.data[i] == '\n';
    return n;
}

static int rotate(struct dead *d, struct err *err)
{
    int result = dead_sync(d, err);
    if (result < 0)
        return result;
    for (int age = DEAD_FILES - 1; age >= 0; age--) {
        auto_free char *from = path_of(d, age), *to = path_of(d, age + 1);
        if (age == DEAD_FILES - 1)
            d->dropped += lines_in(from);
        if (age == DEAD_FILES - 1 ? unlink(from) < 0 && errno != ENOENT : rename(from, to) < 0 && errno != ENOENT)
            return err_set(err, errno, "cannot rotate %s: %m", from);
    }
    close(d->fd);
    d->fd = -1;
    return open_file(d, err);
}

/* Length of the UTF-8 sequence at `at` (RFC 3629), 0: it is none. */
static size_t sequence_length(leat_text t, size_t at)
{
    const unsigned char *p = (const unsigned char *)t.data + at;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (n > t.n - at)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if (n > 2 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
                  (p[0] == 0xf4 && p[1] > 0x8f)))
        return 0;
    return n;
}

/* Adds t with what is no UTF-8 replaced by U+FFFD; false: there was some. */
static bool add_repaired(struct buf *to, leat_text t)
{
    bool whole = true;
    for (size_t i = 0; i < t.n;) {
        size_t n = sequence_length(t, i);
        if (n)
            buf_add(to, t.data + i, n);
        else
            buf_str(to, "\xef\xbf\xbd");
        whole = whole && n;
        i += n ? n : 1;
    }
    return whole;
}

/* Bytes that are no UTF-8 cannot stand in JSON: they are replaced, and `raw_base64` has them as they were. */
static void add_raw(struct buf *line, leat_text raw)
{
    auto_buf shown = {0};
    bool whole = add_repaired(&shown, raw);
    buf_str(line, "\"raw\":");
    buf_json(line, buf_view(&shown));
    if (whole)
        return;
    buf_str(line, ",\"raw_base64\":\"");
    int n = EVP_EncodeBlock((unsigned char *)buf_room(line, raw.n / 3 * 4 + 8), (const unsigned char *)raw.data,
                            (int)raw.n);
    line->n += (size_t)n;
    buf_char(line, '"');
}

static void add_text(struct buf *line, const char *name, leat_text t)
{
    if (!t.n)
        return;
    auto_buf shown = {0};
    add_repaired(&shown, t);
    buf_printf(line, ",\"%s\":", name);
    buf_json(line, buf_view(&shown));
}

static void print_letter(struct buf *line, const struct dead_letter *l)
{
    char time[40];
    print_time(time, clock_wall_us());
    buf_char(line, '{');
    add_raw(line, l->raw);
    add_text(line, "reason", l->reason);
    add_text(line, "code", l->code);
    add_text(line, "field", l->field);
    add_text(line, "processor", l->processor);
    add_text(line, "source", l->source);
    add_text(line, "origin", l->origin);
    if (l->partition.n) {
        auto_buf position = {0};
        buf_printf(&position, TEXT_FMT ":%" PRIu64, TEXT_ARG(l->partition), l->sequence);
        add_text(line, "position", buf_view(&position));
    }
    add_text(line, "id", l->id);
    buf_printf(line, ",\"at\":\"%s\"", time);
    if (l->record.n) {
        buf_str(line, ",\"record\":");
        buf_text(line, l->record);
    }
    buf_str(line, "}\n");
}

static int append(struct dead *d, leat_text line, struct err *err)
{
    int result = d->fd < 0 ? open_file(d, err) : d->end && d->end + line.n > d->limit ? rotate(d, err) : 0;
    if (result < 0)
        return result;
    if (lseek(d->fd, (off_t)d->end, SEEK_SET) < 0)
        result = -errno;
    if (result == 0)
        result = write_all(d->fd, line.data, line.n);
    if (result < 0) {
        if (ftruncate(d->fd, (off_t)d->end) < 0) { /* opened again, the torn line is found and cut */
            close(d->fd);
            d->fd = -1;
        }
        return err_set(err, -result, "cannot write %s/dead-letters.ndjson: %m; free some space", d->dir);
    }
    d->end += line.n;
    d->dirty = true;
    __atomic_fetch_add(&d->count, 1, __ATOMIC_RELAXED);
    return 0;
}

int dead_write(struct dead *d, const struct dead_letter *letter, struct err *err)
{
    auto_buf line = {0};
    print_letter(&line, letter);
    pthread_mutex_lock(&d->lock);
    int result = append(d, buf_view(&line), err);
    pthread_mutex_unlock(&d->lock);
    return result;
}

int dead_sync(struct dead *d, struct err *err)
{
    if (!d->dirty || d->fd < 0)
        return 0;
    if (fdatasync(d->fd) < 0)
        return err_set(err, errno, "cannot sync %s/dead-letters.ndjson: %m; look at the disk", d->dir);
    d->dirty = false;
    d->synced = d->end;
    return 0;
}

void dead_keep(struct dead *d)
{
    d->kept = d->synced;
}

void dead_forget(struct dead *d)
{
    if (d->fd < 0 || d->end <= d->kept || ftruncate(d->fd, (off_t)d->kept) < 0)
        return; /* then they stand there twice, with the same ids */
    d->end = d->synced = d->kept;
}
