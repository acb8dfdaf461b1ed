#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The demo of ./bootstrap: runs flows/supply-chain.yaml from the start, then holds what it found against the simulator's books.
# usage: flows/demo.sh LEAT [options of leat run, such as --for 30s]; what it writes lies beside LEAT, in demo/.
set -u
leat=$1
shift
folder=$(dirname "$leat")/demo
rm -rf "$folder" && mkdir -p "$folder" || exit 1
trap : INT TERM # they end leat, which finishes what it has read; then the scorer has its turn
"$leat" run flows/supply-chain.yaml --state "$folder/state" -p out="$folder/out" "$@"
status=$?
[ "$status" = 0 ] || exit "$status"
python3 flows/score.py "$folder/out" || exit 1
cat <<EOF

What it wrote is in $folder/out. Next:
  1. change a rule in flows/supply-chain.yaml, then: $leat validate flows/supply-chain.yaml
  2. look at its records: $leat try flows/supply-chain.yaml -n 5 --port company.out
  3. docs/first-flow.md (5 minutes)
EOF
