#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/expressions.md says what the table of functions says, and its examples hold. With --write the page is brought up to date
(LEAT and LEAT_SOURCE name the binary and the source folder)."""
import json, os, re, subprocess, sys

leat, source = os.environ["LEAT"], os.environ["LEAT_SOURCE"]
path = os.path.join(source, "docs/expressions.md")
page = open(path).read()
BEGIN = "<!-- functions: written by tests/unit/expr_docs_test.py --write -->\n"
END = "<!-- end of functions -->\n"


def functions():
    out = subprocess.run([leat, "eval", "--functions", "--json"], capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def section(table):
    lines = ["| function | | example |", "|---|---|---|"]
    for f in table:
        example = f"`{f['example']}` = `{f['result']}`".replace("|", "\\|")
        lines.append(f"| `{f['signature']}` | {f['doc']} | {example} |")
    return "\n".join(lines) + "\n"


def evaluate(text, template):
    args = [leat, "eval", "--json"] + (["--template"] if template else []) + ["--", text]
    out = json.loads(subprocess.run(args, capture_output=True, text=True).stdout)
    return json.dumps(out.get("result", out), ensure_ascii=False)


def examples():
    for kind, block in re.findall(r"```(sql|template)\n(.*?)```", page, re.S):
        for line in block.splitlines():
            text, result = line.rsplit("--", 1) if line.count(" -- ") == 1 else (line, "")
            yield text.strip(), kind == "template", result.strip()


table = functions()
before, rest = page.split(BEGIN)
was, after = rest.split(END)
if "--write" in sys.argv:
    open(path, "w").write(before + BEGIN + section(table) + END + after)
    sys.exit(0)
results = [("the table of functions is up to date", was == section(table))]
wrong = [f"{text} is {evaluate(text, template)}" for text, template, result in examples() if evaluate(text, template) != result]
assert sum(1 for _ in examples()) > 25
results.append(("examples hold" + "".join("; " + w for w in wrong), not wrong))
wrong = [f["name"] for f in table if evaluate(f["example"], False) != json.dumps(json.loads(f["result"]), ensure_ascii=False)]
results.append(("examples of functions hold" + "".join("; " + w for w in wrong), not wrong))
patterns = set(re.findall(r'\{"([A-Z0-9]+)", PART_', open(os.path.join(source, "core/expr/time_pattern.c")).read()))
told = set(w.upper() for w in re.search(r"Patterns of `to_time` and `to_text`: `([^`]+)`", page)[1].split())
results.append(("patterns of times are told" + "".join(" " + p for p in sorted(patterns ^ told)), patterns == told))
print(f"1..{len(results)}")
for i, (name, good) in enumerate(results, 1):
    print(f"{'ok' if good else 'not ok'} {i} - {name}")
sys.exit(not all(good for _, good in results))
