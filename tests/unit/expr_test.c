/* SPDX-License-Identifier: Apache-2.0 */
/* expr_test.c: the language of expressions: values, errors, types. */
#include "core/expr/expr_internal.h"
#include "tests/unit/expr_lab.h"

/* Row `row` of the result as JSON, or "!code: sentence". */
static void result_json(struct lab *l, const struct expr *e, struct batch *b, bool rows, uint32_t row, struct buf *out)
{
    struct read r = rows ? expr_eval_rows(l->run, e, b, LEAT_NULL) : expr_eval(l->run, e, b, LEAT_NULL);
    assert_int_equal(r.column->n, b->view.n);
    if (r.bad && r.bad[row >> 6] >> (row & 63) & 1) {
        char why[256];
        const char *code = "?";
        expr_reason(l->run, e, b, row, LEAT_NULL, why, &code);
        buf_printf(out, "!%s: %s", code, why);
        return;
    }
    struct batch *o = batch_derive(l->pool, l->paths, b, NULL, 0, true);
    batch_write_column(o, paths_add(l->paths, TEXT("x")), r.column);
    batch_seal(o);
    const leat_column *json = batch_read(o, paths_find(l->paths, TEXT("x")), LEAT_JSON).column;
    buf_text(out, leat_has(json, row) ? ((const leat_text *)json->data)[row] : TEXT("null"));
    batch_unref(o);
}

static char *evaluated(struct lab *l, const char *text, const char *record, bool rows)
{
    struct expr_error error;
    auto_buf out = {0};
    struct expr *e = expr_parse(&l->arena, l->paths, text_of(text), NULL, &error);
    if (!e)
        return xasprintf("?%s@%zu+%zu: %s%s%s", error.code, error.offset, error.length, error.text,
                         error.hint[0] ? "; " : "", error.hint);
    struct batch *b = records(l, record);
    result_json(l, e, b, rows, 0, &out);
    batch_unref(b);
    return buf_steal(&out);
}

static void expect(struct lab *l, const char *text, const char *record, const char *result)
{
    for (int rows = 0; rows < 2; rows++) {
        auto_free char *is = evaluated(l, text, record, rows);
        if (strcmp(is, result) != 0)
            print_error("%s over %s%s\n", text, record, rows ? " (row by row)" : "");
        assert_string_equal(is, result);
    }
}

struct example {
    const char *text, *result;
};

static void all(struct lab *l, const struct example *examples, size_t n, const char *record)
{
    for (size_t i = 0; i < n; i++)
        expect(l, examples[i].text, record, examples[i].result);
}

static void every_example_of_a_function_holds(void **state)
{
    size_t n;
    const struct expr_function *f = expr_functions(&n);
    for (size_t i = 0; i < n; i++)
        expect(*state, f[i].example, "{}\n", f[i].result);
}

static void numbers_are_exact(void **state)
{
    static const struct example examples[] = {
        {"7 / 2", "3.5"},
        {"7 div 2", "3"},
        {"-7 div 2", "-3"},
        {"-7 % 3", "-1"},
        {"1 / 3", "0.333333333333"},
        {"2 / 3", "0.666666666667"},
        {"0.1 + 0.2", "0.3"},
        {"0.1 + 0.2 = 0.3", "true"},
        {"2.50", "2.5"},
        {"1.10 * 1.10", "1.21"},
        {"5.0", "5"},
        {"2.0 = 2", "true"},
        {"10000000000 / 3", "3333333333.33333333"},
        {"9223372036854775807 - 1", "9223372036854775806"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"1e3 + 1", "1001"},
        {"1 + 2 * 3", "7"},
        {"(1 + 2) * 3", "9"},
        {"-2 - -3", "1"},
        {"2.5::int", "3"},
        {"-2.5::int", "-3"},
        {"0.000000000001 * 0.000000000001", "0"},
        {"round(2.5)", "3"},
        {"round(-2.345, 2)", "-2.35"},
        {"round(1250, -2)", "1300"},
        {"round(2.5e0)", "2"},
        {"floor(2.5) + ceil(2.5)", "5"},
        {"5 % 2.5", "0"},
        {"1 / 8.0", "0.125"},
        {"0.5 / 0.000000000000000001", "500000000000000000"},
        {"cast(12.345 as decimal(10,2))", "12.35"},
        {"'12'::int + 1", "13"},
        {"try_cast('x' as int)", "null"},
        {"'1.50'::decimal", "1.5"},
        {"12345678901234567890.5", "1.2345678901234567e+19"},
        {"abs(-5)", "5"},
        {"0.1e0::decimal", "0.1"},
    };
    all(*state, examples, N_OF(examples), "{}\n");
}

