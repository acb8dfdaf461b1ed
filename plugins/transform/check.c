/* SPDX-License-Identifier: Apache-2.0 */
/* check.c: converts fields to types and holds records against a JSON Schema; what fails is rejected with field and
 * value. */
#include "schema.h"
#include "transform.h"
#include "types.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TYPES, SCHEMA, BAD };
enum { BAD_REJECT, BAD_NULL };
static const leat_option options[] = {
    [TYPES] = {.name = "types",
               .doc =
                   "Fields, each with the type that its text is converted to: int, decimal, float, bool, text, time, "
                   "or date 'DD.MM.YYYY' (several formats: 'A' | 'B'); an empty text becomes null.",
               .type = LEAT_OPT_TEXT,
               .flags = LEAT_PAIRS},
    [SCHEMA] = {.name = "schema",
                .doc = "File with a JSON Schema that records must fit, as they come in.",
                .type = LEAT_OPT_TEXT},
    [BAD] = {.name = "bad",
             .doc = "What becomes of a record with a text that does not convert: reject it, or make that field null.",
             .type = LEAT_OPT_CHOICE,
             .standard = "reject",
             .choices = "reject|null"},
};
enum { MADE_NULL };
static const leat_metric metrics[] = {
    [MADE_NULL] = {.name = "made_null", .doc = "Values that did not convert and were made null.", .kind = LEAT_COUNTER},
};
enum { SCALES = 19 };
struct field {
    char *name;
    struct type type;
    leat_field from;
    leat_field to[SCALES]; /* decimals: one for each scale, because a column has one; others: the first */
};
struct check {
    struct field *fields;
    size_t n;
    leat_field record;
    struct schema *schema;
};
struct work { /* on one batch */
    const leat_host *h;
    const leat_batch *b;
    leat_out *out;
    uint8_t *rejected;
    uint32_t made_null;
};

/* --- options ----------------------------------------------------------------------------------------------------- */

static leat_status add_field(const leat_host *h, struct field *f, leat_text name, leat_text spelt)
{
    char why[TYPE_WHY];
    f->name = strndup(name.data, name.n);
    if (!f->name)
        return h->fail(h, LEAT_FATAL, "no memory");
    if (!type_parse(spelt, &f->type, why))
        return leat_failf(h, LEAT_FATAL, "types: %s: %s", f->name, why);
    f->from = leat_bind(h, LEAT_READ, 0, f->name, LEAT_TEXT, LEAT_MAY_MISS);
    leat_binding w = {
        .size = sizeof w, .path = f->name, .type = f->type.column, .flags = LEAT_MAY_MISS, .how = LEAT_WRITE};
    for (w.scale = 0; w.scale < (f->type.column == LEAT_DEC ? SCALES : 1); w.scale++)
        f->to[w.scale] = h->bind(h, &w);
    return LEAT_OK;
}

static leat_status create(const leat_host *h, void *self, void *shared)
{
    struct check *c = self;
    const leat_value *types = &h->with[TYPES];
    leat_status s = LEAT_OK;
    (void)shared;
    if (types->type == LEAT_NULL && h->with[SCHEMA].type == LEAT_NULL)
        return h->fail(h, LEAT_FATAL, "say what to check: `types` or `schema`");
    c->fields = calloc(types->as.list.n / 2 + 1, sizeof *c->fields);
    if (!c->fields)
        return h->fail(h, LEAT_FATAL, "no memory");
    for (size_t i = 0; s == LEAT_OK && i + 1 < types->as.list.n; i += 2)
        s = add_field(h, &c->fields[c->n++], types->as.list.at[i].as.text, types->as.list.at[i + 1].as.text);
    if (s == LEAT_OK && h->with[SCHEMA].type != LEAT_NULL)
        c->record = leat_bind(h, LEAT_READ, 0, ".", LEAT_JSON, 0);
    return s;
}

static void destroy(const leat_host *h, void *self)
{
    struct check *c = self;
    (void)h;
    for (size_t i = 0; i < c->n; i++)
        free(c->fields[i].name);
    free(c->fields);
}

static leat_text read_file(const char *path)
{
    leat_text t = {0};
    size_t room = 0;
    char *data = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0) {
        if (t.n == room) {
            char *more = realloc(data, room = room ? room * 2 : 65536);
            if (!more)
                break;
            data = more;
        }
        got = read(fd, data + t.n, room - t.n);
        t.n += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    if (got != 0)
        free(data);
    t.data = got == 0 ? data : NULL;
    return t;
}

static leat_status start(const leat_host *h, void *self)
{
    struct check *c = self;
    char path[4096], why[SCHEMA_WHY] = "no memory";
    leat_text file = h->with[SCHEMA].as.text;
    if (h->with[SCHEMA].type == LEAT_NULL)
        return LEAT_OK;
    snprintf(path, sizeof path, "%.*s", (int)file.n, file.data);
    leat_text t = read_file(path);
    if (!t.data)
        return leat_failf(h, LEAT_FATAL, "cannot read the schema %s: %s", path, strerror(errno));
    c->schema = schema_new(t, why);
    free((char *)(uintptr_t)t.data);
    return c->schema ? LEAT_OK : leat_failf(h, LEAT_FATAL, "schema %s: %s", path, why);
}

static void stop(const leat_host *h, void *self)
{
    struct check *c = self;
    (void)h;
    schema_free(c->schema);
    c->schema = NULL;
}

/* --- records ----------------------------------------------------------------------------------------------------- */

