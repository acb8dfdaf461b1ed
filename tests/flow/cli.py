#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line as a person and as a program meet it: help, exit statuses, sentences, JSON; try and pipe."""
import json, os, re, signal, subprocess

from flowtest import LEAT, PATIENCE, folder, main, write

COMMANDS = ("run", "try", "eval", "validate", "pipe", "graph", "plugins", "schema", "explain", "version")
PLACE = folder("cli")
GOOD = """leat: 1
flow: good
parameters:
  least: {type: int, default: 2}
processors:
  in:
    source: file
    with: {paths: in.ndjson, until: end}
  some:
    transform: filter
    from: in
    with: {where: "n >= ${least}"}
  out:
    sink: file
    from: some
    with: {path: out.ndjson}
"""
TWO = """leat: 1
flow: two
processors:
  a:
    source: file
    with: {paths: in.ndjson, until: end}
  b:
    source: file
    with: {paths: in.ndjson, until: end}
  both:
    transform: set
    from: [a, b]
    with: {fields: {twice: n * 2}}
  x:
    sink: file
    from: both
    with: {path: x.ndjson}
  y:
    sink: file
    from: both
    with: {path: y.ndjson}
"""
write(os.path.join(PLACE, "good.yaml"), GOOD)
write(os.path.join(PLACE, "two.yaml"), TWO)
write(os.path.join(PLACE, "bad.yaml"), GOOD.replace("where:", "were:"))
write(os.path.join(PLACE, "in.ndjson"), "".join('{"n": %d}\n' % n for n in range(6)))


def leat(*args, given=""):
    p = subprocess.run([LEAT, *args], cwd=PLACE, input=given.encode(), capture_output=True, timeout=PATIENCE)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def begins_with_an_example(text, command):
    first = text.splitlines()[1 if text.startswith("examples:") else 0]
    assert first.startswith("  leat " + command), text


def help_begins_with_examples():
    for command in COMMANDS:
        for args in ([command, "--help"], ["help", command]):
            code, out, err = leat(*args)
            assert code == 0 and not err and f"\nusage: leat {command}" in out, (args, code, out, err)
            begins_with_an_example(out, command)
    code, out, _ = leat("--help")
    assert code == 0 and all(f"  {c} " in out for c in COMMANDS), out


