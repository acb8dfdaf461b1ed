/* SPDX-License-Identifier: Apache-2.0 */
/* graph_test.c: flow files to plans: order, columns, ports, what is known of records, promises, pictures. */
#include "core/graph/graph.h"

#include <setjmp.h>
#include <unistd.h>

#include <cmocka.h>

static struct registry *registry;

struct planned_text {
    struct plan *plan;
    struct findings findings;
    char *said;
};

static char *printed(const struct findings *f)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    findings_print(f, to, false);
    fclose(to);
    return text;
}

/* A flow of these processors (and what stands before them at the top). */
static struct planned_text plan_text(const char *top, const char *processors)
{
    struct planned_text t = {0};
    struct err err;
    auto_buf b = {0};
    buf_printf(&b, "leat: 1\nflow: f\n%sprocessors:\n%s", top, processors);
    if (replace_file("f.yaml", buf_view(&b), &err) < 0)
        fail_msg("%s", err.text);
    t.plan = plan_read("f.yaml", registry, NULL, &t.findings);
    t.said = printed(&t.findings);
    return t;
}

static void plan_done(struct planned_text *t)
{
    plan_free(t->plan);
    findings_fini(&t->findings);
    free(t->said);
}

static struct planned_text right(const char *top, const char *processors)
{
    struct planned_text t = plan_text(top, processors);
    if (!t.plan)
        fail_msg("%s", t.said);
    return t;
}

static void says(const char *top, const char *processors, const char *what)
{
    struct planned_text t = plan_text(top, processors);
    if (t.plan || !strstr(t.said, what))
        fail_msg("%s%s\nsays\n%s\nnot\n%s", top, processors, t.said, what);
    plan_done(&t);
}

static const struct planned *named(const struct planned_text *t, const char *name)
{
    uint32_t i = plan_find(t->plan, text_of(name));
    assert_int_not_equal(i, UINT32_MAX);
    return &t->plan->processors[i];
}

#define IN "  in: {source: bytes, with: {paths: a}}\n"
#define TYPED                                                                                                          \
    "  in: {source: bytes, schema: {sku: text, qty: int, price: float, day: time?, word: text}, with: {paths: a}}\n"
#define SCREEN(from) "  out: {sink: screen, from: " from "}\n"

/* --- order and ports --------------------------------------------------------------------------------------------- */

static void sources_come_first_and_readers_after_what_they_read(void **state)
{
    struct planned_text t = right(
        "", "  out: {sink: screen, from: [b, late]}\n  b: {transform: keep, from: a, with: {where: true}}\n"
            "  a: {transform: keep, from: in, with: {where: true}}\n" IN "  late: {source: bytes, with: {paths: b}}\n");
    static const char *const order[] = {"in", "late", "a", "b", "out"};
    (void)state;
    for (size_t i = 0; i < N_OF(order); i++)
        assert_string_equal(t.plan->processors[i].name, order[i]);
    plan_done(&t);
}

static void ports_of_the_flow_are_numbered_behind_those_of_the_table(void **state)
{
    struct planned_text t =
        right("", IN "  fork: {transform: fork, from: in, ignore: [other], with: {ports: {low: a, high: b}}}\n"
                     "  x: {sink: screen, from: fork.high}\n  y: {sink: screen, from: [fork.low, fork.rejected]}\n");
    const struct planned *fork = named(&t, "fork");
    (void)state;
    assert_int_equal(fork->n_outputs, 4);
    assert_true(text_is(fork->ports[1].name, "low"));
    assert_true(text_is(fork->ports[3].name, "rejected"));
    assert_int_equal(fork->ports[0].n_targets, 0);
    assert_int_equal(fork->ports[2].targets[0].processor, plan_find(t.plan, TEXT("x")));
    assert_int_equal(fork->ports[3].n_targets, 1);
    assert_int_equal(fork->outputs[2].connected, 1);
    assert_int_equal(fork->outputs[0].connected, 0);
    assert_int_equal(fork->with[0].as.list.at[2].as.i64, 2);
    plan_done(&t);
}

