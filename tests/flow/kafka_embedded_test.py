#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A flow that writes to the embedded broker and reads back from it, twice over: everything arrives once, with keys and
headers, however slow the reader is."""
import json

from flowtest import TMP, Run, main, wait_for, write

FLOW = """
leat: 1
flow: back
settings:
  lanes: {lanes}
processors:
  lines:
    source: file
    with:
      paths: {tmp}/in.ndjson
      until: end
  write:
    sink: kafka
    from: lines
    with:
      brokers: embedded
      topic: first
      key: sku
      headers: {{plant: plant}}
  read:
    source: kafka
    with:
      brokers: embedded
      topics: first
  some:
    transform: filter
    from: read
    with:
      where: qty >= 5
{slow}
  again:
    sink: kafka
    from: {last}
    with:
      brokers: embedded
      topic: second-{{plant}}
      headers:
        plant: $headers['plant']
        first: $id
  read_again:
    source: kafka
    with:
      brokers: embedded
      topics: [second-north, second-south]
  meta:
    transform: set
    from: read_again
    with:
      fields:
        key: $key
        plant_header: $headers['plant']
        first_id: $headers['first']
        topic: $topic
        partition: $partition
        own_id: $id
  out:
    sink: file
    from: meta
    with:
      path: {tmp}/{out}.ndjson
"""


def write_input(n, text):
    with open(f"{TMP}/in.ndjson", "w") as f:
        for i in range(n):
            plant = "north" if i % 2 else "south"
            f.write(json.dumps({"id": i, "sku": f"s{i % 31}", "qty": i % 10, "plant": plant, "text": text}) + "\n")


def lines(out):
    try:
        with open(f"{TMP}/{out}.ndjson", "rb") as f:
            return sum(block.count(b"\n") for block in iter(lambda: f.read(1 << 20), b""))
    except FileNotFoundError:
        return 0


def run(out, expected, lanes=1, slow="", last="some", seconds=60):
    """Runs it until as many results are there, then ends it by SIGTERM."""
    path = write(f"{TMP}/{out}.yaml", FLOW.format(tmp=TMP, out=out, lanes=lanes, slow=slow, last=last))
    leat = Run(path, f"{TMP}/{out}-state", "--quiet")
    wait_for(lambda: lines(out) >= expected or leat.p.poll() is not None, f"{expected} results", seconds)
    leat.stop()
    leat.must_end(0, seconds)


def check(out, n):
    with open(f"{TMP}/{out}.ndjson") as f:
        found = [json.loads(line) for line in f]
    ids = sorted(r["id"] for r in found)
    expected = [i for i in range(n) if i % 10 >= 5]
    assert ids == expected, f"{len(ids)} results, {len(set(ids))} different, of {len(expected)}"
    for r in found:
        assert r["key"] == f"s{r['id'] % 31}" and r["plant_header"] == r["plant"], r
        assert r["topic"] == "second-" + r["plant"] and 0 <= int(r["partition"]) < 4, r
    assert len({r["first_id"] for r in found}) == len(found) and len({r["own_id"] for r in found}) == len(found)


def there_and_back():
    write_input(5000, "x")
    run("one", 2500)
    check("one", 5000)
    with open(f"{TMP}/one-state/embedded-kafka") as f:
        assert ":" in f.read()


def there_and_back_on_two_lanes():
    write_input(5000, "x")
    run("two", 2500, lanes=2)
    check("two", 5000)


def a_slow_reader_loses_nothing():
    """40 MiB through a broker that keeps 5 MiB of a partition, half of it read at 15,000 records a second."""
    write_input(40000, "y" * 1000)
    slowly = "  slowly:\n    transform: throttle\n    from: some\n    with:\n      rate: 15000/s\n"
    run("slow", 20000, slow=slowly, last="slowly")
    check("slow", 40000)


main(there_and_back, there_and_back_on_two_lanes, a_slow_reader_loses_nothing)
