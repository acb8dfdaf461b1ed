/* SPDX-License-Identifier: Apache-2.0 */
/* host.c: what plugins call: reading, emitting, deriving, rejecting, log. */
#include "core/run/run_internal.h"

static const leat_column empty_columns[] = {
    [LEAT_NULL] = {.type = LEAT_NULL}, [LEAT_BOOL] = {.type = LEAT_BOOL}, [LEAT_I64] = {.type = LEAT_I64},
    [LEAT_F64] = {.type = LEAT_F64},   [LEAT_DEC] = {.type = LEAT_DEC},   [LEAT_TIME] = {.type = LEAT_TIME},
    [LEAT_TEXT] = {.type = LEAT_TEXT}, [LEAT_BYTES] = {.type = LEAT_BYTES}, [LEAT_JSON] = {.type = LEAT_JSON},
};

static const struct binding *binding_of(const struct instance *in, leat_field f)
{
    return f && f <= in->planned->n_bindings ? &in->planned->bindings[f - 1] : NULL;
}

/* A plugin that breaks the contract: the call is undone, and the sentence says what it did. */
static void broke(struct call *c, const char *what)
{
    if (!c->poisoned)
        snprintf(c->in->why, sizeof c->in->why, "the plugin broke the contract: %s", what);
    c->poisoned = true;
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

static const leat_column *repeated(struct batch *b, leat_text t)
{
    leat_column *c = batch_alloc(b, sizeof *c);
    leat_text *data = batch_alloc(b, (b->view.n + 1) * sizeof *data);
    for (uint32_t i = 0; i < b->view.n; i++)
        data[i] = t;
    *c = (leat_column){.type = LEAT_TEXT, .data = data, .n = b->view.n};
    return c;
}

static const leat_column *as_type(struct batch *b, const leat_column *c, uint32_t type)
{
    if (c->type == type || type < LEAT_TEXT || type > LEAT_JSON || c->type < LEAT_TEXT || c->type > LEAT_JSON)
        return c;
    leat_column *same = batch_alloc(b, sizeof *same);
    *same = *c;
    same->type = type;
    return same;
}

static const leat_column *read_bound(struct instance *in, const struct binding *bound, struct batch *b)
{
    if (bound->expr)
        return expr_eval(in->expr_run, bound->expr, b, bound->type).column;
    if (bound->path != PATH_ENCODED && bound->path != PATH_HEAD)
        return batch_read(b, bound->path, bound->type).column;
    if (!in->encoder)
        in->encoder = encoder_new(&in->planned->codec);
    const leat_column *encoded = encoder_column(in->encoder, b);
    return as_type(b, bound->path == PATH_ENCODED ? encoded : repeated(b, encoder_head(in->encoder)), bound->type);
}

const leat_column *host_column(struct call *c, leat_field f)
{
    const leat_column **at = &c->columns[f - 1];
    if (!*at)
        *at = read_bound(c->in, &c->in->planned->bindings[f - 1], c->given);
    return *at;
}

/* What create learns of a column; of a template its literal beginning too. */
static const leat_column *column_of_none(struct instance *in, const struct binding *bound)
{
    const leat_column *none = &empty_columns[bound->known & ~LEAT_LIST];
    if (!bound->expr)
        return none;
    leat_column *c = arena_zalloc(&in->memory, sizeof *c);
    leat_text *beginning = arena_alloc(&in->memory, sizeof *beginning);
    *beginning = expr_prefix(bound->expr);
    *c = *none;
    c->n = expr_is_constant(bound->expr, &(leat_value){0});
    c->data = beginning;
    return c;
}

static const leat_column *host_read(const leat_host *h, const leat_batch *b, leat_field f)
{
    struct instance *in = instance_of(h);
    const struct binding *bound = binding_of(in, f);
    if (!bound)
        return &empty_columns[LEAT_NULL];
    if (!b)
        return column_of_none(in, bound);
    if (LIKELY(in->current && in->current->given && b == &in->current->given->view))
        return host_column(in->current, f);
    return read_bound(in, bound, (struct batch *)(uintptr_t)b);
}

static leat_field host_bind(const leat_host *h, const leat_binding *want)
{
    struct instance *in = instance_of(h);
    uint32_t path = paths_find(in->run->plan->paths, text_of(want->path));
    for (size_t i = 0; i < in->planned->n_bindings; i++) {
        const struct binding *b = &in->planned->bindings[i];
        if (!b->expr && b->how == want->how && b->path == path && b->type == want->type && b->port == want->port &&
            b->scale == want->scale &&
            (b->flags & (LEAT_MAY_MISS | LEAT_LENIENT)) == (want->flags & (LEAT_MAY_MISS | LEAT_LENIENT)))
            return (leat_field)i + 1;
    }
    snprintf(in->why, sizeof in->why, "create binds '%s', which it did not when the flow was planned", want->path);
    return 0;
}

/* --- writing ---------------------------------------------------------------------------------------------------------- */

static void *host_alloc(const leat_host *h, size_t bytes)
{
    struct instance *in = instance_of(h);
    return arena_alloc(&in->current->scratch, bytes + 64); /* a little more: loops may write one row too many */
}

char *host_scratch(struct instance *in, size_t bytes)
{
    return arena_alloc(&in->current->scratch, bytes);
}

static void push(struct call *c, uint32_t port, struct batch *take_b)
{
    if (port >= c->in->planned->n_outputs) {
        broke(c, "it sent to an output that it does not have");
        batch_unref(take_b);
        return;
    }
    *VEC_PUSH(&c->out) = (struct emitted){port, take_b};
}

static void host_emit(const leat_host *h, uint32_t port, const leat_batch *b, const uint32_t *rows, uint32_t n)
{
    struct call *c = instance_of(h)->current;
    struct batch *of = (struct batch *)(uintptr_t)b;
    if (!n)
        return;
    bool all = n == of->view.n && (!rows || (rows[0] == 0 && rows[n - 1] == n - 1)); /* nothing is copied then */
    for (uint32_t i = 1; rows && !all && i < n; i++)
        if (UNLIKELY(rows[i] <= rows[i - 1])) {
            broke(c, "the rows of emit go down");
            return;
        }
    if (n > of->view.n || (rows && rows[n - 1] >= of->view.n)) {
        broke(c, "it emits rows that the batch does not have");
        return;
    }
    push(c, port, n == of->view.n ? batch_ref(of) : batch_select(of, rows, n));
}

static leat_out *host_derive(const leat_host *h, const leat_batch *b, const uint32_t *rows, uint32_t n)
{
    struct instance *in = instance_of(h);
    struct call *c = in->current;
    bool fresh = in->planned->p->n_outputs && in->planned->p->outputs[0].flags & LEAT_NEW_RECORDS;
    for (size_t i = 0; i < in->planned->n_bindings; i++) /* removing the whole record leaves what is written */
        fresh |= in->planned->bindings[i].how == LEAT_REMOVE && in->planned->bindings[i].path == PATH_WHOLE;
    struct leat_out *o = xcalloc(1, sizeof *o);
    o->call = c;
    if (n > LEAT_WRITE_MAX) {
        broke(c, "derive asks for more records than LEAT_WRITE_MAX");
        n = 0;
    }
    o->batch = batch_derive(in->lane->pool, in->run->plan->paths, (struct batch *)(uintptr_t)b, rows, n, fresh);
    o->next = c->open;
    c->open = o;
    return o;
}

static void *host_write(const leat_host *h, leat_out *o, leat_field f, uint32_t type)
{
    const struct binding *bound = binding_of(instance_of(h), f);
    if (UNLIKELY(!bound || bound->how != LEAT_WRITE)) {
        broke(o->call, "it writes a field that it did not bind");
        return arena_zalloc(&o->call->scratch, ((size_t)o->batch->view.n + 1) * 16);
    }
    return batch_write(o->batch, bound->path, type, bound->scale, NULL);
}

static void *host_write_list(const leat_host *h, leat_out *o, leat_field f, uint32_t type, const uint32_t *offsets)
{
    const struct binding *bound = binding_of(instance_of(h), f);
    if (UNLIKELY(!bound || bound->how != LEAT_WRITE)) {
        broke(o->call, "it writes a field that it did not bind");
        return arena_zalloc(&o->call->scratch, ((size_t)offsets[o->batch->view.n] + 1) * 16);
    }
    return batch_write(o->batch, bound->path, LEAT_LIST + type, bound->scale, offsets);
}

static void host_write_null(const leat_host *h, leat_out *o, leat_field f, uint32_t row)
{
    const struct binding *bound = binding_of(instance_of(h), f);
    if (bound && bound->how == LEAT_WRITE && row < o->batch->view.n)
        batch_write_null(o->batch, bound->path, row);
    else
        broke(o->call, "write_null names a field or row that is not there");
}

/* A column of the batch that o was derived from, in o's rows: gathered when they differ. */
static const leat_column *in_rows_of(struct leat_out *o, const leat_column *c)
{
    const uint32_t *rows = o->batch->rows;
    uint32_t n = o->batch->view.n;
    if (!rows)
        return c;
    size_t width = c->type == LEAT_BOOL ? 1 : c->type >= LEAT_TEXT && c->type <= LEAT_JSON ? sizeof(leat_text) : 8;
    leat_column *g = batch_alloc(o->batch, sizeof *g);
    char *data = batch_alloc(o->batch, (n + 1) * width);
    uint64_t *valid = c->valid ? batch_alloc(o->batch, (n / 64 + 1) * 8) : NULL;
    if (valid)
        memset(valid, 0, (n / 64 + 1) * 8);
    *g = (leat_column){.type = c->type, .scale = c->scale, .data = data, .valid = valid, .n = n};
    for (uint32_t i = 0; i < n; i++) {
        memcpy(data + i * width, (const char *)c->data + rows[i] * width, width);
        if (valid && leat_has(c, rows[i]))
            valid[i >> 6] |= 1ull << (i & 63);
        else if (valid)
            g->nulls++;
    }
    return g;
}

static void host_write_column(const leat_host *h, leat_out *o, leat_field f, const leat_column *c)
{
    const struct binding *bound = binding_of(instance_of(h), f);
    if (UNLIKELY(!bound || bound->how == LEAT_READ)) {
        broke(o->call, "it writes a field that it did not bind");
        return;
    }
    batch_write_column(o->batch, bound->path, in_rows_of(o, c));
}

static void unlink_out(struct leat_out *o)
{
    struct leat_out **at = &o->call->open;
    while (*at && *at != o)
        at = &(*at)->next;
    if (*at)
        *at = o->next;
}

static void host_send(const leat_host *h, leat_out *o, uint32_t port)
{
    struct instance *in = instance_of(h);
    struct call *c = o->call;
    unlink_out(o);
    for (size_t i = 0; i < in->planned->n_bindings; i++)
        if (in->planned->bindings[i].how == LEAT_REMOVE && in->planned->bindings[i].port == port &&
            in->planned->bindings[i].path != PATH_WHOLE)
            batch_remove(o->batch, in->planned->bindings[i].path);
    batch_seal(o->batch);
    if (!o->batch->view.n) {
        batch_unref(o->batch);
    } else {
        push(c, port, o->batch);
    }
    free(o);
}

/* --- refusing --------------------------------------------------------------------------------------------------------- */

static void refuse(const leat_host *h, uint64_t ticket, uint32_t row, bool retry, const char *code, const char *sentence)
{
    struct instance *in = instance_of(h);
    struct call *c = in->current;
    if (!c || !c->given || c->given->view.ticket != ticket) {
        struct delivery *d = deliver_find(in, ticket);
        c = d ? d->call : NULL;
    }
    if (!c || row >= c->given->view.n) {
        log_line(LOG_ERROR, in->planned->name, "the plugin names a record of a batch that it does not have");
        return;
    }
    call_refuse(c, c->given, row, retry, code, sentence, "");
}

static void host_reject(const leat_host *h, uint64_t ticket, uint32_t row, const char *code, const char *sentence)
{
    refuse(h, ticket, row, false, code, sentence);
}

static void host_retry(const leat_host *h, uint64_t ticket, uint32_t row, const char *code, const char *sentence)
{
    refuse(h, ticket, row, true, code, sentence);
}

static void host_finish(const leat_host *h, uint64_t ticket, leat_status s)
{
    deliver_finished(instance_of(h), ticket, s);
}

static leat_status host_fail(const leat_host *h, leat_status s, const char *sentence)
{
    struct instance *in = instance_of(h);
    snprintf(in->why, sizeof in->why, "%s", sentence);
    secret_strike(in->why, false);
    return s;
}

/* --- the rest --------------------------------------------------------------------------------------------------------- */

static void host_wake(const leat_host *h)
{
    instance_wake(instance_of(h));
}

static void host_log(const leat_host *h, uint32_t level, const char *sentence)
{
    log_line(level > LEAT_ERROR ? LOG_ERROR : (enum log_level)level, instance_of(h)->planned->name, "%s", sentence);
}

static void host_measure(const leat_host *h, uint32_t metric, double value)
{
    figures_measure(instance_of(h)->figures, metric, value);
}

static const void *host_service(const leat_host *h, const char *id)
{
    (void)h, (void)id;
    return NULL;
}

/* The texts of a column as records of the processor's codec. */
static const leat_column *host_decode(const leat_host *h, const leat_batch *b, leat_field f)
{
    struct instance *in = instance_of(h);
    struct batch *of = (struct batch *)(uintptr_t)b;
    const uint64_t *bad = NULL;
    const leat_column *c = codec_decode_column(&in->planned->codec, of, host_read(h, b, f), &bad);
    for (uint32_t i = 0; bad && i < of->view.n; i++)
        if (bad[i >> 6] >> (i & 63) & 1) {
            char sentence[160];
            snprintf(sentence, sizeof sentence, "the text is no %s", codec_name(in->planned->codec.kind));
            call_refuse(in->current, of, i, false, "decode", sentence, "");
        }
    return c;
}

static void dynamic_get(const leat_host *h, const leat_batch *b, uint32_t row, leat_text path, leat_value *ret)
{
    (void)h;
    batch_value((struct batch *)(uintptr_t)b, row, path, ret);
}

static void dynamic_set(const leat_host *h, leat_out *o, uint32_t row, leat_text path, const leat_value *v)
{
    uint32_t number = paths_find(instance_of(h)->run->plan->paths, path);
    if (number)
        batch_write_value(o->batch, number, row, v);
    else
        broke(o->call, "it sets a field whose name the flow does not know");
}

static const leat_text *dynamic_names(const leat_host *h, const leat_batch *b, uint32_t *ret_n)
{
    (void)h;
    return batch_names((struct batch *)(uintptr_t)b, ret_n);
}
static const leat_dynamic_service dynamic = {.size = sizeof dynamic, .get = dynamic_get, .set = dynamic_set, .names = dynamic_names};

void host_init(struct instance *in)
{
    const leat_processor *p = in->planned->p;
    in->host = (leat_host){
        .size = sizeof in->host, .abi = LEAT_ABI, .self = in, .processor = p, .place = &in->place, .with = in->planned->with,
        .service = host_service, .bind = host_bind, .read = host_read, .emit = host_emit, .derive = host_derive,
        .write = host_write, .write_list = host_write_list, .write_null = host_write_null,
        .write_column = host_write_column, .send = host_send, .alloc = host_alloc, .reject = host_reject,
        .retry = host_retry, .finish = host_finish, .fail = host_fail, .wake = host_wake, .log = host_log,
        .measure = host_measure, .decode = p->needs & LEAT_NEEDS_CODEC ? host_decode : NULL,
        .dynamic = p->needs & LEAT_NEEDS_DYNAMIC ? &dynamic : NULL};
}
