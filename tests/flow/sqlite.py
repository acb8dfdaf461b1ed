#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rows in SQLite: types, upserts, refused rows, a database that is held, and kills."""
import json, os, random, sqlite3, subprocess, time

from flowtest import Run, folder, main, write

FLOW = """leat: 1
flow: rows
settings: {{ epoch: 50ms }}
processors:
  in:
    source: file
    with: {{ paths: {dir}/in.ndjson, until: end }}
  db:
    sink: sql
    from: in
    with:
      database: {dir}/rows.db
{sink}
"""


class Rows:
    def __init__(self, name, records, sink):
        self.dir = folder(name)
        self.add(records)
        sink = "\n".join("      " + l for l in sink.strip().splitlines())
        self.flow = write(os.path.join(self.dir, "flow.yaml"), FLOW.format(dir=self.dir, sink=sink))

    def add(self, records):
        with open(os.path.join(self.dir, "in.ndjson"), "a") as f:
            f.write("".join(json.dumps(r) + "\n" for r in records))

    def start(self):
        self.run = Run(self.flow, os.path.join(self.dir, "state"))
        return self.run

    def run_to_end(self):
        self.start().must_end()

    def db(self, **more):
        return sqlite3.connect(os.path.join(self.dir, "rows.db"), **more)

    def query(self, sql):
        db = self.db()
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()


def expect(got, want):
    assert got == want, f"got {got!r}, not {want!r}"


def a_table_is_made_with_the_types_of_the_records():
    f = Rows("types", [{"n": 1, "name": "a", "qty": 2, "price": 1.25, "day": "x", "sub": {"k": [1]}},
                       {"n": 2, "name": None, "qty": 3, "price": 0.1, "sub": {}}], """
table: t
create: true
columns:
  id: n
  name: name
  value: qty * price
  ok: n = 1
  sub: sub
""")
    f.run_to_end()
    expect(f.query("select id, name, value, ok, json_extract(sub, '$.k[0]') from t order by id"),
           [(1, "a", 2.5, 1, 1), (2, None, 0.3, 0, None)])
    expect([r[1:3] for r in f.query("pragma table_info(t)")],
           [("id", "INTEGER"), ("name", "TEXT"), ("value", "REAL"), ("ok", "INTEGER"), ("sub", "TEXT")])


def an_upsert_replaces_the_row_of_its_key():
    f = Rows("upsert", [{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "a", "v": 3}], """
table: t
create: true
mode: upsert
key: k
columns:
  k: k
  v: v
""")
    f.run_to_end()
    expect(f.query("select k, v from t order by k"), [("a", 3), ("b", 2)])


def insert_ignore_keeps_the_first_row():
    f = Rows("ignore", [{"k": "a", "v": 1}, {"k": "a", "v": 3}], """
table: t
create: true
mode: insert_ignore
key: [k]
columns:
  k: k
  v: v
""")
    f.run_to_end()
    expect(f.query("select k, v from t"), [("a", 1)])


def a_refused_row_goes_to_the_dead_letters_and_the_others_stay():
    f = Rows("refused", [{"k": 1}, {"k": 1}, {"k": 2}], """
table: t
columns:
  k: k
""")
    db = f.db()
    db.execute("create table t(k integer primary key)")
    db.close()
    f.run_to_end()
    expect(f.query("select k from t order by k"), [(1,), (2,)])
    dead = [l for d, _, names in os.walk(os.path.join(f.dir, "state")) for n in names if "dead" in n
            for l in open(os.path.join(d, n))]
    assert len(dead) == 1 and "UNIQUE" in dead[0], dead


def a_missing_table_is_said():
    f = Rows("missing", [{"k": 1}], "table: nothing\ncolumns:\n  k: k")
    f.start().wait_log("has no table 'nothing'")


def a_held_database_is_waited_for():
    f = Rows("held", [{"k": k} for k in range(100)], "table: t\ncreate: true\ncolumns:\n  k: k")
    db = f.db(isolation_level=None)
    db.execute("create table other(x)")
    db.execute("begin exclusive")
    f.start().wait_log("another program holds it|database is locked")
    db.execute("rollback")
    db.close()
    f.run.must_end()
    expect(f.query("select count(*), count(distinct k) from t"), [(100, 100)])


def another_driver_is_refused():
    f = Rows("driver", [], "driver: postgresql\ntable: t\ncolumns:\n  k: k")
    f.start().must_end(78)
    assert "postgresql" in f.run.log(), f.run.log()


def killed_again_and_again_upserts_have_every_row_once():
    random_ = random.Random(5)
    f = Rows("kill", [{"k": k, "v": "w" * 100} for k in range(60000)], """
table: t
create: true
mode: upsert
key: k
columns:
  k: k
  v: v
""")
    kills = 0
    for _ in range(8):
        run = f.start()
        time.sleep(random_.uniform(0.05, 0.4))
        if run.p.poll() is None:
            run.kill()
            kills += 1
    f.run_to_end()
    expect(f.query("select count(*), sum(k) from t"), [(60000, sum(range(60000)))])


def a_full_disk_is_waited_for():
    f = Rows("full", [{"k": k, "v": "x" * 200} for k in range(2000)], """
table: t
create: true
columns:
  k: k
  v: v
""")
    small = os.path.join(f.dir, "small")
    os.makedirs(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", small], capture_output=True).returncode:
        return "no tmpfs can be mounted"
    try:
        with open(f.flow) as flow:
            text = flow.read()
        write(f.flow, text.replace(f"database: {f.dir}/rows.db", f"database: {small}/rows.db"))
        write(os.path.join(small, "ballast"), "b" * 1800000)
        f.start().wait_log("make room|disk is full|disk I/O error|No space")
        os.unlink(os.path.join(small, "ballast"))
        f.run.must_end()
        db = sqlite3.connect(os.path.join(small, "rows.db"))
        expect(db.execute("select count(*), count(distinct k) from t").fetchall(), [(2000, 2000)])
        db.close()
    finally:
        Run.stop_all()
        subprocess.run(["umount", small])


main(a_table_is_made_with_the_types_of_the_records, an_upsert_replaces_the_row_of_its_key, insert_ignore_keeps_the_first_row,
     a_refused_row_goes_to_the_dead_letters_and_the_others_stay, a_missing_table_is_said, a_held_database_is_waited_for,
     another_driver_is_refused, a_full_disk_is_waited_for, killed_again_and_again_upserts_have_every_row_once)
