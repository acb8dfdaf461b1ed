/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c: processors in flow order: inputs, options, create, outputs; then lanes and hashes. */
#include "core/graph/graph_internal.h"

#include <unistd.h>

enum { LANES_MAX = 64 };

/* --- what comes in, what goes out -------------------------------------------------------------------------------- */

/* Rejected records have fields of their own. */
static void shape_of_rejected(struct planner *pl, struct shape *s)
{
    static const char *const names[] = {"reason", "code", "field", "processor", "source"};
    s->closed = false;
    for (size_t i = 0; i < N_OF(names); i++)
        shape_add(s, paths_add(pl->plan->paths, text_of(names[i])), LEAT_TEXT, true);
}

static void shapes_in(struct planner *pl, const struct draft *d, const struct planned *x, struct shape *in)
{
    auto_free bool *first = xmalloc(x->n_inputs + 1);
    memset(first, 1, x->n_inputs + 1);
    for (size_t i = 0; i < d->arcs.n; i++) {
        const struct arc *a = &d->arcs.at[i];
        const struct draft *s = &pl->drafts.at[a->from];
        const struct planned *from = s->at == UINT32_MAX ? NULL : &pl->plan->processors[s->at];
        uint32_t input = 0;
        while (a->input.n && input < x->n_inputs && !text_equal(x->inputs[input].name, a->input))
            input++;
        if (input >= x->n_inputs)
            continue;
        struct shape open = {0}, *given = &open;
        for (uint32_t k = 0; from && s->out && k < from->n_outputs; k++)
            if (text_equal(from->ports[k].name, a->port.n ? a->port : TEXT("out")))
                given = &s->out[k];
        if (first[input])
            shape_copy(&in[input], given);
        else
            shape_merge(&in[input], given);
        first[input] = false;
    }
}

static void edges_know(struct planner *pl, struct planned *x, const struct shape *in)
{
    for (uint32_t i = 0; i < x->n_inputs; i++) {
        leat_known *known = arena_zalloc(pl->a, (in[i].fields.n + 1) * sizeof *known);
        for (size_t k = 0; k < in[i].fields.n; k++) {
            const struct shape_field *s = &in[i].fields.at[k];
            known[k] = (leat_known){arena_text(pl->a, paths_text(pl->plan->paths, s->path)), s->type,
                                    s->may_miss ? LEAT_MAY_MISS : 0};
        }
        x->inputs[i].fields = known;
        x->inputs[i].n_fields = (uint32_t)in[i].fields.n;
    }
}

static uint32_t input_of_output(const leat_processor *p, uint32_t port)
{
    if (!p->n_outputs)
        return 0;
    return p->outputs[port < p->n_outputs ? port : p->n_outputs - 1].input;
}

static bool writes(const struct binding_plan *bp)
{
    for (size_t i = 0; i < bp->all.n; i++)
        if (bp->all.at[i].b.how == LEAT_WRITE)
            return true;
    return false;
}

static void shape_out(struct binding_plan *bp, uint32_t port, struct shape *out)
{
    const struct planned *x = bp->x;
    uint32_t input = input_of_output(x->p, port);
    bool fresh = x->ports[port].flags & (LEAT_NEW_RECORDS | LEAT_KEY_RECORDS);
    for (size_t i = 0; i < bp->all.n; i++)
        fresh |= bp->all.at[i].b.how == LEAT_REMOVE && bp->all.at[i].b.path == PATH_WHOLE;
    if (fresh)
        out->closed = writes(bp); /* a source may also feed records that it has as bytes */
    else if (input < x->n_inputs)
        shape_copy(out, &bp->in[input]);
    for (size_t i = 0; i < bp->all.n; i++) {
        const struct binding *b = &bp->all.at[i].b;
        leat_text name = paths_text(bp->pl->plan->paths, b->path);
        if (b->how == LEAT_READ || (name.n && name.data[0] == '$'))
            continue; /* what one port writes may be written to the others, too */
        if (b->how == LEAT_REMOVE && b->path == PATH_WHOLE)
            continue;
        if (b->how == LEAT_WRITE && b->path == PATH_WHOLE)
            out->closed = false; /* whatever the JSON has */
        else if (b->how == LEAT_REMOVE)
            shape_remove(out, bp->pl->plan->paths, b->path);
        else
            shape_add(out, b->path, b->type, true);
    }
    if (x->p->needs & LEAT_NEEDS_DYNAMIC)
        out->closed = false;
}

static void shapes_out(struct binding_plan *bp)
{
    struct planned *x = bp->x;
    struct draft *d = bp->d;
    d->out = xcalloc(x->n_outputs, sizeof *d->out);
    for (uint32_t i = 0; i + 1 < x->n_outputs; i++) {
        shape_out(bp, i, &d->out[i]);
        if (x->p->kind == LEAT_SOURCE)
            draft_schema_read(bp->pl, d, x, &d->out[i]);
    }
    shape_of_rejected(bp->pl, &d->out[x->n_outputs - 1]);
}

/* --- one processor ----------------------------------------------------------------------------------------------- */

static void check_needs(struct planner *pl, const struct draft *d)
{
    uint64_t missing = d->p->needs & (LEAT_NEEDS_STATE | LEAT_NEEDS_TIMERS);
    if (missing)
        finding_add(pl->f, FINDING_ERROR, "E419", d->kind_node, NULL, "'%s' needs %s, which comes with a later version",
                    d->p->name, missing & LEAT_NEEDS_STATE ? "keyed state" : "timers");
}

