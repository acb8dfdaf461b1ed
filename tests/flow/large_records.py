#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records longer than a batch or a read, in the middle of small ones: all arrive, in order."""
import json, os

from flowtest import Run, folder, main, write

FLOW = """leat: 1
flow: large
processors:
  in:
    source: file
    with: {{ paths: {source}, until: end }}
  out:
    sink: file
    from: in
    with: {{ path: {out} }}
"""


def large_records_among_small_ones_lose_nothing():
    for size in (70_000, (1 << 20) - 30, 1 << 20, (1 << 20) + 64, 1_500_000, 5_000_000):
        d = folder(f"large-{size}")
        records = [{"n": i, "text": "x" * (size if i in (3, 4, 90) else 100)} for i in range(200)]
        source = write(os.path.join(d, "in.ndjson"), "".join(json.dumps(r) + "\n" for r in records))
        out = os.path.join(d, "out.ndjson")
        Run(write(os.path.join(d, "flow.yaml"), FLOW.format(source=source, out=out)), os.path.join(d, "state")).must_end(0)
        with open(out) as f:
            held = [json.loads(line) for line in f]
        assert held == records, (size, [r["n"] for r in held])


main(large_records_among_small_ones_lose_nothing)
