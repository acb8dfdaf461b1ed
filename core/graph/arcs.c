/* SPDX-License-Identifier: Apache-2.0 */
/* arcs.c: who reads from whom: `from`, the order of processors, cycles, ports. */
#include "core/graph/graph_internal.h"

int64_t graph_port_id(leat_text name)
{
    return (int64_t)(hash64(name.data, name.n, 1) >> 1);
}

/* --- from -------------------------------------------------------------------------------------------------------- */

static void add_arc(struct planner *pl, struct draft *d, leat_text input, const struct node *where)
{
    if (where->kind != NODE_TEXT) {
        finding_add(pl->f, FINDING_ERROR, "E205", where, "for example: from: [orders, returns.rejected]",
                    "`from` names processors, this is %s", node_kind_name(where->kind));
        return;
    }
    const char *dot = memchr(where->text.data, '.', where->text.n);
    size_t n = dot ? (size_t)(dot - where->text.data) : where->text.n;
    uint32_t from = draft_find(pl, (leat_text){where->text.data, n});
    if (from == UINT32_MAX) {
        VEC(const char *) names = {0};
        for (size_t i = 0; i < pl->drafts.n; i++)
            *VEC_PUSH(&names) = pl->drafts.at[i].name;
        finding_add(pl->f, FINDING_ERROR, "E209", where,
                    finding_suggest(pl->f, (leat_text){where->text.data, n}, names.at, names.n),
                    "no processor is called '%.*s'", (int)n, where->text.data);
        VEC_FINI(&names);
        pl->from_failed = true;
        return;
    }
    leat_text port = dot ? (leat_text){dot + 1, where->text.n - n - 1} : (leat_text){0};
    for (size_t i = 0; i < d->arcs.n; i++)
        if (d->arcs.at[i].from == from && text_equal(d->arcs.at[i].port, port) &&
            text_equal(d->arcs.at[i].input, input)) {
            finding_add(pl->f, FINDING_ERROR, "E236", where, NULL, "'%s' reads from '" TEXT_FMT "' twice", d->name,
                        TEXT_ARG(where->text));
            return;
        }
    if (!pl->drafts.at[from].disabled)
        *VEC_PUSH(&d->arcs) = (struct arc){from, port, input, where};
}

static void add_arcs(struct planner *pl, struct draft *d, leat_text input, const struct node *n)
{
    for (size_t i = 0; n->kind == NODE_LIST && i < n->n; i++)
        add_arc(pl, d, input, n->items[i]);
    if (n->kind != NODE_LIST)
        add_arc(pl, d, input, n);
}

static void read_from(struct planner *pl, struct draft *d)
{
    const struct node *from = node_get(d->node, "from");
    bool dead_letters = pl->dead_letters != UINT32_MAX && &pl->drafts.at[pl->dead_letters] == d;
    if (from && d->kind == LEAT_SOURCE) {
        finding_add_key(pl->f, FINDING_ERROR, "E212", from, "take `from` out, or make it a transform",
                        "'%s' is a source and cannot read from others", d->name);
        return;
    }
    if (!from || from->kind == NODE_NULL || (from->kind == NODE_LIST && !from->n)) {
        pl->from_failed |= d->kind != LEAT_SOURCE;
        if (d->kind && d->kind != LEAT_SOURCE && !dead_letters)
            finding_add_key(pl->f, FINDING_ERROR, "E213", d->node, "add: from: NAME",
                            "'%s' does not say where its records come from", d->name);
        return;
    }
    size_t errors = pl->f->errors;
    if (from->kind != NODE_MAP)
        add_arcs(pl, d, (leat_text){0}, from);
    for (size_t i = 0; from->kind == NODE_MAP && i < from->n; i++) {
        *VEC_PUSH(&d->inputs_named) = from->items[i]->key;
        add_arcs(pl, d, from->items[i]->key, from->items[i]);
    }
    if (!d->arcs.n && pl->f->errors == errors && !dead_letters)
        d->disabled = true; /* all that it reads from is */
}

void arcs_read(struct planner *pl)
{
    for (size_t i = 0; i < pl->drafts.n; i++)
        if (!pl->drafts.at[i].disabled)
            read_from(pl, &pl->drafts.at[i]);
    for (bool again = true; again;) { /* what reads from disabled ones only is disabled too */
        again = false;
        for (size_t i = 0; i < pl->drafts.n; i++) {
            struct draft *d = &pl->drafts.at[i];
            size_t kept = 0, before = d->arcs.n;
            for (size_t k = 0; k < before; k++)
                if (!pl->drafts.at[d->arcs.at[k].from].disabled)
                    d->arcs.at[kept++] = d->arcs.at[k];
            d->arcs.n = kept;
            if (before && !kept && !d->disabled)
                again = d->disabled = true;
        }
    }
}

