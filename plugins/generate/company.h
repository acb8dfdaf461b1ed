/* SPDX-License-Identifier: Apache-2.0 */
/* company.h: the simulated company: six suppliers, two plants, three centres, forty shops, a web shop, trucks.
 *
 * company.c    the calendar of what happens next, stock, and the audit at midnight
 * catalogue.c  what is made of what, by whom, at what price
 * trade.c      customers: in shops, and on the web
 * supply.c     suppliers and machines
 * haulage.c    trucks, and what they carry
 *
 * Whole numbers only: the same seed gives the same events on every machine. The state is one block without pointers,
 * so a copy of it (memcpy, or a file) is a snapshot that goes on exactly as the original would.
 * Goods never appear or vanish: for each item,
 * initial + bought + made = on hand + in transit + sold + used up + scrapped. */
#ifndef GENERATE_COMPANY_H
#define GENERATE_COMPANY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PRODUCTS = 24, PARTS = 18, ITEMS = PRODUCTS + PARTS, /* products come first */
    PLANTS = 2, CENTRES = 3, SHOPS = 40, PLACES = PLANTS + CENTRES + SHOPS, /* in this order */
    FIRST_CENTRE = PLANTS, FIRST_SHOP = PLANTS + CENTRES,
    SUPPLIERS = 6, MACHINES = 8, PARTS_A_PRODUCT = 3,
    PLANT_TRUCKS = 4, CENTRE_TRUCKS = 18, TRUCKS = PLANT_TRUCKS + CENTRE_TRUCKS,
    WEB_ORDERS = 2048, PURCHASES = 256, AGENDA = 4096, EVENTS = 128,
    HOUR = 3600, DAY = 24 * HOUR,
    COMPANY_FORMAT = 1 /* raise it when the state or its meaning changes */
};
#define COMPANY_START INT64_C(1767571200) /* Monday, 2026-01-05, 00:00 UTC */

enum topic {
    INVENTORY_UPDATES, ORDER_STATUS, SUPPLIER_DELIVERIES, PRODUCTION_CAPACITY, SHIPPING_STATUS, TOPICS,
    DAY_CLOSED = TOPICS
};

enum reason { SALE, WEB_SALE, PICKED, RECEIVED, PRODUCED, CONSUMED };
enum order_status { PLACED, BACKORDERED, ALLOCATED, SHIPPED, DELIVERED, CANCELLED };
enum purchase_status { ORDERED, DISPATCHED, DELIVERY_RECEIVED };
enum machine_status { IDLE, STARTED, FINISHED, STARVED, DOWN, REPAIRED };
enum shipping_status { DEPARTED, DELAYED, ARRIVED };

struct line {
    uint16_t item, quantity;
};
/* What one record tells. Times are seconds since 1970 UTC, money is in cents. */
struct event {
    uint64_t sequence;   /* DAY_CLOSED: of the next record; it is none itself */
    int64_t at;
    uint64_t since;      /* of a stock-out: the first record after the item's last arrival at that place */
    uint32_t id;         /* of the order, purchase order or shipment */
    uint8_t topic;
    uint8_t status;      /* of the topic's enum above */
    bool stock_out;      /* inventory: the last one went */
    bool late;           /* a delivery after the promised day; a truck after the expected time */
    uint16_t place, item;
    uint16_t to;         /* shipment: where it goes */
    uint16_t who;        /* supplier, machine, truck, or customer (order of the web shop) */
    int32_t change, on_hand, on_order, reorder_point, daily_milli; /* inventory; the last: sales, 1/1000 */
    int32_t quantity, good, bad; /* purchase: ordered, received, damaged; machine: planned, made, scrapped */
    int32_t utilisation;  /* machine: permille of today's shift so far */
    int64_t begun, promised, actual; /* ordered or departed; promised or expected; 0: not yet */
    bool web;             /* an order of a customer of the web shop; else of a shop */
    uint16_t n_lines;
    struct line lines[PRODUCTS];
};

/* The audit of one midnight; sums over all items. */
struct books {
    int64_t initial, bought, made, on_hand, in_transit, sold, used, scrapped;
};

struct planned { /* in the agenda */
    int64_t at;
    uint32_t order;  /* of those at the same time, the one that was planned first */
    uint16_t what, which;
};
struct web_order {
    uint32_t id, customer;
    uint16_t centre;
    uint8_t status, n_lines;
    bool used;
    int64_t placed, promised;
    struct line lines[4];
};
struct purchase {
    uint32_t id;
    uint16_t plant, item;
    uint8_t status;
    bool used;
    int32_t quantity;
    int64_t ordered, promised, arrives;
};
struct machine {
    uint16_t product;
    bool busy, down;
    int32_t planned;
    int64_t finishes, busy_s, day; /* busy_s: since 06:00 of that day */
    uint8_t said;                  /* the last status: idle is told once */
};
struct truck {
    uint32_t id;
    uint16_t from, to;
    bool away, loaded, late;
    int64_t departed, expected, arrives;
    uint16_t load[PRODUCTS];
};
struct shop_order {
    uint32_t id;
    bool waiting;
    int64_t placed;
    uint16_t wanted[PRODUCTS];
};
struct ledger { /* of one item */
    int64_t initial, bought, made, sold, used, scrapped;
};

struct company {
    uint64_t random[2];
    int64_t now;
    uint64_t sequence; /* of the next event that will be handed out */
    uint64_t told;     /* events so far, those that wait included */
    uint64_t records[TOPICS]; /* handed out, of each topic */
    uint32_t ids;
    uint32_t plans;
    uint32_t n_agenda, first_event, n_events;
    int32_t on_hand[PLACES][ITEMS], on_order[PLACES][ITEMS], reorder_point[PLACES][ITEMS], target[PLACES][ITEMS];
    int32_t daily_milli[PLACES][ITEMS];
    uint64_t since[PLACES][PRODUCTS];
    int64_t promotion_until[PRODUCTS];
    struct ledger ledger[ITEMS];
    struct books books; /* of the last midnight */
    uint64_t days, unbalanced; /* midnights so far; items whose goods did not add up in one of them */
    struct web_order web[WEB_ORDERS];
    struct purchase purchases[PURCHASES];
    struct machine machines[MACHINES];
    struct truck trucks[TRUCKS];
    struct shop_order shop_orders[SHOPS];
    struct planned agenda[AGENDA];
    struct event events[EVENTS]; /* a ring: told, not yet handed out */
};

/* Begins at COMPANY_START. Any seed will do. */
void company_init(struct company *c, uint64_t seed);
/* The next event. The pointer is good until the next call. */
const struct event *company_next(struct company *c);
int64_t company_peek(struct company *c); /* when the next event happens, which stays the next */
/* Goes on to where record `sequence` is the next one; it must not be past it. */
void company_skip(struct company *c, uint64_t sequence);
#endif
