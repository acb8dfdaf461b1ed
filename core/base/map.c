/* SPDX-License-Identifier: Apache-2.0 */
/* map.c: text to pointer; entries stay in order of insertion, slots are an open-addressing index over them. */
#include "core/base/base.h"

static uint32_t *slot_of(const struct map *m, leat_text key, uint64_t hash)
{
    size_t i = hash & (m->n_slots - 1);
    while (m->slots[i]) {
        struct map_entry *e = &m->at[m->slots[i] - 1];
        if (e->hash == hash && text_equal(e->key, key))
            break;
        i = (i + 1) & (m->n_slots - 1);
    }
    return &m->slots[i];
}

void *map_get(const struct map *m, leat_text key)
{
    if (!m->n)
        return NULL;
    uint32_t *slot = slot_of(m, key, hash64(key.data, key.n, 0));
    return *slot ? m->at[*slot - 1].value : NULL;
}

static void grow(struct map *m)
{
    m->n_slots = m->n_slots ? m->n_slots * 2 : 16;
    free(m->slots);
    m->slots = xcalloc(m->n_slots, sizeof *m->slots);
    for (size_t i = 0; i < m->n; i++)
        *slot_of(m, m->at[i].key, m->at[i].hash) = (uint32_t)i + 1;
}

void **map_at(struct map *m, leat_text key)
{
    uint64_t hash = hash64(key.data, key.n, 0);
    if (m->n * 2 >= m->n_slots)
        grow(m);
    uint32_t *slot = slot_of(m, key, hash);
    if (!*slot) {
        if (m->n == m->cap)
            m->at = vec_grow(m->at, &m->cap, sizeof *m->at);
        m->at[m->n++] = (struct map_entry){{xstrndup(key.data ? key.data : "", key.n), key.n}, NULL, hash};
        *slot = (uint32_t)m->n;
    }
    return &m->at[*slot - 1].value;
}

void map_fini(struct map *m)
{
    for (size_t i = 0; i < m->n; i++)
        free((void *)(uintptr_t)m->at[i].key.data);
    free(m->at);
    free(m->slots);
    *m = (struct map){0};
}
