#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The transforms, each between a file and a file: what comes out, what is rejected and why."""
import json, os, time

from flowtest import Run, folder, main, write

HEAD = """leat: 1
flow: t
processors:
  in:
    source: file
    with: {{ paths: {dir}/in.ndjson, until: end }}
{middle}
"""
SINK = """  {name}:
    sink: file
    from: {port}
    with: {{ path: {dir}/{name}.ndjson }}
"""


class Flow:
    """Records through some processors; `outs`: names of files and the ports that they are written from."""

    def __init__(self, name, records, middle, files={}, **outs):
        self.dir = folder(name)
        body = "".join(r if isinstance(r, str) else json.dumps(r) + "\n" for r in records)
        write(os.path.join(self.dir, "in.ndjson"), body)
        for file, text in files.items():
            write(os.path.join(self.dir, file), text)
        text = HEAD.format(dir=self.dir, middle=middle.replace("DIR", self.dir))
        for out, port in outs.items():
            text += SINK.format(name=out, port=port, dir=self.dir)
        self.run = Run(write(os.path.join(self.dir, "flow.yaml"), text), os.path.join(self.dir, "state"))
        self.run.must_end()

    def records(self, name="out"):
        path = os.path.join(self.dir, name + ".ndjson")
        if not os.path.exists(path):
            return []
        with open(path) as f:
            return [json.loads(line) for line in f]


def expect(got, want):
    assert got == want, f"got {json.dumps(got)}, not {json.dumps(want)}"


def filter_leaves_out_what_is_false_or_unknown():
    f = Flow("filter", [{"n": 1, "q": 5}, {"n": 2, "q": 15}, {"n": 3}, {"n": 4, "q": None}, {"n": 5, "q": 11}], """
  f:
    transform: filter
    from: in
    with:
      where: q > 10
""", out="f")
    expect([r["n"] for r in f.records()], [2, 5])


def filter_rejects_a_value_of_the_wrong_type_with_its_field():
    f = Flow("filter-type", [{"n": 1, "q": 50}, {"n": 2, "q": "many"}], """
  f:
    transform: filter
    from: in
    with:
      where: q > 10
""", out="f", bad="f.rejected")
    expect([r["n"] for r in f.records()], [1])
    bad = f.records("bad")
    assert len(bad) == 1 and bad[0]["processor"] == "f" and "reason" in bad[0], bad


def set_writes_fields_and_later_ones_see_earlier_ones():
    f = Flow("set", [{"qty": 3, "price": 2.5}, {"qty": 4, "price": 10.25}], """
  s:
    transform: set
    from: in
    with:
      fields:
        value: qty * price
        twice: value * 2
        supplier.country: "'FR'"
        qty: qty + 1
""", out="s")
    expect(f.records(), [{"qty": 4, "price": 2.5, "value": 7.5, "twice": 15, "supplier": {"country": "FR"}},
                         {"qty": 5, "price": 10.25, "value": 41, "twice": 82, "supplier": {"country": "FR"}}])


def set_copies_a_field_digit_for_digit():
    f = Flow("copy", ['{"big":12345678901234567890123,"x":1e400}\n'], """
  s:
    transform: set
    from: in
    with:
      fields:
        copy: big
        y: x
""", out="s")
    with open(os.path.join(f.dir, "out.ndjson")) as out:
        expect(out.read(), '{"big":12345678901234567890123,"x":1e400,"copy":12345678901234567890123,"y":1e400}\n')


def select_keeps_only_what_it_names():
    f = Flow("keep", [{"a": 1, "b": {"c": 2, "d": 3}, "e": "x"}], """
  s:
    transform: select
    from: in
    with: { keep: [e, b.c] }
""", out="s")
    expect(f.records(), [{"e": "x", "b": {"c": 2}}])


def select_drops_and_renames():
    f = Flow("rename", [{"a": 1, "b": 2, "c": 3, "d": {"x": 1}}], """
  s:
    transform: select
    from: in
    with:
      drop: [b]
      rename: { a: c, c: a, e: d }
""", out="s")
    expect(f.records(), [{"a": 3, "c": 1, "e": {"x": 1}}])


def select_keeps_every_digit_and_makes_no_field():
    row = '{"big":12345678901234567890123,"d":1.50,"e":1e400,"f":[1.00]}\n'
    f = Flow("digits", [row, '{"big":1}\n'], """
  s:
    transform: select
    from: in
    with:
      keep: [big, d, e, f]
      rename: { copy: d }
  w:
    transform: filter
    from: s
    with:
      where: copy > 1.25 or big = 1
""", out="w")
    with open(os.path.join(f.dir, "out.ndjson")) as out:
        expect(out.read(), row[:-2] + ',"copy":1.50}\n{"big":1}\n')


