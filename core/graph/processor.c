/* SPDX-License-Identifier: Apache-2.0 */
/* processor.c: one processor as the file describes it: its keys, its kind, its plugin, its connection. */
#include "core/graph/graph_internal.h"

#include <ctype.h>

static const char *const kind_words[] = {"source", "transform", "model", "sink", NULL};
static const char *const keys[] = {"source", "transform", "model",  "sink",        "from",
                                   "with",   "schema",    "strict", "on_error",    "require",
                                   "ignore", "enabled",   "lanes",  "description", NULL};
static const struct {
    const char *key, *instead;
} later[] = {{"spool", "without it a slow sink holds its siblings back"},
             {"watermark", "it comes with windows and joins on event time"},
             {"after", "run the flows one after the other for now"},
             {"during", "it comes with `after`"},
             {"order", "records of one partition keep their order already"},
             {"isolate", "plugins run in this process for now"},
             {"was", "it comes with keyed state"},
             {"drop_state", "it comes with keyed state"},
             {"approve", "send such records to a sink that people look at"}};

bool graph_is_word(const char *const *words, leat_text t)
{
    for (; *words; words++)
        if (text_is(t, *words))
            return true;
    return false;
}

const char *graph_kind_word(uint32_t kind)
{
    return kind >= LEAT_SOURCE && kind <= LEAT_SINK ? kind_words[kind - 1] : "processor";
}

void draft_fini(struct draft *d)
{
    VEC_FINI(&d->arcs);
    VEC_FINI(&d->inputs_named);
}

uint32_t draft_find(const struct planner *pl, leat_text name)
{
    for (size_t i = 0; i < pl->drafts.n; i++)
        if (text_is(name, pl->drafts.at[i].name))
            return (uint32_t)i;
    return UINT32_MAX;
}

static bool name_is_good(leat_text t)
{
    if (!t.n || t.n > 100 || !islower((unsigned char)t.data[0]))
        return false;
    for (size_t i = 1; i < t.n; i++)
        if (!islower((unsigned char)t.data[i]) && !isdigit((unsigned char)t.data[i]) && t.data[i] != '_' &&
            t.data[i] != '-')
            return false;
    return true;
}

/* --- keys -------------------------------------------------------------------------------------------------------- */

static bool is_option(const leat_processor *p, leat_text key)
{
    for (uint32_t i = 0; p && i < p->n_options; i++)
        if (text_is(key, p->options[i].name))
            return true;
    return text_is(key, "codec") || text_is(key, "batch") || text_is(key, "in_flight");
}

static void append_copy(struct planner *pl, struct node *to, const struct node *item)
{
    struct node *copy = arena_alloc(pl->a, sizeof *copy);
    *copy = *item;
    node_append(pl->a, to, copy);
}

/* An option that stands beside `with` is checked as if it stood there. */
static void take_misplaced(struct planner *pl, struct draft *d, const struct node *n)
{
    struct node *all = arena_zalloc(pl->a, sizeof *all);
    if (d->with && d->with->kind == NODE_MAP)
        *all = *d->with;
    else
        *all = (struct node){
            .kind = NODE_MAP, .file = n->file, .line = n->line, .column = n->column, .text = TEXT(""), .key = TEXT("")};
    all->items = NULL;
    all->n = 0;
    for (size_t i = 0; d->with && i < d->with->n; i++)
        append_copy(pl, all, d->with->items[i]);
    append_copy(pl, all, n);
    d->with = all;
}

static void refuse_key(struct planner *pl, struct draft *d, const struct node *n)
{
    for (size_t i = 0; i < N_OF(later); i++)
        if (text_is(n->key, later[i].key)) {
            finding_add_key(pl->f, FINDING_ERROR, "E217", n, later[i].instead, "`%s` comes with a later version",
                            later[i].key);
            return;
        }
    const char *hint = is_option(d->p, n->key)
                           ? finding_text(pl->f, "'" TEXT_FMT "' is an option of %s: put it under `with`",
                                          TEXT_ARG(n->key), d->p ? d->p->name : "the plugin")
                           : finding_suggest(pl->f, n->key, keys, N_OF(keys) - 1);
    finding_add_key(pl->f, FINDING_ERROR, "E204", n, hint, "unknown key '" TEXT_FMT "' of a processor",
                    TEXT_ARG(n->key));
    if (is_option(d->p, n->key) && !node_get(d->with, n->key.data))
        take_misplaced(pl, d, n);
}

