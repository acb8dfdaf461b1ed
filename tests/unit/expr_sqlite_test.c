/* SPDX-License-Identifier: Apache-2.0 */
/* expr_sqlite_test.c: SQLite judges the common part of the language: expressions and records by chance, thousands a
 * run. What differs on purpose (docs/expressions.md) is not generated: divisors are never 0, fractions are quarters,
 * texts are no numbers. */
#include "tests/unit/expr_lab.h"

#include <math.h>
#include <sqlite3.h>

enum { EXPRESSIONS = 4000, ROWS = 48 };

/* One expression in both spellings. */
struct both {
    struct buf ours, theirs;
    uint64_t *seed;
};

static void put(struct both *b, const char *text)
{
    buf_str(&b->ours, text);
    buf_str(&b->theirs, text);
}

static void put_each(struct both *b, const char *ours, const char *theirs)
{
    buf_str(&b->ours, ours);
    buf_str(&b->theirs, theirs);
}

static uint32_t pick(struct both *b, uint32_t n)
{
    return below(b->seed, n);
}

static void put_bool(struct both *b, int depth);
static void put_text(struct both *b, int depth);
typedef void putter(struct both *b, int depth);

static void put_call(struct both *b, const char *ours, const char *theirs, putter *first, putter *second, int depth)
{
    put_each(b, ours, theirs);
    put(b, "(");
    first(b, depth);
    if (second) {
        put(b, ", ");
        second(b, depth);
    }
    put(b, ")");
}

static void put_case(struct both *b, putter *value, int depth)
{
    put(b, "case when ");
    put_bool(b, depth);
    put(b, " then ");
    value(b, depth);
    if (pick(b, 2)) {
        put(b, " when ");
        put_bool(b, depth);
        put(b, " then ");
        value(b, depth);
    }
    if (pick(b, 3)) {
        put(b, " else ");
        value(b, depth);
    }
    put(b, " end");
}

static void put_int(struct both *b, int depth)
{
    static const char *const leaves[] = {"i1", "i2", "i3", "i1", "i2", "0", "1", "-3", "7", "null"};
    if (depth == 0) {
        put(b, leaves[pick(b, N_OF(leaves))]);
        return;
    }
    uint32_t what = pick(b, 9);
    if (what < 3) {
        put(b, "(");
        put_int(b, depth - 1);
        put(b, what == 0 ? " + " : what == 1 ? " - " : " * ");
        put_int(b, depth - 1);
        put(b, ")");
    } else if (what == 3) {
        put(b, "(");
        put_int(b, depth - 1);
        bool rest = pick(b, 2);
        put_each(b, rest ? " % nullif(" : " div nullif(", rest ? " % nullif(" : " / nullif(");
        put_int(b, depth - 1);
        put(b, ", 0))");
    } else if (what == 4) {
        put_call(b, "coalesce", "coalesce", put_int, put_int, depth - 1);
    } else if (what == 5) {
        put_call(b, "abs", "abs", put_int, NULL, depth - 1);
    } else if (what == 6) {
        put_call(b, "length", "length", put_text, NULL, depth - 1);
    } else if (what == 7) {
        put_case(b, put_int, depth - 1);
    } else {
        put_call(b, "nullif", "nullif", put_int, put_int, depth - 1);
    }
}

/* Quarters and floats: sums, and products with ints, are exact in both. */
static void put_number(struct both *b, int depth)
{
    static const char *const leaves[] = {"q1", "q2", "f1", "0.5", "2.25", "1e2", "null"};
    if (depth == 0) {
        put(b, leaves[pick(b, N_OF(leaves))]);
        return;
    }
    uint32_t what = pick(b, 9);
    if (what < 2) {
        put(b, "(");
        put_number(b, depth - 1);
        put(b, what ? " + " : " - ");
        put_number(b, depth - 1);
        put(b, ")");
    } else if (what == 2) {
        put(b, "(");
        put_number(b, depth - 1);
        put(b, " * ");
        put_int(b, 0);
        put(b, ")");
    } else if (what == 3) {
        put(b, "(cast(");
        put_number(b, 0);
        put_each(b, " as float) / nullif(", " as real) / nullif(");
        put_int(b, 0);
        put(b, ", 0))");
    } else if (what == 4) {
        put_call(b, "coalesce", "coalesce", put_number, put_number, depth - 1);
    } else if (what == 5) {
        put_case(b, put_number, depth - 1);
    } else if (what == 6) {
        bool most = pick(b, 2); /* max and min of SQLite are null where one argument is */
        put_each(b, most ? "greatest(coalesce(" : "least(coalesce(", most ? "max(coalesce(" : "min(coalesce(");
        put_number(b, depth - 1);
        put(b, ", 0), 1.5)");
    } else if (what == 7) {
        put_call(b, "abs", "abs", put_number, NULL, depth - 1);
    } else {
        put(b, "-(");
        put_number(b, depth - 1);
        put(b, ")");
    }
}

