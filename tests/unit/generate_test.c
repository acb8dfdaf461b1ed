/* SPDX-License-Identifier: Apache-2.0 */
/* generate_test.c: the simulated company: the same for a seed, at any point, and nothing of it gets lost. */
#include "plugins/generate/books.h"
#include "plugins/generate/company.h"
#include "plugins/generate/record.h"
#include "plugins/generate/snapshot.h"
#include "plugins/generate/synthetic.h"

#include "core/base/base.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static struct company company, other;

/* A digest of the next n records, as they are written. */
static uint64_t digest(struct company *c, uint64_t seed, uint32_t n)
{
    static char text[RECORD_MAX];
    uint64_t h = 0;
    while (n) {
        struct piece key;
        const struct event *e = company_next(c);
        if (e->topic == DAY_CLOSED)
            continue;
        size_t bytes = record_write(text, e, record_defect(seed, e->sequence, 1u << 24), &key);
        for (size_t i = 0; i < bytes; i++)
            h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
        n--;
    }
    return h;
}

static void same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        company_init(&company, seed);
        company_init(&other, seed);
        assert_int_equal(digest(&company, seed, 50000), digest(&other, seed, 50000));
        company_init(&other, seed + 1);
        company_init(&company, seed);
        assert_int_not_equal(digest(&company, seed, 50000), digest(&other, seed, 50000));
    }
}

/* The first record of the company of seed 1 is part of the contract of the shipped flows' tests. */
static void the_first_record_is_known(void **state)
{
    static const char want[] =
        "{\"topic\":\"OrderStatus\",\"event_id\":\"ord-000000000000\",\"event_time\":\"2026-01-05T00:01:41Z\","
        "\"order_id\":\"O-00000001\",\"status\":\"placed\",\"channel\":\"web\"";
    char text[RECORD_MAX];
    struct piece key;
    (void)state;
    company_init(&company, 1);
    size_t n = record_write(text, company_next(&company), NO_DEFECT, &key);
    assert_true(n > sizeof want);
    assert_memory_equal(text, want, sizeof want - 1);
    assert_int_equal(key.n, strlen("O-00000001"));
    assert_memory_equal(key.at, "O-00000001", key.n);
}

static void going_to_a_record_gives_what_running_there_gives(void **state)
{
    static const uint64_t at[] = {0, 1, 2171, 2172, 2173, 99999, 400000};
    (void)state;
    for (size_t i = 0; i < N_OF(at); i++) {
        company_init(&company, 9);
        for (uint64_t k = 0; k < at[i];)
            k += company_next(&company)->topic != DAY_CLOSED;
        company_init(&other, 9);
        company_skip(&other, at[i]);
        assert_int_equal(other.sequence, at[i]);
        assert_int_equal(digest(&company, 9, 5000), digest(&other, 9, 5000));
    }
}

static void looking_ahead_changes_nothing(void **state)
{
    (void)state;
    company_init(&company, 3);
    company_init(&other, 3);
    for (int i = 0; i < 20000; i++) {
        int64_t at = company_peek(&company);
        assert_int_equal(company_next(&company)->at, at);
        company_next(&other);
    }
    assert_int_equal(digest(&company, 3, 5000), digest(&other, 3, 5000));
}

static void snapshots_go_on_like_the_original(void **state)
{
    auto_free char *folder = xstrdup("/tmp/leat-generate-XXXXXX");
    (void)state;
    assert_non_null(mkdtemp(folder));
    auto_free char *path = xasprintf("%s/a", folder);
    company_init(&company, 5);
    company_skip(&company, 123457);
    assert_int_equal(snapshot_save(path, &company, 5), 0);
    uint64_t want = digest(&company, 5, 5000);
    assert_false(snapshot_load(path, &other, 6, UINT64_MAX)); /* of another company */
    assert_false(snapshot_load(path, &other, 5, 123456));     /* past what is wanted */
    assert_true(snapshot_load(path, &other, 5, 123457));
    assert_int_equal(digest(&other, 5, 5000), want);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, 5000), 1);
    close(fd);
    assert_false(snapshot_load(path, &other, 5, 123457)); /* harmed */
    unlink(path);
    rmdir(folder);
}

static void goods_are_conserved_over_ten_thousand_days(void **state)
{
    (void)state;
    company_init(&company, 42);
    while (company.days < 10000)
        company_next(&company);
    const struct books *b = &company.books;
    assert_int_equal(company.unbalanced, 0);
    assert_int_equal(b->initial + b->bought + b->made, b->on_hand + b->in_transit + b->sold + b->used + b->scrapped);
    assert_in_range(b->on_hand, 20000, 400000); /* it neither starves nor drowns */
    assert_true(b->sold > 20000000);
}

