/* SPDX-License-Identifier: Apache-2.0 */
/* made_up.c: options and records that nobody chose, for checking plugins. */
#include "core/cli/made_up.h"

#include <inttypes.h>

/* --- options -------------------------------------------------------------------------------------------------------
 */

static bool is_wanted(const leat_option *rows, uint32_t i)
{
    bool first_of_these = rows[i].flags & LEAT_ONE_OF && (i == 0 || !(rows[i - 1].flags & LEAT_ONE_OF));
    return rows[i].flags & LEAT_REQUIRED || first_of_these;
}

static void option_map(struct buf *out, const leat_option *rows, uint32_t n);

static void quoted(struct buf *out, const char *before, const char *name)
{
    auto_free char *text = xasprintf("%s%s", before, name);
    buf_json(out, text_of(text));
}

/* The lowest value that the range allows, else `other`. */
static void lowest(struct buf *out, const leat_option *o, const char *other)
{
    const char *dots = o->range ? strstr(o->range, "..") : NULL;
    if (dots && dots != o->range)
        buf_add(out, o->range, (size_t)(dots - o->range));
    else
        buf_str(out, other);
}

static void option_value(struct buf *out, const leat_option *o)
{
    const char *name = strcmp(o->name, "*") == 0 ? "any" : o->name;
    switch (o->type) {
    case LEAT_OPT_BOOL:
        buf_str(out, "true");
        break;
    case LEAT_OPT_I64:
    case LEAT_OPT_F64:
        lowest(out, o, "3");
        break;
    case LEAT_OPT_DURATION:
        lowest(out, o, "1s");
        break;
    case LEAT_OPT_SIZE:
        lowest(out, o, "1MiB");
        break;
    case LEAT_OPT_RATE:
        lowest(out, o, "1000/s");
        break;
    case LEAT_OPT_TIME:
        buf_str(out, "2026-01-01T00:00:00Z");
        break;
    case LEAT_OPT_CHOICE:
        buf_add(out, o->choices, strcspn(o->choices, "|"));
        break;
    case LEAT_OPT_READ:
    case LEAT_OPT_KEY:
        quoted(out, "f_", name);
        break;
    case LEAT_OPT_TEMPLATE:
        buf_printf(out, "\"x-{f_%s}\"", name);
        break;
    case LEAT_OPT_WRITE:
        quoted(out, "w_", name);
        break;
    case LEAT_OPT_AGGREGATE:
        buf_printf(out, "\"%.*s()\"", (int)strcspn(o->choices, "|"), o->choices);
        break;
    case LEAT_OPT_GROUP:
        option_map(out, o->rows, o->n_rows);
        break;
    default: /* TEXT, INPUT, OUTPUT */
        quoted(out, o->flags & LEAT_SECRET ? "secret-" : "", name);
    }
}

static void option(struct buf *out, const leat_option *o)
{
    if (strcmp(o->name, "*") != 0)
        buf_printf(out, "\"%s\": ", o->name);
    bool list = o->flags & LEAT_MANY, map = o->flags & LEAT_PAIRS;
    bool inside = strcmp(o->name, "*") == 0; /* its pairs stand in the map around it */
    buf_str(out, list ? "[" : map && !inside ? "{" : "");
    if (map)
        buf_str(out, o->names == LEAT_OPT_OUTPUT ? "one: " : "w_one: ");
    option_value(out, o);
    buf_str(out, list ? "]" : map && !inside ? "}" : "");
}

static void option_map(struct buf *out, const leat_option *rows, uint32_t n)
{
    bool any = false;
    buf_char(out, '{');
    for (uint32_t i = 0; i < n; i++) {
        if (!is_wanted(rows, i))
            continue;
        buf_str(out, any ? ", " : "");
        option(out, &rows[i]);
        any = true;
    }
    buf_char(out, '}');
}

void made_up_flow(struct buf *out, const leat_processor *p, const char *with)
{
    buf_str(out, "leat: 1\nflow: check\nprocessors:\n  in:\n    source: stdin\n  it:\n");
    buf_printf(out, "    %s: %s\n    from: in\n    with: ", p->kind == LEAT_MODEL ? "model" : "transform", p->name);
    if (with)
        buf_str(out, with);
    else
        option_map(out, p->options, p->n_options);
    buf_str(out, "\n    ignore: [");
    bool any = false;
    for (uint32_t i = 0; i < p->n_outputs; i++)
        if (strcmp(p->outputs[i].name, "out") != 0 && strcmp(p->outputs[i].name, "*") != 0) {
            buf_printf(out, "%s%s", any ? ", " : "", p->outputs[i].name);
            any = true;
        }
    bool named = p->n_outputs && strcmp(p->outputs[p->n_outputs - 1].name, "*") == 0 && !with;
    bool has_out = !p->n_outputs || strcmp(p->outputs[0].name, "out") == 0;
    buf_printf(out, "]\n  out:\n    sink: \"null\"\n    from: %s\n", has_out ? "it" : named ? "it.one" : "in");
}

