/* SPDX-License-Identifier: Apache-2.0 */
/* c11_threads.c: C11 threads by POSIX threads, for builds with the thread sanitizer, which knows only those. librdkafka uses C11
 * threads, so without this it crashes there. glibc's types for both are the same size. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

/* Not built by us: races inside it are not ours to see. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:librdkafka.so\nmutex:librdkafka.so\nthread:librdkafka.so\ndeadlock:librdkafka.so\n";
}

struct begin {
    thrd_start_t function;
    void *argument;
};

static void *begin(void *taken)
{
    struct begin b = *(struct begin *)taken;
    free(taken);
    return (void *)(intptr_t)b.function(b.argument);
}

static int answer(int error)
{
    return error == 0 ? thrd_success : error == EBUSY ? thrd_busy : error == ETIMEDOUT ? thrd_timedout : thrd_error;
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
    struct begin *b = malloc(sizeof *b);
    if (!b)
        return thrd_nomem;
    *b = (struct begin){function, argument};
    return answer(pthread_create((pthread_t *)thread, NULL, begin, b));
}

int thrd_join(thrd_t thread, int *ret)
{
    void *value = NULL;
    int error = pthread_join((pthread_t)thread, &value);
    if (ret)
        *ret = (int)(intptr_t)value;
    return answer(error);
}

int thrd_detach(thrd_t thread)
{
    return answer(pthread_detach((pthread_t)thread));
}

int mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
    return answer(pthread_mutex_init((pthread_mutex_t *)m, &a));
}

void mtx_destroy(mtx_t *m)
{
    pthread_mutex_destroy((pthread_mutex_t *)m);
}

int mtx_lock(mtx_t *m)
{
    return answer(pthread_mutex_lock((pthread_mutex_t *)m));
}

int mtx_trylock(mtx_t *m)
{
    return answer(pthread_mutex_trylock((pthread_mutex_t *)m));
}

int mtx_unlock(mtx_t *m)
{
    return answer(pthread_mutex_unlock((pthread_mutex_t *)m));
}

int cnd_init(cnd_t *c)
{
    return answer(pthread_cond_init((pthread_cond_t *)c, NULL));
}

void cnd_destroy(cnd_t *c)
{
    pthread_cond_destroy((pthread_cond_t *)c);
}

int cnd_signal(cnd_t *c)
{
    return answer(pthread_cond_signal((pthread_cond_t *)c));
}

int cnd_broadcast(cnd_t *c)
{
    return answer(pthread_cond_broadcast((pthread_cond_t *)c));
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
    return answer(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
    return answer(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until));
}
