/* SPDX-License-Identifier: Apache-2.0 */
/* record.h: records as the host holds them: blocks of bytes, batches (views of records), typed columns decoded on
 * demand, changed fields laid over, codecs.
 *
 * A batch is a view. A root batch owns records as they were read (JSON text with an index of its values) or only
 * columns (csv, text, raw, and what plugins derive from nothing). `batch_select` views some rows of another batch,
 * `batch_derive` views rows of another batch (repeats allowed) with fields written over them. Nothing is copied by
 * either. Everything reachable from a sealed batch is immutable but for its caches. Threads: a batch, its caches
 * included, belongs to one thread at a time. Counts of references are atomic, so a batch may be handed to another
 * thread as a whole when the giver keeps no view of it that it still reads. */
#ifndef LEAT_CORE_RECORD_H
#define LEAT_CORE_RECORD_H

#include "core/base/base.h"

#include <leat/record.h>

/* --- paths: names of fields as numbers ------------------------------------------------------------------------- */

/* The paths that a flow uses, numbered when it is planned. [main] to add; afterwards read-only, from any thread.
 * "qty", "supplier.country", "lines[0].sku", "lines[].qty"; a quoted step for odd names: "\"Order Id\"". */
struct paths;
enum { /* what every table begins with; PATH_WHOLE is ".", the record as JSON */
       PATH_NONE = 0,
       PATH_WHOLE,
       PATH_ID,
       PATH_KEY,
       PATH_TIME,
       PATH_TOPIC,
       PATH_FILE,
       PATH_PARTITION,
       PATH_SEQUENCE,
       PATH_LINE,
       PATH_HEADERS,
       PATH_VERSION,
       PATH_RAW,
       PATH_ENCODED,
       PATH_HEAD,
       PATH_FIRST_FIELD
};
struct paths *paths_new(void);
void paths_free(struct paths *p);
uint32_t paths_add(struct paths *p, leat_text path);        /* its number; PATH_NONE if the spelling is wrong */
uint32_t paths_find(const struct paths *p, leat_text path); /* PATH_NONE: not there */
leat_text paths_text(const struct paths *p, uint32_t path);
uint32_t paths_count(const struct paths *p);
uint32_t paths_top(const struct paths *p,
                   uint32_t path); /* the top-level field that it lies in (itself if it is one) */
/* "$headers['x']" is a path of its own; its name is x. */

/* --- memory ---------------------------------------------------------------------------------------------------- */

/* A lane's store of blocks and batch memory; recycles. [lane] */
struct pool;
struct pool *pool_new(void);
void pool_free(struct pool *p);          /* when all its batches are gone */
size_t pool_bytes(const struct pool *p); /* taken from the system [any] */

/* --- where records come from ------------------------------------------------------------------------------------ */

/* Of one partition; shared by its batches. The texts are copied. */
struct origin {
    leat_text prefix;    /* of ids: "flow/source/partition name/", escaped as delivery needs it */
    leat_text partition; /* what `$partition` says */
    leat_text topic;     /* what `$topic` and `$file` say */
    uint32_t number;     /* leat_partition of the source */
    uint32_t refs;
};
struct origin *origin_new(leat_text prefix, leat_text partition, leat_text topic, uint32_t number);
void origin_unref(struct origin *o);

/* --- batches ---------------------------------------------------------------------------------------------------- */

struct batch {
    leat_batch view; /* what plugins see; first. view.n is the number of records */
    uint32_t refs;
    uint32_t kept; /* bytes of blocks that it keeps alive, for budgets (0 unless a root) */
    struct pool *pool;
    const struct paths *paths;
    struct batch *parent; /* NULL: a root */
    const uint32_t *rows; /* row i is row rows[i] of the parent; NULL: row i */
    /* The rest is the module's own (record_internal.h). */
    struct batch_inside *in;
};

struct batch *batch_ref(struct batch *b);
void batch_unref(struct batch *b); /* NULL is fine */

/* A view of rows[0..n) of b (rows rise; copied), or of all (rows NULL). Takes its own reference to b. */
struct batch *batch_select(struct batch *b, const uint32_t *rows, uint32_t n);
/* A view to be written on: rows of b (may repeat, rise; NULL: all), or n empty records (b NULL). fresh: the records
 * begin without b's fields, but keep its identity (ids, time, origin). Then batch_write..., then batch_seal. */
struct batch *batch_derive(struct pool *pool, const struct paths *paths, struct batch *b, const uint32_t *rows,
                           uint32_t n, bool fresh);
