/* SPDX-License-Identifier: Apache-2.0 */
/* scan.c: looks at a plugin in a child process, so that one that crashes or hangs harms nobody; remembers what it found
 * by hash.
 *
 * The child prints lines "key value": plugin, version, doc, processor KIND NAME, json; or "broken SENTENCE". A file of
 * the cache holds the same lines after one that says which Leat wrote it. */
#include "core/plugin/plugin_internal.h"

#include <config.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BROKEN_SECONDS = 600 }; /* so long a file that crashed or hung is believed to do so again */

/* --- the child ---------------------------------------------------------------------------------------------------- */

static void print_found(const leat_plugin *p, struct buf *out)
{
    buf_printf(out, "plugin %s\nversion %s\ndoc %s\n", p->name, p->version, p->doc);
    for (uint32_t i = 0; i < p->n_processors; i++)
        buf_printf(out, "processor %u %s\n", p->processors[i]->kind, p->processors[i]->name);
    buf_str(out, "json ");
    plugin_describe_json(p, out);
    buf_char(out, '\n');
}

/* Loads the file and prints what it is into `out`. */
static void look_at(const char *path, struct buf *out)
{
    struct err err;
    auto_buf file = {0}, mistakes = {0};
    char hash[65];
    if (read_file(path, &file, &err) < 0) {
        buf_printf(out, "broken %s\n", err.text);
        return;
    }
    sha256_hex(file.data, file.n, hash);
    const leat_plugin *p = elf_check(buf_view(&file), &err) == 0 ? image_load(path, hash, "", &err) : NULL;
    if (!p)
        buf_printf(out, "broken %s\n", err.text + strspn(err.text, " "));
    else if (plugin_mistakes(p, &mistakes))
        buf_printf(out, "broken its description has mistakes:\n" TEXT_FMT, TEXT_ARG(buf_view(&mistakes)));
    else
        print_found(p, out);
}

int plugin_scan_child(const char *path)
{
    auto_buf out = {0};
    struct rlimit no_core = {0, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &no_core);
    int answer = dup(STDOUT_FILENO), other = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(other, STDOUT_FILENO); /* whatever constructors of libraries print */
    look_at(path, &out);
    int result = write_all(answer, out.data, out.n);
    _exit(result < 0); /* exit handlers of a library that was never started are its own affair */
}

/* --- the parent --------------------------------------------------------------------------------------------------- */

/* This binary; in the tests' programs, which are not it, the one that $LEAT names. */
static const char *scanner(void)
{
    static char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    const char *name = strrchr(path, '/'), *named = getenv("LEAT");
    return name && strcmp(name, "/leat") != 0 && named ? named : "/proc/self/exe";
}

/* Reads what the child prints; false: the time is over. */
static bool read_answer(int fd, struct buf *out)
{
    int64_t until = clock_mono_us() + (int64_t)SCAN_MS * 1000;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = until - clock_mono_us();
        if (left <= 0 || out->n > SCAN_BYTES)
            return false;
        if (poll(&p, 1, (int)(left / 1000 + 1)) <= 0)
            continue;
        ssize_t n = read(fd, buf_room(out, 65536), 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return true;
        out->n += (size_t)n;
    }
}

static int start_child(const char *path, int *ret_fd, pid_t *ret_pid)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    char *arguments[] = {"leat", "plugins", "scan", (char *)path, NULL};
    int result = -posix_spawn(ret_pid, scanner(), &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (result < 0)
        close(ends[0]);
    else
        *ret_fd = ends[0];
    return result;
}

static bool is_broken(const struct buf *found)
{
    return found->n >= 7 && memcmp(found->data, "broken ", 7) == 0;
}

/* The child's answer in `out`; "broken ..." whatever happens. true: it may be remembered. What the child itself says is
 * wrong, such as a missing library, may change without the file. */
static bool ask_child(const char *path, struct buf *out)
{
    int fd = -1, status = 0;
    pid_t pid = 0;
    int result = start_child(path, &fd, &pid);
    if (result < 0) {
        buf_printf(out, "broken it could not be looked at: %s\n", strerror(-result));
        return false;
    }
    bool in_time = read_answer(fd, out);
    close(fd);
    if (!in_time)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0 && out->n)
        return !is_broken(out);
    out->n = 0;
    if (!in_time)
        buf_printf(out, "broken it did not answer within %d s when it was loaded\n", SCAN_MS / 1000);
    else if (WIFSIGNALED(status))
        buf_printf(out, "broken it crashed when it was loaded: SIG%s, %s\n", sigabbrev_np(WTERMSIG(status)),
                   strsignal(WTERMSIG(status)));
    else
        buf_printf(out, "broken it ended the process when it was loaded, with exit code %d\n", WEXITSTATUS(status));
    return true;
}

