/* SPDX-License-Identifier: Apache-2.0 */
/* config_test.c: YAML to trees, findings and their places, references, options by tables. */
#include "core/config/config.h"

#include <setjmp.h>
#include <unistd.h>

#include <cmocka.h>

/* The findings of a text, as findings_print prints them; the caller frees it. */
static char *printed(const struct findings *f)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    findings_print(f, to, false);
    fclose(to);
    return text;
}

static char *findings_of(const char *yaml)
{
    struct document d = {0};
    struct findings f = {0};
    document_parse(&d, "f.yaml", text_of(yaml), &f);
    document_resolve(&d, NULL, &f);
    char *text = printed(&f);
    document_fini(&d);
    findings_fini(&f);
    return text;
}

#define assert_says(yaml, what)                                                                                        \
    do {                                                                                                               \
        char *said_ = findings_of(yaml);                                                                               \
        if (!strstr(said_, what))                                                                                      \
            fail_msg("%s\nsays\n%s\nnot\n%s", yaml, said_, what);                                                      \
        free(said_);                                                                                                   \
    } while (0)

/* --- YAML -------------------------------------------------------------------------------------------------------- */

static void scalars_have_the_kinds_of_yaml_1_2(void **state)
{
    static const struct {
        const char *text;
        enum node_kind kind;
    } cases[] = {{"", NODE_NULL},      {"~", NODE_NULL},        {"null", NODE_NULL},  {"true", NODE_BOOL},
                 {"FALSE", NODE_BOOL}, {"yes", NODE_TEXT},      {"12", NODE_INT},     {"-12", NODE_INT},
                 {"0x1F", NODE_INT},   {"0o17", NODE_INT},      {"1_000", NODE_TEXT}, {"0b1", NODE_TEXT},
                 {"1.5", NODE_FLOAT},  {".5", NODE_FLOAT},      {"1.", NODE_FLOAT},   {"1e3", NODE_FLOAT},
                 {"1e", NODE_TEXT},    {".", NODE_TEXT},        {"-", NODE_TEXT},     {".inf", NODE_FLOAT},
                 {"1:30", NODE_TEXT},  {"12:30:45", NODE_TEXT}, {"5m", NODE_TEXT},    {"2024-01-01", NODE_TEXT},
                 {"nan", NODE_TEXT}};
    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++)
        if (node_kind_of(text_of(cases[i].text)) != cases[i].kind)
            fail_msg("'%s' is %s", cases[i].text, node_kind_name(node_kind_of(text_of(cases[i].text))));
}

static void everything_has_a_place(void **state)
{
    struct document d = {0};
    struct findings f = {0};
    (void)state;
    assert_int_equal(document_parse(&d, "f.yaml", TEXT("a: 1\n\xc3\xbc\xc3\xbc: {b: [x, \"y\"]}\n"), &f), 0);
    const struct node *map = node_get(d.root, "\xc3\xbc\xc3\xbc"), *list = node_get(map, "b");
    assert_int_equal(map->key_line, 2);
    assert_int_equal(map->column, 5);
    assert_int_equal(list->items[1]->column, 13);
    assert_true(text_is(list->items[1]->source, "\"y\""));
    assert_false(list->items[1]->plain);
    assert_ptr_equal(list->items[1]->parent, list);
    document_fini(&d);
    findings_fini(&f);
}

static void findings_show_the_line_and_a_caret(void **state)
{
    char *text = findings_of("a: 1\nb: {c: yes}\n");
    (void)state;
    assert_string_equal(
        text, "f.yaml:2:8: error E106: 'yes' without quotes is read as true by some YAML readers, as a word by others\n"
              "  b: {c: yes}\n"
              "         ^~~\n"
              "  write true, or \"yes\" for the word\n");
    free(text);
}

