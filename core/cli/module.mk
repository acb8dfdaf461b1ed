bin_PROGRAMS += leat
leat_SOURCES = core/cli/main.c core/cli/cli.h
leat_LDADD = $(CORE_LIBS)
