/* SPDX-License-Identifier: Apache-2.0 */
/* figures.c: counters of instances. */
#include "core/observe/observe.h"

const char *figure_name(enum figure f)
{
    static const char *const names[N_FIGURES] = {"records_in", "records_out", "bytes_in", "records_rejected", "records_dead",
                                                 "records_retried", "records_dropped", "calls_failed", "busy_us", "lag",
                                                 "waiting"};
    return names[f];
}

void figures_init(struct figures *f, const leat_processor *p)
{
    *f = (struct figures){.processor = p};
    f->own = xcalloc(p->n_metrics, sizeof *f->own);
    f->own_n = xcalloc(p->n_metrics, sizeof *f->own_n);
}

void figures_fini(struct figures *f)
{
    free(f->own);
    free(f->own_n);
    f->own = NULL;
    f->own_n = NULL;
}

void figures_measure(struct figures *f, uint32_t metric, double value)
{
    double now, next;
    if (metric >= f->processor->n_metrics)
        return;
    __atomic_load(&f->own[metric], &now, __ATOMIC_RELAXED);
    do
        next = f->processor->metrics[metric].kind == LEAT_GAUGE ? value : now + value;
    while (!__atomic_compare_exchange(&f->own[metric], &now, &next, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    __atomic_fetch_add(&f->own_n[metric], 1, __ATOMIC_RELAXED);
}

void figures_add_up(uint64_t to[N_FIGURES], const struct figures *f)
{
    for (int i = 0; i < N_FIGURES; i++)
        to[i] += figure_get(f, (enum figure)i);
}
