/* SPDX-License-Identifier: Apache-2.0 */
/* supply.c: suppliers, some better at keeping their word than others, and the machines that make products of parts.
 * A machine makes batches of the product that will run out first, as long as its parts are there. */
#include "parts.h"

enum {
    BATCH = 60, BATCH_S = 2 * HOUR,
    SHIFT_BEGINS = 6 * HOUR, SHIFT_ENDS = 22 * HOUR,
    SAFETY_DAYS = 4, ORDER_DAYS = 8,
    ENOUGH_DAYS = 15,            /* of a product, all over the company: the machines rest */
    TRANSPORT_DAYS = 2           /* from a supplier */
};

/* --- parts ------------------------------------------------------------------------------------------------------- */

static int32_t sold_a_day_milli(const struct company *c, unsigned product)
{
    int32_t sum = 0;
    for (unsigned p = 0; p < CENTRES; p++)
        sum += c->daily_milli[FIRST_CENTRE + p][product];
    return sum;
}

void supply_init(struct company *c)
{
    for (unsigned k = 0; k < PRODUCTS; k++)
        for (unsigned i = 0; i < PARTS_A_PRODUCT; i++) {
            const struct line *l = &products[k].parts[i];
            c->daily_milli[products[k].plant][l->item] += sold_a_day_milli(c, k) * l->quantity;
        }
    for (unsigned p = 0; p < PLANTS; p++)
        for (unsigned i = PRODUCTS; i < ITEMS; i++) {
            int32_t daily = c->daily_milli[p][i] / 1000, lead = suppliers[parts[i - PRODUCTS].supplier].lead_days;
            c->reorder_point[p][i] = daily * (lead + SAFETY_DAYS);
            c->target[p][i] = daily * (lead + SAFETY_DAYS + ORDER_DAYS);
            c->on_hand[p][i] = c->target[p][i];
        }
    for (unsigned m = 0; m < MACHINES; m++)
        plan(c, COMPANY_START + SHIFT_BEGINS + draw(c, HOUR), MACHINE_FREE, m);
}

static struct event *tell_purchase(struct company *c, const struct purchase *p)
{
    struct event *e = tell(c, SUPPLIER_DELIVERIES, p->status);
    e->id = p->id;
    e->place = p->plant;
    e->item = p->item;
    e->who = parts[p->item - PRODUCTS].supplier;
    e->quantity = p->quantity;
    e->begun = p->ordered;
    e->promised = p->promised;
    return e;
}

static void buy(struct company *c, unsigned plant, unsigned item)
{
    const struct supplier *s = &suppliers[parts[item - PRODUCTS].supplier];
    unsigned i = 0;
    while (i < PURCHASES && c->purchases[i].used)
        i++;
    COMPANY_ASSERT(i < PURCHASES);
    int32_t quantity = c->target[plant][item] - c->on_hand[plant][item] - c->on_order[plant][item];
    c->purchases[i] = (struct purchase){.id = ++c->ids,
                                        .plant = (uint16_t)plant,
                                        .item = (uint16_t)item,
                                        .used = true,
                                        .quantity = quantity,
                                        .ordered = c->now,
                                        .promised = today(c) + s->lead_days * DAY};
    struct purchase *p = &c->purchases[i];
    c->on_order[plant][item] += quantity;
    int64_t late = chance(c, (uint32_t)s->on_time) ? 0 : 1 + (int64_t)draw(c, 6);
    p->arrives = p->promised + late * DAY + 7 * HOUR + draw(c, 9 * HOUR);
    int64_t leaves = p->arrives - TRANSPORT_DAYS * DAY;
    plan(c, leaves > c->now ? leaves : c->now, PURCHASE_LEAVES, i);
    tell_purchase(c, p);
}

void supply_evening(struct company *c)
{
    for (unsigned p = 0; p < PLANTS; p++)
        for (unsigned i = PRODUCTS; i < ITEMS; i++)
            if (c->target[p][i] && c->on_hand[p][i] + c->on_order[p][i] <= c->reorder_point[p][i])
                buy(c, p, i);
}

void supply_purchase_leaves(struct company *c, unsigned purchase)
{
    struct purchase *p = &c->purchases[purchase];
    p->status = DISPATCHED;
    c->ledger[p->item].bought += p->quantity;
    tell_purchase(c, p);
    plan(c, p->arrives, PURCHASE_ARRIVES, purchase);
}

void supply_purchase_arrives(struct company *c, unsigned purchase)
{
    struct purchase *p = &c->purchases[purchase];
    int32_t damaged = chance(c, 30) ? 1 + p->quantity * (int32_t)draw(c, 50) / 1000 : 0;
    p->status = DELIVERY_RECEIVED;
    struct event *e = tell_purchase(c, p);
    e->actual = c->now;
    e->late = c->now >= p->promised + DAY;
    e->good = p->quantity - damaged;
    e->bad = damaged;
    c->ledger[p->item].scrapped += damaged;
    c->on_order[p->plant][p->item] -= p->quantity;
    stock(c, p->plant, p->item, p->quantity - damaged, RECEIVED);
    p->used = false;
}

/* --- machines ---------------------------------------------------------------------------------------------------- */

static unsigned plant_of(unsigned machine)
{
    return machine / (MACHINES / PLANTS);
}

