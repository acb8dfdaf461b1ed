#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kafka to Leat to Kafka against a real broker: nothing lost, whatever is killed; what can repeat is known by `$id`."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kafka_harness as harness
from kafka_harness import Leat, Oracle, Server, Topics, await_true, dead_letters, run_all

FLOW = """
leat: 1
flow: {name}
processors:
  orders:
    source: kafka
    with:
      brokers: {brokers}
      topics: [{source}]
{more}
  some:
    transform: filter
    from: orders
    with:
      where: qty >= 5
  out:
    sink: kafka
    from: some
    with:
      brokers: {brokers}
      topic: {sink}
      headers: {{id: $id}}
{sink_more}
"""
AUTH = """tls:
  ca: {KAFKA_CA}
auth:
  mechanism: SCRAM-SHA-256
  user: {KAFKA_USER}
  password: {password}"""
N = 100000


def selected(ids):
    return [i for i in ids if i % 10 >= 5]


class Place:
    """The broker, its topics, and names that no other test has."""

    def __init__(self):
        self.server = Server("kafka", PARTITIONS="4").start()
        self.brokers = self.server.env["KAFKA_PLAIN"]
        self.topics = Topics(self.brokers)

    def flow(self, name, more="", sink_more="", **other):
        values = dict(name=name, brokers=f'"{self.brokers}"', source=name + "-in", sink=name + "-out",
                      more="\n".join("      " + l for l in more.splitlines()),
                      sink_more="\n".join("      " + l for l in sink_more.splitlines()))
        values.update(other)
        return FLOW.format(**values)

    def make(self, name):
        self.topics.make(name + "-in")
        self.topics.make(name + "-out")


def until_end_everything_once_with_keys_and_times(place):
    place.make("once")
    place.topics.fill("once-in", range(N), headers=[("plant", b"north")])
    flow = place.flow("once", "until: end", "timestamp: $time")
    leat = Leat(flow.replace("{id: $id}", '{id: $id, plant: "$headers[\'plant\']"}'), "once")
    leat.must_end(0, 120)
    found = place.topics.read("once-out")
    Oracle(found, selected(range(N))).check(repetitions=False)
    for key, value, headers, ms, *_ in found:
        i = json.loads(value)["id"]
        assert key == f"sku-{i % 97}".encode() and headers["plant"] == b"north", (key, headers)
        assert ms == 1700000000000 + i, ms
        assert not value.endswith(b"\n")
    order = {}
    for key, value, _, _, partition, offset in sorted(found, key=lambda m: (m[4], m[5])):
        i = json.loads(value)["id"]
        assert order.get(key, -1) < i, f"records of {key} changed their order"
        order[key] = i


def group_offsets_show_how_far_it_is(place):
    place.make("lag")
    place.topics.fill("lag-in", range(2000))
    leat = Leat(place.flow("lag"), "lag")
    ends = place.topics.ends("lag-in")
    await_true(lambda: {p: o for p, (o, _) in place.topics.group_offsets("lag", "lag-in").items()} == ends, 60,
               "the group's offsets to reach the ends")
    assert all(m.startswith("leat ") for _, m in place.topics.group_offsets("lag", "lag-in").values())
    leat.end()
    Oracle(place.topics.read("lag-out"), selected(range(2000))).check(repetitions=False)
    again = Leat(place.flow("lag"), "lag")
    place.topics.fill("lag-in", range(2000, 3000))
    await_true(lambda: place.topics.count("lag-out") >= 1500, 60, "what came later")
    again.end()
    Oracle(place.topics.read("lag-out"), selected(range(3000))).check(repetitions=False)


def leat_killed_midway(place):
    place.make("killed")
    place.topics.fill("killed-in", range(N))
    for part in (0.1, 0.4, 0.7):
        leat = Leat(place.flow("killed"), "killed")
        await_true(lambda: place.topics.count("killed-out") >= part * N / 2 or leat.p.poll() is not None, 90, "some")
        assert leat.p.poll() is None, leat.log()
        leat.kill()
    leat = Leat(place.flow("killed"), "killed")
    await_true(lambda: len({v for _, v, *_ in place.topics.read("killed-out")}) >= N / 2, 90, "the rest")
    leat.end()
    oracle = Oracle(place.topics.read("killed-out"), selected(range(N)))
    oracle.check()


