if HAVE_SQLITE
plugin_PROGRAMS += plugins/sql.so
endif
plugins_sql_so_SOURCES = plugins/sql/sql.h plugins/sql/sql.c plugins/sql/sqlite.c
plugins_sql_so_CPPFLAGS = $(SO_CPPFLAGS) $(SQLITE_CFLAGS)
plugins_sql_so_CFLAGS = $(SO_CFLAGS)
plugins_sql_so_LDFLAGS = $(SO_LINK)
plugins_sql_so_LDADD = $(SQLITE_LIBS)
