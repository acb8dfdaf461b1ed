#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the reference pages from the tables of the program itself, so that they cannot differ.

usage: generate.py [--check]    with LEAT naming the binary (default: build/leat beside docs); --check compares, TAP
"""
import json, os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("LEAT_SOURCE", os.path.join(HERE, ".."))
LEAT = os.environ.get("LEAT", os.path.join(HERE, "../build/leat"))
ALL_PLUGINS = {"elasticsearch", "file", "generate", "http", "kafka", "sql", "stdio", "transform"}
BEGIN = "<!-- Written by docs/generate.py from the tables of the program: change them, then run it. -->\n"


def leat(*args):
    env = dict(os.environ)
    env.pop("LEAT_PLUGINS", None)
    return subprocess.run([LEAT, *args], capture_output=True, text=True, check=True, env=env).stdout


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def table(head, rows):
    return "".join("| " + " | ".join(row) + " |\n" for row in [head, ["---"] * len(head)] + rows) + "\n" if rows else ""


def type_of(o):
    kind = " or ".join(f"`{c}`" for c in o["choices"]) if o["type"] == "choice" else o["type"]
    if o["type"] == "aggregate":
        kind = "aggregate: " + ", ".join(o["choices"])
    if o["type"] == "expression" and o.get("column", "any") != "any":
        kind += f" ({o['column']})"
    if o.get("range"):
        kind += f", {o['range']}"
    return ("list of " if "list" in o["flags"] else "map of " if "map" in o["flags"] else "") + kind


def default_of(o):
    if "required" in o["flags"]:
        return "**required**"
    if "one_of" in o["flags"]:
        return "one of these"
    return f"`{o['default']}`" if o.get("default") else "empty" if "default" in o else ""


def meaning_of(o):
    more = []
    if "secret" in o["flags"]:
        more.append("Never shown.")
    if "live" in o["flags"]:
        more.append("May change while the flow runs.")
    if "bare" in o["flags"]:
        more.append("May be written without its name.")
    if "deprecated" in o["flags"]:
        more.append("Deprecated.")
    if o.get("only_with"):
        more.append(f"With `{o['only_with']}`.")
    if o.get("since"):
        more.append(f"Since {o['since']}.")
    return " ".join([o["doc"], *more])


def option_rows(options, group=""):
    for o in options:
        yield [f"`{group}{o['name']}`", cell(type_of(o)), cell(default_of(o)), cell(meaning_of(o))]
        yield from option_rows(o.get("options", []), f"{group}{o['name']}.")


PROMISES = {
    "transactional": "stores the epoch's number with the data, so each record arrives once",
    "upsert": "writes by id: a record that is given again changes nothing",
    "staged": "prepares where nobody looks, and shows it after the commit: each record arrives once",
    "dedup": "the receiver drops what it knows by id",
    "repeat": "may write records again after a crash",
    "seekable": "is read on from the committed position",
    "ackable": "is answered after the commit",
    "lossy": "cannot be read again",
}


def processor(p, plugin):
    out = f"### {p['name']}\n\n{p['doc']}\n\n"
    facts = [f"Plugin `{plugin['name']}`."]
    if p.get("class"):
        facts.append(f"Class *{p['class']}*: it {PROMISES[p['class']]}." if p["class"] != "dedup" else f"Class *dedup*: {PROMISES['dedup']}.")
    if "one_lane" in p["flags"]:
        facts.append("Runs on one lane.")
    if "blocking" in p["flags"]:
        facts.append("Has a thread of its own.")
    out += " ".join(facts) + "\n\n"
    out += table(["option", "type", "default", "meaning"], list(option_rows(p["options"])))
    out += table(["input", "what comes"], [[f"`{i['name']}`", cell(i["doc"])] for i in p["inputs"]])
    out += table(["output", "what leaves"], [[f"`{i['name']}`", cell(i["doc"])] for i in p["outputs"]])
    out += table(["state", "what is remembered"], [[f"`{i['name']}`", cell(i["doc"])] for i in p["tables"]])
    out += table(["metric", "kind", "meaning"], [[f"`{i['name']}`", i["kind"] + (f", {i['unit']}" if i.get("unit") else ""), cell(i["doc"])] for i in p["metrics"]])
    return out


def processors_page(plugins):
    out = BEGIN + "\n# Processors\n\nEvery option of every processor that comes with Leat, as `leat plugins describe NAME` shows them too. "
    out += "`a.b` is the option `b` within the group `a`.\n\n"
    for kind, title in (("source", "Sources"), ("transform", "Transforms"), ("model", "Models"), ("sink", "Sinks")):
        found = sorted(((p, plugin) for plugin in plugins for p in plugin["processors"] if p["kind"] == kind), key=lambda x: x[0]["name"])
        if found:
            out += f"## {title}\n\n" + "".join(processor(*one) for one in found)
    return out.rstrip("\n") + "\n"


def markdown(text):
    """Examples are indented by two blanks there, by four here, and stand apart."""
    out, example = [], False
    for line in text.split("\n"):
        if line.startswith("  ") != example and line:
            example = not example
            out.append("")
        out.append("  " + line if example and line else line if example else line.replace("<<", "`<<`"))
    return "\n".join(out)


def codes_page():
    out = BEGIN + "\n# Codes of findings\n\nWhat `leat explain CODE` tells. E1xx: the file as YAML; E2xx: the structure of a flow; "
    out += "E3xx: expressions; E4xx: plugins and their options; W5xx: warnings.\n"
    for line in leat("explain", "codes").splitlines():
        code = line.split()[0]
        title, _, text = leat("explain", code).partition("\n")
        out += f"\n## {title}\n\n{markdown(text.strip(chr(10)))}\n"
    while "\n\n\n" in out:
        out = out.replace("\n\n\n", "\n\n")
    return out


def pages():
    plugins = [one["plugin"] for one in json.loads(leat("plugins", "list", "--json")) if "plugin" in one]
    missing = ALL_PLUGINS - {p["name"] for p in plugins}
    plugins = [p for p in plugins if p["name"] in ALL_PLUGINS]
    return {"codes.md": (codes_page(), set()), "processors.md": (processors_page(plugins), missing)}


def main():
    check, failed = "--check" in sys.argv, False
    for number, (name, (text, missing)) in enumerate(sorted(pages().items()), 1):
        path = os.path.join(SOURCE, "docs/reference", name)
        if not check:
            with open(path, "w") as f:
                f.write(text)
            continue
        if missing:
            print(f"ok {number} - docs/reference/{name} # SKIP this build has no {', '.join(sorted(missing))}")
            continue
        same = os.path.exists(path) and open(path).read() == text
        failed = failed or not same
        print(f"{'ok' if same else 'not ok'} {number} - docs/reference/{name} says what the tables say")
        if not same:
            print("# run docs/generate.py and commit what it writes")
    return failed


sys.exit(main())
