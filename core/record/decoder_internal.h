/* SPDX-License-Identifier: Apache-2.0 */
/* decoder_internal.h: what the files of the decoder share. */
#ifndef LEAT_CORE_DECODER_INTERNAL_H
#define LEAT_CORE_DECODER_INTERNAL_H

#include "core/record/record_internal.h"
#include "core/record/shape.h"

/* Compressed bytes in, plain ones out (inflate.c). */
struct inflater;
struct inflater *inflater_new(enum compression kind);
void inflater_free(struct inflater *f);
void inflater_add(struct inflater *f, const char *data, size_t n);
/* Fills up to room bytes; 0: more input is needed (or it has ended). -1: damaged. */
ssize_t inflater_take(struct inflater *f, char *to, size_t room);
bool inflater_pending(const struct inflater *f); /* inflater_take would go on without more input */
bool inflater_between(const struct inflater *f); /* not inside of a compressed member */
enum compression compression_of(const char *data, size_t n);

struct queued { /* a message that waits to be decoded */
    struct block *block;
    size_t at, n;
    struct message message;
};

struct decoder {
    struct codec codec;
    const struct paths *paths;
    struct pool *pool;
    struct origin *origin;

    /* Streams: bytes begin .. filled of block are not decoded yet; begin stands at `offset`. */
    struct block *block;
    size_t begin, filled;
    uint64_t offset, line;
    bool started, ended, dead;
    bool idle;     /* nothing whole was left, and nothing has come since */
    bool skipping; /* the rest of a record that is too long */
    enum csv_skip { SKIP_START, SKIP_PLAIN, SKIP_QUOTED, SKIP_QUOTE } skip; /* csv: where in it */
    size_t seen; /* bytes behind begin that hold no record end */
    struct inflater *inflater;
    enum compression compression;
    uint64_t to_skip; /* plain bytes of a compressed stream that was sought: they come again */
    char *input;      /* room for compressed bytes */
    size_t input_room;

    /* Messages. */
    VEC(struct queued) queue;
    size_t next_message;
    size_t message_at;    /* bytes of it that were decoded */
    bool in_array;        /* of records */
    uint32_t message_kth; /* records it gave so far */
    struct arena headers;
    uint64_t next_sequence;

    /* JSON. */
    struct shapes *shapes; /* NULL: record_scalar */
    uint32_t hot;          /* the shape that the next record is predicted to have */
    int score;             /* how well that went of late */

    struct csv_names *names;
    struct buf header, state;
    struct found *found; /* the pool's: no other decoder of the lane is at work now */
    VEC(struct rejected) rejected;
    struct arena texts; /* of rejected records */
};

struct place_in { /* what is being decoded */
    const char *base, *begin, *end;
    const char *stop; /* no record of this batch begins there or behind */
    bool last;        /* no more bytes will come behind end */
    uint32_t message; /* UINT32_MAX: a stream */
};
enum { BATCH_BYTES = 1 << 20 }; /* about what a batch holds */
void messages_drop(struct decoder *d);
struct batch *messages_next(struct decoder *d, uint32_t max); /* the queue is not empty */
const char *decode(struct decoder *d, struct place_in *in, const char *p, uint32_t max);
struct batch *found_batch(struct decoder *d, struct block *block, const char *base); /* of what was found */
void found_clear(struct decoder *d);
void *batch_copied(struct batch *b, const void *from, size_t bytes);
void reject(struct decoder *d, leat_text raw, uint64_t sequence, uint64_t line, const char *code, const char *format,
            ...) PRINTF(6, 7);
struct record *found_add(struct decoder *d, const struct place_in *in, const char *at, size_t n);
struct slot *found_slots(struct decoder *d, size_t n); /* room for n more behind those that are there */
uint64_t line_number(const struct decoder *d, const struct place_in *in);
bool reject_utf8(struct decoder *d, struct place_in *in, leat_text t);

/* Decodes from p on while records are whole, at most max of them; returns where it stopped. */
const char *decode_json(struct decoder *d, struct place_in *in, const char *p, uint32_t max);
const char *decode_json_message(struct decoder *d, struct place_in *in, const char *p, uint32_t max);
const char *decode_csv(struct decoder *d, struct place_in *in, const char *p, uint32_t max);
const char *decode_text(struct decoder *d, struct place_in *in, const char *p, uint32_t max);
const char *decode_raw(struct decoder *d, struct place_in *in, const char *p, uint32_t max);
bool csv_set_names(struct decoder *d, const char *p, const char *end);
void csv_fixed_names(struct decoder *d);
uint64_t sequence_at(const struct decoder *d, const struct place_in *in, const char *p);
const char *skip_line(struct decoder *d, struct place_in *in, const char *p); /* of a record that was too long */
/* The line at p, less its end: where the next one begins; NULL: it has no end yet. */
const char *line_at(struct decoder *d, struct place_in *in, const char *p, leat_text *ret);
/* A record that is longer than max_record and has no end yet: rejected, its rest will be skipped. */
bool too_long(struct decoder *d, struct place_in *in, const char *p, size_t n);
bool unended_too_long(struct decoder *d, struct place_in *in, const char *p);
#endif
