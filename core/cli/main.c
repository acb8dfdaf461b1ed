/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: finds the subcommand. */
#include "core/cli/cli.h"

#include <config.h>

static int version(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("leat %s\n", PACKAGE_VERSION);
    return 0;
}

static const struct command commands[] = {
    {"plugins", "list and describe plugins", command_plugins},
    {"version", "print the version", version},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < N_OF(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "usage: leat COMMAND [ARGUMENTS]\n");
    return 2;
}
