/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c: what a plugin offers, as JSON for programs and as text for people. */
#include "core/plugin/plugin_internal.h"

struct flag {
    uint64_t bit;
    const char *name;
};
static const struct flag option_flags[] = {
    {LEAT_REQUIRED, "required"},
    {LEAT_SECRET, "secret"},
    {LEAT_LIVE, "live"},
    {LEAT_MANY, "list"},
    {LEAT_PAIRS, "map"},
    {LEAT_DEPRECATED, "deprecated"},
    {LEAT_ONE_OF, "one_of"},
    {LEAT_BARE, "bare"},
    {LEAT_MAY_MISS, "may_miss"},
    {LEAT_LENIENT, "lenient"},
    {LEAT_DESTINATION, "destination"},
};
static const struct flag processor_flags[] = {
    {LEAT_BLOCKING, "blocking"}, {LEAT_ONE_LANE, "one_lane"}, {LEAT_STATELESS, "stateless"}, {LEAT_SLOW, "slow"}};
static const struct flag needs[] = {{LEAT_NEEDS_STATE, "state"},     {LEAT_NEEDS_TIMERS, "timers"},
                                    {LEAT_NEEDS_LOOP, "loop"},       {LEAT_NEEDS_DYNAMIC, "dynamic"},
                                    {LEAT_NEEDS_NETWORK, "network"}, {LEAT_NEEDS_FILES, "files"},
                                    {LEAT_NEEDS_THREADS, "threads"}, {LEAT_NEEDS_CODEC, "codec"}};
static const struct flag port_flags[] = {
    {LEAT_NEW_RECORDS, "new_records"}, {LEAT_KEY_RECORDS, "key_records"}, {LEAT_DEAD_LETTERS, "dead_letters"}};
static const struct flag table_flags[] = {
    {LEAT_ORDERED, "ordered"}, {LEAT_ANY_SIZE, "any_size"}, {LEAT_REPEATED, "repeated"}};

static const char *const kinds[] = {"processor", "source", "transform", "model", "sink"};
static const char *const source_classes[] = {"", "seekable", "ackable", "lossy"};
static const char *const sink_classes[] = {"", "transactional", "upsert", "dedup", "repeat", "staged"};
static const char *const metric_kinds[] = {"counter", "gauge", "histogram"};
static const char *const option_types[] = {"",      "bool",      "int",        "float",    "text",  "duration",
                                           "size",  "choice",    "expression", "template", "field", "key",
                                           "group", "aggregate", "input",      "output",   "rate",  "time"};
static const char *const column_types[] = {"any", "bool", "int", "float", "decimal", "time", "text", "bytes", "json"};

const char *plugin_kind_name(uint32_t kind)
{
    return kinds[kind < N_OF(kinds) ? kind : 0];
}

static const char *name_of(const char *const *names, size_t n, uint32_t i)
{
    return i < n ? names[i] : "unknown";
}
#define NAME_OF(names, i) name_of(names, N_OF(names), i)

/* --- JSON --------------------------------------------------------------------------------------------------------- */

/* `,"name":"text"`, or without the comma behind a brace. */
static void json_text(struct buf *out, const char *name, const char *text)
{
    if (!text)
        return;
    buf_printf(out, "%s\"%s\":", out->data[out->n - 1] == '{' ? "" : ",", name);
    buf_json(out, text_of(text));
}

static void json_flags(struct buf *out, const char *name, const struct flag *flags, size_t n, uint64_t set)
{
    buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < n; i++)
        if (set & flags[i].bit)
            buf_printf(out, "%s\"%s\"", out->data[out->n - 1] == '[' ? "" : ",", flags[i].name);
    buf_char(out, ']');
}

static void json_choices(struct buf *out, const char *choices)
{
    if (!choices)
        return;
    buf_str(out, ",\"choices\":[");
    for (const char *at = choices; *at; at += *at == '|') {
        size_t n = strcspn(at, "|");
        if (at != choices)
            buf_char(out, ',');
        buf_json(out, (leat_text){at, n});
        at += n;
    }
    buf_char(out, ']');
}

