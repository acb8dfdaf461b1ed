#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records pushed by HTTP into a file: answered when they are durable, and never lost after that."""
import http.client, json, os, threading

from flowtest import Run, folder, main, wait_for, write

FLOW = """leat: 1
flow: push
processors:
  in:
    source: http
    with:
      listen: "127.0.0.1:0"
      path: /orders
{more}
  out:
    sink: file
    from: in
    with: {{ path: {out} }}
  bad:
    sink: file
    from: in.rejected
    with: {{ path: {bad} }}
"""


class Push:
    def __init__(self, name, more=""):
        self.dir = folder(name)
        self.out, self.bad = os.path.join(self.dir, "out.ndjson"), os.path.join(self.dir, "bad.ndjson")
        self.flow = write(os.path.join(self.dir, "flow.yaml"), FLOW.format(more=more, out=self.out, bad=self.bad))
        self.start()

    def start(self):
        self.run = Run(self.flow, os.path.join(self.dir, "state"))
        self.port = int(self.run.wait_log(r"listens at 127\.0\.0\.1:(\d+)")[1])

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def post(self, body, headers={}, path="/orders", method="POST", connection=None):
        c = connection or self.connect()
        c.request(method, path, body, headers)
        r = c.getresponse()
        return r.status, r.read().decode()

    def ready(self):
        """Until the source may take something."""
        wait_for(lambda: self.post("")[0] == 200, "the source to be ready")

    def held(self):
        with open(self.out) as f:
            return [json.loads(line) for line in f]


def an_answer_means_that_the_record_is_in_the_file():
    p = Push("answer")
    p.ready()
    assert p.post('{"n":1}\n{"n":2}\n') == (200, '{"accepted":2,"rejected":0}\n')
    assert p.held() == [{"n": 1}, {"n": 2}]
    p.run.stop()
    p.run.must_end(0)


def bad_parts_are_counted_and_only_a_wholly_bad_body_is_400():
    p = Push("bad")
    p.ready()
    assert p.post('{"n":1}\n{"n":\n{"n":3}\n') == (200, '{"accepted":2,"rejected":1}\n')
    status, body = p.post("not at all\n")
    assert status == 400 and json.loads(body) == {"accepted": 0, "rejected": 1}, body
    p.run.stop()
    p.run.must_end(0)
    assert p.held() == [{"n": 1}, {"n": 3}]
    with open(p.bad) as f:
        bad = [json.loads(line) for line in f]
    assert len(bad) == 2 and all(b["reason"] for b in bad), bad


def others_get_401_404_405_and_413():
    p = Push("others", "      auth: { token: s3cret }\n      max_body: 1KiB")
    good = {"Authorization": "Bearer s3cret"}
    wait_for(lambda: p.post("", good)[0] == 200, "the source to be ready")
    assert p.post("{}")[0] == 401
    assert p.post("{}", {"Authorization": "Bearer other"})[0] == 401
    assert p.post("{}", good, path="/elsewhere")[0] == 404
    assert p.post(None, good, method="GET")[0] == 405
    assert p.post("{" + " " * 2000 + "}", good)[0] == 413
    assert p.post("{}", good)[0] == 200
    p.run.stop()
    p.run.must_end(0)
    assert p.held() == [{}]
    assert "s3cret" not in p.run.log()


def push_many(p, worker, accepted, stop):
    c = p.connect()
    for k in range(100000):
        n = worker * 100000 + k
        if stop.is_set():
            return
        try:
            if p.post(json.dumps({"n": n}), connection=c)[0] == 200:
                accepted.append(n)
        except (OSError, http.client.HTTPException):
            return


def what_was_answered_survives_kill_9():
    p = Push("kill")
    accepted = []
    for life in range(3):
        p.ready()
        stop, before = threading.Event(), len(accepted)
        senders = [threading.Thread(target=push_many, args=(p, life * 10 + w, accepted, stop)) for w in range(4)]
        for s in senders:
            s.start()
        wait_for(lambda: len(accepted) > before + 100, "a hundred answers")
        p.run.kill()
        stop.set()
        for s in senders:
            s.join()
        p.start()
    p.ready()
    p.run.stop()
    p.run.must_end(0)
    held = [r["n"] for r in p.held()]
    missing = set(accepted) - set(held)
    assert not missing, f"{len(missing)} of {len(accepted)} acknowledged records are lost"
    assert len(held) == len(set(held)), "a record that was sent once stands twice in the file"


def many_senders_at_once_are_all_answered():
    p = Push("many")
    p.ready()
    accepted, threads = [], []

    def send(worker):
        c = p.connect()
        for k in range(50):
            assert p.post("".join(json.dumps({"n": worker * 1000 + k * 10 + i}) + "\n" for i in range(10)), connection=c)[0] == 200
            accepted.append(10)
    for w in range(16):
        threads.append(threading.Thread(target=send, args=(w,)))
        threads[-1].start()
    for t in threads:
        t.join()
    assert sum(accepted) == 8000
    p.run.stop()
    p.run.must_end(0)
    assert len({r["n"] for r in p.held()}) == 8000


main(an_answer_means_that_the_record_is_in_the_file, bad_parts_are_counted_and_only_a_wholly_bad_body_is_400,
     others_get_401_404_405_and_413, what_was_answered_survives_kill_9, many_senders_at_once_are_all_answered)
