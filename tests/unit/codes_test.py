#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every code of a finding that the core uses is told by `leat explain`, and every one that is told is used."""
import glob, os, re, sys

source = os.environ["LEAT_SOURCE"]
table = open(os.path.join(source, "core/config/codes.c")).read()
told = re.findall(r'^    \{"([EWN]\d{3})"', table, re.M)
used = {}
for path in glob.glob(os.path.join(source, "core/*/*.c")):
    if path.endswith("codes.c"):
        continue
    for code in re.findall(r'"([EWN]\d{3})"', open(path).read()):
        used.setdefault(code, os.path.relpath(path, source))
results = [("codes are told once, in order", told == sorted(set(told))),
           ("codes that are used are told" + "".join(f" ({c} of {p})" for c, p in sorted(used.items()) if c not in told),
            not set(used) - set(told)),
           ("codes that are told are used" + "".join(" " + c for c in told if c not in used), not set(told) - set(used))]
print(f"1..{len(results)}")
for i, (name, good) in enumerate(results, 1):
    print(f"{'ok' if good else 'not ok'} {i} - {name}")
sys.exit(not all(good for _, good in results))
