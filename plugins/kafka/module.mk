# plugin_PROGRAMS += plugins/kafka.so
