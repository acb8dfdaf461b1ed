/* SPDX-License-Identifier: Apache-2.0 */
/* flow.c: a flow file as a whole: fragments, parameters, keys at the top; from text to plan. */
#include "core/graph/graph_internal.h"

#include <ctype.h>

static const char *const top_keys[] = {"leat",        "flow",     "description", "parameters",
                                       "connections", "settings", "plugins",     "dead_letters",
                                       "include",     "require",  "processors",  NULL};
static const char *const fragment_keys[] = {"leat", "description", "connections", "processors", NULL};

/* --- fragments --------------------------------------------------------------------------------------------------- */

static void refuse_keys(struct planner *pl, const struct node *root, const char *const *keys, const char *of)
{
    size_t n = 0;
    while (keys[n])
        n++;
    for (size_t i = 0; i < root->n; i++)
        if (!graph_is_word(keys, root->items[i]->key))
            finding_add_key(pl->f, FINDING_ERROR, "E202", root->items[i],
                            finding_suggest(pl->f, root->items[i]->key, keys, n), "unknown key '" TEXT_FMT "' of %s",
                            TEXT_ARG(root->items[i]->key), of);
}

/* The members of a fragment's section join those of the flow. */
static void join_section(struct planner *pl, struct node *root, const struct node *fragment, const char *name)
{
    const struct node *from = node_get(fragment, name);
    struct node *to = (struct node *)(uintptr_t)node_get(root, name);
    if (!from || from->kind != NODE_MAP)
        return;
    if (!to || to->kind != NODE_MAP) {
        node_append(pl->a, root, (struct node *)(uintptr_t)from);
        return;
    }
    for (size_t i = 0; i < from->n; i++)
        node_append(pl->a, to, from->items[i]);
}

static void include_one(struct planner *pl, struct node *root, const struct node *n)
{
    const char *slash = strrchr(n->file, '/');
    if (n->kind != NODE_TEXT) {
        finding_add(pl->f, FINDING_ERROR, "E224", n, "for example: include: [common.yaml]",
                    "`include` names files, this is %s", node_kind_name(n->kind));
        return;
    }
    const char *path = n->text.data[0] == '/' || !slash
                           ? n->text.data
                           : arena_printf(pl->a, "%.*s/%s", (int)(slash - n->file), n->file, n->text.data);
    struct err err;
    auto_buf text = {0};
    if (read_file(path, &text, &err) < 0) {
        finding_add(pl->f, FINDING_ERROR, "E224", n, NULL, "%s", err.text);
        return;
    }
    const struct node *fragment = document_fragment(&pl->plan->document, path, pl->f);
    if (!fragment)
        return;
    if (fragment->kind != NODE_MAP) {
        finding_add(pl->f, FINDING_ERROR, "E224", n, NULL, "%s is no map of `connections` and `processors`", path);
        return;
    }
    refuse_keys(pl, fragment, fragment_keys, "a fragment");
    join_section(pl, root, fragment, "connections");
    join_section(pl, root, fragment, "processors");
}

static void include_all(struct planner *pl, struct node *root)
{
    const struct node *n = node_get(root, "include");
    for (size_t i = 0; n && n->kind == NODE_LIST && i < n->n; i++)
        include_one(pl, root, n->items[i]);
    if (n && n->kind != NODE_LIST)
        include_one(pl, root, n);
}

/* --- keys at the top --------------------------------------------------------------------------------------------- */

static bool name_is_good(leat_text t)
{
    for (size_t i = 0; i < t.n; i++)
        if (!islower((unsigned char)t.data[i]) &&
            !(i && (isdigit((unsigned char)t.data[i]) || t.data[i] == '-' || t.data[i] == '_')))
            return false;
    return t.n > 0 && t.n <= 100;
}