/* --- order ------------------------------------------------------------------------------------------------------- */

enum { UNSEEN, UNDER_WAY, DONE };

static void say_cycle(struct planner *pl, const uint32_t *path, size_t n, uint32_t again)
{
    auto_buf b = {0};
    size_t from = 0;
    while (from < n && path[from] != again)
        from++;
    for (size_t i = n; i-- > from;) /* the search went against the stream */
        buf_printf(&b, "%s -> ", pl->drafts.at[path[i]].name);
    buf_str(&b, pl->drafts.at[path[n - 1]].name);
    const struct draft *d = &pl->drafts.at[again];
    finding_add_key(pl->f, FINDING_ERROR, "E211", d->node, "take one of these arcs out", "a cycle: %s", b.data);
}

static bool visit(struct planner *pl, uint32_t i, uint32_t *path, size_t n)
{
    struct draft *d = &pl->drafts.at[i];
    bool ok = true;
    if (d->mark == DONE)
        return true;
    if (d->mark == UNDER_WAY) {
        say_cycle(pl, path, n, i);
        return false;
    }
    d->mark = UNDER_WAY;
    path[n] = i;
    for (size_t k = 0; k < d->arcs.n && ok; k++)
        ok = visit(pl, d->arcs.at[k].from, path, n + 1);
    d->mark = DONE;
    if (ok && d->kind != LEAT_SOURCE)
        *VEC_PUSH(&pl->order) = i;
    return ok;
}

bool arcs_order(struct planner *pl)
{
    auto_free uint32_t *path = xcalloc(pl->drafts.n + 1, sizeof *path);
    bool ok = true;
    for (uint32_t i = 0; i < pl->drafts.n; i++)
        if (pl->drafts.at[i].kind == LEAT_SOURCE && !pl->drafts.at[i].disabled)
            *VEC_PUSH(&pl->order) = i;
    for (uint32_t i = 0; i < pl->drafts.n; i++)
        if (!pl->drafts.at[i].disabled)
            ok &= visit(pl, i, path, 0);
    return ok;
}

void arcs_check_reach(struct planner *pl)
{
    for (size_t i = 0; i < pl->order.n; i++) {
        struct draft *d = &pl->drafts.at[pl->order.at[i]];
        d->reached = d->kind == LEAT_SOURCE || pl->order.at[i] == pl->dead_letters;
        for (size_t k = 0; k < d->arcs.n; k++)
            d->reached |= pl->drafts.at[d->arcs.at[k].from].reached;
        bool fed = false;
        for (size_t k = 0; k < d->arcs.n; k++)
            fed |= pl->drafts.at[d->arcs.at[k].from].kind != 0;
        if (!d->reached && fed)
            finding_add_key(pl->f, FINDING_ERROR, "E215", d->node, NULL,
                            "no source leads to '%s': it would never see a record", d->name);
    }
}

/* --- ports ------------------------------------------------------------------------------------------------------- */

static const struct leat_port one_in = {"in", NULL, 0, 0}, one_out = {"out", NULL, 0, 0};

static bool is_star(const leat_port *rows, uint32_t n)
{
    return n && strcmp(rows[n - 1].name, "*") == 0;
}

static leat_edge edge_of(struct planner *pl, leat_text name)
{
    leat_text copy = arena_text(pl->a, name);
    return (leat_edge){.name = copy, .id = graph_port_id(copy)};
}

