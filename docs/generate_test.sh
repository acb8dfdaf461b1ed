# SPDX-License-Identifier: Apache-2.0
# The reference pages say what the program's tables say.
exec python3 "$LEAT_SOURCE/docs/generate.py" --check
