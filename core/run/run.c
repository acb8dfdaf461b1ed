/* SPDX-License-Identifier: Apache-2.0 */
/* run.c: the run as a whole: its threads, the epochs of all its lanes together, rewinding, the end. The coordinator cuts epochs,
 * writes the log, and starts and ends lanes. */
#include "core/run/run_internal.h"

#include <signal.h>
#include <unistd.h>

enum { HURRY_US = 2000, WAITING_SHOWN_US = 2000000, STOP_WAITS_US = 10000000, STOP_SILENT_US = 30000000 };

/* --- what lanes say ------------------------------------------------------------------------------------------------- */

static void wake_lanes(struct run *r)
{
    for (uint32_t i = 0; i < r->n_lanes; i++)
        loop_wake(r->lanes[i].loop);
}

static void end_lanes(struct run *r) /* under lock */
{
    __atomic_store_n(&r->abandon, true, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&r->changed);
    wake_lanes(r);
}

void run_fail(struct run *r, int number, const char *processor, const char *sentence)
{
    pthread_mutex_lock(&r->lock);
    if (!r->result)
        r->result = err_set(&r->err, number, "%s: %s", processor, sentence);
    end_lanes(r);
    pthread_mutex_unlock(&r->lock);
}

/* The processor has failed for longer than the flow allows. Its records are not kept, so no other end is possible. */
static bool gives_up(const struct run *r, const struct planned *p)
{
    return p->on_error.give_up_us && r->failing_since_us && clock_mono_us() - r->failing_since_us > p->on_error.give_up_us;
}

void run_rewind(struct run *r, const struct planned *p, const char *sentence)
{
    pthread_mutex_lock(&r->lock);
    bool end = gives_up(r, p);
    if (!r->rewind && !end) {
        snprintf(r->rewind_why, sizeof r->rewind_why, "%s: %s", p->name, sentence);
        log_line(LOG_WARN, p->name, "%s; the flow goes back to its last commit and tries again", sentence);
        r->pace = p->on_error;
        if (!r->failing_since_us)
            r->failing_since_us = clock_mono_us();
    }
    r->rewind = true;
    end_lanes(r);
    pthread_mutex_unlock(&r->lock);
    if (end)
        run_fail(r, EIO, p->name, sentence);
}

void run_say_waiting(struct run *r, const char *processor, const char *sentence, int64_t for_us)
{
    char wait[40];
    print_duration(wait, for_us < 1000000 ? for_us / 1000 * 1000 : for_us / 100000 * 100000);
    log_line(LOG_WARN, processor, "%s; tries again in %s", sentence[0] ? sentence : "not available", wait);
    pthread_mutex_lock(&r->lock);
    snprintf(r->waiting_why, sizeof r->waiting_why, "%s: %s", processor, sentence);
    r->waiting_us = clock_mono_us() + for_us;
    pthread_mutex_unlock(&r->lock);
}

