/* SPDX-License-Identifier: Apache-2.0 */
/* image.c: private copies of plugin files, and the images that this process has loaded; owns both until the process
 * ends.
 *
 * A file that is loaded must not change: a truncated one kills the process, and one that was replaced under the same
 * name is not read again. So what is loaded is a copy, named by its hash. Images are never unloaded: threads and exit
 * handlers of libraries may point into them. */
#include "core/plugin/plugin_internal.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct image {
    char hash[65];
    const leat_plugin *plugin;
};
static struct {
    VEC(struct image) images;
    struct arena memory;
} loaded; /* [main] */

/* --- private copies ----------------------------------------------------------------------------------------------- */

enum { UNUSED_DAYS = 30 };

static void remove_unused(const char *folder)
{
    DIR *d = opendir(folder);
    struct stat st;
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_mtime < time(NULL) - UNUSED_DAYS * 86400)
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
}

static bool is_same(const char *path, const char hash[65])
{
    auto_buf there = {0};
    char other[65];
    if (read_file(path, &there, NULL) < 0)
        return false;
    sha256_hex(there.data, there.n, other);
    return strcmp(other, hash) == 0;
}

static char *copy_in_cache(leat_text file, const char hash[65], const char *cache)
{
    auto_free char *folder = xasprintf("%s/images", cache), *path = xasprintf("%s/%s.so", folder, hash);
    if (is_same(path, hash)) {
        utimensat(AT_FDCWD, path, NULL, 0);
        return steal(path);
    }
    if (make_folders(folder, NULL) < 0)
        return NULL;
    remove_unused(folder);
    return replace_file(path, file, NULL) == 0 ? steal(path) : NULL;
}

char *image_private(leat_text file, const char hash[65], const char *cache, int *ret_fd, struct err *err)
{
    char *path = cache ? copy_in_cache(file, hash, cache) : NULL;
    *ret_fd = -1;
    if (path)
        return path;
    auto_close int fd = memfd_create(hash, MFD_CLOEXEC);
    int result = fd < 0 ? -errno : write_all(fd, file.data, file.n);
    if (result < 0) {
        err_set(err, -result, "cannot be copied into memory: %m");
        return NULL;
    }
    path = xasprintf("/proc/%d/fd/%d", (int)getpid(), fd);
    *ret_fd = fd;
    fd = -1;
    return path;
}

/* --- loading ------------------------------------------------------------------------------------------------------ */

const leat_plugin *image_loaded(const char hash[65])
{
    for (size_t i = 0; i < loaded.images.n; i++)
        if (strcmp(loaded.images.at[i].hash, hash) == 0)
            return loaded.images.at[i].plugin;
    return NULL;
}

/* dlerror begins with the path, which says nothing to a reader here. */
static const char *load_error(const char *path)
{
    const char *e = dlerror();
    size_t n = strlen(path);
    if (!e)
        return "no reason is known";
    return strncmp(e, path, n) == 0 && strncmp(e + n, ": ", 2) == 0 ? e + n + 2 : e;
}

static const leat_plugin *check_abi(const leat_plugin *p, struct err *err)
{
    unsigned major = p ? p->abi >> 16 : 0;
    if (!p || p->sizes.plugin < offsetof(leat_plugin, min_minor))
        err_set(err, ENOEXEC, "returns no description from leat_plugin_v1");
    else if (major != LEAT_ABI_MAJOR)
        err_set(err, ENOEXEC, "says that it is of ABI %u, though it exports leat_plugin_v%d: build it again", major,
                LEAT_ABI_MAJOR);
    else if (p->sizes.plugin >= offsetof(leat_plugin, n_codecs) && p->min_minor > LEAT_ABI_MINOR)
        err_set(err, ENOEXEC, "needs plugin ABI %d.%u, this Leat has %d.%d: install a newer Leat", LEAT_ABI_MAJOR,
                p->min_minor, LEAT_ABI_MAJOR, LEAT_ABI_MINOR);
    else
        return p;
    return NULL;
}

static const leat_plugin *open_image(const char *path, struct err *err)
{
    void *image = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!image) {
        err_set(err, ENOEXEC, "cannot be loaded: %s", load_error(path));
        return NULL;
    }
    const leat_plugin *(*entry)(void);
    *(void **)&entry = dlsym(image, "leat_plugin_v1");
    if (!entry) {
        err_set(err, ENOEXEC, "is no plugin for this Leat: it does not export leat_plugin_v%d", LEAT_ABI_MAJOR);
        return NULL;
    }
    const leat_plugin *theirs = check_abi(entry(), err);
    return theirs ? plugin_adopt(&loaded.memory, theirs, err) : NULL;
}

const leat_plugin *image_load(const char *private_path, const char hash[65], const char *shown, struct err *err)
{
    const leat_plugin *p = image_loaded(hash);
    if (p)
        return p;
    if (loaded.images.n >= IMAGES_MAX) {
        err_set(err, EMFILE, "%s: %d images are loaded, and none can be unloaded: restart this process", shown,
                IMAGES_MAX);
        return NULL;
    }
    struct err why;
    p = open_image(private_path, &why);
    if (!p) {
        err_set(err, ENOEXEC, "%s %s", shown, why.text);
        return NULL;
    }
    struct image *i = VEC_PUSH(&loaded.images);
    memcpy(i->hash, hash, sizeof i->hash);
    return i->plugin = p;
}
