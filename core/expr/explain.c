/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c: the compiled form, for people: a tree on one line, each node with its type. */
#include "core/expr/expr_internal.h"

static const char *const names[] = {
    [OP_NEGATE] = "negate",
    [OP_ADD] = "add",
    [OP_SUBTRACT] = "subtract",
    [OP_MULTIPLY] = "multiply",
    [OP_DIVIDE] = "divide",
    [OP_DIV] = "div",
    [OP_MODULO] = "modulo",
    [OP_CONCAT] = "concat",
    [OP_EQ] = "equal",
    [OP_NE] = "not_equal",
    [OP_LT] = "less",
    [OP_LE] = "less_equal",
    [OP_GT] = "greater",
    [OP_GE] = "greater_equal",
    [OP_NOT] = "not",
    [OP_AND] = "and",
    [OP_OR] = "or",
    [OP_IN] = "in",
    [OP_LIKE] = "like",
    [OP_MATCH] = "match",
    [OP_IS_NULL] = "is_null",
    [OP_IS_TRUE] = "is_true",
    [OP_IS_FALSE] = "is_false",
    [OP_DISTINCT] = "is_distinct",
    [OP_CASE] = "case",
    [OP_COALESCE] = "coalesce",
    [OP_CAST] = "cast",
    [OP_TRY_CAST] = "try_cast",
};

static const char *short_type(uint32_t type)
{
    static const char *const types[] = {
        [LEAT_NULL] = "?",    [LEAT_BOOL] = "bool", [LEAT_I64] = "int",    [LEAT_F64] = "float", [LEAT_DEC] = "decimal",
        [LEAT_TIME] = "time", [LEAT_TEXT] = "text", [LEAT_BYTES] = "text", [LEAT_JSON] = "json"};
    return type == TYPE_DURATION ? "duration" : type < N_OF(types) ? types[type] : "?";
}

static void explain_constant(const leat_value *v, struct buf *out)
{
    struct arena a = {0};
    struct call c = {.arena = &a};
    leat_text t;
    if (v->type == LEAT_NULL)
        buf_str(out, "null");
    else if (value_to_text(&c, v, &t) && v->type == LEAT_TEXT)
        buf_json(out, t);
    else
        buf_text(out, t);
    arena_fini(&a);
}

static void explain_node(const struct expr *e, const struct node *n, struct buf *out)
{
    if (n->op == OP_VALUE) {
        explain_constant(&n->value, out);
        return;
    }
    if (n->op == OP_FIELD)
        buf_text(out, paths_text(e->names, n->path));
    else
        buf_str(out, n->op == OP_CALL ? n->function->public.name : names[n->op]);
    buf_printf(out, ":%s", short_type(n->type));
    if (n->op == OP_FIELD)
        return;
    buf_char(out, '(');
    for (uint32_t i = 0; i < n->n; i++) {
        if (i)
            buf_str(out, ", ");
        explain_node(e, n->args[i], out);
    }
    buf_char(out, ')');
}

void expr_explain(const struct expr *e, struct buf *out)
{
    explain_node(e, e->root, out);
}
