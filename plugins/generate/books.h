/* SPDX-License-Identifier: Apache-2.0 */
/* books.h: the file in which the simulator notes the truth: NDJSON, a line per fact, with the sequence of its record.
 */
#ifndef GENERATE_BOOKS_H
#define GENERATE_BOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct books_file {
    int fd; /* -1: not open */
    char *buffer;
    size_t n;
};
enum { BOOKS_BUFFER = 256 << 10 };
/* Opens or creates, and cuts off what is noted from `sequence` on: it will be noted again. 0 or -errno. */
int books_open(struct books_file *b, const char *path, size_t path_n, uint64_t sequence);
/* Where the next line goes: at least `n` bytes; tell by `books_wrote`. */
char *books_room(struct books_file *b, size_t n);
void books_wrote(struct books_file *b, size_t n);
int books_flush(struct books_file *b); /* 0 or -errno */
void books_close(struct books_file *b);
#endif
