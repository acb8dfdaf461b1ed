/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c: memory of batches in chunks, and blocks of bytes in memfds; both are kept and used again. */
#include "core/record/record_internal.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    CHUNK_LEAST = 4 << 10, /* class c: CHUNK_LEAST << c */
    CHUNK_CLASSES = 13,    /* up to 16 MiB; bigger ones are not kept */
    BLOCK_CLASSES = 8,     /* BLOCK_SIZE << c, up to 32 MiB */
    KEPT_BYTES = 16 << 20, /* of one class */
    RESERVE = 60 << 10,    /* with its header it fills a chunk of 64 KiB */
};
struct chunk {
    struct chunk *next;
    size_t used, room;
    int class;
    char data[] __attribute__((aligned(16)));
};
struct pool {
    pthread_mutex_t lock; /* batches may end on another thread */
    struct chunk *chunks[CHUNK_CLASSES];
    struct block *blocks[BLOCK_CLASSES];
    uint32_t n_chunks[CHUNK_CLASSES], n_blocks[BLOCK_CLASSES];
    size_t bytes;
    struct found found;
    struct block *inbox; /* filled up to inbox_used */
    size_t inbox_used;
};

struct pool *pool_new(void)
{
    struct pool *p = xcalloc(1, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

static void block_destroy(struct block *b)
{
    munmap(b->data, b->size + BLOCK_SLACK);
    close(b->fd);
    free(b);
}

static void free_found(struct found *f)
{
    free(f->records);
    free(f->message_of);
    free(f->kth);
    free(f->fields);
    free(f->slots);
    free(f->lines);
}

struct found *pool_found(struct pool *p)
{
    return &p->found;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    block_unref(p->inbox);
    free_found(&p->found);
    for (int c = 0; c < CHUNK_CLASSES; c++)
        for (struct chunk *k = p->chunks[c], *next; k; k = next) {
            next = k->next;
            free(k);
        }
    for (int c = 0; c < BLOCK_CLASSES; c++)
        for (struct block *b = p->blocks[c], *next; b; b = next) {
            next = b->next;
            block_destroy(b);
        }
    pthread_mutex_destroy(&p->lock);
    free(p);
}

size_t pool_bytes(const struct pool *p)
{
    return __atomic_load_n(&p->bytes, __ATOMIC_RELAXED);
}

static void count_bytes(struct pool *p, size_t bytes)
{
    __atomic_fetch_add(&p->bytes, bytes, __ATOMIC_RELAXED);
}

static int class_of(size_t bytes, size_t least, int classes)
{
    int c = 0;
    while (c < classes && least << c < bytes)
        c++;
    return c;
}

/* What a burst took is given back, down to some megabytes of each class. */
static bool worth_keeping(uint32_t kept, size_t bytes)
{
    return (kept + 1) * bytes <= KEPT_BYTES;
}

/* --- chunks --- */

static struct chunk *chunk_take(struct pool *p, size_t room)
{
    int class = class_of(room + sizeof(struct chunk), CHUNK_LEAST, CHUNK_CLASSES);
    struct chunk *k = NULL;
    if (class < CHUNK_CLASSES) {
        pthread_mutex_lock(&p->lock);
        if ((k = p->chunks[class])) {
            p->chunks[class] = k->next;
            p->n_chunks[class]--;
        }
        pthread_mutex_unlock(&p->lock);
    }
    if (!k) {
        size_t bytes = class < CHUNK_CLASSES ? (size_t)CHUNK_LEAST << class : room + sizeof *k;
        k = xmalloc(bytes);
        k->room = bytes - sizeof *k;
        k->class = class;
        count_bytes(p, bytes);
    }
    k->used = 0;
    return k;
}

void *memory_alloc(struct memory *m, size_t bytes)
{
    struct chunk *k = m->first;
    bytes = (bytes + 15) & ~(size_t)15;
    if (UNLIKELY(!k || k->room - k->used < bytes)) {
        /* Each chunk is at least twice the one before, up to 64 KiB, so that a batch of many columns has few. */
        size_t grown = k ? k->room * 2 : 0;
        if (grown > 64 << 10)
            grown = 64 << 10;
        struct chunk *fresh = chunk_take(m->pool, bytes > grown ? bytes : grown);
        if (k && k->room - k->used > fresh->room - bytes) { /* the old one has more left: it stays in front */
            fresh->next = k->next;
            k->next = fresh;
        } else {
            fresh->next = k;
            m->first = fresh;
        }
        k = fresh;
    }
    void *at = k->data + k->used;
    k->used += bytes;
    return at;
}

char *memory_reserve_more(struct memory *m, struct reserve *r, size_t bytes)
{
    size_t room = bytes > RESERVE ? bytes : RESERVE;
    r->at = memory_alloc(m, room);
    r->end = r->at + room;
    return r->at;
}

void *memory_zalloc(struct memory *m, size_t bytes)
{
    return memset(memory_alloc(m, bytes), 0, bytes);
}

void memory_free(struct memory *m)
{
    struct pool *p = m->pool;
    struct chunk *gone = NULL;
    pthread_mutex_lock(&p->lock);
    for (struct chunk *k = m->first, *next; k; k = next) {
        next = k->next;
        if (k->class < CHUNK_CLASSES && worth_keeping(p->n_chunks[k->class], (size_t)CHUNK_LEAST << k->class)) {
            k->next = p->chunks[k->class];
            p->chunks[k->class] = k;
            p->n_chunks[k->class]++;
        } else {
            k->next = gone;
            gone = k;
        }
    }
    pthread_mutex_unlock(&p->lock);
    while (gone) {
        struct chunk *next = gone->next;
        count_bytes(p, -(gone->room + sizeof *gone));
        free(gone);
        gone = next;
    }
}

/* --- blocks --- */

static struct block *block_map(struct pool *p, size_t size)
{
    struct block *b = xcalloc(1, sizeof *b);
    b->pool = p;
    b->size = size - BLOCK_SLACK;
    b->fd = memfd_create("leat-block", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (b->fd < 0 || ftruncate(b->fd, (off_t)size) < 0 ||
        (b->data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0)) == MAP_FAILED) {
        fprintf(stderr, "leat: no memory for a block of %zu bytes: %m\n", size);
        abort();
    }
    count_bytes(p, size);
    return b;
}

struct block *block_new(struct pool *p, size_t least)
{
    int class = class_of(least + BLOCK_SLACK, BLOCK_SIZE, BLOCK_CLASSES);
    struct block *b = NULL;
    if (class < BLOCK_CLASSES) {
        pthread_mutex_lock(&p->lock);
        if ((b = p->blocks[class])) {
            p->blocks[class] = b->next;
            p->n_blocks[class]--;
        }
        pthread_mutex_unlock(&p->lock);
    }
    if (!b)
        b = block_map(p, class < BLOCK_CLASSES ? (size_t)BLOCK_SIZE << class : least + BLOCK_SLACK);
    b->refs = 1;
    return b;
}

char *pool_inbox(struct pool *p, size_t n, struct block **ret_block)
{
    if (!p->inbox || p->inbox->size - p->inbox_used < n) {
        block_unref(p->inbox);
        p->inbox = block_new(p, n);
        p->inbox_used = 0;
    }
    char *at = p->inbox->data + p->inbox_used;
    p->inbox_used += n;
    *ret_block = block_ref(p->inbox);
    return at;
}

struct block *block_ref(struct block *b)
{
    __atomic_fetch_add(&b->refs, 1, __ATOMIC_RELAXED);
    return b;
}

void block_unref(struct block *b)
{
    if (!b || __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL))
        return;
    struct pool *p = b->pool;
    size_t size = b->size + BLOCK_SLACK;
    int class = class_of(size, BLOCK_SIZE, BLOCK_CLASSES);
    bool keep = false;
    if (class < BLOCK_CLASSES) {
        pthread_mutex_lock(&p->lock);
        if ((keep = worth_keeping(p->n_blocks[class], size))) {
            b->next = p->blocks[class];
            p->blocks[class] = b;
            p->n_blocks[class]++;
        }
        pthread_mutex_unlock(&p->lock);
    }
    if (!keep) {
        count_bytes(p, -size);
        block_destroy(b);
    }
}