static void inputs_of_the_flow_keep_their_names(void **state)
{
    struct planned_text t = right("", IN "  b: {source: numbers}\n  l: {transform: newest, from: {stock: in, inbound: "
                                         "[b]}, with: {emit_on: inbound}}\n" SCREEN("l"));
    const struct planned *l = named(&t, "l");
    (void)state;
    assert_int_equal(l->n_inputs, 2);
    assert_true(text_is(l->inputs[1].name, "inbound"));
    assert_int_equal(l->inputs[1].n_fields, 2);
    assert_int_equal(l->with[0].as.list.at[0].as.i64, 1);
    assert_int_equal(named(&t, "b")->ports[0].targets[0].input, 1);
    plan_done(&t);
    says("", IN "  l: {transform: newest, from: {stock: in}, with: {emit_on: stok}}\n" SCREEN("l"),
         "did you mean 'stock'?");
    says("", IN "  l: {transform: newest, from: in}\n" SCREEN("l"), "E220");
}

static void disabled_processors_take_what_reads_from_them_only_along(void **state)
{
    struct planned_text t = right("parameters: {demo: false}\n",
                                  IN "  a: {transform: keep, from: in, enabled: \"${demo}\", with: {where: true}}\n"
                                     "  b: {sink: screen, from: a}\n  c: {sink: screen, from: [in, a]}\n");
    (void)state;
    assert_int_equal(t.plan->n, 2);
    assert_int_equal(plan_find(t.plan, TEXT("b")), UINT32_MAX);
    plan_done(&t);
}

/* --- columns ----------------------------------------------------------------------------------------------------- */

static void equal_columns_share_a_number_and_options_come_first(void **state)
{
    struct planned_text t = right("", IN "  f: {transform: fixed, from: in}\n" SCREEN("f"));
    const struct planned *f = named(&t, "f");
    (void)state;
    assert_int_equal(f->n_bindings, 4);
    assert_int_equal(f->bindings[0].how, LEAT_READ);
    assert_true(f->bindings[0].required);
    assert_false(f->bindings[1].required);
    assert_true(text_is(paths_text(t.plan->paths, f->bindings[2].path), "total"));
    assert_int_equal(f->bindings[3].how, LEAT_REMOVE);
    plan_done(&t);
}

static void misspelt_fields_are_found_where_all_are_known(void **state)
{
    (void)state;
    says("", TYPED "  k: {transform: keep, from: in, with: {where: qyt < 5}}\n" SCREEN("k"), "did you mean 'qty'?");
    says("",
         TYPED "  k: {transform: put, from: in, with: {fields: {x: qty}}}\n  o: {sink: staged, from: k, with: {path: "
               "\"a/{y}\"}}\n",
         "f.yaml:6:47: error");
    says("", "  in: {source: numbers}\n  f: {transform: fixed, from: in}\n" SCREEN("f"), "price");
    says("",
         TYPED
         "  f: {transform: fixed, from: in}\n  k: {transform: keep, from: f, with: {where: word = 'a'}}\n" SCREEN("k"),
         "unknown field 'word'");
    struct planned_text t = right("", IN "  k: {transform: keep, from: in, with: {where: qyt < 5}}\n" SCREEN("k"));
    plan_done(&t);
    t = right("", TYPED "  f: {transform: fixed, from: in}\n  k: {transform: keep, from: f, with: {where: total > 5 "
                        "and $time is not null}}\n" SCREEN("k"));
    plan_done(&t);
}

static void types_that_do_not_convert_are_found(void **state)
{
    (void)state;
    says("", TYPED "  k: {transform: keep, from: in, with: {where: sku}}\n" SCREEN("k"),
         "E412: 'where' takes bool, and 'sku' is text");
    says("",
         "  in: {source: bytes, schema: {price: text, qty: int, word: text}, with: {paths: a}}\n  f: {transform: "
         "fixed, from: in}\n" SCREEN("f"),
         "E412");
}

