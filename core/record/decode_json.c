/* SPDX-License-Identifier: Apache-2.0 */
/* decode_json.c: JSON records: one a line in streams, one or more in a message. The shape of the last ones predicts the
 * next. */
#include "core/record/decoder_internal.h"
#include "core/record/scan.h"

static void reject_json(struct decoder *d, struct place_in *in, leat_text t, const struct json_error *e)
{
    reject(d, t, sequence_at(d, in, t.data), line_number(d, in), e->code, "no JSON record: %s, at byte %zu", e->what,
           (size_t)(e->at - t.data) + 1);
}

static void add_shaped(struct decoder *d, struct place_in *in, leat_text t, uint32_t shape, size_t slot)
{
    struct record *r = found_add(d, in, t.data, t.n);
    r->shape = shape;
    r->slot = (uint32_t)slot;
}

/* Into the next slots; false: it has none of the known shapes. */
static bool match_one(struct decoder *d, struct place_in *in, leat_text t)
{
    if (!d->shapes || t.n > UINT16_MAX)
        return false;
    uint32_t shape = shapes_match(d->shapes, t.data, t.data + t.n, found_slots(d, SHAPE_SLOTS_MAX));
    if (!shape)
        return false;
    add_shaped(d, in, t, shape, d->found->n_slots);
    d->found->n_slots += shapes_at(d->shapes, shape)->n_slots;
    return true;
}

/* A record that was checked: its shape is new, or it has none. */
static void add_checked(struct decoder *d, struct place_in *in, leat_text t)
{
    if (!d->shapes || !shapes_learn(d->shapes, t) || !match_one(d, in, t))
        found_add(d, in, t.data, t.n);
}

/* Strictly, to add it or to say what is wrong with it. */
static void check_json(struct decoder *d, struct place_in *in, leat_text t)
{
    struct json_error e = {"json_not_object", "a record must be an object", t.data};
    const char *all = t.data + t.n, *end = json_check(t.data, all, d->codec.max_depth, &e);
    if (end == all && t.data[0] == '{') {
        add_checked(d, in, t);
        return;
    }
    if (end == all)
        e = (struct json_error){"json_not_object", "a record must be an object", t.data};
    else if (end)
        e = (struct json_error){"json_syntax", "something follows the record", json_blanks(end, all)};
    reject_json(d, in, t, &e);
}

/* The prediction follows what comes: a shape that is missed twice as often as it is met gives way. */
enum { SCORE_MAX = 32, SCORE_MIN = -8, SCORE_TRUSTED = 8 };

static void predict(struct decoder *d, uint32_t shape)
{
    d->score += shape == d->hot ? 1 : -2;
    if (d->score < SCORE_MIN || !d->hot) {
        d->hot = shape;
        d->score = 0;
    } else if (d->score > SCORE_MAX) {
        d->score = SCORE_MAX;
    }
}

static void take_json(struct decoder *d, struct place_in *in, leat_text line, bool ascii)
{
    leat_text t = text_trim(line);
    if (!t.n || (!ascii && reject_utf8(d, in, t)))
        return;
    if (match_one(d, in, t))
        predict(d, d->found->records[d->found->n - 1].shape);
    else
        check_json(d, in, t);
}

/* --- streams --- */

/* Ends of the lines at p that are whole, at most max of them; their number. */
static uint32_t split_lines(struct decoder *d, struct place_in *in, const char *p, uint32_t max)
{
    size_t from = p == in->begin ? d->seen : 0;
    uint32_t n = 0, above = from != 0; /* what was seen before is not looked at again: it may be anything */
    if (d->found->cap_lines < max + 1) {
        d->found->cap_lines = max + 1;
        d->found->lines = xrealloc(d->found->lines, d->found->cap_lines * sizeof *d->found->lines);
    }
    size_t room = (size_t)(in->end - p), i = from;
    for (; i < room && n < max && (!n || p + i < in->stop + BLOCK_SLACK); i += 64) {
        uint64_t ends;
        bool ascii = scan_lines64(p + i, &ends);
        if (UNLIKELY(room - i < 64))
            ends &= ((uint64_t)1 << (room - i)) - 1;
        above |= !ascii;
        for (; ends && n < max; ends &= ends - 1) {
            d->found->lines[n++] = (uint32_t)(i + (unsigned)__builtin_ctzll(ends)) << 1 | above;
            above = !ascii;
        }
    }
    if (in->last && n < max && i >= room && (!n || (d->found->lines[n - 1] >> 1) + 1 < room) && room)
        d->found->lines[n++] = (uint32_t)room << 1 | 1;
    return n;
}

static leat_text line_of(const struct decoder *d, const char *p, uint32_t i)
{
    uint32_t from = i ? (d->found->lines[i - 1] >> 1) + 1 : 0;
    return (leat_text){p + from, (d->found->lines[i] >> 1) - from};
}

static void take_line(struct decoder *d, struct place_in *in, const char *p, uint32_t i)
{
    leat_text line = line_of(d, p, i);
    size_t n = line.n && line.data[line.n - 1] == '\r' ? line.n - 1 : line.n;
    if (LIKELY(!too_long(d, in, line.data, n)))
        take_json(d, in, line, !(d->found->lines[i] & 1));
    d->line += d->line != 0;
}

static bool plain_line(const struct decoder *d, leat_text t)
{
    return t.n - 2 < UINT16_MAX - 2 && t.n <= d->codec.max_record && t.data[0] == '{' && t.data[t.n - 1] == '}';
}

