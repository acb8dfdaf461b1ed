/* SPDX-License-Identifier: Apache-2.0 */
/* reject.c: rejected records: to the port `rejected`, else to the dead letters; never lost. */
#include "core/run/run_internal.h"

#include <inttypes.h>

/* Fields of a rejected record, in the order of run.path_rejected. */
enum { RAW, REASON, CODE, FIELD, PROCESSOR, SOURCE, POSITION, RECORD, N_FIELDS };

static leat_text source_of(const struct run *r, const struct identity *id)
{
    return id->origin ? text_of(r->plan->processors[id->origin->number >> 20].name) : TEXT("");
}

static leat_text position_of(struct arena *a, const struct identity *id)
{
    if (!id->origin)
        return TEXT("");
    return text_of(arena_printf(a, TEXT_FMT ":%" PRIu64, TEXT_ARG(id->origin->partition), id->sequence));
}

/* Sinks' refusals come when their epoch may be closed elsewhere: dead letters only. Others go to their port `rejected`, or to the
 * processor that the flow names for dead letters; where neither is, to the file of dead letters. */
static bool to_port(const struct instance *in)
{
    if (in->planned->p->kind == LEAT_SINK)
        return false;
    return in->planned->ports[in->planned->n_outputs - 1].n_targets > 0 ||
           (in->run->plan->dead_letters != UINT32_MAX && in->run->plan->dead_letters > in->index);
}

static void send_rejected(struct instance *in, struct batch *take_b, uint64_t epoch)
{
    uint32_t port = in->planned->n_outputs - 1;
    if (in->planned->ports[port].n_targets)
        dispatch(in, port, take_b, epoch);
    else
        deliver(in->lane->instances[in->run->plan->dead_letters], 0, take_b, epoch);
}

static leat_text id_of(struct batch *b, uint32_t row)
{
    const leat_column *c = batch_read(b, PATH_ID, LEAT_TEXT).column;
    return leat_has(c, row) ? ((const leat_text *)c->data)[row] : TEXT("");
}

/* Of one kind one line in a while; the latest stands for the others, which are counted. */
static void say(struct instance *in, const char *what, const struct dead_letter *d)
{
    auto_free char *alike = xasprintf("%s " TEXT_FMT, what, TEXT_ARG(d->code));
    auto_free char *place =
        d->origin.n ? xasprintf(", of " TEXT_FMT " at %" PRIu64, TEXT_ARG(d->origin), d->sequence) : xstrdup("");
    log_alike(LOG_WARN, in->planned->name, alike, "%s (" TEXT_FMT "): " TEXT_FMT "%s", what, TEXT_ARG(d->code),
              TEXT_ARG(d->reason), place);
}

static void dead_letter(struct instance *in, const struct dead_letter *d, enum destination_action action)
{
    struct run *r = in->run;
    struct err err;
    if (action == ON_DROP && in->planned->p->kind == LEAT_SINK) {
        figure_add(in->figures, RECORDS_DROPPED, 1);
        say(in, "record dropped", d);
        return;
    }
    figure_add(in->figures, RECORDS_DEAD, 1);
    __atomic_fetch_add(&r->dead, 1, __ATOMIC_RELAXED);
    say(in, "record to dead letters", d);
    if (r->options.muted || !r->store)
        return;
    uint64_t dropped = store_dead_dropped(r->store);
    if (store_dead_letter(r->store, d, &err) < 0)
        run_rewind(r, in->planned, err.text); /* a full disk: nothing may be lost, so nothing goes on */
    if (store_dead_dropped(r->store) != dropped)
        log_line(LOG_WARN, r->plan->flow, "the oldest dead letters were removed, because more than 256 MiB of them were kept: %s",
                 store_dir(r->store));
}

static void rows_to_dead_letters(struct instance *in, struct batch *of, const struct refusal *refusal, size_t n)
{
    struct arena a = {0};
    for (size_t i = 0; i < n; i++) {
        uint32_t row = refusal[i].row;
        struct identity id;
        batch_identity(of, row, &id);
        leat_value whole = {0};
        batch_value(of, row, TEXT("."), &whole);
        struct dead_letter d = {.raw = batch_raw(of, row),
                                .reason = text_of(refusal[i].sentence),
                                .code = text_of(refusal[i].code),
                                .field = text_of(refusal[i].field),
                                .processor = text_of(in->planned->name),
                                .source = source_of(in->run, &id),
                                .id = id_of(of, row),
                                .sequence = id.sequence,
                                .partition = id.origin ? id.origin->partition : TEXT(""),
                                .origin = id.origin ? id.origin->topic : TEXT(""),
                                .record = whole.type ? whole.as.text : TEXT("")};
        enum destination_action action =
            refusal[i].given_up ? in->planned->on_error.then : in->planned->on_error.refused;
        dead_letter(in, &d, action);
        if (!refusal[i].given_up && in->planned->on_error.refused == ON_STOP && in->planned->p->kind == LEAT_SINK)
            run_fail(in->run, EINVAL, in->planned->name, refusal[i].sentence);
    }
    arena_fini(&a);
}

