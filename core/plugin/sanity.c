/* SPDX-License-Identifier: Apache-2.0 */
/* sanity.c: whether a description keeps to plugin.h; each mistake is a sentence for the plugin's author. */
#include "core/plugin/plugin_internal.h"

#include <ctype.h>

void plugin_mistake(struct buf *out, const char *format, ...)
{
    va_list args;
    char sentence[512];
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    buf_printf(out, "%s\n", sentence);
}

static size_t lines(const struct buf *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        n += b->data[i] == '\n';
    return n;
}

static bool is_name(const char *s)
{
    if (!s || !islower((unsigned char)*s))
        return false;
    while (islower((unsigned char)*s) || isdigit((unsigned char)*s) || *s == '_' || *s == '-')
        s++;
    return !*s;
}

static void check_doc(struct buf *out, const char *what, const char *name, const char *doc)
{
    if (!doc || !*doc)
        plugin_mistake(out, "%s '%s' has no doc: describe it in one sentence", what, name ? name : "");
}

static void check_ports(const leat_processor *p, const leat_port *ports, uint32_t n, const char *what, struct buf *out)
{
    bool output = ports == p->outputs;
    if (n && !ports)
        plugin_mistake(out, "%s '%s': n_%ss is %u, but there is no table", plugin_kind_name(p->kind), p->name, what, n);
    for (uint32_t i = 0; ports && i < n; i++) {
        bool any = ports[i].name && strcmp(ports[i].name, "*") == 0;
        if (any ? i + 1 != n : !is_name(ports[i].name))
            plugin_mistake(out, "%s '%s': the name of %s %u is %s", plugin_kind_name(p->kind), p->name, what, i,
                           any ? "'*', which only the last may have" : "missing, or not of the form a-z, 0-9, _ and -");
        check_doc(out, what, ports[i].name, ports[i].doc);
        if (output && ports[i].name && strcmp(ports[i].name, "rejected") == 0)
            plugin_mistake(out, "%s '%s' declares the output 'rejected', which every processor has",
                           plugin_kind_name(p->kind), p->name);
        if (output && !(ports[i].flags & LEAT_NEW_RECORDS) && ports[i].input > 0 && ports[i].input >= p->n_inputs)
            plugin_mistake(out, "%s '%s': output '%s' passes on input %u, which does not exist",
                           plugin_kind_name(p->kind), p->name, ports[i].name, ports[i].input);
        for (uint32_t k = 0; k < i; k++)
            if (ports[i].name && ports[k].name && strcmp(ports[i].name, ports[k].name) == 0)
                plugin_mistake(out, "%s '%s' has two %ss called '%s'", plugin_kind_name(p->kind), p->name, what,
                               ports[i].name);
    }
}

static void check_tables(const leat_processor *p, struct buf *out)
{
    const char *kind = plugin_kind_name(p->kind);
    if (p->n_tables && !p->tables)
        plugin_mistake(out, "%s '%s': n_tables is %u, but there is no table", kind, p->name, p->n_tables);
    if (p->n_tables && !(p->needs & LEAT_NEEDS_STATE))
        plugin_mistake(out, "%s '%s' has tables, but `needs` does not name LEAT_NEEDS_STATE", kind, p->name);
    for (uint32_t i = 0; p->tables && i < p->n_tables; i++) {
        const leat_table *t = &p->tables[i];
        if (!is_name(t->name))
            plugin_mistake(out, "%s '%s': table %u has no name of the form a-z, 0-9, _ and -", kind, p->name, i);
        check_doc(out, "table", t->name, t->doc);
        if (t->version < 1 || (t->version > 1 && !t->upgrade))
            plugin_mistake(out, "%s '%s': table '%s' has version %u%s", kind, p->name, t->name, t->version,
                           t->version ? " and no `upgrade`" : ": count from 1");
        if (!(t->flags & LEAT_ANY_SIZE) == !t->bytes)
            plugin_mistake(out, "%s '%s': table '%s' needs either `bytes` or LEAT_ANY_SIZE", kind, p->name, t->name);
        if (t->flags & LEAT_REPEATED && (t->flags & 3) != 3)
            plugin_mistake(out, "%s '%s': table '%s' is LEAT_REPEATED, so it must be LEAT_ORDERED and LEAT_ANY_SIZE",
                           kind, p->name, t->name);
    }
}

static void check_metrics(const leat_processor *p, struct buf *out)
{
    if (p->n_metrics && !p->metrics)
        plugin_mistake(out, "%s '%s': n_metrics is %u, but there is no table", plugin_kind_name(p->kind), p->name,
                       p->n_metrics);
    for (uint32_t i = 0; p->metrics && i < p->n_metrics; i++) {
        const leat_metric *m = &p->metrics[i];
        if (!is_name(m->name) || strchr(m->name, '-') || m->kind > LEAT_HISTOGRAM)
            plugin_mistake(out, "%s '%s': metric %u needs a name of the form a-z, 0-9 and _, and a kind",
                           plugin_kind_name(p->kind), p->name, i);
        check_doc(out, "metric", m->name, m->doc);
    }
}

