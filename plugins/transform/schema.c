/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c: the keywords of JSON Schema (draft 2020-12, Validation) that describe records: type, enum, const,
 * properties, required, additionalProperties, items, minItems, maxItems, minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum, minLength, maxLength, pattern. Annotations are passed over; any other keyword is refused, so that
 * no rule is silently left out. */
#include "schema.h"

#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

struct block { /* memory of the schema's tree */
    struct block *next;
};
struct pattern { /* compiled, found by the node that holds its text */
    const struct json *of;
    regex_t regex;
    struct pattern *next;
};
struct schema {
    struct block *blocks;
    struct pattern *patterns;
    char *text;
    const struct json *root;
};
struct check {
    const struct schema *schema;
    struct json_memory m;
    char *why;
    char path[256]; /* of the value under test */
};

static bool failed(struct check *c, const struct json *value, const char *rule, leat_text what)
{
    const char *name = c->path[0] ? c->path : "the record";
    snprintf(c->why, SCHEMA_WHY, "%s%s%s is %.*s%s, and must %s%.*s", c->path[0] ? "field '" : "", name,
             c->path[0] ? "'" : "", (int)(value->text.n < 80 ? value->text.n : 80), value->text.data,
             value->text.n > 80 ? "..." : "", rule, (int)(what.n < 120 ? what.n : 120), what.data);
    return false;
}

/* --- rules ------------------------------------------------------------------------------------------------------- */

static bool is_whole(const struct json *v)
{
    double x = json_number(v);
    return v->kind == JSON_NUMBER && (!memchr(v->text.data, '.', v->text.n) ? true : x == floor(x));
}

static bool has_type(const struct json *v, leat_text type)
{
    static const struct {
        const char *name;
        unsigned kinds;
    } types[] = {{"null", 1 << JSON_NULL},     {"boolean", 1 << JSON_TRUE | 1 << JSON_FALSE},
                 {"number", 1 << JSON_NUMBER}, {"string", 1 << JSON_TEXT},
                 {"array", 1 << JSON_ARRAY},   {"object", 1 << JSON_OBJECT},
                 {"integer", 1 << JSON_NUMBER}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strlen(types[i].name) + 2 == type.n && memcmp(types[i].name, type.data + 1, type.n - 2) == 0)
            return (types[i].kinds >> v->kind & 1) && (types[i].kinds != 1 << JSON_NUMBER || i == 2 || is_whole(v));
    return false;
}

static bool check_type(struct check *c, const struct json *v, const struct json *rule)
{
    if (rule->kind == JSON_TEXT)
        return has_type(v, rule->text) || failed(c, v, "be of type ", rule->text);
    for (const struct json *t = rule->first; t; t = t->next)
        if (has_type(v, t->text))
            return true;
    return failed(c, v, "be of one of the types ", rule->text);
}

static bool check_enum(struct check *c, const struct json *v, const struct json *rule)
{
    for (const struct json *one = rule->first; one; one = one->next)
        if (json_equal(v, one))
            return true;
    return failed(c, v, "be one of ", rule->text);
}

static bool check_const(struct check *c, const struct json *v, const struct json *rule)
{
    return json_equal(v, rule) || failed(c, v, "be ", rule->text);
}

static bool check_minimum(struct check *c, const struct json *v, const struct json *rule)
{
    return v->kind != JSON_NUMBER || json_number(v) >= json_number(rule) || failed(c, v, "be at least ", rule->text);
}

static bool check_maximum(struct check *c, const struct json *v, const struct json *rule)
{
    return v->kind != JSON_NUMBER || json_number(v) <= json_number(rule) || failed(c, v, "be at most ", rule->text);
}

static bool check_above(struct check *c, const struct json *v, const struct json *rule)
{
    return v->kind != JSON_NUMBER || json_number(v) > json_number(rule) || failed(c, v, "be more than ", rule->text);
}

