#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# stop.sh DIR : end what start.sh started there (DIR/pid, one process id a
# line); SIGKILL after 20 seconds.
pids=$(cat "${1:?usage: stop.sh DIR}/pid" 2>/dev/null) || exit 0
alive() {   # as in lib.sh
    [ -n "$1" ] || return 1
    state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) || return 1
    [ "$state" != Z ] || [ "$(ls "/proc/$1/task" 2>/dev/null | wc -l)" -gt 1 ]
}
any_alive() { for pid in $pids; do ! alive "$pid" || return 0; done; return 1; }
kill -s "$(cat "$1/signal" 2>/dev/null || echo TERM)" $pids 2>/dev/null
for _ in $(seq 100); do
    any_alive || break
    sleep 0.2
done
for pid in $pids; do if alive "$pid"; then kill -9 "$pid"; fi; done
rm -f "$1/pid"
