/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c: `schema` of sources: a list of fields, or a JSON Schema file. */
#include "core/graph/graph_internal.h"

static const struct {
    const char *name;
    uint32_t type;
} types[] = {{"bool", LEAT_BOOL},   {"boolean", LEAT_BOOL}, {"int", LEAT_I64},        {"integer", LEAT_I64},
             {"float", LEAT_F64},   {"number", LEAT_F64},   {"decimal", LEAT_DEC},    {"text", LEAT_TEXT},
             {"string", LEAT_TEXT}, {"time", LEAT_TIME},    {"date-time", LEAT_TIME}, {"json", LEAT_JSON},
             {"object", LEAT_JSON}, {"array", LEAT_JSON},   {"any", LEAT_NULL}};

static bool type_of(leat_text name, uint32_t *ret)
{
    for (size_t i = 0; i < N_OF(types); i++)
        if (text_is(name, types[i].name)) {
            *ret = types[i].type;
            return true;
        }
    return false;
}

struct schema_reader {
    struct planner *pl;
    struct shape *out;
};

static void add_field(struct schema_reader *r, const struct node *where, leat_text path, uint32_t type, bool may_miss)
{
    uint32_t number = paths_add(r->pl->plan->paths, path);
    if (number == PATH_NONE || (path.n && path.data[0] == '$'))
        finding_add(r->pl->f, FINDING_ERROR, "E416", where, NULL, "'" TEXT_FMT "' is no name of a field",
                    TEXT_ARG(path));
    else
        shape_add(r->out, number, type, may_miss);
}

static void read_type(struct schema_reader *r, const struct node *n)
{
    leat_text name = n->text;
    uint32_t type = LEAT_NULL;
    bool may_miss = name.n && name.data[name.n - 1] == '?';
    name.n -= may_miss;
    if ((n->kind != NODE_TEXT && n->kind != NODE_NULL) || !type_of(name, &type)) {
        VEC(const char *) known = {0};
        for (size_t i = 0; i < N_OF(types); i++)
            *VEC_PUSH(&known) = types[i].name;
        finding_add(r->pl->f, FINDING_ERROR, "E230", n, finding_suggest(r->pl->f, name, known.at, known.n),
                    "'" TEXT_FMT "' is no type of a field", TEXT_ARG(name));
        VEC_FINI(&known);
        return;
    }
    add_field(r, n, n->key, type, may_miss);
}

/* --- JSON Schema: objects, their properties, types and what is required ------------------------------------------- */

static uint32_t json_type(const struct node *n)
{
    const struct node *type = node_get(n, "type"), *format = node_get(n, "format");
    uint32_t found = LEAT_NULL;
    if (format && text_is(format->text, "date-time"))
        return LEAT_TIME;
    if (type && type->kind == NODE_LIST) /* ["integer", "null"] */
        for (size_t i = 0; i < type->n; i++)
            if (!text_is(type->items[i]->text, "null"))
                type_of(type->items[i]->text, &found);
    if (type && type->kind == NODE_TEXT)
        type_of(type->text, &found);
    return found;
}

static bool is_required(const struct node *schema, leat_text name)
{
    const struct node *r = node_get(schema, "required");
    for (size_t i = 0; r && i < r->n; i++)
        if (text_equal(r->items[i]->text, name))
            return true;
    return false;
}

/* An object that has no other fields than those that its schema tells. */
static bool is_closed(const struct node *schema)
{
    const struct node *more = node_get(schema, "additionalProperties");
    return node_get(schema, "properties") && !(more && more->kind == NODE_BOOL && text_is(more->text, "true"));
}

