#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that a program can check: layers, lengths, first lines, banned functions, machine paths.

Also prints figures: lengths of functions (median, 90 %, the longest), and lines that are too wide.
"""
import os, re, statistics, sys

SOURCE = os.path.abspath(os.environ.get("LEAT_SOURCE", os.path.join(os.path.dirname(__file__), "../..")))
FOLDERS = ("core", "plugins", "sdk", "flows", "tests", "docs", "packaging", ".ci")
TOP = ("configure.ac", "Makefile.am", "bootstrap", "README.md", "LICENSE", ".clang-format", ".gitignore")

# Includes only point down. A module may use what stands on a lower layer, and what stands before it on its own.
LAYERS = {"base": 1, "record": 2, "config": 2, "observe": 2, "net": 2, "expr": 3, "store": 3, "plugin": 3, "graph": 4, "run": 5,
          "admin": 6, "cli": 7}
SDK_MAY = {"stddef.h", "stdint.h", "stdarg.h", "stdio.h"}
BANNED = ("strcpy", "strcat", "sprintf", "vsprintf", "strtok", "atoi", "atol", "atof", "gets", "alloca", "system", "tmpnam", "mktemp")
MACHINE = re.compile(r"(?<![\w.*])/(?:work|root|home/[a-z]+)/")  # of the machine that somebody wrote it on
FUNCTION_MAX, FILE_MAX, TEST_FILE_MAX, COLUMNS = 100, 800, 1000, 120  # tests are lists of cases
results = []


def is_made(path):
    """What a build inside of the source tree leaves there."""
    return open(path, "rb").read(7) == b"!<arch>" or open(path, "rb").read(4) == b"\x7fELF"


def files(*endings):
    for folder in FOLDERS:
        for at, folders, names in os.walk(os.path.join(SOURCE, folder)):
            folders[:] = sorted(f for f in folders if f not in ("__pycache__", ".deps", "node_modules"))
            for name in sorted(names):
                path = os.path.join(at, name)
                if name.endswith(endings) if endings else not is_made(path):
                    yield os.path.relpath(path, SOURCE)
    if not endings:
        yield from (n for n in TOP if os.path.exists(os.path.join(SOURCE, n)))


def read(path):
    return open(os.path.join(SOURCE, path), encoding="utf-8", errors="surrogateescape").read()


def bare(text):
    """C without comments and the contents of strings, line by line the same."""
    def blank(m):
        s = m[0]
        return re.sub(r"[^\n]", " ", s) if s.startswith("/") else s[0] + " " * (len(s) - 2) + s[0]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def result(name, wrong):
    results.append(not wrong)
    print("not ok" if wrong else "ok", len(results), "-", name)
    for line in wrong[:40]:
        print("# " + line)
    if len(wrong) > 40:
        print(f"# and {len(wrong) - 40} more")


# --- layers --------------------------------------------------------------------------------------------------------------

def wrong_include(path, name, quoted):
    parts, to = path.split("/"), name.split("/")
    if parts[0] == "sdk" and parts[1] == "include":
        return None if to[0] == "leat" or name in SDK_MAY else "a public header includes only C99's own and <leat/...>"
    if parts[0] in ("plugins", "sdk"):
        if to[0] == "core" or (quoted and not os.path.exists(os.path.join(SOURCE, os.path.dirname(path), name))):
            return "a plugin includes only <leat/...>, its own files and its own library"
        return None
    if to[0] == "plugins" or (to[0] == "leat" and quoted):
        return "the core does not know plugins, and includes the SDK as <leat/...>"
    if to[0] != "core":
        return None
    mine, theirs = parts[1], to[1]
    if name.endswith("_internal.h") and mine != theirs:
        return f"{theirs} keeps it to itself"
    if theirs not in LAYERS:
        return f"{theirs} is no module"
    if LAYERS[theirs] > LAYERS[mine] or (LAYERS[theirs] == LAYERS[mine] and list(LAYERS).index(theirs) > list(LAYERS).index(mine)):
        return f"{mine} stands on layer {LAYERS[mine]}, {theirs} not below it"
    return None


def check_layers():
    wrong = []
    for path in files(".c", ".h", ".cc"):
        if path.startswith(("tests/", "docs/")):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            why = m and wrong_include(path, m[2], m[1] == '"')
            if why:
                wrong.append(f"{path}:{number}: {m[2]}: {why}")
    result("includes only point down", wrong)
    result("modules are those of the layer table",
           [f"core/{m}" for m in sorted(os.listdir(SOURCE + "/core")) if os.path.isdir(f"{SOURCE}/core/{m}") and m not in LAYERS])


def check_the_check():
    """That the check of layers can fail."""
    up = [("core/base/map.c", "core/run/run.h", True), ("core/record/read.c", "core/graph/graph.h", True),
          ("core/run/run.c", "core/graph/graph_internal.h", True), ("plugins/file/sink.c", "core/base/base.h", True),
          ("sdk/include/leat/host.h", "unistd.h", False)]
    result("an upward include is found", [f"{a} -> {b}" for a, b, q in up if not wrong_include(a, b, q)])


# --- texts ---------------------------------------------------------------------------------------------------------------

def check_first_lines():
    wrong = []
    for path in files(".c", ".h", ".cc"):
        lines = read(path).splitlines() + ["", ""]
        name = os.path.basename(path)
        comment = "//" if path.endswith(".cc") else "/*"
        if not re.match(rf"{re.escape(comment)} SPDX-License-Identifier: Apache-2\.0( \*/)?$", lines[0]):
            wrong.append(f"{path}:1: begin with the SPDX line")
        elif not lines[1].startswith(f"{comment} {name}: "):
            wrong.append(f"{path}:2: say what the file owns: {comment} {name}: ...")
    for path in files(".py", ".sh"):
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(read(path).splitlines()[:3]):
            wrong.append(f"{path}:1: begin with the SPDX line")
    result("files begin with licence and purpose", wrong)


def check_words():
    banned = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    wrong, todo, machine = [], [], []
    for path in files(".c", ".h", ".cc"):
        for number, line in enumerate(bare(read(path)).splitlines(), 1):
            wrong += [f"{path}:{number}: {m[1]}" for m in banned.finditer(line)]
    for path in files():
        if path == "tests/style/source.py":
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
                todo.append(f"{path}:{number}: {line.strip()[:100]}")
            if MACHINE.search(line):
                machine.append(f"{path}:{number}: {line.strip()[:100]}")
    result("no function that is banned", wrong)
    result("nothing is left to be done", todo)
    result("no path or host of a machine", machine)


def check_columns():
    wrong, wide = [], 0
    for path in files(".c", ".h", ".cc"):
        for number, line in enumerate(read(path).splitlines(), 1):
            wide += len(line) > COLUMNS
            if "\t" in line or line != line.rstrip():
                wrong.append(f"{path}:{number}: a tab, or blanks at the end")
    result("no tabs, and no blanks at the end of lines", wrong)
    print(f"# {wide} lines are wider than {COLUMNS} columns, which .clang-format would break")


# --- lengths -------------------------------------------------------------------------------------------------------------

def functions(path):
    """(line, lines, name, has a LONG reason) of every function: its body stands between braces in the first column."""
    text = read(path)
    lines, code = text.splitlines(), bare(text).splitlines()
    for i, line in enumerate(code):
        if line.rstrip() != "{" or i == 0:
            continue
        end = next((k for k in range(i, len(code)) if code[k].startswith("}")), len(code) - 1)
        start = i
        while start > 0 and code[start - 1].strip() and not code[start - 1].rstrip().endswith((";", "}")) and \
                not code[start - 1].startswith("#"):
            start -= 1
        name = re.search(r"(\w+)\s*\(", " ".join(code[start:i]))
        comment = "\n".join(lines[max(0, start - 6):end])
        yield start + 1, end - start + 1, name[1] if name else "?", "LONG:" in comment


def check_lengths():
    long_, big, lengths = [], [], []
    for path in files(".c", ".h", ".cc"):
        n = len(read(path).splitlines())
        if n > (TEST_FILE_MAX if path.startswith("tests/") else FILE_MAX):
            big.append(f"{path}: {n} lines")
        for line, length, name, reason in functions(path):
            if not path.startswith("tests/"):
                lengths.append((length, f"{path}:{line} {name}"))
            if length > FUNCTION_MAX and not reason:
                long_.append(f"{path}:{line}: {name} has {length} lines")
    lengths.sort()
    result(f"functions have at most {FUNCTION_MAX} lines, or a LONG reason", long_)
    result(f"files have at most {FILE_MAX} lines", big)
    ninety = lengths[len(lengths) * 9 // 10][0]
    result("nine of ten functions have under 50 lines", [] if ninety < 50 else [f"the 90 % point is {ninety} lines"])
    print(f"# {len(lengths)} functions: median {statistics.median(l for l, _ in lengths)}, 90 % {ninety}, longest {lengths[-1][0]} ({lengths[-1][1]})")


check_layers()
check_the_check()
check_first_lines()
check_words()
check_columns()
check_lengths()
print(f"1..{len(results)}")
sys.exit(not all(results))
