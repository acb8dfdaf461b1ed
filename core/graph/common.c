/* SPDX-License-Identifier: Apache-2.0 */
/* common.c: options that the host keeps for every processor (codec, batch, in_flight, on_error), and settings. */
#include "core/graph/graph_internal.h"

#define ROWS(table) .type = LEAT_OPT_GROUP, .rows = table, .n_rows = N_OF(table)

/* --- tables ------------------------------------------------------------------------------------------------------ */

enum { C_COMPRESSION, C_MAX_RECORD, C_REST };
#define CODEC_COMMON                                                                                                   \
    {.name = "compression",                                                                                            \
     .doc = "what is around the bytes",                                                                                \
     .type = LEAT_OPT_CHOICE,                                                                                          \
     .choices = "auto|none|gzip|zstd",                                                                                 \
     .standard = "auto"},                                                                                              \
    {                                                                                                                  \
        .name = "max_record", .doc = "longer records are rejected", .type = LEAT_OPT_SIZE, .standard = "16MiB",        \
        .range = "64B..1GiB"                                                                                           \
    }
static const leat_option plain_rows[] = {CODEC_COMMON};
static const leat_option json_rows[] = {CODEC_COMMON,
                                        {.name = "max_depth",
                                         .doc = "of objects and arrays within each other",
                                         .type = LEAT_OPT_I64,
                                         .standard = "128",
                                         .range = "1..1000"}};
static const leat_option csv_rows[] = {
    CODEC_COMMON,
    {.name = "delimiter",
     .doc = "one character between columns, or the word tab",
     .type = LEAT_OPT_TEXT,
     .standard = ","},
    {.name = "quote", .doc = "one character around values", .type = LEAT_OPT_TEXT, .standard = "\""},
    {.name = "header", .doc = "the first record names the columns", .type = LEAT_OPT_BOOL, .standard = "true"},
    {.name = "columns",
     .doc = "names of the columns when there is no header",
     .type = LEAT_OPT_TEXT,
     .flags = LEAT_MANY}};
enum { K_NAME, K_JSON, K_CSV, K_TEXT, K_RAW };
static const leat_option codec_rows[] = {
    {.name = "codec",
     .doc = "the codec with its defaults",
     .type = LEAT_OPT_CHOICE,
     .choices = "json|csv|text|raw",
     .flags = LEAT_BARE | LEAT_ONE_OF},
    {.name = "json", .doc = "one JSON object a line", .flags = LEAT_ONE_OF, ROWS(json_rows)},
    {.name = "csv", .doc = "lines of columns", .flags = LEAT_ONE_OF, ROWS(csv_rows)},
    {.name = "text", .doc = "lines; the field is called text", .flags = LEAT_ONE_OF, ROWS(plain_rows)},
    {.name = "raw", .doc = "the bytes as they are", .flags = LEAT_ONE_OF, ROWS(plain_rows)}};
enum { B_RECORDS, B_BYTES, B_AFTER };
static const leat_option batch_rows[] = {
    {.name = "records", .doc = "at most so many at once", .type = LEAT_OPT_I64, .range = "1..65536"},
    {.name = "bytes", .doc = "at most so much at once", .type = LEAT_OPT_SIZE, .range = "1KiB..256MiB"},
    {.name = "after", .doc = "the first record waits at most so long", .type = LEAT_OPT_DURATION, .range = "0s..1h"}};
enum { U_RETRY, U_GIVE_UP, U_THEN };
static const leat_option unavailable_rows[] = {
    {.name = "retry",
     .doc = "from the first pause to the longest",
     .type = LEAT_OPT_TEXT,
     .standard = "1s..1m",
     .flags = LEAT_BARE},
    {.name = "give_up", .doc = "after so long; without it never", .type = LEAT_OPT_DURATION},
    {.name = "then",
     .doc = "what becomes of the records",
     .type = LEAT_OPT_CHOICE,
     .choices = "dead_letter|drop|stop",
     .standard = "stop"}};
enum { E_UNAVAILABLE, E_REFUSED };
static const leat_option on_error_rows[] = {
    {.name = "unavailable", .doc = "the destination is down", ROWS(unavailable_rows)},
    {.name = "refused",
     .doc = "a record is refused",
     .type = LEAT_OPT_CHOICE,
     .choices = "dead_letter|drop|stop",
     .standard = "dead_letter"}};