static leat_text *texts(struct instance *in, struct batch *o, int field)
{
    return batch_write(o, in->run->path_rejected[field], field == RECORD ? LEAT_JSON : field == RAW ? LEAT_BYTES : LEAT_TEXT, 0, NULL);
}

static void rows_to_port(struct instance *in, struct batch *of, const struct refusal *refusal, size_t n, uint64_t epoch)
{
    struct arena a = {0};
    uint32_t *rows = arena_alloc(&a, n * sizeof *rows);
    for (size_t i = 0; i < n; i++)
        rows[i] = refusal[i].row;
    struct batch *o = batch_derive(in->lane->pool, in->run->plan->paths, of, rows, (uint32_t)n, true);
    leat_text *column[N_FIELDS];
    for (int f = 0; f < N_FIELDS; f++)
        column[f] = texts(in, o, f);
    for (size_t i = 0; i < n; i++) {
        struct identity id;
        leat_value whole = {0};
        batch_identity(of, rows[i], &id);
        batch_value(of, rows[i], TEXT("."), &whole);
        column[RAW][i] = batch_raw(of, rows[i]);
        column[REASON][i] = text_of(refusal[i].sentence);
        column[CODE][i] = text_of(refusal[i].code);
        column[FIELD][i] = text_of(refusal[i].field);
        column[PROCESSOR][i] = text_of(in->planned->name);
        column[SOURCE][i] = source_of(in->run, &id);
        column[POSITION][i] = position_of(&a, &id);
        if (whole.type)
            column[RECORD][i] = arena_text(&a, whole.as.text);
        else
            batch_write_null(o, in->run->path_rejected[RECORD], (uint32_t)i);
    }
    batch_seal(o);
    arena_fini(&a);
    send_rejected(in, o, epoch);
}

static int by_row(const void *a, const void *b)
{
    const struct refusal *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

void reject_rows(struct instance *in, struct batch *of, const struct refusal *refusal, size_t n, uint64_t epoch)
{
    struct refusal *sorted = xmalloc(n * sizeof *sorted);
    size_t kept = 0;
    memcpy(sorted, refusal, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_row);
    for (size_t i = 0; i < n; i++) /* a record is refused once */
        if (!kept || sorted[kept - 1].row != sorted[i].row)
            sorted[kept++] = sorted[i];
    figure_add(in->figures, RECORDS_REJECTED, kept);
    if (to_port(in))
        rows_to_port(in, of, sorted, kept, epoch);
    else
        rows_to_dead_letters(in, of, sorted, kept);
    free(sorted);
}

void reject_undecoded(struct instance *in, const struct rejected *r, size_t n, uint64_t epoch)
{
    figure_add(in->figures, RECORDS_REJECTED, n);
    if (!to_port(in)) {
        for (size_t i = 0; i < n; i++) {
            struct dead_letter d = {.raw = r[i].raw,
                                    .reason = r[i].reason,
                                    .code = text_of(r[i].code),
                                    .processor = text_of(in->planned->name),
                                    .source = text_of(in->planned->name),
                                    .partition = r[i].origin->partition,
                                    .origin = r[i].origin->topic,
                                    .sequence = r[i].sequence};
            auto_free char *id = xasprintf(TEXT_FMT "%" PRIu64, TEXT_ARG(r[i].origin->prefix), r[i].sequence);
            d.id = text_of(id);
            dead_letter(in, &d, ON_DEAD_LETTER);
        }
        return;
    }
    struct arena a = {0};
    for (size_t i = 0; i < n; i++) { /* each has an identity of its own */
        struct batch *o = batch_derive(in->lane->pool, in->run->plan->paths, NULL, NULL, 1, true);
        texts(in, o, RAW)[0] = r[i].raw;
        texts(in, o, REASON)[0] = r[i].reason;
        texts(in, o, CODE)[0] = text_of(r[i].code);
        texts(in, o, FIELD)[0] = TEXT("");
        texts(in, o, PROCESSOR)[0] = texts(in, o, SOURCE)[0] = text_of(in->planned->name);
        struct identity id = {.origin = r[i].origin, .sequence = r[i].sequence};
        texts(in, o, POSITION)[0] = position_of(&a, &id);
        texts(in, o, RECORD)[0] = TEXT("null");
        batch_write_null(o, in->run->path_rejected[RECORD], 0);
        batch_place(o, (struct origin *)(uintptr_t)r[i].origin, r[i].sequence);
        batch_seal(o);
        send_rejected(in, o, epoch);
    }
    arena_fini(&a);
}
