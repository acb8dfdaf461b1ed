#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator reads of a plugin that is broken, of another ABI, crashing, hanging; and that looking harms nobody."""
import os, shutil
from plugins import *

FOLDER = os.path.join(TMP, "found")
os.makedirs(FOLDER)
THRESHOLD = open(f"{SOURCE}/sdk/examples/threshold.c").read()


def plugin(name, more="", edit=(), include=INCLUDE, flags=()):
    text = THRESHOLD + more
    for a, b in edit:
        assert a in text, a
        text = text.replace(a, b)
    return build(f"{FOLDER}/{name}.so", "x.c", include, text, flags)


def at_load(body):
    return "\n#include <signal.h>\n#include <stdlib.h>\n#include <unistd.h>\n__attribute__((constructor)) static void at_load(void) { " + body + " }\n"


plugin("good")
plugin("chatty", at_load('printf("hello\\n"); fflush(stdout);'))
plugin("crash", at_load("signal(SIGSEGV, SIG_DFL); kill(getpid(), SIGSEGV);"))
plugin("abort", at_load("abort();"))
plugin("exit", at_load("exit(3);"))
plugin("hang", at_load("for (;;) pause();"))
plugin("null", edit=[('LEAT_PLUGIN("threshold", "1.0.0", "Filters by a limit.", &threshold);',
                      "const leat_plugin *leat_plugin_v1(void) { (void)threshold; return NULL; }")])
plugin("no_entry", edit=[("LEAT_PLUGIN(", "const leat_processor *unused(void) { return &threshold; } int leat_(void); //(")])
plugin("abi2", include=edited_headers(TMP + "/abi2", [("plugin.h", "LEAT_ABI_MAJOR 1", "LEAT_ABI_MAJOR 2")]))
plugin("too_new", edit=[('LEAT_PLUGIN("threshold", "1.0.0", "Filters by a limit.", &threshold);',
                         """const leat_plugin *leat_plugin_v1(void) {
                            static const leat_processor *const all[] = {&threshold};
                            static const leat_plugin p = {LEAT_SIZES, LEAT_ABI, 1, "t", "1.0", "t", NULL, all, 9, 0, NULL};
                            return &p; }""")])
plugin("mistakes", edit=[('.doc = "The limit.", ', ""), ('.name = "at_most"', '.name = "value"'), ("LEAT_OPT_READ,\n               .column = LEAT_F64, .flags = LEAT_REQUIRED},\n};",
                         'LEAT_OPT_DURATION, .standard = "5"},\n};')])
plugin("no_process", edit=[("    .process = process,\n", "    .user = (const void *)process,\n")])
os.makedirs(TMP + "/lib")
build(TMP + "/lib/libgone.so", "x.c", text="int gone(void); int gone(void) { return 1; }", flags=["-Wl,-soname,libgone.so", "-fvisibility=default"])
plugin("library", "\nint gone(void); int (*leat_use)(void) = gone;\n", flags=["-L" + TMP + "/lib", "-lgone"])
with open(FOLDER + "/text.so", "w") as f:
    f.write("this is no library\n")
with open(FOLDER + "/empty.so", "w"):
    pass
with open(FOLDER + "/cut.so", "wb") as f:
    f.write(open(FOLDER + "/good.so", "rb").read()[:3000])
os.symlink("/nowhere/at/all.so", FOLDER + "/dangling.so")
with open(FOLDER + "/notes.txt", "w") as f:
    f.write("not looked at\n")

found = list_plugins(FOLDER)
EXPECTED = {
    "crash": "it crashed when it was loaded: SIGSEGV, Segmentation fault",
    "abort": "it crashed when it was loaded: SIGABRT, Aborted",
    "exit": "it ended the process when it was loaded, with exit code 3",
    "hang": "it did not answer within 10 s when it was loaded",
    "null": "returns no description from leat_plugin_v1",
    "no_entry": "is no plugin for this Leat: it does not export leat_plugin_v1",
    "abi2": "is built for plugin ABI 2.0, this Leat has 1.0: build it again with the headers of this Leat",
    "too_new": "needs plugin ABI 1.9, this Leat has 1.0: install a newer Leat",
    "library": "cannot be loaded: libgone.so: cannot open shared object file: No such file or directory",
    "text": "is no shared object for this machine",
    "empty": "is no shared object for this machine",
    "mistakes": "its description has mistakes:\n"
                "transform 'threshold': option 'value' has no doc: describe it in one sentence\n"
                "transform 'threshold': option 'value' stands there twice\n"
                "transform 'threshold': option 'value' has a default that is not of its type",
    "no_process": "its description has mistakes:\ntransform 'threshold' has no process",
}
for name, sentence in EXPECTED.items():
    ok(found.get(name + ".so") == sentence, f"{name}.so: {sentence.splitlines()[-1]}", found.get(name + ".so"))
