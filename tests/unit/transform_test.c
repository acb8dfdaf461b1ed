/* SPDX-License-Identifier: Apache-2.0 */
/* transform_test.c: what the transforms know without a host: types, JSON, schemas. */
#include "plugins/transform/schema.h"
#include "plugins/transform/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static leat_text text(const char *s)
{
    return leat_text_of(s);
}

/* --- types
 * ------------------------------------------------------------------------------------------------------------ */

static struct type type_of(const char *spelt)
{
    struct type t;
    char why[TYPE_WHY] = "";
    if (!type_parse(text(spelt), &t, why))
        fail_msg("%s: %s", spelt, why);
    return t;
}

static void numbers_convert(void **state)
{
    static const struct {
        const char *type, *text;
        bool ok;
        int64_t i64;
        int32_t scale;
    } cases[] = {
        {"int", "12", true, 12, 0},
        {"int", "-9223372036854775808", true, INT64_MIN, 0},
        {"int", "9223372036854775808", false, 0, 0},
        {"int", "+7", true, 7, 0},
        {"int", "7.0", false, 0, 0},
        {"int", "0x10", false, 0, 0},
        {"int", "-", false, 0, 0},
        {"decimal", "1.50", true, 15, 1},
        {"decimal", "-0.125", true, -125, 3},
        {"decimal", "007", true, 7, 0},
        {"decimal", ".5", true, 5, 1},
        {"decimal", "5.", true, 5, 0},
        {"decimal", ".", false, 0, 0},
        {"decimal", "1.2.3", false, 0, 0},
        {"decimal", "999999999999999999", true, 999999999999999999, 0},
        {"decimal", "1234567890123456789", false, 0, 0},
        {"decimal", "1e5", false, 0, 0},
        {"bool", "TRUE", true, 1, 0},
        {"bool", "off", true, 0, 0},
        {"bool", "maybe", false, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct type t = type_of(cases[i].type);
        struct parsed p = {0};
        bool ok = type_convert(&t, text(cases[i].text), &p);
        if (ok != cases[i].ok || (ok && (p.i64 != cases[i].i64 || p.scale != cases[i].scale)))
            fail_msg("%s '%s': %d, %lld scale %d", cases[i].type, cases[i].text, ok, (long long)p.i64, p.scale);
    }
}

static void floats_convert(void **state)
{
    struct type t = type_of("float");
    struct parsed p;
    (void)state;
    assert_true(type_convert(&t, text("2.5e3"), &p) && p.f64 == 2500);
    assert_false(type_convert(&t, text("nan"), &p));
    assert_false(type_convert(&t, text("0x1p3"), &p));
    assert_false(type_convert(&t, text("1e"), &p));
}

static void times_convert(void **state)
{
    static const int64_t day = 86400, s = 1000000;
    static const struct {
        const char *type, *text;
        bool ok;
        int64_t us;
    } cases[] = {
        {"time", "1970-01-02T00:00:01.5Z", true, (day + 1) * s + 500000},
        {"time", "1970-01-01 02:00+02:00", true, 0},
        {"time", "2024-02-29", true, 19782 * day * s},
        {"time", "2023-02-29", false, 0},
        {"date 'DD.MM.YYYY'", "2.1.1970", true, day * s},
        {"date 'DD.MM.YYYY'", "2.1.1970 ", false, 0},
        {"date 'DD-Mon-YY'", "2-jan-70", true, day * s},
        {"date 'DD-Mon-YY'", "02-Jan-06", true, 13150 * day * s},
        {"date 'MM/DD/YY' | 'DD Month YYYY'", "2 January 1970", true, day * s},
        {"date 'YYYYMMDD'", "19700102", true, day * s},
        {"time 'DD.MM.YYYY HH12:MI AM'", "01.01.1970 12:30 am", true, 30 * 60 * s},
        {"time 'DD.MM.YYYY HH12:MI AM'", "01.01.1970 12:30 PM", true, (12 * 60 + 30) * 60 * s},
        {"time 'DD.MM.YYYY HH12:MI AM'", "01.01.1970 13:30 PM", false, 0},
        {"time 'YYYY-MM-DD HH24:MI:SS.MS TZ'", "1970-01-01 00:00:00.25 -0100", true, 3600 * s + 250000},
        {"date 'DD.MM.YYYY'", "1.13.2020", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct type t = type_of(cases[i].type);
        struct parsed p = {0};
        bool ok = type_convert(&t, text(cases[i].text), &p);
        if (ok != cases[i].ok || (ok && p.i64 != cases[i].us))
            fail_msg("%s '%s': %d, %lld not %lld", cases[i].type, cases[i].text, ok, (long long)p.i64,
                     (long long)cases[i].us);
    }
}

static void wrong_types_are_explained(void **state)
{
    static const char *const wrong[] = {"integer", "int 'X'", "date DD", "date 'unclosed", ""};
    struct type t;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char why[TYPE_WHY] = "";
        assert_false(type_parse(text(wrong[i]), &t, why));
        assert_true(why[0] != 0);
    }
}

/* --- JSON
 * ------------------------------------------------------------------------------------------------------------- */

static struct {
    char bytes[1 << 16];
    size_t used;
} memory;
static void *take(void *with, size_t bytes)
{
    (void)with;
    void *p = memory.bytes + memory.used;
    memory.used += (bytes + 15) & ~(size_t)15;
    return memory.used <= sizeof memory.bytes ? p : NULL;
}
static struct json_memory fresh(void)
{
    memory.used = 0;
    return (struct json_memory){take, NULL};
}

static void broken_json_is_refused(void **state)
{
    static const char *const broken[] = {"",  "{",  "{\"a\"}", "[1,]", "{\"a\":1,}", "01x",
                                         "-", "1.", "\"abc",   "nul",  "[1] 2",      "{1:2}"};
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        if (json_parse(fresh(), text(broken[i])))
            fail_msg("%s was taken", broken[i]);
}

static void the_length_of_a_value_is_found(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {{"1,2", 1},     {"\"a,\\\"]\",2", 7}, {"{\"a\":[1,{}]} ]", 12}, {"[[],[]],", 7}, {"true]", 4},
                 {"-1.5e3}", 6}, {"null", 4},          {"[ \"}\" , 1 ]x", 11}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (json_length(text(cases[i].text), 0) != cases[i].n)
            fail_msg("%s: %zu", cases[i].text, json_length(text(cases[i].text), 0));
}

static void escapes_are_resolved(void **state)
{
    (void)state;
    struct json_memory m = fresh();
    leat_text t = json_text(m, json_parse(m, text("\"a\\n\\u00e9\\ud83d\\ude00\\/\"")));
    assert_int_equal(t.n, 9);
    assert_memory_equal(t.data, "a\n\xc3\xa9\xf0\x9f\x98\x80/", 9);
    assert_int_equal(json_characters(t), 5);
}

/* --- schemas
 * ---------------------------------------------------------------------------------------------------------- */

static void rules_hold_or_say_why(void **state)
{
    static const struct {
        const char *schema, *record, *why; /* NULL: it fits */
    } cases[] = {
        {"{\"type\":\"object\"}", "{}", NULL},
        {"{\"type\":\"object\"}", "[]", "the record is [], and must be of type \"object\""},
        {"{\"properties\":{\"a\":{\"type\":[\"integer\",\"null\"]}}}", "{\"a\":null}", NULL},
        {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":5.0}", NULL},
        {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":5.5}",
         "field 'a' is 5.5, and must be of type \"integer\""},
        {"{\"required\":[\"a\",\"b\"]}", "{\"a\":1}", "field 'b' is missing"},
        {"{\"properties\":{\"a\":{\"required\":[\"b\"]}}}", "{\"a\":{}}", "field 'a.b' is missing"},
        {"{\"properties\":{\"a\":{\"exclusiveMaximum\":10}}}", "{\"a\":10}",
         "field 'a' is 10, and must be less than 10"},
        {"{\"properties\":{\"a\":{\"exclusiveMinimum\":10}}}", "{\"a\":10.5}", NULL},
        {"{\"properties\":{\"a\":{\"enum\":[1,\"x\",{\"k\":[1]}]}}}", "{\"a\":{\"k\":[1.0]}}", NULL},
        {"{\"properties\":{\"a\":{\"const\":3}}}", "{\"a\":4}", "field 'a' is 4, and must be 3"},
        {"{\"properties\":{\"a\":{\"minLength\":2}}}", "{\"a\":\"\\u00e9\"}",
         "field 'a' is \"\\u00e9\", and must have at least so many characters: 2"},
        {"{\"properties\":{\"a\":{\"pattern\":\"^\\\\d{3}$\"}}}", "{\"a\":\"123\"}", NULL},
        {"{\"properties\":{\"a\":{\"pattern\":\"^\\\\d{3}$\"}}}", "{\"a\":\"12x\"}",
         "field 'a' is \"12x\", and must match \"^\\\\d{3}$\""},
        {"{\"properties\":{\"a\":{\"items\":{\"maximum\":2},\"maxItems\":3}}}", "{\"a\":[1,2,3]}",
         "field 'a[2]' is 3, and must be at most 2"},
        {"{\"properties\":{\"a\":{\"minItems\":1}}}", "{\"a\":[]}",
         "field 'a' is [], and must have at least so many elements: 1"},
        {"{\"additionalProperties\":{\"type\":\"string\"}}", "{\"a\":1}",
         "field 'a' is 1, and must be of type \"string\""},
        {"{\"properties\":{\"a\":true},\"additionalProperties\":false}", "{\"a\":1,\"b\":2}",
         "field 'b' is not allowed"},
        {"{\"properties\":{\"a\":false}}", "{\"a\":1}", "field 'a' is 1, and must not be there"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[SCHEMA_WHY] = "";
        struct schema *s = schema_new(text(cases[i].schema), why);
        if (!s)
            fail_msg("%s: %s", cases[i].schema, why);
        bool holds = schema_holds(s, fresh(), text(cases[i].record), why);
        if (holds != !cases[i].why || (!holds && strcmp(why, cases[i].why) != 0))
            fail_msg("%s against %s: %s", cases[i].record, cases[i].schema, why);
        schema_free(s);
    }
}

static void schemas_with_other_keywords_are_refused(void **state)
{
    static const char *const wrong[] = {"{\"oneOf\":[]}",
                                        "{\"properties\":{\"a\":{\"minimum\":\"1\"}}}",
                                        "{\"type\":3}",
                                        "[]",
                                        "{\"pattern\":\"(\"}",
                                        "{",
                                        "{\"items\":{\"not\":{}}}"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char why[SCHEMA_WHY] = "";
        struct schema *s = schema_new(text(wrong[i]), why);
        if (s)
            fail_msg("%s was taken", wrong[i]);
        assert_true(why[0] != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_convert),
        cmocka_unit_test(floats_convert),
        cmocka_unit_test(times_convert),
        cmocka_unit_test(wrong_types_are_explained),
        cmocka_unit_test(broken_json_is_refused),
        cmocka_unit_test(the_length_of_a_value_is_found),
        cmocka_unit_test(escapes_are_resolved),
        cmocka_unit_test(rules_hold_or_say_why),
        cmocka_unit_test(schemas_with_other_keywords_are_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
