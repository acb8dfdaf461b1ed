/* SPDX-License-Identifier: Apache-2.0 */
/* expr_internal.h: nodes, tokens, functions and values, as the files of core/expr share them.
 *
 * Numbers: int (LEAT_I64) and decimal (LEAT_DEC) are one kind here. A decimal value is always trimmed, and one without
 * a fraction is an int; so an answer never depends on how a column happened to be held. Absent is LEAT_NULL. */
#ifndef LEAT_CORE_EXPR_INTERNAL_H
#define LEAT_CORE_EXPR_INTERNAL_H

#include "core/expr/expr.h"

enum { TYPE_DURATION = 32 }; /* beside the LEAT_ types; microseconds in as.i64. No column has it: see out.c */
enum {
    EXPR_TEXT_MAX = 64 << 10,
    EXPR_NESTING_MAX = 200,
    EXPR_DEPTH_MAX = 1000,
    EXPR_ARGS_MAX = 4096,
    EXPR_WEIGHT_MAX = 100000
};

enum op {
    OP_VALUE,
    OP_FIELD,
    OP_NEGATE,
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_DIV,
    OP_MODULO,
    OP_CONCAT, /* any number of arguments, each turned into a text */
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_NOT,
    OP_AND,
    OP_OR,
    OP_IN,    /* first argument among the rest */
    OP_LIKE,  /* text, pattern */
    OP_MATCH, /* text, regular expression */
    OP_IS_NULL,
    OP_IS_TRUE,
    OP_IS_FALSE,
    OP_DISTINCT,
    OP_CASE, /* when, then, when, then, ..., else */
    OP_COALESCE,
    OP_CAST,
    OP_TRY_CAST, /* to node->type */
    OP_CALL
};

enum { LIKE_ANY, LIKE_EXACT, LIKE_PREFIX, LIKE_SUFFIX, LIKE_INSIDE }; /* what a constant pattern boils down to */

struct node {
    uint8_t op;
    uint8_t like;     /* OP_LIKE: kind; with its text in value */
    char escape;      /* OP_LIKE; 0: none */
    bool ignore_case; /* OP_MATCH */
    uint32_t type;    /* as far as known; LEAT_NULL: not before the first record */
    uint32_t depth;   /* of the tree below */
    uint32_t weight;  /* nodes in it, shared ones (between, case) counted as often as they are used */
    uint32_t number;  /* 0 .. expr->n_nodes - 1 */
    uint32_t path;    /* OP_FIELD */
    uint32_t n;
    size_t offset, length;           /* in the text */
    leat_value value;                /* OP_VALUE; OP_LIKE: the constant pattern less its signs */
    const struct function *function; /* OP_CALL */
    struct node *const *args;
};

struct expr {
    const struct node *root;
    const struct paths *names;
    uint32_t n_nodes;
    uint32_t impure;
    uint32_t *paths;
    size_t n_paths;
    leat_text prefix;
};

/* --- values ------------------------------------------------------------------------------------------------------ */

/* Where one evaluation happens. */
struct call {
    struct expr_run *run;
    struct batch *batch; /* NULL while constants are computed at load */
    struct arena *arena; /* then texts come from here */
    const char *code;    /* set by call_fail */
    leat_text looked_at; /* by the last regular expression, and whether it is ASCII; texts do not change meanwhile */
    bool looked_ascii;
    char *reason; /* NULL: nobody wants to know; else room for 256 bytes */
};
/* Marks the record as failed; always false. */
bool call_fail(struct call *c, const char *code, const char *format, ...) PRINTF(3, 4);
char *call_room(struct call *c, size_t n); /* memory for a text of the result; lives as long as the batch */
/* Whether a text of n bytes more may be made; false: the record has failed. 16 MiB a text, 256 MiB a batch. */
bool call_allows(struct call *c, size_t n);
int64_t call_now(const struct call *c);

