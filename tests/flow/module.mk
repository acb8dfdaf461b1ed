# Whole flows under the real binary. Each adds itself: TEST_FILES += tests/flow/NAME.py, and EXTRA_DIST += the same.
EXTRA_DIST += tests/flow/flowtest.py
TEST_FILES += tests/flow/decimals.py
EXTRA_DIST += tests/flow/decimals.py
TEST_FILES += tests/flow/http_push.py tests/flow/http_send.py tests/flow/large_records.py
EXTRA_DIST += tests/flow/http_push.py tests/flow/http_send.py tests/flow/large_records.py
TEST_FILES += tests/flow/files.py tests/flow/transforms.py tests/flow/sqlite.py tests/flow/stdio.py
EXTRA_DIST += tests/flow/files.py tests/flow/transforms.py tests/flow/sqlite.py tests/flow/stdio.py
TEST_FILES += tests/flow/fields.py
EXTRA_DIST += tests/flow/fields.py
TEST_FILES += tests/flow/generate.py tests/flow/supply_chain.py tests/flow/usaid.py tests/flow/ingest.py
EXTRA_DIST += tests/flow/generate.py tests/flow/supply_chain.py tests/flow/usaid.py tests/flow/ingest.py
TEST_FILES += tests/flow/secrets.py
EXTRA_DIST += tests/flow/secrets.py
TEST_FILES += tests/flow/alone.py
EXTRA_DIST += tests/flow/alone.py
