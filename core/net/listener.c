/* SPDX-License-Identifier: Apache-2.0 */
/* listener.c: the process's listening sockets; owns them and their register, which is guarded by a lock of its own.
 *
 * All lanes that serve an address accept from one socket. One that nobody uses stays open, so that connections queue
 * while a reload changes hands; http_listeners_sweep closes it. */
#include "core/net/net.h"
#include "core/net/net_internal.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct listener {
    struct listener *next;
    char *address; /* as it was asked for */
    int fd;
    int users;
    uint16_t port;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf: nothing else is locked or called while it is held */
static struct listener *first;

/* "host:port", "[::1]:port", ":port" (all addresses). */
static int split_address(const char *address, char ret_host[256], const char **ret_port, struct err *err)
{
    const char *colon = strrchr(address, ':');
    const char *from = address, *to = colon;
    if (!colon || !colon[1] || (size_t)(colon - address) > 255)
        return err_set(err, EINVAL, "'%s' is no address to listen on; write host and port: '127.0.0.1:8080'", address);
    size_t digits = strspn(colon + 1, "0123456789");
    if (colon[1 + digits] || digits > 5 || strtol(colon + 1, NULL, 10) > 65535)
        return err_set(
            err, EINVAL,
            "'%s' is no address to listen on: '%s' is no port; write a number up to 65535, 0 for any free one", address,
            colon + 1);
    if (from < to && *from == '[' && to[-1] == ']') {
        from++;
        to--;
    }
    memcpy(ret_host, from, (size_t)(to - from));
    ret_host[to - from] = 0;
    *ret_port = colon + 1;
    return 0;
}

static int listen_on(const struct addrinfo *a)
{
    int one = 1;
    auto_close int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, SOMAXCONN))
        return -errno;
    int kept = fd;
    fd = -1;
    return kept;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t n = sizeof at;
    getsockname(fd, (struct sockaddr *)&at, &n);
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                          : ((struct sockaddr_in *)&at)->sin_port);
}

static int open_socket(const char *address, struct err *err)
{
    char host[256];
    const char *port = NULL;
    struct addrinfo *found = NULL, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int rc = split_address(address, host, &port, err);
    if (rc)
        return rc;
    rc = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (rc)
        return err_set(err, EINVAL, "cannot listen on '%s': %s; write host and port: '127.0.0.1:8080'", address,
                       gai_strerror(rc));
    int fd = listen_on(found);
    freeaddrinfo(found);
    if (fd == -EADDRINUSE)
        return err_set(err, EADDRINUSE,
                       "cannot listen on %s: another process listens there; stop it, or take another port", address);
    if (fd < 0)
        return err_set(err, -fd, "cannot listen on %s: %m", address);
    return fd;
}

int listener_get(struct listener **ret, const char *address, struct err *err)
{
    struct listener *l;
    int rc = 0;
    pthread_mutex_lock(&lock);
    for (l = first; l && strcmp(l->address, address); l = l->next)
        ;
    if (!l) {
        rc = open_socket(address, err);
        if (rc >= 0) {
            l = xcalloc(1, sizeof *l);
            *l = (struct listener){.next = first, .address = xstrdup(address), .fd = rc, .port = port_of(rc)};
            first = l;
            rc = 0;
        }
    }
    if (l) {
        l->users++;
        *ret = l;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

void listener_put(struct listener *l)
{
    pthread_mutex_lock(&lock);
    ASSERT(l->users > 0);
    l->users--;
    pthread_mutex_unlock(&lock);
}

int listener_fd(const struct listener *l)
{
    return l->fd;
}

uint16_t listener_port(const struct listener *l)
{
    return l->port;
}

void http_listeners_sweep(void)
{
    pthread_mutex_lock(&lock);
    for (struct listener **at = &first, *l; (l = *at) != NULL;) {
        if (l->users) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        close(l->fd);
        free(l->address);
        free(l);
    }
    pthread_mutex_unlock(&lock);
}
