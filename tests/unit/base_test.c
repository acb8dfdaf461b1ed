/* SPDX-License-Identifier: Apache-2.0 */
/* base_test.c: texts, times, maps, suggestions, units, checksums and files of core/base. */
#include "core/base/base.h"

#include <setjmp.h>
#include <cmocka.h>

static void durations_need_their_unit(void **state)
{
    struct err err;
    int64_t us = 0;
    (void)state;
    assert_int_equal(parse_duration(TEXT("1h30m"), &us, &err), 0);
    assert_int_equal(us, 5400000000);
    assert_int_equal(parse_duration(TEXT("250ms"), &us, &err), 0);
    assert_int_equal(us, 250000);
    assert_int_equal(parse_duration(TEXT("5"), &us, &err), -EINVAL);
    assert_string_equal(err.text, "a duration needs its unit: '5s' or '5ms'");
    assert_int_equal(parse_duration(TEXT("5x"), &us, &err), -EINVAL);
}

static void times_survive_printing(void **state)
{
    static const char *const texts[] = {"1970-01-01T00:00:00Z", "2026-11-25T16:13:41.5Z", "1969-12-31T23:59:59.999999Z", "2000-02-29T12:00:00Z"};
    struct err err;
    (void)state;
    for (size_t i = 0; i < N_OF(texts); i++) {
        int64_t us;
        char text[40];
        assert_int_equal(parse_time(text_of(texts[i]), &us, &err), 0);
        print_time(text, us);
        assert_string_equal(text, texts[i]);
    }
    int64_t us;
    assert_int_equal(parse_time(TEXT("2023-02-29T00:00:00Z"), &us, &err), -EINVAL);
    assert_int_equal(parse_time(TEXT("2026-03-01T01:00:00+01:00"), &us, &err), 0);
    assert_int_equal(us, 1772323200000000);
}

static void maps_keep_order_and_find(void **state)
{
    struct map m = {0};
    (void)state;
    for (intptr_t i = 0; i < 1000; i++) {
        auto_free char *key = xasprintf("key%d", (int)i);
        *map_at(&m, text_of(key)) = (void *)(i + 1);
    }
    assert_int_equal(m.n, 1000);
    assert_ptr_equal(map_get(&m, TEXT("key77")), (void *)78);
    assert_null(map_get(&m, TEXT("key1000")));
    assert_true(text_is(m.at[5].key, "key5"));
    map_fini(&m);
}

static void closest_finds_swaps_and_slips(void **state)
{
    static const char *const names[] = {"quantity", "warehouse", "sku"};
    (void)state;
    assert_string_equal(closest(TEXT("qunatity"), names, 3), "quantity");
    assert_string_equal(closest(TEXT("warehose"), names, 3), "warehouse");
    assert_null(closest(TEXT("colour"), names, 3));
}

static void crc32c_of_rfc_3720(void **state)
{
    unsigned char zeros[32] = {0};
    (void)state;
    assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
}

static void secrets_are_struck_out(void **state)
{
    char line[] = "cannot log in as leat:hunter2 at hunter2.example", same[] = "{password: hunter2}", none[] = "abc";
    (void)state;
    secret_hide(TEXT("hunter2"));
    secret_hide(TEXT("abc")); /* too short to be told from words */
    secret_strike(line, false);
    assert_string_equal(line, "cannot log in as leat:*** at ***.example");
    secret_strike(same, true);
    assert_string_equal(same, "{password: *******}");
    secret_strike(none, false);
    assert_string_equal(none, "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_need_their_unit),
        cmocka_unit_test(times_survive_printing),
        cmocka_unit_test(maps_keep_order_and_find),
        cmocka_unit_test(closest_finds_swaps_and_slips),
        cmocka_unit_test(crc32c_of_rfc_3720),
        cmocka_unit_test(secrets_are_struck_out),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