static void tell_machine(struct company *c, unsigned machine, enum machine_status status, int32_t scrapped)
{
    struct machine *m = &c->machines[machine];
    bool again = (status == IDLE || status == STARVED) && m->said == (uint8_t)status;
    m->said = (uint8_t)status;
    if (again)
        return; /* told when it began */
    int64_t shift = c->now - today(c) - SHIFT_BEGINS;
    struct event *e = tell(c, PRODUCTION_CAPACITY, status);
    e->who = (uint16_t)machine;
    e->place = (uint16_t)plant_of(machine);
    e->item = m->product;
    e->quantity = m->busy || status == FINISHED ? m->planned : 0;
    e->good = status == FINISHED ? m->planned - scrapped : 0;
    e->bad = scrapped;
    e->utilisation = shift > 0 ? (int32_t)(m->busy_s * 1000 / (shift > m->busy_s ? shift : m->busy_s + 1)) : 0;
}

/* Of one product, all over the company and still in the machines, in thousandths of a day. */
static int64_t cover(const struct company *c, unsigned product)
{
    int64_t sum = c->on_hand[products[product].plant][product];
    for (unsigned p = 0; p < CENTRES; p++)
        sum += c->on_hand[FIRST_CENTRE + p][product] + c->on_order[FIRST_CENTRE + p][product];
    for (unsigned m = 0; m < MACHINES; m++)
        sum += c->machines[m].busy && c->machines[m].product == product ? c->machines[m].planned : 0;
    return sum * 1000000 / sold_a_day_milli(c, product);
}

static bool has_parts(const struct company *c, unsigned product)
{
    for (unsigned i = 0; i < PARTS_A_PRODUCT; i++) {
        const struct line *l = &products[product].parts[i];
        if (c->on_hand[products[product].plant][l->item] < l->quantity * BATCH)
            return false;
    }
    return true;
}

/* The product to be made next; *ret_starved: there is one that should be, and it lacks parts. PRODUCTS: none. */
static unsigned choose(const struct company *c, unsigned plant, bool *ret_starved)
{
    unsigned best = PRODUCTS;
    int64_t least = ENOUGH_DAYS * 1000;
    *ret_starved = false;
    for (unsigned k = 0; k < PRODUCTS; k++) {
        if (products[k].plant != plant)
            continue;
        int64_t days = cover(c, k);
        if (days >= least)
            continue;
        if (!has_parts(c, k)) {
            *ret_starved = true;
            continue;
        }
        best = k;
        least = days;
    }
    return best;
}

static void start_batch(struct company *c, unsigned machine, unsigned product)
{
    struct machine *m = &c->machines[machine];
    m->product = (uint16_t)product;
    m->busy = true;
    m->planned = BATCH;
    m->finishes = c->now + BATCH_S;
    for (unsigned i = 0; i < PARTS_A_PRODUCT; i++) {
        const struct line *l = &products[product].parts[i];
        c->ledger[l->item].used += l->quantity * BATCH;
        stock(c, plant_of(machine), l->item, -l->quantity * BATCH, CONSUMED);
    }
    tell_machine(c, machine, STARTED, 0);
    if (chance(c, 25))
        plan(c, c->now + 600 + draw(c, BATCH_S - 1200), MACHINE_BREAKS, machine);
    else
        plan(c, m->finishes, MACHINE_FREE, machine);
}

static void finish_batch(struct company *c, unsigned machine)
{
    struct machine *m = &c->machines[machine];
    int32_t scrapped = chance(c, 300) ? 1 + (int32_t)draw(c, 3) : 0;
    m->busy = false;
    m->busy_s += BATCH_S;
    c->ledger[m->product].made += m->planned;
    c->ledger[m->product].scrapped += scrapped;
    tell_machine(c, machine, FINISHED, scrapped);
    stock(c, plant_of(machine), m->product, m->planned - scrapped, PRODUCED);
}

void supply_machine_free(struct company *c, unsigned machine)
{
    struct machine *m = &c->machines[machine];
    bool starved;
    if (m->busy)
        finish_batch(c, machine);
    if (m->day != today(c)) {
        m->day = today(c);
        m->busy_s = 0;
    }
    int64_t clock = c->now - today(c);
    bool works = clock >= SHIFT_BEGINS && clock < SHIFT_ENDS && weekday(c) < 6;
    unsigned product = works ? choose(c, plant_of(machine), &starved) : PRODUCTS;
    if (product < PRODUCTS) {
        start_batch(c, machine, product);
        return;
    }
    tell_machine(c, machine, works && starved ? STARVED : IDLE, 0);
    int64_t begin = today(c) + SHIFT_BEGINS + (clock < SHIFT_BEGINS ? 0 : DAY);
    plan(c, (works ? c->now : begin) + 600 + draw(c, 1800), MACHINE_FREE, machine);
}

void supply_machine_breaks(struct company *c, unsigned machine)
{
    c->machines[machine].down = true;
    tell_machine(c, machine, DOWN, 0);
    plan(c, c->now + HOUR + draw(c, chance(c, 150) ? 72 * HOUR : 8 * HOUR), MACHINE_REPAIRED, machine);
}

void supply_machine_repaired(struct company *c, unsigned machine)
{
    struct machine *m = &c->machines[machine];
    m->down = false;
    tell_machine(c, machine, REPAIRED, 0);
    plan(c, c->now + BATCH_S / 2, MACHINE_FREE, machine); /* the rest of the batch */
}
