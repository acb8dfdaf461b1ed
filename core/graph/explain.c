/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c: a plan for people: promises, lanes, fields that are decoded, what was compiled. */
#include "core/graph/graph_internal.h"

static int name_width(const struct plan *p)
{
    size_t widest = 0;
    for (size_t i = 0; i < p->n; i++) {
        size_t n = strlen(p->processors[i].name);
        widest = n > widest ? n : widest;
    }
    return (int)widest;
}

/* Paths into one sink that promise the same, in one line. */
static bool said_before(const struct plan *p, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (p->promises[k].sink == p->promises[i].sink && p->promises[k].guarantee == p->promises[i].guarantee &&
            strcmp(p->promises[k].because, p->promises[i].because) == 0)
            return true;
    return false;
}

void plan_promises_text(const struct plan *p, struct buf *out)
{
    int width = name_width(p);
    for (size_t i = 0; i < p->n_promises; i++) {
        const struct path_promise *x = &p->promises[i];
        auto_buf sources = {0};
        if (said_before(p, i))
            continue;
        for (size_t k = i; k < p->n_promises; k++)
            if (p->promises[k].sink == x->sink && p->promises[k].guarantee == x->guarantee &&
                strcmp(p->promises[k].because, x->because) == 0)
                buf_printf(&sources, "%s%s", k > i ? ", " : "", p->processors[p->promises[k].source].name);
        buf_printf(out, "  %-*s -> %-*s  %s: %s\n", width, sources.data, width, p->processors[x->sink].name,
                   guarantee_name(x->guarantee), x->because);
    }
    if (!p->n_promises)
        buf_str(out, "  no source leads to a sink: nothing is kept\n");
}

/* --- fields ------------------------------------------------------------------------------------------------------ */

static void decoded(const struct plan *p, uint32_t source, struct buf *out)
{
    auto_free bool *read = xcalloc(paths_count(p->paths) + 1, sizeof *read);
    bool whole = fields_read_below(p, source, read);
    size_t before = out->n;
    for (uint32_t i = PATH_FIRST_FIELD; i < paths_count(p->paths); i++)
        if (read[i])
            buf_printf(out, "%s" TEXT_FMT, out->n > before ? ", " : "", TEXT_ARG(paths_text(p->paths, i)));
    buf_printf(out, "%s%s", out->n > before ? "" : "none", whole ? "; the rest of a record is passed on as bytes" : "");
}

/* --- one processor ----------------------------------------------------------------------------------------------- */

static void explain_binding(const struct plan *p, const struct planned *x, const struct binding *b, struct buf *out)
{
    static const char *const how[] = {"reads", "writes", "removes"};
    buf_printf(out, "    %-8s", how[b->how <= LEAT_REMOVE ? b->how : 0]);
    if (b->path)
        buf_text(out, paths_text(p->paths, b->path));
    else if (b->expr)
        expr_explain(b->expr, out);
    if (b->type)
        buf_printf(out, " as %s", graph_type_name(b->type));
    if (b->how == LEAT_READ && x->n_inputs > 1 && b->port < x->n_inputs)
        buf_printf(out, " of %s", x->inputs[b->port].name.data);
    buf_printf(out, "%s\n", b->required ? ", required" : "");
}

static void explain_ports(const struct plan *p, const struct planned *x, struct buf *out)
{
    for (uint32_t k = 0; k < x->n_outputs; k++) {
        const struct output *o = &x->ports[k];
        if (!o->n_targets && k + 1 == x->n_outputs)
            continue;
        buf_printf(out, "    %-8s", o->name.data);
        for (uint32_t t = 0; t < o->n_targets; t++)
            buf_printf(out, "%s%s", t ? ", " : "-> ", p->processors[o->targets[t].processor].name);
        buf_str(out, o->n_targets ? "\n" : o->flags & LEAT_DEAD_LETTERS ? "-> dead letters\n" : "ignored\n");
    }
}

