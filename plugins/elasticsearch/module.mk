plugin_PROGRAMS += plugins/elasticsearch.so
plugins_elasticsearch_so_SOURCES = plugins/elasticsearch/elastic.h plugins/elasticsearch/elastic.c plugins/elasticsearch/bulk.c \
	plugins/elasticsearch/cluster.c plugins/elasticsearch/answer.c plugins/elasticsearch/bytes.c
plugins_elasticsearch_so_CPPFLAGS = $(SO_CPPFLAGS)
plugins_elasticsearch_so_CFLAGS = $(SO_CFLAGS)
plugins_elasticsearch_so_LDFLAGS = $(SO_LINK)
plugins_elasticsearch_so_LDADD = $(ZLIB_LIBS)
