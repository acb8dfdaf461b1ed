#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a value does not depend on what else is in its batch: each alone, then all together in some orders."""
import os, random, subprocess, sys

LEAT, TMP = os.environ["LEAT"], os.environ["LEAT_TMP"]
VALUES = ["9007199254740993", "1.5e0", "12345678901234567890123", "1.50", "-0", "0.00001", "123456789012345678", "0.123456789012345678",
          "100000000000000000", "1e300", "-261.20", '"text"', "true", '{"n": 1.50}', "[1.0, 2]", "null", "9223372036854775807", "-9223372036854775808"]
FLOW = """leat: 1
flow: alone
processors:
  in: {source: stdin}
  copy: {transform: set, from: in, with: {fields: {m: n}}}
  out: {sink: stdout, from: copy}
"""


def pipe(values):
    p = subprocess.run([LEAT, "pipe", TMP + "/alone.yaml"], input="".join('{"n":%s}\n' % v for v in values), capture_output=True, text=True)
    assert p.returncode == 0, p.stderr
    return p.stdout.splitlines()


with open(TMP + "/alone.yaml", "w") as f:
    f.write(FLOW)
alone = {v: pipe([v])[0] for v in VALUES}
r = random.Random(1)
n = failed = 0
for name, some in (("all values together", VALUES), ("numbers together", VALUES[:11]), ("numbers and texts together", VALUES[:12])):
    wrong = []
    for _ in range(3):
        order = r.sample(some, len(some))
        wrong += [f"{v}: alone {alone[v]}, together {got}" for v, got in zip(order, pipe(order)) if got != alone[v]]
    n += 1
    failed += bool(wrong)
    print(f"{'not ok' if wrong else 'ok'} {n} - {name} are what they are alone")
    for line in sorted(set(wrong)):
        print("#", line)
untouched = [v for v in VALUES[:11] if alone[v] != '{"n":%s,"m":%s}' % (v, v) and v not in ("1.5e0", "1.50", "-0", "-261.20", "1e300")]
print(f"{'not ok' if untouched else 'ok'} {n + 1} - whole numbers and decimals of any length pass as they are")
for v in untouched:
    print("#", alone[v])
print(f"1..{n + 1}")
sys.exit(bool(failed or untouched))