void run_changed(struct run *r)
{
    pthread_mutex_lock(&r->lock);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void run_hurry(struct run *r)
{
    if (!__atomic_exchange_n(&r->hurry, 1, __ATOMIC_ACQ_REL))
        run_changed(r);
}

static void count_part(struct run *r, uint32_t *parts, uint64_t epoch)
{
    pthread_mutex_lock(&r->lock);
    parts[epoch % EPOCH_SLOTS]++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void run_part_ready(struct run *r, uint64_t epoch)
{
    count_part(r, r->ready, epoch);
}

void run_part_finished(struct run *r, uint64_t epoch)
{
    count_part(r, r->finished, epoch);
}

uint64_t run_logged(struct run *r)
{
    return __atomic_load_n(&r->logged, __ATOMIC_ACQUIRE);
}

bool run_was_refused(struct run *r, uint32_t processor, leat_text id, char ret_why[256])
{
    bool was = false;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->refused.n && !was; i++)
        if (r->refused.at[i].processor == processor && text_is(id, r->refused.at[i].id)) {
            snprintf(ret_why, 256, "%s", r->refused.at[i].sentence);
            was = true;
        }
    pthread_mutex_unlock(&r->lock);
    return was;
}

void run_refuse(struct run *r, uint32_t processor, leat_text id, const char *sentence)
{
    pthread_mutex_lock(&r->lock);
    *VEC_PUSH(&r->refused) = (struct refused_id){processor, xstrndup(id.data, id.n), xstrdup(sentence)};
    pthread_mutex_unlock(&r->lock);
}

/* Exponential with full jitter over its upper half (Brooker, "Exponential Backoff And Jitter", 2015). */
int64_t back_off(const struct on_error *o, uint32_t attempt)
{
    int64_t from = o->retry_from_us ? o->retry_from_us : 1000000, to = o->retry_to_us ? o->retry_to_us : 60000000;
    int64_t wait = attempt > 20 || from << attempt > to || from << attempt < from ? to : from << attempt;
    return wait / 2 + (int64_t)((double)wait / 2 * drand48());
}

/* --- epochs --------------------------------------------------------------------------------------------------------- */

static uint64_t random_id(void)
{
    return hash64(&(int64_t[]){clock_wall_us(), clock_mono_us(), lrand48()}, 24, 77) | 1;
}

/* The record of an epoch from all lanes' parts. */
static int write_log(struct run *r, uint64_t epoch, struct err *err)
{
    VEC(struct stored_position) positions = {0};
    VEC(struct stored_token) tokens = {0};
    for (uint32_t i = 0; i < r->n_lanes; i++) {
        struct slot *s = slot_of(&r->lanes[i], epoch);
        for (size_t k = 0; k < s->positions.n; k++) {
            const struct part_position *p = &s->positions.at[k];
            *VEC_PUSH(&positions) = (struct stored_position){
                text_of(p->source->planned->name), text_of(p->partition->name), p->sequence, {p->token, p->token_n},
                {p->state, p->state_n}, p->ended};
        }
        for (uint32_t k = 0; k < r->plan->n; k++) {
            const struct instance *in = r->lanes[i].instances[k];
            const struct sink_epoch *e = in->sink ? &in->sink->at[epoch % EPOCH_SLOTS] : NULL;
            if (e && e->e.number == epoch && e->phase == SINK_CLOSED)
                *VEC_PUSH(&tokens) = (struct stored_token){text_of(in->planned->name), in->place.scope, {e->token, e->token_n}};
        }
    }
    struct epoch_record record = {.number = epoch, .id = r->ids[epoch % EPOCH_SLOTS], .flow_hash = r->plan->hash,
                                  .positions = positions.at, .n_positions = positions.n, .tokens = tokens.at, .n_tokens = tokens.n};
    uint64_t dead = run_dead_letters(r);
    int result = store_dead_sync(r->store, err);
    if (result == 0 && (positions.n || tokens.n)) {
        result = store_commit(r->store, &record, err);
        r->moved |= result == 0;
    }
    if (result == 0) {
        store_dead_keep(r->store);
        r->dead_kept = dead;
    }
    VEC_FINI(&positions);
    VEC_FINI(&tokens);
    return result;
}

static uint64_t movement(const struct run *r)
{
    uint64_t n = r->logged + r->done;
    for (uint32_t i = 0; i < r->n_lanes * r->plan->n; i++)
        n += figure_get(&r->figures[i], RECORDS_IN) + figure_get(&r->figures[i], RECORDS_OUT);
    return n;
}

/* Told to stop while somebody waits for a destination that is away, it is not kept from stopping: what is not committed
 * is left to the next start. Under lock. */
static void stop_waiting(struct run *r)
{
    int64_t now = clock_mono_us();
    uint64_t moved = __atomic_load_n(&r->stop, __ATOMIC_RELAXED) ? movement(r) : 0;
    if (!moved || moved != r->movement) {
        r->movement = moved;
        r->still_since_us = now;
    }
    bool waits = now - r->waiting_us < WAITING_SHOWN_US;
    if (now - r->still_since_us < (waits ? STOP_WAITS_US : STOP_SILENT_US) || r->result)
        return;
    r->result =
        err_set(&r->err, EAGAIN, "stopped while waiting: %s; what was not committed is read again at the next start",
                waits ? r->waiting_why : "nothing moved any more");
    end_lanes(r);
}

/* Logs what all lanes have ready, in order. Called and left under lock; the lock is open while the disk works. */
static void log_ready(struct run *r)
{
    uint32_t tries = 0;
    while (!r->abandon && r->logged < r->cut && r->ready[(r->logged + 1) % EPOCH_SLOTS] == r->n_lanes) {
        uint64_t epoch = r->logged + 1;
        struct err err;
        int result = 0;
        pthread_mutex_unlock(&r->lock);
        if (r->store && !r->options.muted)
            result = write_log(r, epoch, &err);
        if (result < 0 && __atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
            run_fail(r, EAGAIN, r->plan->flow, err.text);
        } else if (result < 0) {
            struct on_error o = {.retry_from_us = 500000, .retry_to_us = 10000000};
            int64_t wait = back_off(&o, tries++);
            run_say_waiting(r, r->plan->flow, err.text, wait);
            usleep((useconds_t)(wait < 200000 ? wait : 200000));
        }
        pthread_mutex_lock(&r->lock);
        if (result < 0)
            continue;
        tries = 0;
        r->failing_since_us = r->moved ? 0 : r->failing_since_us;
        __atomic_store_n(&r->logged, epoch, __ATOMIC_RELEASE);
        wake_lanes(r);
    }
}

static void note_finished(struct run *r)
{
    while (r->done < r->logged && r->finished[(r->done + 1) % EPOCH_SLOTS] == r->n_lanes) {
        struct err err;
        r->done++;
        __atomic_store_n(&r->epochs, r->epochs + 1, __ATOMIC_RELAXED);
        r->ready[r->done % EPOCH_SLOTS] = r->finished[r->done % EPOCH_SLOTS] = 0;
        if (r->store && !r->options.muted)
            store_note_delivered(r->store, r->done, &err);
        for (uint32_t i = 0; i < r->plan->n; i++)
            r->rows_max[i] = UINT32_MAX; /* a search for a refused record has come to its end */
    }
}

static bool any_dirty(const struct run *r)
{
    for (uint32_t i = 0; i < r->n_lanes; i++)
        if (__atomic_load_n(&r->lanes[i].dirty, __ATOMIC_RELAXED))
            return true;
    return false;
}

static bool all_ended(const struct run *r)
{
    for (uint32_t i = 0; i < r->n_lanes; i++)
        if (!__atomic_load_n(&r->lanes[i].ended, __ATOMIC_ACQUIRE))
            return false;
    return true;
}

static void wait_changed(struct run *r, int64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + us % 1000000 * 1000;
    until.tv_sec += us / 1000000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(&r->changed, &r->lock, &until);
}

static void cut(struct run *r)
{
    uint64_t next = r->cut + 1;
    r->ids[next % EPOCH_SLOTS] = random_id();
    __atomic_store_n(&r->cut, next, __ATOMIC_RELEASE);
    wake_lanes(r);
}

/* Until the lanes have ended: by themselves, told to, or abandoned. Under lock. */
static void coordinate(struct run *r)
{
    int64_t last = clock_mono_us();
    while (!r->abandon && !r->final) {
        log_ready(r);
        note_finished(r);
        stop_waiting(r);
        int64_t now = clock_mono_us(), open_for = now - last;
        bool hurry = __atomic_load_n(&r->hurry, __ATOMIC_ACQUIRE), ended = all_ended(r), dirty = any_dirty(r);
        if (ended && !dirty && r->done == r->cut && r->final_cut) {
            __atomic_store_n(&r->final, true, __ATOMIC_RELEASE);
            break;
        }
        bool due = open_for >= r->plan->settings.epoch_us ||
                   ((hurry || ended) && open_for >= HURRY_US && r->done == r->cut);
        if (due && r->cut - r->done < EPOCHS_OPEN && (dirty || (ended && !r->final_cut))) {
            __atomic_store_n(&r->hurry, 0, __ATOMIC_RELEASE);
            r->final_cut = ended;
            cut(r);
            last = now;
        } else if (due && !dirty) {
            last = now;
            __atomic_store_n(&r->hurry, 0, __ATOMIC_RELEASE);
        }
        int64_t left = hurry || ended ? HURRY_US : r->plan->settings.epoch_us - (now - last);
        wait_changed(r, left < 500 ? 500 : left);
    }
    wake_lanes(r);
}

/* --- lanes ---------------------------------------------------------------------------------------------------------- */

static void close_lanes(struct run *r)
{
    for (uint32_t i = 0; i < r->n_lanes; i++)
        if (r->lanes[i].running)
            pthread_join(r->lanes[i].thread, NULL);
    for (uint32_t i = 0; i < r->n_lanes; i++)
        lane_fini(&r->lanes[i]);
    map_fini(&r->partitions);
    r->n_partitions = 0;
}

/* Instances that claim destinations get one incarnation per start of the flow. */
static void claim(struct run *r)
{
    uint64_t incarnation = r->store ? store_incarnation(r->store) : 1;
    for (uint32_t i = 0; i < r->n_lanes; i++)
        for (uint32_t k = 0; k < r->plan->n; k++)
            if (r->lanes[i].instances[k]->sink)
                r->lanes[i].instances[k]->sink->incarnation = incarnation;
}

/* Epochs go on well above what a transactional sink may have stored before a crash and what the log knows: the first number of
 * a start is at least the wall clock in milliseconds, later ones follow. */
static void first_epoch(struct run *r)
{
    uint64_t id, logged = r->store ? store_logged(r->store, &id) : 0, clock = (uint64_t)clock_wall_us() / 1000;
    r->cut = r->logged = r->done = (logged + 2 > clock ? logged + 2 : clock);
    memset(r->ready, 0, sizeof r->ready);
    memset(r->finished, 0, sizeof r->finished);
    r->final = r->abandon = r->rewind = r->final_cut = false;
    r->hurry = 0;
}

static int open_lanes(struct run *r, struct err *err)
{
    first_epoch(r);
    for (uint32_t i = 0; i < r->n_lanes; i++) {
        int result = lane_init(&r->lanes[i], r, i, err);
        if (result < 0) {
            for (uint32_t k = 0; k <= i; k++)
                lane_fini(&r->lanes[k]);
            return result;
        }
    }
    claim(r);
    return 0;
}

static void start_lanes(struct run *r)
{
    for (uint32_t i = 0; i < r->n_lanes; i++) {
        r->lanes[i].running = true;
        int result = pthread_create(&r->lanes[i].thread, NULL, lane_main, &r->lanes[i]);
        ASSERT(result == 0);
    }
}

static void *coordinator(void *run)
{
    struct run *r = run;
    uint32_t attempt = 0;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (;;) {
        uint64_t before = r->epochs;
        r->moved = false;
        start_lanes(r);
        pthread_mutex_lock(&r->lock);
        r->state = RUN_RUNNING;
        coordinate(r);
        bool again = r->rewind && !r->result;
        r->state = again ? RUN_WAITING : RUN_STOPPING;
        snprintf(r->waiting_why, sizeof r->waiting_why, "%.250s", r->rewind_why);
        pthread_mutex_unlock(&r->lock);
        close_lanes(r);
        if (!again || __atomic_load_n(&r->stop, __ATOMIC_RELAXED))
            break;
        attempt = r->epochs > before + 1 ? 0 : attempt + 1;
        if (r->store) {
            store_dead_forget(r->store);
            __atomic_store_n(&r->dead, r->dead_kept, __ATOMIC_RELAXED);
        }
        r->unsettled = true;
        for (int64_t wait = attempt ? back_off(&r->pace, attempt - 1) : 0; wait > 0 && !__atomic_load_n(&r->stop, __ATOMIC_RELAXED); wait -= 50000)
            usleep(50000);
        struct err err;
        if (open_lanes(r, &err) < 0) {
            pthread_mutex_lock(&r->lock);
            r->result = err_set(&r->err, EIO, "%s", err.text);
            pthread_mutex_unlock(&r->lock);
            break;
        }
    }
    pthread_mutex_lock(&r->lock);
    if ((r->rewind || (r->unsettled && !r->moved)) && !r->result)
        r->result = err_set(&r->err, EAGAIN, "stopped while waiting: %s; what was not committed is read again at the next start", r->rewind_why);
    r->ended = true;
    r->state = RUN_ENDED;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* --- the caller's side ---------------------------------------------------------------------------------------------- */

int run_open(struct run **ret, struct plan *plan, const struct run_options *o, struct err *err)
{
    static const char *const fields[] = {"raw", "reason", "code", "field", "processor", "source", "position", "record"};
    struct run *r = xcalloc(1, sizeof *r);
    pthread_condattr_t attributes;
    r->plan = plan;
    r->options = *o;
    r->n_lanes = plan->lanes ? plan->lanes : 1;
    r->lanes = xcalloc(r->n_lanes, sizeof *r->lanes);
    r->figures = xcalloc(r->n_lanes * plan->n, sizeof *r->figures);
    r->rows_max = xcalloc(plan->n, sizeof *r->rows_max);
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &attributes);
    srand48(clock_wall_us());
    for (size_t i = 0; i < N_OF(fields); i++)
        r->path_rejected[i] = paths_add(plan->paths, text_of(fields[i]));
    for (uint32_t i = 0; i < r->n_lanes * plan->n; i++)
        figures_init(&r->figures[i], plan->processors[i % plan->n].p);
    for (uint32_t i = 0; i < plan->n; i++)
        r->rows_max[i] = UINT32_MAX;
    int result = o->state ? store_open(&r->store, o->state, err) : 0;
    if (result == 0)
        result = open_lanes(r, err);
    if (result < 0) {
        run_free(r);
        return result;
    }
    *ret = r;
    return 0;
}

int run_start(struct run *r, struct err *err)
{
    int result = pthread_create(&r->thread, NULL, coordinator, r);
    if (result)
        return err_set(err, result, "cannot start a thread: %s", strerror(result));
    r->started = true;
    return 0;
}

void run_stop(struct run *r)
{
    __atomic_store_n(&r->stop, 1, __ATOMIC_RELEASE);
    pthread_mutex_lock(&r->lock);
    if (r->state == RUN_RUNNING) /* else the coordinator may be taking the lanes away */
        wake_lanes(r);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

bool run_wait(struct run *r, int64_t wait_us)
{
    pthread_mutex_lock(&r->lock);
    if (!r->ended)
        wait_changed(r, wait_us);
    bool ended = r->ended;
    pthread_mutex_unlock(&r->lock);
    return ended;
}

int run_result(const struct run *r, struct err *err)
{
    *err = r->err;
    return r->result;
}

void run_free(struct run *r)
{
    if (r->started)
        pthread_join(r->thread, NULL);
    else
        close_lanes(r);
    http_listeners_sweep();
    if (r->store)
        store_close(r->store);
    for (uint32_t i = 0; i < r->n_lanes * r->plan->n; i++)
        figures_fini(&r->figures[i]);
    for (size_t i = 0; i < r->refused.n; i++) {
        free(r->refused.at[i].id);
        free(r->refused.at[i].sentence);
    }
    VEC_FINI(&r->refused);
    free(r->figures);
    free(r->rows_max);
    free(r->lanes);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
    free(r);
}

void run_figures(const struct run *r, uint32_t processor, uint64_t ret[N_FIGURES])
{
    memset(ret, 0, N_FIGURES * sizeof *ret);
    for (uint32_t i = 0; i < r->n_lanes; i++)
        figures_add_up(ret, &r->figures[i * r->plan->n + processor]);
}

enum run_state run_state_of(const struct run *r, char ret_why[256])
{
    struct run *open = (struct run *)(uintptr_t)r;
    pthread_mutex_lock(&open->lock);
    enum run_state s = r->state;
    if (s == RUN_RUNNING && clock_mono_us() - r->waiting_us < WAITING_SHOWN_US)
        s = RUN_WAITING;
    memcpy(ret_why, r->waiting_why, 256);
    pthread_mutex_unlock(&open->lock);
    return s;
}

uint64_t run_epochs(const struct run *r)
{
    return __atomic_load_n(&r->epochs, __ATOMIC_RELAXED);
}

uint64_t run_dead_letters(const struct run *r)
{
    return __atomic_load_n(&r->dead, __ATOMIC_RELAXED);
}
