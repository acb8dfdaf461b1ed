/* SPDX-License-Identifier: Apache-2.0 */
/* encoder.c: records as a codec writes them, and texts that hold records. */
#include "core/record/decoder_internal.h"

struct encoder {
    struct codec codec;
    size_t n_columns; /* csv: fixed by the codec, else by the first batch */
    leat_text *columns;
    struct buf head;
};

struct encoder *encoder_new(const struct codec *codec)
{
    struct encoder *e = xcalloc(1, sizeof *e);
    e->codec = *codec;
    e->columns = xcalloc(codec->n_columns, sizeof *e->columns);
    e->n_columns = codec->n_columns;
    for (size_t i = 0; i < e->n_columns; i++)
        e->columns[i] = (leat_text){xstrndup(codec->columns[i].data, codec->columns[i].n), codec->columns[i].n};
    return e;
}

void encoder_free(struct encoder *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->n_columns; i++)
        free((char *)e->columns[i].data);
    free(e->columns);
    buf_fini(&e->head);
    free(e);
}

/* --- csv --- */

static bool needs_quotes(const struct codec *k, leat_text t)
{
    if (t.n >= 3 && memcmp(t.data, "\xef\xbb\xbf", 3) == 0)
        return true; /* at the beginning of a file it would be taken for a byte order mark */
    for (size_t i = 0; i < t.n; i++)
        if (t.data[i] == k->delimiter || t.data[i] == k->quote || t.data[i] == '\n' || t.data[i] == '\r')
            return true;
    return false;
}

static char *put_field(char *out, const struct codec *k, leat_text t, bool quotes)
{
    if (!quotes && !needs_quotes(k, t)) {
        if (t.n)
            memcpy(out, t.data, t.n);
        return out + t.n;
    }
    *out++ = k->quote;
    for (size_t i = 0; i < t.n; i++) {
        if (t.data[i] == k->quote)
            *out++ = k->quote;
        *out++ = t.data[i];
    }
    *out++ = k->quote;
    return out;
}

static void name_columns(struct encoder *e, struct batch *b)
{
    uint32_t n;
    const leat_text *names = batch_names(b, &n);
    if (e->n_columns || !n)
        return;
    e->columns = xrealloc(e->columns, n * sizeof *e->columns);
    for (uint32_t i = 0; i < n; i++)
        e->columns[i] = (leat_text){xstrndup(names[i].data, names[i].n), names[i].n};
    e->n_columns = n;
}

/* A field as text; what is no scalar is written as JSON. */
static const leat_column *field_texts(struct batch *b, leat_text name)
{
    struct memory *m = &b->in->memory;
    const struct step step = {.kind = STEP_NAME, .name = name};
    const struct path path = {.n_steps = 1, .each = 1, .steps = &step};
    const struct path *known = &path;
    for (uint32_t i = PATH_FIRST_FIELD; i < paths_count(b->paths); i++) {
        const struct path *p = paths_at(b->paths, i);
        if (p->n_steps == 1 && text_equal(p->steps[0].name, name))
            known = p;
    }
    const leat_column *c =
        known->number ? batch_read(b, known->number, LEAT_JSON).column : path_read(b, known, LEAT_JSON).column;
    leat_column *texts = column_new(m, LEAT_TEXT, b->view.n);
    for (uint32_t i = 0; i < c->n; i++) {
        leat_text t = ((const leat_text *)c->data)[i];
        if (leat_has(c, i))
            ((leat_text *)texts->data)[i] = t.data[0] == '"' ? json_unquote(m, t) : t;
    }
    return texts;
}

static size_t csv_row_bound(const leat_column *const *fields, size_t n, uint32_t row)
{
    size_t bytes = 2;
    for (size_t j = 0; j < n; j++)
        bytes += ((const leat_text *)fields[j]->data)[row].n * 2 + 3;
    return bytes;
}

static leat_column *csv_column_of(struct encoder *e, struct batch *b)
{
    struct memory *m = &b->in->memory;
    leat_column *c = column_new(m, LEAT_TEXT, b->view.n);
    name_columns(e, b);
    const leat_column **fields = memory_alloc(m, e->n_columns * sizeof *fields);
    for (size_t j = 0; j < e->n_columns; j++)
        fields[j] = field_texts(b, e->columns[j]);
    for (uint32_t i = 0; i < b->view.n; i++) {
        char *out = memory_alloc(m, csv_row_bound(fields, e->n_columns, i)), *at = out;
        for (size_t j = 0; j < e->n_columns; j++) {
            if (j)
                *at++ = e->codec.delimiter;
            /* One empty field alone would be an empty line, which is no record. */
            leat_text t = ((const leat_text *)fields[j]->data)[i];
            at = put_field(at, &e->codec, t, e->n_columns == 1 && !t.n);
        }
        *at++ = '\n';
        ((leat_text *)c->data)[i] = (leat_text){out, (size_t)(at - out)};
    }
    return c;
}

