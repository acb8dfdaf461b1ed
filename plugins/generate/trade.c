/* SPDX-License-Identifier: Apache-2.0 */
/* trade.c: customers: those in shops, who take what is there, and those on the web, who wait.
 * Customers do not come evenly: weekdays differ, and now and then one product is promoted and sells two and a half
 * times as well, which the reorder points do not know. */
#include "parts.h"

enum {
    OPENS = 9, HOURS_OPEN = 11,
    SHOP_UNITS_A_DAY = 55,       /* of a shop of usual size */
    WEB_LINES_A_DAY = 300, WEB_GIVES_UP_DAYS = 5,
    PROMOTION_PERMILLE = 2500,
    MEAN_SALE = 2                /* units that one customer takes */
};

/* --- what is expected -------------------------------------------------------------------------------------------- */

static uint16_t any_product(struct company *c) /* popular ones more often */
{
    uint32_t at = draw(c, 1000);
    for (uint16_t k = 0; k < PRODUCTS; k++) {
        if (at < products[k].popularity)
            return k;
        at -= products[k].popularity;
    }
    return PRODUCTS - 1;
}

static void expect(struct company *c, unsigned place, unsigned item, int32_t daily_milli, int32_t days[2])
{
    c->daily_milli[place][item] = daily_milli;
    c->reorder_point[place][item] = 4 + daily_milli * days[0] / 1000;
    c->target[place][item] = 8 + daily_milli * days[1] / 1000;
    c->on_hand[place][item] = c->target[place][item];
}

void trade_init(struct company *c)
{
    int32_t shop_days[2] = {3, 8}, centre_days[2] = {4, 8}, sum[CENTRES][PRODUCTS] = {0};
    for (unsigned s = 0; s < SHOPS; s++) {
        int32_t size = 500 + (int32_t)draw(c, 1100);
        for (unsigned k = 0; k < PRODUCTS; k++) {
            int32_t milli = SHOP_UNITS_A_DAY * products[k].popularity * size / 1000;
            expect(c, FIRST_SHOP + s, k, milli, shop_days);
            sum[shop_centre(s) - FIRST_CENTRE][k] += milli;
        }
        plan(c, COMPANY_START + OPENS * HOUR + draw(c, HOUR), SHOP_HOUR, s);
    }
    for (unsigned p = 0; p < CENTRES; p++)
        for (unsigned k = 0; k < PRODUCTS; k++)
            expect(c, FIRST_CENTRE + p, k, sum[p][k] + WEB_LINES_A_DAY / CENTRES * 3 / 2 * products[k].popularity,
                   centre_days);
    plan(c, COMPANY_START + draw(c, HOUR), WEB_CUSTOMER, 0);
    plan(c, COMPANY_START + 5 * DAY + draw(c, DAY), PROMOTION, 0);
    for (unsigned i = 1; i < 8; i++) /* shops order in eight groups, so that no moment has too much to tell */
        plan(c, COMPANY_START + 21 * HOUR + (int64_t)i * 60, EVENING, i);
}

/* Thousandths of the usual sales: the weekday, and promotions. */
static int32_t mood(const struct company *c, unsigned item)
{
    static const int32_t weekdays[7] = {880, 830, 900, 980, 1240, 1520, 650};
    int32_t permille = weekdays[weekday(c)];
    return c->promotion_until[item] > c->now ? permille * PROMOTION_PERMILLE / 1000 : permille;
}

void trade_promotion(struct company *c)
{
    c->promotion_until[any_product(c)] = c->now + DAY * (3 + draw(c, 5));
    plan(c, c->now + 2 * DAY + draw(c, 6 * DAY), PROMOTION, 0);
}

/* --- shops ------------------------------------------------------------------------------------------------------- */

static void sell(struct company *c, unsigned place, unsigned item)
{
    int32_t wanted = 1 + (int32_t)draw(c, 2 * MEAN_SALE - 1), have = c->on_hand[place][item];
    int32_t sold = wanted < have ? wanted : have;
    if (!sold)
        return;
    c->ledger[item].sold += sold;
    stock(c, place, item, -sold, SALE);
}

void trade_shop_hour(struct company *c, unsigned shop)
{
    unsigned place = FIRST_SHOP + shop;
    for (unsigned k = 0; k < PRODUCTS; k++) {
        int64_t milli = (int64_t)c->daily_milli[place][k] * mood(c, k) / 1000 / HOURS_OPEN;
        if (chance(c, (uint32_t)(milli / MEAN_SALE)))
            sell(c, place, k);
    }
    bool closes = (c->now - today(c)) / HOUR >= OPENS + HOURS_OPEN - 1;
    int64_t next = closes ? today(c) + DAY + OPENS * HOUR : c->now - c->now % HOUR + HOUR;
    plan(c, next + draw(c, HOUR), SHOP_HOUR, shop);
}

/* What a shop wants of one product; 0: nothing yet. */
static int32_t shop_wants(struct company *c, unsigned place, unsigned item)
{
    int32_t expected = c->on_hand[place][item] + c->on_order[place][item];
    return expected <= c->reorder_point[place][item] ? c->target[place][item] - expected : 0;
}

