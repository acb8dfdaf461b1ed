/* SPDX-License-Identifier: Apache-2.0 */
/* cells.c: JSON values as typed columns. */
#include "core/record/making.h"

#include <math.h>

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

bool cell_decimal(leat_text cell, struct decimal *ret)
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
bool decimals_unify(struct making *k, struct decimal *d)
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
            making_bad(k, i);
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
        return *ret = (struct read){k.c, NULL}, decimals_unify(&k, d);
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
            making_bad(&k, i);
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
                making_bad(&k, i);
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

/* The text of a number must not depend on what else is in its batch. So it is that of a column of its own kind, and whole
 * numbers of more than 64 bits are left as they are. */
static leat_text canonical_number(leat_text cell, char ret[32])
{
    struct decimal d;
    switch (number_parse(cell, &d)) {
    case NUMBER_I64:
        return (leat_text){ret, i64_print(ret, d.mantissa)};
    case NUMBER_DEC:
        return (leat_text){ret, decimal_print(ret, d)};
    default:
        for (size_t i = 0; i < cell.n; i++)
            if (!(cell.data[i] >= '0' && cell.data[i] <= '9') && cell.data[i] != '-')
                return isfinite(number_f64(cell)) ? (leat_text){ret, f64_print(ret, number_f64(cell))} : cell;
        return cell;
    }
}

/* Whether a column of doubles prints every cell, all numbers, as it would be printed by itself. */
static bool are_doubles(const leat_text *cells, uint32_t n)
{
    char alone[32], here[32];
    for (uint32_t i = 0; i < n; i++)
        if (!cell_absent(cells[i]) &&
            !text_equal(canonical_number(cells[i], alone), (leat_text){here, f64_print(here, number_f64(cells[i]))}))
            return false;
    return true;
}

static uint32_t natural_type(const leat_text *cells, uint32_t n)
{
    struct decimal d;
    unsigned seen = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!cell_absent(cells[i]))
            seen |= seen_in(cells[i], &d);
    uint32_t type = type_of_seen(seen);
    return type == LEAT_F64 && !are_doubles(cells, n) ? LEAT_JSON : type;
}

static struct read absent_column(struct memory *m, uint32_t n)
{
    struct making k = making_new(m, LEAT_NULL, n);
    for (uint32_t i = 0; i < n; i++)
        column_absent(m, k.c, i);
    return made(&k);
}

static void canonical_numbers(struct memory *m, const leat_column *c)
{
    leat_text *texts = (leat_text *)(uintptr_t)c->data;
    char text[32];
    for (uint32_t i = 0; i < c->n; i++) {
        if (!texts[i].n || !is_number(texts[i]))
            continue;
        leat_text canonical = canonical_number(texts[i], text);
        if (!text_equal(canonical, texts[i]))
            texts[i] = (leat_text){memcpy(memory_alloc(m, canonical.n), canonical.data, canonical.n), canonical.n};
    }
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
            making_bad(&k, i);
        }
    }
    if (decimals_unify(&k, d) || !natural)
        return made(&k);
    struct read r = column_of_cells(m, cells, n, LEAT_JSON);
    canonical_numbers(m, r.column);
    return r;
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
            making_bad(&k, i);
        }
    }
    if (natural && type == LEAT_JSON)
        canonical_numbers(m, k.c);
    return made(&k);
}