/* n elements to fill in, zeroed; type LEAT_LIST + x: offsets must be given (n + 1) and the items are returned. A nested
 * path changes its top-level field: objects are made where they are missing, arrays get no new elements, `[]` cannot be
 * written. What is absent is written as null; only a JSON cell with data NULL leaves the field out. */
void *batch_write(struct batch *o, uint32_t path, uint32_t type, int32_t scale, const uint32_t *offsets);
/* PATH_ID, PATH_KEY (TEXT) and PATH_TIME (TIME) may be written too; they then replace what the records had. */
void batch_write_null(struct batch *o, uint32_t path, uint32_t row);
void batch_write_column(struct batch *o, uint32_t path, const leat_column *c); /* borrowed from the batch under o */
void batch_remove(struct batch *o, uint32_t path);
/* One cell, of any type, for script hosts and constants; slow. */
void batch_write_value(struct batch *o, uint32_t path, uint32_t row, const leat_value *v);
/* Copies texts that were written into the batch's memory, checks UTF-8 (a text that is none becomes bytes replaced by
 * U+FFFD), then it is immutable. */
void batch_seal(struct batch *o);
/* Before batch_seal, of records made from nothing (b was NULL): they are the records first, first + 1, ... of this
 * origin. */
void batch_place(struct batch *o, struct origin *origin, uint64_t first);
/* The records of several batches (1 .. 1,024 of them, of one `paths`), one after the other, as one: columns, identity,
 * raw bytes and `.` work as on any batch; types as they come are unified as batch_read says. Takes its own references.
 */
struct batch *batch_concat(struct pool *pool, struct batch *const *parts, uint32_t n_parts);
/* The same records, for a batch that will wait: if they keep less than a quarter of their block alive they are copied
 * out of it. A new reference, to b itself or to the copy. */
struct batch *batch_compact(struct batch *b);
/* Rows from..from+n of a sealed batch (cuts what is longer than a batch may be). */
struct batch *batch_slice(struct batch *b, uint32_t from, uint32_t n);
void *batch_alloc(struct batch *b, size_t bytes); /* memory that lives as long as b; aligned to 16 */

/* What is known of row `row` beside its fields. */
struct identity {
    const struct origin *origin; /* NULL: made from a timer or from nothing */
    uint64_t sequence;           /* of the message or byte that it began with */
    uint32_t of_message;         /* k-th record made from that message; 0: the first */
    int64_t time_us;             /* event time from outside or LEAT_NO_TIME */
};
void batch_identity(const struct batch *b, uint32_t row, struct identity *ret);
/* The raw bytes that a row began as, before any change; empty for rows made from nothing. */
leat_text batch_raw(const struct batch *b, uint32_t row);
size_t batch_bytes(const struct batch *b); /* of raw records, for metrics */

/* --- columns ---------------------------------------------------------------------------------------------------- */

/* A column of all rows of b, cached in b. type LEAT_NULL: as it comes: LEAT_I64 if all values are integers of 64 bits,
 * LEAT_DEC if all are numbers of at most 18 digits, LEAT_F64 for other numbers if it prints them all as they
 * would be printed alone (else LEAT_JSON: no value depends on its batch), LEAT_BOOL, LEAT_TEXT; LEAT_JSON where
 * values differ in kind or are objects or arrays (data then holds JSON text; null is absent); LEAT_NULL where all are
 * absent. Otherwise values convert: numbers among each other where nothing is lost (I64 <- 5.0 yes, 5.5 no; F64 <-
 * any), TEXT <- any scalar as JSON writes it, less the quotes; JSON <- anything; TIME <- RFC 3339 text or integer
 * microseconds; BOOL <- true and false only; nothing from text to numbers. bad: rows (bit i) that have a value which
 * does not convert; they are absent in the column. NULL: none. */
struct read {
    const leat_column *column;
    const uint64_t *bad;
};
struct read batch_read(struct batch *b, uint32_t path, uint32_t type);
/* A DEC column has one scale for all of its rows; values far apart do not fit into 64 bits together, and are then bad.
 * How many rows from `from` on do (at least 1): where this is less than the rest, cut with batch_slice before reading.
 */
uint32_t batch_one_scale(struct batch *b, uint32_t path, uint32_t from);
/* Names of the top-level fields that any record of b has, in order of appearance; valid as long as b. */
const leat_text *batch_names(struct batch *b, uint32_t *ret_n);
/* One value of one row by a path that may be no member of `paths`; slow. */
void batch_value(struct batch *b, uint32_t row, leat_text path, leat_value *ret);

/* --- decimals --------------------------------------------------------------------------------------------------- */

