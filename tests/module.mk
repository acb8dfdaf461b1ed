# Each test is a program or script that prints TAP; tests/run.py runs them all and ends with "N passed, N failed".
UNIT_TESTS =
include tests/unit/module.mk
include tests/flow/module.mk
include tests/abi/module.mk
include tests/style/module.mk
include tests/fuzz/module.mk

EXTRA_PROGRAMS =
include tests/bench/module.mk

EXTRA_DIST += tests/run.py
check_PROGRAMS += $(UNIT_TESTS)
UNIT_LIBS = $(CORE_LIBS) $(CMOCKA_LIBS)
check-local: $(check_PROGRAMS) $(plugin_PROGRAMS) leat
	$(PYTHON3) $(top_srcdir)/tests/run.py --build . --source $(top_srcdir) $(UNIT_TESTS) $(TEST_FILES)

# Under the thread sanitizer everything that loads librdkafka gets these.
EXTRA_DIST += tests/sanitize/c11_threads.c
if SANITIZE_THREAD
leat_SOURCES += tests/sanitize/c11_threads.c
endif

# Long tests (real servers, crash loops, fuzzing): the same runner, one at a time because each may start servers of its own.
LONG_TESTS =
include tests/long/module.mk
EXTRA_DIST += tests/servers/README.md tests/servers/lib.sh tests/servers/stop.sh tests/servers/python.sh tests/servers/requirements.txt \
	tests/servers/kafka/start.sh tests/servers/kafka/admin.sh tests/servers/kafka/pom.xml tests/servers/kafka/server.properties.in \
	tests/servers/kafka/log4j.properties tests/servers/kafka/tools-log4j.properties tests/servers/opensearch/start.sh \
	tests/servers/opensearch/pom.xml tests/servers/opensearch/Server.java tests/servers/opensearch/log4j2.properties \
	tests/servers/opensearch/opensearch.yml.in
.PHONY: check-long
check-long: $(check_PROGRAMS) $(plugin_PROGRAMS) leat
	$(PYTHON3) $(top_srcdir)/tests/run.py --build . --source $(top_srcdir) --jobs 1 --timeout 900 --again 1 $(LONG_TESTS)
