#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator reads when something goes wrong while a flow runs, and that nothing is lost by it.

Elsewhere: broken flow files in tests/errors, broken plugins in tests/abi/loader.py, ports in use in http_push.py, unreadable and
rotated files and a full disk below a file in files.py, below a database in sqlite.py; brokers and indices that are down, refuse or
lock with real servers in tests/long."""
import base64, collections, glob, json, os, random, signal, socket, sqlite3, subprocess, time

from flowtest import LEAT, PATIENCE, Run, folder, main, wait_for, write

FLOW = """leat: 1
flow: trouble
settings: {{ epoch: 50ms }}
processors:
  in:
    source: file
    with: {{ paths: {dir}/in.ndjson{until} }}
  out:
    sink: {sink}
    from: in
    with: {options}
{more}
"""


class Case:
    """A flow from a file to some sink in a folder of its own."""

    def __init__(self, name, sink, options, more="", n=5, until=True):
        self.dir = folder(name)
        with open(self.path("in.ndjson"), "w") as f:
            f.writelines('{"n": %d, "pad": "%s"}\n' % (i, "x" * 100) for i in range(n))
        self.flow = write(self.path("flow.yaml"), FLOW.format(dir=self.dir, sink=sink, options=options.replace("DIR", self.dir),
                                                              more=more, until=", until: end" if until else ""))
        self.state = self.path("state")

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, *more):
        return Run(self.flow, self.state, *more)

    def dead_letters(self):
        return [json.loads(l) for p in glob.glob(self.state + "/dead-letters*") for l in open(p)]

    def numbers(self, name="out.ndjson"):
        return [json.loads(l)["n"] for l in open(self.path(name))] if os.path.exists(self.path(name)) else []


def closed_port():
    """A port of this machine at which nobody listens, kept from others while the socket lives."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    return s, s.getsockname()[1]


ALLOWED = "    on_error: {unavailable: {retry: 50ms..100ms, give_up: 400ms, then: %s}}"


def a_destination_that_is_away_for_too_long_is_given_up():
    s, port = closed_port()
    sinks = [("http", "{url: 'http://127.0.0.1:%d/x'}" % port), ("http_batch", "{url: 'http://127.0.0.1:%d/x'}" % port),
             ("elasticsearch", "{url: 'http://127.0.0.1:%d', index: a}" % port)]
    for sink, options in sinks:
        for then, status, dead, dropped in (("stop", 1, 0, 0), ("dead_letter", 0, 5, 0), ("drop", 0, 0, 5)):
            c = Case(f"away-{sink}-{then}", sink, options, ALLOWED % then)
            run = c.run("--json")
            run.must_end(status, 20)
            summary = json.loads(next(l for l in run.lines if l.startswith("{")))
            out = summary["processors"][1]
            assert len(c.dead_letters()) == dead == summary["dead_letters"] and out["records_dropped"] == dropped, (sink, then, run.log())
            assert all(d["code"] == "unavailable" and "no answer from http://127.0.0.1" in d["reason"] for d in c.dead_letters())
            if then == "stop":
                assert run.lines[-1].startswith("leat: out: no answer from http://127.0.0.1") or "no answer" in summary["error"], run.log()
                c.run("--for", "100ms").must_end(1, 20) # nothing was taken as done
    s.close()


def sinks_that_cannot_even_start_are_given_up_too():
    s, port = closed_port()
    for sink, options, sentence in (("file", "{path: /proc/none/out}", "cannot make the folder of /proc/none"),
                                    ("sql", "{driver: sqlite, database: /proc/none/x, table: t, columns: {n: n}}", "cannot open /proc/none/x"),
                                    ("kafka", "{brokers: '127.0.0.1:%d', topic: t}" % port, "has not answered for as long as `give_up` allows")):
        run = Case("start-" + sink, sink, options, ALLOWED % "stop").run()
        run.must_end(1, 20)
        assert run.lines[-1].startswith("leat: out: ") and sentence in run.lines[-1], run.log()
    s.close()


