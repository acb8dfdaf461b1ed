/* SPDX-License-Identifier: Apache-2.0 */
/* resolve.c: ${name}, ${env:X} and ${secret:file:/p} in the scalars of a tree. */
#include "core/config/config.h"

#include "core/config/config_internal.h"

#include <ctype.h>

enum parameter_type { P_STRING, P_INT, P_FLOAT, P_BOOL, P_DURATION, P_SIZE, P_RATE, P_TIME, P_N };
static const char *const type_names[] = {"string", "int", "float", "bool", "duration", "size", "rate", "time"};

struct parameter {
    enum parameter_type type;
    bool known; /* has a value; else an error was said */
    bool secret;
    leat_text value;
    enum node_kind kind;
};
struct resolver {
    struct document *d;
    struct findings *f;
    const struct map *given;
    struct map parameters; /* name to struct parameter, the document's */
    VEC(const char *) names;
};

/* --- declarations ------------------------------------------------------------------------------------------------ */

static bool fits(enum parameter_type type, leat_text t, struct err *err)
{
    int64_t i;
    double d;
    switch (type) {
    case P_INT:
        return parse_i64(t, &i, err) == 0;
    case P_FLOAT:
        return parse_f64(t, &d, err) == 0;
    case P_BOOL:
        err_set(err, EINVAL, "true or false is needed, not '" TEXT_FMT "'", TEXT_ARG(t));
        return text_is(t, "true") || text_is(t, "false");
    case P_DURATION:
        return parse_duration(t, &i, err) == 0;
    case P_SIZE:
        return parse_size(t, &i, err) == 0;
    case P_RATE:
        return parse_rate(t, &d, err) == 0;
    case P_TIME:
        return parse_time(t, &i, err) == 0;
    default:
        return true;
    }
}

static enum node_kind kind_of(enum parameter_type type)
{
    return type == P_INT ? NODE_INT : type == P_FLOAT ? NODE_FLOAT : type == P_BOOL ? NODE_BOOL : NODE_TEXT;
}

static enum parameter_type type_of_kind(enum node_kind k)
{
    return k == NODE_INT ? P_INT : k == NODE_FLOAT ? P_FLOAT : k == NODE_BOOL ? P_BOOL : P_STRING;
}

static enum parameter_type type_of(struct resolver *r, const struct node *declared)
{
    const struct node *t = node_get(declared, "type");
    for (size_t i = 0; t && i < P_N; i++)
        if (text_is(t->text, type_names[i]))
            return (enum parameter_type)i;
    if (t)
        finding_add(r->f, FINDING_ERROR, "E124", t, finding_suggest(r->f, t->text, type_names, P_N),
                    "'" TEXT_FMT "' is no type of a parameter", TEXT_ARG(t->text));
    const struct node *standard = node_get(declared, "default");
    return standard ? type_of_kind(standard->kind) : P_STRING;
}

static void check_keys(struct resolver *r, const struct node *declared)
{
    static const char *const keys[] = {"type", "default", "doc", "choices", "secret"};
    for (size_t i = 0; i < declared->n; i++) {
        bool known = false;
        for (size_t k = 0; k < N_OF(keys); k++)
            known |= text_is(declared->items[i]->key, keys[k]);
        if (!known)
            finding_add_key(r->f, FINDING_ERROR, "E127", declared->items[i],
                            finding_suggest(r->f, declared->items[i]->key, keys, N_OF(keys)),
                            "unknown key '" TEXT_FMT "' of a parameter", TEXT_ARG(declared->items[i]->key));
    }
}

static bool among(const struct node *choices, leat_text value)
{
    for (size_t i = 0; i < choices->n; i++)
        if (text_equal(choices->items[i]->text, value))
            return true;
    return false;
}

