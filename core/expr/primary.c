/* SPDX-License-Identifier: Apache-2.0 */
/* primary.c: literals, fields, metadata, calls, case, casts. */
#include "core/expr/expr_internal.h"
#include "core/expr/parse_internal.h"

#include <ctype.h>

static struct node *literal(struct parser *p, size_t offset, leat_value v)
{
    struct node *n = node_new(p, OP_VALUE, offset, NULL, 0);
    n->value = v;
    return node_check(p, n);
}

static bool is_integer(leat_text t)
{
    for (size_t i = 0; i < t.n; i++)
        if (!isdigit((unsigned char)t.data[i]))
            return false;
    return true;
}

/* The number token; "-" before it belongs to it, so that the smallest int can be written. */
static struct node *parse_number(struct parser *p, bool minus)
{
    struct token t = p->token;
    auto_buf text = {0};
    leat_value v;
    size_t from = minus ? p->last_end - 1 : t.offset;
    if (minus) { /* the sign may stand apart: - 5 */
        while (p->text.data[from] != '-')
            from--;
        buf_char(&text, '-');
    }
    buf_text(&text, t.text);
    if (!value_parse_number(buf_view(&text), &v) || (is_integer(t.text) && v.type != LEAT_I64)) {
        parse_fail(p, t.offset, t.length, "E305", "a float is written with an exponent: 1e20",
                   "'" TEXT_FMT "' does not fit into 64 bits", TEXT_ARG(t.text));
        return NULL;
    }
    return lex_next(p) ? literal(p, from, v) : NULL;
}

static struct node *parse_text(struct parser *p)
{
    struct token t = p->token;
    if (!lex_next(p))
        return NULL;
    return literal(p, t.offset, value_text(arena_text(p->arena, t.text)));
}

static struct node *parse_interval(struct parser *p, size_t offset)
{
    struct token t = p->token;
    int64_t us;
    if (!value_parse_duration(t.text, &us)) {
        bool months = memmem(t.text.data, t.text.n, "mon", 3) || memmem(t.text.data, t.text.n, "year", 4);
        parse_fail(p, t.offset, t.length, "E305", "write interval '5 minutes', '1 day 2 hours' or '90s'",
                   months ? "'" TEXT_FMT "' is no fixed span: months and years differ in length"
                          : "'" TEXT_FMT "' is no span of time",
                   TEXT_ARG(t.text));
        return NULL;
    }
    return lex_next(p) ? literal(p, offset, value_of(TYPE_DURATION, us)) : NULL;
}

/* date '2026-03-01', timestamp '2026-03-01T12:00:00Z' */
static struct node *parse_time_literal(struct parser *p, size_t offset)
{
    struct token t = p->token;
    int64_t us;
    if (parse_time(t.text, &us, NULL) == 0)
        return lex_next(p) ? literal(p, offset, value_of(LEAT_TIME, us)) : NULL;
    parse_fail(p, t.offset, t.length, "E305", "write '2026-03-01' or '2026-03-01T12:00:00Z'",
               "'" TEXT_FMT "' is no time", TEXT_ARG(t.text));
    return NULL;
}

/* --- fields ------------------------------------------------------------------------------------------------------ */

static struct node *unknown_field(struct parser *p, size_t offset, leat_text path, const char *near)
{
    char hint[256] = "";
    if (near)
        snprintf(hint, sizeof hint, "did you mean '%s'?", near);
    parse_fail(p, offset, p->last_end - offset, "E301", hint, "unknown field '" TEXT_FMT "'", TEXT_ARG(path));
    return NULL;
}

static void remember(struct parser *p, uint32_t path)
{
    for (size_t i = 0; i < p->read.n; i++)
        if (p->read.at[i] == path)
            return;
    *VEC_PUSH(&p->read) = path;
}

static struct node *field(struct parser *p, size_t offset, leat_text path, uint32_t type, bool quoted)
{
    const char *near = NULL;
    bool known = true;
    if (path.data[0] != '$' && p->fields && p->fields->type)
        known = p->fields->type(p->fields->self, path, &type, &near);
    if (!known && quoted) {
        char hint[256];
        near = path.n > 5 ? near : NULL; /* a short one is more likely a text */
        snprintf(hint, sizeof hint, "double quotes are names; use 'single quotes' for text%s%s%s",
                 near ? ", or did you mean \"" : "", near ? near : "", near ? "\"" : "");
        parse_fail(p, offset, p->last_end - offset, "E301", hint, "unknown field " TEXT_FMT, TEXT_ARG(path));
        return NULL;
    }
    if (!known)
        return unknown_field(p, offset, path, near);
    struct node *n = node_new(p, OP_FIELD, offset, NULL, 0);
    n->path = paths_add(p->paths, path);
    if (n->path == PATH_NONE) {
        parse_fail(p, offset, p->last_end - offset, "E300", NULL, "'" TEXT_FMT "' is no name of a field",
                   TEXT_ARG(path));
        return NULL;
    }
    n->type = type == LEAT_BYTES  ? LEAT_TEXT
              : type >= LEAT_JSON ? LEAT_NULL
                                  : type; /* what JSON holds is seen per record */
    remember(p, n->path);
    return node_check(p, n);
}