def route_sends_to_the_first_condition_that_holds():
    records = [{"n": n} for n in range(10)]
    f = Flow("route", records + [{"n": None}], """
  r:
    transform: route
    from: in
    with:
      ports:
        low: n < 3
        even: n % 2 = 0
""", low="r.low", even="r.even", other="r.other")
    expect([r["n"] for r in f.records("low")], [0, 1, 2])
    expect([r["n"] for r in f.records("even")], [4, 6, 8])
    expect([r["n"] for r in f.records("other")], [3, 5, 7, 9, None])


def route_sends_to_all_conditions_that_hold():
    f = Flow("route-all", [{"n": n} for n in range(6)], """
  r:
    transform: route
    from: in
    with:
      mode: all
      ports:
        low: n < 3
        even: n % 2 = 0
""", low="r.low", even="r.even", other="r.other")
    expect([r["n"] for r in f.records("low")], [0, 1, 2])
    expect([r["n"] for r in f.records("even")], [0, 2, 4])
    expect([r["n"] for r in f.records("other")], [3, 5])


def explode_makes_a_record_of_each_element():
    f = Flow("explode", [{"id": 1, "lines": [{"sku": "a", "qty": 1}, {"sku": "b,]\"", "qty": 2}]}, {"id": 2, "lines": []},
                         {"id": 3, "lines": {"x": 1, "y": [2]}}, {"id": 4, "lines": "none"}], """
  e:
    transform: explode
    from: in
    with: { field: lines, as: line }
  s:
    transform: set
    from: e
    with:
      fields:
        sku: line.sku
        rid: "$id"
""", out="s", bad="e.rejected")
    got = f.records()
    expect([(r["id"], r["line"], r["sku"]) for r in got],
           [(1, {"sku": "a", "qty": 1}, "a"), (1, {"sku": "b,]\"", "qty": 2}, "b,]\""),
            (3, {"key": "x", "value": 1}, None), (3, {"key": "y", "value": [2]}, None)])
    assert all("lines" not in r for r in got), got
    assert len({r["rid"] for r in got}) == 4, got
    expect(len(f.records("bad")), 1)


def check_converts_texts_to_types():
    f = Flow("types", [{"qty": "12", "price": "1.50", "day": "25.11.2026", "ok": "yes", "w": " 2e3 "},
                       {"qty": "", "price": "-0.125", "day": "1.2.1999", "ok": "F"},
                       {"qty": "twelve", "price": "1", "day": "25.11.2026", "ok": "1"},
                       {"qty": "1", "price": "1", "day": "31.02.2026", "ok": "1"}], """
  c:
    transform: check
    from: in
    with:
      types:
        qty: int
        price: decimal
        day: "date 'DD.MM.YYYY'"
        ok: bool
        w: float
""", out="c", bad="c.rejected")
    expect(f.records(), [{"qty": 12, "price": 1.5, "day": "2026-11-25T00:00:00Z", "ok": True, "w": 2000},
                         {"qty": None, "price": -0.125, "day": "1999-02-01T00:00:00Z", "ok": False, "w": None}])
    reasons = [r["reason"] for r in f.records("bad")]
    expect(reasons, ["field 'qty' is 'twelve', which is not a whole number",
                     "field 'day' is '31.02.2026', which is not a time like DD.MM.YYYY"])


def check_takes_several_formats_and_may_make_null():
    f = Flow("formats", [{"d": "2-Jun-06"}, {"d": "11/13/2006"}, {"d": "Pre-PQ Process"}], """
  c:
    transform: check
    from: in
    with:
      bad: "null"
      types:
        d: "date 'DD-Mon-YY' | 'MM/DD/YYYY'"
""", out="c")
    expect([r["d"] for r in f.records()], ["2006-06-02T00:00:00Z", "2006-11-13T00:00:00Z", None])


