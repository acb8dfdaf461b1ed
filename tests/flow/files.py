#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files as source and sink: growing, rotated, truncated, compressed, put away; killed and restarted, with a full disk."""
import glob, gzip, json, os, random, subprocess, time

from flowtest import Run, folder, main, wait_for, write

FLOW = """leat: 1
flow: files
settings: {{ epoch: 50ms }}
processors:
  in:
    source: file
    with:
{source}
  out:
    sink: file
    from: in
    with:
{sink}
  bad:
    sink: file
    from: in.rejected
    with: {{ path: {dir}/bad.ndjson }}
"""


class Files:
    """A flow from files to a file in a folder of its own."""

    def __init__(self, name, source, sink="path: DIR/out.ndjson"):
        self.dir = folder(name)
        lines = lambda text: "\n".join("      " + l for l in text.replace("DIR", self.dir).strip().splitlines())
        self.flow = write(self.path("flow.yaml"), FLOW.format(dir=self.dir, source=lines(source), sink=lines(sink)))

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self):
        self.run = Run(self.flow, self.path("state"))
        return self.run

    def run_to_end(self):
        self.start().must_end()

    def text(self, name="out.ndjson"):
        if not os.path.exists(self.path(name)):
            return ""
        with open(self.path(name), newline="") as f:
            return f.read()

    def records(self, name="out.ndjson"):
        return [json.loads(line) for line in self.text(name).split("\n") if line]

    def numbers(self, name="out.ndjson"):
        """The numbers that stand in whole lines."""
        return [json.loads(line)["n"] for line in self.text(name).split("\n")[:-1]]

    def wait_numbers(self, want):
        want = sorted(want)
        try:
            wait_for(lambda: sorted(self.numbers()) == want, "all records", 20)
        except AssertionError as e:
            got = self.numbers()
            raise AssertionError(f"{e}: {len(got)} of {len(want)}, missing {sorted(set(want) - set(got))[:5]}, "
                                 f"log:\n{self.run.log()}")


def append(path, numbers, pad=""):
    with open(path, "a") as f:
        f.write("".join(json.dumps({"n": n, "pad": pad}) + "\n" for n in numbers))


def expect(got, want):
    assert got == want, f"got {got!r}, not {want!r}"


def csv_becomes_ndjson():
    f = Files("csv", "paths: DIR/in.csv\nuntil: end\ncodec: csv")
    write(f.path("in.csv"), 'id,name,note\r\n1,"a, b","say ""hi"""\r\n2,ü,\r\n')
    f.run_to_end()
    expect(f.records(), [{"id": "1", "name": "a, b", "note": 'say "hi"'}, {"id": "2", "name": "ü", "note": ""}])


def csv_with_only_carriage_returns_and_tabs():
    f = Files("cr", "paths: DIR/in.tsv\nuntil: end\ncodec: { csv: { delimiter: \"\\t\" } }")
    with open(f.path("in.tsv"), "w", newline="") as out:
        out.write("id\tname\r1\tx\r2\ty\r3\tz")
    f.run_to_end()
    expect(f.records(), [{"id": "1", "name": "x"}, {"id": "2", "name": "y"}, {"id": "3", "name": "z"}])


def csv_head_is_written_once():
    f = Files("csv-out", "paths: DIR/in.ndjson\nuntil: end", "path: DIR/out.csv\ncodec: csv")
    write(f.path("in.ndjson"), '{"a": 1, "b": "x,y"}\n')
    f.run_to_end()
    append_text(f.path("in.ndjson"), '{"a": 2, "b": "z"}\n')
    f.run_to_end()
    expect(f.text("out.csv").replace("\r\n", "\n"), 'a,b\n1,"x,y"\n2,z\n')


def append_text(path, text):
    with open(path, "a") as out:
        out.write(text)


def a_last_line_without_an_end_counts_at_the_end():
    f = Files("last", "paths: DIR/in.ndjson\nuntil: end")
    write(f.path("in.ndjson"), '{"n": 1}\n{"n": 2}')
    f.run_to_end()
    expect(f.numbers(), [1, 2])


def a_second_run_reads_only_what_is_new():
    f = Files("again", "paths: DIR/*.log\nuntil: end")
    append(f.path("a.log"), range(10))
    f.run_to_end()
    append(f.path("a.log"), range(10, 15))
    append(f.path("b.log"), range(15, 20))
    f.run_to_end()
    expect(sorted(f.numbers()), list(range(20)))


def a_file_that_is_rotated_is_read_on():
    f = Files("rotate", "paths: DIR/app.log")
    append(f.path("app.log"), range(100))
    f.start()
    f.wait_numbers(range(100))
    append(f.path("app.log"), range(100, 150))
    os.rename(f.path("app.log"), f.path("app.log.1"))
    append(f.path("app.log"), range(150, 200))
    append(f.path("app.log.1"), range(200, 210))
    f.wait_numbers(range(210))
    f.run.stop()
    f.run.must_end()