/* --- what was found ------------------------------------------------------------------------------------------------
 */

static bool take(const char *line, const char *key, const char **ret)
{
    size_t n = strlen(key);
    if (strncmp(line, key, n) != 0 || line[n] != ' ')
        return false;
    *ret = line + n + 1;
    return true;
}

static void read_line(struct arena *a, struct plugin_file *f, char *line)
{
    const char *value;
    if (take(line, "plugin", &value))
        f->name = arena_strdup(a, value);
    else if (take(line, "version", &value))
        f->version = arena_strdup(a, value);
    else if (take(line, "doc", &value))
        f->doc = arena_strdup(a, value);
    else if (take(line, "json", &value))
        f->describe = arena_strdup(a, value);
    else if (take(line, "processor", &value)) {
        f->processors[f->n_processors].kind = (uint32_t)strtoul(value, NULL, 10);
        f->processors[f->n_processors++].name = arena_strdup(a, value + strcspn(value, " ") + 1);
    }
}

static void read_found(struct arena *a, struct plugin_file *f, struct buf *found)
{
    const char *broken;
    size_t n = 1;
    buf_add(found, "", 0);
    if (take(found->data, "broken", &broken)) {
        char *sentence = arena_strdup(a, broken);
        sentence[strlen(sentence) - 1] = 0; /* the line's end */
        f->broken = sentence;
        return;
    }
    for (size_t i = 0; i < found->n; i++)
        n += found->data[i] == '\n';
    f->processors = arena_zalloc(a, n * sizeof *f->processors);
    char *rest = found->data;
    for (char *line; (line = strsep(&rest, "\n"));)
        read_line(a, f, line);
    if (!f->name || !f->describe)
        f->broken = "what was found out about it cannot be read";
}

/* First line of a file of the cache: which program looked, because another one may look for more. */
static void cache_line(struct buf *out)
{
    struct stat st = {0};
    stat(scanner(), &st);
    buf_printf(out, "leat " PACKAGE_VERSION " scan 1 %lld %lld\n", (long long)st.st_size, (long long)st.st_mtime);
}

static char *cache_path(const char *cache, const char hash[65])
{
    return xasprintf("%s/scans/%s", cache, hash);
}

static bool read_cache(const char *cache, const char hash[65], struct buf *out)
{
    if (!cache)
        return false;
    auto_free char *path = cache_path(cache, hash);
    auto_buf all = {0}, line = {0};
    struct stat st;
    cache_line(&line);
    if (stat(path, &st) < 0 || read_file(path, &all, NULL) < 0 || all.n <= line.n ||
        memcmp(all.data, line.data, line.n) != 0 || all.data[all.n - 1] != '\n')
        return false;
    buf_add(out, all.data + line.n, all.n - line.n);
    if (!is_broken(out) || st.st_mtime > time(NULL) - BROKEN_SECONDS)
        return true;
    out->n = 0;
    return false;
}

static void write_cache(const char *cache, const char hash[65], const struct buf *found)
{
    if (!cache)
        return;
    auto_free char *folder = xasprintf("%s/scans", cache), *path = cache_path(cache, hash);
    auto_buf all = {0};
    cache_line(&all);
    buf_text(&all, buf_view(found));
    if (make_folders(folder, NULL) == 0)
        replace_file(path, buf_view(&all), NULL); /* if not, the next start looks again */
}

static void scan_new(struct plugin_file *f, leat_text file, const char *cache, struct buf *found)
{
    int fd;
    struct err err;
    if (elf_check(file, &err) < 0) {
        buf_printf(found, "broken %s\n", err.text);
        return;
    }
    auto_free char *copy = image_private(file, f->hash, cache, &fd, &err);
    if (!copy)
        buf_printf(found, "broken %s\n", err.text);
    else if (ask_child(copy, found))
        write_cache(cache, f->hash, found);
    if (fd >= 0)
        close(fd);
}

void scan_file(struct arena *a, struct plugin_file *f, const char *cache)
{
    auto_buf file = {0}, found = {0};
    struct err err;
    if (read_file(f->path, &file, &err) < 0) {
        f->broken = arena_strdup(a, err.text);
        return;
    }
    sha256_hex(file.data, file.n, f->hash);
    if (!read_cache(cache, f->hash, &found))
        scan_new(f, buf_view(&file), cache, &found);
    read_found(a, f, &found);
}