/* --- records -------------------------------------------------------------------------------------------------------
 */

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void json_value(struct buf *out, uint32_t type, uint64_t r)
{
    static const char *const texts[] = {
        "\"\"", "\"a\"", "\"warehouse 7\"", "\"\\u00fc\\u20ac\"", "\"{\\\"n\\\": 1}\"", "\"12\"", "\"x\\ny\""};
    static const char *const ints[] = {"0", "-1", "9223372036854775807", "-9223372036854775808"};
    static const char *const floats[] = {"0.0", "-0.5", "1e300", "1e-300"};
    bool edge = r % 13 == 0;
    switch (type) {
    case LEAT_BOOL:
        buf_str(out, r & 16 ? "true" : "false");
        break;
    case LEAT_I64:
        edge ? buf_str(out, ints[r / 13 % N_OF(ints)]) : buf_printf(out, "%d", (int)(r % 2000) - 1000);
        break;
    case LEAT_F64:
        edge ? buf_str(out, floats[r / 13 % N_OF(floats)])
             : buf_printf(out, "%d.%02d", (int)(r % 2000) - 1000, (int)(r >> 20) % 25 * 4);
        break;
    case LEAT_DEC:
        buf_printf(out, "%d.%02d", (int)(r % 2000), (int)(r >> 20) % 100);
        break;
    case LEAT_TIME:
        buf_printf(out, "\"2026-01-%02dT%02d:00:00Z\"", (int)(r % 28) + 1, (int)(r >> 20) % 24);
        break;
    case LEAT_JSON:
        buf_printf(out, r & 16 ? "{\"n\": %d, \"lines\": [{\"qty\": 1}, {\"qty\": %d}]}" : "[%d, \"two\", null, %d]",
                   (int)(r % 100), (int)(r >> 20) % 100);
        break;
    case LEAT_NULL: /* as it comes: anything */
        json_value(out, (uint32_t[]){LEAT_I64, LEAT_F64, LEAT_TEXT, LEAT_BOOL, LEAT_JSON}[r / 7 % 5], r >> 3);
        break;
    default:
        buf_str(out, texts[r % N_OF(texts)]);
    }
}

/* "a.b" as {"a": {"b": value}}, "a[].b" as {"a": [{"b": value}, ...]}. */
static void json_at(struct buf *out, leat_text path, uint32_t type, uint64_t r)
{
    size_t n = 0;
    while (n < path.n && path.data[n] != '.' && path.data[n] != '[')
        n++;
    if (!path.n) {
        json_value(out, type, r);
    } else if (path.data[0] == '[') {
        size_t end = (size_t)((char *)memchr(path.data, ']', path.n) - path.data) + 1;
        buf_char(out, '[');
        for (uint64_t i = 0; i < r % 4; i++) {
            buf_str(out, i ? "," : "");
            json_at(out, (leat_text){path.data + end, path.n - end}, type, r >> i);
        }
        buf_char(out, ']');
    } else if (path.data[0] == '.') {
        json_at(out, (leat_text){path.data + 1, path.n - 1}, type, r);
    } else {
        bool quotes = path.data[0] == '"';
        buf_str(out, "{");
        quotes ? buf_text(out, (leat_text){path.data, n}) : buf_json(out, (leat_text){path.data, n});
        buf_char(out, ':');
        json_at(out, (leat_text){path.data + n, path.n - n}, type, r);
        buf_char(out, '}');
    }
}

static bool is_field(const struct binding *b)
{
    return b->how == LEAT_READ && b->path >= PATH_FIRST_FIELD;
}

/* Its members without the braces, or nothing where it is to be missing. */
static void field(struct buf *out, const struct plan *plan, const struct binding *b, uint64_t r)
{
    auto_buf one = {0};
    leat_text path = paths_text(plan->paths, b->path);
    uint32_t type = b->type & ~(uint32_t)LEAT_LIST;
    if (path.data[0] == '$' || r % 17 == 0)
        return;
    json_at(&one, path, r % 19 == 0 ? LEAT_NULL : type, r >> 8);
    if (r % 23 == 0) {
        one.n = 0;
        buf_char(&one, '{');
        buf_json(&one, (leat_text){path.data, strcspn(path.data, ".[")});
        buf_str(&one, ":null}");
    }
    buf_char(out, ',');
    buf_text(out, (leat_text){one.data + 1, one.n - 2});
}

void made_up_records(struct buf *out, const struct plan *plan, const struct planned *p, uint32_t n)
{
    uint64_t seed = 88172645463325252u;
    for (uint32_t i = 0; i < n; i++) {
        buf_printf(out, "{\"record\":%" PRIu32, i);
        for (size_t k = 0; k < p->n_bindings; k++)
            if (is_field(&p->bindings[k]))
                field(out, plan, &p->bindings[k], next(&seed));
        buf_printf(out, ",\"rest\":\"%" PRIx64 "\"}\n", next(&seed));
    }
}