static void yaml_that_flows_refuse(void **state)
{
    (void)state;
    assert_says("a: off\n", "E106");
    assert_says("a: 1\na: 2\n", "f.yaml:2:1: error E107: the key 'a' is here twice");
    assert_says("x: &x {a: 1}\ny:\n  <<: *x\n", "f.yaml:3:3: error E108");
    assert_says("? [a]\n: 1\n", "E109");
    assert_says("a: !Ref b\n", "E110");
    assert_says("a: *b\n", "E111: no anchor &b");
    assert_says("a: 1\n---\nb: 1\n", "f.yaml:2:1: error E112");
    assert_says("a:\n\tb: 1\n", "f.yaml:2:1: error E113");
    assert_says("a: [1, 2\nb: 3\n", "E102");
    assert_says("a: \"\xff\"\n", "E102: not readable as UTF-8 text");
}

static void aliases_copy_values(void **state)
{
    struct document d = {0};
    struct findings f = {0};
    (void)state;
    assert_int_equal(document_parse(&d, "f", TEXT("a: &x {retry: 1s}\nb: *x\n"), &f), 0);
    assert_true(text_is(node_get(node_get(d.root, "b"), "retry")->text, "1s"));
    assert_int_equal(node_get(node_get(d.root, "b"), "retry")->line, 2);
    document_fini(&d);
    findings_fini(&f);
}

static void billions_of_aliases_end(void **state)
{
    (void)state;
    assert_says(
        "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: "
        "[*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
        "E112");
    auto_buf deep = {0};
    for (int i = 0; i < 500; i++)
        buf_str(&deep, "[");
    assert_says(deep.data, "nested deeper");
}

static void collisions_with_expressions_are_explained(void **state)
{
    (void)state;
    assert_says("with: {where: a in ('x', 'y')}\n", "f.yaml:1:15: error E104");
    assert_says("with: {path: out/{day}.csv, roll: 1h}\n", "E103");
    assert_says("with: {path: out/{day}.csv, roll: 1h}\n", "  with: {path: \"out/{day}.csv\", roll: 1h}\n");
    assert_says("with: {where: a in ('x', 'y')}\n", "  with: {where: \"a in ('x', 'y')\"}\n");
    assert_says("with: {x: coalesce(a, b)}\n", "f.yaml:1:11: error E104");
    assert_says("with: {x: coalesce(a, b), y: 1}\n", "  with: {x: \"coalesce(a, b)\", y: 1}\n");
    assert_says("where: @time > now()\n", "f.yaml:1:8: error E114");
    assert_says("where: \"Order Id\" = 5\n", "  where: '\"Order Id\" = 5'\n");
    assert_says("where: 'a' = b\n", "  where: \"'a' = b\"\n");
    assert_says("brokers: {x: ${brokers}}\n", "  brokers: {x: \"${brokers}\"}\n");
}

/* --- references -------------------------------------------------------------------------------------------------- */

static const char parameters[] = "parameters:\n  n: {type: int, default: 5}\n  s: {type: string}\n";

static struct node *resolved(struct document *d, struct findings *f, const char *more, const char *s)
{
    struct map given = {0};
    leat_text value = text_of(s);
    auto_buf text = {0};
    buf_printf(&text, "%s%s", parameters, more);
    document_parse(d, "f.yaml", buf_view(&text), f);
    *map_at(&given, TEXT("s")) = &value;
    document_resolve(d, &given, f);
    map_fini(&given);
    return (struct node *)(uintptr_t)node_get(d->root, "x");
}

static void parameters_are_typed_and_put_into_texts(void **state)
{
    struct document d = {0};
    struct findings f = {0};
    (void)state;
    struct node *x = resolved(&d, &f, "x: [\"${n}\", \"a-${s}-$${b}\"]\n", "it's");
    assert_int_equal(f.errors, 0);
    assert_int_equal(x->items[0]->kind, NODE_INT);
    assert_true(text_is(x->items[0]->text, "5"));
    assert_true(text_is(x->items[1]->text, "a-it's-${b}"));
    document_fini(&d);
    findings_fini(&f);
}

