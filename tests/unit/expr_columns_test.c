/* SPDX-License-Identifier: Apache-2.0 */
/* expr_columns_test.c: whole batches by kernels give what single records give: expressions and records by chance. */
#include "tests/unit/expr_lab.h"

enum { EXPRESSIONS = 4000, PER_BATCH = 40 };

/* --- records ----------------------------------------------------------------------------------------------------- */

static const char *const words[] = {"",   "a",   "abc", "abd",        "Z\\u00fcrich", "it's",
                                    "10", "2.5", "x%y", "2026-03-01", "b_c"};

static void put_int(uint64_t *seed, struct buf *out)
{
    static const char *const special[] = {"0",
                                          "1",
                                          "-1",
                                          "9223372036854775807",
                                          "-9223372036854775808",
                                          "4611686018427387904",
                                          "-0",
                                          "999999999999999999"};
    if (below(seed, 12) == 0)
        buf_str(out, special[below(seed, N_OF(special))]);
    else
        buf_printf(out, "%d", (int)below(seed, 41) - 20);
}

static void put_decimal(uint64_t *seed, struct buf *out)
{
    static const char *const special[] = {
        "0.5", "2.50", "0.000000000000000001", "999999999999.999999", "-0.10", "123456789.123456789", "5", "0.0"};
    if (below(seed, 8) == 0)
        buf_str(out, special[below(seed, N_OF(special))]);
    else
        buf_printf(out, "%s%u.%02u", below(seed, 2) ? "-" : "", below(seed, 30), below(seed, 100));
}

static void put_float(uint64_t *seed, struct buf *out)
{
    static const char *const special[] = {"1e308", "-1e-300", "0e0", "12345678901234567890", "2e0"};
    if (below(seed, 6) == 0)
        buf_str(out, special[below(seed, N_OF(special))]);
    else
        buf_printf(out, "%d.%ue%d", (int)below(seed, 19) - 9, below(seed, 1000), (int)below(seed, 7) - 3);
}

/* kind: the letter that the field's name begins with. */
static void put_cell(uint64_t *seed, struct buf *out, char kind)
{
    switch (kind) {
    case 'i':
        put_int(seed, out);
        break;
    case 'd':
        put_decimal(seed, out);
        break;
    case 'f':
        put_float(seed, out);
        break;
    case 't':
        buf_printf(out, "\"%s\"", words[below(seed, N_OF(words))]);
        break;
    case 'b':
        buf_str(out, below(seed, 2) ? "true" : "false");
        break;
    case 's':
        buf_printf(out, "\"2026-0%u-1%uT0%u:00:00Z\"", 1 + below(seed, 9), below(seed, 9), below(seed, 10));
        break;
    case 'm': /* of any kind */
        if (below(seed, 8) == 0)
            buf_str(out, below(seed, 2) ? "[1,\"a\"]" : "{\"k\":1}");
        else
            put_cell(seed, out, "idftbi"[below(seed, 6)]);
        break;
    default:
        buf_printf(out, "%u", below(seed, 3));
        break;
    }
}

static const char *const fields[] = {"i1", "i2", "d1", "d2", "f1", "t1", "t2", "b1", "b2", "s1", "m1", "n1"};

/* nulls: of a hundred cells so many are absent or null. */
static struct batch *random_batch(struct lab *l, uint64_t *seed, uint32_t n, uint32_t nulls)
{
    auto_buf out = {0};
    for (uint32_t i = 0; i < n; i++) {
        const char *comma = "";
        buf_char(&out, '{');
        for (size_t k = 0; k < N_OF(fields); k++) {
            bool gone = below(seed, 100) < nulls;
            if (gone && below(seed, 2))
                continue;
            buf_printf(&out, "%s\"%s\":", comma, fields[k]);
            comma = ",";
            if (gone)
                buf_str(&out, "null");
            else
                put_cell(seed, &out, fields[k][0]);
        }
        buf_str(&out, "}\n");
    }
    return records(l, out.data);
}

