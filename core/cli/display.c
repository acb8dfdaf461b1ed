/* SPDX-License-Identifier: Apache-2.0 */
/* display.c: redraws twice a second by moving the cursor up over its own lines; log lines go above them. */
#include "core/cli/display.h"

enum { DRAW_US = 500000 };
struct display {
    const struct plan *plan;
    const struct run *run;
    FILE *to;
    bool live;
    int64_t started_us, drawn_us;
    uint32_t lines; /* on the screen */
    uint64_t (*before)[N_FIGURES];
    double *rate; /* records/s, smoothed */
};
static struct display *on_screen; /* log lines must step around it */

static void erase(void)
{
    if (!on_screen || !on_screen->lines)
        return;
    fprintf(on_screen->to, "\033[%uA\033[J", on_screen->lines);
    fflush(on_screen->to);
    on_screen->lines = 0;
}

struct display *display_new(const struct plan *plan, const struct run *r, FILE *to, bool live)
{
    struct display *d = xcalloc(1, sizeof *d);
    *d = (struct display){.plan = plan, .run = r, .to = to, .live = live, .started_us = clock_mono_us()};
    d->drawn_us = d->started_us;
    d->before = xcalloc(plan->n, sizeof *d->before);
    d->rate = xcalloc(plan->n, sizeof *d->rate);
    if (live) {
        on_screen = d;
        log_around(erase, NULL);
    }
    return d;
}

void display_free(struct display *d)
{
    if (d->live) {
        log_around(NULL, NULL);
        on_screen = NULL;
    }
    free(d->before);
    free(d->rate);
    free(d);
}

/* What a processor is about: what it gives (sources), what it takes (all others). */
static uint64_t passed(const struct planned *p, const uint64_t f[N_FIGURES])
{
    return f[p->p->kind == LEAT_SOURCE ? RECORDS_OUT : RECORDS_IN];
}

static void print_line(struct display *d, uint32_t i, const uint64_t f[N_FIGURES], int width)
{
    char rate[40], total[40], extra[160] = "";
    size_t n = 0;
    print_count(rate, (int64_t)d->rate[i]);
    print_count(total, (int64_t)passed(&d->plan->processors[i], f));
    if (d->plan->processors[i].p->kind == LEAT_SOURCE)
        n += (size_t)snprintf(extra + n, sizeof extra - n, "  lag %llu", (unsigned long long)f[LAG]);
    if (f[WAITING])
        n += (size_t)snprintf(extra + n, sizeof extra - n, "  %llu wait", (unsigned long long)f[WAITING]);
    if (f[RECORDS_REJECTED])
        n += (size_t)snprintf(extra + n, sizeof extra - n, "  %llu rejected", (unsigned long long)f[RECORDS_REJECTED]);
    if (f[CALLS_FAILED])
        n += (size_t)snprintf(extra + n, sizeof extra - n, "  %llu failed calls", (unsigned long long)f[CALLS_FAILED]);
    fprintf(d->to, " %-*s %12s/s %14s%s\033[K\n", width, d->plan->processors[i].name, rate, total, extra);
}

static int name_width(const struct plan *p)
{
    int width = 8;
    for (size_t i = 0; i < p->n; i++)
        width = (int)strlen(p->processors[i].name) > width ? (int)strlen(p->processors[i].name) : width;
    return width;
}

