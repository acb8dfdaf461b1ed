/* SPDX-License-Identifier: Apache-2.0 */
/* host.c: the host that `create` sees while a flow is planned: it binds, and tells types; there are no records. */
#include "core/graph/graph_internal.h"

struct planning_host {
    leat_host h; /* first */
    char zeros[1024];
    struct binding_plan *bp;
    leat_place place;
    char place_zeros[256];
};

static struct binding_plan *plan_of(const leat_host *h)
{
    return ((const struct planning_host *)(const void *)h)->bp;
}

static const struct node *blame_of(const struct binding_plan *bp)
{
    return bp->d->with && bp->d->with->key_line ? bp->d->with : bp->d->kind_node;
}

static bool check_bind(struct binding_plan *bp, const leat_binding *w, leat_text path)
{
    struct planner *pl = bp->pl;
    uint32_t known;
    const char *near = NULL;
    const struct shape *s = shape_at(bp, w->port);
    if (w->how == LEAT_WRITE)
        return true;
    if (!shape_type(s, pl->plan->paths, path, &known, &near)) {
        finding_add_key(pl->f, FINDING_ERROR, "E411", blame_of(bp),
                        near ? finding_text(pl->f, "did you mean '%s'?", near) : NULL,
                        "'%s' %s the field '" TEXT_FMT "', which the records do not have", bp->x->p->name,
                        w->how == LEAT_REMOVE ? "removes" : "reads", TEXT_ARG(path));
        return false;
    }
    if (w->how == LEAT_REMOVE || type_converts(known, w->type))
        return true;
    finding_add_key(pl->f, FINDING_ERROR, "E412", blame_of(bp), NULL, "'%s' reads '" TEXT_FMT "' as %s, and it is %s",
                    bp->x->p->name, TEXT_ARG(path), graph_type_name(w->type), graph_type_name(known));
    return false;
}

static leat_field host_bind(const leat_host *h, const leat_binding *w)
{
    struct binding_plan *bp = plan_of(h);
    leat_text path = text_of(w->path);
    uint32_t flags = w->flags & (LEAT_MAY_MISS | LEAT_LENIENT);
    uint32_t port = w->how != LEAT_WRITE && w->port == LEAT_EVERY_INPUT && bp->x->n_inputs == 1 ? 0 : w->port;
    struct bound b = {.b = {.how = w->how,
                            .port = port,
                            .type = w->type,
                            .flags = flags,
                            .scale = w->scale,
                            .required = w->how == LEAT_READ && !(flags & LEAT_MAY_MISS),
                            .where = blame_of(bp)}};
    if (bind_path(bp, w->how, path, &b.b.path, blame_of(bp)))
        check_bind(bp, w, path);
    return bound_add(bp, &b);
}

static const leat_column *host_read(const leat_host *h, const leat_batch *batch, leat_field f)
{
    struct binding_plan *bp = plan_of(h);
    leat_column *c = arena_zalloc(bp->pl->a, sizeof *c);
    leat_text *data = arena_zalloc(bp->pl->a, 2 * sizeof *data);
    (void)batch;
    c->data = data;
    if (!f || f > bp->all.n)
        return c;
    const struct binding *b = &bp->all.at[f - 1].b;
    c->type = b->known;
    c->scale = b->scale;
    if (b->expr) {
        *data = expr_prefix(b->expr);
        c->n = expr_is_constant(b->expr, &(leat_value){0});
    }
    return c;
}

static leat_status host_fail(const leat_host *h, leat_status s, const char *sentence)
{
    struct binding_plan *bp = plan_of(h);
    bp->failed = arena_strdup(bp->pl->a, sentence);
    return s;
}

static void host_log(const leat_host *h, uint32_t level, const char *sentence)
{
    (void)h, (void)level, (void)sentence; /* said when it runs */
}

static void host_wake(const leat_host *h)
{
    (void)h;
}

static void host_measure(const leat_host *h, uint32_t metric, double value)
{
    (void)h, (void)metric, (void)value;
}

static const void *host_service(const leat_host *h, const char *id)
{
    (void)h, (void)id;
    return NULL;
}

static struct planning_host *host_of(struct binding_plan *bp)
{
    struct planned *x = bp->x;
    struct planning_host *ph = arena_zalloc(bp->pl->a, sizeof *ph);
    ph->bp = bp;
    ph->place = (leat_place){.size = sizeof ph->place,
                             .lanes = 1,
                             .n_inputs = x->n_inputs,
                             .n_outputs = x->n_outputs - 1,
                             .flow = text_of(bp->pl->plan->flow),
                             .processor = text_of(x->name),
                             .scope = text_of(x->name),
                             .inputs = x->inputs,
                             .outputs = x->outputs,
                             .folder = TEXT("")};
    ph->h = (leat_host){.size = sizeof ph->h,
                        .abi = LEAT_ABI,
                        .self = ph,
                        .processor = x->p,
                        .place = &ph->place,
                        .with = x->with,
                        .service = host_service,
                        .bind = host_bind,
                        .read = host_read,
                        .fail = host_fail,
                        .wake = host_wake,
                        .log = host_log,
                        .measure = host_measure};
    return ph;
}

bool draft_create_try(struct binding_plan *bp)
{
    const leat_processor *p = bp->x->p;
    struct planning_host *ph = host_of(bp);
    if (!p->create || p->shared)
        return true;
    void *self = xcalloc(1, p->instance_bytes + 1);
    leat_status s = p->create(&ph->h, self, NULL);
    if (p->destroy)
        p->destroy(&ph->h, self);
    free(self);
    if (s == LEAT_OK)
        return true;
    finding_add_key(bp->pl->f, FINDING_ERROR, "E414", blame_of(bp), NULL, "%s: %s", p->name,
                    bp->failed ? bp->failed : "the plugin refuses these options, without a sentence");
    return false;
}
