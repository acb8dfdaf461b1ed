/* SPDX-License-Identifier: Apache-2.0 */
/* follow.h: the files that a source follows; see follow.c. */
#ifndef LEAT_FOLLOW_H
#define LEAT_FOLLOW_H

#include "file.h"

#include <sys/stat.h>

enum { OPTION_PATHS, OPTION_START, OPTION_UNTIL, OPTION_SETTLE, OPTION_AFTER };
enum { AFTER_DO, AFTER_MOVE }; /* rows of `after` */
enum { DO_KEEP, DO_DELETE };
enum { BUCKETS = 4096, HEAD_MAX = 1024, COMPLAINTS = 64 };

/* A file, whatever it is called at the moment. */
struct followed {
    struct followed *next_inode, *next_partition; /* of the same bucket */
    char *path;                                   /* where it was seen last */
    char name[88]; /* of its partition: inode.birth:generation:length:hash, all hexadecimal */
    uint64_t dev, ino;
    uint32_t at;         /* its place in follow.files */
    uint32_t generation; /* rises when it is truncated */
    uint32_t head_n;     /* how many of its first bytes are hashed */
    uint64_t head_hash;
    leat_partition partition;
    int fd;                 /* -1: not open */
    uint64_t offset;        /* of the next byte to read */
    uint64_t size;          /* when it was looked at last */
    uint64_t look;          /* the last that found it by its pattern */
    uint64_t lag;           /* records still to come, as it was told last */
    uint32_t record_bytes;  /* of one, about; 0: not known */
    int64_t quiet_since_us; /* since when there is nothing to read (monotonic) */
    int64_t modified_us;    /* its own time stamp */
    bool mine;              /* the host said where to read on */
    bool held;
    bool at_end;
    bool ended; /* withdrawn; released when all of it is committed */
    bool dead;  /* truncated or replaced: what was in it is gone */
    bool compressed;
    bool from_end; /* `start: end` holds for it, and is still to be done */
    bool first;    /* was there when the source began */
};

struct complaint { /* about a path, so that the log does not say the same every second */
    uint64_t path;
    int number;
    int64_t said_us;
};

struct follow {
    struct followed **files;
    uint32_t n, room;
    uint32_t n_open;
    uint32_t cursor; /* the file that is read now */
    uint32_t chunks; /* read from it in a row */
    uint64_t looks;
    int64_t look_at_us, check_at_us;
    bool announced;      /* in this poll: the host has still to say whose they are */
    uint32_t unreadable; /* in the last look */
    char why[400];       /* about one of those */
    struct followed *by_inode[BUCKETS], *by_partition[BUCKETS];
    struct complaint complaints[COMPLAINTS];
};

int64_t follow_now_us(void); /* monotonic */
/* [lane, in poll] Looks for new, renamed, truncated and vanished files, and announces what is new. */
void follow_look(const leat_host *h, struct follow *f);
/* Opens it if it is not open. false: it cannot be, which was said; it is looked at again later. */
bool follow_open(const leat_host *h, struct follow *f, struct followed *e);
void follow_close(struct follow *f, struct followed *e);
/* The same path holds something else now: what was there is finished, what is there is new. */
void follow_replaced(const leat_host *h, struct follow *f, struct followed *e);
struct followed *follow_find(const struct follow *f, leat_partition p); /* NULL: not one of these */
void follow_forget(struct follow *f, struct followed *e);
void follow_complain(const leat_host *h, struct follow *f, const char *path, int number, const char *what);
void follow_fini(struct follow *f);

#endif
