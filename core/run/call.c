/* SPDX-License-Identifier: Apache-2.0 */
/* call.c: one call of a hook as a transaction: binding the input, and what becomes of what the hook did. */
#include "core/run/run_internal.h"

struct call *call_new(struct instance *in)
{
    struct call *c = xcalloc(1, sizeof *c);
    c->in = in;
    c->columns = xcalloc(in->planned->n_bindings + 1, sizeof *c->columns);
    return c;
}

void call_free(struct call *c)
{
    if (!c)
        return;
    call_reset(c);
    VEC_FINI(&c->out);
    VEC_FINI(&c->refusals);
    arena_fini(&c->scratch);
    arena_fini(&c->kept);
    free(c->columns);
    free(c);
}

/* Where a worker runs the hooks, `current` is its own: the lane only prepares. */
struct call *call_begin(struct instance *in)
{
    if (in->worker)
        return call_new(in);
    struct call *c = in->spare ? in->spare : call_new(in);
    in->spare = NULL;
    return in->current = c;
}

static void drop_open(struct call *c)
{
    for (struct leat_out *o = c->open, *next; o; o = next) {
        next = o->next;
        batch_unref(o->batch);
        free(o);
    }
    c->open = NULL;
}

void call_undo(struct call *c)
{
    for (size_t i = 0; i < c->out.n; i++)
        batch_unref(c->out.at[i].batch);
    c->out.n = 0;
    drop_open(c);
}

void call_reset(struct call *c)
{
    call_undo(c);
    c->refusals.n = 0;
    c->poisoned = false;
    batch_unref(c->given);
    c->given = NULL;
    memset(c->columns, 0, c->in->planned->n_bindings * sizeof *c->columns);
    arena_reset(&c->scratch);
    arena_reset(&c->kept);
}

/* The memory goes back; the next call of the instance uses it again. */
void call_end(struct call *c)
{
    struct instance *in = c->in;
    if (!in->worker && in->current == c)
        in->current = NULL;
    if (in->worker || in->spare) {
        call_free(c);
        return;
    }
    call_reset(c);
    in->spare = c;
}

void call_refuse(struct call *c, struct batch *of, uint32_t row, bool retry, const char *code, const char *sentence,
                 const char *field)
{
    char *shown = arena_strdup(&c->kept, sentence ? sentence : "");
    secret_strike(shown, false);
    *VEC_PUSH(&c->refusals) = (struct refusal){of, row, retry, arena_strdup(&c->kept, code ? code : "rejected"), shown,
                                               arena_strdup(&c->kept, field ? field : "")};
}

/* --- binding: records whose bound fields miss or do not convert never reach the plugin ------------------------------- */

const char *column_type_name(uint32_t type)
{
    static const char *const names[] = {"value", "boolean", "whole number", "number", "decimal", "time", "text", "bytes", "JSON"};
    return type & LEAT_LIST ? "list" : names[type];
}

static void refuse_bound(struct call *c, struct batch *b, uint32_t row, const struct binding *bound, bool bad)
{
    char sentence[512], reason[256];
    const char *code = bad ? "type" : "missing";
    leat_text path = bound->path ? paths_text(c->in->run->plan->paths, bound->path) : TEXT("");
    if (bound->expr && bad) {
        expr_reason(c->in->expr_run, bound->expr, b, row, bound->type, reason, &code);
        call_refuse(c, b, row, false, code, reason, "");
        return;
    }
    if (bound->expr) {
        snprintf(sentence, sizeof sentence, "the expression '" TEXT_FMT "' gives null",
                 TEXT_ARG(bound->where ? bound->where->text : TEXT("")));
    } else if (bad) {
        auto_buf text = {0};
        leat_value v = {0};
        batch_value(b, row, path, &v);
        value_json(&text, &v);
        snprintf(sentence, sizeof sentence, "field '" TEXT_FMT "' is %.200s, not a %s", TEXT_ARG(path), text.data,
                 column_type_name(bound->type));
    } else {
        snprintf(sentence, sizeof sentence, "field '" TEXT_FMT "' is missing or null", TEXT_ARG(path));
    }
    call_refuse(c, b, row, false, code, sentence, path.data);
}

static bool has_bit(const uint64_t *bits, uint32_t i)
{
    return bits && (bits[i >> 6] >> (i & 63) & 1);
}

/* Marks the rows that one binding refuses, if any; each row is refused once, by the first. */
static void check_bound(struct call *c, struct batch *b, const struct binding *bound, struct read r, uint64_t **refused)
{
    bool nulls = !(bound->flags & LEAT_MAY_MISS) && r.column->nulls, bad = r.bad && !(bound->flags & LEAT_LENIENT);
    if (LIKELY(!nulls && !bad))
        return;
    if (!*refused) {
        size_t bytes = (b->view.n / 64 + 1) * sizeof **refused;
        *refused = memset(arena_alloc(&c->scratch, bytes), 0, bytes);
    }
    for (uint32_t i = 0; i < b->view.n; i++) {
        bool is_bad = bad && has_bit(r.bad, i);
        if ((is_bad || (nulls && !leat_has(r.column, i))) && !has_bit(*refused, i)) {
            (*refused)[i >> 6] |= 1ull << (i & 63);
            refuse_bound(c, b, i, bound, has_bit(r.bad, i));
        }
    }
}

