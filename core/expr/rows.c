/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c: one record at a time: what every operator and function means. The kernels are judged by it. */
#include "core/expr/run_internal.h"

enum { TEXT_MAX = 16 << 20, TEXTS_MAX = 256 << 20 };

bool call_fail(struct call *c, const char *code, const char *format, ...)
{
    va_list args;
    c->code = code;
    if (c->reason) {
        va_start(args, format);
        vsnprintf(c->reason, 256, format, args);
        va_end(args);
    }
    return false;
}

char *call_room(struct call *c, size_t n)
{
    struct expr_run *r = c->run;
    n += !n; /* an empty text has a place too */
    if (c->arena)
        return arena_alloc(c->arena, n);
    if ((size_t)(r->text_end - r->text) < n) {
        size_t piece = r->text_piece < 64 << 10 ? r->text_piece * 2 : r->text_piece;
        r->text_piece = piece < 256 ? 256 : piece;
        if (n > r->text_piece / 2)
            return batch_alloc(c->batch, n);
        r->text = batch_alloc(c->batch, r->text_piece);
        r->text_end = r->text + r->text_piece;
    }
    char *room = r->text;
    r->text += n;
    return room;
}

bool call_allows(struct call *c, size_t n)
{
    if (n > TEXT_MAX)
        return call_fail(c, "overflow", "the text is longer than 16 MiB");
    if (c->run && (c->run->text_bytes += n) > TEXTS_MAX)
        return call_fail(c, "overflow", "the texts of this batch are longer than 256 MiB");
    return true;
}

int64_t call_now(const struct call *c)
{
    return c->batch ? c->batch->view.now_us : clock_wall_us();
}

/* --- fields ------------------------------------------------------------------------------------------------------ */

bool expr_cell_value(struct call *c, const leat_column *column, uint32_t row, leat_value *ret)
{
    *ret = (leat_value){0};
    if (column->type == LEAT_NULL || !leat_has(column, row))
        return true;
    switch (column->type) {
    case LEAT_BOOL:
        *ret = value_bool(((const uint8_t *)column->data)[row]);
        return true;
    case LEAT_F64:
        *ret = value_f64(((const double *)column->data)[row]);
        return true;
    case LEAT_DEC:
        *ret = value_decimal(((const int64_t *)column->data)[row], column->scale);
        return true;
    case LEAT_JSON:
        return value_parse_json(c, ((const leat_text *)column->data)[row], ret);
    case LEAT_TEXT:
    case LEAT_BYTES:
        *ret = value_text(((const leat_text *)column->data)[row]);
        return true;
    default:
        *ret = value_of(column->type, ((const int64_t *)column->data)[row]);
        return true;
    }
}

struct read field_read(struct batch *b, const struct node *n)
{
    struct read read = batch_read(b, n->path, n->type);
    if (n->type == LEAT_NULL && read.column->type == LEAT_F64)
        return batch_read(b, n->path, LEAT_JSON);
    return read;
}

bool field_bad(struct call *c, const struct node *n)
{
    leat_text name = paths_text(c->batch->paths, n->path);
    return call_fail(c, "type", "field '" TEXT_FMT "' is not %s", (int)(name.n < 100 ? name.n : 100), name.data,
                     type_name(n->type));
}

static bool field_value(struct call *c, const struct node *n, uint32_t row, leat_value *ret)
{
    struct read read = field_read(c->batch, n);
    if (read.bad && read.bad[row >> 6] >> (row & 63) & 1)
        return field_bad(c, n);
    return expr_cell_value(c, read.column, row, ret);
}

/* --- three-valued logic ------------------------------------------------------------------------------------------ */

bool value_truth(struct call *c, const leat_value *v, int *ret)
{
    if (v->type != LEAT_BOOL && v->type != LEAT_NULL)
        return call_fail(c, "type", "a condition is true or false, but this is %s", type_name(v->type));
    *ret = v->type == LEAT_NULL ? -1 : v->as.i64 != 0;
    return true;
}

static leat_value truth(int t)
{
    return t < 0 ? (leat_value){0} : value_bool(t);
}

static bool row_junction(struct call *c, const struct expr *e, const struct node *n, uint32_t row, leat_value *ret)
{
    leat_value v;
    int left = -1, right = -1, decides = n->op == OP_OR;
    if (!row_eval(c, e, n->args[0], row, &v) || !value_truth(c, &v, &left))
        return false;
    if (left != decides) {
        if (!row_eval(c, e, n->args[1], row, &v) || !value_truth(c, &v, &right))
            return false;
        left = right == decides ? right : left < 0 || right < 0 ? -1 : right;
    }
    *ret = truth(left);
    return true;
}

