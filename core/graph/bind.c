/* SPDX-License-Identifier: Apache-2.0 */
/* bind.c: options that name fields, expressions, templates and ports become numbers of bound columns and ports. */
#include "core/graph/graph_internal.h"

const struct shape *shape_at(const struct binding_plan *bp, uint32_t port)
{
    if (port < bp->x->n_inputs)
        return &bp->in[port];
    return &bp->every;
}

static bool same(const struct bound *x, const struct bound *y)
{
    const struct binding *a = &x->b, *b = &y->b;
    return a->how == b->how && a->port == b->port && a->path == b->path && a->type == b->type && a->flags == b->flags &&
           a->scale == b->scale && a->key == b->key && !a->expr == !b->expr && text_equal(x->text, y->text);
}

static uint32_t known_type(const struct binding_plan *bp, const struct binding *b)
{
    uint32_t type = LEAT_NULL;
    const char *near;
    if (b->type || b->how != LEAT_READ)
        return b->type;
    if (b->expr)
        return expr_type(b->expr);
    if (b->path != PATH_NONE)
        shape_type(shape_at(bp, b->port), bp->pl->plan->paths, paths_text(bp->pl->plan->paths, b->path), &type, &near);
    return type;
}

leat_field bound_add(struct binding_plan *bp, const struct bound *b)
{
    for (size_t i = 0; i < bp->all.n; i++)
        if (same(&bp->all.at[i], b))
            return (leat_field)i + 1;
    struct bound *added = VEC_PUSH(&bp->all);
    *added = *b;
    added->b.known = known_type(bp, &b->b);
    return (leat_field)bp->all.n;
}

/* A port of one input is written as 0 whatever the row says of all inputs, so that equal ones are equal. */
static uint32_t port_of(const struct binding_plan *bp, uint32_t port)
{
    return port == LEAT_EVERY_INPUT && bp->x->n_inputs == 1 ? 0 : port;
}

static leat_value value_of(const leat_option *o, leat_field f, uint32_t type)
{
    type = o->column ? o->column : type;
    return (leat_value){.type = type ? type : LEAT_JSON, .scale = o->scale, .as.field = f};
}

/* --- fields that expressions may use ------------------------------------------------------------------------------ */

struct scope {
    struct binding_plan *bp;
    const struct shape *shape;
};

static bool scope_type(void *self, leat_text path, uint32_t *ret_type, const char **ret_near)
{
    struct scope *s = self;
    for (size_t i = s->bp->earlier.n; i-- > 0;)
        if (text_equal(s->bp->earlier.at[i].name, path)) {
            *ret_type = s->bp->earlier.at[i].type;
            return true;
        }
    return shape_type(s->shape, s->bp->pl->plan->paths, path, ret_type, ret_near);
}

static void say(struct binding_plan *bp, const struct node *where, const struct expr_error *e)
{
    const char *hint = e->hint[0] ? e->hint : NULL;
    if (where->secret) {
        finding_add(bp->pl->f, FINDING_ERROR, e->code[0] ? e->code : "E300", where, NULL,
                    "this cannot be read as an expression (its value is hidden)");
        return;
    }
    finding_add_at(bp->pl->f, FINDING_ERROR, e->code[0] ? e->code : "E300", where, e->offset, e->length, hint, "%s",
                   e->text);
}

/* A path that is no expression: the whole record, what travels beside it, a list of what lies in all elements. */
static bool is_path_only(leat_text t)
{
    uint32_t type;
    return text_is(t, ".") || (t.n && t.data[0] == '$' && metadata_type(t, &type)) || memmem(t.data, t.n, "[]", 2);
}

static bool check_type(struct binding_plan *bp, const leat_option *o, const struct node *where, uint32_t type)
{
    if (type_converts(type, o->column))
        return true;
    finding_add(bp->pl->f, FINDING_ERROR, "E412", where, NULL, "'%s' takes %s, and '" TEXT_FMT "' is %s", o->name,
                graph_type_name(o->column), TEXT_ARG(where->text), graph_type_name(type));
    return false;
}

