/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h: the subcommands; one file each. */
#ifndef LEAT_CORE_CLI_H
#define LEAT_CORE_CLI_H

#include "core/base/base.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_FINDINGS = 3, EXIT_TEMPORARY = 75, EXIT_CONFIGURATION = 78 };
struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the name; returns the exit code */
};
int command_eval(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_graph(int argc, char **argv);
int command_pipe(int argc, char **argv);
int command_plugins(int argc, char **argv);
/* The sentence and the usage on stderr. [main] Returns EXIT_USAGE. */
int usage_wrong(const char *usage, const char *format, ...) PRINTF(2, 3);
struct option;
/* After getopt_long gave c = '?' or ':'; the short options begin with "+:" or ":". The options have values above 255 or
 * of short ones. */
int usage_bad_option(int c, char **argv, const struct option *options, const char *usage);
struct registry;
int plugins_check(struct registry *r, const char *path, const char *processor, const char *with); /* check.c */
int command_run(int argc, char **argv);
int command_schema(int argc, char **argv);
int command_try(int argc, char **argv);
int command_validate(int argc, char **argv);
#endif
