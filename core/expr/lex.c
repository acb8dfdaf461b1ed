/* SPDX-License-Identifier: Apache-2.0 */
/* lex.c: cuts an expression into tokens; says what is meant where other languages' spelling is used. */
#include "core/expr/expr_internal.h"

#include <ctype.h>

bool parse_fail(struct parser *p, size_t offset, size_t length, const char *code, const char *hint, const char *format,
                ...)
{
    va_list args;
    struct expr_error *e = p->error;
    e->offset = offset;
    e->length = length ? length : 1;
    snprintf(e->code, sizeof e->code, "%s", code);
    snprintf(e->hint, sizeof e->hint, "%s", hint ? hint : "");
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    return false;
}

bool token_is_sign(const struct token *t, const char *sign)
{
    return t->kind == TOKEN_SIGN && text_is(t->text, sign);
}

bool token_is_word(const struct token *t, const char *word)
{
    return t->kind == TOKEN_NAME && t->text.n == strlen(word) && strncasecmp(t->text.data, word, t->text.n) == 0;
}

static bool name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool name_more(char c)
{
    return name_start(c) || isdigit((unsigned char)c) || c == '$';
}

/* What word processors make of plain signs. */
static const struct {
    const char *sign, *hint;
} odd_signs[] = {
    {"\xe2\x80\x98", "use the straight quote: 'text'"},
    {"\xe2\x80\x99", "use the straight quote: 'text'"},
    {"\xe2\x80\x9a", "use the straight quote: 'text'"},
    {"\xe2\x80\x9b", "use the straight quote: 'text'"},
    {"\xe2\x80\x9c", "text stands in straight single quotes: 'text'"},
    {"\xe2\x80\x9d", "text stands in straight single quotes: 'text'"},
    {"\xe2\x80\x9e", "text stands in straight single quotes: 'text'"},
    {"\xc2\xab", "text stands in straight single quotes: 'text'"},
    {"\xc2\xbb", "text stands in straight single quotes: 'text'"},
    {"\xc2\xb4", "use the straight quote: 'text'"},
    {"\xe2\x88\x92", "use the plain minus: -"},
    {"\xe2\x80\x93", "use the plain minus: -"},
    {"\xe2\x80\x94", "use the plain minus: -"},
    {"\xe2\x89\xa4", "use <="},
    {"\xe2\x89\xa5", "use >="},
    {"\xe2\x89\xa0", "use <> or !="},
    {"\xc3\x97", "use *"},
    {"\xc3\xb7", "use /"},
    {"\xc2\xa0", "that is a no-break space; use a plain one"},
    {"\xe2\x80\xaf", "that is a no-break space; use a plain one"},
    {"\xef\xbb\xbf", "that is a byte order mark; remove it"},
};

/* The index of the odd sign that stands there, or -1. */
static int odd_sign_at(const struct parser *p, size_t at)
{
    for (size_t i = 0; (unsigned char)p->text.data[at] >= 0x80 && i < N_OF(odd_signs); i++) {
        size_t n = strlen(odd_signs[i].sign);
        if (p->text.n - at >= n && memcmp(p->text.data + at, odd_signs[i].sign, n) == 0)
            return (int)i;
    }
    return -1;
}

static char char_at(const struct parser *p, size_t at)
{
    return at < p->text.n ? p->text.data[at] : 0;
}

/* Between two quotes; a doubled one stands for itself. */
static bool lex_quoted(struct parser *p, char quote)
{
    size_t from = p->at++;
    bool doubled = false;
    for (;; p->at++) {
        if (p->at >= p->text.n)
            return parse_fail(p, from, p->text.n - from, "E300",
                              quote == '\'' ? "a quote inside a text is written twice: 'it''s'" : NULL,
                              "this %s has no end: a %c is missing", quote == '\'' ? "text" : "name", quote);
        if (p->text.data[p->at] != quote)
            continue;
        if (char_at(p, p->at + 1) != quote)
            break;
        doubled = true;
        p->at++;
    }
    leat_text inside = {p->text.data + from + 1, p->at - from - 1};
    p->at++;
    if (doubled) {
        char *copy = arena_alloc(p->arena, inside.n);
        size_t n = 0;
        for (size_t i = 0; i < inside.n; i++) {
            copy[n++] = inside.data[i];
            if (inside.data[i] == quote)
                i++;
        }
        inside = (leat_text){copy, n};
    }
    p->token.kind = quote == '\'' ? TOKEN_TEXT : TOKEN_QUOTED;
    p->token.text = inside;
    return true;
}