static void add_properties(struct schema_reader *r, const struct node *schema, leat_text prefix, bool may_miss)
{
    const struct node *p = node_get(schema, "properties");
    for (size_t i = 0; p && i < p->n; i++) {
        const struct node *n = p->items[i];
        auto_buf path = {0};
        buf_printf(&path, TEXT_FMT "%s", TEXT_ARG(prefix), prefix.n ? "." : "");
        bool plain = true;
        for (size_t k = 0; k < n->key.n; k++)
            plain &= n->key.data[k] == '_' || (n->key.data[k] >= '0' && n->key.data[k] <= '9') ||
                     ((n->key.data[k] | 32) >= 'a' && (n->key.data[k] | 32) <= 'z');
        buf_printf(&path, plain ? TEXT_FMT : "\"" TEXT_FMT "\"", TEXT_ARG(n->key));
        bool missing = may_miss || !is_required(schema, n->key);
        if (is_closed(n)) /* the object itself is there when one of its fields is */
            add_properties(r, n, buf_view(&path), missing);
        else
            add_field(r, n, arena_text(r->pl->a, buf_view(&path)), json_type(n), missing);
    }
}

/* The file's folder counts, not the one that leat runs in. */
static char *beside(struct arena *a, const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    if (path[0] == '/' || !slash)
        return arena_strdup(a, path);
    return arena_printf(a, "%.*s/%s", (int)(slash - file), file, path);
}

static void read_json_schema(struct schema_reader *r, const struct node *n)
{
    size_t errors = r->pl->f->errors;
    const char *path = beside(r->pl->a, n->file, n->text.data);
    const struct node *root = document_fragment(&r->pl->plan->document, path, r->pl->f);
    if (!root || !node_get(root, "properties")) {
        if (r->pl->f->errors == errors)
            finding_add(r->pl->f, FINDING_ERROR, "E230", n, NULL,
                        "%s is no JSON Schema of an object (it has no `properties`)", path);
        return;
    }
    add_properties(r, root, (leat_text){0}, false);
    r->out->closed = is_closed(root);
}

/* --- strict ------------------------------------------------------------------------------------------------------ */

static void keep(struct planner *pl, struct planned *x, const struct shape *s)
{
    x->n_schema = s->fields.n;
    x->schema = arena_zalloc(pl->a, (s->fields.n + 1) * sizeof *x->schema);
    for (size_t i = 0; i < s->fields.n; i++)
        x->schema[i] = (struct binding){.how = LEAT_READ,
                                        .path = s->fields.at[i].path,
                                        .type = s->fields.at[i].type,
                                        .flags = s->fields.at[i].may_miss ? LEAT_MAY_MISS : 0,
                                        .required = !s->fields.at[i].may_miss};
}

static void read_strict(struct planner *pl, const struct draft *d, struct planned *x, bool schema)
{
    const struct node *n = node_get(d->node, "strict");
    if (!n)
        return;
    if (!schema)
        finding_add_key(pl->f, FINDING_ERROR, "E237", n, "add a `schema`",
                        "`strict` says what becomes of records that do not fit `schema`");
    else if (!text_is(n->text, "reject") && !text_is(n->text, "warn"))
        finding_add(pl->f, FINDING_ERROR, "E237", n, "write reject or warn",
                    "'" TEXT_FMT "' is neither reject nor warn", TEXT_ARG(n->text));
    x->schema_strict = text_is(n->text, "reject");
}

void draft_schema_read(struct planner *pl, struct draft *d, struct planned *x, struct shape *out)
{
    const struct node *n = node_get(d->node, "schema");
    struct shape given = {.closed = true};
    struct schema_reader r = {pl, &given};
    size_t errors = pl->f->errors;
    read_strict(pl, d, x, n != NULL);
    if (!n)
        return;
    if (n->kind == NODE_MAP)
        for (size_t i = 0; i < n->n; i++)
            read_type(&r, n->items[i]);
    else if (n->kind == NODE_LIST)
        for (size_t i = 0; i < n->n; i++)
            add_field(&r, n->items[i], n->items[i]->text, LEAT_NULL, true);
    else if (n->kind == NODE_TEXT)
        read_json_schema(&r, n);
    else
        finding_add(pl->f, FINDING_ERROR, "E230", n, "write: schema: {sku: text, qty: int}",
                    "`schema` is a map of fields, or a file, not %s", node_kind_name(n->kind));
    given.closed &= pl->f->errors == errors; /* what could not be read makes no field unknown */
    keep(pl, x, &given);
    shape_copy(out, &given);
    shape_fini(&given);
}
