// SPDX-License-Identifier: Apache-2.0
// mask.cc: hides all but the end of a text, such as a card number. C++11; no exception leaves it.
#include <leat/plugin.h>

#include <new>
#include <string>
#include <vector>

namespace {

enum { FROM, TO, SHOW }; // the rows of `options`, in their order

leat_option option(const char *name, const char *doc, uint32_t type, uint32_t flags, uint32_t column,
                   const char *standard)
{
    leat_option o = leat_option();
    o.name = name;
    o.doc = doc;
    o.type = type;
    o.flags = flags;
    o.column = column;
    o.standard = standard;
    return o;
}

// Bytes of UTF-8 that begin a character, so that none is cut in two.
bool begins(char c)
{
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

std::string mask(leat_text t, int64_t show)
{
    std::string masked;
    int64_t characters = 0;
    for (size_t i = 0; i < t.n; i++)
        characters += begins(t.data[i]);
    for (size_t i = 0; i < t.n; i++) {
        if (begins(t.data[i]))
            characters--;
        if (characters < show)
            masked += t.data[i];
        else if (begins(t.data[i]))
            masked += '*';
    }
    return masked;
}

leat_status process(const leat_host *h, void *, const leat_batch *b)
try {
    const leat_text *from = leat_read_text(h, b, h->with[FROM].as.field);
    leat_out *out = h->derive(h, b, nullptr, b->n);
    leat_text *to = static_cast<leat_text *>(h->write(h, out, h->with[TO].as.field, LEAT_TEXT));
    std::vector<std::string> masked(b->n); // read until send has copied them
    for (uint32_t i = 0; i < b->n; i++) {
        masked[i] = mask(from[i], h->with[SHOW].as.i64);
        to[i].data = masked[i].data();
        to[i].n = masked[i].size();
    }
    h->send(h, out, 0);
    return LEAT_OK;
} catch (const std::bad_alloc &) {
    return h->fail(h, LEAT_RETRY, "no memory");
}

leat_processor describe()
{
    static leat_option options[] = {
        option("from", "The text to hide.", LEAT_OPT_READ, LEAT_REQUIRED, LEAT_TEXT, nullptr),
        option("to", "The field that the rest is written to.", LEAT_OPT_WRITE, LEAT_REQUIRED, LEAT_TEXT, nullptr),
        option("show", "How many characters at the end stay.", LEAT_OPT_I64, 0, 0, "4"),
    };
    options[SHOW].range = "0..";
    leat_processor p = leat_processor();
    p.size = sizeof p;
    p.kind = LEAT_TRANSFORM;
    p.name = "mask";
    p.doc = "Hides all but the end of a text.";
    p.flags = LEAT_STATELESS;
    p.options = options;
    p.n_options = LEAT_N(options);
    p.process = process;
    return p;
}

const leat_processor processor = describe();

} // namespace

LEAT_PLUGIN("mask", "1.0.0", "Hides texts.", &processor);
