/* SPDX-License-Identifier: Apache-2.0 */
/* drawing.c: a plan as a picture: text, one row per processor and one column per edge under way; and Graphviz. */
#include "core/graph/graph_internal.h"

/* An edge that has begun above and ends further down; target UINT32_MAX: the column is free. */
struct column {
    uint32_t target;
};
struct drawing {
    const struct plan *p;
    struct buf *out;
    VEC(struct column) columns;
};

static size_t column_new(struct drawing *d)
{
    for (size_t i = 0; i < d->columns.n; i++)
        if (d->columns.at[i].target == UINT32_MAX)
            return i;
    *VEC_PUSH(&d->columns) = (struct column){UINT32_MAX};
    return d->columns.n - 1;
}

static const char *cell(const struct drawing *d, size_t i, bool crossed)
{
    bool line = d->columns.at[i].target != UINT32_MAX;
    return line ? crossed ? "\u253c" : "\u2502" : crossed ? "\u2500" : " ";
}

/* The row of a processor: edges that end here join its column from the right. Returns the column. */
static size_t draw_node(struct drawing *d, uint32_t at)
{
    size_t own = SIZE_MAX, last = 0;
    for (size_t i = 0; i < d->columns.n; i++)
        if (d->columns.at[i].target == at) {
            own = own == SIZE_MAX ? i : own;
            last = i;
        }
    if (own == SIZE_MAX)
        own = last = column_new(d);
    d->columns.at[own].target = UINT32_MAX;
    for (size_t i = 0; i < d->columns.n; i++) {
        bool joins = d->columns.at[i].target == at && i != own;
        buf_str(d->out, i == own ? "\u25cb"
                        : joins  ? i == last ? "\u256f" : "\u2534"
                                 : cell(d, i, i > own && i < last));
        buf_str(d->out, i >= own && i < last ? "\u2500" : " ");
        if (joins)
            d->columns.at[i].target = UINT32_MAX;
    }
    return own;
}

static void put_label(const struct drawing *d, uint32_t at)
{
    const struct planned *x = &d->p->processors[at];
    buf_printf(d->out, " %s  %s %s", x->name, graph_kind_word(x->p->kind), x->p->name);
    for (uint32_t i = 0; i < d->p->n; i++)
        for (uint32_t k = 0; k < d->p->processors[i].n_outputs; k++) {
            const struct output *o = &d->p->processors[i].ports[k];
            for (uint32_t t = 0; t < o->n_targets; t++)
                if (o->targets[t].processor == at && !text_is(o->name, "out"))
                    buf_printf(d->out, "  <- %s.%s", d->p->processors[i].name, o->name.data);
        }
    buf_char(d->out, '\n');
}

/* The edges that begin: the first goes straight down, the others take columns to the right, in rows of their own. */
static void draw_edges(struct drawing *d, uint32_t at, size_t own)
{
    const struct planned *x = &d->p->processors[at];
    VEC(uint32_t) targets = {0};
    for (uint32_t k = 0; k < x->n_outputs; k++)
        for (uint32_t t = 0; t < x->ports[k].n_targets; t++)
            *VEC_PUSH(&targets) = x->ports[k].targets[t].processor;
    for (size_t i = 0; i < targets.n; i++) {
        if (i == 0) {
            d->columns.at[own].target = targets.at[0];
            continue;
        }
        size_t to = own;
        while (++to < d->columns.n && d->columns.at[to].target != UINT32_MAX)
            ;
        if (to >= d->columns.n)
            *VEC_PUSH(&d->columns) = (struct column){UINT32_MAX};
        for (size_t c = 0; c < d->columns.n; c++) {
            buf_str(d->out, c == own ? "\u251c" : c == to ? "\u256e" : cell(d, c, c > own && c < to));
            buf_str(d->out, c >= own && c < to ? "\u2500" : " ");
        }
        while (d->out->n && d->out->data[d->out->n - 1] == ' ')
            d->out->n--;
        buf_char(d->out, '\n');
        d->columns.at[to].target = targets.at[i];
    }
    VEC_FINI(&targets);
}

void plan_graph_text(const struct plan *p, struct buf *out)
{
    struct drawing d = {.p = p, .out = out};
    for (uint32_t i = 0; i < p->n; i++) {
        size_t own = draw_node(&d, i);
        put_label(&d, i);
        draw_edges(&d, i, own);
    }
    VEC_FINI(&d.columns);
}

static void put_arc(const struct plan *p, const struct planned *x, const struct output *o, const struct target *t,
                    struct buf *out)
{
    const struct planned *to = &p->processors[t->processor];
    buf_printf(out, "  \"%s\" -> \"%s\"", x->name, to->name);
    const char *port = text_is(o->name, "out") ? "" : o->name.data;
    const char *input = to->n_inputs > 1 && t->input < to->n_inputs ? to->inputs[t->input].name.data : "";
    if (*port || *input)
        buf_printf(out, " [label=\"%s%s%s\"]", port, *port && *input ? " to " : "", input);
    buf_str(out, ";\n");
}

void plan_graph_dot(const struct plan *p, struct buf *out)
{
    static const char *const shapes[] = {"cds", "box", "component", "cylinder"};
    buf_printf(out, "digraph \"%s\" {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n", p->flow);
    for (size_t i = 0; i < p->n; i++) {
        const struct planned *x = &p->processors[i];
        buf_printf(out, "  \"%s\" [shape=%s,label=\"%s\\n%s\"];\n", x->name, shapes[x->p->kind - 1], x->name,
                   x->p->name);
    }
    for (size_t i = 0; i < p->n; i++)
        for (uint32_t k = 0; k < p->processors[i].n_outputs; k++)
            for (uint32_t t = 0; t < p->processors[i].ports[k].n_targets; t++)
                put_arc(p, &p->processors[i], &p->processors[i].ports[k], &p->processors[i].ports[k].targets[t], out);
    buf_str(out, "}\n");
}