def what_is_wrong_with_a_command_line_is_said_in_a_sentence():
    flow = ("run", "try", "validate", "pipe", "graph", "explain")
    table = [([c, "--nonsense"], 2, "there is no option '--nonsense'") for c in COMMANDS if c != "version"]
    table += [([c, "-z"], 2, "there is no option '-z'") for c in COMMANDS if c != "version"]
    table += [([c, "missing.yaml"], 78, "missing.yaml: error E101: cannot open missing.yaml: No such file") for c in flow]
    table += [([c, "."], 78, "cannot read .: Is a directory") for c in flow]
    table += [([c, "bad.yaml"], 78, "bad.yaml:12:12: error E403: .*'were'(.|\\n)*did you mean 'where'") for c in flow]
    table += [([c], 2, "give (its file|a flow file)") for c in flow]
    table += [([c, "good.yaml", "two.yaml"], 2, "one flow file") for c in flow]
    table += [([c, "good.yaml", "-p", "least"], 2, "-p takes NAME=VALUE, not 'least'") for c in flow]
    table += [([c, "good.yaml", "-p", "leat=1"], 78, "leat: .*no such parameter") for c in flow]
    table += [
        (["runn"], 2, "no command 'runn'; did you mean 'run'"),
        ([], 2, "usage: leat COMMAND"),
        (["version", "--nonsense"], 2, "--nonsense"),
        (["run", "good.yaml", "--stat", "a", "--forr", "3s"], 2, "no option '--forr'; did you mean '--for'"),
        (["run", "good.yaml", "--state"], 2, "--state needs a value"),
        (["run", "good.yaml", "-p"], 2, "-p needs a value"),
        (["run", "good.yaml", "--quiet=3"], 2, "--quiet takes no value"),
        (["run", "good.yaml", "--for", "30"], 2, "a duration needs its unit"),
        (["run", "good.yaml", "--level", "loud"], 2, "debug, info, warn or error, not 'loud'"),
        (["run", "good.yaml", "--log", "xml"], 2, "text or json, not 'xml'"),
        (["run", "good.yaml", "--port", "some.out"], 2, "no option '--port'"),
        (["run", "good.yaml", "--state", "in.ndjson"], 1, "in.ndjson"),
        (["try", "good.yaml", "-n", "0"], 2, "from 1, not '0'"),
        (["try", "good.yaml", "--state", "x"], 2, "no option '--state'"),
        (["try", "good.yaml", "--port", "some.oot"], 2, "no port 'some.oot'; did you mean 'some.out'"),
        (["pipe", "two.yaml"], 2, "has 2 sources; say which by --in NAME"),
        (["pipe", "two.yaml", "--in", "a"], 2, "has 2 sinks; say which by --out NAME"),
        (["pipe", "good.yaml", "--in", "inn"], 2, "no source called 'inn'; did you mean 'in'"),
        (["eval"], 2, "which expression"),
        (["eval", "n +"], 2, "E300: a value is missing at the end"),
        (["eval", "n", "missing.ndjson"], 1, "cannot open missing.ndjson: No such file"),
        (["explain", "E999"], 2, "no code E999; leat explain codes lists them"),
        (["plugins"], 2, "what about plugins"),
        (["plugins", "lst"], 2, "list, describe or check, not 'lst'"),
        (["plugins", "list", "kafka"], 2, "list takes no name"),
        (["plugins", "describe"], 2, "which plugin"),
        (["plugins", "describe", "filtre"], 1, "did you mean 'filter'"),
        (["plugins", "check"], 2, "which file"),
        (["plugins", "check", "none.so"], 1, "cannot open none.so: No such file"),
        (["schema", "good.yaml"], 2, "takes no file"),
    ]
    for args, wanted, sentence in table:
        code, out, err = leat(*args)
        assert code == wanted and re.search(sentence, err) and not out, (args, code, out, err)
        assert wanted != 2 or args[:1] in (["try"], ["pipe"], ["eval"], ["explain"]) or "usage: leat" in err, (args, err)


def json_where_a_program_may_read_it():
    table = [
        (["version", "--json"], lambda v: v["version"] and v["abi"] == "1.0"),
        (["validate", "good.yaml", "--json"], lambda v: v["ok"] and v["errors"] == 0 and v["plan"]),
        (["explain", "good.yaml", "--json"], lambda v: v["processors"]),
        (["graph", "good.yaml", "--json"], lambda v: v["processors"]),
        (["explain", "E204", "--json"], lambda v: v["code"] == "E204" and v["title"] and v["text"]),
        (["explain", "codes", "--json"], lambda v: len(v) > 20 and all(c["code"] and c["text"] for c in v)),
        (["plugins", "list", "--json"], lambda v: any(p["plugin"]["name"] == "transform" for p in v)),
        (["plugins", "describe", "filter", "--json"], lambda v: any(p["name"] == "filter" for p in v["processors"])),
        (["schema"], lambda v: v["properties"]["processors"]),
        (["eval", "--json", "7 / 2"], lambda v: v["result"] == 3.5),
    ]
    for args, holds in table:
        code, out, err = leat(*args)
        assert code == 0 and not err, (args, code, err)
        assert holds(json.loads(out)), (args, out)
    code, out, err = leat("validate", "bad.yaml", "--json")
    v = json.loads(out)
    assert code == 78 and not v["ok"] and v["errors"] == 1, (code, out, err)
    f = v["findings"][0]
    assert (f["code"], f["line"], f["column"]) == ("E403", 12, 12) and "where" in json.dumps(f), f
    code, out, err = leat("eval", "--functions", "--json")
    assert code == 0 and all(json.loads(l)["name"] for l in out.splitlines())


def a_run_sums_up_for_programs():
    code, out, err = leat("run", "good.yaml", "--json", "--quiet", "--state", "json-state")
    v = json.loads(out.splitlines()[-1])
    assert code == 0 and not err and v["flow"] == "good" and v["error"] is None and v["dead_letters"] == 0, (code, out, err)
    by = {p["name"]: p for p in v["processors"]}
    assert by["in"]["records_out"] == 6 and by["some"]["records_in"] == 6 and by["out"]["records_in"] == 4, by
    assert by["some"]["kind"] == "transform" and by["some"]["plugin"] == "filter"


