/* SPDX-License-Identifier: Apache-2.0 */
/* state.c: what the records of the log add up to: positions, tokens, numbers. */
#include "core/store/store_internal.h"

/* Copies texts into one block, so that all live and die together. */
static char *keep(leat_text *const *texts, size_t n)
{
    size_t bytes = 1;
    for (size_t i = 0; i < n; i++)
        bytes += texts[i]->n + 1;
    char *block = xmalloc(bytes), *at = block;
    for (size_t i = 0; i < n; i++) {
        if (texts[i]->n)
            memcpy(at, texts[i]->data, texts[i]->n);
        at[texts[i]->n] = 0;
        texts[i]->data = at;
        at += texts[i]->n + 1;
    }
    return block;
}

void state_fini(struct state *s)
{
    for (size_t i = 0; i < s->blocks.n; i++)
        free(s->blocks.at[i]);
    for (size_t i = 0; i < s->tokens.n; i++)
        free(s->tokens.at[i].block);
    VEC_FINI(&s->positions);
    VEC_FINI(&s->blocks);
    VEC_FINI(&s->tokens);
    VEC_FINI(&s->epochs);
    VEC_FINI(&s->found);
    map_fini(&s->by_name);
}

void state_epoch(struct state *s, uint64_t number, uint64_t id, uint64_t flow_hash)
{
    s->logged = number;
    s->logged_id = id;
    s->flow_hash = flow_hash;
    *VEC_PUSH(&s->epochs) = (leat_logged){number, id};
}

/* Of each scope the newest token that was delivered stays: it tells what its destination must have. */
static bool outlived(const struct state *s, size_t i)
{
    const struct kept_token *k = &s->tokens.at[i];
    for (size_t later = i + 1; later < s->tokens.n && s->tokens.at[later].t.number <= s->delivered; later++)
        if (text_equal(k->scope, s->tokens.at[later].scope) && text_equal(k->processor, s->tokens.at[later].processor))
            return true;
    return false;
}

void state_delivered(struct state *s, uint64_t number)
{
    size_t gone = 0;
    while (gone < s->epochs.n && s->epochs.at[gone].number <= number)
        gone++;
    if (gone) {
        s->delivered = s->epochs.at[gone - 1].number;
        s->delivered_id = s->epochs.at[gone - 1].id;
        s->epochs.n -= gone;
        memmove(s->epochs.at, s->epochs.at + gone, s->epochs.n * sizeof *s->epochs.at);
    }
    size_t kept = 0;
    for (size_t i = 0; i < s->tokens.n; i++)
        if (outlived(s, i))
            free(s->tokens.at[i].block);
        else
            s->tokens.at[kept++] = s->tokens.at[i];
    s->tokens.n = kept;
}

static size_t index_of(const struct state *s, leat_text source, leat_text partition)
{
    auto_buf key = {0};
    buf_text(&key, source);
    buf_char(&key, 0);
    buf_text(&key, partition);
    return (size_t)(uintptr_t)map_get(&s->by_name, buf_view(&key));
}

static size_t new_index(struct state *s, leat_text source, leat_text partition)
{
    auto_buf key = {0};
    buf_text(&key, source);
    buf_char(&key, 0);
    buf_text(&key, partition);
    VEC_PUSH(&s->positions);
    *VEC_PUSH(&s->blocks) = NULL;
    *map_at(&s->by_name, buf_view(&key)) = (void *)(uintptr_t)s->positions.n;
    return s->positions.n;
}

void state_position(struct state *s, const struct stored_position *p)
{
    size_t i = index_of(s, p->source, p->partition);
    if (!i)
        i = new_index(s, p->source, p->partition);
    struct stored_position copy = *p;
    char *block = keep((leat_text *[]){&copy.source, &copy.partition, &copy.token, &copy.state}, 4);
    free(s->blocks.at[i - 1]);
    s->blocks.at[i - 1] = block;
    s->positions.at[i - 1] = copy;
}

void state_token(struct state *s, uint64_t number, uint64_t id, const struct stored_token *t)
{
    struct kept_token k = {.processor = t->processor, .scope = t->scope, .t = {number, id, t->token}};
    k.block = keep((leat_text *[]){&k.processor, &k.scope, &k.t.token}, 3);
    *VEC_PUSH(&s->tokens) = k;
}

const struct stored_position *state_find(const struct state *s, leat_text source, leat_text partition)
{
    size_t i = index_of(s, source, partition);
    return i ? &s->positions.at[i - 1] : NULL;
}

const struct logged_token *state_tokens(struct state *s, leat_text processor, leat_text scope, size_t *ret_n)
{
    s->found.n = 0;
    for (size_t i = 0; i < s->tokens.n; i++)
        if (text_equal(s->tokens.at[i].processor, processor) && text_equal(s->tokens.at[i].scope, scope))
            *VEC_PUSH(&s->found) = s->tokens.at[i].t;
    *ret_n = s->found.n;
    return s->found.at;
}