static void wrong_references_are_found(void **state)
{
    (void)state;
    assert_says("parameters: {brokers: a}\nx: ${broker}\n", "f.yaml:2:4: error E120");
    assert_says("parameters: {brokers: a}\nx: ${broker}\n", "did you mean 'brokers'?");
    assert_says("x: ${env:LEAT_NOT_SET}\n", "E121");
    assert_says("x: ${secret:file:/nowhere/at/all}\n", "E122");
    assert_says("x: ${secret:/p}\n", "E123");
    assert_says("x: ${a\n", "E123");
    assert_says("parameters:\n  n: {type: int, default: abc}\n", "E124");
    assert_says("parameters:\n  n: {type: integer}\n", "known here: string, int");
    assert_says("parameters:\n  n: {type: int}\n", "E126");
    assert_says("parameters:\n  n: {typ: int, default: 1}\n", "E127");
    assert_says("parameters:\n  n: {default: a, choices: [b, c]}\n", "none of the choices");
}

static void secrets_are_read_and_marked(void **state)
{
    struct document d = {0};
    struct findings f = {0};
    char path[] = "/tmp/leat-secret-XXXXXX";
    int fd = mkstemp(path);
    (void)state;
    assert_int_equal(write_all(fd, "pass word\n", 10), 0);
    close(fd);
    auto_buf text = {0};
    buf_printf(&text, "x: ${secret:file:%s}\n", path);
    document_parse(&d, "f.yaml", buf_view(&text), &f);
    assert_int_equal(document_resolve(&d, NULL, &f), 0);
    assert_true(text_is(node_get(d.root, "x")->text, "pass word"));
    assert_true(node_get(d.root, "x")->secret);
    unlink(path);
    document_fini(&d);
    findings_fini(&f);
}

/* --- options ----------------------------------------------------------------------------------------------------- */

/* A binder that remembers what was bound, and prints it. */
enum { BOUND_MAX = 64 };
struct binder {
    char text[BOUND_MAX][80];
    uint32_t n;
    int64_t outputs;
};
static const char *const inputs[] = {"orders", "shipments"};

static leat_value bound(struct binder *b, const char *format, leat_text text)
{
    b->n++;
    snprintf(b->text[b->n], sizeof b->text[0], format, (int)text.n, text.data);
    return (leat_value){.type = LEAT_JSON, .as.field = b->n};
}

static bool bind_read(void *self, const leat_option *o, uint32_t port, const struct node *where, leat_text text,
                      leat_value *ret)
{
    (void)o, (void)where;
    *ret = bound(self, port == 1 ? "<%.*s of shipments>" : "<%.*s>", text);
    return true;
}

static bool bind_write(void *self, const leat_option *o, const struct node *where, leat_text name, leat_value *ret)
{
    (void)o, (void)where;
    *ret = bound(self, "=%.*s", name);
    return true;
}

static bool bind_key(void *self, const leat_option *o, uint32_t port, const struct node *where, leat_text text,
                     leat_value *ret)
{
    (void)o, (void)port, (void)where, (void)text;
    *ret = bound(self, "key%.*s", TEXT(""));
    return true;
}

static bool bind_aggregate(void *self, const leat_option *o, uint32_t port, const struct node *where, leat_text text,
                           leat_value *ret)
{
    (void)o, (void)port, (void)where;
    *ret = bound(self, "#%.*s", text);
    return true;
}

static bool bind_input(void *self, const leat_option *o, const struct node *where, leat_text name, leat_value *ret)
{
    (void)self, (void)o, (void)where;
    for (size_t i = 0; i < N_OF(inputs); i++)
        if (text_is(name, inputs[i])) {
            *ret = (leat_value){.type = LEAT_I64, .as.i64 = (int64_t)i};
            return true;
        }
    return false;
}

static bool bind_output(void *self, const leat_option *o, const struct node *where, leat_text name, leat_value *ret)
{
    (void)o, (void)where, (void)name;
    *ret = (leat_value){.type = LEAT_I64, .as.i64 = ((struct binder *)self)->outputs++};
    return true;
}

static void put_value(struct buf *out, const struct binder *b, const leat_option *o, const leat_value *v);

