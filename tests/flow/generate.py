#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The source `generate` under the runtime: the same records whatever happens on the way, as many as were asked for."""
import json, os, signal

from flowtest import TMP, Run, folder, main, wait_for, write

COMPANY = """
leat: 1
flow: company
processors:
  company:
    source: generate
    with: {{seed: 3, count: {count}, rate: {rate}, books: "{out}/books.ndjson"}}
  out:
    sink: file
    from: company
    with: {{path: "{out}/out.ndjson"}}
"""
SYNTHETIC = """
leat: 1
flow: load
processors:
  load:
    source: generate
    with: {{shape: synthetic, count: {count}, rate: {rate}}}
  out:
    sink: file
    from: load
    with: {{path: "{out}/out.ndjson"}}
"""


def read(path):
    with open(path, "rb") as f:
        return f.read()


def start(text, name, count, rate="1000000/s"):
    out = folder(name)
    flow = write(f"{out}/flow.yaml", text.format(count=count, rate=rate, out=out))
    return Run(flow, f"{out}/state", "--quiet"), out


def ends(run):
    assert run.wait() == 0, run.log()


def killed_and_resumed(text, name, count):
    """Killed three times while it writes, each time after it got further, then left alone."""
    for _ in range(3):
        run, out = start(text, name, count, rate="20000/s")
        path = f"{out}/out.ndjson"
        before = os.path.getsize(path) if os.path.exists(path) else 0
        wait_for(lambda: (os.path.exists(path) and os.path.getsize(path) > before) or run.p.poll() is not None, "more records")
        run.p.send_signal(signal.SIGKILL)
        run.p.wait()
    run, out = start(text, name, count)
    ends(run)
    return out


def a_company_that_is_killed_tells_the_same_as_one_that_is_not():
    run, whole = start(COMPANY, "whole", 60000)
    ends(run)
    out = killed_and_resumed(COMPANY, "killed", 60000)
    assert read(f"{whole}/out.ndjson") == read(f"{out}/out.ndjson"), "other records"
    assert read(f"{whole}/books.ndjson") == read(f"{out}/books.ndjson"), "other books"


def every_record_is_json_and_has_its_number():
    run, out = start(COMPANY, "numbers", 30000)
    ends(run)
    topics = set()
    for i, line in enumerate(open(f"{out}/out.ndjson")):
        record = json.loads(line)
        topics.add(record["topic"])
        assert int(record["event_id"][4:]) == i, record
    assert i == 29999 and len(topics) == 5, (i, topics)


def the_books_close_every_day_and_end_with_what_was_told():
    run, out = start(COMPANY, "books", 30000)
    ends(run)
    books = [json.loads(line) for line in open(f"{out}/books.ndjson")]
    days = [b for b in books if b["kind"] == "day"]
    assert len(days) > 5 and [d["days"] for d in days] == list(range(1, len(days) + 1))
    for d in days:
        assert d["unbalanced"] == 0
        assert d["initial"] + d["bought"] + d["made"] == d["on_hand"] + d["in_transit"] + d["sold"] + d["used"] + d["scrapped"], d
    assert books[-1]["kind"] == "end" and books[-1]["sequence"] == 30000
    assert sum(books[-1][t] for t in books[-1] if t[0].isupper()) == 30000


def it_ends_at_a_time_of_the_calendar():
    out = folder("until")
    flow = write(f"{out}/flow.yaml", COMPANY.format(count=0, rate="1000000/s", out=out).replace(
        "seed: 3", "seed: 3, until: 2026-01-08T12:00:00Z, defects: 0"))
    ends(Run(flow, f"{out}/state", "--quiet"))
    times = [json.loads(line)["event_time"] for line in open(f"{out}/out.ndjson")]
    assert times == sorted(times) and "2026-01-08T11" in times[-1], times[-1]


def plain_load_that_is_killed_is_whole():
    run, whole = start(SYNTHETIC, "load", 60000)
    ends(run)
    out = killed_and_resumed(SYNTHETIC, "load-killed", 60000)
    data = read(f"{out}/out.ndjson")
    assert data == read(f"{whole}/out.ndjson"), "other records"
    ids = [json.loads(line)["event_id"] for line in data.splitlines()]
    assert ids == [f"EV-{i:016d}" for i in range(60000)]


def trying_it_leaves_no_books():
    import subprocess
    out = folder("try")
    flow = write(f"{out}/flow.yaml", COMPANY.format(count=0, rate="1000000/s", out=out))
    p = subprocess.run([os.environ["LEAT"], "try", flow, "-n", "3"], capture_output=True, text=True, timeout=60)
    assert p.returncode == 0 and p.stdout.count("company.out") == 3, p
    assert not os.path.exists(f"{out}/books.ndjson")


main(a_company_that_is_killed_tells_the_same_as_one_that_is_not, every_record_is_json_and_has_its_number,
     the_books_close_every_day_and_end_with_what_was_told, it_ends_at_a_time_of_the_calendar, plain_load_that_is_killed_is_whole,
     trying_it_leaves_no_books)
