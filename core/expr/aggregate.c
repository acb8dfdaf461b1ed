/* SPDX-License-Identifier: Apache-2.0 */
/* aggregate.c: the call of an aggregate: sum(qty), count(), count(distinct sku); its arguments are expressions. */
#include "core/expr/expr_internal.h"

static const struct {
    const char *name;
    uint8_t least, most;
} aggregates[] = {{"count", 0, 1},
                  {"sum", 1, 1},
                  {"avg", 1, 1},
                  {"min", 1, 1},
                  {"max", 1, 1},
                  {"first", 1, 1},
                  {"last", 1, 1},
                  {"stddev", 1, 1},
                  {"quantile", 2, 2},
                  {"top", 2, 2},
                  {"collect", 1, 1},
                  {"count_distinct", 1, 1},
                  {"approx_count_distinct", 1, 1}};

static int find(struct parser *p, leat_text name)
{
    const char *names[N_OF(aggregates)];
    for (size_t i = 0; i < N_OF(aggregates); i++) {
        names[i] = aggregates[i].name;
        if (name.n == strlen(names[i]) && strncasecmp(name.data, names[i], name.n) == 0)
            return (int)i;
    }
    const char *near = closest(name, names, N_OF(names));
    char hint[256];
    snprintf(hint, sizeof hint,
             near ? "did you mean %s?" : "there are count sum avg min max first last stddev quantile top collect",
             near);
    parse_fail(p, p->token.offset, p->token.length, "E307", hint, "unknown aggregate '" TEXT_FMT "'", TEXT_ARG(name));
    return -1;
}

/* Each argument is an expression of its own. */
static bool parse_arguments(struct parser *p, struct expr **ret, size_t room, size_t *ret_n)
{
    *ret_n = 0;
    if (token_is_sign(&p->token, ")"))
        return lex_next(p);
    for (;;) {
        struct node *n = parse_or(p);
        if (n && *ret_n == room)
            return parse_fail(p, n->offset, n->length, "E304", NULL, "an aggregate takes at most %zu arguments", room);
        if (!n)
            return false;
        ret[(*ret_n)++] = parse_finish(p, n);
        p->read.n = 0;
        if (!token_is_sign(&p->token, ","))
            return parse_expect_sign(p, ")", "at the end of the arguments");
        if (!lex_next(p))
            return false;
    }
}

static int call(struct parser *p, struct expr_call *ret)
{
    struct expr **arguments = arena_alloc(p->arena, 4 * sizeof *arguments);
    struct token name = p->token;
    if (name.kind != TOKEN_NAME) {
        parse_fail(p, name.offset, name.length, "E307", NULL,
                   "here stands an aggregate: sum(qty), count(), max(price)");
        return -EINVAL;
    }
    int found = find(p, name.text);
    if (found < 0 || !lex_next(p) || !parse_expect_sign(p, "(", "after the name of the aggregate"))
        return -EINVAL;
    bool distinct = found == 0 && token_is_word(&p->token, "distinct");
    bool star = found == 0 && token_is_sign(&p->token, "*");
    if ((distinct || star) && !lex_next(p))
        return -EINVAL;
    if (!parse_arguments(p, arguments, 4, &ret->n))
        return -EINVAL;
    if (p->token.kind != TOKEN_END) {
        parse_fail(p, p->token.offset, p->token.length, "E307", "compute with it in a 'set' behind the aggregate",
                   "an aggregate stands alone");
        return -EINVAL;
    }
    if (ret->n < aggregates[found].least || ret->n > aggregates[found].most || (distinct && !ret->n) ||
        (star && ret->n)) {
        parse_fail(p, name.offset, name.length, "E304", NULL, "%s takes %d argument%s, not %zu", aggregates[found].name,
                   aggregates[found].most, aggregates[found].most == 1 ? "" : "s", ret->n);
        return -EINVAL;
    }
    ret->name = text_of(distinct ? "count_distinct" : aggregates[found].name);
    ret->arguments = arguments;
    return 0;
}

int expr_aggregate(struct arena *a, struct paths *paths, leat_text text, const struct expr_fields *fields,
                   struct expr_call *ret, struct expr_error *error)
{
    *error = (struct expr_error){0};
    struct parser p = {.arena = a, .paths = paths, .fields = fields, .error = error};
    int r = parse_start(&p, text) ? call(&p, ret) : -EINVAL;
    VEC_FINI(&p.read);
    return r;
}
