/* SPDX-License-Identifier: Apache-2.0 */
/* store_test.c: the epoch log after crashes, damage and full disks; dead letters. */
#include "core/store/store_internal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char *folder; /* of the test that runs */

/* --- calls that fail when a test wants it: these stand before the C library's own
 * ------------------------------------- */

static int fail_at, calls; /* the fail_at-th of these calls fails; 0: none */
static int syncs;          /* counted, but not done: these tests kill processes, not machines */
static bool is_short;      /* writes: the one before it writes only half */

static bool is_due(void)
{
    return fail_at && ++calls == fail_at;
}

static size_t shortened(size_t n)
{
    return is_short && fail_at && calls + 1 == fail_at && n > 1 ? n / 2 : n;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    if (is_due())
        return errno = ENOSPC, -1;
    return syscall(SYS_pwrite64, fd, data, shortened(n), at);
}

ssize_t write(int fd, const void *data, size_t n)
{
    if (fd > STDERR_FILENO && is_due())
        return errno = ENOSPC, -1;
    return syscall(SYS_write, fd, data, fd > STDERR_FILENO ? shortened(n) : n);
}

int fdatasync(int fd)
{
    (void)fd;
    __atomic_fetch_add(&syncs, 1, __ATOMIC_RELAXED);
    return is_due() ? errno = EIO, -1 : 0;
}

int fsync(int fd)
{
    (void)fd;
    __atomic_fetch_add(&syncs, 1, __ATOMIC_RELAXED);
    return is_due() ? errno = EIO, -1 : 0;
}

int ftruncate(int fd, off_t length)
{
    return is_due() ? errno = EIO, -1 : (int)syscall(SYS_ftruncate, fd, length);
}

int rename(const char *from, const char *to)
{
    return is_due() ? errno = EIO, -1 : (int)syscall(SYS_rename, from, to);
}

static int make_folder(void **state)
{
    static int n;
    (void)state;
    const char *top = getenv("LEAT_TMP");
    folder = xasprintf("%s/store-test-%d-%d", top ? top : "/tmp", (int)getpid(), n++);
    return make_folders(folder, NULL);
}

static int remove_folder(void **state)
{
    (void)state;
    umount2(folder, MNT_DETACH);
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", folder, (char *)NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
    free(folder);
    return 0;
}