def broker_killed_midway(place):
    place.make("broker")
    place.topics.fill("broker-in", range(N))
    leat = Leat(place.flow("broker"), "broker")
    await_true(lambda: place.topics.count("broker-out") >= N / 20, 60, "some of it")
    place.server.kill()
    leat.wait_log(r"no broker of \S+ answers", 60)
    place.server.start()
    leat.wait_log(r"answers again", 60)
    place.topics.fill("broker-in", range(N, N + 1000))
    await_true(lambda: place.topics.count("broker-out") >= (N + 1000) / 2, 120, "the rest")
    leat.end()
    oracle = Oracle(place.topics.read("broker-out"), selected(range(N + 1000)))
    oracle.check()
    said = leat.log().count("no broker of")
    assert said <= 6, f"it said {said} times that no broker answers"


def down_at_the_start(place):
    place.make("late")
    place.topics.fill("late-in", range(1000))
    place.server.kill()
    leat = Leat(place.flow("late"), "late")
    leat.wait_log(r"no broker of \S+ answers \(.*\); waiting", 60)
    place.server.start()
    await_true(lambda: place.topics.count("late-out") >= 500, 90, "all of it")
    leat.end()
    Oracle(place.topics.read("late-out"), selected(range(1000))).check(repetitions=False)


def unknown_topic_is_named_and_waited_for(place):
    for more, name in (("", "unknown"), ("until: end", "unknown-end")):
        place.topics.make(name + "-out")
        leat = Leat(place.flow(name, more), name)
        leat.wait_log(rf"topic {name}-in .*waiting for it", 60)
        place.topics.make(name + "-in")
        place.topics.fill(name + "-in", range(100))
        await_true(lambda: place.topics.count(name + "-out") >= 50, 60, "what was written to it later")
        if more:
            leat.must_end(0, 60)
        else:
            leat.end()
        Oracle(place.topics.read(name + "-out"), selected(range(100))).check(repetitions=False)


