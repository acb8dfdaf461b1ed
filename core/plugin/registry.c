/* SPDX-License-Identifier: Apache-2.0 */
/* registry.c: the plugin files that were found, and who offers which processor. */
#include "core/plugin/plugin_internal.h"

#include <dirent.h>
#include <libgen.h>
#include <unistd.h>

struct registry {
    struct arena memory;
    VEC(struct plugin_file) files;
    char *cache;
};

/* --- folders ------------------------------------------------------------------------------------------------------ */

/* Every folder of a list with ':' between them. */
static size_t split(const char *list, char **to, size_t room)
{
    size_t n = 0;
    for (const char *at = list; at && *at && n < room;) {
        size_t length = strcspn(at, ":");
        if (length)
            to[n++] = xstrndup(at, length);
        at += length + (at[length] == ':');
    }
    return n;
}

/* Of a binary that runs where it was built, or that was installed under another root; NULL: none of these is there. */
static char *folder_of_binary(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return NULL;
    path[n] = 0;
    const char *home = dirname(path);
    auto_free char *built = xasprintf("%s/plugins", home), *installed = xasprintf("%s/../lib/leat/plugins", home);
    if (access(built, X_OK) == 0)
        return steal(built);
    return access(installed, X_OK) == 0 ? steal(installed) : NULL;
}

