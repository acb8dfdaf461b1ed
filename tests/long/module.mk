# Each adds itself: LONG_TESTS += tests/long/NAME.py, and EXTRA_DIST += the same.
LONG_TESTS += tests/long/files_kill.py tests/long/files_faults.py
EXTRA_DIST += tests/long/files_kill.py tests/long/files_faults.py
LONG_TESTS += tests/long/kafka_test.py tests/long/kafka_elastic_test.py
EXTRA_DIST += tests/long/kafka_test.py tests/long/kafka_elastic_test.py tests/long/kafka_harness.py
LONG_TESTS += tests/long/fuzz.py
EXTRA_DIST += tests/long/fuzz.py
LONG_TESTS += tests/long/opensearch.py
EXTRA_DIST += tests/long/opensearch.py
LONG_TESTS += tests/long/expr_postgres_test.py
EXTRA_DIST += tests/long/expr_postgres_test.py
LONG_TESTS += tests/long/supply_chain_servers.py
EXTRA_DIST += tests/long/supply_chain_servers.py
LONG_TESTS += tests/long/sanitizers.sh
EXTRA_DIST += tests/long/sanitizers.sh