static void keep_bindings(struct binding_plan *bp)
{
    struct planned *x = bp->x;
    x->n_bindings = bp->all.n;
    x->bindings = arena_zalloc(bp->pl->a, (bp->all.n + 1) * sizeof *x->bindings);
    for (size_t i = 0; i < bp->all.n; i++)
        x->bindings[i] = bp->all.at[i].b;
}

static void read_options(struct binding_plan *bp)
{
    struct planner *pl = bp->pl;
    struct draft *d = bp->d;
    struct option_binder binder = binder_of(bp);
    const struct node *blame = d->with ? d->with : d->kind_node;
    leat_value *with;
    options_read(pl->a, d->p->options, d->p->n_options, d->with, blame, host_keys_of(d->p), &binder, pl->f, &with);
    bp->x->with = with;
}

static void bind_all(struct planner *pl, struct draft *d, struct planned *x)
{
    struct binding_plan bp = {.pl = pl, .d = d, .x = x};
    size_t errors = pl->f->errors;
    bp.in = xcalloc(x->n_inputs + 1, sizeof *bp.in);
    shapes_in(pl, d, x, bp.in);
    for (uint32_t i = 0; i < x->n_inputs; i++)
        i ? shape_merge(&bp.every, &bp.in[i]) : shape_copy(&bp.every, &bp.in[i]);
    edges_know(pl, x, bp.in);
    read_options(&bp);
    output_add(pl, d, x, TEXT("rejected"), LEAT_DEAD_LETTERS);
    if (pl->f->errors == errors)
        draft_create_try(&bp);
    keep_bindings(&bp);
    shapes_out(&bp);
    for (uint32_t i = 0; i < x->n_inputs; i++)
        shape_fini(&bp.in[i]);
    shape_fini(&bp.every);
    free(bp.in);
    VEC_FINI(&bp.all);
    VEC_FINI(&bp.earlier);
}

static void plan_one(struct planner *pl, struct draft *d)
{
    struct plan *plan = pl->plan;
    d->at = (uint32_t)plan->n;
    struct planned *x = &plan->processors[plan->n++];
    *x = (struct planned){.name = d->name, .p = d->p, .file = d->file, .node = d->node};
    check_needs(pl, d);
    bool ok = inputs_plan(pl, d, x);
    outputs_plan(pl, d, x);
    if (!ok) {
        output_add(pl, d, x, TEXT("rejected"), LEAT_DEAD_LETTERS);
        return;
    }
    bind_all(pl, d, x);
    arcs_connect(pl, d);
    draft_common_read(pl, d, x);
}

void processors_plan(struct planner *pl)
{
    pl->plan->processors = arena_zalloc(pl->a, (pl->order.n + 1) * sizeof *pl->plan->processors);
    for (size_t i = 0; i < pl->order.n; i++) {
        struct draft *d = &pl->drafts.at[pl->order.at[i]];
        if (d->p && !d->broken)
            plan_one(pl, d);
    }
    if (pl->dead_letters != UINT32_MAX)
        pl->plan->dead_letters = pl->drafts.at[pl->dead_letters].at;
}

/* --- lanes ------------------------------------------------------------------------------------------------------- */

void lanes_choose(struct planner *pl)
{
    struct plan *plan = pl->plan;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    plan->lanes = plan->settings.lanes ? plan->settings.lanes
                  : cores > LANES_MAX  ? LANES_MAX
                  : cores > 1          ? (uint32_t)cores
                                       : 1;
    plan->lanes_because =
        plan->settings.lanes ? "settings.lanes says so" : arena_printf(pl->a, "one per core of this machine");
    for (size_t i = 0; i < pl->drafts.n; i++) {
        const struct draft *d = &pl->drafts.at[i];
        if (d->at == UINT32_MAX || !(d->one_lane || (d->p && d->p->flags & LEAT_ONE_LANE)))
            continue;
        plan->lanes = 1;
        plan->lanes_because = d->one_lane ? arena_printf(pl->a, "'%s' says lanes: 1", d->name)
                                          : arena_printf(pl->a, "'%s' (%s) runs on one lane only", d->name, d->p->name);
        return;
    }
}

/* --- hash -------------------------------------------------------------------------------------------------------- */

static uint64_t hash_node(const struct node *n, uint64_t seed)
{
    uint32_t kind = n->kind;
    seed = hash64(&kind, sizeof kind, seed);
    seed = hash64(n->key.data, n->key.n, seed);
    seed = hash64(n->text.data, n->text.n, seed);
    for (size_t i = 0; i < n->n; i++)
        seed = hash_node(n->items[i], seed);
    return seed;
}

void plan_hash(struct planner *pl)
{
    struct plan *plan = pl->plan;
    plan->hash = hash64(plan->flow, strlen(plan->flow), 1);
    for (size_t i = 0; i < pl->drafts.n; i++) {
        const struct draft *d = &pl->drafts.at[i];
        if (d->at == UINT32_MAX)
            continue;
        struct planned *x = &plan->processors[d->at];
        x->hash = hash_node(d->node, 2);
        if (d->with)
            x->hash = hash_node(d->with, x->hash);
        if (x->file)
            x->hash = hash64(x->file->hash, strlen(x->file->hash), x->hash);
    }
    for (size_t i = 0; i < plan->n; i++)
        plan->hash = hash64(&plan->processors[i].hash, sizeof plan->processors[i].hash, plan->hash);
}
