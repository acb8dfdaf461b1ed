/* SPDX-License-Identifier: Apache-2.0 */
/* check.c: types of nodes as far as they are known at load; constants are computed, constant patterns taken apart. */
#include "core/expr/expr_internal.h"

static const char *const signs[] = {
    [OP_NEGATE] = "-",
    [OP_ADD] = "+",
    [OP_SUBTRACT] = "-",
    [OP_MULTIPLY] = "*",
    [OP_DIVIDE] = "/",
    [OP_DIV] = "div",
    [OP_MODULO] = "%",
    [OP_CONCAT] = "||",
    [OP_EQ] = "=",
    [OP_NE] = "<>",
    [OP_LT] = "<",
    [OP_LE] = "<=",
    [OP_GT] = ">",
    [OP_GE] = ">=",
    [OP_NOT] = "not",
    [OP_AND] = "and",
    [OP_OR] = "or",
    [OP_IN] = "in",
    [OP_LIKE] = "like",
    [OP_MATCH] = "~",
    [OP_IS_NULL] = "is null",
    [OP_IS_TRUE] = "is true",
    [OP_IS_FALSE] = "is false",
    [OP_DISTINCT] = "is distinct from",
    [OP_CASE] = "case",
    [OP_COALESCE] = "coalesce",
};
enum { TYPE_CLASH = 255 };

static struct node *wrong(struct parser *p, const struct node *at, const char *hint, const char *format, ...)
    PRINTF(4, 5);
static struct node *wrong(struct parser *p, const struct node *at, const char *hint, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    parse_fail(p, at->offset, at->length, "E303", hint, "%s", text);
    return NULL;
}

static bool is_null_literal(const struct node *n)
{
    return n->op == OP_VALUE && n->value.type == LEAT_NULL;
}

/* The type that holds both; LEAT_NULL: not known; TYPE_CLASH: none. */
static uint32_t unify(uint32_t a, uint32_t b)
{
    if (a == b || !a || !b)
        return a == b ? a : LEAT_NULL;
    if (!is_number(a) || !is_number(b))
        return TYPE_CLASH;
    return a == LEAT_F64 || b == LEAT_F64 ? LEAT_F64 : LEAT_DEC;
}

/* A text literal beside a time or a span is one: $time > '2026-01-01'. */
static bool coerce(struct parser *p, struct node **n, uint32_t type)
{
    int64_t us;
    bool good;
    if ((*n)->op != OP_VALUE || (*n)->value.type != LEAT_TEXT || (type != LEAT_TIME && type != TYPE_DURATION))
        return true;
    leat_text t = (*n)->value.as.text;
    good = type == LEAT_TIME ? parse_time(t, &us, NULL) == 0 : value_parse_duration(t, &us);
    if (!good)
        return parse_fail(p, (*n)->offset, (*n)->length, "E305",
                          type == LEAT_TIME ? "write '2026-03-01' or '2026-03-01T12:00:00Z'"
                                            : "write '5 minutes' or '1h30m'",
                          "'" TEXT_FMT "' is no %s", TEXT_ARG(t), type == LEAT_TIME ? "time" : "span of time");
    struct node *made = node_new(p, OP_VALUE, (*n)->offset, NULL, 0);
    made->length = (*n)->length;
    made->depth = made->weight = 1;
    made->type = type;
    made->value = value_of(type, us);
    *n = made;
    return true;
}

static const char *conversion_hint(uint32_t a, uint32_t b)
{
    if ((a == LEAT_TEXT && is_number(b)) || (b == LEAT_TEXT && is_number(a)))
        return "text is not taken for a number; write x::int or cast(x as decimal)";
    if ((a == LEAT_TEXT && b == LEAT_TIME) || (b == LEAT_TEXT && a == LEAT_TIME))
        return "write to_time(x, 'YYYY-MM-DD') or x::time";
    if (a == LEAT_TIME || b == LEAT_TIME)
        return "times move by spans: t + interval '5 minutes'; extract(epoch from t) is a number";
    return NULL;
}