static struct store *open_store(void)
{
    struct err err;
    struct store *s = NULL;
    if (store_open(&s, folder, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

/* Epoch `number`: partition p<number % 3> at `number`, and a token of `files`. */
static int commit(struct store *s, uint64_t number, struct err *err)
{
    char partition[24], token[24];
    snprintf(partition, sizeof partition, "p%d", (int)(number % 3));
    snprintf(token, sizeof token, "t%d", (int)number);
    struct stored_position p = {TEXT("in"), text_of(partition), number, text_of(token), TEXT("a,b"), number % 2 == 0};
    struct stored_token t = {TEXT("files"), TEXT("flow/files"), text_of(token)};
    struct epoch_record r = {number, number * 7, 99, &p, 1, &t, 1};
    return store_commit(s, &r, err);
}

static void commit_up_to(struct store *s, uint64_t first, uint64_t last)
{
    struct err err;
    for (uint64_t i = first; i <= last; i++)
        if (commit(s, i, &err) < 0)
            fail_msg("%s", err.text);
}

static char *segment(uint32_t number)
{
    return xasprintf("%s/epochs.%06u", folder, number);
}

static void write_file(const char *path, const char *data, size_t n)
{
    unlink(path); /* a file that is cut to nothing and written again is flushed by some file systems */
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write_all(fd, data, n), 0);
    close(fd);
}

static void positions_and_numbers_come_back(void **state)
{
    uint64_t id;
    size_t n;
    struct store *s = open_store();
    (void)state;
    assert_int_equal(store_logged(s, &id), 0);
    commit_up_to(s, 1, 5);
    assert_int_equal(store_note_delivered(s, 3, NULL), 0);
    store_close(s);
    s = open_store();
    assert_int_equal(store_logged(s, &id), 5);
    assert_int_equal(id, 35);
    assert_int_equal(store_delivered(s, &id), 3);
    assert_int_equal(id, 21);
    const struct stored_position *p = store_position(s, TEXT("in"), TEXT("p1"));
    assert_non_null(p);
    assert_int_equal(p->sequence, 4);
    assert_true(text_is(p->token, "t4") && text_is(p->state, "a,b") && p->ended);
    assert_null(store_position(s, TEXT("in"), TEXT("p9")));
    store_positions(s, &n);
    assert_int_equal(n, 3);
    const struct logged_token *t = store_tokens(s, TEXT("files"), TEXT("flow/files"), &n);
    assert_int_equal(n, 3); /* the newest that was delivered, and those after it */
    assert_int_equal(t[0].number, 3);
    assert_int_equal(t[1].number, 4);
    assert_true(text_is(t[2].token, "t5"));
    store_tokens(s, TEXT("files"), TEXT("other"), &n);
    assert_int_equal(n, 0);
    store_close(s);
}

static void a_number_that_was_not_logged_counts_up_to_the_last_that_was(void **state)
{
    uint64_t id;
    struct store *s = open_store();
    (void)state;
    commit_up_to(s, 10, 11);
    assert_int_equal(store_note_delivered(s, 9, NULL), 0);
    assert_int_equal(store_delivered(s, &id), 0);
    assert_int_equal(store_note_delivered(s, 50, NULL), 0);
    assert_int_equal(store_delivered(s, &id), 11);
    commit_up_to(s, 60, 60);
    assert_int_equal(store_delivered(s, &id), 11);
    store_close(s);
}

static void commits_are_synced_and_notes_are_not(void **state)
{
    struct store *s = open_store();
    struct dead_letter letter = {.raw = TEXT("{")};
    (void)state;
    int before = syncs;
    commit_up_to(s, 1, 3);
    assert_int_equal(syncs, before + 3);
    assert_int_equal(store_note_delivered(s, 2, NULL), 0);
    assert_int_equal(store_dead_letter(s, &letter, NULL), 0);
    assert_int_equal(syncs, before + 3);
    assert_int_equal(store_dead_sync(s, NULL), 0);
    assert_int_equal(store_dead_sync(s, NULL), 0);
    assert_int_equal(syncs, before + 4);
    store_close(s);
    before = syncs;
    store_close(open_store());
    assert_int_equal(syncs, before + 2); /* what was read, and the incarnation */
}

static void incarnations_rise(void **state)
{
    uint64_t before = (uint64_t)clock_wall_us() / 1000, last = 0;
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct store *s = open_store();
        assert_true(store_incarnation(s) > last && store_incarnation(s) >= before);
        last = store_incarnation(s);
        store_close(s);
    }
}

/* Whatever a crash leaves of the last record, the ones before it hold, and the next commit follows them. */
static void a_log_cut_anywhere_opens_with_what_is_whole(void **state)
{
    uint64_t id;
    struct err err;
    auto_buf whole = {0};
    auto_free char *path = segment(1);
    struct store *s = open_store();
    (void)state;
    commit_up_to(s, 1, 4);
    store_close(s);
    assert_int_equal(read_file(path, &whole, NULL), 0);
    uint64_t before = 4;
    for (size_t n = whole.n; n > 100; n--) {
        write_file(path, whole.data, n - 1);
        s = NULL;
        if (store_open(&s, folder, &err) <
            0) { /* only where not even the segment's first record is whole: never a crash */
            assert_int_equal(before, 0);
            break;
        }
        uint64_t now = store_logged(s, &id);
        assert_true(now == before || now == before - 1);
        assert_int_equal(commit(s, now + 1, &err), 0);
        store_close(s);
        s = open_store();
        assert_int_equal(store_logged(s, &id), now + 1);
        store_close(s);
        before = now;
    }
    assert_int_equal(before, 0);
}

/* A flipped bit before the last synced record is refused with its place; in the last one it looks like a torn tail. */
static void a_flipped_bit_is_found(void **state)
{
    uint64_t id;
    auto_buf whole = {0};
    auto_free char *path = segment(1);
    struct store *s = open_store();
    (void)state;
    commit_up_to(s, 1, 3);
    uint64_t last = s->log.end;
    commit_up_to(s, 4, 4);
    store_close(s);
    assert_int_equal(read_file(path, &whole, NULL), 0);
    for (size_t at = 0; at < whole.n; at++) {
        struct err err = {0};
        whole.data[at] ^= 0x10;
        write_file(path, whole.data, whole.n);
        s = NULL;
        int result = store_open(&s, folder, &err);
        bool spare = at >= 12 && at < LOG_HEADER;
        if (at >= last || spare) {
            assert_int_equal(result, 0);
            assert_int_equal(store_logged(s, &id), spare ? 4 : 3);
            store_close(s);
        } else {
            assert_true(result == -EUCLEAN || result == -EPROTO);
            assert_non_null(strstr(err.text, path));
        }
        whole.data[at] ^= 0x10;
    }
}

static void damage_names_its_place_and_what_to_do(void **state)
{
    struct err err;
    auto_free char *path = segment(1);
    struct store *s = open_store();
    (void)state;
    commit_up_to(s, 1, 1);
    unsigned at = (unsigned)s->log.end;
    commit_up_to(s, 2, 3);
    store_close(s);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, at + 30), 1);
    close(fd);
    assert_int_equal(store_open(&s, folder, &err), -EUCLEAN);
    auto_free char *want =
        xasprintf("%s:%u: the epoch log is damaged here: a record does not match its checksum, later ones do; "
                  "bring the folder back from a backup, or move it away to start without positions",
                  path, at);
    assert_string_equal(err.text, want);
}

