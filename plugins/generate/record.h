/* SPDX-License-Identifier: Apache-2.0 */
/* record.h: events of the company as JSON records, and the lines of its books. */
#ifndef GENERATE_RECORD_H
#define GENERATE_RECORD_H

#include "company.h"

#include <stddef.h>
#include <string.h>

enum { RECORD_MAX = 4096 };

/* What is wrong with a record, on purpose. */
enum defect { NO_DEFECT, WORD_IN_NUMBER, BAD_TIME, MISSING_FIELD, DEFECTS };
extern const char *const defect_names[DEFECTS];
extern const char *const topic_names[TOPICS];

/* The defect of record `sequence`; `of_2_32`: how many of 2^32 records have one. */
enum defect record_defect(uint64_t seed, uint64_t sequence, uint64_t of_2_32);
/* One JSON object without a line end, at most RECORD_MAX bytes; *ret_key: the key of its message, inside it. */
struct piece {
    const char *at;
    size_t n;
};
size_t record_write(char *to, const struct event *e, enum defect d, struct piece *ret_key);

/* Lines of the books; each returns the bytes written, at most RECORD_MAX. 0: this event is not worth a line. */
size_t books_event(char *to, const struct event *e, enum defect d);
size_t books_day(char *to, const struct company *c, const struct event *e);
size_t books_end(char *to, const struct company *c); /* how many records of each topic there were */

/* --- writing text ------------------------------------------------------------------------------------------------ */

static inline char *put(char *to, const char *text, size_t n)
{
    memcpy(to, text, n);
    return to + n;
}
#define PUT(to, literal) put(to, literal, sizeof(literal) - 1)
char *put_text(char *to, const char *zero_terminated);
char *put_number(char *to, int64_t n);
char *put_padded(char *to, uint64_t n, unsigned digits);
char *put_time(char *to, int64_t s); /* 2026-01-05T09:00:00Z */
char *put_date(char *to, int64_t s); /* 2026-01-05 */
#endif
