/* SPDX-License-Identifier: Apache-2.0 */
/* store.c: the state folder of a flow: its lock, its log and its dead letters behind one door. */
#include "core/store/store_internal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* --- the lock ----------------------------------------------------------------------------------------------------- */

static void print_command(struct buf *to)
{
    auto_buf command = {0}, shown = {0};
    if (read_file("/proc/self/cmdline", &command, NULL) < 0)
        return;
    for (size_t i = 0; i + 1 < command.n; i++)
        buf_char(&shown, command.data[i] ? command.data[i] : ' ');
    if (shown.n)
        secret_strike(shown.data, false); /* of parameters */
    buf_str(to, shown.n ? shown.data : "");
}

static int refuse_second(const char *dir, const char *path, struct err *err)
{
    auto_buf holder = {0};
    read_file(path, &holder, NULL);
    leat_text who = text_trim(buf_view(&holder));
    return err_set(err, EBUSY,
                   "%s is in use by process " TEXT_FMT "; stop that one, or give another folder with --state", dir,
                   TEXT_ARG(who.n ? who : TEXT("of another user")));
}

static int take_lock(struct store *s, struct err *err)
{
    auto_free char *path = xasprintf("%s/lock", s->dir);
    auto_buf who = {0};
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (s->lock_fd < 0)
        return err_set(err, errno, "cannot open %s: %m", path);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? refuse_second(s->dir, path, err)
                                    : err_set(err, errno, "cannot lock %s: %m", path);
    buf_printf(&who, "%d (", (int)getpid());
    print_command(&who);
    buf_str(&who, ")\n");
    if (ftruncate(s->lock_fd, 0) == 0) /* on a full disk the lock holds all the same, only nameless */
        (void)!write(s->lock_fd, who.data, who.n);
    return 0;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

/* Greater than all before, durable before anyone can use it. */
static int take_incarnation(struct store *s, struct err *err)
{
    uint64_t clock = (uint64_t)clock_wall_us() / 1000;
    uint64_t incarnation = s->state.incarnation >= clock ? s->state.incarnation + 1 : clock;
    auto_buf body = {0};
    body_open(&body, incarnation);
    int result = log_append(&s->log, buf_view(&body), true, err);
    if (result == 0)
        s->state.incarnation = incarnation;
    return result;
}

int store_open(struct store **ret, const char *dir, struct err *err)
{
    struct store *s = xcalloc(1, sizeof *s);
    s->dir = xstrdup(dir);
    s->lock_fd = s->log.fd = -1;
    pthread_mutex_init(&s->write_lock, NULL);
    pthread_mutex_init(&s->state_lock, NULL);
    dead_init(&s->dead, dir);
    int result = make_folders(dir, err);
    if (result == 0)
        result = take_lock(s, err);
    if (result == 0)
        result = log_open(&s->log, dir, &s->state, err);
    if (result == 0)
        result = take_incarnation(s, err);
    if (result < 0)
        store_close(s);
    else
        *ret = s;
    return result;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    log_close(&s->log);
    dead_fini(&s->dead);
    state_fini(&s->state);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_mutex_destroy(&s->write_lock);
    pthread_mutex_destroy(&s->state_lock);
    free(s->dir);
    free(s);
}

const char *store_dir(const struct store *s)
{
    return s->dir;
}

/* --- what is known ------------------------------------------------------------------------------------------------ */

void store_hold(const struct store *s)
{
    pthread_mutex_lock(&((struct store *)s)->state_lock);
}

void store_let_go(const struct store *s)
{
    pthread_mutex_unlock(&((struct store *)s)->state_lock);
}

const struct stored_position *store_positions(const struct store *s, size_t *ret_n)
{
    *ret_n = s->state.positions.n;
    return s->state.positions.at;
}

const struct stored_position *store_position(const struct store *s, leat_text source, leat_text partition)
{
    return state_find(&s->state, source, partition);
}

uint64_t store_logged(const struct store *s, uint64_t *ret_id)
{
    *ret_id = s->state.logged_id;
    return s->state.logged;
}

uint64_t store_delivered(const struct store *s, uint64_t *ret_id)
{
    *ret_id = s->state.delivered_id;
    return s->state.delivered;
}

const struct logged_token *store_tokens(const struct store *s, leat_text processor, leat_text scope, size_t *ret_n)
{
    return state_tokens((struct state *)&s->state, processor, scope, ret_n);
}

uint64_t store_incarnation(struct store *s)
{
    return s->state.incarnation;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static int append(struct store *s, leat_text body, bool sync, struct err *err)
{
    int result = log_append(&s->log, body, sync, err);
    if (result < 0)
        return result;
    store_hold(s);
    int applied = body_apply(body, &s->state, err);
    store_let_go(s);
    ASSERT(applied == 0);
    return 0;
}

/* The commit holds already: if this fails, the long segment goes on. */
static void replace_long(struct store *s)
{
    if (!log_is_long(&s->log))
        return;
    auto_buf base = {0};
    body_base(&base, &s->state);
    log_replace(&s->log, buf_view(&base), NULL);
}

int store_commit(struct store *s, const struct epoch_record *r, struct err *err)
{
    auto_buf body = {0};
    pthread_mutex_lock(&s->write_lock);
    ASSERT(r->number > s->state.logged);
    body_epoch(&body, r, &s->state);
    int result = append(s, buf_view(&body), true, err);
    if (result == 0)
        replace_long(s);
    pthread_mutex_unlock(&s->write_lock);
    return result;
}

int store_note_delivered(struct store *s, uint64_t number, struct err *err)
{
    auto_buf body = {0};
    pthread_mutex_lock(&s->write_lock);
    uint64_t before = s->state.delivered;
    store_hold(s);
    state_delivered(&s->state, number);
    store_let_go(s);
    int result = 0;
    if (s->state.delivered != before) {
        body_note(&body, &s->state);
        result = log_append(&s->log, buf_view(&body), false, err);
    }
    pthread_mutex_unlock(&s->write_lock);
    return result;
}

int store_dead_letter(struct store *s, const struct dead_letter *d, struct err *err)
{
    return dead_write(&s->dead, d, err);
}

int store_dead_sync(struct store *s, struct err *err)
{
    pthread_mutex_lock(&s->dead.lock);
    int result = dead_sync(&s->dead, err);
    pthread_mutex_unlock(&s->dead.lock);
    return result;
}

void store_dead_keep(struct store *s)
{
    pthread_mutex_lock(&s->dead.lock);
    dead_keep(&s->dead);
    pthread_mutex_unlock(&s->dead.lock);
}

void store_dead_forget(struct store *s)
{
    pthread_mutex_lock(&s->dead.lock);
    dead_forget(&s->dead);
    pthread_mutex_unlock(&s->dead.lock);
}

uint64_t store_dead_count(const struct store *s)
{
    return __atomic_load_n(&s->dead.count, __ATOMIC_RELAXED);
}

uint64_t store_dead_dropped(const struct store *s)
{
    return __atomic_load_n(&s->dead.dropped, __ATOMIC_RELAXED);
}
