/* SPDX-License-Identifier: Apache-2.0 */
/* fit.c: records of a source held against its `schema`: `reject` refuses what does not fit, `warn` tells the first. */
#include "core/run/run_internal.h"

struct check { /* of one batch */
    struct instance *in;
    struct batch *b;
    struct arena memory;
    uint64_t *refused; /* bit per row; NULL: none yet */
    VEC(struct refusal) refusals;
};

static bool has_bit(const uint64_t *bits, uint32_t i)
{
    return bits && (bits[i >> 6] >> (i & 63) & 1);
}

static const char *sentence_of(struct check *k, uint32_t row, leat_text path, const struct binding *field)
{
    auto_buf text = {0};
    leat_value v = {0};
    batch_value(k->b, row, path, &v);
    if (!v.type)
        return arena_printf(&k->memory, "field '" TEXT_FMT "' is missing or null", TEXT_ARG(path));
    value_json(&text, &v);
    return arena_printf(&k->memory, "field '" TEXT_FMT "' is %.200s, not a %s", TEXT_ARG(path), text.data,
                        column_type_name(field->type));
}

static void refuse(struct check *k, uint32_t row, const struct binding *field, const char *code)
{
    leat_text path = paths_text(k->in->run->plan->paths, field->path);
    if (!k->refused)
        k->refused = arena_zalloc(&k->memory, (k->b->view.n / 64 + 1) * sizeof *k->refused);
    if (has_bit(k->refused, row))
        return;
    k->refused[row >> 6] |= 1ull << (row & 63);
    *VEC_PUSH(&k->refusals) = (struct refusal){.row = row, .code = code, .sentence = sentence_of(k, row, path, field),
                                               .field = path.data};
}

/* Decimals far apart have no column together, which is nothing that is wrong with them. */
static bool good_alone(struct check *k, uint32_t row, const struct binding *field)
{
    if (field->type != LEAT_DEC)
        return false;
    struct batch *one = batch_slice(k->b, row, 1);
    bool good = !batch_read(one, field->path, field->type).bad;
    batch_unref(one);
    return good;
}

static void check_field(struct check *k, const struct binding *field)
{
    struct read r = batch_read(k->b, field->path, field->type);
    bool must = !(field->flags & LEAT_MAY_MISS) && r.column->nulls;
    if (LIKELY(!must && !r.bad))
        return;
    for (uint32_t i = 0; i < k->b->view.n; i++)
        if (has_bit(r.bad, i) && !good_alone(k, i, field))
            refuse(k, i, field, "type");
        else if (must && !has_bit(r.bad, i) && !leat_has(r.column, i))
            refuse(k, i, field, "missing");
}

/* The rows that were not refused. Takes b. */
static struct batch *rest(struct check *k)
{
    uint32_t *rows = arena_alloc(&k->memory, k->b->view.n * sizeof *rows), n = 0;
    for (uint32_t i = 0; i < k->b->view.n; i++)
        if (!has_bit(k->refused, i))
            rows[n++] = i;
    struct batch *left = n ? batch_select(k->b, rows, n) : NULL;
    batch_unref(k->b);
    return left;
}

struct batch *schema_hold(struct instance *in, struct batch *take_b, uint64_t epoch)
{
    struct check k = {.in = in, .b = take_b};
    if (!in->planned->n_schema || (!in->planned->schema_strict && in->source->warned))
        return take_b;
    for (size_t i = 0; i < in->planned->n_schema; i++)
        check_field(&k, &in->planned->schema[i]);
    if (k.refusals.n && in->planned->schema_strict) {
        reject_rows(in, k.b, k.refusals.at, k.refusals.n, epoch);
        k.b = rest(&k);
    } else if (k.refusals.n) {
        in->source->warned = true;
        log_line(LOG_WARN, in->planned->name,
                 "a record does not fit `schema`: %s; such records pass (`strict: reject` would refuse "
                 "them), and no more are told",
                 k.refusals.at[0].sentence);
    }
    VEC_FINI(&k.refusals);
    arena_fini(&k.memory);
    return k.b;
}
