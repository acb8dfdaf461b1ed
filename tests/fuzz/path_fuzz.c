/* SPDX-License-Identifier: Apache-2.0 */
/* path_fuzz.c: spellings of paths, decimals and doubles. */
#include "tests/fuzz/fuzz.h"

static void try_path(leat_text t)
{
    struct paths *p = paths_new();
    uint32_t number = paths_add(p, t);
    if (number) {
        leat_text spelt = paths_text(p, number);
        ASSERT(paths_find(p, t) == number);
        ASSERT(paths_add(p, spelt) == number); /* the canonical spelling means the same */
    }
    paths_free(p);
}

static void try_decimal(leat_text t)
{
    struct decimal d, again;
    char text[24];
    if (!decimal_parse(t, &d))
        return;
    size_t n = decimal_print(text, d);
    ASSERT(n <= sizeof text && decimal_parse((leat_text){text, n}, &again));
    d = decimal_trim(d);
    ASSERT(d.mantissa == again.mantissa && d.scale == again.scale);
    ASSERT(decimal_f64(d) == number_f64((leat_text){text, n}));
}

static void try_double(const uint8_t *data, size_t n)
{
    double x;
    char text[33];
    if (n < sizeof x)
        return;
    memcpy(&x, data, sizeof x);
    text[f64_print(text, x)] = 0;
    if (x == x && x - x == 0)
        ASSERT(strtod(text, NULL) == x);
    else
        ASSERT(!strcmp(text, "null"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    leat_text t = {(const char *)data, n};
    if (n > 512)
        return 0;
    try_path(t);
    try_decimal(t);
    try_double(data, n);
    return 0;
}
