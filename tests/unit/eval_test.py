#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`leat eval` as a person uses it."""
import json, os, subprocess, sys

leat, tmp = os.environ["LEAT"], os.environ["LEAT_TMP"]
results = []


def run(*args, stdin=""):
    p = subprocess.run([leat, "eval", *args], input=stdin, capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


def check(name, is_, should):
    results.append((name if is_ == should else f"{name}: {is_!r}", is_ == should))


records = '{"a":4,"t":"x"}\n{"a":0}\n{"a":"q"}\n'
check("an expression without fields needs no records", run("7 / 2"), (0, "3.5\n", ""))
check("one result per record, failures beside them", run("8 / a", stdin=records),
      (1, "2\n", "record 2: division by zero; nullif(x, 0) makes it null (division_by_zero)\n"
                 "record 3: '/' does not compute with an int and a text; write x::int or x::decimal (type)\n"))
code, out, err = run("8 / a", "--json", stdin=records)
check("for programs", (code, [json.loads(line) for line in out.splitlines()], err),
      (1, [{"record": 1, "result": 2},
           {"record": 2, "error": {"code": "division_by_zero", "text": "division by zero; nullif(x, 0) makes it null"}},
           {"record": 3, "error": {"code": "type", "text": "'/' does not compute with an int and a text; write x::int or x::decimal"}}], ""))
check("texts stand without quotes, nulls are null", run("t", stdin=records), (0, "x\nnull\nnull\n", ""))
check("a wrong expression is shown with its place", run("a + lenght(t)", stdin=records),
      (2, "", "leat eval: E302: unknown function 'lenght'; did you mean length?\n  a + lenght(t)\n      ^^^^^^\n"))
check("the place is that of letters, not of bytes", run("'ä' && t")[2].splitlines()[1:], ["  'ä' && t", "      ^^"])
check("a line that is no record", run("a", stdin='{"a":1}\n{oops\n')[0::2],
      (1, "line 2: no JSON record: a name in quotes is expected here, at byte 2 (json_syntax)\n"))
for i, text in enumerate(records.splitlines()):
    with open(os.path.join(tmp, f"{i}.ndjson"), "w") as f:
        f.write(text + "\n")
check("several files", run("a is null", *(os.path.join(tmp, f"{i}.ndjson") for i in range(2))), (0, "false\nfalse\n", ""))
check("a file that is not there", run("a", "nowhere.ndjson"),
      (1, "", "leat eval: cannot open nowhere.ndjson: No such file or directory\n"))
check("a template", run("--template", "<{t}>", stdin='{"t":"x"}\n'), (0, "<x>\n", ""))
check("functions are listed", run("--functions")[1].count("\n") > 30, True)
check("without an expression the usage is shown", run()[0], 2)
print(f"1..{len(results)}")
for i, (name, good) in enumerate(results, 1):
    print(f"{'ok' if good else 'not ok'} {i} - {name}")
sys.exit(not all(good for _, good in results))
