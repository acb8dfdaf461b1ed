/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.c: YAML 1.2 core schema to trees, by libyaml's events; refuses what flows do not use. */
#include "core/config/config.h"

#include "core/config/config_internal.h"

#include <ctype.h>
#include <yaml.h>

enum { NODES_MAX = 200000, DEPTH_MAX = 64 };

struct reader {
    yaml_parser_t parser;
    struct arena *a;
    struct findings *f;
    const char *file;
    leat_text source;
    VEC(size_t) lines;  /* byte where each line begins */
    struct map anchors; /* name to node */
    size_t nodes, depth;
    bool failed;
};

/* --- places ------------------------------------------------------------------------------------------------------ */

/* Bytes of the line end at s, as libyaml counts lines; 0: none. */
static size_t line_end(leat_text s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    if (p[0] == '\r')
        return s.n > 1 && p[1] == '\n' ? 2 : 1;
    if (p[0] == '\n')
        return 1;
    if (s.n > 1 && p[0] == 0xc2 && p[1] == 0x85)
        return 2;
    return s.n > 2 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9) ? 3 : 0;
}

static void find_lines(struct reader *r)
{
    *VEC_PUSH(&r->lines) = 0;
    for (size_t i = 0; i < r->source.n;) {
        size_t n = line_end((leat_text){r->source.data + i, r->source.n - i});
        i += n ? n : 1;
        if (n)
            *VEC_PUSH(&r->lines) = i;
    }
}

/* libyaml counts characters, we need bytes. */
static size_t byte_of(const struct reader *r, yaml_mark_t m)
{
    size_t at = m.line < r->lines.n ? r->lines.at[m.line] : r->source.n;
    for (size_t i = 0; i < m.column && at < r->source.n; i++)
        for (at++; at < r->source.n && ((unsigned char)r->source.data[at] & 0xc0) == 0x80;)
            at++;
    return at;
}

leat_text source_line(leat_text source, uint32_t line)
{
    size_t at = 0;
    for (uint32_t i = 1; i < line && at < source.n;) {
        size_t n = line_end((leat_text){source.data + at, source.n - at});
        at += n ? n : 1;
        i += n != 0;
    }
    size_t end = at;
    while (end < source.n && !line_end((leat_text){source.data + end, source.n - end}))
        end++;
    return (leat_text){source.data + at, end - at};
}

/* --- nodes ------------------------------------------------------------------------------------------------------- */

static struct node *node_new(struct reader *r, enum node_kind kind, const yaml_event_t *e)
{
    struct node *n = arena_zalloc(r->a, sizeof *n);
    n->kind = kind;
    n->file = r->file;
    n->line = (uint32_t)e->start_mark.line + 1;
    n->column = (uint32_t)e->start_mark.column + 1;
    n->text = TEXT("");
    n->key = TEXT("");
    if (++r->nodes > NODES_MAX && !r->failed) {
        r->failed = true;
        finding_add(r->f, FINDING_ERROR, "E112", n, "split it into fragments (include), or use fewer aliases",
                    "this file has more than %d values", NODES_MAX);
    }
    return n;
}

void node_append(struct arena *a, struct node *to, struct node *item)
{
    if ((to->n & (to->n - 1)) == 0) { /* room doubles at powers of two */
        struct node **items = arena_alloc(a, (to->n ? 2 * to->n : 1) * sizeof *items);
        if (to->n)
            memcpy(items, to->items, to->n * sizeof *items);
        to->items = items;
    }
    to->items[to->n++] = item;
    item->parent = to;
}

static bool digits(leat_text t, const char *set)
{
    for (size_t i = 0; i < t.n; i++)
        if (!t.data[i] || !strchr(set, t.data[i]))
            return false;
    return t.n > 0;
}

static bool is_one(leat_text t, const char *const *words)
{
    for (; *words; words++)
        if (text_is(t, *words))
            return true;
    return false;
}

static bool is_float(leat_text t)
{
    static const char *const words[] = {".inf",  ".Inf", ".INF", "+.inf", "-.inf", "-.Inf",
                                        "-.INF", ".nan", ".NaN", ".NAN",  NULL};
    if (is_one(t, words))
        return true;
    size_t i = t.n && (t.data[0] == '-' || t.data[0] == '+'), whole = 0, part = 0;
    for (; i < t.n && isdigit((unsigned char)t.data[i]); i++)
        whole++;
    if (i < t.n && t.data[i] == '.')
        for (i++; i < t.n && isdigit((unsigned char)t.data[i]); i++)
            part++;
    if (!whole && !part)
        return false;
    if (i < t.n && (t.data[i] == 'e' || t.data[i] == 'E')) {
        i++;
        i += i < t.n && (t.data[i] == '-' || t.data[i] == '+');
        return digits((leat_text){t.data + i, t.n - i}, "0123456789");
    }
    return i == t.n;
}

