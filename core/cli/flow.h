/* SPDX-License-Identifier: Apache-2.0 */
/* flow.h: what every subcommand that takes a flow file does first: plugins, parameters, plan, findings. */
#ifndef LEAT_CORE_FLOW_H
#define LEAT_CORE_FLOW_H

#include "core/graph/graph.h"

struct flow_arguments {
    const char *file, *plugins;
    struct map parameters; /* name -> zero-terminated value */
};
struct flow {
    struct registry *registry;
    struct plan *plan;
    struct findings findings;
    struct map parameters;
};
int flow_parameter(struct flow_arguments *a, const char *name_value, struct err *err); /* "name=value" */
struct registry *flow_registry(const char *plugins); /* NULL after a sentence on stderr */
/* As flow_open, but findings are not printed, and f is to be closed unless EXIT_FAILED came. */
int flow_read(struct flow *f, struct flow_arguments *a);
/* 0; or the exit code, after findings were printed on stderr. */
int flow_open(struct flow *f, struct flow_arguments *a);
void flow_close(struct flow *f);
#endif
