plugin_PROGRAMS += plugins/file.so
plugins_file_so_SOURCES = plugins/file/file.h plugins/file/plugin.c plugins/file/follow.h plugins/file/follow.c \
	plugins/file/source.c plugins/file/outputs.h plugins/file/outputs.c plugins/file/journal.h plugins/file/journal.c \
	plugins/file/sink.h plugins/file/sink.c plugins/file/claim.c
plugins_file_so_CPPFLAGS = $(SO_CPPFLAGS) $(ZLIB_CFLAGS) $(ZSTD_CFLAGS)
plugins_file_so_CFLAGS = $(SO_CFLAGS)
plugins_file_so_LDFLAGS = $(SO_LINK)
plugins_file_so_LDADD = $(ZLIB_LIBS) $(ZSTD_LIBS)