/* --- expressions ------------------------------------------------------------------------------------------------- */

static void put_bool(uint64_t *seed, struct buf *out, int depth);
static void put_text(uint64_t *seed, struct buf *out, int depth);

static void put_field(uint64_t *seed, struct buf *out, const char *kinds)
{
    const char *name;
    do
        name = fields[below(seed, N_OF(fields))];
    while (!strchr(kinds, name[0]));
    buf_str(out, name);
}

static void put_number(uint64_t *seed, struct buf *out, int depth)
{
    static const char *const literals[] = {
        "0", "1", "2", "-3", "0.5", "2.50", "1e0", "0.001", "1.5e2", "null", "9223372036854775807", "100", "-2.5"};
    static const char *const operators[] = {"+", "-", "*", "/", "div", "%"};
    if (depth == 0 || below(seed, 4) == 0) {
        if (below(seed, 3) == 0)
            buf_str(out, literals[below(seed, N_OF(literals))]);
        else
            put_field(seed, out, below(seed, 8) ? "idfn" : "m");
        return;
    }
    uint32_t what = below(seed, 9);
    switch (what) {
    case 0:
        buf_str(out, "case when ");
        put_bool(seed, out, depth - 1);
        buf_str(out, " then ");
        put_number(seed, out, depth - 1);
        buf_str(out, " else ");
        put_number(seed, out, depth - 1);
        buf_str(out, " end");
        break;
    case 1:
        buf_str(out, below(seed, 2) ? "coalesce(" : "greatest(");
        put_number(seed, out, depth - 1);
        buf_str(out, ", ");
        put_number(seed, out, depth - 1);
        buf_char(out, ')');
        break;
    case 2:
        buf_str(out, below(seed, 2) ? "-(" : "abs(");
        put_number(seed, out, depth - 1);
        buf_char(out, ')');
        break;
    case 3:
        buf_str(out, below(seed, 3) ? "length(" : below(seed, 2) ? "array_length(m1" : "extract(hour from s1::time");
        if (out->data[out->n - 1] == '(')
            put_text(seed, out, depth - 1);
        buf_char(out, ')');
        break;
    case 4:
        if (below(seed, 3) == 0) {
            buf_str(out, below(seed, 4) ? "try_cast(" : "cast(");
            put_text(seed, out, depth - 1);
            buf_str(out, below(seed, 2) ? " as int)" : below(seed, 2) ? " as decimal)" : " as float)");
            break;
        }
        what = below(seed, 6);
        buf_str(out, what < 4 ? "round(" : "(");
        put_number(seed, out, depth - 1);
        buf_str(out, (const char *const[]){")", ", 1)", ", -1)", ", 3)", ")::int", ")::float"}[what]);
        break;
    default:
        buf_char(out, '(');
        put_number(seed, out, depth - 1);
        buf_printf(out, " %s ", operators[below(seed, N_OF(operators))]);
        put_number(seed, out, depth - 1);
        buf_char(out, ')');
        break;
    }
}

static void put_text(uint64_t *seed, struct buf *out, int depth)
{
    static const char *const literals[] = {"'a'", "'abc'", "''", "'10'", "'it''s'"};
    uint32_t what = depth ? below(seed, 7) : below(seed, 2);
    switch (what) {
    case 0:
        buf_str(out, literals[below(seed, N_OF(literals))]);
        break;
    case 1:
    case 2:
        put_field(seed, out, below(seed, 8) ? "t" : "m");
        break;
    case 3:
        buf_char(out, '(');
        put_text(seed, out, depth - 1);
        buf_str(out, " || ");
        if (below(seed, 2))
            put_number(seed, out, depth - 1);
        else
            put_text(seed, out, depth - 1);
        buf_char(out, ')');
        break;
    case 4:
        buf_str(out, (const char *const[]){"upper(", "trim(", "substr(", "format('%s', "}[what = below(seed, 4)]);
        put_text(seed, out, depth - 1);
        buf_str(out, what == 2 ? ", i2 % 5)" : ")");
        break;
    case 5:
        buf_str(out, "case when ");
        put_bool(seed, out, depth - 1);
        buf_str(out, " then ");
        put_text(seed, out, depth - 1);
        buf_str(out, " when ");
        put_bool(seed, out, depth - 1);
        buf_str(out, " then ");
        put_text(seed, out, depth - 1);
        buf_str(out, " end");
        break;
    default:
        buf_str(out, "coalesce(");
        put_text(seed, out, depth - 1);
        buf_str(out, ", t2, 'none')");
        break;
    }
}

