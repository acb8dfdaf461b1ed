#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL 15 judges the expressions: made by chance, over records made by chance. A server of its own is started in a
temporary folder, reached by a socket there. What differs on purpose (docs/expressions.md) is not generated.

COUNT: how many expressions (default 1200). SEED: another run."""
import json, math, os, pwd, random, shutil, subprocess, sys, tempfile
from datetime import datetime

LEAT = os.environ["LEAT"]
SEED = int(os.environ.get("SEED", "20261125"))
COUNT = int(os.environ.get("COUNT", "1200"))
BIN = next((d for d in ("/usr/lib/postgresql/15/bin", "/usr/local/pgsql/bin") if os.path.exists(d + "/initdb")), None)
ROWS = 12
rnd = random.Random(SEED)

FIELDS = {"i1": "bigint", "i2": "bigint", "d1": "numeric", "d2": "numeric", "f1": "float8", "t1": "text", "t2": "text",
          "b1": "bool", "s1": "timestamptz"}


# --- records ---

def cell(kind):
    if rnd.random() < 0.12:
        return None
    if kind == "bigint":
        return rnd.choice([rnd.randint(-20, 20), rnd.randint(-20, 20), 9223372036854775807, 0])
    if kind == "numeric":
        return rnd.choice([f"{rnd.randint(-999, 999) / 100:.2f}", "2.5", "3.5", "-0.5", "0.125", "1234.5", "7"])
    if kind == "float8":
        return rnd.choice(["2.5e0", "-3.5e0", "1e2", "1.25e-1", "0e0"])
    if kind == "text":
        return rnd.choice(["", "abc", "ABC", " a b ", "a,b,,c", "Zürich", "12", "3.50", "x%y_z", "it's", "a-b-c", "2026-03-17"])
    if kind == "bool":
        return rnd.choice([True, False])
    return rnd.choice(["2026-03-17T08:30:15.25Z", "2024-02-29T23:59:59Z", "2027-01-01T00:00:00Z", "1999-12-31T12:00:00.000001Z"])


def as_json(record):
    def one(name, v):
        number = isinstance(v, str) and FIELDS[name] in ("numeric", "float8")
        return json.dumps(name) + ":" + (v if number else json.dumps(v, ensure_ascii=False))
    return "{" + ",".join(one(k, v) for k, v in record.items()) + "}"


def as_sql(record):
    return "(" + ",".join("null" if v is None else "'" + str(v).replace("'", "''") + "'" for v in record.values()) + ")"


# --- expressions: pairs of our spelling and theirs ---

def same(text):
    return text, text


def join(form, *pairs):
    """{} of form is filled with each side."""
    return form.format(*(p[0] for p in pairs)), form.format(*(p[1] for p in pairs))


def joined(ours, theirs, *pairs):
    return ours.format(*(p[0] for p in pairs)), theirs.format(*(p[1] for p in pairs))


def whole(depth):
    if depth == 0:
        return same(rnd.choice(["i1", "i2", "i2", "0", "1", "-3", "7"]))
    d = depth - 1
    return rnd.choice([
        lambda: join("({} + {})", whole(d), whole(d)), lambda: join("({} - {})", whole(d), whole(d)),
        lambda: join("({} * {})", whole(d), whole(d)), lambda: join("({} % {})", whole(d), whole(d)),
        lambda: joined("({} div {})", "({} / {})", whole(d), whole(d)), lambda: join("abs({})", whole(d)),
        lambda: join("(- {})", whole(d)), lambda: join("length({})", text(d)), lambda: join("({})::bigint", exact(d)),
        lambda: joined("extract({} from {})", "extract({} from {})::bigint", same(rnd.choice(
            ["year", "month", "day", "hour", "minute", "dow", "isodow", "doy", "week", "quarter", "isoyear"])), time(d)),
        lambda: join("coalesce({}, {})", whole(d), whole(d)), lambda: join("nullif({}, {})", whole(d), whole(d)),
        lambda: join("case when {} then {} else {} end", truth(d), whole(d), whole(d)), lambda: join("({})::bigint", text(0)),
        lambda: joined("floor({})", "floor({})::bigint", exact(d)), lambda: joined("ceil({})", "ceil({})::bigint", exact(d)),
        lambda: join("greatest({}, {}, {})", whole(d), whole(d), whole(d))])()


def exact(depth):
    if depth == 0:
        return same(rnd.choice(["d1", "d2", "2.5", "0.25", "10"]))
    d = depth - 1
    return rnd.choice([
        lambda: join("({} + {})", exact(d), exact(d)), lambda: join("({} - {})", exact(d), exact(d)),
        lambda: join("({} * {})", exact(0), exact(0)), lambda: join("({} % nullif({}, 0))", exact(d), exact(0)),
        lambda: joined("({} / {})", "({}::numeric / {})", exact(0), exact(0)), lambda: join("round({})", exact(d)),
        lambda: join("round({}, {})", exact(d), same(str(rnd.randint(-1, 2)))), lambda: join("abs({})", exact(d)),
        lambda: join("coalesce({}, {})", exact(d), exact(d)), lambda: join("least({}, {})", exact(d), exact(d)),
        lambda: join("({})::numeric", text(0)), lambda: join("extract(epoch from {})", time(d)),
        lambda: join("extract(second from {})", time(d)),
        lambda: join("case when {} then {} end", truth(d), exact(d))])()


def inexact(depth):
    d = max(depth - 1, 0)
    return rnd.choice([
        lambda: same("f1"), lambda: joined("({} * 1.5e0)", "({} * 1.5::float8)", inexact(d)) if depth else same("f1"),
        lambda: join("sqrt(abs({}))", inexact(d)) if depth else same("f1"), lambda: join("round({})", inexact(d)) if depth else same("f1"),
        lambda: joined("power({}, 2)", "power({}, 2::float8)", inexact(d)) if depth else same("f1"),
        lambda: join("({})::float8", exact(d)), lambda: joined("exp({} / 1e2)", "exp({} / 1e2::float8)", inexact(d)) if depth else same("f1"),
        lambda: join("ln(abs({}) + 1)", inexact(d)) if depth else same("f1")])()


def text(depth):
    if depth == 0:
        return same(rnd.choice(["t1", "t2", "'abc'", "'a-b'", "''"]))
    d = depth - 1
    small = str(rnd.randint(-2, 4))
    return rnd.choice([
        lambda: join("({} || {})", text(d), text(d)), lambda: join("({} || {})", text(d), whole(0)), lambda: join("upper({})", text(d)),
        lambda: join("lower({})", text(d)), lambda: join("trim({})", text(d)), lambda: joined("trim({}, 'ac')", "btrim({}, 'ac')", text(d)),
        lambda: join("substr({}, {})", text(d), same(small)), lambda: join("substr({}, {}, {})", text(d), same(small), same(str(rnd.randint(0, 3)))),
        lambda: join("replace({}, {}, {})", text(d), same(rnd.choice(["'a'", "'b'", "''"])), text(0)),
        lambda: join("split_part({}, {}, {})", text(d), same(rnd.choice(["','", "'-'", "''"])), same(rnd.choice(["1", "2", "-1", "5"]))),
        lambda: join("regexp_replace({}, {}, {}{})", text(d), same(rnd.choice(["'[a-c]+'", "'(.)b'", "'^a'", "'[^0-9]'", "'b*'"])),
                     same(rnd.choice(["'<\\&>'", "'\\1x'", "''"])), same(rnd.choice(["", ", 'g'", ", 'gi'"]))),
        lambda: join("format('%s|%-5s|%5s|%%', {}, {}, {})", text(d), whole(0), text(0)), lambda: join("md5({})", text(d)),
        lambda: joined("sha256({})", "encode(sha256(convert_to({}, 'UTF8')), 'hex')", text(d)),
        lambda: joined("to_text({}, {})", "to_char({}, {})", time(d), same(rnd.choice(
            ["'YYYY-MM-DD HH24:MI:SS'", "'DD Mon YY'", "'FMDay, FMDD FMMonth YYYY'", "'HH12:MI AM'", "'MS US Q IW IYYY DDD'", "'MONTH DY d'"]))),
        lambda: join("coalesce({}, {})", text(d), text(d)), lambda: join("case when {} then {} else {} end", truth(d), text(d), text(d)),
        lambda: join("nullif({}, {})", text(d), text(0)), lambda: join("({})::text", whole(d)), lambda: join("({})::text", truth(d))])()


def time(depth):
    if depth == 0 or rnd.random() < 0.3:
        return "s1::time", "s1"
    return rnd.choice([
        lambda: join("({} + interval '{}')", time(0), same(rnd.choice(["5 minutes", "1 day", "1 day 02:03:04", "-90 seconds", "1.5 hours"]))),
        lambda: join("date_trunc('{}', {})", same(rnd.choice(["second", "minute", "hour", "day", "week", "month", "quarter", "year"])), time(0)),
        lambda: joined("to_time('{}', '{}')", "to_timestamp('{}', '{}')",
                       *rnd.choice([(same("17-Mar-26"), same("DD-Mon-YY")), (same("03/09/2013 04:05 PM"), same("MM/DD/YYYY HH12:MI AM")),
                                    (same("2024-02-29 23:59:58.25"), same("YYYY-MM-DD HH24:MI:SS.MS")), (same("1 January 99"), same("DD Month YY")),
                                    (same("2024060"), same("YYYYDDD"))])),
        lambda: join("greatest({}, {})", time(0), time(0))])()


def truth(depth):
    if depth == 0:
        return same(rnd.choice(["b1", "true", "(i2 > 3)"]))
    d = depth - 1
    kind = rnd.choice([whole, exact, text, time])
    sign = same(rnd.choice(["=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"]))
    if kind is text:
        sign = same(rnd.choice(["=", "<>", "is distinct from"]))
    return rnd.choice([
        lambda: join("({} {} {})", kind(d), sign, kind(d)), lambda: join("({} and {})", truth(d), truth(d)), lambda: join("({} or {})", truth(d), truth(d)),
        lambda: join("(not {})", truth(d)), lambda: join("({} is {})", truth(d), same(rnd.choice(["true", "not true", "false", "not false", "null"]))),
        lambda: join("({} {} {} and {})", whole(d), same(rnd.choice(["between", "not between"])), whole(0), whole(0)),
        lambda: join("({} {} ({}, {}, 7))", whole(d), same(rnd.choice(["in", "not in"])), whole(0), whole(0)),
        lambda: join("({} like {})", text(d), same(rnd.choice(["'a%'", "'%b%'", "'_b_'", "'%\\%%'", "'x!%%' escape '!'", "'%\\_z'"]))),
        lambda: join("({} {} {})", text(d), same(rnd.choice(["~", "!~", "~*"])), same(rnd.choice(["'^a'", "'b.?c'", "'[[:digit:]]+'", "'^\\d+$'", "'(a|B),'", "'\\ya'"]))),
        lambda: join("starts_with({}, {})", text(d), text(0)), lambda: join("({} is null)", text(d))])()


# --- the two ---

class Server:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="leat-pg-")
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user)
        self.run([BIN + "/initdb", "-D", self.folder + "/data", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off -c timezone=UTC"
        self.run([BIN + "/pg_ctl", "-D", self.folder + "/data", "-w", "-l", self.folder + "/log", "-o", options, "start"])

    def run(self, args, stdin=None):
        if os.getuid() == 0:
            args = ["runuser", "-u", self.user, "--", *args]
        p = subprocess.run(args, input=stdin, capture_output=True, text=True, cwd=self.folder)
        if p.returncode:
            raise SystemExit(f"not ok - {args}: {p.stderr[-2000:]}")
        return p.stdout

    def sql(self, text):
        return self.run(["psql", "-h", self.folder, "-U", self.user, "-d", "postgres", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"], text)

    def stop(self):
        self.run([BIN + "/pg_ctl", "-D", self.folder + "/data", "-m", "immediate", "stop"])
        shutil.rmtree(self.folder, ignore_errors=True)


TRY = """create function attempt(e text, which bigint) returns text language plpgsql as $f$
declare r text;
begin
  execute format('select coalesce(to_jsonb(%s)::text, ''null'') from r where id = %s', e, which) into r;
  return r;
