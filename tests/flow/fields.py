#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A field that the flow reads and that never occurs is told once, with what may have been meant."""
import json, os, subprocess

from flowtest import LEAT, PATIENCE, folder, main, write

FLOW = """leat: 1
flow: fields
processors:
  in:
    source: file
    with: {paths: in.ndjson, until: end}
  low:
    transform: filter
    from: in
    with:
      where: %s
  out:
    sink: "null"
    from: low
"""


def warnings(name, where, records, schema=""):
    d = folder(name)
    write(os.path.join(d, "in.ndjson"), "".join(json.dumps(r) + "\n" for r in records))
    flow = write(os.path.join(d, "flow.yaml"), (FLOW % where).replace("    with: {paths", schema + "    with: {paths"))
    p = subprocess.run([LEAT, "run", flow, "--state", os.path.join(d, "state"), "--quiet"], cwd=d, stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=PATIENCE)
    assert p.returncode == 0, p.stderr.decode()
    return [line for line in p.stderr.decode().splitlines() if "has a value in the field" in line]


def a_misspelt_field_is_told_with_the_right_one():
    told = warnings("misspelt", "qunatity < 5", [{"quantity": i} for i in range(12000)])
    assert len(told) == 1 and "did you mean 'quantity'?" in told[0], told


def a_short_input_is_enough():
    told = warnings("short", "qunatity < 5", [{"quantity": 1}])
    assert len(told) == 1 and "first 1 records" in told[0], told


def a_field_that_comes_late_is_not_told():
    assert not warnings("late", "note = 'x'", [{"n": i} for i in range(9000)] + [{"note": "x"}] * 9000)


def a_schema_makes_it_a_matter_of_validate():
    assert not warnings("schema", "note = 'x'", [{"n": 1}], "    schema: {n: int, note: text?}\n")


main(a_misspelt_field_is_told_with_the_right_one, a_short_input_is_enough, a_field_that_comes_late_is_not_told,
     a_schema_makes_it_a_matter_of_validate)
