leatincludedir = $(includedir)/leat
leatinclude_HEADERS = sdk/include/leat/record.h sdk/include/leat/host.h sdk/include/leat/plugin.h
pkgconfig_DATA += sdk/leat.pc
