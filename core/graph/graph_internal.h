/* SPDX-License-Identifier: Apache-2.0 */
/* graph_internal.h: what the files of core/graph share.
 *
 * flow.c      the file: fragments, parameters, keys at the top; plan_read
 * processor.c one processor as the file describes it: its keys, its kind, its plugin
 * arcs.c      who reads from whom: `from`, order, cycles, ports
 * plan.c      processors in flow order: options, create, ports; lanes, hash
 * bind.c      options that name fields, expressions and ports
 * host.c      the host that `create` sees while a flow is planned
 * common.c    options that the host keeps for every processor: codec, batch, in_flight, on_error
 * shape.c     what is known of the records on an edge
 * schema.c    `schema` of sources
 * inline.c    expressions that use what was written before them
 * watch.c     which fields of a source are read below it
 * promise.c   what each path promises, and whether that is enough */
#ifndef LEAT_CORE_GRAPH_INTERNAL_H
#define LEAT_CORE_GRAPH_INTERNAL_H

#include "core/graph/graph.h"

/* --- what is known of records on an edge ---------------------------------------------------------------------------
 */

struct shape_field {
    uint32_t path;
    uint32_t type; /* LEAT_NULL: not known */
    bool may_miss;
};
/* Closed: records have no other fields. */
struct shape {
    bool closed;
    VEC(struct shape_field) fields;
};
void shape_fini(struct shape *s);
void shape_add(struct shape *s, uint32_t path, uint32_t type, bool may_miss); /* or replaces */
void shape_remove(struct shape *s, const struct paths *paths, uint32_t path); /* with what lies in it */
void shape_copy(struct shape *to, const struct shape *from);
void shape_merge(struct shape *to, const struct shape *from); /* records of either */
/* As expr_fields.type, of names that do not begin with $ as well as of those that do. */
bool shape_type(const struct shape *s, struct paths *paths, leat_text path, uint32_t *ret_type, const char **ret_near);
bool metadata_type(leat_text path, uint32_t *ret_type); /* "$id": what travels beside a record; false: no such thing */
const char *graph_type_name(uint32_t type);
bool type_converts(uint32_t from, uint32_t to); /* as batch_read does; unknown types may */

/* --- a processor while it is planned ------------------------------------------------------------------------------ */

struct arc {
    uint32_t from; /* draft */
    leat_text port;
    leat_text input; /* empty: the only one */
    const struct node *where;
};
struct draft {
    const struct node *node;
    const struct node *with; /* with the options of its connection */
    const char *name;
    uint32_t kind;
    const struct node *kind_node;
    const leat_processor *p; /* NULL: not found; said */
    const struct plugin_file *file;
    VEC(struct arc) arcs;
    VEC(leat_text) inputs_named; /* of `from: {name: ...}`, in order */
    bool disabled, reached;
    bool broken;       /* its options cannot be known: not planned */
    uint32_t mark;     /* of the search for an order */
    uint32_t at;       /* in plan.processors, or UINT32_MAX: could not be planned */
    struct shape *out; /* one per output of the planned processor */
    bool one_lane;     /* `lanes: 1` */
};

struct planner {
    struct plan *plan;
    struct registry *registry;
    struct findings *f;
    const struct plan_options *o;
    struct arena *a; /* the plan's */
    const struct node *root;
    VEC(struct draft) drafts;
    VEC(uint32_t) order; /* drafts, sources first */
    const struct node *connections;
    VEC(const struct node *) connections_used;
    uint32_t dead_letters; /* draft, or UINT32_MAX */
    bool fork_said;
    bool from_failed; /* some `from` could not be read: ports may only seem to be unconnected */
};

/* processor.c */
void drafts_read(struct planner *pl);
void draft_fini(struct draft *d);
uint32_t draft_find(const struct planner *pl, leat_text name);
bool graph_is_word(const char *const *words, leat_text t);
const char *graph_kind_word(uint32_t kind);

/* arcs.c */
void arcs_read(struct planner *pl);  /* `from` of all */
bool arcs_order(struct planner *pl); /* fills order; false: a cycle, said */
void arcs_check_reach(struct planner *pl);
/* The inputs that arcs and table give; false when they do not fit (said). */
bool inputs_plan(struct planner *pl, struct draft *d, struct planned *x);
void outputs_plan(struct planner *pl, struct draft *d, struct planned *x); /* those of the table */
int64_t graph_port_id(leat_text name);
/* Adds an output that the flow names; its number. */
uint32_t output_add(struct planner *pl, const struct draft *d, struct planned *x, leat_text name, uint32_t flags);
void arcs_connect(struct planner *pl, struct draft *d); /* targets at the processors it reads from */
void ports_check(struct planner *pl);                   /* unconnected ones */

/* plan.c */
void processors_plan(struct planner *pl);
void lanes_choose(struct planner *pl);
void plan_hash(struct planner *pl);

/* bind.c: options of one processor. */
struct bound {
    struct binding b;
    leat_text text; /* of an expression */
};
struct earlier { /* a field that an option has written already, and the expression that it was */
    leat_text name, text;
    uint32_t type;
};
struct binding_plan {
    struct planner *pl;
    struct draft *d;
    struct planned *x;
    struct shape *in;   /* one per input */
    struct shape every; /* of all inputs */
    VEC(struct bound) all;
    VEC(struct earlier) earlier;
    const leat_option *earlier_of;
    uint32_t last_type; /* of the expression read last */
    leat_text last_text;
    const char *failed; /* sentence of `fail` */
    bool quiet;         /* names are tried, nothing is said */
};
leat_field bound_add(struct binding_plan *bp, const struct bound *b);
const struct shape *shape_at(const struct binding_plan *bp, uint32_t port);
struct option_binder binder_of(struct binding_plan *bp);
bool bind_path(struct binding_plan *bp, uint32_t how, leat_text path, uint32_t *ret_path, const struct node *where);

/* inline.c: `text` with names that were written before replaced by their expressions. */
leat_text inline_earlier(struct arena *a, leat_text text, const struct earlier *earlier, size_t n);

/* host.c: runs create and destroy; false: it refused (said). */
bool draft_create_try(struct binding_plan *bp);

/* common.c */
extern const char *const host_keys_all[];
const char *const *host_keys_of(const leat_processor *p);
void draft_common_read(struct planner *pl, struct draft *d, struct planned *x);
void settings_read(struct planner *pl);
void settings_schema(struct buf *out);
void common_schema(const char *key, struct buf *out);

/* schema.c */
void draft_schema_read(struct planner *pl, struct draft *d, struct planned *x, struct shape *out);

/* watch.c */
/* The fields (by path) that processors below the source read and that nothing on the way wrote; true: whole records are. */
bool fields_read_below(const struct plan *p, uint32_t source, bool *ret_read);
void fields_watch_plan(struct planner *pl);

/* promise.c */
void promises_make(struct planner *pl);
const char *guarantee_name(enum guarantee g);
#endif