char **plugin_folders(const char *given)
{
    enum { ROOM = 64 };
    char **folders = xcalloc(ROOM + 2, sizeof *folders);
    size_t n = split(given, folders, ROOM / 2);
    n += split(getenv("LEAT_PLUGINS"), folders + n, ROOM / 2);
    char *own = folder_of_binary();
    folders[n] = own ? own : xstrdup(LEAT_PLUGIN_FOLDER);
    return folders;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static int is_library(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return e->d_name[0] != '.' && n > 3 && strcmp(e->d_name + n - 3, ".so") == 0;
}

/* A folder that is not there is empty. */
static int scan_folder(struct registry *r, const char *folder, struct err *err)
{
    struct dirent **names = NULL;
    int n = scandir(folder, &names, is_library, alphasort);
    if (n < 0 && errno != ENOENT)
        return err_set(err, errno, "cannot look for plugins in %s: %m", folder);
    for (int i = 0; i < n; i++) {
        struct plugin_file f = {.path = arena_printf(&r->memory, "%s/%s", folder, names[i]->d_name)};
        free(names[i]);
        scan_file(&r->memory, &f, r->cache);
        *VEC_PUSH(&r->files) = f;
    }
    free(names);
    return 0;
}

struct registry *registry_open(const char *const *folders, const char *cache, struct err *err)
{
    struct registry *r = xcalloc(1, sizeof *r);
    r->cache = cache ? xstrdup(cache) : NULL;
    for (; *folders; folders++)
        if (scan_folder(r, *folders, err) < 0) {
            registry_free(r);
            return NULL;
        }
    return r;
}

void registry_free(struct registry *r)
{
    if (!r)
        return;
    VEC_FINI(&r->files);
    arena_fini(&r->memory);
    free(r->cache);
    free(r);
}

const struct plugin_file *registry_files(const struct registry *r, size_t *ret_n)
{
    *ret_n = r->files.n;
    return r->files.at;
}

/* --- loading ------------------------------------------------------------------------------------------------------ */

/* The file is read again: one that changed since the scan is looked at again. */
static const leat_plugin *load(struct registry *r, struct plugin_file *f, struct err *err)
{
    auto_buf file = {0};
    char hash[65];
    int fd = -1;
    if (f->image)
        return f->image;
    if (read_file(f->path, &file, err) < 0)
        return NULL;
    sha256_hex(file.data, file.n, hash);
    if (strcmp(hash, f->hash) != 0) {
        *f = (struct plugin_file){.path = f->path};
        scan_file(&r->memory, f, r->cache);
    }
    if (f->broken) {
        err_code(err, ENOEXEC, "E402", "the plugin %s cannot be used: %s", f->path, f->broken);
        return NULL;
    }
    auto_free char *copy = image_private(buf_view(&file), f->hash, r->cache, &fd, err);
    f->image = copy ? image_load(copy, f->hash, f->path, err) : NULL;
    (void)fd; /* stays open: its number is the image's name for the loader, which must not come twice */
    return f->image;
}

const leat_plugin *registry_load(struct registry *r, const char *path, struct err *err)
{
    for (size_t i = 0; i < r->files.n; i++)
        if (strcmp(r->files.at[i].path, path) == 0)
            return load(r, &r->files.at[i], err);
    struct plugin_file f = {.path = arena_strdup(&r->memory, path)};
    scan_file(&r->memory, &f, r->cache);
    VEC_PUSH(&r->files);
    memmove(r->files.at + 1, r->files.at, (r->files.n - 1) * sizeof f); /* who names a file means what is in it */
    r->files.at[0] = f;
    return load(r, &r->files.at[0], err);
}

static bool offers(const struct plugin_file *f, uint32_t kind, leat_text name)
{
    for (size_t i = 0; i < f->n_processors; i++)
        if ((!kind || f->processors[i].kind == kind) && text_is(name, f->processors[i].name))
            return true;
    return false;
}

/* A file that would be called like the processor, but is broken: that is what the reader must hear of. */
static const struct plugin_file *broken_of_name(const struct registry *r, leat_text name)
{
    for (size_t i = 0; i < r->files.n; i++) {
        const char *base = strrchr(r->files.at[i].path, '/') + 1;
        if (r->files.at[i].broken && text_equal((leat_text){base, strlen(base) - 3}, name))
            return &r->files.at[i];
    }
    return NULL;
}

static const char *kind_that_is(const struct registry *r, leat_text name)
{
    for (uint32_t kind = LEAT_SOURCE; kind <= LEAT_SINK; kind++)
        for (size_t i = 0; i < r->files.n; i++)
            if (offers(&r->files.at[i], kind, name))
                return plugin_kind_name(kind);
    return NULL;
}

static bool any_broken(const struct registry *r)
{
    for (size_t i = 0; i < r->files.n; i++)
        if (r->files.at[i].broken)
            return true;
    return false;
}

static void unknown(const struct registry *r, uint32_t kind, leat_text name, struct err *err)
{
    VEC(const char *) names = {0};
    const struct plugin_file *broken = broken_of_name(r, name);
    const char *other = kind_that_is(r, name), *what = plugin_kind_name(kind);
    for (size_t i = 0; i < r->files.n; i++)
        for (size_t k = 0; k < r->files.at[i].n_processors; k++)
            if (r->files.at[i].processors[k].kind == kind)
                *VEC_PUSH(&names) = r->files.at[i].processors[k].name;
    const char *near = closest(name, names.at, names.n);
    if (broken)
        err_code(err, ENOEXEC, "E402", "the plugin %s cannot be used: %s", broken->path, broken->broken);
    else if (other)
        err_code(err, ENOENT, "E401", "'" TEXT_FMT "' is a %s, not a %s", TEXT_ARG(name), other, what);
    else if (near)
        err_code(err, ENOENT, "E401", "no %s is called '" TEXT_FMT "'; did you mean '%s'?", what, TEXT_ARG(name), near);
    else
        err_code(err, ENOENT, "E401",
                 "no %s is called '" TEXT_FMT "'; `leat plugins list` shows those that were found%s", what,
                 TEXT_ARG(name), any_broken(r) ? ", and why others cannot be used" : "");
    VEC_FINI(&names);
}

const leat_processor *registry_processor(struct registry *r, uint32_t kind, leat_text name,
                                         const struct plugin_file **ret_file, struct err *err)
{
    for (size_t i = 0; i < r->files.n; i++) {
        struct plugin_file *f = &r->files.at[i];
        if (!offers(f, kind, name))
            continue;
        const leat_plugin *p = load(r, f, err);
        for (uint32_t k = 0; p && k < p->n_processors; k++)
            if (p->processors[k]->kind == kind && text_is(name, p->processors[k]->name)) {
                *ret_file = f;
                return p->processors[k];
            }
        if (p)
            err_code(err, ENOENT, "E401", "%s no longer offers the %s '" TEXT_FMT "'", f->path, plugin_kind_name(kind),
                     TEXT_ARG(name));
        return NULL;
    }
    unknown(r, kind, name, err);
    return NULL;
}
