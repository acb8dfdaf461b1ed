/* SPDX-License-Identifier: Apache-2.0 */
/* decode_lines.c: lines; text, whose records they are; raw bytes. */
#include "core/record/decoder_internal.h"

const char *line_at(struct decoder *d, struct place_in *in, const char *p, leat_text *ret)
{
    size_t seen = p == in->begin && in->message == UINT32_MAX ? d->seen : 0;
    const char *end = memchr(p + seen, '\n', (size_t)(in->end - p) - seen), *next = end ? end + 1 : NULL;
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
const char *skip_line(struct decoder *d, struct place_in *in, const char *p)
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
    while (d->found->n < max && p < in->stop) {
        if (d->skipping) {
            const char *next = skip_line(d, in, p);
            if (!next)
                return in->end;
            p = next;
            continue;
        }
        const char *next = line_at(d, in, p, &line);
        if (!next && unended_too_long(d, in, p)) {
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

static void take_text(struct decoder *d, struct place_in *in, leat_text line)
{
    if (line.n && !reject_utf8(d, in, line))
        found_add(d, in, line.data, line.n);
}

const char *decode_text(struct decoder *d, struct place_in *in, const char *p, uint32_t max)
{
    return decode_each_line(d, in, p, max, take_text);
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
