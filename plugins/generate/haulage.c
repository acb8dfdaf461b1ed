/* SPDX-License-Identifier: Apache-2.0 */
/* haulage.c: trucks, and what they carry: from plants to the centre that needs it most, from centres to shops in the
 * order in which they asked. A truck carries one load and comes back empty. */
#include "parts.h"

#include <string.h>

enum { FROM_HOUR = 5, UNTIL_HOUR = 18, CAPACITY = 900, WORTH_A_TRIP = 200 };

static unsigned home(unsigned truck)
{
    return truck < PLANT_TRUCKS ? truck % PLANTS : FIRST_CENTRE + (truck - PLANT_TRUCKS) % CENTRES;
}

static struct event *tell_truck(struct company *c, unsigned truck, enum shipping_status status)
{
    const struct truck *t = &c->trucks[truck];
    struct event *e = tell(c, SHIPPING_STATUS, status);
    e->id = t->id;
    e->who = (uint16_t)truck;
    e->place = t->from;
    e->to = t->to;
    e->begun = t->departed;
    e->promised = t->expected;
    for (uint16_t k = 0; k < PRODUCTS; k++)
        if (t->load[k])
            e->lines[e->n_lines++] = (struct line){k, t->load[k]};
    return e;
}

/* --- loading ----------------------------------------------------------------------------------------------------- */

/* What of a product may go to a place: needed there, and there is enough. */
static int32_t loadable(const struct company *c, unsigned from, unsigned to, unsigned item)
{
    int32_t need = c->target[to][item] - c->on_hand[to][item] - c->on_order[to][item], have = c->on_hand[from][item];
    return need <= 0 ? 0 : need < have ? need : have;
}

static unsigned neediest_centre(const struct company *c, unsigned plant)
{
    unsigned best = 0;
    int32_t most = WORTH_A_TRIP;
    for (unsigned to = FIRST_CENTRE; to < FIRST_SHOP; to++) {
        int32_t sum = 0;
        for (unsigned k = 0; k < PRODUCTS; k++)
            sum += loadable(c, plant, to, k);
        if (sum > most) {
            best = to;
            most = sum;
        }
    }
    return best;
}

static void depart(struct company *c, unsigned truck, unsigned to, int64_t hours)
{
    struct truck *t = &c->trucks[truck];
    int64_t trip = hours * HOUR + draw(c, HOUR);
    *t = (struct truck){.id = ++c->ids, .from = (uint16_t)home(truck), .to = (uint16_t)to, .away = true, .loaded = true,
                        .departed = c->now, .expected = c->now + trip + HOUR / 2, .arrives = c->now + trip};
    if (chance(c, 60)) { /* a traffic jam, a flat tyre */
        t->late = true;
        t->arrives = t->expected + 1800 + draw(c, 8 * HOUR);
        plan(c, t->expected, TRUCK_LATE, truck);
    }
    plan(c, t->arrives, TRUCK_ARRIVES, truck);
}

/* The thinnest stock first, until the truck is full. */
static void load_for_centre(struct company *c, unsigned truck)
{
    struct truck *t = &c->trucks[truck];
    bool done[PRODUCTS] = {false};
    for (int32_t room = CAPACITY; room > 0;) {
        unsigned best = PRODUCTS;
        int64_t thinnest = INT64_MAX;
        for (unsigned k = 0; k < PRODUCTS; k++) {
            if (done[k] || !loadable(c, t->from, t->to, k))
                continue;
            int64_t days = (int64_t)(c->on_hand[t->to][k] + c->on_order[t->to][k]) * 1000000 / c->daily_milli[t->to][k];
            if (days < thinnest) {
                thinnest = days;
                best = k;
            }
        }
        if (best == PRODUCTS)
            break;
        int32_t n = loadable(c, t->from, t->to, best);
        n = n < room ? n : room;
        done[best] = true;
        room -= n;
        t->load[best] = (uint16_t)n;
        c->on_order[t->to][best] += n;
        stock(c, t->from, best, -n, PICKED);
    }
}

static void tell_shop_order(struct company *c, unsigned truck, enum order_status status)
{
    const struct truck *t = &c->trucks[truck];
    const struct shop_order *o = &c->shop_orders[t->to - FIRST_SHOP];
    struct event *e = tell(c, ORDER_STATUS, status);
    e->id = o->id;
    e->place = t->from;
    e->who = t->to;
    e->begun = o->placed;
    e->promised = o->placed - o->placed % DAY + 2 * DAY;
    for (uint16_t k = 0; k < PRODUCTS; k++)
        if (t->load[k])
            e->lines[e->n_lines++] = (struct line){k, t->load[k]};
    if (status == DELIVERED) {
        e->actual = c->now;
        e->late = c->now >= e->promised + DAY;
    }
}