def without_give_up_it_is_waited_for_and_a_stop_is_possible():
    s, port = closed_port()
    c = Case("stop", "http_batch", "{url: 'http://127.0.0.1:%d/x'}" % port)
    run = c.run()
    run.wait_log("no answer from http://127.0.0.1:.*; tries again in")
    run.stop()
    run.must_end(75)
    assert re_last(run, r"leat: stopped while waiting: out: no answer from .*; what was not committed is read again at the next start")
    assert len([l for l in run.lines if "no answer" in l and " warn " in l]) <= 6, run.log()
    s.close()


def re_last(run, pattern):
    import re
    assert re.match(pattern, run.lines[-1]), run.log()
    return True


def no_broker_is_said_once():
    s, port = closed_port()
    for name, flow in (("source", "source: kafka\n    with: {brokers: '127.0.0.1:%d', topics: t}"), ("sink", None)):
        c = Case("broker-" + name, "kafka" if not flow else "file", "{brokers: '127.0.0.1:%d', topic: t}" % port if not flow else "{path: DIR/o}")
        if flow:
            text = open(c.flow).read()
            at, to = text.index("source: file"), text.index("  out:")
            write(c.flow, text[:at] + flow % port + "\n" + text[to:])
        run = c.run()
        run.wait_log(r"no broker of 127.0.0.1:\d+ answers \(.*\); waiting")
        time.sleep(2) # several tries of the client
        said = [l for l in run.lines if "127.0.0.1" in l]
        assert len(said) <= 2 and run.p.poll() is None, run.log()
        run.kill()
    s.close()


def a_second_process_is_refused_and_told_who_holds_the_state():
    c = Case("second", "file", "{path: DIR/out.ndjson}", until=False)
    first = c.run()
    wait_for(lambda: len(c.numbers()) == 5, "the first to write")
    second = c.run()
    second.must_end(1)
    assert f"{c.state} is in use by process {first.p.pid} (" in second.log() and "--state" in second.log(), second.log()
    first.kill()
    c.run("--for", "300ms").must_end()
    assert c.numbers() == [0, 1, 2, 3, 4]


def a_state_folder_that_cannot_be_is_said():
    c = Case("nostate", "file", "{path: DIR/out.ndjson}")
    for state, sentence in (("/proc/none", "cannot make folder /proc/none"), (c.path("in.ndjson"), "in.ndjson")):
        run = Run(c.flow, state)
        run.must_end(1)
        assert run.lines[-1].startswith("leat: ") and sentence in run.lines[-1], run.log()


def a_damaged_log_is_refused_with_its_place():
    c = Case("damaged", "file", "{path: DIR/out.ndjson}")
    c.run().must_end()
    log = glob.glob(c.state + "/epochs.*")[0]
    with open(log, "ab") as f:
        f.write(os.urandom(100)) # as a crash leaves it
    c.run().must_end()
    with open(log, "r+b") as f:
        f.seek(20)
        f.write(b"XXXX")
    run = c.run()
    run.must_end(1)
    assert re_last(run, r"leat: \S+/epochs\.\d+:\d+: the epoch log is damaged here.*; bring the folder back from a backup"), run.log()
    assert c.numbers() == [0, 1, 2, 3, 4]


class Small:
    """A small disk; None without the right to have one."""

    def __init__(self, path, size="1m"):
        self.path = path
        os.makedirs(path)
        self.mounted = not subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "none", path], capture_output=True).returncode

    def fill(self):
        fd = os.open(os.path.join(self.path, "ballast"), os.O_CREAT | os.O_WRONLY)
        try:
            while os.write(fd, b"b" * 4096):
                pass
        except OSError:
            os.close(fd)

    def empty(self):
        os.unlink(os.path.join(self.path, "ballast"))

    def __enter__(self):
        return self

    def __exit__(self, *args):
        Run.stop_all()
        if self.mounted:
            subprocess.run(["umount", self.path])


