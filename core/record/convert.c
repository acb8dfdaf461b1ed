/* SPDX-License-Identifier: Apache-2.0 */
/* convert.c: JSON values, texts and columns of one type as columns of another. */
#include "core/record/record_internal.h"

#include <math.h>

/* A column being filled in. */
struct making {
    struct memory *m;
    leat_column *c;
    uint64_t *bad;
};

static struct making making_new(struct memory *m, uint32_t type, uint32_t n)
{
    return (struct making){m, column_new(m, type, n), NULL};
}

static void bad(struct making *k, uint32_t row)
{
    bits_set(k->m, &k->bad, k->c->n, row);
    column_absent(k->m, k->c, row);
}

static struct read made(const struct making *k)
{
    return (struct read){k->c, k->bad};
}

static bool cell_absent(leat_text cell)
{
    return !cell.n || cell.data[0] == 'n';
}

static bool is_number(leat_text cell)
{
    return cell.data[0] == '-' || (unsigned)(cell.data[0] - '0') < 10;
}

/* --- numbers --- */

static bool cell_i64(leat_text cell, int64_t *ret)
{
    struct decimal d;
    int32_t exponent;
    if (!is_number(cell))
        return false;
    if (LIKELY(number_parse(cell, &d) == NUMBER_I64)) {
        *ret = d.mantissa;
        return true;
    }
    if (!number_exact(cell, &d.mantissa, &exponent) || exponent < 0 || exponent > 18)
        return false;
    d.scale = 0;
    if (!decimal_rescale(&d, exponent))
        return false;
    *ret = d.mantissa;
    return true;
}

static bool cell_decimal(leat_text cell, struct decimal *ret)
{
    int32_t exponent;
    if (!is_number(cell))
        return false;
    if (LIKELY(number_parse(cell, ret) != NUMBER_F64))
        return true;
    if (!number_exact(cell, &ret->mantissa, &exponent) || exponent < -18 || exponent > 18)
        return false;
    ret->scale = exponent < 0 ? -exponent : 0;
    if (exponent <= 0)
        return true;
    if (!decimal_rescale(ret, exponent))
        return false;
    ret->scale = 0;
    return true;
}

static bool cell_f64(leat_text cell, double *ret)
{
    struct decimal d;
    if (!is_number(cell))
        return false;
    if (cell.data[0] != '-' && number_parse(cell, &d) != NUMBER_F64)
        *ret = decimal_f64(d); /* (minus zero is no decimal) */
    else
        *ret = number_f64(cell);
    return isfinite(*ret);
}

/* Decimals under one scale: the greatest that occurs; if mantissas do not fit then, the greatest that is needed. Values
 * that still do not fit are bad. False: there are such. */
static bool unify(struct making *k, struct decimal *d)
{
    int32_t scale = 0, needed = 0;
    bool fits = true;
    for (uint32_t i = 0; i < k->c->n; i++)
        scale = d[i].scale > scale ? d[i].scale : scale;
    for (uint32_t i = 0; i < k->c->n && fits; i++) {
        struct decimal x = d[i];
        fits = decimal_rescale(&x, scale);
        ((int64_t *)k->c->data)[i] = x.mantissa;
    }
    k->c->scale = scale;
    if (fits)
        return true;
    for (uint32_t i = 0; i < k->c->n; i++) {
        d[i] = decimal_trim(d[i]);
        needed = d[i].scale > needed ? d[i].scale : needed;
    }
    k->c->scale = needed;
    fits = true;
    for (uint32_t i = 0; i < k->c->n; i++) {
        bool fit = decimal_rescale(&d[i], needed);
        ((int64_t *)k->c->data)[i] = fit ? d[i].mantissa : 0;
        if (!fit)
            bad(k, i);
        fits &= fit;
    }
    return fits;
}

/* What a pass over cells has seen: all of them numbers, parsed already? */
enum { SEEN_BOOL = 1, SEEN_TEXT = 2, SEEN_JSON = 4, SEEN_I64 = 8, SEEN_DEC = 16, SEEN_F64 = 32 };

/* Numbers of at most 18 digits; stops at the first cell that is something else. */
static unsigned parse_numbers(const leat_text *cells, uint32_t n, struct decimal *d, uint32_t *ret_absent)
{
    unsigned seen = 0;
    uint32_t n_absent = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (UNLIKELY(cell_absent(cells[i]))) {
            d[i] = (struct decimal){0};
            n_absent++;
        } else if (LIKELY(is_number(cells[i]))) {
            static const unsigned kinds[] = {[NUMBER_I64] = SEEN_I64, [NUMBER_DEC] = SEEN_DEC, [NUMBER_F64] = SEEN_F64};
            seen |= kinds[number_parse(cells[i], &d[i])];
        } else {
            return SEEN_JSON;
        }
        if (UNLIKELY(seen & SEEN_F64))
            break;
    }
    *ret_absent = n_absent;
    return seen;
}

