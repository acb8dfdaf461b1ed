/* SPDX-License-Identifier: Apache-2.0 */
/* eval.c: a batch through an expression, node by node; owns the run's memory. A node whose columns have a kernel is
 * computed by it, any other row by row from the columns of its arguments. */
#include "core/expr/columns_internal.h"

struct expr_run *expr_run_new(void)
{
    return xcalloc(1, sizeof(struct expr_run));
}

void expr_run_free(struct expr_run *r)
{
    if (!r)
        return;
    regex_forget(r);
    digests_forget(r);
    for (size_t i = 0; i < r->scratch.n; i++)
        free(r->scratch.at[i].at);
    VEC_FINI(&r->scratch);
    free(r);
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

static void *scratch(struct expr_run *r, size_t bytes)
{
    if (r->taken == r->scratch.n)
        *VEC_PUSH(&r->scratch) = (struct scratch){0};
    struct scratch *s = &r->scratch.at[r->taken++];
    if (s->cap < bytes) {
        free(s->at);
        s->at = xmalloc(bytes);
        s->cap = bytes;
    }
    return s->at;
}

bool run_holds(const struct expr_run *r, const void *p)
{
    for (size_t i = 0; i < r->taken; i++) {
        const struct scratch *s = &r->scratch.at[i];
        if ((const char *)p >= (const char *)s->at && (const char *)p < (const char *)s->at + s->cap)
            return true;
    }
    return false;
}

void *eval_room(struct eval *x, const struct node *n, size_t bytes)
{
    return n == x->e->root ? batch_alloc(x->batch, bytes ? bytes : 1) : scratch(x->call.run, bytes ? bytes : 1);
}

uint64_t *eval_bits(struct eval *x)
{
    return scratch(x->call.run, (size_t)bits_words(x->n) * 8 + 8);
}

uint64_t *eval_zero_bits(struct eval *x)
{
    return memset(eval_bits(x), 0, (size_t)bits_words(x->n) * 8);
}

/* --- bitmaps ----------------------------------------------------------------------------------------------------- */

const uint64_t *bits_and(struct eval *x, const uint64_t *a, const uint64_t *b)
{
    if (!a || !b || a == b)
        return a ? a : b;
    uint64_t *r = eval_bits(x);
    for (uint32_t w = 0; w < bits_words(x->n); w++)
        r[w] = a[w] & b[w];
    return r;
}

const uint64_t *bits_or(struct eval *x, const uint64_t *a, const uint64_t *b)
{
    if (!a || !b || a == b)
        return a ? a : b;
    uint64_t *r = eval_bits(x);
    for (uint32_t w = 0; w < bits_words(x->n); w++)
        r[w] = a[w] | b[w];
    return r;
}

const uint64_t *bits_less(struct eval *x, const uint64_t *all, const uint64_t *none)
{
    if (!none)
        return all;
    uint64_t *r = eval_bits(x);
    for (uint32_t w = 0; w < bits_words(x->n); w++)
        r[w] = bits_all(all, w) & ~none[w];
    return r;
}

/* Eight bytes of 0 and 1 become eight bits: each byte is moved to a bit of its own in the highest byte. */
void bits_of_bools(const uint8_t *bools, uint32_t n, uint64_t *ret)
{
    uint32_t i = 0;
    memset(ret, 0, (size_t)bits_words(n) * 8);
    for (; i + 8 <= n; i += 8) {
        uint64_t eight;
        memcpy(&eight, bools + i, 8);
        ret[i >> 6] |= (eight * 0x0102040810204080u >> 56) << (i & 63);
    }
    for (; i < n; i++)
        ret[i >> 6] |= (uint64_t)bools[i] << (i & 63);
}

void col_clear_absent(void *data, size_t element, const uint64_t *valid, uint32_t n)
{
    for (uint32_t w = 0; valid && w < bits_words(n); w++)
        for (uint64_t gone = ~valid[w] & bits_rows(w, n); gone; gone &= gone - 1)
            memset((char *)data + (w * 64 + (uint32_t)__builtin_ctzll(gone)) * element, 0, element);
}

/* --- columns ----------------------------------------------------------------------------------------------------- */

struct col col_constant(const leat_value *v)
{
    return (struct col){.type = v->type, .scale = v->type == LEAT_DEC ? v->scale : 0, .constant = true, .value = *v};
}

bool col_is_exact(const struct col *c)
{
    return c->type == LEAT_I64 || c->type == LEAT_DEC;
}

static struct col col_of_column(const leat_column *c, const uint64_t *bad)
{
    return (struct col){
        .type = c->type, .scale = c->scale, .data = c->data, .valid = c->nulls || bad ? c->valid : NULL, .bad = bad};
}

bool col_value(struct eval *x, const struct col *c, uint32_t row, leat_value *ret)
{
    if (c->constant)
        return *ret = c->value, true;
    *ret = (leat_value){0};
    if (c->type == LEAT_NULL || (c->valid && !bits_get(c->valid, row)))
        return true;
    if (c->type == TYPE_VALUES)
        return *ret = ((const leat_value *)c->data)[row], true;
    leat_column column = {.type = c->type, .scale = c->scale, .data = c->data, .n = x->n};
    return expr_cell_value(&x->call, &column, row, ret);
}

/* --- single values to columns ------------------------------------------------------------------------------------ */

static size_t element_size(uint32_t type)
{
    return type == LEAT_BOOL                        ? 1
           : type == LEAT_TEXT || type == LEAT_JSON ? sizeof(leat_text)
           : type == TYPE_VALUES                    ? sizeof(leat_value)
                                                    : 8;
}

/* The one type of all values that are there; TYPE_VALUES: there are several. Ints and decimals go together while one
 * scale fits. */
static uint32_t common_type(const leat_value *values, uint32_t n, int32_t *ret_scale, uint32_t *ret_absent)
{
    uint32_t type = LEAT_NULL, absent = 0;
    int32_t scale = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t t = values[i].type;
        absent += t == LEAT_NULL;
        if (t == LEAT_NULL || t == type)
            t = type;
        else if (type == LEAT_NULL)
            type = t;
        else if ((t == LEAT_DEC && type == LEAT_I64) || (t == LEAT_I64 && type == LEAT_DEC))
            type = LEAT_DEC;
        else
            return TYPE_VALUES;
        if (values[i].type == LEAT_DEC && values[i].scale > scale)
            scale = values[i].scale;
    }
    *ret_scale = scale;
    *ret_absent = absent;
    return type;
}

