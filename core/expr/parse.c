/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c: tokens to nodes, by recursive descent; precedence as in PostgreSQL, weakest first:
 * or, and, not, is, comparison, between in like ~, ||, + -, * / % div, unary -, ::, and the primaries in primary.c. */
#include "core/expr/expr_internal.h"
#include "core/expr/parse_internal.h"

struct node *node_new(struct parser *p, enum op op, size_t offset, struct node *const *args, size_t n)
{
    struct node *made = arena_zalloc(p->arena, sizeof *made);
    struct node **copy = arena_alloc(p->arena, (n + 1) * sizeof *copy);
    if (n)
        memcpy(copy, args, n * sizeof *copy);
    made->op = (uint8_t)op;
    made->args = copy;
    made->n = (uint32_t)n;
    made->offset = offset;
    made->length = p->last_end > offset ? p->last_end - offset : 1;
    made->number = p->n_nodes++;
    return made;
}

static struct node *checked(struct parser *p, enum op op, struct node *const *args, size_t n)
{
    return node_check(p, node_new(p, op, args[0]->offset, args, n));
}

static struct node *pair(struct parser *p, enum op op, struct node *a, struct node *b)
{
    return checked(p, op, (struct node *[]){a, b}, 2);
}

/* not n, if so wanted */
static struct node *negated(struct parser *p, bool wanted, struct node *n)
{
    return n && wanted ? checked(p, OP_NOT, &n, 1) : n;
}

bool parse_expect_sign(struct parser *p, const char *sign, const char *after)
{
    const struct token *t = &p->token;
    if (token_is_sign(t, sign))
        return lex_next(p);
    if (t->kind == TOKEN_END)
        return parse_fail(p, t->offset, 1, "E300", NULL, "'%s' is missing %s", sign, after);
    return parse_fail(p, t->offset, t->length, "E300", NULL, "'%s' is missing %s, before '" TEXT_FMT "'", sign, after,
                      (int)t->length, p->text.data + t->offset);
}

bool parse_expect_word(struct parser *p, const char *word, const char *after)
{
    const struct token *t = &p->token;
    if (token_is_word(t, word))
        return lex_next(p);
    return parse_fail(p, t->offset, t->length, "E300", NULL, "'%s' is missing %s", word, after);
}

/* Skips the word when it is there. False: error, or not there; p->error->code tells. */
static bool took_word(struct parser *p, const char *word)
{
    return token_is_word(&p->token, word) && lex_next(p);
}

static bool failed(const struct parser *p)
{
    return p->error->code[0];
}

/* --- binary operators of equal strength, from left to right ------------------------------------------------------ */

struct binary {
    const char *sign;
    enum op op;
};
static const struct binary products[] = {
    {"*", OP_MULTIPLY}, {"/", OP_DIVIDE}, {"%", OP_MODULO}, {"div", OP_DIV}, {NULL, 0}};
static const struct binary sums[] = {{"+", OP_ADD}, {"-", OP_SUBTRACT}, {NULL, 0}};
static const struct binary joins[] = {{"||", OP_CONCAT}, {NULL, 0}};

static const struct binary *binary_at(const struct parser *p, const struct binary *of)
{
    for (; of->sign; of++)
        if (token_is_sign(&p->token, of->sign) || (of->op == OP_DIV && token_is_word(&p->token, of->sign)))
            return of;
    return NULL;
}

static struct node *parse_chain(struct parser *p, const struct binary *of, struct node *(*below)(struct parser *))
{
    struct node *left = below(p);
    for (const struct binary *b; left && (b = binary_at(p, of));) {
        if (!lex_next(p))
            return NULL;
        struct node *right = below(p);
        left = right ? pair(p, b->op, left, right) : NULL;
    }
    return left;
}

static struct node *parse_unary(struct parser *p)
{
    size_t from = p->token.offset;
    bool minus = token_is_sign(&p->token, "-");
    if (!minus && !token_is_sign(&p->token, "+"))
        return parse_cast_chain(p, minus);
    if (++p->nesting > EXPR_NESTING_MAX) {
        parse_fail(p, from, 1, "E306", NULL, "this is nested more than %d deep", EXPR_NESTING_MAX);
        return NULL;
    }
    if (!lex_next(p))
        return NULL;
    struct node *n = minus && p->token.kind == TOKEN_NUMBER ? parse_cast_chain(p, true) : parse_unary(p);
    bool literal = minus && n && n->op == OP_VALUE && n->offset == from;
    p->nesting--;
    if (!n || (minus && literal))
        return n;
    return node_check(p, node_new(p, minus ? OP_NEGATE : OP_ADD, from, &n, 1));
}

