#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records of a file sent by HTTP to a server that is not always willing."""
import collections, http.server, json, os, ssl, subprocess, threading

from flowtest import Run, folder, main, write

FLOW = """leat: 1
flow: send
processors:
  in:
    source: file
    with: {{ paths: {source}, until: end }}
  out:
    sink: {sink}
    from: in
    with:
      url: {url}
{more}
"""


class Receiver(http.server.ThreadingHTTPServer):
    """Parses every body; judge(server, key, records) gives the status. What got 200 is held."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, judge=lambda server, key, records: 200):
        super().__init__(("127.0.0.1", 0), Handler)
        self.judge, self.lock = judge, threading.Lock()
        self.held, self.tries, self.keys = collections.Counter(), collections.Counter(), {}
        self.headers, self.paths = [], set()
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}/in"

    def handle_error(self, request, client):
        """A sender that was killed is no error of the server's."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.headers["Content-Type"] == "application/x-ndjson":
            assert body.endswith("\n")
            records = [json.loads(line) for line in body.splitlines()]
        else:
            records = json.loads(body)
            records = records if isinstance(records, list) else [records]
        key, server = self.headers["Idempotency-Key"], self.server
        with server.lock:
            server.tries[key] += 1
            server.headers.append(dict(self.headers))
            server.paths.add(self.path)
            status = server.judge(server, key, records)
            if status == 200 and key not in server.keys:
                server.keys[key] = records
                server.held.update(r["n"] for r in records)
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"why")

    def log_message(self, *args):
        pass


def send(name, receiver, n, sink="http", more=""):
    d = folder(name)
    source = write(os.path.join(d, "in.ndjson"), "".join(json.dumps({"n": i, "shop": f"s {i % 3}"}) + "\n" for i in range(n)))
    flow = write(os.path.join(d, "flow.yaml"), FLOW.format(source=source, sink=sink, url=receiver.url, more=more))
    run = Run(flow, os.path.join(d, "state"))
    return run, d


def each_record_arrives_once_with_a_key_of_its_own():
    r = Receiver()
    run, _ = send("once", r, 1000, more='      headers: { X-Shop: "{shop}" }\n      auth: { token: abc }')
    run.must_end(0)
    assert len(r.held) == 1000 and set(r.held.values()) == {1}, len(r.held)
    assert len(r.keys) == 1000
    assert {h["X-Shop"] for h in r.headers} == {"s 0", "s 1", "s 2"}
    assert {h["Authorization"] for h in r.headers} == {"Bearer abc"}


def an_unwilling_server_gets_them_all_in_the_end():
    def judge(server, key, records):
        n = records[0]["n"]
        return 422 if n % 10 == 9 else 503 if n % 10 == 1 and server.tries[key] < 3 else 429 if n == 50 and server.tries[key] < 2 else 200
    r = Receiver(judge)
    run, d = send("unwilling", r, 300)
    run.must_end(0)
    assert sorted(r.held) == [n for n in range(300) if n % 10 != 9]
    assert all(r.tries[k] == 1 for k, v in r.keys.items() if v[0]["n"] % 10 not in (1, 9) and v[0]["n"] != 50)
    refused = [k for k, tries in r.tries.items() if k not in r.keys]
    assert len(refused) == 30 and all(r.tries[k] == 1 for k in refused)


def records_that_have_to_wait_do_not_hold_back_the_others():
    def judge(server, key, records):
        return 502 if records[0]["n"] == 0 and len(server.held) + len(records) < 6000 else 200
    r = Receiver(judge)
    run, _ = send("passing", r, 6000, "http_batch", "      in_flight: 1\n      batch: { records: 1000 }")
    run.must_end(0)
    assert len(r.held) == 6000 and set(r.held.values()) == {1}


def a_batch_is_one_request_and_never_longer_than_said():
    for body, records, size in (("lines", 1000, "4MiB"), ("array", 77, "4MiB"), ("lines", 1000, "1KiB")):
        r = Receiver()
        run, _ = send(f"batch-{body}-{records}-{size}", r, 5000, "http_batch",
                      f"      body: {body}\n      batch: {{ records: {records}, bytes: {size} }}")
        run.must_end(0)
        assert len(r.held) == 5000 and set(r.held.values()) == {1}
        longest = max(len(sent) for sent in r.keys.values())
        assert longest == records if size == "4MiB" else 25 < longest < 45, (longest, records, size)


def what_was_sent_before_kill_9_is_known_again_by_its_key():
    slow = threading.Event()

    def judge(server, key, records):
        if len(server.held) >= 100:
            slow.set()
        return 503 if len(server.held) >= 100 and not judge.open else 200
    judge.open = False
    r = Receiver(judge)
    run, d = send("kill", r, 400)
    assert slow.wait(30), run.log()
    run.kill()
    judge.open = True
    again = Run(os.path.join(d, "flow.yaml"), os.path.join(d, "state"))
    again.must_end(0)
    assert len(r.held) == 400 and set(r.held.values()) == {1}
    assert len(r.keys) == 400


def https_is_believed_only_with_its_authority():
    d = folder("tls")
    cert, key = os.path.join(d, "cert.pem"), os.path.join(d, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=leat test", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    r = Receiver()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    r.socket = context.wrap_socket(r.socket, server_side=True)
    r.url = r.url.replace("http:", "https:")
    run, _ = send("tls-stranger", r, 10)
    run.wait_log("no answer from https://127.0.0.1.*certificate")
    assert run.p.poll() is None and not r.held
    run.kill()
    run, _ = send("tls-known", r, 100, more=f"      tls: {{ ca: {cert} }}")
    run.must_end(0)
    assert len(r.held) == 100


main(https_is_believed_only_with_its_authority, each_record_arrives_once_with_a_key_of_its_own, an_unwilling_server_gets_them_all_in_the_end,
     records_that_have_to_wait_do_not_hold_back_the_others, a_batch_is_one_request_and_never_longer_than_said,
     what_was_sent_before_kill_9_is_known_again_by_its_key)
