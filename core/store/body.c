/* SPDX-License-Identifier: Apache-2.0 */
/* body.c: bodies of log records: sections, little-endian numbers, texts with their length. */
#include "core/store/store_internal.h"

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void put(struct buf *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        buf_char(to, (char)(value >> 8 * i & 255));
}

static void put_text(struct buf *to, leat_text t)
{
    put(to, t.n, 4);
    buf_text(to, t);
}

/* Returns where the length stands, for section_end. */
static size_t section_begin(struct buf *to, uint16_t type)
{
    put(to, type, 4);
    put(to, 0, 4);
    return to->n - 4;
}

static void section_end(struct buf *to, size_t at)
{
    uint32_t length = (uint32_t)(to->n - at - 4);
    for (size_t i = 0; i < 4; i++)
        to->data[at + i] = (char)(length >> 8 * i & 255);
}

static void put_numbers(struct buf *to, uint16_t type, const uint64_t *numbers, size_t n)
{
    size_t at = section_begin(to, type);
    for (size_t i = 0; i < n; i++)
        put(to, numbers[i], 8);
    section_end(to, at);
}

static void put_position(struct buf *to, const struct stored_position *p)
{
    size_t at = section_begin(to, SECTION_POSITION);
    put(to, p->sequence, 8);
    put(to, p->ended, 8);
    put_text(to, p->source);
    put_text(to, p->partition);
    put_text(to, p->token);
    put_text(to, p->state);
    section_end(to, at);
}

static void put_token(struct buf *to, uint64_t number, uint64_t id, const struct stored_token *t)
{
    size_t at = section_begin(to, SECTION_TOKEN);
    put(to, number, 8);
    put(to, id, 8);
    put_text(to, t->processor);
    put_text(to, t->scope);
    put_text(to, t->token);
    section_end(to, at);
}

static void put_delivered(struct buf *to, const struct state *s)
{
    if (s->delivered)
        put_numbers(to, SECTION_DELIVERED, (uint64_t[]){s->delivered, s->delivered_id}, 2);
}

void body_open(struct buf *to, uint64_t incarnation)
{
    put(to, KIND_OPEN, 4);
    put_numbers(to, SECTION_INCARNATION, &incarnation, 1);
}

void body_note(struct buf *to, const struct state *s)
{
    put(to, KIND_NOTE, 4);
    put_delivered(to, s);
}

void body_epoch(struct buf *to, const struct epoch_record *r, const struct state *s)
{
    put(to, KIND_EPOCH, 4);
    put_delivered(to, s); /* notes are not synced; with this none is missed for long */
    put_numbers(to, SECTION_EPOCH, (uint64_t[]){r->number, r->id, r->flow_hash}, 3);
    for (size_t i = 0; i < r->n_positions; i++)
        put_position(to, &r->positions[i]);
    for (size_t i = 0; i < r->n_tokens; i++)
        put_token(to, r->number, r->id, &r->tokens[i]);
}

