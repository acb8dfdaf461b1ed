#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every speed claim, one command: `make bench`. Prints a table with ratios to a floor and to peers, measured in the same run.

usage: bench.py --build DIR [--rows WORD,...] [--size MB] [--runs N] [--peers no] [--json FILE]
Each figure is the median of N runs (default 3), of the whole process, pinned to one core; peers use one thread on the same
core. Both CPU and wall time are taken; MB/s is of wall time. Durable rows end with fdatasync on both sides, on the same disk.
Peers come from PyPI into a virtual environment under the cache folder. Gates are printed as met or missed; the exit status
is 1 when one is missed.
"""
import argparse, json, os, shutil, statistics, subprocess, sys, tempfile, textwrap, time

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "leat-bench")
PEERS = ["duckdb", "polars", "chdb"]


def run(command, env=None, cwd=None, pin=True):
    """(wall s, CPU s, peak MB) of one whole process."""
    def prepare():
        if pin:
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    start = time.monotonic()
    p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, cwd=cwd, preexec_fn=prepare)
    out = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    wall = time.monotonic() - start
    p.returncode = status
    if status:
        raise RuntimeError(f"{' '.join(command)}: status {status}\n{out.decode(errors='replace')[-2000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Bench:
    def __init__(self, args):
        self.args, self.rows, self.gates = args, [], []
        self.tmp = tempfile.mkdtemp(prefix="leat-bench-", dir=args.disk)
        self.leat = os.path.abspath(os.path.join(args.build, "leat"))
        self.python = None

    def tool(self, name):
        return os.path.abspath(os.path.join(self.args.build, "tests/bench", name))

    def data(self, shape, mb):
        path = os.path.join(CACHE, f"{shape}-{mb}.data")
        if not os.path.exists(path):
            os.makedirs(CACHE, exist_ok=True)
            with open(path + ".new", "wb") as f:
                subprocess.check_call([self.tool("make_data"), shape, str(mb * 1000000)], stdout=f)
            os.rename(path + ".new", path)
        with open(path, "rb") as f:  # into the page cache, for all alike
            while f.read(1 << 24):
                pass
        return path

    def clean(self):
        for left in os.listdir(self.tmp):
            if left.startswith(("out.", ".out.")):
                os.unlink(os.path.join(self.tmp, left))
        shutil.rmtree(os.path.join(self.tmp, "state"), ignore_errors=True)

    def measure(self, name, command, path, pin=True, env=None):
        results = []
        for _ in range(self.args.runs):
            self.clean()
            results.append(run(command, cwd=self.tmp, pin=pin, env=env))
        wall, cpu, peak = (statistics.median(r[i] for r in results) for i in range(3))
        size = os.path.getsize(path) / 1e6 if path else 0
        row = {"name": name, "MB/s": size / wall if size else 0, "wall": wall, "cpu": cpu, "peak MB": peak,
               "min": min(r[0] for r in results), "max": max(r[0] for r in results)}
        self.rows.append(row)
        print(f"  {name:58} {row['MB/s']:8,.0f} MB/s {wall:7.2f} s wall {cpu:7.2f} s CPU {peak:6.0f} MB", flush=True)
        return row

    def flow(self, name, text):
        path = os.path.join(self.tmp, name + ".yaml")
        with open(path, "w") as f:
            f.write(textwrap.dedent(text))
        return path

    def leat_row(self, name, flow, path, pin=True, more=()):
        return self.measure(name, [self.leat, "run", flow, "--state", os.path.join(self.tmp, "state"), "--quiet", *more], path, pin)

    def peer(self, name, script, path):
        if self.args.peers == "no":
            return None
        if not self.python:
            venv = os.path.join(CACHE, "venv")
            self.python = os.path.join(venv, "bin/python")
            if not os.path.exists(self.python):
                subprocess.check_call([sys.executable, "-m", "venv", venv])
            if subprocess.call([self.python, "-c", "import duckdb, polars, chdb"], stderr=subprocess.DEVNULL):
                subprocess.check_call([self.python, "-m", "pip", "install", "-q", *PEERS])
        env = dict(os.environ, POLARS_MAX_THREADS="1", OMP_NUM_THREADS="1")
        try:
            return self.measure(name, [self.python, "-c", textwrap.dedent(script), path], path, True, env)
        except RuntimeError as e:
            print(f"  {name}: did not run: {str(e)[-300:]}")
            return None

    def gate(self, name, value, limit, unit="times", above=True):
        met = value >= limit if above else value <= limit
        self.gates.append(met)
        print(f"  gate {'met   ' if met else 'MISSED'} {name}: {value:.2f} {unit} ({'at least' if above else 'at most'} {limit})",
              flush=True)


DUCKDB_SUM = """
import duckdb, sys
c = duckdb.connect(config={'threads': 1})
print(c.execute("select count(*), sum(qty), sum(reorder_point), sum(unit_cost) from read_json(?, format='newline_delimited',"
                " columns={'qty':'BIGINT','reorder_point':'BIGINT','unit_cost':'DOUBLE'}) where qty >= 370", [sys.argv[1]]).fetchall())