static void find_kind(struct planner *pl, struct draft *d)
{
    for (uint32_t k = 0; kind_words[k]; k++) {
        const struct node *n = node_get(d->node, kind_words[k]);
        if (!n)
            continue;
        if (d->kind_node) {
            finding_add_key(pl->f, FINDING_ERROR, "E206", n, NULL, "'%s' is a %s already, it cannot be a %s too",
                            d->name, graph_kind_word(d->kind), kind_words[k]);
            d->broken = true;
            continue;
        }
        d->kind_node = n;
        d->kind = k + 1;
    }
    if (!d->kind_node)
        finding_add_key(pl->f, FINDING_ERROR, "E206", d->node, "for example: transform: filter",
                        "'%s' must say one of source, transform, model and sink", d->name);
}

static void find_plugin(struct planner *pl, struct draft *d)
{
    struct err err = {0};
    if (!d->kind_node)
        return;
    if (d->kind_node->kind != NODE_TEXT) {
        finding_add(pl->f, FINDING_ERROR, "E205", d->kind_node, NULL, "`%s` takes the name of a processor, not %s",
                    graph_kind_word(d->kind), node_kind_name(d->kind_node->kind));
        return;
    }
    d->p = registry_processor(pl->registry, d->kind, d->kind_node->text, &d->file, &err);
    if (d->p)
        return;
    const char *hint = strstr(err.text, "did you mean") || strstr(err.text, "leat plugins") ? NULL : "leat plugins list";
    finding_add(pl->f, FINDING_ERROR, strcmp(err.code, "E402") == 0 ? "E402" : "E401", d->kind_node, hint, "%s",
                err.text);
}

/* --- connections ------------------------------------------------------------------------------------------------- */

static const struct node *connection_of(struct planner *pl, const struct draft *d, const struct node *use)
{
    VEC(const char *) names = {0};
    for (size_t i = 0; pl->connections && i < pl->connections->n; i++)
        *VEC_PUSH(&names) = pl->connections->items[i]->key.data;
    const struct node *c = node_get(pl->connections, use->text.data);
    if (!c)
        finding_add(pl->f, FINDING_ERROR, "E223", use,
                    names.n ? finding_suggest(pl->f, use->text, names.at, names.n) : "add it under `connections`",
                    "no connection is called '" TEXT_FMT "'", TEXT_ARG(use->text));
    VEC_FINI(&names);
    if (!c)
        return NULL;
    *VEC_PUSH(&pl->connections_used) = c;
    if (c->kind != NODE_MAP || c->n != 1 || c->items[0]->kind != NODE_MAP)
        finding_add_key(pl->f, FINDING_ERROR, "E223", c, "write: name: {plugin: {option: value}}",
                        "the connection '" TEXT_FMT "' must name one plugin and its options", TEXT_ARG(c->key));
    else if (d->p && !text_is(c->items[0]->key, d->p->name) &&
             !(d->file && d->file->name && text_is(c->items[0]->key, d->file->name)))
        finding_add(pl->f, FINDING_ERROR, "E223", use, NULL,
                    "the connection '" TEXT_FMT "' is one for '" TEXT_FMT "', not for '%s'", TEXT_ARG(c->key),
                    TEXT_ARG(c->items[0]->key), d->p->name);
    else
        return c->items[0];
    return NULL;
}

/* The connection's options, less those that `with` has too, then those of `with`. */
static void take_connection(struct planner *pl, struct draft *d)
{
    const struct node *use = node_get(d->with, "use");
    if (!use || is_option(d->p, TEXT("use")))
        return;
    const struct node *options = connection_of(pl, d, use);
    d->broken |= !options;
    struct node *all = arena_zalloc(pl->a, sizeof *all);
    *all = *d->with;
    all->items = NULL;
    all->n = 0;
    for (size_t i = 0; options && i < options->n; i++)
        if (!node_get(d->with, options->items[i]->key.data))
            append_copy(pl, all, options->items[i]);
    for (size_t i = 0; i < d->with->n; i++)
        if (d->with->items[i] != use)
            append_copy(pl, all, d->with->items[i]);
    d->with = all;
}

