/* SPDX-License-Identifier: Apache-2.0 */
/* inflate.c: gzip and zstd streams, of any number of members. */
#include "core/record/decoder_internal.h"

#include <zlib.h>
#include <zstd.h>

struct inflater {
    enum compression kind;
    struct buf input;
    size_t at;    /* of input, taken so far */
    bool between; /* not inside of a member */
    bool damaged; /* what was good of it was given */
    bool full;    /* there was no room for all of the output */
    z_stream gzip;
    ZSTD_DStream *zstd;
};

enum compression compression_of(const char *data, size_t n)
{
    if (n >= 2 && memcmp(data, "\x1f\x8b", 2) == 0)
        return COMPRESSION_GZIP;
    if (n >= 4 && memcmp(data, "\x28\xb5\x2f\xfd", 4) == 0)
        return COMPRESSION_ZSTD;
    return COMPRESSION_NONE;
}

struct inflater *inflater_new(enum compression kind)
{
    struct inflater *f = xcalloc(1, sizeof *f);
    f->kind = kind;
    f->between = true;
    if (kind == COMPRESSION_GZIP)
        ASSERT(inflateInit2(&f->gzip, 15 + 16) == Z_OK);
    else
        ASSERT((f->zstd = ZSTD_createDStream()));
    return f;
}

void inflater_free(struct inflater *f)
{
    if (!f)
        return;
    if (f->kind == COMPRESSION_GZIP)
        inflateEnd(&f->gzip);
    else
        ZSTD_freeDStream(f->zstd);
    buf_fini(&f->input);
    free(f);
}

void inflater_add(struct inflater *f, const char *data, size_t n)
{
    if (f->at == f->input.n) {
        f->input.n = f->at = 0;
    } else if (f->at > 1 << 20) {
        memmove(f->input.data, f->input.data + f->at, f->input.n - f->at);
        f->input.n -= f->at;
        f->at = 0;
    }
    buf_add(&f->input, data, n);
}

bool inflater_between(const struct inflater *f)
{
    return f->between && f->at == f->input.n;
}

bool inflater_pending(const struct inflater *f)
{
    return f->at < f->input.n || f->full;
}

static ssize_t take_gzip(struct inflater *f, char *to, size_t room)
{
    z_stream *z = &f->gzip;
    z->next_in = (unsigned char *)f->input.data + f->at;
    z->avail_in = (uInt)(f->input.n - f->at);
    z->next_out = (unsigned char *)to;
    z->avail_out = (uInt)room;
    while ((z->avail_in || f->full) && z->avail_out) {
        f->between = false;
        f->full = false;
        int status = inflate(z, Z_NO_FLUSH);
        if (status == Z_STREAM_END) {
            f->between = true;
            inflateReset(z);
        } else if (status != Z_OK && status != Z_BUF_ERROR) {
            f->damaged = true;
        }
        if (status == Z_BUF_ERROR || f->damaged)
            break;
    }
    f->at = f->input.n - z->avail_in;
    return (ssize_t)(room - z->avail_out);
}

static ssize_t take_zstd(struct inflater *f, char *to, size_t room)
{
    ZSTD_inBuffer in = {f->input.data, f->input.n, f->at};
    ZSTD_outBuffer out = {to, room, 0};
    while (out.pos < out.size) {
        size_t before = in.pos, given = out.pos, more = ZSTD_decompressStream(f->zstd, &out, &in);
        if (ZSTD_isError(more)) {
            f->damaged = true;
            break;
        }
        f->between = more == 0;
        if (in.pos == before && out.pos == given)
            break;
        if (in.pos == in.size && out.pos < out.size)
            break;
    }
    f->at = in.pos;
    return (ssize_t)out.pos;
}

ssize_t inflater_take(struct inflater *f, char *to, size_t room)
{
    if (room > 1 << 30)
        room = 1 << 30;
    if (f->damaged)
        return -1;
    ssize_t n = f->kind == COMPRESSION_GZIP ? take_gzip(f, to, room) : take_zstd(f, to, room);
    f->full = n == (ssize_t)room;
    return n ? n : f->damaged ? -1 : 0;
}