enum { S_EPOCH, S_LANES };
static const leat_option settings_rows[] = {{.name = "epoch",
                                             .doc = "how often positions are committed",
                                             .type = LEAT_OPT_DURATION,
                                             .standard = "500ms",
                                             .range = "10ms..1m"},
                                            {.name = "lanes",
                                             .doc = "threads that run the flow: auto, or a number",
                                             .type = LEAT_OPT_TEXT,
                                             .standard = "auto"}};
static const leat_option in_flight_row = {
    .name = "in_flight", .doc = "batches that wait for an answer at once", .type = LEAT_OPT_I64, .range = "1..1000"};
enum { O_CODEC, O_BATCH, O_IN_FLIGHT, O_ON_ERROR };
static const leat_option common_rows[] = {
    {.name = "codec", .doc = "how bytes become records, and back", ROWS(codec_rows)},
    {.name = "batch", .doc = "how records are collected for one request", ROWS(batch_rows)},
    {.name = "in_flight", .doc = "batches that wait for an answer at once", .type = LEAT_OPT_I64, .range = "1..1000"},
    {.name = "on_error", .doc = "what becomes of records when the destination fails", ROWS(on_error_rows)}};

static const struct option_binder no_binder;

/* One value by one row; NULL: nothing is given, and no default. */
static const leat_value *read_alone(struct planner *pl, const leat_option *row, const struct node *n)
{
    struct node *map = arena_zalloc(pl->a, sizeof *map);
    struct node *copy = arena_alloc(pl->a, sizeof *copy);
    leat_value *values;
    *copy = *n;
    copy->key = text_of(row->name);
    *map = (struct node){.kind = NODE_MAP,
                         .file = n->file,
                         .line = n->line,
                         .column = n->column,
                         .key = copy->key,
                         .key_line = n->key_line,
                         .key_column = n->key_column};
    node_append(pl->a, map, copy);
    if (options_read(pl->a, row, 1, map, n, NULL, &no_binder, pl->f, &values))
        return NULL;
    return values;
}

/* --- codec ------------------------------------------------------------------------------------------------------- */

static bool one_character(struct planner *pl, const struct node *where, const char *what, leat_text t, char *ret)
{
    if (text_is(t, "tab") || text_is(t, "\\t"))
        t = TEXT("\t");
    if (t.n == 1) {
        *ret = t.data[0];
        return true;
    }
    finding_add(pl->f, FINDING_ERROR, "E231", where, "for example: delimiter: \";\"",
                "the %s of csv is one character, not '" TEXT_FMT "'", what, TEXT_ARG(t));
    return false;
}

static void take_csv(struct planner *pl, const struct node *where, const leat_value *v, struct codec *c)
{
    const leat_value *columns = &v[C_REST + 3];
    one_character(pl, where, "delimiter", v[C_REST].as.text, &c->delimiter);
    one_character(pl, where, "quote", v[C_REST + 1].as.text, &c->quote);
    c->header = v[C_REST + 2].as.i64;
    c->n_columns = columns->type == LEAT_LIST ? columns->as.list.n : 0;
    c->columns = arena_zalloc(pl->a, (c->n_columns + 1) * sizeof *c->columns);
    for (size_t i = 0; i < c->n_columns; i++)
        c->columns[i] = columns->as.list.at[i].as.text;
    if (c->header && c->n_columns)
        c->header = false;
    if (!c->header && !c->n_columns)
        finding_add(pl->f, FINDING_ERROR, "E231", where, "add: columns: [sku, qty]",
                    "csv without a header needs the names of its columns");
}

static bool refuse_later(struct planner *pl, const struct node *n)
{
    static const char *const later[] = {"logfmt", "avro", "parquet", NULL};
    leat_text name = n->kind == NODE_MAP && n->n ? n->items[0]->key : n->text;
    if (!graph_is_word(later, name))
        return false;
    finding_add(pl->f, FINDING_ERROR, "E217", n, "json, csv, text and raw are there",
                "the codec '" TEXT_FMT "' comes with a later version", TEXT_ARG(name));
    return true;
}

