/* SPDX-License-Identifier: Apache-2.0 */
/* file.h: what the files of this plugin share.
 *
 * source.c    the source: reads, seeks, finishes files
 * follow.c    which files there are, and which file is which after renames, truncation and restarts
 * sink.c      the sink: epochs of growing files
 * claim.c     what the sink does when it starts
 * outputs.c   the files that a sink has open: buffers, compression, parts
 * journal.c   what a sink notes beside its files, so that a restart can cut and a stranger is refused */
#ifndef LEAT_FILE_H
#define LEAT_FILE_H

#include <leat/plugin.h>
#include <stdbool.h>

extern const leat_processor file_source, file_sink;

static inline uint64_t file_hash(uint64_t h, const void *data, size_t n) /* FNV-1a */
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3;
    return h;
}
enum { FILE_CHUNK = 256 << 10 };
#define FILE_HASH_START 0xcbf29ce484222325u

#endif
