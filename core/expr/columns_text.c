/* SPDX-License-Identifier: Apache-2.0 */
/* columns_text.c: texts joined, measured and matched a column at a time. */
#include "core/expr/columns_internal.h"
#include "core/expr/kernels.h"

enum { NUMBER_MAX = 24, CONCAT_MAX = 16 << 20, TEXTS_MAX = 64 << 20, ARGS_MAX = 16 };

bool columns_like(struct eval *x, const struct node *n, const struct col *a, struct col *ret)
{
    if (a->type != LEAT_TEXT || a->constant || !n->like)
        return false;
    uint8_t *data = eval_room(x, n, x->n);
    const leat_text *texts = a->data;
    if (n->like == LIKE_EXACT)
        kernel_text_equal(texts, n->value.as.text, true, data, x->n);
    else if (n->like == LIKE_PREFIX)
        kernel_text_prefix(texts, n->value.as.text, data, x->n);
    else
        for (uint32_t i = 0; i < x->n; i++)
            data[i] = like_boiled(n, texts[i]);
    *ret = (struct col){.type = LEAT_BOOL, .data = data, .valid = a->valid, .bad = a->bad};
    col_clear_absent(data, 1, ret->valid, x->n);
    return true;
}

bool columns_length(struct eval *x, const struct node *n, const struct col *a, struct col *ret)
{
    if (a->type != LEAT_TEXT || a->constant)
        return false;
    int64_t *data = eval_room(x, n, x->n * sizeof *data);
    const leat_text *texts = a->data;
    for (uint32_t i = 0; i < x->n; i++) {
        int64_t letters = 0;
        for (size_t k = 0; k < texts[i].n; k++)
            letters += ((unsigned char)texts[i].data[k] & 0xc0) != 0x80;
        data[i] = letters;
    }
    *ret = (struct col){.type = LEAT_I64, .data = data, .valid = a->valid, .bad = a->bad};
    return true; /* absent texts are empty, so absent lengths are 0 */
}

/* --- joined ------------------------------------------------------------------------------------------------------ */

/* Bytes that a piece takes at most. */
static size_t bound(const struct col *c, uint32_t row)
{
    return c->type == LEAT_TEXT ? ((const leat_text *)c->data)[row].n : NUMBER_MAX;
}

static char *put_piece(const struct col *c, uint32_t row, char *at)
{
    if (c->type == LEAT_TEXT) {
        leat_text t = c->constant ? c->value.as.text : ((const leat_text *)c->data)[row];
        if (t.n)
            memcpy(at, t.data, t.n);
        return at + t.n;
    }
    if (c->type == LEAT_BOOL) {
        bool on = ((const uint8_t *)c->data)[row];
        memcpy(at, on ? "true" : "false", 5);
        return at + (on ? 4 : 5);
    }
    int64_t number = ((const int64_t *)c->data)[row];
    if (c->type == LEAT_I64)
        return at + print_int(at, number);
    return at + decimal_print(at, (struct decimal){number, c->scale});
}

static bool is_piece(const struct col *c)
{
    return c->type == LEAT_TEXT ||
           (!c->constant && (c->type == LEAT_BOOL || c->type == LEAT_I64 || c->type == LEAT_DEC));
}

/* The bytes of all rows together at most; 0: one is too long. */
static size_t room_for(struct eval *x, const struct node *n, const struct col *args, const uint64_t *valid)
{
    size_t fixed = 1, sum = 0;
    for (uint32_t k = 0; k < n->n; k++)
        fixed += args[k].constant ? args[k].value.as.text.n : 0;
    for (uint32_t i = 0; i < x->n; i++) {
        size_t row = fixed;
        if (valid && !bits_get(valid, i))
            continue;
        for (uint32_t k = 0; k < n->n; k++)
            row += args[k].constant ? 0 : bound(&args[k], i);
        if (row > CONCAT_MAX)
            return 0;
        sum += row;
    }
    return sum + 8;
}

bool columns_concat(struct eval *x, const struct node *n, const struct col *args, struct col *ret)
{
    struct col made = {.type = LEAT_TEXT};
    for (uint32_t k = 0; k < n->n; k++) {
        if (n->n > ARGS_MAX || !is_piece(&args[k]))
            return false;
        made.valid = bits_and(x, made.valid, args[k].valid);
        made.bad = bits_or(x, made.bad, args[k].bad);
    }
    size_t bytes = room_for(x, n, args, made.valid);
    if (!bytes || bytes > TEXTS_MAX)
        return false;
    char *at = batch_alloc(x->batch, bytes);
    leat_text *data = eval_room(x, n, x->n * sizeof *data);
    for (uint32_t i = 0; i < x->n; i++) {
        char *from = at;
        if (!made.valid || bits_get(made.valid, i))
            for (uint32_t k = 0; k < n->n; k++)
                at = put_piece(&args[k], i, at);
        data[i] = (leat_text){from, (size_t)(at - from)};
    }
    made.data = data;
    *ret = made;
    return true;
}
