/* SPDX-License-Identifier: Apache-2.0 */
/* check.c: one transform under the watching host: each call undone and repeated, then the same records in batches that
 * are cut elsewhere; what comes out must be the same. */
#include "core/run/check_internal.h"

enum { ROWS_PLAIN = 1000, TRIES_MAX = 1000 };
struct checked {
    struct watcher watcher;
    struct run run;
    struct lane lane;
    uint32_t processor;
    leat_text records;
    struct encoder *encoder;
    struct check_figures *figures;
};
enum how { REPEATED, PLAIN, CUT_ANYWHERE };

/* --- what a call did, as text ---------------------------------------------------------------------------------------
 */

static void print_batch(struct checked *k, struct batch *b, struct buf *out)
{
    const leat_column *json = encoder_column(k->encoder, b), *id = batch_read(b, PATH_ID, LEAT_TEXT).column;
    for (uint32_t i = 0; i < b->view.n; i++) {
        buf_text(out, ((const leat_text *)id->data)[i]);
        buf_char(out, ' ');
        buf_text(out, ((const leat_text *)json->data)[i]);
    }
}

/* By port, then what was refused. */
static void print_call(struct checked *k, struct call *c, struct buf *ports)
{
    uint32_t n = c->in->planned->n_outputs;
    for (size_t i = 0; i < c->out.n; i++)
        print_batch(k, c->out.at[i].batch, &ports[c->out.at[i].port]);
    for (size_t i = 0; i < c->refusals.n; i++) {
        const struct refusal *r = &c->refusals.at[i];
        const leat_column *id = batch_read(r->of, PATH_ID, LEAT_TEXT).column;
        buf_printf(&ports[n], TEXT_FMT " %s %s\n", TEXT_ARG(((const leat_text *)id->data)[r->row]), r->code,
                   r->sentence);
    }
}

static struct buf *ports_new(const struct planned *p)
{
    return xcalloc(p->n_outputs + 1, sizeof(struct buf));
}

static void ports_free(const struct planned *p, struct buf *ports)
{
    for (uint32_t i = 0; i <= p->n_outputs; i++)
        buf_fini(&ports[i]);
    free(ports);
}

static const char *port_name(const struct planned *p, uint32_t port)
{
    return port < p->n_outputs ? p->ports[port].name.data : "rejected";
}

static int by_text(const void *a, const void *b)
{
    return text_compare(*(const leat_text *)a, *(const leat_text *)b);
}

/* Refusals come by binding and by call, not by record: their order says nothing. */
static void sort_lines(struct buf *b)
{
    VEC(leat_text) lines = {0};
    for (size_t at = 0; at < b->n;) {
        size_t n = (size_t)((char *)memchr(b->data + at, '\n', b->n - at) - b->data) + 1 - at;
        *VEC_PUSH(&lines) = (leat_text){b->data + at, n};
        at += n;
    }
    if (lines.n)
        qsort(lines.at, lines.n, sizeof *lines.at, by_text);
    struct buf sorted = {0};
    for (size_t i = 0; i < lines.n; i++)
        buf_text(&sorted, lines.at[i]);
    VEC_FINI(&lines);
    buf_fini(b);
    *b = sorted;
}

/* The first line that differs, of both. */
static void first_difference(struct checked *k, const struct planned *p, struct buf *a, struct buf *b, const char *when)
{
    sort_lines(&a[p->n_outputs]);
    sort_lines(&b[p->n_outputs]);
    for (uint32_t port = 0; port <= p->n_outputs; port++) {
        leat_text x = buf_view(&a[port]), y = buf_view(&b[port]);
        size_t at = 0;
        if (text_equal(x, y))
            continue;
        while (at < x.n && at < y.n && x.data[at] == y.data[at])
            at++;
        while (at && x.data[at - 1] != '\n')
            at--;
        watch_mistake(&k->watcher, "%s, port '%s' gives '%.*s' instead of '%.*s'", when, port_name(p, port),
                      (int)strcspn(at < y.n ? y.data + at : "", "\n"), at < y.n ? y.data + at : "",
                      (int)strcspn(at < x.n ? x.data + at : "", "\n"), at < x.n ? x.data + at : "");
        return;
    }
}