/* A note of a delivery is written after the sync of its record: it proves that the record was whole. */
static void a_note_gives_the_damage_of_the_last_epoch_away(void **state)
{
    struct err err;
    auto_free char *path = segment(1);
    struct store *s = open_store();
    (void)state;
    commit_up_to(s, 1, 1);
    unsigned at = (unsigned)s->log.end;
    commit_up_to(s, 2, 2);
    assert_int_equal(store_note_delivered(s, 2, NULL), 0);
    store_close(s);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, at + 30), 1);
    close(fd);
    assert_int_equal(store_open(&s, folder, &err), -EUCLEAN);
}

static void another_format_is_not_touched(void **state)
{
    struct err err;
    auto_free char *path = segment(1);
    struct store *s = open_store();
    (void)state;
    store_close(s);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\2", 1, 8), 1);
    close(fd);
    assert_int_equal(store_open(&s, folder, &err), -EPROTO);
    assert_non_null(strstr(err.text, "has format 2, this Leat reads 1; start the version that wrote it"));
}

static void sections_of_later_versions_are_refused_unless_they_are_optional(void **state)
{
    static const char must[] = "epoc\x09\0\0\0\0\0\0\0", may[] = "epoc\x09\x80\0\0\0\0\0\0";
    struct state s = {0};
    struct err err;
    (void)state;
    assert_int_equal(body_apply((leat_text){may, sizeof may - 1}, &s, &err), 0);
    assert_int_equal(body_apply((leat_text){must, sizeof must - 1}, &s, &err), -EBADMSG);
    assert_string_equal(err.text, "it has a part of type 9, which only a newer Leat knows; start that one");
    state_fini(&s);
}

static void a_long_log_is_replaced_by_what_it_adds_up_to(void **state)
{
    uint64_t id;
    size_t n;
    char big[250];
    struct store *s = open_store();
    (void)state;
    memset(big, 'x', sizeof big);
    struct stored_position p[400] = {{{0}}};
    char names[400][8];
    for (int i = 0; i < 400; i++) {
        snprintf(names[i], sizeof names[i], "p%d", i);
        p[i] =
            (struct stored_position){.source = TEXT("in"), .partition = text_of(names[i]), .token = {big, sizeof big}};
    }
    for (uint64_t e = 1; e <= 60; e++) {
        for (int i = 0; i < 400; i++)
            p[i].sequence = e;
        struct epoch_record r = {.number = e, .id = e * 7, .positions = p, .n_positions = 400};
        assert_int_equal(store_commit(s, &r, NULL), 0);
        if (e == 58)
            assert_int_equal(store_note_delivered(s, 58, NULL), 0);
    }
    assert_true(s->log.segment > 1);
    auto_free char *first = segment(1);
    assert_int_equal(access(first, F_OK), -1);
    uint64_t incarnation = store_incarnation(s);
    store_close(s);
    s = open_store();
    assert_int_equal(store_logged(s, &id), 60);
    assert_int_equal(store_delivered(s, &id), 58);
    assert_int_equal(id, 58 * 7);
    store_positions(s, &n);
    assert_int_equal(n, 400);
    assert_int_equal(store_position(s, TEXT("in"), TEXT("p399"))->sequence, 60);
    assert_true(store_incarnation(s) > incarnation);
    store_close(s);
}

