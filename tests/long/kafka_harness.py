# SPDX-License-Identifier: Apache-2.0
"""Real servers, the leat binary, and an oracle that knows every id, for the long tests with Kafka. Not a test."""
import json, os, signal, subprocess, sys, time

TMP = os.environ["LEAT_TMP"]
SERVERS = os.path.join(os.environ["LEAT_SOURCE"], "tests", "servers")
sys.path.insert(0, os.path.join(os.environ["LEAT_SOURCE"], "tests", "flow"))
import flowtest
from flowtest import Run, wait_for, write


def with_client():
    """Goes on under a Python that has a newer Kafka client than the one under test; installs it the first time."""
    try:
        import confluent_kafka  # noqa: F401
    except ImportError:
        found = subprocess.run([os.path.join(SERVERS, "python.sh")], stdout=subprocess.PIPE, check=True, text=True)
        python = found.stdout.strip()
        os.execv(python, [python] + sys.argv)


class Server:
    """A server under tests/servers in a folder of its own; `env` holds what its start script printed."""

    def __init__(self, name, **environment):
        self.name, self.folder, self.environment = name, os.path.join(TMP, name), environment
        self.env = {}

    def start(self):
        out = subprocess.run([os.path.join(SERVERS, self.name, "start.sh"), self.folder], stdout=subprocess.PIPE,
                             text=True, check=True, env=dict(os.environ, **self.environment))
        self.env = dict(l.split("=", 1) for l in out.stdout.splitlines() if "=" in l)
        return self

    def pids(self):
        with open(os.path.join(self.folder, "pid")) as f:
            return [int(l) for l in f.read().split()]

    def kill(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
            await_true(lambda: state_of(pid) == "Z", 20, f"{self.name} to be gone")

    def stop(self):
        subprocess.run([os.path.join(SERVERS, "stop.sh"), self.folder], check=False)


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def await_true(condition, seconds, what):
    return wait_for(condition, what, seconds)


class Leat(Run):
    """One `leat run` of a flow given as text."""

    def __init__(self, flow, state, *more):
        path = write(os.path.join(TMP, f"flow-{len(Run.all)}-{state}.yaml"), flow)
        super().__init__(path, os.path.join(TMP, state), "--quiet", *more)

    def end(self, seconds=60):
        """Tells it to finish what was read, and to end."""
        self.stop()
        self.must_end(0, seconds)


def dead_letters(state):
    """What the run with that state folder could not deliver."""
    try:
        with open(os.path.join(TMP, state, "dead-letters.ndjson")) as f:
            return [json.loads(line) for line in f]
    except FileNotFoundError:
        return []


class Topics:
    """Topics of one cluster: makes them, fills them with known ids, reads them to their end."""

    def __init__(self, brokers, **properties):
        from confluent_kafka.admin import AdminClient
        self.conf = dict({"bootstrap.servers": brokers, "log_level": 0}, **properties)
        self.admin = AdminClient(self.conf)

    def make(self, name, partitions=4):
        from confluent_kafka.admin import NewTopic
        for future in self.admin.create_topics([NewTopic(name, partitions, 1)]).values():
            future.result(30)
        return name

    def fill(self, topic, ids, record=None, **more):
        """One JSON record an id, keyed by its sku. `record` may give other fields."""
        from confluent_kafka import Producer
        failed = []
        producer = Producer(dict(self.conf, **{"linger.ms": 5, "enable.idempotence": True}))
        for i in ids:
            body = json.dumps(record(i) if record else {"id": i, "sku": f"sku-{i % 97}", "qty": i % 10}).encode()
            while True:
                try:
                    producer.produce(topic, body, key=f"sku-{i % 97}", timestamp=1700000000000 + i, **more,
                                     on_delivery=lambda e, m: failed.append(e) if e else None)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        assert producer.flush(60) == 0 and not failed, failed[:1]

    def ends(self, topic):
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer(dict(self.conf, **{"group.id": "oracle-ends"}))
        try:
            partitions = consumer.list_topics(topic, 20).topics[topic].partitions
            return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), 20)[1] for p in partitions}
        finally:
            consumer.close()

    def read(self, topic):
        """All messages that are there now: (key, value, headers, timestamp, partition, offset)."""
        from confluent_kafka import Consumer, TopicPartition
        ends = {p: e for p, e in self.ends(topic).items() if e}
        consumer = Consumer(dict(self.conf, **{"group.id": "oracle", "enable.auto.commit": False,
                                               "isolation.level": "read_committed"}))
        consumer.assign([TopicPartition(topic, p, 0) for p in ends])
        found, until = [], time.monotonic() + 60
        try:
            while ends:
                assert time.monotonic() < until, f"{topic} cannot be read to its end; missing {ends}"
                for m in consumer.consume(10000, 0.5):
                    assert not m.error(), m.error()
                    headers = dict(m.headers() or ())
                    found.append((m.key(), m.value(), headers, m.timestamp()[1], m.partition(), m.offset()))
                    if m.offset() + 1 >= ends.get(m.partition(), 1 << 62):
                        del ends[m.partition()]
        finally:
            consumer.close()
        return found

    def count(self, topic):
        return sum(self.ends(topic).values())

    def group_offsets(self, group, topic):
        from confluent_kafka import ConsumerGroupTopicPartitions
        for attempt in range(20):
            future = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
            try:
                return {t.partition: (t.offset, t.metadata) for t in future.result(20).topic_partitions if t.topic == topic}
            except UnicodeDecodeError:  # the client reads metadata past its end, where anything may lie
                if attempt == 19:
                    raise


class Oracle:
    """What came out against what must: every id at least once, none that must not, and `$id` tells repetitions."""

    def __init__(self, messages, expected):
        self.ids, self.by_id = {}, {}
        for key, value, headers, *_ in messages:
            i = json.loads(value)["id"]
            self.ids[i] = self.ids.get(i, 0) + 1
            if "id" in headers:
                self.by_id.setdefault(headers["id"], set()).add(i)
        expected = set(expected)
        self.missing = expected - set(self.ids)
        self.strange = set(self.ids) - expected
        self.repeated = sum(n - 1 for n in self.ids.values())
        self.ambiguous = sum(len(s) != 1 for s in self.by_id.values())
        self.distinct = len(self.by_id)

    def check(self, repetitions=True):
        print(f"# {len(self.ids)} records, {self.repeated} came again", flush=True)
        assert not self.missing, f"{len(self.missing)} lost, such as {sorted(self.missing)[:5]}"
        assert not self.strange, f"{len(self.strange)} that must not be there, such as {sorted(self.strange)[:5]}"
        assert repetitions or not self.repeated, f"{self.repeated} came twice"
        assert not self.ambiguous, f"{self.ambiguous} of $id stand for several records"
        assert self.distinct == len(self.ids), f"{self.distinct} of $id for {len(self.ids)} records"


def run_all(place, *tests):
    """Those whose names have the word in ONLY_CASE, each with the servers of `place`."""
    def bound(test):
        case = lambda: test(place)
        case.__name__ = test.__name__
        return case
    flowtest.main(*[bound(t) for t in tests if os.environ.get("ONLY_CASE", "") in t.__name__])
