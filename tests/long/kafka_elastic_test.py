#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kafka to Leat to Elasticsearch (OpenSearch): every record is there once, by `$id`, whatever is killed or refuses."""
import json
import os
import sys
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kafka_harness as harness
from kafka_harness import Leat, Server, Topics, await_true, dead_letters, run_all

FLOW = """
leat: 1
flow: {name}
processors:
  orders:
    source: kafka
    with:
      brokers: "{brokers}"
      topics: [{name}]
{more}
  some:
    transform: filter
    from: orders
    with:
      where: qty >= 5
  search:
    sink: elasticsearch
    from: some
    with:
      url: {url}
      index: {name}
{sink_more}
"""
N = 30000


class Place:
    def __init__(self):
        self.kafka = Server("kafka", PARTITIONS="4").start()
        self.search = Server("opensearch", SETTINGS="thread_pool.write.queue_size: 4").start()
        self.topics = Topics(self.kafka.env["KAFKA_PLAIN"])

    def flow(self, name, more="", sink_more=""):
        return FLOW.format(name=name, brokers=self.kafka.env["KAFKA_PLAIN"], url=self.search.env["ES_URL"],
                           more="\n".join("      " + l for l in more.splitlines()),
                           sink_more="\n".join("      " + l for l in sink_more.splitlines()))

    def ask(self, path, body=None, method=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.search.env["ES_URL"] + path, data, {"Content-Type": "application/json"},
                                         method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def count(self, index):
        try:
            self.ask(f"/{index}/_refresh", {})
            return self.ask(f"/{index}/_count")["count"]
        except OSError:
            return 0

    def check(self, index, expected):
        """Every id once: with `$id` as the document's id a repetition changes nothing."""
        self.ask(f"/{index}/_refresh", {})
        found, after = {}, None
        while True:
            query = {"size": 10000, "sort": [{"id": "asc"}], "_source": ["id"]}
            if after is not None:
                query["search_after"] = after
            hits = self.ask(f"/{index}/_search", query)["hits"]["hits"]
            for h in hits:
                found.setdefault(h["_source"]["id"], []).append(h["_id"])
            if not hits:
                break
            after = [h["sort"] for h in hits][-1]
        expected = set(expected)
        missing, strange = expected - set(found), set(found) - expected
        twice = [i for i, ids in found.items() if len(ids) > 1]
        assert not missing, f"{len(missing)} lost, such as {sorted(missing)[:5]}"
        assert not strange, f"{len(strange)} that must not be there, such as {sorted(strange)[:5]}"
        assert not twice, f"{len(twice)} there twice, such as {twice[:3]}"


def selected(ids):
    return [i for i in ids if i % 10 >= 5]


def everything_arrives_once(place):
    place.topics.make("plain")
    place.topics.fill("plain", range(N))
    leat = Leat(place.flow("plain", "until: end"), "plain")
    leat.must_end(0, 120)
    place.check("plain", selected(range(N)))


def mixed_answers_in_one_bulk(place):
    """A mapping conflict, in the midst of good ones, is a dead letter with its reason; the others arrive."""
    place.topics.make("mixed")
    place.ask("/mixed", {"mappings": {"properties": {"id": {"type": "long"}, "due": {"type": "date"}}}}, "PUT")
    due = lambda i: "not a date" if i % 20 == 7 else "2024-01-01"
    place.topics.fill("mixed", range(2000), lambda i: {"id": i, "qty": 9, "due": due(i)})
    leat = Leat(place.flow("mixed", "until: end"), "mixed")
    leat.must_end(0, 120)
    place.check("mixed", [i for i in range(2000) if i % 20 != 7])
    bad = dead_letters("mixed")
    assert len(bad) == 100, f"{len(bad)} dead letters"
    assert all("mapper_parsing" in b["reason"] or "date" in b["reason"] for b in bad), bad[0]
    assert {b["record"]["id"] for b in bad} == {i for i in range(2000) if i % 20 == 7}


def search_killed_midway(place):
    place.topics.make("outage")
    place.topics.fill("outage", range(N))
    leat = Leat(place.flow("outage"), "outage")
    await_true(lambda: place.count("outage") > N / 20, 60, "some of it")
    place.search.kill()
    leat.wait_log(r"search", 60)
    place.search.start()
    await_true(lambda: place.count("outage") >= N / 2, 180, "the rest")
    leat.end()
    place.check("outage", selected(range(N)))
    assert not dead_letters("outage"), dead_letters("outage")[:2]


def leat_killed_midway(place):
    place.topics.make("crash")
    place.topics.fill("crash", range(N))
    for part in (0.2, 0.6):
        leat = Leat(place.flow("crash"), "crash")
        await_true(lambda: place.count("crash") >= part * N / 2, 90, "some of it")
        leat.kill()
    leat = Leat(place.flow("crash"), "crash")
    await_true(lambda: place.count("crash") >= N / 2, 120, "the rest")
    leat.end()
    place.check("crash", selected(range(N)))


def read_only_index_is_waited_for(place):
    place.topics.make("blocked")
    place.ask("/blocked", {}, "PUT")
    place.ask("/blocked/_settings", {"index.blocks.write": True}, "PUT")
    place.topics.fill("blocked", range(1000))
    leat = Leat(place.flow("blocked"), "blocked")
    leat.wait_log(r"(?i)block|read.only", 60)
    place.ask("/blocked/_settings", {"index.blocks.write": False}, "PUT")
    await_true(lambda: place.count("blocked") >= 500, 120, "all of it, once it may be written")
    leat.end()
    place.check("blocked", selected(range(1000)))


def main():
    harness.with_client()
    place = Place()
    try:
        run_all(place, everything_arrives_once, mixed_answers_in_one_bulk, search_killed_midway, leat_killed_midway,
                     read_only_index_is_waited_for)
    finally:
        place.search.stop()
        place.kafka.stop()


main()
