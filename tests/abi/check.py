#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`leat plugins check` finds each mistake that an author can make, and none in what keeps the contract."""
import glob, os
from plugins import *

FRAME = """
#include <leat/plugin.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
enum { FIELD, TO, KEY };
static const leat_option options[] = {
    [FIELD] = {.name = "field", .doc = "Read.", .type = LEAT_OPT_READ, .column = LEAT_I64, .flags = LEAT_REQUIRED},
    [TO] = {.name = "to", .doc = "Written.", .type = LEAT_OPT_WRITE, .column = LEAT_I64, .flags = LEAT_REQUIRED},
    [KEY] = {.name = "password", .doc = "Secret.", .type = LEAT_OPT_TEXT, .flags = LEAT_REQUIRED | LEAT_SECRET},
};
struct self { uint64_t n; const int64_t *kept; };
%s
static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    struct self *s = self;
    const int64_t *x = leat_read_i64(h, b, h->with[FIELD].as.field);
    uint32_t *rows = leat_rows(h, b);
    for (uint32_t i = 0; i < b->n; i++)
        rows[i] = i;
    (void)s, (void)x;
%s
    return LEAT_OK;
}
static const leat_processor p = {.size = sizeof p, .kind = LEAT_TRANSFORM, .name = "it", .doc = "It.", .options = options,
    .n_options = LEAT_N(options), .instance_bytes = sizeof(struct self), .process = process};
LEAT_PLUGIN("it", "1.0.0", "It.", &p);
"""
DERIVE = "leat_out *o = h->derive(h, b, NULL, b->n); int64_t *y = leat_write_i64(h, o, h->with[TO].as.field);\n"
FILL = "for (uint32_t i = 0; i < b->n; i++) y[i] = x[i];\n"

CASES = [
    ("nothing wrong: emit", "h->emit(h, 0, b, rows, b->n);", None),
    ("nothing wrong: write and send", DERIVE + FILL + "h->send(h, o, 0);", None),
    ("nothing wrong: reject", 'for (uint32_t i = 0; i < b->n; i++) if (x[i] < 0) h->reject(h, b->ticket, i, "negative", "it is negative");\nh->emit(h, 0, b, NULL, b->n);', None),
    ("a count in self", DERIVE + "for (uint32_t i = 0; i < b->n; i++) y[i] = (int64_t)s->n++;\nh->send(h, o, 0);", "when a call is undone and repeated"),
    ("an answer that depends on the batch", "if (b->n > 1) h->emit(h, 0, b, rows, b->n - 1);", "when the same records come in other batches"),
    ("rows that go down", "for (uint32_t i = 0; i < b->n; i++) rows[i] = b->n - 1 - i;\nh->emit(h, 0, b, rows, b->n);", "the rows of emit go down"),
    ("rows that are not there", "rows[b->n - 1] = b->n;\nh->emit(h, 0, b, rows, b->n);", "it emits rows that the batch does not have"),
    ("derived rows that go down", "for (uint32_t i = 0; i < b->n; i++) rows[i] = b->n - 1 - i;\nh->send(h, h->derive(h, b, rows, b->n), 0);", "the rows of derive go down"),
    ("an output that is not there", "h->emit(h, 7, b, rows, b->n);", "it sent to an output that it does not have"),
    ("sent twice", DERIVE + FILL + "h->send(h, o, 0); h->send(h, o, 0);", "it sends the same records twice"),
    ("never sent", DERIVE + FILL, "it derives records that it never sends"),
    ("written after send", DERIVE + FILL + "h->send(h, o, 0); h->write_null(h, o, h->with[TO].as.field, 0);", "it writes into records that were sent already"),
    ("a field that was not bound", "leat_out *o = h->derive(h, b, NULL, b->n); h->write(h, o, 99, LEAT_I64); h->send(h, o, 0);", "it writes a field that it did not bind"),
    ("another type", "leat_out *o = h->derive(h, b, NULL, b->n); h->write(h, o, h->with[TO].as.field, LEAT_F64); h->send(h, o, 0);", "it writes a field as number that it bound as whole number"),
    ("a field that is read without binding", "h->read(h, b, 99); h->emit(h, 0, b, rows, b->n);", "it reads a field that it did not bind"),
    ("read after return", "if (s->kept && s->kept[0] == 42) rows[0] = 0;\ns->kept = x; h->emit(h, 0, b, rows, b->n);", "it touches what it read or allocated in a call that has returned"),
    ("written behind the end", "memset(rows, 0, (b->n + 8) * sizeof *rows); h->emit(h, 0, b, NULL, b->n);", "it reads or writes behind the end of what the host gave it"),
    ("a reject without a code", 'h->reject(h, b->ticket, 0, "", "why");', "it rejects without a code"),
    ("a reject of another batch", 'h->reject(h, b->ticket + 1, 0, "code", "why");', "it rejects a record of a batch that it does not have"),
    ("a failure without a sentence", "return LEAT_RETRY;", "process fails without a sentence"),
    ("an answer that is none", "return (leat_status)77;", "process gives the answer 77"),
    ("a secret in a sentence", 'h->log(h, LEAT_INFO, "connecting with secret-password");', "a sentence shows the secret option 'password'"),
    ("a crash", "abort();", "it crashed: SIGABRT, Aborted"),
    ("an exit", "exit(61 + (int)(b->n > 0));", "it ended the process, with exit code 62"),
]
THREAD = """
static void *other(void *h) { const leat_host *host = h; host->alloc(host, 8); return NULL; }
"""
for name, body, want in CASES:
    so = build(f"{TMP}/it.so", "x.c", text=FRAME % ("", body))
    p = leat("plugins", "check", so)
    if want is None:
        ok(p.returncode == 0 and "as it should be" in p.stdout and "0 mistakes" in p.stdout, name, p.stdout, p.stderr)
    else:
        ok(p.returncode == 3 and want in p.stdout, f"found: {name}", p.stdout, p.stderr)

