/* SPDX-License-Identifier: Apache-2.0 */
/* plugins.c: `leat plugins`: what was found, and what it offers (check: check.c). */
#include "core/cli/cli.h"
#include "core/cli/flow.h"
#include "core/plugin/plugin.h"

#include <getopt.h>

static const char help[] =
    "examples:\n"
    "  leat plugins list                     all plugins that are found, and what they offer\n"
    "  leat plugins describe kafka           the options, ports and metrics of a plugin or processor\n"
    "  leat plugins describe ./threshold.so  the same of a file that is not installed\n"
    "  leat plugins check ./threshold.so     whether it keeps the contract; its transforms are run over made-up "
    "records\n"
    "\n"
    "usage: leat plugins list [--json] [--plugins FOLDERS]\n"
    "       leat plugins describe NAME|FILE.so... [--json] [--plugins FOLDERS]\n"
    "       leat plugins check FILE.so [PROCESSOR] [--with '{option: value}'] [--plugins FOLDERS]\n"
    "\n"
    "  --plugins FOLDERS  where to look first; several with ':' between them\n"
    "  --json             for programs\n"
    "  --with OPTIONS     options of the processor, as in a flow; without them required ones are made up\n"
    "\n"
    "Exit code of check: 0 it keeps the contract, 3 it does not.\n";

/* --- list --------------------------------------------------------------------------------------------------------- */

static void list_json(const struct plugin_file *files, size_t n, struct buf *out)
{
    buf_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        buf_str(out, i ? ",\n{\"file\":" : "{\"file\":");
        buf_json(out, text_of(files[i].path));
        buf_printf(out, ",\"sha256\":\"%s\",", files[i].hash);
        buf_str(out, files[i].broken ? "\"broken\":" : "\"plugin\":");
        if (files[i].broken)
            buf_json(out, text_of(files[i].broken));
        else
            buf_str(out, files[i].describe);
        buf_char(out, '}');
    }
    buf_str(out, "]\n");
}

/* The file before files[i] that offers the same processor, so that this one is never used; NULL: none. */
static const char *hidden_by(const struct plugin_file *files, size_t i, size_t processor)
{
    for (size_t k = 0; k < i; k++)
        for (size_t j = 0; j < files[k].n_processors; j++)
            if (files[k].processors[j].kind == files[i].processors[processor].kind &&
                strcmp(files[k].processors[j].name, files[i].processors[processor].name) == 0)
                return files[k].path;
    return NULL;
}

static void list_text(const struct plugin_file *files, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct plugin_file *f = &files[i];
        if (f->broken) {
            buf_printf(out, "%s cannot be used: %s\n", f->path, f->broken);
            continue;
        }
        buf_printf(out, "%s %s: %s\n", f->name, f->version, f->doc);
        for (size_t k = 0; k < f->n_processors; k++) {
            const char *other = hidden_by(files, i, k);
            buf_printf(out, "  %-9s %s", plugin_kind_name(f->processors[k].kind), f->processors[k].name);
            if (other)
                buf_printf(out, " (not used: %s comes first)", other);
            buf_char(out, '\n');
        }
    }
}

static int list(struct registry *r, bool json)
{
    size_t n;
    auto_buf out = {0};
    const struct plugin_file *files = registry_files(r, &n);
    (json ? list_json : list_text)(files, n, &out);
    if (!n && !json)
        fprintf(stderr, "leat: no plugins were found; say where they are with --plugins FOLDER\n");
    fwrite(out.data, 1, out.n, stdout);
    return 0;
}

/* --- describe ------------------------------------------------------------------------------------------------------
 */

/* The file of a plugin called so, or of one that offers a processor called so. */
static const char *path_of(const struct registry *r, const char *name)
{
    size_t n;
    const struct plugin_file *files = registry_files(r, &n);
    if (strchr(name, '/') || (strlen(name) > 3 && strcmp(name + strlen(name) - 3, ".so") == 0))
        return name;
    for (size_t i = 0; i < n; i++)
        if (files[i].name && strcmp(files[i].name, name) == 0)
            return files[i].path;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < files[i].n_processors; k++)
            if (strcmp(files[i].processors[k].name, name) == 0)
                return files[i].path;
    return NULL;
}

static void unknown_name(const struct registry *r, const char *name)
{
    size_t n;
    VEC(const char *) names = {0};
    const struct plugin_file *files = registry_files(r, &n);
    for (size_t i = 0; i < n; i++) {
        if (files[i].name)
            *VEC_PUSH(&names) = files[i].name;
        for (size_t k = 0; k < files[i].n_processors; k++)
            *VEC_PUSH(&names) = files[i].processors[k].name;
    }
    const char *near = closest(text_of(name), names.at, names.n);
    fprintf(stderr, "leat: no plugin or processor is called '%s'; %s%s%s\n", name,
            near ? "did you mean '" : "`leat plugins list` shows all", near ? near : "", near ? "'?" : "");
    VEC_FINI(&names);
}

static int describe_one(struct registry *r, const char *name, bool json)
{
    struct err err;
    auto_buf out = {0};
    const char *path = path_of(r, name);
    if (!path) {
        unknown_name(r, name);
        return EXIT_FAILED;
    }
    const leat_plugin *p = registry_load(r, path, &err);
    if (!p) {
        fprintf(stderr, "leat: %s\n", err.text);
        return EXIT_FAILED;
    }
    (json ? plugin_describe_json : plugin_describe_text)(p, &out);
    buf_str(&out, json ? "\n" : "");
    fwrite(out.data, 1, out.n, stdout);
    return 0;
}

static int describe(struct registry *r, char **names, bool json)
{
    int result = 0;
    for (; *names && result == 0; names++)
        result = describe_one(r, *names, json);
    return result;
}

/* --- the command ------------------------------------------------------------------------------------------------- */

int command_plugins(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"plugins", required_argument, NULL, 'p'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"with", required_argument, NULL, 'w'},
                                            {0}};
    const char *folders = NULL, *with = NULL;
    bool json = false;
    if (argc == 3 && strcmp(argv[1], "scan") == 0)
        return plugin_scan_child(argv[2]);
    for (int c; (c = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (c == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (c == '?' || c == ':')
            return usage_bad_option(c, argv, options, help);
        json = json || c == 'j';
        folders = c == 'p' ? optarg : folders;
        with = c == 'w' ? optarg : with;
    }
    const char *what = optind < argc ? argv[optind] : "";
    bool check = strcmp(what, "check") == 0;
    if (!check && strcmp(what, "list") != 0 && strcmp(what, "describe") != 0)
        return usage_wrong(help, *what ? "plugins takes list, describe or check, not '%s'" : "what about plugins?",
                           what);
    if (*what == 'l' ? optind + 1 < argc : optind + 1 == argc)
        return usage_wrong(help, *what == 'l' ? "list takes no name"
                                 : check      ? "which file is to be checked?"
                                              : "which plugin is to be described?");
    struct registry *r = flow_registry(folders);
    if (!r)
        return EXIT_FAILED;
    char **names = argv + optind + 1;
    int result = check          ? plugins_check(r, names[0], names[1], with)
                 : *what == 'l' ? list(r, json)
                                : describe(r, names, json);
    registry_free(r);
    return result;
}
