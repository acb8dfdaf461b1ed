# make bench: one command, a table. ROWS=null,file SIZE=512 RUNS=3 in the environment choose.
# make bench-decode: the decoder alone, for whoever tunes it.
EXTRA_PROGRAMS += tests/bench/make_data tests/bench/floor tests/bench/decode_bench
tests_bench_make_data_SOURCES = tests/bench/make_data.c
tests_bench_floor_SOURCES = tests/bench/floor.c
tests_bench_decode_bench_SOURCES = tests/bench/decode_bench.c
tests_bench_decode_bench_LDADD = $(CORE_LIBS)
EXTRA_DIST += tests/bench/bench.py
CLEANFILES += tests/bench/make_data tests/bench/floor tests/bench/decode_bench
.PHONY: bench bench-decode
bench: all tests/bench/make_data tests/bench/floor
	$(PYTHON3) $(top_srcdir)/tests/bench/bench.py --build . $${ROWS:+--rows $$ROWS} $${SIZE:+--size $$SIZE} $${RUNS:+--runs $$RUNS}
bench-decode: tests/bench/decode_bench
	tests/bench/decode_bench
