#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# python.sh : prints a Python interpreter that has requirements.txt: a Kafka client newer than the one under test.
. "$(dirname "$0")/lib.sh"
need python3-venv
echo "$(once python "$HERE/requirements.txt" -- python_env "$HERE/requirements.txt")/bin/python3"