static void check_sink(const leat_processor *p, struct buf *out)
{
    const leat_sink *s = p->sink;
    if (!s) {
        plugin_mistake(out, "sink '%s' has no `sink`", p->name);
        return;
    }
    bool whole = s->class_ == LEAT_TRANSACTIONAL || s->class_ == LEAT_STAGED;
    if (s->class_ < LEAT_TRANSACTIONAL || s->class_ > LEAT_STAGED)
        plugin_mistake(out, "sink '%s': class_ is %u, which this Leat does not know", p->name, s->class_);
    if (whole && (!s->recover || !s->begin || !s->commit || !s->abort))
        plugin_mistake(out, "sink '%s' is TRANSACTIONAL or STAGED: it needs recover, begin, commit and abort", p->name);
    if (s->class_ == LEAT_STAGED && !s->prepare)
        plugin_mistake(out, "sink '%s' is STAGED: it needs prepare", p->name);
    if (whole && s->overlap > 1)
        plugin_mistake(out, "sink '%s' is TRANSACTIONAL or STAGED: overlap must be 1", p->name);
}

static void check_hooks(const leat_processor *p, struct buf *out)
{
    const char *kind = plugin_kind_name(p->kind);
    if (p->kind == LEAT_SOURCE && (!p->source || !p->source->poll))
        plugin_mistake(out, "source '%s' has no `source` with poll", p->name);
    if (p->kind == LEAT_SOURCE && p->source && (p->source->class_ < LEAT_SEEKABLE || p->source->class_ > LEAT_LOSSY))
        plugin_mistake(out, "source '%s': class_ is %u, which this Leat does not know", p->name, p->source->class_);
    if (p->kind == LEAT_SINK)
        check_sink(p, out);
    if (p->kind != LEAT_SOURCE && !p->process)
        plugin_mistake(out, "%s '%s' has no process", kind, p->name);
    if (p->timer && !(p->needs & LEAT_NEEDS_TIMERS))
        plugin_mistake(out, "%s '%s' has the hook timer, but `needs` does not name LEAT_NEEDS_TIMERS", kind, p->name);
    if (p->loop && !(p->needs & LEAT_NEEDS_LOOP))
        plugin_mistake(out, "%s '%s' has hooks of the loop, but `needs` does not name LEAT_NEEDS_LOOP", kind, p->name);
    if (p->instance_bytes > 1u << 30)
        plugin_mistake(out, "%s '%s': instance_bytes is %u, over 1 GiB", kind, p->name, p->instance_bytes);
}

static void check_processor(const leat_processor *p, struct buf *out)
{
    if (p->kind < LEAT_SOURCE || p->kind > LEAT_SINK)
        plugin_mistake(out, "processor '%s' has kind %u, which this Leat does not know", p->name ? p->name : "",
                       p->kind);
    if (!is_name(p->name)) {
        plugin_mistake(out, "a %s has no name of the form a-z, 0-9, _ and -", plugin_kind_name(p->kind));
        return;
    }
    check_doc(out, plugin_kind_name(p->kind), p->name, p->doc);
    check_hooks(p, out);
    plugin_option_mistakes(p, out);
    check_ports(p, p->inputs, p->n_inputs, "input", out);
    check_ports(p, p->outputs, p->n_outputs, "output", out);
    check_tables(p, out);
    check_metrics(p, out);
}

static void check_codec(const leat_codec *c, struct buf *out)
{
    if (!is_name(c->name) || (!c->decode && !c->encode))
        plugin_mistake(out, "codec '%s' needs a name of the form a-z, 0-9, _ and -, and decode or encode",
                       c->name ? c->name : "");
    check_doc(out, "codec", c->name, c->doc);
    if (c->decode)
        check_processor(c->decode, out);
    if (c->encode)
        check_processor(c->encode, out);
}

size_t plugin_mistakes(const leat_plugin *p, struct buf *out)
{
    if (!is_name(p->name))
        plugin_mistake(out, "the plugin has no name of the form a-z, 0-9, _ and -");
    if (!p->version || !isdigit((unsigned char)*p->version))
        plugin_mistake(out, "the plugin has no version such as 1.0.0");
    check_doc(out, "plugin", p->name, p->doc);
    if (p->n_processors + p->n_codecs == 0 || (p->n_processors && !p->processors) || (p->n_codecs && !p->codecs))
        plugin_mistake(out, "the plugin offers nothing: neither processors nor codecs");
    for (uint32_t i = 0; p->processors && i < p->n_processors; i++) {
        const leat_processor *one = p->processors[i];
        if (!one) {
            plugin_mistake(out, "processor %u is NULL", i);
            continue;
        }
        check_processor(one, out);
        for (uint32_t k = 0; k < i; k++)
            if (p->processors[k] && p->processors[k]->kind == one->kind && p->processors[k]->name && one->name &&
                strcmp(p->processors[k]->name, one->name) == 0)
                plugin_mistake(out, "the plugin has two %ss called '%s'", plugin_kind_name(one->kind), one->name);
    }
    for (uint32_t i = 0; p->codecs && i < p->n_codecs; i++)
        check_codec(&p->codecs[i], out);
    return lines(out);
}
