/* SPDX-License-Identifier: Apache-2.0 */
/* meta.c: what travels beside a record as columns ($id, $time, ...), names of fields, single values. */
#include "core/record/record_internal.h"
#include "core/record/shape.h"

/* The k of each level at which more than one record was made from one: message, then each derive, upwards. */
static uint32_t levels_of(const struct batch *b, uint32_t row, uint32_t *ret, uint32_t max)
{
    uint32_t n = 0;
    for (;;) {
        if (b->in->kth && b->in->times[row] > 1 && n < max)
            ret[n++] = b->in->kth[row];
        const struct batch *parent = b->parent;
        if (!parent)
            break;
        row = b->rows ? b->rows[row] : row;
        b = parent;
    }
    const struct root *r = &b->in->root;
    if (r->kind == ROOT_CONCAT) {
        uint32_t part = 0;
        while (row >= r->starts[part + 1])
            part++;
        return n + levels_of(r->parts[part], row - r->starts[part], ret + n, max - n);
    }
    if (r->kth && r->messages[r->message_of[row]].n_records > 1 && n < max)
        ret[n++] = r->kth[row];
    return n;
}

enum { LEVELS_MAX = 16 };

static leat_text row_id(struct batch *b, uint32_t row)
{
    struct identity id;
    uint32_t levels[LEVELS_MAX], n = levels_of(b, row, levels, LEVELS_MAX), least = 0;
    batch_identity(b, row, &id);
    if (!id.origin)
        return JSON_MISSING;
    char *text = batch_alloc(b, id.origin->prefix.n + 21 + n * 11), *at = text;
    memcpy(at, id.origin->prefix.data, id.origin->prefix.n);
    at += id.origin->prefix.n;
    at += u64_print(at, id.sequence);
    while (least < n && !levels[least])
        least++; /* zeros at the end are not written */
    for (uint32_t i = n; i-- > least;) {
        *at++ = '.';
        at += u64_print(at, levels[i]);
    }
    return (leat_text){text, (size_t)(at - text)};
}

/* Lines of a root, counted on from row to row. */
struct line_counter {
    const struct root *root;
    const char *at;
    uint64_t line;
};

static uint64_t line_of(struct line_counter *c, const struct root *r, uint32_t row)
{
    const char *to = r->base + r->records[row].at;
    if (c->root != r || to < c->at)
        *c = (struct line_counter){r, r->base, r->first_line};
    bool lone = r->kind == ROOT_CSV; /* a CR alone ends a line there */
    for (const char *p = c->at; p < to; p++)
        c->line += *p == '\n' || (lone && *p == '\r' && p[1] != '\n');
    c->at = to;
    return c->line;
}

static leat_text header_value(struct memory *m, const struct message *msg, leat_text name)
{
    for (size_t i = msg->n_headers; i-- > 0;)
        if (text_equal(msg->headers[i * 2].as.text, name)) {
            const leat_value *v = &msg->headers[i * 2 + 1];
            return v->type == LEAT_TEXT || v->type == LEAT_BYTES ? utf8_repair(m, v->as.text) : JSON_MISSING;
        }
    return JSON_MISSING;
}

static leat_text headers_json(struct memory *m, const struct message *msg)
{
    auto_buf out = {0};
    buf_char(&out, '{');
    for (size_t i = 0; i < msg->n_headers; i++) {
        if (i)
            buf_char(&out, ',');
        buf_json(&out, utf8_repair(m, msg->headers[i * 2].as.text));
        buf_char(&out, ':');
        value_json(&out, &msg->headers[i * 2 + 1]);
    }
    buf_char(&out, '}');
    char *kept = memory_alloc(m, out.n);
    return (leat_text){memcpy(kept, out.data, out.n), out.n};
}

static leat_text meta_text(struct batch *b, const struct path *path, uint32_t row)
{
    struct memory *m = &b->in->memory;
    uint32_t below;
    const struct root *r = &batch_bottom(b, row, &below)->in->root;
    const struct message *msg = r->message_of ? &r->messages[r->message_of[below]] : NULL;
    if (path->header.data)
        return msg ? header_value(m, msg, path->header) : JSON_MISSING;
    switch (path->number) {
    case PATH_ID:
        return row_id(b, row);
    case PATH_KEY:
        return msg && msg->key.data ? utf8_repair(m, msg->key) : JSON_MISSING;
    case PATH_TOPIC:
    case PATH_FILE:
        return r->origin ? r->origin->topic : JSON_MISSING;
    case PATH_PARTITION:
        return r->origin ? r->origin->partition : JSON_MISSING;
    case PATH_HEADERS:
        return msg ? headers_json(m, msg) : JSON_MISSING;
    case PATH_RAW:
        return r->records ? root_record(r, below) : JSON_MISSING;
    default:
        return JSON_MISSING;
    }
}