static void errors_belong_to_the_record(void **state)
{
    static const struct example examples[] = {
        {"n / 0", "!division_by_zero: division by zero; nullif(x, 0) makes it null"},
        {"big + 1", "!overflow: the sum does not fit into 64 bits; use float, or round() before"},
        {"big * 2", "!overflow: the product does not fit into 64 bits; use float, or round() before"},
        {"t + 1", "!type: '+' does not compute with a text and an int; write x::int or x::decimal"},
        {"t > 1", "!type: a text is not compared with an int; write x::int or x::decimal"},
        {"not n", "!type: a condition is true or false, but this is an int"},
        {"t::int", "!type: 'abc' is not an int"},
        {"error('no price for ' || t)", "!error: no price for abc"},
        {"length(n)", "!type: argument 1 of length is a text, but this is an int"},
        {"n / nullif(0, 0)", "null"},
        {"false and 1 / (n - n) > 0", "false"},
        {"true or t > 1", "true"},
        {"case when n > 0 then 1 else 1 / (n - n) end", "1"},
        {"coalesce(n, 1 / (n - n))", "3"},
        {"n in (3, 1 / (n - n))", "true"},
        {"sqrt(0 - n)", "!domain: sqrt of a negative number"},
        {"1e308 * 10 * n", "!overflow: the result is no finite number"},
        {"replace(format('%9999s', t), ' ', format('%9999s', t))", "!overflow: the text is longer than 16 MiB"},
        {"gone + 1", "null"},
        {"beyond + 1", "!type: '+' does not compute with a whole number beyond 64 bits and an int"},
        {"beyond::float / 2", "5e+29"},
        {"beyond::text", "\"1000000000000000000000000000000\""},
        {"element(beyond, 0)",
         "!type: argument 1 of element is an array or object, but this is a whole number beyond 64 bits"},
        {"beyond", "1000000000000000000000000000000"},
    };
    all(*state, examples, N_OF(examples),
        "{\"n\": 3, \"big\": 9223372036854775807, \"t\": \"abc\", \"beyond\": 1000000000000000000000000000000}\n");
}

static void logic_has_three_values(void **state)
{
    static const struct example examples[] = {
        {"null and false", "false"},
        {"null and true", "null"},
        {"null or true", "true"},
        {"null or false", "null"},
        {"not null", "null"},
        {"a = null", "null"},
        {"a is null", "false"},
        {"gone is null", "true"},
        {"gone is not null", "false"},
        {"gone and a > 0", "null"},
        {"a in (1, 2)", "true"},
        {"a in (2, null)", "null"},
        {"a not in (2, 3)", "true"},
        {"gone in (1)", "null"},
        {"a between 0 and 1", "true"},
        {"a not between 0 and 1", "false"},
        {"b is true", "true"},
        {"b is not true", "false"},
        {"gone is not true", "true"},
        {"gone is false", "false"},
        {"a is distinct from gone", "true"},
        {"gone is not distinct from null", "true"},
        {"coalesce(gone, a, 5)", "1"},
        {"case a when 1 then 'one' when 2 then 'two' end", "\"one\""},
        {"case when gone then 1 end", "null"},
        {"greatest(a, gone, 0)", "1"},
        {"not a = 2 and b", "true"},
        {"a = 1 or a = 2 and false", "true"},
        {"b = true", "true"},
    };
    all(*state, examples, N_OF(examples), "{\"a\": 1, \"b\": true}\n");
}