/* --- calls ----------------------------------------------------------------------------------------------------------
 */

static leat_status process(struct checked *k, struct instance *in, struct batch *b, struct buf *ports)
{
    struct call *c = call_begin(in);
    leat_status s = LEAT_OK;
    in->why[0] = 0;
    if (call_give(c, b, 0)) {
        c->given->view.ticket = b->view.ticket;
        c->given->view.now_us = k->lane.wall_us;
        c->given->view.input = 0;
        s = in->planned->p->process(&in->host, in->self, &c->given->view);
        watch_call_ended(&k->watcher);
        k->figures->calls++;
    }
    if (c->poisoned)
        watch_mistake(&k->watcher, "%s", in->why);
    if (s == LEAT_OK && c->open)
        watch_mistake(&k->watcher, "it derives records that it never sends");
    if (s < LEAT_OK || s > LEAT_FATAL || s == LEAT_END)
        watch_mistake(&k->watcher, "process gives the answer %d, which is none for it", s);
    if ((s == LEAT_RETRY || s == LEAT_REJECT || s == LEAT_FATAL) && !in->why[0])
        watch_mistake(&k->watcher, "process fails without a sentence");
    if (s == LEAT_OK)
        print_call(k, c, ports);
    call_end(c);
    return s;
}

/* AGAIN and WAIT are asked again, a second later by the batch's clock. */
static leat_status settle(struct checked *k, struct instance *in, struct batch *b, struct buf *ports)
{
    leat_status s = process(k, in, b, ports);
    for (int i = 0; (s == LEAT_AGAIN || s == LEAT_WAIT) && i < TRIES_MAX; i++) {
        k->lane.wall_us += 1000000;
        s = process(k, in, b, ports);
    }
    return s;
}

static void repeat(struct checked *k, struct instance *in, struct batch *b, struct buf *first)
{
    struct buf *second = ports_new(in->planned);
    if (process(k, in, b, second) == LEAT_OK)
        first_difference(k, in->planned, first, second,
                         "when a call is undone and repeated (keep what records change in tables, not in self)");
    ports_free(in->planned, second);
}

static void add_all(const struct planned *p, struct buf *to, const struct buf *from)
{
    for (uint32_t i = 0; i <= p->n_outputs; i++)
        buf_text(&to[i], buf_view(&from[i]));
}

static bool one_batch(struct checked *k, struct instance *in, struct batch *b, enum how how, struct buf *all)
{
    struct buf *ports = ports_new(in->planned);
    b->view.ticket = lane_ticket(&k->lane);
    leat_status s = settle(k, in, b, ports);
    k->figures->batches++;
    if (s == LEAT_OK && how == REPEATED)
        repeat(k, in, b, ports);
    add_all(in->planned, all, ports);
    ports_free(in->planned, ports);
    if (s != LEAT_OK && !k->figures->stopped[0])
        snprintf(k->figures->stopped, sizeof k->figures->stopped, "%s",
                 in->why[0]                          ? in->why
                 : s == LEAT_AGAIN || s == LEAT_WAIT ? "AGAIN, for longer than the check waits"
                                                     : "neither OK nor a failure");
    return s == LEAT_OK;
}

static uint32_t next_cut(enum how how, uint64_t *seed)
{
    if (how != CUT_ANYWHERE)
        return ROWS_PLAIN;
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % 100 + 1;
}

