/* SPDX-License-Identifier: Apache-2.0 */
/* catalogue.c: master data: products and what they are made of, parts, suppliers, places. All invented. */
#include "parts.h"

const struct product products[PRODUCTS] = {
    {"FG-1001", "Espresso machine", 18950, 36095, 0, 22, {{28, 1}, {26, 1}, {33, 1}}},
    {"FG-1002", "Filter machine", 3420, 6495, 0, 41, {{26, 1}, {40, 1}, {30, 1}}},
    {"FG-1003", "Milk frother", 2180, 4195, 0, 36, {{25, 1}, {29, 1}, {35, 1}}},
    {"FG-1004", "Kettle", 1640, 3195, 0, 72, {{26, 1}, {27, 1}, {29, 1}}},
    {"FG-1005", "Toaster", 1490, 2895, 0, 66, {{26, 1}, {29, 1}, {35, 1}}},
    {"FG-1006", "Hand blender", 1985, 3795, 0, 48, {{24, 1}, {38, 1}, {29, 1}}},
    {"FG-1007", "Stand mixer", 11200, 21295, 0, 18, {{24, 1}, {39, 1}, {30, 1}}},
    {"FG-1008", "Juicer", 2860, 5495, 0, 37, {{25, 1}, {37, 2}, {30, 1}}},
    {"FG-1009", "Coffee grinder", 3175, 6095, 0, 39, {{25, 1}, {38, 1}, {39, 1}}},
    {"FG-1010", "Rice cooker", 2640, 5095, 0, 31, {{26, 1}, {27, 1}, {34, 1}}},
    {"FG-1011", "Slow cooker", 2890, 5495, 0, 28, {{26, 1}, {30, 1}, {35, 1}}},
    {"FG-1012", "Waffle iron", 1875, 3595, 0, 30, {{26, 1}, {27, 1}, {31, 1}}},
    {"FG-1013", "Desk lamp", 1260, 2395, 1, 58, {{36, 1}, {32, 1}, {35, 1}}},
    {"FG-1014", "Floor lamp", 2410, 4595, 1, 34, {{36, 1}, {32, 1}, {30, 1}}},
    {"FG-1015", "Fan", 1830, 3495, 1, 55, {{25, 1}, {39, 1}, {32, 1}}},
    {"FG-1016", "Heater", 2295, 4395, 1, 38, {{26, 1}, {27, 1}, {30, 1}}},
    {"FG-1017", "Air purifier", 8740, 16695, 1, 20, {{24, 1}, {37, 1}, {33, 1}}},
    {"FG-1018", "Humidifier", 3150, 5995, 1, 31, {{28, 1}, {37, 2}, {34, 1}}},
    {"FG-1019", "Vacuum cleaner", 9480, 18095, 1, 24, {{24, 1}, {37, 1}, {39, 1}}},
    {"FG-1020", "Steam iron", 2260, 4295, 1, 47, {{28, 1}, {26, 1}, {31, 1}}},
    {"FG-1021", "Hair dryer", 1590, 3095, 1, 61, {{24, 1}, {26, 1}, {31, 1}}},
    {"FG-1022", "Shaver", 2945, 5595, 1, 43, {{25, 1}, {38, 1}, {32, 1}}},
    {"FG-1023", "Bathroom scale", 1120, 2195, 1, 57, {{34, 1}, {33, 1}, {41, 1}}},
    {"FG-1024", "Clock radio", 1745, 3395, 1, 64, {{34, 1}, {32, 1}, {41, 1}}},
};

const struct part parts[PARTS] = {
    {"CP-101", "Motor 230 V", 615, 0},
    {"CP-102", "Motor 24 V", 340, 0},
    {"CP-103", "Heating coil", 185, 1},
    {"CP-104", "Thermostat", 95, 1},
    {"CP-105", "Pump", 410, 0},
    {"CP-106", "Housing, small", 130, 2},
    {"CP-107", "Housing, large", 290, 2},
    {"CP-108", "Mains cable", 48, 3},
    {"CP-109", "Plug transformer", 125, 3},
    {"CP-110", "Control board", 520, 4},
    {"CP-111", "Display", 260, 4},
    {"CP-112", "Switch", 22, 3},
    {"CP-113", "LED module", 140, 4},
    {"CP-114", "Filter", 75, 5},
    {"CP-115", "Blade set", 160, 5},
    {"CP-116", "Bearing", 64, 0},
    {"CP-117", "Glass jug", 210, 2},
    {"CP-118", "Box and manual", 55, 5},
};

const struct supplier suppliers[SUPPLIERS] = {
    {"SUP-1", "Nordmotor", "DE", 5, 960}, {"SUP-2", "Termika", "PL", 4, 940},   {"SUP-3", "Plastiform", "IT", 6, 920},
    {"SUP-4", "Kabelwerk", "CZ", 3, 975}, {"SUP-5", "Shenhai", "CN", 18, 850}, {"SUP-6", "Lamina", "PT", 8, 900},
};

const char *const place_names[PLACES] = {
    "PLANT-1", "PLANT-2", "DC-NORTH", "DC-SOUTH", "DC-EAST",
    "SHOP-01", "SHOP-02", "SHOP-03", "SHOP-04", "SHOP-05", "SHOP-06", "SHOP-07", "SHOP-08", "SHOP-09", "SHOP-10",
    "SHOP-11", "SHOP-12", "SHOP-13", "SHOP-14", "SHOP-15", "SHOP-16", "SHOP-17", "SHOP-18", "SHOP-19", "SHOP-20",
    "SHOP-21", "SHOP-22", "SHOP-23", "SHOP-24", "SHOP-25", "SHOP-26", "SHOP-27", "SHOP-28", "SHOP-29", "SHOP-30",
    "SHOP-31", "SHOP-32", "SHOP-33", "SHOP-34", "SHOP-35", "SHOP-36", "SHOP-37", "SHOP-38", "SHOP-39", "SHOP-40",
};

const char *item_sku(unsigned item)
{
    return item < PRODUCTS ? products[item].sku : parts[item - PRODUCTS].sku;
}

int32_t item_cost(unsigned item)
{
    return item < PRODUCTS ? products[item].cost : parts[item - PRODUCTS].cost;
}

uint16_t shop_centre(unsigned shop)
{
    return (uint16_t)(FIRST_CENTRE + shop % CENTRES);
}

const char *place_region(unsigned place)
{
    static const char *const regions[CENTRES] = {"north", "south", "east"};
    if (place < PLANTS)
        return place ? "south" : "north";
    return regions[(place < FIRST_SHOP ? place : shop_centre(place - FIRST_SHOP)) - FIRST_CENTRE];
}

const char *place_country(unsigned place)
{
    static const char *const countries[CENTRES] = {"DE", "AT", "PL"};
    if (place < PLANTS)
        return place ? "AT" : "DE";
    return countries[(place < FIRST_SHOP ? place : shop_centre(place - FIRST_SHOP)) - FIRST_CENTRE];
}
