/* SPDX-License-Identifier: Apache-2.0 */
/* option.c: one value of one row: units, choices, ranges; and what is bound. */
#include "core/config/config.h"

#include "core/config/config_internal.h"

#include <math.h>

struct node *node_of_standard(struct arena *a, const leat_option *o, const struct node *blame)
{
    leat_text text = text_of(o->standard);
    if ((o->flags & (LEAT_MANY | LEAT_PAIRS) || o->type == LEAT_OPT_GROUP) && text.n && strchr("{[", text.data[0])) {
        struct findings f = {0};
        struct node *n = tree_parse(a, "default", text, &f);
        findings_fini(&f);
        ASSERT(n);
        return n;
    }
    struct node *n = arena_zalloc(a, sizeof *n);
    n->kind = node_kind_of(text);
    n->plain = true;
    n->resolved = true;
    n->file = blame->file;
    n->line = blame->key_line ? blame->key_line : blame->line;
    n->column = blame->key_line ? blame->key_column : blame->column;
    n->text = text;
    n->key = TEXT("");
    return n;
}

bool option_choice_number(const char *choices, leat_text text, int64_t *ret)
{
    int64_t k = 0;
    for (const char *at = choices; at && *at; k++) {
        size_t n = strcspn(at, "|");
        if (text_equal((leat_text){at, n}, text)) {
            *ret = k;
            return true;
        }
        at += n + (at[n] == '|');
    }
    return false;
}

static const char *shown(const struct node *n)
{
    return n->secret ? "(hidden)" : n->text.data;
}

static void refuse_choice(struct option_reader *r, const leat_option *o, const struct node *n, leat_text text)
{
    VEC(const char *) known = {0};
    auto_buf list = {0};
    for (const char *at = o->choices; *at;) {
        size_t len = strcspn(at, "|");
        *VEC_PUSH(&known) = arena_text(r->a, (leat_text){at, len}).data;
        buf_printf(&list, "%s%.*s", list.n ? ", " : "", (int)len, at);
        at += len + (at[len] == '|');
    }
    const char *near = closest(text, known.at, known.n);
    finding_add(r->f, FINDING_ERROR, "E406", n, near ? finding_text(r->f, "did you mean '%s'?", near) : NULL,
                "'%s' is none of the choices of '%s': %s", shown(n), o->name, list.data ? list.data : "");
    VEC_FINI(&known);
}

/* --- ranges ------------------------------------------------------------------------------------------------------ */

static bool as_number(const leat_option *o, leat_text t, double *ret)
{
    int64_t i;
    switch (o->type) {
    case LEAT_OPT_DURATION:
        return parse_duration(t, &i, NULL) == 0 && (*ret = (double)i, true);
    case LEAT_OPT_SIZE:
        return parse_size(t, &i, NULL) == 0 && (*ret = (double)i, true);
    case LEAT_OPT_RATE:
        return parse_rate(t, ret, NULL) == 0;
    default:
        return parse_f64(t, ret, NULL) == 0;
    }
}

static bool within(const leat_option *o, double x)
{
    const char *dots = strstr(o->range, "..");
    double limit;
    if (!dots)
        return true;
    leat_text low = {o->range, (size_t)(dots - o->range)}, high = text_of(dots + 2);
    if (low.n && as_number(o, low, &limit) && x < limit)
        return false;
    return !(high.n && as_number(o, high, &limit) && x > limit);
}

static bool in_range(struct option_reader *r, const leat_option *o, const struct node *n, double x)
{
    if (!o->range || within(o, x))
        return true;
    finding_add(r->f, FINDING_ERROR, "E407", n, NULL, "'%s' must be within %s, not %s", o->name, o->range, shown(n));
    return false;
}

/* --- scalars of the host's own kinds ----------------------------------------------------------------------------- */

static bool wrong(struct option_reader *r, const leat_option *o, const struct node *n, const char *code,
                  const char *needs)
{
    bool quoted = n->kind == NODE_TEXT && !n->plain && !n->resolved && node_kind_of(n->text) != NODE_TEXT;
    finding_add(r->f, FINDING_ERROR, code, n, quoted ? "leave the quotes out" : NULL, "'%s' is %s, not '%s'", o->name,
                needs, shown(n));
    return false;
}

/* Quoted texts are no numbers; what came from ${...} may be. */
static bool may_be_number(const struct node *n)
{
    return n->plain || n->resolved;
}

static bool read_bool(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret)
{
    bool yes = may_be_number(n) && (text_is(n->text, "true") || text_is(n->text, "True") || text_is(n->text, "TRUE"));
    bool no = may_be_number(n) && (text_is(n->text, "false") || text_is(n->text, "False") || text_is(n->text, "FALSE"));
    if (!yes && !no)
        return wrong(r, o, n, "E404", "true or false");
    *ret = (leat_value){.type = LEAT_BOOL, .as.i64 = yes};
    return true;
}

static bool read_i64(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret)
{
    int64_t i = 0;
    char *end = NULL;
    bool based = n->kind == NODE_INT && n->text.n > 2 && (n->text.data[1] == 'x' || n->text.data[1] == 'o');
    if (based)
        i = strtoll(n->text.data + 2, &end, n->text.data[1] == 'x' ? 16 : 8);
    else if (!may_be_number(n) || parse_i64(n->text, &i, NULL) < 0)
        return wrong(r, o, n, "E404", "a whole number");
    if (!in_range(r, o, n, (double)i))
        return false;
    *ret = (leat_value){.type = LEAT_I64, .as.i64 = i};
    return true;
}

