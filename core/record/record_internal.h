/* SPDX-License-Identifier: Apache-2.0 */
/* record_internal.h: what the files of this module share.
 *
 * A batch is a level of a chain. Its lowest level, the root, holds records as they came: JSON text, csv fields, lines,
 * or several batches end to end. Each level above views rows of the one below and may lay columns over it (struct
 * overlay). Reading a path walks down to the first level that says something about it. */
#ifndef LEAT_CORE_RECORD_INTERNAL_H
#define LEAT_CORE_RECORD_INTERNAL_H

#include "core/record/record.h"

/* Tests only: records are read one by one, without shapes and without wide instructions. Set before any decoder is
 * made. */
extern bool record_scalar;

/* --- paths (paths.c) --- */

enum step_kind { STEP_NAME, STEP_INDEX, STEP_EACH };
struct step {
    enum step_kind kind;
    uint32_t index;
    leat_text name;
};
struct path {
    leat_text text; /* canonical spelling */
    leat_text key;  /* a top-level field: its name as JSON with the colon, `"qty":` */
    uint32_t number, top;
    uint32_t n_steps;
    uint32_t each; /* the step that is [], n_steps: none */
    const struct step *steps;
    leat_text header; /* of $headers['x']: x */
};
const struct path *paths_at(const struct paths *p, uint32_t number);
/* For paths that are in no table; false: wrong spelling. */
bool path_parse(struct arena *a, leat_text text, struct path *ret);

/* --- memory (pool.c) --- */

struct chunk;
struct memory { /* what a batch owns; given back at once */
    struct pool *pool;
    struct chunk *first;
};
void *memory_alloc(struct memory *m, size_t bytes); /* aligned to 16 */
void *memory_zalloc(struct memory *m, size_t bytes);
void memory_free(struct memory *m);
/* Room for things one behind the other whose size is known only when they are written: after each, set r->at behind it.
 */
struct reserve {
    char *at, *end;
};
char *memory_reserve_more(struct memory *m, struct reserve *r, size_t bytes);
static inline char *memory_reserve(struct memory *m, struct reserve *r, size_t bytes)
{
    return LIKELY((size_t)(r->end - r->at) >= bytes) ? r->at : memory_reserve_more(m, r, bytes);
}

/* Bytes that were read; shared with a child through fd. `size` bytes and BLOCK_SLACK readable ones behind them. */
enum { BLOCK_SIZE = 256 << 10, BLOCK_SLACK = 64 };
struct block {
    struct pool *pool;
    struct block *next;
    char *data;
    size_t size;
    int fd;
    uint32_t refs;
};
struct block *block_new(struct pool *pool, size_t least);
/* Room for n bytes in the block that all messages of a lane share; the caller gets a reference of its own. */
char *pool_inbox(struct pool *pool, size_t n, struct block **ret_block);
struct block *block_ref(struct block *b);
void block_unref(struct block *b);

struct origin *origin_ref(struct origin *o);

/* --- JSON text (json.c: strict, of what came from outside; trusted: of what was checked) --- */

struct json_error {
    const char *code, *what;
    const char *at;
};
/* Past the value at p; NULL and *e if it is none. Texts are not checked for UTF-8 here. */
const char *json_check(const char *p, const char *end, size_t max_depth, struct json_error *e);
const char *json_blanks(const char *p, const char *end);
/* Pieces of it, for scan.h. All: past what stands at p, NULL where it is wrong. */
const char *json_string_rest(const char *p, const char *end);          /* inside of a string */
const char *json_word(const char *p, const char *end);                 /* a number, true, false, null */
const char *json_opaque(const char *p, const char *end, size_t depth); /* an array, or an empty object */
/* Past the value at p, which is valid. */
const char *json_end(const char *p);