static void later_fields_see_earlier_ones(void **state)
{
    struct planned_text t =
        right("", TYPED "  p:\n    transform: put\n    from: in\n    with:\n      fields:\n        a: qty + 1\n        "
                        "b: a * 2\n        qty: b\n        c: qty\n" SCREEN("p"));
    const struct planned *p = named(&t, "p");
    auto_buf text = {0};
    (void)state;
    const leat_value *pairs = p->with[0].as.list.at;
    const struct binding *b = &p->bindings[pairs[3].as.field - 1], *c = &p->bindings[pairs[7].as.field - 1];
    size_t n;
    assert_non_null(b->expr);
    const uint32_t *paths = expr_paths(b->expr, &n);
    assert_int_equal(n, 1);
    assert_true(text_is(paths_text(t.plan->paths, paths[0]), "qty"));
    assert_non_null(c->expr); /* the new qty, not the one that came in */
    plan_done(&t);
    says("", TYPED "  p: {transform: put, from: in, with: {fields: {a: b, b: qty}}}\n" SCREEN("p"), "'b'");
}

static void destinations_begin_literally(void **state)
{
    (void)state;
    says("", IN "  o: {sink: staged, from: in, with: {path: \"{sku}\"}}\n", "E413");
    struct planned_text t = right(
        "", IN
        "  o: {sink: staged, from: in, with: {path: \"a-{sku}\"}}\n  p: {sink: staged, from: in, with: {path: a}}\n");
    plan_done(&t);
}

/* --- the host's own options -------------------------------------------------------------------------------------- */

static void codec_batch_and_on_error_are_read(void **state)
{
    struct planned_text t =
        right("settings: {epoch: 2s, lanes: 3}\n",
              "  in: {source: bytes, with: {paths: a, codec: {csv: {delimiter: tab, columns: [x, y], compression: "
              "gzip, max_record: 1MiB}}}}\n"
              "  o: {sink: index, from: in, on_error: {unavailable: {retry: 2s..3m, give_up: 1h, then: drop}, refused: "
              "stop},\n"
              "      with: {batch: {records: 50, after: 1s}, in_flight: 2}}\n  p: {sink: index, from: in}\n");
    const struct planned *in = named(&t, "in"), *o = named(&t, "o"), *p = named(&t, "p");
    (void)state;
    assert_int_equal(in->codec.kind, CODEC_CSV);
    assert_int_equal(in->codec.delimiter, '\t');
    assert_int_equal(in->codec.n_columns, 2);
    assert_false(in->codec.header);
    assert_int_equal(in->codec.compression, COMPRESSION_GZIP);
    assert_int_equal(in->codec.max_record, 1 << 20);
    assert_ptr_equal(in->codec_given, &in->codec);
    assert_int_equal(o->on_error.retry_from_us, 2000000);
    assert_int_equal(o->on_error.retry_to_us, 180000000);
    assert_int_equal(o->on_error.give_up_us, 3600000000);
    assert_int_equal(o->on_error.then, ON_DROP);
    assert_int_equal(o->on_error.refused, ON_STOP);
    assert_int_equal(o->batching.records, 50);
    assert_int_equal(o->batching.after_us, 1000000);
    assert_int_equal(o->batching.in_flight, 2);
    assert_int_equal(p->batching.after_us, 300000);
    assert_int_equal(p->batching.in_flight, 3);
    assert_int_equal(t.plan->settings.epoch_us, 2000000);
    assert_int_equal(t.plan->lanes, 3);
    plan_done(&t);
}

static void connections_come_before_the_options_of_with(void **state)
{
    struct planned_text t = right("connections: {c: {bytes: {paths: [x, y], password: p}}}\n",
                                  "  in: {source: bytes, with: {use: c, password: q}}\n" SCREEN("in"));
    const struct planned *in = named(&t, "in");
    (void)state;
    assert_int_equal(in->with[0].as.list.n, 2);
    assert_true(text_is(in->with[1].as.text, "q"));
    plan_done(&t);
}

