/* SPDX-License-Identifier: Apache-2.0 */
/* sink_host.c: a small host for testing a sink by itself. */
#include "tests/unit/sink_host.h"

#include <dlfcn.h>

struct hosted_request {
    struct hosted_request *next;
    struct sink_host *t;
    struct http_request *request;
    uint64_t tag;
};
struct hosted_alarm {
    struct sink_host *t;
    struct loop_timer *timer;
    uint64_t tag;
};

static struct sink_host *host_of(const leat_host *h)
{
    return (struct sink_host *)(uintptr_t)h;
}

/* --- columns ------------------------------------------------------------------------------------------------------ */

static leat_field add_field(struct sink_host *t, const char *path, uint32_t type)
{
    ASSERT(t->n_fields + 1 < HOST_FIELDS);
    t->fields[++t->n_fields] = path;
    t->types[t->n_fields] = type;
    return t->n_fields;
}

/* {n} is the number of the document, {$id} its id, everything else stands for itself. */
static const char *hosted_text(struct sink_host *t, const char *path, uint32_t doc)
{
    struct buf b = {0};
    if (!strcmp(path, "."))
        return arena_printf(&t->batch_arena, "{\"n\":%u}", doc);
    if (!strcmp(path, "$encoded"))
        return arena_printf(&t->batch_arena, "{\"n\":%u}\n", doc);
    for (const char *at = path; *at;) {
        if (!strncmp(at, "{n}", 3))
            buf_printf(&b, "%u", doc), at += 3;
        else if (!strncmp(at, "{$id}", 5))
            buf_printf(&b, "flow/src/0/%u", doc), at += 5;
        else
            buf_char(&b, *at++);
    }
    char *text = arena_strdup(&t->batch_arena, b.data ? b.data : "");
    buf_fini(&b);
    return text;
}

static const leat_column *read_(const leat_host *h, const leat_batch *b, leat_field f)
{
    struct sink_host *t = host_of(h);
    leat_column *c = &t->columns[f];
    *c = (leat_column){.type = t->types[f]};
    if (!b) { /* of a template: the literal beginning */
        leat_text *literal = arena_alloc(&t->arena, sizeof *literal);
        *literal = (leat_text){t->fields[f], strcspn(t->fields[f], "{")};
        c->data = literal;
        return c;
    }
    const struct ticket *k = &t->tickets[b->ticket % HOST_TICKETS];
    c->n = b->n;
    leat_text *texts = arena_zalloc(&t->batch_arena, b->n * sizeof *texts + 1);
    int64_t *numbers = (int64_t *)texts;
    c->data = texts;
    for (uint32_t i = 0; i < b->n; i++) {
        const char *text = t->text ? t->text(t, t->fields[f], k->doc[i]) : NULL;
        text = text ? text : hosted_text(t, t->fields[f], k->doc[i]);
        auto_buf quoted = {0};
        if (t->types[f] == LEAT_I64)
            numbers[i] = strtoll(text, NULL, 10);
        else if (t->types[f] == LEAT_JSON && text[0] != '{')
            buf_json(&quoted, text_of(text));
        if (t->types[f] != LEAT_I64)
            texts[i] = arena_text(&t->batch_arena, quoted.n ? buf_view(&quoted) : text_of(text));
    }
    return c;
}

static leat_field bind_(const leat_host *h, const leat_binding *want)
{
    return add_field(host_of(h), want->path, want->type);
}

/* --- what becomes of documents ------------------------------------------------------------------------------------ */

static void reject(const leat_host *h, uint64_t ticket, uint32_t row, const char *code, const char *why)
{
    struct sink_host *t = host_of(h);
    struct ticket *k = &t->tickets[ticket % HOST_TICKETS];
    if (!t->first_code[0]) {
        snprintf(t->first_code, sizeof t->first_code, "%s", code);
        snprintf(t->first_reason, sizeof t->first_reason, "%s", why);
    }
    ASSERT(row < k->n && !k->out[row] && k->ended == LEAT_PENDING);
    k->out[row] = 1;
}

static void retry(const leat_host *h, uint64_t ticket, uint32_t row, const char *code, const char *why)
{
    struct sink_host *t = host_of(h);
    struct ticket *k = &t->tickets[ticket % HOST_TICKETS];
    (void)code;
    snprintf(t->last_retry, sizeof t->last_retry, "%s", why);
    ASSERT(row < k->n && !k->out[row] && k->ended == LEAT_PENDING);
    k->out[row] = 2;
    t->item_retries++;
}

