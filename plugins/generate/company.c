/* SPDX-License-Identifier: Apache-2.0 */
/* company.c: the calendar of what happens next, stock, and the audit at midnight. */
#include "company.h"

#include "parts.h"

#include <stddef.h>
#include <string.h>

/* --- chance: xoroshiro128+ (Blackman and Vigna), seeded by splitmix64 -------------------------------------------- */

static uint64_t turned(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t random_bits(struct company *c)
{
    uint64_t a = c->random[0], b = c->random[1], sum = a + b;
    b ^= a;
    c->random[0] = turned(a, 24) ^ b ^ b << 16;
    c->random[1] = turned(b, 37);
    return sum;
}

uint32_t draw(struct company *c, uint32_t below)
{
    return (uint32_t)((random_bits(c) >> 32) * below >> 32);
}

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* --- the agenda: a heap, earliest first -------------------------------------------------------------------------- */

static bool before(const struct planned *a, const struct planned *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void plan(struct company *c, int64_t at, enum what what, unsigned which)
{
    COMPANY_ASSERT(c->n_agenda < AGENDA && at >= c->now);
    struct planned p = {at, c->plans++, (uint16_t)what, (uint16_t)which};
    uint32_t i = c->n_agenda++;
    for (; i && before(&p, &c->agenda[(i - 1) / 2]); i = (i - 1) / 2)
        c->agenda[i] = c->agenda[(i - 1) / 2];
    c->agenda[i] = p;
}

static struct planned next_planned(struct company *c)
{
    COMPANY_ASSERT(c->n_agenda);
    struct planned first = c->agenda[0], last = c->agenda[--c->n_agenda];
    uint32_t i = 0, n = c->n_agenda;
    for (uint32_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && before(&c->agenda[child + 1], &c->agenda[child]))
            child++;
        if (!before(&c->agenda[child], &last))
            break;
        c->agenda[i] = c->agenda[child];
    }
    c->agenda[i] = last;
    return first;
}

/* --- telling ----------------------------------------------------------------------------------------------------- */

struct event *tell(struct company *c, enum topic topic, unsigned status)
{
    COMPANY_ASSERT(c->n_events < EVENTS);
    struct event *e = &c->events[(c->first_event + c->n_events++) % EVENTS];
    memset(e, 0, offsetof(struct event, lines)); /* lines are counted by n_lines */
    e->at = c->now;
    e->topic = (uint8_t)topic;
    e->status = (uint8_t)status;
    e->sequence = c->told;
    c->told += topic != DAY_CLOSED;
    return e;
}

void stock(struct company *c, unsigned place, unsigned item, int32_t change, enum reason why)
{
    int32_t *have = &c->on_hand[place][item];
    bool is_product_for_sale = item < PRODUCTS && place >= FIRST_CENTRE;
    COMPANY_ASSERT(*have + change >= 0 && change);
    *have += change;
    struct event *e = tell(c, INVENTORY_UPDATES, why);
    e->place = (uint16_t)place;
    e->item = (uint16_t)item;
    e->change = change;
    e->on_hand = *have;
    e->on_order = c->on_order[place][item];
    e->reorder_point = c->reorder_point[place][item];
    e->daily_milli = c->daily_milli[place][item];
    if (!is_product_for_sale)
        return;
    e->stock_out = change < 0 && *have == 0;
    e->since = c->since[place][item];
    if (change > 0)
        c->since[place][item] = e->sequence;
}

/* --- the audit --------------------------------------------------------------------------------------------------- */

static void count_in_transit(const struct company *c, int64_t ret[ITEMS])
{
    for (unsigned i = 0; i < TRUCKS; i++)
        for (unsigned k = 0; c->trucks[i].loaded && k < PRODUCTS; k++)
            ret[k] += c->trucks[i].load[k];
    for (unsigned i = 0; i < WEB_ORDERS; i++)
        for (unsigned k = 0; c->web[i].used && c->web[i].status >= ALLOCATED && k < c->web[i].n_lines; k++)
            ret[c->web[i].lines[k].item] += c->web[i].lines[k].quantity;
    for (unsigned i = 0; i < PURCHASES; i++)
        if (c->purchases[i].used && c->purchases[i].status == DISPATCHED)
            ret[c->purchases[i].item] += c->purchases[i].quantity;
}

static void audit(struct company *c)
{
    int64_t in_transit[ITEMS] = {0};
    struct books *b = &c->books;
    memset(b, 0, sizeof *b);
    count_in_transit(c, in_transit);
    for (unsigned i = 0; i < ITEMS; i++) {
        const struct ledger *l = &c->ledger[i];
        int64_t on_hand = 0;
        for (unsigned p = 0; p < PLACES; p++)
            on_hand += c->on_hand[p][i];
        c->unbalanced += l->initial + l->bought + l->made != on_hand + in_transit[i] + l->sold + l->used + l->scrapped;
        b->initial += l->initial;
        b->bought += l->bought;
        b->made += l->made;
        b->on_hand += on_hand;
        b->in_transit += in_transit[i];
        b->sold += l->sold;
        b->used += l->used;
        b->scrapped += l->scrapped;
    }
    c->days++;
    tell(c, DAY_CLOSED, 0);
}

/* --- days -------------------------------------------------------------------------------------------------------- */

static void midnight(struct company *c, unsigned which)
{
    (void)which;
    audit(c);
    plan(c, c->now + DAY, MIDNIGHT, 0);
}

static void morning(struct company *c, unsigned which)
{
    (void)which;
    haulage_morning(c);
    plan(c, c->now + DAY, MORNING, 0);
}

static void evening(struct company *c, unsigned which)
{
    if (which == 0)
        supply_evening(c);
    trade_evening(c);
    plan(c, c->now + DAY, EVENING, which);
}

static void web_customer(struct company *c, unsigned which)
{
    (void)which;
    trade_web_customer(c);
}

static void promotion(struct company *c, unsigned which)
{
    (void)which;
    trade_promotion(c);
}

static void happen(struct company *c)
{
    static void (*const hooks[WHATS])(struct company *, unsigned) = {
        [MIDNIGHT] = midnight,
        [MORNING] = morning,
        [EVENING] = evening,
        [SHOP_HOUR] = trade_shop_hour,
        [WEB_CUSTOMER] = web_customer,
        [WEB_PICKED] = trade_web_picked,
        [WEB_ARRIVES] = trade_web_arrives,
        [PROMOTION] = promotion,
        [PURCHASE_LEAVES] = supply_purchase_leaves,
        [PURCHASE_ARRIVES] = supply_purchase_arrives,
        [MACHINE_FREE] = supply_machine_free,
        [MACHINE_BREAKS] = supply_machine_breaks,
        [MACHINE_REPAIRED] = supply_machine_repaired,
        [TRUCK_LATE] = haulage_truck_late,
        [TRUCK_ARRIVES] = haulage_truck_arrives,
        [TRUCK_BACK] = haulage_truck_back,
    };
    struct planned p = next_planned(c);
    c->now = p.at;
    hooks[p.what](c, p.which);
}

/* --- from outside ------------------------------------------------------------------------------------------------ */

void company_init(struct company *c, uint64_t seed)
{
    memset(c, 0, sizeof *c);
    c->random[0] = splitmix(&seed);
    c->random[1] = splitmix(&seed);
    c->now = COMPANY_START;
    trade_init(c); /* first: the others plan for what it sells */
    supply_init(c);
    haulage_init(c);
    for (unsigned i = 0; i < ITEMS; i++)
        for (unsigned p = 0; p < PLACES; p++)
            c->ledger[i].initial += c->on_hand[p][i];
    plan(c, COMPANY_START + DAY, MIDNIGHT, 0);
    plan(c, COMPANY_START + 5 * HOUR, MORNING, 0);
    plan(c, COMPANY_START + 21 * HOUR, EVENING, 0);
}

int64_t company_peek(struct company *c)
{
    while (!c->n_events)
        happen(c);
    return c->events[c->first_event].at;
}

const struct event *company_next(struct company *c)
{
    company_peek(c);
    const struct event *e = &c->events[c->first_event];
    c->first_event = (c->first_event + 1) % EVENTS;
    c->n_events--;
    if (e->topic != DAY_CLOSED) {
        c->sequence = e->sequence + 1;
        c->records[e->topic]++;
    }
    return e;
}

void company_skip(struct company *c, uint64_t sequence)
{
    COMPANY_ASSERT(c->sequence <= sequence);
    while (c->sequence < sequence)
        company_next(c);
}