static bool fill_one_scale(const leat_value *values, uint32_t n, int32_t scale, int64_t *data)
{
    for (uint32_t i = 0; i < n; i++) {
        struct decimal d = {values[i].as.i64, values[i].type == LEAT_DEC ? values[i].scale : 0};
        if (values[i].type == LEAT_NULL)
            d = (struct decimal){0, scale};
        if (!decimal_rescale(&d, scale))
            return false;
        data[i] = d.mantissa;
    }
    return true;
}

static bool fill_typed(const leat_value *values, uint32_t n, uint32_t type, int32_t scale, void *data)
{
    if (type == LEAT_DEC)
        return fill_one_scale(values, n, scale, data);
    for (uint32_t i = 0; i < n; i++) {
        bool there = values[i].type != LEAT_NULL;
        if (type == LEAT_BOOL)
            ((uint8_t *)data)[i] = there && values[i].as.i64;
        else if (type == LEAT_F64)
            ((double *)data)[i] = there ? values[i].as.f64 : 0;
        else if (type == LEAT_TEXT || type == LEAT_JSON)
            ((leat_text *)data)[i] = there ? values[i].as.text : (leat_text){"", 0};
        else
            ((int64_t *)data)[i] = there ? values[i].as.i64 : 0;
    }
    return true;
}

struct col col_from_values(struct eval *x, const struct node *n, leat_value *values, const uint64_t *bad)
{
    int32_t scale = 0;
    uint32_t absent = x->n, type = common_type(values, x->n, &scale, &absent);
    struct col made = {.type = TYPE_VALUES, .data = values, .bad = bad};
    if (type == LEAT_NULL)
        return (struct col){.constant = true, .bad = bad};
    if (type != TYPE_VALUES) {
        void *data = eval_room(x, n, x->n * element_size(type));
        if (fill_typed(values, x->n, type, scale, data)) {
            made.type = type;
            made.scale = type == LEAT_DEC ? scale : 0;
            made.data = data;
        }
    }
    if (absent || made.type == TYPE_VALUES) {
        uint64_t *valid = eval_zero_bits(x);
        for (uint32_t i = 0; i < x->n; i++)
            valid[i >> 6] |= (uint64_t)(values[i].type != LEAT_NULL) << (i & 63);
        made.valid = valid;
    }
    return made;
}

/* --- nodes ------------------------------------------------------------------------------------------------------- */

