/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.c: the company in a file: a header, then the bytes of its state. */
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct header {
    char magic[8];
    uint32_t format, size;
    uint64_t seed, checksum;
};

static uint64_t checksum(const struct company *c)
{
    const unsigned char *p = (const unsigned char *)c;
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < sizeof *c; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static struct header header_of(const struct company *c, uint64_t seed)
{
    struct header h = {{'l', 'e', 'a', 't', 'c', 'o', 'm', '\n'}, COMPANY_FORMAT, sizeof *c, seed, checksum(c)};
    return h;
}

static int write_all(int fd, const void *data, size_t n)
{
    for (const char *at = data; n;) {
        ssize_t k = write(fd, at, n);
        if (k < 0 && errno != EINTR)
            return -errno;
        at += k > 0 ? k : 0;
        n -= k > 0 ? (size_t)k : 0;
    }
    return 0;
}

int snapshot_save(const char *path, const struct company *c, uint64_t seed)
{
    char beside[4096];
    struct header h = header_of(c, seed);
    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
        return -ENAMETOOLONG;
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int r = write_all(fd, &h, sizeof h);
    if (r == 0)
        r = write_all(fd, c, sizeof *c);
    close(fd);
    if (r == 0 && rename(beside, path) < 0)
        r = -errno;
    return r;
}

static bool read_all(int fd, void *data, size_t n)
{
    for (char *at = data; n;) {
        ssize_t k = read(fd, at, n);
        if (k == 0 || (k < 0 && errno != EINTR))
            return false;
        at += k > 0 ? k : 0;
        n -= k > 0 ? (size_t)k : 0;
    }
    return true;
}

bool snapshot_load(const char *path, struct company *c, uint64_t seed, uint64_t sequence)
{
    struct header h, want;
    bool good = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct company *read = fd < 0 ? NULL : malloc(sizeof *read);
    if (read && read_all(fd, &h, sizeof h) && h.size == sizeof *read && read_all(fd, read, sizeof *read)) {
        want = header_of(read, seed);
        good = memcmp(&h, &want, sizeof h) == 0 && read->sequence <= sequence;
    }
    if (good)
        memcpy(c, read, sizeof *c);
    free(read);
    if (fd >= 0)
        close(fd);
    return good;
}