ok(isinstance(found["cut.so"], str), "a file that was cut short is broken, and harms nobody", found["cut.so"])
ok("No such file" in found["dangling.so"], "a link to nowhere is broken", found["dangling.so"])
ok(found["good.so"]["processors"][0]["name"] == "threshold", "the good one beside them is found")
ok(isinstance(found["chatty.so"], dict), "what a constructor prints does not spoil the description", found["chatty.so"])
ok("notes.txt" not in found, "other files are not looked at")

for name, sentence in (("crash", "it crashed when it was loaded: SIGSEGV"), ("abi2", "is built for plugin ABI 2.0"), ("text", "is no shared object")):
    with open(TMP + "/flow.yaml", "w") as f:
        f.write(f"leat: 1\nflow: f\nprocessors:\n  in: {{source: stdin}}\n  it: {{transform: {name}, from: in}}\n  out: {{sink: stdout, from: it}}\n")
    p = leat("validate", TMP + "/flow.yaml", "--plugins", FOLDER)
    want = f"flow.yaml:5:19: error E402: the plugin {FOLDER}/{name}.so cannot be used: {sentence}"
    ok(p.returncode == 78 and want in p.stderr + p.stdout, f"validate says why a flow cannot use {name}.so", p.stderr, p.stdout)

shutil.rmtree(FOLDER)
os.makedirs(FOLDER)
COUNTED = at_load(f'FILE *f = fopen("{TMP}/loads", "a"); if (f) {{ fputs("x", f); fclose(f); }}')


def loads():
    return len(open(TMP + "/loads").read()) if os.path.exists(TMP + "/loads") else 0


plugin("counted", COUNTED)
list_plugins(FOLDER)
list_plugins(FOLDER)
ok(loads() == 1, "a file that is known by its hash is not looked at again", loads())
plugin("crash", COUNTED.replace("fclose(f); }", "fclose(f); } kill(getpid(), SIGSEGV);"))
list_plugins(FOLDER)
broken = list_plugins(FOLDER)["crash.so"]
ok(loads() == 2 and "SIGSEGV" in broken, "nor is one that crashed, for a while", loads(), broken)
for name in os.listdir(TMP + "/cache/leat/scans"):
    os.utime(f"{TMP}/cache/leat/scans/{name}", (1, 1))
list_plugins(FOLDER)
ok(loads() == 3, "later it gets another chance", loads())
os.unlink(FOLDER + "/crash.so")
plugin("counted", COUNTED, edit=[("Passes the records", "Passes on the records")])
doc = list_plugins(FOLDER)["counted.so"]["processors"][0]["doc"]
ok(loads() == 4 and doc.startswith("Passes on"), "a changed file is looked at again", loads(), doc)
nowhere = list_plugins(FOLDER, cache="/proc/none")
ok(isinstance(nowhere["counted.so"], dict), "without a cache it works all the same", nowhere)

for cache in (None, "/proc/none"):
    p = leat("plugins", "describe", FOLDER + "/counted.so", cache=cache)
    ok(p.returncode == 0 and "threshold 1.0.0: Filters by a limit." in p.stdout, f"describe loads a file ({cache or 'cached'})", p.stdout, p.stderr)
p = leat("plugins", "describe", "tresholt", "--plugins", FOLDER)
ok(p.returncode == 1 and "did you mean 'threshold'?" in p.stderr, "a misspelt name gets a suggestion", p.stderr)
p = leat("plugins", "describe", FOLDER + "/none.so")
ok(p.returncode == 1 and "none.so" in p.stderr and "No such file" in p.stderr, "a file that is not there is said so", p.stderr)
plugin("threshold")
p = leat("plugins", "list", "--plugins", FOLDER)
ok(f"transform threshold (not used: {FOLDER}/counted.so comes first)" in p.stdout, "who comes second is told", p.stdout)
p = leat("plugins")
ok(p.returncode == 2 and "examples:" in p.stderr, "without a word what to do, examples are shown", p.stderr)
done()