static bool check_below(struct check *c, const struct json *v, const struct json *rule)
{
    return v->kind != JSON_NUMBER || json_number(v) < json_number(rule) || failed(c, v, "be less than ", rule->text);
}

static double characters(struct check *c, const struct json *v)
{
    return (double)json_characters(json_text(c->m, v));
}

static bool check_min_length(struct check *c, const struct json *v, const struct json *rule)
{
    return v->kind != JSON_TEXT || characters(c, v) >= json_number(rule) ||
           failed(c, v, "have at least so many characters: ", rule->text);
}

static bool check_max_length(struct check *c, const struct json *v, const struct json *rule)
{
    return v->kind != JSON_TEXT || characters(c, v) <= json_number(rule) ||
           failed(c, v, "have at most so many characters: ", rule->text);
}

static bool check_min_items(struct check *c, const struct json *v, const struct json *rule)
{
    return v->kind != JSON_ARRAY || v->n >= json_number(rule) ||
           failed(c, v, "have at least so many elements: ", rule->text);
}

static bool check_max_items(struct check *c, const struct json *v, const struct json *rule)
{
    return v->kind != JSON_ARRAY || v->n <= json_number(rule) ||
           failed(c, v, "have at most so many elements: ", rule->text);
}

static bool check_pattern(struct check *c, const struct json *v, const struct json *rule)
{
    if (v->kind != JSON_TEXT)
        return true;
    const struct pattern *p = c->schema->patterns;
    while (p && p->of != rule)
        p = p->next;
    leat_text t = json_text(c->m, v);
    regmatch_t whole = {.rm_so = 0, .rm_eo = (regoff_t)t.n};
    return (p && regexec(&p->regex, t.data, 1, &whole, REG_STARTEND) == 0) || failed(c, v, "match ", rule->text);
}

static bool check_value(struct check *c, const struct json *v, const struct json *schema);

/* The same for a part of the value, whose name is added to the path meanwhile. */
static bool check_part(struct check *c, const struct json *v, const struct json *schema, leat_text name, unsigned at)
{
    size_t n = strlen(c->path);
    if (name.data)
        snprintf(c->path + n, sizeof c->path - n, "%s%.*s", n ? "." : "", (int)name.n, name.data);
    else
        snprintf(c->path + n, sizeof c->path - n, "[%u]", at);
    bool ok = check_value(c, v, schema);
    c->path[n] = 0;
    return ok;
}

static bool check_required(struct check *c, const struct json *v, const struct json *rule)
{
    if (v->kind != JSON_OBJECT)
        return true;
    for (const struct json *name = rule->first; name; name = name->next) {
        char text[256];
        snprintf(text, sizeof text, "%.*s", (int)name->text.n - 2, name->text.data + 1);
        if (json_member(v, text))
            continue;
        snprintf(c->why, SCHEMA_WHY, "field '%.100s%s%.200s' is missing", c->path, c->path[0] ? "." : "", text);
        return false;
    }
    return true;
}

static bool check_properties(struct check *c, const struct json *v, const struct json *rule)
{
    for (const struct json *p = v->kind == JSON_OBJECT ? rule->first : NULL; p; p = p->next) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)p->name.n, p->name.data);
        const struct json *part = json_member(v, name);
        if (part && !check_part(c, part, p, p->name, 0))
            return false;
    }
    return true;
}

static bool check_additional(struct check *c, const struct json *v, const struct json *rule, const struct json *schema)
{
    const struct json *properties = json_member(schema, "properties");
    for (const struct json *part = v->kind == JSON_OBJECT ? v->first : NULL; part; part = part->next) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)part->name.n, part->name.data);
        if (properties && json_member(properties, name))
            continue;
        if (rule->kind == JSON_FALSE) {
            snprintf(c->why, SCHEMA_WHY, "field '%.100s%s%.200s' is not allowed", c->path, c->path[0] ? "." : "", name);
            return false;
        }
        if (!check_part(c, part, rule, part->name, 0))
            return false;
    }
    return true;
}