static void put_one(struct buf *out, const struct binder *b, const leat_option *o, const leat_value *v)
{
    bool field = o->type == LEAT_OPT_READ || o->type == LEAT_OPT_TEMPLATE || o->type == LEAT_OPT_WRITE ||
                 o->type == LEAT_OPT_KEY || o->type == LEAT_OPT_AGGREGATE;
    if (o->type == LEAT_OPT_GROUP) {
        const char *comma = "";
        buf_char(out, '{');
        for (uint32_t i = 0; i < o->n_rows; i++)
            if (v->as.list.at[i].type != LEAT_NULL) {
                buf_printf(out, "%s%s: ", comma, o->rows[i].name);
                put_value(out, b, &o->rows[i], &v->as.list.at[i]);
                comma = ", ";
            }
        buf_char(out, '}');
    } else if (field)
        buf_str(out, b->text[v->as.field]);
    else if (v->type == LEAT_TEXT)
        buf_text(out, v->as.text);
    else if (v->type == LEAT_F64)
        buf_printf(out, "%g", v->as.f64);
    else
        buf_printf(out, "%lld", (long long)v->as.i64);
}

static void put_value(struct buf *out, const struct binder *b, const leat_option *o, const leat_value *v)
{
    if (!(o->flags & (LEAT_MANY | LEAT_PAIRS))) {
        put_one(out, b, o, v);
        return;
    }
    buf_char(out, '[');
    for (size_t i = 0; i < v->as.list.n; i++) {
        const leat_value *x = &v->as.list.at[i];
        buf_str(out, i ? ", " : "");
        if (o->flags & LEAT_PAIRS) {
            if (o->names == LEAT_OPT_WRITE)
                buf_printf(out, "%s ", b->text[x->as.field]);
            else if (o->names == LEAT_OPT_OUTPUT)
                buf_printf(out, "port %lld ", (long long)x->as.i64);
            else
                buf_printf(out, TEXT_FMT " ", TEXT_ARG(x->as.text));
            x = &v->as.list.at[++i];
        }
        put_one(out, b, o, x);
    }
    buf_char(out, ']');
}

/* What a text under `with` becomes; or "!" and the findings. The caller frees it. */
static char *options_of(const leat_option *rows, uint32_t n, const char *yaml)
{
    struct document d = {0};
    struct findings f = {0};
    struct arena a = {0};
    struct binder b = {0};
    struct option_binder binder = {&b,       bind_read,      bind_read,  bind_write,
                                   bind_key, bind_aggregate, bind_input, bind_output};
    leat_option top = {.name = "with", .type = LEAT_OPT_GROUP, .rows = rows, .n_rows = n};
    leat_value *values, group = {.type = LEAT_LIST};
    auto_buf out = {0};
    assert_int_equal(document_parse(&d, "f.yaml", text_of(yaml), &f), 0);
    if (options_read(&a, rows, n, d.root, d.root, NULL, &binder, &f, &values)) {
        auto_free char *said = printed(&f);
        buf_printf(&out, "!%s", said);
    } else {
        group.as.list.at = values;
        group.as.list.n = n;
        put_one(&out, &b, &top, &group);
    }
    arena_fini(&a);
    document_fini(&d);
    findings_fini(&f);
    return buf_steal(&out);
}