def a_file_that_was_rotated_meanwhile_is_found_again():
    f = Files("rotated", "paths: DIR/app.log")
    append(f.path("app.log"), range(100))
    f.start()
    f.wait_numbers(range(100))
    f.run.stop()
    f.run.must_end()
    append(f.path("app.log"), range(100, 150))
    os.rename(f.path("app.log"), f.path("app.log.1"))
    append(f.path("app.log"), range(150, 200))
    f.start()
    f.wait_numbers(range(200))


def a_truncated_file_is_read_from_its_beginning():
    f = Files("truncate", "paths: DIR/app.log")
    append(f.path("app.log"), range(100))
    f.start()
    f.wait_numbers(range(100))
    os.truncate(f.path("app.log"), 0)
    append(f.path("app.log"), range(100, 120))
    f.wait_numbers(range(120))
    f.run.stop()
    f.run.must_end()
    append(f.path("app.log"), range(120, 130))
    f.start()
    f.wait_numbers(range(130))


def new_files_are_found():
    f = Files("new", "paths: [DIR/a*.log, DIR/b.log]")
    append(f.path("a1.log"), range(10))
    f.start()
    f.wait_numbers(range(10))
    append(f.path("a2.log"), range(10, 20))
    append(f.path("b.log"), range(20, 30))
    f.wait_numbers(range(30))


def start_end_passes_over_what_is_there():
    f = Files("end", "paths: DIR/app.log\nstart: end")
    append(f.path("app.log"), range(100))
    append_text(f.path("app.log"), '{"n": 100')
    f.start()
    wait_for(lambda: os.path.exists(f.path("state")) and glob.glob(f.path("state") + "/*"), "the state")
    deadline = time.monotonic() + 20
    n = 101
    append_text(f.path("app.log"), "}\n")
    while not f.numbers() and time.monotonic() < deadline:
        append(f.path("app.log"), [n])
        n += 1
        time.sleep(0.1)
    got = f.numbers()
    assert got and min(got) >= 100, got


def finished_files_are_moved():
    f = Files("drop", "paths: DIR/drop/*.ndjson\nsettle: 100ms\nafter: { move: DIR/done }")
    os.makedirs(f.path("drop"))
    os.makedirs(f.path("done"))
    append(f.path("drop/a.ndjson"), range(10))
    f.start()
    f.wait_numbers(range(10))
    wait_for(lambda: os.path.exists(f.path("done/a.ndjson")), "the file to be moved")
    append(f.path("drop/a.ndjson"), range(10, 20))
    f.wait_numbers(range(20))
    wait_for(lambda: os.path.exists(f.path("done/a.ndjson.1")), "the second file to be moved")
    expect(os.listdir(f.path("drop")), [])


def finished_files_are_deleted_only_when_committed():
    f = Files("delete", "paths: DIR/drop/*\nuntil: end\nafter: delete")
    os.makedirs(f.path("drop"))
    for k in range(5):
        append(f.path(f"drop/{k}"), range(k * 10, k * 10 + 10))
    f.run_to_end()
    expect(sorted(f.numbers()), list(range(50)))
    expect(os.listdir(f.path("drop")), [])


def an_unreadable_file_is_named_and_tried_again():
    f = Files("unreadable", "paths: DIR/*.log")
    append(f.path("a.log"), range(10))
    os.symlink("loop.log", f.path("loop.log"))
    f.start()
    f.wait_numbers(range(10))
    f.run.wait_log(r"loop\.log: .*tried again")
    os.unlink(f.path("loop.log"))
    append(f.path("loop.log"), range(10, 20))
    f.wait_numbers(range(20))
    expect(f.run.log().count("loop.log"), 1)


def gzip_and_zstd_are_read_and_written():
    f = Files("gzip", "paths: DIR/in.ndjson.gz\nuntil: end", "path: DIR/out.ndjson.gz\ncompress: gzip")
    with gzip.open(f.path("in.ndjson.gz"), "wt") as out:
        out.write("".join(json.dumps({"n": n}) + "\n" for n in range(50000)))
    f.run_to_end()
    with gzip.open(f.path("out.ndjson.gz"), "rt") as got:
        expect([json.loads(line)["n"] for line in got], list(range(50000)))
    z = Files("zstd", "paths: %s\nuntil: end" % f.path("out.ndjson.gz"), "path: DIR/out.ndjson.zst\ncompress: zstd")
    z.run_to_end()
    back = Files("zstd-back", "paths: %s\nuntil: end" % z.path("out.ndjson.zst"))
    back.run_to_end()
    expect(back.numbers(), list(range(50000)))