/* --- operators --------------------------------------------------------------------------------------------------- */

static bool comparable(struct parser *p, struct node *n, struct node **a, struct node **b, bool order)
{
    if (!coerce(p, a, (*b)->type) || !coerce(p, b, (*a)->type))
        return false;
    uint32_t s = (*a)->type, t = (*b)->type;
    if (unify(s, t) == TYPE_CLASH)
        return wrong(p, n, conversion_hint(s, t),
                     "'%s' compares values of one kind, but here is %s on the left and %s on the right", signs[n->op],
                     type_name(s), type_name(t));
    if (order && (s == LEAT_JSON || t == LEAT_JSON))
        return wrong(p, n, NULL, "arrays and objects have no order");
    return true;
}

static uint32_t number_type(enum op op, uint32_t a, uint32_t b)
{
    uint32_t both = unify(a, b);
    if (a == LEAT_F64 || b == LEAT_F64)
        return LEAT_F64;
    if (both == LEAT_NULL)
        return LEAT_NULL;
    return op == OP_DIVIDE ? LEAT_DEC : op == OP_DIV ? LEAT_I64 : both;
}

/* TYPE_CLASH: there is no such sum. */
static uint32_t arithmetic_type(enum op op, uint32_t a, uint32_t b)
{
    bool na = is_number(a), nb = is_number(b), sum = op == OP_ADD || op == OP_SUBTRACT;
    if (na && nb)
        return number_type(op, a, b);
    if (!a || !b) {
        uint32_t known = a ? a : b;
        if (known == LEAT_TEXT || known == LEAT_BOOL || known == LEAT_JSON)
            return TYPE_CLASH;
        if (known == LEAT_F64)
            return op == OP_MULTIPLY || (op == OP_DIVIDE && !a) ? LEAT_NULL : LEAT_F64;
        return known == LEAT_TIME && op == OP_ADD        ? LEAT_TIME
               : known == LEAT_TIME && op != OP_SUBTRACT ? TYPE_CLASH
                                                         : LEAT_NULL;
    }
    if (a == LEAT_TIME && b == TYPE_DURATION)
        return sum ? LEAT_TIME : TYPE_CLASH;
    if (a == TYPE_DURATION && b == LEAT_TIME)
        return op == OP_ADD ? LEAT_TIME : TYPE_CLASH;
    if (a == LEAT_TIME && b == LEAT_TIME)
        return op == OP_SUBTRACT ? TYPE_DURATION : TYPE_CLASH;
    if (a == TYPE_DURATION && b == TYPE_DURATION)
        return sum ? TYPE_DURATION : op == OP_DIVIDE ? LEAT_DEC : TYPE_CLASH;
    if (a == TYPE_DURATION && nb)
        return op == OP_MULTIPLY || op == OP_DIVIDE ? TYPE_DURATION : TYPE_CLASH;
    return na && b == TYPE_DURATION && op == OP_MULTIPLY ? TYPE_DURATION : TYPE_CLASH;
}

static struct node *check_arithmetic(struct parser *p, struct node *n, struct node **args)
{
    uint32_t a = args[0]->type, b = args[n->n - 1]->type;
    if (n->n == 1) { /* a sign */
        if (a && !is_number(a) && a != TYPE_DURATION)
            return wrong(p, n, conversion_hint(a, LEAT_I64), "'%s' takes a number, not %s", signs[n->op], type_name(a));
        n->type = a;
        return n->op == OP_ADD ? args[0] : n;
    }
    n->type = arithmetic_type(n->op, a, b);
    if (n->type != TYPE_CLASH)
        return n;
    if (n->op == OP_ADD && (a == LEAT_TEXT || b == LEAT_TEXT) && !is_number(a) && !is_number(b))
        return wrong(p, n, "texts are joined by ||", "'+' adds numbers, not texts");
    if (!a || !b)
        return wrong(p, n, conversion_hint(a | b, LEAT_I64), "'%s' does not compute with %s", signs[n->op],
                     type_name(a | b));
    return wrong(p, n, conversion_hint(a, b), "'%s' does not compute with %s and %s", signs[n->op], type_name(a),
                 type_name(b));
}

