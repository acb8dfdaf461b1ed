/* SPDX-License-Identifier: Apache-2.0 */
/* run_internal.h: what the files of core/run share: lanes, instances, calls, deliveries, epochs.
 *
 * run.c       the run as a whole: threads, epochs over all lanes, rewind, end
 * lane.c      the loop of one lane
 * instance.c  one processor in one lane: create, start, stop; wake
 * host.c      what plugins call (struct leat_host)
 * call.c      one call of a hook as a transaction: what it emits, rejects and writes
 * deliver.c   batches on their way: queues, collecting, answers of process
 * sink.c      epochs of sinks
 * source.c    partitions: announce, seek, feed, positions
 * drain.c     the end of sources that read what this process writes
 * fit.c       records of a source held against its `schema`
 * reject.c    rejected records, dead letters
 * service.c   loop service: descriptors, alarms, HTTP
 * worker.c    threads of blocking sinks */
#ifndef LEAT_CORE_RUN_INTERNAL_H
#define LEAT_CORE_RUN_INTERNAL_H

#include "core/net/net.h"
#include "core/run/run.h"
#include "core/store/store.h"

#include <leat/plugin.h>
#include <pthread.h>

enum {
    EPOCHS_OPEN = 4,               /* cut, but not yet finished; more make the open one longer */
    EPOCH_SLOTS = 8,               /* a ring, by number */
    ROOM_ROWS = 8192,              /* what a source may feed in one poll */
    PARKED_ROWS_MAX = 64 << 10,    /* parked below a source: it gets room 0 */
    PARKED_BYTES_MAX = 24 << 20,
    ZEROS_HOST = 1024, ZEROS = 256 /* bytes handed out with structs of the ABI, what is not known is 0 */
};

struct lane;
struct instance;

/* A record that a plugin, or a binding, would not take. */
struct refusal {
    struct batch *of; /* borrowed: lives as long as the call or the delivery */
    uint32_t row;
    bool retry;       /* to be given again, not rejected */
    const char *code;
    const char *sentence;
    const char *field; /* where a binding failed; else "" */
    bool given_up;     /* not refused: the destination was away for longer than on_error allows */
};
struct emitted {
    uint32_t port;
    struct batch *batch;
};
struct leat_out {
    struct call *call;
    struct batch *batch;
    struct leat_out *next;
};

/* One call of a hook. What it did counts when call_commit runs. */
struct call {
    struct instance *in;
    struct batch *given;            /* what process sees: the delivery's batch less refused rows */
    const leat_column **columns;    /* of `given`, by field; NULL: not read yet */
    struct arena scratch;           /* until the call returns */
    struct arena kept;              /* texts of refusals: until the delivery is settled */
    VEC(struct emitted) out;
    VEC(struct refusal) refusals;
    struct leat_out *open;          /* derived, not sent */
    bool poisoned;                  /* a host call failed: undo */
};

/* A batch on its way into an instance. */
struct delivery {
    struct delivery *next;
    struct batch *batch;
    struct call *call;     /* while PENDING or with the worker: its refusals and what was given */
    uint64_t epoch;
    uint64_t ticket;
    int64_t not_before_us; /* back-off */
    int64_t failing_since_us;
    int64_t pending_since_us;
    uint32_t input;
    uint32_t attempt;
    leat_status status;    /* answer of a PENDING one, once `answered` */
    bool answered;
};

/* --- sinks ------------------------------------------------------------------------------------------------------- */

enum sink_phase { SINK_NOTHING, SINK_BEGUN, SINK_CLOSING, SINK_CLOSED, SINK_PUBLISHING, SINK_FINISHED };
struct sink_epoch {
    leat_epoch e;
    char zeros[ZEROS];
    enum sink_phase phase;
    uint32_t open;       /* deliveries given or parked, not settled */
    int64_t not_before_us;
    uint32_t attempt;
    char token[4096];
    size_t token_n;
    bool answered;       /* finish came for a PENDING begin, prepare or commit */
    bool asked;
    leat_status status;
};
struct sink {
    uint32_t class_;
    uint32_t overlap;
    bool exact;          /* TRANSACTIONAL or STAGED: failures rewind the flow */
    uint64_t incarnation;
    bool recovered;
    char *scope;
    struct sink_epoch at[EPOCH_SLOTS];
};

/* --- sources ----------------------------------------------------------------------------------------------------- */

