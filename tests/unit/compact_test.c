/* SPDX-License-Identifier: Apache-2.0 */
/* compact_test.c: records copied out of their block say what they said before. */
#include "core/record/record.h"

#include <setjmp.h>
#include <cmocka.h>

struct world {
    struct paths *paths;
    struct pool *pool;
    struct decoder *decoder;
    uint32_t qty, name, extra;
};

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct codec json;
    codec_default(&json, CODEC_JSON);
    w->paths = paths_new();
    w->qty = paths_add(w->paths, TEXT("qty"));
    w->name = paths_add(w->paths, TEXT("name"));
    w->extra = paths_add(w->paths, TEXT("extra"));
    w->pool = pool_new();
    struct origin *o = origin_new(TEXT("f/s/p/"), TEXT("p"), TEXT("t"), 1);
    w->decoder = decoder_new(&json, w->paths, w->pool, o);
    origin_unref(o);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    decoder_free(w->decoder);
    pool_free(w->pool);
    paths_free(w->paths);
    free(w);
    return 0;
}

static struct batch *thousand(struct world *w)
{
    for (int i = 0; i < 1000; i++) {
        char *at = decoder_space(w->decoder, 100);
        decoder_fill(w->decoder, (size_t)snprintf(at, 100, "{\"qty\":%d,\"name\":\"n\\u00e9%d\",\"deep\":{\"x\":[%d]}}\n", i, i, i));
    }
    struct batch *b = decoder_next(w->decoder, 1024);
    assert_non_null(b);
    return b;
}

/* Everything that can be asked of a record, as text. */
static void print_all(struct world *w, struct batch *b, struct buf *to)
{
    static const uint32_t metas[] = {PATH_ID, PATH_SEQUENCE, PATH_LINE, PATH_PARTITION, PATH_WHOLE, PATH_RAW};
    for (uint32_t i = 0; i < b->view.n; i++) {
        for (size_t k = 0; k < N_OF(metas) + 3; k++) {
            uint32_t path = k < N_OF(metas) ? metas[k] : (uint32_t[]){w->qty, w->name, w->extra}[k - N_OF(metas)];
            const leat_column *c = batch_read(b, path, LEAT_TEXT).column;
            if (leat_has(c, i))
                buf_text(to, ((const leat_text *)c->data)[i]);
            buf_char(to, '|');
        }
        buf_char(to, '\n');
    }
}

static void copied_records_are_the_same(void **state)
{
    struct world *w = *state;
    uint32_t rows[20], some[5] = {1, 3, 5, 7, 19};
    struct batch *b = thousand(w);
    for (uint32_t i = 0; i < 20; i++)
        rows[i] = i * 50;
    struct batch *few = batch_select(b, rows, 20), *out = batch_derive(w->pool, w->paths, few, NULL, 20, false);
    leat_text *names = batch_write(out, w->name, LEAT_TEXT, 0, NULL);
    int64_t *extra = batch_write(out, w->extra, LEAT_I64, 0, NULL);
    for (uint32_t i = 0; i < 20; i++) {
        names[i] = TEXT("other");
        extra[i] = i;
    }
    batch_remove(out, w->qty);
    batch_seal(out);
    struct batch *fewer = batch_select(out, some, 5), *copies[] = {batch_compact(few), batch_compact(out), batch_compact(fewer)};
    struct batch *const originals[] = {few, out, fewer};
    for (size_t i = 0; i < 3; i++) {
        auto_buf before = {0}, after = {0};
        assert_ptr_not_equal(copies[i], originals[i]);
        print_all(w, originals[i], &before);
        print_all(w, copies[i], &after);
        assert_string_equal(before.data, after.data);
    }
    batch_unref(few);
    batch_unref(out);
    batch_unref(fewer);
    batch_unref(b); /* the block goes, the copies stay */
    auto_buf alone = {0};
    print_all(w, copies[2], &alone);
    assert_non_null(strstr(alone.data, "f/s/p/"));
    for (size_t i = 0; i < 3; i++)
        batch_unref(copies[i]);
}

static void what_fills_its_block_is_not_copied(void **state)
{
    struct world *w = *state;
    struct batch *b = NULL;
    for (int i = 0; i < 1000; i++) {
        char *at = decoder_space(w->decoder, 300);
        decoder_fill(w->decoder, (size_t)snprintf(at, 300, "{\"qty\":%d,\"name\":\"%0200d\"}\n", i, i));
    }
    b = decoder_next(w->decoder, 1024);
    struct batch *same = batch_compact(b);
    assert_ptr_equal(same, b);
    batch_unref(same);
    batch_unref(b);
    while ((b = decoder_next(w->decoder, 1024)))
        batch_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(copied_records_are_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_fills_its_block_is_not_copied, set_up, tear_down),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
