# Rules of the house.
TEST_FILES += tests/style/source.py tests/style/symbols.py
EXTRA_DIST += tests/style/source.py tests/style/symbols.py
