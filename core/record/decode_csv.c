/* SPDX-License-Identifier: Apache-2.0 */
/* decode_csv.c: records of separated fields (RFC 4180, with any delimiter and quote, and LF, CRLF or CR as line end).
 */
#include "core/record/decoder_internal.h"
#include "core/record/scan.h"

/* Why a record is none. */
struct csv_error {
    const char *code, *what;
    const char *at;
    const char *seen; /* the byte that tells */
};
/* A record being read. */
struct csv {
    const char *p, *end;
    bool last;
    bool quoted; /* any field of the record is */
    char delimiter, quote;
    const char *base;
    struct field *fields;
    uint32_t n, cap;
    struct csv_error error;
};
enum csv_end { CSV_DONE, CSV_MORE, CSV_MORE_OF_LINE_END, CSV_WRONG };

static bool line_end(char c)
{
    return c == '\n' || c == '\r';
}

static void add_field(struct csv *c, const char *from, const char *to, bool quoted, bool doubled)
{
    if (c->n < c->cap)
        c->fields[c->n] = (struct field){(uint32_t)(from - c->base), (uint32_t)(to - from), quoted, doubled};
    c->n++;
}

/* p is behind the opening quote. */
static enum csv_end quoted_field(struct csv *c)
{
    const char *from = ++c->p;
    bool doubled = false;
    c->quoted = true;
    for (;; c->p++) {
        c->p = memchr(c->p, c->quote, (size_t)(c->end - c->p));
        if (!c->p || c->p + 1 >= c->end) {
            bool closed = c->p && c->last;
            c->p = c->p ? c->p : c->end;
            if (closed)
                break;
            if (!c->last)
                return CSV_MORE;
            c->error = (struct csv_error){"csv_quote", "this quoted field has no end", from - 1, c->end};
            return CSV_WRONG;
        }
        if (c->p[1] != c->quote)
            break;
        doubled = true;
        c->p++;
    }
    add_field(c, from, c->p, true, doubled);
    c->p++;
    if (c->p < c->end && *c->p != c->delimiter && !line_end(*c->p)) {
        c->error = (struct csv_error){"csv_quote", "a delimiter is expected behind the closing quote", c->p, c->p};
        return CSV_WRONG;
    }
    return CSV_DONE;
}

static enum csv_end plain_field(struct csv *c)
{
    const char *from = c->p;
    for (; c->end - c->p >= 16; c->p += 16) {
        unsigned mask = scan_field_mask(c->p, c->delimiter);
        if (LIKELY(mask)) {
            c->p += __builtin_ctz(mask);
            add_field(c, from, c->p, false, false);
            return CSV_DONE;
        }
    }
    while (c->p < c->end && *c->p != c->delimiter && !line_end(*c->p))
        c->p++;
    add_field(c, from, c->p, false, false);
    return CSV_DONE;
}

/* Past CR, LF or CRLF at p; NULL: what follows a CR has not come yet. */
static const char *past_line_end(const char *p, const char *end, bool last)
{
    if (*p == '\n')
        return p + 1;
    if (p + 1 == end)
        return last ? end : NULL;
    return p[1] == '\n' ? p + 2 : p + 1;
}

/* One record; c->p is then where the next one begins. */
static enum csv_end read_record(struct csv *c)
{
    for (;;) {
        bool quoted = c->p < c->end && *c->p == c->quote && c->quote;
        enum csv_end e = quoted ? quoted_field(c) : plain_field(c);
        if (e != CSV_DONE)
            return e;
        if (c->p >= c->end)
            return c->last ? CSV_DONE : CSV_MORE;
        if (line_end(*c->p)) {
            c->p = past_line_end(c->p, c->end, c->last);
            return c->p ? CSV_DONE : CSV_MORE_OF_LINE_END;
        }
        c->p++; /* the delimiter: another field follows, if only an empty one */
    }
}

/* The line at p ends where? For what is no record. */
static const char *next_line(const char *p, const char *end, bool last)
{
    while (p < end && !line_end(*p))
        p++;
    return p < end ? past_line_end(p, end, last) : last ? end : NULL;
}

