if HAVE_RDKAFKA
plugin_PROGRAMS += plugins/kafka.so
plugins_kafka_so_SOURCES = plugins/kafka/kafka.c plugins/kafka/kafka.h plugins/kafka/client.c plugins/kafka/client.h \
	plugins/kafka/embedded.c plugins/kafka/embedded.h plugins/kafka/source.c plugins/kafka/source.h plugins/kafka/partitions.c \
	plugins/kafka/members.c plugins/kafka/alone.c plugins/kafka/sink.c
plugins_kafka_so_CPPFLAGS = $(SO_CPPFLAGS) $(RDKAFKA_CFLAGS)
plugins_kafka_so_CFLAGS = $(SO_CFLAGS)
plugins_kafka_so_LDFLAGS = $(SO_LINK)
plugins_kafka_so_LDADD = $(RDKAFKA_LIBS) -lpthread
TEST_FILES += tests/flow/kafka_embedded_test.py
endif
EXTRA_DIST += tests/flow/kafka_embedded_test.py