struct decimal {
    int64_t mantissa;
    int32_t scale; /* 0 .. 18; value = mantissa / 10^scale */
};
extern const int64_t decimal_powers[19];                /* of ten: 1, 10, 100, ... */
bool decimal_parse(leat_text t, struct decimal *ret);   /* JSON number without exponent, at most 18 digits */
size_t decimal_print(char ret[24], struct decimal d);   /* canonical: no trailing zeros in the fraction */
struct decimal decimal_trim(struct decimal d);          /* the smallest scale that holds it */
bool decimal_rescale(struct decimal *d, int32_t scale); /* false: does not fit */
size_t f64_print(char ret[32], double x); /* shortest that reads back, as JSON; NaN and infinities: null */

/* --- codecs ----------------------------------------------------------------------------------------------------- */

/* What `codec:` says. Built by codec_parse or by hand. Records of CODEC_TEXT have the field `text`, those of CODEC_RAW
 * the field `raw`, and these are what both write. */
enum codec_kind { CODEC_JSON, CODEC_CSV, CODEC_TEXT, CODEC_RAW };
enum compression { COMPRESSION_AUTO, COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };
struct codec {
    enum codec_kind kind;
    enum compression compression; /* AUTO: told by the first bytes (read), none (write) */
    char delimiter, quote;        /* csv; defaults , and " */
    bool header;                  /* csv: the first record names the fields (default) */
    size_t n_columns;             /* csv without a header: their names */
    leat_text *columns;
    size_t max_record; /* bytes; default 16 MiB */
    size_t max_depth;  /* json; default 128 */
};
void codec_default(struct codec *c, enum codec_kind kind);
const char *codec_name(enum codec_kind kind);

/* A record that could not be decoded. */
struct rejected {
    leat_text raw;     /* as much of it as there is, at most 64 KiB */
    uint64_t sequence; /* byte offset or message */
    uint64_t line;     /* 1-based, of streams; 0: not known */
    const char *code;  /* constant: "json_syntax", "utf8", "csv_columns", "too_long", ... */
    leat_text reason;  /* sentence with column or byte */
    const struct origin *origin;
};

/* Bytes or messages of one partition to batches. [lane] */
struct decoder;
struct decoder *decoder_new(const struct codec *codec, const struct paths *paths, struct pool *pool,
                            struct origin *origin);
void decoder_free(struct decoder *d);
/* Where the next byte stands in the stream, and what the codec must know from before (a csv header; empty: nothing). A
 * stream that is compressed is given from its beginning all the same; what lies before `offset` in its contents is
 * passed over. */
int decoder_seek(struct decoder *d, uint64_t offset, leat_text state, struct err *err);
/* Streams: room for n bytes (at most 1 MiB) in the block; then how many were put there. */
char *decoder_space(struct decoder *d, size_t n);
void decoder_fill(struct decoder *d, size_t n);
void decoder_end(struct decoder *d); /* no more bytes will come: an unterminated last record counts */
/* A whole message; copied. Its sequence must not be below the one before. JSON: one record over any lines, one record a
 * line, or an array of records; csv: lines with a header of their own; raw: one record. */
void decoder_message(struct decoder *d, uint64_t sequence, leat_text body, leat_text key, int64_t time_us,
                     const leat_value *headers, size_t n_headers);
/* The next batch of at most max_rows records and about 1 MiB; NULL: more is needed. Rejected records found on the way
 * are added to the decoder's list (decoder_rejected), whose texts live until the next call. */
struct batch *decoder_next(struct decoder *d, uint32_t max_rows);
const struct rejected *decoder_rejected(struct decoder *d, size_t *ret_n);
bool decoder_waiting(const struct decoder *d); /* has whole records that decoder_next would give */
/* Behind the last record that decoder_next gave (or rejected): the offset to seek to, and the state to give then. */
uint64_t decoder_position(const struct decoder *d);
leat_text decoder_state(const struct decoder *d);

/* The records of b as `codec` writes them, ends included, as a TEXT column; head: what a new file begins with (csv
 * header). */
struct encoder;
struct encoder *encoder_new(const struct codec *codec);
void encoder_free(struct encoder *e);
const leat_column *encoder_column(struct encoder *e, struct batch *b);
leat_text encoder_head(struct encoder *e);
/* Text field to records: column c's texts decoded as JSON objects (TEXT column of JSON); bad rows are marked in
 * *ret_bad and absent. For `parse`. */
const leat_column *codec_decode_column(const struct codec *codec, struct batch *b, const leat_column *c,
                                       const uint64_t **ret_bad);

/* Appends the JSON of one value; JSON texts must be valid and are copied. */
void value_json(struct buf *out, const leat_value *v);
#endif