static void texts_are_joined_cut_and_matched(void **state)
{
    static const struct example examples[] = {
        {"'it''s'", "\"it's\""},
        {"t || '-' || n", "\"Zürich-5\""},
        {"t || gone", "null"},
        {"t like 'Z%'", "true"},
        {"t like 'z%'", "false"},
        {"t like 'Z_rich'", "true"},
        {"'50%' like '50\\%'", "true"},
        {"'50x' like '50\\%'", "false"},
        {"'50%' like '50!%' escape '!'", "true"},
        {"t like '%ric%'", "true"},
        {"t like '%ich'", "true"},
        {"t not like '%x%'", "true"},
        {"t like 'Z%r%h'", "true"},
        {"t ~ '^Z.rich$'", "true"},
        {"'A-17' ~ '^[A-Z]-\\d+$'", "true"},
        {"'a' ~* 'A'", "true"},
        {"t ~ '^Z'", "true"},
        {"t ~ 'ich$'", "true"},
        {"t ~ 'ri'", "true"},
        {"t ~ '^Zürich$'", "true"},
        {"t ~ 'z'", "false"},
        {"'a' !~ 'b'", "true"},
        {"substr(t, 2, 2)", "\"ür\""},
        {"substr(t, -1, 3)", "\"Z\""},
        {"upper(t)", "\"ZÜRICH\""},
        {"split_part('a,b,c', ',', -1)", "\"c\""},
        {"split_part('a,b', ',', 3)", "\"\""},
        {"regexp_replace('a1b22', '[0-9]+', '<\\&>', 'g')", "\"a<1>b<22>\""},
        {"regexp_replace('abc', 'x*', '-', 'g')", "\"-a-b-c-\""},
        {"trim('xxaxx', 'x')", "\"a\""},
        {"format('%-4s|%3s|%%', 'a', 5)", "\"a   |  5|%\""},
        {"t::text", "\"Zürich\""},
        {"n::text || ''", "\"5\""},
        {"2.50 || ''", "\"2.5\""},
        {"true || ''", "\"true\""},
        {"replace('aaa', 'aa', 'b')", "\"ba\""},
        {"t = 'Zürich'", "true"},
        {"'a' < 'b'", "true"},
        {"lower('ÀB')", "\"àb\""},
        {"length(t) = 6", "true"},
    };
    all(*state, examples, N_OF(examples), "{\"t\": \"Z\\u00fcrich\", \"n\": 5}\n");
}

static void times_and_spans(void **state)
{
    static const struct example examples[] = {
        {"now()", "\"2026-03-01T00:00:00Z\""},
        {"at::time + interval '5 minutes'", "\"2026-02-28T23:55:30.5Z\""},
        {"at::time - '2026-02-28'::time", "\"85830500ms\""},
        {"at::time > '2026-02-28'", "true"},
        {"interval '1h30m' = interval '90 minutes'", "true"},
        {"interval '1 day 02:03:04' / 2", "\"46892s\""},
        {"interval '1 day' / interval '1 hour'", "24"},
        {"2 * interval '1.5 hours'", "\"3h\""},
        {"extract(epoch from interval '90s')", "90"},
        {"date_trunc('week', at::time)", "\"2026-02-23T00:00:00Z\""},
        {"date_trunc('quarter', at::time)", "\"2026-01-01T00:00:00Z\""},
        {"extract(second from at::time)", "30.5"},
        {"extract(week from '2027-01-01'::time)", "53"},
        {"extract(isoyear from '2027-01-01'::time)", "2026"},
        {"extract(doy from '2024-12-31'::time)", "366"},
        {"extract(dow from '2026-03-01'::time)", "0"},
        {"extract(isodow from '2026-03-01'::time)", "7"},
        {"to_time('2-Jun-06', 'DD-Mon-YY')", "\"2006-06-02T00:00:00Z\""},
        {"to_time('03/09/2013 4:05 PM', 'MM/DD/YYYY HH12:MI AM')", "\"2013-03-09T16:05:00Z\""},
        {"to_time('20260301T1200', 'YYYYMMDD\"T\"HH24MI')", "\"2026-03-01T12:00:00Z\""},
        {"to_time('30-Feb-26', 'DD-Mon-YY')", "!type: '30-Feb-26' is no time of the form DD-Mon-YY"},
        {"to_time('2026-03-01 +02', 'YYYY-MM-DD TZH')", "\"2026-02-28T22:00:00Z\""},
        {"to_time(1.5)", "\"1970-01-01T00:00:01.5Z\""},
        {"to_text('2026-03-01'::time, 'FMDay, FMDD FMMonth YYYY')", "\"Sunday, 1 March 2026\""},
        {"to_text('2026-03-01'::time, 'Mon MON mon DDD IW Q')", "\"Mar MAR mar 060 09 1\""},
        {"to_text('2026-03-01T13:04:05.006Z'::time, 'HH12:MI:SS.MS am')", "\"01:04:05.006 pm\""},
        {"to_text(1234.5, '999,990.00')", "\"1,234.50\""},
        {"to_text(-0.5, '990.00')", "\"-0.50\""},
        {"to_text(7, '000')", "\"007\""},
        {"to_text(3.10, '0.99')", "\"3.1\""},
        {"age('2026-02-28')", "\"1d\""},
        {"'90 minutes'::duration", "\"90m\""},
        {"at::date", "\"2026-02-28T00:00:00Z\""},
        {"date '2026-03-01' = now()", "true"},
        {"at > now()", "!type: a text is not compared with a time; write x::time"},
        {"age(now(), at::time) < interval '1 hour'", "true"},
        {"date_trunc('week', (-9223372036854775807)::time + (at::time - at::time))",
         "!overflow: the time is too far from 1970"},
        {"date_trunc('day', (-1)::time)", "\"1969-12-31T00:00:00Z\""},
    };
    all(*state, examples, N_OF(examples), "{\"at\": \"2026-02-28T23:50:30.5Z\"}\n");
}

