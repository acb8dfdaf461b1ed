#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every NAME.yaml here is a broken flow, NAME.txt is what `leat validate` says of it. UPDATE=1 writes the .txt anew: read
them before they are committed, as somebody at three in the morning would."""
import glob, os, subprocess, sys

here = os.path.join(os.environ["LEAT_SOURCE"], "tests", "errors")
names = sorted(os.path.basename(p)[:-5] for p in glob.glob(os.path.join(here, "*.yaml")))
print(f"1..{len(names)}")
failed = 0
for number, name in enumerate(names, 1):
    p = subprocess.run([os.environ["LEAT"], "validate", name + ".yaml"], cwd=here, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    said = p.stderr.decode(errors="replace")
    expected = os.path.join(here, name + ".txt")
    if os.environ.get("UPDATE"):
        open(expected, "w").write(said)
    wanted = open(expected).read() if os.path.exists(expected) else ""
    good = said == wanted and p.returncode == 78 and not p.stdout
    failed += not good
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    if not good:
        print(f"# status {p.returncode}\n# says\n" + "\n".join("#   " + l for l in said.splitlines()))
        print("# not\n" + "\n".join("#   " + l for l in wanted.splitlines()))
sys.exit(failed > 0)