const char *type_name(uint32_t type);
bool is_number(uint32_t type);
bool value_is_exact(const leat_value *v); /* int or decimal */
leat_value value_bool(bool b);
leat_value value_int(int64_t i);
leat_value value_f64(double x);
leat_value value_text(leat_text t);
leat_value value_of(uint32_t type, int64_t i);             /* LEAT_TIME, TYPE_DURATION */
leat_value value_decimal(int64_t mantissa, int32_t scale); /* trimmed */
double value_double(const leat_value *v);                  /* of any number */
__extension__ typedef __int128 wide;
/* mantissa / 10^scale, trimmed, as a value; false: it does not fit 64 bits with at most 18 fraction digits. */
bool value_from_wide(wide mantissa, int32_t scale, leat_value *ret);
/* As much of n / d * 10^-scale as 12 fraction digits and 18 digits in all can hold, half even. */
bool value_rounded(wide n, wide d, int32_t scale, leat_value *ret);
static inline int64_t power_of_ten(int32_t exponent) /* 0 .. 18 */
{
    return decimal_powers[exponent];
}

bool value_arithmetic(struct call *c, enum op op, const leat_value *a, const leat_value *b, leat_value *ret);
bool value_negate(struct call *c, const leat_value *a, leat_value *ret);
/* -1, 0, 1 in *ret; neither is null. */
bool value_compare(struct call *c, const leat_value *a, const leat_value *b, bool order, int *ret);
/* A whole number beyond 64 bits: travels as the JSON that it came as (LEAT_JSON). */
bool value_is_huge(const leat_value *v);
const char *value_name(const leat_value *v);                /* what it is, for a sentence */
bool value_equal(const leat_value *a, const leat_value *b); /* nulls are equal; of different kinds: false */
bool value_cast(struct call *c, const leat_value *v, uint32_t type, leat_value *ret);
bool value_to_text(struct call *c, const leat_value *v, leat_text *ret); /* of any that is not null */
size_t print_int(char *ret, int64_t i);                                  /* at most 20 bytes; returns how many */
bool value_parse_number(leat_text t, leat_value *ret);                   /* JSON's or SQL's spelling */
bool value_parse_duration(leat_text t, int64_t *ret_us);
/* One JSON text as a value: numbers, texts (unescaped), true, false, null; arrays and objects stay as they are. */
bool value_parse_json(struct call *c, leat_text json, leat_value *ret);
bool like_match(leat_text t, leat_text pattern, char escape);
/* [lane] Whether t matches; the compiled expression is kept in the run. */
bool regex_match(struct call *c, leat_text t, leat_text pattern, bool ignore_case, bool *ret);
/* NULL: a good one; else what is wrong. */
const char *regex_check(leat_text pattern, char room[128]);

/* --- functions --------------------------------------------------------------------------------------------------- */

/* Arguments are of the kinds in `kinds`, one letter each: n number, i whole number, t text, m time, d duration, b bool,
 * j array or object, c array, object or text, k time or duration, s whole number or text, a any. The last letter
 * repeats when `most` is larger. */
struct function {
    struct expr_function public;
    const char *kinds;
    uint8_t least, most; /* 255: any number */
    uint8_t flags;
    uint8_t returns; /* a type, or one of RETURNS_ */
    bool (*apply)(struct call *c, const leat_value *args, size_t n, leat_value *ret);
};
enum { TAKES_NULL = 1, IS_NOW = 2, NOT_CONSTANT = 4 };
enum {
    RETURNS_FIRST = 128,
    RETURNS_ALL,
    RETURNS_WHOLE,
    RETURNS_UNKNOWN
}; /* type of the first; of all; int, or float of float */
const struct function *function_find(leat_text name);
const char *function_closest(leat_text name);
bool kind_fits(char kind, uint32_t type);
const char *kind_name(char kind);

#define FUNCTION(name) bool name(struct call *c, const leat_value *args, size_t n, leat_value *ret)
FUNCTION(function_greatest);
FUNCTION(function_least);
FUNCTION(function_nullif);
FUNCTION(function_abs);
FUNCTION(function_round);
FUNCTION(function_floor);
FUNCTION(function_ceil);
FUNCTION(function_sqrt);
FUNCTION(function_ln);
FUNCTION(function_exp);
FUNCTION(function_power);
FUNCTION(function_length);
FUNCTION(function_lower);
FUNCTION(function_upper);
FUNCTION(function_trim);
FUNCTION(function_substr);
FUNCTION(function_replace);
FUNCTION(function_split_part);
FUNCTION(function_starts_with);
FUNCTION(function_regexp_replace);
FUNCTION(function_format);
FUNCTION(function_to_json);
FUNCTION(function_parse_json);
FUNCTION(function_md5);
FUNCTION(function_sha256);
FUNCTION(function_uuid5);
FUNCTION(function_now);
FUNCTION(function_date_trunc);
FUNCTION(function_extract);
FUNCTION(function_to_time);
FUNCTION(function_to_text);
FUNCTION(function_age);
FUNCTION(function_array_length);
FUNCTION(function_contains);
FUNCTION(function_element);
FUNCTION(function_error);