enum partition_state { PARTITION_ANNOUNCED, PARTITION_READING, PARTITION_LEAVING, PARTITION_LEFT, PARTITION_ELSEWHERE };
struct partition {
    uint32_t number;
    enum partition_state state;
    bool known, ended, dirty;
    char *name, *topic;
    struct origin *origin;
    struct decoder *decoder;
    bool streams;              /* filled with bytes: the decoder counts the position */
    uint64_t next;             /* where to read on once all that was fed is dispatched */
    char token[255];
    uint8_t token_n;
    uint64_t leaving_since;    /* epoch whose end releases it */
    uint64_t lag;
};
struct part_position { /* of a partition, when an epoch was cut */
    struct partition *partition;
    struct instance *source;
    uint64_t sequence;
    char token[255];
    uint8_t token_n;
    bool ended;
    char *state;
    size_t state_n;
};
struct source {
    VEC(struct partition *) partitions;
    VEC(struct partition *) to_seek;
    int64_t poll_at_us;
    int64_t full_since_us;
    bool ended;          /* poll said END */
    bool inside;         /* announced with LEAT_INSIDE */
    uint64_t lag;
    bool *below;         /* by processor: gets what this source reads */
    uint64_t records;
    uint64_t fed_records, fed_rejected; /* of the last feed */
    bool warned;         /* of a record that does not fit `schema` */
    bool watched;        /* fields that never occurred are told */
    struct watch *watch;
    VEC(struct batch *) fed;            /* decoded, not sent on */
    uint32_t attempt;
};

/* --- instances --------------------------------------------------------------------------------------------------- */

enum instance_state { INSTANCE_NEW, INSTANCE_STARTING, INSTANCE_RUNNING, INSTANCE_STOPPED };
struct instance {
    leat_host host;
    char zeros[ZEROS_HOST];
    leat_place place;
    char place_zeros[ZEROS];
    struct run *run;
    struct lane *lane;
    const struct planned *planned;
    uint32_t index; /* of the processor in the plan */
    void *self;
    struct arena memory; /* what create was told */
    enum instance_state state;
    int64_t start_at_us;
    int64_t start_failing_since_us;
    uint32_t start_attempt;
    struct figures *figures;
    struct call *current;  /* of the hook that runs */
    struct call *spare;
    char why[512];         /* the sentence of the last `fail` */
    struct expr_run *expr_run;
    struct encoder *encoder;

    struct delivery *queue, **queue_end; /* parked, in order: by epoch, then as they came */
    uint64_t queue_last_epoch;           /* of the last one of the queue */
    struct delivery *later; /* records that `retry` named, the earliest first: others pass them, as the contract says */
    struct delivery *pending;
    uint32_t n_pending, pending_max;
    uint64_t parked_rows, parked_bytes; /* before this one, or PENDING */
    uint64_t early_ticket; /* finish came before process returned PENDING */
    leat_status early_status;
    bool again;       /* AGAIN or WAIT: until woken */
    int64_t again_until_us;
    int woken;        /* atomic */

    struct { /* LEAT_SLOW */
        VEC(struct batch *) parts;
        uint32_t rows, input;
        size_t bytes;
        uint64_t epoch;
        int64_t since_us;
    } collect;
    struct sink *sink;
    struct source *source;
    struct worker *worker;
    struct services *services;
    uint32_t rows_max; /* exact sinks: halved while a record is looked for; else UINT32_MAX */
};

/* --- lanes ------------------------------------------------------------------------------------------------------- */

enum slot_phase { SLOT_OPEN, SLOT_CUT, SLOT_READY, SLOT_LOGGED };
struct slot { /* one epoch in one lane */
    uint64_t number;
    enum slot_phase phase;
    uint32_t transit; /* deliveries parked or pending before transforms, collections open */
    VEC(struct part_position) positions;
};
struct lane {
    struct run *run;
    uint32_t number;
    pthread_t thread;
    bool running;
    struct loop *loop;
    struct pool *pool;
    struct instance **instances; /* by processor */
    uint64_t epoch;   /* batches of now belong to it */
    uint64_t oldest;  /* the first that is not finished */
    struct slot slots[EPOCH_SLOTS];
    uint64_t tickets;
    bool dirty;       /* something moved since the last cut */
    bool moved;       /* in this turn */
    int64_t now_us;   /* monotonic, once per turn */
    int64_t wall_us;
    int64_t turned_us;
    int ended;        /* atomic: no source has more, nothing is on its way */
    int calm;         /* atomic; this and the next: drain.c */
    uint64_t calm_fed;
    int64_t calm_since_us, stop_seen_us;
    pthread_mutex_t mail_lock;
    struct job *mail; /* finished jobs of workers */
};