static void put_comparison(uint64_t *seed, struct buf *out, int depth)
{
    static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">=", "is distinct from"};
    static const char *const patterns[] = {"'a%'", "'%b%'", "'%c'", "'abc'", "'a_c'", "'%'"};
    uint32_t what = below(seed, 8);
    if (what < 4) {
        put_number(seed, out, depth);
        buf_printf(out, " %s ", operators[below(seed, N_OF(operators))]);
        put_number(seed, out, depth);
    } else if (what == 4) {
        put_text(seed, out, depth);
        buf_printf(out, " %s ", operators[below(seed, N_OF(operators))]);
        put_text(seed, out, depth);
    } else if (what == 5) {
        put_text(seed, out, depth);
        buf_printf(out, " like %s", patterns[below(seed, N_OF(patterns))]);
    } else if (what == 6) {
        buf_printf(out, "s1::time + interval '%u hours' > '2026-05-05'", below(seed, 100));
    } else {
        put_number(seed, out, depth);
        buf_str(out, " between ");
        put_number(seed, out, 0);
        buf_str(out, " and ");
        put_number(seed, out, 0);
    }
}

static void put_bool(uint64_t *seed, struct buf *out, int depth)
{
    uint32_t what = depth ? below(seed, 10) : below(seed, 2);
    buf_char(out, '(');
    if (what == 0) {
        put_field(seed, out, below(seed, 10) ? "b" : "m");
    } else if (what <= 3) {
        put_comparison(seed, out, depth ? depth - 1 : 0);
    } else if (what == 4) {
        put_number(seed, out, depth - 1);
        buf_str(out, below(seed, 2) ? " is null" : " is not null");
    } else if (what == 5) {
        buf_str(out, "not ");
        put_bool(seed, out, depth - 1);
    } else if (what == 6) {
        put_number(seed, out, depth - 1);
        buf_str(out, " in (1, 2.5, i2, 7)");
    } else if (what == 7) {
        put_text(seed, out, depth - 1);
        buf_str(out, below(seed, 2) ? " in ('a', 'abc', t2)" : " not in ('a','b','c','d','e','f','abc','g','h','10')");
    } else {
        put_bool(seed, out, depth - 1);
        buf_str(out, what == 8 ? " and " : " or ");
        put_bool(seed, out, depth - 1);
        if (below(seed, 4) == 0)
            buf_str(out, below(seed, 2) ? " is true" : " is not false");
    }
    buf_char(out, ')');
}

/* --- the judge --------------------------------------------------------------------------------------------------- */

/* The column laid over records of its own, read as JSON. */
static const leat_column *as_json(struct lab *l, struct batch *b, const leat_column *c, struct batch **ret)
{
    struct batch *o = batch_derive(l->pool, l->paths, b, NULL, 0, true);
    uint32_t path = paths_add(l->paths, TEXT("result"));
    batch_write_column(o, path, c);
    batch_seal(o);
    *ret = o;
    return batch_read(o, path, LEAT_JSON).column;
}