so = build(f"{TMP}/it.so", "x.c", text=FRAME % (THREAD, "pthread_t t; if (pthread_create(&t, NULL, other, (void *)(uintptr_t)h) == 0) pthread_join(t, NULL);"))
p = leat("plugins", "check", so)
ok(p.returncode == 3 and "it calls alloc from a thread of its own" in p.stdout, "found: a call from a thread of its own", p.stdout, p.stderr)
so = build(f"{TMP}/it.so", "x.c", text=FRAME % ("LEAT_EXPORT int leat_more; int leat_more;\nstatic __thread int counter;", "counter++;\nh->emit(h, 0, b, rows, b->n);"))
p = leat("plugins", "check", so)
ok(p.returncode == 3 and "it exports 'leat_more'" in p.stdout, "found: a second exported symbol", p.stdout)
ok("note: it has variables of a thread" in p.stdout, "noted: variables of a thread", p.stdout)
p = leat("plugins", "check", build(f"{TMP}/it.so", "x.c", text=FRAME.replace('.doc = "It.", .options', ".options") % ("", "h->emit(h, 0, b, rows, b->n);")))
ok(p.returncode == 3 and "has no doc" in p.stdout, "found: a processor without a sentence", p.stdout, p.stderr)

for so in sorted(glob.glob(BUILD + "/plugins/*.so")):
    p = leat("plugins", "check", so)
    ok(p.returncode == 0, f"{os.path.basename(so)} keeps the contract", p.stdout, p.stderr)
GIVEN = [("select", "{keep: [record, rest]}"), ("select", "{drop: [rest]}"), ("check", "{types: {rest: text, record: decimal}}"),
         ("set", "{fields: {twice: record * 2, half: record / 2, low: lower(rest)}}"), ("filter", "{where: record % 3 = 0 and rest > 'm'}"),
         ("route", "{ports: {even: record % 2 = 0, odd: record % 2 = 1}}"), ("log", "{}")]
for name, options in GIVEN:
    p = leat("plugins", "check", BUILD + "/plugins/transform.so", name, "--with", options)
    ok(p.returncode == 0 and ("as it should be" in p.stdout or "not run" in p.stdout), f"{name} {options} keeps it", p.stdout, p.stderr)
    ok(name in ("log", "route") or "2000 records" in p.stdout, f"{name} is run", p.stdout, p.stderr)
done()
