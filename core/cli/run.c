/* SPDX-License-Identifier: Apache-2.0 */
/* run.c: `leat run`, `leat try` and `leat pipe`: a flow until it ends, is told to stop, or fails. */
#include "core/cli/cli.h"
#include "core/cli/display.h"
#include "core/cli/flow.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static const char usage_run[] =
    "  leat run flows/supply-chain.yaml                    until Ctrl-C\n"
    "  leat run flow.yaml --for 30s                        stops its sources after 30 s, finishes, exits 0\n"
    "  leat run flow.yaml -p brokers=kafka1:9092           with a parameter of the flow\n"
    "  leat run flow.yaml --state /var/lib/leat/stock      keeps its state there\n"
    "  leat run flow.yaml --quiet --json | jq .processors  what each processor did, for programs\n"
    "\n"
    "usage: leat run FLOW [options]\n"
    "  -p NAME=VALUE      a parameter of the flow; may be given again\n"
    "  --state DIR        where the run keeps its state (default: ./.leat/<flow>, under systemd "
    "$STATE_DIRECTORY/<flow>)\n"
    "  --for DURATION     stop the sources after this time, finish what was read, exit 0\n"
    "  --plugins DIR      look for plugins there first\n"
    "  --log text|json    form of the log lines on standard error\n"
    "  --level LEVEL      debug, info, warn or error (default info)\n"
    "  --quiet            no live display, no summary\n"
    "  --json             the summary as one JSON object, the last line of standard output\n"
    "\n"
    "exit status: 0 ended, 1 failed, 2 usage, 75 stopped while waiting, 78 the flow file is wrong\n";
static const char usage_try[] =
    "  leat try flow.yaml -n 20                            what each port would carry, of 20 records a source\n"
    "  leat try flow.yaml -n 5 --port low.out              one port only\n"
    "\n"
    "usage: leat try FLOW [options]\n"
    "  -n RECORDS         of each source (default 10)\n"
    "  --port NAME.PORT   only what this port of this processor would carry\n"
    "  --for DURATION     how long to wait for records (default 10s)\n"
    "  -p NAME=VALUE      a parameter of the flow; may be given again\n"
    "  --plugins DIR      look for plugins there first\n"
    "  --log text|json, --level LEVEL\n"
    "Reads the real sources, gives nothing to sinks, and leaves positions untouched.\n";
static const char usage_pipe[] =
    "  leat pipe flow.yaml <orders.ndjson >alerts.ndjson   the same flow over history\n"
    "  leat pipe flow.yaml --in orders --out alerts        when it has several sources or sinks\n"
    "\n"
    "usage: leat pipe FLOW [--in SOURCE] [--out SINK] [-p NAME=VALUE] [--plugins DIR] [--log text|json] [--level "
    "LEVEL]\n"
    "Records of standard input go in by that source, what reaches that sink goes to standard output; other sources end "
    "at\n"
    "once, other sinks get nothing. Exit status 0 only when all input was read and all output written.\n";

struct arguments {
    struct flow_arguments flow;
    const char *state, *port, *in, *out;
    int64_t for_us;
    int64_t n;
    bool quiet, json, json_log;
    enum log_level level;
};

static int read_level(const char *name, enum log_level *ret)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < N_OF(names); i++)
        if (strcmp(name, names[i]) == 0) {
            *ret = (enum log_level)i;
            return 0;
        }
    return -EINVAL;
}

enum { STATE = 256, FOR, PLUGINS, LOG, LEVEL, QUIET, JSON, PORT, IN, OUT };
#define WITH_VALUE(name, value)                                                                                        \
    {                                                                                                                  \
        name, required_argument, NULL, value                                                                           \
    }