static void judge_columns(struct lab *l, const char *text, struct batch *b, struct read is, struct read should)
{
    struct batch *x, *y;
    const leat_column *p = as_json(l, b, is.column, &x), *q = as_json(l, b, should.column, &y);
    assert_int_equal(is.column->n, b->view.n);
    for (uint32_t i = 0; i < b->view.n; i++) {
        bool bad = is.bad && is.bad[i >> 6] >> (i & 63) & 1, also = should.bad && should.bad[i >> 6] >> (i & 63) & 1;
        leat_text s = leat_has(p, i) ? ((const leat_text *)p->data)[i] : TEXT("null"),
                  t = leat_has(q, i) ? ((const leat_text *)q->data)[i] : TEXT("null");
        if (bad != also || !text_equal(s, t)) {
            leat_text record = ((const leat_text *)batch_read(b, PATH_WHOLE, LEAT_JSON).column->data)[i];
            print_error("%s\nrow %u of %u: %s" TEXT_FMT " but row by row %s" TEXT_FMT "\n" TEXT_FMT "\n", text, i,
                        b->view.n, bad ? "bad " : "", TEXT_ARG(s), also ? "bad " : "", TEXT_ARG(t), TEXT_ARG(record));
            fail();
        }
        if (bad && leat_has(is.column, i))
            fail_msg("%s: row %u is bad, but has a value", text, i);
        bool zero = is.column->type == LEAT_BOOL ? !((const uint8_t *)is.column->data)[i]
                    : is.column->type == LEAT_TEXT || is.column->type == LEAT_JSON
                        ? !((const leat_text *)is.column->data)[i].n
                    : is.column->type ? !((const int64_t *)is.column->data)[i]
                                      : true;
        if (!leat_has(is.column, i) && !zero)
            fail_msg("%s: row %u is absent, but not zero", text, i);
    }
    batch_unref(x);
    batch_unref(y);
}

static bool declared(void *self, leat_text path, uint32_t *ret_type, const char **ret_near)
{
    static const char letters[] = "idftbs";
    static const uint32_t types[] = {LEAT_I64, LEAT_DEC, LEAT_F64, LEAT_TEXT, LEAT_BOOL, LEAT_TIME};
    const char *at = strchr(letters, path.data[0]);
    (void)self, (void)ret_near;
    *ret_type = at ? types[at - letters] : LEAT_NULL;
    return true;
}

static void one_round(struct lab *l, uint64_t *seed, struct batch *b)
{
    static const uint32_t wanted[] = {LEAT_NULL, LEAT_NULL, LEAT_NULL, LEAT_I64, LEAT_F64,
                                      LEAT_DEC,  LEAT_TEXT, LEAT_JSON, LEAT_BOOL};
    const struct expr_fields types = {NULL, declared};
    struct expr_error error;
    auto_buf text = {0};
    uint32_t what = below(seed, 5), type = wanted[below(seed, N_OF(wanted))];
    (what < 2 ? put_number : what < 4 ? put_bool : put_text)(seed, &text, 3);
    if (what < 2 && below(seed, 4) == 0) { /* equal parts are shared */
        auto_buf twice = {0};
        buf_printf(&twice, "case when %s > 1 then %s else i1 - %s end", text.data, text.data, text.data);
        buf_fini(&text);
        text = twice;
        twice = (struct buf){0};
    }
    struct expr *e = expr_parse(&l->arena, l->paths, buf_view(&text), below(seed, 3) ? NULL : &types, &error);
    if (!e) /* types clash, seen early */
        return;
    struct read should = expr_eval_rows(l->run, e, b, type), is = expr_eval(l->run, e, b, type);
    judge_columns(l, text.data, b, is, should);
}

static void columns_and_single_records_agree(void **state)
{
    static const uint32_t sizes[] = {1, 2, 7, 8, 63, 64, 65, 127, 128, 129, 200, 1000};
    struct lab *l = *state;
    uint64_t seed = lab_seed(20261125);
    for (uint32_t k = 0; k < EXPRESSIONS / PER_BATCH; k++) {
        struct batch *b = random_batch(l, &seed, sizes[k % N_OF(sizes)], k % 3 == 0 ? 0 : k % 3 == 1 ? 5 : 60);
        for (uint32_t i = 0; i < PER_BATCH; i++)
            one_round(l, &seed, b);
        batch_unref(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(columns_and_single_records_agree, lab_new, lab_free)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
