#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""flows/supply-chain.yaml as a newcomer runs it, scored against the books of its simulator; and the scorer itself."""
import json, os, shutil, sqlite3, subprocess, sys

from flowtest import Run, folder, main, wait_for, write

SOURCE = os.environ["LEAT_SOURCE"]
FLOW = os.path.join(SOURCE, "flows", "supply-chain.yaml")


def run(name, *more):
    out = folder(name)
    return Run(FLOW, f"{out}/state", "-p", f"out={out}/out", *more), f"{out}/out"


def score(out):
    p = subprocess.run([sys.executable, os.path.join(SOURCE, "flows", "score.py"), "--json", out], capture_output=True, text=True)
    assert p.stdout, p.stderr
    return p.returncode, json.loads(p.stdout)


def it_finds_the_truth_and_ends_when_the_company_closes():
    r, out = run("whole", "-p", "count=80000")
    r.must_end(0, 120)
    status, s = score(out)
    assert status == 0, s
    assert s["records"] == 80000 and s["lost"] == 0 and s["twice"] == 0 and s["balance"] and s["complete"], s
    assert s["stock_outs"] > 10 and s["stock_outs_flagged"] >= 0.9 * s["stock_outs"], s
    assert s["late_deliveries_found"] == s["late_deliveries"] > 0 and s["late_trucks_found"] == s["late_trucks"] > 20, s
    assert s["defects_found"] == s["defects"] > 40 and s["good_rejected"] == 0 and s["invented"] == 0, s


def for_a_while_means_that_nothing_is_left_in_the_broker():
    r, out = run("while", "--for", "3s", "-p", "rate=5000000/s")
    r.must_end(0, 120)
    status, s = score(out)
    assert s["records"] > 1000 and s["lost"] == 0 and s["twice"] == 0 and s["complete"], s


def has_alerts(out):
    try:
        db = sqlite3.connect(f"file:{out}/alerts.db?mode=ro", uri=True)
        return db.execute("SELECT count(*) FROM alerts").fetchone()[0]
    except sqlite3.OperationalError: # the table comes with the first alert
        return 0


def stopped_and_started_again_it_goes_on():
    r, out = run("again", "-p", "count=60000", "-p", "rate=20000/s")
    wait_for(lambda: os.path.exists(f"{out}/facts/OrderStatus.ndjson"), "the first facts")
    wait_for(lambda: has_alerts(out), "the first alert")
    r.stop()
    r.must_end(0, 60)
    _, first = score(out)
    assert first["lost"] == 0 and first["twice"] == 0, first
    assert first["records"] < 60000, "too quick for this test"
    r, out = run("again", "-p", "count=60000")
    r.must_end(0, 120)
    status, s = score(out)
    assert status == 0 and s["records"] == 60000, s


def the_stock_in_the_table_is_what_the_last_records_said():
    r, out = run("stock", "-p", "count=30000")
    r.must_end(0, 120)
    last = {}
    for line in open(f"{out}/facts/InventoryUpdates.ndjson"):
        fact = json.loads(line)
        key = fact["warehouse"], fact["sku"]
        if key not in last or last[key][0] < fact["event_id"]:
            last[key] = fact["event_id"], fact["on_hand"]
    db = sqlite3.connect(f"{out}/stock.db")
    stock = {(w, s): n for w, s, n in db.execute("SELECT warehouse, sku, on_hand FROM stock")}
    assert stock == {k: v[1] for k, v in last.items()}


def what_was_rejected_says_why():
    r, out = run("why", "-p", "count=30000")
    r.must_end(0, 120)
    reasons = {}
    for line in open(f"{out}/rejected.ndjson"):
        letter = json.loads(line)
        json.loads(letter["raw"])
        reasons.setdefault(letter["code"], []).append(letter["reason"])
    assert set(reasons) == {"type", "missing"}, reasons
    assert any("see delivery note" in x for x in reasons["type"]) and any("31.02.2026" in x for x in reasons["type"]), reasons
    assert all("is missing" in x for x in reasons["missing"]), reasons


def the_rule_to_play_with_stands_where_the_demo_says():
    lines = open(FLOW).read().split("\n")
    assert lines[30].strip().startswith("where: on_hand"), lines[30]


def the_scorer_sees_what_is_wrong():
    r, out = run("wrong", "-p", "count=20000")
    r.must_end(0, 120)
    assert score(out)[0] == 0

    def spoilt(name, spoil, key):
        copy = folder(f"wrong-{name}") + "/out"
        shutil.copytree(out, copy)
        spoil(copy)
        status, s = score(copy)
        assert status == 1 and s[key], (name, s)

    def lose(copy):
        path = f"{copy}/facts/OrderStatus.ndjson"
        lines = open(path).readlines()
        write(path, "".join(lines[1:]))

    def repeat(copy):
        path = f"{copy}/facts/OrderStatus.ndjson"
        lines = open(path).readlines()
        write(path, "".join(lines + lines[:1]))

    def invent(copy):
        db = sqlite3.connect(f"{copy}/alerts.db")
        db.execute("INSERT INTO alerts(event_id, alert, place) VALUES('del-000000000001', 'late delivery', 'PLANT-1')")
        db.commit()
        db.close()

    def overlook(copy):
        db = sqlite3.connect(f"{copy}/alerts.db")
        db.execute("DELETE FROM alerts WHERE alert = 'late truck'")
        db.commit()
        db.close()

    spoilt("lost", lose, "lost")
    spoilt("twice", repeat, "twice")
    spoilt("invented", invent, "invented")
    spoilt("overlooked", overlook, "late_trucks")


def every_shipped_flow_is_right():
    for name, more in (("supply-chain", ()), ("ingest", ("-p", "brokers=localhost:9092")), ("usaid-deliveries", ())):
        p = subprocess.run([os.environ["LEAT"], "validate", os.path.join(SOURCE, "flows", name + ".yaml"), *more],
                           capture_output=True, text=True, cwd=SOURCE)
        assert p.returncode == 0 and "0 errors" in p.stdout + p.stderr or "right" in p.stdout, (name, p.stdout, p.stderr)


main(it_finds_the_truth_and_ends_when_the_company_closes, for_a_while_means_that_nothing_is_left_in_the_broker,
     stopped_and_started_again_it_goes_on, the_stock_in_the_table_is_what_the_last_records_said, what_was_rejected_says_why,
     the_rule_to_play_with_stands_where_the_demo_says, the_scorer_sees_what_is_wrong, every_shipped_flow_is_right)
