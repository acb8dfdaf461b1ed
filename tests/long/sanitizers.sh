#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sanitizers.sh: all quick tests again, built with AddressSanitizer and UndefinedBehaviorSanitizer, then with ThreadSanitizer.
set -u
export TSAN_OPTIONS=handle_segv=0 # plugins that crash on purpose must die of it
n=0
for list in address,undefined thread; do
    n=$((n + 1))
    build=$LEAT_TMP/$list
    mkdir -p "$build" && cd "$build" || exit 1
    if ! "$LEAT_SOURCE/configure" --quiet --enable-sanitize="$list" CFLAGS="-O1 -g" >configure.log 2>&1 || ! make -j2 >make.log 2>&1; then
        echo "not ok $n - built with $list"
        tail -20 configure.log make.log | sed 's/^/# /'
        continue
    fi
    make check >check.log 2>&1
    status=$?
    last=$(grep -E '^[0-9]+ passed, ' check.log | tail -1)
    if [ $status = 0 ] && [ -n "$last" ]; then
        echo "ok $n - quick tests under $list: $last"
    else
        echo "not ok $n - quick tests under $list: $last"
        grep -E '^FAIL|^ *not ok|ERROR: |WARNING: ThreadSanitizer|runtime error|^ +# +#[0-9]+ ' check.log | head -60 | sed 's/^/# /'
    fi
done
echo "1..$n"
