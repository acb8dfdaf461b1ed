UNIT_TESTS += tests/unit/base_test
tests_unit_base_test_SOURCES = tests/unit/base_test.c
tests_unit_base_test_LDADD = $(UNIT_LIBS)
UNIT_TESTS += tests/unit/net_test
tests_unit_net_test_SOURCES = tests/unit/net_test.c
tests_unit_net_test_LDADD = $(UNIT_LIBS)
if HAVE_RDKAFKA
UNIT_TESTS += tests/unit/kafka_test
tests_unit_kafka_test_SOURCES = tests/unit/kafka_test.c
if SANITIZE_THREAD
tests_unit_kafka_test_SOURCES += tests/sanitize/c11_threads.c
endif
tests_unit_kafka_test_LDADD = $(CMOCKA_LIBS) $(RDKAFKA_LIBS) -ldl
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
check_PROGRAMS += tests/unit/record_dump
tests_unit_record_dump_SOURCES = tests/unit/record_dump.c
tests_unit_record_dump_LDADD = $(CORE_LIBS)
TEST_FILES += tests/unit/record_judge.py
EXTRA_DIST += tests/unit/record_judge.py
UNIT_TESTS += tests/unit/store_test
tests_unit_store_test_SOURCES = tests/unit/store_test.c
tests_unit_store_test_LDADD = $(UNIT_LIBS)
UNIT_TESTS += tests/unit/generate_test
tests_unit_generate_test_SOURCES = tests/unit/generate_test.c $(GENERATE_MODEL)
tests_unit_generate_test_LDADD = $(UNIT_LIBS)
TEST_FILES += tests/unit/codes_test.py
EXTRA_DIST += tests/unit/codes_test.py
UNIT_TESTS += tests/unit/expr_test
tests_unit_expr_test_SOURCES = tests/unit/expr_test.c tests/unit/expr_lab.h
tests_unit_expr_test_LDADD = $(UNIT_LIBS)
UNIT_TESTS += tests/unit/expr_columns_test
tests_unit_expr_columns_test_SOURCES = tests/unit/expr_columns_test.c tests/unit/expr_lab.h
tests_unit_expr_columns_test_LDADD = $(UNIT_LIBS)
check_PROGRAMS += tests/unit/graph_plugins/many.so
tests_unit_graph_plugins_many_so_SOURCES = tests/unit/graph_plugins/many.c
tests_unit_graph_plugins_many_so_CPPFLAGS = $(SO_CPPFLAGS)
tests_unit_graph_plugins_many_so_CFLAGS = $(SO_CFLAGS)
tests_unit_graph_plugins_many_so_LDFLAGS = $(SO_LINK)
UNIT_TESTS += tests/unit/graph_test
tests_unit_graph_test_SOURCES = tests/unit/graph_test.c
tests_unit_graph_test_LDADD = $(UNIT_LIBS)
TEST_FILES += tests/errors/check.py
EXTRA_DIST += tests/errors
UNIT_TESTS += tests/unit/plugin_test
tests_unit_plugin_test_SOURCES = tests/unit/plugin_test.c
tests_unit_plugin_test_LDADD = $(UNIT_LIBS)
TEST_FILES += tests/unit/eval_test.py tests/unit/expr_docs_test.py
EXTRA_DIST += tests/unit/eval_test.py tests/unit/expr_docs_test.py
TEST_FILES += tests/unit/validate_test.py
EXTRA_DIST += tests/unit/validate_test.py
if HAVE_SQLITE
UNIT_TESTS += tests/unit/expr_sqlite_test
tests_unit_expr_sqlite_test_SOURCES = tests/unit/expr_sqlite_test.c tests/unit/expr_lab.h
tests_unit_expr_sqlite_test_LDADD = $(UNIT_LIBS) $(SQLITE_LIBS)
endif
TEST_FILES += tests/unit/docs_yaml_test.py
EXTRA_DIST += tests/unit/docs_yaml_test.py
UNIT_TESTS += tests/unit/transform_test
tests_unit_transform_test_SOURCES = tests/unit/transform_test.c plugins/transform/types.c plugins/transform/schema.c \
	plugins/transform/json.c
tests_unit_transform_test_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/compact_test
tests_unit_compact_test_SOURCES = tests/unit/compact_test.c
tests_unit_compact_test_LDADD = $(UNIT_LIBS)