leat_text encoder_head(struct encoder *e)
{
    if (e->codec.kind != CODEC_CSV || !e->codec.header)
        return (leat_text){"", 0};
    e->head.n = 0;
    for (size_t j = 0; j < e->n_columns; j++) {
        if (j)
            buf_char(&e->head, e->codec.delimiter);
        char *at = buf_room(&e->head, e->columns[j].n * 2 + 2);
        e->head.n += (size_t)(put_field(at, &e->codec, e->columns[j], e->n_columns == 1 && !e->columns[j].n) - at);
    }
    if (e->n_columns)
        buf_char(&e->head, '\n');
    return buf_view(&e->head);
}

/* --- text and raw: one field of the record --- */

static leat_column *one_field_column(struct encoder *e, struct batch *b)
{
    struct memory *m = &b->in->memory;
    bool raw = e->codec.kind == CODEC_RAW;
    const leat_column *field = field_texts(b, raw ? TEXT("raw") : TEXT("text"));
    leat_column *c = column_new(m, raw ? LEAT_BYTES : LEAT_TEXT, b->view.n);
    for (uint32_t i = 0; i < c->n; i++) {
        leat_text t = ((const leat_text *)field->data)[i];
        if (raw) { /* records that have no such field are the bytes that they were made from */
            ((leat_text *)c->data)[i] = t.data ? t : batch_raw(b, i);
            continue;
        }
        char *out = memory_alloc(m, t.n + 1);
        if (t.n)
            memcpy(out, t.data, t.n);
        out[t.n] = '\n';
        ((leat_text *)c->data)[i] = (leat_text){out, t.n + 1};
    }
    return c;
}

const leat_column *encoder_column(struct encoder *e, struct batch *b)
{
    if (e->codec.kind == CODEC_CSV)
        return csv_column_of(e, b);
    if (e->codec.kind != CODEC_JSON)
        return one_field_column(e, b);
    leat_column *c = whole_column(b, true);
    c->type = LEAT_TEXT;
    return c;
}

/* --- parse: a text field that holds records --- */

static bool parse_json(const struct codec *codec, leat_text *t)
{
    struct json_error e;
    *t = text_trim(*t);
    return t->n && utf8_check(t->data, t->n) == t->n &&
           json_check(t->data, t->data + t->n, codec->max_depth ? codec->max_depth : 128, &e) == t->data + t->n;
}

/* With another codec the text is decoded as a message of one record. */
static bool parse_other(const struct codec *codec, struct batch *b, struct decoder *d, leat_text *t)
{
    size_t n_rejected;
    decoder_message(d, 0, *t, (leat_text){0}, LEAT_NO_TIME, NULL, 0);
    struct batch *one = decoder_next(d, 1);
    bool good = one && one->view.n == 1;
    (void)codec;
    decoder_rejected(d, &n_rejected);
    if (good) {
        leat_text json = ((const leat_text *)batch_read(one, PATH_WHOLE, LEAT_JSON).column->data)[0];
        char *kept = batch_alloc(b, json.n);
        *t = (leat_text){memcpy(kept, json.data, json.n), json.n};
    }
    batch_unref(one);
    while ((one = decoder_next(d, LEAT_ROWS_MAX)))
        batch_unref(one);
    return good && !n_rejected;
}

const leat_column *codec_decode_column(const struct codec *codec, struct batch *b, const leat_column *c,
                                       const uint64_t **ret_bad)
{
    struct memory *m = &b->in->memory;
    uint64_t *bad = NULL;
    leat_column *to = column_new(m, LEAT_JSON, c->n);
    struct decoder *d = codec->kind == CODEC_JSON ? NULL : decoder_new(codec, b->paths, b->pool, NULL);
    for (uint32_t i = 0; i < c->n; i++) {
        if (!leat_has(c, i)) {
            column_absent(m, to, i);
            continue;
        }
        leat_text t = ((const leat_text *)c->data)[i];
        if (d ? parse_other(codec, b, d, &t) : parse_json(codec, &t)) {
            ((leat_text *)to->data)[i] = t;
            continue;
        }
        bits_set(m, &bad, c->n, i);
        column_absent(m, to, i);
    }
    decoder_free(d);
    *ret_bad = bad;
    return to;
}