static bool read_f64(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret)
{
    double x;
    if (!may_be_number(n) || parse_f64(n->text, &x, NULL) < 0 || !isfinite(x))
        return wrong(r, o, n, "E404", "a number");
    if (!in_range(r, o, n, x))
        return false;
    *ret = (leat_value){.type = LEAT_F64, .as.f64 = x};
    return true;
}

static bool bad_unit(struct option_reader *r, const leat_option *o, const struct node *n, const struct err *err)
{
    bool number = node_kind_of(n->text) == NODE_INT || node_kind_of(n->text) == NODE_FLOAT;
    if (n->secret)
        finding_add(r->f, FINDING_ERROR, "E405", n, NULL, "'%s' cannot be read (its value is hidden)", o->name);
    else
        finding_add(r->f, FINDING_ERROR, number ? "E405" : "E404", n, NULL, "'%s': %s", o->name, err->text);
    return false;
}

static bool read_units(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret)
{
    struct err err;
    int64_t i = 0;
    double rate = 0;
    int bad = o->type == LEAT_OPT_DURATION ? parse_duration(n->text, &i, &err)
              : o->type == LEAT_OPT_SIZE   ? parse_size(n->text, &i, &err)
              : o->type == LEAT_OPT_TIME   ? parse_time(n->text, &i, &err)
                                           : parse_rate(n->text, &rate, &err);
    if (bad)
        return bad_unit(r, o, n, &err);
    if (!in_range(r, o, n, o->type == LEAT_OPT_RATE ? rate : (double)i))
        return false;
    if (o->type == LEAT_OPT_RATE)
        *ret = (leat_value){.type = LEAT_F64, .as.f64 = rate};
    else
        *ret = (leat_value){.type = o->type == LEAT_OPT_TIME ? LEAT_TIME : LEAT_I64, .as.i64 = i};
    return true;
}

static bool read_choice(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret)
{
    int64_t k = 0;
    if (!option_choice_number(o->choices, n->text, &k)) {
        refuse_choice(r, o, n, n->text);
        return false;
    }
    *ret = (leat_value){.type = LEAT_I64, .as.i64 = k};
    return true;
}

/* --- scalars that are bound -------------------------------------------------------------------------------------- */

static bool refuse_cut(struct option_reader *r, const leat_option *o, const struct node *n)
{
    if (!n->cut)
        return false;
    finding_add_at(r->f, FINDING_ERROR, "E105", n, n->source.n, 2,
                   "put the value in quotes, or the comment on a line of its own",
                   "' #' begins a comment and cuts the value of '%s' short", o->name);
    return true;
}

static bool read_template(struct option_reader *r, const leat_option *o, uint32_t port, const struct node *n,
                          leat_value *ret)
{
    int64_t k;
    if (o->choices && !memchr(n->text.data, '{', n->text.n) && !option_choice_number(o->choices, n->text, &k)) {
        refuse_choice(r, o, n, n->text);
        return false;
    }
    return r->binder->template_(r->binder->self, o, port, n, n->text, ret);
}

static bool read_bound(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret)
{
    const struct option_binder *b = r->binder;
    uint32_t port = o->port == LEAT_CHOSEN_INPUT ? r->chosen : o->port;
    if (refuse_cut(r, o, n))
        return false;
    switch (o->type) {
    case LEAT_OPT_READ:
        return b->read(b->self, o, port, n, n->text, ret);
    case LEAT_OPT_TEMPLATE:
        return read_template(r, o, port, n, ret);
    case LEAT_OPT_WRITE:
        return b->write(b->self, o, n, n->text, ret);
    case LEAT_OPT_KEY:
        return b->key(b->self, o, port, n, n->text, ret);
    case LEAT_OPT_AGGREGATE:
        return b->aggregate(b->self, o, port, n, n->text, ret);
    case LEAT_OPT_INPUT:
        return b->input(b->self, o, n, n->text, ret);
    default:
        return b->output(b->self, o, n, n->text, ret);
    }
}

bool option_scalar(struct option_reader *r, const leat_option *o, const struct node *n, leat_value *ret)
{
    switch (o->type) {
    case LEAT_OPT_BOOL:
        return read_bool(r, o, n, ret);
    case LEAT_OPT_I64:
        return read_i64(r, o, n, ret);
    case LEAT_OPT_F64:
        return read_f64(r, o, n, ret);
    case LEAT_OPT_TEXT:
        if (o->flags & LEAT_SECRET)
            secret_hide(n->text);
        *ret = (leat_value){.type = LEAT_TEXT, .as.text = n->text};
        return true;
    case LEAT_OPT_CHOICE:
        return read_choice(r, o, n, ret);
    case LEAT_OPT_DURATION:
    case LEAT_OPT_SIZE:
    case LEAT_OPT_RATE:
    case LEAT_OPT_TIME:
        return read_units(r, o, n, ret);
    default:
        return read_bound(r, o, n, ret);
    }
}
