/* SPDX-License-Identifier: Apache-2.0 */
/* json.c: a plan for programs. Secrets are left out: options are not part of it. */
#include "core/graph/graph_internal.h"

static void member(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "\"%s\":", name);
    if (value)
        buf_json(out, text_of(value));
    else
        buf_str(out, "null");
}

static void put_output(const struct plan *p, const struct output *o, struct buf *out)
{
    buf_str(out, "{\"name\":");
    buf_json(out, o->name);
    buf_str(out, ",\"to\":[");
    for (uint32_t t = 0; t < o->n_targets; t++) {
        const struct planned *x = &p->processors[o->targets[t].processor];
        buf_printf(out, "%s{", t ? "," : "");
        member(out, "processor", x->name);
        buf_char(out, ',');
        member(out, "input", o->targets[t].input < x->n_inputs ? x->inputs[o->targets[t].input].name.data : "in");
        buf_char(out, '}');
    }
    buf_str(out, "]}");
}

static void put_binding(const struct plan *p, const struct binding *b, struct buf *out)
{
    static const char *const how[] = {"read", "write", "remove"};
    buf_printf(out, "{\"how\":\"%s\",\"type\":\"%s\",\"required\":%s", how[b->how <= LEAT_REMOVE ? b->how : 0],
               graph_type_name(b->type), b->required ? "true" : "false");
    if (b->path) {
        buf_str(out, ",\"field\":");
        buf_json(out, paths_text(p->paths, b->path));
    }
    if (b->expr) {
        auto_buf text = {0};
        expr_explain(b->expr, &text);
        buf_str(out, ",\"expression\":");
        buf_json(out, buf_view(&text));
    }
    buf_char(out, '}');
}

static void put_processor(const struct plan *p, const struct planned *x, struct buf *out)
{
    buf_char(out, '{');
    member(out, "name", x->name);
    buf_char(out, ',');
    member(out, "kind", graph_kind_word(x->p->kind));
    buf_char(out, ',');
    member(out, "processor", x->p->name);
    buf_char(out, ',');
    member(out, "plugin", x->file ? x->file->name : NULL);
    buf_char(out, ',');
    member(out, "codec", x->codec_given ? codec_name(x->codec.kind) : NULL);
    buf_printf(out, ",\"line\":%u,\"hash\":\"%016llx\",\"bindings\":[", x->node->key_line, (unsigned long long)x->hash);
    for (size_t i = 0; i < x->n_bindings; i++) {
        buf_str(out, i ? "," : "");
        put_binding(p, &x->bindings[i], out);
    }
    buf_str(out, "],\"outputs\":[");
    for (uint32_t k = 0; k < x->n_outputs; k++) {
        buf_str(out, k ? "," : "");
        put_output(p, &x->ports[k], out);
    }
    buf_str(out, "]}");
}

static void put_promises(const struct plan *p, struct buf *out)
{
    static const char *const words[] = {"at_most_once", "at_least_once", "effectively_once"};
    buf_str(out, "\"promises\":[");
    for (size_t i = 0; i < p->n_promises; i++) {
        const struct path_promise *x = &p->promises[i];
        buf_str(out, i ? ",{" : "{");
        member(out, "source", p->processors[x->source].name);
        buf_char(out, ',');
        member(out, "sink", p->processors[x->sink].name);
        buf_char(out, ',');
        member(out, "guarantee", words[x->guarantee]);
        buf_char(out, ',');
        member(out, "because", x->because);
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

void plan_json(const struct plan *p, struct buf *out)
{
    buf_char(out, '{');
    member(out, "flow", p->flow);
    buf_char(out, ',');
    member(out, "file", p->file);
    buf_char(out, ',');
    member(out, "description", p->description);
    buf_printf(out, ",\"hash\":\"%016llx\",\"lanes\":%u,", (unsigned long long)p->hash, p->lanes);
    member(out, "lanes_because", p->lanes_because);
    buf_printf(out, ",\"epoch_us\":%lld,\"processors\":[", (long long)p->settings.epoch_us);
    for (size_t i = 0; i < p->n; i++) {
        buf_str(out, i ? "," : "");
        put_processor(p, &p->processors[i], out);
    }
    buf_str(out, "],");
    put_promises(p, out);
    buf_char(out, '}');
}
