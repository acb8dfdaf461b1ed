/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.c: growing bytes, for bodies of requests. */
#include "elastic.h"

#include <stdlib.h>
#include <string.h>

void bytes_add(struct bytes *b, const void *at, size_t n)
{
    if (b->broken || !n)
        return;
    if (b->n + n > b->room) {
        size_t room = (b->n + n) * 2;
        char *more = realloc(b->at, room);
        if (!more) {
            b->broken = true;
            return;
        }
        b->at = more;
        b->room = room;
    }
    memcpy(b->at + b->n, at, n);
    b->n += n;
}

void bytes_str(struct bytes *b, const char *s)
{
    bytes_add(b, s, strlen(s));
}

void bytes_text(struct bytes *b, leat_text t)
{
    bytes_add(b, t.data, t.n);
}

leat_text bytes_view(const struct bytes *b)
{
    leat_text t = {b->at, b->n};
    return t;
}

void bytes_free(struct bytes *b)
{
    free(b->at);
    memset(b, 0, sizeof *b);
}