static void put_text(struct both *b, int depth)
{
    static const char *const leaves[] = {"t1", "t2", "'abc'", "''", "'it''s'", "'B'", "null"};
    if (depth == 0) {
        put(b, leaves[pick(b, N_OF(leaves))]);
        return;
    }
    uint32_t what = pick(b, 9);
    if (what < 2) {
        put(b, "(");
        put_text(b, depth - 1);
        put(b, " || ");
        (pick(b, 2) ? put_text : put_int)(b, depth - 1);
        put(b, ")");
    } else if (what == 2) {
        put_call(b, "upper", "upper", put_text, NULL, depth - 1);
    } else if (what == 3) {
        put_call(b, "lower", "lower", put_text, NULL, depth - 1);
    } else if (what == 4) {
        put(b, "substr(");
        put_text(b, depth - 1);
        put(b, pick(b, 2) ? ", 2)" : ", 1, 2)");
    } else if (what == 5) {
        put(b, "replace(");
        put_text(b, depth - 1);
        put(b, ", 'b', ");
        put_text(b, 0);
        put(b, ")");
    } else if (what == 6) {
        put_case(b, put_text, depth - 1);
    } else if (what == 7) {
        put_call(b, "coalesce", "coalesce", put_text, put_text, depth - 1);
    } else {
        put(b, "trim(");
        put_text(b, depth - 1);
        put(b, pick(b, 2) ? ")" : ", 'ac')");
    }
}

static void put_comparison(struct both *b, int depth)
{
    static const char *const signs[] = {
        " = ", " <> ", " < ", " <= ", " > ", " >= ", " is distinct from ", " is not distinct from "};
    static const char *const likes[] = {" like 'a%'",  " like '%b%'", " not like '%c'", " like 'a_c'",
                                        " like 'abc'", " like '%'",   " like '_%b_'"};
    putter *value = pick(b, 3) == 0 ? put_text : pick(b, 2) ? put_int : put_number;
    uint32_t what = pick(b, 6);
    value(b, depth);
    if (what < 3) {
        put(b, signs[pick(b, N_OF(signs))]);
        value(b, depth);
    } else if (what == 3 && value == put_text) {
        put(b, likes[pick(b, N_OF(likes))]);
    } else if (what == 4) {
        put(b, pick(b, 2) ? " in (" : " not in (");
        value(b, 0);
        put(b, ", ");
        value(b, 0);
        put(b, ", ");
        value(b, depth);
        put(b, ")");
    } else if (what == 5) {
        put(b, pick(b, 2) ? " between " : " not between ");
        value(b, 0);
        put(b, " and ");
        value(b, 0);
    } else {
        put(b, pick(b, 2) ? " is null" : " is not null");
    }
}

static void put_bool(struct both *b, int depth)
{
    static const char *const leaves[] = {"b1", "b2", "true", "false", "null"};
    static const char *const tests[] = {" is true",      " is not true", " is false",
                                        " is not false", " is null",     " is not null"};
    uint32_t what = depth ? pick(b, 8) : 0;
    put(b, "(");
    if (what == 0) {
        put(b, leaves[pick(b, N_OF(leaves))]);
    } else if (what < 4) {
        put_comparison(b, depth - 1);
    } else if (what == 4) {
        put(b, "not ");
        put_bool(b, depth - 1);
    } else if (what == 5) {
        put_bool(b, depth - 1);
        put(b, tests[pick(b, N_OF(tests))]);
    } else {
        put_bool(b, depth - 1);
        put(b, what == 6 ? " and " : " or ");
        put_bool(b, depth - 1);
    }
    put(b, ")");
}

/* --- records ----------------------------------------------------------------------------------------------------- */

static void put_cell(uint64_t *seed, char kind, struct buf *json, struct buf *sql)
{
    static const char *const words[] = {"", "a", "abc", "ABC", "bcb", " a ", "B", "cab", "a-b"};
    auto_buf cell = {0};
    if (below(seed, 6) == 0) {
        buf_str(json, "null");
        buf_str(sql, "null");
        return;
    }
    if (kind == 'b') {
        bool on = below(seed, 2);
        buf_str(json, on ? "true" : "false");
        buf_str(sql, on ? "1" : "0");
        return;
    }
    if (kind == 'i')
        buf_printf(&cell, "%d", (int)below(seed, 31) - 15);
    else if (kind == 'q')
        buf_printf(&cell, "%s%u.%s", below(seed, 2) ? "-" : "", below(seed, 12),
                   (const char *const[]){"0", "25", "5", "75"}[below(seed, 4)]);
    else if (kind == 'f')
        buf_printf(&cell, "%de%u", (int)below(seed, 19) - 9, below(seed, 3));
    else
        buf_str(&cell, words[below(seed, N_OF(words))]);
    const char *quote = kind == 't' ? "\"" : "", *single = kind == 't' ? "'" : "";
    buf_printf(json, "%s%s%s", quote, cell.data, quote);
    buf_printf(sql, "%s%s%s", single, cell.data, single);
}

