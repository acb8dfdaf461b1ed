/* SPDX-License-Identifier: Apache-2.0 */
/* record.c: events of the company as JSON records, as its systems would send them. */
#include "record.h"

#include "parts.h"

const char *const topic_names[TOPICS] = {"InventoryUpdates", "OrderStatus", "SupplierDeliveries", "ProductionCapacity",
                                         "ShippingStatus"};
const char *const defect_names[DEFECTS] = {"none", "word_in_number", "bad_time", "missing_field"};

/* A record that is being written. */
struct writing {
    char *at;
    const struct event *e;
    enum defect defect;
    struct piece *key;
};

enum defect record_defect(uint64_t seed, uint64_t sequence, uint64_t of_2_32)
{
    uint64_t z = (seed ^ sequence) * UINT64_C(0x9e3779b97f4a7c15) + sequence; /* apart from the company's own chances */
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return z >> 32 < of_2_32 ? (enum defect)(1 + (z & 0xffff) % (DEFECTS - 1)) : NO_DEFECT;
}

/* --- text -------------------------------------------------------------------------------------------------------- */

char *put_text(char *to, const char *zero_terminated)
{
    return put(to, zero_terminated, strlen(zero_terminated));
}

char *put_padded(char *to, uint64_t n, unsigned digits)
{
    for (unsigned i = digits; i--; n /= 10)
        to[i] = (char)('0' + n % 10);
    return to + digits;
}

char *put_number(char *to, int64_t n)
{
    uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;
    unsigned digits = 1;
    for (uint64_t k = rest; k > 9; k /= 10)
        digits++;
    if (n < 0)
        *to++ = '-';
    return put_padded(to, rest, digits);
}

static char *put_cents(char *to, int64_t cents)
{
    to = put_number(to, cents / 100);
    *to++ = '.';
    return put_padded(to, (uint64_t)(cents % 100), 2);
}

static char *put_milli(char *to, int64_t milli)
{
    to = put_number(to, milli / 1000);
    *to++ = '.';
    return put_padded(to, (uint64_t)(milli % 1000), 3);
}

/* Days since 1970 to a date; after Howard Hinnant's civil_from_days. */
char *put_date(char *to, int64_t s)
{
    int64_t z = s / DAY + 719468, era = z / 146097, day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march + (month_from_march < 10 ? 3 : -9);
    to = put_padded(to, (uint64_t)(year_of_era + era * 400 + (month <= 2)), 4);
    *to++ = '-';
    to = put_padded(to, (uint64_t)month, 2);
    *to++ = '-';
    return put_padded(to, (uint64_t)(day_of_year - (153 * month_from_march + 2) / 5 + 1), 2);
}

char *put_time(char *to, int64_t s)
{
    to = put_date(to, s);
    *to++ = 'T';
    to = put_padded(to, (uint64_t)(s % DAY / HOUR), 2);
    *to++ = ':';
    to = put_padded(to, (uint64_t)(s % HOUR / 60), 2);
    *to++ = ':';
    to = put_padded(to, (uint64_t)(s % 60), 2);
    *to++ = 'Z';
    return to;
}

static char *put_quoted(char *to, const char *text)
{
    *to++ = '"';
    to = put_text(to, text);
    *to++ = '"';
    return to;
}

static char *put_when(char *to, int64_t s, char *(*form)(char *, int64_t))
{
    if (!s)
        return PUT(to, "null");
    *to++ = '"';
    to = form(to, s);
    *to++ = '"';
    return to;
}

/* --- fields ------------------------------------------------------------------------------------------------------ */

#define NAME(w, literal) ((w)->at = PUT((w)->at, ",\"" literal "\":"))

static void key_from(struct writing *w, const char *from)
{
    *w->key = (struct piece){from, (size_t)(w->at - from)};
}

static void begin(struct writing *w)
{
    static const char *const prefixes[TOPICS] = {"inv", "ord", "del", "cap", "shp"};
    w->at = PUT(w->at, "{\"topic\":\"");
    w->at = put_text(w->at, topic_names[w->e->topic]);
    w->at = PUT(w->at, "\",\"event_id\":\"");
    w->at = put_text(w->at, prefixes[w->e->topic]);
    *w->at++ = '-';
    w->at = put_padded(w->at, w->e->sequence, 12);
    w->at = PUT(w->at, "\",\"event_time\":\"");
    w->at = w->defect == BAD_TIME ? PUT(w->at, "31.02.2026 25:61") : put_time(w->at, w->e->at);
    *w->at++ = '"';
}

