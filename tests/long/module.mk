# Each adds itself: LONG_TESTS += tests/long/NAME.py, and EXTRA_DIST += the same.
