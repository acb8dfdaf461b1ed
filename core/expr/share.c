/* SPDX-License-Identifier: Apache-2.0 */
/* share.c: equal parts of an expression become one node, which is computed once for a batch. */
#include "core/expr/expr_internal.h"

struct sharing {
    struct node **slots;   /* open addressing, by hash */
    struct node **instead; /* by number: what stands for a node; NULL: not seen yet */
    size_t n_slots;
};

static bool same_value(const leat_value *a, const leat_value *b)
{
    if (a->type != b->type || a->scale != b->scale)
        return false;
    if (a->type == LEAT_TEXT || a->type == LEAT_JSON)
        return text_equal(a->as.text, b->as.text);
    return a->type == LEAT_NULL || a->as.i64 == b->as.i64; /* or the doubles' bits in their place */
}

/* Arguments were shared before, so equal ones are the same node. */
static bool same_node(const struct node *a, const struct node *b)
{
    if (a->op != b->op || a->type != b->type || a->n != b->n || a->path != b->path || a->function != b->function ||
        a->like != b->like || a->escape != b->escape || a->ignore_case != b->ignore_case)
        return false;
    if (a->n && memcmp(a->args, b->args, a->n * sizeof *a->args) != 0)
        return false;
    return (a->op != OP_VALUE && !a->like) || same_value(&a->value, &b->value);
}

static uint64_t hash_of(const struct node *n)
{
    uint64_t words[] = {n->op, n->type, n->path, (uintptr_t)n->function};
    uint64_t h = hash64(words, sizeof words, n->n);
    if (n->op == OP_VALUE && n->value.type == LEAT_TEXT)
        return hash64(n->value.as.text.data, n->value.as.text.n, h);
    if (n->op == OP_VALUE && n->value.type != LEAT_NULL && n->value.type != LEAT_JSON)
        return hash64(&n->value.as.i64, sizeof n->value.as.i64, h);
    return n->n ? hash64(n->args, n->n * sizeof *n->args, h) : h;
}

static struct node *share_node(struct sharing *s, struct node *n)
{
    struct node **args = (struct node **)n->args;
    if (s->instead[n->number])
        return s->instead[n->number];
    for (uint32_t i = 0; i < n->n; i++)
        args[i] = share_node(s, args[i]);
    size_t at = hash_of(n) & (s->n_slots - 1);
    while (s->slots[at] && !same_node(s->slots[at], n))
        at = (at + 1) & (s->n_slots - 1);
    if (!s->slots[at])
        s->slots[at] = n;
    return s->instead[n->number] = s->slots[at];
}

struct node *nodes_share(struct node *root, uint32_t n_nodes)
{
    struct sharing s = {.n_slots = 16};
    while (s.n_slots < (size_t)n_nodes * 2)
        s.n_slots *= 2;
    s.slots = xcalloc(s.n_slots, sizeof *s.slots);
    s.instead = xcalloc(n_nodes + 1, sizeof *s.instead);
    root = share_node(&s, root);
    free(s.slots);
    free(s.instead);
    return root;
}