static void declare(struct resolver *r, const struct node *n)
{
    struct parameter *p = arena_zalloc(&r->d->memory, sizeof *p);
    const struct node *standard = n->kind == NODE_MAP ? node_get(n, "default") : n;
    const leat_text *given = r->given ? map_get(r->given, n->key) : NULL;
    const struct node *choices = node_get(n, "choices"), *secret = node_get(n, "secret");
    struct err err;
    if (n->kind == NODE_LIST) {
        finding_add(r->f, FINDING_ERROR, "E127", n, "write: {type: string, default: ...}",
                    "a parameter is declared by a map");
        return;
    }
    if (n->kind == NODE_MAP)
        check_keys(r, n);
    p->type = n->kind == NODE_MAP ? type_of(r, n) : type_of_kind(n->kind);
    p->kind = kind_of(p->type);
    p->secret = secret && text_is(secret->text, "true");
    *map_at(&r->parameters, n->key) = p;
    *VEC_PUSH(&r->names) = n->key.data;
    if (given)
        p->value = arena_text(&r->d->memory, *given);
    else if (standard && standard->kind != NODE_NULL)
        p->value = standard->text;
    else {
        finding_add_key(r->f, FINDING_ERROR, "E126", n, finding_text(r->f, "give it: -p %s=...", n->key.data),
                        "the parameter '%s' has neither a value nor a default", n->key.data);
        return;
    }
    p->known = true;
    leat_text shown = p->secret ? TEXT("(hidden)") : p->value;
    if (!fits(p->type, p->value, &err))
        finding_add(r->f, FINDING_ERROR, "E124", given ? n : standard, given ? "it was given with -p" : NULL,
                    "the parameter '%s' is of type %s: %s", n->key.data, type_names[p->type],
                    p->secret ? "its value is none" : err.text);
    else if (choices && choices->kind == NODE_LIST && !among(choices, p->value))
        finding_add(r->f, FINDING_ERROR, "E124", given ? n : standard, NULL,
                    "'" TEXT_FMT "' is none of the choices of '%s'", TEXT_ARG(shown), n->key.data);
}

static void declare_all(struct resolver *r)
{
    const struct node *all = node_get(r->d->root, "parameters");
    if (all && all->kind != NODE_MAP && all->kind != NODE_NULL)
        finding_add(r->f, FINDING_ERROR, "E127", all, "write: name: {type: string, default: ...}",
                    "parameters is a map of names");
    for (size_t i = 0; all && all->kind == NODE_MAP && i < all->n; i++)
        declare(r, all->items[i]);
    for (size_t i = 0; r->given && i < r->given->n; i++)
        if (!map_get(&r->parameters, r->given->at[i].key))
            finding_add(r->f, FINDING_ERROR, "E125", &(struct node){.file = r->d->file},
                        finding_suggest(r->f, r->given->at[i].key, r->names.at, r->names.n),
                        "-p " TEXT_FMT ": the flow has no such parameter", TEXT_ARG(r->given->at[i].key));
}

/* --- references -------------------------------------------------------------------------------------------------- */

struct found {
    leat_text value;
    enum node_kind kind;
    bool secret;
};

static bool from_environment(struct resolver *r, const struct node *n, leat_text name, struct found *ret)
{
    auto_free char *key = xstrndup(name.data, name.n);
    const char *v = getenv(key);
    if (!v) {
        finding_add(r->f, FINDING_ERROR, "E121", n, finding_text(r->f, "set it: %s=... leat ...", key),
                    "the environment has no variable '%s'", key);
        return false;
    }
    *ret = (struct found){arena_text(&r->d->memory, text_of(v)), NODE_TEXT, true};
    return true;
}

static bool from_secret(struct resolver *r, const struct node *n, leat_text where, struct found *ret)
{
    auto_buf b = {0};
    struct err err;
    if (where.n < 6 || memcmp(where.data, "file:", 5) != 0) {
        finding_add(r->f, FINDING_ERROR, "E123", n, "write ${secret:file:/path}", "a secret comes from a file");
        return false;
    }
    auto_free char *path = xstrndup(where.data + 5, where.n - 5);
    if (read_file(path, &b, &err) < 0) {
        finding_add(r->f, FINDING_ERROR, "E122", n, NULL, "the secret cannot be read: %s", err.text);
        return false;
    }
    while (b.n && (b.data[b.n - 1] == '\n' || b.data[b.n - 1] == '\r'))
        b.n--;
    *ret = (struct found){arena_text(&r->d->memory, buf_view(&b)), NODE_TEXT, true};
    secret_hide(ret->value);
    explicit_bzero(b.data, b.cap);
    return true;
}