static struct node *parse_product(struct parser *p)
{
    return parse_chain(p, products, parse_unary);
}

static struct node *parse_sum(struct parser *p)
{
    return parse_chain(p, sums, parse_product);
}

static struct node *parse_join(struct parser *p)
{
    return parse_chain(p, joins, parse_sum);
}

/* --- between, in, like, ~ ---------------------------------------------------------------------------------------- */

static struct node *parse_between(struct parser *p, struct node *x)
{
    struct node *low = parse_join(p);
    if (!low || !parse_expect_word(p, "and", "after the lower bound of 'between'"))
        return NULL;
    struct node *high = parse_join(p);
    if (!high)
        return NULL;
    struct node *from = pair(p, OP_GE, x, low), *to = from ? pair(p, OP_LE, x, high) : NULL;
    return to ? pair(p, OP_AND, from, to) : NULL;
}

static struct node *parse_in(struct parser *p, struct node *x)
{
    VEC(struct node *) args = {0};
    struct node *made = NULL;
    if (!parse_expect_sign(p, "(", "after 'in'"))
        return NULL;
    *VEC_PUSH(&args) = x;
    do {
        struct node *n = args.n <= EXPR_ARGS_MAX ? parse_or(p) : NULL;
        if (!n && !failed(p))
            parse_fail(p, p->token.offset, 1, "E306", "a lookup table holds longer lists",
                       "a list has at most %d members", EXPR_ARGS_MAX);
        if (!n)
            goto done;
        *VEC_PUSH(&args) = n;
    } while (token_is_sign(&p->token, ",") && lex_next(p));
    if (!failed(p) && parse_expect_sign(p, ")", "at the end of the list"))
        made = checked(p, OP_IN, args.at, args.n);
done:
    VEC_FINI(&args);
    return made;
}

static struct node *parse_like(struct parser *p, struct node *x)
{
    char escape = '\\';
    struct node *pattern = parse_join(p);
    if (!pattern)
        return NULL;
    if (took_word(p, "escape")) {
        if (p->token.kind != TOKEN_TEXT || p->token.text.n > 1 ||
            (p->token.text.n && (unsigned char)p->token.text.data[0] >= 0x80)) {
            parse_fail(p, p->token.offset, p->token.length, "E300", NULL,
                       "the sign after 'escape' is one ASCII character in quotes");
            return NULL;
        }
        escape = p->token.text.n ? p->token.text.data[0] : 0;
        if (!lex_next(p))
            return NULL;
    } else if (failed(p)) {
        return NULL;
    }
    struct node *n = node_new(p, OP_LIKE, x->offset, (struct node *[]){x, pattern}, 2);
    n->escape = escape;
    return node_check(p, n);
}

static struct node *parse_match(struct parser *p, struct node *x, bool ignore_case)
{
    struct node *pattern = parse_join(p);
    if (!pattern)
        return NULL;
    struct node *n = node_new(p, OP_MATCH, x->offset, (struct node *[]){x, pattern}, 2);
    n->ignore_case = ignore_case;
    return node_check(p, n);
}

static struct node *parse_range(struct parser *p)
{
    struct node *x = parse_join(p);
    while (x && !failed(p)) {
        bool not = false, insensitive = false;
        struct node *(*rest)(struct parser *, struct node *) = NULL;
        if (token_is_sign(&p->token, "~") || token_is_sign(&p->token, "~*") || token_is_sign(&p->token, "!~") ||
            token_is_sign(&p->token, "!~*")) {
            not = p->token.text.data[0] == '!';
            insensitive = p->token.text.data[p->token.text.n - 1] == '*';
            x = lex_next(p) ? negated(p, not, parse_match(p, x, insensitive)) : NULL;
            continue;
        }
        size_t at = p->token.offset;
        not = took_word(p, "not");
        if (token_is_word(&p->token, "between"))
            rest = parse_between;
        else if (token_is_word(&p->token, "in"))
            rest = parse_in;
        else if (token_is_word(&p->token, "like"))
            rest = parse_like;
        else if (token_is_word(&p->token, "ilike"))
            parse_fail(p, p->token.offset, 5, "E300", "write lower(x) like 'a%'", "there is no ilike");
        else if (not &&!failed(p))
            parse_fail(p, at, 3, "E300", "not stands before a condition, or in: not in, not like, not between",
                       "'not' does not belong here");
        if (failed(p))
            return NULL;
        if (!rest)
            break;
        x = lex_next(p) ? negated(p, not, rest(p, x)) : NULL;
    }
    return failed(p) ? NULL : x;
}