def a_parameter_changes_the_flow():
    code, out, err = leat("pipe", "good.yaml", "-p", "least=4", given='{"n": 3}\n{"n": 5}\n')
    assert code == 0 and [json.loads(l)["n"] for l in out.splitlines()] == [5], (code, out, err)
    code, out, err = leat("validate", "good.yaml", "-p", "least=many")
    assert code == 78 and "least" in err and "many" in err, err


def try_shows_each_port_and_leaves_positions():
    args = ["try", "good.yaml", "-n", "3"]
    for _ in range(2):
        code, out, err = leat(*args)
        seen = [(l.split()[0], json.loads(l.split(None, 1)[1])["n"]) for l in out.splitlines()]
        assert code == 0 and sorted(seen) == [("in.out", 0), ("in.out", 1), ("in.out", 2), ("some.out", 2)], (code, out, err)
    code, out, err = leat(*args, "--port", "some.out")
    assert code == 0 and out.split()[0] == "some.out" and len(out.splitlines()) == 1, (code, out, err)
    assert not os.path.exists(os.path.join(PLACE, ".leat")) and not os.path.exists(os.path.join(PLACE, "tried.ndjson"))


def pipe_takes_one_of_several_sources_and_sinks():
    code, out, err = leat("pipe", "two.yaml", "--in", "b", "--out", "y", given='{"n": 1}\n{"n": 2}')
    assert code == 0 and [json.loads(l) for l in out.splitlines()] == [{"n": 1, "twice": 2}, {"n": 2, "twice": 4}], (code, out, err)
    assert not os.path.exists(os.path.join(PLACE, "x.ndjson")) and not os.path.exists(os.path.join(PLACE, "y.ndjson"))


def pipe_ends_with_0_only_after_the_end_of_its_input():
    p = subprocess.Popen([LEAT, "pipe", "good.yaml"], cwd=PLACE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(b'{"n": 7}\n')
    p.stdin.flush()
    assert json.loads(p.stdout.readline()) == {"n": 7}
    assert p.poll() is None
    p.stdin.close()
    assert p.wait(PATIENCE) == 0 and p.stderr.read() == b""
    p.stdout.close()
    p.stderr.close()


def pipe_that_is_stopped_does_not_end_with_0():
    p = subprocess.Popen([LEAT, "pipe", "good.yaml"], cwd=PLACE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(b'{"n": 7}\n')
    p.stdin.flush()
    assert p.stdout.readline()
    p.send_signal(signal.SIGINT)
    assert p.wait(PATIENCE) == 1 and b"before the end of its input" in p.stderr.read()
    p.communicate()


def pipe_says_when_its_reader_is_gone():
    p = subprocess.Popen([LEAT, "pipe", "good.yaml"], cwd=PLACE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.close()
    try:
        p.stdin.write(b'{"n": 7}\n' * 200000)
        p.stdin.close()
    except BrokenPipeError:
        pass
    err = p.stderr.read().decode()
    assert p.wait(PATIENCE) == 1 and "standard output" in err and len(err.splitlines()) < 5, (p.returncode, err)
    p.stderr.close()


def pipe_tells_of_what_it_cannot_read():
    code, out, err = leat("pipe", "good.yaml", given='{"n": 3}\nno record\n{"n": 4}\n')
    assert [json.loads(l)["n"] for l in out.splitlines()] == [3, 4], (code, out, err)
    assert code == 0 and "record to dead letters" in err or "rejected" in err, (code, err)


main(help_begins_with_examples, what_is_wrong_with_a_command_line_is_said_in_a_sentence, json_where_a_program_may_read_it,
     a_run_sums_up_for_programs, a_parameter_changes_the_flow, try_shows_each_port_and_leaves_positions,
     pipe_takes_one_of_several_sources_and_sinks, pipe_ends_with_0_only_after_the_end_of_its_input,
     pipe_that_is_stopped_does_not_end_with_0, pipe_says_when_its_reader_is_gone, pipe_tells_of_what_it_cannot_read)