/* Crashes of a replacement: the new segment unfinished, or finished with the old one still there. */
static void what_a_crashed_replacement_leaves_is_cleared_up(void **state)
{
    uint64_t id;
    auto_buf old = {0}, base = {0};
    auto_free char *first = segment(1), *second = segment(2), *fresh = xasprintf("%s.new", second);
    struct store *s = open_store();
    (void)state;
    commit_up_to(s, 1, 2);
    assert_int_equal(read_file(first, &old, NULL), 0);
    body_base(&base, &s->state);
    assert_int_equal(log_replace(&s->log, buf_view(&base), NULL), 0);
    commit_up_to(s, 3, 3);
    store_close(s);
    write_file(first, old.data, old.n);
    write_file(fresh, "leat", 4);
    s = open_store();
    assert_int_equal(store_logged(s, &id), 3);
    assert_int_equal(access(first, F_OK), -1);
    assert_int_equal(access(fresh, F_OK), -1);
    assert_int_equal(access(second, F_OK), 0);
    store_close(s);
}

static void a_second_process_is_told_who_has_the_folder(void **state)
{
    struct err err = {0};
    struct store *other = NULL, *s = open_store();
    (void)state;
    assert_int_equal(store_open(&other, folder, &err), -EBUSY);
    auto_free char *who = xasprintf("%s is in use by process %d (", folder, (int)getpid());
    assert_non_null(strstr(err.text, who));
    assert_non_null(strstr(err.text, "store_test"));
    assert_non_null(strstr(err.text, "; stop that one, or give another folder with --state"));
    store_close(s);
    store_close(open_store());
}

/* Killed without warning in the middle of committing: what was told to be committed is there. */
static void a_killed_process_loses_nothing_that_was_committed(void **state)
{
    int told[2];
    uint64_t number = 0, id, last = 0;
    (void)state;
    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *s = open_store();
        for (uint64_t e = 1;; e++)
            if (commit(s, e, NULL) < 0 || write(told[1], &e, sizeof e) != sizeof e)
                _exit(1);
    }
    close(told[1]);
    for (int i = 0; i < 50; i++)
        assert_int_equal(read(told[0], &number, sizeof number), sizeof number);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (read(told[0], &number, sizeof number) == sizeof number)
        last = number;
    close(told[0]);
    last = last ? last : 50;
    struct store *s = open_store();
    assert_true(store_logged(s, &id) == last || store_logged(s, &id) == last + 1);
    store_close(s);
}

static void a_full_disk_leaves_the_store_usable(void **state)
{
    struct err err = {0};
    uint64_t id, number = 0;
    (void)state;
    if (mount("leat-test", folder, "tmpfs", 0, "size=64k") < 0)
        skip(); /* needs root */
    struct store *s = open_store();
    auto_free char *ballast = xasprintf("%s/ballast", folder);
    struct dead_letter letter = {.raw = TEXT("{"), .reason = TEXT("cut short"), .code = TEXT("json_syntax")};
    assert_int_equal(store_dead_letter(s, &letter, &err), 0);
    int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    while (write(fd, folder, 1) == 1)
        ;
    close(fd);
    int result = 0;
    while (result == 0 && number < 10000)
        result = commit(s, ++number, &err);
    assert_int_equal(result, -ENOSPC);
    assert_non_null(strstr(err.text, "No space left on device; free some space"));
    while (store_dead_letter(s, &letter, &err) == 0)
        ;
    assert_non_null(strstr(err.text, "No space left on device; free some space"));
    unlink(ballast);
    uint64_t letters = store_dead_count(s);
    assert_int_equal(store_dead_letter(s, &letter, &err), 0);
    assert_int_equal(commit(s, number, &err), 0);
    assert_int_equal(commit(s, number + 1, &err), 0);
    store_close(s);
    s = open_store();
    assert_int_equal(store_logged(s, &id), number + 1);
    store_close(s);
    auto_buf lines = {0};
    auto_free char *dead = xasprintf("%s/dead-letters.ndjson", folder);
    assert_int_equal(read_file(dead, &lines, NULL), 0);
    uint64_t n = 0;
    for (size_t i = 0; i < lines.n; i++)
        n += lines.data[i] == '\n';
    assert_int_equal(n, letters + 1);
    assert_int_equal(lines.data[lines.n - 1], '\n');
}

