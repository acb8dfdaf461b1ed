/* SPDX-License-Identifier: Apache-2.0 */
/* explode.c: one record per element of an array; the record's other fields stay. */
#include "json.h"
#include "transform.h"

#include <string.h>

enum { FIELD, AS, EMPTY };
enum { DROP, KEEP };
static const leat_option options[] = {
    [FIELD] = {.name = "field",
               .doc = "The array; of an object each member is an element {\"key\": ..., \"value\": ...}.",
               .type = LEAT_OPT_TEXT,
               .flags = LEAT_REQUIRED},
    [AS] =
        {.name = "as",
         .doc =
             "The field that gets the element; the array itself goes. Not given: the element takes the array's place.",
         .type = LEAT_OPT_TEXT},
    [EMPTY] = {.name = "empty",
               .doc = "Records whose array is empty, missing or null: drop them, or keep them without an element.",
               .type = LEAT_OPT_CHOICE,
               .standard = "drop",
               .choices = "drop|keep"},
};
enum { EMPTY_ONES };
static const leat_metric metrics[] = {
    [EMPTY_ONES] = {.name = "empty", .doc = "Records without an element that were dropped.", .kind = LEAT_COUNTER},
};
struct explode {
    leat_field array, element;
    char field[256];
};
struct pieces { /* of a batch: parallel arrays that grow */
    const leat_host *h;
    uint32_t *rows;
    leat_text *texts;
    uint32_t n, room;
};

static leat_status create(const leat_host *h, void *self, void *shared)
{
    struct explode *e = self;
    leat_text field = h->with[FIELD].as.text, as = h->with[AS].type != LEAT_NULL ? h->with[AS].as.text : field;
    char name[256];
    (void)shared;
    if (field.n >= sizeof e->field || as.n >= sizeof name)
        return h->fail(h, LEAT_FATAL, "the name of the field is too long");
    memcpy(e->field, field.data, field.n);
    memcpy(name, as.data, as.n);
    name[as.n] = 0;
    e->array = leat_bind(h, LEAT_READ, 0, e->field, LEAT_JSON, LEAT_MAY_MISS);
    if (strcmp(name, e->field) != 0)
        leat_bind(h, LEAT_REMOVE, 0, e->field, LEAT_NULL, 0);
    e->element = leat_bind(h, LEAT_WRITE, 0, name, LEAT_JSON, LEAT_MAY_MISS);
    return LEAT_OK;
}

static void add(struct pieces *p, uint32_t row, leat_text t)
{
    if (p->n == p->room) {
        uint32_t room = p->room ? p->room * 2 : 1024;
        uint32_t *rows = p->h->alloc(p->h, room * sizeof *rows);
        leat_text *texts = p->h->alloc(p->h, room * sizeof *texts);
        if (p->n) {
            memcpy(rows, p->rows, p->n * sizeof *rows);
            memcpy(texts, p->texts, p->n * sizeof *texts);
        }
        p->rows = rows;
        p->texts = texts;
        p->room = room;
    }
    p->rows[p->n] = row;
    p->texts[p->n++] = t;
}

/* {"key": NAME, "value": VALUE}; name with its quotes. */
static leat_text member(const leat_host *h, leat_text name, leat_text value)
{
    static const char begin[] = "{\"key\":", middle[] = ",\"value\":";
    size_t n = sizeof begin + sizeof middle - 2 + name.n + value.n + 1, at = 0;
    char *t = h->alloc(h, n);
    const leat_text parts[] = {{begin, sizeof begin - 1}, name, {middle, sizeof middle - 1}, value, {"}", 1}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        memcpy(t + at, parts[i].data, parts[i].n);
        at += parts[i].n;
    }
    return (leat_text){t, n};
}

static size_t skip(leat_text t, size_t at, const char *what)
{
    while (at < t.n && strchr(what, t.data[at]))
        at++;
    return at;
}

/* Adds the elements of array or object t; false when it is neither. */
static bool take_apart(struct pieces *p, uint32_t row, leat_text t)
{
    static const char blanks[] = " \t\r\n,";
    size_t at = skip(t, 0, blanks);
    bool object = at < t.n && t.data[at] == '{';
    if (at >= t.n || (!object && t.data[at] != '['))
        return false;
    for (at = skip(t, at + 1, blanks); at < t.n && t.data[at] != ']' && t.data[at] != '}'; at = skip(t, at, blanks)) {
        leat_text first = {t.data + at, json_length(t, at)};
        at += first.n;
        if (object) {
            at = skip(t, at, " \t\r\n:");
            leat_text value = {t.data + at, json_length(t, at)};
            at += value.n;
            first = member(p->h, first, value);
        }
        add(p, row, first);
    }
    return true;
}

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    const struct explode *e = self;
    const leat_column *c = h->read(h, b, e->array);
    const leat_text *t = c->data;
    struct pieces p = {.h = h};
    uint32_t dropped = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        uint32_t before = p.n;
        char sentence[400];
        bool has = leat_has(c, i) && !(t[i].n == 4 && memcmp(t[i].data, "null", 4) == 0);
        if (has && !take_apart(&p, i, t[i])) {
            snprintf(sentence, sizeof sentence, "field '%s' is %.*s, which is no array or object", e->field,
                     (int)(t[i].n < 60 ? t[i].n : 60), t[i].data);
            h->reject(h, b->ticket, i, "not_an_array", sentence);
        } else if (p.n == before && h->with[EMPTY].as.i64 == KEEP) {
            add(&p, i, (leat_text){NULL, 0});
        } else {
            dropped += p.n == before;
        }
    }
    if (dropped)
        h->measure(h, EMPTY_ONES, dropped);
    if (!p.n)
        return LEAT_OK;
    leat_out *out = h->derive(h, b, p.rows, p.n);
    leat_text *element = h->write(h, out, e->element, LEAT_JSON);
    for (uint32_t i = 0; i < p.n; i++) {
        if (p.texts[i].data)
            element[i] = p.texts[i];
        else
            h->write_null(h, out, e->element, i);
    }
    h->send(h, out, 0);
    return LEAT_OK;
}

const leat_processor transform_explode = {
    .size = sizeof transform_explode,
    .kind = LEAT_TRANSFORM,
    .name = "explode",
    .doc = "Makes one record per element of an array.",
    .flags = LEAT_STATELESS,
    .instance_bytes = sizeof(struct explode),
    .options = options,
    .n_options = LEAT_N(options),
    .metrics = metrics,
    .n_metrics = LEAT_N(metrics),
    .create = create,
    .process = process,
};