static struct read plain_doubles(struct memory *m, const leat_text *cells, uint32_t n, const struct decimal *d)
{
    struct making k = making_new(m, LEAT_F64, n);
    for (uint32_t i = 0; i < n; i++) {
        if (cell_absent(cells[i]))
            column_absent(m, k.c, i);
        else
            ((double *)k.c->data)[i] = d[i].mantissa || cells[i].data[0] != '-' ? decimal_f64(d[i]) : -0.0;
    }
    return made(&k);
}

/* Columns of cells that are all such numbers, which most are; false: another way must be gone. */
static bool plain_numbers(struct memory *m, const leat_text *cells, uint32_t n, uint32_t type, struct read *ret)
{
    struct decimal *d = memory_alloc(m, n * sizeof *d);
    uint32_t n_absent = 0;
    unsigned seen = parse_numbers(cells, n, d, &n_absent);
    if (!seen || seen & ~(unsigned)(SEEN_I64 | SEEN_DEC) || (type == LEAT_I64 && seen != SEEN_I64))
        return false;
    if (type == LEAT_F64)
        return *ret = plain_doubles(m, cells, n, d), true;
    struct making k = making_new(m, type != LEAT_NULL ? type : seen & SEEN_DEC ? LEAT_DEC : LEAT_I64, n);
    int64_t *to = (int64_t *)k.c->data;
    for (uint32_t i = 0; n_absent && i < n; i++)
        if (cell_absent(cells[i]))
            column_absent(m, k.c, i);
    if (seen & SEEN_DEC)
        return *ret = (struct read){k.c, NULL}, unify(&k, d);
    for (uint32_t i = 0; i < n; i++)
        to[i] = d[i].mantissa;
    *ret = made(&k);
    return true;
}

/* --- other scalars --- */

static bool cell_text(struct memory *m, leat_text cell, leat_text *ret)
{
    if (cell.data[0] == '{' || cell.data[0] == '[')
        return false;
    *ret = cell.data[0] == '"' ? json_unquote(m, cell) : cell;
    return true;
}

static bool cell_time(struct memory *m, leat_text cell, int64_t *ret)
{
    if (cell.data[0] == '"')
        return parse_time(json_unquote(m, cell), ret, NULL) == 0;
    return cell_i64(cell, ret);
}

static bool cell_element(struct making *k, leat_text cell, uint32_t row)
{
    void *data = (void *)k->c->data;
    switch (k->c->type) {
    case LEAT_BOOL:
        ((uint8_t *)data)[row] = cell.data[0] == 't';
        return cell.data[0] == 't' || cell.data[0] == 'f';
    case LEAT_I64:
        return cell_i64(cell, (int64_t *)data + row);
    case LEAT_F64:
        return cell_f64(cell, (double *)data + row);
    case LEAT_TIME:
        return cell_time(k->m, cell, (int64_t *)data + row);
    case LEAT_TEXT:
    case LEAT_BYTES:
        return cell_text(k->m, cell, (leat_text *)data + row);
    case LEAT_JSON:
        ((leat_text *)data)[row] = cell;
        return true;
    default:
        return false;
    }
}

static void clear_element(leat_column *c, uint32_t row)
{
    size_t bytes = type_bytes(c->type);
    if (c->type < LEAT_LIST)
        memset((char *)c->data + row * bytes, 0, bytes);
}

/* --- lists --- */

static uint32_t count_items(leat_text array)
{
    uint32_t n = 0;
    const char *end = array.data + array.n, *p = json_blanks(array.data + 1, end);
    for (; *p != ']'; n++) {
        p = json_blanks(json_end(p), end);
        if (*p == ',')
            p = json_blanks(p + 1, end);
    }
    return n;
}

static void list_items(leat_text array, leat_text *items)
{
    const char *end = array.data + array.n, *p = json_blanks(array.data + 1, end);
    while (*p != ']') {
        const char *stop = json_end(p);
        *items++ = (leat_text){p, (size_t)(stop - p)};
        p = json_blanks(stop, end);
        if (*p == ',')
            p = json_blanks(p + 1, end);
    }
}

static struct read lists_of_cells(struct memory *m, const leat_text *cells, uint32_t n, uint32_t type)
{
    struct making k = making_new(m, type, n);
    uint32_t *offsets = (uint32_t *)k.c->data, total = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool absent = cell_absent(cells[i]);
        if (absent)
            column_absent(m, k.c, i);
        else if (cells[i].data[0] != '[')
            bad(&k, i);
        else
            total += count_items(cells[i]);
        offsets[i + 1] = total;
    }
    leat_text *items = memory_alloc(m, total * sizeof *items);
    for (uint32_t i = 0; i < n; i++)
        if (offsets[i + 1] > offsets[i])
            list_items(cells[i], items + offsets[i]);
    struct read r = column_of_cells(m, items, total, type - LEAT_LIST);
    k.c->items = r.column;
    k.c->type = LEAT_LIST + r.column->type;
    for (uint32_t i = 0; r.bad && i < n; i++)
        for (uint32_t j = offsets[i]; j < offsets[i + 1]; j++)
            if (r.bad[j >> 6] >> (j & 63) & 1)
                bad(&k, i);
    return made(&k);
}

