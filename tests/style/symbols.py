#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every plugin exports one symbol and uses none of the core: the SDK is enough."""
import glob, os, subprocess, sys

BUILD = os.environ["LEAT_BUILD"]


def symbols(path, *flags):
    out = subprocess.run(["nm", *flags, path], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines() if line and not line.endswith(":")}


core = {s for s in symbols(BUILD + "/core/libleat.a", "-g", "--defined-only") if not s.startswith("_") and not s.endswith(".o")}
results = []


def result(name, wrong):
    results.append(not wrong)
    print("not ok" if wrong else "ok", len(results), "-", name)
    for line in sorted(wrong):
        print("#", line)


plugins = sorted(glob.glob(BUILD + "/plugins/*.so"))
result("the build made plugins, and the core has symbols", [] if plugins and len(core) > 100 else [f"{len(plugins)} plugins, {len(core)} symbols"])
for path in plugins:
    name = os.path.basename(path)
    exported = {s for s in symbols(path, "-D", "--defined-only") if not s.startswith("__")} - {"_init", "_fini"}
    result(f"{name} exports leat_plugin_v1 alone", exported ^ {"leat_plugin_v1"})
    result(f"{name} uses no symbol of the core", symbols(path, "-D", "-u") & core)
print(f"1..{len(results)}")
sys.exit(not all(results))