/* A step as paths spell it: bare, or in double quotes. */
static bool add_step(struct parser *p, struct buf *path, const struct token *t)
{
    if (t->kind == TOKEN_QUOTED && !t->text.n)
        return parse_fail(p, t->offset, t->length, "E300", "text stands in single quotes: ''", "a name is not empty");
    if (t->kind == TOKEN_QUOTED)
        buf_add(path, p->text.data + t->offset, t->length);
    else
        buf_text(path, t->text);
    return true;
}

static bool add_index(struct parser *p, struct buf *path)
{
    struct token t = p->token;
    if (!lex_next(p))
        return false;
    if (t.kind == TOKEN_SIGN && token_is_sign(&t, "]"))
        return parse_fail(p, t.offset, 1, "E300", "name one: lines[0].sku, or use contains(lines, x)",
                          "an expression has one value for each record, not a list");
    if (t.kind != TOKEN_NUMBER || !is_integer(t.text) || t.text.n > 9)
        return parse_fail(p, t.offset, t.length, "E300", "use element(lines, n) for a computed one",
                          "in [ ] stands the number of an element, counted from 0");
    buf_printf(path, "[" TEXT_FMT "]", TEXT_ARG(t.text));
    return parse_expect_sign(p, "]", "after the number of an element");
}

static struct node *parse_field(struct parser *p, struct token first)
{
    auto_buf path = {0};
    bool quoted = first.kind == TOKEN_QUOTED;
    if (!add_step(p, &path, &first))
        return NULL;
    while (!p->token.spaced && (token_is_sign(&p->token, ".") || token_is_sign(&p->token, "["))) {
        bool index = token_is_sign(&p->token, "[");
        if (!lex_next(p))
            return NULL;
        struct token step = p->token;
        quoted = false;
        if (index) {
            if (!add_index(p, &path))
                return NULL;
            continue;
        }
        if (step.kind != TOKEN_NAME && step.kind != TOKEN_QUOTED) {
            parse_fail(p, step.offset, step.length, "E300", "an odd name stands in double quotes: a.\"2nd\"",
                       "a name is missing after the dot");
            return NULL;
        }
        buf_char(&path, '.');
        if (!add_step(p, &path, &step) || !lex_next(p))
            return NULL;
    }
    return field(p, first.offset, arena_text(p->arena, buf_view(&path)), LEAT_NULL, quoted);
}

static const struct {
    const char *name;
    uint32_t type;
} metadata[] = {{"$id", LEAT_TEXT},    {"$key", LEAT_TEXT},       {"$time", LEAT_TIME},
                {"$topic", LEAT_TEXT}, {"$partition", LEAT_TEXT}, {"$sequence", LEAT_I64},
                {"$file", LEAT_TEXT},  {"$line", LEAT_I64},       {"$headers", LEAT_TEXT}};

static struct node *parse_header(struct parser *p, size_t offset)
{
    if (!parse_expect_sign(p, "[", "after $headers: write $headers['name']"))
        return NULL;
    struct token name = p->token;
    if (name.kind != TOKEN_TEXT) {
        parse_fail(p, name.offset, name.length, "E300", "write $headers['name']", "the name of a header is a text");
        return NULL;
    }
    if (memchr(name.text.data, '\'', name.text.n)) {
        parse_fail(p, name.offset, name.length, "E300", NULL, "the name of a header has no quote in it");
        return NULL;
    }
    if (!lex_next(p) || !parse_expect_sign(p, "]", "after the name of a header"))
        return NULL;
    leat_text path = text_of(arena_printf(p->arena, "$headers['" TEXT_FMT "']", TEXT_ARG(name.text)));
    return field(p, offset, path, LEAT_TEXT, false);
}

