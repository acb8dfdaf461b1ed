/* SPDX-License-Identifier: Apache-2.0 */
/* outputs.h: the files that a sink writes; see outputs.c. A function that fails returns false and leaves errno;
 * `failed` names the file. */
#ifndef LEAT_OUTPUTS_H
#define LEAT_OUTPUTS_H

#include "file.h"

enum { COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_ZSTD };

struct compressor;
/* A file that records go to. Bytes behind `committed` are staged: they are the epoch's that is under way. */
struct output {
    struct output *next; /* of the same bucket; NULL in `retired` */
    char *key;           /* the path as the flow's template gives it */
    char *path;          /* the file: the key, or a part of it */
    uint32_t id;         /* in the journal */
    uint32_t part;       /* 0: no parts */
    int64_t opened_us;   /* when the part began */
    uint64_t committed;
    uint64_t length;  /* of the file, without what is in `data` */
    uint64_t started; /* up to here the kernel was asked to write */
    uint64_t used;
    int fd;               /* -1: not open */
    bool touched;         /* chosen in this epoch */
    bool listed;          /* in the batch at hand */
    bool begun;           /* written to in this epoch */
    bool created;         /* in this epoch: its folder is to be synced */
    bool retired;         /* a next part took its place */
    bool noted;           /* stands in the journal */
    uint32_t first, last; /* rows of the batch at hand that go there, see `struct rows` in sink.c */
    char *data;           /* not yet written */
    size_t n;
    struct compressor *compressor;
};

struct outputs {
    struct output **buckets, **open; /* n_open files that are open, at most max_open */
    struct output *retired;
    uint32_t n, n_open, max_open, n_buckets;
    uint32_t next_id;
    uint64_t ticks;
    int compress;
    const char *failed; /* the path that the last failure was about */
    char *scratch;      /* where compressors write to */
};

bool outputs_init(struct outputs *o, uint32_t max_open, int compress);
void outputs_fini(struct outputs *o);
struct output *outputs_find(const struct outputs *o, leat_text key);
struct output *outputs_by_id(struct outputs *o, uint32_t id);
/* A new entry. part: 0 for none. path: NULL: made of key and part. NULL when there is no memory. */
struct output *outputs_add(struct outputs *o, leat_text key, uint32_t part, const char *path);
void outputs_remove(struct outputs *o, struct output *e); /* closes it */
/* The next part takes its place for the key: e stays until it is removed. */
void outputs_retire(struct outputs *o, struct output *e);
/* The highest number of a part that exists in its folder; 0: none. */
uint32_t outputs_last_part(leat_text key);
/* Opens it, and makes what is missing of its folders; ret_length: its length. Another one may be closed for it. */
bool output_open(struct outputs *o, struct output *e, uint64_t *ret_length);
bool output_write(struct outputs *o, struct output *e, leat_text t);
/* Everything that was written is in the file; a compressed member ends. */
bool output_finish(struct outputs *o, struct output *e);
bool output_sync(struct outputs *o, struct output *e); /* what is in the file is on the disk */
bool output_cut(struct outputs *o, struct output *e, uint64_t length);
/* A sum over the last bytes before `length`; it tells whether a file is the one that was written. */
bool output_sum(struct outputs *o, struct output *e, uint64_t length, uint32_t *ret);
bool outputs_make_folders(const char *path); /* those that path lies in */
bool outputs_sync_folder(const char *path);  /* that holds path */
/* Calls it for each, retired ones too, until it returns false. */
bool outputs_each(struct outputs *o, bool (*f)(void *with, struct output *e), void *with);

#endif