/* Each step again until it succeeds, as the host does. */
static void all_steps(void)
{
    struct err err;
    struct store *s = NULL;
    auto_buf base = {0};
    struct dead_letter letter = {.raw = TEXT("{"), .code = TEXT("json_syntax")};
    while (store_open(&s, folder, &err) < 0)
        ;
    for (uint64_t e = 1; e <= 4; e++) {
        while (commit(s, e, &err) < 0)
            assert_non_null(strstr(err.text, "cannot write"));
        store_note_delivered(s, e - 1, NULL);
        while (store_dead_letter(s, &letter, &err) < 0)
            ;
        while (store_dead_sync(s, &err) < 0)
            ;
    }
    for (body_base(&base, &s->state); log_replace(&s->log, buf_view(&base), &err) < 0; body_base(&base, &s->state)) {
        while (commit(s, s->state.logged + 1, &err) < 0) /* the old segment goes on */
            ;
        base.n = 0;
    }
    while (commit(s, s->state.logged + 1, &err) < 0)
        ;
    store_close(s);
}

static void check_all(int n)
{
    uint64_t id, number, letters = 0;
    size_t n_tokens;
    struct store *s = open_store();
    number = store_logged(s, &id);
    assert_true(number == 5 || number == 6);
    assert_int_equal(id, number * 7);
    assert_true(store_delivered(s, &id) <= 3);
    for (int i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "p%d", i);
        assert_true(store_position(s, TEXT("in"), text_of(name))->sequence >= number - 2);
    }
    store_tokens(s, TEXT("files"), TEXT("flow/files"), &n_tokens);
    assert_int_equal(n_tokens, number - store_delivered(s, &id) + (store_delivered(s, &id) > 0));
    store_close(s);
    auto_buf lines = {0};
    auto_free char *dead = xasprintf("%s/dead-letters.ndjson", folder);
    assert_int_equal(read_file(dead, &lines, NULL), 0);
    for (size_t i = 0; i < lines.n; i++)
        letters += lines.data[i] == '\n';
    if (letters != 4 || lines.data[lines.n - 1] != '\n')
        fail_msg("failure %d: %d dead letters", n, (int)letters);
}

/* Whichever write, sync, cut or renaming fails, once: nothing that was told to be committed is lost or torn. */
static void any_call_may_fail_once(void **state)
{
    for (int mode = 0; mode < 2; mode++)
        for (int n = 1; n < 1000; n++) {
            remove_folder(state);
            make_folder(state);
            fail_at = n, calls = 0, is_short = mode == 1;
            all_steps();
            bool failed = calls >= n;
            fail_at = 0;
            check_all(n);
            if (!failed) {
                assert_true(n > 30);
                break;
            }
        }
}

static void dead_letters_are_lines_of_json(void **state)
{
    auto_buf lines = {0};
    auto_free char *path = xasprintf("%s/dead-letters.ndjson", folder);
    struct store *s = open_store();
    (void)state;
    write_file(path, "{\"raw\":\"x\"}\n{\"raw\":\"to", 23); /* torn by a crash */
    struct dead_letter d = {.raw = TEXT("a\xff\"b"),
                            .reason = TEXT("not a number"),
                            .code = TEXT("type"),
                            .field = TEXT("qty"),
                            .processor = TEXT("check"),
                            .source = TEXT("in"),
                            .id = TEXT("f/in/p/7"),
                            .partition = TEXT("f:1"),
                            .sequence = 7,
                            .record = TEXT("{\"qty\":\"x\"}")};
    assert_int_equal(store_dead_letter(s, &d, NULL), 0);
    assert_int_equal(store_dead_sync(s, NULL), 0);
    assert_int_equal(store_dead_count(s), 1);
    store_close(s);
    assert_int_equal(read_file(path, &lines, NULL), 0);
    const char *want =
        "{\"raw\":\"x\"}\n{\"raw\":\"a\xef\xbf\xbd\\\"b\",\"raw_base64\":\"Yf8iYg==\",\"reason\":\"not a number\","
        "\"code\":\"type\",\"field\":\"qty\",\"processor\":\"check\",\"source\":\"in\",\"position\":\"f:1:7\","
        "\"id\":\"f/in/p/7\",\"at\":\"";
    assert_int_equal(strncmp(lines.data, want, strlen(want)), 0);
    assert_non_null(strstr(lines.data, "Z\",\"record\":{\"qty\":\"x\"}}\n"));
}

