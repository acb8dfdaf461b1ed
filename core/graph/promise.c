/* SPDX-License-Identifier: Apache-2.0 */
/* promise.c: what each path from a source to a sink promises when the process dies, and whether that is enough. */
#include "core/graph/graph_internal.h"

const char *guarantee_name(enum guarantee g)
{
    return g == EFFECTIVELY_ONCE ? "effectively once" : g == AT_LEAST_ONCE ? "at least once" : "at most once";
}

/* --- ways -------------------------------------------------------------------------------------------------------- */

static void walk(const struct plan *p, uint32_t at, bool *seen)
{
    if (seen[at])
        return;
    seen[at] = true;
    for (uint32_t k = 0; k < p->processors[at].n_outputs; k++)
        for (uint32_t t = 0; t < p->processors[at].ports[k].n_targets; t++)
            walk(p, p->processors[at].ports[k].targets[t].processor, seen);
}

/* A processor that sends the same records two ways which both lead to `sink`; NULL: none. */
static const struct planned *forks_into(const struct plan *p, uint32_t source, uint32_t sink)
{
    auto_free bool *seen = xcalloc(p->n, sizeof *seen), *way = xcalloc(p->n, sizeof *way);
    walk(p, source, seen);
    for (size_t i = 0; i < p->n; i++)
        for (uint32_t k = 0; seen[i] && k < p->processors[i].n_outputs; k++) {
            const struct output *o = &p->processors[i].ports[k];
            uint32_t lead = 0;
            for (uint32_t t = 0; t < o->n_targets; t++) {
                memset(way, 0, p->n * sizeof *way);
                walk(p, o->targets[t].processor, way);
                lead += way[sink];
            }
            if (lead > 1)
                return &p->processors[i];
        }
    return NULL;
}

/* --- ids and versions of upserts --------------------------------------------------------------------------------- */

static const struct binding *option_binding(const struct planned *x, const char *name)
{
    for (uint32_t i = 0; i < x->p->n_options; i++) {
        const leat_option *o = &x->p->options[i];
        bool field = o->type == LEAT_OPT_TEMPLATE || o->type == LEAT_OPT_READ;
        if (strcmp(o->name, name) == 0 && field && !(o->flags & (LEAT_MANY | LEAT_PAIRS)) && x->with[i].as.field &&
            x->with[i].as.field <= x->n_bindings)
            return &x->bindings[x->with[i].as.field - 1];
    }
    return NULL;
}

static bool reads_path(const struct binding *b, uint32_t path)
{
    size_t n = 0;
    if (b->path == path)
        return true;
    const uint32_t *paths = b->expr ? expr_paths(b->expr, &n) : NULL;
    for (size_t i = 0; i < n; i++)
        if (paths[i] == path)
            return true;
    return false;
}

static bool id_is_ours(const struct planned *x)
{
    const struct binding *b = option_binding(x, "id");
    return !b || reads_path(b, PATH_ID);
}

static bool has_option(const struct planned *x, const char *name)
{
    for (uint32_t i = 0; i < x->p->n_options; i++)
        if (strcmp(x->p->options[i].name, name) == 0)
            return true;
    return false;
}

static size_t count_sources(const struct plan *p, uint32_t sink)
{
    auto_free bool *seen = xcalloc(p->n, sizeof *seen);
    size_t n = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        memset(seen, 0, p->n * sizeof *seen);
        if (p->processors[i].p->kind == LEAT_SOURCE) {
            walk(p, i, seen);
            n += seen[sink];
        }
    }
    return n;
}

/* Versions are sequences of the source: those of two sources do not compare. */
static void check_versions(struct planner *pl, uint32_t sink)
{
    const struct planned *x = &pl->plan->processors[sink];
    const struct binding *version = option_binding(x, "version");
    if (x->p->sink->class_ != LEAT_UPSERT || id_is_ours(x) || !has_option(x, "version") ||
        (version && version->path != PATH_VERSION) || count_sources(pl->plan, sink) < 2)
        return;
    finding_add_key(
        pl->f, FINDING_WARNING, "W502", x->node,
        "add a `version`: a number or time that rises with every record of an id",
        "'%s' takes an id of its own and records of several sources: nobody can tell which record is the newer one",
        x->name);
}

static void check_ids(struct planner *pl, uint32_t source, uint32_t sink)
{
    const struct planned *x = &pl->plan->processors[sink];
    uint32_t class_ = x->p->sink->class_;
    if ((class_ != LEAT_UPSERT && class_ != LEAT_DEDUP) || !id_is_ours(x))
        return;
    const struct planned *fork = forks_into(pl->plan, source, sink);
    if (!fork || pl->fork_said)
        return;
    pl->fork_said = true;
    finding_add_key(
        pl->f, FINDING_ERROR, "E234", x->node, "give an `id` that tells them apart, or let one way lead here",
        "records of '%s' reach '%s' two ways with the same $id: one would replace the other", fork->name, x->name);
}

/* --- promises ---------------------------------------------------------------------------------------------------- */

/* `mode: upsert` and the like: rows of one key replace each other. */
static bool rows_converge(const struct planned *x)
{
    static const char *const words[] = {"upsert", "insert_ignore", NULL};
    for (uint32_t i = 0; i < x->p->n_options; i++) {
        const leat_option *o = &x->p->options[i];
        if (strcmp(o->name, "mode") != 0 || o->type != LEAT_OPT_CHOICE || !o->choices)
            continue;
        const char *at = o->choices;
        for (int64_t k = x->with[i].as.i64; k > 0 && *at; at++)
            k -= *at == '|';
        return graph_is_word(words, (leat_text){at, strcspn(at, "|")});
    }
    return false;
}