static struct batch *random_records(struct lab *l, uint64_t *seed, sqlite3 *db)
{
    static const char *const names[] = {"i1", "i2", "i3", "q1", "q2", "f1", "t1", "t2", "b1", "b2"};
    auto_buf json = {0}, sql = {0};
    assert_int_equal(sqlite3_exec(db, "delete from r", NULL, NULL, NULL), SQLITE_OK);
    buf_str(&sql, "insert into r values ");
    for (int i = 0; i < ROWS; i++) {
        buf_str(&sql, i ? ",(" : "(");
        buf_char(&json, '{');
        for (size_t k = 0; k < N_OF(names); k++) {
            buf_printf(&json, "%s\"%s\":", k ? "," : "", names[k]);
            buf_str(&sql, k ? "," : "");
            put_cell(seed, names[k][0], &json, &sql);
        }
        buf_str(&json, "}\n");
        buf_char(&sql, ')');
    }
    assert_int_equal(sqlite3_exec(db, sql.data, NULL, NULL, NULL), SQLITE_OK);
    return records(l, json.data);
}

/* --- the judge --------------------------------------------------------------------------------------------------- */

static bool same_number(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fmax(1, fabs(a));
}

/* The value of a row against what SQLite has in its first column. */
static bool same(const leat_value *v, sqlite3_stmt *s)
{
    int type = sqlite3_column_type(s, 0);
    if (v->type == LEAT_NULL || type == SQLITE_NULL)
        return v->type == LEAT_NULL && type == SQLITE_NULL;
    if (v->type == LEAT_TEXT)
        return type == SQLITE_TEXT && text_equal(v->as.text, (leat_text){(const char *)sqlite3_column_text(s, 0),
                                                                         (size_t)sqlite3_column_bytes(s, 0)});
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT)
        return false;
    double x = v->type == LEAT_F64 ? v->as.f64 : (double)v->as.i64;
    for (int32_t i = 0; v->type == LEAT_DEC && i < v->scale; i++)
        x /= 10;
    return same_number(x, sqlite3_column_double(s, 0));
}

static void judge(struct lab *l, sqlite3 *db, struct both *t, struct batch *b)
{
    struct expr_error error;
    sqlite3_stmt *s = NULL;
    auto_buf sql = {0};
    struct expr *e = expr_parse(&l->arena, l->paths, buf_view(&t->ours), NULL, &error);
    if (!e)
        fail_msg("%s\n%s %s", t->ours.data, error.text, error.hint);
    buf_printf(&sql, "select %s from r order by rowid", t->theirs.data);
    if (sqlite3_prepare_v2(db, sql.data, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s\n%s", sql.data, sqlite3_errmsg(db));
    struct read r = expr_eval(l->run, e, b, LEAT_NULL);
    struct batch *o = batch_derive(l->pool, l->paths, b, NULL, 0, true);
    batch_write_column(o, paths_add(l->paths, TEXT("result")), r.column);
    batch_seal(o);
    for (uint32_t i = 0; i < ROWS; i++) {
        leat_value v;
        batch_value(o, i, TEXT("result"), &v);
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
        if ((!r.bad || !(r.bad[i >> 6] >> (i & 63) & 1)) && same(&v, s))
            continue;
        char why[256] = "";
        const char *code = "";
        auto_buf is = {0};
        value_json(&is, &v);
        if (r.bad && r.bad[i >> 6] >> (i & 63) & 1)
            expr_reason(l->run, e, b, i, LEAT_NULL, why, &code);
        leat_text raw = batch_raw(b, i);
        fail_msg("%s\nis " TEXT_FMT " %s, SQLite has %s\n" TEXT_FMT, t->ours.data, TEXT_ARG(buf_view(&is)), why,
                 sqlite3_column_text(s, 0) ? (const char *)sqlite3_column_text(s, 0) : "null", TEXT_ARG(raw));
    }
    sqlite3_finalize(s);
    batch_unref(o);
}

static void sqlite_gives_the_same(void **state)
{
    static putter *const putters[] = {put_bool, put_int, put_number, put_text};
    struct lab *l = *state;
    uint64_t seed = lab_seed(20261125);
    sqlite3 *db;
    struct batch *b = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "create table r (i1, i2, i3, q1, q2, f1, t1, t2, b1, b2); pragma case_sensitive_like = on",
                     NULL, NULL, NULL),
        SQLITE_OK);
    for (int i = 0; i < EXPRESSIONS; i++) {
        struct both t = {.seed = &seed};
        if (i % 50 == 0) {
            batch_unref(b);
            b = random_records(l, &seed, db);
        }
        putters[i % N_OF(putters)](&t, 1 + (int)below(&seed, 4));
        judge(l, db, &t, b);
        buf_fini(&t.ours);
        buf_fini(&t.theirs);
    }
    batch_unref(b);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(sqlite_gives_the_same, lab_new, lab_free)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