static void read_name(struct planner *pl)
{
    const struct node *name = node_get(pl->root, "flow"), *version = node_get(pl->root, "leat"),
                      *text = node_get(pl->root, "description");
    struct node whole = {.file = pl->plan->file, .line = 1, .column = 1};
    if (!version)
        finding_add(pl->f, FINDING_ERROR, "E203", &whole, "add: leat: 1",
                    "`leat: 1` is missing: the version of the language");
    else if (!text_is(version->text, "1"))
        finding_add(pl->f, FINDING_ERROR, "E219", version, "write: leat: 1",
                    "this leat reads version 1 of the language, not '" TEXT_FMT "'", TEXT_ARG(version->text));
    if (!name)
        finding_add(pl->f, FINDING_ERROR, "E203", &whole, "add: flow: my-flow",
                    "`flow` is missing: the name of the flow");
    else if (!name_is_good(name->text))
        finding_add(pl->f, FINDING_ERROR, "E207", name, "a lower-case letter, then lower-case letters, digits, _ and -",
                    "'" TEXT_FMT "' is no name of a flow", TEXT_ARG(name->text));
    if (!node_get(pl->root, "processors"))
        finding_add(pl->f, FINDING_ERROR, "E203", &whole, "leat explain E201 shows a whole flow",
                    "`processors` is missing");
    if (text && (text->kind == NODE_LIST || text->kind == NODE_MAP))
        finding_add(pl->f, FINDING_ERROR, "E205", text, NULL, "`description` is a text");
    pl->plan->flow = name ? name->text.data : "";
    pl->plan->description = text ? text->text.data : NULL;
}

static void read_connections(struct planner *pl)
{
    const struct node *n = node_get(pl->root, "connections");
    if (n && n->kind != NODE_MAP && n->kind != NODE_NULL)
        finding_add(pl->f, FINDING_ERROR, "E223", n, "write: connections: {name: {kafka: {brokers: ...}}}",
                    "`connections` is a map of names, not %s", node_kind_name(n->kind));
    pl->connections = n && n->kind == NODE_MAP ? n : NULL;
}

static void read_dead_letters(struct planner *pl)
{
    const struct node *n = node_get(pl->root, "dead_letters"), *to = node_get(n, "to");
    pl->dead_letters = pl->plan->dead_letters = UINT32_MAX;
    if (!n)
        return;
    if (!to || n->n != 1 || to->kind != NODE_TEXT) {
        finding_add(pl->f, FINDING_ERROR, "E222", n, "write: dead_letters: {to: NAME}",
                    "`dead_letters` names the processor that gets what is rejected");
        return;
    }
    VEC(const char *) names = {0};
    for (size_t i = 0; i < pl->drafts.n; i++)
        *VEC_PUSH(&names) = pl->drafts.at[i].name;
    pl->dead_letters = draft_find(pl, to->text);
    if (pl->dead_letters == UINT32_MAX)
        finding_add(pl->f, FINDING_ERROR, "E222", to, finding_suggest(pl->f, to->text, names.at, names.n),
                    "no processor is called '" TEXT_FMT "'", TEXT_ARG(to->text));
    else if (pl->drafts.at[pl->dead_letters].kind == LEAT_SOURCE)
        finding_add(pl->f, FINDING_ERROR, "E222", to, NULL, "'" TEXT_FMT "' is a source: dead letters cannot go there",
                    TEXT_ARG(to->text));
    VEC_FINI(&names);
}

/* --- versions of plugins ----------------------------------------------------------------------------------------- */

static int compare_versions(const char *a, const char *b)
{
    while (*a || *b) {
        long x = strtol(a, (char **)(uintptr_t)&a, 10), y = strtol(b, (char **)(uintptr_t)&b, 10);
        if (x != y)
            return x < y ? -1 : 1;
        if ((*a && *a != '.') || (*b && *b != '.'))
            return strcmp(a, b);
        a += *a == '.';
        b += *b == '.';
    }
    return 0;
}

static bool version_fits(const char *version, const char *pin)
{
    size_t sign = strspn(pin, "<>=");
    const char *number = pin + sign;
    while (*number == ' ')
        number++;
    int order = compare_versions(version, number);
    if (sign == 2)
        return pin[0] == '>' ? order >= 0 : order <= 0;
    return sign == 0 || pin[0] == '=' ? order == 0 : pin[0] == '>' ? order > 0 : order < 0;
}

