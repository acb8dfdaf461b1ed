/* SPDX-License-Identifier: Apache-2.0 */
/* check_host.c: the debug host: stands between one plugin and host.c, and says what does not keep the contract. One at
 * a time in a process of its own. */
#include "core/run/check_internal.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static struct watcher *watching;

void watch_mistake(struct watcher *w, const char *format, ...)
{
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    void **said = map_at(&w->said, text_of(sentence));
    if (!*said)
        buf_printf(w->mistakes, "%s\n", sentence);
    *said = w;
}

/* --- memory that is the plugin's only until the call returns -------------------------------------------------------
 */

/* n bytes that end where a page begins that nobody may touch. */
static void *guarded(struct watcher *w, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (n + 16 + page - 1) / page * page;
    char *at = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(at != MAP_FAILED);
    ASSERT(mprotect(at + whole, page, PROT_NONE) == 0);
    *VEC_PUSH(&w->guarded) = (struct guarded){at, whole, page, NULL, false};
    return at + whole - (n + 15) / 16 * 16;
}

void watch_call_ended(struct watcher *w)
{
    for (; w->n_closed < w->guarded.n; w->n_closed++) {
        struct guarded *g = &w->guarded.at[w->n_closed];
        ASSERT(mprotect(g->at, g->bytes, PROT_NONE) == 0);
        g->closed = true;
    }
}

static const char *touched(const char *address)
{
    for (size_t i = 0; watching && i < watching->guarded.n; i++) {
        const struct guarded *g = &watching->guarded.at[i];
        if (address >= g->at + g->bytes && address < g->at + g->bytes + g->page)
            return "it reads or writes behind the end of what the host gave it";
        if (g->closed && address >= g->at && address < g->at + g->bytes)
            return "it touches what it read or allocated in a call that has returned";
    }
    return NULL;
}

/* The parent reads the last line of what the child prints. */
static void crashed(int number, siginfo_t *info, void *context)
{
    const char *what = touched(info->si_addr);
    (void)context;
    if (what) {
        (void)!write(watching->crash_fd, what, strlen(what));
        _exit(CHECK_TOUCHED);
    }
    signal(number, SIG_DFL);
    raise(number);
}

static size_t element_bytes(uint32_t type)
{
    return type == LEAT_BOOL ? 1 : type >= LEAT_TEXT && type <= LEAT_JSON ? sizeof(leat_text) : 8;
}

static void copy_texts(struct watcher *w, leat_text *texts, uint32_t n)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i++)
        bytes += texts[i].n;
    char *at = guarded(w, bytes + 1);
    for (uint32_t i = 0; i < n; i++) {
        if (texts[i].n)
            memcpy(at, texts[i].data, texts[i].n);
        texts[i].data = at;
        at += texts[i].n;
    }
}

/* A copy of a column that cannot be read any more when the call has returned. Lists are given as they are. */
static const leat_column *guard_column(struct watcher *w, const leat_column *c)
{
    if (c->type & LEAT_LIST || c->type == LEAT_NULL)
        return c;
    leat_column *copy = guarded(w, sizeof *copy);
    w->guarded.at[w->guarded.n - 1].original = c;
    *copy = *c;
    size_t bytes = c->n * element_bytes(c->type);
    void *data = guarded(w, bytes);
    if (bytes)
        memcpy(data, c->data, bytes);
    if (c->type >= LEAT_TEXT)
        copy_texts(w, data, c->n);
    copy->data = data;
    return copy;
}

static const leat_column *original(const struct watcher *w, const leat_column *c)
{
    for (size_t i = 0; i < w->guarded.n; i++)
        if (w->guarded.at[i].original && (const char *)c >= w->guarded.at[i].at &&
            (const char *)c < w->guarded.at[i].at + w->guarded.at[i].bytes)
            return w->guarded.at[i].original;
    return c;
}

/* --- the calls -----------------------------------------------------------------------------------------------------
 */

static void on_lane(const char *call)
{
    if (!pthread_equal(pthread_self(), watching->thread))
        watch_mistake(watching, "it calls %s from a thread of its own: only wake, log and measure may be", call);
}

static bool is_given(const leat_batch *b)
{
    const struct call *c = watching->in->current;
    return c && c->given && b == &c->given->view;
}

static bool is_open(const leat_out *o)
{
    for (const struct leat_out *at = watching->in->current ? watching->in->current->open : NULL; at; at = at->next)
        if (at == o)
            return true;
    return false;
}

static void look_for_secrets(const char *sentence)
{
    const struct planned *p = watching->in->planned;
    for (uint32_t i = 0; sentence && i < p->p->n_options; i++)
        if (p->p->options[i].flags & LEAT_SECRET && p->with[i].type == LEAT_TEXT && p->with[i].as.text.n > 3 &&
            memmem(sentence, strlen(sentence), p->with[i].as.text.data, p->with[i].as.text.n))
            watch_mistake(watching, "a sentence shows the secret option '%s'", p->p->options[i].name);
}

static const struct binding *bound(leat_field f)
{
    const struct planned *p = watching->in->planned;
    return f && f <= p->n_bindings ? &p->bindings[f - 1] : NULL;
}

