/* SPDX-License-Identifier: Apache-2.0 */
/* options.c: what stands under `with`, by the rows of a plugin's table, as the values that the plugin gets. */
#include "core/config/config.h"

#include "core/config/config_internal.h"

/* A group under way: the rows, what is given of them, and who is to blame for what is not. */
struct group {
    const leat_option *rows;
    uint32_t n;
    const struct node **given; /* by row; NULL: not given */
    const struct node *tree;   /* the map or bare value; NULL: the whole group is not given */
    const struct node *blame;
    struct node *rest; /* of the row "*" */
    bool *meant;       /* by row: an unknown key is spelt like it */
};

static bool read_group(struct option_reader *r, const leat_option *rows, uint32_t n_rows, const struct node *tree,
                       const struct node *blame, const char *const *host_keys, leat_value *ret);

/* --- which row a key belongs to ---------------------------------------------------------------------------------- */

static bool is_host_key(const char *const *keys, leat_text key)
{
    for (; keys && *keys; keys++)
        if (text_is(key, *keys))
            return true;
    return false;
}

static void refuse_unknown(struct option_reader *r, const struct group *g, const struct node *n,
                           const char *const *host_keys)
{
    VEC(const char *) known = {0};
    for (uint32_t i = 0; i < g->n; i++)
        if (!(g->rows[i].flags & LEAT_DEPRECATED) && strcmp(g->rows[i].name, "*") != 0)
            *VEC_PUSH(&known) = g->rows[i].name;
    for (; host_keys && *host_keys; host_keys++)
        *VEC_PUSH(&known) = *host_keys;
    const char *hint = known.n ? finding_suggest(r->f, n->key, known.at, known.n) : "there are no options here";
    const char *near = closest(n->key, known.at, known.n);
    for (uint32_t i = 0; near && i < g->n; i++)
        g->meant[i] |= strcmp(g->rows[i].name, near) == 0;
    if (parentheses_unbalanced(n->key))
        hint = "quote the expression above";
    finding_add_key(r->f, FINDING_ERROR, "E403", n, hint, "unknown option '" TEXT_FMT "'", TEXT_ARG(n->key));
    VEC_FINI(&known);
}

static void sort_keys(struct option_reader *r, struct group *g, const char *const *host_keys)
{
    bool open = g->n && strcmp(g->rows[g->n - 1].name, "*") == 0;
    for (size_t k = 0; k < g->tree->n; k++) {
        const struct node *n = g->tree->items[k];
        uint32_t i = 0;
        while (i < g->n && (!text_is(n->key, g->rows[i].name) || (open && i == g->n - 1)))
            i++;
        if (i < g->n)
            g->given[i] = n->kind == NODE_NULL ? NULL : n;
        else if (is_host_key(host_keys, n->key))
            continue;
        else if (!open)
            refuse_unknown(r, g, n, host_keys);
        else {
            struct node *copy = arena_zalloc(r->a, sizeof *copy);
            *copy = *n;
            if (!g->rest) {
                g->rest = arena_zalloc(r->a, sizeof *g->rest);
                *g->rest = *g->tree;
                g->rest->items = NULL;
                g->rest->n = 0;
            }
            node_append(r->a, g->rest, copy);
        }
    }
    if (g->rest)
        g->given[g->n - 1] = g->rest;
}

/* A value without names is meant for the BARE rows; of choices, for the one that has it. */
static void spread_bare(struct option_reader *r, struct group *g)
{
    bool found = false;
    for (uint32_t i = 0; i < g->n; i++) {
        const leat_option *o = &g->rows[i];
        if (!(o->flags & LEAT_BARE))
            continue;
        found = true;
        g->given[i] = g->tree;
    }
    if (found)
        return;
    const char *first = g->n ? g->rows[0].name : "name";
    finding_add(r->f, FINDING_ERROR, "E404", g->tree, finding_text(r->f, "for example {%s: ...}", first),
                g->tree->kind == NODE_LIST ? "a map is needed here, not a list"
                                           : "a value needs a name here: '" TEXT_FMT "'",
                TEXT_ARG(g->tree->text));
}

/* --- rules between rows ------------------------------------------------------------------------------------------ */

static uint32_t row_named(const struct group *g, const char *name)
{
    uint32_t i = 0;
    while (i < g->n && strcmp(g->rows[i].name, name) != 0)
        i++;
    return i;
}