/* --- comparison, is, not, and, or -------------------------------------------------------------------------------- */

static const struct binary comparisons[] = {{"=", OP_EQ},  {"<>", OP_NE}, {"!=", OP_NE}, {"<", OP_LT},
                                            {"<=", OP_LE}, {">", OP_GT},  {">=", OP_GE}, {NULL, 0}};

static struct node *parse_comparison(struct parser *p)
{
    struct node *left = parse_range(p);
    const struct binary *b = left ? binary_at(p, comparisons) : NULL;
    if (!b)
        return left;
    if (!lex_next(p))
        return NULL;
    struct node *right = parse_range(p);
    if (!right)
        return NULL;
    if (binary_at(p, comparisons)) {
        parse_fail(p, p->token.offset, p->token.length, "E300", "write a < b and b < c", "comparisons do not chain");
        return NULL;
    }
    return pair(p, b->op, left, right);
}

static struct node *parse_is(struct parser *p)
{
    struct node *x = parse_comparison(p);
    while (x && took_word(p, "is")) {
        bool not = took_word(p, "not");
        if (failed(p))
            return NULL;
        if (took_word(p, "null") || took_word(p, "unknown")) {
            x = negated(p, not, checked(p, OP_IS_NULL, &x, 1));
        } else if (took_word(p, "true")) {
            x = negated(p, not, checked(p, OP_IS_TRUE, &x, 1));
        } else if (took_word(p, "false")) {
            x = negated(p, not, checked(p, OP_IS_FALSE, &x, 1));
        } else if (took_word(p, "distinct")) {
            struct node *y = parse_expect_word(p, "from", "after 'distinct'") ? parse_join(p) : NULL;
            x = y ? negated(p, not, pair(p, OP_DISTINCT, x, y)) : NULL;
        } else {
            if (!failed(p))
                parse_fail(p, p->token.offset, p->token.length, "E300",
                           "equality is written =", "after 'is' comes null, not null, true, false or distinct from");
            return NULL;
        }
    }
    return failed(p) ? NULL : x;
}

static struct node *parse_not(struct parser *p)
{
    size_t from = p->token.offset;
    if (!took_word(p, "not"))
        return failed(p) ? NULL : parse_is(p);
    if (++p->nesting > EXPR_NESTING_MAX) {
        parse_fail(p, from, 3, "E306", NULL, "this is nested more than %d deep", EXPR_NESTING_MAX);
        return NULL;
    }
    struct node *n = parse_not(p);
    p->nesting--;
    return n ? node_check(p, node_new(p, OP_NOT, from, &n, 1)) : NULL;
}

static struct node *parse_and(struct parser *p)
{
    struct node *left = parse_not(p);
    while (left && took_word(p, "and")) {
        struct node *right = parse_not(p);
        left = right ? pair(p, OP_AND, left, right) : NULL;
    }
    return failed(p) ? NULL : left;
}

struct node *parse_or(struct parser *p)
{
    if (++p->nesting > EXPR_NESTING_MAX) {
        parse_fail(p, p->token.offset, 1, "E306", NULL, "this is nested more than %d deep", EXPR_NESTING_MAX);
        return NULL;
    }
    struct node *left = parse_and(p);
    while (left && took_word(p, "or")) {
        struct node *right = parse_and(p);
        left = right ? pair(p, OP_OR, left, right) : NULL;
    }
    p->nesting--;
    return failed(p) ? NULL : left;
}

/* What stands behind a whole expression. */
static void refuse_rest(struct parser *p)
{
    const struct token *t = &p->token;
    const char *hint = NULL;
    if (t->kind == TOKEN_TEXT)
        hint = "texts are joined by ||";
    else if (token_is_sign(t, ")"))
        hint = "there is no ( for it";
    else if (t->kind == TOKEN_NAME)
        hint = "conditions are joined by 'and' and 'or'; a name with blanks stands in double quotes";
    parse_fail(p, t->offset, t->length, "E300", hint,
               "'" TEXT_FMT "' does not belong here: the expression is complete before it", (int)t->length,
               p->text.data + t->offset);
}

struct node *parse_whole(struct parser *p)
{
    if (p->token.kind == TOKEN_END) {
        parse_fail(p, p->token.offset, 1, "E300", NULL, "there is no expression");
        return NULL;
    }
    struct node *n = parse_or(p);
    if (n && p->token.kind != TOKEN_END) {
        refuse_rest(p);
        return NULL;
    }
    return n;
}
