#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sink elasticsearch against a real OpenSearch: refusals per item, blocks, outages, kills; every id is accounted for."""
import glob, json, os, subprocess, sys, time, urllib.error, urllib.request

sys.path.insert(0, os.path.join(os.environ["LEAT_SOURCE"], "tests", "flow"))
from flowtest import Run, folder, main, wait_for, write

SERVERS = os.path.join(os.environ["LEAT_SOURCE"], "tests", "servers")
FLOW = """leat: 1
flow: search
settings:
  epoch: 100ms
processors:
  in:
    source: file
    with: {{ paths: {source}, until: end }}
  out:
    sink: elasticsearch
    from: in
    with:
      url: {url}
      index: {index}
{more}
"""


class Server:
    def __init__(self, name, settings=""):
        self.dir, self.env = folder(name), dict(os.environ, SETTINGS=settings)
        self.start()

    def start(self):
        out = subprocess.run(["bash", os.path.join(SERVERS, "opensearch", "start.sh"), self.dir], env=self.env, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert out.returncode == 0, out.stdout
        with open(os.path.join(self.dir, "env")) as f:
            self.url = dict(line.strip().split("=", 1) for line in f)["ES_URL"].strip("'\"")

    def pid(self):
        with open(os.path.join(self.dir, "pid")) as f:
            return int(f.read())

    def crash(self):
        pid = self.pid()
        os.kill(pid, 9)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the server to be gone")

    def stop(self):
        subprocess.run(["bash", os.path.join(SERVERS, "stop.sh"), self.dir], check=False, stdout=subprocess.DEVNULL)

    def ask(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method, headers={"Content-Type": "application/json"},
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=60) as r:
            return json.load(r)

    def refresh(self, index):
        self.ask("POST", f"/{index}/_refresh")

    def count(self, index):
        self.refresh(index)
        return self.ask("GET", f"/{index}/_count")["count"]

    def numbers(self, index):
        """The field n of every document, sorted."""
        self.refresh(index)
        page = self.ask("POST", f"/{index}/_search?scroll=1m", {"size": 10000, "_source": ["n"]})
        found = []
        while page["hits"]["hits"]:
            found += [h["_source"]["n"] for h in page["hits"]["hits"]]
            page = self.ask("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
        return sorted(found)


servers = {}


def server(name="plain", settings="http.max_content_length: 1mb"):
    if name not in servers:
        servers[name] = Server("server-" + name, settings)
    return servers[name]


class Flow:
    def __init__(self, name, s, records, index, more=""):
        self.dir = folder(name)
        source = os.path.join(self.dir, "in.ndjson")
        with open(source, "w") as f:
            for r in records:
                f.write(json.dumps(r) + "\n")
        self.state = os.path.join(self.dir, "state")
        self.flow = write(os.path.join(self.dir, "flow.yaml"), FLOW.format(source=source, url=s.url, index=index, more=more))

    def run(self):
        return Run(self.flow, self.state)

    def dead_letters(self):
        found = []
        for path in glob.glob(self.state + "/**/*dead*", recursive=True):
            if os.path.isfile(path):
                with open(path) as f:
                    found += [json.loads(line) for line in f]
        return found


def documents(n):
    return ({"n": i, "shop": f"shop-{i % 7}", "qty": i % 100} for i in range(n))


def every_record_is_there_once():
    s = server()
    Flow("once", s, documents(20000), '"once"').run().must_end(0)
    assert s.numbers("once") == list(range(20000))


def items_without_room_are_sent_again_alone():
    s = server("small", "thread_pool.write.queue_size: 1\nthread_pool.write.size: 1")
    f = Flow("small", s, documents(40000), '"small-{n % 3}"', "      in_flight: 16\n      batch: { records: 200 }")
    run = f.run()
    run.must_end(0, 120)
    stats = s.ask("GET", "/_nodes/stats/thread_pool")
    refused = sum(node["thread_pool"]["write"]["rejected"] for node in stats["nodes"].values())
    assert s.numbers("small-*") == list(range(40000))
    assert not f.dead_letters()
    assert refused > 0, "the server had room for all: this tested nothing"
    assert len(run.lines) < 60, run.log()
    s.stop()


def what_the_mapping_refuses_is_a_dead_letter_with_its_reason():
    s = server()
    s.ask("PUT", "/typed", {"mappings": {"properties": {"qty": {"type": "integer"}}}})
    records = [{"n": i, "qty": "many" if i % 100 == 7 else i} for i in range(3000)]
    f = Flow("mapping", s, records, '"typed"')
    f.run().must_end(0)
    assert s.numbers("typed") == [i for i in range(3000) if i % 100 != 7]
    dead = f.dead_letters()
    assert len(dead) == 30, dead[:2]
    assert all("failed to parse field [qty] of type [integer]" in d["reason"] and d["code"] == "mapping" for d in dead), dead[0]
    assert all(d["processor"] == "out" for d in dead)


def a_read_only_index_is_waited_for():
    s = server()
    s.ask("PUT", "/locked", {"settings": {"index.blocks.write": True}})
    run = Flow("locked", s, documents(500), '"locked"').run()
    run.wait_log("the index is read-only: index .locked. blocked by: .FORBIDDEN/8/index write")
    time.sleep(1)
    assert run.p.poll() is None and s.count("locked") == 0
    s.ask("PUT", "/locked/_settings", {"index.blocks.write": None})
    run.must_end(0)
    assert s.numbers("locked") == list(range(500))


def too_large_requests_are_split_and_one_record_is_too_large():
    s = server()
    records = [{"n": i, "text": "x" * (1500000 if i == 77 else 8000)} for i in range(1500)]
    f = Flow("large", s, records, '"large"', "      batch: { records: 1000, bytes: 64MiB }")
    f.run().must_end(0)
    missing = set(range(1500)) - set(s.numbers("large"))
    assert missing == {77}, missing
    assert [d["code"] for d in f.dead_letters()] == ["too_large"]


def an_index_template_is_made_and_kept():
    s = server()
    path = write(os.path.join(folder("template"), "stock.json"),
                 json.dumps({"index_patterns": ["stock-*"], "template": {"mappings": {"properties": {"shop": {"type": "keyword"}}}}}))
    more = f"      template: {path}"
    Flow("template", s, documents(100), '"stock-a"', more).run().must_end(0)
    assert s.ask("GET", "/stock-a/_mapping")["stock-a"]["mappings"]["properties"]["shop"] == {"type": "keyword"}
    changed = write(path, json.dumps({"index_patterns": ["stock-*"], "priority": 7}))
    Flow("template2", s, documents(100), '"stock-b"', f"      template: {changed}").run().must_end(0)
    made = s.ask("GET", "/_index_template/stock")["index_templates"][0]["index_template"]
    assert made.get("priority") != 7, "one that was there already was overwritten"


def operations_and_versions_do_what_they_say():
    s = server()
    older = [{"id": str(i % 50), "v": i, "n": i} for i in range(500)]
    newest_first = older[::-1]
    Flow("versions", s, newest_first, '"versions"', '      id: "{id}"\n      version: v').run().must_end(0)
    assert s.numbers("versions") == list(range(450, 500))
    Flow("create", s, older, '"created"', '      id: "{id}"\n      op: create').run().must_end(0)
    assert s.count("created") == 50
    ops = [{"id": str(i), "n": i, "op": "delete" if i % 2 else "index"} for i in range(50)]
    f = Flow("ops", s, ops, '"created"', '      id: "{id}"\n      op: "{op}"')
    f.run().must_end(0)
    assert s.numbers("created") == list(range(0, 50, 2))
    assert not f.dead_letters()


def an_outage_loses_and_doubles_nothing():
    s = server()
    f = Flow("outage", s, documents(150000), '"outage"', "      batch: { records: 1000 }")
    run = f.run()
    wait_for(lambda: exists(s, "outage") and s.count("outage") > 5000, "the first documents")
    s.crash()
    run.wait_log("no answer from http://127.0.0.1")
    assert run.p.poll() is None
    s.start()
    run.must_end(0, 120)
    assert s.numbers("outage") == list(range(150000))
    assert not f.dead_letters()


def exists(s, index):
    try:
        return s.ask("GET", f"/{index}/_count") is not None
    except urllib.error.HTTPError:
        return False


def kill_9_and_repetition_converge():
    s = server()
    n = 120000
    f = Flow("kill", s, documents(n), '"killed"', "      batch: { records: 1000 }")
    seen = 0
    for _ in range(4):
        run = f.run()
        wait_for(lambda: run.p.poll() is not None or (exists(s, "killed") and s.count("killed") > seen + 5000), "progress")
        run.kill()
        seen = s.count("killed")
    f.run().must_end(0, 120)
    assert s.numbers("killed") == list(range(n))
    ids = s.ask("POST", "/killed/_search?size=0", {"aggs": {"n": {"cardinality": {"field": "n", "precision_threshold": 40000}}}})
    assert ids["hits"]["total"]["value"] >= 10000


def nobody_there_waits_and_goes_on():
    s = server()
    url = s.url
    s.crash()
    run = Flow("late", s, documents(100), '"late"').run()
    run.wait_log("no answer from " + url)
    s.start()
    assert s.url == url
    run.must_end(0)
    assert s.numbers("late") == list(range(100))


try:
    main(every_record_is_there_once, items_without_room_are_sent_again_alone, what_the_mapping_refuses_is_a_dead_letter_with_its_reason,
         a_read_only_index_is_waited_for, too_large_requests_are_split_and_one_record_is_too_large, an_index_template_is_made_and_kept,
         operations_and_versions_do_what_they_say, an_outage_loses_and_doubles_nothing, kill_9_and_repetition_converge,
         nobody_there_waits_and_goes_on)
finally:
    for each in servers.values():
        each.stop()