static const leat_column *watch_read(const leat_host *h, const leat_batch *b, leat_field f)
{
    on_lane("read");
    if (!bound(f))
        watch_mistake(watching, "it reads a field that it did not bind");
    const leat_column *c = watching->real.read(h, b, f);
    return b ? guard_column(watching, c) : c;
}

static const leat_column *watch_decode(const leat_host *h, const leat_batch *b, leat_field f)
{
    on_lane("decode");
    return guard_column(watching, watching->real.decode(h, b, f));
}

static void watch_emit(const leat_host *h, uint32_t port, const leat_batch *b, const uint32_t *rows, uint32_t n)
{
    on_lane("emit");
    if (!is_given(b))
        watch_mistake(watching, "it emits a batch that is not the one of this call");
    else
        watching->real.emit(h, port, b, rows, n);
}

static leat_out *watch_derive(const leat_host *h, const leat_batch *b, const uint32_t *rows, uint32_t n)
{
    on_lane("derive");
    if (b && !is_given(b))
        watch_mistake(watching, "it derives from a batch that is not the one of this call");
    for (uint32_t i = 0; b && rows && i < n; i++)
        if (rows[i] >= b->n || (i && rows[i] < rows[i - 1])) {
            watch_mistake(watching, "the rows of derive go down, or name records that the batch does not have");
            rows = NULL;
            n = n < b->n ? n : b->n;
        }
    return watching->real.derive(h, b, rows, n);
}

static void *watch_write(const leat_host *h, leat_out *o, leat_field f, uint32_t type)
{
    const struct binding *b = bound(f);
    on_lane("write");
    if (!is_open(o)) {
        watch_mistake(watching, "it writes into records that were sent already");
        return guarded(watching, LEAT_ROWS_MAX * sizeof(leat_text));
    }
    if (b && b->type != LEAT_NULL && b->type != type)
        watch_mistake(watching, "it writes a field as %s that it bound as %s", column_type_name(type),
                      column_type_name(b->type));
    return watching->real.write(h, o, f, type);
}

static void watch_write_column(const leat_host *h, leat_out *o, leat_field f, const leat_column *c)
{
    on_lane("write_column");
    if (is_open(o))
        watching->real.write_column(h, o, f, original(watching, c));
    else
        watch_mistake(watching, "it writes into records that were sent already");
}

static void watch_write_null(const leat_host *h, leat_out *o, leat_field f, uint32_t row)
{
    on_lane("write_null");
    if (is_open(o))
        watching->real.write_null(h, o, f, row);
    else
        watch_mistake(watching, "it writes into records that were sent already");
}

static void watch_send(const leat_host *h, leat_out *o, uint32_t port)
{
    on_lane("send");
    if (is_open(o))
        watching->real.send(h, o, port);
    else
        watch_mistake(watching, "it sends the same records twice");
}

static void *watch_alloc(const leat_host *h, size_t bytes)
{
    (void)h;
    on_lane("alloc");
    return guarded(watching, bytes);
}

static void watch_reject(const leat_host *h, uint64_t ticket, uint32_t row, const char *code, const char *sentence)
{
    const struct call *c = watching->in->current;
    on_lane("reject");
    look_for_secrets(sentence);
    if (!code || !*code || strchr(code, ' '))
        watch_mistake(watching, "it rejects without a code: a constant word to group by");
    if (!sentence || !*sentence)
        watch_mistake(watching, "it rejects without a sentence");
    if (!c || !c->given || c->given->view.ticket != ticket || row >= c->given->view.n)
        watch_mistake(watching, "it rejects a record of a batch that it does not have");
    else
        watching->real.reject(h, ticket, row, code, sentence);
}

static leat_status watch_fail(const leat_host *h, leat_status s, const char *sentence)
{
    look_for_secrets(sentence);
    if (s == LEAT_OK || s == LEAT_PENDING)
        watch_mistake(watching, "it calls fail with an answer that is no failure");
    if (!sentence || !*sentence)
        watch_mistake(watching, "it fails without a sentence");
    return watching->real.fail(h, s, sentence ? sentence : "");
}

static void watch_log(const leat_host *h, uint32_t level, const char *sentence)
{
    (void)h, (void)level;
    look_for_secrets(sentence);
}

/* --- putting it in between -----------------------------------------------------------------------------------------
 */

void watch_begin(struct watcher *w, struct instance *in)
{
    struct sigaction on_crash = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO | SA_NODEFER};
    leat_host *h = &in->host;
    w->in = in;
    w->real = *h;
    w->thread = pthread_self();
    watching = w;
    sigaction(SIGSEGV, &on_crash, NULL);
    sigaction(SIGBUS, &on_crash, NULL);
    h->read = watch_read;
    h->emit = watch_emit;
    h->derive = watch_derive;
    h->write = watch_write;
    h->write_column = watch_write_column;
    h->write_null = watch_write_null;
    h->send = watch_send;
    h->alloc = watch_alloc;
    h->reject = watch_reject;
    h->fail = watch_fail;
    h->log = watch_log;
    h->decode = h->decode ? watch_decode : NULL;
}

void watch_end(struct watcher *w)
{
    w->in->host = w->real;
    w->in = NULL;
    watching = NULL;
}