static bool from_parameter(struct resolver *r, const struct node *n, leat_text name, struct found *ret)
{
    const struct parameter *p = map_get(&r->parameters, name);
    if (!p) {
        const char *hint =
            r->names.n ? finding_suggest(r->f, name, r->names.at, r->names.n)
                       : finding_text(r->f, "declare it: parameters: {" TEXT_FMT ": {type: string}}", TEXT_ARG(name));
        finding_add(r->f, FINDING_ERROR, "E120", n, hint, "no parameter is called '" TEXT_FMT "'", TEXT_ARG(name));
        return false;
    }
    *ret = (struct found){p->value, p->kind, p->secret};
    if (p->secret)
        secret_hide(p->value);
    return p->known;
}

static bool look_up(struct resolver *r, const struct node *n, leat_text what, struct found *ret)
{
    if (what.n > 4 && memcmp(what.data, "env:", 4) == 0)
        return from_environment(r, n, (leat_text){what.data + 4, what.n - 4}, ret);
    if (what.n > 7 && memcmp(what.data, "secret:", 7) == 0)
        return from_secret(r, n, (leat_text){what.data + 7, what.n - 7}, ret);
    if (memchr(what.data, ':', what.n)) {
        finding_add(r->f, FINDING_ERROR, "E123", n, "there are ${name}, ${env:NAME} and ${secret:file:/path}",
                    "'${" TEXT_FMT "}' names nothing", TEXT_ARG(what));
        return false;
    }
    return from_parameter(r, n, what, ret);
}

/* The text with its references replaced; $${ is a ${ that stays. */
static bool replace(struct resolver *r, struct node *n, struct buf *out)
{
    leat_text t = n->text;
    for (size_t i = 0; i < t.n;) {
        if (i + 2 < t.n && memcmp(t.data + i, "$${", 3) == 0) {
            buf_add(out, "${", 2);
            i += 3;
        } else if (i + 1 < t.n && memcmp(t.data + i, "${", 2) == 0) {
            const char *end = memchr(t.data + i, '}', t.n - i);
            struct found found;
            if (!end) {
                finding_add(r->f, FINDING_ERROR, "E123", n, "write $${ for a ${ that stays", "'${' has no end '}'");
                return false;
            }
            if (!look_up(r, n, (leat_text){t.data + i + 2, (size_t)(end - t.data) - i - 2}, &found))
                return false;
            n->secret |= found.secret;
            n->resolved = true;
            if (i == 0 && end == t.data + t.n - 1)
                n->kind = found.kind;
            buf_text(out, found.value);
            i = (size_t)(end - t.data) + 1;
        } else
            buf_char(out, t.data[i++]);
    }
    return true;
}

/* env:NAME or secret:file:/path without ${} is taken as it stands there, which is hardly meant. */
static void warn_of_bare(struct resolver *r, const struct node *n)
{
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    bool env = n->text.n > 4 && memcmp(n->text.data, "env:", 4) == 0;
    for (size_t i = 4; env && i < n->text.n; i++)
        env = strchr(upper, n->text.data[i]) && n->text.data[i];
    if (!env && !(n->text.n > 12 && memcmp(n->text.data, "secret:file:", 12) == 0))
        return;
    finding_add(r->f, FINDING_WARNING, "W505", n, finding_text(r->f, "write ${" TEXT_FMT "}", TEXT_ARG(n->text)),
                "'" TEXT_FMT "' is taken as it stands here", TEXT_ARG(n->text));
}

static void resolve(struct resolver *r, struct node *n)
{
    for (size_t i = 0; i < n->n; i++)
        resolve(r, n->items[i]);
    if (n->kind == NODE_TEXT)
        warn_of_bare(r, n);
    if (n->kind != NODE_TEXT || !memmem(n->text.data, n->text.n, "${", 2))
        return;
    auto_buf out = {0};
    if (replace(r, n, &out))
        n->text = arena_text(&r->d->memory, buf_view(&out));
}

size_t document_resolve(struct document *d, const struct map *parameters, struct findings *f)
{
    struct resolver r = {.d = d, .f = f, .given = parameters};
    size_t before = f->errors;
    if (!d->root)
        return 0;
    declare_all(&r);
    for (size_t i = 0; d->root->kind == NODE_MAP && i < d->root->n; i++)
        if (!text_is(d->root->items[i]->key, "parameters"))
            resolve(&r, d->root->items[i]);
    map_fini(&r.parameters);
    VEC_FINI(&r.names);
    return f->errors - before;
}
