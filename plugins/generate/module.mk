# plugin_PROGRAMS += plugins/generate.so