def a_full_disk_below_the_state_folder_is_waited_for():
    c = Case("full-state", "file", "{path: DIR/out.ndjson}", until=False)
    with Small(c.state) as disk:
        if not disk.mounted:
            return "no tmpfs can be mounted"
        run = c.run()
        wait_for(lambda: len(c.numbers()) == 5, "the first records")
        disk.fill()
        n = 5
        while "free some space" not in run.log() and "No space left" not in run.log():
            with open(c.path("in.ndjson"), "a") as f:
                f.writelines('{"n": %d}\n' % i for i in range(n, n + 100))
            n += 100
            time.sleep(0.05)
            assert n < 100000, run.log()
        time.sleep(1)
        assert run.p.poll() is None
        disk.empty()
        wait_for(lambda: len(c.numbers()) == n, "all records")
        run.stop()
        run.must_end()
        assert sorted(c.numbers()) == list(range(n)) and len(run.lines) < 30, run.log()


def a_full_disk_below_the_dead_letters_is_waited_for():
    c = Case("full-dead", "file", "{path: DIR/out.ndjson}", n=0)
    with Small(c.state) as disk:
        if not disk.mounted:
            return "no tmpfs can be mounted"
        with open(c.path("in.ndjson"), "w") as f:
            f.writelines('{"n": %d}\nno record %d %s\n' % (i, i, "y" * 300) for i in range(1500))
        with open(os.path.join(disk.path, "ballast"), "wb") as f:
            f.write(b"b" * 800000)
        run = c.run()
        run.wait_log("No space left|free some space")
        disk.empty()
        run.must_end()
        dead = [int(d["raw"].split()[2]) for d in c.dead_letters()]
        assert c.numbers() == list(range(1500)) and sorted(dead) == list(range(1500)), (len(dead), run.log())
        assert len(run.lines) < 30, run.log()


def random_bytes_are_kept_byte_by_byte():
    c = Case("random", "file", "{path: DIR/out.ndjson}")
    data = random.Random(7).randbytes(200000)
    with open(c.path("in.ndjson"), "wb") as f:
        f.write(b'{"n": 1}\n' + data + b'\n{"n": 2}\n')
    run = c.run()
    run.must_end()
    bare = lambda lines: collections.Counter(l.strip(b" \t\r\n") for l in lines if l.strip(b" \t\r\n"))
    kept = [base64.b64decode(d["raw_base64"]) if "raw_base64" in d else d["raw"].encode() for d in c.dead_letters()]
    assert bare(kept) == bare(data.split(b"\n")) and c.numbers() == [1, 2], run.log()
    d = c.dead_letters()[0]
    assert d["origin"] == c.path("in.ndjson") and d["position"].endswith(":9") and d["code"] == "utf8" and "UTF-8" in d["reason"], d
    assert len(run.lines) < 20, run.log()


def what_repeats_in_the_log_is_counted():
    c = Case("repeat", "file", "{path: DIR/out.ndjson}")
    with open(c.path("in.ndjson"), "w") as f:
        f.writelines('{"n": "%s"}\n' % word for word in ("a", "b", "c", "d") * 500)
    write(c.flow, open(c.flow).read().replace("  out:", "  some:\n    transform: filter\n    from: in\n    with: {where: n > 3}\n  out:")
          .replace("from: in\n    with: {path", "from: some\n    with: {path"))
    run = c.run("--log", "json")
    run.must_end()
    lines = [json.loads(l) for l in run.lines if l.startswith("{")]
    assert sum(l.get("times", 1) for l in lines if "dead letters" in l["text"]) == 2000 and len(lines) <= 4, run.log()
    assert len(c.dead_letters()) == 2000


def a_pattern_that_nothing_matches_is_said():
    c = Case("nothing", "file", "{path: DIR/out.ndjson}")
    write(c.flow, open(c.flow).read().replace("in.ndjson", "none-*.ndjson"))
    run = c.run()
    run.must_end()
    assert "no file matches" in run.log() and "none-*.ndjson" in run.log(), run.log()


