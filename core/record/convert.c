/* SPDX-License-Identifier: Apache-2.0 */
/* convert.c: texts, and columns of one type, as columns of another. */
#include "core/record/making.h"

#include <math.h>

/* --- texts that are no JSON --- */

static leat_text quoted(struct memory *m, leat_text t)
{
    char *out = memory_alloc(m, json_quoted_bound(t));
    return (leat_text){out, (size_t)(json_quote(out, t) - out)};
}

static bool text_element(struct making *k, leat_text t, uint32_t row)
{
    void *data = (void *)k->c->data;
    switch (k->c->type) {
    case LEAT_TEXT:
    case LEAT_BYTES:
        ((leat_text *)data)[row] = t;
        return true;
    case LEAT_JSON:
        ((leat_text *)data)[row] = quoted(k->m, t);
        return true;
    case LEAT_TIME:
        return parse_time(t, (int64_t *)data + row, NULL) == 0;
    default:
        return false;
    }
}

/* A list of nothing under a column of absent values. */
static void empty_items(struct making *k)
{
    if (k->c->type >= LEAT_LIST)
        k->c->items = column_new(k->m, k->c->type - LEAT_LIST, 0);
}

struct read column_of_texts(struct memory *m, const leat_text *texts, uint32_t n, uint32_t type)
{
    struct making k = making_new(m, type == LEAT_NULL ? LEAT_TEXT : type, n);
    empty_items(&k);
    for (uint32_t i = 0; i < n; i++) {
        if (!texts[i].data) {
            column_absent(m, k.c, i);
        } else if (!text_element(&k, texts[i], i)) {
            clear_element(k.c, i);
            making_bad(&k, i);
        }
    }
    return made(&k);
}

/* --- columns --- */

static struct decimal f64_decimal(double x, bool *ret_fits)
{
    char text[32];
    leat_text t = {text, f64_print(text, x)};
    struct decimal d = {0};
    *ret_fits = isfinite(x) && cell_decimal(t, &d);
    return d;
}

static struct decimal element_decimal(const leat_column *c, uint32_t row, bool *ret_fits)
{
    *ret_fits = true;
    if (c->type == LEAT_F64)
        return f64_decimal(((const double *)c->data)[row], ret_fits);
    if (c->type == LEAT_I64 || c->type == LEAT_DEC)
        return (struct decimal){((const int64_t *)c->data)[row], c->type == LEAT_DEC ? c->scale : 0};
    *ret_fits = false;
    return (struct decimal){0};
}

static bool element_i64(const leat_column *c, uint32_t row, int64_t *ret)
{
    if (c->type == LEAT_F64) {
        double x = ((const double *)c->data)[row];
        if (!(x >= -0x1p63 && x < 0x1p63) || x != trunc(x))
            return false;
        *ret = (int64_t)x;
        return true;
    }
    bool fits;
    struct decimal d = element_decimal(c, row, &fits);
    if (!fits || !decimal_rescale(&d, 0))
        return false;
    *ret = d.mantissa;
    return true;
}

static bool element_f64(const leat_column *c, uint32_t row, double *ret)
{
    bool fits;
    if (c->type == LEAT_I64)
        *ret = (double)((const int64_t *)c->data)[row];
    else
        *ret = decimal_f64(element_decimal(c, row, &fits));
    return c->type == LEAT_I64 || c->type == LEAT_DEC;
}

static leat_text element_json(struct memory *m, const leat_column *c, uint32_t row)
{
    char *out = memory_alloc(m, column_json_bound(c, row));
    return (leat_text){out, (size_t)(column_json(out, c, row) - out)};
}

static bool element_text(struct memory *m, const leat_column *c, uint32_t row, leat_text *ret)
{
    if (c->type >= LEAT_LIST)
        return false;
    if (c->type == LEAT_TEXT || c->type == LEAT_BYTES) {
        *ret = utf8_repair(m, ((const leat_text *)c->data)[row]);
        return true;
    }
    leat_text t = element_json(m, c, row);
    *ret = t.data[0] == '"' ? (leat_text){t.data + 1, t.n - 2} : t;
    return true;
}