static const char *names_of_one_of(struct option_reader *r, const struct group *g)
{
    auto_buf b = {0};
    for (uint32_t i = 0; i < g->n; i++)
        if (g->rows[i].flags & LEAT_ONE_OF)
            buf_printf(&b, "%s%s", b.n ? ", " : "", g->rows[i].name);
    return finding_text(r->f, "%s", b.n ? b.data : "");
}

static void check_one_of(struct option_reader *r, const struct group *g)
{
    uint32_t among = 0, given = 0;
    bool meant = false;
    const struct node *second = NULL;
    for (uint32_t i = 0; i < g->n; i++) {
        if (!(g->rows[i].flags & LEAT_ONE_OF))
            continue;
        among++;
        meant |= g->meant[i];
        if (g->given[i] && ++given > 1)
            second = g->given[i];
    }
    if (!among || given == 1 || (meant && !given))
        return;
    if (given > 1)
        finding_add_key(r->f, FINDING_ERROR, "E409", second, NULL, "only one of %s can be given, %u are",
                        names_of_one_of(r, g), given);
    else
        finding_add_key(r->f, FINDING_ERROR, "E409", g->blame, NULL, "one of %s is needed", names_of_one_of(r, g));
}

static void check_row(struct option_reader *r, const struct group *g, uint32_t i)
{
    const leat_option *o = &g->rows[i];
    bool with = true;
    if (o->only_with) {
        uint32_t other = row_named(g, o->only_with);
        with = other < g->n && g->given[other];
        if (g->given[i] && !with)
            finding_add_key(r->f, FINDING_ERROR, "E410", g->given[i],
                            finding_text(r->f, "add '%s', or leave '%s' out", o->only_with, o->name),
                            "'%s' goes with '%s' only", o->name, o->only_with);
    }
    if (!g->given[i] && !g->meant[i] && (o->flags & LEAT_REQUIRED) && with)
        finding_add_key(r->f, FINDING_ERROR, "E408", g->blame,
                        o->doc ? finding_text(r->f, "%s: %s", o->name, o->doc) : NULL, "the option '%s' is required",
                        o->name);
    if (g->given[i] && (o->flags & LEAT_DEPRECATED))
        finding_add_key(r->f, FINDING_WARNING, "W501", g->given[i], o->doc, "the option '%s' will go", o->name);
}

/* --- values ------------------------------------------------------------------------------------------------------ */

static bool read_one(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret)
{
    if (o->type == LEAT_OPT_GROUP)
        return read_group(r, o->rows, o->n_rows, n, n, NULL, ret);
    if (n->kind == NODE_LIST || n->kind == NODE_MAP) {
        finding_add(r->f, FINDING_ERROR, "E415", n,
                    n->kind == NODE_MAP ? "a text that begins with { needs quotes" : NULL, "'%s' is one value, not %s",
                    o->name, node_kind_name(n->kind));
        return false;
    }
    return option_scalar(r, o, n, ret);
}

static bool read_name(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret)
{
    const struct option_binder *b = r->binder;
    if (o->names == LEAT_OPT_OUTPUT)
        return b->output(b->self, o, n, n->key, ret);
    if (o->names == LEAT_OPT_WRITE)
        return b->write(b->self, o, n, n->key, ret);
    *ret = (leat_value){.type = LEAT_TEXT, .as.text = n->key};
    return true;
}

static bool read_pairs(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret)
{
    if (n->kind != NODE_MAP) {
        finding_add(r->f, FINDING_ERROR, "E404", n, finding_text(r->f, "write %s: {name: value}", o->name),
                    "'%s' is a map of names and values, not %s", o->name, node_kind_name(n->kind));
        return false;
    }
    leat_value *at = arena_zalloc(r->a, (2 * n->n + 1) * sizeof *at);
    bool ok = true;
    for (size_t i = 0; i < n->n; i++) {
        ok &= read_one(r, o, n->items[i], &at[2 * i + 1]); /* before its name: `x: x + 1` reads the x that came in */
        ok &= read_name(r, o, n->items[i], &at[2 * i]);
    }
    *ret = (leat_value){.type = LEAT_LIST, .as.list = {at, 2 * n->n}};
    return ok;
}

