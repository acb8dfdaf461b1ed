/* SPDX-License-Identifier: Apache-2.0 */
/* secret.c: texts that no log line, finding or dead letter may show. */
#include "core/base/base.h"

enum { SECRET_LEAST = 4 }; /* bytes; shorter ones would strike out half of every sentence */

/* Only grows, so that it can be read without a lock. */
struct secret {
    struct secret *next;
    size_t n;
    char text[];
};
static struct secret *secrets;

static bool is_known(leat_text t)
{
    for (const struct secret *s = __atomic_load_n(&secrets, __ATOMIC_ACQUIRE); s; s = s->next)
        if (text_equal(t, (leat_text){s->text, s->n}))
            return true;
    return false;
}

void secret_hide(leat_text secret)
{
    if (secret.n < SECRET_LEAST || is_known(secret))
        return;
    struct secret *s = xmalloc(sizeof *s + secret.n);
    s->n = secret.n;
    memcpy(s->text, secret.data, secret.n);
    s->next = __atomic_load_n(&secrets, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&secrets, &s->next, s, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

static void strike(char *text, const struct secret *s, bool keep_length)
{
    size_t n = strlen(text);
    for (char *at = text; (at = memmem(at, n - (size_t)(at - text), s->text, s->n));) {
        size_t stars = keep_length ? s->n : 3;
        memset(at, '*', stars);
        memmove(at + stars, at + s->n, n - (size_t)(at - text) - s->n + 1);
        n -= s->n - stars;
        at += stars;
    }
}

void secret_strike(char *text, bool keep_length)
{
    for (const struct secret *s = __atomic_load_n(&secrets, __ATOMIC_ACQUIRE); s; s = s->next)
        strike(text, s, keep_length);
}
