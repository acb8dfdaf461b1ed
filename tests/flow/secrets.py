#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A secret is in nothing that Leat prints or keeps beside the data, wherever it comes from."""
import os, subprocess

from flowtest import LEAT, PATIENCE, folder, main, write

SECRET = "correct-horse-battery"
FLOW = """leat: 1
flow: secrets
parameters:
  token: {type: string, secret: true, default: none}
processors:
  in:
    source: file
    with: {paths: in.ndjson, until: end}
  out:
    sink: %s
    from: in
    with: %s
"""


def prepare(name, sink, options):
    d = folder(name)
    write(os.path.join(d, "in.ndjson"), '{"n": 1}\n')
    write(os.path.join(d, "secret"), SECRET + "\n")
    write(os.path.join(d, "flow.yaml"), FLOW % (sink, options))
    return d


def leat(name, *args, sink, options):
    p = subprocess.run([LEAT, args[0], "flow.yaml", *args[1:]], cwd=prepare(name, sink, options), stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=PATIENCE)
    return p.returncode, (p.stdout + p.stderr).decode()


def first_complaint(name, options, *args):
    """Of a run whose sink cannot write, and so tries again and again."""
    d = prepare(name, "file", options)
    p = subprocess.Popen([LEAT, "run", "flow.yaml", "--quiet", "--state", "state", *args], cwd=d, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = ""
    for line in p.stderr:
        said += line
        if "/proc/" in line:
            break
    p.kill()
    p.communicate()
    for root, _, files in os.walk(os.path.join(d, "state")):
        for f in files:
            said += open(os.path.join(root, f), "rb").read().decode(errors="replace")
    return said


def a_path_that_cannot_be_written_hides_it():
    said = first_complaint("path", '{path: "/proc/${secret:file:secret}/out"}')
    assert "/proc/***" in said and SECRET not in said, said


def a_parameter_hides_it():
    said = first_complaint("parameter", '{path: "/proc/${token}/out"}', "-p", "token=" + SECRET)
    assert "/proc/***" in said and SECRET not in said, said


def a_finding_hides_it():
    code, said = leat("finding", "validate", sink="http",
                      options="{url: 'http://127.0.0.1:1/', auth: {user: me, password: %s}, timout: 1s}" % SECRET)
    assert code == 78 and "timout" in said and SECRET not in said, (code, said)


def the_plan_hides_it():
    options = '{url: "http://127.0.0.1:1/", auth: {user: me, password: "${secret:file:secret}"}}'
    for command in (["validate", "--json"], ["explain"], ["explain", "--json"], ["graph"]):
        code, said = leat("plan", *command, sink="http", options=options)
        assert code == 0 and SECRET not in said, (command, code, said)


def one_from_the_environment_is_nowhere():
    """Neither in the log, nor in the summary, nor in the state folder with its dead letters, of a run that cannot deliver."""
    d = prepare("environment", "http", "{url: 'http://127.0.0.1:1/', auth: {user: me, password: '${env:LEAT_TEST_SECRET}'}}\n"
                "    on_error: {unavailable: {retry: 10ms..20ms, give_up: 100ms, then: dead_letter}}")
    p = subprocess.run([LEAT, "run", "flow.yaml", "--json", "--level", "debug", "--state", "state"], cwd=d, stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=PATIENCE, env=dict(os.environ, LEAT_TEST_SECRET=SECRET))
    said = (p.stdout + p.stderr).decode()
    assert p.returncode == 0 and "1 dead letters" in said, said
    for root, _, files in os.walk(os.path.join(d, "state")):
        for f in files:
            said += open(os.path.join(root, f), "rb").read().decode(errors="replace")
    assert '"unavailable"' in said and SECRET not in said, said


def one_that_lacks_its_braces_is_told():
    for text in ("env:DB_PASSWORD", "secret:file:secret"):
        code, said = leat("braces", "validate", sink="http",
                          options="{url: 'http://127.0.0.1:1/', auth: {user: me, password: '%s'}}" % text)
        assert code == 0 and "W505" in said and "write ${" in said, (code, said)


main(one_from_the_environment_is_nowhere, one_that_lacks_its_braces_is_told, a_path_that_cannot_be_written_hides_it, a_parameter_hides_it, a_finding_hides_it, the_plan_hides_it)
