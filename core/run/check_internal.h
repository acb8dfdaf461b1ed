/* SPDX-License-Identifier: Apache-2.0 */
/* check_internal.h: `plugins check`: the watching host (check_host.c) and what is done with a plugin under it
 * (check.c). */
#ifndef LEAT_CORE_RUN_CHECK_INTERNAL_H
#define LEAT_CORE_RUN_CHECK_INTERNAL_H

#include "core/run/run_internal.h"

struct guarded {
    char *at;
    size_t bytes, page;          /* behind `bytes` a page that nobody may touch */
    const leat_column *original; /* what a copied column was made from */
    bool closed;
};
struct watcher {
    struct instance *in;
    leat_host real; /* the calls of host.c */
    pthread_t thread;
    struct buf *mistakes; /* a sentence a line, each once */
    struct map said;
    VEC(struct guarded) guarded;
    size_t n_closed;
    int crash_fd; /* where a crash is told */
};
void watch_mistake(struct watcher *w, const char *format, ...) PRINTF(2, 3);
void watch_begin(struct watcher *w, struct instance *in); /* the instance's host calls go through the watcher */
void watch_end(struct watcher *w);
void watch_call_ended(struct watcher *w); /* what was read and allocated in the call may not be touched any more */
#endif
