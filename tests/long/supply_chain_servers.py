#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shipped flows with real servers: the company's topics in Kafka, its alerts and the USAID deliveries in OpenSearch."""
import json, os, sqlite3, subprocess, sys, urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kafka_harness as harness
from kafka_harness import TMP, Run, Server, Topics, await_true, run_all

SOURCE = os.environ["LEAT_SOURCE"]
DATA = os.path.join(SOURCE, "..", "shared", "data", "usaid", "deliveries.tsv.gz")
TOPICS = ("InventoryUpdates", "OrderStatus", "SupplierDeliveries", "ProductionCapacity", "ShippingStatus")
N = 50000


class Place:
    def __init__(self):
        self.kafka, self.search = Server("kafka", PARTITIONS="4").start(), Server("opensearch").start()
        self.topics = Topics(self.kafka.env["KAFKA_PLAIN"])

    def ask(self, path, body=None, method=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.search.env["ES_URL"] + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def count(self, index):
        self.ask(f"/{index}/_refresh", {})
        return self.ask(f"/{index}/_count")["count"]

    def fresh(self):
        """Empty topics and no index, whatever ran before."""
        if self.topics.admin.list_topics(timeout=20).topics.keys() & set(TOPICS):
            for f in self.topics.admin.delete_topics(list(TOPICS)).values():
                f.result(30)
            await_true(lambda: not self.topics.admin.list_topics(timeout=20).topics.keys() & set(TOPICS), 30, "topics to be gone")
        for t in TOPICS:
            self.topics.make(t)
        try:
            self.ask("/alerts", method="DELETE")
        except OSError:
            pass

    def run(self, name, *more):
        out = os.path.join(TMP, name)
        return Run(os.path.join(SOURCE, "flows", "supply-chain.yaml"), f"{out}/state", "--quiet", "-p", f"out={out}/out", "-p",
                   f"brokers={self.kafka.env['KAFKA_PLAIN']}", "-p", f"search={self.search.env['ES_URL']}", "-p", f"count={N}",
                   *more), f"{out}/out"


def lines(out):
    """Records that have come out so far."""
    paths = [f"{out}/facts/{t}.ndjson" for t in TOPICS] + [f"{out}/rejected.ndjson"]
    return sum(open(p, "rb").read().count(b"\n") for p in paths if os.path.exists(p))


def score(out):
    p = subprocess.run([sys.executable, os.path.join(SOURCE, "flows", "score.py"), "--json", out], stdout=subprocess.PIPE, text=True)
    return p.returncode, json.loads(p.stdout)


def alerts(out):
    db = sqlite3.connect(f"{out}/alerts.db")
    return db.execute("SELECT count(*), count(DISTINCT event_id) FROM alerts").fetchone()


def the_company_by_real_servers(place):
    place.fresh()
    run, out = place.run("company")
    await_true(lambda: lines(out) >= N or run.p.poll() is not None, 180, f"{N} records to come out")
    run.stop()
    run.must_end(0, 60)
    status, s = score(out)
    assert status == 0 and s["records"] == N, s
    n, distinct = alerts(out)
    assert n == distinct > 100 and place.count("alerts") == n, (n, distinct, place.count("alerts"))


def killed_twice_it_loses_nothing(place):
    """What is written to a topic just before a crash may be written again; what is kept by a key is there once."""
    place.fresh()
    for part in (0.2, 0.6):
        run, out = place.run("killed")
        await_true(lambda: lines(out) >= part * N or run.p.poll() is not None, 180, f"{part:.0%} of the records")
        run.kill()
    run, out = place.run("killed")
    await_true(lambda: lines(out) >= N and score_of_all(out) or run.p.poll() is not None, 180, "the rest")
    run.stop()
    run.must_end(0, 60)
    _, s = score(out)
    print(f"# {s['twice']} records came again", flush=True)
    assert s["records"] == N and s["lost"] == 0 and s["balance"], s
    assert s["late_deliveries_found"] == s["late_deliveries"] and s["late_trucks_found"] == s["late_trucks"] and not s["invented"], s
    n, distinct = alerts(out)
    assert n == distinct and place.count("alerts") == n, (n, distinct, place.count("alerts"))


def score_of_all(out):
    """Nothing is missing any more (while it runs, the books may have no end yet)."""
    seen = set()
    for path in [f"{out}/facts/{t}.ndjson" for t in TOPICS]:
        seen.update(json.loads(line)["event_id"][4:] for line in open(path) if line.endswith("\n"))
    bad = {json.loads(json.loads(line)["raw"])["event_id"][4:] for line in open(f"{out}/rejected.ndjson") if line.endswith("\n")}
    return len(seen | bad) >= N


def deliveries_of_usaid_as_documents(place):
    if not os.path.exists(DATA):
        return "the data is not here"
    out = os.path.join(TMP, "usaid")
    Run(os.path.join(SOURCE, "flows", "usaid-deliveries.yaml"), f"{out}/state", "-p", f"data={DATA}", "-p", f"out={out}/out", "-p",
        f"search={place.search.env['ES_URL']}", "-p", f"mapping={SOURCE}/flows/usaid-deliveries.index.json").must_end(0, 180)
    assert not harness.dead_letters("usaid/state")
    assert place.count("usaid-deliveries") == 10324
    found = place.ask("/usaid-deliveries/_doc/1")["_source"]
    assert found["country"] == "Côte d'Ivoire" and found["weight_kg"] == 13 and "Date Not Captured" in found["notes"], found


def main():
    harness.with_client()
    place = Place()
    try:
        run_all(place, the_company_by_real_servers, killed_twice_it_loses_nothing, deliveries_of_usaid_as_documents)
    finally:
        place.search.stop()
        place.kafka.stop()


main()
