/* SPDX-License-Identifier: Apache-2.0 */
/* stdout.c: writes records to standard output. */
#include "streams.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DATA_MAX = 64 << 10 };
struct output {
    leat_field encoded, head;
    int begun;
    size_t n;
    char data[DATA_MAX];
};

static leat_status create(const leat_host *h, void *self, void *shared)
{
    struct output *o = self;
    (void)shared;
    o->encoded = leat_bind(h, LEAT_READ, 0, "$encoded", LEAT_BYTES, 0);
    o->head = leat_bind(h, LEAT_READ, 0, "$head", LEAT_BYTES, LEAT_MAY_MISS);
    return LEAT_OK;
}

/* false: errno. */
static int write_all(const char *data, size_t n)
{
    while (n) {
        ssize_t w = write(STDOUT_FILENO, data, n);
        if (w < 0 && errno == EAGAIN) { /* whoever shares it made it so */
            struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
            poll(&p, 1, 1000);
        } else if (w < 0 && errno != EINTR) {
            return 0;
        } else if (w > 0) {
            data += w;
            n -= (size_t)w;
        }
    }
    return 1;
}

static int flush(struct output *o)
{
    size_t n = o->n;
    o->n = 0;
    return write_all(o->data, n);
}

static int put(struct output *o, leat_text t)
{
    if (o->n + t.n > DATA_MAX && !flush(o))
        return 0;
    if (t.n > DATA_MAX)
        return write_all(t.data, t.n);
    memcpy(o->data + o->n, t.data, t.n);
    o->n += t.n;
    return 1;
}

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    struct output *o = self;
    const leat_text *t = leat_read_text(h, b, o->encoded), *head = leat_read_text(h, b, o->head);
    int ok = b->n == 0 || o->begun || !head || put(o, head[0]);
    o->begun |= b->n > 0;
    for (uint32_t i = 0, n; ok && i < b->n; i = n) {
        leat_text run = t[i];
        for (n = i + 1; n < b->n && t[n].data == run.data + run.n; n++)
            run.n += t[n].n;
        ok = put(o, run);
    }
    if (ok && flush(o))
        return LEAT_OK;
    o->n = 0;
    if (errno == EPIPE)
        return h->fail(h, LEAT_FATAL, "whoever read standard output is gone");
    return leat_failf(h, LEAT_RETRY, "cannot write to standard output: %s", strerror(errno));
}

static const leat_sink hooks = {.size = sizeof hooks, .class_ = LEAT_REPEAT};
const leat_processor stdio_stdout = {
    .size = sizeof stdio_stdout,
    .kind = LEAT_SINK,
    .name = "stdout",
    .doc = "Writes records to standard output; some are written again after a crash.",
    .flags = LEAT_BLOCKING | LEAT_ONE_LANE,
    .instance_bytes = sizeof(struct output),
    .sink = &hooks,
    .create = create,
    .process = process,
};