static bool check_items(struct check *c, const struct json *v, const struct json *rule)
{
    unsigned at = 0;
    for (const struct json *part = v->kind == JSON_ARRAY ? v->first : NULL; part; part = part->next, at++)
        if (!check_part(c, part, rule, (leat_text){0}, at))
            return false;
    return true;
}

/* What a keyword's value must be: kinds that are allowed, as bits. */
#define KIND(k) (1u << (k))
static const unsigned is_schema = KIND(JSON_OBJECT) | KIND(JSON_TRUE) | KIND(JSON_FALSE);
static const struct keyword {
    const char *name;
    bool (*check)(struct check *c, const struct json *v, const struct json *rule);
    unsigned kinds;
} keywords[] = {
    {"type", check_type, KIND(JSON_TEXT) | KIND(JSON_ARRAY)},
    {"enum", check_enum, KIND(JSON_ARRAY)},
    {"const", check_const, ~0u},
    {"required", check_required, KIND(JSON_ARRAY)},
    {"properties", check_properties, KIND(JSON_OBJECT)},
    {"items", check_items, KIND(JSON_OBJECT) | KIND(JSON_TRUE) | KIND(JSON_FALSE)},
    {"minimum", check_minimum, KIND(JSON_NUMBER)},
    {"maximum", check_maximum, KIND(JSON_NUMBER)},
    {"exclusiveMinimum", check_above, KIND(JSON_NUMBER)},
    {"exclusiveMaximum", check_below, KIND(JSON_NUMBER)},
    {"minLength", check_min_length, KIND(JSON_NUMBER)},
    {"maxLength", check_max_length, KIND(JSON_NUMBER)},
    {"minItems", check_min_items, KIND(JSON_NUMBER)},
    {"maxItems", check_max_items, KIND(JSON_NUMBER)},
    {"pattern", check_pattern, KIND(JSON_TEXT)},
    {"additionalProperties", NULL, KIND(JSON_OBJECT) | KIND(JSON_TRUE) | KIND(JSON_FALSE)},
};
static const char *const annotations[] = {"$schema",  "$id",    "$comment",   "title",    "description", "default",
                                          "examples", "format", "deprecated", "readOnly", "writeOnly"};

static const struct keyword *keyword_of(leat_text name)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strlen(keywords[i].name) == name.n && memcmp(keywords[i].name, name.data, name.n) == 0)
            return &keywords[i];
    return NULL;
}

static bool check_value(struct check *c, const struct json *v, const struct json *schema)
{
    if (schema->kind != JSON_OBJECT)
        return schema->kind == JSON_TRUE || failed(c, v, "not be there", (leat_text){"", 0});
    for (const struct json *rule = schema->first; rule; rule = rule->next) {
        const struct keyword *k = keyword_of(rule->name);
        if (k && !(k->check ? k->check(c, v, rule) : check_additional(c, v, rule, schema)))
            return false;
    }
    return true;
}

bool schema_holds(const struct schema *s, struct json_memory m, leat_text record, char why[SCHEMA_WHY])
{
    struct check c = {.schema = s, .m = m, .why = why};
    const struct json *v = json_parse(m, record);
    if (v)
        return check_value(&c, v, s->root);
    snprintf(why, SCHEMA_WHY, "the record is nested too deeply to be checked");
    return false;
}

/* --- reading a schema -------------------------------------------------------------------------------------------- */

static void *schema_alloc(void *schema, size_t bytes)
{
    struct schema *s = schema;
    struct block *b = malloc(sizeof *b + 16 + bytes);
    if (!b)
        return NULL;
    b->next = s->blocks;
    s->blocks = b;
    return (char *)b + 16;
}

