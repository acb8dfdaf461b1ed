# plugin_PROGRAMS += plugins/stdio.so