static void explain_sink(const struct planned *x, struct buf *out)
{
    static const char *const classes[] = {"?", "transactional", "upsert", "dedup", "repeat", "staged"};
    static const char *const actions[] = {"dead letter", "drop", "stop", "wait"};
    char from[40], to[40], after[40];
    if (!x->p->sink)
        return;
    print_duration(from, x->on_error.retry_from_us);
    print_duration(to, x->on_error.retry_to_us);
    buf_printf(out, "    sink    %s; unavailable: retry %s..%s",
               x->p->sink->class_ < N_OF(classes) ? classes[x->p->sink->class_] : "?", from, to);
    if (x->on_error.give_up_us) {
        print_duration(after, x->on_error.give_up_us);
        buf_printf(out, ", after %s %s", after, actions[x->on_error.then]);
    }
    buf_printf(out, "; refused: %s\n", actions[x->on_error.refused]);
    if (x->p->flags & LEAT_SLOW) {
        print_size(from, (int64_t)x->batching.bytes);
        print_duration(to, x->batching.after_us);
        buf_printf(out, "    batch   %u records, %s, after %s; %u in flight\n", x->batching.records, from, to,
                   x->batching.in_flight);
    }
}

static void explain_processor(const struct plan *p, uint32_t i, struct buf *out)
{
    const struct planned *x = &p->processors[i];
    buf_printf(out, "  %s: %s %s", x->name, graph_kind_word(x->p->kind), x->p->name);
    if (x->file && x->file->name)
        buf_printf(out, " (plugin %s %s)", x->file->name, x->file->version);
    buf_char(out, '\n');
    if (x->p->kind == LEAT_SOURCE) {
        buf_str(out, "    decodes ");
        decoded(p, i, out);
        buf_char(out, '\n');
    }
    if (x->codec_given)
        buf_printf(out, "    codec   %s\n", codec_name(x->codec.kind));
    for (size_t k = 0; k < x->n_bindings; k++)
        explain_binding(p, x, &x->bindings[k], out);
    explain_ports(p, x, out);
    if (x->p->kind == LEAT_SINK)
        explain_sink(x, out);
}

static const char *parameter_kind(const struct node *standard)
{
    return standard->kind == NODE_INT     ? "int"
           : standard->kind == NODE_FLOAT ? "float"
           : standard->kind == NODE_BOOL  ? "bool"
                                          : "string";
}

static void explain_parameters(const struct plan *p, struct buf *out)
{
    const struct node *all = node_get(p->document.root, "parameters");
    for (size_t i = 0; all && i < all->n; i++) {
        const struct node *n = all->items[i], *doc = node_get(n, "doc"), *type = node_get(n, "type"),
                          *standard = node_get(n, "default");
        buf_printf(out, "%s  -p %s=%s", i ? "" : "parameters\n", n->key.data,
                   type ? type->text.data : parameter_kind(standard ? standard : n));
        if (standard || n->kind != NODE_MAP)
            buf_printf(out, " (default " TEXT_FMT ")", TEXT_ARG(standard ? standard->text : n->text));
        buf_printf(out, "%s%s\n", doc ? "  " : "", doc ? doc->text.data : "");
    }
}

void plan_explain(const struct plan *p, struct buf *out)
{
    char epoch[40];
    print_duration(epoch, p->settings.epoch_us);
    buf_printf(out, "flow %s (%s)\n", p->flow, p->file);
    if (p->description)
        buf_printf(out, "  %s\n", p->description);
    buf_printf(out, "lanes %u: %s\nepoch %s\nhash %016llx\n", p->lanes, p->lanes_because, epoch,
               (unsigned long long)p->hash);
    explain_parameters(p, out);
    buf_str(out, "processors\n");
    for (uint32_t i = 0; i < p->n; i++)
        explain_processor(p, i, out);
    buf_printf(out, "dead letters: %s\n",
               p->dead_letters == UINT32_MAX ? "kept in the state folder" : p->processors[p->dead_letters].name);
    buf_str(out, "promises, when the process dies at any moment\n");
    plan_promises_text(p, out);
}
