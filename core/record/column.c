/* SPDX-License-Identifier: Apache-2.0 */
/* column.c: typed columns: made, gathered, joined, printed. */
#include "core/record/record_internal.h"

size_t type_bytes(uint32_t type)
{
    switch (type) {
    case LEAT_NULL:
        return 0;
    case LEAT_BOOL:
        return 1;
    case LEAT_I64:
    case LEAT_F64:
    case LEAT_DEC:
    case LEAT_TIME:
        return 8;
    case LEAT_TEXT:
    case LEAT_BYTES:
    case LEAT_JSON:
        return sizeof(leat_text);
    default:
        return sizeof(uint32_t);
    }
}

leat_column *column_new(struct memory *m, uint32_t type, uint32_t n)
{
    leat_column *c = memory_alloc(m, sizeof *c);
    size_t elements = (size_t)n + (type >= LEAT_LIST);
    *c = (leat_column){.type = type, .n = n};
    c->data = memory_zalloc(m, elements * type_bytes(type) + 16);
    return c;
}

static size_t bit_words(uint32_t n)
{
    return ((size_t)n + 63) / 64;
}

void bits_set(struct memory *m, uint64_t **bits, uint32_t n, uint32_t row)
{
    if (!*bits)
        *bits = memory_zalloc(m, bit_words(n) * 8);
    (*bits)[row >> 6] |= (uint64_t)1 << (row & 63);
}

void column_absent(struct memory *m, leat_column *c, uint32_t row)
{
    if (!c->valid) {
        uint64_t *all = memory_alloc(m, bit_words(c->n) * 8);
        memset(all, 0xff, bit_words(c->n) * 8);
        c->valid = all;
    }
    uint64_t *word = (uint64_t *)&c->valid[row >> 6], bit = (uint64_t)1 << (row & 63);
    c->nulls += (*word & bit) != 0;
    *word &= ~bit;
}

bool column_missing(const leat_column *c, uint32_t row)
{
    return c->type == LEAT_JSON && !leat_has(c, row) && !((const leat_text *)c->data)[row].data;
}

/* --- gathering --- */

uint64_t *bits_gather(struct memory *m, const uint64_t *bits, const uint32_t *rows, uint32_t n)
{
    uint64_t *to = NULL;
    if (!bits)
        return NULL;
    if (!rows)
        return memcpy(memory_alloc(m, bit_words(n) * 8), bits, bit_words(n) * 8);
    for (uint32_t i = 0; i < n; i++)
        if (bits[rows[i] >> 6] >> (rows[i] & 63) & 1)
            bits_set(m, &to, n, i);
    return to;
}

static void gather_valid(struct memory *m, leat_column *to, const leat_column *c, const uint32_t *rows)
{
    if (!c->nulls)
        return;
    for (uint32_t i = 0; i < to->n; i++)
        if (!leat_has(c, rows[i]))
            column_absent(m, to, i);
}

static void gather_lists(struct memory *m, leat_column *to, const leat_column *c, const uint32_t *rows)
{
    const uint32_t *from = c->data;
    uint32_t *offsets = (uint32_t *)to->data, total = 0, k = 0;
    for (uint32_t i = 0; i < to->n; i++) {
        offsets[i] = total;
        total += from[rows[i] + 1] - from[rows[i]];
    }
    offsets[to->n] = total;
    uint32_t *items = memory_alloc(m, total * sizeof *items);
    for (uint32_t i = 0; i < to->n; i++)
        for (uint32_t j = from[rows[i]]; j < from[rows[i] + 1]; j++)
            items[k++] = j;
    to->items = column_gather(m, c->items, items, total);
}

leat_column *column_gather(struct memory *m, const leat_column *c, const uint32_t *rows, uint32_t n)
{
    leat_column *to = memory_alloc(m, sizeof *to);
    size_t bytes = type_bytes(c->type);
    *to = (leat_column){.type = c->type, .scale = c->scale, .n = n};
    to->data = memory_alloc(m, ((size_t)n + 1) * bytes + 16);
    gather_valid(m, to, c, rows);
    if (c->type >= LEAT_LIST) {
        gather_lists(m, to, c, rows);
    } else if (bytes == 16) {
        for (uint32_t i = 0; i < n; i++)
            ((leat_text *)to->data)[i] = ((const leat_text *)c->data)[rows[i]];
    } else if (bytes == 8) {
        for (uint32_t i = 0; i < n; i++)
            ((uint64_t *)to->data)[i] = ((const uint64_t *)c->data)[rows[i]];
    } else if (bytes) {
        for (uint32_t i = 0; i < n; i++)
            ((uint8_t *)to->data)[i] = ((const uint8_t *)c->data)[rows[i]];
    }
    return to;
}

