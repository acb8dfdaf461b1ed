# plugin_PROGRAMS += plugins/elasticsearch.so
