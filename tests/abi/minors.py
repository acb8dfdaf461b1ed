#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plugins built with the headers of another minor version load, describe themselves alike, and work."""
import json, os
from plugins import *

# A later minor: every struct that may grow has grown.
NEWER = [("plugin.h", "LEAT_ABI_MINOR 0", "LEAT_ABI_MINOR 7")]
NEWER += [("plugin.h", r"\} %s;" % name, "    uint64_t newer;\n    void (*newer_hook)(void);\n} %s;" % name)
          for name in ("leat_option", "leat_port", "leat_table", "leat_metric", "leat_source", "leat_sink", "leat_loop_hooks",
                       "leat_snapshot", "leat_shared", "leat_processor", "leat_codec", "leat_plugin")]
NEWER += [("host.h", r"\} %s;" % name, "    uint64_t newer;\n} %s;" % name)
          for name in ("leat_binding", "leat_place", "leat_message", "leat_source_service", "leat_http_request")]
NEWER += [("host.h", r"(struct leat_host \{.*?)\n\};", r"\1\n    uint64_t newer;\n};")]
# An earlier one: what stands last in them was not there yet.
OLDER = [("plugin.h", r"    int32_t scale; [^\n]*\n    uint32_t reserved;\n\} leat_option;", "} leat_option;"),
         ("plugin.h", r"    uint32_t reserved;\n\} leat_metric;", "} leat_metric;"),
         ("plugin.h", r"    uint32_t max_pending;[^\n]*\n    uint32_t batch_us;[^\n]*\n\} leat_processor;", "} leat_processor;"),
         ("plugin.h", r"    void \(\*hold\)[^;]*;\n\} leat_source;", "} leat_source;"),
         ("host.h", r"    const leat_column \*\(\*decode\)[^;]*;\n\};", "};")]


def variant(name, edits):
    include = edited_headers(f"{TMP}/{name}-headers", edits)
    folder = f"{TMP}/{name}"
    os.makedirs(folder)
    for example in ("threshold.c", "mask.cc", "count.c", "udp.c"):
        build(f"{folder}/{os.path.splitext(example)[0]}.so", f"{SOURCE}/sdk/examples/{example}", include)
    return folder


now, newer, older = variant("now", []), variant("newer", NEWER), variant("older", OLDER)
described = list_plugins(now)
ok(len(described) == 4 and all(isinstance(d, dict) for d in described.values()), "the examples are found", described)
for name, folder in (("newer", newer), ("older", older)):
    other = list_plugins(folder)
    for file, plugin in described.items():
        got = dict(other[file]) if isinstance(other[file], dict) else other[file]
        if isinstance(got, dict):
            got.pop("abi"), plugin.pop("abi", None)
        ok(got == plugin, f"{file} built with {name} headers describes itself alike", json.dumps(got)[:600], json.dumps(plugin)[:600])

FLOW = """leat: 1
flow: minors
processors:
  numbers: {source: count, with: {upto: 3000}}
  low: {transform: threshold, from: numbers, with: {value: n % 100, at_most: 1}}
  named: {transform: set, from: low, with: {fields: {card: "'card ' || cast(n as text)"}}}
  masked: {transform: mask, from: named, with: {from: card, to: card, show: 2}}
  out: {sink: stdout, from: masked}
"""
with open(TMP + "/minors.yaml", "w") as f:
    f.write(FLOW)
outputs = {}
for name, folder in (("this", now), ("newer", newer), ("older", older)):
    p = leat("run", TMP + "/minors.yaml", "--plugins", folder, "--state", f"{TMP}/state-{name}")
    outputs[name] = p.stdout
    ok(p.returncode == 0 and p.stdout.count("card") == 60, f"plugins built with {name} headers run", p.stderr[-600:], p.stdout[:300])
ok(outputs["newer"] == outputs["this"] == outputs["older"], "and do the same")
done()