def parts_are_begun_by_size():
    f = Files("roll", "paths: DIR/in.ndjson\nuntil: end", "path: DIR/out.ndjson\nroll: { size: 64KiB }")
    append(f.path("in.ndjson"), range(20000), "x" * 50)
    f.run_to_end()
    parts = sorted(glob.glob(f.path("out-*.ndjson")))
    assert len(parts) > 2, parts
    got = [n for p in parts for n in f.numbers(os.path.basename(p))]
    expect(got, list(range(20000)))
    append(f.path("in.ndjson"), range(20000, 20010))
    f.run_to_end()
    got = [n for p in sorted(glob.glob(f.path("out-*.ndjson"))) for n in f.numbers(os.path.basename(p))]
    expect(got, list(range(20010)))


def parts_are_begun_by_time():
    f = Files("every", "paths: DIR/in.ndjson", "path: DIR/out.ndjson\nroll: { every: 1s }")
    written = []

    def a_second_part():
        append(f.path("in.ndjson"), [len(written)])
        written.append(len(written))
        time.sleep(0.1)
        return os.path.exists(f.path("out-000002.ndjson"))
    f.start()
    wait_for(a_second_part, "the second part")
    parts = lambda: [n for p in sorted(glob.glob(f.path("out-*.ndjson"))) for n in f.numbers(os.path.basename(p))]
    wait_for(lambda: parts() == written, "all records in order")
    assert len(f.numbers("out-000001.ndjson")) > 1, "a part for each record"


def a_field_chooses_the_file():
    f = Files("template", "paths: DIR/in.ndjson\nuntil: end", "path: DIR/out/{k}/x.ndjson\nmax_open: 3")
    rows = [{"k": k % 20, "n": k} for k in range(1000)] + [{"k": "../../up", "n": 0}]
    write(f.path("in.ndjson"), "".join(json.dumps(r) + "\n" for r in rows))
    f.run_to_end()
    for k in range(20):
        expect(f.numbers(f"out/{k}/x.ndjson"), list(range(k, 1000, 20)))
    assert not glob.glob(f.path("up*")), "a record left the folder"


def two_sinks_share_a_folder_but_no_file():
    f = Files("share", "paths: DIR/in.ndjson\nuntil: end", 'path: "DIR/out/{k}.a"')
    text = open(f.flow).read() + f"""  other:
    sink: file
    from: in
    with: {{{{ path: "{f.dir}/out/{{k}}.b" }}}}
"""
    write(f.flow, text.replace("{{", "{").replace("}}", "}"))
    write(f.path("in.ndjson"), "".join(json.dumps({"k": k % 3, "n": k}) + "\n" for k in range(30)))
    f.run_to_end()
    expect(f.numbers("out/1.a"), list(range(1, 30, 3)))
    expect(f.numbers("out/1.b"), list(range(1, 30, 3)))
    text = open(f.flow).read()
    write(f.flow, text.replace("{k}.b", "{k}.a"))
    append_text(f.path("in.ndjson"), '{"k": 1, "n": 31}\n')
    f.start().wait_log("cannot open .*out/1.a: Device or resource busy")


def killed_again_and_again_nothing_is_lost_or_doubled():
    total, random_ = 150000, random.Random(7)
    f = Files("kill", "paths: [DIR/in.ndjson, DIR/in.gz]\nuntil: end")
    text = open(f.flow).read()
    slow = """  slow:
    transform: throttle
    from: in
    with: {rate: 200000/s}
"""
    head, tail = text.split("  out:\n")
    write(f.flow, head + slow + "  out:\n" + tail.replace("from: in", "from: slow"))
    append(f.path("in.ndjson"), range(total), "y" * 100)
    with gzip.open(f.path("in.gz"), "wt", compresslevel=1) as out:
        out.write("".join(json.dumps({"n": n}) + "\n" for n in range(total, 2 * total)))
    kills = 0
    for k in range(12):
        run = f.start()
        deadline = time.monotonic() + random_.uniform(0.02, 0.2)
        while time.monotonic() < deadline and run.p.poll() is None:
            time.sleep(0.005)
        if run.p.poll() is None:
            run.kill()
            kills += 1
    f.run_to_end()
    got = f.numbers()
    expect(len(got), len(set(got)))
    expect(sorted(got), list(range(2 * total)))
    assert kills > 2, f"only {kills} kills"


