#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gate of the ABI: every member's offset, size and type and every constant of the public headers stand in frozen.txt.

usage: frozen.py             compares; TAP
       frozen.py --write     writes frozen.txt anew: do it with every addition, in the same commit, and say why there
       frozen.py --include DIR --against FILE   for the test of this test

Structs may grow at their end, unless they are frozen as a whole (FROZEN, because arrays of them or values of them cross the
ABI without a size). Nothing that stands in the table may ever change: built plugins rely on it.
"""
import argparse, os, re, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FROZEN = {"leat_text", "leat_value", "leat_column", "leat_position", "leat_entry", "leat_known", "leat_edge", "leat_seek",
          "leat_sizes", "leat_logged"}
HEADERS = ("record.h", "host.h", "plugin.h")


def read_headers(include):
    text = "".join(open(os.path.join(include, "leat", name)).read() for name in HEADERS)
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def at_depth_0(text, separator):
    """Pieces of text between separators that stand in no bracket."""
    pieces, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "({[") - (c in ")}]")
        if c == separator and depth == 0:
            pieces.append(text[start:i])
            start = i + 1
    return pieces + [text[start:]]


def members(body):
    """(name, declaration) of every member."""
    for line in at_depth_0(body, ";"):
        line = " ".join(line.split())
        if not line:
            continue
        first, *others = at_depth_0(line, ",")
        pointer = re.search(r"\(\*\s*(\w+)\)", first)
        if pointer:
            yield pointer[1], line
            continue
        name = re.search(r"(\w+)$", first)[1]
        base = first[:-len(name)].strip()
        yield name, base
        for other in others:
            star = re.match(r"\s*(\**)\s*(\w+)$", other)
            yield star[2], base.rstrip("* ") + (" " + star[1] if star[1] else "")


def structs(text):
    for m in re.finditer(r"(?:typedef )?struct (leat_\w+) \{", text):
        depth, end = 1, m.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        yield m[1], list(members(text[m.end():end - 1]))


def constants(text):
    names = {m[1] for m in re.finditer(r"[{,]\s*(LEAT_[A-Z0-9_]+) =", text)}
    names |= {"LEAT_NO_TIME", "LEAT_TIME_END", "LEAT_ABI_MAJOR"}
    return sorted(names)


def table(include):
    text = read_headers(include)
    found = list(structs(text))
    code = ["#include <leat/plugin.h>\nint main(void) {"]
    for name, list_ in found:
        code += [f'printf("%zu\\n", sizeof(struct {name}));']
        code += [f'printf("%zu %zu\\n", offsetof(struct {name}, {m}), sizeof(((struct {name} *)0)->{m}));' for m, _ in list_]
    code += [f'printf("%lld\\n", (long long){c});' for c in constants(text)]
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run(["gcc", "-std=c11", "-I", include, "-x", "c", "-", "-o", tmp + "/t"], input="\n".join(code) + "}",
                       text=True, check=True)
        lines = iter(subprocess.run([tmp + "/t"], capture_output=True, text=True, check=True).stdout.splitlines())
    out = {}
    for name, list_ in found:
        out[name] = ["sizeof " + next(lines)] + [f"{m} at {next(lines)}: {declared}" for m, declared in list_]
    out["constants"] = [f"{c} = {next(lines)}" for c in constants(text)]
    return out


def compare(old, new):
    broken, added = [], []
    for name, lines in old.items():
        now = new.get(name)
        if now is None:
            broken.append(f"{name} is gone")
        elif name == "constants":
            broken += [f"{line} is gone or has changed" for line in lines if line not in now]
            added += [line for line in now if line not in lines]
        else:
            broken += [f"{name}: was {a!r}, is {b!r}" for a, b in zip(lines[1:], now[1:] + [""] * len(lines)) if a != b]
            if name in FROZEN and (len(now) != len(lines) or now[0] != lines[0]):
                broken.append(f"{name} may not grow")
            added += [f"{name}: {line}" for line in now[len(lines):]]
            if now[0] != lines[0] and len(now) == len(lines):
                broken.append(f"{name}: {lines[0]} has become {now[0]}")
    added += [f"struct {name}" for name in new if name not in old]
    return broken, added


def read_table(path):
    out = {}
    for line in open(path):
        if line.startswith("#") or not line.strip():
            continue
        name, rest = line.rstrip("\n").split(": ", 1)
        out.setdefault(name, []).append(rest)
    return out


def write_table(path, rows):
    with open(path, "w") as f:
        f.write("# Layout of ABI 1 (x86-64, LP64). Written by frozen.py --write; see there.\n")
        for name in sorted(rows):
            f.writelines(f"{name}: {line}\n" for line in rows[name])


def check_itself(include):
    """An appended member is an addition; an inserted one, and any change of a frozen struct, breaks."""
    text = {n: open(os.path.join(include, "leat", n)).read() for n in HEADERS}
    old = table(include)

    def edited(header, a, b):
        with tempfile.TemporaryDirectory() as tmp:
            os.makedirs(tmp + "/leat")
            for n in HEADERS:
                t = text[n].replace(a, b, 1) if n == header else text[n]
                assert n != header or t != text[n], a
                with open(f"{tmp}/leat/{n}", "w") as f:
                    f.write(re.sub(r"LEAT_FREEZE\((?!name).*?\);", "", t, flags=re.S))
            return compare(old, table(tmp))

    appended = edited("plugin.h", "} leat_metric;", "    uint64_t more;\n} leat_metric;")
    inserted = edited("plugin.h", "typedef struct leat_metric {", "typedef struct leat_metric {\n    uint64_t more;")
    frozen = edited("record.h", "} leat_position;", "    uint64_t more;\n} leat_position;")
    renumbered = edited("host.h", "LEAT_FATAL = 7", "LEAT_FATAL = 8")
    retyped = edited("plugin.h", "const char *since;", "uint64_t since;")
    return [("an appended member is told as an addition", appended[0] == [] and appended[1] != []),
            ("an inserted member is refused", inserted[0] != []),
            ("a frozen struct may not grow", frozen[0] != []),
            ("a constant keeps its number", renumbered[0] != []),
            ("a member keeps its type", retyped[0] != [])]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--write", action="store_true")
    a.add_argument("--include", default=os.path.join(HERE, "../../sdk/include"))
    a.add_argument("--against", default=os.path.join(HERE, "frozen.txt"))
    args = a.parse_args()
    now = table(args.include)
    if args.write:
        write_table(args.against, now)
        return 0
    old = read_table(args.against)
    broken, added = compare(old, now)
    results = [("nothing that built plugins rely on has changed", not broken), ("every member and constant stands in frozen.txt", not added)]
    results += check_itself(args.include)
    for line in broken:
        print("# breaks built plugins:", line)
    for line in added:
        print("# new, so write it into the table (frozen.py --write) and say why in the commit:", line)
    print(f"# {len(old) - 1} structs, {sum(len(v) - 1 for k, v in old.items() if k != 'constants')} members, {len(old['constants'])} constants")
    for i, (name, ok) in enumerate(results, 1):
        print("ok" if ok else "not ok", i, "-", name)
    return int(not all(ok for _, ok in results))


sys.exit(main())