bool bind_path(struct binding_plan *bp, uint32_t how, leat_text path, uint32_t *ret_path, const struct node *where)
{
    struct findings *f = bp->pl->f;
    *ret_path = paths_add(bp->pl->plan->paths, path);
    if (*ret_path == PATH_NONE) {
        finding_add(f, FINDING_ERROR, "E416", where, "odd names stand in double quotes: '\"Order Id\"'",
                    "'" TEXT_FMT "' is no name of a field", TEXT_ARG(path));
        return false;
    }
    if (how == LEAT_READ || path.data[0] != '$')
        return true;
    static const char *const writable[] = {"$id", "$key", "$time", "$encoded", "$head", NULL};
    if (graph_is_word(writable, path))
        return true;
    finding_add(f, FINDING_ERROR, "E418", where, NULL, "'" TEXT_FMT "' cannot be written", TEXT_ARG(path));
    return false;
}

/* --- the binder -------------------------------------------------------------------------------------------------- */

static struct bound bound_of(const struct binding_plan *bp, const leat_option *o, uint32_t port,
                             const struct node *where)
{
    uint32_t flags = o->flags & (LEAT_MAY_MISS | LEAT_LENIENT);
    return (struct bound){.b = {.how = LEAT_READ,
                                .port = port_of(bp, port),
                                .type = o->column,
                                .flags = flags,
                                .scale = o->scale,
                                .required = !(flags & LEAT_MAY_MISS),
                                .where = where}};
}

static bool read_path(struct binding_plan *bp, const leat_option *o, const struct node *where, struct bound *b,
                      uint32_t *ret_type)
{
    const char *near = NULL;
    leat_text text = where->text;
    if (!bind_path(bp, LEAT_READ, text, &b->b.path, where))
        return false;
    if (shape_type(shape_at(bp, b->b.port), bp->pl->plan->paths, text, ret_type, &near))
        return true;
    finding_add(bp->pl->f, FINDING_ERROR, "E411", where,
                near ? finding_text(bp->pl->f, "did you mean '%s'?", near) : NULL,
                "unknown field '" TEXT_FMT "' for '%s'", TEXT_ARG(text), o->name);
    return false;
}

/* The expression twice: as it stands, for errors with their place; and with what was written before taken in. */
static const struct expr *parse(struct binding_plan *bp, const leat_option *o, uint32_t port, const struct node *where,
                                leat_text text)
{
    struct planner *pl = bp->pl;
    struct scope scope = {bp, shape_at(bp, port)};
    struct expr_fields fields = {&scope, scope_type};
    struct expr_error error = {0};
    const struct expr *e = expr_parse(pl->a, pl->plan->paths, text, &fields, &error);
    if (!e) {
        say(bp, where, &error);
        return NULL;
    }
    bp->last_text = text;
    if (bp->earlier_of != o || !bp->earlier.n)
        return e;
    bp->last_text = inline_earlier(pl->a, text, bp->earlier.at, bp->earlier.n);
    size_t n = bp->earlier.n;
    bp->earlier.n = 0;
    e = expr_parse(pl->a, pl->plan->paths, bp->last_text, &fields, &error);
    bp->earlier.n = n;
    if (!e)
        finding_add(pl->f, FINDING_ERROR, "E300", where, "compute it in a second `set` behind this one",
                    "this cannot be computed in the same step as the fields that it uses: %s", error.text);
    return e;
}

static void begin_option(struct binding_plan *bp, const leat_option *o)
{
    if (bp->earlier_of != o) {
        bp->earlier.n = 0;
        bp->earlier_of = o;
    }
}

static bool bind_read(void *self, const leat_option *o, uint32_t port, const struct node *where, leat_text text,
                      leat_value *ret)
{
    struct binding_plan *bp = self;
    struct bound b = bound_of(bp, o, port, where);
    uint32_t type = LEAT_NULL;
    begin_option(bp, o);
    if (is_path_only(text)) {
        if (!read_path(bp, o, where, &b, &type))
            return false;
    } else {
        const struct expr *e = parse(bp, o, b.b.port, where, text);
        if (!e)
            return false;
        type = expr_type(e);
        b.b.path = expr_is_field(e);
        b.b.expr = b.b.path ? NULL : e;
        b.text = b.b.path ? (leat_text){0} : bp->last_text;
    }
    bp->last_type = o->column ? o->column : type;
    if (!check_type(bp, o, where, type))
        return false;
    *ret = value_of(o, bound_add(bp, &b), type);
    return true;
}

