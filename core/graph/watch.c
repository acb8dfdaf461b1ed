/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c: which fields of a source are read below it. */
#include "core/graph/graph_internal.h"

struct reads {
    bool *seen;    /* by path */
    bool *written; /* by path: made on the way */
    bool whole;    /* records are written out as a whole */
};

static void read_path(struct reads *r, uint32_t path)
{
    r->whole |= path == PATH_WHOLE || path == PATH_ENCODED;
    if (path >= PATH_FIRST_FIELD && !r->written[path])
        r->seen[path] = true;
}

static void collect(const struct planned *x, struct reads *r)
{
    for (size_t i = 0; i < x->n_bindings; i++) {
        const struct binding *b = &x->bindings[i];
        size_t n = 0;
        const uint32_t *paths = b->expr ? expr_paths(b->expr, &n) : NULL;
        for (size_t k = 0; k < n; k++)
            read_path(r, paths[k]);
        if (b->how == LEAT_READ && b->path)
            read_path(r, b->path);
    }
    for (size_t i = 0; i < x->n_bindings; i++)
        if (x->bindings[i].how == LEAT_WRITE)
            r->written[x->bindings[i].path] = true;
}

/* Processors in flow order, so that what is written stands before what reads it. */
bool fields_read_below(const struct plan *p, uint32_t source, bool *ret_read)
{
    struct reads r = {.seen = ret_read, .written = xcalloc(paths_count(p->paths) + 1, sizeof(bool))};
    auto_free bool *reached = xcalloc(p->n, sizeof *reached);
    reached[source] = true;
    for (uint32_t i = source; i < p->n; i++) {
        if (!reached[i])
            continue;
        collect(&p->processors[i], &r);
        for (uint32_t k = 0; k < p->processors[i].n_outputs; k++)
            for (uint32_t t = 0; t < p->processors[i].ports[k].n_targets; t++)
                reached[p->processors[i].ports[k].targets[t].processor] |=
                    !text_is(p->processors[i].ports[k].name, "rejected");
    }
    free(r.written);
    return r.whole;
}

void fields_watch_plan(struct planner *pl)
{
    struct plan *plan = pl->plan;
    auto_free bool *read = xmalloc(paths_count(plan->paths) + 1);
    for (uint32_t i = 0; i < plan->n && plan->processors[i].p->kind == LEAT_SOURCE; i++) {
        struct planned *x = &plan->processors[i];
        if (node_get(x->node, "schema"))
            continue;
        memset(read, 0, paths_count(plan->paths) + 1);
        fields_read_below(plan, i, read);
        x->watched = arena_zalloc(pl->a, (paths_count(plan->paths) + 1) * sizeof *x->watched);
        for (uint32_t k = PATH_FIRST_FIELD; k < paths_count(plan->paths); k++)
            if (read[k] && paths_text(plan->paths, k).data[0] != '$')
                x->watched[x->n_watched++] = k;
    }
}