static int stop; /* atomic */

static void *read_all_the_time(void *store)
{
    const struct store *s = store;
    size_t n, sum = 0;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        store_hold(s);
        const struct stored_position *p = store_positions(s, &n);
        for (size_t i = 0; i < n; i++)
            sum += p[i].token.n ? (size_t)p[i].token.data[0] : 0;
        store_tokens(s, TEXT("files"), TEXT("flow/files"), &n);
        store_let_go(s);
    }
    return (void *)sum;
}

static void *write_letters(void *store)
{
    struct dead_letter letter = {.raw = TEXT("{"), .code = TEXT("json_syntax")};
    for (int i = 0; i < 500; i++)
        store_dead_letter(store, &letter, NULL);
    store_dead_sync(store, NULL);
    return NULL;
}

/* For the thread sanitizer too. */
static void lanes_read_while_the_coordinator_commits(void **state)
{
    struct store *s = open_store();
    pthread_t readers[2], writers[2];
    uint64_t id;
    (void)state;
    stop = 0;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, s), 0);
        assert_int_equal(pthread_create(&writers[i], NULL, write_letters, s), 0);
    }
    for (uint64_t e = 1; e <= 200; e++) {
        commit_up_to(s, e, e);
        store_note_delivered(s, e - 1, NULL);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++) {
        pthread_join(readers[i], NULL);
        pthread_join(writers[i], NULL);
    }
    assert_int_equal(store_logged(s, &id), 200);
    assert_int_equal(store_dead_count(s), 1000);
    store_close(s);
}

static void dead_letters_are_rotated(void **state)
{
    struct store *s = open_store();
    size_t n = 16 << 10;
    s->dead.limit = 1 << 20;
    char *raw = xmalloc(n);
    (void)state;
    memset(raw, 'x', n);
    struct dead_letter d = {.raw = {raw, n}};
    for (int i = 0; i < 63 * 4 + 40; i++)
        assert_int_equal(store_dead_letter(s, &d, NULL), 0);
    free(raw);
    struct stat st;
    for (int i = 1; i < DEAD_FILES; i++) {
        auto_free char *path = xasprintf("%s/dead-letters.%d.ndjson", folder, i);
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_size <= 1 << 20 && st.st_size > (1 << 20) - (32 << 10));
    }
    auto_free char *beyond = xasprintf("%s/dead-letters.%d.ndjson", folder, DEAD_FILES);
    assert_int_equal(access(beyond, F_OK), -1);
    assert_int_equal(store_dead_dropped(s), 63);
    store_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(positions_and_numbers_come_back),
        TEST(a_number_that_was_not_logged_counts_up_to_the_last_that_was),
        TEST(commits_are_synced_and_notes_are_not),
        TEST(incarnations_rise),
        TEST(a_log_cut_anywhere_opens_with_what_is_whole),
        TEST(a_flipped_bit_is_found),
        TEST(damage_names_its_place_and_what_to_do),
        TEST(a_note_gives_the_damage_of_the_last_epoch_away),
        TEST(another_format_is_not_touched),
        TEST(sections_of_later_versions_are_refused_unless_they_are_optional),
        TEST(a_long_log_is_replaced_by_what_it_adds_up_to),
        TEST(what_a_crashed_replacement_leaves_is_cleared_up),
        TEST(a_second_process_is_told_who_has_the_folder),
        TEST(a_killed_process_loses_nothing_that_was_committed),
        TEST(a_full_disk_leaves_the_store_usable),
        TEST(any_call_may_fail_once),
        TEST(dead_letters_are_lines_of_json),
        TEST(lanes_read_while_the_coordinator_commits),
        TEST(dead_letters_are_rotated),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
