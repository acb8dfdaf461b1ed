/* SPDX-License-Identifier: Apache-2.0 */
/* sanity_options.c: the rows of an option table: names, docs, defaults that fit, ranges, choices. */
#include "core/plugin/plugin_internal.h"

struct table {
    const leat_processor *p;
    const leat_option *rows;
    uint32_t n;
    const char *group; /* "" at the top, else "window." */
    struct buf *out;
};

static void wrong(const struct table *t, const leat_option *o, const char *what)
{
    plugin_mistake(t->out, "%s '%s': option '%s%s' %s", plugin_kind_name(t->p->kind), t->p->name, t->group,
                   o->name ? o->name : "", what);
}

static bool has_choice(const char *choices, leat_text word)
{
    for (const char *at = choices; at && *at; at += *at == '|') {
        size_t n = strcspn(at, "|");
        if (text_equal((leat_text){at, n}, word))
            return true;
        at += n;
    }
    return false;
}

/* Whether one value, as a flow would write it, is of the option's type. Texts, fields and expressions: anything. */
static bool is_of_type(const leat_option *o, leat_text t)
{
    int64_t i;
    double d;
    switch (o->type) {
    case LEAT_OPT_BOOL:
        return text_is(t, "true") || text_is(t, "false");
    case LEAT_OPT_I64:
        return parse_i64(t, &i, NULL) == 0;
    case LEAT_OPT_F64:
        return parse_f64(t, &d, NULL) == 0;
    case LEAT_OPT_DURATION:
        return parse_duration(t, &i, NULL) == 0;
    case LEAT_OPT_SIZE:
        return parse_size(t, &i, NULL) == 0;
    case LEAT_OPT_RATE:
        return parse_rate(t, &d, NULL) == 0;
    case LEAT_OPT_TIME:
        return parse_time(t, &i, NULL) == 0;
    case LEAT_OPT_CHOICE:
        return has_choice(o->choices, t);
    default:
        return true;
    }
}

static void check_default(const struct table *t, const leat_option *o)
{
    leat_text s = text_of(o->standard);
    bool list = s.n && strchr("[{", s.data[0]);
    if (!o->standard)
        return;
    if (o->flags & LEAT_REQUIRED)
        wrong(t, o, "is required and has a default: one of the two is of no use");
    if (!list && !is_of_type(o, s))
        wrong(t, o, "has a default that is not of its type");
}

static void check_range(const struct table *t, const leat_option *o)
{
    const char *dots = o->range ? strstr(o->range, "..") : NULL;
    if (!o->range)
        return;
    leat_text from = {o->range, dots ? (size_t)(dots - o->range) : 0}, to = text_of(dots ? dots + 2 : NULL);
    if (!dots || (from.n && !is_of_type(o, from)) || (to.n && !is_of_type(o, to)) || from.n + to.n == 0)
        wrong(t, o, "has a range that is not of the form '1..1000', '0..' or '..5' in the spelling of its type");
}

static bool has_row(const struct table *t, const char *name)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (t->rows[i].name && strcmp(t->rows[i].name, name) == 0)
            return true;
    return false;
}

static bool is_input(const leat_processor *p, uint32_t port)
{
    bool any = p->n_inputs && p->inputs && p->inputs[p->n_inputs - 1].name &&
               strcmp(p->inputs[p->n_inputs - 1].name, "*") == 0;
    return port == LEAT_EVERY_INPUT || port == LEAT_CHOSEN_INPUT || any || port < (p->n_inputs ? p->n_inputs : 1);
}

static bool is_column(uint32_t type)
{
    return (type & ~(uint32_t)LEAT_LIST) <= LEAT_JSON;
}

static void check_binding(const struct table *t, const leat_option *o)
{
    bool reads = o->type == LEAT_OPT_READ || o->type == LEAT_OPT_TEMPLATE || o->type == LEAT_OPT_KEY ||
                 o->type == LEAT_OPT_AGGREGATE;
    if (reads && !is_input(t->p, o->port))
        wrong(t, o, "binds to an input that does not exist");
    if ((o->type == LEAT_OPT_READ || o->type == LEAT_OPT_WRITE) && !is_column(o->column))
        wrong(t, o, "is bound as a column of an unknown type");
    if (o->flags & LEAT_DESTINATION && o->type != LEAT_OPT_TEMPLATE)
        wrong(t, o, "is a LEAT_DESTINATION, so it must be a TEMPLATE");
}

static void check_row(const struct table *t, uint32_t i)
{
    const leat_option *o = &t->rows[i];
    if (!o->name || !*o->name) {
        plugin_mistake(t->out, "%s '%s': option %u of '%s' has no name", plugin_kind_name(t->p->kind), t->p->name, i,
                       t->group);
        return;
    }
    if (!o->doc || !*o->doc)
        wrong(t, o, "has no doc: describe it in one sentence");
    if (o->type < LEAT_OPT_BOOL || o->type > LEAT_OPT_TIME)
        wrong(t, o, "is of a type that this Leat does not know");
    if ((o->type == LEAT_OPT_CHOICE || o->type == LEAT_OPT_AGGREGATE) && (!o->choices || !*o->choices))
        wrong(t, o, "has no choices");
    if (o->type == LEAT_OPT_GROUP ? !o->rows || !o->n_rows : o->n_rows != 0)
        wrong(t, o, o->type == LEAT_OPT_GROUP ? "is a group without rows" : "has rows, but is no group");
    if (strcmp(o->name, "*") == 0 && !(o->flags & LEAT_PAIRS))
        wrong(t, o, "takes all other names, so it must be LEAT_PAIRS");
    if (o->only_with && !has_row(t, o->only_with))
        wrong(t, o, "is `only_with` an option that is not beside it");
    for (uint32_t k = 0; k < i; k++)
        if (t->rows[k].name && strcmp(t->rows[k].name, o->name) == 0)
            wrong(t, o, "stands there twice");
    check_default(t, o);
    check_range(t, o);
    check_binding(t, o);
}

static void check_table(const struct table *t)
{
    if (t->n && !t->rows)
        plugin_mistake(t->out, "%s '%s': n_options is %u, but there is no table", plugin_kind_name(t->p->kind),
                       t->p->name, t->n);
    for (uint32_t i = 0; t->rows && i < t->n; i++) {
        const leat_option *o = &t->rows[i];
        check_row(t, i);
        if (o->type != LEAT_OPT_GROUP || !o->rows)
            continue;
        auto_free char *group = xasprintf("%s%s.", t->group, o->name ? o->name : "");
        check_table(&(struct table){t->p, o->rows, o->n_rows, group, t->out});
    }
}

size_t plugin_option_mistakes(const leat_processor *p, struct buf *out)
{
    size_t before = out->n;
    check_table(&(struct table){p, p->options, p->n_options, "", out});
    return out->n - before;
}
