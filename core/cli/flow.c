/* SPDX-License-Identifier: Apache-2.0 */
/* flow.c: opens a flow file for a subcommand. */
#include "core/cli/flow.h"

#include "core/cli/cli.h"

#include <unistd.h>

int flow_parameter(struct flow_arguments *a, const char *name_value, struct err *err)
{
    const char *equals = strchr(name_value, '=');
    if (!equals || equals == name_value)
        return err_set(err, EINVAL, "-p takes NAME=VALUE, not '%s'", name_value);
    leat_text *value = xmalloc(sizeof *value + strlen(equals));
    memcpy(value + 1, equals + 1, strlen(equals));
    *value = text_of((char *)(value + 1));
    *map_at(&a->parameters, (leat_text){name_value, (size_t)(equals - name_value)}) = value;
    return 0;
}

struct registry *flow_registry(const char *plugins)
{
    struct err err;
    char **folders = plugin_folders(plugins);
    const char *home = getenv("XDG_CACHE_HOME");
    auto_free char *cache = home             ? xasprintf("%s/leat", home)
                            : getenv("HOME") ? xasprintf("%s/.cache/leat", getenv("HOME"))
                                             : NULL;
    struct registry *r = registry_open((const char *const *)folders, cache, &err);
    for (char **at = folders; *at; at++)
        free(*at);
    free(folders);
    if (!r)
        fprintf(stderr, "leat: %s\n", err.text);
    return r;
}

int flow_read(struct flow *f, struct flow_arguments *a)
{
    *f = (struct flow){.parameters = a->parameters};
    f->registry = flow_registry(a->plugins);
    if (!f->registry)
        return EXIT_FAILED;
    struct plan_options options = {.parameters = &f->parameters};
    f->plan = plan_read(a->file, f->registry, &options, &f->findings);
    return f->plan ? 0 : EXIT_CONFIGURATION;
}

int flow_open(struct flow *f, struct flow_arguments *a)
{
    int code = flow_read(f, a);
    if (code == EXIT_FAILED)
        return code;
    findings_print(&f->findings, stderr, isatty(STDERR_FILENO));
    if (f->plan)
        return 0;
    flow_close(f);
    return EXIT_CONFIGURATION;
}

void flow_close(struct flow *f)
{
    plan_free(f->plan);
    findings_fini(&f->findings);
    if (f->registry)
        registry_free(f->registry);
    for (size_t i = 0; i < f->parameters.n; i++)
        free(f->parameters.at[i].value);
    map_fini(&f->parameters);
}