static bool row_in(struct call *c, const struct expr *e, const struct node *n, uint32_t row, leat_value *ret)
{
    leat_value x, item;
    bool unknown = false;
    int order;
    *ret = (leat_value){0};
    if (!row_eval(c, e, n->args[0], row, &x))
        return false;
    if (x.type == LEAT_NULL)
        return true;
    for (uint32_t i = 1; i < n->n; i++) {
        if (!row_eval(c, e, n->args[i], row, &item))
            return false;
        unknown |= item.type == LEAT_NULL;
        if (item.type == LEAT_NULL)
            continue;
        if (!value_compare(c, &x, &item, false, &order))
            return false;
        if (order == 0)
            return *ret = value_bool(true), true;
    }
    if (!unknown)
        *ret = value_bool(false);
    return true;
}

static bool row_case(struct call *c, const struct expr *e, const struct node *n, uint32_t row, leat_value *ret)
{
    for (uint32_t i = 0; i + 1 < n->n; i += 2) {
        leat_value v;
        int t = -1;
        if (!row_eval(c, e, n->args[i], row, &v) || !value_truth(c, &v, &t))
            return false;
        if (t == 1)
            return row_eval(c, e, n->args[i + 1], row, ret);
    }
    return row_eval(c, e, n->args[n->n - 1], row, ret);
}

static bool row_coalesce(struct call *c, const struct expr *e, const struct node *n, uint32_t row, leat_value *ret)
{
    *ret = (leat_value){0};
    for (uint32_t i = 0; i < n->n && ret->type == LEAT_NULL; i++)
        if (!row_eval(c, e, n->args[i], row, ret))
            return false;
    return true;
}

/* --- what looks at all its arguments ----------------------------------------------------------------------------- */

static bool apply_comparison(struct call *c, const struct node *n, const leat_value *args, leat_value *ret)
{
    int order;
    if (!value_compare(c, &args[0], &args[1], n->op >= OP_LT, &order))
        return false;
    switch (n->op) {
    case OP_EQ:
        order = order == 0;
        break;
    case OP_NE:
        order = order != 0;
        break;
    case OP_LT:
        order = order < 0;
        break;
    case OP_LE:
        order = order <= 0;
        break;
    case OP_GT:
        order = order > 0;
        break;
    default:
        order = order >= 0;
        break;
    }
    *ret = value_bool(order);
    return true;
}

static bool apply_concat(struct call *c, const struct node *n, const leat_value *args, leat_value *ret)
{
    size_t bytes = 0;
    leat_text one[16], *texts = n->n <= 16 ? one : xmalloc(n->n * sizeof *texts);
    bool good = true;
    for (uint32_t i = 0; good && i < n->n; i++)
        if ((good = value_to_text(c, &args[i], &texts[i])))
            bytes += texts[i].n;
    good = good && call_allows(c, bytes);
    if (good) {
        char *room = call_room(c, bytes), *at = room;
        for (uint32_t i = 0; i < n->n; at += texts[i].n, i++)
            if (texts[i].n)
                memcpy(at, texts[i].data, texts[i].n);
        *ret = value_text((leat_text){room, bytes});
    }
    if (texts != one)
        free(texts);
    return good;
}

bool like_boiled(const struct node *n, leat_text t)
{
    leat_text p = n->value.as.text;
    switch (n->like) {
    case LIKE_EXACT:
        return text_equal(t, p);
    case LIKE_PREFIX:
        return t.n >= p.n && (!p.n || memcmp(t.data, p.data, p.n) == 0);
    case LIKE_SUFFIX:
        return t.n >= p.n && (!p.n || memcmp(t.data + t.n - p.n, p.data, p.n) == 0);
    default:
        return !p.n || (t.n >= p.n && memmem(t.data, t.n, p.data, p.n));
    }
}

static bool apply_pattern(struct call *c, const struct node *n, const leat_value *args, leat_value *ret)
{
    bool found;
    if (args[0].type != LEAT_TEXT || args[1].type != LEAT_TEXT)
        return call_fail(c, "type", "'%s' looks at texts, but this is %s", n->op == OP_LIKE ? "like" : "~",
                         type_name(args[args[0].type == LEAT_TEXT].type));
    if (n->op == OP_MATCH && !n->like) {
        if (!regex_match(c, args[0].as.text, args[1].as.text, n->ignore_case, &found))
            return false;
    } else {
        found = n->like ? like_boiled(n, args[0].as.text) : like_match(args[0].as.text, args[1].as.text, n->escape);
    }
    *ret = value_bool(found);
    return true;
}

