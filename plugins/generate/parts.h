/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h: what the files of the company share among themselves; see company.h. */
#ifndef GENERATE_PARTS_H
#define GENERATE_PARTS_H

#include "company.h"

#include <stdio.h>
#include <stdlib.h>

/* A bug of the model must not look like a fact of the company. */
#define COMPANY_ASSERT(holds)                                                                     \
    do {                                                                                          \
        if (!(holds)) {                                                                           \
            fprintf(stderr, "%s:%d: the company breaks its rule: %s\n", __FILE__, __LINE__, #holds); \
            abort();                                                                              \
        }                                                                                         \
    } while (0)

/* What may stand in the agenda; `which` is the number of the thing. */
enum what { MIDNIGHT, MORNING, EVENING, SHOP_HOUR, WEB_CUSTOMER, WEB_PICKED, WEB_ARRIVES, PROMOTION, PURCHASE_LEAVES,
            PURCHASE_ARRIVES, MACHINE_FREE, MACHINE_BREAKS, MACHINE_REPAIRED, TRUCK_LATE, TRUCK_ARRIVES, TRUCK_BACK,
            WHATS };

/* --- catalogue.c ------------------------------------------------------------------------------------------------- */
struct product {
    const char *sku, *name;
    int32_t cost, price; /* cents */
    uint16_t plant;
    uint16_t popularity; /* per mille of all sales, about */
    struct line parts[PARTS_A_PRODUCT];
};
struct part {
    const char *sku, *name;
    int32_t cost;
    uint16_t supplier;
};
struct supplier {
    const char *id, *name, *country;
    int32_t lead_days;
    int32_t on_time; /* of a thousand deliveries */
};
extern const struct product products[PRODUCTS];
extern const struct part parts[PARTS];
extern const struct supplier suppliers[SUPPLIERS];
extern const char *const place_names[PLACES];
const char *item_sku(unsigned item);
int32_t item_cost(unsigned item);
uint16_t shop_centre(unsigned shop);   /* the place that serves this shop; shop: 0 .. SHOPS - 1 */
const char *place_region(unsigned place);
const char *place_country(unsigned place);

/* --- company.c --------------------------------------------------------------------------------------------------- */
uint32_t draw(struct company *c, uint32_t below); /* 0 .. below - 1, evenly */
static inline bool chance(struct company *c, uint32_t permille)
{
    return draw(c, 1000) < permille;
}
void plan(struct company *c, int64_t at, enum what what, unsigned which);
struct event *tell(struct company *c, enum topic topic, unsigned status); /* a new event, to be filled in */
/* Stock of an item changes, and an inventory record tells it. */
void stock(struct company *c, unsigned place, unsigned item, int32_t change, enum reason why);
static inline int64_t today(const struct company *c) /* its midnight */
{
    return c->now - c->now % DAY;
}
static inline unsigned weekday(const struct company *c) /* 0: Monday */
{
    return (unsigned)((c->now - COMPANY_START) / DAY % 7);
}

/* --- trade.c ----------------------------------------------------------------------------------------------------- */
void trade_init(struct company *c);
void trade_shop_hour(struct company *c, unsigned shop);
void trade_web_customer(struct company *c);
void trade_web_picked(struct company *c, unsigned order);
void trade_web_arrives(struct company *c, unsigned order);
void trade_promotion(struct company *c);
void trade_evening(struct company *c); /* shops order, waiting customers are looked after */

/* --- supply.c ---------------------------------------------------------------------------------------------------- */
void supply_init(struct company *c);
void supply_evening(struct company *c); /* plants order parts */
void supply_purchase_leaves(struct company *c, unsigned purchase);
void supply_purchase_arrives(struct company *c, unsigned purchase);
void supply_machine_free(struct company *c, unsigned machine);
void supply_machine_breaks(struct company *c, unsigned machine);
void supply_machine_repaired(struct company *c, unsigned machine);

/* --- haulage.c --------------------------------------------------------------------------------------------------- */
void haulage_init(struct company *c);
void haulage_morning(struct company *c);
void haulage_truck_late(struct company *c, unsigned truck);
void haulage_truck_arrives(struct company *c, unsigned truck);
void haulage_truck_back(struct company *c, unsigned truck);
#endif