static bool meta_number(const struct batch *b, uint32_t path, uint32_t row, struct line_counter *lines, int64_t *ret)
{
    struct identity id;
    uint32_t below;
    const struct root *r = &batch_bottom(b, row, &below)->in->root;
    batch_identity(b, row, &id);
    if (path == PATH_TIME) {
        *ret = id.time_us;
        return id.time_us != LEAT_NO_TIME;
    }
    if (path == PATH_LINE) {
        *ret = r->lines                      ? (int64_t)r->lines[below]
               : r->records && r->first_line ? (int64_t)line_of(lines, r, below)
                                             : 0;
        return *ret != 0;
    }
    *ret = (int64_t)id.sequence;
    return id.origin != NULL;
}

static uint32_t meta_type(uint32_t path)
{
    switch (path) {
    case PATH_TIME:
        return LEAT_TIME;
    case PATH_SEQUENCE:
    case PATH_LINE:
    case PATH_VERSION:
        return LEAT_I64;
    case PATH_HEADERS:
        return LEAT_JSON;
    case PATH_RAW:
        return LEAT_BYTES;
    default:
        return LEAT_TEXT;
    }
}

static const leat_column *meta_column(struct batch *b, const struct path *path)
{
    leat_column *c = column_new(&b->in->memory, meta_type(path->number), b->view.n);
    struct line_counter lines = {0};
    for (uint32_t i = 0; i < c->n; i++) {
        bool there;
        if (type_bytes(c->type) == 8) {
            there = meta_number(b, path->number, i, &lines, (int64_t *)c->data + i);
        } else {
            leat_text t = meta_text(b, path, i);
            there = t.data != NULL;
            ((leat_text *)c->data)[i] = t;
        }
        if (!there) {
            memset((char *)c->data + i * type_bytes(c->type), 0, type_bytes(c->type));
            column_absent(&b->in->memory, c, i);
        }
    }
    return c;
}

/* A level at which it was written replaces what the records had; of other parts of a concat each its own. */
struct read meta_read(struct batch *b, const struct path *path, uint32_t type)
{
    struct memory *m = &b->in->memory;
    for (struct batch *l = b; l; l = l->parent) {
        const struct overlay *o = overlay_find(l, path);
        const uint32_t *rows;
        if (o && o->column) {
            rows = batch_rows_to(b, l);
            return column_convert(m, rows ? column_gather(m, o->column, rows, b->view.n) : o->column, type);
        }
        if (l->in->root.kind != ROOT_CONCAT)
            continue;
        leat_column const **parts = memory_alloc(m, l->in->root.n_parts * sizeof *parts);
        for (uint32_t i = 0; i < l->in->root.n_parts; i++)
            parts[i] = batch_read(l->in->root.parts[i], path->number, meta_type(path->number)).column;
        const leat_column *all = column_join(m, parts, l->in->root.n_parts, meta_type(path->number), l->view.n);
        rows = batch_rows_to(b, l);
        return column_convert(m, rows ? column_gather(m, all, rows, b->view.n) : all, type);
    }
    return column_convert(m, meta_column(b, path), type);
}

/* --- names --- */

static void add_name(struct map *names, struct memory *m, leat_text key, bool escaped)
{
    if (escaped && memchr(key.data, '\\', key.n)) {
        char *to = memory_alloc(m, key.n);
        key = (leat_text){to, json_unescape(key.data, key.n, to)};
    }
    *map_at(names, key) = (void *)1;
}

static void object_names(struct map *names, struct memory *m, leat_text object)
{
    struct member x = {.next = object.data + 1};
    if (object.n && object.data[0] == '{')
        while (json_member(&x))
            add_name(names, m, x.key, true);
}

static void shape_names(struct map *names, const struct shape *s)
{
    for (uint32_t i = 1; i < s->n_parts; i++)
        if (!s->parts[i].parent)
            *map_at(names, s->parts[i].name) = (void *)1;
}

static void collect_names(struct batch *b, struct batch *l, struct map *names);

static void root_names(struct batch *b, struct batch *l, struct map *names)
{
    struct memory *m = &b->in->memory;
    const struct root *r = &l->in->root;
    const uint32_t *rows = batch_rows_to(b, l);
    uint32_t known = SHAPE_NONE;
    for (uint32_t i = 0; r->kind == ROOT_JSON && i < b->view.n; i++) {
        const struct record *x = &r->records[rows ? rows[i] : i];
        if (x->shape == SHAPE_NONE)
            object_names(names, m, (leat_text){r->base + x->at, x->n});
        else if (x->shape != known)
            shape_names(names, shapes_at(r->shapes, known = x->shape));
    }
    for (uint32_t i = 0; r->kind == ROOT_CSV && i < r->names->n; i++)
        add_name(names, m, r->names->names[i], false);
    if (r->kind == ROOT_TEXT || r->kind == ROOT_RAW)
        add_name(names, m, text_root_field(r), false);
    for (uint32_t i = 0; r->kind == ROOT_CONCAT && i < r->n_parts; i++)
        collect_names(r->parts[i], r->parts[i], names);
}

