/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c: `leat explain FLOW` shows the plan, `leat explain CODE` tells more of a finding. */
#include "core/cli/cli.h"
#include "core/cli/flow.h"

#include <ctype.h>
#include <getopt.h>
#include <unistd.h>

static const char usage[] =
    "  leat explain flow.yaml      lanes, fields that are decoded, expressions as compiled, the promise of each path\n"
    "  leat explain E204           what a finding means, an example, the next step\n"
    "  leat explain codes          all of them\n"
    "\n"
    "usage: leat explain FLOW [-p NAME=VALUE] [--json] [--plugins DIR]\n"
    "       leat explain CODE\n";

static bool is_code(const char *s)
{
    return strlen(s) == 4 && strchr("EWNewn", s[0]) && isdigit((unsigned char)s[1]) && isdigit((unsigned char)s[2]) &&
           isdigit((unsigned char)s[3]);
}

static int explain_code(const char *code)
{
    const struct code_doc *d = code_find(code);
    if (!d) {
        fprintf(stderr, "leat: there is no code %s; leat explain codes lists them\n", code);
        return EXIT_USAGE;
    }
    printf("%s: %s\n\n%s\n", d->code, d->title, d->text);
    return 0;
}

static int list_codes(void)
{
    size_t n;
    const struct code_doc *all = code_all(&n);
    for (size_t i = 0; i < n; i++)
        printf("%s  %s\n", all[i].code, all[i].title);
    return 0;
}

static int explain_flow(struct flow_arguments *a, bool json)
{
    struct flow f;
    auto_buf out = {0};
    int code = flow_open(&f, a);
    if (code)
        return code;
    json ? plan_json(f.plan, &out) : plan_explain(f.plan, &out);
    if (json)
        buf_char(&out, '\n');
    fwrite(out.data, 1, out.n, stdout);
    flow_close(&f);
    return 0;
}

int command_explain(int argc, char **argv)
{
    static const struct option options[] = {{"plugins", required_argument, NULL, 'P'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct flow_arguments a = {0};
    struct err err;
    bool json = false;
    for (int c; (c = getopt_long(argc, argv, "p:h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(usage, stdout) < 0;
        if (c == 'p' && flow_parameter(&a, optarg, &err) < 0)
            fprintf(stderr, "leat: %s\n", err.text);
        if (c == '?' || (c == 'p' && !a.parameters.n))
            return fputs(usage, stderr), EXIT_USAGE;
        a.plugins = c == 'P' ? optarg : a.plugins;
        json |= c == 'j';
    }
    if (optind + 1 != argc)
        return fputs(usage, stderr), EXIT_USAGE;
    a.file = argv[optind];
    if (access(a.file, F_OK) != 0 && strcmp(a.file, "codes") == 0)
        return list_codes();
    if (access(a.file, F_OK) != 0 && is_code(a.file))
        return explain_code(a.file);
    return explain_flow(&a, json);
}