def two_nodes_share_the_work(place):
    place.make("shared")
    place.topics.fill("shared-in", range(N // 2))
    first = Leat(place.flow("shared", "nodes: many"), "shared-1")
    await_true(lambda: place.topics.count("shared-out") >= N / 20, 60, "some of it")
    second = Leat(place.flow("shared", "nodes: many"), "shared-2")
    place.topics.fill("shared-in", range(N // 2, N))
    await_true(lambda: place.topics.count("shared-out") >= N / 2, 120, "all of it")
    first.end()
    place.topics.fill("shared-in", range(N, N + 1000)) # the second takes all partitions
    await_true(lambda: len({v for _, v, *_ in place.topics.read("shared-out")}) >= (N + 1000) / 2, 120, "the rest")
    second.end()
    oracle = Oracle(place.topics.read("shared-out"), selected(range(N + 1000)))
    oracle.check()


def another_node_is_refused(place):
    place.make("alone")
    place.topics.fill("alone-in", range(1000))
    first = Leat(place.flow("alone"), "alone-1")
    offsets = lambda: [offset for offset, _ in place.topics.group_offsets("alone", "alone-in").values()]
    await_true(lambda: sum(offsets()) == 1000, 60, "the group's offsets")
    first.end()
    second = Leat(place.flow("alone"), "alone-2")
    second.wait_log(r"nodes: many", 120)
    second.must_end(1, 60)
    Oracle(place.topics.read("alone-out"), selected(range(1000))).check(repetitions=False)


def lanes_rebalance_within_a_node(place):
    place.make("lanes")
    place.topics.fill("lanes-in", range(N))
    leat = Leat(place.flow("lanes") + "settings:\n  lanes: 2\n", "lanes")
    await_true(lambda: place.topics.count("lanes-out") >= N / 2, 120, "all of it")
    leat.end()
    Oracle(place.topics.read("lanes-out"), selected(range(N))).check(repetitions=False)


def tls_with_a_client_certificate(place):
    env = place.server.env
    tls = "tls:\n  ca: {KAFKA_CA}\n  cert: {KAFKA_CLIENT_CERT}\n  key: {KAFKA_CLIENT_KEY}".format(**env)
    place.make("tls")
    place.topics.fill("tls-in", range(1000))
    leat = Leat(place.flow("tls", tls + "\nuntil: end", tls, brokers=f'"{env["KAFKA_TLS"]}"'), "tls")
    leat.must_end(0, 60)
    Oracle(place.topics.read("tls-out"), selected(range(1000))).check(repetitions=False)
    wrong = Leat(place.flow("tls-wrong", "tls: true", "tls: true", brokers=f'"{env["KAFKA_TLS"]}"'), "tls-wrong")
    wrong.wait_log(r"check `tls`", 60)
    wrong.end()


def password_over_tls(place):
    env = place.server.env
    auth = AUTH.format(password=env["KAFKA_PASSWORD"], **env)
    place.make("scram")
    place.topics.fill("scram-in", range(1000))
    leat = Leat(place.flow("scram", auth + "\nuntil: end", auth, brokers=f'"{env["KAFKA_SCRAM"]}"'), "scram")
    leat.must_end(0, 60)
    Oracle(place.topics.read("scram-out"), selected(range(1000))).check(repetitions=False)


def refused_password_is_said_not_shown(place):
    env = place.server.env
    auth = AUTH.format(password="not-the-right-one", **env)
    leat = Leat(place.flow("refused", auth, auth, brokers=f'"{env["KAFKA_SCRAM"]}"'), "refused")
    leat.wait_log(r"refuses us: .*check `auth`", 60)
    assert "not-the-right-one" not in leat.log()
    assert leat.log().count("refuses us") <= 6
    leat.stop()


def what_the_broker_refuses_becomes_a_dead_letter(place):
    place.make("large")
    place.topics.fill("large-in", range(100), lambda i: {"id": i, "qty": 9, "sku": "x" * (900000 if i == 50 else 5)})
    flow = place.flow("large", "until: end", "properties: {message.max.bytes: 500000}")
    leat = Leat(flow, "large")
    leat.must_end(0, 60)
    Oracle(place.topics.read("large-out"), [i for i in range(100) if i != 50]).check(repetitions=False)
    assert [(d["record"]["id"], d["code"]) for d in dead_letters("large")] == [(50, "too_large")], dead_letters("large")


def removed_before_it_was_read_is_said(place):
    from confluent_kafka import TopicPartition
    place.make("removed")
    place.topics.fill("removed-in", range(1000))
    leat = Leat(place.flow("removed"), "removed")
    await_true(lambda: place.topics.count("removed-out") >= 500, 60, "all of it")
    leat.end()
    place.topics.fill("removed-in", range(1000, 2000))
    ends = place.topics.ends("removed-in")
    for f in place.topics.admin.delete_records([TopicPartition("removed-in", p, e) for p, e in ends.items()]).values():
        f.result(30)
    place.topics.fill("removed-in", range(2000, 3000))
    leat = Leat(place.flow("removed"), "removed")
    leat.wait_log(r"removed-in/\d: offset \d+ was removed by the broker before it was read", 60)
    await_true(lambda: place.topics.count("removed-out") >= 1000, 60, "what is left")
    leat.end()
    Oracle(place.topics.read("removed-out"), selected([*range(1000), *range(2000, 3000)])).check(repetitions=False)


def a_topic_made_anew_is_refused(place):
    place.make("anew")
    place.topics.fill("anew-in", range(1000))
    leat = Leat(place.flow("anew"), "anew")
    await_true(lambda: place.topics.count("anew-out") >= 500, 60, "all of it")
    leat.end()
    place.topics.admin.delete_topics(["anew-in"])["anew-in"].result(30)
    await_true(lambda: "anew-in" not in place.topics.admin.list_topics(timeout=20).topics, 60, "the topic to be gone")
    place.topics.make("anew-in")
    place.topics.fill("anew-in", range(5000, 5010))
    leat = Leat(place.flow("anew"), "anew")
    leat.wait_log(r"the topic was made anew", 60)
    leat.must_end(1, 60)


def main():
    harness.with_client()
    place = Place()
    try:
        run_all(place, until_end_everything_once_with_keys_and_times, group_offsets_show_how_far_it_is,
                leat_killed_midway, broker_killed_midway, down_at_the_start, unknown_topic_is_named_and_waited_for,
                two_nodes_share_the_work, another_node_is_refused, lanes_rebalance_within_a_node,
                tls_with_a_client_certificate, password_over_tls, refused_password_is_said_not_shown,
                what_the_broker_refuses_becomes_a_dead_letter, removed_before_it_was_read_is_said,
                a_topic_made_anew_is_refused)
    finally:
        place.server.stop()


main()