static bool read_list(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret)
{
    struct node *const *items = n->items;
    struct node *alone = (struct node *)(uintptr_t)n;
    size_t count = n->n;
    if (n->kind != NODE_LIST) {
        items = &alone;
        count = 1;
    }
    leat_value *at = arena_zalloc(r->a, (count + 1) * sizeof *at);
    bool ok = true;
    for (size_t i = 0; i < count; i++)
        ok &= read_one(r, o, items[i], &at[i]);
    *ret = (leat_value){.type = LEAT_LIST, .as.list = {at, count}};
    return ok;
}

static bool read_row(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret)
{
    if (o->flags & LEAT_PAIRS)
        return read_pairs(r, o, n, ret);
    if (o->flags & LEAT_MANY)
        return read_list(r, o, n, ret);
    return read_one(r, o, n, ret);
}

/* The rows of type INPUT first: others are bound to what they name. */
static bool read_rows(struct option_reader *r, struct group *g, leat_value *at)
{
    bool ok = true;
    for (int inputs = 1; inputs >= 0; inputs--)
        for (uint32_t i = 0; i < g->n; i++) {
            const leat_option *o = &g->rows[i];
            if ((o->type == LEAT_OPT_INPUT) != inputs)
                continue;
            const struct node *n = g->given[i];
            if (!n && o->standard && !(o->flags & LEAT_ONE_OF))
                n = node_of_standard(r->a, o, g->blame);
            if (n)
                ok &= read_row(r, o, n, &at[i]);
            else if (o->type == LEAT_OPT_GROUP && !(o->flags & (LEAT_MANY | LEAT_PAIRS)))
                ok &= read_group(r, o->rows, o->n_rows, NULL, g->blame, NULL, &at[i]);
            if (o->type == LEAT_OPT_INPUT && at[i].type == LEAT_I64)
                r->chosen = (uint32_t)at[i].as.i64;
        }
    return ok;
}

static bool read_group(struct option_reader *r, const leat_option *rows, uint32_t n_rows, const struct node *tree,
                       const struct node *blame, const char *const *host_keys, leat_value *ret)
{
    struct group g = {.rows = rows, .n = n_rows, .tree = tree, .blame = blame};
    size_t errors = r->f->errors;
    uint32_t before = r->chosen;
    leat_value *at = arena_zalloc(r->a, (n_rows + 1) * sizeof *at);
    g.given = arena_zalloc(r->a, (n_rows + 1) * sizeof *g.given);
    g.meant = arena_zalloc(r->a, n_rows + 1);
    if (tree && tree->kind == NODE_MAP)
        sort_keys(r, &g, host_keys);
    else if (tree)
        spread_bare(r, &g);
    for (uint32_t i = 0; tree && i < n_rows; i++)
        check_row(r, &g, i);
    if (tree)
        check_one_of(r, &g);
    r->chosen = LEAT_EVERY_INPUT;
    read_rows(r, &g, at);
    r->chosen = before;
    *ret = (leat_value){.type = tree ? LEAT_LIST : LEAT_NULL, .as.list = {at, n_rows}};
    return r->f->errors == errors;
}

size_t options_read(struct arena *a, const leat_option *rows, uint32_t n_rows, const struct node *with,
                    const struct node *blame, const char *const *host_keys, const struct option_binder *binder,
                    struct findings *f, leat_value **ret)
{
    struct option_reader r = {.a = a, .binder = binder, .f = f, .chosen = LEAT_EVERY_INPUT};
    struct node *none = arena_zalloc(a, sizeof *none), *nowhere = arena_zalloc(a, sizeof *nowhere);
    size_t before = f->errors;
    leat_value group;
    none->kind = NODE_MAP;
    blame = blame ? blame : nowhere;
    if (with && with->kind != NODE_MAP && with->kind != NODE_NULL) {
        finding_add(f, FINDING_ERROR, "E404", with, "write with: {option: value}", "`with` is a map of options, not %s",
                    node_kind_name(with->kind));
        read_group(&r, rows, n_rows, NULL, blame, host_keys, &group);
    } else {
        if (!with || with->kind == NODE_NULL)
            with = none;
        read_group(&r, rows, n_rows, with, with->key_line ? with : blame, host_keys, &group);
    }
    *ret = (leat_value *)(uintptr_t)group.as.list.at;
    return f->errors - before;
}
