#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every YAML block of the documentation is YAML as leat reads it, whole flows in it and in flows/ are right, and every key that
leat knows is described in docs/flows.md."""
import glob, json, os, re, subprocess, sys

LEAT, TMP, SOURCE = os.environ["LEAT"], os.environ["LEAT_TMP"], os.environ["LEAT_SOURCE"]
results = []


def check(name, good, seen=""):
    results.append(good)
    print(f"{'ok' if good else 'not ok'} {len(results)} - {name}")
    if not good:
        print("# " + str(seen).rstrip().replace("\n", "\n# "))


def findings(path, cwd):
    parameters = []
    declared = re.search(r"^parameters:\n((?:[ \t#].*\n|\n)*)", open(path).read(), re.M)
    for name, rest in re.findall(r"^  ([a-z_]+): \{(.*)\}", declared[1] if declared else "", re.M):
        if "default" not in rest:
            parameters += ["-p", f"{name}=localhost:1"]
    p = subprocess.run([LEAT, "validate", "--json", *parameters, path], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=60)
    return json.loads(p.stdout)["findings"] if p.stdout else [{"severity": "error", "code": "?", "text": p.stderr.decode()}]


def wrong(found, whole):
    """Of a part of a flow only mistakes of YAML count."""
    return [f for f in found if f["severity"] == "error" and (whole or re.match("E10|E11", f["code"]))
            and f["code"] not in ("E121", "E122")]  # the reader's own environment


for page in sorted(glob.glob(os.path.join(SOURCE, "docs", "*.md")) + [os.path.join(SOURCE, "README.md")]):
    text = open(page).read()
    for at, block in [(m.start(), m[1]) for m in re.finditer(r"^```ya?ml\n(.*?)^```", text, re.M | re.S)]:
        path = os.path.join(TMP, "block.yaml")
        with open(path, "w") as f:
            f.write(block)
        whole = re.search(r"^leat: 1", block, re.M)
        bad = wrong(findings(path, TMP), whole)
        line = text[:at].count("\n") + 2
        check(f"{os.path.relpath(page, SOURCE)}:{line} {'flow' if whole else 'part'}", not bad,
              "\n".join(f"line {line - 1 + f.get('line', 1)}: {f['code']} {f['text']}" for f in bad))
for path in sorted(glob.glob(os.path.join(SOURCE, "flows", "*.yaml"))):
    bad = wrong(findings(path, os.path.dirname(path)), True)
    check(os.path.relpath(path, SOURCE), not bad, bad)

page = open(os.path.join(SOURCE, "docs", "flows.md")).read()
known = set()
for path in ("core/graph/flow.c", "core/graph/processor.c"):
    source = open(os.path.join(SOURCE, path)).read()
    for table in re.findall(r"char \*const (?:top_|fragment_)?keys\[\] = \{(.*?)\};", source, re.S):
        known |= set(re.findall(r'"(\w+)"', table))
for key in re.findall(r'\.name = "(\w+)"', open(os.path.join(SOURCE, "core/graph/common.c")).read()):
    known.add(key)
missing = sorted(k for k in known if not re.search(rf"\b{k}\b", page))
check("docs/flows.md describes every key", known and not missing, missing)
print(f"1..{len(results)}")
sys.exit(not all(results))
