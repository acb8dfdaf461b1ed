/* SPDX-License-Identifier: Apache-2.0 */
/* store_internal.h: the parts of the store and the format of its log.
 *
 * DIR/lock            held by flock while a process has the store; says who
 * DIR/epochs.NNNNNN   a segment of the log; the highest number holds, older ones are left over from a crash
 * DIR/dead-letters.ndjson, dead-letters.1.ndjson ... .3.ndjson
 *
 * A segment begins with "leat log", u32 format version, u32 0. Then records: u32 length of the body, u32 CRC32C over
 * length and body, body. All numbers are little-endian. A body is a kind (four letters) and sections {u16 type, u16 0,
 * u32 length, bytes}, so that what later versions add (state, outbox, timers) finds its place. A section that is not
 * known refuses the log, unless its type has the bit SECTION_OPTIONAL. Texts are u32 length and bytes. */
#ifndef LEAT_CORE_STORE_INTERNAL_H
#define LEAT_CORE_STORE_INTERNAL_H

#include "core/store/store.h"

#include <leat/plugin.h>
#include <pthread.h>

enum { LOG_FORMAT = 1, LOG_HEADER = 16, RECORD_HEADER = 8, BODY_MAX = 256 << 20 };
enum { SEGMENT_BYTES = 4 << 20 }; /* a segment this long, and twice as long as what it adds up to, is replaced */
enum { DEAD_BYTES = 64 << 20, DEAD_FILES = 4 };

#define KIND(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define KIND_BASE KIND('b', 'a', 's', 'e')  /* begins a segment: all that was before adds up to this; synced */
#define KIND_OPEN KIND('o', 'p', 'e', 'n')  /* a process took the store: its incarnation; synced */
#define KIND_EPOCH KIND('e', 'p', 'o', 'c') /* a commit point; synced */
#define KIND_NOTE KIND('n', 'o', 't', 'e')  /* what was delivered; not synced, so it may be torn */

enum {
    SECTION_EPOCH = 1,       /* u64 number, id, flow hash */
    SECTION_DELIVERED = 2,   /* u64 number, id */
    SECTION_INCARNATION = 3, /* u64 */
    SECTION_POSITION = 4,    /* u64 sequence, u64 ended, texts: source, partition, token, state */
    SECTION_TOKEN = 5,       /* u64 number, id, texts: processor, scope, token */
    SECTION_OPTIONAL = 0x8000
};

/* --- state.c: what the records add up to ------------------------------------------------------------------------- */

struct kept_token {
    leat_text processor, scope; /* all three in `block` */
    struct logged_token t;
    char *block;
};
struct state {
    VEC(struct stored_position) positions;
    VEC(char *) blocks;             /* of positions, index by index: the texts */
    struct map by_name;             /* "source\0partition" -> index + 1 */
    VEC(struct kept_token) tokens;  /* above `delivered`, and the newest delivered of each scope; oldest first */
    VEC(leat_logged) epochs;        /* above `delivered` */
    VEC(struct logged_token) found; /* the last answer of state_tokens */
    uint64_t logged, logged_id, delivered, delivered_id, flow_hash, incarnation;
};
void state_fini(struct state *s);
void state_epoch(struct state *s, uint64_t number, uint64_t id, uint64_t flow_hash);
void state_delivered(struct state *s, uint64_t number); /* forgets tokens up to it */
void state_position(struct state *s, const struct stored_position *p);
void state_token(struct state *s, uint64_t number, uint64_t id, const struct stored_token *t);
const struct stored_position *state_find(const struct state *s, leat_text source, leat_text partition);
const struct logged_token *state_tokens(struct state *s, leat_text processor, leat_text scope, size_t *ret_n);

/* --- body.c: bodies to bytes and back ---------------------------------------------------------------------------- */

void body_open(struct buf *to, uint64_t incarnation);
void body_note(struct buf *to, const struct state *s);
void body_epoch(struct buf *to, const struct epoch_record *r, const struct state *s);
void body_base(struct buf *to, const struct state *s);
uint32_t body_kind(leat_text body);  /* 0: none that is known */
uint64_t body_noted(leat_text body); /* of a note: the number; 0: none */
/* Adds a whole body to the state. -EBADMSG: not understood, and nothing was added; err says what. */
int body_apply(leat_text body, struct state *s, struct err *err);

/* --- log.c: segments ---------------------------------------------------------------------------------------------- */

struct log {
    char *dir, *path; /* path: of the segment that is written */
    int fd;
    uint32_t segment;
    uint64_t end, synced; /* bytes of good records; of those that are on the disk for sure */
    uint64_t long_at;     /* a segment longer than this is to be replaced */
    bool torn;            /* what is behind `end` must be cut before anything is written */
};
int log_open(struct log *l, const char *dir, struct state *s, struct err *err); /* reads all, cuts a torn tail, syncs */
void log_close(struct log *l);
int log_append(struct log *l, leat_text body, bool sync, struct err *err); /* on failure the log is as it was */
bool log_is_long(const struct log *l);
int log_replace(struct log *l, leat_text base, struct err *err); /* a new segment; on failure the old one goes on */

/* --- dead.c --------------------------------------------------------------------------------------------------------
 */

struct dead {
    char *dir;
    int fd;
    uint64_t limit; /* bytes of one file */
    uint64_t end, count, dropped;
    uint64_t synced, kept; /* where it ended at the last sync, and at the last one that a commit followed */
    bool dirty;
    pthread_mutex_t lock;
};
void dead_init(struct dead *d, const char *dir);
void dead_fini(struct dead *d);
int dead_write(struct dead *d, const struct dead_letter *letter, struct err *err);
int dead_sync(struct dead *d, struct err *err);
void dead_keep(struct dead *d);   /* what was synced belongs to a commit */
void dead_forget(struct dead *d); /* what does not is cut off again */

struct store {
    char *dir;
    int lock_fd;
    struct state state;
    struct log log;
    struct dead dead;
    pthread_mutex_t write_lock; /* the log; taken first */
    pthread_mutex_t state_lock; /* for changes of `state`, never over a write */
};
#endif
