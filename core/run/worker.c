/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c: a thread of its own for each BLOCKING sink: jobs in order, answers by mail to the lane. */
#include "core/run/run_internal.h"

struct worker {
    pthread_t thread;
    struct call *call; /* of begin, prepare, commit */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job *first, **end;
    bool stop;
};

static leat_status work(struct job *j)
{
    struct instance *in = j->in;
    const leat_sink *k = in->planned->p->sink;
    leat_status s = LEAT_OK;
    if (j->kind == JOB_PROCESS) {
        in->current = j->delivery->call;
        return in->planned->p->process(&in->host, in->self, &in->current->given->view);
    }
    leat_text token = {0};
    struct sink_epoch *e = j->epoch;
    in->current = in->worker->call;
    if (j->kind == JOB_BEGIN)
        s = k->begin ? k->begin(&in->host, in->self, &e->e) : LEAT_OK;
    else if (j->kind == JOB_PREPARE)
        s = k->prepare(&in->host, in->self, &e->e, &token);
    else
        s = k->commit ? k->commit(&in->host, in->self, &e->e) : LEAT_OK;
    if (j->kind == JOB_PREPARE && s == LEAT_OK) {
        e->token_n = token.n < sizeof e->token ? token.n : 0;
        if (e->token_n)
            memcpy(e->token, token.data, e->token_n);
    }
    call_reset(in->worker->call);
    return s;
}

static void post_back(struct job *j)
{
    struct lane *l = j->in->lane;
    pthread_mutex_lock(&l->mail_lock);
    struct job **at = &l->mail;
    while (*at)
        at = &(*at)->next;
    j->next = NULL;
    *at = j;
    pthread_mutex_unlock(&l->mail_lock);
    loop_wake(l->loop);
}

static void *worker_main(void *instance)
{
    struct instance *in = instance;
    struct worker *w = in->worker;
    bool failed = false; /* an exact sink's later jobs are not run: the flow rewinds */
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->first && !w->stop)
            pthread_cond_wait(&w->changed, &w->lock);
        if (w->stop)
            break;
        struct job *j = w->first;
        w->first = j->next;
        if (!w->first)
            w->end = &w->first;
        pthread_mutex_unlock(&w->lock);
        int64_t from = clock_mono_us();
        j->status = failed ? LEAT_PENDING : work(j);
        figure_add(in->figures, BUSY_US, (uint64_t)(clock_mono_us() - from));
        bool repeated = j->kind == JOB_COMMIT && in->sink->class_ == LEAT_STAGED; /* logged: it is asked for again alone */
        failed |= j->status != LEAT_OK && j->status != LEAT_PENDING && in->sink->exact && !repeated;
        post_back(j);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

int worker_new(struct instance *in)
{
    struct worker *w = in->worker = xcalloc(1, sizeof *w);
    w->end = &w->first;
    w->call = call_new(in);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    return -pthread_create(&w->thread, NULL, worker_main, in);
}

void worker_post(struct instance *in, enum job_kind kind, struct delivery *d, struct sink_epoch *e)
{
    struct worker *w = in->worker;
    struct job *j = xcalloc(1, sizeof *j);
    *j = (struct job){.in = in, .kind = kind, .delivery = d, .epoch = e};
    pthread_mutex_lock(&w->lock);
    *w->end = j;
    w->end = &j->next;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* Mail of this instance that was not read is dropped with it. */
static void drop_mail(struct instance *in)
{
    struct lane *l = in->lane;
    pthread_mutex_lock(&l->mail_lock);
    for (struct job **at = &l->mail, *j; (j = *at);) {
        if (j->in == in) {
            *at = j->next;
            free(j);
        } else {
            at = &j->next;
        }
    }
    pthread_mutex_unlock(&l->mail_lock);
}

void worker_free(struct instance *in)
{
    struct worker *w = in->worker;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    for (struct job *j = w->first, *next; j; j = next) {
        next = j->next;
        free(j);
    }
    drop_mail(in);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    call_free(w->call);
    free(w);
    in->worker = NULL;
    in->current = NULL;
}

void worker_mail(struct lane *l)
{
    pthread_mutex_lock(&l->mail_lock);
    struct job *j = l->mail;
    l->mail = NULL;
    pthread_mutex_unlock(&l->mail_lock);
    for (struct job *next; j; j = next) {
        next = j->next;
        l->moved = true;
        if (j->delivery && j->status != LEAT_PENDING) {
            j->delivery->answered = true;
            j->delivery->status = j->status;
        } else if (j->epoch) {
            j->epoch->answered = true;
            j->epoch->status = j->status;
        }
        free(j);
    }
}