static bool check_destination(struct binding_plan *bp, const leat_option *o, const struct node *where,
                              const struct expr *e)
{
    if (!(o->flags & LEAT_DESTINATION) || expr_prefix(e).n || expr_is_constant(e, &(leat_value){0}))
        return true;
    finding_add(bp->pl->f, FINDING_ERROR, "E413", where,
                finding_text(bp->pl->f, "for example %s: \"x-" TEXT_FMT "\"", o->name, TEXT_ARG(where->text)),
                "'%s' must begin literally, so that a record cannot choose where it goes", o->name);
    return false;
}

static bool bind_template(void *self, const leat_option *o, uint32_t port, const struct node *where, leat_text text,
                          leat_value *ret)
{
    struct binding_plan *bp = self;
    struct bound b = bound_of(bp, o, port, where);
    struct scope scope = {bp, shape_at(bp, b.b.port)};
    struct expr_fields fields = {&scope, scope_type};
    struct expr_error error = {0};
    begin_option(bp, o);
    const struct expr *e = expr_template(bp->pl->a, bp->pl->plan->paths, text, &fields, &error);
    if (!e) {
        say(bp, where, &error);
        return false;
    }
    if (!check_destination(bp, o, where, e))
        return false;
    b.b.type = o->column == LEAT_JSON ? LEAT_JSON : LEAT_TEXT;
    b.b.expr = e;
    b.text = arena_text(bp->pl->a, (leat_text){text.data, text.n});
    *ret = value_of(o, bound_add(bp, &b), LEAT_TEXT);
    return true;
}

static bool bind_write(void *self, const leat_option *o, const struct node *where, leat_text name, leat_value *ret)
{
    struct binding_plan *bp = self;
    bool pair = o->flags & LEAT_PAIRS && o->names == LEAT_OPT_WRITE;
    uint32_t type = o->type == LEAT_OPT_READ && pair ? bp->last_type
                    : o->type == LEAT_OPT_WRITE      ? o->column
                                                     : LEAT_NULL;
    struct bound b = {
        .b = {.how = LEAT_WRITE, .port = pair ? 0 : o->port, .type = type, .scale = o->scale, .where = where}};
    if (!bind_path(bp, LEAT_WRITE, name, &b.b.path, where))
        return false;
    if (o->type == LEAT_OPT_READ && pair)
        *VEC_PUSH(&bp->earlier) = (struct earlier){name, bp->last_text, bp->last_type};
    *ret = value_of(o, bound_add(bp, &b), type);
    return true;
}

static bool bind_key(void *self, const leat_option *o, uint32_t port, const struct node *where, leat_text text,
                     leat_value *ret)
{
    struct binding_plan *bp = self;
    struct bound b = bound_of(bp, o, port, where);
    uint32_t type = LEAT_NULL;
    begin_option(bp, o);
    (void)text;
    b.b.key = true;
    if (!read_path(bp, o, where, &b, &type))
        return false;
    *ret = value_of(o, bound_add(bp, &b), type);
    return true;
}

static bool name_aggregate(struct binding_plan *bp, const leat_option *o, const struct node *where, leat_text name,
                           int64_t *ret)
{
    VEC(const char *) known = {0};
    int64_t k = 0;
    *ret = -1;
    for (const char *at = o->choices; at && *at; k++) {
        size_t n = strcspn(at, "|");
        if (text_equal((leat_text){at, n}, name))
            *ret = k;
        *VEC_PUSH(&known) = arena_text(bp->pl->a, (leat_text){at, n}).data;
        at += n + (at[n] == '|');
    }
    if (*ret < 0)
        finding_add_at(bp->pl->f, FINDING_ERROR, "E406", where, 0, name.n,
                       finding_suggest(bp->pl->f, name, known.at, known.n), "'" TEXT_FMT "' is no aggregate of '%s'",
                       TEXT_ARG(name), o->name);
    VEC_FINI(&known);
    return *ret >= 0;
}

