bin_PROGRAMS += leat
leat_SOURCES = core/cli/main.c core/cli/cli.h core/cli/flow.h core/cli/plugins.c
leat_LDADD = $(CORE_LIBS)