static bool all_batches(struct checked *k, struct instance *in, enum how how, struct buf *all)
{
    struct codec json;
    uint64_t seed = 1;
    struct batch *b;
    codec_default(&json, CODEC_JSON);
    struct origin *origin = origin_new(TEXT("check/in/records/"), TEXT("records"), TEXT("records"), 1);
    struct decoder *d = decoder_new(&json, k->run.plan->paths, k->lane.pool, origin);
    bool good = decoder_seek(d, 0, TEXT(""), NULL) == 0;
    for (size_t at = 0; good && at < k->records.n;) {
        size_t n = k->records.n - at < 65536 ? k->records.n - at : 65536;
        memcpy(decoder_space(d, n), k->records.data + at, n);
        decoder_fill(d, n);
        at += n;
        while (good && (b = decoder_next(d, next_cut(how, &seed)))) {
            good = one_batch(k, in, b, how, all);
            batch_unref(b);
        }
    }
    decoder_free(d);
    origin_unref(origin);
    return good;
}

/* A new instance for each way of giving. */
static bool pass(struct checked *k, enum how how, struct buf *all, struct err *err)
{
    struct instance *in = instance_new(&k->lane, k->processor, err);
    if (!in)
        return false;
    k->lane.wall_us = 1767225600000000; /* 2026-01-01; the same in every pass */
    watch_begin(&k->watcher, in);
    struct call *c = call_begin(in);
    leat_status s = in->planned->p->start ? in->planned->p->start(&in->host, in->self) : LEAT_OK;
    call_end(c);
    if (s == LEAT_OK)
        all_batches(k, in, how, all);
    else
        snprintf(k->figures->stopped, sizeof k->figures->stopped, "start: %.400s", in->why);
    if (in->planned->p->stop) {
        c = call_begin(in);
        in->planned->p->stop(&in->host, in->self);
        call_end(c);
    }
    watch_end(&k->watcher);
    instance_free(in);
    return true;
}

static int all_passes(struct checked *k, const struct planned *p, struct err *err)
{
    struct buf *out[3] = {ports_new(p), ports_new(p), ports_new(p)};
    bool made = true;
    for (enum how how = REPEATED; made && how <= CUT_ANYWHERE; how++)
        made = pass(k, how, out[how], err);
    if (made && !k->figures->stopped[0])
        first_difference(k, p, out[PLAIN], out[CUT_ANYWHERE], "when the same records come in other batches");
    for (size_t i = 0; i < out[PLAIN][0].n; i++)
        k->figures->records_out += out[PLAIN][0].data[i] == '\n';
    for (int i = 0; i < 3; i++)
        ports_free(p, out[i]);
    return made ? 0 : -EINVAL;
}

int run_check(struct plan *plan, uint32_t processor, leat_text records, int crash_fd, struct buf *mistakes,
              struct check_figures *figures, struct err *err)
{
    struct codec json;
    struct checked *k = xcalloc(1, sizeof *k);
    codec_default(&json, CODEC_JSON);
    k->watcher.mistakes = mistakes;
    k->watcher.crash_fd = crash_fd;
    k->run = (struct run){.plan = plan, .options = {.muted = true}, .n_lanes = 1, .lanes = &k->lane};
    k->run.figures = xcalloc(plan->n, sizeof *k->run.figures);
    k->run.rows_max = xcalloc(plan->n, sizeof *k->run.rows_max);
    for (uint32_t i = 0; i < plan->n; i++)
        figures_init(&k->run.figures[i], plan->processors[i].p);
    k->lane = (struct lane){.run = &k->run, .loop = loop_new(err), .pool = pool_new()};
    k->processor = processor;
    k->records = records;
    k->encoder = encoder_new(&json);
    k->figures = figures;
    int result = k->lane.loop ? all_passes(k, &plan->processors[processor], err) : -EIO;
    encoder_free(k->encoder);
    for (uint32_t i = 0; i < plan->n; i++)
        figures_fini(&k->run.figures[i]);
    free(k->run.figures);
    free(k->run.rows_max);
    pool_free(k->lane.pool);
    if (k->lane.loop)
        loop_free(k->lane.loop);
    map_fini(&k->watcher.said);
    VEC_FINI(&k->watcher.guarded); /* the pages stay: this process ends soon */
    free(k);
    return result;
}