static void secrets_are_in_no_output(void **state)
{
    setenv("LEAT_GRAPH_TEST_SECRET", "hunter2", 1);
    struct planned_text t = right(
        "", "  in: {source: bytes, with: {paths: a, password: \"${env:LEAT_GRAPH_TEST_SECRET}\"}}\n" SCREEN("in"));
    auto_buf out = {0};
    (void)state;
    plan_explain(t.plan, &out);
    plan_json(t.plan, &out);
    plan_graph_text(t.plan, &out);
    assert_null(strstr(out.data, "hunter2"));
    plan_done(&t);
    t = plan_text("", "  in: {source: bytes, with: {password: swordfish, path: a}}\n" SCREEN("in"));
    assert_null(t.plan);
    assert_null(strstr(t.said, "swordfish"));
    plan_done(&t);
    t = plan_text("settings: {epoch: \"${env:LEAT_GRAPH_TEST_SECRET}\"}\n", IN SCREEN("in"));
    assert_null(t.plan);
    assert_null(strstr(t.said, "hunter2"));
    plan_done(&t);
}

static void write_file(const char *path, const char *text)
{
    struct err err;
    if (make_folders("parts", &err) < 0 || replace_file(path, text_of(text), &err) < 0)
        fail_msg("%s", err.text);
}

static void fragments_join_the_flow(void **state)
{
    (void)state;
    write_file("parts/a.yaml",
               "connections:\n  c: {bytes: {paths: [x]}}\nprocessors:\n  in: {source: bytes, with: {use: c}}\n");
    struct planned_text t = right("include: [parts/a.yaml]\n", SCREEN("in"));
    assert_true(text_is(named(&t, "in")->with[0].as.list.at[0].as.text, "x"));
    plan_done(&t);
    write_file("parts/a.yaml", "processors:\n  in: {source: bytes, with: {path: x}}\n");
    says("include: parts/a.yaml\n", SCREEN("in"), "parts/a.yaml:2:30: error E403");
    write_file("parts/a.yaml", "settings: {lanes: 2}\n");
    says("include: parts/a.yaml\n", IN SCREEN("in"), "parts/a.yaml:1:1: error E202");
}

static void json_schema_files_tell_the_fields(void **state)
{
    (void)state;
    write_file(
        "parts/s.json",
        "{\"type\": \"object\", \"required\": [\"sku\"], \"properties\": {\"sku\": {\"type\": \"string\"},\n"
        "  \"at\": {\"type\": \"string\", \"format\": \"date-time\"}, \"qty\": {\"type\": [\"integer\", \"null\"]},\n"
        "  \"supplier\": {\"type\": \"object\", \"properties\": {\"country\": {\"type\": \"string\"}}}}}");
    static const char flow[] = "  in: {source: bytes, schema: parts/s.json, strict: reject, with: {paths: a}}\n"
                               "  k: {transform: keep, from: in, with: {where: %s}}\n" SCREEN("k");
    auto_buf good = {0}, bad = {0};
    buf_printf(&good, flow, "supplier.country = 'CH' and qty > 5 and at is not null");
    struct planned_text t = right("", good.data);
    const struct planned *in = named(&t, "in");
    assert_int_equal(in->n_schema, 4);
    assert_true(in->schema_strict);
    assert_true(in->schema[0].required);
    assert_false(in->schema[2].required);
    assert_int_equal(in->schema[1].type, LEAT_TIME);
    assert_int_equal(in->n_watched, 0);
    plan_done(&t);
    buf_printf(&bad, flow, "supplier.county = 'CH'");
    says("", bad.data, "supplier.c");
}

