# One .so per plugin; copy these lines for another.
plugin_PROGRAMS += plugins/transform.so
plugins_transform_so_SOURCES = plugins/transform/transform.h plugins/transform/plugin.c plugins/transform/filter.c \
	plugins/transform/set.c plugins/transform/select.c plugins/transform/route.c plugins/transform/explode.c \
	plugins/transform/check.c plugins/transform/types.h plugins/transform/types.c plugins/transform/schema.h \
	plugins/transform/schema.c plugins/transform/json.h plugins/transform/json.c plugins/transform/parse.c \
	plugins/transform/throttle.c plugins/transform/sample.c plugins/transform/log.c
plugins_transform_so_CPPFLAGS = $(SO_CPPFLAGS)
plugins_transform_so_CFLAGS = $(SO_CFLAGS)
plugins_transform_so_LDFLAGS = $(SO_LINK)
plugins_transform_so_LDADD = -lm