static struct node *check_conditions(struct parser *p, struct node *n, struct node **args)
{
    for (uint32_t i = 0; i < n->n; i++)
        if (args[i]->type && args[i]->type != LEAT_BOOL)
            return wrong(p, args[i],
                         args[i]->type == LEAT_I64 ? "write x <> 0" : "compare it: x = 'text', x is not null",
                         n->op == OP_AND || n->op == OP_OR ? "'%s' joins conditions, but this is %s"
                                                           : "'%s' takes a condition, but this is %s",
                         signs[n->op], type_name(args[i]->type));
    n->type = LEAT_BOOL;
    return n;
}

static struct node *check_in(struct parser *p, struct node *n, struct node **args)
{
    for (uint32_t i = 1; i < n->n; i++)
        if (!comparable(p, n, &args[0], &args[i], false))
            return NULL;
    n->type = LEAT_BOOL;
    return n;
}

/* The common type of args[from], args[from + step], ... and the last one. */
static struct node *check_branches(struct parser *p, struct node *n, struct node **args, uint32_t from, uint32_t step)
{
    bool first = true;
    for (uint32_t pass = 0; pass < 2; pass++) /* times first, so that literals before them become times too */
        for (uint32_t i = from; i < n->n; i += i + step < n->n || i == n->n - 1 ? step : n->n - 1 - i) {
            if (is_null_literal(args[i]))
                continue;
            if (pass == 0) {
                if (args[i]->type == LEAT_TIME || args[i]->type == TYPE_DURATION)
                    n->type = args[i]->type;
                continue;
            }
            if (!coerce(p, &args[i], n->type))
                return NULL;
            uint32_t type = first ? args[i]->type : unify(n->type, args[i]->type);
            if (type == TYPE_CLASH)
                return wrong(p, args[i], conversion_hint(n->type, args[i]->type),
                             "%s gives values of one kind, but this is %s and before was %s",
                             n->op == OP_CALL ? n->function->public.name : signs[n->op], type_name(args[i]->type),
                             type_name(n->type));
            n->type = type;
            first = false;
        }
    return n;
}

static struct node *check_case(struct parser *p, struct node *n, struct node **args)
{
    for (uint32_t i = 0; i + 1 < n->n; i += 2)
        if (args[i]->type && args[i]->type != LEAT_BOOL)
            return wrong(p, args[i], NULL, "'when' takes a condition, but this is %s", type_name(args[i]->type));
    return check_branches(p, n, args, 1, 2);
}

/* --- patterns ---------------------------------------------------------------------------------------------------- */

/* What a constant pattern boils down to: a text without signs, with % before, behind or around it. */
static void boil_down(struct parser *p, struct node *n, leat_text pattern)
{
    char *plain = arena_alloc(p->arena, pattern.n + 1);
    size_t length = 0, from = 0, to = pattern.n;
    bool front = pattern.n && pattern.data[0] == '%' && n->escape != '%';
    bool back = pattern.n > front && pattern.data[pattern.n - 1] == '%' && n->escape != '%';
    if (back && pattern.n > 1 && n->escape && pattern.data[pattern.n - 2] == n->escape)
        return;
    from += front;
    to -= back;
    for (size_t i = from; i < to; i++) {
        if (n->escape && pattern.data[i] == n->escape && i + 1 < to)
            i++;
        else if (pattern.data[i] == '%' || pattern.data[i] == '_' || (n->escape && pattern.data[i] == n->escape))
            return;
        plain[length++] = pattern.data[i];
    }
    n->value = value_text((leat_text){plain, length});
    n->like = front && back ? LIKE_INSIDE : front ? LIKE_SUFFIX : back ? LIKE_PREFIX : LIKE_EXACT;
}

