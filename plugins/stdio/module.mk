plugin_PROGRAMS += plugins/stdio.so
plugins_stdio_so_SOURCES = plugins/stdio/streams.h plugins/stdio/plugin.c plugins/stdio/stdin.c plugins/stdio/stdout.c \
	plugins/stdio/null.c
plugins_stdio_so_CPPFLAGS = $(SO_CPPFLAGS)
plugins_stdio_so_CFLAGS = $(SO_CFLAGS)
plugins_stdio_so_LDFLAGS = $(SO_LINK)
