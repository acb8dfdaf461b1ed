/* SPDX-License-Identifier: Apache-2.0 */
/* adopt.c: a plugin's description in the host's own layout, whatever minor version it was built with. */
#include "core/plugin/plugin_internal.h"

struct adopter {
    struct arena *a;
    const leat_sizes *theirs;
    struct err *err;
    bool endless;
};

/* n rows of `theirs` bytes each as rows of `ours` bytes: what an older plugin lacks is 0, what a newer one adds is left
 * out. */
static void *rows(const struct adopter *w, const void *from, uint32_t n, size_t theirs, size_t ours)
{
    if (!from || !n)
        return NULL;
    char *to = arena_zalloc(w->a, n * ours);
    for (uint32_t i = 0; i < n; i++)
        memcpy(to + i * ours, (const char *)from + i * theirs, theirs < ours ? theirs : ours);
    return to;
}

/* A struct that begins with its size. What is behind the host's size stays, because the plugin may read its own. */
static void *sized(const struct adopter *w, const void *from, size_t ours)
{
    uint32_t size;
    if (!from)
        return NULL;
    memcpy(&size, from, sizeof size);
    void *to = arena_zalloc(w->a, size > ours ? size : ours);
    memcpy(to, from, size);
    return to;
}

static const leat_option *options(struct adopter *w, const leat_option *from, uint32_t n, int depth)
{
    leat_option *to = rows(w, from, n, w->theirs->option, sizeof *to);
    if (depth > OPTION_DEPTH) {
        w->endless = true;
        return NULL;
    }
    for (uint32_t i = 0; to && i < n && !w->endless; i++)
        to[i].rows = options(w, to[i].rows, to[i].n_rows, depth + 1);
    return to;
}

static const leat_processor *processor(struct adopter *w, const leat_processor *from)
{
    leat_processor *p = sized(w, from, sizeof *p);
    if (!p)
        return NULL;
    p->options = options(w, p->options, p->n_options, 1);
    p->inputs = rows(w, p->inputs, p->n_inputs, w->theirs->port, sizeof(leat_port));
    p->outputs = rows(w, p->outputs, p->n_outputs, w->theirs->port, sizeof(leat_port));
    p->tables = rows(w, p->tables, p->n_tables, w->theirs->table, sizeof(leat_table));
    p->metrics = rows(w, p->metrics, p->n_metrics, w->theirs->metric, sizeof(leat_metric));
    p->source = sized(w, p->source, sizeof(leat_source));
    p->sink = sized(w, p->sink, sizeof(leat_sink));
    p->loop = sized(w, p->loop, sizeof(leat_loop_hooks));
    p->snapshot = sized(w, p->snapshot, sizeof(leat_snapshot));
    p->shared = sized(w, p->shared, sizeof(leat_shared));
    return p;
}

const leat_plugin *plugin_adopt(struct arena *a, const leat_plugin *theirs, struct err *err)
{
    struct adopter w = {a, &theirs->sizes, err, false};
    leat_plugin *p = rows(&w, theirs, 1, theirs->sizes.plugin, sizeof *p);
    const leat_processor **all = arena_zalloc(a, (p->n_processors + 1) * sizeof *all);
    for (uint32_t i = 0; p->processors && i < p->n_processors; i++)
        all[i] = processor(&w, p->processors[i]);
    p->processors = p->processors ? all : NULL;
    leat_codec *codecs = rows(&w, p->codecs, p->n_codecs, theirs->sizes.codec, sizeof *codecs);
    for (uint32_t i = 0; codecs && i < p->n_codecs; i++) {
        codecs[i].decode = processor(&w, codecs[i].decode);
        codecs[i].encode = processor(&w, codecs[i].encode);
    }
    p->codecs = codecs;
    if (!w.endless)
        return p;
    err_set(err, ENOEXEC, "describes groups of options that nest deeper than %d", OPTION_DEPTH);
    return NULL;
}