#define ROWS(table) .type = LEAT_OPT_GROUP, .rows = table, .n_rows = LEAT_N(table)
static const leat_option window_rows[] = {
    {.name = "tumbling", .type = LEAT_OPT_DURATION, .flags = LEAT_ONE_OF},
    {.name = "sliding", .type = LEAT_OPT_DURATION, .flags = LEAT_ONE_OF},
    {.name = "every", .type = LEAT_OPT_DURATION, .flags = LEAT_REQUIRED, .only_with = "sliding"},
    {.name = "session", .type = LEAT_OPT_DURATION, .flags = LEAT_ONE_OF},
    {.name = "count", .type = LEAT_OPT_I64, .flags = LEAT_ONE_OF},
    {.name = "calendar", .type = LEAT_OPT_CHOICE, .choices = "day|week|month", .flags = LEAT_ONE_OF},
    {.name = "starts", .type = LEAT_OPT_CHOICE, .choices = "monday|sunday", .only_with = "calendar"},
    {.name = "zone", .type = LEAT_OPT_TEXT, .standard = "UTC"},
};
static const leat_option emit_rows[] = {
    {.name = "when", .type = LEAT_OPT_CHOICE, .choices = "final", .flags = LEAT_ONE_OF | LEAT_BARE},
    {.name = "early", .type = LEAT_OPT_DURATION, .flags = LEAT_ONE_OF},
};
static const leat_option fill_rows[] = {
    {.name = "for", .type = LEAT_OPT_DURATION, .flags = LEAT_REQUIRED},
    {.name = "*", .type = LEAT_OPT_READ, .flags = LEAT_PAIRS, .names = LEAT_OPT_WRITE},
};
static const leat_option aggregate_rows[] = {
    {.name = "key", .type = LEAT_OPT_KEY, .flags = LEAT_MANY},
    {.name = "window", ROWS(window_rows)},
    {.name = "fields",
     .type = LEAT_OPT_AGGREGATE,
     .flags = LEAT_PAIRS,
     .names = LEAT_OPT_WRITE,
     .choices = "count|sum|avg|quantile"},
    {.name = "emit", ROWS(emit_rows), .standard = "final"},
    {.name = "fill", ROWS(fill_rows)},
};
static const leat_option within_rows[] = {
    {.name = "before", .type = LEAT_OPT_DURATION, .flags = LEAT_BARE | LEAT_REQUIRED},
    {.name = "after", .type = LEAT_OPT_DURATION, .flags = LEAT_BARE | LEAT_REQUIRED},
};
static const leat_option join_rows[] = {
    {.name = "left", .type = LEAT_OPT_KEY, .flags = LEAT_MANY | LEAT_REQUIRED},
    {.name = "right", .type = LEAT_OPT_KEY, .flags = LEAT_MANY | LEAT_REQUIRED, .port = 1},
    {.name = "within", ROWS(within_rows), .flags = LEAT_ONE_OF},
    {.name = "latest", .type = LEAT_OPT_BOOL, .flags = LEAT_ONE_OF},
};
static const leat_option one_field_rows[] = {
    {.name = "add", .type = LEAT_OPT_READ, .column = LEAT_F64, .flags = LEAT_ONE_OF},
    {.name = "last", .type = LEAT_OPT_READ, .flags = LEAT_ONE_OF},
    {.name = "where", .type = LEAT_OPT_READ, .column = LEAT_BOOL, .flags = LEAT_MAY_MISS},
};
static const leat_option accumulate_rows[] = {
    {.name = "fields", ROWS(one_field_rows), .flags = LEAT_PAIRS, .names = LEAT_OPT_WRITE}};
static const leat_option step_rows[] = {
    {.name = "name", .type = LEAT_OPT_TEXT, .flags = LEAT_REQUIRED},
    {.name = "where", .type = LEAT_OPT_READ, .column = LEAT_BOOL, .port = LEAT_CHOSEN_INPUT, .flags = LEAT_MAY_MISS},
    {.name = "from", .type = LEAT_OPT_INPUT},
    {.name = "absent", .type = LEAT_OPT_BOOL, .standard = "false"},
};
static const leat_option pattern_rows[] = {{.name = "sequence", ROWS(step_rows), .flags = LEAT_MANY | LEAT_REQUIRED},
                                           {.name = "within", .type = LEAT_OPT_DURATION}};
static const leat_option http_rows[] = {{.name = "url", .type = LEAT_OPT_TEMPLATE, .flags = LEAT_REQUIRED},
                                        {.name = "headers", .type = LEAT_OPT_TEMPLATE, .flags = LEAT_PAIRS}};
static const leat_option sql_rows[] = {{.name = "dsn", .type = LEAT_OPT_TEXT, .flags = LEAT_SECRET},
                                       {.name = "query", .type = LEAT_OPT_TEMPLATE}};