static void check_pins(struct planner *pl)
{
    const struct node *pins = node_get(pl->root, "plugins");
    size_t n_files = 0;
    const struct plugin_file *files = registry_files(pl->registry, &n_files);
    if (pins && pins->kind != NODE_MAP)
        finding_add(pl->f, FINDING_ERROR, "E226", pins, "write: plugins: {kafka: \">=1.0\"}",
                    "`plugins` is a map of names and versions");
    for (size_t i = 0; pins && pins->kind == NODE_MAP && i < pins->n; i++) {
        const struct node *pin = pins->items[i];
        const struct plugin_file *found = NULL;
        VEC(const char *) names = {0};
        for (size_t k = 0; k < n_files; k++)
            if (files[k].name) {
                *VEC_PUSH(&names) = files[k].name;
                found = text_is(pin->key, files[k].name) ? &files[k] : found;
            }
        if (!found)
            finding_add_key(pl->f, FINDING_ERROR, "E226", pin, finding_suggest(pl->f, pin->key, names.at, names.n),
                            "no plugin is called '" TEXT_FMT "'", TEXT_ARG(pin->key));
        else if (!version_fits(found->version, pin->text.data))
            finding_add(pl->f, FINDING_ERROR, "E226", pin, "leat plugins list",
                        "the plugin '%s' is %s here, the flow asks for " TEXT_FMT, found->name, found->version,
                        TEXT_ARG(pin->text));
        VEC_FINI(&names);
    }
}

static void warn_unused_connections(struct planner *pl)
{
    for (size_t i = 0; pl->connections && i < pl->connections->n; i++) {
        bool used = false;
        for (size_t k = 0; k < pl->connections_used.n; k++)
            used |= pl->connections_used.at[k] == pl->connections->items[i];
        if (!used)
            finding_add_key(pl->f, FINDING_WARNING, "W504", pl->connections->items[i], NULL,
                            "nobody uses the connection '" TEXT_FMT "'", TEXT_ARG(pl->connections->items[i]->key));
    }
}

/* --- from text to plan ------------------------------------------------------------------------------------------- */

static void make(struct planner *pl)
{
    refuse_keys(pl, pl->root, top_keys, "a flow");
    read_name(pl);
    settings_read(pl);
    read_connections(pl);
    drafts_read(pl);
    check_pins(pl);
    read_dead_letters(pl);
    arcs_read(pl);
    warn_unused_connections(pl);
    if (!arcs_order(pl))
        return;
    arcs_check_reach(pl);
    processors_plan(pl);
    ports_check(pl);
    lanes_choose(pl);
    promises_make(pl);
    fields_watch_plan(pl);
    plan_hash(pl);
}

static void planner_fini(struct planner *pl)
{
    for (size_t i = 0; i < pl->drafts.n; i++) {
        struct draft *d = &pl->drafts.at[i];
        for (uint32_t k = 0; d->out && k < pl->plan->processors[d->at].n_outputs; k++)
            shape_fini(&d->out[k]);
        free(d->out);
        draft_fini(d);
    }
    VEC_FINI(&pl->drafts);
    VEC_FINI(&pl->order);
    VEC_FINI(&pl->connections_used);
}

static bool read_document(struct planner *pl, const char *file)
{
    struct document *d = &pl->plan->document;
    size_t before = pl->f->errors;
    document_read(d, file, pl->f);
    for (size_t i = 0; i < pl->f->all.n; i++) /* the tree is not what was meant */
        if (strcmp(pl->f->all.at[i].code, "E106") != 0)
            return false;
    if (!d->root || d->root->kind != NODE_MAP) {
        if (pl->f->errors == before)
            finding_add(pl->f, FINDING_ERROR, "E201", &(struct node){.file = d->file, .line = 1, .column = 1},
                        "leat explain E201 shows a whole flow",
                        d->root ? "a flow is a map, not %s" : "the file is empty%.0s",
                        d->root ? node_kind_name(d->root->kind) : "");
        return false;
    }
    include_all(pl, d->root);
    document_resolve(d, pl->o ? pl->o->parameters : NULL, pl->f);
    pl->root = d->root;
    return true;
}

struct plan *plan_read(const char *file, struct registry *r, const struct plan_options *o, struct findings *f)
{
    struct plan *plan = xcalloc(1, sizeof *plan);
    struct planner pl = {.plan = plan, .registry = r, .f = f, .o = o, .a = &plan->memory, .dead_letters = UINT32_MAX};
    size_t errors = f->errors;
    plan->file = arena_strdup(&plan->memory, file);
    plan->paths = paths_new();
    plan->dead_letters = UINT32_MAX;
    if (read_document(&pl, file))
        make(&pl);
    planner_fini(&pl);
    if (f->errors == errors)
        return plan;
    plan_free(plan);
    return NULL;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    document_fini(&p->document);
    paths_free(p->paths);
    arena_fini(&p->memory);
    free(p);
}

uint32_t plan_find(const struct plan *p, leat_text name)
{
    for (size_t i = 0; i < p->n; i++)
        if (text_is(name, p->processors[i].name))
            return (uint32_t)i;
    return UINT32_MAX;
}
