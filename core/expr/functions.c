/* SPDX-License-Identifier: Apache-2.0 */
/* functions.c: the table of functions. Every example runs as a test; the reference page is made of it. */
#include "core/expr/expr_internal.h"

static const struct function functions[] = {
    {{"coalesce", "coalesce(a, b, ...)", "The first of its arguments that is not null.", "coalesce(null, 5)", "5"},
     "a", 1, 255, TAKES_NULL, RETURNS_ALL, NULL},
    {{"nullif", "nullif(a, b)", "Null where a equals b, else a: `x / nullif(y, 0)`.", "nullif(0, 0)", "null"},
     "aa", 2, 2, TAKES_NULL, RETURNS_FIRST, function_nullif},
    {{"greatest", "greatest(a, b, ...)", "The largest of its arguments; nulls do not count.", "greatest(3, null, 7.5)", "7.5"},
     "a", 1, 255, TAKES_NULL, RETURNS_ALL, function_greatest},
    {{"least", "least(a, b, ...)", "The smallest of its arguments; nulls do not count.", "least('b', 'a')", "\"a\""},
     "a", 1, 255, TAKES_NULL, RETURNS_ALL, function_least},
    {{"abs", "abs(number)", "The number without its sign.", "abs(-2.5)", "2.5"}, "n", 1, 1, 0, RETURNS_FIRST, function_abs},
    {{"round", "round(number [, places])", "Rounded to whole numbers or to that many places; halves away from zero (floats: to even).",
      "round(2.345, 2)", "2.35"}, "ni", 1, 2, 0, RETURNS_WHOLE, function_round},
    {{"floor", "floor(number)", "The next whole number below.", "floor(-2.5)", "-3"}, "n", 1, 1, 0, RETURNS_WHOLE, function_floor},
    {{"ceil", "ceil(number)", "The next whole number above.", "ceil(2.1)", "3"}, "n", 1, 1, 0, RETURNS_WHOLE, function_ceil},
    {{"sqrt", "sqrt(number)", "Square root, a float.", "sqrt(16) = 4", "true"}, "n", 1, 1, 0, LEAT_F64, function_sqrt},
    {{"ln", "ln(number)", "Natural logarithm, a float.", "round(ln(10), 6) = 2.302585", "true"}, "n", 1, 1, 0, LEAT_F64, function_ln},
    {{"exp", "exp(number)", "e to that power, a float.", "exp(0) = 1", "true"}, "n", 1, 1, 0, LEAT_F64, function_exp},
    {{"power", "power(a, b)", "a to the power of b, a float.", "power(2, 10) = 1024", "true"}, "nn", 2, 2, 0, LEAT_F64, function_power},
    {{"length", "length(text)", "How many letters it has.", "length('Zürich')", "6"}, "t", 1, 1, 0, LEAT_I64, function_length},
    {{"lower", "lower(text)", "In small letters.", "lower('SKU-Ä')", "\"sku-ä\""}, "t", 1, 1, 0, LEAT_TEXT, function_lower},
    {{"upper", "upper(text)", "In capital letters.", "upper('kg')", "\"KG\""}, "t", 1, 1, 0, LEAT_TEXT, function_upper},
    {{"trim", "trim(text [, letters])", "Without blanks, or those letters, at both ends.", "trim('  a b ')", "\"a b\""},
     "tt", 1, 2, 0, LEAT_TEXT, function_trim},
    {{"substr", "substr(text, from [, count])", "A part, counted from 1.", "substr('warehouse', 5, 3)", "\"hou\""},
     "tii", 2, 3, 0, LEAT_TEXT, function_substr},
    {{"replace", "replace(text, what, with)", "Every `what` replaced.", "replace('1 234 567', ' ', '')", "\"1234567\""},
     "ttt", 3, 3, 0, LEAT_TEXT, function_replace},
    {{"split_part", "split_part(text, by, n)", "The n-th part, counted from 1, or from the end by -1; empty if there is none.",
      "split_part('DE-04-117', '-', 2)", "\"04\""}, "tti", 3, 3, 0, LEAT_TEXT, function_split_part},
    {{"starts_with", "starts_with(text, with)", "Whether it begins so.", "starts_with('DE-04', 'DE')", "true"},
     "tt", 2, 2, 0, LEAT_BOOL, function_starts_with},
    {{"regexp_replace", "regexp_replace(text, pattern, with [, flags])",
      "The first match replaced; `\\1` is a group; flags: `g` every match, `i` whatever the case.",
      "regexp_replace('tel 030-12', '[^0-9]', '', 'g')", "\"03012\""}, "tttt", 3, 4, 0, LEAT_TEXT, function_regexp_replace},
    {{"format", "format(text, a, ...)", "Arguments put where `%s` stands; `%10s` and `%-10s` pad, `%2$s` names one.",
      "format('%s of %s', 3, 'bolts')", "\"3 of bolts\""}, "ta", 1, 255, TAKES_NULL, LEAT_TEXT, function_format},
    {{"to_json", "to_json(a)", "The JSON of a value, as a text.", "to_json('a\"b')", "\"\\\"a\\\\\\\"b\\\"\""},
     "a", 1, 1, 0, LEAT_TEXT, function_to_json},
    {{"parse_json", "parse_json(text)", "The value that a JSON text holds.", "element(parse_json('{\"qty\": 5}'), 'qty')", "5"},
     "t", 1, 1, 0, RETURNS_UNKNOWN, function_parse_json},
    {{"md5", "md5(text)", "MD5 in hexadecimal, for keys, not for secrets.", "md5('leat')", "\"6fb704a4a9f373d813d50ac3dc4ecc63\""},
     "t", 1, 1, 0, LEAT_TEXT, function_md5},
    {{"sha256", "sha256(text)", "SHA-256 in hexadecimal.", "substr(sha256('abc'), 1, 8)", "\"ba7816bf\""},
     "t", 1, 1, 0, LEAT_TEXT, function_sha256},
    {{"uuid5", "uuid5(namespace, name)", "The UUID of a name (RFC 4122, version 5); namespace: a UUID, or dns, url, oid, x500.",
      "uuid5('dns', 'example.org')", "\"aad03681-8b63-5304-89e0-8ca8f49461b5\""}, "tt", 2, 2, 0, LEAT_TEXT, function_uuid5},
    {{"now", "now()", "When the batch is processed; the same for all its records.", "now() > '2020-01-01'", "true"},
     "a", 0, 0, IS_NOW, LEAT_TIME, function_now},
    {{"date_trunc", "date_trunc(unit, time)", "Cut to second, minute, hour, day, week (Monday), month, quarter or year, in UTC.",
      "date_trunc('month', '2026-03-17')", "\"2026-03-01T00:00:00Z\""}, "tm", 2, 2, 0, LEAT_TIME, function_date_trunc},
    {{"extract", "extract(unit from time)",
      "year, quarter, month, week (ISO), day, hour, minute, second, epoch, dow, isodow, doy, isoyear; of a span: day, hour, minute, second, epoch.",
      "extract(hour from '2026-03-17T08:30:00Z'::time)", "8"}, "tk", 2, 2, 0, LEAT_DEC, function_extract},
    {{"to_time", "to_time(text [, pattern])",
      "A text as a time: RFC 3339, or by PostgreSQL's patterns; a number: seconds since 1970.",
      "to_time('17-Mar-26', 'DD-Mon-YY')", "\"2026-03-17T00:00:00Z\""}, "at", 1, 2, 0, LEAT_TIME, function_to_time},
    {{"to_text", "to_text(a [, pattern])",
      "A value as a text; times by PostgreSQL's patterns, numbers by patterns like 999,990.00.",
      "to_text('2026-03-17T08:30:00Z'::time, 'DD.MM.YYYY HH24:MI')", "\"17.03.2026 08:30\""}, "at", 1, 2, 0, LEAT_TEXT, function_to_text},
    {{"age", "age(later [, earlier])", "The span between two times; with one, from it to now.",
      "age('2026-03-02'::time, '2026-03-01'::time)", "\"1d\""}, "mm", 1, 2, 0, TYPE_DURATION, function_age},
    {{"array_length", "array_length(array)", "How many elements it has.", "array_length(parse_json('[1, 2, 3]'))", "3"},
     "j", 1, 1, 0, LEAT_I64, function_array_length},
    {{"contains", "contains(array, a)", "Whether an array has the element, an object the name, a text the part.",
      "contains(parse_json('[\"A\", \"B\"]'), 'B')", "true"}, "ca", 2, 2, 0, LEAT_BOOL, function_contains},
    {{"element", "element(array, n)", "An element of an array, from 0, or from the end by -1; of an object by its name. Null if there is none.",
      "element(parse_json('[10, 20]'), -1)", "20"}, "js", 2, 2, 0, RETURNS_UNKNOWN, function_element},
    {{"error", "error(text)", "Rejects the record, with this reason.", "case when 1 > 2 then error('odd') else 'even' end", "\"even\""},
     "a", 1, 1, TAKES_NULL | NOT_CONSTANT, RETURNS_UNKNOWN, function_error},
};