def an_address_without_a_right_port_is_said():
    for address in ("127.0.0.1:99999", "127.0.0.1:80a"):
        c = Case("port-" + address[-1], "file", "{path: DIR/out.ndjson}")
        text = open(c.flow).read()
        at, to = text.index("source: file"), text.index("  out:")
        write(c.flow, text[:at] + "source: http\n    with: {listen: '%s', path: /x}\n" % address + text[to:])
        run = c.run()
        run.must_end(1)
        assert f"'{address}' is no address to listen on" in run.lines[-1] and "65535" in run.lines[-1], run.log()


def a_file_that_vanishes_leaves_what_was_read():
    c = Case("vanish", "file", "{path: DIR/out.ndjson}", until=False)
    run = c.run()
    wait_for(lambda: len(c.numbers()) == 5, "the first records")
    os.unlink(c.path("in.ndjson"))
    time.sleep(0.3)
    write(c.path("in.ndjson"), '{"n": 5, "other": "file"}\n')
    wait_for(lambda: len(c.numbers()) == 6, "the file that came after it")
    run.stop()
    run.must_end()


def killed_again_and_again_ids_make_every_row_once():
    n = 60000
    c = Case("kill", "sql", "{driver: sqlite, database: DIR/rows.db, table: t, create: true, mode: upsert, key: id, columns: {id: $id, n: n}}", n=n)
    wait = random.Random(3)
    for _ in range(6):
        run = c.run()
        time.sleep(wait.uniform(0.05, 0.3))
        run.kill()
    run = c.run()
    run.must_end()
    db = sqlite3.connect(c.path("rows.db"))
    assert db.execute("select count(*), count(distinct n), sum(n) from t").fetchone() == (n, n, n * (n - 1) // 2), run.log()
    db.close()


def standard_input_says_what_a_kill_costs():
    """What a pipe gave cannot be read again: validate says so; what was written before the kill is whole."""
    d = folder("stdin")
    flow = write(os.path.join(d, "flow.yaml"), "leat: 1\nflow: s\nsettings: {epoch: 20ms}\nprocessors:\n  in:\n    source: stdin\n"
                 f"  out:\n    sink: file\n    from: in\n    with: {{path: {d}/out.ndjson}}\n")
    said = subprocess.run([LEAT, "validate", flow], capture_output=True, text=True, timeout=PATIENCE).stdout
    assert "at most once: 'in' cannot be read again" in said, said
    out = os.path.join(d, "out.ndjson")

    def start():
        return subprocess.Popen([LEAT, "run", flow, "--state", d + "/state", "--quiet"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    p = start()
    for i in range(200):
        p.stdin.write(b'{"n": %d}\n' % i)
        p.stdin.flush()
    wait_for(lambda: os.path.exists(out) and os.path.getsize(out), "the first records")
    p.send_signal(signal.SIGKILL)
    p.communicate()
    p = start()
    _, err = p.communicate(b'{"n": 200}\n{"n": 201}\n', timeout=PATIENCE)
    assert p.returncode == 0, err
    got = [json.loads(l)["n"] for l in open(out)]
    assert got[-2:] == [200, 201] and got[:-2] == list(range(len(got) - 2)), got


main(a_destination_that_is_away_for_too_long_is_given_up, sinks_that_cannot_even_start_are_given_up_too,
     without_give_up_it_is_waited_for_and_a_stop_is_possible, no_broker_is_said_once,
     a_second_process_is_refused_and_told_who_holds_the_state, a_state_folder_that_cannot_be_is_said,
     a_damaged_log_is_refused_with_its_place, a_full_disk_below_the_state_folder_is_waited_for,
     a_full_disk_below_the_dead_letters_is_waited_for, random_bytes_are_kept_byte_by_byte, what_repeats_in_the_log_is_counted,
     a_pattern_that_nothing_matches_is_said, an_address_without_a_right_port_is_said, a_file_that_vanishes_leaves_what_was_read, killed_again_and_again_ids_make_every_row_once, standard_input_says_what_a_kill_costs)