static const struct option options_run[] = {WITH_VALUE("state", STATE),
                                            WITH_VALUE("for", FOR),
                                            WITH_VALUE("plugins", PLUGINS),
                                            WITH_VALUE("log", LOG),
                                            WITH_VALUE("level", LEVEL),
                                            {"quiet", no_argument, NULL, QUIET},
                                            {"json", no_argument, NULL, JSON},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
static const struct option options_try[] = {WITH_VALUE("port", PORT),
                                            WITH_VALUE("for", FOR),
                                            WITH_VALUE("plugins", PLUGINS),
                                            WITH_VALUE("log", LOG),
                                            WITH_VALUE("level", LEVEL),
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
static const struct option options_pipe[] = {WITH_VALUE("in", IN),
                                             WITH_VALUE("out", OUT),
                                             WITH_VALUE("plugins", PLUGINS),
                                             WITH_VALUE("log", LOG),
                                             WITH_VALUE("level", LEVEL),
                                             {"help", no_argument, NULL, 'h'},
                                             {0}};

/* One option with its value. 0, or the exit code after a sentence. */
static int read_option(int c, const char *value, const char *usage, struct arguments *a)
{
    struct err err;
    switch (c) {
    case 'p':
        return flow_parameter(&a->flow, value, &err) < 0 ? usage_wrong(usage, "%s", err.text) : 0;
    case 'n':
        if (parse_i64(text_of(value), &a->n, &err) < 0 || a->n < 1)
            return usage_wrong(usage, "-n takes a number of records from 1, not '%s'", value);
        return 0;
    case FOR:
        return parse_duration(text_of(value), &a->for_us, &err) < 0 ? usage_wrong(usage, "--for: %s", err.text) : 0;
    case LEVEL:
        if (read_level(value, &a->level) < 0)
            return usage_wrong(usage, "--level takes debug, info, warn or error, not '%s'", value);
        return 0;
    case LOG:
        a->json_log = strcmp(value, "json") == 0;
        return a->json_log || strcmp(value, "text") == 0
                   ? 0
                   : usage_wrong(usage, "--log takes text or json, not '%s'", value);
    case QUIET:
        a->quiet = true;
        return 0;
    case JSON:
        a->json = true;
        return 0;
    default:
        *(c == STATE     ? &a->state
          : c == PLUGINS ? &a->flow.plugins
          : c == PORT    ? &a->port
          : c == IN      ? &a->in
                         : &a->out) = value;
        return 0;
    }
}

/* 0: go on; else the exit code + 1. Of short options -n is only of those that have a port to show. */
static int read_arguments(int argc, char **argv, const struct option *options, const char *usage, struct arguments *a)
{
    *a = (struct arguments){.n = 10, .level = options == options_pipe ? LOG_WARN : LOG_INFO};
    for (int c, code; (c = getopt_long(argc, argv, options == options_try ? ":p:n:h" : ":p:h", options, NULL)) != -1;) {
        if (c == 'h') {
            fputs(usage, stdout);
            return 1;
        }
        code = c == '?' || c == ':' ? usage_bad_option(c, argv, options, usage) : read_option(c, optarg, usage, a);
        if (code)
            return code + 1;
    }
    if (optind != argc - 1)
        return usage_wrong(usage, optind == argc ? "which flow? give its file" : "one flow file, please") + 1;
    a->flow.file = argv[optind];
    return 0;
}

/* --- stopping ------------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t told_to_stop;

static void on_signal(int number)
{
    (void)number;
    if (told_to_stop++)
        _exit(EXIT_FAILED); /* twice: at once; what is not committed is read again at the next start */
}

static void catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Waits for the end; stops the sources when it is time or someone says so. */
static int until_ended(struct run *r, struct display *d, int64_t for_us, struct err *err)
{
    int64_t started = clock_mono_us();
    bool stopped = false;
    while (!run_wait(r, 100000)) {
        if (!stopped && (told_to_stop || (for_us && clock_mono_us() - started >= for_us))) {
            stopped = true;
            run_stop(r);
        }
        if (d)
            display_turn(d);
    }
    return run_result(r, err);
}

/* The last line says why. */
static int exit_code(const struct arguments *a, int result, const struct err *err)
{
    if (result == 0)
        return 0;
    if (a->json_log)
        log_line(LOG_ERROR, "leat", "%s", err->text);
    else
        fprintf(stderr, "leat: %s\n", err->text);
    return result == -EAGAIN ? EXIT_TEMPORARY : EXIT_FAILED;
}

static char *state_folder(const struct arguments *a, const struct plan *plan)
{
    const char *systemd = getenv("STATE_DIRECTORY");
    if (a->state)
        return xstrdup(a->state);
    return systemd ? xasprintf("%s/%s", systemd, plan->flow) : xasprintf(".leat/%s", plan->flow);
}

int command_run(int argc, char **argv)
{
    struct arguments a;
    struct flow f;
    struct run *r;
    struct err err;
    int code = read_arguments(argc, argv, options_run, usage_run, &a);
    if (code)
        return code - 1;
    log_setup(a.level, a.json_log, STDERR_FILENO);
    code = flow_open(&f, &a.flow);
    if (code)
        return code;
    auto_free char *state = state_folder(&a, f.plan);
    struct run_options options = {.state = state};
    catch_signals();
    int result = run_open(&r, f.plan, &options, &err);
    if (result == 0) {
        bool live = !a.quiet && isatty(STDERR_FILENO) && getenv("TERM") && strcmp(getenv("TERM"), "dumb") != 0;
        struct display *d = display_new(f.plan, r, stderr, live);
        result = run_start(r, &err);
        if (result == 0)
            result = until_ended(r, d, a.for_us, &err);
        log_flush();
        if (!a.quiet)
            display_summary(d);
        if (a.json)
            display_summary_json(d, stdout, result, &err);
        display_free(d);
        run_free(r);
    }
    flow_close(&f);
    return exit_code(&a, result, &err);
}

/* --- try ------------------------------------------------------------------------------------------------------------ */

struct trial {
    const struct plan *plan;
    const struct arguments *a;
    pthread_mutex_t lock;
};

static void print_seen(void *self, uint32_t processor, uint32_t port, struct batch *b)
{
    struct trial *t = self;
    const struct planned *p = &t->plan->processors[processor];
    auto_free char *name = xasprintf("%s." TEXT_FMT, p->name, TEXT_ARG(p->ports[port].name));
    if (t->a->port && strcmp(t->a->port, name) != 0)
        return;
    const leat_column *whole = batch_read(b, PATH_WHOLE, LEAT_JSON).column;
    pthread_mutex_lock(&t->lock);
    for (uint32_t i = 0; i < b->view.n; i++) {
        leat_text record = ((const leat_text *)whole->data)[i];
        printf("%-24s " TEXT_FMT "\n", name, TEXT_ARG(record));
    }
    pthread_mutex_unlock(&t->lock);
}

/* --port names one that exists. */
static bool port_is_there(const struct plan *plan, const char *port)
{
    VEC(const char *) names = {0};
    bool found = false;
    for (size_t i = 0; i < plan->n; i++)
        for (size_t k = 0; k < plan->processors[i].n_outputs; k++)
            *VEC_PUSH(&names) =
                xasprintf("%s." TEXT_FMT, plan->processors[i].name, TEXT_ARG(plan->processors[i].ports[k].name));
    for (size_t i = 0; i < names.n; i++)
        found |= strcmp(names.at[i], port) == 0;
    const char *near = found ? NULL : closest(text_of(port), names.at, names.n);
    if (!found)
        fprintf(stderr, "leat: %s: there is no port '%s'; %s%s%s\n", plan->file, port,
                near ? "did you mean '" : "they are called like '",
                near      ? near
                : names.n ? names.at[0]
                          : "source.out",
                "'?");
    for (size_t i = 0; i < names.n; i++)
        free((char *)(uintptr_t)names.at[i]);
    VEC_FINI(&names);
    return found;
}

int command_try(int argc, char **argv)
{
    struct arguments a;
    struct flow f;
    struct run *r;
    struct err err;
    int code = read_arguments(argc, argv, options_try, usage_try, &a);
    if (code)
        return code - 1;
    log_setup(a.level, a.json_log, STDERR_FILENO);
    code = flow_open(&f, &a.flow);
    if (code)
        return code;
    if (a.port && !port_is_there(f.plan, a.port)) {
        flow_close(&f);
        return EXIT_USAGE;
    }
    struct trial t = {f.plan, &a, PTHREAD_MUTEX_INITIALIZER};
    struct run_options options = {.muted = true, .limit = (uint64_t)a.n, .seen = print_seen, .self = &t};
    f.plan->lanes = 1;
    catch_signals();
    int result = run_open(&r, f.plan, &options, &err);
    if (result == 0) {
        result = run_start(r, &err);
        if (result == 0)
            result = until_ended(r, NULL, a.for_us ? a.for_us : 10000000, &err);
        run_free(r);
    }
    flow_close(&f);
    return exit_code(&a, result, &err);
}

/* --- pipe ----------------------------------------------------------------------------------------------------------- */

static const char *near_name(const struct plan *p, uint32_t kind, const char *name)
{
    VEC(const char *) names = {0};
    for (uint32_t i = 0; i < p->n; i++)
        if (p->processors[i].p->kind == kind)
            *VEC_PUSH(&names) = p->processors[i].name;
    const char *near = closest(text_of(name), names.at, names.n);
    VEC_FINI(&names);
    return near;
}

/* The processor that is meant: the named one, or the only one of its kind. UINT32_MAX with a sentence. */
static uint32_t meant(const struct plan *p, uint32_t kind, const char *name, const char *option)
{
    uint32_t found = UINT32_MAX, n = 0;
    for (uint32_t i = 0; i < p->n; i++)
        if (p->processors[i].p->kind == kind) {
            if (name && strcmp(name, p->processors[i].name) == 0)
                return i;
            found = i;
            n++;
        }
    if (!name && n == 1)
        return found;
    if (name) {
        const char *near = near_name(p, kind, name);
        fprintf(stderr, "leat: %s: the flow has no %s called '%s'%s%s%s\n", p->file, plugin_kind_name(kind), name,
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    } else
        fprintf(stderr, "leat: %s has %u %ss; say which by %s NAME\n", p->file, n, plugin_kind_name(kind), option);
    return UINT32_MAX;
}

int command_pipe(int argc, char **argv)
{
    struct arguments a;
    struct flow f;
    struct run *r;
    struct err err;
    int code = read_arguments(argc, argv, options_pipe, usage_pipe, &a);
    if (code)
        return code - 1;
    log_setup(a.level, a.json_log, STDERR_FILENO);
    code = flow_open(&f, &a.flow);
    if (code)
        return code;
    uint32_t in = meant(f.plan, LEAT_SOURCE, a.in, "--in"), out = meant(f.plan, LEAT_SINK, a.out, "--out");
    int result = -EINVAL;
    if (in != UINT32_MAX && out != UINT32_MAX) {
        struct run_options options = {.muted = true, .pipe = true, .pipe_in = in, .pipe_out = out};
        f.plan->lanes = 1;
        catch_signals();
        result = run_open(&r, f.plan, &options, &err);
        if (result == 0) {
            result = run_start(r, &err);
            if (result == 0)
                result = until_ended(r, NULL, 0, &err);
            if (told_to_stop && result == 0)
                result = err_set(&err, EINTR, "stopped before the end of its input");
            if (fflush(stdout) != 0 && result == 0)
                result = err_set(&err, errno, "cannot write to standard output: %m");
            run_free(r);
        }
        code = exit_code(&a, result, &err);
    } else {
        code = EXIT_USAGE;
    }
    flow_close(&f);
    return code;
}