static struct node *parse_meta(struct parser *p)
{
    struct token t = p->token;
    const char *names[N_OF(metadata)];
    if (!lex_next(p))
        return NULL;
    for (size_t i = 0; i < N_OF(metadata); i++) {
        names[i] = metadata[i].name;
        if (!text_is(t.text, metadata[i].name))
            continue;
        if (text_is(t.text, "$headers"))
            return parse_header(p, t.offset);
        return field(p, t.offset, t.text, metadata[i].type, false);
    }
    const char *near = closest(t.text, names, N_OF(names));
    char hint[256];
    snprintf(hint, sizeof hint,
             near ? "did you mean %s?"
                  : "there are $id $key $time $topic $partition $sequence $headers['x'] $file $line",
             near);
    parse_fail(p, t.offset, t.length, "E301", hint, "unknown metadata '" TEXT_FMT "'", TEXT_ARG(t.text));
    return NULL;
}

/* --- types and casts --------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint32_t type;
} types[] = {
    {"int", LEAT_I64},          {"integer", LEAT_I64},  {"bigint", LEAT_I64},        {"int8", LEAT_I64},
    {"decimal", LEAT_DEC},      {"numeric", LEAT_DEC},  {"float", LEAT_F64},         {"float8", LEAT_F64},
    {"real", LEAT_F64},         {"text", LEAT_TEXT},    {"varchar", LEAT_TEXT},      {"string", LEAT_TEXT},
    {"bool", LEAT_BOOL},        {"boolean", LEAT_BOOL}, {"time", LEAT_TIME},         {"timestamp", LEAT_TIME},
    {"timestamptz", LEAT_TIME}, {"date", LEAT_TIME},    {"duration", TYPE_DURATION}, {"interval", TYPE_DURATION}};

static bool parse_type(struct parser *p, uint32_t *ret)
{
    const char *names[N_OF(types)];
    struct token t = p->token;
    for (size_t i = 0; i < N_OF(types); i++) {
        names[i] = types[i].name;
        if (token_is_word(&t, types[i].name)) {
            *ret = types[i].type;
            return lex_next(p);
        }
    }
    const char *near = t.kind == TOKEN_NAME ? closest(t.text, names, N_OF(names)) : NULL;
    char hint[256];
    snprintf(hint, sizeof hint, near ? "did you mean %s?" : "there are int decimal float text bool time duration",
             near);
    return parse_fail(p, t.offset, t.length, "E302", hint, "'" TEXT_FMT "' is no type", (int)t.length,
                      p->text.data + t.offset);
}

/* decimal(10,2): rounds to two fraction digits. */
static struct node *parse_scale(struct parser *p, struct node *n)
{
    struct token digits, scale = {0};
    if (!token_is_sign(&p->token, "("))
        return n;
    if (!lex_next(p))
        return NULL;
    digits = p->token;
    if (!lex_next(p))
        return NULL;
    if (token_is_sign(&p->token, ",")) {
        if (!lex_next(p))
            return NULL;
        scale = p->token;
        if (!lex_next(p))
            return NULL;
    }
    if (digits.kind != TOKEN_NUMBER || (scale.length && scale.kind != TOKEN_NUMBER) || scale.length > 2) {
        parse_fail(p, digits.offset, digits.length, "E300", NULL, "a decimal is written decimal(10,2)");
        return NULL;
    }
    if (!parse_expect_sign(p, ")", "after decimal(10,2"))
        return NULL;
    leat_value places = value_int(scale.length ? strtol(scale.text.data, NULL, 10) : 0);
    struct node *args[] = {n, literal(p, digits.offset, places)};
    struct node *call = node_new(p, OP_CALL, n->offset, args, 2);
    call->function = function_find(TEXT("round"));
    return node_check(p, call);
}

/* The time at which a day begins. */
static struct node *day_of(struct parser *p, struct node *n)
{
    struct node *args[] = {n ? literal(p, n->offset, value_text(TEXT("day"))) : NULL, n};
    if (!n)
        return NULL;
    struct node *call = node_new(p, OP_CALL, n->offset, args, 2);
    call->function = function_find(TEXT("date_trunc"));
    return node_check(p, call);
}

static struct node *cast_to(struct parser *p, struct node *n, size_t offset, enum op op)
{
    uint32_t type;
    bool day = token_is_word(&p->token, "date");
    if (!parse_type(p, &type))
        return NULL;
    struct node *made = node_new(p, op, offset, &n, 1);
    made->type = type;
    made = node_check(p, made);
    if (day)
        return day_of(p, made);
    return made && type == LEAT_DEC ? parse_scale(p, made) : made;
}

static struct node *parse_cast(struct parser *p, size_t offset, enum op op)
{
    if (!parse_expect_sign(p, "(", "after 'cast'"))
        return NULL;
    struct node *n = parse_or(p);
    if (!n || !parse_expect_word(p, "as", "in 'cast(x as int)'"))
        return NULL;
    n = cast_to(p, n, offset, op);
    return n && parse_expect_sign(p, ")", "at the end of 'cast(x as int)'") ? n : NULL;
}

