/* SPDX-License-Identifier: Apache-2.0 */
/* check.c: `leat plugins check FILE.so`: what of the contract a plugin does not keep, for its author. */
#include "core/cli/cli.h"
#include "core/cli/flow.h"
#include "core/cli/made_up.h"
#include "core/run/run.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RECORDS = 2000, SECONDS_MAX = 60 };

struct outcome {
    uint32_t mistakes, looked_at;
};

static void tell(struct outcome *o, const char *where, leat_text sentences)
{
    for (size_t at = 0; at < sentences.n;) {
        size_t n = strcspn(sentences.data + at, "\n");
        printf("%s: mistake: %.*s\n", where, (int)n, sentences.data + at);
        o->mistakes++;
        at += n + 1;
    }
}

/* --- the file -------------------------------------------------------------------------------------------------------
 */

static void check_file(struct outcome *o, const char *path, leat_text file)
{
    auto_buf exports = {0}, mistakes = {0};
    elf_exports(file, &exports);
    buf_add(&exports, "", 0);
    for (char *rest = exports.data, *name; (name = strsep(&rest, "\n"));)
        if (*name && strcmp(name, "leat_plugin_v1") != 0)
            buf_printf(&mistakes,
                       "it exports '%s': build with -fvisibility=hidden, so that leat_plugin_v1 is the only one\n",
                       name);
    if (elf_has_segment(file, PT_GNU_STACK, PF_X))
        buf_str(&mistakes, "it asks for an executable stack: link with -Wl,-z,noexecstack\n");
    tell(o, path, buf_view(&mistakes));
    if (elf_has_segment(file, PT_TLS, 0))
        printf("%s: note: it has variables of a thread: what belongs to an instance must not be in them, because a "
               "lane runs many\n",
               path);
    if (!elf_note(file).n)
        printf("%s: note: it has no section leat.note: its name and version cannot be read without loading it\n", path);
}

/* --- one transform --------------------------------------------------------------------------------------------------
 */

/* In the child: the plan is there; prints what it finds. Exit code: how many mistakes, at most 60. */
static void exercise(struct flow *f, const char *where, int crash_fd)
{
    auto_buf records = {0}, mistakes = {0};
    struct check_figures figures = {0};
    struct outcome o = {0};
    struct err err;
    uint32_t it = plan_find(f->plan, TEXT("it"));
    made_up_records(&records, f->plan, &f->plan->processors[it], RECORDS);
    alarm(SECONDS_MAX);
    int result = run_check(f->plan, it, buf_view(&records), crash_fd, &mistakes, &figures, &err);
    tell(&o, where, buf_view(&mistakes));
    if (result < 0)
        printf("%s: note: it was not run: %s\n", where, err.text);
    else if (figures.stopped[0])
        printf("%s: note: it was run until it said: %s\n", where, figures.stopped);
    else
        printf("%s: %d records in %llu batches, %llu calls, %llu records out: %s\n", where, RECORDS,
               (unsigned long long)figures.batches, (unsigned long long)figures.calls,
               (unsigned long long)figures.records_out, o.mistakes ? "not as it should be" : "as it should be");
    fflush(stdout);
    _exit(o.mistakes > 60 ? 60 : (int)o.mistakes);
}

static void tell_crash(struct outcome *o, const char *where, int status, int crash_fd)
{
    char why[256] = "";
    o->mistakes++;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_TOUCHED && read(crash_fd, why, sizeof why - 1) > 0)
        printf("%s: mistake: %s\n", where, why);
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        printf("%s: mistake: it is not done with %d records after %d s\n", where, RECORDS, SECONDS_MAX);
    else if (WIFSIGNALED(status))
        printf("%s: mistake: it crashed: SIG%s, %s\n", where, sigabbrev_np(WTERMSIG(status)),
               strsignal(WTERMSIG(status)));
    else
        printf("%s: mistake: it ended the process, with exit code %d\n", where, WEXITSTATUS(status));
}

static void in_a_child(struct flow *f, const char *where, struct outcome *o)
{
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        exercise(f, where, ends[1]);
    close(ends[1]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) <= 60)
        o->mistakes += (uint32_t)WEXITSTATUS(status);
    else
        tell_crash(o, where, status, ends[0]);
    close(ends[0]);
}

static char *write_flow(const leat_processor *p, const char *with)
{
    auto_buf text = {0};
    char path[] = "/tmp/leat-check-XXXXXX";
    made_up_flow(&text, p, with);
    auto_close int fd = mkostemp(path, O_CLOEXEC);
    return fd < 0 || write_all(fd, text.data, text.n) < 0 ? NULL : xstrdup(path);
}

static void print_first_findings(const char *where, struct findings *f)
{
    for (size_t i = 0, shown = 0; i < f->all.n && shown < 3; i++)
        if (f->all.at[i].severity == FINDING_ERROR) {
            printf("%s: note: not run with the options that were made up: %s\n", where, f->all.at[i].text);
            shown++;
        }
    printf("%s: note: give it some: leat plugins check FILE.so PROCESSOR --with '{option: value}'\n", where);
}

static void check_transform(struct registry *r, const leat_processor *p, const char *where, const char *with,
                            struct outcome *o)
{
    struct flow f = {.registry = r};
    struct plan_options options = {.parameters = &f.parameters, .muted = true};
    auto_free char *path = write_flow(p, with);
    if (!path)
        return;
    f.plan = plan_read(path, r, &options, &f.findings);
    unlink(path);
    if (f.plan)
        in_a_child(&f, where, o);
    else
        print_first_findings(where, &f.findings);
    plan_free(f.plan);
    findings_fini(&f.findings);
    map_fini(&f.parameters);
}

static void check_processor(struct registry *r, const char *path, const leat_processor *p, const char *with,
                            struct outcome *o)
{
    auto_free char *where = xasprintf("%s: %s %s", path, plugin_kind_name(p->kind), p->name);
    o->looked_at++;
    if (p->kind == LEAT_SOURCE || p->kind == LEAT_SINK)
        printf("%s: its description is as it should be; a %s is not run here, because it would reach out of this "
               "process\n",
               where, plugin_kind_name(p->kind));
    else if (p->needs & (LEAT_NEEDS_STATE | LEAT_NEEDS_TIMERS | LEAT_NEEDS_NETWORK))
        printf("%s: its description is as it should be; it is not run here, because it needs state, timers or the "
               "network\n",
               where);
    else
        check_transform(r, p, where, with, o);
}

/* --- the command ----------------------------------------------------------------------------------------------------
 */

int plugins_check(struct registry *r, const char *path, const char *processor, const char *with)
{
    struct err err;
    auto_buf file = {0};
    struct outcome o = {0};
    if (read_file(path, &file, &err) < 0) {
        fprintf(stderr, "leat: %s\n", err.text);
        return EXIT_FAILED;
    }
    const leat_plugin *p = registry_load(r, path, &err);
    if (!p) {
        printf("%s\n", err.text);
        return EXIT_FINDINGS;
    }
    check_file(&o, path, buf_view(&file));
    for (uint32_t i = 0; i < p->n_processors; i++)
        if (!processor || strcmp(processor, p->processors[i]->name) == 0)
            check_processor(r, path, p->processors[i], with, &o);
    if (processor && !o.looked_at) {
        fprintf(stderr, "leat: %s offers no processor called '%s'\n", path, processor);
        return EXIT_FAILED;
    }
    printf("%s: %u mistake%s\n", path, o.mistakes, o.mistakes == 1 ? "" : "s");
    return o.mistakes ? EXIT_FINDINGS : 0;
}
