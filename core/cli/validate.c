/* SPDX-License-Identifier: Apache-2.0 */
/* validate.c: `leat validate`: all findings of a flow at once, and what each path promises. */
#include "core/cli/cli.h"
#include "core/cli/flow.h"

#include <getopt.h>
#include <unistd.h>

static const char usage[] = "  leat validate flow.yaml                       findings, and the promise of each path\n"
                            "  leat validate flow.yaml -p brokers=kafka:9092 with a parameter\n"
                            "  leat validate flow.yaml --json                for programs\n"
                            "\n"
                            "usage: leat validate FLOW [-p NAME=VALUE] [--json] [--plugins DIR]\n"
                            "Opens no connection and reads no data. Exit status: 0 right, 78 wrong; `leat explain "
                            "CODE` tells more of a finding.\n";

static void print_json(const struct flow *f)
{
    auto_buf out = {0};
    buf_printf(&out, "{\"ok\":%s,\"errors\":%zu,\"warnings\":%zu,\"findings\":", f->plan ? "true" : "false",
               f->findings.errors, f->findings.warnings);
    findings_json(&f->findings, &out);
    if (f->plan) {
        buf_str(&out, ",\"plan\":");
        plan_json(f->plan, &out);
    }
    buf_str(&out, "}\n");
    fwrite(out.data, 1, out.n, stdout);
}

static void print_text(const struct flow *f, const char *file)
{
    auto_buf out = {0};
    findings_print(&f->findings, stderr, isatty(STDERR_FILENO));
    if (!f->plan) {
        fprintf(stderr, "%s: %zu error%s, %zu warning%s; leat explain %s tells more\n", file, f->findings.errors,
                f->findings.errors == 1 ? "" : "s", f->findings.warnings, f->findings.warnings == 1 ? "" : "s",
                f->findings.all.n ? f->findings.all.at[0].code : "E201");
        return;
    }
    buf_printf(&out, "%s: right (%zu processors, %u lane%s: %s)\n", file, f->plan->n, f->plan->lanes,
               f->plan->lanes == 1 ? "" : "s", f->plan->lanes_because);
    plan_promises_text(f->plan, &out);
    fwrite(out.data, 1, out.n, stdout);
}

int command_validate(int argc, char **argv)
{
    static const struct option options[] = {{"plugins", required_argument, NULL, 'P'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct flow_arguments a = {0};
    struct flow f;
    struct err err;
    bool json = false;
    for (int c; (c = getopt_long(argc, argv, ":p:h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(usage, stdout) < 0;
        if (c == '?' || c == ':')
            return usage_bad_option(c, argv, options, usage);
        if (c == 'p' && flow_parameter(&a, optarg, &err) < 0)
            return usage_wrong(usage, "%s", err.text);
        a.plugins = c == 'P' ? optarg : a.plugins;
        json |= c == 'j';
    }
    if (optind + 1 != argc)
        return usage_wrong(usage, optind == argc ? "which flow? give its file" : "one flow file, please");
    a.file = argv[optind];
    int code = flow_read(&f, &a);
    if (code == EXIT_FAILED)
        return code;
    json ? print_json(&f) : print_text(&f, a.file);
    flow_close(&f);
    return code;
}