/* --- case -------------------------------------------------------------------------------------------------------- */

typedef VEC(struct node *) node_list;

static bool parse_branches(struct parser *p, struct node *subject, node_list *args)
{
    while (token_is_word(&p->token, "when")) {
        if (!lex_next(p))
            return false;
        struct node *when = parse_or(p);
        if (when && subject) {
            when = node_new(p, OP_EQ, when->offset, (struct node *[]){subject, when}, 2);
            when = node_check(p, when);
        }
        if (!when || !parse_expect_word(p, "then", "after the condition of 'when'"))
            return false;
        *VEC_PUSH(args) = when;
        struct node *then = parse_or(p);
        if (!then)
            return false;
        *VEC_PUSH(args) = then;
        if (args->n > EXPR_ARGS_MAX)
            return parse_fail(p, p->token.offset, 1, "E306", NULL, "a case has at most %d branches", EXPR_ARGS_MAX / 2);
    }
    return args->n > 0 || parse_expect_word(p, "when", "after 'case'");
}

static struct node *parse_case(struct parser *p, size_t offset)
{
    node_list args = {0};
    struct node *subject = NULL, *other = NULL, *made = NULL;
    if (!token_is_word(&p->token, "when") && !(subject = parse_or(p)))
        return NULL;
    if (parse_branches(p, subject, &args)) {
        if (token_is_word(&p->token, "else"))
            other = lex_next(p) ? parse_or(p) : NULL;
        else
            other = literal(p, p->token.offset, (leat_value){0});
        if (other && parse_expect_word(p, "end", "at the end of 'case'")) {
            *VEC_PUSH(&args) = other;
            made = node_check(p, node_new(p, OP_CASE, offset, args.at, args.n));
        }
    }
    VEC_FINI(&args);
    return made;
}

/* --- calls ------------------------------------------------------------------------------------------------------- */

static struct node *unknown_function(struct parser *p, const struct token *name)
{
    static const char *const aggregates[] = {"count", "sum",    "avg",      "min",     "max", "first",
                                             "last",  "stddev", "quantile", "collect", "top"};
    const char *near = function_closest(name->text);
    char hint[256] = "";
    for (size_t i = 0; i < N_OF(aggregates); i++)
        if (token_is_word(name, aggregates[i])) {
            if (strcmp(aggregates[i], "min") == 0 || strcmp(aggregates[i], "max") == 0)
                snprintf(hint, sizeof hint, "the smaller of several values is least(a, b), the larger greatest(a, b)");
            parse_fail(p, name->offset, name->length, "E307", hint,
                       "'%s' looks at many records; it belongs into an aggregate", aggregates[i]);
            return NULL;
        }
    if (near)
        snprintf(hint, sizeof hint, "did you mean %s?", near);
    parse_fail(p, name->offset, name->length, "E302", hint, "unknown function '" TEXT_FMT "'", TEXT_ARG(name->text));
    return NULL;
}

/* The arguments up to the closing parenthesis, which is taken. */
static bool parse_arguments(struct parser *p, node_list *args)
{
    if (token_is_sign(&p->token, ")"))
        return lex_next(p);
    for (;;) {
        struct node *n = parse_or(p);
        if (!n)
            return false;
        *VEC_PUSH(args) = n;
        if (args->n > EXPR_ARGS_MAX)
            return parse_fail(p, n->offset, n->length, "E306", NULL, "a function takes at most %d arguments",
                              EXPR_ARGS_MAX);
        if (!token_is_sign(&p->token, ","))
            return parse_expect_sign(p, ")", "at the end of the arguments");
        if (!lex_next(p))
            return false;
    }
}

/* extract(hour from t): the unit is a word. */
static bool parse_unit(struct parser *p, node_list *args)
{
    struct token unit = p->token;
    size_t at = p->at, end = p->last_end;
    if (unit.kind != TOKEN_NAME)
        return true;
    if (!lex_next(p))
        return false;
    if (!token_is_word(&p->token, "from")) { /* a field after all: extract(unit, t) */
        p->token = unit;
        p->at = at;
        p->last_end = end;
        return true;
    }
    if (!lex_next(p))
        return false;
    *VEC_PUSH(args) = literal(p, unit.offset, value_text(arena_text(p->arena, unit.text)));
    return args->at[0] != NULL;
}