/* --- JSON values --- */

static unsigned seen_in(leat_text cell, struct decimal *d)
{
    switch (cell.data[0]) {
    case '"':
        return SEEN_TEXT;
    case '{':
    case '[':
        return SEEN_JSON;
    case 't':
    case 'f':
        return SEEN_BOOL;
    default:
        switch (number_parse(cell, d)) {
        case NUMBER_I64:
            return SEEN_I64;
        case NUMBER_DEC:
            return SEEN_DEC;
        default:
            return SEEN_F64;
        }
    }
}

static uint32_t type_of_seen(unsigned seen)
{
    if (!seen)
        return LEAT_NULL;
    if (seen == SEEN_BOOL)
        return LEAT_BOOL;
    if (seen == SEEN_TEXT)
        return LEAT_TEXT;
    if (seen & (SEEN_BOOL | SEEN_TEXT | SEEN_JSON))
        return LEAT_JSON;
    return seen & SEEN_F64 ? LEAT_F64 : seen & SEEN_DEC ? LEAT_DEC : LEAT_I64;
}

static uint32_t natural_type(const leat_text *cells, uint32_t n)
{
    struct decimal d;
    unsigned seen = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!cell_absent(cells[i]))
            seen |= seen_in(cells[i], &d);
    return type_of_seen(seen);
}

static struct read absent_column(struct memory *m, uint32_t n)
{
    struct making k = making_new(m, LEAT_NULL, n);
    for (uint32_t i = 0; i < n; i++)
        column_absent(m, k.c, i);
    return made(&k);
}

static struct read decimals_of_cells(struct memory *m, const leat_text *cells, uint32_t n, bool natural)
{
    struct making k = making_new(m, LEAT_DEC, n);
    struct decimal *d = memory_zalloc(m, n * sizeof *d);
    for (uint32_t i = 0; i < n; i++) {
        if (cell_absent(cells[i])) {
            column_absent(m, k.c, i);
        } else if (!cell_decimal(cells[i], &d[i])) {
            d[i] = (struct decimal){0};
            bad(&k, i);
        }
    }
    if (!unify(&k, d) && natural)
        return column_of_cells(m, cells, n, LEAT_F64);
    return made(&k);
}

/* The text of a number must not depend on what else is in its batch: in a column of one type it would be printed like
 * this. */
static leat_text canonical_number(struct memory *m, leat_text cell)
{
    struct decimal d;
    enum number_kind kind = number_parse(cell, &d);
    bool whole = !memchr(cell.data, '.', cell.n) && !memchr(cell.data, 'e', cell.n) && !memchr(cell.data, 'E', cell.n);
    if (kind == NUMBER_I64 || whole || (kind == NUMBER_F64 && !isfinite(number_f64(cell))))
        return cell;
    char *text = memory_alloc(m, 32);
    return (leat_text){text, kind == NUMBER_DEC ? decimal_print(text, d) : f64_print(text, number_f64(cell))};
}

static void canonical_numbers(struct memory *m, const leat_column *c)
{
    leat_text *texts = (leat_text *)(uintptr_t)c->data;
    for (uint32_t i = 0; i < c->n; i++)
        if (texts[i].n && (texts[i].data[0] == '-' || (texts[i].data[0] >= '0' && texts[i].data[0] <= '9')))
            texts[i] = canonical_number(m, texts[i]);
}

struct read column_of_cells(struct memory *m, const leat_text *cells, uint32_t n, uint32_t type)
{
    bool natural = type == LEAT_NULL;
    struct read r;
    if ((natural || type == LEAT_I64 || type == LEAT_DEC || type == LEAT_F64) && plain_numbers(m, cells, n, type, &r))
        return r;
    if (natural && (type = natural_type(cells, n)) == LEAT_NULL)
        return absent_column(m, n);
    if (type >= LEAT_LIST)
        return lists_of_cells(m, cells, n, type);
    if (type == LEAT_DEC)
        return decimals_of_cells(m, cells, n, natural);
    struct making k = making_new(m, type, n);
    for (uint32_t i = 0; i < n; i++) {
        if (cell_absent(cells[i])) {
            column_absent(m, k.c, i);
            if (type == LEAT_JSON && cells[i].data)
                ((leat_text *)k.c->data)[i] = JSON_NULL_CELL;
        } else if (!cell_element(&k, cells[i], i)) {
            clear_element(k.c, i);
            bad(&k, i);
        }
    }
    if (natural && type == LEAT_JSON)
        canonical_numbers(m, k.c);
    return made(&k);
}

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
            bad(&k, i);
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
            bad(&k, i);
    }
    unify(&k, d);
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
                bad(&k, i);
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
            bad(&k, i);
        }
    }
    return made(&k);
}