static void reject(struct work *w, uint32_t row, const char *code, const char *sentence)
{
    if (!w->rejected[row])
        w->h->reject(w->h, w->b->ticket, row, code, sentence);
    w->rejected[row] = 1;
}

static void does_not_convert(const leat_host *h, struct work *w, const struct field *f, uint32_t row, leat_text t)
{
    char sentence[400];
    if (h->with[BAD].as.i64 == BAD_NULL) {
        w->made_null++;
        return;
    }
    snprintf(sentence, sizeof sentence, "field '%s' is '%.*s'%s, which is not %s", f->name,
             (int)(t.n < 100 ? t.n : 100), t.data, t.n > 100 ? "..." : "", type_name(&f->type));
    if (f->type.n_formats) {
        size_t n = strlen(sentence);
        snprintf(sentence + n, sizeof sentence - n, " like %s%s", f->type.formats[0],
                 f->type.n_formats > 1 ? " or others" : "");
    }
    reject(w, row, "type", sentence);
}

static leat_text trimmed(leat_text t)
{
    while (t.n && (t.data[0] == ' ' || t.data[0] == '\t')) {
        t.data++;
        t.n--;
    }
    while (t.n && (t.data[t.n - 1] == ' ' || t.data[t.n - 1] == '\t'))
        t.n--;
    return t;
}

/* Mantissa at another scale; false: it does not fit. */
static bool rescale(struct parsed *p, int32_t scale)
{
    for (; p->scale < scale; p->scale++)
        if (__builtin_mul_overflow(p->i64, 10, &p->i64))
            return false;
    return true;
}

/* The values of a column; has[i]: there is one. Returns the scale that all of them need. */
static int32_t convert(const leat_host *h, struct work *w, const struct field *f, struct parsed *values, uint8_t *has)
{
    const leat_column *c = h->read(h, w->b, f->from);
    const leat_text *t = c->data;
    int32_t scale = 0;
    for (uint32_t i = 0; i < w->b->n; i++) {
        leat_text v = trimmed(t[i]);
        has[i] = leat_has(c, i) && v.n > 0;
        if (has[i] && !type_convert(&f->type, v, &values[i])) {
            has[i] = 0;
            does_not_convert(h, w, f, i, v);
        }
        if (has[i] && values[i].scale > scale)
            scale = values[i].scale;
    }
    return scale;
}

static void put(const struct field *f, void *column, uint32_t row, const struct parsed *v)
{
    if (f->type.column == LEAT_F64)
        ((double *)column)[row] = v->f64;
    else if (f->type.column == LEAT_BOOL)
        ((uint8_t *)column)[row] = (uint8_t)v->i64;
    else
        ((int64_t *)column)[row] = v->i64;
}

static void write_field(const leat_host *h, struct work *w, const struct field *f)
{
    if (f->type.column == LEAT_TEXT) {
        h->write_column(h, w->out, f->to[0], h->read(h, w->b, f->from));
        return;
    }
    struct parsed *values = h->alloc(h, w->b->n * sizeof *values);
    memset(values, 0, w->b->n * sizeof *values);
    uint8_t *has = h->alloc(h, w->b->n);
    int32_t scale = convert(h, w, f, values, has);
    leat_field to = f->to[f->type.column == LEAT_DEC ? scale : 0];
    void *column = h->write(h, w->out, to, f->type.column);
    for (uint32_t i = 0; i < w->b->n; i++) {
        if (has[i] && f->type.column == LEAT_DEC && !rescale(&values[i], scale)) {
            has[i] = 0;
            reject(w, i, "overflow", "the number and others beside it need more than 18 digits");
        }
        if (has[i])
            put(f, column, i, &values[i]);
        else
            h->write_null(h, w->out, to, i);
    }
}

static void *call_alloc(void *host, size_t bytes)
{
    const leat_host *h = host;
    return h->alloc(h, bytes);
}

static void hold_against_schema(const leat_host *h, const struct check *c, struct work *w)
{
    const leat_text *record = leat_read_text(h, w->b, c->record);
    struct json_memory m = {call_alloc, (void *)(uintptr_t)h};
    char why[SCHEMA_WHY];
    for (uint32_t i = 0; i < w->b->n; i++)
        if (!schema_holds(c->schema, m, record[i], why))
            reject(w, i, "schema", why);
}

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    const struct check *c = self;
    struct work w = {.h = h, .b = b, .rejected = h->alloc(h, b->n)};
    memset(w.rejected, 0, b->n);
    if (c->schema)
        hold_against_schema(h, c, &w);
    if (!c->n) {
        h->emit(h, 0, b, NULL, b->n);
        return LEAT_OK;
    }
    w.out = h->derive(h, b, NULL, b->n);
    for (size_t i = 0; i < c->n; i++)
        write_field(h, &w, &c->fields[i]);
    h->send(h, w.out, 0);
    if (w.made_null)
        h->measure(h, MADE_NULL, w.made_null);
    return LEAT_OK;
}

const leat_processor transform_check = {
    .size = sizeof transform_check,
    .kind = LEAT_TRANSFORM,
    .name = "check",
    .doc = "Converts fields to types and holds records against a schema; what fails leaves by `rejected`.",
    .flags = LEAT_STATELESS,
    .instance_bytes = sizeof(struct check),
    .options = options,
    .n_options = LEAT_N(options),
    .metrics = metrics,
    .n_metrics = LEAT_N(metrics),
    .create = create,
    .start = start,
    .process = process,
    .stop = stop,
    .destroy = destroy,
};
