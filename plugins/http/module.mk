plugin_PROGRAMS += plugins/http.so
plugins_http_so_SOURCES = plugins/http/http.h plugins/http/common.c plugins/http/source.c plugins/http/sink.c
plugins_http_so_CPPFLAGS = $(SO_CPPFLAGS)
plugins_http_so_CFLAGS = $(SO_CFLAGS)
plugins_http_so_LDFLAGS = $(SO_LINK)
plugins_http_so_LDADD = $(ZLIB_LIBS)
