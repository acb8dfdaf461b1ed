/* SPDX-License-Identifier: Apache-2.0 */
/* shape.c: the trie of shapes: learning and matching. */
#include "core/record/shape.h"
#include "core/record/scan.h"

/* A literal that leads to a value, or, at the end of a record, to nothing. */
struct node {
    char head[16]; /* the literal's first bytes, beside what else is looked at */
    const char *literal;
    uint16_t n, n_children, depth;
    uint32_t shape; /* the record ends behind the literal */
    uint16_t children[SHAPE_CHILDREN_MAX];
};
struct shapes {
    uint32_t refs;
    uint32_t n_paths;
    size_t max_depth;
    uint32_t failures; /* records in a row that taught nothing */
    struct arena arena;
    uint32_t n_nodes, n_shapes;
    struct node *nodes; /* 0: the root */
    struct shape **all; /* of SHAPES_MAX: other threads look at those that they know of while new ones come */
};

enum { FAILURES_MAX = 64 };

struct shapes *shapes_new(size_t max_depth, uint32_t n_paths)
{
    struct shapes *s = xcalloc(1, sizeof *s);
    s->refs = 1;
    s->max_depth = max_depth;
    s->n_paths = n_paths;
    s->nodes = xcalloc(SHAPE_NODES_MAX, sizeof *s->nodes);
    s->n_nodes = 1;
    s->all = xcalloc(SHAPES_MAX, sizeof *s->all);
    return s;
}

