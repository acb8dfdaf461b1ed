# The targets, as programs that run over the cases that were found; tests/long/fuzz.py builds them with libFuzzer.
FUZZ_SOURCES = tests/fuzz/replay.c tests/fuzz/fuzz.c tests/fuzz/fuzz.h
UNIT_TESTS += tests/fuzz/json_fuzz tests/fuzz/csv_fuzz tests/fuzz/inflate_fuzz tests/fuzz/path_fuzz
tests_fuzz_json_fuzz_SOURCES = tests/fuzz/json_fuzz.c $(FUZZ_SOURCES)
tests_fuzz_json_fuzz_LDADD = $(CORE_LIBS)
tests_fuzz_csv_fuzz_SOURCES = tests/fuzz/csv_fuzz.c $(FUZZ_SOURCES)
tests_fuzz_csv_fuzz_LDADD = $(CORE_LIBS)
tests_fuzz_inflate_fuzz_SOURCES = tests/fuzz/inflate_fuzz.c $(FUZZ_SOURCES)
tests_fuzz_inflate_fuzz_LDADD = $(CORE_LIBS)
tests_fuzz_path_fuzz_SOURCES = tests/fuzz/path_fuzz.c $(FUZZ_SOURCES)
tests_fuzz_path_fuzz_LDADD = $(CORE_LIBS)
UNIT_TESTS += tests/fuzz/expr_fuzz
tests_fuzz_expr_fuzz_SOURCES = tests/fuzz/expr_fuzz.c $(FUZZ_SOURCES)
tests_fuzz_expr_fuzz_LDADD = $(CORE_LIBS)
EXTRA_DIST += tests/fuzz/cases
