/* SPDX-License-Identifier: Apache-2.0 */
/* decode_lines.c: records that are lines: JSON and text; JSON values in messages; raw bytes. */
#include "core/record/decoder_internal.h"

const char *line_at(struct decoder *d, struct place_in *in, const char *p, leat_text *ret)
{
    size_t seen = p == in->begin && in->message == UINT32_MAX ? d->seen : 0;
    const char *end = memchr(p + seen, '\n', (size_t)(in->end - p) - seen), *next = end + 1;
    if (!end) {
        if (!in->last) {
            d->seen = (size_t)(in->end - p);
            return NULL;
        }
        next = end = in->end;
    }
    if (end > p && end[-1] == '\r')
        end--;
    *ret = (leat_text){p, (size_t)(end - p)};
    return next;
}

/* The rest of a record that was too long; NULL: it has no end yet. */
static const char *skip_line(struct decoder *d, struct place_in *in, const char *p)
{
    const char *end = memchr(p, '\n', (size_t)(in->end - p));
    if (!end && !in->last)
        return NULL;
    d->skipping = false;
    d->line += d->line != 0;
    return end ? end + 1 : in->end;
}

/* Lines one after the other, each given to `take`. */
static const char *decode_each_line(struct decoder *d, struct place_in *in, const char *p, uint32_t max,
                                    void (*take)(struct decoder *, struct place_in *, leat_text))
{
    leat_text line;
    while (d->found.n < max && p < in->stop) {
        if (d->skipping) {
            const char *next = skip_line(d, in, p);
            if (!next)
                return in->end;
            p = next;
            continue;
        }
        const char *next = line_at(d, in, p, &line);
        if (!next && too_long(d, in, p, (size_t)(in->end - p))) {
            d->skipping = true;
            return in->end;
        }
        if (!next)
            break;
        if (!too_long(d, in, p, line.n))
            take(d, in, line);
        d->line += d->line != 0;
        p = next;
    }
    return p;
}

static uint64_t line_number(const struct decoder *d, const struct place_in *in)
{
    return in->message == UINT32_MAX ? d->line : 0;
}

static bool reject_utf8(struct decoder *d, struct place_in *in, leat_text t)
{
    size_t good = utf8_check(t.data, t.n);
    if (good == t.n)
        return false;
    reject(d, t, sequence_at(d, in, t.data), line_number(d, in), "utf8", "byte %zu (0x%02x) is no UTF-8", good + 1,
           (unsigned char)t.data[good]);
    return true;
}

static void reject_json(struct decoder *d, struct place_in *in, leat_text t, const struct json_error *e)
{
    reject(d, t, sequence_at(d, in, t.data), line_number(d, in), e->code, "no JSON record: %s, at byte %zu", e->what,
           (size_t)(e->at - t.data) + 1);
}

static void take_json(struct decoder *d, struct place_in *in, leat_text line)
{
    struct json_error e = {"json_not_object", "a record must be an object", line.data};
    leat_text t = text_trim(line);
    if (!t.n || reject_utf8(d, in, t))
        return;
    if (t.data[0] == '{') {
        const char *end = json_check(t.data, t.data + t.n, d->codec.max_depth, &e);
        if (end == t.data + t.n) {
            found_add(d, in, t.data, t.n);
            return;
        }
        if (end)
            e = (struct json_error){"json_syntax", "something follows the record", json_blanks(end, t.data + t.n)};
    } else if (json_check(t.data, t.data + t.n, d->codec.max_depth, &e) == t.data + t.n) {
        e = (struct json_error){"json_not_object", "a record must be an object", t.data};
    }
    reject_json(d, in, t, &e);
}

const char *decode_json(struct decoder *d, struct place_in *in, const char *p, uint32_t max)
{
    return decode_each_line(d, in, p, max, take_json);
}

static void take_text(struct decoder *d, struct place_in *in, leat_text line)
{
    if (line.n && !reject_utf8(d, in, line))
        found_add(d, in, line.data, line.n);
}

const char *decode_text(struct decoder *d, struct place_in *in, const char *p, uint32_t max)
{
    return decode_each_line(d, in, p, max, take_text);
}

/* --- messages --- */

/* Line ends between the parts of a record are blanks: they become ones, so that a record is always one line. */
static void on_one_line(leat_text t)
{
    char *p = (char *)t.data, *end = p + t.n;
    while ((p = memchr(p, '\n', (size_t)(end - p))))
        *p = ' ';
    p = (char *)t.data;
    while ((p = memchr(p, '\r', (size_t)(end - p))))
        *p = ' ';
}

static const char *line_end(const char *p, const char *end)
{
    const char *at = memchr(p, '\n', (size_t)(end - p));
    return at ? at : end;
}

/* Where a broken record over several lines ends: before the next line that begins with a brace. */
static const char *broken_end(const char *p, const char *end)
{
    for (p = line_end(p, end); p + 1 < end && p[1] != '{'; p = line_end(p + 1, end))
        continue;
    return p + 1 < end ? p : end;
}

/* A message holds one value over several lines, or several values on lines of their own. What is no value is one rejected
 * record: its line, or all of its lines if it went wrong on a later one. */
const char *decode_json_message(struct decoder *d, struct place_in *in, const char *p, uint32_t max)
{
    while (d->found.n < max && (p = json_blanks(p, in->end)) < in->end) {
        struct json_error e = {0};
        const char *line = line_end(p, in->end);
        const char *end = *p == '{' ? json_check(p, in->end, d->codec.max_depth, &e) : NULL;
        if (end && json_blanks(end, line_end(end, in->end)) == line_end(end, in->end)) {
            leat_text t = {p, (size_t)(end - p)};
            if (!too_long(d, in, p, t.n) && !reject_utf8(d, in, t)) {
                on_one_line(t);
                found_add(d, in, t.data, t.n);
            }
            p = end;
            continue;
        }
        if (end)
            line = line_end(end, in->end); /* something stands behind it */
        else if (e.at > line)
            line = broken_end(p, in->end);
        take_json(d, in, (leat_text){p, (size_t)(line - p)});
        p = line;
    }
    return p;
}

/* A message, or all of a stream. */
const char *decode_raw(struct decoder *d, struct place_in *in, const char *p, uint32_t max)
{
    size_t n = (size_t)(in->end - p);
    (void)max;
    if (d->skipping)
        return in->end;
    if (too_long(d, in, p, n)) {
        d->skipping = in->message == UINT32_MAX;
        return in->end;
    }
    if (!in->last)
        return p;
    if (n)
        found_add(d, in, p, n);
    return in->end;
}
