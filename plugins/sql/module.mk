# plugin_PROGRAMS += plugins/sql.so
