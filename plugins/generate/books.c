/* SPDX-License-Identifier: Apache-2.0 */
/* books.c: the file in which the simulator notes the truth. Each line begins with {"sequence":N, so that after a
 * restart the file can be cut to what the flow has committed. */
#include "books.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char before_number[] = "{\"sequence\":";

/* Of a whole line: is it of a record before `sequence`? */
static bool is_before(const char *line, uint64_t sequence)
{
    size_t n = sizeof before_number - 1;
    return strncmp(line, before_number, n) == 0 && strtoull(line + n, NULL, 10) < sequence;
}

/* Length of the lines that stay. */
static off_t kept_length(int fd, uint64_t sequence)
{
    char *line = NULL;
    size_t cap = 0;
    off_t kept = 0;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE *f = copy < 0 ? NULL : fdopen(copy, "r");
    if (!f)
        return 0;
    for (ssize_t n; (n = getline(&line, &cap, f)) > 0 && line[n - 1] == '\n' && is_before(line, sequence);)
        kept += n;
    free(line);
    fclose(f);
    return kept;
}

int books_open(struct books_file *b, const char *path, size_t path_n, uint64_t sequence)
{
    char *name = strndup(path, path_n);
    books_close(b);
    b->buffer = malloc(BOOKS_BUFFER);
    b->fd = name && b->buffer ? open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;
    free(name);
    if (b->fd < 0)
        return -errno;
    off_t kept = sequence ? kept_length(b->fd, sequence) : 0;
    if (ftruncate(b->fd, kept) < 0 || lseek(b->fd, kept, SEEK_SET) < 0)
        return -errno;
    return 0;
}

int books_flush(struct books_file *b)
{
    for (size_t at = 0; at < b->n;) {
        ssize_t n = write(b->fd, b->buffer + at, b->n - at);
        if (n < 0 && errno != EINTR)
            return -errno;
        at += n > 0 ? (size_t)n : 0;
    }
    b->n = 0;
    return 0;
}

char *books_room(struct books_file *b, size_t n)
{
    if (b->n + n > BOOKS_BUFFER)
        books_flush(b); /* what fails here fails again at the end of the turn, where it is told */
    return b->n + n > BOOKS_BUFFER ? NULL : b->buffer + b->n;
}

void books_wrote(struct books_file *b, size_t n)
{
    b->n += n;
}

void books_close(struct books_file *b)
{
    if (b->fd >= 0)
        close(b->fd);
    free(b->buffer);
    *b = (struct books_file){.fd = -1};
}
