#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests that print TAP, two at a time, and ends with "N passed, N failed[, N skipped]".

usage: run.py --build DIR --source DIR [--only WORD] [--timeout S] TEST...
A TEST is a program below the build folder or a script below the source folder. It gets LEAT (the binary), LEAT_BUILD,
LEAT_SOURCE and LEAT_TMP (a folder of its own) in its environment. A test that ends with a status other than 0 without a
failed line, or that prints no line at all, has failed. `ok N name # SKIP reason` counts as skipped, never as passed.
"""
import argparse, concurrent.futures, os, re, shutil, signal, subprocess, sys, tempfile, time

LINE = re.compile(r"^(not ok|ok)\b[ \t]*\d*[ \t]*-?[ \t]*(.*)$")


def command(test, args):
    path = os.path.abspath(os.path.join(args.build, test))
    if not os.path.exists(path):
        path = os.path.abspath(os.path.join(args.source, test))
    if test.endswith(".py"):
        return [sys.executable, path]
    if test.endswith(".sh"):
        return ["bash", path]
    return [path]


def run(test, args):
    tmp = tempfile.mkdtemp(prefix="leat-test-")
    env = dict(os.environ, LEAT=os.path.abspath(os.path.join(args.build, "leat")), LEAT_TMP=tmp,
               LEAT_BUILD=os.path.abspath(args.build), LEAT_SOURCE=os.path.abspath(args.source),
               PYTHONDONTWRITEBYTECODE="1")
    env.pop("LEAT_PLUGINS", None)
    start = time.monotonic()
    p = subprocess.Popen(command(test, args), env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         stdin=subprocess.DEVNULL, start_new_session=True, cwd=tmp)
    try:
        out, _ = p.communicate(timeout=args.timeout)
        late = ""
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, _ = p.communicate()
        late = f"not ok - {test} took over {args.timeout} s\n"
    text = out.decode(errors="replace") + late
    shutil.rmtree(tmp, ignore_errors=True)
    found = [LINE.match(l) for l in text.splitlines()]
    found = [(m[1] == "ok", m[2]) for m in found if m]
    passed = sum(ok and "# SKIP" not in name for ok, name in found)
    skipped = sum(ok and "# SKIP" in name for ok, name in found)
    failed = sum(not ok for ok, _ in found)
    if not found or (p.returncode and not failed):
        failed += 1
        text += f"not ok - {test} ended with status {p.returncode} after {len(found)} results\n"
    return test, passed, failed, skipped, time.monotonic() - start, text


def run_until_passed(test, args):
    """For tests with real servers on a machine that others use too: what passes at another try is said, and counts."""
    for attempt in range(args.again + 1):
        result = run(test, args)
        if not result[2] or attempt == args.again:
            return result[:5] + (result[5] + (f"passed at try {attempt + 1}\n" if attempt and not result[2] else ""),)
        print(f"AGAIN {test} failed:\n    " + result[5].rstrip().replace("\n", "\n    "), flush=True)


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--build", required=True)
    a.add_argument("--source", required=True)
    a.add_argument("--only", default=os.environ.get("ONLY", ""))
    a.add_argument("--timeout", type=float, default=300)
    a.add_argument("--jobs", type=int, default=2)
    a.add_argument("--again", type=int, default=0, help="a test that failed is run so many times more; a later pass is told as such")
    a.add_argument("tests", nargs="*")
    args = a.parse_args()
    total = [0, 0, 0]
    tests = [t for t in args.tests if args.only in t]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for job in concurrent.futures.as_completed([pool.submit(run_until_passed, t, args) for t in tests]):
            test, passed, failed, skipped, seconds, text = job.result()
            total = [total[0] + passed, total[1] + failed, total[2] + skipped]
            print(f"{'FAIL' if failed else 'ok  '} {test} ({passed} passed, {failed} failed, {skipped} skipped; {seconds:.1f} s)")
            if failed:
                print("    " + text.rstrip().replace("\n", "\n    "))
            for line in text.splitlines():
                if "# SKIP" in line or line.startswith("passed at try"):
                    print("    " + line)
            sys.stdout.flush()
    print(f"{total[0]} passed, {total[1]} failed" + (f", {total[2]} skipped" if total[2] else ""))
    sys.exit(1 if total[1] or not total[0] else 0)


main()
