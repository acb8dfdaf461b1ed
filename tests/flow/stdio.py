#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Standard input to standard output."""
import json, os, subprocess

from flowtest import LEAT, PATIENCE, folder, main, write

FLOW = """leat: 1
flow: stdio
processors:
  in:
    source: stdin
  big:
    transform: filter
    from: in
    with:
      where: n >= 10
  out:
    sink: stdout
    from: big
  forget:
    sink: 'null'
    from: in
    with: { read: [n, n * 2] }
"""


def leat(name, **more):
    d = folder(name)
    flow = write(os.path.join(d, "flow.yaml"), FLOW)
    return subprocess.Popen([LEAT, "run", flow, "--state", os.path.join(d, "state"), "--quiet"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **more)


def lines(numbers):
    return "".join(json.dumps({"n": n}) + "\n" for n in numbers).encode()


def a_pipe_is_read_to_its_end():
    p = leat("pipe", stdin=subprocess.PIPE)
    out, err = p.communicate(lines(range(20000)), timeout=PATIENCE)
    assert p.returncode == 0, err
    assert [json.loads(l)["n"] for l in out.splitlines()] == list(range(10, 20000)), err


def a_file_is_read_to_its_end():
    path = os.path.join(folder("file"), "in.ndjson")
    with open(path, "wb") as f:
        f.write(lines(range(100)))
    with open(path) as f:
        p = leat("file", stdin=f)
        out, err = p.communicate(timeout=PATIENCE)
    assert p.returncode == 0, err
    assert len(out.splitlines()) == 90, (out, err)


def what_comes_slowly_goes_on_at_once():
    p = leat("slow", stdin=subprocess.PIPE)
    p.stdin.write(lines([11]))
    p.stdin.flush()
    assert json.loads(p.stdout.readline())["n"] == 11
    p.stdin.write(lines([12]))
    p.stdin.flush()
    assert json.loads(p.stdout.readline())["n"] == 12
    p.stdin.close()
    assert p.wait(PATIENCE) == 0, p.stderr.read()


def a_reader_that_goes_away_ends_the_flow():
    p = leat("gone", stdin=subprocess.PIPE)
    p.stdout.close()
    try:
        p.stdin.write(lines(range(200000)))
        p.stdin.close()
    except BrokenPipeError:
        pass
    assert p.wait(PATIENCE) != 0
    err = p.stderr.read().decode()
    assert "whoever read standard output is gone" in err, err


main(a_pipe_is_read_to_its_end, a_file_is_read_to_its_end, what_comes_slowly_goes_on_at_once,
     a_reader_that_goes_away_ends_the_flow)