bool inputs_plan(struct planner *pl, struct draft *d, struct planned *x)
{
    const leat_processor *p = d->p;
    const leat_port *rows = p->n_inputs ? p->inputs : &one_in;
    uint32_t n = p->kind == LEAT_SOURCE ? 0 : p->n_inputs ? p->n_inputs : 1;
    bool star = is_star(rows, n);
    bool ok = true;
    VEC(const char *) known = {0};
    x->inputs = arena_zalloc(pl->a, (n + d->inputs_named.n + 1) * sizeof *x->inputs);
    for (uint32_t i = 0; i < n - star; i++) {
        x->inputs[x->n_inputs++] = edge_of(pl, text_of(rows[i].name));
        *VEC_PUSH(&known) = rows[i].name;
    }
    for (size_t i = 0; i < d->inputs_named.n; i++) {
        leat_text name = d->inputs_named.at[i];
        bool there = false;
        for (uint32_t k = 0; k < x->n_inputs; k++)
            there |= text_equal(x->inputs[k].name, name);
        if (!there && star && x->n_inputs < LEAT_PORTS_MAX)
            x->inputs[x->n_inputs++] = edge_of(pl, name);
        else if (!there) {
            finding_add_key(pl->f, FINDING_ERROR, "E220", node_get(node_get(d->node, "from"), name.data),
                            finding_suggest(pl->f, name, known.at, known.n), "'%s' has no input '" TEXT_FMT "'",
                            p->name, TEXT_ARG(name));
            ok = false;
        }
    }
    if (ok && !d->inputs_named.n && d->arcs.n && (x->n_inputs != 1 || star)) {
        finding_add(pl->f, FINDING_ERROR, "E220", node_get(d->node, "from"), "write: from: {input: NAME, ...}",
                    "'%s' has several inputs: say which one each reads", p->name);
        ok = false;
    }
    VEC_FINI(&known);
    return ok;
}

static bool is_wanted(const struct planner *pl, const struct draft *d, leat_text port)
{
    for (size_t i = 0; i < pl->drafts.n; i++)
        for (size_t k = 0; k < pl->drafts.at[i].arcs.n; k++) {
            const struct arc *a = &pl->drafts.at[i].arcs.at[k];
            if (&pl->drafts.at[a->from] == d && !pl->drafts.at[i].disabled &&
                (text_equal(a->port, port) || (!a->port.n && text_is(port, "out"))))
                return true;
        }
    return false;
}

uint32_t output_add(struct planner *pl, const struct draft *d, struct planned *x, leat_text name, uint32_t flags)
{
    uint32_t i = x->n_outputs++;
    x->outputs[i] = edge_of(pl, name);
    x->outputs[i].connected = is_wanted(pl, d, name);
    x->ports[i] = (struct output){.name = x->outputs[i].name, .flags = flags};
    return i;
}

void outputs_plan(struct planner *pl, struct draft *d, struct planned *x)
{
    const leat_processor *p = d->p;
    const leat_port *rows = p->n_outputs ? p->outputs : &one_out;
    uint32_t n = p->kind == LEAT_SINK ? 0 : p->n_outputs ? p->n_outputs : 1;
    x->outputs = arena_zalloc(pl->a, (LEAT_PORTS_MAX + 1) * sizeof *x->outputs);
    x->ports = arena_zalloc(pl->a, (LEAT_PORTS_MAX + 1) * sizeof *x->ports);
    for (uint32_t i = 0; i < n - is_star(rows, n); i++)
        output_add(pl, d, x, text_of(rows[i].name), rows[i].flags);
}

/* --- connecting -------------------------------------------------------------------------------------------------- */

static uint32_t find_port(struct planner *pl, const struct arc *a, const struct planned *from)
{
    leat_text name = a->port.n ? a->port : TEXT("out");
    VEC(const char *) known = {0};
    for (uint32_t i = 0; i < from->n_outputs; i++) {
        if (text_equal(from->ports[i].name, name)) {
            VEC_FINI(&known);
            return i;
        }
        *VEC_PUSH(&known) = from->ports[i].name.data;
    }
    if (from->p->kind == LEAT_SINK)
        finding_add(pl->f, FINDING_ERROR, "E216", a->where, "read from what it reads from",
                    "'%s' is a sink: it passes nothing on", from->name);
    else {
        auto_buf list = {0};
        for (size_t i = 0; i < known.n; i++)
            buf_printf(&list, "%s%s.%s", i ? ", " : "", from->name, known.at[i]);
        const char *near = closest(name, known.at, known.n);
        finding_add(pl->f, FINDING_ERROR, "E210", a->where,
                    near ? finding_text(pl->f, "did you mean '%s.%s'?", from->name, near)
                         : finding_text(pl->f, "there are: %s", list.data),
                    "'%s' has no port '" TEXT_FMT "'", from->name, TEXT_ARG(name));
    }
    VEC_FINI(&known);
    return UINT32_MAX;
}

static void add_target(struct planner *pl, struct output *o, struct target t)
{
    struct target *all = arena_alloc(pl->a, (o->n_targets + 1) * sizeof *all);
    if (o->n_targets)
        memcpy(all, o->targets, o->n_targets * sizeof *all);
    all[o->n_targets++] = t;
    o->targets = all;
}