static void codec_read(struct planner *pl, const struct node *n, struct planned *x)
{
    static const enum codec_kind kinds[] = {CODEC_JSON, CODEC_CSV, CODEC_TEXT, CODEC_RAW};
    if (refuse_later(pl, n))
        return;
    const leat_value *v = read_alone(pl, &common_rows[O_CODEC], n);
    if (!v)
        return;
    const leat_value *at = v->as.list.at;
    uint32_t k = 0;
    if (at[K_NAME].type != LEAT_NULL)
        k = (uint32_t)at[K_NAME].as.i64;
    else
        for (uint32_t i = 0; i < 4; i++)
            k = at[K_JSON + i].type == LEAT_LIST ? i : k;
    const leat_value *rows = at[K_JSON + k].as.list.at;
    codec_default(&x->codec, kinds[k]);
    x->codec.compression = (enum compression)rows[C_COMPRESSION].as.i64;
    x->codec.max_record = (size_t)rows[C_MAX_RECORD].as.i64;
    if (kinds[k] == CODEC_JSON)
        x->codec.max_depth = (size_t)rows[C_REST].as.i64;
    if (kinds[k] == CODEC_CSV)
        take_csv(pl, n, rows, &x->codec);
    x->codec_given = &x->codec;
}

/* --- batch, on_error --------------------------------------------------------------------------------------------- */

static void batch_read_(struct planner *pl, const struct node *n, struct batching *b)
{
    const leat_value *v = read_alone(pl, &common_rows[O_BATCH], n);
    if (!v)
        return;
    const leat_value *at = v->as.list.at;
    if (at[B_RECORDS].type)
        b->records = (uint32_t)at[B_RECORDS].as.i64;
    if (at[B_BYTES].type)
        b->bytes = (size_t)at[B_BYTES].as.i64;
    if (at[B_AFTER].type)
        b->after_us = at[B_AFTER].as.i64;
}

static void retry_read(struct planner *pl, const struct node *where, leat_text t, struct on_error *e)
{
    const char *dots = memmem(t.data, t.n, "..", 2);
    struct err err = {0};
    int bad = 0;
    if (!dots) {
        bad = parse_duration(t, &e->retry_from_us, &err);
        e->retry_to_us = e->retry_from_us;
    } else {
        bad = parse_duration((leat_text){t.data, (size_t)(dots - t.data)}, &e->retry_from_us, &err);
        if (!bad)
            bad = parse_duration((leat_text){dots + 2, t.n - (size_t)(dots - t.data) - 2}, &e->retry_to_us, &err);
    }
    if (bad || e->retry_from_us <= 0 || e->retry_to_us < e->retry_from_us)
        finding_add(pl->f, FINDING_ERROR, "E221", where, "for example: retry: 1s..1m",
                    "'" TEXT_FMT "' are no pauses%s%s", TEXT_ARG(t), bad ? ": " : "", err.text);
}

static void on_error_read(struct planner *pl, const struct node *n, struct on_error *e)
{
    static const enum destination_action actions[] = {ON_DEAD_LETTER, ON_DROP, ON_STOP};
    const leat_value *v = read_alone(pl, &common_rows[O_ON_ERROR], n);
    if (!v)
        return;
    const leat_value *u = v->as.list.at[E_UNAVAILABLE].as.list.at;
    const struct node *where = node_get(n, "unavailable") ? node_get(n, "unavailable") : n;
    if (node_get(where, "retry"))
        where = node_get(where, "retry");
    e->refused = actions[v->as.list.at[E_REFUSED].as.i64];
    e->then = actions[u[U_THEN].as.i64];
    e->give_up_us = u[U_GIVE_UP].type ? u[U_GIVE_UP].as.i64 : 0;
    retry_read(pl, where, u[U_RETRY].as.text, e);
}

/* --- what a processor takes -------------------------------------------------------------------------------------- */

const char *const host_keys_all[] = {"codec", "batch", "in_flight", "use", NULL};

static bool makes_records(const leat_processor *p)
{
    return p->n_outputs && p->outputs[0].flags & LEAT_NEW_RECORDS;
}

static bool takes_codec(const leat_processor *p)
{
    return p->kind == LEAT_SINK || p->needs & LEAT_NEEDS_CODEC || (p->kind == LEAT_SOURCE && !makes_records(p));
}

const char *const *host_keys_of(const leat_processor *p)
{
    static const char *const none[] = {NULL}, *const codec[] = {"codec", NULL},
                             *const batch[] = {"batch", "in_flight", NULL},
                             *const both[] = {"codec", "batch", "in_flight", NULL};
    bool slow = p->flags & LEAT_SLOW;
    return takes_codec(p) ? slow ? both : codec : slow ? batch : none;
}