static bool bind_aggregate(void *self, const leat_option *o, uint32_t port, const struct node *where, leat_text text,
                           leat_value *ret)
{
    struct binding_plan *bp = self;
    struct scope scope = {bp, shape_at(bp, port)};
    struct expr_fields fields = {&scope, scope_type};
    struct expr_error error = {0};
    struct expr_call call;
    int64_t number;
    begin_option(bp, o);
    if (expr_aggregate(bp->pl->a, bp->pl->plan->paths, text, &fields, &call, &error) < 0) {
        say(bp, where, &error);
        return false;
    }
    if (!name_aggregate(bp, o, where, call.name, &number))
        return false;
    leat_value *at = arena_zalloc(bp->pl->a, (call.n + 1) * sizeof *at);
    at[0] = (leat_value){.type = LEAT_I64, .as.i64 = number};
    for (size_t i = 0; i < call.n; i++) {
        struct bound b = bound_of(bp, o, port, where);
        b.b.path = expr_is_field(call.arguments[i]);
        b.b.expr = b.b.path ? NULL : call.arguments[i];
        b.text = b.b.path ? (leat_text){0} : arena_text(bp->pl->a, (leat_text){text.data, text.n});
        b.b.scale = b.b.path ? 0 : (int32_t)i; /* arguments of one call are told apart */
        at[i + 1] = value_of(o, bound_add(bp, &b), expr_type(call.arguments[i]));
    }
    *ret = (leat_value){.type = LEAT_LIST, .as.list = {at, call.n + 1}};
    return true;
}

static bool bind_input(void *self, const leat_option *o, const struct node *where, leat_text name, leat_value *ret)
{
    struct binding_plan *bp = self;
    VEC(const char *) known = {0};
    for (uint32_t i = 0; i < bp->x->n_inputs; i++) {
        if (text_equal(bp->x->inputs[i].name, name)) {
            *ret = (leat_value){.type = LEAT_I64, .as.i64 = i};
            VEC_FINI(&known);
            return true;
        }
        *VEC_PUSH(&known) = bp->x->inputs[i].name.data;
    }
    finding_add(bp->pl->f, FINDING_ERROR, "E220", where, finding_suggest(bp->pl->f, name, known.at, known.n),
                "'%s': no input is called '" TEXT_FMT "'", o->name, TEXT_ARG(name));
    VEC_FINI(&known);
    return false;
}

static bool bind_output(void *self, const leat_option *o, const struct node *where, leat_text name, leat_value *ret)
{
    struct binding_plan *bp = self;
    struct planned *x = bp->x;
    for (uint32_t i = 0; i < x->n_outputs; i++)
        if (text_equal(x->ports[i].name, name) || text_is(name, "rejected")) {
            finding_add_key(bp->pl->f, FINDING_ERROR, "E210", where, NULL,
                            "'%s': a port '" TEXT_FMT "' is there already", o->name, TEXT_ARG(name));
            return false;
        }
    if (x->n_outputs >= LEAT_PORTS_MAX - 1) {
        finding_add_key(bp->pl->f, FINDING_ERROR, "E210", where, NULL, "more than %d ports", LEAT_PORTS_MAX);
        return false;
    }
    uint32_t flags = bp->d->p->n_outputs ? bp->d->p->outputs[bp->d->p->n_outputs - 1].flags : 0;
    *ret = (leat_value){.type = LEAT_I64, .as.i64 = output_add(bp->pl, bp->d, x, name, flags)};
    return true;
}

struct option_binder binder_of(struct binding_plan *bp)
{
    return (struct option_binder){.self = bp,
                                  .read = bind_read,
                                  .template_ = bind_template,
                                  .write = bind_write,
                                  .key = bind_key,
                                  .aggregate = bind_aggregate,
                                  .input = bind_input,
                                  .output = bind_output};
}
