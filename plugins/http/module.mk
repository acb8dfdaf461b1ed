# plugin_PROGRAMS += plugins/http.so