/* A regular expression without signs, but for ^ before and $ behind it, is a kind of like. */
static void boil_down_regex(struct node *n, leat_text pattern)
{
    bool front = pattern.n && pattern.data[0] == '^', back = pattern.n > front && pattern.data[pattern.n - 1] == '$';
    leat_text plain = {pattern.data + front, pattern.n - front - back};
    for (size_t i = 0; i < plain.n; i++)
        if (!plain.data[i] || strchr("\\.[]()*+?{}|^$", plain.data[i]))
            return;
    n->value = value_text(plain);
    n->like = front && back ? LIKE_EXACT : front ? LIKE_PREFIX : back ? LIKE_SUFFIX : LIKE_INSIDE;
}

static struct node *check_pattern(struct parser *p, struct node *n, struct node **args)
{
    char room[128];
    for (uint32_t i = 0; i < 2; i++)
        if (args[i]->type && args[i]->type != LEAT_TEXT)
            return wrong(p, args[i], "write x::text", "'%s' looks at texts, but this is %s", signs[n->op],
                         type_name(args[i]->type));
    n->type = LEAT_BOOL;
    if (args[1]->op != OP_VALUE || args[1]->value.type != LEAT_TEXT)
        return n;
    if (n->op == OP_LIKE) {
        boil_down(p, n, args[1]->value.as.text);
        return n;
    }
    const char *why = regex_check(args[1]->value.as.text, room);
    if (why) {
        parse_fail(p, args[1]->offset, args[1]->length, "E305", NULL, "this regular expression is not right: %s", why);
        return NULL;
    }
    if (!n->ignore_case)
        boil_down_regex(n, args[1]->value.as.text);
    return n;
}

/* --- functions --------------------------------------------------------------------------------------------------- */

bool kind_fits(char kind, uint32_t type)
{
    switch (kind) {
    case 'n':
        return is_number(type);
    case 'i':
        return type == LEAT_I64;
    case 't':
        return type == LEAT_TEXT;
    case 'm':
        return type == LEAT_TIME;
    case 'd':
        return type == TYPE_DURATION;
    case 'b':
        return type == LEAT_BOOL;
    case 'j':
        return type == LEAT_JSON;
    case 'c':
        return type == LEAT_JSON || type == LEAT_TEXT;
    case 'k':
        return type == LEAT_TIME || type == TYPE_DURATION;
    case 's':
        return type == LEAT_TEXT || type == LEAT_I64;
    default:
        return true;
    }
}

const char *kind_name(char kind)
{
    switch (kind) {
    case 'n':
        return "a number";
    case 'i':
        return "a whole number";
    case 't':
        return "a text";
    case 'm':
        return "a time";
    case 'd':
        return "a span of time";
    case 'b':
        return "a condition";
    case 'j':
        return "an array or object";
    case 'c':
        return "an array, object or text";
    case 'k':
        return "a time or span of time";
    case 's':
        return "a text or whole number";
    default:
        return "a value";
    }
}

static bool check_count(struct parser *p, const struct node *n)
{
    const struct function *f = n->function;
    if (n->n >= f->least && (n->n <= f->most || f->most == 255))
        return true;
    char hint[256];
    snprintf(hint, sizeof hint, "it is %s", f->public.signature);
    return parse_fail(p, n->offset, n->length, "E304", hint, "%s takes %s%d argument%s, not %u", f->public.name,
                      n->n < f->least       ? f->least == f->most ? "" : "at least "
                      : f->least == f->most ? ""
                                            : "at most ",
                      n->n < f->least ? f->least : f->most, (n->n < f->least ? f->least : f->most) == 1 ? "" : "s",
                      n->n);
}

