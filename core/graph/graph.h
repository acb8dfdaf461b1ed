/* SPDX-License-Identifier: Apache-2.0 */
/* graph.h: a flow file as a checked model, and the plan that lanes run: bindings, edges, guarantees. */
#ifndef LEAT_CORE_GRAPH_H
#define LEAT_CORE_GRAPH_H

#include "core/base/base.h"
#include "core/config/config.h"
#include "core/expr/expr.h"
#include "core/plugin/plugin.h"
#include "core/record/record.h"

#include <leat/plugin.h>

/* A bound column: what leat_field number i + 1 of a processor means. Those of `with` come first, in order of the table,
 * then those that `create` binds, in order; the same for every lane. Equal ones share a number. */
struct binding {
    uint32_t how;   /* LEAT_READ, LEAT_WRITE, LEAT_REMOVE */
    uint32_t port;  /* input or output; LEAT_EVERY_INPUT */
    uint32_t path;  /* READ of a field, WRITE, REMOVE; PATH_NONE for an expression */
    uint32_t type;  /* wanted; LEAT_NULL: as it comes */
    uint32_t known; /* READ as it comes: what is known of the type; LEAT_NULL: nothing before the first record */
    uint32_t flags; /* LEAT_MAY_MISS, LEAT_LENIENT */
    int32_t scale;
    bool required; /* READ: checked before every process (it comes from `with` or create), so rejects what misses */
    bool key;      /* part of the key of its input */
    const struct expr *expr; /* expression or template; NULL: a field */
    const struct node *where;
};

struct target {         /* one arc */
    uint32_t processor; /* index in plan.processors */
    uint32_t input;
};
struct output {
    leat_text name;
    uint32_t flags; /* of leat_port */
    uint32_t n_targets;
    struct target *targets; /* none: dropped if ignored or not wanted; `rejected` and LEAT_DEAD_LETTERS: dead letters */
};
enum destination_action { ON_DEAD_LETTER, ON_DROP, ON_STOP, ON_WAIT };
struct on_error {
    int64_t retry_from_us, retry_to_us; /* back-off; default 1s..1m */
    int64_t give_up_us;                 /* 0: never */
    enum destination_action then;       /* after give_up */
    enum destination_action refused;    /* default ON_DEAD_LETTER */
};
struct batching { /* of LEAT_SLOW processors */
    uint32_t records;
    size_t bytes;
    int64_t after_us;
    uint32_t in_flight; /* batches PENDING at once */
};

/* What a path from a source to a sink promises. */
enum guarantee { AT_MOST_ONCE, AT_LEAST_ONCE, EFFECTIVELY_ONCE };
struct path_promise {
    uint32_t source, sink;
    enum guarantee guarantee;
    const char *because; /* one sentence */
};

struct planned {
    const char *name;
    const leat_processor *p;
    const struct plugin_file *file;
    const struct node *node; /* of the flow file */
    const leat_value *with;  /* one per row of p->options */
    struct binding *bindings;
    size_t n_bindings;
    uint32_t n_inputs, n_outputs; /* outputs: those of the table and the flow, then `rejected`, the last */
    leat_edge *inputs, *outputs;  /* as plugins see them (n_outputs - 1 of the outputs) */
    struct output *ports;         /* n_outputs */
    struct codec codec;
    struct codec *codec_given; /* NULL: json by default */
    struct on_error on_error;
    struct batching batching;
    struct binding *schema; /* sources: what `schema` says (how = READ, path, type, flags) */
    size_t n_schema;
    bool schema_strict;
    uint32_t *watched;            /* sources without `schema`: fields that are read below; who never occurs is told */
    size_t n_watched;
    bool deferred; /* some order between records may change here (retry): upserts need versions */
    uint64_t hash; /* of everything that makes it what it is, for reloads */
};

struct settings {
    int64_t epoch_us; /* default 500 ms */
    uint32_t lanes;   /* 0: auto */
};

struct plan {
    struct arena memory;
    const char *file, *flow, *description;
    struct document document;
    struct settings settings;
    struct paths *paths;
    struct planned *processors; /* sources first, every processor after those it reads from */
    size_t n;
    struct path_promise *promises;
    size_t n_promises;
    uint32_t dead_letters; /* processor that `dead_letters: {to: }` names, or UINT32_MAX */
    uint32_t lanes;        /* chosen, at least 1 */
    const char *lanes_because;
    uint64_t hash;
};

struct plan_options {
    const struct map *parameters; /* -p name=value: name to leat_text * */
    bool muted;                   /* for `try`: sinks are only checked */
};
/* [main] Reads, checks and plans; all findings at once. NULL when there are errors. */
struct plan *plan_read(const char *file, struct registry *r, const struct plan_options *o, struct findings *f);
void plan_free(struct plan *p);
uint32_t plan_find(const struct plan *p, leat_text name); /* UINT32_MAX: not there */

/* For people and programs. */
void plan_promises_text(const struct plan *p, struct buf *out); /* what validate prints */
void plan_explain(const struct plan *p, struct buf *out);       /* lanes, fields decoded, kernels, guarantee per path */
void plan_json(const struct plan *p, struct buf *out);
void plan_graph_text(const struct plan *p, struct buf *out);
void plan_graph_dot(const struct plan *p, struct buf *out);
void flow_schema_json(struct registry *r, struct buf *out); /* JSON Schema of flow files with these plugins */
#endif