def a_full_disk_is_waited_for():
    f = Files("full", "paths: DIR/in.ndjson\nuntil: end", "path: DIR/small/out.ndjson")
    os.makedirs(f.path("small"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", f.path("small")], capture_output=True).returncode:
        return "no tmpfs can be mounted"
    try:
        write(f.path("small/ballast"), "b" * 200000)
        append(f.path("in.ndjson"), range(1000), "z" * 80)
        f.start()
        f.run.wait_log("No space left")
        os.unlink(f.path("small/ballast"))
        f.run.must_end()
        expect(f.numbers("small/out.ndjson"), list(range(1000)))
    finally:
        Run.stop_all()
        subprocess.run(["umount", f.path("small")])


def random_bytes_are_rejected_records():
    f = Files("noise", "paths: DIR/*.noise\nuntil: end")
    with open(f.path("a.noise"), "wb") as out:
        out.write(random.Random(3).randbytes(400000))
        out.write(b'\n{"n": 1}\n' + b"\x00" * 1000 + b"\n")
    f.run_to_end()
    assert 1 in [r.get("n") for r in f.records() if isinstance(r, dict)], "the good record is lost"
    bad = f.records("bad.ndjson")
    assert len(bad) > 100 and all(r["reason"] and r["code"] for r in bad), bad[:2]
    assert len(f.run.lines) < 30, f.run.log()


def a_file_that_vanishes_is_read_to_its_end():
    f = Files("vanish", "paths: DIR/*.log")
    append(f.path("a.log"), range(10))
    f.start()
    f.wait_numbers(range(10))
    with open(f.path("a.log"), "a") as out:
        os.unlink(f.path("a.log"))
        out.write("".join(json.dumps({"n": n}) + "\n" for n in range(10, 20)))
    f.wait_numbers(range(20))
    append(f.path("b.log"), range(20, 30))
    f.wait_numbers(range(30))


def an_inode_that_is_used_again_is_another_file():
    f = Files("inode", "paths: DIR/*.log")
    f.start()
    for k in range(8):
        append(f.path("a.log"), range(k * 10, k * 10 + 10))
        f.wait_numbers(range(k * 10 + 10))
        os.unlink(f.path("a.log"))


def a_lost_state_folder_is_noticed():
    f = Files("lost", "paths: DIR/in.ndjson\nuntil: end")
    append(f.path("in.ndjson"), range(10))
    f.run_to_end()
    os.rename(f.path("state"), f.path("elsewhere"))
    f.start().must_end(1)
    assert "bring back the state folder" in f.run.log() and ".out.ndjson.leat" in f.run.log(), f.run.log()
    expect(f.numbers(), list(range(10)))
    os.unlink(f.path(".out.ndjson.leat"))
    os.unlink(f.path("out.ndjson"))
    f.run_to_end()
    expect(f.numbers(), list(range(10)))


def an_output_that_is_moved_away_is_begun_anew():
    f = Files("moved", "paths: DIR/in.ndjson")
    append(f.path("in.ndjson"), range(10))
    f.start()
    f.wait_numbers(range(10))
    os.rename(f.path("out.ndjson"), f.path("out.1"))
    append(f.path("in.ndjson"), range(10, 20))
    f.wait_numbers(range(10, 20))
    expect(f.numbers("out.1"), list(range(10)))


def two_lanes_share_the_files():
    f = Files("lanes", "paths: DIR/*.log\nuntil: end")
    text = open(f.flow).read().replace("epoch: 50ms", "epoch: 50ms, lanes: 2")
    write(f.flow, text)
    for k in range(7):
        append(f.path(f"{k}.log"), range(k * 5000, k * 5000 + 5000))
    f.run_to_end()
    expect(sorted(f.numbers()), list(range(35000)))


def two_writers_of_one_file_are_refused():
    f = Files("two", "paths: DIR/*.log")
    append(f.path("a.log"), range(10))
    f.start()
    f.wait_numbers(range(10))
    other = Run(f.flow, f.path("state2"))
    other.wait_log("another process or processor writes these files")
    other.kill()


main(csv_becomes_ndjson, csv_with_only_carriage_returns_and_tabs, csv_head_is_written_once,
     a_last_line_without_an_end_counts_at_the_end, a_second_run_reads_only_what_is_new, a_file_that_is_rotated_is_read_on,
     a_file_that_was_rotated_meanwhile_is_found_again, a_truncated_file_is_read_from_its_beginning, new_files_are_found,
     start_end_passes_over_what_is_there, finished_files_are_moved, finished_files_are_deleted_only_when_committed,
     an_unreadable_file_is_named_and_tried_again, gzip_and_zstd_are_read_and_written, parts_are_begun_by_size,
     parts_are_begun_by_time, a_field_chooses_the_file, two_sinks_share_a_folder_but_no_file, killed_again_and_again_nothing_is_lost_or_doubled, a_full_disk_is_waited_for,
     random_bytes_are_rejected_records, a_file_that_vanishes_is_read_to_its_end,
     an_inode_that_is_used_again_is_another_file, a_lost_state_folder_is_noticed, an_output_that_is_moved_away_is_begun_anew,
     two_lanes_share_the_files, two_writers_of_one_file_are_refused)