static void fields_that_are_read_are_watched(void **state)
{
    struct planned_text t =
        right("", IN "  p: {transform: put, from: in, with: {fields: {a: qty}}}\n"
                     "  k: {transform: keep, from: p, with: {where: a > word.x and $time is not null}}\n" SCREEN("k"));
    const struct planned *in = named(&t, "in");
    (void)state;
    assert_int_equal(in->n_watched, 2);
    assert_true(text_is(paths_text(t.plan->paths, in->watched[0]), "qty"));
    assert_true(text_is(paths_text(t.plan->paths, in->watched[1]), "word.x"));
    plan_done(&t);
}

/* --- promises, lanes, hash --------------------------------------------------------------------------------------- */

static void promises_follow_the_classes_of_both_ends(void **state)
{
    static const struct {
        const char *source, *sink;
        enum guarantee guarantee;
    } cases[] = {
        {"bytes, with: {paths: a}", "staged, with: {path: a}", EFFECTIVELY_ONCE},
        {"bytes, with: {paths: a}", "index", EFFECTIVELY_ONCE},
        {"bytes, with: {paths: a}", "screen", AT_LEAST_ONCE},
        {"push", "index", AT_LEAST_ONCE},
        {"push", "screen", AT_LEAST_ONCE},
        {"packets", "index", AT_MOST_ONCE},
        {"bytes, with: {paths: a}", "index, on_error: {unavailable: {give_up: 1h, then: drop}}", AT_MOST_ONCE}};
    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        auto_buf b = {0};
        buf_printf(&b, "  in: {source: %s}\n  out: {from: in, sink: %s}\n", cases[i].source, cases[i].sink);
        struct planned_text t = right("", b.data);
        assert_int_equal(t.plan->n_promises, 1);
        if (t.plan->promises[0].guarantee != cases[i].guarantee)
            fail_msg("%s: %s", b.data, t.plan->promises[0].because);
        plan_done(&t);
    }
    says("require: exactly_once\n", IN SCREEN("in"), "E227: from 'in' to 'out' it is at least once only");
    struct planned_text t = right("require: exactly_once\n", IN "  o: {sink: index, from: in}\n");
    plan_done(&t);
}

static void upserts_need_ids_and_versions(void **state)
{
    (void)state;
    says("", IN "  a: {transform: keep, from: in, with: {where: true}}\n  o: {sink: index, from: [in, a]}\n", "E234");
    struct planned_text t = right("", IN "  b: {source: bytes, with: {paths: b}}\n"
                                         "  o: {sink: index, from: [in, b], with: {id: \"{sku}\"}}\n");
    assert_non_null(strstr(t.said, "warning W502"));
    plan_done(&t);
    t = right("", IN "  b: {source: bytes, with: {paths: b}}\n"
                     "  o: {sink: index, from: [in, b], with: {id: \"{sku}\", version: rev}}\n");
    assert_int_equal(t.findings.all.n, 0);
    plan_done(&t);
    t = right("", IN "  f: {transform: fork, from: in, ignore: [other], with: {ports: {a: x, b: y}}}\n  o: {sink: "
                     "index, from: [f.a, f.b]}\n");
    plan_done(&t);
}

static void one_lane_has_a_reason(void **state)
{
    struct planned_text t = right("settings: {lanes: 4}\n", IN "  o: {sink: staged, from: in, with: {path: a}}\n");
    (void)state;
    assert_int_equal(t.plan->lanes, 1);
    assert_string_equal(t.plan->lanes_because, "'o' (staged) runs on one lane only");
    plan_done(&t);
}

static void hashes_follow_what_matters(void **state)
{
    struct planned_text a = right("", IN SCREEN("in")), b = right("# other\n", IN "\n" SCREEN("in")),
                        c = right("", "  in: {source: bytes, with: {paths: b}}\n" SCREEN("in"));
    (void)state;
    assert_true(a.plan->hash == b.plan->hash);
    assert_true(a.plan->hash != c.plan->hash);
    assert_true(named(&a, "out")->hash == named(&c, "out")->hash);
    plan_done(&a);
    plan_done(&b);
    plan_done(&c);
}

