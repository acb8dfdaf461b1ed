leatincludedir = $(includedir)/leat
leatinclude_HEADERS = sdk/include/leat/record.h sdk/include/leat/host.h sdk/include/leat/plugin.h
pkgconfig_DATA += sdk/leat.pc
exampledir = $(docdir)/examples
dist_example_DATA = sdk/examples/threshold.c sdk/examples/mask.cc sdk/examples/count.c sdk/examples/udp.c sdk/examples/Makefile.example