"""
DUCKDB_FILE = """
import duckdb, os, sys
c = duckdb.connect(config={'threads': 1})
c.execute("copy (select *, qty * unit_cost as value, reorder_point - qty as missing from"
          " read_json(?, format='newline_delimited') where qty >= 370) to 'out.json' (format json)", [sys.argv[1]])
os.fdatasync(os.open('out.json', os.O_RDWR))
"""
DUCKDB_CSV = """
import duckdb, sys
c = duckdb.connect(config={'threads': 1})
print(c.execute("select count(*), sum(qty) from read_csv(?) where qty >= 370", [sys.argv[1]]).fetchall())
"""
POLARS_FILE = """
import polars as p, os, sys
(p.scan_ndjson(sys.argv[1]).filter(p.col('qty') >= 370)
  .with_columns(value=p.col('qty') * p.col('unit_cost'), missing=p.col('reorder_point') - p.col('qty'))
  .collect().write_ndjson('out.json'))
os.fdatasync(os.open('out.json', os.O_RDWR))
"""
CLICKHOUSE_FILE = """
import chdb, os, sys
chdb.query(f"insert into function file('{os.getcwd()}/out.json', JSONEachRow) select *, qty * unit_cost as value,"
           f" reorder_point - qty as missing from file('{sys.argv[1]}', JSONEachRow) where qty >= 370 settings max_threads=1")
os.fdatasync(os.open('out.json', os.O_RDWR))
"""


def simple_flow(b, name, path, steps="", last="events", codec="", where="qty >= 370", sink='sink: "null"', options=""):
    """file -> [steps] -> filter -> sink; {0} in steps is not used, indentation is two spaces a level."""
    return b.flow(name, f"""\
leat: 1
flow: bench-{name}
processors:
  events:
    source: file
    with: {{paths: "{path}", until: end{codec}}}
{steps}  plenty:
    transform: filter
    from: {last}
    with:
      where: {where}
""" + options + f"""\
  gone:
    {sink}
""")


TO_NULL = 'sink: "null"\n    from: plenty'


def null_row(b):
    path = b.data("events", b.args.size)
    floor = b.measure("floor: read and split lines", [b.tool("floor"), path], path)
    row = b.leat_row("leat: file, filter (63 %), null", simple_flow(b, "null", path, sink=TO_NULL), path)
    duck = b.peer("DuckDB: filtered sum over three fields", DUCKDB_SUM, path)
    print(f"  ratio to the floor: {row['wall'] / floor['wall']:.1f} times its time")
    if duck:
        b.gate("file, filter, null against DuckDB's filtered sum", duck["wall"] / row["wall"], 1.7)
    b.gate("memory, file flow to null", row["peak MB"], 60, "MB", above=False)


COMPUTED = """\
  valued:
    transform: set
    from: plenty
    with:
      fields:
        value: qty * unit_cost
        missing: reorder_point - qty
