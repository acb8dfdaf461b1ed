/* SPDX-License-Identifier: Apache-2.0 */
/* base.h: what every module stands on: memory, errors with a sentence, texts, vectors, maps, clocks, the log, units. */
#ifndef LEAT_BASE_H
#define LEAT_BASE_H

#include <errno.h>
#include <leat/record.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PRINTF(at, first) __attribute__((format(printf, at, first)))
#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A bug, not a circumstance: on in all builds. Prints the place and aborts. */
#define ASSERT(holds) (LIKELY(holds) ? (void)0 : assert_failed(#holds, __FILE__, __LINE__))
_Noreturn void assert_failed(const char *what, const char *file, int line);

/* Ownership. `auto_free char *p`: freed when the scope ends; `return steal(p)` hands it on. */
#define auto_free __attribute__((cleanup(free_pointer)))
#define auto_close __attribute__((cleanup(close_descriptor)))
void free_pointer(void *pointer_to_pointer);
void close_descriptor(int *fd);
#define steal(p) __extension__({ __typeof__(p) stolen_ = (p); (p) = NULL; stolen_; })

/* Never NULL: out of memory ends the process with a sentence. [any] */
void *xmalloc(size_t bytes);
void *xcalloc(size_t n, size_t bytes);
void *xrealloc(void *p, size_t bytes);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *format, ...) PRINTF(1, 2);

/* --- errors ------------------------------------------------------------------------------------------------------ */

/* Why something failed, for a person: names the thing and the next step. `code` is stable ("E204"), or "". */
struct err {
    char code[8];
    char text[1016];
};
/* Fills *e (may be NULL) and returns -number, so that `return err_set(e, errno, "cannot open %s: %m", path)` works.
 * `%m` is the message of `number`. */
int err_set(struct err *e, int number, const char *format, ...) PRINTF(3, 4);
int err_code(struct err *e, int number, const char *code, const char *format, ...) PRINTF(4, 5);
/* Puts a few words before the sentence that is there: "flows/a.yaml: ...". Returns -number. */

/* --- texts ------------------------------------------------------------------------------------------------------- */

#define TEXT(literal) ((leat_text){(literal), sizeof(literal) - 1})
leat_text text_of(const char *s); /* of a zero-terminated one; NULL: empty */
bool text_is(leat_text t, const char *s);
bool text_equal(leat_text a, leat_text b);
int text_compare(leat_text a, leat_text b); /* by bytes */
leat_text text_trim(leat_text t);           /* less blanks and line ends at both sides */
#define TEXT_FMT "%.*s"
#define TEXT_ARG(t) (int)(t).n, (t).data

/* A growing text. {0} is empty; data is zero-terminated once something was added. */
struct buf {
    char *data;
    size_t n, cap;
};
void buf_fini(struct buf *b);
#define auto_buf __attribute__((cleanup(buf_fini))) struct buf
char *buf_room(struct buf *b, size_t bytes); /* at the end; then b->n += what was put there */
void buf_add(struct buf *b, const void *data, size_t n);
void buf_text(struct buf *b, leat_text t);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) PRINTF(2, 3);
void buf_json(struct buf *b, leat_text t); /* quoted and escaped as a JSON string */
leat_text buf_view(const struct buf *b);
char *buf_steal(struct buf *b); /* zero-terminated, the caller frees it; the buffer is empty then */

/* --- arenas ------------------------------------------------------------------------------------------------------ */

/* Memory that is freed at once. Not for two threads at a time. {0} is empty. */
struct arena {
    struct arena_block *first;
    size_t bytes; /* taken from the system */
};
void *arena_alloc(struct arena *a, size_t bytes); /* aligned to 16, not zeroed */
void *arena_zalloc(struct arena *a, size_t bytes);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *format, ...) PRINTF(2, 3);
leat_text arena_text(struct arena *a, leat_text t); /* a copy, zero-terminated behind its end */
void arena_reset(struct arena *a); /* everything is given up; one block is kept for what comes */
void arena_fini(struct arena *a);

/* --- vectors and maps -------------------------------------------------------------------------------------------- */

/* VEC(struct item) v = {0}; *VEC_PUSH(&v) = item; for i < v.n: v.at[i]; VEC_FINI(&v). */
#define VEC(type) \
    struct {      \
        type *at; \
        size_t n, cap; \
    }