/* --- the run ----------------------------------------------------------------------------------------------------- */

struct refused_id { /* a record that an exact sink refused: not given to it again */
    uint32_t processor;
    char *id;
    char *sentence;
};
struct run {
    struct plan *plan;
    struct run_options options;
    struct store *store;
    struct lane *lanes;
    uint32_t n_lanes;
    struct figures *figures; /* lane * n + processor */
    uint32_t path_rejected[9];

    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread; /* the coordinator */
    bool started;
    /* Epochs, under lock. */
    uint64_t cut;       /* lanes shall have closed all epochs up to it */
    uint64_t logged;
    uint64_t done;
    uint32_t ready[EPOCH_SLOTS]; /* lanes that are ready, by number */
    uint32_t finished[EPOCH_SLOTS];
    uint64_t ids[EPOCH_SLOTS];
    uint64_t epochs;    /* finished, before the last rewind too */
    bool final_cut;     /* the last epoch is cut: nothing is left to read */
    bool final;         /* lanes end when `done` reaches `cut` */
    bool abandon;       /* lanes end at once: rewind or failure */
    bool rewind;
    char rewind_why[512];
    struct on_error pace;      /* of the processor that made it go back: how long to wait, when to give up */
    int64_t failing_since_us;  /* since then nothing was committed; 0: all is well */
    bool unsettled, moved; /* went back once; something was logged since the last start of the lanes */
    int hurry;          /* atomic: an answer waits for the commit */
    int stop;           /* atomic: run_stop was called */
    uint64_t movement;  /* while it stops: what had moved when it last looked, */
    int64_t still_since_us; /* and since when nothing has */
    int drained;        /* atomic: nothing more comes to the sources inside: they stop, too (drain.c) */
    uint64_t fed;       /* atomic: batches from sources */
    bool ended;
    int result;
    struct err err;
    enum run_state state;
    char waiting_why[256];
    int64_t waiting_us;
    VEC(struct refused_id) refused;
    uint32_t *rows_max; /* by processor: see instance.rows_max */
    struct map partitions; /* "source\0name" -> lane + 1, for OFFERED ones */
    uint32_t n_partitions;
    uint64_t dead, dead_kept; /* dead letters; those up to the last commit */
};

static inline struct instance *instance_of(const leat_host *h)
{
    return (struct instance *)h->self;
}
static inline struct slot *slot_of(struct lane *l, uint64_t epoch)
{
    return &l->slots[epoch % EPOCH_SLOTS];
}

/* run.c */
void run_fail(struct run *r, int number, const char *processor, const char *sentence); /* [lane] the flow ends with it */
/* [lane] Back to the last commit, after that processor's back-off; or the end, when it has failed for longer than it may. */
void run_rewind(struct run *r, const struct planned *p, const char *sentence);
void run_say_waiting(struct run *r, const char *processor, const char *sentence, int64_t for_us);
void run_hurry(struct run *r);   /* an answer waits for the commit */
void run_changed(struct run *r); /* the coordinator should look */
void run_part_ready(struct run *r, uint64_t epoch);    /* [lane] */
void run_part_finished(struct run *r, uint64_t epoch); /* [lane] */
uint64_t run_logged(struct run *r);
bool run_was_refused(struct run *r, uint32_t processor, leat_text id, char ret_why[256]);
void run_refuse(struct run *r, uint32_t processor, leat_text id, const char *sentence);
int64_t back_off(const struct on_error *o, uint32_t attempt); /* with jitter */

/* lane.c */
int lane_init(struct lane *l, struct run *r, uint32_t number, struct err *err);
void lane_fini(struct lane *l);
void *lane_main(void *lane);
uint64_t lane_ticket(struct lane *l);

/* instance.c */
struct instance *instance_new(struct lane *l, uint32_t processor, struct err *err); /* create */
void instance_free(struct instance *in);                                            /* destroy */
void instance_try_start(struct instance *in);
void instance_start_later(
    struct instance *in); /* after its back-off; or the flow ends, when it has tried for longer than it may */
void instance_stop(struct instance *in);
void instance_wake(struct instance *in); /* [any] */

/* host.c */
void host_init(struct instance *in);
const leat_column *host_column(struct call *c, leat_field f); /* of c->given */
char *host_scratch(struct instance *in, size_t bytes);        /* until the call returns */

