#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Judges the decoders against Python's own json and csv modules: generated, mutated and hostile input, cut at many places."""
import csv
import io
import json
import os
import random
import subprocess
import sys
from decimal import Decimal

BUILD = os.environ.get("LEAT_BUILD", "build")
TMP = os.environ.get("LEAT_TMP", "/tmp")
DUMP = os.path.join(BUILD, "tests/unit/record_dump")
MANY = int(os.environ.get("JUDGE_ROUNDS", "1"))
PATHS = ["a", "b", "k.a", "k.k.b", "arr[1]", "arr[0].a", '"x y"', "n"]
TYPES = ["natural", "i64", "dec", "f64", "text", "json"]
sys.set_int_max_str_digits(0)
sys.setrecursionlimit(20000)


class Number(str):
    """A number as it is written."""


def dump(data, *options, name="judge"):
    path = os.path.join(TMP, "%s-%d.in" % (name, os.getpid()))
    with open(path, "wb") as f:
        f.write(data)
    run = subprocess.run([DUMP, *options, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.unlink(path)
    if run.returncode:
        raise AssertionError("record_dump %s failed with %d: %s" % (options, run.returncode, run.stderr.decode()[:2000]))
    return run.stdout


def read_dump(out, n_cells):
    f = io.BytesIO(out)

    def text():
        n = int(f.readline())
        t = f.read(n)
        assert f.read(1) == b"\n"
        return t

    records, rejected = [], []
    while True:
        kind = f.readline().strip()
        if kind == b"record":
            id_ = text().decode()
            line = int(f.readline())
            whole, after = text(), text()
            records.append((id_, line, whole, after, [text() for _ in range(n_cells)]))
        elif kind == b"rejected":
            seq, line, code = int(f.readline()), int(f.readline()), f.readline().decode().strip()
            rejected.append((seq, line, code, text()))
        else:
            assert kind == b"end", kind
            return records, rejected, int(f.readline())


def depth_of(text):
    depth = most = 0
    quoted = escaped = False
    for c in text:
        if quoted:
            if escaped:
                escaped = False
            elif c == "\\":
                escaped = True
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
        elif c in "[{":
            depth += 1
            most = max(most, depth)
        elif c in "]}":
            depth -= 1
    return most


def no_constant(name):
    raise ValueError(name)


def parse(raw, max_depth=128):
    """The object, or None where it is no record. Numbers stay as they are written."""
    try:
        text = raw.decode("utf-8")
        if depth_of(text) > max_depth:
            return None
        value = json.loads(text, parse_constant=no_constant, parse_int=Number, parse_float=Number)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # lone surrogates
        return value if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        return None


def expected(data, max_depth=128, max_record=16 << 20):
    """(sequence, line, object or None) of every line that is not empty."""
    at, found = 0, []
    for number, line in enumerate(data.split(b"\n"), 1):
        stripped = line.strip(b" \t\r")
        if len(line[:-1] if line.endswith(b"\r") else line) > max_record:
            found.append((at, number, None, stripped))
        elif stripped:
            begin = at + len(line) - len(line.lstrip(b" \t\r"))
            found.append((begin, number, parse(stripped, max_depth), stripped))
        at += len(line) + 1
    return found


def find(value, path):
    for step in path.replace("[", ".[").split("."):
        if step.startswith("["):
            i = int(step[1:-1])
            if not isinstance(value, list) or i >= len(value):
                return None
            value = value[i]
        else:
            if not isinstance(value, dict) or step.strip('"') not in value:
                return None
            value = value[step.strip('"')]
    return value


def loads(text):
    return json.loads(text.decode("utf-8"), parse_int=Number, parse_float=Number)


def number_is(text, want):
    got = Decimal(text.decode())
    return got == want


def check_cell(kind, got, want, where):
    """What one value must be as a column of each type."""
    def right(ok):
        assert ok, "%s as %s: got %r, want %r" % (where, kind, got, want)

    number = isinstance(want, Number)
    if want is None:
        return right(got == b"")
    if kind == "json":
        return right(loads(got) == want)
    if kind == "text":
        if isinstance(want, (dict, list)):
            return right(got == b"bad")
        text = {True: "true", False: "false"}.get(want) if isinstance(want, bool) else str(want)
        return right(loads(got) == text)
    if kind == "natural":
        if number:  # exact, or a double where others in the batch are none
            d = Decimal(want)
            if got == b"bad":
                return right(abs(d) > Decimal("1.7e308"))
            return right(Decimal(got.decode()) == d or float(got) == float(want))
        return right(loads(got) == want)
    if not number:
        return right(got == b"bad")
    d = Decimal(want)
    digits = d.normalize().as_tuple()
    exact = len(digits.digits) <= 18
    if kind == "i64":
        whole = d == d.to_integral_value() if abs(d) < Decimal("1e30") else False
        fits = whole and -2**63 <= d < 2**63
        if got == b"bad":
            return right(not fits or not exact or digits.exponent > 18)
        return right(fits and int(got) == int(d))
    if kind == "dec":
        if got == b"bad":  # does not fit with the others of its batch: the judge cannot tell
            return
        return right(Decimal(got.decode()) == d)
    if kind == "f64":
        if got == b"bad":
            return right(abs(d) > Decimal("1.7e308"))
        return right(float(got) == float(want))


def check_changed(before, after, row, where):
    """Field b was set to the row's number in its batch, field a was taken out; all else stays, and in its order."""
    got = json.loads(after.decode("utf-8"), parse_int=Number, parse_float=Number)
    assert "a" not in got, where
    assert isinstance(got["b"], Number), where
    assert {k: v for k, v in got.items() if k != "b"} == {k: v for k, v in before.items() if k not in ("a", "b")}, \
        "%s: %r became %r" % (where, before, after)
    assert [k for k in got if k != "b"] == [k for k in before if k not in ("a", "b")], where


def check_json(data, *options, max_depth=128, max_record=16 << 20, cells=True):
    wanted = [x for p in PATHS for x in ("-p", p)] if cells else []
    out = dump(data, *wanted, *options)
    records, rejected, position = read_dump(out, len(PATHS) * len(TYPES) if cells else 0)
    want = expected(data, max_depth, max_record)
    good = [w for w in want if w[2] is not None]
    bad = [w for w in want if w[2] is None]
    restart = "-R" in options
    assert position == len(data), "position %d of %d" % (position, len(data))
    assert [int(r[0][2:]) for r in records] == [w[0] for w in good], "records %r, wanted %r" % (
        [r[0] for r in records][:20], [w[0] for w in good][:20])
    if max_record == 16 << 20:
        assert [r[0] for r in rejected] == [w[0] for w in bad], "rejected %r, wanted %r" % (rejected[:5], bad[:5])
    else:
        assert len(rejected) == len(bad), "rejected %r, wanted %r" % (rejected[:5], bad[:5])
    for r, w in zip(records, good):
        where = "record at %d of %r" % (w[0], w[3][:200])
        assert restart or r[1] == w[1], "%s: line %d, not %d" % (where, r[1], w[1])
        assert r[2] == w[3], "%s: %r" % (where, r[2])
        check_changed(w[2], r[3], 0, where)
        for i, got in enumerate(r[4]):
            check_cell(TYPES[i % len(TYPES)], got, find(w[2], PATHS[i // len(TYPES)]), where + " " + PATHS[i // len(TYPES)])
    for r, w in zip(rejected, bad):
        assert restart or r[1] == w[1], (r, w)
        assert max_record != 16 << 20 or r[3] == w[3][:65536], (r, w)
    return out


# --- what is tried ---

KEYS = ["a", "b", "k", "arr", "x y", "n", "\\u0061", "é", "long" * 20, "", "a.b", "q\\\"q", "\\ud83d\\ude00"]
SCALARS = ["1", "-0", "0.5", "12345678901234567890", "-9223372036854775808", "9223372036854775808", "1e5", "1E-7", "1.50",
           "-1.000", "0", "true", "false", "null", "123456789012345678.9", "1e999", "0.000000000000000001", "5e-400", "7",
           "999999999999999999", "1234567890123456789", '""', '"text"', '"\\n\\t\\\\\\"\\/"', '"é\\u00e9\\ud83d\\ude00"',
           '"' + "y" * 40 + '"', '"2026-01-02T03:04:05Z"', "[]", "{}"]
WRONG = [b"01", b"1.", b".5", b"+1", b"1e", b"1e+", b"-", b"--1", b"0x1", b"NaN", b"Infinity", b"tru", b"nulll", b'"\\x"', b'"\\u12"',
         b'"\\ud800"', b'"\\udc00\\ud800"', b'"\x01"', b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b"[1,]", b"[,1]", b"{,}",
         b'{"a":1,}', b'{"a"}', b'{a:1}', b"[1 2]", b'"', b"]", b"}", b"[", b"{", b"'a'", b"1 2", b"\xef\xbb\xbf1", b"/**/1", b"00",
         b"-01", b"1.e5", b'"\\u00G0"', b"True", b"\x00", b'"\t"', b"\xa0"]


def value(r, depth):
    if depth > 0 and r.random() < 0.3:
        if r.random() < 0.5:
            return "[" + ",".join(value(r, depth - 1) for _ in range(r.randrange(4))) + "]"
        return an_object(r, depth - 1)
    return r.choice(SCALARS)


def blank(r):
    return r.choice(["", "", "", "", " ", "\t", "  "])


def an_object(r, depth, keys=None):
    members = []
    for _ in range(r.randrange(6)):
        members.append("%s\"%s\"%s:%s%s%s" % (blank(r), r.choice(keys or KEYS), blank(r), blank(r), value(r, depth), blank(r)))
    return "{" + ",".join(members) + "}"


def lines(r, n, end="\n"):
    return "".join(blank(r) + an_object(r, 3) + blank(r) + end for _ in range(n)).encode()


def mutated(r, data):
    b = bytearray(data)
    for _ in range(r.randrange(1, 8)):
        i = r.randrange(len(b))
        how = r.randrange(5)
        if how == 0:
            b[i] = r.randrange(256)
        elif how == 1:
            del b[i:i + r.randrange(1, 4)]
        elif how == 2:
            b[i:i] = r.choice(WRONG)
        elif how == 3:
            b[i:i] = bytes([r.choice(b'"\\{}[],:0-\r\n')])
        else:
            b[i] ^= 1 << r.randrange(8)
        if not b:
            b = bytearray(b"{}")
    if b.startswith(b"\xef\xbb\xbf"):
        b[0] = 32
    return bytes(b)


def steady(r, n, drift=0.02):
    """Records of one shape, as most streams have them, with a few others in between."""
    out = []
    for i in range(n):
        line = '{"a":%d,"b":%d.%02d,"k":{"a":"w%d","k":{"b":%s}},"arr":[%d,{"a":1},3],"x y":"%s","n":%s}' % (
            r.randrange(10**r.randrange(1, 19)), r.randrange(1000), r.randrange(100), i, r.choice(["true", "null", "5"]),
            i, r.choice(["plain", "es\\\"c", "ünï", "z" * 70]), r.choice(["null", "-1", "1e3", "0"]))
        if r.random() < drift:
            line = r.choice([an_object(r, 3), line[:-1] + ',"extra":1}', line.replace(":", ": "), line.replace('"a":', '"a":0', 1), line[:-1]])
        out.append(line)
    return ("\n".join(out) + "\n").encode()


def test_generated():
    r = random.Random(1)
    for i in range(30 * MANY):
        check_json(lines(r, 60, r.choice(["\n", "\r\n", "\n\n"])), "-m", str(r.choice([1, 7, 1000])))


def test_mutated():
    r = random.Random(2)
    for i in range(60 * MANY):
        check_json(mutated(r, lines(r, 25)))


def test_mutated_steady():
    r = random.Random(22)
    for i in range(60 * MANY):
        check_json(mutated(r, steady(r, 60)))


def test_wrong_values():
    out = []
    for w in WRONG:
        for place in (b"%s", b'{"a":%s}', b'{"a":[%s]}', b'{"a":{"b":%s}}', b'{"a":1,"b":%s,"n":2}', b'{"a":1}%s', b'{"a":1,"arr":[1,%s]}'):
            out.append(place.replace(b"%s", w))
            out.append(b'{"a":1,"b":2,"n":3}')
    check_json(b"\n".join(out))
    check_json(b"\n".join(o for o in out for _ in range(2)))


def test_steady_shapes():
    r = random.Random(3)
    for i in range(6 * MANY):
        check_json(steady(r, 400, r.choice([0, 0.02, 0.3])), "-m", str(r.choice([100, 1000])))


def test_every_cut():
    r = random.Random(4)
    data = b'\xef\xbb\xbf'[:0] + steady(r, 6, 0.5) + b"\n\r\n{bad}\n" + lines(r, 4, "\r\n") + b'{"a":1}'
    whole = check_json(data)
    for chunk in list(range(1, 80)) + [127, 128, 255, 1000]:
        assert dump(data, *[x for p in PATHS for x in ("-p", p)], "-c", str(chunk)) == whole or \
            check_json(data, "-c", str(chunk)), chunk


def test_restarts():
    r = random.Random(5)
    data = steady(r, 60, 0.2) + b"\n\n{bad\n\r\n" + lines(r, 20, "\r\n") + b'{"a":1}'
    for chunk in (1, 3, 50, 333, 5000, 65536):
        for rows in (1, 3, 1000):
            check_json(data, "-R", "-c", str(chunk), "-m", str(rows))


def test_deep():
    deep = [b'{"a":' + b"[" * n + b"]" * n + b"}" for n in (1, 100, 126, 127, 128, 129, 1000, 5000)]
    deep += [b'{"a":' * n + b"1" + b"}" * n for n in (1, 100, 127, 128, 129, 130, 1000)]
    check_json(b"\n".join(deep), cells=False)
    check_json(b"\n".join(deep), "-d", "3", max_depth=3, cells=False)


def test_long():
    r = random.Random(6)
    many = ",".join('"key%d":%d' % (i, i) for i in range(9000)).encode()
    data = b"\n".join([b'{"a":"' + b"x" * 70000 + b'","b":1,"n":5}', b'{"a":1}', b"{" + many + b',"a":7,"n":1}', b'{"n":' + b"9" * 70000 + b"}",
                       b'{"k":{"a":"' + b"\\n" * 40000 + b'"},"arr":[' + b",".join(b"1" for _ in range(40000)) + b"]}"])
    check_json(data * 3)
    for size in (1 << 20, (1 << 20) + 64, 3000000):
        check_json(steady(r, 30) + b'{"a":"' + b"x" * size + b'"}\n' + steady(r, 30), "-c", "100000")
    check_json(data + b"\n" + steady(r, 50), "-c", "1000")
    for limit in (10, 100, 1000):
        for chunk in (7, 333, 65536):
            for restart in ([], ["-R"]):
                check_json(steady(r, 20, 0.5) + data + b"\n" + steady(r, 20), "-r", str(limit), "-c", str(chunk), *restart,
                           max_record=limit)


def test_many_shapes():
    """More key sets than can be learnt."""
    out = []
    for i in range(6000):
        out.append('{"a":1,"key%d":%d,"b":{"n%d":1},"n":%d}' % (i, i, i % 77, i))
        if i % 3 == 0:
            out.append('{"a":%d,"b":2,"n":3}' % i)
    check_json("\n".join(out).encode())


def test_duplicates():
    check_json(b"\n".join([b'{"a":1,"a":2,"b":3,"b":4,"k":{"a":1},"k":{"k":{"b":1}},"n":1}', b'{"\\u0061":1,"a":2}', b'{"a":2,"\\u0061":1}',
                           b'{"k":{"a":1,"a":2,"k":{"b":1},"k":3}}', b'{"k":1,"k":{"a":5}}', b'{"k":{"a":5},"k":1}'] * 20))


def test_shapes_say_what_one_by_one_says():
    r = random.Random(11)
    for i in range(10 * MANY):
        data = steady(r, 300, r.choice([0, 0.05, 0.4])) + mutated(r, steady(r, 50)) + lines(r, 50)
        wanted = [x for p in PATHS for x in ("-p", p)]
        assert dump(data, *wanted) == dump(data, *wanted, "-S"), data
        assert dump(data, "-M", *wanted) == dump(data, "-M", *wanted, "-S"), data


def test_messages():
    r = random.Random(7)
    for i in range(20 * MANY):
        objects = [an_object(r, 2) for _ in range(r.randrange(1, 8))]
        objects = [o.replace("1e999", "1") for o in objects]
        pretty = [json.dumps(json.loads(o), indent=r.choice([None, 1]), ensure_ascii=False) for o in objects]
        records, rejected, _ = read_dump(dump("\n".join(pretty).encode(), "-M"), 0)
        assert not rejected and len(records) == len(objects), (pretty, rejected)
        for k, (got, want) in enumerate(zip(records, pretty)):
            assert got[0] == ("i/0" if k == 0 else "i/0.%d" % k), got
            assert b"\n" not in got[2] and json.loads(got[2]) == json.loads(want)
        broken = pretty[:]
        broken.insert(r.randrange(len(pretty) + 1), r.choice(['{"a":\n 1,\n x}', '{"a":1', "x", '{\n "a": [\n1,\n2\n}\n}', '{"a":1} 2']))
        records, rejected, _ = read_dump(dump("\n".join(broken).encode(), "-M"), 0)
        assert len(rejected) == 1 and len(records) == len(objects), (broken, rejected)


def test_arrays_in_messages():
    r = random.Random(10)
    for i in range(20 * MANY):
        objects = [json.loads(an_object(r, 2).replace("1e999", "1")) for _ in range(r.randrange(0, 50))]
        text = json.dumps(objects, indent=r.choice([None, 1]), ensure_ascii=False)
        for rows in ("1", "7", "1000"):
            records, rejected, _ = read_dump(dump(text.encode(), "-M", "-m", rows), 0)
            assert not rejected and [json.loads(x[2]) for x in records] == objects, (text, rejected)
    for text, good, bad in (("[]", 0, 0), ("[ ]", 0, 0), ("[1,{}]", 1, 1), ("[{},]", 1, 1), ("[{} {}]", 1, 1), ("[{}", 1, 1), ("[", 0, 1),
                            ("[{}]x", 1, 1), ("[{}]\n[{}]", 2, 0), ("[{}]{}", 2, 0), ("[[{}]]", 0, 1)):
        records, rejected, _ = read_dump(dump(text.encode(), "-M"), 0)
        assert (len(records), len(rejected)) == (good, bad), (text, records, rejected)


def csv_expected(data, delimiter):
    """Python's strict reader, record by record; (fields) or None."""
    rows = list(csv.reader(io.StringIO(data, newline=""), delimiter=delimiter, strict=True))
    return [x for x in rows if x]


def csv_text(r, n, delimiter):
    out = []
    width = r.randrange(1, 6)
    names = ["c%d" % i for i in range(width)]
    out.append(delimiter.join(names))
    for _ in range(n):
        fields = []
        for _ in range(width):
            f = "".join(r.choice(["a", "b", " ", '"', "\n", "\r\n", "\r", delimiter, "é", "1", ""]) for _ in range(r.randrange(6)))
            if any(c in f for c in '"\r\n' + delimiter) or r.random() < 0.2 or (width == 1 and not f):
                f = '"' + f.replace('"', '""') + '"'
            fields.append(f)
        out.append(delimiter.join(fields))
    end = r.choice(["\n", "\r\n", "\r"])
    return end.join(out) + r.choice(["", end, end + end]), names


def test_csv():
    r = random.Random(8)
    for i in range(60 * MANY):
        delimiter = r.choice([",", ";", "\t", "|"])
        data, names = csv_text(r, 30, delimiter)
        want = csv_expected(data, delimiter)[1:]
        whole = None
        for options in ([], ["-c", "1"], ["-c", "7"], ["-R", "-c", "5", "-m", "3"]):
            records, rejected, position = read_dump(dump(data.encode(), "-k", "csv", "-D", delimiter, *options), 0)
            got = [list(json.loads(x[2]).values()) for x in records]
            assert not rejected, (options, data, rejected)
            assert got == want, (options, data, got, want)
            assert position == len(data.encode()), (options, position)
            ids = [x[0] for x in records]
            whole = whole or ids
            assert ids == whole, (options, ids, whole)


def test_text():
    data = "one\n\ntwo\r\nthré\n\xff".encode("latin-1").replace(b"\xe9", b"\xc3\xa9")
    for options in ([], ["-c", "1"], ["-R", "-c", "2"]):
        records, rejected, _ = read_dump(dump(data, "-k", "text", *options), 0)
        assert [json.loads(x[2])["text"] for x in records] == ["one", "two", "thré"], records
        assert [x[2] for x in rejected] == ["utf8"], rejected


def test_compressed():
    import gzip
    r = random.Random(9)
    data = steady(r, 500, 0.1)
    want = dump(data, "-c", "100000")
    packed = [gzip.compress(data), gzip.compress(data[:5000]) + gzip.compress(data[5000:]), gzip.compress(data[:100]) + gzip.compress(data[100:])]
    for p in packed:
        for chunk in ("1", "100", "100000"):
            records, rejected, position = read_dump(dump(p, "-c", chunk), 0)
            again = read_dump(want, 0)
            assert [x[:3] for x in records] == [x[:3] for x in again[0]]
            assert position == len(data) and rejected == again[1]
        records, rejected, position = read_dump(dump(p, "-R", "-Z", "-c", "777", "-m", "50"), 0)
        assert [x[0] for x in records] == [x[0] for x in again[0]] and position == len(data)
    records, rejected, _ = read_dump(dump(packed[0][:-30]), 0)
    assert [x[2] for x in rejected][-1] == "compression", rejected


def main():
    tests = [(n[5:], f) for n, f in sorted(globals().items()) if n.startswith("test_")]
    only = sys.argv[1:]
    tests = [t for t in tests if not only or t[0] in only]
    print("1..%d" % len(tests))
    failed = 0
    for i, (name, f) in enumerate(tests, 1):
        try:
            f()
            print("ok %d - %s" % (i, name), flush=True)
        except AssertionError as e:
            failed += 1
            print("not ok %d - %s\n# %s" % (i, name, str(e)[:3000].replace("\n", "\n# ")), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