#define VEC_PUSH(v)                                                                                        \
    ((v)->n == (v)->cap ? (void)((v)->at = vec_grow((v)->at, &(v)->cap, sizeof *(v)->at)) : (void)0, \
     &(v)->at[(v)->n++])
#define VEC_FINI(v) (free((v)->at), (v)->at = NULL, (v)->n = (v)->cap = 0)
void *vec_grow(void *at, size_t *cap, size_t item_bytes);

/* Text to pointer, in order of insertion. Keys are copied. {0} is empty. */
struct map_entry {
    leat_text key;
    void *value;
    uint64_t hash;
};
struct map {
    struct map_entry *at; /* 0 .. n-1 in order of insertion */
    uint32_t *slots;
    size_t n, cap, n_slots;
};
void *map_get(const struct map *m, leat_text key); /* NULL: not there */
void **map_at(struct map *m, leat_text key);       /* its value, made as NULL; valid until the next map_at */
void map_fini(struct map *m);

uint64_t hash64(const void *data, size_t n, uint64_t seed); /* stable over processes and versions */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);  /* Castagnoli, as in RFC 3720; starts with 0 */
void sha256_hex(const void *data, size_t n, char ret[65]);

/* --- suggestions ------------------------------------------------------------------------------------------------- */

/* The candidate nearest to `word` by edit distance (Damerau-Levenshtein), or NULL if none is near. */
const char *closest(leat_text word, const char *const *candidates, size_t n);

/* --- clocks and units -------------------------------------------------------------------------------------------- */

int64_t clock_wall_us(void); /* since 1970-01-01 UTC */
int64_t clock_mono_us(void); /* for distances */

/* What flow files and command lines write. 0, or -EINVAL with a sentence that shows the right spelling. */
int parse_duration(leat_text t, int64_t *ret_us, struct err *err);  /* 250ms 5s 2h 1d 1h30m */
int parse_size(leat_text t, int64_t *ret_bytes, struct err *err);   /* 64KiB 2GiB 10MB 512B */
int parse_rate(leat_text t, double *ret_per_s, struct err *err);    /* 100/s 5/m */
int parse_i64(leat_text t, int64_t *ret, struct err *err);          /* decimal, with _ between digits */
int parse_f64(leat_text t, double *ret, struct err *err);
int parse_time(leat_text t, int64_t *ret_us, struct err *err); /* RFC 3339, or a date alone: midnight UTC */
size_t print_time(char ret[40], int64_t us); /* RFC 3339 UTC, as few fraction digits as needed; returns the length */
size_t print_duration(char ret[40], int64_t us);
size_t print_size(char ret[40], int64_t bytes);
size_t print_count(char ret[40], int64_t n); /* 48,210 */

/* --- the log ----------------------------------------------------------------------------------------------------- */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
/* To stderr, as text or as one JSON object a line. A line that repeats (same place, level and sentence, numbers apart) is
 * printed once in ten seconds, with how often it came. [any] */
void log_setup(enum log_level least, bool json, int fd);
void log_line(enum log_level level, const char *where, const char *format, ...) PRINTF(3, 4);
/* Lines with the same `alike` are one that repeats, whatever they say: for what tells of data. */
void log_alike(enum log_level level, const char *where, const char *alike, const char *format, ...) PRINTF(4, 5);
void log_flush(void); /* prints the counts that wait */
/* Called before a line is written, so that a live display can step aside. NULL: none. */
void log_around(void (*before)(void), void (*after)(void));

/* --- secrets ----------------------------------------------------------------------------------------------------- */

/* A text that nobody may read (copied; shorter ones than 4 bytes are not kept). Log lines strike it out by themselves; whoever
 * writes sentences elsewhere calls secret_strike. [any] */
void secret_hide(leat_text secret);
/* In place: each secret becomes ***, or as many stars as it is long. [any] */
void secret_strike(char *text, bool keep_length);

/* --- files ------------------------------------------------------------------------------------------------------- */

int read_file(const char *path, struct buf *ret, struct err *err);
int write_all(int fd, const void *data, size_t n);                   /* 0 or -errno */
int make_folders(const char *path, struct err *err);                 /* mkdir -p */
/* path.new, fdatasync, rename, fsync of the folder. */
int replace_file(const char *path, leat_text contents, struct err *err);
#endif
