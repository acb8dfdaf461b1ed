#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of the SDK, built outside of the tree as their Makefile says, and run; a transform has under 40 lines."""
import json, os, shutil, socket
from plugins import *

FOLDER = TMP + "/examples"
shutil.copytree(f"{SOURCE}/sdk/examples", FOLDER)
with open(TMP + "/leat.pc", "w") as f:  # what make install writes, with the folders of the source
    text = open(f"{SOURCE}/sdk/leat.pc.in").read()
    for name, value in (("prefix", TMP), ("includedir", INCLUDE), ("libdir", TMP + "/lib"), ("PACKAGE_VERSION", "0")):
        text = text.replace(f"@{name}@", value)
    f.write(text)
made = subprocess.run(["make", "-f", "Makefile.example", "all", "install", "CFLAGS=-O2 -Wall -Wextra -Werror"], cwd=FOLDER,
                      capture_output=True, text=True, env=dict(os.environ, PKG_CONFIG_PATH=TMP, MAKEFLAGS=""))
ok(made.returncode == 0 and "warning" not in made.stderr, "they build with pkg-config leat, without a warning", made.stdout, made.stderr)
INSTALLED = TMP + "/lib/leat/plugins"
ok(sorted(os.listdir(INSTALLED)) == ["count.so", "mask.so", "threshold.so", "udp.so"], "they are installed where Leat looks")
lines = open(f"{SOURCE}/sdk/examples/threshold.c").read().count("\n")
ok(lines < 40, f"a useful transform has under 40 lines ({lines})")


def flow(text):
    path = f"{TMP}/flow-{len(results)}.yaml"
    with open(path, "w") as f:
        f.write("leat: 1\nflow: example\n" + text)
    return path


def pipe(processor, records):
    path = flow("processors:\n  in:\n    source: stdin\n  it:\n    from: in\n" + processor + "  out:\n    sink: stdout\n    from: it\n")
    p = leat("pipe", path, "--plugins", FOLDER, stdin="".join(json.dumps(r) + "\n" for r in records))
    return p, [json.loads(line) for line in p.stdout.splitlines()] if p.returncode == 0 else None


stock = [{"sku": f"s{i}", "on_hand": i, "reorder": 40} for i in range(100)]
p, out = pipe("    transform: threshold\n    with: {value: on_hand, at_most: reorder / 2}\n", stock)
ok(out == stock[:21], "threshold passes what is at or below an expression", p.stderr, p.stdout[:300])
p, out = pipe("    transform: mask\n    with: {from: card, to: card, show: 4}\n", [{"card": "4111111111111111"}, {"card": "äöü€5"}, {"card": "12"}])
ok(out == [{"card": "************1111"}, {"card": "*öü€5"}, {"card": "12"}], "mask hides all but the end, by characters", p.stderr, p.stdout)

path = flow("processors:\n  numbers:\n    source: count\n    with: {upto: 10000}\n  out:\n    sink: stdout\n    from: numbers\n")
p = leat("run", path, "--plugins", FOLDER, "--state", TMP + "/state-count")
out = [json.loads(line)["n"] for line in p.stdout.splitlines() if line.startswith("{")]
ok(p.returncode == 0 and out == list(range(1, 10001)), "count counts, and the flow ends with it", p.stderr[-800:], out[:5], len(out))
p = leat("run", path, "--plugins", FOLDER, "--state", TMP + "/state-count")
ok(p.returncode == 0 and "{" not in p.stdout, "a second run has nothing left to count", p.stderr[-800:], p.stdout[:200])

listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("127.0.0.1", 0))
listener.settimeout(30)
path = flow("processors:\n  numbers:\n    source: count\n    with: {upto: 50}\n  out:\n    sink: udp\n    from: numbers\n"
            f"    with: {{host: 127.0.0.1, port: {listener.getsockname()[1]}}}\n")
p = leat("run", path, "--plugins", FOLDER, "--state", TMP + "/state-udp")
ok(p.returncode == 0, "udp runs", p.stderr[-800:])
if p.returncode == 0:
    got = sorted(json.loads(listener.recv(65536))["n"] for _ in range(50))
    ok(got == list(range(1, 51)), "udp sends each record in a datagram", got)
done()