static void json_options(struct buf *out, const leat_option *rows, uint32_t n)
{
    buf_str(out, ",\"options\":[");
    for (uint32_t i = 0; i < n; i++) {
        const leat_option *o = &rows[i];
        buf_str(out, i ? ",{" : "{");
        json_text(out, "name", o->name);
        json_text(out, "type", NAME_OF(option_types, o->type));
        json_flags(out, "flags", option_flags, N_OF(option_flags), o->flags);
        if (o->type == LEAT_OPT_READ || o->type == LEAT_OPT_WRITE)
            json_text(out, "column", NAME_OF(column_types, o->column & 255));
        json_text(out, "default", o->standard);
        json_choices(out, o->choices);
        json_text(out, "range", o->range);
        json_text(out, "since", o->since);
        json_text(out, "only_with", o->only_with);
        json_text(out, "doc", o->doc);
        if (o->n_rows)
            json_options(out, o->rows, o->n_rows);
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

static void json_ports(struct buf *out, const char *name, const leat_port *ports, uint32_t n)
{
    buf_printf(out, ",\"%s\":[", name);
    for (uint32_t i = 0; i < n; i++) {
        buf_str(out, i ? ",{" : "{");
        json_text(out, "name", ports[i].name);
        json_flags(out, "flags", port_flags, N_OF(port_flags), ports[i].flags);
        json_text(out, "doc", ports[i].doc);
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

static void json_tables(struct buf *out, const leat_processor *p)
{
    buf_str(out, ",\"tables\":[");
    for (uint32_t i = 0; i < p->n_tables; i++) {
        buf_str(out, i ? ",{" : "{");
        json_text(out, "name", p->tables[i].name);
        json_flags(out, "flags", table_flags, N_OF(table_flags), p->tables[i].flags);
        buf_printf(out, ",\"version\":%u,\"bytes\":%u", p->tables[i].version, p->tables[i].bytes);
        json_text(out, "doc", p->tables[i].doc);
        buf_char(out, '}');
    }
    buf_str(out, "],\"metrics\":[");
    for (uint32_t i = 0; i < p->n_metrics; i++) {
        buf_str(out, i ? ",{" : "{");
        json_text(out, "name", p->metrics[i].name);
        json_text(out, "kind", NAME_OF(metric_kinds, p->metrics[i].kind));
        json_text(out, "unit", p->metrics[i].unit);
        json_text(out, "doc", p->metrics[i].doc);
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

static const char *class_of(const leat_processor *p)
{
    return p->source ? NAME_OF(source_classes, p->source->class_)
           : p->sink ? NAME_OF(sink_classes, p->sink->class_)
                     : NULL;
}

static void json_processor(struct buf *out, const leat_processor *p)
{
    buf_char(out, '{');
    json_text(out, "kind", plugin_kind_name(p->kind));
    json_text(out, "name", p->name);
    json_text(out, "doc", p->doc);
    json_text(out, "class", class_of(p));
    json_flags(out, "flags", processor_flags, N_OF(processor_flags), p->flags);
    json_flags(out, "needs", needs, N_OF(needs), p->needs);
    json_options(out, p->options, p->n_options);
    json_ports(out, "inputs", p->inputs, p->n_inputs);
    json_ports(out, "outputs", p->outputs, p->n_outputs);
    json_tables(out, p);
    buf_char(out, '}');
}

void plugin_describe_json(const leat_plugin *p, struct buf *out)
{
    buf_char(out, '{');
    json_text(out, "name", p->name);
    json_text(out, "version", p->version);
    json_text(out, "doc", p->doc);
    json_text(out, "license", p->license);
    buf_printf(out, ",\"abi\":\"%u.%u\",\"processors\":[", p->abi >> 16, p->abi & 0xffff);
    for (uint32_t i = 0; i < p->n_processors; i++) {
        if (i)
            buf_char(out, ',');
        json_processor(out, p->processors[i]);
    }
    buf_str(out, "],\"codecs\":[");
    for (uint32_t i = 0; i < p->n_codecs; i++) {
        buf_str(out, i ? ",{" : "{");
        json_text(out, "name", p->codecs[i].name);
        json_text(out, "doc", p->codecs[i].doc);
        buf_printf(out, ",\"decodes\":%s,\"encodes\":%s}", p->codecs[i].decode ? "true" : "false",
                   p->codecs[i].encode ? "true" : "false");
    }
    buf_str(out, "]}");
}

/* --- text --------------------------------------------------------------------------------------------------------- */

enum { NAME_WIDTH = 22, WIDTH = 100 };

/* Words of `doc` in lines of at most WIDTH columns. */
static void print_doc(struct buf *out, const char *indent, const char *doc)
{
    size_t column = WIDTH;
    for (const char *at = doc; *at;) {
        size_t n = strcspn(at, " ");
        bool breaks = column + 1 + n > WIDTH;
        buf_str(out, !breaks ? " " : at == doc ? "" : "\n");
        buf_str(out, breaks ? indent : "");
        buf_add(out, at, n);
        column = breaks ? strlen(indent) + n : column + 1 + n;
        at += n + (at[n] == ' ');
    }
    buf_char(out, '\n');
}

static void print_type(struct buf *out, const leat_option *o)
{
    buf_str(out, o->flags & LEAT_MANY ? "list of " : o->flags & LEAT_PAIRS ? "map of " : "");
    if (o->type == LEAT_OPT_CHOICE)
        buf_str(out, o->choices);
    else
        buf_str(out, NAME_OF(option_types, o->type));
    if (o->range)
        buf_printf(out, " %s", o->range);
}

static void print_marks(struct buf *out, const leat_option *o)
{
    static const struct flag marks[] = {{LEAT_REQUIRED, "required"},
                                        {LEAT_ONE_OF, "one of these"},
                                        {LEAT_SECRET, "secret"},
                                        {LEAT_LIVE, "live"},
                                        {LEAT_DEPRECATED, "deprecated"}};
    const char *before = " (";
    for (size_t i = 0; i < N_OF(marks); i++)
        if (o->flags & marks[i].bit) {
            buf_printf(out, "%s%s", before, marks[i].name);
            before = ", ";
        }
    if (o->standard) {
        buf_printf(out, "%sdefault %s", before, *o->standard ? o->standard : "empty");
        before = ", ";
    }
    if (o->only_with) {
        buf_printf(out, "%swith %s", before, o->only_with);
        before = ", ";
    }
    buf_str(out, *before == ',' ? ")" : "");
}

static void print_options(struct buf *out, const leat_option *rows, uint32_t n, const char *group)
{
    for (uint32_t i = 0; i < n; i++) {
        const leat_option *o = &rows[i];
        auto_free char *name = xasprintf("%s%s", group, o->name);
        buf_printf(out, "    %-*s ", NAME_WIDTH, name);
        print_type(out, o);
        print_marks(out, o);
        buf_char(out, '\n');
        print_doc(out, "        ", o->doc);
        auto_free char *within = xasprintf("%s.", name);
        print_options(out, o->rows, o->n_rows, within);
    }
}

static void print_row(struct buf *out, const char *name, const char *word, const char *doc)
{
    buf_printf(out, "    %-*s %s\n", *word ? NAME_WIDTH : 0, name, word);
    print_doc(out, "        ", doc);
}

static void print_processor(struct buf *out, const leat_processor *p)
{
    const char *class_ = class_of(p);
    buf_printf(out, "\n%s %s", plugin_kind_name(p->kind), p->name);
    if (class_)
        buf_printf(out, " (%s)", class_);
    buf_char(out, '\n');
    print_doc(out, "  ", p->doc);
    if (p->n_options)
        buf_str(out, "  options\n");
    print_options(out, p->options, p->n_options, "");
    if (p->n_inputs)
        buf_str(out, "  inputs\n");
    for (uint32_t i = 0; i < p->n_inputs; i++)
        print_row(out, p->inputs[i].name, "", p->inputs[i].doc);
    if (p->n_outputs)
        buf_str(out, "  outputs\n");
    for (uint32_t i = 0; i < p->n_outputs; i++)
        print_row(out, p->outputs[i].name, "", p->outputs[i].doc);
    if (p->n_tables)
        buf_str(out, "  state\n");
    for (uint32_t i = 0; i < p->n_tables; i++)
        print_row(out, p->tables[i].name, "", p->tables[i].doc);
    if (p->n_metrics)
        buf_str(out, "  metrics\n");
    for (uint32_t i = 0; i < p->n_metrics; i++)
        print_row(out, p->metrics[i].name, NAME_OF(metric_kinds, p->metrics[i].kind), p->metrics[i].doc);
}

void plugin_describe_text(const leat_plugin *p, struct buf *out)
{
    buf_printf(out, "%s %s: %s\n", p->name, p->version, p->doc);
    for (uint32_t i = 0; i < p->n_processors; i++)
        print_processor(out, p->processors[i]);
    for (uint32_t i = 0; i < p->n_codecs; i++)
        buf_printf(out, "\ncodec %s\n  %s\n", p->codecs[i].name, p->codecs[i].doc);
}
