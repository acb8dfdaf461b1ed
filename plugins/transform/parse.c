/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c: text in a field becomes an object, as the flow's codec reads it; and records become text, as it writes them.
 */
#include "transform.h"

enum { FIELD, INTO };
static const leat_option parse_options[] = {
    [FIELD] = {.name = "field",
               .doc = "The field whose text is read.",
               .type = LEAT_OPT_READ,
               .flags = LEAT_REQUIRED,
               .column = LEAT_TEXT},
    [INTO] = {.name = "into",
              .doc = "The field that gets what was read; it may be the same.",
              .type = LEAT_OPT_WRITE,
              .flags = LEAT_REQUIRED,
              .column = LEAT_JSON},
};

static leat_status parse(const leat_host *h, void *self, const leat_batch *b)
{
    leat_out *out = h->derive(h, b, NULL, b->n);
    (void)self;
    h->write_column(h, out, h->with[INTO].as.field, h->decode(h, b, h->with[FIELD].as.field));
    h->send(h, out, 0);
    return LEAT_OK;
}

const leat_processor transform_parse = {
    .size = sizeof transform_parse,
    .kind = LEAT_TRANSFORM,
    .name = "parse",
    .doc = "Reads the text of a field as a record of its own.",
    .flags = LEAT_STATELESS,
    .needs = LEAT_NEEDS_CODEC,
    .options = parse_options,
    .n_options = LEAT_N(parse_options),
    .process = parse,
};

enum { FORMAT_INTO };
static const leat_option format_options[] = {
    [FORMAT_INTO] = {.name = "into",
                     .doc = "The field that gets the record's text, without a line end.",
                     .type = LEAT_OPT_WRITE,
                     .flags = LEAT_REQUIRED,
                     .column = LEAT_TEXT},
};
struct format {
    leat_field encoded;
};

static leat_status create(const leat_host *h, void *self, void *shared)
{
    (void)shared;
    ((struct format *)self)->encoded = leat_bind(h, LEAT_READ, 0, "$encoded", LEAT_BYTES, 0);
    return LEAT_OK;
}

static leat_status format(const leat_host *h, void *self, const leat_batch *b)
{
    const leat_text *encoded = leat_read_text(h, b, ((struct format *)self)->encoded);
    leat_out *out = h->derive(h, b, NULL, b->n);
    leat_text *t = h->write(h, out, h->with[FORMAT_INTO].as.field, LEAT_TEXT);
    for (uint32_t i = 0; i < b->n; i++) {
        t[i] = encoded[i];
        while (t[i].n && (t[i].data[t[i].n - 1] == '\n' || t[i].data[t[i].n - 1] == '\r'))
            t[i].n--;
    }
    h->send(h, out, 0);
    return LEAT_OK;
}

const leat_processor transform_format = {
    .size = sizeof transform_format,
    .kind = LEAT_TRANSFORM,
    .name = "format",
    .doc = "Writes the whole record as text into a field.",
    .flags = LEAT_STATELESS,
    .needs = LEAT_NEEDS_CODEC,
    .instance_bytes = sizeof(struct format),
    .options = format_options,
    .n_options = LEAT_N(format_options),
    .create = create,
    .process = format,
};
