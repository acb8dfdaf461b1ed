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
    "       leat explain CODE|codes [--json]\n";

static bool is_code(const char *s)
{
    return strlen(s) == 4 && strchr("EWNewn", s[0]) && isdigit((unsigned char)s[1]) && isdigit((unsigned char)s[2]) &&
           isdigit((unsigned char)s[3]);
}

static void code_json(const struct code_doc *d, struct buf *out)
{
    buf_printf(out, "{\"code\":\"%s\",\"title\":", d->code);
    buf_json(out, text_of(d->title));
    buf_str(out, ",\"text\":");
    buf_json(out, text_of(d->text));
    buf_str(out, "}");
}

static int explain_code(const char *code, bool json)
{
    const struct code_doc *d = code_find(code);
    if (!d) {
        fprintf(stderr, "leat: there is no code %s; leat explain codes lists them\n", code);
        return EXIT_USAGE;
    }
    auto_buf out = {0};
    if (json)
        code_json(d, &out);
    else
        buf_printf(&out, "%s: %s\n\n%s", d->code, d->title, d->text);
    printf(TEXT_FMT "\n", TEXT_ARG(buf_view(&out)));
    return 0;
}

static int list_codes(bool json)
{
    auto_buf out = {0};
    size_t n;
    const struct code_doc *all = code_all(&n);
    for (size_t i = 0; i < n && json; i++) {
        buf_str(&out, i ? ",\n" : "[");
        code_json(&all[i], &out);
    }
    for (size_t i = 0; i < n && !json; i++)
        printf("%s  %s\n", all[i].code, all[i].title);
    if (json)
        printf(TEXT_FMT "]\n", TEXT_ARG(buf_view(&out)));
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
        return usage_wrong(usage,
                           optind == argc ? "what? give a flow file or a code" : "one flow file or code, please");
    a.file = argv[optind];
    if (access(a.file, F_OK) != 0 && strcmp(a.file, "codes") == 0)
        return list_codes(json);
    if (access(a.file, F_OK) != 0 && is_code(a.file))
        return explain_code(a.file, json);
    return explain_flow(&a, json);
}
