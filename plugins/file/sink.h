/* SPDX-License-Identifier: Apache-2.0 */
/* sink.h: the sink's instance, for sink.c (epochs and records) and claim.c (what a start finds). */
#ifndef LEAT_FILE_SINK_H
#define LEAT_FILE_SINK_H

#include "journal.h"

enum { PATH, ROLL, COMPRESS, MAX_OPEN }; /* options */
enum { ROLL_SIZE, ROLL_EVERY };
enum { OPENED, CUT }; /* metrics */
enum { TOKEN_MARKS = 250, TEXT_MAX = 4096, PREFIX_MAX = 1900 };

struct token { /* what prepare gives to the log */
    uint64_t incarnation, number;
    uint32_t n;
    uint32_t in_journal; /* the marks did not fit: they stand in the journal */
    struct mark marks[TOKEN_MARKS];
};
struct file {
    leat_field encoded, head;
    char prefix[PREFIX_MAX]; /* the path's literal beginning */
    bool one_file;           /* it is the whole path */
    struct outputs o;
    struct journal j;
    bool claimed;
    uint64_t shown; /* up to this number `recover` noted as committed what was logged */
    bool uncut;     /* an abort could not cut everything */
    int64_t now_us; /* of the batch */
    struct mark *marks;
    size_t n_marks, room_marks;
    struct token token;
};

/* For outputs_each. */
struct visit {
    const leat_host *h;
    struct file *f;
};

/* The sentence of a failure, which errno and the outputs know. */
leat_status file_failed(const leat_host *h, const struct file *f, const char *what);
leat_status file_journal_failed(const leat_host *h, const struct file *f);
/* Notes an epoch as committed. false: errno. */
bool file_show(struct file *f, uint64_t number, uint64_t id, leat_text token);
leat_status file_recover(const leat_host *h, void *self, const leat_claim *c, uint64_t *ret_number, uint64_t *ret_id);

#endif