"""


def file_row(b):
    path = b.data("events", b.args.size)
    flow = simple_flow(b, "file", path, options=COMPUTED,
                       sink=f'sink: file\n    from: valued\n    with: {{path: "{b.tmp}/out.json"}}')
    row = b.leat_row("leat: file, filter (63 %), 2 computed fields, durable file", flow, path)
    duck = b.peer("DuckDB: the same to NDJSON", DUCKDB_FILE, path)
    b.peer("ClickHouse local: the same", CLICKHOUSE_FILE, path)
    b.peer("Polars: the same", POLARS_FILE, path)
    if duck:
        b.gate("durable file against DuckDB", duck["wall"] / row["wall"], 3)
    b.gate("memory, file flow to a durable file", row["peak MB"], 60, "MB", above=False)


def csv_row(b):
    path = b.data("csv", b.args.size)
    b.leat_row("leat: csv file, filter (63 %), null",
               simple_flow(b, "csv", path, codec=", codec: csv", where="cast(qty as int) >= 370", sink=TO_NULL), path)
    b.peer("DuckDB: csv, filtered sum", DUCKDB_CSV, path)


def mixed_row(b):
    path = b.data("mixed", b.args.size)
    b.leat_row("leat: eight kinds of event, filter (63 %), null", simple_flow(b, "mixed", path, sink=TO_NULL), path)


def chain_row(b):
    path = b.data("events", b.args.size)
    with open(path, "rb") as f:
        records = sum(block.count(b"\n") for block in iter(lambda: f.read(1 << 24), b""))
    cpu = {}
    for n in (1, 4, 16):
        steps, last = "", "events"
        for i in range(n - 1):
            steps += f"  f{i}:\n    transform: filter\n    from: {last}\n    with:\n      where: qty >= 0\n"
            last = f"f{i}"
        flow = simple_flow(b, f"chain{n}", path, steps, last, where="qty >= 0", sink=TO_NULL)
        cpu[n] = b.leat_row(f"leat: {n} filter{'s' if n > 1 else ''} in a row (100 %), null", flow, path)["cpu"]
    b.gate("a further processor", (cpu[16] - cpu[1]) / 15 / records * 1e9, 2, "ns per record", above=False)


def kafka_row(b):
    n = 1000000
    flow = b.flow("kafka", f"""\
leat: 1
flow: bench-kafka
processors:
  load:
    source: generate
    with: {{shape: synthetic, count: {n}}}
  to_kafka:
    sink: kafka
    from: load
    with: {{brokers: embedded, topic: bench}}
  from_kafka:
    source: kafka
    with: {{brokers: embedded, topics: [bench], group: bench}}
  gone:
    sink: "null"
    from: from_kafka
""")
    row = b.leat_row(f"leat: {n:,} records into the embedded broker and out", flow, None, pin=False, more=["--for", "10s"])
    print(f"    {n / row['cpu']:,.0f} records/s of CPU time, both ways, the broker included")


ROWS = {"null": null_row, "file": file_row, "csv": csv_row, "mixed": mixed_row, "chain": chain_row, "kafka": kafka_row}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--build", required=True)
    a.add_argument("--rows", default=",".join(ROWS))
    a.add_argument("--size", type=int, default=512)
    a.add_argument("--runs", type=int, default=3)
    a.add_argument("--peers", default="yes")
    a.add_argument("--disk", default=None, help="folder for what is written (default: the temporary one)")
    a.add_argument("--json")
    args = a.parse_args()
    b = Bench(args)
    print(f"{args.size} MB files, median of {args.runs} runs, one core (load {os.getloadavg()[0]:.1f}; figures want an idle machine)")
    for name in args.rows.split(","):
        print(name)
        try:
            ROWS[name](b)
        except RuntimeError as e:
            print(f"  failed: {e}")
            b.gates.append(False)
    shutil.rmtree(b.tmp, ignore_errors=True)
    if args.json:
        with open(args.json, "w") as f:
            json.dump(b.rows, f, indent=1)
    print(f"{sum(b.gates)} gates met, {len(b.gates) - sum(b.gates)} missed")
    sys.exit(0 if all(b.gates) else 1)


main()
