#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every public header compiles alone and twice, as C99, C11 and C++11, with gcc and clang, without a warning."""
import os, shutil, subprocess, sys

INCLUDE = os.path.join(os.environ.get("LEAT_SOURCE", "."), "sdk/include")
WARN = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wcast-qual -Werror -fsyntax-only".split()
failed = n = 0
for header in sorted(os.listdir(INCLUDE + "/leat")):
    for compiler in ("gcc", "clang"):
        for standard in ("c99", "c11", "c++11"):
            n += 1
            name = f"{header} compiles as {standard} with {compiler}"
            if not shutil.which(compiler):
                print(f"ok {n} - {name} # SKIP {compiler} is not installed")
                continue
            language = "c++" if standard == "c++11" else "c"
            code = f"#include <leat/{header}>\n#include <leat/{header}>\nint leat_header_test;\n"
            p = subprocess.run([compiler, f"-std={standard}", *WARN, "-I", INCLUDE, "-x", language, "-"], input=code,
                               capture_output=True, text=True)
            if p.returncode:
                failed += 1
                print("# " + p.stderr.replace("\n", "\n# "))
            print(f"{'not ok' if p.returncode else 'ok'} {n} - {name}")
sys.exit(bool(failed))