static void whole_names(struct batch *b, struct batch *l, struct map *names)
{
    const uint32_t *rows = batch_rows_to(b, l);
    for (uint32_t i = 0; i < b->view.n; i++)
        object_names(names, &b->in->memory, ((const leat_text *)l->in->whole->column->data)[rows ? rows[i] : i]);
}

/* Bottom first. A name that was removed has no value any more. */
static void collect_names(struct batch *b, struct batch *l, struct map *names)
{
    if (l->in->whole)
        whole_names(b, l, names);
    else if (l->parent && !l->in->fresh)
        collect_names(b, l->parent, names);
    else if (!l->parent && !l->in->fresh)
        root_names(b, l, names);
    for (uint32_t i = 0; i < l->in->n_overlays; i++) {
        const struct overlay *o = &l->in->overlays[i];
        if (o->path->n_steps == 1 && (o->column || map_get(names, o->path->steps[0].name)))
            *map_at(names, o->path->steps[0].name) = o->column ? (void *)1 : NULL;
    }
}

const leat_text *batch_names(struct batch *b, uint32_t *ret_n)
{
    struct batch_inside *in = b->in;
    if (!in->names) {
        struct map names = {0};
        collect_names(b, b, &names);
        in->names = batch_alloc(b, names.n * sizeof *in->names + 1);
        for (size_t i = 0; i < names.n; i++) {
            if (!names.at[i].value)
                continue;
            char *kept = batch_alloc(b, names.at[i].key.n);
            memcpy(kept, names.at[i].key.data, names.at[i].key.n);
            in->names[in->n_names++] = (leat_text){kept, names.at[i].key.n};
        }
        map_fini(&names);
    }
    *ret_n = in->n_names;
    return in->names;
}

/* --- single values --- */

/* One row as a batch of its own, so that only it is decoded. */
void batch_value(struct batch *b, uint32_t row, leat_text path, leat_value *ret)
{
    struct arena a = {0};
    struct path p;
    uint32_t number = paths_find(b->paths, path);
    *ret = (leat_value){.type = LEAT_NULL};
    struct read known = number ? cache_get(b, number, LEAT_NULL) : (struct read){NULL, NULL};
    if (known.column && known.column->type != LEAT_JSON) {
        column_value(known.column, row, ret);
        return;
    }
    if (!path_parse(&a, path, &p))
        return;
    struct batch *one = batch_slice(b, row, 1);
    const leat_column *c = number ? batch_read(one, number, LEAT_NULL).column : path_read(one, &p, LEAT_NULL).column;
    if (c->type >= LEAT_LIST)
        c = column_convert(&one->in->memory, c, LEAT_JSON).column;
    column_value(c, 0, ret);
    if (type_bytes(ret->type) == sizeof(leat_text)) {
        char *kept = batch_alloc(b, ret->as.text.n);
        memcpy(kept, ret->as.text.data, ret->as.text.n);
        ret->as.text.data = kept;
    }
    batch_unref(one);
    arena_fini(&a);
}

static void list_json(struct buf *out, const leat_value *v)
{
    buf_char(out, '[');
    for (size_t i = 0; i < v->as.list.n; i++) {
        if (i)
            buf_char(out, ',');
        value_json(out, &v->as.list.at[i]);
    }
    buf_char(out, ']');
}

void value_json(struct buf *out, const leat_value *v)
{
    uint8_t truth = v->type == LEAT_BOOL && v->as.i64;
    leat_column c = {
        .type = v->type, .scale = v->scale, .n = 1, .data = v->type == LEAT_BOOL ? (const void *)&truth : &v->as};
    if (v->type >= LEAT_LIST) {
        list_json(out, v);
    } else if (v->type == LEAT_TEXT || v->type == LEAT_BYTES) {
        struct buf text = {0};
        leat_text t = v->as.text;
        for (size_t good; t.n; t.data += good, t.n -= good) {
            good = utf8_check(t.data, t.n);
            buf_add(&text, t.data, good);
            if (good < t.n) {
                buf_str(&text, "\xef\xbf\xbd");
                good++;
            }
        }
        buf_json(out, buf_view(&text));
        buf_fini(&text);
    } else {
        char *at = buf_room(out, column_json_bound(&c, 0));
        out->n += (size_t)(column_json(at, &c, 0) - at);
        out->data[out->n] = 0;
    }
}