/* "sku", "order_id", ...: what a record cannot do without. */
static void essential(struct writing *w, const char *name, const char *prefix, uint32_t id)
{
    if (w->defect == MISSING_FIELD)
        return;
    w->at = PUT(w->at, ",\"");
    w->at = put_text(w->at, name);
    w->at = PUT(w->at, "\":\"");
    char *from = w->at;
    w->at = put_text(w->at, prefix);
    if (id)
        w->at = put_padded(w->at, id, 8);
    key_from(w, from);
    *w->at++ = '"';
}

/* The number that a person might have typed. */
static void number(struct writing *w, const char *name, int64_t n)
{
    *w->at++ = ',';
    w->at = put_quoted(w->at, name);
    *w->at++ = ':';
    w->at = w->defect == WORD_IN_NUMBER ? PUT(w->at, "\"see delivery note\"") : put_number(w->at, n);
}

static void place(struct writing *w, unsigned place)
{
    w->at = put_quoted(w->at, place_names[place]);
}

static void lines(struct writing *w)
{
    NAME(w, "lines");
    *w->at++ = '[';
    for (unsigned i = 0; i < w->e->n_lines; i++) {
        const struct line *l = &w->e->lines[i];
        w->at = put_text(w->at, i ? ",{\"sku\":\"" : "{\"sku\":\"");
        w->at = put_text(w->at, item_sku(l->item));
        w->at = PUT(w->at, "\",\"quantity\":");
        w->at = put_number(w->at, l->quantity);
        NAME(w, "unit_price");
        w->at = put_cents(w->at, products[l->item].price);
        *w->at++ = '}';
    }
    *w->at++ = ']';
}

static int64_t units(const struct event *e)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < e->n_lines; i++)
        sum += e->lines[i].quantity;
    return sum;
}

static int64_t worth(const struct event *e)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < e->n_lines; i++)
        sum += (int64_t)e->lines[i].quantity * products[e->lines[i].item].price;
    return sum;
}

static void supplier(struct writing *w, unsigned s)
{
    NAME(w, "supplier");
    w->at = PUT(w->at, "{\"id\":");
    w->at = put_quoted(w->at, suppliers[s].id);
    NAME(w, "name");
    w->at = put_quoted(w->at, suppliers[s].name);
    NAME(w, "country");
    w->at = put_quoted(w->at, suppliers[s].country);
    *w->at++ = '}';
}

/* --- the five topics --------------------------------------------------------------------------------------------- */

static void inventory_update(struct writing *w)
{
    static const char *const reasons[] = {"sale", "web sale", "picked", "received", "produced", "consumed"};
    static const char *const kinds[] = {"plant", "centre", "shop"};
    const struct event *e = w->e;
    essential(w, "sku", item_sku(e->item), 0);
    NAME(w, "warehouse");
    place(w, e->place);
    NAME(w, "location");
    w->at = PUT(w->at, "{\"kind\":");
    w->at = put_quoted(w->at, kinds[(e->place >= FIRST_CENTRE) + (e->place >= FIRST_SHOP)]);
    NAME(w, "region");
    w->at = put_quoted(w->at, place_region(e->place));
    NAME(w, "country");
    w->at = put_quoted(w->at, place_country(e->place));
    *w->at++ = '}';
    NAME(w, "reason");
    w->at = put_quoted(w->at, reasons[e->status]);
    NAME(w, "change");
    w->at = put_number(w->at, e->change);
    number(w, "on_hand", e->on_hand);
    NAME(w, "on_order");
    w->at = put_number(w->at, e->on_order);
    NAME(w, "reorder_point");
    w->at = put_number(w->at, e->reorder_point);
    NAME(w, "daily_demand");
    w->at = put_milli(w->at, e->daily_milli);
    NAME(w, "unit_cost");
    w->at = put_cents(w->at, item_cost(e->item));
    if (e->item >= PRODUCTS)
        supplier(w, parts[e->item - PRODUCTS].supplier);
}

static void customer(struct writing *w)
{
    const struct event *e = w->e;
    NAME(w, "customer");
    w->at = PUT(w->at, "{\"id\":\"");
    if (e->web) {
        *w->at++ = 'C';
        w->at = put_padded(w->at, e->who, 6);
    } else {
        w->at = put_text(w->at, place_names[e->who]);
    }
    *w->at++ = '"';
    NAME(w, "region");
    w->at = put_quoted(w->at, place_region(e->place));
    *w->at++ = '}';
}