static struct node *parse_call(struct parser *p, struct token name)
{
    bool coalesce = token_is_word(&name, "coalesce");
    const struct function *f = function_find(name.text);
    node_list args = {0};
    struct node *made = NULL;
    if (!f)
        return unknown_function(p, &name);
    if (lex_next(p) && (!token_is_word(&name, "extract") || parse_unit(p, &args)) && parse_arguments(p, &args)) {
        made = node_new(p, coalesce ? OP_COALESCE : OP_CALL, name.offset, args.at, args.n);
        made->function = f;
        made = node_check(p, made);
    }
    VEC_FINI(&args);
    return made;
}

/* --- primaries --------------------------------------------------------------------------------------------------- */

static bool is_reserved(const struct token *t)
{
    static const char *const words[] = {"and",  "or",   "in",   "is",  "like", "between",
                                        "then", "when", "else", "end", "as",   "from"};
    for (size_t i = 0; i < N_OF(words); i++)
        if (token_is_word(t, words[i]))
            return true;
    return false;
}

static struct node *parse_word(struct parser *p)
{
    struct token t = p->token;
    if (is_reserved(&t)) {
        char hint[256];
        snprintf(hint, sizeof hint, "a field of that name is written \"" TEXT_FMT "\"", TEXT_ARG(t.text));
        parse_fail(p, t.offset, t.length, "E300", hint, "a value is missing before '" TEXT_FMT "'", TEXT_ARG(t.text));
        return NULL;
    }
    if (!lex_next(p))
        return NULL;
    bool call = token_is_sign(&p->token, "(");
    if (token_is_word(&t, "true") || token_is_word(&t, "false"))
        return literal(p, t.offset, value_bool(t.text.n == 4));
    if (token_is_word(&t, "null"))
        return literal(p, t.offset, (leat_value){0});
    if (token_is_word(&t, "case"))
        return parse_case(p, t.offset);
    if (call && token_is_word(&t, "cast"))
        return parse_cast(p, t.offset, OP_CAST);
    if (call && token_is_word(&t, "try_cast"))
        return parse_cast(p, t.offset, OP_TRY_CAST);
    if (p->token.kind == TOKEN_TEXT) {
        if (token_is_word(&t, "interval"))
            return parse_interval(p, t.offset);
        if (token_is_word(&t, "date") || token_is_word(&t, "timestamp") || token_is_word(&t, "timestamptz"))
            return parse_time_literal(p, t.offset);
    }
    return call ? parse_call(p, t) : parse_field(p, t);
}

static struct node *parse_parentheses(struct parser *p)
{
    size_t from = p->token.offset;
    if (!lex_next(p))
        return NULL;
    struct node *n = parse_or(p);
    if (n && token_is_sign(&p->token, ",")) {
        parse_fail(p, p->token.offset, 1, "E300", "a list stands only after 'in'", "a list is no value");
        return NULL;
    }
    if (!n || !parse_expect_sign(p, ")", "for the ( before"))
        return NULL;
    n->offset = from;
    n->length = p->last_end - from;
    return n;
}

static struct node *parse_primary(struct parser *p)
{
    struct token t = p->token;
    switch (t.kind) {
    case TOKEN_NUMBER:
        return parse_number(p, false);
    case TOKEN_TEXT:
        return parse_text(p);
    case TOKEN_NAME:
        return parse_word(p);
    case TOKEN_QUOTED:
        return lex_next(p) ? parse_field(p, t) : NULL;
    case TOKEN_META:
        return parse_meta(p);
    case TOKEN_END:
        parse_fail(p, t.offset, 1, "E300", NULL, "a value is missing at the end");
        return NULL;
    case TOKEN_SIGN:
        break;
    }
    if (token_is_sign(&t, "("))
        return parse_parentheses(p);
    parse_fail(p, t.offset, t.length, "E300",
               token_is_sign(&t, ".")   ? "a number begins with a digit: 0.5"
               : token_is_sign(&t, "*") ? "count() counts records"
                                        : NULL,
               "a value is missing before '" TEXT_FMT "'", TEXT_ARG(t.text));
    return NULL;
}

struct node *parse_cast_chain(struct parser *p, bool minus)
{
    struct node *n = minus ? parse_number(p, true) : parse_primary(p);
    while (n && token_is_sign(&p->token, "::"))
        n = lex_next(p) ? cast_to(p, n, n->offset, OP_CAST) : NULL;
    if (n && token_is_sign(&p->token, "[")) {
        parse_fail(p, p->token.offset, 1, "E300", "use element(x, 0)", "[ ] follows the name of a field only");
        return NULL;
    }
    if (n && token_is_sign(&p->token, ".")) {
        parse_fail(p, p->token.offset, 1, "E300", "use element(x, 'name')", "a dot follows the name of a field only");
        return NULL;
    }
    return n;
}