/* --- times ------------------------------------------------------------------------------------------------------- */

struct civil {
    int64_t year;
    int month, day, hour, minute, second, us;
};
void civil_of(int64_t time_us, struct civil *ret);
bool civil_time(const struct civil *c, int64_t *ret_us); /* false: no such day, or beyond 64 bits */
int civil_weekday(int64_t time_us);                      /* 0 Sunday .. 6 */
int civil_day_of_year(const struct civil *c);
int civil_iso_week(int64_t time_us, int64_t *ret_year);
bool time_print(struct call *c, int64_t time_us, leat_text pattern, leat_text *ret);
bool time_read(struct call *c, leat_text t, leat_text pattern, int64_t *ret_us);
bool number_print(struct call *c, const leat_value *v, leat_text pattern, leat_text *ret);

/* --- tokens ------------------------------------------------------------------------------------------------------ */

enum token_kind {
    TOKEN_END,
    TOKEN_NUMBER,
    TOKEN_TEXT,
    TOKEN_NAME,
    TOKEN_QUOTED, /* "odd name" */
    TOKEN_META,   /* $id */
    TOKEN_SIGN    /* operators and punctuation */
};
struct token {
    enum token_kind kind;
    leat_text text; /* as written; TOKEN_TEXT and TOKEN_QUOTED: less the quotes, with '' as ' */
    size_t offset, length;
    bool spaced; /* a blank stands before it */
};
struct parser {
    struct arena *arena;
    struct paths *paths;
    const struct expr_fields *fields;
    struct expr_error *error;
    leat_text text;
    size_t at;
    struct token token; /* the one that is looked at */
    size_t last_end;    /* of the token before it */
    int nesting;
    uint32_t n_nodes, impure;
    VEC(uint32_t) read;
};
/* Both false, with the error filled in. */
bool lex_next(struct parser *p);
bool parse_fail(struct parser *p, size_t offset, size_t length, const char *code, const char *hint, const char *format,
                ...) PRINTF(6, 7);
bool token_is_sign(const struct token *t, const char *sign);
bool token_is_word(const struct token *t, const char *word); /* a bare name, whatever its case */

struct node *parse_whole(struct parser *p); /* to the end of the text */
struct node *parse_or(struct parser *p);
struct node *node_new(struct parser *p, enum op op, size_t offset, struct node *const *args, size_t n);
/* Types, constants, patterns of a node whose arguments are checked. NULL: error. It may give another node. */
struct node *node_check(struct parser *p, struct node *n);
bool parse_expect_sign(struct parser *p, const char *sign, const char *after);
bool parse_start(struct parser *p, leat_text text);
/* The root, in whose tree equal parts are one node each. */
struct node *nodes_share(struct node *root, uint32_t n_nodes);
struct expr *parse_finish(struct parser *p, struct node *root);

/* Row by row. */
bool row_eval(struct call *c, const struct expr *e, const struct node *n, uint32_t row, leat_value *ret);
/* One node from the values of its arguments: all ops that look at all of them. */
bool node_apply(struct call *c, const struct node *n, const leat_value *args, leat_value *ret);
bool expr_cell_value(struct call *c, const leat_column *column, uint32_t row, leat_value *ret);
/* The column of a field; LEAT_JSON where numbers of several spellings would be held as floats. */
struct read field_read(struct batch *b, const struct node *n);
bool field_bad(struct call *c, const struct node *n); /* the failure of a record whose field is of another type */
bool value_truth(struct call *c, const leat_value *v, int *ret); /* 0, 1, or -1 for null */
bool like_boiled(const struct node *n, leat_text t);
#endif
