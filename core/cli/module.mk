bin_PROGRAMS += leat
leat_SOURCES = core/cli/main.c core/cli/cli.h core/cli/run.c core/cli/display.h core/cli/display.c \
	core/cli/flow.h core/cli/flow.c core/cli/plugins.c core/cli/check.c core/cli/made_up.h core/cli/made_up.c core/cli/validate.c core/cli/explain.c core/cli/graph.c core/cli/schema.c core/cli/eval.c core/cli/usage.c
leat_LDADD = $(CORE_LIBS)