static struct event *tell_shop_order(struct company *c, unsigned shop)
{
    struct shop_order *o = &c->shop_orders[shop];
    *o = (struct shop_order){.id = ++c->ids, .waiting = true, .placed = c->now};
    struct event *e = tell(c, ORDER_STATUS, PLACED);
    e->id = o->id;
    e->place = shop_centre(shop);
    e->who = (uint16_t)(FIRST_SHOP + shop);
    e->begun = c->now;
    e->promised = today(c) + 2 * DAY;
    return e;
}

static void shop_orders(struct company *c, unsigned shop)
{
    struct shop_order *o = &c->shop_orders[shop];
    unsigned place = FIRST_SHOP + shop;
    struct event *e = NULL;
    if (o->waiting)
        return; /* a truck will come; what is short then is ordered again */
    for (unsigned k = 0; k < PRODUCTS; k++) {
        int32_t n = shop_wants(c, place, k);
        if (!n)
            continue;
        if (!e)
            e = tell_shop_order(c, shop);
        o->wanted[k] = (uint16_t)n;
        c->on_order[place][k] += n;
        e->lines[e->n_lines++] = (struct line){(uint16_t)k, (uint16_t)n};
    }
}

/* --- the web shop ------------------------------------------------------------------------------------------------ */

static void tell_web(struct company *c, struct web_order *o)
{
    struct event *e = tell(c, ORDER_STATUS, o->status);
    e->web = true;
    e->id = o->id;
    e->place = o->centre;
    e->who = (uint16_t)o->customer;
    e->begun = o->placed;
    e->promised = o->promised;
    e->n_lines = o->n_lines;
    for (unsigned i = 0; i < o->n_lines; i++)
        e->lines[i] = o->lines[i];
    if (o->status == DELIVERED) {
        e->actual = c->now;
        e->late = c->now >= o->promised + DAY;
    }
}

/* Takes the goods from the shelf when all of them are there. */
static bool allocate(struct company *c, struct web_order *o)
{
    for (unsigned i = 0; i < o->n_lines; i++)
        if (c->on_hand[o->centre][o->lines[i].item] < o->lines[i].quantity)
            return false;
    o->status = ALLOCATED;
    tell_web(c, o);
    for (unsigned i = 0; i < o->n_lines; i++)
        stock(c, o->centre, o->lines[i].item, -o->lines[i].quantity, WEB_SALE);
    plan(c, c->now + HOUR + draw(c, 5 * HOUR), WEB_PICKED, (unsigned)(o - c->web));
    return true;
}

static void fill_basket(struct company *c, struct web_order *o)
{
    unsigned n = 1 + draw(c, 4) % 3;
    for (unsigned i = 0; i < n; i++) {
        uint16_t item = any_product(c);
        unsigned k = 0;
        while (k < o->n_lines && o->lines[k].item != item)
            k++;
        if (k == o->n_lines)
            o->lines[o->n_lines++] = (struct line){item, (uint16_t)(1 + draw(c, 2))};
    }
}

void trade_web_customer(struct company *c)
{
    unsigned i = 0;
    plan(c, c->now + 60 + draw(c, 2 * DAY * 7 / 4 / WEB_LINES_A_DAY), WEB_CUSTOMER, 0);
    while (i < WEB_ORDERS && c->web[i].used)
        i++;
    if (i == WEB_ORDERS)
        return; /* the shop is overrun: this customer goes elsewhere */
    struct web_order *o = &c->web[i];
    *o = (struct web_order){.id = ++c->ids,
                            .customer = draw(c, 60000),
                            .centre = (uint16_t)(FIRST_CENTRE + draw(c, CENTRES)),
                            .used = true,
                            .placed = c->now,
                            .promised = today(c) + 3 * DAY};
    fill_basket(c, o);
    tell_web(c, o);
    if (allocate(c, o))
        return;
    o->status = BACKORDERED;
    tell_web(c, o);
}

void trade_web_picked(struct company *c, unsigned order)
{
    struct web_order *o = &c->web[order];
    o->status = SHIPPED;
    tell_web(c, o);
    plan(c, c->now + 14 * HOUR + draw(c, 40 * HOUR) + (chance(c, 40) ? DAY + draw(c, 2 * DAY) : 0), WEB_ARRIVES, order);
}

void trade_web_arrives(struct company *c, unsigned order)
{
    struct web_order *o = &c->web[order];
    o->status = DELIVERED;
    tell_web(c, o);
    for (unsigned i = 0; i < o->n_lines; i++)
        c->ledger[o->lines[i].item].sold += o->lines[i].quantity;
    o->used = false;
}

/* Customers who wait: there is something now, or they have had enough. A few at a time: the rest come next evening. */
static void look_after_web(struct company *c)
{
    unsigned told = 0;
    for (unsigned i = 0; i < WEB_ORDERS && told < 12; i++) {
        struct web_order *o = &c->web[i];
        if (!o->used || o->status != BACKORDERED)
            continue;
        if (allocate(c, o)) {
            told++;
        } else if (c->now - o->placed > WEB_GIVES_UP_DAYS * DAY) {
            o->status = CANCELLED;
            tell_web(c, o);
            o->used = false;
            told++;
        }
    }
}

void trade_evening(struct company *c)
{
    unsigned group = (unsigned)(c->now % HOUR / 60);
    for (unsigned s = group; s < SHOPS; s += 8)
        shop_orders(c, s);
    look_after_web(c);
}
