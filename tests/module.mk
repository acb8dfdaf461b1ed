# Each test is a program or script that prints TAP; tests/run.py runs them all and ends with "N passed, N failed".
UNIT_TESTS =
include tests/unit/module.mk

EXTRA_DIST += tests/run.py
check_PROGRAMS += $(UNIT_TESTS)
UNIT_LIBS = $(CORE_LIBS) $(CMOCKA_LIBS)
check-local: $(check_PROGRAMS) $(plugin_PROGRAMS) leat
	$(PYTHON3) $(top_srcdir)/tests/run.py --build . --source $(top_srcdir) $(UNIT_TESTS) $(TEST_FILES)
