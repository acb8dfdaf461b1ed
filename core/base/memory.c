/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c: allocation that does not fail, arenas, vectors. */
#include "core/base/base.h"

#include <unistd.h>

void assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "leat: bug at %s:%d: '%s' does not hold; please report this line\n", file, line, what);
    abort();
}

void free_pointer(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

void close_descriptor(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void *or_die(void *p, size_t bytes)
{
    if (UNLIKELY(!p && bytes)) {
        fprintf(stderr, "leat: out of memory: %zu bytes are not to be had\n", bytes);
        abort();
    }
    return p;
}

void *xmalloc(size_t bytes)
{
    return or_die(malloc(bytes ? bytes : 1), bytes);
}

void *xcalloc(size_t n, size_t bytes)
{
    return or_die(calloc(n ? n : 1, bytes ? bytes : 1), n * bytes);
}

void *xrealloc(void *p, size_t bytes)
{
    return or_die(realloc(p, bytes ? bytes : 1), bytes);
}

char *xstrndup(const char *s, size_t n)
{
    char *copy = xmalloc(n + 1);
    memcpy(copy, s, n);
    copy[n] = 0;
    return copy;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    char *s = NULL;
    va_start(args, format);
    int n = vasprintf(&s, format, args);
    va_end(args);
    return n < 0 ? or_die(NULL, 1) : s;
}

/* --- arenas --- */

enum { ARENA_BLOCK = 16 << 10 };
struct arena_block {
    struct arena_block *next;
    size_t used, room;
    char data[] __attribute__((aligned(16)));
};

void *arena_alloc(struct arena *a, size_t bytes)
{
    struct arena_block *b = a->first;
    bytes = (bytes + 15) & ~(size_t)15;
    if (!b || b->room - b->used < bytes) {
        size_t room = bytes > ARENA_BLOCK / 2 ? bytes : ARENA_BLOCK;
        struct arena_block *fresh = xmalloc(sizeof *fresh + room);
        fresh->used = 0;
        fresh->room = room;
        a->bytes += room;
        if (b && room != ARENA_BLOCK) { /* a big one goes behind, so that the open block stays in use */
            fresh->next = b->next;
            b->next = fresh;
        } else {
            fresh->next = b;
            a->first = fresh;
        }
        b = fresh;
    }
    void *p = b->data + b->used;
    b->used += bytes;
    return p;
}

void *arena_zalloc(struct arena *a, size_t bytes)
{
    return memset(arena_alloc(a, bytes), 0, bytes);
}

char *arena_strdup(struct arena *a, const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(arena_alloc(a, n), s, n);
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *s = arena_alloc(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, format, again);
    va_end(again);
    return s;
}

leat_text arena_text(struct arena *a, leat_text t)
{
    char *s = arena_alloc(a, t.n + 1);
    if (t.n)
        memcpy(s, t.data, t.n);
    s[t.n] = 0;
    return (leat_text){s, t.n};
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = NULL;
    for (struct arena_block *b = a->first, *next; b; b = next) {
        next = b->next;
        if (!keep && b->room == ARENA_BLOCK)
            keep = b;
        else
            free(b);
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
    }
    a->first = keep;
    a->bytes = keep ? keep->room : 0;
}

void arena_fini(struct arena *a)
{
    for (struct arena_block *b = a->first, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    *a = (struct arena){0};
}

void *vec_grow(void *at, size_t *cap, size_t item_bytes)
{
    *cap = *cap ? *cap * 2 : 8;
    return xrealloc(at, *cap * item_bytes);
}
