/* SPDX-License-Identifier: Apache-2.0 */
/* flow_schema.c: JSON Schema of flow files, with the options of the plugins that are there: for editors. */
#include "core/graph/graph_internal.h"

/* Options may come from a connection, so none is required of `with` alone. The final brace is left out. */
static size_t length_without_required(const struct buf *options)
{
    static const char word[] = ",\"required\":[";
    size_t n = options->n;
    if (n < 2 || memcmp(options->data + n - 2, "]}", 2) != 0)
        return n - 1;
    while (n > sizeof word && memcmp(options->data + n - (sizeof word - 1), word, sizeof word - 1) != 0)
        n--;
    return n - (sizeof word - 1);
}

/* `with` of one processor: the plugin's options and the host's. */
static void put_with(const leat_processor *p, struct buf *out)
{
    auto_buf options = {0};
    options_schema(p->options, p->n_options, &options);
    static const char open[] = "{\"type\":\"object\",\"properties\":{";
    ASSERT(options.n > sizeof open && memcmp(options.data, open, sizeof open - 1) == 0);
    buf_str(out, open);
    buf_str(out, "\"use\":{\"type\":\"string\",\"description\":\"a connection of this flow\"}");
    for (const char *const *key = host_keys_of(p); *key; key++) {
        bool own = false;
        for (uint32_t i = 0; i < p->n_options; i++)
            own |= strcmp(p->options[i].name, *key) == 0;
        if (own)
            continue;
        buf_printf(out, ",\"%s\":", *key);
        common_schema(*key, out);
    }
    if (p->n_options && strcmp(p->options[0].name, "*") != 0)
        buf_char(out, ',');
    buf_add(out, options.data + sizeof open - 1, length_without_required(&options) - (sizeof open - 1));
    buf_char(out, '}');
}

static void put_choice(const leat_processor *p, struct buf *out)
{
    buf_printf(out, "{\"if\":{\"required\":[\"%s\"],\"properties\":{\"%s\":{\"const\":", graph_kind_word(p->kind),
               graph_kind_word(p->kind));
    buf_json(out, text_of(p->name));
    buf_str(out, "}}},\"then\":{\"properties\":{\"with\":");
    put_with(p, out);
    buf_str(out, "}}}");
}

static void put_names(struct registry *r, uint32_t kind, struct buf *out)
{
    size_t n;
    const struct plugin_file *files = registry_files(r, &n);
    bool first = true;
    buf_printf(out, "\"%s\":{\"enum\":[", graph_kind_word(kind));
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < files[i].n_processors; k++)
            if (files[i].processors[k].kind == kind && !files[i].broken) {
                buf_str(out, first ? "" : ",");
                buf_json(out, text_of(files[i].processors[k].name));
                first = false;
            }
    buf_str(out, "]},");
}

static void put_processors(struct registry *r, struct buf *out)
{
    size_t n;
    const struct plugin_file *files = registry_files(r, &n);
    bool first = true;
    buf_str(out, "{\"type\":\"object\",\"properties\":{");
    for (uint32_t kind = LEAT_SOURCE; kind <= LEAT_SINK; kind++)
        put_names(r, kind, out);
    buf_str(out,
            "\"from\":{\"description\":\"a processor, name.port, a list of those, or a map input: list\"},"
            "\"with\":{\"type\":\"object\"},\"schema\":{\"type\":[\"object\",\"array\",\"string\"]},"
            "\"strict\":{\"enum\":[\"reject\",\"warn\"]},\"require\":{\"enum\":[\"exactly_once\",\"at_least_once\"]},"
            "\"ignore\":{\"type\":[\"array\",\"string\"]},\"enabled\":{\"type\":[\"boolean\",\"string\"]},"
            "\"lanes\":{\"enum\":[1,\"auto\"]},\"description\":{\"type\":\"string\"},\"on_error\":");
    common_schema("on_error", out);
    buf_str(out,
            "},\"additionalProperties\":false,\"oneOf\":[{\"required\":[\"source\"]},{\"required\":[\"transform\"]},"
            "{\"required\":[\"model\"]},{\"required\":[\"sink\"]}],\"allOf\":[");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < files[i].n_processors && !files[i].broken; k++) {
            struct err err;
            const struct plugin_file *file;
            const leat_processor *p =
                registry_processor(r, files[i].processors[k].kind, text_of(files[i].processors[k].name), &file, &err);
            if (!p)
                continue;
            buf_str(out, first ? "" : ",");
            put_choice(p, out);
            first = false;
        }
    buf_str(out, first ? "true]}" : "]}");
}

void flow_schema_json(struct registry *r, struct buf *out)
{
    buf_str(out, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"title\":\"Leat flow\",\"type\":\"object\","
                 "\"required\":[\"leat\",\"flow\",\"processors\"],\"additionalProperties\":false,\"properties\":{"
                 "\"leat\":{\"const\":1},\"flow\":{\"type\":\"string\",\"pattern\":\"^[a-z][a-z0-9_-]*$\"},"
                 "\"description\":{\"type\":\"string\"},\"parameters\":{\"type\":\"object\"},"
                 "\"connections\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\",\"minProperties\":"
                 "1,\"maxProperties\":1}},"
                 "\"plugins\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
                 "\"dead_letters\":{\"type\":\"object\",\"properties\":{\"to\":{\"type\":\"string\"}},\"required\":["
                 "\"to\"],\"additionalProperties\":false},"
                 "\"include\":{\"type\":[\"array\",\"string\"]},\"require\":{\"enum\":[\"exactly_once\",\"at_least_"
                 "once\"]},\"settings\":");
    settings_schema(out);
    buf_str(out, ",\"processors\":{\"type\":\"object\",\"propertyNames\":{\"pattern\":\"^[a-z][a-z0-9_-]*$\"},"
                 "\"additionalProperties\":");
    put_processors(r, out);
    buf_str(out, "}}}\n");
}
