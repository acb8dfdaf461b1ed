# plugin_PROGRAMS += plugins/file.so