static void again(struct sink_host *t, uint32_t doc)
{
    t->queue[t->tail++ % (HOST_DOCS * 4)] = doc;
}

static void end_ticket(struct sink_host *t, uint64_t ticket, leat_status s)
{
    struct ticket *k = &t->tickets[ticket % HOST_TICKETS];
    ASSERT(k->ended == LEAT_PENDING);
    k->ended = s;
    t->whole_retries += s == LEAT_RETRY;
    t->whole_rejects += s == LEAT_REJECT;
    t->broken |= s == LEAT_FATAL;
    for (uint32_t i = 0; i < k->n; i++) {
        if (s == LEAT_REJECT && k->n == 1)
            t->rejected[k->doc[i]]++;
        else if (s != LEAT_OK || k->out[i] == 2)
            again(t, k->doc[i]);
        else if (k->out[i] == 1)
            t->rejected[k->doc[i]]++;
        else
            t->done[k->doc[i]]++;
    }
    if (s == LEAT_REJECT)
        t->batch = t->batch > 1 ? t->batch / 2 : 1; /* smaller, until the one is found */
}

static void finish(const leat_host *h, uint64_t ticket, leat_status s)
{
    struct sink_host *t = host_of(h);
    t->under_way--;
    end_ticket(t, ticket, s);
}

static leat_status fail(const leat_host *h, leat_status s, const char *why)
{
    snprintf(host_of(h)->failed, sizeof host_of(h)->failed, "%s", why);
    return s;
}

static void wake(const leat_host *h)
{
    host_of(h)->woken = true;
}

static void log_(const leat_host *h, uint32_t level, const char *sentence)
{
    struct sink_host *t = host_of(h);
    size_t n = strlen(t->logged);
    (void)level;
    snprintf(t->logged + n, sizeof t->logged - n, "%s\n", sentence);
}