static bool element_time(const leat_column *c, uint32_t row, int64_t *ret)
{
    if (c->type == LEAT_TEXT)
        return parse_time(((const leat_text *)c->data)[row], ret, NULL) == 0;
    return element_i64(c, row, ret);
}

static bool convert_element(struct making *k, const leat_column *c, uint32_t i)
{
    void *data = (void *)k->c->data;
    switch (k->c->type) {
    case LEAT_I64:
        if (c->type == LEAT_TIME)
            return ((int64_t *)data)[i] = ((const int64_t *)c->data)[i], true;
        return element_i64(c, i, (int64_t *)data + i);
    case LEAT_F64:
        return element_f64(c, i, (double *)data + i);
    case LEAT_TIME:
        return element_time(c, i, (int64_t *)data + i);
    case LEAT_TEXT:
        return element_text(k->m, c, i, (leat_text *)data + i);
    case LEAT_BYTES:
        if (c->type == LEAT_TEXT)
            return ((leat_text *)data)[i] = ((const leat_text *)c->data)[i], true;
        return element_text(k->m, c, i, (leat_text *)data + i);
    case LEAT_JSON:
        if (c->type == LEAT_BYTES)
            return ((leat_text *)data)[i] = quoted(k->m, utf8_repair(k->m, ((const leat_text *)c->data)[i])), true;
        ((leat_text *)data)[i] = element_json(k->m, c, i);
        return true;
    default:
        return false;
    }
}

static struct read convert_decimals(struct memory *m, const leat_column *c)
{
    struct making k = making_new(m, LEAT_DEC, c->n);
    struct decimal *d = memory_zalloc(m, c->n * sizeof *d);
    bool fits;
    for (uint32_t i = 0; i < c->n; i++) {
        if (!leat_has(c, i)) {
            column_absent(m, k.c, i);
            continue;
        }
        d[i] = element_decimal(c, i, &fits);
        if (!fits)
            making_bad(&k, i);
    }
    decimals_unify(&k, d);
    return made(&k);
}

static struct read convert_items(struct memory *m, const leat_column *c, uint32_t type)
{
    struct read items = column_convert(m, c->items, type - LEAT_LIST);
    struct making k = making_new(m, LEAT_LIST + items.column->type, c->n);
    const uint32_t *offsets = c->data;
    memcpy((void *)k.c->data, offsets, ((size_t)c->n + 1) * sizeof *offsets);
    k.c->items = items.column;
    for (uint32_t i = 0; i < c->n; i++) {
        if (!leat_has(c, i))
            column_absent(m, k.c, i);
        for (uint32_t j = offsets[i]; items.bad && j < offsets[i + 1]; j++)
            if (items.bad[j >> 6] >> (j & 63) & 1)
                making_bad(&k, i);
    }
    return made(&k);
}

/* JSON texts of a column as cells: missing ones and nulls stay what they are. */
const leat_text *column_cells(struct memory *m, const leat_column *c)
{
    const leat_text *t = c->data;
    if (!c->nulls)
        return t;
    leat_text *cells = memory_alloc(m, c->n * sizeof *cells);
    for (uint32_t i = 0; i < c->n; i++)
        cells[i] = leat_has(c, i) ? t[i] : t[i].data ? JSON_NULL_CELL : JSON_MISSING;
    return cells;
}

struct read column_convert(struct memory *m, const leat_column *c, uint32_t type)
{
    if (c->type == type)
        return (struct read){c, NULL};
    if (c->type == LEAT_JSON)
        return column_of_cells(m, column_cells(m, c), c->n, type);
    if (type == LEAT_NULL)
        return (struct read){c, NULL};
    if (c->type >= LEAT_LIST && type >= LEAT_LIST)
        return convert_items(m, c, type);
    if (type == LEAT_DEC)
        return convert_decimals(m, c);
    struct making k = making_new(m, type, c->n);
    empty_items(&k);
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->type == LEAT_NULL || !leat_has(c, i)) {
            column_absent(m, k.c, i);
            if (type == LEAT_JSON)
                ((leat_text *)k.c->data)[i] = JSON_NULL_CELL;
        } else if (!convert_element(&k, c, i)) {
            clear_element(k.c, i);
            making_bad(&k, i);
        }
    }
    return made(&k);
}
