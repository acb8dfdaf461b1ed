/* SPDX-License-Identifier: Apache-2.0 */
/* files.c: whole files. */
#include "core/base/base.h"

#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

int read_file(const char *path, struct buf *ret, struct err *err)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, errno, "cannot open %s: %m", path);
    for (;;) {
        ssize_t n = read(fd, buf_room(ret, 64 << 10), 64 << 10);
        if (n < 0)
            return err_set(err, errno, "cannot read %s: %m", path);
        ret->n += (size_t)n;
        ret->data[ret->n] = 0;
        if (n == 0)
            return 0;
    }
}

int write_all(int fd, const void *data, size_t n)
{
    for (const char *at = data; n;) {
        ssize_t wrote = write(fd, at, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -errno;
        at += wrote;
        n -= (size_t)wrote;
    }
    return 0;
}

int make_folders(const char *path, struct err *err)
{
    auto_free char *copy = xstrdup(path);
    for (char *at = copy + 1;; at++) {
        char c = *at;
        if (c != '/' && c != 0)
            continue;
        *at = 0;
        if (mkdir(copy, 0777) < 0 && errno != EEXIST)
            return err_set(err, errno, "cannot make folder %s: %m", copy);
        *at = c;
        if (!c)
            return 0;
    }
}

static int sync_folder_of(const char *path)
{
    auto_free char *copy = xstrdup(path);
    auto_close int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int replace_file(const char *path, leat_text contents, struct err *err)
{
    auto_free char *fresh = xasprintf("%s.new", path);
    auto_close int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_set(err, errno, "cannot write %s: %m", fresh);
    int r = write_all(fd, contents.data, contents.n);
    if (r < 0)
        return err_set(err, -r, "cannot write %s: %m", fresh);
    if (fdatasync(fd) < 0 || rename(fresh, path) < 0)
        return err_set(err, errno, "cannot replace %s: %m", path);
    r = sync_folder_of(path);
    return r < 0 ? err_set(err, -r, "cannot sync the folder of %s: %m", path) : 0;
}