static void order_status(struct writing *w)
{
    static const char *const statuses[] = {"placed", "backordered", "allocated", "shipped", "delivered", "cancelled"};
    const struct event *e = w->e;
    essential(w, "order_id", "O-", e->id);
    NAME(w, "status");
    w->at = put_quoted(w->at, statuses[e->status]);
    NAME(w, "channel");
    w->at = put_quoted(w->at, e->web ? "web" : "shop");
    customer(w);
    NAME(w, "warehouse");
    place(w, e->place);
    NAME(w, "ordered_at");
    w->at = put_when(w->at, e->begun, put_time);
    NAME(w, "promised_date");
    w->at = put_when(w->at, e->promised, put_date);
    NAME(w, "delivered_date");
    w->at = put_when(w->at, e->actual, put_date);
    lines(w);
    number(w, "units", units(e));
    NAME(w, "total");
    w->at = put_cents(w->at, worth(e));
}

static void supplier_delivery(struct writing *w)
{
    static const char *const statuses[] = {"ordered", "dispatched", "received"};
    const struct event *e = w->e;
    essential(w, "purchase_order", "PO-", e->id);
    NAME(w, "status");
    w->at = put_quoted(w->at, statuses[e->status]);
    supplier(w, e->who);
    NAME(w, "sku");
    w->at = put_quoted(w->at, item_sku(e->item));
    NAME(w, "warehouse");
    place(w, e->place);
    number(w, "quantity", e->quantity);
    NAME(w, "received");
    w->at = e->status == DELIVERY_RECEIVED ? put_number(w->at, e->good) : PUT(w->at, "null");
    NAME(w, "damaged");
    w->at = e->status == DELIVERY_RECEIVED ? put_number(w->at, e->bad) : PUT(w->at, "null");
    NAME(w, "unit_cost");
    w->at = put_cents(w->at, item_cost(e->item));
    NAME(w, "ordered_date");
    w->at = put_when(w->at, e->begun, put_date);
    NAME(w, "promised_date");
    w->at = put_when(w->at, e->promised, put_date);
    NAME(w, "actual_date");
    w->at = put_when(w->at, e->actual, put_date);
}

static void production_capacity(struct writing *w)
{
    static const char *const statuses[] = {"idle", "started", "finished", "starved", "down", "repaired"};
    static const char *const machines[MACHINES] = {"M-11", "M-12", "M-13", "M-14", "M-21", "M-22", "M-23", "M-24"};
    const struct event *e = w->e;
    bool works = e->status != IDLE && e->status != STARVED;
    essential(w, "machine", machines[e->who], 0);
    NAME(w, "plant");
    place(w, e->place);
    NAME(w, "status");
    w->at = put_quoted(w->at, statuses[e->status]);
    NAME(w, "sku");
    w->at = works ? put_quoted(w->at, item_sku(e->item)) : PUT(w->at, "null");
    number(w, "planned", e->quantity);
    NAME(w, "made");
    w->at = put_number(w->at, e->good);
    NAME(w, "scrapped");
    w->at = put_number(w->at, e->bad);
    NAME(w, "units_per_hour");
    w->at = put_number(w->at, e->status == DOWN ? 0 : 30);
    NAME(w, "utilisation");
    w->at = put_milli(w->at, e->utilisation);
}

static void shipping_status(struct writing *w)
{
    static const char *const statuses[] = {"departed", "delayed", "arrived"};
    const struct event *e = w->e;
    essential(w, "shipment", "SH-", e->id);
    NAME(w, "status");
    w->at = put_quoted(w->at, statuses[e->status]);
    NAME(w, "truck");
    w->at = PUT(w->at, "\"T-");
    w->at = put_padded(w->at, e->who + 1u, 2);
    *w->at++ = '"';
    NAME(w, "origin");
    place(w, e->place);
    NAME(w, "destination");
    place(w, e->to);
    NAME(w, "departed_at");
    w->at = put_when(w->at, e->begun, put_time);
    NAME(w, "expected_at");
    w->at = put_when(w->at, e->promised, put_time);
    NAME(w, "arrived_at");
    w->at = put_when(w->at, e->actual, put_time);
    number(w, "units", units(e));
    lines(w);
}