static bool lex_number(struct parser *p)
{
    size_t from = p->at;
    while (isdigit((unsigned char)char_at(p, p->at)))
        p->at++;
    if (char_at(p, p->at) == '.' && isdigit((unsigned char)char_at(p, p->at + 1)))
        for (p->at++; isdigit((unsigned char)char_at(p, p->at));)
            p->at++;
    if (char_at(p, p->at) == 'e' || char_at(p, p->at) == 'E') {
        size_t at = p->at + 1;
        if (char_at(p, at) == '+' || char_at(p, at) == '-')
            at++;
        if (isdigit((unsigned char)char_at(p, at))) {
            while (isdigit((unsigned char)char_at(p, at)))
                at++;
            p->at = at;
        }
    }
    if (name_start(char_at(p, p->at)) || (char_at(p, p->at) == '.' && p->at + 1 == p->text.n))
        return parse_fail(p, from, p->at - from + 1, "E300",
                          "a name that begins with a digit stands in double quotes: \"2nd\"",
                          "a number does not go on with '%c'", char_at(p, p->at));
    p->token.kind = TOKEN_NUMBER;
    p->token.text = (leat_text){p->text.data + from, p->at - from};
    return true;
}

static void lex_name(struct parser *p)
{
    size_t from = p->at++;
    while (name_more(char_at(p, p->at)) && odd_sign_at(p, p->at) < 0)
        p->at++;
    p->token.kind = p->text.data[from] == '$' ? TOKEN_META : TOKEN_NAME;
    p->token.text = (leat_text){p->text.data + from, p->at - from};
}

/* Signs of other languages, with what they are called here. */
static const struct {
    const char *sign, *hint;
} foreign_signs[] = {
    {"===", "equality is written ="},
    {"!==", "inequality is written <>"},
    {"==", "equality is written ="},
    {"&&", "write and"},
    {"=~", "a regular expression is matched by ~"},
    {"<=>", "is not distinct from compares with null"},
    {"->>", "nested fields are written a.b"},
    {"->", "nested fields are written a.b"},
    {"**", "write power(x, y)"},
    {"=>", "greater or equal is written >="},
    {"=<", "less or equal is written <="},
    {"??", "write coalesce(a, b)"},
    {"?", "write case when ... then ... else ... end"},
    {"&", "write and"},
    {"!", "write not"},
    {"|", "join texts with ||; write or for alternatives"},
    {"`", "an odd name stands in double quotes: \"Order Id\""},
    {"{", "a brace belongs to templates, not into an expression"},
    {"}", "a brace belongs to templates, not into an expression"},
    {";", "one expression stands alone, without ;"},
    {"^", "write power(x, y)"},
    {"@", "metadata begin with $: $time"},
    {"#", "comments stand outside of the expression"},
    {"\\", NULL},
};

static bool lex_sign(struct parser *p)
{
    static const char *const signs[] = {"!~*", "::", "||", "<=", ">=", "<>", "!=", "!~", "~*", "+", "-", "*", "/",
                                        "%",   "=",  "<",  ">",  "(",  ")",  ",",  ".",  "[",  "]", "~", ":"};
    leat_text rest = {p->text.data + p->at, p->text.n - p->at};
    for (size_t i = 0; i < N_OF(foreign_signs); i++) {
        size_t n = strlen(foreign_signs[i].sign);
        bool ours = rest.n >= 2 && rest.data[0] == '!' && (rest.data[1] == '=' || rest.data[1] == '~');
        ours = ours || (rest.n >= 2 && rest.data[0] == '|' && rest.data[1] == '|');
        if (rest.n >= n && memcmp(rest.data, foreign_signs[i].sign, n) == 0 && (n > 2 || !ours))
            return parse_fail(p, p->at, n, "E300", foreign_signs[i].hint, "'%s' is no sign of this language",
                              foreign_signs[i].sign);
    }
    for (size_t i = 0; i < N_OF(signs); i++) {
        size_t n = strlen(signs[i]);
        if (rest.n >= n && memcmp(rest.data, signs[i], n) == 0) {
            p->token.kind = TOKEN_SIGN;
            p->token.text = (leat_text){rest.data, n};
            p->at += n;
            return true;
        }
    }
    return parse_fail(p, p->at, 1, "E300", NULL,
                      isprint((unsigned char)rest.data[0]) ? "'%c' is no sign of this language"
                                                           : "the byte 0x%02x does not belong here",
                      (unsigned char)rest.data[0]);
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->text.n && (p->text.data[p->at] == ' ' || p->text.data[p->at] == '\t' ||
                                 p->text.data[p->at] == '\n' || p->text.data[p->at] == '\r'))
        p->at++;
}

bool lex_next(struct parser *p)
{
    bool good = true;
    p->last_end = p->at;
    skip_blanks(p);
    p->token.spaced = p->at > p->last_end;
    size_t from = p->token.offset = p->at;
    char c = char_at(p, from);
    if (from >= p->text.n) {
        p->token.kind = TOKEN_END;
        p->token.text = (leat_text){p->text.data + from, 0};
    } else if (c == '\'' || c == '"') {
        good = lex_quoted(p, c);
    } else if (isdigit((unsigned char)c)) {
        good = lex_number(p);
    } else if (name_start(c) || (c == '$' && name_start(char_at(p, from + 1)))) {
        int odd = odd_sign_at(p, from);
        if (odd >= 0)
            return parse_fail(p, from, strlen(odd_signs[odd].sign), "E300", odd_signs[odd].hint,
                              "'%s' is no sign of this language", odd_signs[odd].sign);
        lex_name(p);
    } else {
        good = lex_sign(p);
    }
    p->token.length = p->at - from;
    return good;
}
