/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c: JSON Schema of a table of options, for editors. */
#include "core/config/config.h"

static void put_choices(const char *choices, struct buf *out)
{
    buf_str(out, "\"enum\":[");
    for (const char *at = choices; *at;) {
        size_t n = strcspn(at, "|");
        buf_str(out, at == choices ? "" : ",");
        buf_json(out, (leat_text){at, n});
        at += n + (at[n] == '|');
    }
    buf_char(out, ']');
}

/* Numbers may also come from a parameter: "${name}". */
static void put_scalar(const leat_option *o, struct buf *out)
{
    static const char reference[] = "{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{\"}";
    switch (o->type) {
    case LEAT_OPT_BOOL:
        buf_printf(out, "\"anyOf\":[{\"type\":\"boolean\"},%s]", reference);
        break;
    case LEAT_OPT_I64:
        buf_printf(out, "\"anyOf\":[{\"type\":\"integer\"},%s]", reference);
        break;
    case LEAT_OPT_F64:
        buf_printf(out, "\"anyOf\":[{\"type\":\"number\"},%s]", reference);
        break;
    case LEAT_OPT_CHOICE:
        buf_str(out, "\"anyOf\":[{");
        put_choices(o->choices ? o->choices : "", out);
        buf_printf(out, "},%s]", reference);
        break;
    case LEAT_OPT_DURATION:
        buf_str(out, "\"type\":\"string\",\"pattern\":\"^([0-9.]+(us|ms|s|m|h|d|w))+$|\\\\$\\\\{\"");
        break;
    case LEAT_OPT_SIZE:
        buf_str(out, "\"type\":\"string\",\"pattern\":\"^[0-9.]+([KMGT]iB|[kMGT]B|B)$|\\\\$\\\\{\"");
        break;
    case LEAT_OPT_RATE:
        buf_str(out, "\"type\":\"string\",\"pattern\":\"^[0-9.]+/(s|m|h|d)$|\\\\$\\\\{\"");
        break;
    default: /* expressions may be plain numbers or booleans, too */
        buf_str(out, "\"type\":[\"string\",\"number\",\"boolean\"]");
    }
}

static void put_one(const leat_option *o, struct buf *out)
{
    if (o->type != LEAT_OPT_GROUP) {
        put_scalar(o, out);
        return;
    }
    bool bare = false;
    for (uint32_t i = 0; i < o->n_rows; i++)
        bare |= (o->rows[i].flags & LEAT_BARE) != 0;
    if (bare)
        buf_str(out, "\"anyOf\":[{\"type\":[\"string\",\"number\",\"boolean\"]},{");
    leat_option *rows = (leat_option *)(uintptr_t)o->rows;
    auto_buf inner = {0};
    options_schema(rows, o->n_rows, &inner);
    buf_add(out, inner.data + 1, inner.n - 2);
    if (bare)
        buf_str(out, "}]");
}

static void put_option(const leat_option *o, struct buf *out)
{
    buf_char(out, '{');
    if (o->doc) {
        buf_str(out, "\"description\":");
        buf_json(out, text_of(o->doc));
        buf_char(out, ',');
    }
    if (o->standard) {
        buf_str(out, "\"default\":");
        buf_json(out, text_of(o->standard));
        buf_char(out, ',');
    }
    if (o->flags & LEAT_DEPRECATED)
        buf_str(out, "\"deprecated\":true,");
    if (o->flags & LEAT_PAIRS) {
        buf_str(out, "\"type\":\"object\",\"additionalProperties\":{");
        put_one(o, out);
        buf_char(out, '}');
    } else if (o->flags & LEAT_MANY) {
        buf_str(out, "\"anyOf\":[{\"type\":\"array\",\"items\":{");
        put_one(o, out);
        buf_str(out, "}},{");
        put_one(o, out);
        buf_str(out, "}]");
    } else
        put_one(o, out);
    buf_char(out, '}');
}

void options_schema(const leat_option *rows, uint32_t n_rows, struct buf *out)
{
    const leat_option *rest = n_rows && strcmp(rows[n_rows - 1].name, "*") == 0 ? &rows[n_rows - 1] : NULL;
    auto_buf required = {0};
    buf_str(out, "{\"type\":\"object\",\"properties\":{");
    for (uint32_t i = 0; i < n_rows - (rest != NULL); i++) {
        buf_str(out, i ? "," : "");
        buf_json(out, text_of(rows[i].name));
        buf_char(out, ':');
        put_option(&rows[i], out);
        if (!(rows[i].flags & LEAT_REQUIRED) || rows[i].only_with)
            continue;
        buf_str(&required, required.n ? "," : "");
        buf_json(&required, text_of(rows[i].name));
    }
    buf_str(out, "},\"additionalProperties\":");
    if (rest) {
        buf_char(out, '{');
        put_one(rest, out);
        buf_char(out, '}');
    } else
        buf_str(out, "false");
    if (required.n)
        buf_printf(out, ",\"required\":[%s]", required.data);
    buf_char(out, '}');
}
