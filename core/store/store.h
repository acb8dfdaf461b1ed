/* SPDX-License-Identifier: Apache-2.0 */
/* store.h: what a flow keeps on disk: the epoch log (positions, tokens of staged sinks), and dead letters.
 *
 * The log is a folder with a lock, and files of records {length, CRC32C, body}. One record per epoch of the flow is the
 * commit point: it is durable when store_commit returns 0. A torn tail is cut at the last good record when the store is
 * opened; damage anywhere else is refused with file and offset. */
#ifndef LEAT_CORE_STORE_H
#define LEAT_CORE_STORE_H

#include "core/base/base.h"

struct store;

struct stored_position {
    leat_text source;    /* processor's name */
    leat_text partition; /* its name, stable over restarts */
    uint64_t sequence;   /* where to read on */
    leat_text token;     /* the source's own, up to 255 bytes */
    leat_text state;     /* the decoder's (csv header); empty mostly */
    bool ended;          /* it will never have more */
};
struct stored_token {
    leat_text processor; /* a staged sink */
    leat_text scope;
    leat_text token;
};
struct epoch_record {
    uint64_t number; /* rises by one */
    uint64_t id;     /* random; with it a copy of the folder that went another way is noticed */
    uint64_t flow_hash;
    const struct stored_position *positions; /* those that changed in this epoch */
    size_t n_positions;
    const struct stored_token *tokens;
    size_t n_tokens;
};

/* Opens or makes DIR. A second process is refused with the holder's name. err names the file and what to do. */
int store_open(struct store **ret, const char *dir, struct err *err);
void store_close(struct store *s);
const char *store_dir(const struct store *s);

/* What the last good record and those before it add up to. What is returned is valid until the next store_commit or
 * store_note_delivered: who reads while another thread may call these stands between hold and let_go, which wait for no
 * disk. */
void store_hold(const struct store *s);
void store_let_go(const struct store *s);
const struct stored_position *store_positions(const struct store *s, size_t *ret_n);
const struct stored_position *store_position(const struct store *s, leat_text source,
                                             leat_text partition); /* NULL: none */
uint64_t store_logged(const struct store *s, uint64_t *ret_id);    /* number of the last record; 0: none */
uint64_t store_delivered(const struct store *s, uint64_t *ret_id); /* up to here all sinks are noted as finished */
/* Tokens of one scope: (number, id, token), oldest first: of epochs above store_delivered, and before them the newest
 * that was delivered, if there is one. */
struct logged_token {
    uint64_t number, id;
    leat_text token;
};
const struct logged_token *store_tokens(const struct store *s, leat_text processor, leat_text scope, size_t *ret_n);

/* [any thread, one at a time] Appends and syncs. ENOSPC and EIO leave the store as it was; call again later. */
int store_commit(struct store *s, const struct epoch_record *r, struct err *err);
int store_note_delivered(struct store *s, uint64_t number, struct err *err); /* no sync */
uint64_t store_incarnation(struct store *s); /* of this start: greater than all before, never the same twice */

/* Dead letters: dead-letters.ndjson, at 64 MiB renamed to dead-letters.1.ndjson and so on; the fourth is removed.
 * Durable after dead_sync. ENOSPC: nothing of that letter was written; call again later. */
struct dead_letter {
    leat_text raw, reason, code, field, processor, source, id;
    leat_text partition, origin; /* origin: what `$file` and `$topic` say */
    uint64_t sequence;
    leat_text record; /* JSON as it was at that point; empty: not decodable */
};
int store_dead_letter(struct store *s, const struct dead_letter *d, struct err *err); /* [any] */
int store_dead_sync(struct store *s, struct err *err);
/* After store_commit: what was synced before it stays; when the flow goes back, what came since is cut off, because it
 * comes again. Dead letters of epochs under way may stay with those of the one that is committed, and then come twice.
 */
void store_dead_keep(struct store *s);
void store_dead_forget(struct store *s);
uint64_t store_dead_count(const struct store *s);   /* written since it was opened [any] */
uint64_t store_dead_dropped(const struct store *s); /* old ones that rotation removed since it was opened [any] */
#endif
