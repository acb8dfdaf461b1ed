UNIT_TESTS += tests/unit/base_test
tests_unit_base_test_SOURCES = tests/unit/base_test.c
tests_unit_base_test_LDADD = $(UNIT_LIBS)
UNIT_TESTS += tests/unit/net_test
tests_unit_net_test_SOURCES = tests/unit/net_test.c
tests_unit_net_test_LDADD = $(UNIT_LIBS)
if HAVE_RDKAFKA
UNIT_TESTS += tests/unit/kafka_test
tests_unit_kafka_test_SOURCES = tests/unit/kafka_test.c
tests_unit_kafka_test_LDADD = $(CMOCKA_LIBS) -ldl
endif
UNIT_TESTS += tests/unit/elasticsearch_test
tests_unit_elasticsearch_test_SOURCES = tests/unit/elasticsearch_test.c tests/unit/sink_host.c tests/unit/sink_host.h
tests_unit_elasticsearch_test_LDADD = $(UNIT_LIBS)
UNIT_TESTS += tests/unit/record_test
tests_unit_record_test_SOURCES = tests/unit/record_test.c
tests_unit_record_test_LDADD = $(UNIT_LIBS)
UNIT_TESTS += tests/unit/http_test
tests_unit_http_test_SOURCES = tests/unit/http_test.c tests/unit/sink_host.c tests/unit/sink_host.h
tests_unit_http_test_LDADD = $(UNIT_LIBS)
UNIT_TESTS += tests/unit/http_source_test
tests_unit_http_source_test_SOURCES = tests/unit/http_source_test.c tests/unit/sink_host.c tests/unit/sink_host.h
tests_unit_http_source_test_LDADD = $(UNIT_LIBS)
UNIT_TESTS += tests/unit/config_test
tests_unit_config_test_SOURCES = tests/unit/config_test.c
tests_unit_config_test_LDADD = $(UNIT_LIBS)