struct col eval_rows_of(struct eval *x, const struct node *n, const struct col *args, const uint64_t *active)
{
    leat_value few[4], *values = n->n <= N_OF(few) ? few : xmalloc(n->n * sizeof *values);
    leat_value *out = scratch(x->call.run, (x->n + 1) * sizeof *out);
    uint64_t *bad = NULL;
    for (uint32_t i = 0; i < x->n; i++) {
        bool good = true, skip = active && !bits_get(active, i);
        for (uint32_t k = 0; !skip && good && k < n->n; k++)
            good = !(args[k].bad && bits_get(args[k].bad, i)) && col_value(x, &args[k], i, &values[k]);
        if (!skip && good)
            good = node_apply(&x->call, n, values, &out[i]);
        if (skip || !good)
            out[i] = (leat_value){0};
        if (!good) {
            bad = bad ? bad : eval_zero_bits(x);
            bits_set(bad, i);
        }
    }
    if (values != few)
        free(values);
    return col_from_values(x, n, out, bad);
}

/* JSON cells as the values that they hold. */
static struct col col_of_json(struct eval *x, const struct node *n, const leat_column *column)
{
    leat_value *out = scratch(x->call.run, (x->n + 1) * sizeof *out);
    uint64_t *bad = NULL;
    for (uint32_t i = 0; i < x->n; i++)
        if (!expr_cell_value(&x->call, column, i, &out[i])) {
            out[i] = (leat_value){0};
            bad = bad ? bad : eval_zero_bits(x);
            bits_set(bad, i);
        }
    return col_from_values(x, n, out, bad);
}

/* Whether all cells of JSON that are there are floats: then their column as floats will do. */
static bool all_floats(const leat_column *json)
{
    const leat_text *cells = json->data;
    for (uint32_t i = 0; i < json->n; i++) {
        leat_value v;
        if (!leat_has(json, i) || memchr(cells[i].data, 'e', cells[i].n) || memchr(cells[i].data, 'E', cells[i].n))
            continue;
        if (!value_parse_number(cells[i], &v) || v.type != LEAT_F64)
            return false;
    }
    return true;
}

static struct col eval_field(struct eval *x, const struct node *n)
{
    struct read read = field_read(x->batch, n), floats;
    if (read.column->type == LEAT_JSON && n->type == LEAT_NULL &&
        (floats = batch_read(x->batch, n->path, LEAT_NULL)).column->type == LEAT_F64 && all_floats(read.column))
        read = floats;
    if (read.column->type == LEAT_JSON)
        return col_of_json(x, n, read.column);
    if (read.column->type == LEAT_NULL)
        return (struct col){.constant = true, .bad = read.bad};
    struct col made = col_of_column(read.column, read.bad);
    if (made.type == LEAT_BYTES)
        made.type = LEAT_TEXT;
    return made;
}

static bool by_kernel(struct eval *x, const struct node *n, const struct col *args, struct col *ret)
{
    switch ((enum op)n->op) {
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_DIV:
    case OP_MODULO:
        return columns_arithmetic(x, n, &args[0], &args[1], ret);
    case OP_NEGATE:
        return columns_arithmetic(x, n, &(struct col){.type = LEAT_I64, .constant = true, .value = {.type = LEAT_I64}},
                                  &args[0], ret);
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        return columns_compare(x, n, n->op, &args[0], &args[1], ret);
    case OP_CONCAT:
        return columns_concat(x, n, args, ret);
    case OP_CALL:
        return (n->function->apply == function_length && columns_length(x, n, &args[0], ret)) ||
               (n->function->apply == function_round && columns_round(x, n, args, ret));
    case OP_LIKE:
    case OP_MATCH:
        return columns_like(x, n, &args[0], ret);
    case OP_CAST:
    case OP_TRY_CAST:
        return columns_cast(x, n, &args[0], ret);
    default:
        return false;
    }
}

static struct col eval_args(struct eval *x, const struct node *n, const uint64_t *active)
{
    struct col few[4], *args = n->n <= N_OF(few) ? few : xmalloc(n->n * sizeof *args), made;
    bool constant = n->n > 0;
    for (uint32_t i = 0; i < n->n; i++) {
        args[i] = eval_node(x, n->args[i], active);
        constant = constant && args[i].constant;
    }
    if (n->op == OP_NOT || n->op == OP_IS_TRUE || n->op == OP_IS_FALSE || n->op == OP_IS_NULL)
        made = columns_truth(x, n, &args[0]);
    else if (constant || (!by_kernel(x, n, args, &made) && !columns_call(x, n, args, active, &made)))
        made = eval_rows_of(x, n, args, active);
    if (args != few)
        free(args);
    return made;
}