void body_base(struct buf *to, const struct state *s)
{
    put(to, KIND_BASE, 4);
    put_numbers(to, SECTION_INCARNATION, &s->incarnation, 1);
    if (s->delivered) {
        put_numbers(to, SECTION_EPOCH, (uint64_t[]){s->delivered, s->delivered_id, s->flow_hash}, 3);
        put_delivered(to, s);
    }
    for (size_t i = 0; i < s->epochs.n; i++)
        put_numbers(to, SECTION_EPOCH, (uint64_t[]){s->epochs.at[i].number, s->epochs.at[i].id, s->flow_hash}, 3);
    for (size_t i = 0; i < s->positions.n; i++)
        put_position(to, &s->positions.at[i]);
    for (size_t i = 0; i < s->tokens.n; i++) {
        const struct kept_token *k = &s->tokens.at[i];
        put_token(to, k->t.number, k->t.id, &(struct stored_token){k->processor, k->scope, k->t.token});
    }
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct reader {
    const unsigned char *at;
    size_t left;
    bool short_; /* something was read behind the end */
};

static uint64_t get(struct reader *r, size_t bytes)
{
    uint64_t value = 0;
    if (r->left < bytes) {
        r->short_ = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)r->at[i] << 8 * i;
    r->at += bytes;
    r->left -= bytes;
    return value;
}

static leat_text get_text(struct reader *r)
{
    size_t n = get(r, 4);
    leat_text t = {(const char *)r->at, n};
    if (r->left < n) {
        r->short_ = true;
        return (leat_text){NULL, 0};
    }
    r->at += n;
    r->left -= n;
    return t;
}

static void read_position(struct reader *r, struct state *s)
{
    struct stored_position p = {.sequence = get(r, 8), .ended = get(r, 8) != 0};
    p.source = get_text(r);
    p.partition = get_text(r);
    p.token = get_text(r);
    p.state = get_text(r);
    if (!r->short_ && s)
        state_position(s, &p);
}

static void read_token(struct reader *r, struct state *s)
{
    uint64_t number = get(r, 8), id = get(r, 8);
    struct stored_token t = {.processor = get_text(r)};
    t.scope = get_text(r);
    t.token = get_text(r);
    if (!r->short_ && s)
        state_token(s, number, id, &t);
}

static void read_numbers(struct reader *r, uint16_t type, struct state *s)
{
    uint64_t a = get(r, 8), b = type == SECTION_INCARNATION ? 0 : get(r, 8), c = type == SECTION_EPOCH ? get(r, 8) : 0;
    if (r->short_ || !s)
        return;
    if (type == SECTION_INCARNATION)
        s->incarnation = a;
    else if (type == SECTION_EPOCH)
        state_epoch(s, a, b, c);
    else
        state_delivered(s, a);
}

/* One section; false: its type is not known. s NULL: only looks whether it can be read. */
static bool read_section(struct reader *r, uint16_t type, struct state *s)
{
    switch (type) {
    case SECTION_EPOCH:
    case SECTION_DELIVERED:
    case SECTION_INCARNATION:
        read_numbers(r, type, s);
        return true;
    case SECTION_POSITION:
        read_position(r, s);
        return true;
    case SECTION_TOKEN:
        read_token(r, s);
        return true;
    default:
        return type & SECTION_OPTIONAL;
    }
}

static int read_body(leat_text body, struct state *s, struct err *err)
{
    struct reader r = {(const unsigned char *)body.data, body.n, false};
    get(&r, 4);
    while (r.left && !r.short_) {
        uint16_t type = (uint16_t)get(&r, 4);
        leat_text bytes = get_text(&r);
        struct reader section = {(const unsigned char *)bytes.data, bytes.n, false};
        if (!r.short_ && !read_section(&section, type, s))
            return err_set(err, EBADMSG, "it has a part of type %u, which only a newer Leat knows; start that one",
                           type);
        r.short_ = r.short_ || section.short_;
    }
    return r.short_ ? err_set(err, EBADMSG, "a record is shorter than it says") : 0;
}

uint32_t body_kind(leat_text body)
{
    struct reader r = {(const unsigned char *)body.data, body.n, false};
    uint32_t kind = (uint32_t)get(&r, 4);
    bool known = kind == KIND_BASE || kind == KIND_OPEN || kind == KIND_EPOCH || kind == KIND_NOTE;
    return known ? kind : 0;
}

uint64_t body_noted(leat_text body)
{
    struct reader r = {(const unsigned char *)body.data, body.n, false};
    get(&r, 8); /* the kind, and the type of its one section */
    get(&r, 4);
    return get(&r, 8);
}

int body_apply(leat_text body, struct state *s, struct err *err)
{
    if (!body_kind(body))
        return err_set(err, EBADMSG, "it has a record of a kind that only a newer Leat knows; start that one");
    int result = read_body(body, NULL, err);
    return result < 0 ? result : read_body(body, s, err);
}