static void nested_fields_arrays_and_odd_names(void **state)
{
    static const struct example examples[] = {
        {"supplier.country", "\"DE\""},
        {"lines[0].sku", "\"A\""},
        {"lines[1].qty * 2", "5"},
        {"lines[2].sku is null", "true"},
        {"\"Order Id\"", "7"},
        {"supplier.\"Odd.Name\" + 1", "2"},
        {"array_length(lines)", "2"},
        {"contains(tags, 'hot')", "true"},
        {"contains(tags, 'x')", "false"},
        {"element(tags, -1)", "\"hot\""},
        {"element(lines[0], 'sku')", "\"A\""},
        {"contains(supplier, 'country')", "true"},
        {"to_json(tags)", "\"[\\\"a\\\",\\\"hot\\\"]\""},
        {"supplier", "{\"country\":\"DE\",\"Odd.Name\":1}"},
        {"array_length(supplier)", "!type: array_length takes an array, not an object"},
        {"tags = tags", "true"},
        {"coalesce(lines[5].qty, 0)", "0"},
    };
    all(*state, examples, N_OF(examples),
        "{\"supplier\":{\"country\":\"DE\",\"Odd.Name\":1},\"lines\":[{\"sku\":\"A\",\"qty\":1},{\"sku\":\"B\",\"qty\":"
        "2.5}],\"Order Id\":7,\"tags\":[\"a\",\"hot\"]}\n");
}

static bool field_type(void *self, leat_text path, uint32_t *ret_type, const char **ret_near)
{
    static const char *const names[] = {"quantity", "sku", "at", "price"};
    static const uint32_t types[] = {LEAT_I64, LEAT_TEXT, LEAT_TIME, LEAT_DEC};
    (void)self;
    for (size_t i = 0; i < N_OF(names); i++)
        if (text_is(path, names[i])) {
            *ret_type = types[i];
            return true;
        }
    *ret_near = closest(path, names, N_OF(names));
    return false;
}

