/* SPDX-License-Identifier: Apache-2.0 */
/* make_data.c: seeded supply-chain records of about 250 bytes for the benchmarks: make_data SHAPE BYTES > file
 * SHAPE: events (1 % each: another key order, an extra field, escapes), mixed (eight kinds of event), csv. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252ull;

static uint64_t next(void) /* xorshift64* (Vigna, 2016) */
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717ull;
}

static const char *const statuses[] = {"IN_STOCK", "LOW_STOCK", "BACKORDERED", "DISCONTINUED"};
static const char *const regions[] = {"EU-NORTH", "EU-SOUTH", "US-EAST", "US-WEST", "AP-SOUTH"};
static const char *const countries[] = {"DE", "FR", "US", "CN", "IN", "BR", "JP", "GB"};

struct event {
    char id[40], time[40], warehouse[64];
    unsigned sku, qty, reorder_point, cents, supplier, kind;
    const char *status, *country;
};

static void make(struct event *e, uint64_t i)
{
    uint64_t a = next(), b = next(), c = next(), d = next();
    e->kind = (unsigned)(d % 100);
    snprintf(e->id, sizeof e->id, "%08x-%04x-%04x-%04x-%012" PRIx64, (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffff,
             (unsigned)a & 0xffff, (unsigned)(b >> 48), (uint64_t)(b & 0xffffffffffff));
    snprintf(e->time, sizeof e->time, "2026-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)(1 + i / 3000000 % 12),
             (unsigned)(1 + i / 100000 % 28), (unsigned)(i / 4000 % 24), (unsigned)(i / 60 % 60), (unsigned)(i % 60),
             (unsigned)(c % 1000));
    snprintf(e->warehouse, sizeof e->warehouse, e->kind == 1 ? "WH-\\\"%s\\\"-%03u" : "WH-%s-%03u", regions[(c >> 3) % 5],
             (unsigned)((c >> 10) % 200));
    e->status = statuses[(c >> 40) % 4];
    e->sku = (unsigned)((a >> 7) % 200000);
    c = next();
    e->qty = (unsigned)(c % 1000);
    e->reorder_point = (unsigned)((c >> 12) % 500);
    e->cents = (unsigned)((c >> 24) % 900000 + 10000);
    e->supplier = (unsigned)((c >> 44) % 5000);
    e->country = countries[(c >> 57) % 8];
}

static int print_event(char *to, size_t room, const struct event *e)
{
    const char *more = e->kind == 2 ? "\"note\":\"rush\"," : "";
    if (e->kind == 0)
        return snprintf(to, room,
                        "{\"sku\":\"SKU-%07u\",\"event_id\":\"%s\",\"ts\":\"%s\",\"qty\":%u,\"warehouse\":\"%s\",\"unit_cost\":%u.%02u,"
                        "\"reorder_point\":%u,\"status\":\"%s\",\"supplier\":{\"id\":\"SUP-%07u\",\"country\":\"%s\"}}\n",
                        e->sku, e->id, e->time, e->qty, e->warehouse, e->cents / 100, e->cents % 100, e->reorder_point,
                        e->status, e->supplier, e->country);
    return snprintf(to, room,
                    "{\"event_id\":\"%s\",\"ts\":\"%s\",\"sku\":\"SKU-%07u\",\"warehouse\":\"%s\",\"qty\":%u,\"reorder_point\":%u,"
                    "\"unit_cost\":%u.%02u,\"status\":\"%s\",%s\"supplier\":{\"id\":\"SUP-%07u\",\"country\":\"%s\"}}\n",
                    e->id, e->time, e->sku, e->warehouse, e->qty, e->reorder_point, e->cents / 100, e->cents % 100,
                    e->status, more, e->supplier, e->country);
}

/* Eight kinds with fields of their own, in random order. */
static int print_mixed(char *to, size_t room, const struct event *e)
{
    static const char *const kinds[] = {"inventory", "order", "delivery", "capacity", "shipping", "return", "price", "audit"};
    unsigned k = e->sku % 8;
    return snprintf(to, room,
                    "{\"kind\":\"%s\",\"event_id\":\"%s\",\"%s_at\":\"%s\",\"sku\":\"SKU-%07u\",\"qty\":%u,\"%s_ref\":\"%s-%05u\","
                    "\"reorder_point\":%u,\"unit_cost\":%u.%02u,\"%s\":{\"id\":%u,\"country\":\"%s\"}}\n",
                    kinds[k], e->id, kinds[k], e->time, e->sku, e->qty, kinds[k], e->warehouse[3] == '\\' ? "X" : e->warehouse,
                    e->supplier, e->reorder_point, e->cents / 100, e->cents % 100, k % 2 ? "party" : "place", e->supplier,
                    e->country);
}

static int print_csv(char *to, size_t room, const struct event *e)
{
    return snprintf(to, room, "%s,%s,SKU-%07u,%s-%03u,%u,%u,%u.%02u,%s,SUP-%07u,%s,\"%s, %s, carrier %u, dock %u, lot %08x\"\n",
                    e->id, e->time, e->sku, regions[e->sku % 5], e->supplier % 200, e->qty, e->reorder_point, e->cents / 100,
                    e->cents % 100, e->status, e->supplier, e->country, e->status, e->country, e->supplier, e->qty, e->cents);
}

int main(int argc, char **argv)
{
    static char out[1 << 20];
    size_t n = 0, wanted = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    struct event e;
    char line[1024];
    if (argc != 3 || !wanted) {
        fprintf(stderr, "usage: make_data events|mixed|csv BYTES\n");
        return 2;
    }
    setvbuf(stdout, out, _IOFBF, sizeof out);
    if (strcmp(argv[1], "csv") == 0)
        puts("event_id,ts,sku,warehouse,qty,reorder_point,unit_cost,status,supplier,country,remark");
    for (uint64_t i = 0; n < wanted; i++) {
        make(&e, i);
        int length = argv[1][0] == 'c' ? print_csv(line, sizeof line, &e) : argv[1][0] == 'm' ? print_mixed(line, sizeof line, &e)
                                                                                             : print_event(line, sizeof line, &e);
        n += fwrite(line, 1, (size_t)length, stdout);
    }
    return fflush(stdout) != 0;
}
