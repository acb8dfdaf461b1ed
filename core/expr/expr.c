/* SPDX-License-Identifier: Apache-2.0 */
/* expr.c: from a text to an expression, what is known of it, and templates. */
#include "core/expr/expr_internal.h"

/* Where the text stops being UTF-8 (RFC 3629: no overlong forms, no surrogates); its length: nowhere. */
static size_t utf8_end(leat_text t)
{
    for (size_t i = 0, n; i < t.n; i += n) {
        const unsigned char *s = (const unsigned char *)t.data + i;
        n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
        if (!n || i + n > t.n)
            return i;
        for (size_t k = 1; k < n; k++)
            if ((s[k] & 0xc0) != 0x80)
                return i;
        if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
            (s[0] == 0xf4 && s[1] > 0x8f))
            return i;
    }
    return t.n;
}

static bool check_text(struct parser *p, const char *what)
{
    size_t end = p->text.n > EXPR_TEXT_MAX ? 0 : utf8_end(p->text);
    if (p->text.n > EXPR_TEXT_MAX)
        return parse_fail(p, 0, 1, "E306", NULL, "%s has at most %d bytes", what, EXPR_TEXT_MAX);
    if (end < p->text.n)
        return parse_fail(p, end, 1, "E300", "save the file as UTF-8", "the byte 0x%02x is no UTF-8",
                          (unsigned char)p->text.data[end]);
    return true;
}

bool parse_start(struct parser *p, leat_text text)
{
    p->text = text;
    p->at = 0;
    return check_text(p, "an expression") && lex_next(p);
}

static struct parser parser_of(struct arena *a, struct paths *paths, const struct expr_fields *fields,
                               struct expr_error *error)
{
    *error = (struct expr_error){0};
    return (struct parser){.arena = a, .paths = paths, .fields = fields, .error = error};
}

struct expr *parse_finish(struct parser *p, struct node *root)
{
    struct expr *e = root ? arena_zalloc(p->arena, sizeof *e) : NULL;
    if (e) {
        e->root = nodes_share(root, p->n_nodes);
        e->names = p->paths;
        e->n_nodes = p->n_nodes;
        e->impure = p->impure;
        e->n_paths = p->read.n;
        e->paths = arena_alloc(p->arena, (p->read.n + 1) * sizeof *e->paths);
        if (p->read.n)
            memcpy(e->paths, p->read.at, p->read.n * sizeof *e->paths);
    }
    VEC_FINI(&p->read);
    return e;
}

struct expr *expr_parse(struct arena *a, struct paths *paths, leat_text text, const struct expr_fields *fields,
                        struct expr_error *error)
{
    struct parser p = parser_of(a, paths, fields, error);
    return parse_finish(&p, parse_start(&p, text) ? parse_whole(&p) : NULL);
}

/* --- templates --------------------------------------------------------------------------------------------------- */

typedef VEC(struct node *) node_list;

static struct node *text_node(struct parser *p, size_t offset, leat_text t)
{
    struct node *n = node_new(p, OP_VALUE, offset, NULL, 0);
    n->value = value_text(arena_text(p->arena, t));
    return node_check(p, n);
}

/* The literal text from p->at to the next { of an expression, with {{ and }} undoubled. */
static struct node *template_text(struct parser *p)
{
    auto_buf text = {0};
    size_t from = p->at;
    for (; p->at < p->text.n; p->at++) {
        char c = p->text.data[p->at];
        bool doubled = p->at + 1 < p->text.n && p->text.data[p->at + 1] == c;
        if (c == '{' && !doubled)
            break;
        if ((c == '{' || c == '}') && doubled)
            p->at++;
        buf_char(&text, c);
    }
    return text_node(p, from, buf_view(&text));
}

/* Where the expression that begins at `from` ends: at a colon (not a double one) or the brace, outside of quotes. */
static size_t template_end(const struct parser *p, size_t from)
{
    char quote = 0;
    for (size_t i = from; i < p->text.n; i++) {
        char c = p->text.data[i];
        if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '\'' || c == '"')
            quote = c;
        else if (c == ':' && i + 1 < p->text.n && p->text.data[i + 1] == ':')
            i++;
        else if (c == ':' || c == '}')
            return i;
    }
    return p->text.n;
}

