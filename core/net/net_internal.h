/* SPDX-License-Identifier: Apache-2.0 */
/* net_internal.h: what the files of this module share: the loop's inside, and the process's listening sockets. */
#ifndef LEAT_CORE_NET_INTERNAL_H
#define LEAT_CORE_NET_INTERNAL_H

#include "core/net/net.h"

#include <event2/event.h>

struct http_client;
struct http_front;

struct loop {
    struct event_base *base;
    struct event *wake;     /* on wake_fd */
    struct event *turn_end; /* bounds a waiting loop_turn */
    int wake_fd;
    struct http_client *client; /* made by the first request */
    struct http_front *fronts;  /* one per address that this loop serves */
};

void client_free(struct http_client *c);
void fronts_free(struct http_front *first);

/* [any] A listening socket found by the address as it was asked for, or a new one. Each get needs a put. */
struct listener;
int listener_get(struct listener **ret, const char *address, struct err *err);
void listener_put(struct listener *l);
int listener_fd(const struct listener *l);
uint16_t listener_port(const struct listener *l);

#endif