struct shapes *shapes_ref(struct shapes *s)
{
    if (s)
        __atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

void shapes_unref(struct shapes *s)
{
    if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
        return;
    arena_fini(&s->arena);
    free(s->nodes);
    free(s->all);
    free(s);
}

uint32_t shapes_count(const struct shapes *s)
{
    return __atomic_load_n(&s->n_shapes, __ATOMIC_ACQUIRE);
}

const struct shape *shapes_at(const struct shapes *s, uint32_t number)
{
    return s->all[number - 1];
}

/* --- matching --- */

static inline bool literal_here(const char *p, const char *end, const char *literal, unsigned n)
{
    if (LIKELY(n <= 16))
        return scan_equal16(p, literal, n);
    return scan_equal16(p, literal, 16) && end - p >= (ptrdiff_t)n && memcmp(p + 16, literal + 16, n - 16) == 0;
}

/* The child whose literal stands at p. Behind one that leads to a value no blank may follow. */
static const struct node *child_at(const struct shapes *s, const struct node *above, const char *p, const char *end)
{
    for (uint32_t i = 0; i < above->n_children; i++) {
        const struct node *c = &s->nodes[above->children[i]];
        if (LIKELY(c->n <= 16) ? !scan_equal16(p, c->head, c->n) : !literal_here(p, end, c->literal, c->n))
            continue;
        if ((c->shape ? p + c->n == end : (unsigned char)p[c->n] > 0x20))
            return c;
    }
    return NULL;
}

uint32_t shapes_match(const struct shapes *s, const char *p, const char *end, struct slot *slots)
{
    const struct node *at = s->nodes;
    const char *begin = p;
    for (;; slots++) {
        if (!(at = child_at(s, at, p, end)))
            return SHAPE_NONE;
        p += at->n;
        if (at->shape)
            return at->shape;
        const char *value = p;
        if (!(p = scan_value(p, end, s->max_depth - at->depth)) || p > end)
            return SHAPE_NONE;
        *slots = (struct slot){(uint16_t)(value - begin), (uint16_t)(p - value)};
    }
}

/* One step of one lane: the literal, then the value. A lane that went wrong stands still at a place that is safe to
 * read. */
#define LANES 4
unsigned shape_match4(const struct shape *shape, size_t max_depth, const char *const *begin, const char *const *ends,
                      struct slot *slots)
{
    const char *p[LANES] = {begin[0], begin[1], begin[2], begin[3]};
    uint32_t n = shape->n_slots;
    unsigned wrong = 0;
    for (uint32_t s = 0; s < n; s++) {
        const struct shape_literal *l = &shape->literals[s];
        size_t depth = max_depth - shape->depths[s];
#pragma GCC unroll 4
        for (int i = 0; i < LANES; i++) {
            const char *value = p[i] + l->n, *to;
            if (UNLIKELY(!literal_here(p[i], ends[i], l->data, l->n))) {
                wrong |= 1u << i;
                continue;
            }
            if (l->text && LIKELY(*value == '"'))
                to = scan_string(value + 1, ends[i]);
            else
                to = scan_value(value, ends[i], depth);
            if (UNLIKELY(!to)) {
                wrong |= 1u << i;
                continue;
            }
            slots[i * n + s] = (struct slot){(uint16_t)(value - begin[i]), (uint16_t)(to - value)};
            p[i] = to;
        }
    }
    const struct shape_literal *l = &shape->literals[n];
    for (int i = 0; i < LANES; i++)
        if (!literal_here(p[i], ends[i], l->data, l->n) || p[i] + l->n != ends[i])
            wrong |= 1u << i;
    return wrong;
}

/* --- learning --- */

/* A record being taken apart. */
struct learning {
    struct shapes *s;
    const char *literal_from; /* where the literal began that leads to the next slot */
    uint32_t n_slots, n_parts;
    struct shape_literal literals[SHAPE_SLOTS_MAX + 1];
    const char *values[SHAPE_SLOTS_MAX], *value_ends[SHAPE_SLOTS_MAX];
    uint16_t depths[SHAPE_SLOTS_MAX];
    struct shape_part parts[SHAPE_SLOTS_MAX * 2];
    const char *part_at[SHAPE_SLOTS_MAX * 2], *part_end[SHAPE_SLOTS_MAX * 2], *commas[SHAPE_SLOTS_MAX * 2];
};

static leat_text kept_name(struct learning *l, leat_text key)
{
    char *to = arena_alloc(&l->s->arena, key.n + 1);
    return (leat_text){to, json_unescape(key.data, key.n, to)};
}

static bool known_name(const struct learning *l, uint32_t parent, leat_text name)
{
    for (uint32_t i = 1; i < l->n_parts; i++)
        if (l->parts[i].parent == parent && text_equal(l->parts[i].name, name))
            return true;
    return false;
}

static bool learn_leaf(struct learning *l, uint32_t part, leat_text value, uint32_t depth)
{
    uint32_t s = l->n_slots;
    size_t n = (size_t)(value.data - l->literal_from);
    if (s == SHAPE_SLOTS_MAX || n > SHAPE_LITERAL_MAX)
        return false;
    l->literals[s] = (struct shape_literal){l->literal_from, (uint32_t)n, value.data[0] == '"'};
    l->values[s] = value.data;
    l->value_ends[s] = l->literal_from = value.data + value.n;
    l->depths[s] = (uint16_t)depth;
    l->parts[part].leaf = true;
    l->parts[part].first = l->parts[part].last = (uint16_t)s;
    l->n_slots++;
    return true;
}

static bool empty_object(leat_text value)
{
    return value.n == 2 || *json_blanks(value.data + 1, value.data + value.n) == '}';
}

/* False: there is something that has no place in a shape. */
static bool learn_object(struct learning *l, uint32_t part, leat_text object, uint32_t depth)
{
    struct member m = {.next = object.data + 1};
    l->parts[part].first = (uint16_t)l->n_slots;
    while (json_member(&m)) {
        uint32_t p = l->n_parts;
        leat_text name = kept_name(l, m.key);
        if (p == N_OF(l->parts) || known_name(l, part, name))
            return false;
        l->n_parts++;
        const char *comma = m.at;
        while (*--comma != ',' && *comma != '{')
            continue;
        l->commas[p] = *comma == ',' ? comma : NULL;
        l->parts[p] = (struct shape_part){.name = name, .parent = (uint16_t)part, .depth = (uint16_t)depth};
        l->part_at[p] = m.value.data;
        l->part_end[p] = m.value.data + m.value.n;
        bool inner = m.value.data[0] == '{' && !empty_object(m.value);
        if (!(inner ? learn_object(l, p, m.value, depth + 1) : learn_leaf(l, p, m.value, depth)))
            return false;
    }
    l->parts[part].last = (uint16_t)(l->n_slots - 1);
    return true;
}

/* Distances of parts from their slots; false: too far. */
static bool measure_parts(struct learning *l)
{
    for (uint32_t i = 0; i < l->n_parts; i++) {
        struct shape_part *p = &l->parts[i];
        size_t before = (size_t)(l->values[p->first] - l->part_at[i]);
        size_t behind = (size_t)(l->part_end[i] - l->value_ends[p->last]);
        size_t comma = i && l->commas[i] ? (size_t)(l->values[p->first] - l->commas[i]) : 0;
        if (before > UINT16_MAX || behind > UINT16_MAX || comma > UINT16_MAX)
            return false;
        p->before = (uint16_t)before;
        p->behind = (uint16_t)behind;
        p->comma = (uint16_t)comma;
    }
    return true;
}

static const char *kept_literal(struct arena *a, const char *data, size_t n)
{
    return memcpy(arena_zalloc(a, n + 16), data, n);
}

/* The child of `at` with that literal, made if it is not there; 0: no room. */
static uint32_t trie_child(struct shapes *s, uint32_t at, const struct shape_literal *l, bool last, uint32_t depth)
{
    struct node *above = &s->nodes[at];
    for (uint32_t i = 0; i < above->n_children; i++) {
        const struct node *c = &s->nodes[above->children[i]];
        if (c->n == l->n && !c->shape == !last && memcmp(c->literal, l->data, l->n) == 0)
            return above->children[i];
    }
    if (above->n_children == SHAPE_CHILDREN_MAX || s->n_nodes == SHAPE_NODES_MAX)
        return 0;
    s->nodes[s->n_nodes] =
        (struct node){.literal = kept_literal(&s->arena, l->data, l->n), .n = (uint16_t)l->n, .depth = (uint16_t)depth};
    memcpy(s->nodes[s->n_nodes].head, s->nodes[s->n_nodes].literal, 16);
    above->children[above->n_children++] = (uint16_t)s->n_nodes;
    return s->n_nodes++;
}

static void *kept(struct arena *a, const void *from, size_t bytes)
{
    return memcpy(arena_alloc(a, bytes), from, bytes);
}

static struct shape *kept_shape(struct learning *l)
{
    struct arena *a = &l->s->arena;
    struct shape *shape = arena_zalloc(a, sizeof *shape);
    struct shape_literal *literals = kept(a, l->literals, (l->n_slots + 1) * sizeof *literals);
    for (uint32_t i = 0; i <= l->n_slots; i++)
        literals[i].data = kept_literal(a, literals[i].data, literals[i].n);
    shape->literals = literals;
    shape->n_slots = l->n_slots;
    shape->n_parts = l->n_parts;
    shape->depths = kept(a, l->depths, l->n_slots * sizeof *l->depths);
    shape->parts = kept(a, l->parts, l->n_parts * sizeof *l->parts);
    shape->n_ways = l->s->n_paths;
    shape->ways = arena_zalloc(a, shape->n_ways * sizeof *shape->ways);
    return shape;
}

static uint32_t enter(struct learning *l)
{
    struct shapes *s = l->s;
    uint32_t at = 0;
    for (uint32_t i = 0; i <= l->n_slots; i++) {
        bool last = i == l->n_slots;
        if (!(at = trie_child(s, at, &l->literals[i], last, last ? 0 : l->depths[i])))
            return SHAPE_NONE;
        if (last && !s->nodes[at].shape) {
            s->all[s->n_shapes] = kept_shape(l);
            s->nodes[at].shape = s->n_shapes + 1;
            __atomic_store_n(&s->n_shapes, s->n_shapes + 1, __ATOMIC_RELEASE);
        }
    }
    return s->nodes[at].shape;
}

uint32_t shapes_learn(struct shapes *s, leat_text record)
{
    uint32_t number = SHAPE_NONE;
    if (record.n > UINT16_MAX || s->n_shapes == SHAPES_MAX || s->n_nodes == SHAPE_NODES_MAX)
        return SHAPE_NONE;
    if (s->failures++ > FAILURES_MAX && s->failures % FAILURES_MAX)
        return SHAPE_NONE; /* names that are data, or worse: seldom tried again */
    struct learning *l = xcalloc(1, sizeof *l);
    l->s = s;
    l->literal_from = record.data;
    l->n_parts = 1; /* the record itself */
    l->part_at[0] = record.data;
    l->part_end[0] = record.data + record.n;
    if (learn_object(l, 0, record, 1) && l->n_slots && measure_parts(l)) {
        size_t n = (size_t)(record.data + record.n - l->literal_from);
        l->literals[l->n_slots] = (struct shape_literal){l->literal_from, (uint32_t)n, false};
        if (n <= SHAPE_LITERAL_MAX)
            number = enter(l);
    }
    free(l);
    if (number)
        s->failures = 0;
    return number;
}

/* --- paths --- */

static uint32_t part_named(const struct shape *s, uint32_t parent, leat_text name)
{
    for (uint32_t i = 1; i < s->n_parts; i++)
        if (s->parts[i].parent == parent && text_equal(s->parts[i].name, name))
            return i;
    return 0;
}

static struct shape_path search(const struct shape *s, const struct path *path, uint32_t n_steps)
{
    uint32_t part = 0;
    for (uint32_t i = 0; i < n_steps; i++) {
        uint32_t below = path->steps[i].kind == STEP_NAME ? part_named(s, part, path->steps[i].name) : 0;
        if (!below)
            return s->parts[part].leaf ? (struct shape_path){WAY_INSIDE, (uint16_t)part, (uint16_t)i}
                                       : (struct shape_path){.way = WAY_ABSENT};
        part = below;
    }
    return (struct shape_path){WAY_PART, (uint16_t)part, (uint16_t)n_steps};
}

/* Threads that look for the same path at the same time write the same answer. */
struct shape_path shape_find(const struct shape *s, const struct path *path, uint32_t n_steps)
{
    bool keep = path->number && path->number < s->n_ways && n_steps == path->n_steps;
    uint64_t packed = keep ? __atomic_load_n(&s->ways[path->number], __ATOMIC_RELAXED) : 0;
    if (packed)
        return (struct shape_path){(enum shape_way)(packed & 0xff), (uint16_t)(packed >> 16), (uint16_t)(packed >> 32)};
    struct shape_path w = search(s, path, n_steps);
    packed = (uint64_t)w.way | (uint64_t)w.part << 16 | (uint64_t)w.steps << 32;
    if (keep)
        __atomic_store_n(&s->ways[path->number], packed, __ATOMIC_RELAXED);
    return w;
}
