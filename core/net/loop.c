/* SPDX-License-Identifier: Apache-2.0 */
/* loop.c: a lane's event loop; owns the event base, the descriptor that wakes it, watches and timers. */
#include "core/net/net.h"
#include "core/net/net_internal.h"

#include <sys/eventfd.h>
#include <unistd.h>

struct loop_watch {
    struct event *event; /* NULL: watches nothing now */
    struct loop *loop;
    void (*ready)(void *self, int fd, uint32_t events);
    void *self;
    int fd;
    uint32_t events;
};

struct loop_timer {
    struct event *event;
    void (*due)(void *self);
    void *self;
};

static struct timeval timeval_of(int64_t us)
{
    struct timeval t = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    return t;
}

static void on_wake(evutil_socket_t fd, short what, void *loop)
{
    uint64_t count;
    (void)what, (void)loop;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

static void on_turn_end(evutil_socket_t fd, short what, void *loop)
{
    (void)fd, (void)what, (void)loop; /* that it is due is all: it ends the wait */
}

/* Timers count microseconds, so the base must not round them to milliseconds. */
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;
    if (config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0 &&
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
        base = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    return base;
}

/* What libevent has to say is for us, not for the user's terminal. */
static void on_complaint(int severity, const char *sentence)
{
    (void)severity;
    log_line(LOG_DEBUG, "net", "%s", sentence);
}

struct loop *loop_new(struct err *err)
{
    struct loop *l = xcalloc(1, sizeof *l);
    event_set_log_callback(on_complaint);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->wake_fd < 0) {
        err_set(err, errno, "cannot make an event loop: %m; raise the limit of open files (ulimit -n)");
        loop_free(l);
        return NULL;
    }
    l->base = new_base();
    if (l->base) {
        l->wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
        l->turn_end = evtimer_new(l->base, on_turn_end, l);
    }
    if (!l->wake || !l->turn_end || event_add(l->wake, NULL)) {
        err_set(err, ENOMEM, "cannot make an event loop: libevent refused; raise the limit of open files (ulimit -n)");
        loop_free(l);
        return NULL;
    }
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    fronts_free(l->fronts);
    client_free(l->client);
    if (l->wake)
        event_free(l->wake);
    if (l->turn_end)
        event_free(l->turn_end);
    if (l->base)
        event_base_free(l->base);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    free(l);
}

void loop_turn(struct loop *l, int64_t wait_us)
{
    if (wait_us == 0) {
        event_base_loop(l->base, EVLOOP_NONBLOCK);
        return;
    }
    if (wait_us > 0) {
        struct timeval wait = timeval_of(wait_us);
        evtimer_add(l->turn_end, &wait);
    }
    event_base_loop(l->base, EVLOOP_ONCE);
    if (wait_us > 0)
        evtimer_del(l->turn_end);
}

void loop_wake(struct loop *l)
{
    uint64_t one = 1;
    while (write(l->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ; /* EAGAIN: the counter is full, so it is awake already */
}

static void on_ready(evutil_socket_t fd, short what, void *self)
{
    struct loop_watch *w = self;
    uint32_t events = (what & EV_READ ? LEAT_READABLE : 0u) | (what & EV_WRITE ? LEAT_WRITABLE : 0u);
    w->ready(w->self, fd, events);
}

struct loop_watch *loop_watch_new(struct loop *l, int fd, void (*ready)(void *self, int fd, uint32_t events),
                                  void *self)
{
    struct loop_watch *w = xcalloc(1, sizeof *w);
    w->loop = l;
    w->fd = fd;
    w->ready = ready;
    w->self = self;
    return w;
}

void loop_watch_set(struct loop_watch *w, uint32_t events)
{
    if (w->event && w->events == events)
        return;
    if (w->event)
        event_free(w->event);
    w->event = NULL;
    w->events = events;
    if (!events)
        return;
    short what = (short)(EV_PERSIST | (events & LEAT_READABLE ? EV_READ : 0) | (events & LEAT_WRITABLE ? EV_WRITE : 0));
    w->event = event_new(w->loop->base, w->fd, what, on_ready, w);
    ASSERT(w->event);
    event_add(w->event, NULL);
}

void loop_watch_free(struct loop_watch *w)
{
    if (!w)
        return;
    loop_watch_set(w, 0);
    free(w);
}

static void on_due(evutil_socket_t fd, short what, void *self)
{
    struct loop_timer *t = self;
    (void)fd, (void)what;
    t->due(t->self);
}

struct loop_timer *loop_timer_new(struct loop *l, void (*due)(void *self), void *self)
{
    struct loop_timer *t = xcalloc(1, sizeof *t);
    t->due = due;
    t->self = self;
    t->event = evtimer_new(l->base, on_due, t);
    ASSERT(t->event);
    return t;
}

void loop_timer_set(struct loop_timer *t, int64_t after_us)
{
    if (after_us < 0) {
        evtimer_del(t->event);
        return;
    }
    struct timeval after = timeval_of(after_us);
    evtimer_add(t->event, &after);
}

void loop_timer_free(struct loop_timer *t)
{
    if (!t)
        return;
    event_free(t->event);
    free(t);
}