/* Texts are copied: the batch may outlive the flow that the expression belongs to. */
static struct col eval_constant(struct eval *x, const leat_value *v)
{
    struct col made = col_constant(v);
    if ((v->type == LEAT_TEXT || v->type == LEAT_JSON) && v->as.text.n)
        made.value.as.text.data = memcpy(call_room(&x->call, v->as.text.n), v->as.text.data, v->as.text.n);
    return made;
}

static struct col eval_any(struct eval *x, const struct node *n, const uint64_t *active)
{
    switch ((enum op)n->op) {
    case OP_VALUE:
        return eval_constant(x, &n->value);
    case OP_FIELD:
        return eval_field(x, n);
    case OP_AND:
    case OP_OR:
        return columns_junction(x, n, active);
    case OP_IN:
        return columns_in(x, n, active);
    case OP_CASE:
        return columns_case(x, n, active);
    case OP_COALESCE:
        return columns_coalesce(x, n, active);
    default:
        return eval_args(x, n, active);
    }
}

/* Whether what was made for the rows of `made` will do for `wanted`. */
static bool covers(const struct eval *x, const uint64_t *made, const uint64_t *wanted)
{
    if (!made || made == wanted)
        return true;
    for (uint32_t w = 0; w < bits_words(x->n); w++)
        if (bits_all(wanted, w) & ~made[w] & bits_rows(w, x->n))
            return false;
    return true;
}

struct col eval_node(struct eval *x, const struct node *n, const uint64_t *active)
{
    struct memo *m = &x->memo[n->number];
    if (m->made && covers(x, m->active, active))
        return m->col;
    if (n->op == OP_FIELD)
        active = NULL;
    struct col made = eval_any(x, n, active);
    *m = (struct memo){true, active, made};
    return made;
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

static void start(struct eval *x, struct expr_run *r, const struct expr *e, struct batch *b)
{
    *x = (struct eval){.call = {.run = r, .batch = b}, .e = e, .batch = b, .n = b->view.n};
    r->taken = 0;
    r->text = r->text_end = NULL;
    r->text_piece = 0;
    r->text_bytes = 0;
}

/* A field alone is what batch_read gives; where its type is open, numbers that only a float would hold stay as written.
 */
static bool is_plain_field(const struct expr *e, struct batch *b, uint32_t type, struct read *ret)
{
    if (e->root->op == OP_FIELD)
        *ret = type ? batch_read(b, e->root->path, type) : field_read(b, e->root);
    return e->root->op == OP_FIELD;
}

struct read expr_eval(struct expr_run *r, const struct expr *e, struct batch *b, uint32_t type)
{
    struct eval x;
    struct read plain;
    if (is_plain_field(e, b, type, &plain))
        return plain;
    start(&x, r, e, b);
    x.memo = scratch(r, e->n_nodes * sizeof *x.memo);
    for (uint32_t i = 0; i < e->n_nodes; i++)
        x.memo[i].made = false;
    struct col made = eval_node(&x, e->root, NULL);
    return out_column(&x, &made, type);
}

struct read expr_eval_rows(struct expr_run *r, const struct expr *e, struct batch *b, uint32_t type)
{
    struct eval x;
    struct read plain;
    if (is_plain_field(e, b, type, &plain))
        return plain;
    start(&x, r, e, b);
    leat_value *out = scratch(r, (x.n + 1) * sizeof *out);
    uint64_t *bad = NULL;
    for (uint32_t i = 0; i < x.n; i++)
        if (!row_eval(&x.call, e, e->root, i, &out[i])) {
            out[i] = (leat_value){0};
            bad = bad ? bad : eval_zero_bits(&x);
            bits_set(bad, i);
        }
    struct col made = col_from_values(&x, e->root, out, bad);
    return out_column(&x, &made, type);
}

void expr_reason(struct expr_run *r, const struct expr *e, struct batch *b, uint32_t row, uint32_t type, char ret[256],
                 const char **ret_code)
{
    struct eval x;
    leat_value v, as;
    start(&x, r, e, b);
    snprintf(ret, 256, "the value does not fit a column of one scale with the others; use round()");
    x.call.reason = ret;
    x.call.code = "scale";
    if (row_eval(&x.call, e, e->root, row, &v))
        out_value(&x.call, &v, type ? type : expr_type(e), &as);
    *ret_code = x.call.code;
}