static void measure(const leat_host *h, uint32_t metric, double value)
{
    host_of(h)->measured[metric] += value;
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void on_answer(void *self, const struct http_result *r)
{
    struct hosted_request *q = self, **at = &q->t->requests;
    struct sink_host *t = q->t;
    uint64_t tag = q->tag;
    struct {
        leat_http_answer a;
        char zeros[256];
    } answer = {.a = {.size = sizeof answer.a,
                      .status = r->status,
                      .body = r->body,
                      .headers = r->headers,
                      .retry_after_us = r->retry_after_us > 0 ? r->retry_after_us : 0}};
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    free(q);
    t->p->loop->answer(&t->h, t->self, tag, &answer.a);
}

static void request(const leat_host *h, uint64_t tag, const leat_http_request *r)
{
    struct sink_host *t = host_of(h);
    struct hosted_request *q = xcalloc(1, sizeof *q);
    struct http_options o = {.method = r->method,
                             .url = r->url,
                             .body = r->body,
                             .headers = r->headers,
                             .n_headers = r->n_headers,
                             .timeout_ms = r->timeout_ms,
                             .ca = r->ca,
                             .cert = r->cert,
                             .key = r->key,
                             .no_verify = r->no_verify,
                             .user_password = r->user};
    *q = (struct hosted_request){t->requests, t, NULL, tag};
    t->requests = q;
    q->request = http_send(t->loop, &o, on_answer, q);
}

static void on_due(void *self)
{
    struct hosted_alarm *a = self;
    a->t->p->loop->alarm(&a->t->h, a->t->self, a->tag);
}

static void alarm_(const leat_host *h, uint64_t tag, int64_t after_us)
{
    struct sink_host *t = host_of(h);
    struct hosted_alarm *a = NULL;
    for (size_t i = 0; i < t->alarms.n; i++)
        if (t->alarms.at[i]->tag == tag)
            a = t->alarms.at[i];
    if (!a) {
        a = xcalloc(1, sizeof *a);
        *a = (struct hosted_alarm){t, NULL, tag};
        a->timer = loop_timer_new(t->loop, on_due, a);
        *VEC_PUSH(&t->alarms) = a;
    }
    loop_timer_set(a->timer, after_us);
}

static const leat_loop_service loop_service = {.size = sizeof loop_service, .alarm = alarm_, .request = request};

/* --- options ------------------------------------------------------------------------------------------------------ */

static leat_value value_of(struct sink_host *t, const leat_option *o, const char *text);

static leat_value group_of(struct sink_host *t, const leat_option *o)
{
    leat_value *rows = arena_zalloc(&t->arena, o->n_rows * sizeof *rows);
    for (uint32_t i = 0; i < o->n_rows; i++)
        rows[i] = value_of(t, &o->rows[i], o->rows[i].standard);
    return (leat_value){.type = LEAT_LIST, .as.list = {rows, o->n_rows}};
}

static int64_t choice_of(const char *choices, const char *text)
{
    int64_t k = 0;
    size_t n = strlen(text);
    for (const char *at = choices; at; at = strchr(at, '|'), k++) {
        at += *at == '|';
        if (!strncmp(at, text, n) && (!at[n] || at[n] == '|'))
            return k;
    }
    ASSERT(!"no such choice");
    return 0;
}

static leat_value value_of(struct sink_host *t, const leat_option *o, const char *text)
{
    leat_value v = {.type = LEAT_I64};
    struct err err;
    if (o->type == LEAT_OPT_GROUP)
        return group_of(t, o);
    if (!text)
        return (leat_value){.type = LEAT_NULL};
    if (o->flags & LEAT_MANY) { /* a list is written with commas here */
        VEC(leat_value) list = {0};
        leat_option one = *o;
        one.flags &= ~(uint32_t)LEAT_MANY;
        char *copy = arena_strdup(&t->arena, text), *left = NULL;
        for (char *at = strtok_r(copy, ",", &left); at; at = strtok_r(NULL, ",", &left))
            *VEC_PUSH(&list) = value_of(t, &one, at);
        leat_value *kept = arena_alloc(&t->arena, list.n * sizeof *kept + 1);
        memcpy(kept, list.at, list.n * sizeof *kept);
        v = (leat_value){.type = LEAT_LIST, .as.list = {kept, list.n}};
        VEC_FINI(&list);
        return v;
    }
    switch (o->type) {
    case LEAT_OPT_BOOL:
        v.as.i64 = !strcmp(text, "true");
        break;
    case LEAT_OPT_I64:
        ASSERT(!parse_i64(text_of(text), &v.as.i64, &err));
        break;
    case LEAT_OPT_DURATION:
        ASSERT(!parse_duration(text_of(text), &v.as.i64, &err));
        break;
    case LEAT_OPT_SIZE:
        ASSERT(!parse_size(text_of(text), &v.as.i64, &err));
        break;
    case LEAT_OPT_CHOICE:
        v.as.i64 = choice_of(o->choices, text);
        break;
    case LEAT_OPT_TEXT:
        v = (leat_value){.type = LEAT_TEXT, .as.text = arena_text(&t->arena, text_of(text))};
        break;
    default:
        v = (leat_value){.type = o->column, .as.field = add_field(t, arena_strdup(&t->arena, text), o->column)};
    }
    return v;
}

static const leat_option *find_option(struct sink_host *t, const char *name, leat_value **ret)
{
    const char *dot = strchr(name, '.');
    size_t n = dot ? (size_t)(dot - name) : strlen(name);
    for (uint32_t i = 0; i < t->p->n_options; i++) {
        const leat_option *o = &t->p->options[i];
        if (strncmp(o->name, name, n) || o->name[n])
            continue;
        *ret = &t->with[i];
        for (uint32_t k = 0; dot && k < o->n_rows; k++)
            if (!strcmp(o->rows[k].name, dot + 1)) {
                *ret = (leat_value *)(uintptr_t)&t->with[i].as.list.at[k];
                return &o->rows[k];
            }
        ASSERT(!dot);
        return o;
    }
    ASSERT(!"no such option");
    return NULL;
}

leat_value *sink_host_option(struct sink_host *t, const char *name)
{
    leat_value *v;
    find_option(t, name, &v);
    return v;
}

void sink_host_set(struct sink_host *t, const char *name, const char *text)
{
    leat_value *v;
    const leat_option *o = find_option(t, name, &v);
    *v = value_of(t, o, text);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct sink_host *sink_host_new(struct loop *l, const char *plugin, const char *processor)
{
    return plugin_host_new(l, plugin, processor, LEAT_SINK);
}

struct sink_host *plugin_host_new(struct loop *l, const char *plugin, const char *processor, uint32_t kind)
{
    struct sink_host *t = xcalloc(1, sizeof *t);
    const char *build = getenv("LEAT_BUILD");
    auto_free char *path = xasprintf("%s/plugins/%s.so", build ? build : ".", plugin);
    const leat_plugin *(*entry)(void) = NULL;
    t->so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!t->so) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    *(void **)&entry = dlsym(t->so, "leat_plugin_v1");
    const leat_plugin *all = entry();
    for (uint32_t i = 0; i < all->n_processors; i++)
        if (all->processors[i]->kind == kind && !strcmp(all->processors[i]->name, processor))
            t->p = all->processors[i];
    ASSERT(t->p);
    t->loop = l;
    t->next_ticket = 1;
    t->batch = 100;
    t->with = xcalloc(t->p->n_options, sizeof *t->with);
    for (uint32_t i = 0; i < t->p->n_options; i++)
        t->with[i] = value_of(t, &t->p->options[i], t->p->options[i].standard);
    t->h = (leat_host){.size = sizeof t->h,
                       .abi = LEAT_ABI,
                       .processor = t->p,
                       .with = t->with,
                       .loop = &loop_service,
                       .bind = bind_,
                       .read = read_,
                       .reject = reject,
                       .retry = retry,
                       .finish = finish,
                       .fail = fail,
                       .wake = wake,
                       .log = log_,
                       .measure = measure};
    t->self = xcalloc(1, t->p->instance_bytes);
    return t;
}

leat_status sink_host_create(struct sink_host *t)
{
    return t->p->create(&t->h, t->self, NULL);
}

leat_status sink_host_start(struct sink_host *t)
{
    return t->p->start ? t->p->start(&t->h, t->self) : LEAT_OK;
}

/* One batch. False: the plugin has no room. */
static bool give(struct sink_host *t)
{
    struct ticket *k = &t->tickets[t->next_ticket % HOST_TICKETS];
    leat_batch b = {.size = sizeof b, .ticket = t->next_ticket};
    ASSERT(t->batch <= HOST_BATCH);
    memset(k, 0, sizeof *k);
    k->ended = LEAT_PENDING;
    for (uint32_t at = t->head; at != t->tail && k->n < t->batch; at++)
        k->doc[k->n++] = t->queue[at % (HOST_DOCS * 4)];
    b.n = k->n;
    leat_status s = t->p->process(&t->h, t->self, &b);
    arena_reset(&t->batch_arena);
    if (s == LEAT_AGAIN)
        return false;
    t->head += k->n;
    t->next_ticket++;
    if (s == LEAT_PENDING)
        t->most = ++t->under_way > t->most ? t->under_way : t->most;
    else
        end_ticket(t, b.ticket, s);
    return true;
}

void sink_host_turn(struct sink_host *t)
{
    bool room = t->woken;
    while (room && t->head != t->tail && !t->broken)
        room = give(t);
    t->woken = room;
    loop_turn(t->loop, 20000);
}

bool sink_host_run(struct sink_host *t, uint32_t n, int64_t most_us)
{
    int64_t end = clock_mono_us() + most_us;
    ASSERT(n <= HOST_DOCS);
    for (uint32_t i = t->n_docs; i < n; i++)
        again(t, i);
    t->n_docs = n;
    t->woken = true;
    while ((t->head != t->tail || t->under_way) && !t->broken && clock_mono_us() < end)
        sink_host_turn(t);
    return t->head == t->tail && !t->under_way;
}

uint32_t sink_host_done(const struct sink_host *t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n_docs; i++)
        n += t->done[i] == 1 && !t->rejected[i];
    return n;
}

uint32_t sink_host_rejected(const struct sink_host *t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n_docs; i++)
        n += t->rejected[i] == 1 && !t->done[i];
    return n;
}

void sink_host_free(struct sink_host *t)
{
    if (t->p->stop)
        t->p->stop(&t->h, t->self);
    if (t->p->destroy)
        t->p->destroy(&t->h, t->self);
    for (struct hosted_request *q = t->requests, *next; q; q = next) {
        next = q->next;
        http_cancel(q->request);
        free(q);
    }
    for (size_t i = 0; i < t->alarms.n; i++) {
        loop_timer_free(t->alarms.at[i]->timer);
        free(t->alarms.at[i]);
    }
    VEC_FINI(&t->alarms);
    arena_fini(&t->arena);
    arena_fini(&t->batch_arena);
    free(t->with);
    free(t->self);
    free(t);
}
