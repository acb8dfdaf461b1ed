/* SPDX-License-Identifier: Apache-2.0 */
/* http.h: what the files of this plugin share: growing bytes, gzip, and the processors. */
#ifndef LEAT_HTTP_HTTP_H
#define LEAT_HTTP_HTTP_H

#include <leat/plugin.h>
#include <stdbool.h>

/* Growing bytes. When memory runs out, `broken` stays set and nothing more is added. */
struct bytes {
    char *at;
    size_t n, room;
    bool broken;
};
void bytes_add(struct bytes *b, const void *at, size_t n);
void bytes_str(struct bytes *b, const char *s);
void bytes_text(struct bytes *b, leat_text t);
void bytes_free(struct bytes *b);

/* The text of an option, or of a row of a group; NULL if it was not given. The caller frees it. */
char *option_copy(const leat_value *v);

/* Undoes gzip (or zlib). 0; -1: the bytes are damaged; -2: more than `most` bytes come out. */
int gunzip(leat_text packed, size_t most, struct bytes *ret);

extern const leat_processor http_source, http_sink, http_batch_sink;

#endif