const struct function *function_table(size_t *ret_n)
{
    *ret_n = N_OF(functions);
    return functions;
}

const struct function *function_find(leat_text name)
{
    static const struct {
        const char *other, *name;
    } aliases[] = {{"ceiling", "ceil"}, {"pow", "power"}, {"substring", "substr"}, {"char_length", "length"}, {"to_timestamp", "to_time"},
                   {"to_char", "to_text"}, {"btrim", "trim"}};
    for (size_t i = 0; i < N_OF(aliases); i++)
        if (name.n == strlen(aliases[i].other) && strncasecmp(name.data, aliases[i].other, name.n) == 0)
            name = text_of(aliases[i].name);
    for (size_t i = 0; i < N_OF(functions); i++)
        if (name.n == strlen(functions[i].public.name) && strncasecmp(name.data, functions[i].public.name, name.n) == 0)
            return &functions[i];
    return NULL;
}

const char *function_closest(leat_text name)
{
    const char *names[N_OF(functions)];
    for (size_t i = 0; i < N_OF(functions); i++)
        names[i] = functions[i].public.name;
    return closest(name, names, N_OF(names));
}

const struct expr_function *expr_functions(size_t *ret_n)
{
    static struct expr_function list[N_OF(functions)]; /* filled by whoever comes first, always with the same */
    for (size_t i = 0; i < N_OF(functions); i++)
        list[i] = functions[i].public;
    *ret_n = N_OF(functions);
    return list;
}