static struct node *template_format(struct parser *p, struct node *n, size_t from, leat_text format)
{
    struct node *args[] = {n, text_node(p, from, format)};
    if (!format.n) {
        parse_fail(p, from, 1, "E300", "write {day:YYYY-MM}", "a format is missing after ':'");
        return NULL;
    }
    struct node *call = node_new(p, OP_CALL, n->offset, args, 2);
    call->function = function_find(TEXT("to_text"));
    return node_check(p, call);
}

/* {expression} or {expression:format}; p->at is at the brace, and behind the other afterwards. */
static struct node *template_expression(struct parser *p)
{
    leat_text whole = p->text;
    size_t open = p->at, end = template_end(p, open + 1);
    if (end == whole.n) {
        parse_fail(p, open, 1, "E300", "a brace that stands for itself is written {{", "this { has no }");
        return NULL;
    }
    p->text.n = end; /* so offsets stay those of the whole */
    p->at = open + 1;
    if (!lex_next(p))
        return NULL;
    if (p->token.kind == TOKEN_END) {
        parse_fail(p, open, end - open, "E300", "a brace that stands for itself is written {{",
                   "there is no expression between the braces");
        return NULL;
    }
    struct node *n = parse_whole(p);
    p->text = whole;
    p->at = end + 1;
    if (!n || whole.data[end] == '}')
        return n;
    const char *close = memchr(whole.data + end, '}', whole.n - end);
    if (!close) {
        parse_fail(p, open, 1, "E300", NULL, "this { has no }");
        return NULL;
    }
    p->at = (size_t)(close - whole.data) + 1;
    return template_format(p, n, end + 1, (leat_text){whole.data + end + 1, (size_t)(close - whole.data) - end - 1});
}

static struct node *template_parts(struct parser *p, leat_text *ret_prefix)
{
    node_list parts = {0};
    struct node *n = template_text(p);
    *ret_prefix = n->value.as.text;
    if (ret_prefix->n || p->at >= p->text.n)
        *VEC_PUSH(&parts) = n;
    while (n && p->at < p->text.n) {
        n = p->text.data[p->at] == '{' ? template_expression(p) : template_text(p);
        if (n)
            *VEC_PUSH(&parts) = n;
    }
    if (n)
        n = node_check(p, node_new(p, OP_CONCAT, 0, parts.at, parts.n));
    VEC_FINI(&parts);
    return n;
}

struct expr *expr_template(struct arena *a, struct paths *paths, leat_text text, const struct expr_fields *fields,
                           struct expr_error *error)
{
    struct parser p = parser_of(a, paths, fields, error);
    leat_text prefix = {0};
    p.text = text;
    struct expr *e = parse_finish(&p, check_text(&p, "a template") ? template_parts(&p, &prefix) : NULL);
    if (e)
        e->prefix = prefix;
    return e;
}

/* --- what is known ----------------------------------------------------------------------------------------------- */

uint32_t expr_type(const struct expr *e)
{
    return e->root->type == TYPE_DURATION ? LEAT_TEXT : e->root->type;
}

const uint32_t *expr_paths(const struct expr *e, size_t *ret_n)
{
    *ret_n = e->n_paths;
    return e->paths;
}

uint32_t expr_is_field(const struct expr *e)
{
    return e->root->op == OP_FIELD ? e->root->path : PATH_NONE;
}

bool expr_is_constant(const struct expr *e, leat_value *ret)
{
    if (e->root->op != OP_VALUE)
        return false;
    *ret = e->root->value;
    if (ret->type == TYPE_DURATION)
        ret->type = LEAT_I64;
    return true;
}

uint32_t expr_impure(const struct expr *e)
{
    return e->impure;
}

leat_text expr_prefix(const struct expr *e)
{
    return e->prefix;
}
