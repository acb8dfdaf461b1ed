/* SPDX-License-Identifier: Apache-2.0 */
/* columns_call.c: functions and casts on typed columns: kinds are looked at once for the column, results go straight
 * into one. Anything else (columns of mixed kinds, functions that take nulls) goes by eval_rows_of. */
#include "core/expr/columns_internal.h"

enum { ARGS_MAX = 4 };

static bool is_concrete(uint32_t type)
{
    return type == LEAT_BOOL || type == LEAT_I64 || type == LEAT_F64 || type == LEAT_TIME || type == LEAT_TEXT ||
           type == TYPE_DURATION;
}

static bool arguments_fit(const struct node *n, const struct col *args)
{
    const char *kinds = n->op == OP_CALL ? n->function->kinds : "a";
    size_t known = strlen(kinds);
    for (uint32_t k = 0; k < n->n; k++)
        if (args[k].type == LEAT_NULL || args[k].type == TYPE_VALUES ||
            (n->op == OP_CALL && args[k].type == LEAT_JSON) ||
            !kind_fits(kinds[k < known ? k : known - 1], args[k].type))
            return false;
    return true;
}

static bool is_callable(const struct node *n)
{
    if (n->op == OP_CAST || n->op == OP_TRY_CAST)
        return is_concrete(n->type);
    return n->op == OP_CALL && n->n && n->n <= ARGS_MAX && !(n->function->flags & TAKES_NULL) &&
           n->function->returns < RETURNS_FIRST && is_concrete(n->function->returns);
}

static void read_cell(const struct col *c, uint32_t row, leat_value *ret)
{
    if (c->constant)
        *ret = c->value;
    else if (c->type == LEAT_TEXT || c->type == LEAT_JSON)
        *ret = (leat_value){.type = c->type, .as.text = ((const leat_text *)c->data)[row]};
    else if (c->type == LEAT_F64)
        *ret = value_f64(((const double *)c->data)[row]);
    else if (c->type == LEAT_BOOL)
        *ret = value_bool(((const uint8_t *)c->data)[row]);
    else if (c->type == LEAT_DEC)
        *ret = value_decimal(((const int64_t *)c->data)[row], c->scale);
    else
        *ret = value_of(c->type, ((const int64_t *)c->data)[row]);
}

static void write_cell(void *data, uint32_t type, uint32_t row, const leat_value *v)
{
    if (type == LEAT_TEXT)
        ((leat_text *)data)[row] = v->as.text;
    else if (type == LEAT_BOOL)
        ((uint8_t *)data)[row] = v->as.i64 != 0;
    else
        ((int64_t *)data)[row] = v->as.i64; /* or the double in its place */
}

static bool apply(struct eval *x, const struct node *n, const leat_value *args, leat_value *ret)
{
    return n->op == OP_CALL ? n->function->apply(&x->call, args, n->n, ret) : value_cast(&x->call, args, n->type, ret);
}

bool columns_call(struct eval *x, const struct node *n, const struct col *args, const uint64_t *active, struct col *ret)
{
    if (!is_callable(n) || !arguments_fit(n, args))
        return false;
    struct col made = {.type = n->op == OP_CALL ? n->function->returns : n->type};
    for (uint32_t k = 0; k < n->n; k++) {
        made.valid = bits_and(x, made.valid, args[k].valid);
        made.bad = bits_or(x, made.bad, args[k].bad);
    }
    size_t element = made.type == LEAT_TEXT ? sizeof(leat_text) : made.type == LEAT_BOOL ? 1 : 8;
    void *data = eval_room(x, n, x->n * element);
    uint64_t *failed = NULL;
    const uint64_t *wanted = bits_and(x, made.valid, active);
    if (wanted)
        memset(data, 0, x->n * element);
    for (uint32_t i = 0; i < x->n; i++) {
        leat_value values[ARGS_MAX], v;
        if (wanted && !bits_get(wanted, i))
            continue;
        for (uint32_t k = 0; k < n->n; k++)
            read_cell(&args[k], i, &values[k]);
        if (!apply(x, n, values, &v) || v.type != made.type)
            bits_set(failed = failed ? failed : eval_zero_bits(x), i);
        else
            write_cell(data, made.type, i, &v);
    }
    made.data = data;
    if (failed) {
        made.valid = bits_less(x, made.valid, failed);
        made.bad = n->op == OP_TRY_CAST ? made.bad : bits_or(x, made.bad, failed);
        col_clear_absent(data, element, made.valid, x->n);
    }
    *ret = made;
    return true;
}