/* call.c */
const char *column_type_name(uint32_t type); /* "whole number" */
struct call *call_new(struct instance *in);
void call_free(struct call *c);
void call_reset(struct call *c);
struct call *call_begin(struct instance *in);
bool call_give(struct call *c, struct batch *b, uint32_t input); /* binds; false: nothing is left to process */
void call_commit(struct call *c, uint64_t epoch); /* sends on what was emitted, refuses what was refused */
void call_settle_refusals(struct call *c, struct delivery *d, uint64_t epoch);
void call_undo(struct call *c);
void call_end(struct call *c);  /* gives the memory back */
void call_refuse(struct call *c, struct batch *of, uint32_t row, bool retry, const char *code, const char *sentence,
                 const char *field);

/* deliver.c */
void deliver(struct instance *in, uint32_t input, struct batch *take_b, uint64_t epoch);
void dispatch(struct instance *from, uint32_t port, struct batch *take_b, uint64_t epoch);
void deliver_flush(struct instance *in);              /* what was collected goes now */
bool deliver_pump(struct instance *in);               /* true when something moved */
int64_t deliver_next_us(const struct instance *in);   /* when something is due; INT64_MAX: nothing */
void deliver_finished(struct instance *in, uint64_t ticket, leat_status s);
struct delivery *deliver_find(struct instance *in, uint64_t ticket);
bool deliver_has(const struct instance *in);          /* something waits here */
void deliver_drop_all(struct instance *in);
void deliver_output_failed(struct instance *in);                             /* `leat pipe`: errno says why */
void deliver_settle(struct instance *in, struct delivery *d, leat_status s); /* the answer of process */

/* sink.c */
int sink_init(struct instance *in);
void sink_fini(struct instance *in);
bool sink_recover(struct instance *in);                      /* after start; false: not yet */
bool sink_can_take(struct instance *in, uint64_t epoch);     /* begins the epoch when it may */
bool sink_close(struct instance *in, uint64_t epoch);        /* commit or prepare; true: finished */
bool sink_publish(struct instance *in, uint64_t epoch);      /* staged commit; true: finished */
void sink_abort_all(struct instance *in);
struct sink_epoch *sink_find(struct instance *in, uint64_t ticket);
/* An exact sink did not take its epoch; d: the delivery that it would not take, if it was one. */
void sink_failed(struct instance *in, const struct delivery *d, leat_status s);

/* source.c */
void source_service_init(struct instance *in);
void source_fini(struct instance *in);
bool source_turn(struct instance *in);
void source_flush(struct instance *in); /* what was decoded goes on, such as the last record of what was withdrawn outside poll */
int64_t source_next_us(const struct instance *in);
bool source_finished(const struct instance *in);
void source_snapshot(struct instance *in, struct slot *s);
void source_committed(struct instance *in, struct slot *s);
bool source_dirty(const struct instance *in);

/* reject.c */
void reject_rows(struct instance *in, struct batch *of, const struct refusal *r, size_t n, uint64_t epoch);
void reject_undecoded(struct instance *in, const struct rejected *r, size_t n, uint64_t epoch);

/* drain.c */
void drain_turn(struct lane *l);               /* [lane] at the end of each turn */
bool drain_waits(const struct lane *l);        /* [lane] a source inside may still have something */

/* fit.c */
/* What of b fits `schema`; the rest is rejected. NULL: nothing. [lane] */
struct batch *schema_hold(struct instance *in, struct batch *take_b, uint64_t epoch);
/* watch.c */
void fields_watch(struct instance *in, struct batch *b); /* records of a source, before they go on */
void fields_watch_end(struct instance *in);              /* there are no more */
void fields_watch_fini(struct instance *in);

/* service.c */
void services_init(struct instance *in);
void services_fini(struct instance *in);

/* worker.c */
enum job_kind { JOB_PROCESS, JOB_BEGIN, JOB_PREPARE, JOB_COMMIT };
struct job {
    struct job *next;
    struct instance *in;
    enum job_kind kind;
    struct delivery *delivery;
    struct sink_epoch *epoch;
    leat_status status;
};
int worker_new(struct instance *in);
void worker_post(struct instance *in, enum job_kind kind, struct delivery *d, struct sink_epoch *e);
void worker_free(struct instance *in); /* joins; jobs not run are dropped */
void worker_mail(struct lane *l);      /* [lane] settles what came back */
#endif