static void draw(struct display *d, int64_t now)
{
    char why[256], time[40];
    double seconds = (double)(now - d->drawn_us) / 1e6;
    enum run_state state = run_state_of(d->run, why);
    static const char *const names[] = {"starting", "running", "waiting", "stopping", "ended"};
    erase();
    print_duration(time, (now - d->started_us) / 1000000 * 1000000);
    fprintf(d->to, "%s: %s, %s, %llu epochs committed\033[K\n", d->plan->flow, names[state], time, (unsigned long long)run_epochs(d->run));
    for (uint32_t i = 0; i < d->plan->n; i++) {
        uint64_t f[N_FIGURES];
        run_figures(d->run, i, f);
        double fresh = (double)(passed(&d->plan->processors[i], f) - passed(&d->plan->processors[i], d->before[i])) / seconds;
        d->rate[i] = d->rate[i] > 0 ? 0.5 * d->rate[i] + 0.5 * fresh : fresh;
        memcpy(d->before[i], f, sizeof f);
        print_line(d, i, f, name_width(d->plan));
    }
    d->lines = (uint32_t)d->plan->n + 1;
    if (state == RUN_WAITING) {
        fprintf(d->to, " waiting: %.100s\033[K\n", why);
        d->lines++;
    }
    fflush(d->to);
    d->drawn_us = now;
}

void display_turn(struct display *d)
{
    int64_t now = clock_mono_us();
    if (d->live && now - d->drawn_us >= DRAW_US)
        draw(d, now);
}

void display_summary(struct display *d)
{
    char time[40], count[40];
    int64_t took = clock_mono_us() - d->started_us;
    if (d->live)
        erase();
    if (took < 60000000)
        snprintf(time, sizeof time, "%.1fs", (double)took / 1e6);
    else
        print_duration(time, took / 1000000 * 1000000);
    fprintf(d->to, "%s: %s, %llu epochs committed\n", d->plan->flow, time, (unsigned long long)run_epochs(d->run));
    for (uint32_t i = 0; i < d->plan->n; i++) {
        const struct planned *p = &d->plan->processors[i];
        uint64_t f[N_FIGURES];
        run_figures(d->run, i, f);
        print_count(count, (int64_t)passed(p, f));
        fprintf(d->to, " %-*s %14s records", name_width(d->plan), p->name, count);
        if (f[RECORDS_REJECTED])
            fprintf(d->to, ", %llu rejected", (unsigned long long)f[RECORDS_REJECTED]);
        if (f[RECORDS_RETRIED])
            fprintf(d->to, ", %llu given again", (unsigned long long)f[RECORDS_RETRIED]);
        if (f[RECORDS_DROPPED])
            fprintf(d->to, ", %llu dropped", (unsigned long long)f[RECORDS_DROPPED]);
        fputc('\n', d->to);
    }
    if (run_dead_letters(d->run))
        fprintf(d->to, "%llu dead letters\n", (unsigned long long)run_dead_letters(d->run));
}

static void add_processor(const struct planned *p, const uint64_t f[N_FIGURES], struct buf *out)
{
    buf_str(out, "{\"name\":");
    buf_json(out, text_of(p->name));
    buf_printf(out, ",\"kind\":\"%s\",\"plugin\":", plugin_kind_name(p->p->kind));
    buf_json(out, text_of(p->p->name));
    for (enum figure i = 0; i < N_FIGURES; i++)
        buf_printf(out, ",\"%s\":%llu", figure_name(i), (unsigned long long)f[i]);
    buf_char(out, '}');
}

void display_summary_json(struct display *d, FILE *to, int result, const struct err *err)
{
    auto_buf out = {0};
    buf_str(&out, "{\"flow\":");
    buf_json(&out, text_of(d->plan->flow));
    buf_printf(&out, ",\"seconds\":%.3f,\"epochs\":%llu,\"dead_letters\":%llu,\"error\":",
               (double)(clock_mono_us() - d->started_us) / 1e6, (unsigned long long)run_epochs(d->run),
               (unsigned long long)run_dead_letters(d->run));
    if (result)
        buf_json(&out, text_of(err->text));
    else
        buf_str(&out, "null");
    buf_str(&out, ",\"processors\":[");
    for (uint32_t i = 0; i < d->plan->n; i++) {
        uint64_t f[N_FIGURES];
        run_figures(d->run, i, f);
        buf_str(&out, i ? "," : "");
        add_processor(&d->plan->processors[i], f, &out);
    }
    buf_str(&out, "]}\n");
    fwrite(out.data, 1, out.n, to);
    fflush(to);
}