/* --- enabled, lanes ---------------------------------------------------------------------------------------------- */

static void read_enabled(struct planner *pl, struct draft *d)
{
    const struct node *n = node_get(d->node, "enabled");
    struct expr_error error = {0};
    leat_value v = {0};
    if (!n)
        return;
    const struct expr *e = expr_parse(pl->a, pl->plan->paths, n->text, NULL, &error);
    if (!e)
        finding_add_at(pl->f, FINDING_ERROR, "E228", n, error.offset, error.length, error.hint[0] ? error.hint : NULL,
                       "%s", error.text);
    else if (!expr_is_constant(e, &v) || v.type != LEAT_BOOL)
        finding_add(pl->f, FINDING_ERROR, "E228", n, "for example: enabled: \"${demo}\"",
                    "`enabled` must be true or false before the flow starts");
    else
        d->disabled = !v.as.i64;
}

static void read_lanes(struct planner *pl, struct draft *d)
{
    const struct node *n = node_get(d->node, "lanes");
    if (!n)
        return;
    d->one_lane = text_is(n->text, "1");
    if (!d->one_lane && !text_is(n->text, "auto"))
        finding_add(pl->f, FINDING_ERROR, "E235", n, "say it for the flow: settings: {lanes: 4}",
                    "a processor runs on all lanes (auto) or on one (1)");
}

/* --- all --------------------------------------------------------------------------------------------------------- */

static void read_keys(struct planner *pl, struct draft *d)
{
    for (size_t i = 0; i < d->node->n; i++)
        if (!graph_is_word(keys, d->node->items[i]->key))
            refuse_key(pl, d, d->node->items[i]);
    const struct node *text = node_get(d->node, "description");
    if (text && (text->kind == NODE_LIST || text->kind == NODE_MAP))
        finding_add(pl->f, FINDING_ERROR, "E205", text, NULL, "`description` is a text");
}

static void draft_read(struct planner *pl, const struct node *n)
{
    uint32_t twin = draft_find(pl, n->key);
    if (twin != UINT32_MAX) {
        const struct node *first = pl->drafts.at[twin].node;
        finding_add_key(pl->f, FINDING_ERROR, "E208", n,
                        finding_text(pl->f, "the first one is in %s, line %u", first->file, first->key_line),
                        "two processors are called '" TEXT_FMT "'", TEXT_ARG(n->key));
        return;
    }
    struct draft *d = VEC_PUSH(&pl->drafts);
    *d = (struct draft){.node = n, .name = n->key.data, .at = UINT32_MAX};
    if (!name_is_good(n->key))
        finding_add_key(pl->f, FINDING_ERROR, "E207", n,
                        "a lower-case letter, then lower-case letters, digits, _ and -",
                        "'" TEXT_FMT "' is no name of a processor", TEXT_ARG(n->key));
    if (n->kind != NODE_MAP) {
        finding_add_key(pl->f, FINDING_ERROR, "E205", n, "for example: {source: file, with: {paths: in.ndjson}}",
                        "the processor '%s' is described by a map, not by %s", d->name, node_kind_name(n->kind));
        d->disabled = true;
        return;
    }
    find_kind(pl, d);
    find_plugin(pl, d);
    d->with = node_get(n, "with");
    read_keys(pl, d);
    read_enabled(pl, d);
    read_lanes(pl, d);
    take_connection(pl, d);
}

void drafts_read(struct planner *pl)
{
    const struct node *all = node_get(pl->root, "processors");
    bool source = false;
    if (!all)
        return;
    if (all->kind != NODE_MAP) {
        finding_add(pl->f, FINDING_ERROR, "E205", all, "write: processors: {name: {source: ...}}",
                    "`processors` is a map of names, not %s", node_kind_name(all->kind));
        return;
    }
    for (size_t i = 0; i < all->n; i++)
        draft_read(pl, all->items[i]);
    for (size_t i = 0; i < pl->drafts.n; i++)
        source |= pl->drafts.at[i].kind == LEAT_SOURCE || !pl->drafts.at[i].kind;
    if (!source)
        finding_add_key(pl->f, FINDING_ERROR, "E218", all, "add one: source: file, generate, http, kafka, stdin",
                        "this flow has no source");
}