static bool check_kinds(struct parser *p, const struct node *n, struct node **args)
{
    const struct function *f = n->function;
    size_t known = strlen(f->kinds);
    for (uint32_t i = 0; i < n->n; i++) {
        char kind = f->kinds[i < known ? i : known - 1];
        uint32_t type = args[i]->type;
        if (kind == 'm' && !coerce(p, &args[i], LEAT_TIME))
            return false;
        type = args[i]->type;
        if (!type || kind_fits(kind, type) || (kind == 'i' && type == LEAT_DEC) || (kind == 's' && type == LEAT_DEC))
            continue;
        char hint[256];
        const char *conversion = conversion_hint(type, kind == 'n' || kind == 'i' ? LEAT_I64
                                                       : kind == 'm'              ? LEAT_TIME
                                                                                  : type);
        snprintf(hint, sizeof hint, "%s", kind == 't' ? "write x::text" : conversion ? conversion : "");
        return wrong(p, args[i], hint, "argument %u of %s is %s, but this is %s", i + 1, f->public.name,
                     kind_name(kind), type_name(type));
    }
    return true;
}

/* A constant unit is tried on some time. */
static bool check_unit(struct parser *p, const struct node *n)
{
    char reason[256] = "";
    struct call c = {.arena = p->arena, .reason = reason};
    const struct node *unit = n->args[0];
    if (n->function->apply != function_date_trunc && n->function->apply != function_extract)
        return true;
    leat_value args[] = {unit->value, value_of(n->args[1]->type == TYPE_DURATION ? TYPE_DURATION : LEAT_TIME, 0)}, v;
    if (unit->op != OP_VALUE || unit->value.type != LEAT_TEXT || n->function->apply(&c, args, 2, &v))
        return true;
    return parse_fail(p, unit->offset, unit->length, "E305", NULL, "%s", reason);
}

/* Of extract: all but those with a fraction. */
static bool is_whole_unit(const struct node *unit)
{
    static const char *const fractions[] = {"second", "millisecond", "epoch"};
    if (unit->op != OP_VALUE || unit->value.type != LEAT_TEXT)
        return false;
    for (size_t i = 0; i < N_OF(fractions); i++)
        if (unit->value.as.text.n >= strlen(fractions[i]) &&
            strncasecmp(unit->value.as.text.data, fractions[i], strlen(fractions[i])) == 0)
            return false;
    return true;
}

static struct node *check_call(struct parser *p, struct node *n, struct node **args)
{
    const struct function *f = n->function;
    if (!check_count(p, n) || !check_kinds(p, n, args) || !check_unit(p, n))
        return NULL;
    if (f->flags & IS_NOW || (f->apply == function_age && n->n == 1))
        p->impure |= EXPR_NOW;
    switch (f->returns) {
    case RETURNS_ALL:
        return check_branches(p, n, args, 0, 1);
    case RETURNS_FIRST:
        if (f->apply == function_nullif && !comparable(p, n, &args[0], &args[1], false))
            return NULL;
        n->type = args[0]->type;
        return n;
    case RETURNS_WHOLE:
        n->type = !args[0]->type ? LEAT_NULL : args[0]->type == LEAT_F64 ? LEAT_F64 : n->n == 1 ? LEAT_I64 : LEAT_DEC;
        return n;
    case RETURNS_UNKNOWN:
        n->type = LEAT_NULL;
        return n;
    default:
        n->type = f->apply == function_extract && is_whole_unit(args[0]) ? LEAT_I64 : f->returns;
        return n;
    }
}

/* --- all --------------------------------------------------------------------------------------------------------- */

static bool foldable(const struct node *n)
{
    if (n->op == OP_VALUE || n->op == OP_FIELD || (n->op == OP_CALL && n->function->flags & (IS_NOW | NOT_CONSTANT)))
        return false;
    if (n->op == OP_CALL && n->function->apply == function_age && n->n == 1)
        return false;
    for (uint32_t i = 0; i < n->n; i++)
        if (n->args[i]->op != OP_VALUE)
            return false;
    return true;
}