static const struct {
    const char *text, *error; /* "code@offset: sentence; hint" */
} refused[] = {
    {"qunatity > 5", "E301@0+8: unknown field 'qunatity'; did you mean 'quantity'?"},
    {"quantity == 5", "E300@9+2: '==' is no sign of this language; equality is written ="},
    {"quantity > 5 && sku = 'a'", "E300@13+2: '&&' is no sign of this language; write and"},
    {"sku = \"A\"", "E301@6+3: unknown field \"A\"; double quotes are names; use 'single quotes' for text"},
    {"sku = ‘A’", "E300@6+3: '‘' is no sign of this language; use the straight quote: 'text'"},
    {"sku = 'A", "E300@6+2: this text has no end: a ' is missing; a quote inside a text is written twice: 'it''s'"},
    {"sku > 5", "E303@0+7: '>' compares values of one kind, but here is a text on the left and an int on the right; "
                "text is not taken for a number; write x::int or cast(x as decimal)"},
    {"sku + 'x'", "E303@0+9: '+' adds numbers, not texts; texts are joined by ||"},
    {"at > 'tomorrow'", "E305@5+10: 'tomorrow' is no time; write '2026-03-01' or '2026-03-01T12:00:00Z'"},
    {"at + 5", "E303@0+6: '+' does not compute with a time and an int; times move by spans: t + interval '5 minutes'; "
               "extract(epoch from t) is a number"},
    {"lenght(sku)", "E302@0+6: unknown function 'lenght'; did you mean length?"},
    {"length(sku, 1)", "E304@0+14: length takes 1 argument, not 2; it is length(text)"},
    {"length(quantity)", "E303@7+8: argument 1 of length is a text, but this is an int; write x::text"},
    {"quantity and true", "E303@0+8: 'and' joins conditions, but this is an int; write x <> 0"},
    {"sum(quantity)", "E307@0+3: 'sum' looks at many records; it belongs into an aggregate"},
    {"quantity >", "E300@10+1: a value is missing at the end"},
    {"(quantity", "E300@9+1: ')' is missing for the ( before"},
    {"quantity 5", "E300@9+1: '5' does not belong here: the expression is complete before it"},
    {"", "E300@0+1: there is no expression"},
    {"9223372036854775808",
     "E305@0+19: '9223372036854775808' does not fit into 64 bits; a float is written with an exponent: 1e20"},
    {"sku ~ '(a'", "E305@6+4: this regular expression is not right: Unmatched ( or \\("},
    {"sku ~ '(a)\\1'",
     "E305@6+7: this regular expression is not right: references back to groups (\\1) are not known here"},
    {"interval '1 month'", "E305@9+9: '1 month' is no fixed span: months and years differ in length; write interval '5 "
                           "minutes', '1 day 2 hours' or '90s'"},
    {"$tiem", "E301@0+5: unknown metadata '$tiem'; did you mean $time?"},
    {"case when true then 1 else 'a' end",
     "E303@27+3: case gives values of one kind, but this is a text and before was an int; text is not taken for a "
     "number; write x::int or cast(x as decimal)"},
    {"1 < 2 < 3", "E300@6+1: comparisons do not chain; write a < b and b < c"},
    {"quantity is 5",
     "E300@12+1: after 'is' comes null, not null, true, false or distinct from; equality is written ="},
    {"x::number", "E301@0+1: unknown field 'x'"},
    {"sku::number", "E302@5+6: 'number' is no type; did you mean numeric?"},
    {"date_trunc('dya', at)", "E305@11+5: unknown unit 'dya'; did you mean 'day'?"},
    {"$headers.x", "E300@8+1: '[' is missing after $headers: write $headers['name'], before '.'"},
    {"t = '\xff'", "E300@5+1: the byte 0xff is no UTF-8; save the file as UTF-8"},
    {"price in 5", "E300@9+1: '(' is missing after 'in', before '5'"},
};

static void what_is_wrong_is_said_with_its_place(void **state)
{
    struct lab *l = *state;
    const struct expr_fields fields = {NULL, field_type};
    for (size_t i = 0; i < N_OF(refused); i++) {
        struct expr_error e;
        assert_null(expr_parse(&l->arena, l->paths, text_of(refused[i].text), &fields, &e));
        auto_free char *is =
            xasprintf("%s@%zu+%zu: %s%s%s", e.code, e.offset, e.length, e.text, e.hint[0] ? "; " : "", e.hint);
        assert_string_equal(is, refused[i].error);
    }
}