static void what_comes_later_is_refused_kindly(void **state)
{
    (void)state;
    says("", IN "  c: {transform: counter, from: in}\n" SCREEN("c"),
         "E419: 'counter' needs keyed state, which comes with a later version");
    says("", IN "  c: {transform: keep, from: in, watermark: {time: t}, with: {where: true}}\n" SCREEN("c"), "E217");
    says("", IN "  c: {transform: refuse, from: in}\n" SCREEN("c"),
         "E414: refuse: these two options do not go together");
}

static void dead_letters_may_have_a_processor(void **state)
{
    struct planned_text t = right("dead_letters: {to: bad}\n", IN SCREEN("in") "  bad: {sink: screen}\n");
    (void)state;
    assert_int_equal(t.plan->dead_letters, plan_find(t.plan, TEXT("bad")));
    plan_done(&t);
}

/* --- pictures ---------------------------------------------------------------------------------------------------- */

static void pictures_show_forks_and_joins(void **state)
{
    struct planned_text t = right("", IN "  f: {transform: fork, from: in, with: {ports: {low: a}}}\n  k: {transform: "
                                         "keep, from: f.low, with: {where: true}}\n"
                                         "  out: {sink: screen, from: [k, f.other]}\n");
    auto_buf text = {0}, dot = {0};
    (void)state;
    plan_graph_text(t.plan, &text);
    assert_string_equal(text.data, "\u25cb  in  source bytes\n"
                                   "\u25cb  f  transform fork\n"
                                   "\u251c\u2500\u256e\n"
                                   "\u2502 \u25cb  k  transform keep  <- f.low\n"
                                   "\u25cb\u2500\u256f  out  sink screen  <- f.other\n");
    plan_graph_dot(t.plan, &dot);
    assert_non_null(strstr(dot.data, "\"f\" -> \"k\" [label=\"low\"];"));
    plan_done(&t);
}

static int open_registry(void **state)
{
    struct err err;
    auto_free char *folder =
        xasprintf("%s/tests/unit/graph_plugins", getenv("LEAT_BUILD") ? getenv("LEAT_BUILD") : ".");
    const char *const folders[] = {folder, NULL};
    (void)state;
    if (getenv("LEAT_TMP") && chdir(getenv("LEAT_TMP")) < 0)
        return -1;
    registry = registry_open(folders, NULL, &err);
    return registry ? 0 : -1;
}

static int close_registry(void **state)
{
    (void)state;
    registry_free(registry);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_come_first_and_readers_after_what_they_read),
        cmocka_unit_test(ports_of_the_flow_are_numbered_behind_those_of_the_table),
        cmocka_unit_test(inputs_of_the_flow_keep_their_names),
        cmocka_unit_test(disabled_processors_take_what_reads_from_them_only_along),
        cmocka_unit_test(equal_columns_share_a_number_and_options_come_first),
        cmocka_unit_test(misspelt_fields_are_found_where_all_are_known),
        cmocka_unit_test(types_that_do_not_convert_are_found),
        cmocka_unit_test(later_fields_see_earlier_ones),
        cmocka_unit_test(destinations_begin_literally),
        cmocka_unit_test(codec_batch_and_on_error_are_read),
        cmocka_unit_test(connections_come_before_the_options_of_with),
        cmocka_unit_test(secrets_are_in_no_output),
        cmocka_unit_test(fragments_join_the_flow),
        cmocka_unit_test(json_schema_files_tell_the_fields),
        cmocka_unit_test(fields_that_are_read_are_watched),
        cmocka_unit_test(promises_follow_the_classes_of_both_ends),
        cmocka_unit_test(upserts_need_ids_and_versions),
        cmocka_unit_test(one_lane_has_a_reason),
        cmocka_unit_test(hashes_follow_what_matters),
        cmocka_unit_test(what_comes_later_is_refused_kindly),
        cmocka_unit_test(dead_letters_may_have_a_processor),
        cmocka_unit_test(pictures_show_forks_and_joins),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, open_registry, close_registry);
}
