/* SPDX-License-Identifier: Apache-2.0 */
/* usage.c: what is said when a command line is wrong: one sentence, then how it is meant. */
#include "core/cli/cli.h"

#include <getopt.h>

int usage_wrong(const char *usage, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("leat: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    fputs(usage, stderr);
    return EXIT_USAGE;
}

static const char *long_name(const struct option *options, int value)
{
    for (; options->name; options++)
        if (options->val == value)
            return options->name;
    return NULL;
}

static const char *near_option(const struct option *options, leat_text wrong)
{
    const char *names[32];
    size_t n = 0;
    for (; options->name && n < N_OF(names); options++)
        names[n++] = options->name;
    return closest(wrong, names, n);
}

int usage_bad_option(int c, char **argv, const struct option *options, const char *usage)
{
    const char *given = argv[optind - 1], *name = optopt ? long_name(options, optopt) : NULL;
    if (c == ':')
        return name && given[0] == '-' && given[1] == '-' ? usage_wrong(usage, "--%s needs a value", name)
                                                          : usage_wrong(usage, "-%c needs a value", optopt);
    if (optopt && name && strchr(given, '='))
        return usage_wrong(usage, "--%s takes no value", name);
    if (optopt)
        return usage_wrong(usage, "there is no option '-%c'", optopt);
    const char *near = near_option(options, (leat_text){given + 2, strcspn(given + 2, "=")});
    return near ? usage_wrong(usage, "there is no option '%s'; did you mean '--%s'?", given, near)
                : usage_wrong(usage, "there is no option '%s'", given);
}
