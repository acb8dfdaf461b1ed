/* SPDX-License-Identifier: Apache-2.0 */
/* udp.c: a sink that sends each record, as the flow's codec writes it, in a datagram. Nobody answers, so nothing is
 * known of what arrived: class REPEAT. */
#include <leat/plugin.h>

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST, PORT };
enum { DATAGRAM_MAX = 65507 };
static const leat_option options[] = {
    [HOST] = {.name = "host", .doc = "Name or address of who listens.", .type = LEAT_OPT_TEXT, .flags = LEAT_REQUIRED},
    [PORT] = {.name = "port", .doc = "Its port.", .type = LEAT_OPT_I64, .flags = LEAT_REQUIRED, .range = "1..65535"},
};
struct udp {
    leat_field encoded;
    int fd; /* 0: closed */
};

static leat_status create(const leat_host *h, void *self, void *shared)
{
    struct udp *u = self;
    (void)shared;
    u->encoded = leat_bind(h, LEAT_READ, 0, "$encoded", LEAT_BYTES, 0);
    return LEAT_OK;
}

static leat_status start(const leat_host *h, void *self)
{
    struct udp *u = self;
    char host[256], port[16];
    struct addrinfo want = {.ai_socktype = SOCK_DGRAM}, *found;
    snprintf(host, sizeof host, "%.*s", (int)h->with[HOST].as.text.n, h->with[HOST].as.text.data);
    snprintf(port, sizeof port, "%d", (int)h->with[PORT].as.i64);
    int wrong = getaddrinfo(host, port, &want, &found);
    if (wrong)
        return leat_failf(h, LEAT_RETRY, "cannot look up %s: %s", host, gai_strerror(wrong));
    u->fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (u->fd >= 0 && connect(u->fd, found->ai_addr, found->ai_addrlen) < 0) {
        close(u->fd);
        u->fd = -1;
    }
    freeaddrinfo(found);
    if (u->fd > 0)
        return LEAT_OK;
    u->fd = 0;
    return leat_failf(h, LEAT_RETRY, "cannot reach %s port %s: %s", host, port, strerror(errno));
}

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    struct udp *u = self;
    const leat_text *record = leat_read_text(h, b, u->encoded);
    for (uint32_t i = 0; i < b->n; i++) {
        if (record[i].n > DATAGRAM_MAX)
            h->reject(h, b->ticket, i, "too_long", "the record does not fit into a datagram of 65,507 bytes");
        else if (send(u->fd, record[i].data, record[i].n, 0) < 0 && errno != ECONNREFUSED)
            return leat_failf(h, LEAT_RETRY, "cannot send: %s", strerror(errno));
    }
    return LEAT_OK;
}

static void stop(const leat_host *h, void *self)
{
    struct udp *u = self;
    (void)h;
    if (u->fd)
        close(u->fd);
    u->fd = 0;
}

static const leat_sink sink = {.size = sizeof sink, .class_ = LEAT_REPEAT};
static const leat_processor udp = {
    .size = sizeof udp,
    .kind = LEAT_SINK,
    .name = "udp",
    .doc = "Sends each record in a datagram.",
    .flags = LEAT_BLOCKING, /* send may wait for room in the socket, and the look-up for a name server */
    .needs = LEAT_NEEDS_NETWORK,
    .instance_bytes = sizeof(struct udp),
    .options = options,
    .n_options = LEAT_N(options),
    .sink = &sink,
    .create = create,
    .start = start,
    .process = process,
    .stop = stop,
};
LEAT_PLUGIN("udp", "1.0.0", "Datagrams.", &udp);
