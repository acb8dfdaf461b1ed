/* SPDX-License-Identifier: Apache-2.0 */
/* graph.c: `leat graph`: a flow as a picture. */
#include "core/cli/cli.h"
#include "core/cli/flow.h"

#include <getopt.h>

static const char usage[] = "  leat graph flow.yaml                                   in the terminal\n"
                            "  leat graph flow.yaml --dot | dot -Tsvg >flow.svg       by Graphviz\n"
                            "\n"
                            "usage: leat graph FLOW [--dot | --json] [-p NAME=VALUE] [--plugins DIR]\n";

int command_graph(int argc, char **argv)
{
    static const struct option options[] = {{"plugins", required_argument, NULL, 'P'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"dot", no_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct flow_arguments a = {0};
    struct flow f;
    struct err err;
    int form = 't';
    for (int c; (c = getopt_long(argc, argv, ":p:h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(usage, stdout) < 0;
        if (c == '?' || c == ':')
            return usage_bad_option(c, argv, options, usage);
        if (c == 'p' && flow_parameter(&a, optarg, &err) < 0)
            return usage_wrong(usage, "%s", err.text);
        a.plugins = c == 'P' ? optarg : a.plugins;
        form = c == 'j' || c == 'd' ? c : form;
    }
    if (optind + 1 != argc)
        return usage_wrong(usage, optind == argc ? "which flow? give its file" : "one flow file, please");
    a.file = argv[optind];
    int code = flow_open(&f, &a);
    if (code)
        return code;
    auto_buf out = {0};
    form == 'd' ? plan_graph_dot(f.plan, &out) : form == 'j' ? plan_json(f.plan, &out) : plan_graph_text(f.plan, &out);
    buf_str(&out, form == 'j' ? "\n" : "");
    fwrite(out.data, 1, out.n, stdout);
    flow_close(&f);
    return 0;
}
