/* SPDX-License-Identifier: Apache-2.0 */
/* expr_fuzz.c: any bytes as an expression, a template and an aggregate; what can be read is computed both ways, which
 * must agree. */
#include "core/expr/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A lane with a few records; made once. */
static struct pool *pool;
static struct paths *names;
static struct expr_run *run;

static struct batch *records(void)
{
    static const char lines[] =
        "{\"a\":1,\"b\":2.5,\"c\":\"abc\",\"d\":true,\"e\":[1,\"x\"],\"f\":{\"g\":1e3},\"t\":\"2026-03-01T12:00:00Z\"}"
        "\n"
        "{\"a\":9223372036854775807,\"b\":-0.000000000000000001,\"c\":\"\\u00e4%_\",\"d\":null,\"e\":[],\"t\":\"x\"}\n"
        "{\"a\":\"1\",\"b\":12345678901234567890,\"c\":5,\"d\":false,\"e\":{}}\n"
        "{}\n";
    struct codec json;
    codec_default(&json, CODEC_JSON);
    struct origin *origin = origin_new(TEXT("f/s/p/"), TEXT("p"), TEXT("t"), 0);
    struct decoder *d = decoder_new(&json, names, pool, origin);
    memcpy(decoder_space(d, sizeof lines), lines, sizeof lines - 1);
    decoder_fill(d, sizeof lines - 1);
    decoder_end(d);
    struct batch *b = decoder_next(d, 100);
    ASSERT(b && b->view.n == 4);
    decoder_free(d);
    origin_unref(origin);
    return b;
}

static void print(struct buf *out, struct batch *b, const leat_column *c, const uint64_t *bad)
{
    struct batch *o = batch_derive(pool, names, b, NULL, 0, true);
    uint32_t path = paths_add(names, TEXT("result"));
    batch_write_column(o, path, c);
    batch_seal(o);
    const leat_column *json = batch_read(o, path, LEAT_JSON).column;
    for (uint32_t i = 0; i < b->view.n; i++) {
        if (bad && bad[0] >> i & 1)
            buf_str(out, " bad");
        else if (leat_has(json, i)) {
            buf_char(out, ' ');
            buf_text(out, ((const leat_text *)json->data)[i]);
        } else
            buf_str(out, " null");
    }
    batch_unref(o);
}

static void compute(const struct expr *e)
{
    auto_buf is = {0}, should = {0}, form = {0};
    struct batch *b = records();
    char why[256];
    const char *code;
    struct read r = expr_eval(run, e, b, LEAT_NULL);
    print(&is, b, r.column, r.bad);
    for (uint32_t i = 0; r.bad && i < b->view.n; i++)
        if (r.bad[0] >> i & 1)
            expr_reason(run, e, b, i, LEAT_NULL, why, &code);
    r = expr_eval_rows(run, e, b, LEAT_NULL);
    print(&should, b, r.column, r.bad);
    ASSERT(text_equal(buf_view(&is), buf_view(&should)));
    expr_explain(e, &form);
    batch_unref(b);
}

static void check_error(const struct expr_error *e, size_t n)
{
    ASSERT(e->code[0] == 'E' && e->text[0] && e->offset <= n && e->length > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct expr_error error;
    struct expr_call call;
    struct arena a = {0};
    leat_text t = {(const char *)data, n};
    if (n > 4096)
        return 0;
    pool = pool_new();
    names = paths_new();
    run = expr_run_new();
    struct expr *e = expr_parse(&a, names, t, NULL, &error), *template;
    if (!e)
        check_error(&error, n);
    template = expr_template(&a, names, t, NULL, &error);
    if (!template)
        check_error(&error, n);
    if (expr_aggregate(&a, names, t, NULL, &call, &error) < 0)
        check_error(&error, n);
    if (e)
        compute(e);
    if (template)
        compute(template);
    expr_run_free(run);
    paths_free(names);
    pool_free(pool);
    arena_fini(&a);
    return 0;
}
