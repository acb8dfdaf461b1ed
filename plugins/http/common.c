/* SPDX-License-Identifier: Apache-2.0 */
/* common.c: growing bytes and gzip, for the source and the sinks; and the plugin's description. */
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void bytes_add(struct bytes *b, const void *at, size_t n)
{
    if (b->broken || !n)
        return;
    if (b->n + n > b->room) {
        size_t room = (b->n + n) * 2;
        char *more = realloc(b->at, room);
        if (!more) {
            b->broken = true;
            return;
        }
        b->at = more;
        b->room = room;
    }
    memcpy(b->at + b->n, at, n);
    b->n += n;
}

void bytes_str(struct bytes *b, const char *s)
{
    bytes_add(b, s, strlen(s));
}

void bytes_text(struct bytes *b, leat_text t)
{
    bytes_add(b, t.data, t.n);
}

void bytes_free(struct bytes *b)
{
    free(b->at);
    memset(b, 0, sizeof *b);
}

char *option_copy(const leat_value *v)
{
    return v->type == LEAT_NULL ? NULL : strndup(v->as.text.data, v->as.text.n);
}

static int inflate_all(z_stream *z, size_t most, struct bytes *ret)
{
    char chunk[32768];
    for (;;) {
        z->next_out = (Bytef *)chunk;
        z->avail_out = sizeof chunk;
        int rc = inflate(z, Z_NO_FLUSH);
        bytes_add(ret, chunk, sizeof chunk - z->avail_out);
        if (ret->n > most || ret->broken)
            return -2;
        if (rc == Z_STREAM_END && z->avail_in)
            rc = inflateReset(z); /* gzip files may stand one after the other */
        else if (rc == Z_STREAM_END)
            return 0;
        if (rc != Z_OK)
            return -1;
    }
}

int gunzip(leat_text packed, size_t most, struct bytes *ret)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.data, .avail_in = (uInt)packed.n};
    if (packed.n > UINT32_MAX || inflateInit2(&z, 15 + 32) != Z_OK) /* 32: the header says whether gzip or zlib */
        return -1;
    int rc = inflate_all(&z, most, ret);
    inflateEnd(&z);
    return rc;
}

LEAT_PLUGIN("http", "1.0.0", "Records by HTTP: taken by POST, and sent to any address.", &http_source, &http_sink,
            &http_batch_sink);