/* Gives the shop what there is of its order; the rest it will have to order again. */
static void load_for_shop(struct company *c, unsigned truck)
{
    struct truck *t = &c->trucks[truck];
    const struct shop_order *o = &c->shop_orders[t->to - FIRST_SHOP];
    for (unsigned k = 0; k < PRODUCTS; k++) {
        int32_t have = c->on_hand[t->from][k], n = o->wanted[k] < have ? o->wanted[k] : have;
        c->on_order[t->to][k] -= o->wanted[k] - n;
        if (!n)
            continue;
        t->load[k] = (uint16_t)n;
        stock(c, t->from, k, -n, PICKED);
    }
    tell_shop_order(c, truck, SHIPPED);
}

static bool has_any(const struct company *c, unsigned centre, const struct shop_order *o)
{
    for (unsigned k = 0; k < PRODUCTS; k++)
        if (o->wanted[k] && c->on_hand[centre][k])
            return true;
    return false;
}

/* The shop of this centre that has waited longest; SHOPS: none. */
static unsigned longest_waiting(const struct company *c, unsigned centre)
{
    unsigned best = SHOPS;
    for (unsigned s = 0; s < SHOPS; s++) {
        const struct shop_order *o = &c->shop_orders[s];
        if (o->waiting && shop_centre(s) == centre && has_any(c, centre, o) &&
            (best == SHOPS || o->id < c->shop_orders[best].id))
            best = s;
    }
    return best;
}

static void send(struct company *c, unsigned truck)
{
    int64_t hour = (c->now - today(c)) / HOUR;
    if (c->trucks[truck].away || hour < FROM_HOUR || hour >= UNTIL_HOUR)
        return;
    if (truck < PLANT_TRUCKS) {
        unsigned to = neediest_centre(c, home(truck));
        if (!to)
            return;
        depart(c, truck, to, 3 + (int64_t)(to - FIRST_CENTRE));
        load_for_centre(c, truck);
    } else {
        unsigned shop = longest_waiting(c, home(truck));
        if (shop == SHOPS)
            return;
        depart(c, truck, FIRST_SHOP + shop, 1);
        c->shop_orders[shop].waiting = false;
        load_for_shop(c, truck);
    }
    tell_truck(c, truck, DEPARTED);
}

void haulage_init(struct company *c)
{
    for (unsigned k = 0; k < PRODUCTS; k++) /* plants begin with two days of what they make */
        for (unsigned p = 0; p < CENTRES; p++)
            c->on_hand[products[k].plant][k] += c->daily_milli[FIRST_CENTRE + p][k] * 2 / 1000;
}

/* One truck a minute, so that no moment has too much to tell. */
void haulage_morning(struct company *c)
{
    for (unsigned i = 0; i < TRUCKS; i++)
        if (!c->trucks[i].away) {
            c->trucks[i].away = true;
            plan(c, c->now + 60 * (int64_t)i, TRUCK_BACK, i);
        }
}

/* --- on the road ------------------------------------------------------------------------------------------------- */

void haulage_truck_late(struct company *c, unsigned truck)
{
    tell_truck(c, truck, DELAYED);
}

void haulage_truck_arrives(struct company *c, unsigned truck)
{
    struct truck *t = &c->trucks[truck];
    struct event *e = tell_truck(c, truck, ARRIVED);
    e->actual = c->now;
    e->late = t->late;
    if (t->to >= FIRST_SHOP)
        tell_shop_order(c, truck, DELIVERED);
    t->loaded = false;
    for (unsigned k = 0; k < PRODUCTS; k++) {
        int32_t n = t->load[k], broken = n > 1 && chance(c, 5) ? 1 : 0;
        if (!n)
            continue;
        c->on_order[t->to][k] -= n;
        c->ledger[k].scrapped += broken;
        stock(c, t->to, k, n - broken, RECEIVED);
    }
    plan(c, c->now + (t->arrives - t->departed), TRUCK_BACK, truck);
}

void haulage_truck_back(struct company *c, unsigned truck)
{
    memset(&c->trucks[truck], 0, sizeof c->trucks[truck]);
    send(c, truck);
}