/* Four lines that are predicted to have one shape; false: not four such lines. */
static bool take_four(struct decoder *d, struct place_in *in, const char *p, uint32_t i)
{
    const struct shape *shape = shapes_at(d->shapes, d->hot);
    const char *begins[4], *ends[4];
    leat_text t[4];
    for (uint32_t k = 0; k < 4; k++) {
        t[k] = line_of(d, p, i + k);
        if (UNLIKELY(t[k].n && t[k].data[t[k].n - 1] == '\r'))
            t[k].n--;
        if (UNLIKELY(!plain_line(d, t[k])))
            return false;
        begins[k] = t[k].data;
        ends[k] = t[k].data + t[k].n;
    }
    struct slot *slots = found_slots(d, 4 * shape->n_slots);
    size_t first = d->found->n_slots;
    unsigned wrong = shape_match4(shape, d->codec.max_depth, begins, ends, slots);
    d->found->n_slots += 4 * shape->n_slots;
    for (uint32_t k = 0; k < 4; k++) {
        bool above = d->found->lines[i + k] & 1;
        if (UNLIKELY(wrong >> k & 1)) {
            take_json(d, in, t[k], !above);
        } else if (LIKELY(!above) || !reject_utf8(d, in, t[k])) {
            add_shaped(d, in, t[k], d->hot, first + k * shape->n_slots);
            d->score += d->score < SCORE_MAX;
        }
        d->line += d->line != 0;
    }
    return true;
}

static void take_lines(struct decoder *d, struct place_in *in, const char *p, uint32_t n)
{
    uint32_t i = 0, hot;
    while (i < n) {
        hot = d->hot;
        if (d->score >= SCORE_TRUSTED && n - i >= 4 && take_four(d, in, p, i)) {
            i += 4;
            if (d->hot != hot)
                d->score = 0;
        } else {
            take_line(d, in, p, i++);
        }
    }
}

const char *decode_json(struct decoder *d, struct place_in *in, const char *p, uint32_t max)
{
    if (d->skipping) {
        if (!(p = skip_line(d, in, p)))
            return in->end;
    }
    uint32_t n = p < in->stop ? split_lines(d, in, p, max) : 0;
    if (!n) {
        if (unended_too_long(d, in, p)) {
            d->skipping = true;
            return in->end;
        }
        if (p == in->begin)
            d->seen = (size_t)(in->end - p);
        return p;
    }
    take_lines(d, in, p, n);
    p += (d->found->lines[n - 1] >> 1) + 1;
    return p < in->end ? p : in->end;
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

/* A record that ends at `end` and may stand on several lines. */
static void take_value(struct decoder *d, struct place_in *in, const char *p, const char *end)
{
    leat_text t = {p, (size_t)(end - p)};
    if (too_long(d, in, p, t.n) || reject_utf8(d, in, t))
        return;
    on_one_line(t);
    if (!match_one(d, in, t))
        add_checked(d, in, t);
}

/* Elements of an array, p stands at one; each is a record. Past the array, or where it stopped: d->in_array. */
static const char *take_elements(struct decoder *d, struct place_in *in, const char *p, uint32_t max)
{
    d->in_array = true;
    while (d->found->n < max) {
        struct json_error e = {"json_not_object", "a record must be an object", p};
        const char *end = json_check(p, in->end, d->codec.max_depth, &e);
        if (end && *p == '{')
            take_value(d, in, p, end);
        else
            reject_json(d, in, (leat_text){p, (size_t)((end ? end : in->end) - p)}, &e);
        if (end && (end = json_blanks(end, in->end)) < in->end && *end == ',') {
            p = json_blanks(end + 1, in->end);
            continue;
        }
        d->in_array = false;
        if (!end || (end < in->end && *end == ']'))
            return end ? end + 1 : in->end;
        e = (struct json_error){"json_syntax", "',' or ']' is expected here", end};
        reject_json(d, in, (leat_text){p, (size_t)(in->end - p)}, &e);
        return in->end;
    }
    return p;
}

/* What is no record: its line, or all of its lines if it went wrong on a later one. */
static const char *take_broken(struct decoder *d, struct place_in *in, const char *p, const char *end,
                               const char *wrong)
{
    const char *line = line_end(end ? end : p, in->end); /* with what stands behind it */
    if (!end && wrong > line)
        line = broken_end(p, in->end);
    take_json(d, in, (leat_text){p, (size_t)(line - p)}, false);
    return line;
}

/* One that stands on one line has mostly a known shape. Past it; NULL: not so. */
static const char *take_line_of_message(struct decoder *d, struct place_in *in, const char *p)
{
    const char *line = line_end(p, in->end);
    leat_text t = text_trim((leat_text){p, (size_t)(line - p)});
    bool known = t.n <= d->codec.max_record && utf8_check(t.data, t.n) == t.n && match_one(d, in, t);
    return known ? line : NULL;
}

/* A message holds one record over any lines, or several on lines of their own, or an array of records. What is none is
 * one rejected record. */
const char *decode_json_message(struct decoder *d, struct place_in *in, const char *p, uint32_t max)
{
    while (d->found->n < max && (p = json_blanks(p, in->end)) < in->end) {
        struct json_error e = {0};
        const char *next, *end = NULL;
        if (d->in_array || *p == '[') {
            const char *first = d->in_array ? p : json_blanks(p + 1, in->end);
            bool empty = !d->in_array && first < in->end && *first == ']';
            p = empty ? first + 1 : take_elements(d, in, first, max);
            continue;
        }
        if ((next = take_line_of_message(d, in, p))) {
            p = next;
            continue;
        }
        if (*p == '{')
            end = json_check(p, in->end, d->codec.max_depth, &e);
        if (end && json_blanks(end, in->end) >= line_end(end, in->end)) {
            take_value(d, in, p, end);
            p = end;
        } else {
            p = take_broken(d, in, p, end, e.at);
        }
    }
    return p;
}
