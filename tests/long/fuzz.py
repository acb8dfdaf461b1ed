#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the fuzz targets with clang's libFuzzer and sanitizers, and runs each for FUZZ_SECONDS (default 30).

What breaks one is left in the build folder, as fuzz-TARGET-..., to become a case in tests/fuzz/cases/TARGET."""
import glob
import gzip
import os
import shutil
import subprocess
import sys

SOURCE = os.environ["LEAT_SOURCE"]
BUILD = os.environ["LEAT_BUILD"]
TMP = os.environ["LEAT_TMP"]
SECONDS = os.environ.get("FUZZ_SECONDS", "30")
JSON = b'{"a":1,"b":{"c":"x\\n"},"c":[1,2.50,{"b":null}],"x y":true}'
SEEDS = {
    "json": [b"\x02\x09" + JSON, b"\x0e\x01" + JSON + b"\n" + JSON.replace(b"1", b"-0.5e3"), b"\x00\x03{\"a\":\"\\ud83d\\ude00\xc3\xa9\"}",
             b"\x03\x07" + JSON + b"\r\n\n{}\n{\"a\":[{\"b\":1}]}\n"],
    "csv": [b"\x00\x03a,b\n1,2\r\n\"x\"\"y\",\"\n\"\n", b"\x15\x01a;b\r1;2\r", b"\x02\x02one\ntwo\r\n", b"\x0b\x40raw bytes"],
    "inflate": [b"\x01\x05" + gzip.compress(JSON + b"\n"), b"\x02\x09" + gzip.compress(JSON) + gzip.compress(b"\n" + JSON),
                bytes([0, 7, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x03, 0x19, 0, 0, 0x7b, 0x7d, 0x0a])],
    "expr": [b"a + 1 > b and c like 'a%'", b"{a}-{t::time:DD}", b"count(distinct c)"],
    "elf": [],  # their seeds are the cases
    "log": [],
    "path": [b"a.b[0].c", b'"x y"."z"', b"lines[].qty", b"$headers['x']", b"-123.4500", b"123456789012345678"],
}


def compile_target(clang, name, out):
    sources = glob.glob(SOURCE + "/core/base/*.c") + glob.glob(SOURCE + "/core/record/*.c")
    if name == "expr":
        sources += glob.glob(SOURCE + "/core/expr/*.c")
    if name == "elf":
        sources += [SOURCE + "/core/plugin/elf.c"]
    if name == "log":
        sources += [SOURCE + "/core/store/body.c", SOURCE + "/core/store/state.c"]
    sources += [SOURCE + "/tests/fuzz/fuzz.c", "%s/tests/fuzz/%s_fuzz.c" % (SOURCE, name)]
    flags = ["-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=undefined",
             "-I" + SOURCE, "-I" + SOURCE + "/sdk/include", "-I" + BUILD]
    return subprocess.run([clang, *flags, "-o", out, *sources, "-lcrypto", "-lz", "-lzstd", "-lm", "-lpthread"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Missing(Exception):
    pass


def fuzz(clang, name):
    out = os.path.join(TMP, name)
    built = compile_target(clang, name, out)
    if "libclang_rt" in built.stdout and built.returncode:
        raise Missing("clang has no sanitizers here: install libclang-rt-14-dev")
    if built.returncode:
        return built.stdout
    corpus = os.path.join(TMP, name + "-corpus")
    os.makedirs(corpus, exist_ok=True)
    for i, seed in enumerate(SEEDS[name]):
        with open(os.path.join(corpus, "seed%d" % i), "wb") as f:
            f.write(seed)
    for case in glob.glob("%s/tests/fuzz/cases/%s/*" % (SOURCE, name)):
        shutil.copy(case, corpus)
    run = subprocess.run([out, "-max_total_time=" + SECONDS, "-max_len=2048", "-artifact_prefix=%s/fuzz-%s-" % (BUILD, name), corpus],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
    return run.stdout[-6000:] if run.returncode else None


def main():
    clang = os.environ.get("CLANG") or shutil.which("clang")
    only = sys.argv[1:]
    names = [n for n in sorted(SEEDS) if not only or n in only]
    print("1..%d" % len(names))
    if not clang:
        for i, name in enumerate(names, 1):
            print("ok %d - %s # SKIP clang is not installed" % (i, name))
        return 0
    failed = 0
    for i, name in enumerate(names, 1):
        try:
            trouble = fuzz(clang, name)
        except Missing as e:
            print("ok %d - %s # SKIP %s" % (i, name, e), flush=True)
            continue
        failed += trouble is not None
        print("%s %d - %s" % ("not ok" if trouble else "ok", i, name), flush=True)
        if trouble:
            print("# " + trouble.replace("\n", "\n# "), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
