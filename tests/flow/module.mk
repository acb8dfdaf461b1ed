# Whole flows under the real binary. Each adds itself: TEST_FILES += tests/flow/NAME.py, and EXTRA_DIST += the same.
EXTRA_DIST += tests/flow/flowtest.py
TEST_FILES += tests/flow/http_push.py tests/flow/http_send.py
EXTRA_DIST += tests/flow/http_push.py tests/flow/http_send.py
