# SPDX-License-Identifier: Apache-2.0
"""plugins.py: what the ABI tests share: building plugins, asking the binary about them, TAP."""
import json, os, re, subprocess, sys

SOURCE = os.environ["LEAT_SOURCE"]
BUILD = os.environ["LEAT_BUILD"]
LEAT = os.environ["LEAT"]
TMP = os.environ["LEAT_TMP"]
INCLUDE = os.path.join(SOURCE, "sdk/include")
HEADERS = ("record.h", "host.h", "plugin.h")
results = []


def ok(holds, name, *more):
    """One result; `more` is shown when it does not hold."""
    results.append(bool(holds))
    print("ok" if holds else "not ok", len(results), "-", name)
    if not holds:
        for text in more:
            print("# " + str(text).rstrip().replace("\n", "\n# "))
    sys.stdout.flush()


def done():
    print(f"1..{len(results)}")
    sys.exit(not all(results))


def build(out, source, include=INCLUDE, text=None, flags=()):
    """A plugin from a file, or from text (then `source` says only the language: "x.c", "x.cc")."""
    cc = "g++" if source.endswith(".cc") else "gcc"
    standard = "-std=c++11" if cc == "g++" else "-std=gnu11"
    if text is not None:
        source = out + "." + source
        with open(source, "w") as f:
            f.write(text)
    subprocess.run([cc, standard, "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-I", include, "-fPIC",
                    "-fvisibility=hidden", "-shared", "-o", out, source, *flags], check=True)
    return out


def leat(*args, stdin="", cache=None, env=None):
    e = dict(os.environ, XDG_CACHE_HOME=cache or os.path.join(TMP, "cache"), **(env or {}))
    e["ASAN_OPTIONS"] = e.get("ASAN_OPTIONS", "") + ":handle_segv=0:handle_abort=0"  # so that crashes are crashes
    return subprocess.run([LEAT, *args], input=stdin, capture_output=True, text=True, env=e)


def list_plugins(folder, **how):
    """File name -> its plugin, or the sentence why it is broken."""
    p = leat("plugins", "list", "--json", "--plugins", folder, **how)
    out = {}
    for one in json.loads(p.stdout):
        if os.path.dirname(one["file"]) == folder:
            out[os.path.basename(one["file"])] = one.get("broken") or one["plugin"]
    return out


def edited_headers(folder, edits):
    """A copy of the public headers with (header, regex, replacement) applied and without the frozen assertions."""
    os.makedirs(folder + "/leat")
    for name in HEADERS:
        text = open(f"{INCLUDE}/leat/{name}").read()
        for header, pattern, replacement in edits:
            if header == name:
                changed = re.sub(pattern, replacement, text, count=1, flags=re.S)
                assert changed != text, pattern
                text = changed
        with open(f"{folder}/leat/{name}", "w") as f:
            f.write(re.sub(r"LEAT_FREEZE\((?!name).*?\);", "", text, flags=re.S))
    return folder