static bool apply_distinct(struct call *c, const leat_value *args, leat_value *ret)
{
    int order;
    if (args[0].type == LEAT_NULL || args[1].type == LEAT_NULL)
        return *ret = value_bool(args[0].type != args[1].type), true;
    if (!value_compare(c, &args[0], &args[1], false, &order))
        return false;
    *ret = value_bool(order != 0);
    return true;
}

/* A float where one of several values is one, so that the type holds for all records. */
static void widen(const struct node *n, leat_value *v)
{
    if (n->type == LEAT_F64 && value_is_exact(v))
        *v = value_f64(value_double(v));
}

static bool apply_call(struct call *c, const struct node *n, const leat_value *args, leat_value *ret)
{
    const struct function *f = n->function;
    size_t known = strlen(f->kinds);
    for (uint32_t i = 0; i < n->n; i++) {
        char kind = f->kinds[i < known ? i : known - 1];
        if (args[i].type == LEAT_NULL && !(f->flags & TAKES_NULL))
            return *ret = (leat_value){0}, true;
        bool fits = kind_fits(kind, args[i].type) && (kind == 'a' || !value_is_huge(&args[i]));
        if (args[i].type != LEAT_NULL && !fits)
            return call_fail(c, "type", "argument %u of %s is %s, but this is %s", i + 1, f->public.name,
                             kind_name(kind), value_name(&args[i]));
    }
    if (!f->apply(c, args, n->n, ret))
        return false;
    if (f->returns == RETURNS_ALL)
        widen(n, ret);
    return true;
}

static bool apply_truth(struct call *c, const struct node *n, const leat_value *args, leat_value *ret)
{
    int t = -1;
    if (!value_truth(c, &args[0], &t))
        return false;
    *ret = n->op == OP_NOT ? truth(t < 0 ? t : !t) : value_bool(t == (n->op == OP_IS_TRUE));
    return true;
}

static bool apply_cast(struct call *c, const struct node *n, const leat_value *args, leat_value *ret)
{
    if (value_cast(c, &args[0], n->type, ret))
        return true;
    *ret = (leat_value){0};
    return n->op == OP_TRY_CAST;
}

bool node_apply(struct call *c, const struct node *n, const leat_value *args, leat_value *ret)
{
    switch ((enum op)n->op) {
    case OP_IS_NULL:
        return *ret = value_bool(args[0].type == LEAT_NULL), true;
    case OP_DISTINCT:
        return apply_distinct(c, args, ret);
    case OP_NOT:
    case OP_IS_TRUE:
    case OP_IS_FALSE:
        return apply_truth(c, n, args, ret);
    case OP_CALL:
        return apply_call(c, n, args, ret);
    default:
        break;
    }
    for (uint32_t i = 0; i < n->n; i++)
        if (args[i].type == LEAT_NULL)
            return *ret = (leat_value){0}, true;
    switch ((enum op)n->op) {
    case OP_NEGATE:
        return value_negate(c, args, ret);
    case OP_CONCAT:
        return apply_concat(c, n, args, ret);
    case OP_LIKE:
    case OP_MATCH:
        return apply_pattern(c, n, args, ret);
    case OP_CAST:
    case OP_TRY_CAST:
        return apply_cast(c, n, args, ret);
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        return apply_comparison(c, n, args, ret);
    default:
        return value_arithmetic(c, n->op, &args[0], &args[1], ret);
    }
}

static bool row_apply(struct call *c, const struct expr *e, const struct node *n, uint32_t row, leat_value *ret)
{
    leat_value few[4], *args = n->n <= N_OF(few) ? few : xmalloc(n->n * sizeof *args);
    bool good = true;
    for (uint32_t i = 0; good && i < n->n; i++)
        good = row_eval(c, e, n->args[i], row, &args[i]);
    good = good && node_apply(c, n, args, ret);
    if (args != few)
        free(args);
    return good;
}

bool row_eval(struct call *c, const struct expr *e, const struct node *n, uint32_t row, leat_value *ret)
{
    bool good;
    switch ((enum op)n->op) {
    case OP_VALUE:
        *ret = n->value;
        return true;
    case OP_FIELD:
        return field_value(c, n, row, ret);
    case OP_AND:
    case OP_OR:
        return row_junction(c, e, n, row, ret);
    case OP_IN:
        return row_in(c, e, n, row, ret);
    case OP_CASE:
        good = row_case(c, e, n, row, ret);
        break;
    case OP_COALESCE:
        good = row_coalesce(c, e, n, row, ret);
        break;
    default:
        return row_apply(c, e, n, row, ret);
    }
    if (good)
        widen(n, ret);
    return good;
}
