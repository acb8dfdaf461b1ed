core_libleat_a_SOURCES += core/graph/graph.h core/graph/graph_internal.h core/graph/flow.c core/graph/processor.c core/graph/arcs.c \
	core/graph/plan.c core/graph/bind.c core/graph/host.c core/graph/common.c core/graph/shape.c core/graph/schema.c \
	core/graph/inline.c core/graph/promise.c core/graph/watch.c core/graph/explain.c core/graph/json.c core/graph/drawing.c core/graph/flow_schema.c
