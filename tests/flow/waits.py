#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Processors that do not answer at once: what waits in them is in its epoch all the same, and what they fetch is there for them."""
import collections, http.server, json, os, threading

from flowtest import Run, folder, main, write

os.environ["LEAT_PLUGINS"] = os.path.join(os.environ["LEAT_BUILD"], "tests/flow/plugins")


def expect(got, want):
    assert got == want, f"got {got!r}, not {want!r}"


def records(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


def a_late_record_of_an_old_epoch_is_not_held_back_by_newer_ones():
    """The sink takes one epoch at a time: what comes late belongs to one that must end first."""
    d = folder("late")
    write(f"{d}/few.ndjson", '{"n": 0}\n')
    write(f"{d}/many.ndjson", "".join(f'{{"n": {i}}}\n' for i in range(1, 60001)))
    flow = write(f"{d}/flow.yaml", f"""leat: 1
flow: late
settings: {{ epoch: 10ms, lanes: 1 }}
processors:
  few:
    source: file
    with: {{ paths: {d}/few.ndjson, until: end }}
  many:
    source: file
    with: {{ paths: {d}/many.ndjson, until: end }}
  hold:
    transform: hold
    from: few
    with: {{ for: 300ms }}
  out:
    sink: file
    from: [hold, many]
    with: {{ path: {d}/out.ndjson }}
""")
    Run(flow, f"{d}/state").must_end(patience=20)
    expect(sorted(r["n"] for r in records(f"{d}/out.ndjson")), list(range(60001)))


def an_epoch_that_brings_something_late_is_begun_before_later_ones():
    """The first epoch has only the held record, the next ones have others for the same sink."""
    d = folder("empty")
    write(f"{d}/few.ndjson", '{"n": 0}\n')
    flow = write(f"{d}/flow.yaml", f"""leat: 1
flow: empty
settings: {{ epoch: 10ms, lanes: 1 }}
processors:
  few:
    source: file
    with: {{ paths: {d}/few.ndjson, until: end }}
  many:
    source: generate
    with: {{ shape: synthetic, count: 600, rate: 1000/s }}
  later:
    transform: filter
    from: many
    with: {{ where: $sequence >= 49800 }}
  hold:
    transform: hold
    from: few
    with: {{ for: 400ms }}
  out:
    sink: file
    from: [hold, later]
    with: {{ path: {d}/out.ndjson }}
""")
    Run(flow, f"{d}/state").must_end(patience=20)
    expect(len(records(f"{d}/out.ndjson")), 401)


class Answers(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, first=200):
        super().__init__(("127.0.0.1", 0), Asked)
        self.first, self.lock, self.asked = first, threading.Lock(), collections.Counter()
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}/"


class Asked(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with self.server.lock:
            self.server.asked[self.path] += 1
            status = self.server.first if self.server.asked[self.path] == 1 else 200
        self.send_response(status)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"a" * 100)

    def log_message(self, *args):
        pass


def asks(name, server, n, keep, keep_bytes=1000000):
    """n records with 10 different keys go through `ask`."""
    d = folder(name)
    write(f"{d}/in.ndjson", "".join(f'{{"n": {i}, "key": {i % 10}}}\n' for i in range(n)))
    flow = write(f"{d}/flow.yaml", f"""leat: 1
flow: asks
settings: {{ lanes: 1 }}
processors:
  in:
    source: file
    with: {{ paths: {d}/in.ndjson, until: end }}
  ask:
    transform: ask
    from: in
    with: {{ url: "{server.url}", key: key, keep: {keep}, keep_bytes: {keep_bytes} }}
    on_error: {{ unavailable: {{ retry: 10ms..20ms }} }}
  out:
    sink: file
    from: ask
    with: {{ path: {d}/out.ndjson }}
""")
    Run(flow, f"{d}/state").must_end(patience=20)
    expect([r["n"] for r in records(f"{d}/out.ndjson")], list(range(n)))


def equal_questions_are_asked_once():
    server = Answers()
    asks("once", server, 20000, "1h")
    expect(set(server.asked.values()), {1})


def what_a_batch_asked_for_stays_until_it_is_done_however_much_it_is():
    server = Answers()
    asks("much", server, 10, "1h", keep_bytes=150)
    expect(set(server.asked.values()), {1})


def what_a_batch_asked_for_stays_until_it_is_done_however_short_it_is_good():
    server = Answers()
    asks("short", server, 10, "1us")
    expect(set(server.asked.values()), {1})


def old_answers_make_room_for_new_ones():
    server = Answers()
    asks("room", server, 20000, "1us", keep_bytes=150)
    assert len(server.asked) == 10 and max(server.asked.values()) > 1, server.asked


def a_batch_that_is_tried_again_asks_again():
    server = Answers(first=503)
    asks("again", server, 10, "1h")
    expect(set(server.asked.values()), {2})


main(a_late_record_of_an_old_epoch_is_not_held_back_by_newer_ones,
     an_epoch_that_brings_something_late_is_begun_before_later_ones,
     equal_questions_are_asked_once, what_a_batch_asked_for_stays_until_it_is_done_however_much_it_is,
     what_a_batch_asked_for_stays_until_it_is_done_however_short_it_is_good, old_answers_make_room_for_new_ones,
     a_batch_that_is_tried_again_asks_again)
