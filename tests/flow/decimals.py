#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Decimals far apart in one batch: they fit into no column together, and none is refused for that."""
import os

from flowtest import Run, folder, main, write

VALUES = ["123456789.25", "0.30000000000000004", "5", "99999999999999", "0.000000000001", "1.50"]
FLOW = """leat: 1
flow: decimals
processors:
  in:
    source: file
    schema: {{x: decimal}}
    strict: reject
    with: {{ paths: {source}, until: end }}
  out:
    sink: {sink}
    from: in
    with: {{ {options} }}
"""


def a_schema_refuses_no_decimal_for_its_neighbours():
    d = folder("schema")
    source = write(os.path.join(d, "in.ndjson"), "".join('{"x":%s}\n' % v for v in VALUES))
    out = os.path.join(d, "out.ndjson")
    flow = write(os.path.join(d, "flow.yaml"), FLOW.format(source=source, sink="file", options=f"path: {out}"))
    Run(flow, os.path.join(d, "state")).must_end(0)
    with open(out) as f:
        assert f.read() == "".join('{"x":%s}\n' % v for v in VALUES)


main(a_schema_refuses_no_decimal_for_its_neighbours)