size_t record_write(char *to, const struct event *e, enum defect d, struct piece *ret_key)
{
    static void (*const bodies[TOPICS])(struct writing *) = {inventory_update, order_status, supplier_delivery,
                                                             production_capacity, shipping_status};
    struct writing w = {to, e, d, ret_key};
    *ret_key = (struct piece){NULL, 0};
    begin(&w);
    bodies[e->topic](&w);
    *w.at++ = '}';
    COMPANY_ASSERT(w.at - to <= RECORD_MAX);
    return (size_t)(w.at - to);
}

/* --- books ------------------------------------------------------------------------------------------------------- */

static char *books_begin(char *to, const char *kind, const struct event *e)
{
    to = PUT(to, "{\"sequence\":");
    to = put_number(to, (int64_t)e->sequence);
    to = PUT(to, ",\"kind\":");
    to = put_quoted(to, kind);
    to = PUT(to, ",\"time\":\"");
    to = put_time(to, e->at);
    return PUT(to, "\"");
}

static char *books_line(char *to, const char *kind, const struct event *e)
{
    to = books_begin(to, kind, e);
    to = PUT(to, ",\"topic\":");
    return put_quoted(to, topic_names[e->topic]);
}

static char *books_defect(char *to, const struct event *e, enum defect d)
{
    to = books_line(to, "defect", e);
    to = PUT(to, ",\"defect\":");
    to = put_quoted(to, defect_names[d]);
    return PUT(to, "}\n");
}

static char *books_stock_out(char *to, const struct event *e)
{
    to = books_line(to, "stock_out", e);
    to = PUT(to, ",\"warehouse\":");
    to = put_quoted(to, place_names[e->place]);
    to = PUT(to, ",\"sku\":");
    to = put_quoted(to, item_sku(e->item));
    to = PUT(to, ",\"since\":");
    to = put_number(to, (int64_t)e->since);
    return PUT(to, "}\n");
}

static char *books_late(char *to, const struct event *e)
{
    to = books_line(to, e->topic == SUPPLIER_DELIVERIES ? "late_delivery" : "late_truck", e);
    to = PUT(to, ",\"id\":");
    to = put_number(to, e->id);
    to = PUT(to, ",\"days\":");
    to = put_number(to, e->actual / DAY - e->promised / DAY);
    return PUT(to, "}\n");
}

static char *books_breakdown(char *to, const struct event *e)
{
    to = books_line(to, "breakdown", e);
    to = PUT(to, ",\"machine\":");
    to = put_number(to, e->who);
    return PUT(to, "}\n");
}

size_t books_event(char *to, const struct event *e, enum defect d)
{
    char *at = to;
    if (d != NO_DEFECT)
        at = books_defect(at, e, d);
    if (e->stock_out)
        at = books_stock_out(at, e);
    if (e->late && (e->topic == SUPPLIER_DELIVERIES || (e->topic == SHIPPING_STATUS && e->status == ARRIVED)))
        at = books_late(at, e);
    if (e->topic == PRODUCTION_CAPACITY && e->status == DOWN)
        at = books_breakdown(at, e);
    return (size_t)(at - to);
}

size_t books_day(char *to, const struct company *c, const struct event *e)
{
    const struct books *b = &c->books;
    const struct {
        const char *name;
        int64_t n;
    } sums[] = {{"initial", b->initial}, {"bought", b->bought}, {"made", b->made}, {"on_hand", b->on_hand},
                {"in_transit", b->in_transit}, {"sold", b->sold}, {"used", b->used}, {"scrapped", b->scrapped},
                {"days", (int64_t)c->days}, {"unbalanced", (int64_t)c->unbalanced}};
    char *at = books_begin(to, "day", e);
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        *at++ = ',';
        at = put_quoted(at, sums[i].name);
        *at++ = ':';
        at = put_number(at, sums[i].n);
    }
    return (size_t)(PUT(at, "}\n") - to);
}

size_t books_end(char *to, const struct company *c)
{
    struct event e = {.sequence = c->sequence, .at = c->now};
    char *at = books_begin(to, "end", &e);
    for (unsigned i = 0; i < TOPICS; i++) {
        *at++ = ',';
        at = put_quoted(at, topic_names[i]);
        *at++ = ':';
        at = put_number(at, (int64_t)c->records[i]);
    }
    return (size_t)(PUT(at, "}\n") - to);
}
