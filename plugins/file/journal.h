/* SPDX-License-Identifier: Apache-2.0 */
/* journal.h: what a sink notes beside its files; see journal.c. */
#ifndef LEAT_JOURNAL_H
#define LEAT_JOURNAL_H

#include "outputs.h"

/* A file's state in an epoch, as it stands in the journal and in tokens. */
struct mark {
    uint32_t id;  /* of the output */
    uint32_t sum; /* of the last bytes before length */
    uint64_t length;
};
/* The journal is open and locked; what was committed last. */
struct journal {
    char *path;
    int fd; /* -1: not open */
    uint64_t length;
    uint64_t incarnation, number, id;
};

/* Opens (made when absent), locks and reads it: the outputs that it names are added to o, with `committed`. scope:
 * whose it is. LEAT_OK, or a status with its sentence. *j is zeroed or was opened before. */
leat_status journal_open(const leat_host *h, struct journal *j, const char *path, leat_text scope, struct outputs *o);
void journal_close(struct journal *j);
/* These append and, but for journal_file, sync. false: errno. */
bool journal_file(struct journal *j, struct output *e);
bool journal_sync(struct journal *j);
bool journal_claim(struct journal *j, uint64_t incarnation);
bool journal_stage(struct journal *j, uint64_t number, const struct mark *marks, size_t n);
bool journal_commit(struct journal *j, uint64_t number, uint64_t id, const struct mark *marks, size_t n);
/* The marks that were staged for a number; n of them. NULL: none, or no memory. To be freed. */
struct mark *journal_staged(struct journal *j, uint64_t number, size_t *ret_n);
/* Writes it anew with what counts now, when it has grown long. */
bool journal_compact(struct journal *j, leat_text scope, struct outputs *o);

#endif