/* Where all arguments are constants, so is the result. An error is left to the records: a case may keep them from it.
 */
static struct node *fold(struct parser *p, struct node *n)
{
    struct call c = {.arena = p->arena};
    leat_value v;
    if (!foldable(n) || !row_eval(&c, NULL, n, 0, &v))
        return n;
    struct node *made = node_new(p, OP_VALUE, n->offset, NULL, 0);
    made->length = n->length;
    made->depth = made->weight = 1;
    made->value = v;
    made->type = v.type ? v.type : n->type;
    if (n->type == LEAT_DEC && made->type == LEAT_I64)
        made->type = LEAT_DEC;
    return made;
}

/* (a || b) || c is one node of three. */
static struct node *check_concat(struct parser *p, struct node *n)
{
    const struct node *first = n->n ? n->args[0] : NULL;
    n->type = LEAT_TEXT;
    if (n->n != 2 || first->op != OP_CONCAT || first->n > EXPR_ARGS_MAX)
        return n;
    struct node **args = arena_alloc(p->arena, (first->n + 1) * sizeof *args);
    memcpy(args, first->args, first->n * sizeof *args);
    args[first->n] = n->args[1];
    n->args = args;
    n->n = first->n + 1;
    n->depth--;
    return n;
}

static struct node *check_op(struct parser *p, struct node *n, struct node **args)
{
    switch ((enum op)n->op) {
    case OP_VALUE:
        n->type = n->value.type;
        return n;
    case OP_FIELD:
        return n;
    case OP_NEGATE:
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_DIV:
    case OP_MODULO:
        return check_arithmetic(p, n, args);
    case OP_CONCAT:
        return check_concat(p, n);
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
    case OP_DISTINCT:
        n->type = LEAT_BOOL;
        return comparable(p, n, &args[0], &args[1], n->op != OP_EQ && n->op != OP_NE && n->op != OP_DISTINCT) ? n
                                                                                                              : NULL;
    case OP_NOT:
    case OP_AND:
    case OP_OR:
    case OP_IS_TRUE:
    case OP_IS_FALSE:
        return check_conditions(p, n, args);
    case OP_IN:
        return check_in(p, n, args);
    case OP_LIKE:
    case OP_MATCH:
        return check_pattern(p, n, args);
    case OP_IS_NULL:
        n->type = LEAT_BOOL;
        return n;
    case OP_CASE:
        return check_case(p, n, args);
    case OP_COALESCE:
        return check_count(p, n) ? check_branches(p, n, args, 0, 1) : NULL;
    case OP_CAST:
    case OP_TRY_CAST:
        return n;
    case OP_CALL:
        return check_call(p, n, args);
    }
    return n;
}

struct node *node_check(struct parser *p, struct node *n)
{
    n->depth = n->weight = 1;
    for (uint32_t i = 0; i < n->n; i++) {
        if (!n->args[i])
            return NULL;
        n->weight += n->args[i]->weight;
        if (n->args[i]->depth >= n->depth)
            n->depth = n->args[i]->depth + 1;
    }
    if (n->depth > EXPR_DEPTH_MAX) {
        parse_fail(p, n->offset, n->length, "E306", "use in (...) or a lookup table",
                   "this is more than %d operators deep", EXPR_DEPTH_MAX);
        return NULL;
    }
    if (n->weight > EXPR_WEIGHT_MAX) {
        parse_fail(p, n->offset, n->length, "E306", "compute parts of it in a field of their own",
                   "this has more than %d parts", EXPR_WEIGHT_MAX);
        return NULL;
    }
    struct node *made = check_op(p, n, (struct node **)n->args);
    return made ? fold(p, made) : NULL;
}