/* \d, \w, \s and their opposites, which POSIX does not know, as classes that it does. */
static void to_posix(leat_text t, char *ret, size_t room)
{
    static const struct {
        char c;
        const char *is;
    } classes[] = {{'d', "[0-9]"},         {'D', "[^0-9]"},      {'w', "[A-Za-z0-9_]"},
                   {'W', "[^A-Za-z0-9_]"}, {'s', "[[:space:]]"}, {'S', "[^[:space:]]"}};
    size_t at = 0;
    for (size_t i = 0; i < t.n && at + 16 < room; i++) {
        const char *is = NULL;
        for (size_t k = 0; t.data[i] == '\\' && i + 1 < t.n && k < sizeof classes / sizeof *classes; k++)
            is = classes[k].c == t.data[i + 1] ? classes[k].is : is;
        if (is) {
            at += (size_t)snprintf(ret + at, room - at, "%s", is);
            i++;
            continue;
        }
        if (t.data[i] == '\\' && i + 1 < t.n)
            ret[at++] = t.data[i++];
        ret[at++] = t.data[i];
    }
    ret[at] = 0;
}

static bool add_pattern(struct schema *s, const struct json *rule, char why[SCHEMA_WHY])
{
    char posix[1024], reason[128];
    struct pattern *p = schema_alloc(s, sizeof *p);
    to_posix(json_text((struct json_memory){schema_alloc, s}, rule), posix, sizeof posix);
    int r = p ? regcomp(&p->regex, posix, REG_EXTENDED) : REG_ESPACE;
    if (r != 0) {
        regerror(r, p ? &p->regex : NULL, reason, sizeof reason);
        snprintf(why, SCHEMA_WHY, "pattern %.*s: %s", (int)(rule->text.n < 200 ? rule->text.n : 200), rule->text.data,
                 reason);
        return false;
    }
    p->of = rule;
    p->next = s->patterns;
    s->patterns = p;
    return true;
}

static bool is_annotation(leat_text name)
{
    for (size_t i = 0; i < sizeof annotations / sizeof *annotations; i++)
        if (strlen(annotations[i]) == name.n && memcmp(annotations[i], name.data, name.n) == 0)
            return true;
    return false;
}

static bool read_schema(struct schema *s, const struct json *at, char why[SCHEMA_WHY])
{
    if (!(is_schema >> at->kind & 1)) {
        snprintf(why, SCHEMA_WHY, "%.*s is no schema", (int)(at->text.n < 200 ? at->text.n : 200), at->text.data);
        return false;
    }
    for (const struct json *rule = at->first; at->kind == JSON_OBJECT && rule; rule = rule->next) {
        const struct keyword *k = keyword_of(rule->name);
        if (!k && is_annotation(rule->name))
            continue;
        if (!k || !(k->kinds >> rule->kind & 1)) {
            snprintf(why, SCHEMA_WHY,
                     k ? "keyword '%.*s' has a value of the wrong kind" : "keyword '%.*s' is not supported",
                     (int)(rule->name.n < 200 ? rule->name.n : 200), rule->name.data);
            return false;
        }
        if (k->check == check_pattern && !add_pattern(s, rule, why))
            return false;
        if ((k->check == check_items || !k->check) && !read_schema(s, rule, why))
            return false;
        for (const struct json *p = k->check == check_properties ? rule->first : NULL; p; p = p->next)
            if (!read_schema(s, p, why))
                return false;
    }
    return true;
}

struct schema *schema_new(leat_text text, char why[SCHEMA_WHY])
{
    struct schema *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->text = malloc(text.n + 1);
    if (s->text) {
        memcpy(s->text, text.data, text.n);
        s->root = json_parse((struct json_memory){schema_alloc, s}, (leat_text){s->text, text.n});
    }
    if (!s->root)
        snprintf(why, SCHEMA_WHY, "it is no JSON");
    if (s->root && read_schema(s, s->root, why))
        return s;
    schema_free(s);
    return NULL;
}

void schema_free(struct schema *s)
{
    if (!s)
        return;
    for (struct pattern *p = s->patterns; p; p = p->next)
        regfree(&p->regex);
    for (struct block *b = s->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(s->text);
    free(s);
}
