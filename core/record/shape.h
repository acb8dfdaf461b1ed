/* SPDX-License-Identifier: Apache-2.0 */
/* shape.h: what records of one kind have in common: the literal bytes between their values.
 *
 * `{"id":"a","at":{"x":1}}` has two slots and the literals `{"id":`, `,"at":{"x":` and `}}`. Nested members are slots
 * of their own, arrays are one slot. A record that is predicted to have a shape is read by comparing literals and
 * skipping values; which byte belongs to which field is then known without looking at a name. Shapes are learnt, in a
 * trie of literals; it is bounded, and records that find no shape are searched by name each time they are asked. */
#ifndef LEAT_CORE_SHAPE_H
#define LEAT_CORE_SHAPE_H

#include "core/record/record_internal.h"

enum {
    SHAPE_NONE = 0,
    SHAPES_MAX = 1024,
    SHAPE_SLOTS_MAX = 256,
    SHAPE_NODES_MAX = 4096,
    SHAPE_CHILDREN_MAX = 24,
    SHAPE_LITERAL_MAX = 255,
};

struct slot { /* of a record of at most 64 KiB, from its first byte */
    uint16_t at, n;
};

/* An object, or a leaf, and where it lies: from `before` bytes before slot `first` to `behind` bytes behind slot
 * `last`. */
struct shape_part {
    leat_text name;
    uint16_t parent; /* the part it is a member of; of top-level fields: 0, which is the record */
    uint16_t first, last;
    uint16_t before, behind;
    uint16_t depth;
    bool leaf;
    uint16_t comma; /* top-level: from the comma before its name to the beginning of slot `first`; 0: it is the first
                       field */
};

struct shape_literal {
    const char *data; /* 16 bytes more may be read */
    uint32_t n;
    bool text; /* what follows is mostly a string */
};

/* How to find a path in records of a shape. */
struct shape_path {
    enum shape_way { WAY_UNKNOWN, WAY_ABSENT, WAY_PART, WAY_INSIDE } way;
    uint16_t part;
    uint16_t steps; /* WAY_INSIDE: that many steps lead to the part, the others go into its value */
};

struct shape {
    uint32_t n_slots, n_parts;
    const struct shape_literal *literals; /* n_slots + 1 */
    const uint16_t *depths;               /* of slots */
    const struct shape_part *parts;       /* part 0 is the record */
    uint64_t *ways;                       /* path number -> struct shape_path, packed; filled in as asked */
    uint32_t n_ways;
};

/* Of one decoder, and of the batches that it made: shared by references; shapes in it never change. */
struct shapes;
struct shapes *shapes_new(size_t max_depth, uint32_t n_paths);
struct shapes *shapes_ref(struct shapes *s);
void shapes_unref(struct shapes *s);
uint32_t shapes_count(const struct shapes *s);
const struct shape *shapes_at(const struct shapes *s, uint32_t number); /* 1 .. shapes_count */

/* The shape of the record p..end, its values in slots (room for SHAPE_SLOTS_MAX); SHAPE_NONE: none that is known. */
uint32_t shapes_match(const struct shapes *s, const char *p, const char *end, struct slot *slots);
/* Learns the shape of a record that was checked; its number, or SHAPE_NONE. */
uint32_t shapes_learn(struct shapes *s, leat_text record);
/* Four records that are predicted to have `shape`, in step: slots of record i at slots + i * n_slots. Bit i: wrong. */
unsigned shape_match4(const struct shape *shape, size_t max_depth, const char *const *p, const char *const *ends,
                      struct slot *slots);

struct shape_path shape_find(const struct shape *s, const struct path *path, uint32_t n_steps);
/* Where a part lies in a record. */
static inline leat_text shape_part_text(const struct shape_part *part, const char *record, const struct slot *slots)
{
    const char *from = record + slots[part->first].at - part->before;
    const char *to = record + slots[part->last].at + slots[part->last].n + part->behind;
    return (leat_text){from, (size_t)(to - from)};
}
#endif
