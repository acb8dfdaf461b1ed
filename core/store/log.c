/* SPDX-License-Identifier: Apache-2.0 */
/* log.c: segments of the epoch log: reading them after a crash, appending, replacing a long one. */
#include "core/store/store_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

static const char magic[8] = {'l', 'e', 'a', 't', ' ', 'l', 'o', 'g'};
#define SEGMENT_NAME "epochs.%06u"

static uint32_t number_at(const char *at)
{
    const unsigned char *p = (const unsigned char *)at;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void set_number(char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(value >> 8 * i & 255);
}

static void add_record(struct buf *to, leat_text body)
{
    char header[RECORD_HEADER];
    set_number(header, (uint32_t)body.n);
    set_number(header + 4, crc32c(crc32c(0, header, 4), body.data, body.n));
    buf_add(to, header, sizeof header);
    buf_text(to, body);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* The body of the record at `at`; false: there is none that is whole. */
static bool record_at(leat_text file, size_t at, leat_text *ret_body)
{
    if (file.n - at < RECORD_HEADER)
        return false;
    uint32_t length = number_at(file.data + at);
    if (length < 4 || length > BODY_MAX || length > file.n - at - RECORD_HEADER)
        return false;
    const char *body = file.data + at + RECORD_HEADER;
    if (crc32c(crc32c(0, file.data + at, 4), body, length) != number_at(file.data + at + 4))
        return false;
    *ret_body = (leat_text){body, length};
    return true;
}

/* What follows a torn tail was never synced: notes at most, of epochs that are known. Anything else says that the bytes
 * before it were once good. */
static bool proves_damage(leat_text body, const struct state *s)
{
    uint32_t kind = body_kind(body);
    return kind == KIND_NOTE ? body_noted(body) > s->logged : kind != 0;
}

static bool is_damaged(leat_text file, size_t at, const struct state *s)
{
    leat_text body;
    for (size_t i = at + 1; i + RECORD_HEADER < file.n; i++)
        if (record_at(file, i, &body) && proves_damage(body, s))
            return true;
    return false;
}

static int damaged(const struct log *l, uint64_t at, const char *why, struct err *err)
{
    return err_set(err, EUCLEAN,
                   "%s:%" PRIu64
                   ": the epoch log is damaged here: %s; bring the folder back from a backup, or move it away to "
                   "start without positions",
                   l->path, at, why);
}

static int check_header(const struct log *l, leat_text file, struct err *err)
{
    if (file.n < LOG_HEADER || memcmp(file.data, magic, sizeof magic) != 0)
        return damaged(l, 0, "it does not begin as a log does", err);
    uint32_t format = number_at(file.data + 8);
    if (format != LOG_FORMAT)
        return err_set(err, EPROTO, "%s has format %u, this Leat reads %d; start the version that wrote it", l->path,
                       format, LOG_FORMAT);
    return 0;
}

/* Adds the records up; l->end is where the good ones end. */
static int read_records(struct log *l, leat_text file, struct state *s, struct err *err)
{
    leat_text body;
    struct err why;
    size_t at = LOG_HEADER;
    while (at < file.n && record_at(file, at, &body)) {
        if ((at == LOG_HEADER) != (body_kind(body) == KIND_BASE))
            return damaged(l, at, "a segment begins with what was before it, once", err);
        int result = body_apply(body, s, &why);
        if (result < 0)
            return err_set(err, -result, "%s:%zu: %s", l->path, at, why.text);
        at += RECORD_HEADER + body.n;
        l->long_at = l->long_at ? l->long_at : at * 3;
    }
    if (at == LOG_HEADER)
        return damaged(l, at, "its first record does not match its checksum", err);
    if (at < file.n && is_damaged(file, at, s))
        return damaged(l, at, "a record does not match its checksum, later ones do", err);
    l->end = l->synced = at;
    return 0;
}

static int read_segment(struct log *l, struct state *s, struct err *err)
{
    auto_buf file = {0};
    int result = read_file(l->path, &file, err);
    if (result == 0)
        result = check_header(l, buf_view(&file), err);
    if (result == 0)
        result = read_records(l, buf_view(&file), s, err);
    if (result < 0)
        return result;
    l->fd = open(l->path, O_RDWR | O_CLOEXEC);
    if (l->fd < 0)
        return err_set(err, errno, "cannot open %s for writing: %m", l->path);
    if (l->end < file.n && ftruncate(l->fd, (off_t)l->end) < 0)
        return err_set(err, errno, "cannot cut the torn end of %s: %m", l->path);
    if (fdatasync(l->fd) < 0) /* a record that was read may not be on the disk yet */
        return err_set(err, errno, "cannot sync %s: %m", l->path);
    return 0;
}

/* --- segments ----------------------------------------------------------------------------------------------------- */

static char *segment_path(const struct log *l, uint32_t segment)
{
    return xasprintf("%s/" SEGMENT_NAME, l->dir, segment);
}

static int sync_folder(const char *dir)
{
    auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Number of a segment's name; 0: it is none. *ret_rest: what follows the number. */
static uint32_t segment_number(const char *name, const char **ret_rest)
{
    if (strncmp(name, "epochs.", 7) != 0)
        return 0;
    char *end;
    unsigned long number = strtoul(name + 7, &end, 10);
    *ret_rest = end;
    return end == name + 7 || number > UINT32_MAX ? 0 : (uint32_t)number;
}

/* The highest segment; below `remove_below` and unfinished ones are removed. */
static int look_through(const char *dir, uint32_t remove_below, uint32_t *ret_highest, struct err *err)
{
    DIR *d = opendir(dir);
    if (!d)
        return err_set(err, errno, "cannot look into %s: %m", dir);
    const char *rest = "";
    *ret_highest = 0;
    for (struct dirent *e; (e = readdir(d));) {
        uint32_t number = segment_number(e->d_name, &rest);
        if (!number)
            continue;
        if (remove_below && (*rest || number < remove_below))
            unlinkat(dirfd(d), e->d_name, 0);
        else if (!*rest && number > *ret_highest)
            *ret_highest = number;
    }
    closedir(d);
    return 0;
}

static int write_segment(int fd, leat_text base)
{
    auto_buf bytes = {0};
    char header[LOG_HEADER] = {0};
    memcpy(header, magic, sizeof magic);
    set_number(header + 8, LOG_FORMAT);
    buf_add(&bytes, header, sizeof header);
    add_record(&bytes, base);
    int result = write_all(fd, bytes.data, bytes.n);
    return result < 0 ? result : fdatasync(fd) < 0 ? -errno : (int)bytes.n;
}

/* Returns the bytes written, under the final name and on the disk; or -errno, and then nothing of that name is there.
 */
static int make_segment(const struct log *l, const char *path, leat_text base, int *ret_fd)
{
    auto_free char *fresh = xasprintf("%s.new", path);
    auto_close int fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    int bytes = write_segment(fd, base);
    if (bytes > 0 && rename(fresh, path) < 0)
        bytes = -errno;
    if (bytes < 0) {
        unlink(fresh);
        return bytes;
    }
    int synced = sync_folder(l->dir);
    if (synced < 0) {
        ASSERT(unlink(path) == 0); /* else a restart would read it instead of the segment that goes on */
        return synced;
    }
    *ret_fd = fd;
    fd = -1;
    return bytes;
}

int log_replace(struct log *l, leat_text base, struct err *err)
{
    auto_free char *path = segment_path(l, l->segment + 1);
    int fd = -1, bytes = make_segment(l, path, base, &fd);
    if (bytes < 0) {
        l->long_at = l->end + SEGMENT_BYTES; /* not with every record */
        return err_set(err, -bytes, "cannot write %s: %m; free some space", path);
    }
    if (l->fd >= 0) {
        close(l->fd);
        unlink(l->path);
    }
    free(l->path);
    l->path = steal(path);
    l->fd = fd;
    l->segment++;
    l->end = l->synced = (uint64_t)bytes;
    l->long_at = l->end * 3;
    l->torn = false;
    return 0;
}

int log_open(struct log *l, const char *dir, struct state *s, struct err *err)
{
    *l = (struct log){.dir = xstrdup(dir), .fd = -1};
    int result = look_through(dir, 0, &l->segment, err);
    if (result < 0)
        return result;
    if (!l->segment) {
        auto_buf base = {0};
        body_base(&base, s);
        return log_replace(l, buf_view(&base), err);
    }
    l->path = segment_path(l, l->segment);
    result = read_segment(l, s, err);
    if (result < 0)
        return result;
    uint32_t highest;
    return look_through(dir, l->segment, &highest, err);
}

void log_close(struct log *l)
{
    if (l->fd >= 0)
        close(l->fd);
    free(l->path);
    free(l->dir);
    *l = (struct log){.fd = -1};
}

/* --- appending ---------------------------------------------------------------------------------------------------- */

/* What is behind `end` is cut. It may fail; then the next append tries again, before it writes. */
static int cut(struct log *l)
{
    l->torn = ftruncate(l->fd, (off_t)l->end) < 0;
    return l->torn ? -errno : 0;
}

static int write_at(int fd, leat_text bytes, uint64_t at)
{
    while (bytes.n) {
        ssize_t n = pwrite(fd, bytes.data, bytes.n, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        bytes.data += n;
        bytes.n -= (size_t)n;
        at += (uint64_t)n;
    }
    return 0;
}

int log_append(struct log *l, leat_text body, bool sync, struct err *err)
{
    auto_buf record = {0};
    if (body.n > BODY_MAX)
        return err_set(err, EFBIG, "an epoch has %zu bytes of positions and tokens; the log takes %d", body.n,
                       BODY_MAX);
    add_record(&record, body);
    int result = l->torn ? cut(l) : 0;
    if (result == 0) {
        result = write_at(l->fd, buf_view(&record), l->end);
        if (result == 0 && sync && fdatasync(l->fd) < 0) {
            result = -errno;
            l->end = l->synced; /* the kernel may have given up on any page since then */
        }
        if (result < 0)
            cut(l);
    }
    if (result < 0)
        return err_set(err, -result, "cannot write %s: %m; %s", l->path,
                       result == -ENOSPC || result == -EDQUOT ? "free some space" : "look at the disk");
    l->end += record.n;
    l->synced = sync ? l->end : l->synced;
    return 0;
}

bool log_is_long(const struct log *l)
{
    return l->end > SEGMENT_BYTES && l->end > l->long_at;
}
