/* SPDX-License-Identifier: Apache-2.0 */
/* observe.h: what the host counts of every processor, the same for all; written by lanes, read by whoever shows it. */
#ifndef LEAT_CORE_OBSERVE_H
#define LEAT_CORE_OBSERVE_H

#include "core/base/base.h"

#include <leat/plugin.h>

/* The figures of one instance. One lane writes (or a source's own thread for `own`), any thread reads. Once per batch. */
enum figure {
    RECORDS_IN,     /* records given to process */
    RECORDS_OUT,    /* records emitted on all ports, `rejected` left out */
    BYTES_IN,       /* raw bytes of records given (sources: read) */
    RECORDS_REJECTED,
    RECORDS_DEAD,   /* of those: to dead letters */
    RECORDS_RETRIED,
    RECORDS_DROPPED, /* from partitions that belong to another lane; to ports that are ignored */
    CALLS_FAILED,   /* RETRY, FATAL and REJECT answers */
    BUSY_US,        /* time in the plugin's hooks */
    LAG,            /* sources: records still to come (a level, not a count) */
    WAITING,        /* records parked before it (a level) */
    N_FIGURES
};
const char *figure_name(enum figure f);

struct figures {
    uint64_t at[N_FIGURES];
    const leat_processor *processor; /* for its own metrics */
    double *own;                     /* one per row of processor->metrics: sums of counters, last values of gauges */
    uint64_t *own_n;                 /* how often each was measured */
};
void figures_init(struct figures *f, const leat_processor *p);
void figures_fini(struct figures *f);
static inline void figure_add(struct figures *f, enum figure which, uint64_t n)
{
    __atomic_store_n(&f->at[which], f->at[which] + n, __ATOMIC_RELAXED);
}
static inline void figure_set(struct figures *f, enum figure which, uint64_t n)
{
    __atomic_store_n(&f->at[which], n, __ATOMIC_RELAXED);
}
static inline uint64_t figure_get(const struct figures *f, enum figure which)
{
    return __atomic_load_n(&f->at[which], __ATOMIC_RELAXED);
}
void figures_measure(struct figures *f, uint32_t metric, double value);       /* [any] */
void figures_add_up(uint64_t to[N_FIGURES], const struct figures *f);         /* over lanes */
#endif