enum node_kind node_kind_of(leat_text t)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    if (is_one(t, nulls))
        return NODE_NULL;
    if (is_one(t, bools))
        return NODE_BOOL;
    size_t sign = t.data[0] == '-' || t.data[0] == '+';
    if (digits((leat_text){t.data + sign, t.n - sign}, "0123456789"))
        return NODE_INT;
    if (t.n > 2 && t.data[0] == '0' &&
        (t.data[1] == 'x' ? digits((leat_text){t.data + 2, t.n - 2}, "0123456789abcdefABCDEF")
                          : t.data[1] == 'o' && digits((leat_text){t.data + 2, t.n - 2}, "01234567")))
        return NODE_INT;
    return is_float(t) ? NODE_FLOAT : NODE_TEXT;
}

const char *node_kind_name(enum node_kind k)
{
    static const char *const names[] = {"nothing", "true or false", "a whole number", "a number",
                                        "a text",  "a list",        "a map"};
    return names[k];
}

const struct node *node_get(const struct node *map, const char *key)
{
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->n; i++)
        if (text_is(map->items[i]->key, key))
            return map->items[i];
    return NULL;
}

/* --- scalars ----------------------------------------------------------------------------------------------------- */

bool parentheses_unbalanced(leat_text t)
{
    long open = 0;
    for (size_t i = 0; i < t.n; i++) {
        open += (t.data[i] == '(') - (t.data[i] == ')');
        if (open < 0)
            return true;
    }
    return open != 0;
}

static void refuse_switch_words(struct reader *r, const struct node *n)
{
    static const char *const words[] = {"yes", "Yes", "YES", "no",  "No",  "NO", "on",
                                        "On",  "ON",  "off", "Off", "OFF", NULL};
    if (!is_one(n->text, words))
        return;
    bool positive = strchr("yY", n->text.data[0]) || tolower((unsigned char)n->text.data[1]) == 'n';
    finding_add(r->f, FINDING_ERROR, "E106", n,
                finding_text(r->f, "write %s, or \"" TEXT_FMT "\" for the word", positive ? "true" : "false",
                             TEXT_ARG(n->text)),
                "'" TEXT_FMT "' without quotes is read as %s by some YAML readers, as a word by others",
                TEXT_ARG(n->text), positive ? "true" : "false");
}

/* In { } and [ ] a comma ends a plain value, so an expression falls to pieces without an error of YAML. */
static void refuse_pieces(struct reader *r, const struct node *n)
{
    if (!n->flow || !n->plain || !parentheses_unbalanced(n->text))
        return;
    const char *right = line_corrected(&r->f->memory, source_line(r->source, n->line));
    finding_add(r->f, FINDING_ERROR, "E104", n,
                right ? finding_text(r->f, "quote the expression:\n%s", right) : "quote the expression",
                "a comma ended this value within its parentheses: '" TEXT_FMT "'", TEXT_ARG(n->text));
    r->failed = true;
}

static bool comment_follows(const struct reader *r, size_t at)
{
    while (at < r->source.n && (r->source.data[at] == ' ' || r->source.data[at] == '\t'))
        at++;
    return at < r->source.n && r->source.data[at] == '#';
}

static struct node *scalar(struct reader *r, const yaml_event_t *e, bool flow)
{
    const char *tag = (const char *)e->data.scalar.tag;
    struct node *n = node_new(r, NODE_TEXT, e);
    size_t from = byte_of(r, e->start_mark), to = byte_of(r, e->end_mark);
    n->text = arena_text(r->a, (leat_text){(const char *)e->data.scalar.value, e->data.scalar.length});
    n->source = (leat_text){r->source.data + from, to - from};
    n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    n->flow = flow;
    n->cut = n->plain && n->text.n && comment_follows(r, to);
    if (memchr(n->text.data, 0, n->text.n))
        finding_add(r->f, FINDING_ERROR, "E102", n, NULL, "a text cannot hold a zero byte");
    if (n->plain && !(tag && strcmp(tag, YAML_STR_TAG) == 0)) {
        n->kind = node_kind_of(n->text);
        refuse_switch_words(r, n);
        refuse_pieces(r, n);
    }
    return n;
}

static void check_tag(struct reader *r, const struct node *n, const yaml_char_t *tag)
{
    static const char *const core[] = {YAML_STR_TAG,  YAML_INT_TAG,  YAML_FLOAT_TAG,
                                       YAML_BOOL_TAG, YAML_NULL_TAG, YAML_MAP_TAG,
                                       YAML_SEQ_TAG,  "!",           NULL};
    if (tag && !is_one(text_of((const char *)tag), core))
        finding_add(r->f, FINDING_ERROR, "E110", n, "leave it out; a text that begins with ! needs quotes",
                    "the tag '%s' means nothing here", (const char *)tag);
}