/* The audit itself must be able to fail. */
static void a_lost_piece_is_found_by_the_audit(void **state)
{
    (void)state;
    company_init(&company, 42);
    company_skip(&company, 10000);
    company.on_hand[FIRST_SHOP + 3][7]++;
    uint64_t days = company.days;
    while (company.days == days)
        company_next(&company);
    assert_int_equal(company.unbalanced, 1);
}

static void what_shall_happen_happens(void **state)
{
    uint64_t stock_outs = 0, late = 0, broken = 0;
    (void)state;
    company_init(&company, 1);
    while (company.days < 365) {
        const struct event *e = company_next(&company);
        stock_outs += e->topic == INVENTORY_UPDATES && e->stock_out;
        late += e->topic == SUPPLIER_DELIVERIES && e->late;
        broken += e->topic == PRODUCTION_CAPACITY && e->status == DOWN;
    }
    for (unsigned i = 0; i < TOPICS; i++)
        assert_true(company.records[i] > 2000);
    assert_in_range(stock_outs, 100, 5000);
    assert_in_range(late, 30, 400);
    assert_in_range(broken, 100, 1000);
}

static void defects_come_at_their_rate(void **state)
{
    uint64_t n[DEFECTS] = {0};
    (void)state;
    for (uint64_t i = 0; i < 1000000; i++)
        n[record_defect(7, i, 4294967)]++; /* 0.001 */
    for (int d = WORD_IN_NUMBER; d < DEFECTS; d++)
        assert_in_range(n[d], 250, 420);
    for (uint64_t i = 0; i < 10000; i++) {
        assert_int_equal(record_defect(7, i, 0), NO_DEFECT);
        assert_int_not_equal(record_defect(7, i, UINT64_C(1) << 32), NO_DEFECT);
    }
}

static void synthetic_records_depend_on_their_number_alone(void **state)
{
    static char many[64 * SYNTHETIC_BYTES], one[SYNTHETIC_BYTES];
    (void)state;
    synthetic_write(many, 11, 999999999990, 64);
    for (uint32_t i = 0; i < 64; i++) {
        synthetic_write(one, 11, 999999999990 + i, 1);
        assert_memory_equal(one, many + (size_t)i * SYNTHETIC_BYTES, SYNTHETIC_BYTES);
        assert_int_equal(one[SYNTHETIC_BYTES - 1], '\n');
        assert_null(memchr(one, '\n', SYNTHETIC_BYTES - 1));
    }
}

static void books_are_cut_to_what_is_known(void **state)
{
    static const char lines[] = "{\"sequence\":3,\"a\":1}\n{\"sequence\":7}\n{\"sequence\":12}\n";
    char path[] = "/tmp/leat-books-XXXXXX", read_back[sizeof lines] = "";
    struct books_file b = {.fd = -1};
    (void)state;
    int fd = mkostemp(path, O_CLOEXEC);
    assert_int_equal(write(fd, lines, sizeof lines - 1), sizeof lines - 1);
    assert_int_equal(write(fd, "{\"sequence\":13", 14), 14); /* torn */
    assert_int_equal(books_open(&b, path, strlen(path), 12), 0);
    memcpy(books_room(&b, 3), "{}\n", 3);
    books_wrote(&b, 3);
    assert_int_equal(books_flush(&b), 0);
    books_close(&b);
    assert_int_equal(pread(fd, read_back, sizeof read_back - 1, 0), 39);
    assert_string_equal(read_back, "{\"sequence\":3,\"a\":1}\n{\"sequence\":7}\n{}\n");
    assert_int_equal(books_open(&b, path, strlen(path), 0), 0); /* from the beginning: an old file is of another life */
    books_close(&b);
    assert_int_equal(lseek(fd, 0, SEEK_END), 0);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_gives_the_same_bytes),
        cmocka_unit_test(the_first_record_is_known),
        cmocka_unit_test(going_to_a_record_gives_what_running_there_gives),
        cmocka_unit_test(looking_ahead_changes_nothing),
        cmocka_unit_test(snapshots_go_on_like_the_original),
        cmocka_unit_test(goods_are_conserved_over_ten_thousand_days),
        cmocka_unit_test(a_lost_piece_is_found_by_the_audit),
        cmocka_unit_test(what_shall_happen_happens),
        cmocka_unit_test(defects_come_at_their_rate),
        cmocka_unit_test(synthetic_records_depend_on_their_number_alone),
        cmocka_unit_test(books_are_cut_to_what_is_known),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