static const leat_option table_rows[] = {
    {.name = "file", .type = LEAT_OPT_TEXT, .flags = LEAT_ONE_OF},
    {.name = "http", ROWS(http_rows), .flags = LEAT_ONE_OF},
    {.name = "sql", ROWS(sql_rows), .flags = LEAT_ONE_OF},
};
static const leat_option cache_rows[] = {
    {.name = "size", .type = LEAT_OPT_SIZE, .standard = "64MiB"},
    {.name = "ttl", .type = LEAT_OPT_DURATION, .standard = "1m"},
    {.name = "negative", .type = LEAT_OPT_DURATION, .standard = "5s"},
};
static const leat_option lookup_rows[] = {
    {.name = "table", ROWS(table_rows), .flags = LEAT_REQUIRED},
    {.name = "match", .type = LEAT_OPT_READ, .flags = LEAT_PAIRS},
    {.name = "take", .type = LEAT_OPT_TEXT, .flags = LEAT_MANY},
    {.name = "cache", ROWS(cache_rows)},
};
static const leat_option after_rows[] = {
    {.name = "what", .type = LEAT_OPT_CHOICE, .choices = "keep|delete", .flags = LEAT_BARE | LEAT_ONE_OF},
    {.name = "move", .type = LEAT_OPT_TEXT, .flags = LEAT_ONE_OF},
};
static const leat_option roll_rows[] = {{.name = "size", .type = LEAT_OPT_SIZE},
                                        {.name = "every", .type = LEAT_OPT_DURATION}};
static const leat_option file_rows[] = {
    {.name = "paths", .type = LEAT_OPT_TEXT, .flags = LEAT_MANY},
    {.name = "after", ROWS(after_rows), .standard = "keep"},
    {.name = "roll", ROWS(roll_rows)},
    {.name = "rate", .type = LEAT_OPT_RATE},
    {.name = "since", .type = LEAT_OPT_TIME},
    {.name = "workers", .type = LEAT_OPT_I64, .range = "1..8"},
    {.name = "pause", .type = LEAT_OPT_DURATION, .range = "1s..1h"},
    {.name = "old", .type = LEAT_OPT_TEXT, .flags = LEAT_DEPRECATED, .doc = "use `paths`"},
};
static const leat_option tls_rows[] = {
    {.name = "ca", .type = LEAT_OPT_TEXT},
    {.name = "cert", .type = LEAT_OPT_TEXT},
    {.name = "key", .type = LEAT_OPT_TEXT, .flags = LEAT_SECRET | LEAT_REQUIRED, .only_with = "cert"},
    {.name = "verify", .type = LEAT_OPT_BOOL, .standard = "true"},
};
static const leat_option sink_rows[] = {
    {.name = "tls", ROWS(tls_rows)},
    {.name = "properties", .type = LEAT_OPT_TEXT, .flags = LEAT_PAIRS},
    {.name = "op", .type = LEAT_OPT_TEMPLATE, .choices = "index|create|update|delete", .standard = "index"},
    {.name = "columns", .type = LEAT_OPT_READ, .flags = LEAT_PAIRS},
    {.name = "database", .type = LEAT_OPT_TEXT, .flags = LEAT_ONE_OF},
    {.name = "dsn", .type = LEAT_OPT_TEXT, .flags = LEAT_ONE_OF},
    {.name = "quantiles", .type = LEAT_OPT_F64, .flags = LEAT_MANY},
    {.name = "version", .type = LEAT_OPT_READ, .column = LEAT_I64, .standard = "$version"},
};
static const leat_option route_rows[] = {
    {.name = "ports", .type = LEAT_OPT_READ, .column = LEAT_BOOL, .flags = LEAT_PAIRS, .names = LEAT_OPT_OUTPUT},
    {.name = "emit_on", .type = LEAT_OPT_INPUT, .flags = LEAT_MANY}};

#define CASE(table, text, result)                                                                                      \
    {                                                                                                                  \
        table, LEAT_N(table), text, result                                                                             \
    }
