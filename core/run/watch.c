/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c: fields that a flow reads and that no record of a source has: told once, with what may have been meant. */
#include "core/run/run_internal.h"

enum { WATCHED_RECORDS = 10000 };

struct watch {
    uint64_t records;
    struct {
        bool occurred;
        char *near; /* a field of the first batch that is spelt alike, or NULL */
    } at[];
};

static char *nearest(struct batch *b, leat_text path)
{
    uint32_t n;
    const leat_text *names = batch_names(b, &n);
    VEC(char *) copies = {0};
    for (uint32_t i = 0; i < n; i++)
        *VEC_PUSH(&copies) = xstrndup(names[i].data, names[i].n);
    const char *near = closest(path, (const char *const *)copies.at, copies.n);
    char *found = near ? xstrdup(near) : NULL;
    for (size_t i = 0; i < copies.n; i++)
        free(copies.at[i]);
    VEC_FINI(&copies);
    return found;
}

static struct watch *watch_of(struct instance *in)
{
    struct source *s = in->source;
    if (!s->watch)
        s->watch = xcalloc(1, sizeof *s->watch + in->planned->n_watched * sizeof s->watch->at[0]);
    return s->watch;
}

void fields_watch_end(struct instance *in)
{
    struct watch *w = in->source->watch;
    for (size_t i = 0; w && w->records && !in->source->watched && i < in->planned->n_watched; i++) {
        leat_text path = paths_text(in->run->plan->paths, in->planned->watched[i]);
        const char *near = w->at[i].near && !text_is(path, w->at[i].near) ? w->at[i].near : NULL; /* it may be there as null */
        char count[40];
        print_count(count, (int64_t)w->records);
        if (!w->at[i].occurred)
            log_line(LOG_WARN, in->planned->name,
                     "none of the first %s records has a value in the field '" TEXT_FMT "', which the flow reads%s%s%s",
                     count, TEXT_ARG(path), near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    in->source->watched = true;
}

void fields_watch(struct instance *in, struct batch *b)
{
    const struct planned *x = in->planned;
    if (LIKELY(in->source->watched || !x->n_watched))
        return;
    struct watch *w = watch_of(in);
    for (size_t i = 0; i < x->n_watched; i++) {
        if (w->at[i].occurred)
            continue;
        w->at[i].occurred = batch_read(b, x->watched[i], LEAT_NULL).column->nulls < b->view.n;
        if (!w->at[i].occurred && !w->records)
            w->at[i].near = nearest(b, paths_text(in->run->plan->paths, x->watched[i]));
    }
    w->records += b->view.n;
    if (w->records >= WATCHED_RECORDS)
        fields_watch_end(in);
}

void fields_watch_fini(struct instance *in)
{
    struct watch *w = in->source->watch;
    for (size_t i = 0; w && i < in->planned->n_watched; i++)
        free(w->at[i].near);
    free(w);
}
