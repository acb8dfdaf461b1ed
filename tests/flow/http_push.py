#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records pushed by HTTP into a file: answered when they are durable, and never lost after that."""
import http.client, json, os, socket, ssl, subprocess, threading

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


def a_port_in_use_is_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        d = folder("taken")
        flow = FLOW.format(more="", out=os.path.join(d, "out.ndjson"), bad=os.path.join(d, "bad.ndjson"))
        run = Run(write(os.path.join(d, "flow.yaml"), flow.replace("127.0.0.1:0", f"127.0.0.1:{port}")), os.path.join(d, "state"))
        run.wait_log(f"cannot listen on 127.0.0.1:{port}: another process listens there")
        assert run.p.poll() is None
    run.wait_log(f"listens at 127.0.0.1:{port}")
    run.stop()
    run.must_end(0)


TWO = """leat: 1
flow: two
settings: {{ lanes: 3 }}
processors:
  a:
    source: http
    with: {{ listen: "127.0.0.1:0", path: /a }}
  b:
    source: http
    with: {{ listen: "127.0.0.1:0", path: /b }}
  out-a:
    sink: file
    from: a
    with: {{ path: {dir}/a.ndjson }}
  out-b:
    sink: file
    from: b
    with: {{ path: {dir}/b.ndjson }}
"""


def lanes_and_paths_share_a_port():
    d = folder("two")
    run = Run(write(os.path.join(d, "flow.yaml"), TWO.format(dir=d)), os.path.join(d, "state"))
    port = int(run.wait_log(r"listens at 127\.0\.0\.1:(\d+)")[1])

    def post(path, n):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)  # one connection each: lanes take turns
        c.request("POST", path, json.dumps({"n": n}))
        return c.getresponse().status

    wait_for(lambda: all(post(path, -1) == 200 for path in ("/a", "/b") for _ in range(10)), "all lanes to be ready")
    sent = []

    def send(first):
        for n in range(first, first + 50):
            sent.append(post("/b" if n % 2 else "/a", n))
    threads = [threading.Thread(target=send, args=(first,)) for first in range(0, 400, 50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(sent) == 400 and set(sent) == {200}, set(sent)
    run.stop()
    run.must_end(0)
    for path, odd in (("a", 0), ("b", 1)):
        with open(os.path.join(d, path + ".ndjson")) as f:
            held = [json.loads(line)["n"] for line in f]
        assert sorted(n for n in held if n >= 0) == list(range(odd, 400, 2)), path


def make_certificate(d):
    cert, key = os.path.join(d, "cert.pem"), os.path.join(d, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=leat test", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return cert, key


def https_is_spoken():
    cert, key = make_certificate(folder("tls"))
    p = Push("tls", f"      tls: {{ cert: {cert}, key: {key} }}")
    p.connect = lambda: http.client.HTTPSConnection("127.0.0.1", p.port, timeout=30, context=ssl.create_default_context(cafile=cert))
    p.ready()
    assert p.post('{"n":1}')[0] == 200
    p.run.stop()
    p.run.must_end(0)
    assert p.held() == [{"n": 1}]


main(a_port_in_use_is_waited_for, lanes_and_paths_share_a_port, https_is_spoken, an_answer_means_that_the_record_is_in_the_file, bad_parts_are_counted_and_only_a_wholly_bad_body_is_400,
     others_get_401_404_405_and_413, what_was_answered_survives_kill_9, many_senders_at_once_are_all_answered)
