/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: finds the subcommand. */
#include "core/cli/cli.h"

#include <config.h>
#include <leat/plugin.h>

static int command_version(int argc, char **argv)
{
    static const char usage[] = "  leat version          such as: leat %s\n"
                                "  leat version --json   for programs, with the plugin ABI it has\n"
                                "\n"
                                "usage: leat version [--json]\n";
    const char *what = argc > 1 ? argv[1] : "";
    if (argc > 2 || (*what && strcmp(what, "--json") != 0 && strcmp(what, "--help") != 0 && strcmp(what, "-h") != 0))
        return usage_wrong("usage: leat version [--json]\n", "version takes no '%s'", argv[argc - 1]);
    if (!*what)
        printf("leat %s\n", PACKAGE_VERSION);
    else if (strcmp(what, "--json") == 0)
        printf("{\"version\":\"%s\",\"abi\":\"%d.%d\"}\n", PACKAGE_VERSION, LEAT_ABI_MAJOR, LEAT_ABI_MINOR);
    else
        printf(usage, PACKAGE_VERSION);
    return 0;
}

static const struct command commands[] = {
    {"run", "run a flow", command_run},
    {"validate", "check a flow; print what each path promises", command_validate},
    {"try", "show what each port of a flow would carry", command_try},
    {"eval", "compute an expression over records", command_eval},
    {"explain", "tell how a flow runs, or what a code such as E204 means", command_explain},
    {"graph", "draw a flow", command_graph},
    {"pipe", "run a flow from standard input to standard output", command_pipe},
    {"plugins", "list and describe plugins", command_plugins},
    {"schema", "print the JSON Schema of flow files, for editors", command_schema},
    {"version", "print the version", command_version},
};

static void print_usage(FILE *to)
{
    fputs("  leat validate flows/supply-chain.yaml\n"
          "  leat run flows/supply-chain.yaml\n"
          "\n"
          "usage: leat COMMAND [ARGUMENTS]; leat COMMAND --help tells more\n",
          to);
    for (size_t i = 0; i < N_OF(commands); i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < N_OF(commands); i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *names[N_OF(commands)];
    for (size_t i = 0; i < N_OF(commands); i++)
        names[i] = commands[i].name;
    const char *near = closest(text_of(name), names, N_OF(commands));
    fprintf(stderr, near ? "leat: there is no command '%s'; did you mean '%s'?\n" : "leat: there is no command '%s'\n", name, near);
    print_usage(stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "help") == 0 && find(argv[2]))
        return find(argv[2])->run(2, (char *[]){argv[2], "--help", NULL});
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : 0;
    }
    const struct command *c = find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    return c ? c->run(argc - 1, argv + 1) : unknown(argv[1]);
}