static enum guarantee of_sink(const struct planned *x, const char **because)
{
    switch (x->p->sink->class_) {
    case LEAT_STAGED:
        *because = "what is not committed is cut away after a crash, and written again";
        return EFFECTIVELY_ONCE;
    case LEAT_UPSERT:
        *because = x->p->sink->recover
                       ? "a record that is sent again has the same id, and replaces itself"
                       : "a record that is sent again has the same id, and replaces itself; a second node on a copied "
                         "state may overwrite";
        return EFFECTIVELY_ONCE;
    case LEAT_DEDUP:
        *because = "the receiver drops ids that it knows";
        return EFFECTIVELY_ONCE;
    case LEAT_TRANSACTIONAL:
        *because = rows_converge(x)
                       ? "rows that are written again have the same key"
                       : "positions are logged just behind the transaction: a crash between the two repeats one epoch";
        return rows_converge(x) ? EFFECTIVELY_ONCE : AT_LEAST_ONCE;
    default:
        *because = "what was sent after the last commit is sent again after a crash";
        return AT_LEAST_ONCE;
    }
}

static enum guarantee of_path(struct planner *pl, const struct planned *source, const struct planned *sink,
                              const char **because)
{
    enum guarantee g = of_sink(sink, because);
    if (source->p->source->class_ == LEAT_ACKABLE && g == EFFECTIVELY_ONCE) {
        *because = arena_printf(pl->a, "who sends to '%s' may repeat a message whose answer was lost", source->name);
        g = AT_LEAST_ONCE;
    }
    if (source->p->source->class_ == LEAT_LOSSY) {
        *because = arena_printf(pl->a, "'%s' cannot be read again", source->name);
        g = AT_MOST_ONCE;
    }
    if (sink->on_error.then == ON_DROP && sink->on_error.give_up_us) {
        char text[40];
        print_duration(text, sink->on_error.give_up_us);
        *because = arena_printf(pl->a, "records are dropped when '%s' was unavailable for %s", sink->name, text);
        g = AT_MOST_ONCE;
    }
    return g;
}

static void check_require(struct planner *pl, const struct node *require, const struct path_promise *p)
{
    const struct plan *plan = pl->plan;
    if (!require)
        return;
    bool exactly = text_is(require->text, "exactly_once");
    if (!exactly && !text_is(require->text, "at_least_once")) {
        finding_add(pl->f, FINDING_ERROR, "E227", require, "write exactly_once or at_least_once",
                    "'" TEXT_FMT "' is no promise", TEXT_ARG(require->text));
        return;
    }
    if (p->guarantee < (exactly ? EFFECTIVELY_ONCE : AT_LEAST_ONCE))
        finding_add(pl->f, FINDING_ERROR, "E227", require, NULL, "from '%s' to '%s' it is %s only: %s",
                    plan->processors[p->source].name, plan->processors[p->sink].name, guarantee_name(p->guarantee),
                    p->because);
}

static void promise(struct planner *pl, uint32_t source, uint32_t sink)
{
    struct plan *plan = pl->plan;
    struct path_promise *p = &plan->promises[plan->n_promises++];
    const struct node *own = node_get(plan->processors[sink].node, "require");
    p->source = source;
    p->sink = sink;
    p->guarantee = of_path(pl, &plan->processors[source], &plan->processors[sink], &p->because);
    check_require(pl, own ? own : node_get(pl->root, "require"), p);
    check_ids(pl, source, sink);
}

static void check_required_place(struct planner *pl)
{
    for (size_t i = 0; i < pl->plan->n; i++) {
        const struct planned *x = &pl->plan->processors[i];
        const struct node *n = node_get(x->node, "require");
        if (n && x->p->kind != LEAT_SINK)
            finding_add_key(pl->f, FINDING_ERROR, "E227", n, "say it at the sink, or for the whole flow",
                            "`require` belongs to sinks");
    }
}

void promises_make(struct planner *pl)
{
    struct plan *plan = pl->plan;
    size_t sources = 0, sinks = 0;
    check_required_place(pl);
    for (size_t i = 0; i < plan->n; i++) {
        sources += plan->processors[i].p->kind == LEAT_SOURCE;
        sinks += plan->processors[i].p->kind == LEAT_SINK;
    }
    plan->promises = arena_zalloc(pl->a, (sources * sinks + 1) * sizeof *plan->promises);
    auto_free bool *seen = xcalloc(plan->n + 1, sizeof *seen);
    for (uint32_t i = 0; i < plan->n; i++) {
        if (plan->processors[i].p->kind != LEAT_SOURCE || !plan->processors[i].p->source)
            continue;
        memset(seen, 0, plan->n);
        walk(plan, i, seen);
        for (uint32_t k = 0; k < plan->n; k++)
            if (seen[k] && plan->processors[k].p->kind == LEAT_SINK && plan->processors[k].p->sink)
                promise(pl, i, k);
    }
    for (uint32_t k = 0; k < plan->n; k++)
        if (plan->processors[k].p->kind == LEAT_SINK && plan->processors[k].p->sink)
            check_versions(pl, k);
}
