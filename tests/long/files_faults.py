#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every write, sync, cut and rename of a flow from file to files and SQLite fails once, in turn. Each time the flow goes on by
itself, and at the end every record is there: once in the files, and once in the table of an upsert."""
import concurrent.futures, glob, gzip, json, os, re, sqlite3, subprocess, sys

sys.path.insert(0, os.path.join(os.environ["LEAT_SOURCE"], "tests", "flow"))
from flowtest import LEAT, folder, main, write

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Calls that change files are counted; FAIL_AT fails with FAIL_WITH. Standard output and error are left alone. */
static long calls;
static int fails(const char *what)
{
    const char *at = getenv("FAIL_AT");
    long n = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
    if (!at || n != atol(at))
        return 0;
    char line[80];
    int length = snprintf(line, sizeof line, "SHIM %s fails\n", what);
    ssize_t (*real)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    real(2, line, (size_t)length);
    errno = atoi(getenv("FAIL_WITH"));
    return 1;
}
__attribute__((destructor)) static void say(void)
{
    if (!getenv("FAIL_AT"))
        dprintf(2, "SHIM %ld calls\n", calls);
}
#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)
ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    return fails("pwrite") ? -1 : real(fd, p, n, at);
}
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    REAL(ssize_t, pwrite64, int, const void *, size_t, off_t);
    return fails("pwrite64") ? -1 : real(fd, p, n, at);
}
ssize_t write(int fd, const void *p, size_t n)
{
    REAL(ssize_t, write, int, const void *, size_t);
    return fd > 2 && n != 8 && fails("write") ? -1 : real(fd, p, n); /* 8: an eventfd */
}
int fdatasync(int fd)
{
    REAL(int, fdatasync, int);
    return fails("fdatasync") ? -1 : real(fd);
}
int fsync(int fd)
{
    REAL(int, fsync, int);
    return fails("fsync") ? -1 : real(fd);
}
static int is_memory(int fd) /* a memfd: another matter */
{
    char path[40], name[8] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return readlink(path, name, sizeof name) == sizeof name && memcmp(name, "/memfd:", 7) == 0;
}
int ftruncate(int fd, off_t n)
{
    REAL(int, ftruncate, int, off_t);
    return !is_memory(fd) && fails("ftruncate") ? -1 : real(fd, n);
}
int ftruncate64(int fd, off_t n)
{
    REAL(int, ftruncate64, int, off_t);
    return !is_memory(fd) && fails("ftruncate64") ? -1 : real(fd, n);
}
int rename(const char *from, const char *to)
{
    REAL(int, rename, const char *, const char *);
    return fails("rename") ? -1 : real(from, to);
}
"""
FLOW = """leat: 1
flow: faults
settings: {{ epoch: 20ms }}
processors:
  in:
    source: file
    with: {{ paths: "{dir}/in.ndjson", until: end }}
  plain:
    sink: file
    from: in
    with: {{ path: "{dir}/plain.ndjson" }}
    on_error: {{ unavailable: {{ retry: 5ms..20ms }} }}
  rolled:
    sink: file
    from: in
    with: {{ path: "{dir}/rolled/r.gz", compress: gzip, roll: {{ size: 30KiB }} }}
    on_error: {{ unavailable: {{ retry: 5ms..20ms }} }}
  rows:
    sink: sql
    from: in
    with:
      database: "{dir}/rows.db"
      table: t
      create: true
      mode: upsert
      key: n
      columns:
        n: n
    on_error: {{ unavailable: {{ retry: 5ms..20ms }} }}
"""
RECORDS = 6000


def shim():
    d = folder("shim")
    source, so = write(os.path.join(d, "shim.c"), SHIM), os.path.join(d, "shim.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-w", "-o", so, source, "-ldl"], check=True)
    return so


def leat(flow, d, env):
    """Its exit status is 'hang' when it does not end."""
    command = [LEAT, "run", flow, "--state", os.path.join(d, "state"), "--quiet"]
    p = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        p.stdout, p.stderr = p.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        p.kill()
        p.stdout, p.stderr = p.communicate()
        p.returncode = "hang"
    return p


def run(so, name, fail_at=None, number=28):
    d = folder(name)
    write(os.path.join(d, "in.ndjson"), "".join(json.dumps({"n": n, "pad": "p" * 40}) + "\n" for n in range(RECORDS)))
    flow = write(os.path.join(d, "flow.yaml"), FLOW.format(dir=d))
    env = dict(os.environ, LD_PRELOAD=so)
    if fail_at:
        env.update(FAIL_AT=str(fail_at), FAIL_WITH=str(number))
    return d, leat(flow, d, env)


def numbers(text):
    return sorted(json.loads(line)["n"] for line in text.splitlines())


def wrong(d):
    want = list(range(RECORDS))
    with open(os.path.join(d, "plain.ndjson")) as f:
        if numbers(f.read()) != want:
            return "plain"
    if sorted(n for p in glob.glob(os.path.join(d, "rolled", "*.gz")) for n in numbers(gzip.open(p, "rt").read())) != want:
        return "rolled"
    db = sqlite3.connect(os.path.join(d, "rows.db"))
    rows = db.execute("SELECT count(*), sum(n) FROM t").fetchone()
    db.close()
    return "" if rows == (RECORDS, sum(want)) else f"rows {rows}"


def each_call_fails_once(number):
    so = shim()
    d, p = run(so, f"count{number}")
    assert p.returncode == 0 and not wrong(d), p.stderr
    calls = int(re.search(r"SHIM (\d+) calls", p.stderr)[1])
    bad, failed = [], 0

    def one(k):
        d, p = run(so, f"f{number}-{k}", k, number)
        if "fails" not in p.stderr:
            return 0, ""
        if p.returncode == 1: # it may end with a sentence (a log that cannot be trusted); then it goes on where it was
            second = leat(os.path.join(d, "flow.yaml"), d, os.environ)
            p.returncode, p.stderr = second.returncode, p.stderr + second.stderr
        what = f"ended with {p.returncode}" if p.returncode else wrong(d)
        return 1, f"call {k}: {what}: {p.stderr}" if what else ""

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for happened, what in pool.map(one, range(1, calls + 1)):
            failed += happened
            if what:
                bad.append(what)
    print(f"# {failed} of {calls} calls failed once")
    assert failed > calls // 2, (failed, calls)
    assert not bad, f"{len(bad)} wrong:\n" + "\n".join(bad[:5])


def a_full_disk_at_each_call():
    each_call_fails_once(28)


def an_io_error_at_each_call():
    each_call_fails_once(5)


main(a_full_disk_at_each_call, an_io_error_at_each_call)