/* A copy of a field less doubled quotes; what is no UTF-8 becomes U+FFFD. to: three times its bytes. */
static size_t copy_name(const struct csv *c, const struct field *f, char *to)
{
    const char *from = c->base + f->at;
    auto_buf plain = {0};
    for (uint32_t i = 0; i < f->n; i++) {
        buf_char(&plain, from[i]);
        i += f->doubled && from[i] == c->quote;
    }
    char *at = to;
    for (size_t i = 0, good; i < plain.n; i += good + (i + good < plain.n)) {
        good = utf8_check(plain.data + i, plain.n - i);
        memcpy(at, plain.data + i, good);
        at += good;
        if (i + good < plain.n)
            at = (char *)memcpy(at, "\xef\xbf\xbd", 3) + 3;
    }
    return (size_t)(at - to);
}

static struct csv_names *names_of_fields(const struct csv *c)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < c->n; i++)
        bytes += c->fields[i].n * 3;
    struct csv_names *names = xmalloc(sizeof *names + c->n * sizeof(leat_text) + bytes);
    *names = (struct csv_names){.refs = 1, .n = c->n, .quote = c->quote, .names = (leat_text *)(names + 1)};
    char *at = (char *)(names->names + c->n);
    for (uint32_t i = 0; i < c->n; i++) {
        names->names[i] = (leat_text){at, copy_name(c, &c->fields[i], at)};
        at += names->names[i].n;
    }
    return names;
}

static struct csv csv_at(struct decoder *d, const char *base, const char *p, const char *end, bool last)
{
    struct found *f = d->found;
    size_t room = d->names ? d->names->n : 65536;
    if (f->cap_fields - f->n_fields < room) {
        f->cap_fields = f->cap_fields * 2 + room;
        f->fields = xrealloc(f->fields, f->cap_fields * sizeof *f->fields);
    }
    return (struct csv){.p = p,
                        .end = end,
                        .last = last,
                        .delimiter = d->codec.delimiter,
                        .quote = d->codec.quote,
                        .base = base,
                        .fields = f->fields + f->n_fields,
                        .cap = (uint32_t)room};
}

bool csv_set_names(struct decoder *d, const char *p, const char *end)
{
    struct csv c = csv_at(d, p, p, end, true);
    if (read_record(&c) != CSV_DONE || c.n > c.cap)
        return false;
    d->names = names_of_fields(&c);
    d->header.n = 0;
    buf_add(&d->header, p, (size_t)(c.p - p));
    while (d->header.n && line_end(d->header.data[d->header.n - 1]))
        d->header.n--;
    return true;
}

void csv_fixed_names(struct decoder *d)
{
    const struct codec *k = &d->codec;
    size_t bytes = 0;
    for (size_t i = 0; i < k->n_columns; i++)
        bytes += k->columns[i].n;
    struct csv_names *names = xmalloc(sizeof *names + k->n_columns * sizeof(leat_text) + bytes);
    *names = (struct csv_names){
        .refs = 1, .n = (uint32_t)k->n_columns, .quote = k->quote, .names = (leat_text *)(names + 1)};
    char *at = (char *)(names->names + names->n);
    for (uint32_t i = 0; i < names->n; i++) {
        names->names[i] = (leat_text){at, k->columns[i].n};
        memcpy(at, k->columns[i].data, k->columns[i].n);
        at += k->columns[i].n;
    }
    d->names = names;
}

/* Without a header and without names in the codec, columns are called column1, column2, ... */
static void numbered_names(struct decoder *d, uint32_t n)
{
    auto_buf line = {0};
    for (uint32_t i = 0; i < n; i++)
        buf_printf(&line, "%s%ccolumn%u%c", i ? (char[2]){d->codec.delimiter, 0} : "", d->codec.quote, i + 1,
                   d->codec.quote);
    csv_set_names(d, line.data, line.data + line.n);
}

static void take_record(struct decoder *d, struct place_in *in, const struct csv *c, leat_text raw)
{
    if (reject_utf8(d, in, raw))
        return;
    if (c->n != d->names->n) {
        reject(d, raw, sequence_at(d, in, raw.data), line_number(d, in), "csv_columns",
               "the record has %u fields, the header has %u", c->n, d->names->n);
        return;
    }
    found_add(d, in, raw.data, raw.n);
    d->found->n_fields += c->n;
}