static const struct node *host_option(const struct draft *d, const char *key)
{
    for (uint32_t i = 0; i < d->p->n_options; i++)
        if (strcmp(d->p->options[i].name, key) == 0)
            return NULL; /* it is the plugin's own */
    const struct node *n = node_get(d->with, key);
    return n && n->kind != NODE_NULL ? n : NULL;
}

/* A sink that writes no bytes of records has no use for a codec. */
static void check_codec(struct planner *pl, const struct planned *x, const struct node *n)
{
    if (x->p->kind != LEAT_SINK || x->p->needs & LEAT_NEEDS_CODEC)
        return;
    for (size_t i = 0; i < x->n_bindings; i++)
        if (x->bindings[i].path == PATH_ENCODED || x->bindings[i].path == PATH_HEAD)
            return;
    finding_add_key(pl->f, FINDING_ERROR, "E231", n, "leave it out",
                    "'%s' does not write records as bytes: it has no codec", x->p->name);
}

void draft_common_read(struct planner *pl, struct draft *d, struct planned *x)
{
    static const char *const host_rows[] = {"codec", "batch", "in_flight"};
    const struct node *n[N_OF(host_rows)], *on_error = node_get(d->node, "on_error");
    const leat_value *v;
    for (size_t i = 0; i < N_OF(host_rows); i++)
        n[i] = host_option(d, host_rows[i]);
    codec_default(&x->codec, CODEC_JSON);
    x->batching = (struct batching){.records = 1000,
                                    .bytes = 4 << 20,
                                    .after_us = d->p->batch_us ? d->p->batch_us : 200000,
                                    .in_flight = d->p->max_pending ? d->p->max_pending : 16};
    x->on_error = (struct on_error){1000000, 60000000, 0, ON_STOP, ON_DEAD_LETTER};
    x->deferred = d->kind == LEAT_SINK && d->p->sink && d->p->sink->class_ != LEAT_TRANSACTIONAL &&
                  d->p->sink->class_ != LEAT_STAGED;
    if (n[0] && takes_codec(d->p)) {
        codec_read(pl, n[0], x);
        check_codec(pl, x, n[0]);
    }
    if (n[1] && d->p->flags & LEAT_SLOW)
        batch_read_(pl, n[1], &x->batching);
    if (n[2] && d->p->flags & LEAT_SLOW && (v = read_alone(pl, &in_flight_row, n[2])))
        x->batching.in_flight = (uint32_t)v->as.i64;
    if (on_error)
        on_error_read(pl, on_error, &x->on_error);
}

/* --- settings ---------------------------------------------------------------------------------------------------- */

void settings_read(struct planner *pl)
{
    const struct node *n = node_get(pl->root, "settings");
    struct settings *s = &pl->plan->settings;
    leat_value *v;
    int64_t lanes = 0;
    s->epoch_us = 500000;
    if (options_read(pl->a, settings_rows, N_OF(settings_rows), n, n, NULL, &no_binder, pl->f, &v))
        return;
    s->epoch_us = v[S_EPOCH].as.i64;
    leat_text text = v[S_LANES].as.text;
    if (text_is(text, "auto"))
        return;
    if (parse_i64(text, &lanes, NULL) < 0 || lanes < 1 || lanes > 64)
        finding_add(pl->f, FINDING_ERROR, "E225", node_get(n, "lanes"), NULL,
                    "`lanes` is auto, or a number from 1 to 64, not '" TEXT_FMT "'", TEXT_ARG(text));
    else
        s->lanes = (uint32_t)lanes;
}

void settings_schema(struct buf *out)
{
    options_schema(settings_rows, N_OF(settings_rows), out);
}

void common_schema(const char *key, struct buf *out)
{
    for (size_t i = 0; i < N_OF(common_rows); i++) {
        auto_buf one = {0};
        if (strcmp(common_rows[i].name, key) != 0)
            continue;
        options_schema(&common_rows[i], 1, &one);
        const char *from = strstr(one.data, "\"properties\":{") + strlen("\"properties\":{") + strlen(key) + 3;
        const char *to = strstr(from, "},\"additionalProperties\":false}");
        for (const char *more = to; more; more = strstr(more + 1, "},\"additionalProperties\":false}"))
            to = more;
        buf_add(out, from, (size_t)(to - from));
    }
}
