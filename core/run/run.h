/* SPDX-License-Identifier: Apache-2.0 */
/* run.h: running a planned flow: lanes, epochs, delivery.
 *
 * A lane is a thread with its own event loop that runs its own instances over its share of the partitions, to completion:
 * a batch from a source goes through all processors before the next. An epoch is what lies between two commit points of
 * the flow; when it ends, sinks finish what they were given (staged ones prepare it), positions and tokens are logged and
 * synced, staged sinks publish, and only then sources are told (decisions: docs/architecture.md, Delivery).
 * When a transactional or staged sink fails in an epoch, or an instance ends with RETRY in `start`, the flow rewinds: all
 * instances are stopped, and made again from the last commit point, after a back-off. It is the same path as the start after a
 * crash. */
#ifndef LEAT_CORE_RUN_H
#define LEAT_CORE_RUN_H

#include "core/base/base.h"
#include "core/graph/graph.h"
#include "core/observe/observe.h"

struct run;
struct run_options {
    const char *state;      /* folder; NULL: nothing is kept (pipe, try) */
    bool muted;             /* try: sinks get nothing, positions stay */
    uint64_t limit;         /* records per source, 0: all; then it ends as if at the end */
    bool pipe;              /* with muted: processor pipe_in reads NDJSON from standard input, other sources end at once; */
    uint32_t pipe_in, pipe_out; /* what reaches pipe_out is written to standard output */
    /* try: called for each batch on each port before it goes on. [lane] */
    void (*seen)(void *self, uint32_t processor, uint32_t port, struct batch *b);
    void *self;
};
/* [main] Makes instances (create) and opens the store. */
int run_open(struct run **ret, struct plan *plan, const struct run_options *o, struct err *err);
int run_start(struct run *r, struct err *err); /* [main] starts the threads */
/* [main] Sources stop, what was read is finished and committed, then it ends. */
void run_stop(struct run *r);
/* [main] Waits at most wait_us; true when it has ended. */
bool run_wait(struct run *r, int64_t wait_us);
/* [main] After run_wait said true: 0, or -errno with why. */
int run_result(const struct run *r, struct err *err);
void run_free(struct run *r);

/* Figures of one processor over all lanes. [any] */
void run_figures(const struct run *r, uint32_t processor, uint64_t ret[N_FIGURES]);
enum run_state { RUN_STARTING, RUN_RUNNING, RUN_WAITING, RUN_STOPPING, RUN_ENDED };
enum run_state run_state_of(const struct run *r, char ret_why[256]); /* WAITING: why (a destination that is down, ...) [any] */
uint64_t run_epochs(const struct run *r);       /* committed */
uint64_t run_dead_letters(const struct run *r); /* in this run */

/* `plugins check`: gives records (JSON, one a line) to one transform of a plan under a host that watches every call. In a process
 * of its own, because the plugin may crash; what is told of a crash goes to crash_fd, with exit code CHECK_TOUCHED. Adds a
 * sentence a line for every mistake. */
enum { CHECK_TOUCHED = 70 };
struct check_figures {
    uint64_t batches, calls, records_out;
    char stopped[512]; /* why not all was given; "": it was */
};
int run_check(struct plan *plan, uint32_t processor, leat_text records, int crash_fd, struct buf *mistakes,
              struct check_figures *figures, struct err *err);
#endif