struct member {    /* of an object */
    leat_text key; /* between its quotes, as written */
    leat_text value;
    const char *at;   /* the quote of the key */
    const char *next; /* where the search goes on */
};
/* m->next: behind '{' at first. False: no more. */
bool json_member(struct member *m);
bool json_key_is(leat_text key, leat_text name);
/* The value by steps[0..n) in a valid value; data NULL: not there. */
leat_text json_find(leat_text value, const struct step *steps, uint32_t n);
/* The contents of a string with its quotes; in m if it has escapes. */
leat_text json_unquote(struct memory *m, leat_text string);
size_t json_unescape(const char *p, size_t n, char *ret); /* ret: n bytes are enough */
size_t json_quoted_bound(leat_text t);
char *json_quote(char *out, leat_text t);
char *json_escape(char *out, leat_text t); /* what json_quote puts between the quotes */
/* `value` (an object) with steps[0..n) set to `to` (data NULL: taken out). In m. */
leat_text json_set(struct memory *m, leat_text value, const struct step *steps, uint32_t n, leat_text to);

/* --- UTF-8 (utf8.c) --- */

/* Where the first byte stands that is wrong; n if none. */
size_t utf8_check(const char *p, size_t n);
leat_text utf8_repair(struct memory *m, leat_text t);

/* --- numbers (decimal.c) --- */

enum number_kind { NUMBER_I64, NUMBER_DEC, NUMBER_F64 };
/* Of a valid JSON number. NUMBER_F64: ret is not set. */
enum number_kind number_parse(leat_text t, struct decimal *ret);
double number_f64(leat_text t);
/* value = mantissa * 10^exponent exactly, without trailing zeros; false: more than 18 digits. */
bool number_exact(leat_text t, int64_t *ret_mantissa, int32_t *ret_exponent);
double decimal_f64(struct decimal d);
size_t i64_print(char *ret, int64_t v); /* at most 20 bytes */
size_t u64_print(char *ret, uint64_t v);

/* --- columns (column.c) --- */

/* Columns that are being made: data and valid are writable. */
leat_column *column_new(struct memory *m, uint32_t type, uint32_t n);
void column_absent(struct memory *m, leat_column *c, uint32_t row);
void bits_set(struct memory *m, uint64_t **bits, uint32_t n, uint32_t row);
size_t type_bytes(uint32_t type);
/* Raw JSON values (data NULL: missing) as a column. */
struct read column_of_cells(struct memory *m, const leat_text *cells, uint32_t n, uint32_t type);
/* Texts that are no JSON (csv fields, lines); data NULL: missing. */
struct read column_of_texts(struct memory *m, const leat_text *texts, uint32_t n, uint32_t type);
struct read column_convert(struct memory *m, const leat_column *c, uint32_t type);
/* Row i is row rows[i] of c. */
leat_column *column_gather(struct memory *m, const leat_column *c, const uint32_t *rows, uint32_t n);
uint64_t *bits_gather(struct memory *m, const uint64_t *bits, const uint32_t *rows, uint32_t n);
leat_column *column_join(struct memory *m, const leat_column *const *parts, uint32_t n_parts, uint32_t type,
                         uint32_t n);
/* A missing value among JSON texts is left out of a record; a null is written. Both are absent. */
#define JSON_MISSING ((leat_text){NULL, 0})
#define JSON_NULL_CELL ((leat_text){"", 0})
bool column_missing(const leat_column *c, uint32_t row);
const leat_text *column_cells(struct memory *m, const leat_column *c); /* of a JSON column, for column_of_cells */
/* How the value is written in JSON: most bytes it may need, and itself. */
size_t column_json_bound(const leat_column *c, uint32_t row);
char *column_json(char *out, const leat_column *c, uint32_t row);
void column_value(const leat_column *c, uint32_t row, leat_value *ret);

/* --- batches (batch.c) --- */