def check_holds_records_against_a_schema():
    schema = {"type": "object", "required": ["sku", "qty"], "additionalProperties": False,
              "properties": {"sku": {"type": "string", "pattern": "^[A-Z]{2}\\d+$", "maxLength": 6},
                             "qty": {"type": "integer", "minimum": 0}, "kind": {"enum": ["in", "out"]},
                             "lines": {"type": "array", "items": {"type": "number"}}}}
    f = Flow("schema", [{"sku": "AB1", "qty": 1}, {"sku": "AB1"}, {"sku": "ab", "qty": 1}, {"sku": "AB1", "qty": -1},
                        {"sku": "AB1", "qty": 1.5}, {"sku": "AB1", "qty": 1, "kind": "up"}, {"sku": "AB1", "qty": 1, "x": 1},
                        {"sku": "AB1", "qty": 1, "lines": [1, "2"]}, {"sku": "AB1", "qty": 2.0, "kind": "in", "lines": [1]}], """
  c:
    transform: check
    from: in
    with:
      schema: DIR/schema.json
""", {"schema.json": json.dumps(schema)}, out="c", bad="c.rejected")
    expect([r["qty"] for r in f.records()], [1, 2.0])
    reasons = [r["reason"] for r in f.records("bad")]
    wanted = ["field 'qty' is missing", "field 'sku' is \"ab\", and must match", "field 'qty' is -1, and must be at least 0",
              "field 'qty' is 1.5, and must be of type \"integer\"", "field 'kind' is \"up\", and must be one of",
              "field 'x' is not allowed", "field 'lines[1]' is \"2\", and must be of type \"number\""]
    expect(len(reasons), len(wanted))
    for reason, want in zip(reasons, wanted):
        assert reason.startswith(want), (reason, want)


def parse_reads_the_text_of_a_field():
    f = Flow("parse", [{"n": 1, "body": "{\"a\": {\"b\": 7}}"}, {"n": 2, "body": "{broken"}], """
  p:
    transform: parse
    from: in
    with: { field: body, into: parsed, codec: json }
  s:
    transform: set
    from: p
    with:
      fields:
        b: parsed.a.b
""", out="s", bad="p.rejected")
    expect([(r["n"], r["parsed"], r["b"]) for r in f.records()], [(1, {"a": {"b": 7}}, 7)])
    expect(len(f.records("bad")), 1)


def format_writes_the_record_as_text():
    f = Flow("format", [{"n": 1, "t": "x"}], """
  p:
    transform: format
    from: in
    with: { into: text, codec: json }
""", out="p")
    got = f.records()
    expect(json.loads(got[0]["text"]), {"n": 1, "t": "x"})
    assert not got[0]["text"].endswith("\n")


def sample_takes_the_same_ones_again():
    records = [{"n": n} for n in range(4000)]
    middle = """
  s:
    transform: sample
    from: in
    with: { one_in: 4 }
"""
    a = [r["n"] for r in Flow("sample", records, middle, out="s").records()]
    assert 800 < len(a) < 1200, len(a)


def log_says_what_the_template_says():
    f = Flow("log", [{"n": n} for n in range(10)], """
  l:
    transform: log
    from: in
    with: { message: "saw {n}", level: warn, every: 5 }
""", out="l")
    expect(len(f.records()), 10)
    assert "saw 0" in f.run.log() and "saw 5" in f.run.log() and "saw 1" not in f.run.log(), f.run.log()


def throttle_lets_all_pass_in_the_end():
    f = Flow("throttle", [{"n": n} for n in range(50)], """
  t:
    transform: throttle
    from: in
    with: { rate: 1000/s }
""", out="t")
    expect([r["n"] for r in f.records()], list(range(50)))


def throttle_waits_between_batches():
    begun = time.monotonic()
    f = Flow("throttle-batch", [{"n": n} for n in range(11)], """
  t:
    transform: throttle
    from: in
    with:
      rate: 20/s
      batch: { records: 1 }
""", out="t")
    took = time.monotonic() - begun
    expect([r["n"] for r in f.records()], list(range(11)))
    assert took >= 0.5, f"11 records at 20/s came in {took:.2f} s"


main(filter_leaves_out_what_is_false_or_unknown, filter_rejects_a_value_of_the_wrong_type_with_its_field,
     set_writes_fields_and_later_ones_see_earlier_ones, set_copies_a_field_digit_for_digit, select_keeps_only_what_it_names, select_drops_and_renames,
     select_keeps_every_digit_and_makes_no_field,
     route_sends_to_the_first_condition_that_holds, route_sends_to_all_conditions_that_hold,
     explode_makes_a_record_of_each_element, check_converts_texts_to_types, check_takes_several_formats_and_may_make_null,
     check_holds_records_against_a_schema, parse_reads_the_text_of_a_field, format_writes_the_record_as_text,
     sample_takes_the_same_ones_again, log_says_what_the_template_says, throttle_lets_all_pass_in_the_end,
     throttle_waits_between_batches)