static const struct {
    const leat_option *rows;
    uint32_t n;
    const char *text, *result;
} option_cases[] = {
    CASE(aggregate_rows,
         "{key: sku, window: {tumbling: 1h}, fields: {total: sum(qty), n: count(), p: \"quantile(qty, 0.95)\"}}",
         "{key: [key], window: {tumbling: 3600000000, zone: UTC}, fields: [=total #sum(qty), =n #count(), =p "
         "#quantile(qty, 0.95)], emit: {when: 0}}"),
    CASE(aggregate_rows, "{window: {sliding: 1h, every: 5m}, emit: {early: 10s}, fill: {qty: 0, for: 90d}}",
         "{window: {sliding: 3600000000, every: 300000000, zone: UTC}, emit: {early: 10000000}, fill: {for: "
         "7776000000000, *: [=qty <0>]}}"),
    CASE(aggregate_rows, "{window: {calendar: week, starts: monday, zone: Europe/Zurich}}",
         "{window: {calendar: 1, starts: 0, zone: Europe/Zurich}, emit: {when: 0}}"),
    CASE(aggregate_rows, "{window: {tumbling: 1h, session: 30m}}",
         "!E409: only one of tumbling, sliding, session, count, calendar can be given, 2 are"),
    CASE(aggregate_rows, "{window: {zone: UTC}}",
         "!E409: one of tumbling, sliding, session, count, calendar is needed"),
    CASE(aggregate_rows, "{window: {sliding: 1h}}", "!E408: the option 'every' is required"),
    CASE(aggregate_rows, "{window: {tumbling: 1h, every: 5m}}", "!E410: 'every' goes with 'sliding' only"),
    CASE(aggregate_rows, "{window: {tumbling: 3600}}",
         "!E405: 'tumbling': a duration needs its unit: '3600s' or '3600ms'"),
    CASE(aggregate_rows, "{window: {tumblin: 1h}}", "!E403: unknown option 'tumblin'"),
    CASE(aggregate_rows, "{window: {tumblin: 1h}}", "!did you mean 'tumbling'?"),
    CASE(aggregate_rows, "{window: 1h}", "!E404: a value needs a name here: '1h'"),
    CASE(join_rows, "{left: order_id, right: [order_id, line], within: 5m}",
         "{left: [key], right: [key, key], within: {before: 300000000, after: 300000000}}"),
    CASE(join_rows, "{left: order_id, right: order_id, within: {before: 5m, after: 2h}}",
         "{left: [key], right: [key], within: {before: 300000000, after: 7200000000}}"),
    CASE(join_rows, "{left: order_id, right: order_id, latest: true}", "{left: [key], right: [key], latest: 1}"),
    CASE(join_rows, "{left: order_id, right: order_id}", "!E409: one of within, latest is needed"),
    CASE(join_rows, "{left: order_id, right: order_id, latest: \"true\"}",
         "!E404: 'latest' is true or false, not 'true'"),
    CASE(accumulate_rows, "{fields: {on_order: {add: qty, where: \"status = 'placed'\"}, price: {last: price}}}",
         "{fields: [=on_order {add: <qty>, where: <status = 'placed'>}, =price {last: <price>}]}"),
    CASE(pattern_rows,
         "{sequence: [{name: placed, from: orders, where: \"qty > 5\"}, {name: shipped, from: shipments, where: late, "
         "absent: true}], within: 2h}",
         "{sequence: [{name: placed, where: <qty > 5>, from: 0, absent: 0}, {name: shipped, where: <late of "
         "shipments>, from: 1, absent: 1}], within: 7200000000}"),
    CASE(lookup_rows,
         "{table: {http: {url: \"http://items/{sku}\", headers: {X-Key: \"{$id}\"}}}, match: {sku: sku}, take: [name, "
         "price], cache: {size: 1MiB, ttl: 1h}}",
         "{table: {http: {url: <http://items/{sku}>, headers: [X-Key <{$id}>]}}, match: [sku <sku>], take: [name, "
         "price], cache: {size: 1048576, ttl: 3600000000, negative: 5000000}}"),
    CASE(lookup_rows, "{table: {file: items.csv}}", "{table: {file: items.csv}}"),
    CASE(lookup_rows, "{table: {file: [a, b]}}", "!E415: 'file' is one value, not a list"),
    CASE(file_rows, "{paths: \"in/*.json\", after: {move: done}, roll: {size: 1GiB, every: 1h}, rate: 100/s}",
         "{paths: [in/*.json], after: {move: done}, roll: {size: 1073741824, every: 3600000000}, rate: 100}"),
    CASE(file_rows, "{paths: [a, b], after: delete}", "{paths: [a, b], after: {what: 1}}"),
    CASE(file_rows, "{since: 1970-01-01T00:00:01Z, workers: 0x8, pause: 1m}",
         "{after: {what: 0}, since: 1000000, workers: 8, pause: 60000000}"),
    CASE(file_rows, "{workers: 9}", "!E407: 'workers' must be within 1..8, not 9"),
    CASE(file_rows, "{workers: 1.5}", "!E404: 'workers' is a whole number, not '1.5'"),
    CASE(file_rows, "{workers: \"5\"}", "!leave the quotes out"),
    CASE(file_rows, "{pause: 5ms}", "!E407: 'pause' must be within 1s..1h, not 5ms"),
    CASE(file_rows, "{rate: 100}", "!E405"),
    CASE(file_rows, "{coalesce(a: 1}", "!E104"),
    CASE(sink_rows,
         "{database: stock.db, tls: {ca: ca.pem}, properties: {linger.ms: 50}, columns: {\"cf:qty\": qty}, quantiles: "
         "[0.05, 0.5, 0.95]}",
         "{tls: {ca: ca.pem, verify: 1}, properties: [linger.ms 50], op: <index>, columns: [cf:qty <qty>], database: "
         "stock.db, quantiles: [0.05, 0.5, 0.95], version: <$version>}"),
    CASE(sink_rows, "{database: a, dsn: b}", "!E409: only one of database, dsn can be given, 2 are"),
    CASE(sink_rows, "{database: a, op: upsert}",
         "!E406: 'upsert' is none of the choices of 'op': index, create, update, delete"),
    CASE(sink_rows, "{database: a, op: \"{what}\"}", "{op: <{what}>, database: a, version: <$version>}"),
    CASE(sink_rows, "{database: a, tls: {cert: c.pem}}", "!E408: the option 'key' is required"),
    CASE(sink_rows, "{database: a, columns: [a]}", "!E404: 'columns' is a map of names and values, not a list"),
    CASE(route_rows, "{ports: {low: \"qty < 5\", odd: odd}, emit_on: shipments}",
         "{ports: [port 0 <qty < 5>, port 1 <odd>], emit_on: [1]}"),
    CASE(route_rows, "ports:\n  low: name like 'lot #%'\n", "!f.yaml:2:22: error E105"),
};