static void types_are_known_before_the_first_record(void **state)
{
    static const struct {
        const char *text;
        uint32_t type;
    } known[] = {{"quantity + 1", LEAT_I64},
                 {"quantity / 2", LEAT_DEC},
                 {"quantity * price", LEAT_DEC},
                 {"quantity * 1e0", LEAT_F64},
                 {"sku || quantity", LEAT_TEXT},
                 {"at - at", LEAT_TEXT},
                 {"at + interval '1h'", LEAT_TIME},
                 {"quantity > 5", LEAT_BOOL},
                 {"case when true then quantity else price end", LEAT_DEC},
                 {"coalesce(price, 1e0)", LEAT_F64},
                 {"$sequence", LEAT_I64},
                 {"$headers['x']", LEAT_TEXT},
                 {"nullif(sku, '')", LEAT_TEXT},
                 {"greatest(quantity, 2)", LEAT_I64},
                 {"sku::int", LEAT_I64},
                 {"null", LEAT_NULL},
                 {"parse_json(sku)", LEAT_NULL},
                 {"length(sku) + 1", LEAT_I64},
                 {"extract(hour from at)", LEAT_I64},
                 {"extract(epoch from at)", LEAT_DEC}};
    struct lab *l = *state;
    const struct expr_fields fields = {NULL, field_type};
    for (size_t i = 0; i < N_OF(known); i++) {
        struct expr_error error;
        struct expr *e = expr_parse(&l->arena, l->paths, text_of(known[i].text), &fields, &error);
        if (!e || expr_type(e) != known[i].type)
            print_error("%s: %s\n", known[i].text, e ? "another type" : error.text);
        assert_non_null(e);
        assert_int_equal(expr_type(e), known[i].type);
    }
}

static void what_it_reads_and_whether_it_repeats(void **state)
{
    struct lab *l = *state;
    struct expr_error error;
    size_t n;
    leat_value v;
    struct expr *e = expr_parse(&l->arena, l->paths, TEXT("a + a + b.c > 0 and now() > $time"), NULL, &error);
    const uint32_t *paths = expr_paths(e, &n);
    assert_int_equal(n, 3);
    assert_int_equal(paths[0], paths_find(l->paths, TEXT("a")));
    assert_int_equal(paths[1], paths_find(l->paths, TEXT("b.c")));
    assert_int_equal(paths[2], PATH_TIME);
    assert_int_equal(expr_impure(e), EXPR_NOW);
    assert_int_equal(expr_is_field(e), PATH_NONE);
    assert_int_equal(expr_is_field(expr_parse(&l->arena, l->paths, TEXT("b.c"), NULL, &error)), paths[1]);
    assert_true(expr_is_constant(expr_parse(&l->arena, l->paths, TEXT("2 * 3"), NULL, &error), &v));
    assert_int_equal(v.as.i64, 6);
}

static void templates_are_texts(void **state)
{
    static const struct example examples[] = {
        {"stock-{warehouse}", "\"stock-A\""},
        {"{day:YYYY-MM}/x", "\"2026-03/x\""},
        {"{{literal}}", "\"{literal}\""},
        {"plain", "\"plain\""},
        {"{qty + 1}", "\"6\""},
        {"{qty:000}", "\"005\""},
        {"{gone}-x", "null"},
        {"{day::time:DD}", "\"17\""},
        {"{'a:b'}", "\"a:b\""},
        {"", "\"\""},
        {"{case when qty > 1 then 'many' else 'one' end}-{qty}", "\"many-5\""},
    };
    struct lab *l = *state;
    struct expr_error error;
    struct batch *b = records(l, "{\"warehouse\":\"A\",\"day\":\"2026-03-17\",\"qty\":5}\n");
    for (size_t i = 0; i < N_OF(examples); i++) {
        auto_buf out = {0};
        struct expr *e = expr_template(&l->arena, l->paths, text_of(examples[i].text), NULL, &error);
        assert_non_null(e);
        result_json(l, e, b, false, 0, &out);
        assert_string_equal(out.data, examples[i].result);
    }
    struct expr *e = expr_template(&l->arena, l->paths, TEXT("stock-{warehouse}"), NULL, &error);
    assert_true(text_is(expr_prefix(e), "stock-"));
    assert_null(expr_template(&l->arena, l->paths, TEXT("a-{b"), NULL, &error));
    assert_string_equal(error.hint, "a brace that stands for itself is written {{");
    assert_null(expr_template(&l->arena, l->paths, TEXT("ab{1 +}"), NULL, &error));
    assert_int_equal(error.offset, 6);
    batch_unref(b);
}

