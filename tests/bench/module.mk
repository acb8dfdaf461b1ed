# Benchmarks: built by `make bench`, not by `make`. Run on an idle machine.
EXTRA_PROGRAMS += tests/bench/decode_bench
tests_bench_decode_bench_SOURCES = tests/bench/decode_bench.c
tests_bench_decode_bench_LDADD = $(CORE_LIBS)
.PHONY: bench
bench: tests/bench/decode_bench
	tests/bench/decode_bench
