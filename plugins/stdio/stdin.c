/* SPDX-License-Identifier: Apache-2.0 */
/* stdin.c: reads standard input until it ends. What was read and not yet committed is lost when the process dies,
 * because it cannot be read again. */
#include "streams.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256 << 10 };
struct input {
    leat_partition partition;
    int mine, ended, watched;
    int watchable; /* a pipe, socket or terminal; a file is always ready */
};

/* Every start is a partition of its own: other bytes may come at the same positions, and ids must not repeat. */
static leat_status start(const leat_host *h, void *self)
{
    struct input *in = self;
    struct stat st;
    struct timespec now;
    char name[48];
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(name, sizeof name, "stdin-%llx%05lx", (unsigned long long)now.tv_sec, (unsigned long)now.tv_nsec / 1000);
    in->watchable = fstat(STDIN_FILENO, &st) == 0 && !S_ISREG(st.st_mode);
    in->partition = h->source->announce(h, leat_text_of(name), leat_text_of("stdin"), LEAT_ASSIGNED);
    return LEAT_OK;
}

static leat_status seek(const leat_host *h, void *self, const leat_seek *s, uint32_t n)
{
    (void)h, (void)s, (void)n;
    ((struct input *)self)->mine = 1;
    return LEAT_OK;
}

static int is_ready(void)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&p, 1, 0) != 0; /* errors too: read tells */
}

static void watch(const leat_host *h, struct input *in, int on)
{
    if (!in->watchable || in->watched == on)
        return;
    in->watched = on;
    h->loop->watch(h, STDIN_FILENO, on ? LEAT_READABLE : 0);
}

static leat_status poll_input(const leat_host *h, void *self, uint32_t room)
{
    struct input *in = self;
    if (in->ended)
        return LEAT_END;
    if (!room || !in->mine)
        return LEAT_AGAIN;
    if (!is_ready()) {
        watch(h, in, 1);
        h->source->idle(h, in->partition);
        return LEAT_AGAIN;
    }
    ssize_t n = read(STDIN_FILENO, h->source->space(h, in->partition, CHUNK), CHUNK);
    h->source->fill(h, in->partition, n > 0 ? (size_t)n : 0);
    if (n > 0)
        return LEAT_OK;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return LEAT_AGAIN;
    if (n < 0)
        return leat_failf(h, LEAT_FATAL, "cannot read standard input: %s", strerror(errno));
    watch(h, in, 0);
    in->ended = 1;
    h->source->withdraw(h, in->partition, LEAT_ENDED);
    return LEAT_END;
}

/* Until poll has read what there is, the loop need not say it again. */
static void ready(const leat_host *h, void *self, int fd, uint32_t events)
{
    (void)fd, (void)events;
    watch(h, self, 0);
    h->wake(h);
}

static void stop(const leat_host *h, void *self)
{
    watch(h, self, 0);
}

static const leat_source hooks = {
    .size = sizeof hooks,
    .class_ = LEAT_LOSSY,
    .poll = poll_input,
    .seek = seek,
};
static const leat_loop_hooks loop = {.size = sizeof loop, .ready = ready};
const leat_processor stdio_stdin = {
    .size = sizeof stdio_stdin,
    .kind = LEAT_SOURCE,
    .name = "stdin",
    .doc = "Reads standard input until it ends; it cannot be read again after a crash.",
    .flags = LEAT_ONE_LANE,
    .needs = LEAT_NEEDS_LOOP,
    .instance_bytes = sizeof(struct input),
    .source = &hooks,
    .loop = &loop,
    .start = start,
    .stop = stop,
};
