# The plugin contract: its layout, its headers, and what becomes of plugins that are old, new or broken.
TEST_FILES += tests/abi/frozen.py tests/abi/headers.py tests/abi/loader.py tests/abi/minors.py tests/abi/examples.py tests/abi/check.py
EXTRA_DIST += tests/abi/frozen.py tests/abi/headers.py tests/abi/loader.py tests/abi/minors.py tests/abi/examples.py tests/abi/check.py tests/abi/plugins.py tests/abi/frozen.txt