/* --- the tree ---------------------------------------------------------------------------------------------------- */

static struct node *value(struct reader *r, yaml_event_t *e, bool flow);

/* libyaml says what it stumbled over; we say what people did. */
static void yaml_failed(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    yaml_mark_t m = p->error == YAML_READER_ERROR ? (yaml_mark_t){0} : p->problem_mark;
    struct node at = {.file = r->file, .line = (uint32_t)m.line + 1, .column = (uint32_t)m.column + 1};
    leat_text line = source_line(r->source, at.line);
    size_t byte = byte_of(r, m);
    char c = byte < r->source.n ? r->source.data[byte] : 0;
    const char *right = line_corrected(&r->f->memory, line);
    if (!right && p->context_mark.line + 1 < at.line && p->context) {
        leat_text before = source_line(r->source, (uint32_t)p->context_mark.line + 1);
        right = line_corrected(&r->f->memory, before);
    }
    r->failed = true;
    if (p->error == YAML_READER_ERROR)
        finding_add(r->f, FINDING_ERROR, "E102", &(struct node){.file = r->file}, "save it as UTF-8 text",
                    "not readable as UTF-8 text: %s (byte %zu)", p->problem, p->problem_offset);
    else if (c == '\t')
        finding_add(r->f, FINDING_ERROR, "E113", &at, "indent with spaces", "a tab cannot indent in YAML");
    else if (right)
        finding_add(
            r->f, FINDING_ERROR, c == '@' || c == '`' ? "E114" : "E103", &at, finding_text(r->f, "write:\n%s", right),
            c == '@' || c == '`' ? "a value cannot start with '%c' unless it is quoted"
                                 : "this is no YAML: a value with { } [ ] , : # or quotes in it needs quotes around it",
            c);
    else
        finding_add(r->f, FINDING_ERROR, "E102", &at, NULL, "this is no YAML: %s%s%s",
                    p->problem ? p->problem : "broken", p->context ? " " : "", p->context ? p->context : "");
}

static bool next(struct reader *r, yaml_event_t *e)
{
    if (r->failed)
        return false;
    if (yaml_parser_parse(&r->parser, e))
        return true;
    yaml_failed(r);
    return false;
}

static void remember(struct reader *r, const yaml_char_t *anchor, struct node *n)
{
    if (anchor)
        *map_at(&r->anchors, text_of((const char *)anchor)) = n;
}

static struct node *list(struct reader *r, const yaml_event_t *start)
{
    struct node *n = node_new(r, NODE_LIST, start);
    bool flow = start->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    yaml_event_t e;
    check_tag(r, n, start->data.sequence_start.tag);
    while (next(r, &e)) {
        if (e.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&e);
            remember(r, start->data.sequence_start.anchor, n);
            return n;
        }
        struct node *item = value(r, &e, flow);
        yaml_event_delete(&e);
        if (item)
            node_append(r->a, n, item);
    }
    return n;
}

/* The key of the next member; NULL if it cannot be one (said already). */
static struct node *key(struct reader *r, yaml_event_t *e, const struct node *map, bool flow)
{
    struct node *k = value(r, e, flow);
    if (!k)
        return NULL;
    if (k->kind == NODE_LIST || k->kind == NODE_MAP || k->kind == NODE_NULL)
        finding_add(r->f, FINDING_ERROR, "E109", k, "a value that begins with { or [ needs quotes",
                    "a key must be a text, this is %s", node_kind_name(k->kind));
    else if (text_is(k->text, "<<") && k->plain)
        finding_add(r->f, FINDING_ERROR, "E108", k, "write the keys out, or use an alias for a whole value (*name)",
                    "merge keys (<<) are not part of YAML 1.2");
    const struct node *first = node_get(map, k->text.data);
    if (first)
        finding_add(r->f, FINDING_ERROR, "E107", k, finding_text(r->f, "the first one is in line %u", first->key_line),
                    "the key '" TEXT_FMT "' is here twice", TEXT_ARG(k->text));
    return k;
}

static struct node *mapping(struct reader *r, const yaml_event_t *start)
{
    struct node *n = node_new(r, NODE_MAP, start);
    bool flow = start->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    yaml_event_t e;
    check_tag(r, n, start->data.mapping_start.tag);
    while (next(r, &e)) {
        if (e.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&e);
            remember(r, start->data.mapping_start.anchor, n);
            return n;
        }
        struct node *k = key(r, &e, n, flow);
        yaml_event_delete(&e);
        if (!k || !next(r, &e))
            return n;
        struct node *item = value(r, &e, flow);
        yaml_event_delete(&e);
        if (!item)
            return n;
        item->key = k->text;
        item->key_line = k->line;
        item->key_column = k->column;
        node_append(r->a, n, item);
    }
    return n;
}

