#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A writer that appends, rotates and compresses; a flow into plain, rolled, compressed and chosen files that is killed
again and again. At the end every record is there once, in each of them."""
import glob, gzip, json, os, random, shutil, subprocess, sys, time

sys.path.insert(0, os.path.join(os.environ["LEAT_SOURCE"], "tests", "flow"))
from flowtest import Run, folder, main, write

SECONDS = float(os.environ.get("KILL_SECONDS", "45"))
FLOW = """leat: 1
flow: kill
settings: {{ epoch: 30ms, lanes: {lanes} }}
processors:
  in:
    source: file
    with: {{ paths: ["{dir}/in/app.log*", "{dir}/in/*.ndjson.gz"]{end} }}
  kept:
    transform: filter
    from: in
    with:
      where: n >= 0
  plain:
    sink: file
    from: kept
    with: {{ path: "{dir}/plain.ndjson" }}
  rolled:
    sink: file
    from: kept
    with: {{ path: "{dir}/rolled/r.ndjson.gz", compress: gzip, roll: {{ size: 20KiB }} }}
  chosen:
    sink: file
    from: kept
    with: {{ path: "{dir}/chosen/{{k}}.ndjson.zst", compress: zstd, max_open: 5 }}
"""


class Writer:
    def __init__(self, d, seed):
        self.dir, self.n, self.random, self.rotations = d, 0, random.Random(seed), 0

    def rows(self, count):
        rows = [json.dumps({"n": self.n + i, "k": (self.n + i) % 12, "pad": "p" * self.random.randrange(200)}) for i in range(count)]
        self.n += count
        return "\n".join(rows) + "\n"

    def step(self):
        log = os.path.join(self.dir, "app.log")
        what = self.random.random()
        if what < 0.03 and os.path.exists(log) and os.path.getsize(log):
            self.rotations += 1
            os.rename(log, f"{log}.{self.rotations}")
        elif what < 0.1:
            path = os.path.join(self.dir, f"z{self.n}.ndjson.gz")
            with gzip.open(path + ".tmp", "wt", compresslevel=1) as f:
                f.write(self.rows(self.random.randrange(1, 3000)))
            os.rename(path + ".tmp", path)
        else:
            with open(log, "a") as f:
                text = self.rows(self.random.randrange(1, 300))
                cut = self.random.randrange(len(text))
                f.write(text[:cut])
                f.flush()
                f.write(text[cut:])


def numbers(lines):
    return [json.loads(line)["n"] for line in lines.splitlines()]


def zstd(path):
    return subprocess.run(["zstd", "-dcq", path], capture_output=True, text=True, check=True).stdout


def check(name, got, n):
    twice = len(got) - len(set(got))
    lost = n - len(set(got))
    assert not twice and not lost, f"{name}: {lost} of {n} lost, {twice} twice"


def torture(name, lanes, seed, seconds):
    d = folder(name)
    os.makedirs(os.path.join(d, "in"))
    flow = write(os.path.join(d, "flow.yaml"), FLOW.format(dir=d, lanes=lanes, end=""))
    last = write(os.path.join(d, "last.yaml"), FLOW.format(dir=d, lanes=lanes, end=", until: end"))
    writer, pick, kills = Writer(os.path.join(d, "in"), seed), random.Random(seed), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run = Run(flow, os.path.join(d, "state"))
        stop = time.monotonic() + pick.uniform(0.05, 1.2)
        while time.monotonic() < stop:
            writer.step()
            time.sleep(pick.uniform(0, 0.01))
            assert run.p.poll() is None, f"it ended by itself:\n{run.log()}"
        run.kill()
        kills += 1
        for _ in range(pick.randrange(3)):
            writer.step()
    with open(os.path.join(d, "in", "app.log"), "a") as f:
        f.write(writer.rows(10))
    Run(last, os.path.join(d, "state")).must_end()
    with open(os.path.join(d, "plain.ndjson")) as f:
        check("plain", numbers(f.read()), writer.n)
    rolled = [n for p in glob.glob(os.path.join(d, "rolled", "*")) for n in numbers(gzip.open(p, "rt").read())]
    check("rolled", rolled, writer.n)
    if shutil.which("zstd"):
        check("chosen", [n for p in glob.glob(os.path.join(d, "chosen", "*")) for n in numbers(zstd(p))], writer.n)
    print(f"# {kills} kills, {writer.n} records, {writer.rotations} rotations, {len(glob.glob(os.path.join(d, 'rolled', '*')))} parts")


DROP = """leat: 1
flow: drop
settings: {{ epoch: 20ms, lanes: 2 }}
processors:
  in:
    source: file
    with: {{ paths: "{dir}/drop/*", settle: 30ms, after: {{ move: "{dir}/done" }}{end} }}
  out:
    sink: file
    from: in
    with: {{ path: "{dir}/out.ndjson" }}
"""


def drop_file(d, pick, number, n):
    """A file of some records, whole at once; returns how many."""
    count, name = pick.randrange(1, 400), f"{number}.ndjson"
    compressed = pick.random() < 0.3
    with (gzip.open if compressed else open)(os.path.join(d, "tmp", name), "wt") as f:
        f.write("".join(json.dumps({"n": n + i}) + "\n" for i in range(count)))
    os.rename(os.path.join(d, "tmp", name), os.path.join(d, "drop", name))
    return count


def a_drop_folder_is_emptied_and_each_record_is_there_once():
    d, pick, n, files, kills = folder("drop"), random.Random(13), 0, 0, 0
    for name in ("drop", "done", "tmp"):
        os.makedirs(os.path.join(d, name))
    flow = write(os.path.join(d, "flow.yaml"), DROP.format(dir=d, end=""))
    last = write(os.path.join(d, "last.yaml"), DROP.format(dir=d, end=", until: end"))
    end = time.monotonic() + SECONDS / 3
    while time.monotonic() < end:
        run = Run(flow, os.path.join(d, "state"))
        stop = time.monotonic() + pick.uniform(0.05, 0.8)
        while time.monotonic() < stop:
            n += drop_file(d, pick, files, n)
            files += 1
            time.sleep(pick.uniform(0, 0.02))
            assert run.p.poll() is None, f"it ended by itself:\n{run.log()}"
        run.kill()
        kills += 1
    Run(last, os.path.join(d, "state")).must_end()
    with open(os.path.join(d, "out.ndjson")) as f:
        check("out", numbers(f.read()), n)
    assert not os.listdir(os.path.join(d, "drop")) and len(os.listdir(os.path.join(d, "done"))) == files
    print(f"# {kills} kills, {n} records in {files} files")


def one_lane_loses_and_doubles_nothing():
    torture("one", 1, 11, SECONDS / 3)


def two_lanes_lose_and_double_nothing():
    torture("two", 2, 12, SECONDS / 3)


main(one_lane_loses_and_doubles_nothing, two_lanes_lose_and_double_nothing,
     a_drop_folder_is_emptied_and_each_record_is_there_once)