enum root_kind { ROOT_NONE, ROOT_JSON, ROOT_CSV, ROOT_TEXT, ROOT_RAW, ROOT_CONCAT };
struct record {
    uint32_t at, n; /* in base */
    uint32_t shape; /* of root.shapes; 0: none */
    uint32_t slot;  /* its first one of root.slots */
};
struct field { /* of a csv record */
    uint32_t at;
    uint32_t n : 30;
    uint32_t quoted : 1;  /* stood in quotes (they are not counted in) */
    uint32_t doubled : 1; /* has doubled quotes inside */
};
struct message {
    uint64_t sequence;
    leat_text key; /* data NULL: none */
    int64_t time_us;
    const leat_value *headers;
    size_t n_headers;
    uint32_t n_records;
};
struct csv_names {
    uint32_t refs;
    uint32_t n;
    char quote;
    leat_text *names;
};
struct root {
    enum root_kind kind;
    const char *base;
    const struct record *records;
    struct block *block;
    struct origin *origin;
    uint64_t first;                 /* sequence of base[0], or of row 0 (ROOT_NONE) */
    uint64_t first_line;            /* of base[0]; 0: not known */
    const uint64_t *sequences;      /* of copied records, by row; NULL: first + at */
    const uint64_t *lines;          /* of copied records, by row; NULL: counted from first_line */
    const struct message *messages; /* NULL: a stream */
    const uint32_t *message_of;     /* row -> message */
    const uint32_t *kth;            /* row -> k-th record of its message */
    struct shapes *shapes;
    const struct slot *slots;
    const struct field *fields; /* csv: rows x names->n */
    struct csv_names *names;
    char quote;
    struct batch **parts;   /* ROOT_CONCAT */
    const uint32_t *starts; /* first row of each part, and the end */
    uint32_t n_parts;
};
struct overlay {
    const struct path *path;
    leat_column *column; /* NULL: removed */
    bool borrowed;       /* texts need no copy */
    uint64_t *written;   /* rows that have a value (the others keep theirs); NULL: all */
};
struct cached {
    struct cached *next;
    uint32_t type;
    struct read read;
};
struct map_to {
    const struct batch *level;
    const uint32_t *rows;
};
enum { MAPS_KEPT = 4 };
struct batch_inside {
    struct memory memory;
    size_t bytes; /* batch_bytes + 1; 0: not counted yet */
    struct root root;
    bool fresh, sealed, placed;
    uint32_t n_overlays, cap_overlays;
    struct overlay *overlays;
    const struct overlay *whole; /* `.` was written */
    const uint32_t *kth;         /* rows that repeat: how often the row was seen before; NULL: none repeats */
    const uint32_t *times;       /* with kth: how often it appears in all */
    struct cached **cache;
    uint32_t n_cache;
    struct map_to maps[MAPS_KEPT];
    uint32_t n_maps;
    leat_text *names;
    uint32_t n_names;
    const struct plan *plan;
};
/* What a decoder finds for the next batch, before it moves there. */
struct found {
    struct record *records;
    uint32_t n, cap;
    uint32_t *message_of, *kth;
    struct field *fields;
    size_t n_fields, cap_fields;
    struct slot *slots;
    size_t n_slots, cap_slots;
    uint32_t *lines; /* ends of lines, doubled; plus 1: there are bytes above ASCII */
    uint32_t cap_lines;
};
struct found *pool_found(struct pool *pool); /* the one of the lane */
struct batch *batch_new(struct pool *pool, const struct paths *paths, uint32_t n);
struct overlay *overlay_find(const struct batch *b, const struct path *path);
void overlay_put(struct batch *o, uint32_t path, leat_column *c); /* c NULL: removed; its texts are copied by seal */
/* The rows of `level` (b or below it) that b's rows are; NULL: the same. */
const uint32_t *batch_rows_to(struct batch *b, const struct batch *level);
/* The root of a row and its row there; a root that is a concat is followed into its part. */
const struct batch *batch_bottom(const struct batch *b, uint32_t row, uint32_t *ret_row);
static inline const struct batch *batch_down(const struct batch *b, uint32_t *row)
{
    if (b->rows)
        *row = b->rows[*row];
    return b->parent;
}
leat_text csv_field(struct memory *m, const struct root *r, const struct field *f);
uint32_t csv_column(const struct csv_names *names, leat_text name); /* names->n: none */
void csv_names_unref(struct csv_names *names);

/* --- reading (read.c, meta.c) --- */

struct read path_read(struct batch *b, const struct path *path, uint32_t type); /* of fields; not cached */
struct read meta_read(struct batch *b, const struct path *path, uint32_t type);
bool path_is_meta(const struct path *path);
struct read cache_get(const struct batch *b, uint32_t path, uint32_t type); /* column NULL: not there */
leat_text text_root_field(const struct root *r); /* the name of the one field of a line or of raw bytes */
leat_text root_record(const struct root *r, uint32_t row);

/* --- whole records (whole.c) --- */

/* `.` of every row of b as JSON; newline: with a line end behind each. */
leat_column *whole_column(struct batch *b, bool newline);
#endif