static struct batch *without(struct call *c, struct batch *b, const uint64_t *refused)
{
    uint32_t *rows = arena_alloc(&c->scratch, b->view.n * sizeof *rows), n = 0;
    for (uint32_t i = 0; i < b->view.n; i++)
        if (!has_bit(refused, i))
            rows[n++] = i;
    struct batch *left = batch_select(b, rows, n);
    left->view = b->view;
    left->view.n = n;
    return left;
}

/* Of what may miss only a wrong type matters, which what travels beside a record never has. */
static bool bound_here(const struct binding *b, uint32_t input)
{
    if (b->flags & LEAT_MAY_MISS && !b->expr && (b->path < PATH_FIRST_FIELD || b->type == LEAT_NULL))
        return false;
    return b->how == LEAT_READ && (b->port == input || b->port == LEAT_EVERY_INPUT) &&
           (b->flags & (LEAT_MAY_MISS | LEAT_LENIENT)) != (LEAT_MAY_MISS | LEAT_LENIENT);
}

bool call_give(struct call *c, struct batch *b, uint32_t input)
{
    const struct planned *p = c->in->planned;
    uint64_t *refused = NULL;
    c->given = batch_ref(b);
    for (size_t i = 0; i < p->n_bindings; i++)
        if (bound_here(&p->bindings[i], input)) {
            const struct binding *bound = &p->bindings[i];
            struct read r = bound->expr ? expr_eval(c->in->expr_run, bound->expr, b, bound->type)
                                        : (struct read){host_column(c, (leat_field)i + 1), NULL};
            if (!bound->expr && bound->path >= PATH_FIRST_FIELD)
                r = batch_read(b, bound->path, bound->type);
            c->columns[i] = r.column;
            check_bound(c, b, bound, r, &refused);
        }
    if (refused) {
        struct batch *left = without(c, b, refused);
        batch_unref(c->given);
        c->given = left;
        memset(c->columns, 0, p->n_bindings * sizeof *c->columns);
    }
    return c->given->view.n > 0;
}

/* --- what counts in the end ---------------------------------------------------------------------------------------- */

/* `out` less the records made from refused rows of what was given. Takes out. */
static struct batch *less_refused(struct call *c, struct batch *out, const uint64_t *refused)
{
    if (out->parent != c->given && out != c->given)
        return out;
    const uint32_t *from = out == c->given ? NULL : out->rows;
    uint32_t *rows = arena_alloc(&c->scratch, out->view.n * sizeof *rows), n = 0;
    for (uint32_t i = 0; i < out->view.n; i++)
        if (!has_bit(refused, from ? from[i] : i))
            rows[n++] = i;
    if (n == out->view.n)
        return out;
    struct batch *left = batch_select(out, rows, n);
    batch_unref(out);
    return left;
}

static uint64_t *refused_rows(struct call *c)
{
    uint64_t *bits = NULL;
    for (size_t i = 0; i < c->refusals.n; i++)
        if (c->given && c->refusals.at[i].of == c->given) {
            if (!bits)
                bits = memset(arena_alloc(&c->scratch, (c->given->view.n / 64 + 1) * 8), 0, (c->given->view.n / 64 + 1) * 8);
            bits[c->refusals.at[i].row >> 6] |= 1ull << (c->refusals.at[i].row & 63);
        }
    return bits;
}

void call_settle_refusals(struct call *c, struct delivery *d, uint64_t epoch)
{
    size_t from = 0;
    (void)d;
    while (from < c->refusals.n) { /* runs of one batch, retries left out */
        size_t to = from;
        while (to < c->refusals.n && c->refusals.at[to].of == c->refusals.at[from].of &&
               c->refusals.at[to].retry == c->refusals.at[from].retry)
            to++;
        if (!c->refusals.at[from].retry)
            reject_rows(c->in, c->refusals.at[from].of, c->refusals.at + from, to - from, epoch);
        from = to;
    }
}

void call_commit(struct call *c, uint64_t epoch)
{
    struct instance *in = c->in;
    uint64_t *refused = c->refusals.n ? refused_rows(c) : NULL;
    drop_open(c);
    if (!in->worker)
        in->current = NULL;
    for (size_t i = 0; i < c->out.n; i++) {
        struct batch *b = c->out.at[i].batch;
        if (refused)
            b = less_refused(c, b, refused);
        c->out.at[i].batch = NULL;
        figure_add(in->figures, RECORDS_OUT, b->view.n);
        dispatch(in, c->out.at[i].port, b, epoch);
    }
    c->out.n = 0;
}