static uint32_t input_number(const struct planned *x, leat_text name)
{
    for (uint32_t i = 0; name.n && i < x->n_inputs; i++)
        if (text_equal(x->inputs[i].name, name))
            return i;
    return 0;
}

void arcs_connect(struct planner *pl, struct draft *d)
{
    struct planned *x = &pl->plan->processors[d->at];
    for (size_t i = 0; i < d->arcs.n; i++) {
        const struct arc *a = &d->arcs.at[i];
        const struct draft *s = &pl->drafts.at[a->from];
        uint32_t input = input_number(x, a->input);
        x->inputs[input].connected = 1;
        if (s->at == UINT32_MAX)
            continue;
        struct planned *from = &pl->plan->processors[s->at];
        uint32_t port = find_port(pl, a, from);
        pl->from_failed |= port == UINT32_MAX;
        if (port != UINT32_MAX)
            add_target(pl, &from->ports[port], (struct target){d->at, input});
    }
}

/* --- unconnected ports ------------------------------------------------------------------------------------------- */

static bool is_ignored(const struct draft *d, leat_text port)
{
    const struct node *n = node_get(d->node, "ignore");
    for (size_t i = 0; n && n->kind == NODE_LIST && i < n->n; i++)
        if (text_equal(n->items[i]->text, port))
            return true;
    return n && n->kind == NODE_TEXT && text_equal(n->text, port);
}

static bool feeds_disabled(const struct planner *pl, const struct draft *d)
{
    for (size_t i = 0; i < pl->drafts.n; i++) {
        const struct node *from = pl->drafts.at[i].disabled ? node_get(pl->drafts.at[i].node, "from") : NULL;
        for (size_t k = 0; from && k <= from->n; k++) {
            const struct node *n = k == from->n ? from : from->items[k];
            size_t len = strlen(d->name);
            if (n->text.n >= len && memcmp(n->text.data, d->name, len) == 0 &&
                (n->text.n == len || n->text.data[len] == '.'))
                return true;
        }
    }
    return false;
}

static void check_ignore(struct planner *pl, const struct draft *d, const struct planned *x)
{
    const struct node *n = node_get(d->node, "ignore");
    for (size_t i = 0; n && i < (n->kind == NODE_LIST ? n->n : 1); i++) {
        const struct node *one = n->kind == NODE_LIST ? n->items[i] : n;
        VEC(const char *) known = {0};
        bool found = false;
        for (uint32_t k = 0; k < x->n_outputs; k++) {
            found |= text_equal(x->ports[k].name, one->text);
            *VEC_PUSH(&known) = x->ports[k].name.data;
        }
        if (!found)
            finding_add(pl->f, FINDING_ERROR, "E229", one, finding_suggest(pl->f, one->text, known.at, known.n),
                        "'%s' has no port '" TEXT_FMT "' to ignore", d->name, TEXT_ARG(one->text));
        VEC_FINI(&known);
    }
}

void ports_check(struct planner *pl)
{
    for (size_t i = 0; i < pl->drafts.n; i++) {
        const struct draft *d = &pl->drafts.at[i];
        const struct planned *x = d->at == UINT32_MAX ? NULL : &pl->plan->processors[d->at];
        if (!x || !x->p)
            continue;
        check_ignore(pl, d, x);
        for (uint32_t k = 0; k + 1 < x->n_outputs; k++) {
            const struct output *o = &x->ports[k];
            if (o->n_targets || pl->from_failed || o->flags & LEAT_DEAD_LETTERS || is_ignored(d, o->name) ||
                is_wanted(pl, d, o->name) || feeds_disabled(pl, d))
                continue;
            finding_add_key(
                pl->f, FINDING_ERROR, "E214", d->node,
                finding_text(pl->f, "read it (from: %s.%s), or say: ignore: [%s]", d->name, o->name.data, o->name.data),
                "nobody reads the port '%s' of '%s'", o->name.data, d->name);
        }
        for (uint32_t k = 0; k < x->n_inputs; k++)
            if (!x->inputs[k].connected && d->arcs.n && x->with)
                finding_add_key(pl->f, FINDING_ERROR, "E220",
                                node_get(d->node, "from") ? node_get(d->node, "from") : d->node,
                                finding_text(pl->f, "add %s: NAME to `from`", x->inputs[k].name.data),
                                "the input '%s' of '%s' gets nothing", x->inputs[k].name.data, d->name);
    }
}