static struct node *copy(struct reader *r, const struct node *from, const yaml_event_t *e)
{
    struct node *n = node_new(r, from->kind, e);
    struct node place = *n;
    *n = *from;
    n->line = place.line;
    n->column = place.column;
    n->source = (leat_text){0};
    n->parent = NULL;
    n->items = NULL;
    n->n = 0;
    for (size_t i = 0; i < from->n && !r->failed; i++)
        node_append(r->a, n, copy(r, from->items[i], e));
    return n;
}

static struct node *alias(struct reader *r, const yaml_event_t *e)
{
    const char *name = (const char *)e->data.alias.anchor;
    const struct node *n = map_get(&r->anchors, text_of(name));
    if (n)
        return copy(r, n, e);
    n = node_new(r, NODE_NULL, e);
    finding_add(r->f, FINDING_ERROR, "E111", n, "a text that begins with * needs quotes",
                "no anchor &%s stands before this", name);
    return (struct node *)(uintptr_t)n;
}

static struct node *value(struct reader *r, yaml_event_t *e, bool flow)
{
    if (r->depth >= DEPTH_MAX) {
        finding_add(r->f, FINDING_ERROR, "E112", node_new(r, NODE_NULL, e), NULL, "nested deeper than %d", DEPTH_MAX);
        r->failed = true;
        return NULL;
    }
    struct node *n = NULL;
    r->depth++;
    if (e->type == YAML_SCALAR_EVENT) {
        n = scalar(r, e, flow);
        check_tag(r, n, e->data.scalar.tag);
        remember(r, e->data.scalar.anchor, n);
    } else if (e->type == YAML_SEQUENCE_START_EVENT)
        n = list(r, e);
    else if (e->type == YAML_MAPPING_START_EVENT)
        n = mapping(r, e);
    else if (e->type == YAML_ALIAS_EVENT)
        n = alias(r, e);
    r->depth--;
    return n;
}

static struct node *stream(struct reader *r)
{
    struct node *root = NULL;
    yaml_event_t e;
    for (bool more = true; more && next(r, &e); yaml_event_delete(&e)) {
        if (e.type == YAML_STREAM_END_EVENT)
            more = false;
        else if (e.type == YAML_DOCUMENT_START_EVENT && root) {
            finding_add(r->f, FINDING_ERROR, "E112", node_new(r, NODE_NULL, &e), "one flow is one file",
                        "a second document begins here (---)");
            more = false;
        } else if (e.type != YAML_STREAM_START_EVENT && e.type != YAML_DOCUMENT_START_EVENT &&
                   e.type != YAML_DOCUMENT_END_EVENT)
            root = value(r, &e, false);
    }
    return r->failed ? NULL : root;
}

struct node *tree_parse(struct arena *a, const char *file, leat_text source, struct findings *f)
{
    struct reader r = {.a = a, .f = f, .file = file, .source = source};
    findings_source(f, file, source);
    find_lines(&r);
    if (!yaml_parser_initialize(&r.parser))
        return NULL;
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)source.data, source.n);
    struct node *root = stream(&r);
    yaml_parser_delete(&r.parser);
    map_fini(&r.anchors);
    VEC_FINI(&r.lines);
    return root;
}

/* --- documents --------------------------------------------------------------------------------------------------- */

size_t document_parse(struct document *d, const char *name, leat_text source, struct findings *f)
{
    size_t before = f->errors;
    if (source.n >= 3 && memcmp(source.data, "\xef\xbb\xbf", 3) == 0)
        source = (leat_text){source.data + 3, source.n - 3};
    d->file = arena_strdup(&d->memory, name);
    d->source = arena_text(&d->memory, source);
    d->root = tree_parse(&d->memory, d->file, d->source, f);
    return f->errors - before;
}

size_t document_read(struct document *d, const char *path, struct findings *f)
{
    auto_buf text = {0};
    struct err err;
    d->file = arena_strdup(&d->memory, path);
    if (read_file(path, &text, &err) < 0) {
        finding_add(f, FINDING_ERROR, "E101", &(struct node){.file = d->file}, NULL, "%s", err.text);
        return 1;
    }
    return document_parse(d, path, buf_view(&text), f);
}

struct node *document_fragment(struct document *d, const char *path, struct findings *f)
{
    auto_buf text = {0};
    struct err err;
    if (read_file(path, &text, &err) < 0) {
        finding_add(f, FINDING_ERROR, "E101", &(struct node){.file = arena_strdup(&d->memory, path)}, NULL, "%s",
                    err.text);
        return NULL;
    }
    return tree_parse(&d->memory, arena_strdup(&d->memory, path), arena_text(&d->memory, buf_view(&text)), f);
}

void document_fini(struct document *d)
{
    arena_fini(&d->memory);
    *d = (struct document){0};
}