/* Lines of a record; without quotes there is one. */
static void count_lines(struct decoder *d, const char *p, const char *end, bool quoted)
{
    if (!d->line)
        return;
    d->line += !quoted;
    for (; quoted && p < end; p++)
        d->line += *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] != '\n'));
}

/* The rest of a record that was too long, by the same rules as read_record; the state goes over reads and restarts. */
static enum csv_skip skip_step(const struct codec *k, enum csv_skip state, char c)
{
    if (state == SKIP_QUOTED)
        return c == k->quote ? SKIP_QUOTE : SKIP_QUOTED;
    if (c == k->quote && k->quote && state != SKIP_PLAIN)
        return SKIP_QUOTED;
    return c == k->delimiter ? SKIP_START : SKIP_PLAIN;
}

static const char *skip_record(struct decoder *d, struct place_in *in, const char *p)
{
    for (; p < in->end; p++) {
        if (line_end(*p) && d->skip != SKIP_QUOTED) {
            const char *next = past_line_end(p, in->end, in->last);
            d->skipping = next == NULL;
            return next ? next : p;
        }
        d->skip = skip_step(&d->codec, d->skip, *p);
    }
    return p;
}

static const char *skip_too_long(struct decoder *d, struct place_in *in, const char *p)
{
    d->skipping = true;
    d->skip = SKIP_START;
    return skip_record(d, in, p);
}

/* A record that is whole. Where the next one begins. */
static const char *take_whole(struct decoder *d, struct place_in *in, const char *p, const struct csv *c)
{
    const char *end = c->p;
    while (end > p && line_end(end[-1]))
        end--;
    leat_text raw = {p, (size_t)(end - p)};
    if (!raw.n || too_long(d, in, p, raw.n))
        return c->p;
    if (d->names) {
        take_record(d, in, c, raw);
    } else if (d->codec.header) {
        csv_set_names(d, p, c->p);
    } else {
        numbered_names(d, c->n);
        return p; /* the same record again */
    }
    return c->p;
}

/* What is no record: its first line is rejected. NULL: the line has no end yet. */
static const char *take_wrong(struct decoder *d, struct place_in *in, const char *p, const struct csv_error *e)
{
    const char *next = next_line(p, in->end, in->last), *end = next;
    if (!next)
        return NULL;
    while (end > p && line_end(end[-1]))
        end--;
    reject(d, (leat_text){p, (size_t)(end - p)}, sequence_at(d, in, p), line_number(d, in), e->code,
           "no csv record: %s, at byte %zu", e->what, (size_t)(e->at - p) + 1);
    return next;
}

/* One record at p, or what is none; NULL: its end has not come yet. Whatever the reads were, a record is too long when
 * neither its end nor what is wrong with it lies within max_record bytes. */
static const char *decode_one(struct decoder *d, struct place_in *in, const char *p, bool *ret_quoted)
{
    struct csv c = csv_at(d, in->base, p, in->end, in->last);
    enum csv_end e = read_record(&c);
    size_t told = e == CSV_WRONG ? (size_t)(c.error.seen - p) : (size_t)(in->end - p);
    *ret_quoted = c.quoted || e != CSV_DONE;
    if (e == CSV_DONE) {
        const char *next = take_whole(d, in, p, &c);
        *ret_quoted |= next == p;
        return next;
    }
    if (e == CSV_MORE_OF_LINE_END)
        told--;
    if (too_long(d, in, p, told))
        return skip_too_long(d, in, p);
    return e == CSV_WRONG ? take_wrong(d, in, p, &c.error) : NULL;
}

const char *decode_csv(struct decoder *d, struct place_in *in, const char *p, uint32_t max)
{
    while (d->found->n < max && p < in->stop) {
        bool quoted = true;
        const char *next = d->skipping ? skip_record(d, in, p) : decode_one(d, in, p, &quoted);
        if (!next)
            break;
        count_lines(d, p, next, quoted);
        if (next == p && d->skipping)
            break;
        p = next;
    }
    return p;
}
