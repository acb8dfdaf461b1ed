# One .so per plugin; copy these lines for another.
plugin_PROGRAMS += plugins/transform.so
plugins_transform_so_SOURCES = plugins/transform/transform.h plugins/transform/plugin.c plugins/transform/filter.c
plugins_transform_so_CPPFLAGS = $(SO_CPPFLAGS)
plugins_transform_so_CFLAGS = $(SO_CFLAGS)
plugins_transform_so_LDFLAGS = $(SO_LDFLAGS)
