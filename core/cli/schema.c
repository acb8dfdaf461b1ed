/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c: `leat schema`: JSON Schema of flow files, for editors. */
#include "core/cli/cli.h"
#include "core/cli/flow.h"

#include <getopt.h>

static const char usage[] =
    "  leat schema >leat.schema.json      then in the flow file, for editors with a YAML language server:\n"
    "                                     # yaml-language-server: $schema=leat.schema.json\n"
    "\n"
    "usage: leat schema [--plugins DIR]\n";

int command_schema(int argc, char **argv)
{
    static const struct option options[] = {
        {"plugins", required_argument, NULL, 'P'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *plugins = NULL;
    for (int c; (c = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(usage, stdout) < 0;
        if (c != 'P')
            return usage_bad_option(c, argv, options, usage);
        plugins = optarg;
    }
    if (optind != argc)
        return usage_wrong(usage, "it takes no file");
    struct registry *r = flow_registry(plugins);
    if (!r)
        return EXIT_FAILED;
    auto_buf out = {0};
    flow_schema_json(r, &out);
    fwrite(out.data, 1, out.n, stdout);
    registry_free(r);
    return 0;
}
