# SPDX-License-Identifier: Apache-2.0
"""What flow tests share: TAP, flow files, a running leat whose log can be waited for.

A test is a function; its docstring or name is the sentence. It passes unless it raises."""
import os, re, signal, subprocess, sys, threading, time, traceback

LEAT, TMP = os.environ["LEAT"], os.environ["LEAT_TMP"]
PATIENCE = 60


def main(*tests):
    """Runs all; or those whose names have a word of the command line."""
    tests = [t for t in tests if not sys.argv[1:] or any(word in t.__name__ for word in sys.argv[1:])]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for n, test in enumerate(tests, 1):
        name = test.__name__.replace("_", " ")
        try:
            skip = test()
            print(f"ok {n} - {name}" + (f" # SKIP {skip}" if skip else ""), flush=True)
        except Exception:
            failed += 1
            print(f"not ok {n} - {name}", flush=True)
            for line in traceback.format_exc().splitlines():
                print("# " + line, flush=True)
        finally:
            Run.stop_all()
    sys.exit(1 if failed else 0)


def folder(name):
    path = os.path.join(TMP, name)
    os.makedirs(path, exist_ok=True)
    return path


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def wait_for(holds, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {patience} s for {what}")


class Run:
    """leat run FLOW, with its log line by line."""
    all = []

    def __init__(self, flow, state, *more):
        self.lines = []
        self.p = subprocess.Popen([LEAT, "run", flow, "--state", state, *more], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace")
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        Run.all.append(self)

    def read(self):
        for line in self.p.stdout:
            self.lines.append(line)

    def log(self):
        return "".join(self.lines)

    def wait_log(self, pattern, patience=PATIENCE):
        """The match of a pattern in the log."""
        def found():
            return re.search(pattern, self.log()) or (self.p.poll() is not None and self.reader.join(1) and None)
        try:
            return wait_for(found, f"'{pattern}' in the log", patience)
        except AssertionError as e:
            raise AssertionError(f"{e}; the log says:\n{self.log()}")

    def wait(self, patience=PATIENCE):
        """The exit status."""
        try:
            status = self.p.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end in {patience} s; the log says:\n{self.log()}")
        self.reader.join(5)
        return status

    def must_end(self, status=0, patience=PATIENCE):
        got = self.wait(patience)
        assert got == status, f"ended with {got}, not {status}; the log says:\n{self.log()}"

    def stop(self):
        """SIGTERM: finishes what was read."""
        self.p.send_signal(signal.SIGTERM)

    def kill(self):
        self.p.kill()
        self.p.wait()

    @classmethod
    def stop_all(cls):
        for r in cls.all:
            if r.p.poll() is None:
                r.kill()
        cls.all = []