static void aggregates_are_calls(void **state)
{
    struct lab *l = *state;
    struct expr_error error;
    struct expr_call call;
    assert_int_equal(expr_aggregate(&l->arena, l->paths, TEXT("sum(qty * price)"), NULL, &call, &error), 0);
    assert_true(text_is(call.name, "sum"));
    assert_int_equal(call.n, 1);
    assert_int_equal(expr_aggregate(&l->arena, l->paths, TEXT("count(*)"), NULL, &call, &error), 0);
    assert_int_equal(call.n, 0);
    assert_int_equal(expr_aggregate(&l->arena, l->paths, TEXT("count(distinct sku)"), NULL, &call, &error), 0);
    assert_true(text_is(call.name, "count_distinct"));
    assert_int_equal(expr_aggregate(&l->arena, l->paths, TEXT("summ(qty)"), NULL, &call, &error), -EINVAL);
    assert_string_equal(error.hint, "did you mean sum?");
    assert_int_equal(expr_aggregate(&l->arena, l->paths, TEXT("sum(qty) + 1"), NULL, &call, &error), -EINVAL);
    assert_string_equal(error.code, "E307");
}

static void nesting_and_size_have_limits(void **state)
{
    struct lab *l = *state;
    struct expr_error error;
    auto_buf deep = {0}, many = {0}, doubled = {0};
    for (int i = 0; i < 300; i++)
        buf_char(&deep, '(');
    assert_null(expr_parse(&l->arena, l->paths, buf_view(&deep), NULL, &error));
    assert_string_equal(error.code, "E306");
    buf_str(&many, "a");
    for (int i = 0; i < 2000; i++)
        buf_str(&many, "+a");
    assert_null(expr_parse(&l->arena, l->paths, buf_view(&many), NULL, &error));
    assert_string_equal(error.code, "E306");
    buf_str(&doubled, "a");
    for (int i = 0; i < 40; i++)
        buf_str(&doubled, " between b and c");
    assert_null(expr_parse(&l->arena, l->paths, buf_view(&doubled), NULL, &error));
    assert_string_equal(error.code, "E306");
}

static void equal_parts_are_one_node(void **state)
{
    struct lab *l = *state;
    struct expr_error error;
    struct expr *e =
        expr_parse(&l->arena, l->paths, TEXT("case when a * b > 'x' || c then a * b else b * a end"), NULL, &error);
    const struct node *product = e->root->args[0]->args[0];
    assert_int_equal(product->op, OP_MULTIPLY);
    assert_ptr_equal(e->root->args[1], product);
    assert_ptr_not_equal(e->root->args[2], product);
    assert_ptr_equal(e->root->args[2]->args[0], product->args[1]);
}

/* The deepest that is allowed must not need more stack than a lane has. */
static void the_deepest_expression_is_computed(void **state)
{
    auto_buf deep = {0};
    buf_str(&deep, "a");
    for (int i = 0; i < 990; i++)
        buf_str(&deep, i % 2 ? " + coalesce(b, 1)" : " - 1");
    expect(*state, deep.data, "{\"a\": 5}\n", "5");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_new, lab_free)
    const struct CMUnitTest tests[] = {
        TEST(every_example_of_a_function_holds),
        TEST(numbers_are_exact),
        TEST(errors_belong_to_the_record),
        TEST(logic_has_three_values),
        TEST(texts_are_joined_cut_and_matched),
        TEST(times_and_spans),
        TEST(nested_fields_arrays_and_odd_names),
        TEST(what_is_wrong_is_said_with_its_place),
        TEST(types_are_known_before_the_first_record),
        TEST(what_it_reads_and_whether_it_repeats),
        TEST(templates_are_texts),
        TEST(aggregates_are_calls),
        TEST(nesting_and_size_have_limits),
        TEST(equal_parts_are_one_node),
        TEST(the_deepest_expression_is_computed),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