exception when others then return 'error ' || sqlstate || ' ' || sqlerrm;
end $f$;
"""


def theirs(server, records, expressions):
    columns = ", ".join(f"{k} {v}" for k, v in FIELDS.items())
    script = TRY + f"create table r (id bigserial, {columns});\n"
    for r in records:
        script += f"insert into r ({', '.join(FIELDS)}) values {as_sql(r)};\n"
    for _, e in expressions:
        tag = "$leat$"
        script += f"select replace(attempt({tag}{e}{tag}, id), E'\\n', ' ') from r order by id;\n"
    lines = server.sql("set client_min_messages = error;\n" + script).splitlines()
    assert len(lines) == len(records) * len(expressions), (len(lines), lines[-3:])
    return [lines[i * len(records):(i + 1) * len(records)] for i in range(len(expressions))]


def ours(path, e):
    p = subprocess.run([LEAT, "eval", "--json", "--", e, path], capture_output=True, text=True)
    lines = [json.loads(line, parse_float=str, parse_int=str) for line in p.stdout.splitlines()]
    return lines if len(lines) == ROWS else [{"load": lines[0]["error"] if lines else p.stderr}] * ROWS


def is_time(t):
    return isinstance(t, str) and len(t) > 18 and t[4:5] == "-" and t[10:11] == "T"


def equal(a, b):
    """a: ours, with numbers as texts of JSON; b: theirs."""
    if isinstance(b, bool) or b is None:
        return a is b
    if isinstance(b, (int, float)):
        try:
            x, y = float(a), float(b)
        except (TypeError, ValueError):
            return False
        return math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-10)
    if is_time(a) and is_time(b):
        return datetime.fromisoformat(pad(a)) == datetime.fromisoformat(pad(b))
    return a == b


def pad(t):
    """RFC 3339 with six digits, as fromisoformat wants them."""
    t = t.replace("Z", "+00:00")
    moment, zone = t[:-6], t[-6:]
    whole_, _, fraction = moment.partition(".")
    return f"{whole_}.{fraction:0<6}{zone}" if fraction else whole_ + zone


def differences(expressions, path, judged):
    wrong, compared, failed = [], 0, 0
    for (e, t), lines in zip(expressions, judged):
        for row, (mine, line) in enumerate(zip(ours(path, e), lines)):
            if line.startswith("error"):
                failed += 1
                undefined = line.startswith("error 42883")  # its typing of constants, as in round(10) % 2.5
                if "result" in mine and not undefined and not lazy(e):
                    wrong.append(f"{e}\n  row {row}: {mine['result']!r}, PostgreSQL has {line}")
            elif "result" not in mine:
                code = mine.get("error", {}).get("code")
                if code != "overflow" and not (code == "division_by_zero" and line == "null"):  # it stops at a constant null
                    wrong.append(f"{e}\n  row {row}: {mine}, PostgreSQL has {line} for {t}")
            elif not equal(mine["result"], json.loads(line)):
                wrong.append(f"{e}\n  row {row}: {mine['result']!r}, PostgreSQL has {line} for {t}")
            else:
                compared += 1
    return wrong, compared, failed


def lazy(e):
    """Where the order in which PostgreSQL looks at things is its own."""
    return any(word in e for word in (" and ", " or ", "case", "coalesce", " in (", "between"))


def main():
    if not BIN:
        print("1..1\nok 1 - PostgreSQL judges expressions # SKIP postgresql-15 is not installed")
        return
    print(f"# SEED={SEED}")
    records = [{k: cell(v) for k, v in FIELDS.items()} for _ in range(ROWS)]
    expressions = [rnd.choice([whole, exact, text, text, time, truth, inexact])(rnd.randint(1, 3)) for _ in range(COUNT)]
    path = os.path.join(os.environ["LEAT_TMP"], "records.ndjson")
    with open(path, "w") as f:
        f.write("\n".join(map(as_json, records)) + "\n")
    server = Server()
    try:
        judged = theirs(server, records, expressions)
    finally:
        server.stop()
    wrong, compared, failed = differences(expressions, path, judged)
    print(f"# {compared} results are the same, {failed} are errors in PostgreSQL, {len(wrong)} differ")
    for w in wrong[:10]:
        print("# " + w.replace("\n", "\n# "))
    print("1..2")
    print(("not ok" if wrong else "ok") + " 1 - PostgreSQL gives the same")
    print(("ok" if compared > COUNT * ROWS / 2 else "not ok") + " 2 - most expressions have a result")
    sys.exit(bool(wrong))


main()