static void options_become_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(option_cases); i++) {
        const char *result = option_cases[i].result;
        if (strstr(result, "E104"))
            continue; /* of YAML, not of options */
        auto_free char *got = options_of(option_cases[i].rows, option_cases[i].n, option_cases[i].text);
        bool same = result[0] == '!' ? got[0] == '!' && strstr(got, result + 1) : strcmp(got, result) == 0;
        if (!same)
            fail_msg("%s\nare  %s\nnot  %s", option_cases[i].text, got, result);
    }
}

static void schemas_are_json(void **state)
{
    auto_buf out = {0};
    (void)state;
    options_schema(aggregate_rows, LEAT_N(aggregate_rows), &out);
    assert_non_null(strstr(out.data, "\"tumbling\":{\"type\":\"string\""));
    struct document d = {0};
    struct findings f = {0};
    if (document_parse(&d, "schema", buf_view(&out), &f)) /* JSON is YAML */
        fail_msg("%s\n%s", printed(&f), out.data);
    document_fini(&d);
    findings_fini(&f);
}

static void codes_are_unique_and_told(void **state)
{
    size_t n;
    const struct code_doc *all = code_all(&n);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(code_find(all[i].code), &all[i]);
        assert_true(strlen(all[i].text) > 20);
    }
    assert_null(code_find("E999"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_have_the_kinds_of_yaml_1_2),
        cmocka_unit_test(everything_has_a_place),
        cmocka_unit_test(findings_show_the_line_and_a_caret),
        cmocka_unit_test(yaml_that_flows_refuse),
        cmocka_unit_test(aliases_copy_values),
        cmocka_unit_test(billions_of_aliases_end),
        cmocka_unit_test(collisions_with_expressions_are_explained),
        cmocka_unit_test(parameters_are_typed_and_put_into_texts),
        cmocka_unit_test(wrong_references_are_found),
        cmocka_unit_test(secrets_are_read_and_marked),
        cmocka_unit_test(options_become_values),
        cmocka_unit_test(schemas_are_json),
        cmocka_unit_test(codes_are_unique_and_told),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