static void join_one(struct memory *m, leat_column *to, uint32_t at, const leat_column *c, uint32_t *n_items)
{
    size_t bytes = type_bytes(to->type);
    if (c->type == LEAT_NULL) { /* nothing there, whatever the type */
        for (uint32_t i = 0; i < c->n; i++) {
            column_absent(m, to, at + i);
            if (to->type >= LEAT_LIST)
                ((uint32_t *)to->data)[at + i + 1] = *n_items;
        }
        return;
    }
    if (to->type >= LEAT_LIST)
        for (uint32_t i = 0; i < c->n; i++)
            ((uint32_t *)to->data)[at + i + 1] = *n_items + ((const uint32_t *)c->data)[i + 1];
    else
        memcpy((char *)to->data + at * bytes, c->data, c->n * bytes);
    for (uint32_t i = 0; i < c->n && c->nulls; i++)
        if (!leat_has(c, i))
            column_absent(m, to, at + i);
    if (to->type >= LEAT_LIST)
        *n_items += c->items->n;
}

leat_column *column_join(struct memory *m, const leat_column *const *parts, uint32_t n_parts, uint32_t type, uint32_t n)
{
    leat_column *to = column_new(m, type, n);
    const leat_column **items = memory_alloc(m, n_parts * sizeof *items);
    uint32_t at = 0, n_items = 0, n_lists = 0;
    for (uint32_t p = 0; p < n_parts; p++) {
        join_one(m, to, at, parts[p], &n_items);
        at += parts[p]->n;
        if (parts[p]->type != LEAT_NULL) {
            to->scale = parts[p]->scale;
            if (type >= LEAT_LIST)
                items[n_lists++] = parts[p]->items;
        }
    }
    if (type >= LEAT_LIST)
        to->items = column_join(m, items, n_lists, type - LEAT_LIST, n_items);
    return to;
}

/* --- one element --- */

static size_t list_json_bound(const leat_column *c, uint32_t row)
{
    const uint32_t *offsets = c->data;
    size_t bytes = 2;
    for (uint32_t i = offsets[row]; i < offsets[row + 1]; i++)
        bytes += column_json_bound(c->items, i) + 1;
    return bytes;
}

size_t column_json_bound(const leat_column *c, uint32_t row)
{
    const leat_text *t;
    if (c->type >= LEAT_LIST)
        return list_json_bound(c, row) + 4;
    switch (c->type) {
    case LEAT_TEXT:
    case LEAT_BYTES:
        t = (const leat_text *)c->data + row;
        return json_quoted_bound(*t) + 4;
    case LEAT_JSON:
        t = (const leat_text *)c->data + row;
        return t->n + 4;
    default:
        return 48; /* a time in quotes is the longest */
    }
}

static char *put(char *out, const char *from, size_t n)
{
    memcpy(out, from, n);
    return out + n;
}

static char *put_list(char *out, const leat_column *c, uint32_t row)
{
    const uint32_t *offsets = c->data;
    *out++ = '[';
    for (uint32_t i = offsets[row]; i < offsets[row + 1]; i++) {
        if (i > offsets[row])
            *out++ = ',';
        out = column_json(out, c->items, i);
    }
    *out++ = ']';
    return out;
}

static char *put_time(char *out, int64_t us)
{
    *out++ = '"';
    out += print_time(out, us);
    *out++ = '"';
    return out;
}

/* Bytes that are no UTF-8 are written as U+FFFD. */
static char *quote_bytes(char *out, leat_text t)
{
    *out++ = '"';
    while (t.n) {
        size_t good = utf8_check(t.data, t.n), bad = good < t.n;
        out = json_escape(out, (leat_text){t.data, good});
        if (bad)
            out = put(out, "\xef\xbf\xbd", 3);
        t.data += good + bad;
        t.n -= good + bad;
    }
    *out++ = '"';
    return out;
}

char *column_json(char *out, const leat_column *c, uint32_t row)
{
    const leat_text *t = c->data;
    if (c->type == LEAT_NULL || !leat_has(c, row))
        return put(out, "null", 4);
    if (c->type >= LEAT_LIST)
        return put_list(out, c, row);
    switch (c->type) {
    case LEAT_BOOL:
        return ((const uint8_t *)c->data)[row] ? put(out, "true", 4) : put(out, "false", 5);
    case LEAT_I64:
        return out + i64_print(out, ((const int64_t *)c->data)[row]);
    case LEAT_F64:
        return out + f64_print(out, ((const double *)c->data)[row]);
    case LEAT_DEC:
        return out + decimal_print(out, (struct decimal){((const int64_t *)c->data)[row], c->scale});
    case LEAT_TIME:
        return put_time(out, ((const int64_t *)c->data)[row]);
    case LEAT_JSON:
        return put(out, t[row].data, t[row].n);
    case LEAT_BYTES:
        return quote_bytes(out, t[row]);
    default:
        return json_quote(out, t[row]);
    }
}

void column_value(const leat_column *c, uint32_t row, leat_value *ret)
{
    *ret = (leat_value){.type = LEAT_NULL};
    if (c->type == LEAT_NULL || c->type >= LEAT_LIST || !leat_has(c, row))
        return;
    ret->type = c->type;
    ret->scale = c->scale;
    if (c->type == LEAT_BOOL)
        ret->as.i64 = ((const uint8_t *)c->data)[row];
    else if (type_bytes(c->type) == 16)
        ret->as.text = ((const leat_text *)c->data)[row];
    else
        ret->as.i64 = ((const int64_t *)c->data)[row];
}
