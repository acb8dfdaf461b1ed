/* SPDX-License-Identifier: Apache-2.0 */
/* decode_bench.c: what a record costs on one core: decoding, columns, filter, computed fields, writing. Prints one line
 * a case: ns per record and GB/s. usage: decode_bench [seconds per case] */
#include "core/record/record_internal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_BYTES = 64 << 20, CASES_REPEAT = 5, READ_BYTES = 256 << 10 };

static uint64_t random_state = 88172645463325252u;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 2685821657736338717u;
}

/* --- inputs --- */

/* Supply-chain events of about 250 bytes; 1 % with another order of fields, 1 % with escapes, 1 % with one field more.
 */
static void add_event(struct buf *b, unsigned i)
{
    static const char *const statuses[] = {"IN_STOCK", "LOW_STOCK", "BACKORDERED", "DISCONTINUED"};
    static const char *const regions[] = {"EU-NORTH", "EU-SOUTH", "US-EAST", "US-WEST", "AP-SOUTH"};
    uint64_t r = random_next(), q = random_next(), u = random_next();
    unsigned qty = u % 1000, reorder = (u >> 12) % 500, cost = (u >> 24) % 9000 + 100,
             odd = (unsigned)(random_next() % 100);
    if (odd == 0)
        buf_printf(b, "{\"sku\":\"SKU-%07u\",", (unsigned)(r >> 7) % 200000);
    else
        buf_printf(b, "{");
    buf_printf(b, "\"event_id\":\"%08x-%04x-%04x-%012llx\",\"ts\":\"2026-%02u-%02uT%02u:%02u:%02u.%03uZ\",",
               (unsigned)(r >> 32), (unsigned)(r >> 16) & 0xffff, (unsigned)r & 0xffff,
               (unsigned long long)(q & 0xffffffffffff), i / 3000 % 12 + 1, i / 1000 % 28 + 1, i / 400 % 24,
               i / 60 % 60, i % 60, (unsigned)(q % 1000));
    if (odd)
        buf_printf(b, "\"sku\":\"SKU-%07u\",", (unsigned)(r >> 7) % 200000);
    buf_printf(b, odd == 1 ? "\"warehouse\":\"WH-\\\"%s\\\"-%03u\"," : "\"warehouse\":\"WH-%s-%03u\",",
               regions[(q >> 3) % 5], (unsigned)(q >> 10) % 200);
    buf_printf(b, "\"qty\":%u,\"reorder_point\":%u,\"unit_cost\":%u.%02u,\"status\":\"%s\",%s", qty, reorder,
               cost / 100, cost % 100, statuses[(q >> 40) % 4], odd == 2 ? "\"note\":\"rush\"," : "");
    buf_printf(b, "\"supplier\":{\"id\":\"SUP-%07u\",\"country\":\"DE\"}}\n", (unsigned)(u >> 40) % 5000);
}

/* Eight types at random, four optional fields, arrays, exponents, escapes: 128 key sets. */
static void add_mixed(struct buf *b, unsigned i)
{
    uint64_t r = random_next();
    int t = (int)(r % 8);
    (void)i;
    buf_printf(b, "{\"event_id\":\"%016llx\",\"type\":\"t%d\",", (unsigned long long)random_next(), t);
    if (t & 1)
        buf_printf(b, "\"qty\":%d,\"unit_cost\":%u.%02u,", (int)(r >> 10) % 1000, (unsigned)(r >> 20) % 90,
                   (unsigned)(r >> 30) % 100);
    else
        buf_printf(b, "\"unit_cost\":%ue-2,\"qty\":%u,", (unsigned)(r >> 20) % 9000, (unsigned)(r >> 10) % 1000);
    buf_printf(b, "\"reorder_point\":%u,", (unsigned)(r >> 33) % 500);
    if (t & 2)
        buf_printf(b, "\"carrier\":{\"name\":\"%s\",\"route\":[%u,%u]},", r >> 44 & 3 ? "DHL" : "D\\\"H\\u00e9L",
                   (unsigned)(r >> 45) % 99, 7);
    if (t & 4)
        buf_printf(b, "\"lines\":[{\"sku\":\"A-%u\",\"n\":%u}],", (unsigned)(r >> 40) % 9999, (unsigned)(r >> 50) % 20);
    for (int k = 0; k < 4; k++)
        if (r >> (60 + k) & 1)
            buf_printf(b, "\"extra%d\":%u,", k, (unsigned)(r >> 35) % 1000);
    buf_printf(b, "\"status\":\"%s\"}\n", r >> 55 & 1 ? "OK" : "DELAYED");
}

/* The same events as csv. */
static void add_csv(struct buf *b, unsigned i)
{
    uint64_t r = random_next(), u = random_next();
    if (!i)
        buf_str(b, "event_id,ts,sku,warehouse,qty,reorder_point,unit_cost,status\n");
    buf_printf(b, "%016llx-%08x,2026-%02u-%02uT10:00:00Z,SKU-%07u,\"WH-%03u\",%u,%u,%u.%02u,IN_STOCK\n",
               (unsigned long long)r, (unsigned)u, i / 3000 % 12 + 1, i / 1000 % 28 + 1, (unsigned)(r >> 7) % 200000,
               (unsigned)(r >> 10) % 200, (unsigned)(u % 1000), (unsigned)(u >> 12) % 500, (unsigned)(u >> 24) % 90,
               (unsigned)(u >> 40) % 100);
}

/* Names and texts beyond ASCII. */
static void add_foreign(struct buf *b, unsigned i)
{
    buf_printf(b,
               "{\"id\":%u,\"warehouse\":\"München-Süd %u\",\"product\":\"Gerät für Öl, 30 "
               "°C\",\"qty\":%u,\"reorder_point\":5,"
               "\"unit_cost\":1.5,\"supplier\":{\"name\":\"株式会社日立製作所\",\"city\":\"東京都千代田区\"}}\n",
               i, i % 90, i % 50);
}

/* --- what is done with each batch --- */

struct bench {
    struct paths *paths;
    struct pool *pool;
    struct origin *origin;
    struct encoder *encoder;
    uint32_t qty, reorder, cost, shortage, value, warehouse;
    enum codec_kind kind;
    bool all; /* the filter lets everything pass */
    int sink;
    uint64_t checksum, out_bytes, views;
};

static void only_decode(struct bench *x, struct batch *b)
{
    x->checksum += b->view.n;
}

static void two_columns(struct bench *x, struct batch *b)
{
    x->checksum += (uint64_t)((const int64_t *)batch_read(b, x->qty, LEAT_I64).column->data)[0];
    x->checksum += (uint64_t)((const int64_t *)batch_read(b, x->reorder, LEAT_I64).column->data)[0];
}

static void text_column(struct bench *x, struct batch *b)
{
    x->checksum += ((const leat_text *)batch_read(b, x->warehouse, LEAT_TEXT).column->data)[0].n;
}

static void double_column(struct bench *x, struct batch *b)
{
    x->checksum += ((const double *)batch_read(b, x->cost, LEAT_F64).column->data)[0] > 5;
}

static void identities(struct bench *x, struct batch *b)
{
    x->checksum += ((const leat_text *)batch_read(b, PATH_ID, LEAT_TEXT).column->data)[0].n;
}

/* What views cost in themselves: thousands of them, with one column of one row each. */
static void many_views(struct bench *x, struct batch *b)
{
    uint32_t row = 7 % b->view.n;
    for (int i = 0; i < 4000; i++) {
        struct batch *v = batch_select(b, &row, 1), *o = batch_derive(x->pool, x->paths, v, NULL, 0, false);
        *(int64_t *)batch_write(o, x->shortage, LEAT_I64, 0, NULL) = i;
        batch_seal(o);
        x->checksum += (uint64_t)((const int64_t *)batch_read(v, x->qty, LEAT_I64).column->data)[0];
        batch_unref(o);
        batch_unref(v);
        x->views++;
    }
}

static struct batch *filtered(struct bench *x, struct batch *b)
{
    const int64_t *qty = batch_read(b, x->qty, LEAT_I64).column->data,
                  *reorder = batch_read(b, x->reorder, LEAT_I64).column->data;
    uint32_t *rows = batch_alloc(b, b->view.n * sizeof *rows), n = 0;
    for (uint32_t i = 0; i < b->view.n; i++) {
        rows[n] = i;
        n += x->all || qty[i] < reorder[i];
    }
    return batch_select(b, rows, n);
}

static void filter(struct bench *x, struct batch *b)
{
    struct batch *v = filtered(x, b);
    x->checksum += v->view.n;
    batch_unref(v);
}

static void write_texts(struct bench *x, struct batch *b)
{
    static char out[4 << 20];
    const leat_column *c = encoder_column(x->encoder, b);
    const leat_text *t = c->data;
    size_t n = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        memcpy(out + n, t[i].data, t[i].n);
        n += t[i].n;
    }
    x->out_bytes += n;
    if (write(x->sink, out, n) != (ssize_t)n)
        abort();
}

static void pass_through(struct bench *x, struct batch *b)
{
    write_texts(x, b);
}

static void whole_flow(struct bench *x, struct batch *b)
{
    struct batch *v = filtered(x, b), *o = batch_derive(x->pool, x->paths, v, NULL, 0, false);
    const int64_t *qty = batch_read(v, x->qty, LEAT_I64).column->data,
                  *reorder = batch_read(v, x->reorder, LEAT_I64).column->data;
    const leat_column *cost = batch_read(v, x->cost, LEAT_DEC).column;
    const int64_t *price = cost->data;
    int64_t *shortage = batch_write(o, x->shortage, LEAT_I64, 0, NULL),
            *value = batch_write(o, x->value, LEAT_DEC, cost->scale, NULL);
    for (uint32_t i = 0; i < v->view.n; i++) {
        shortage[i] = reorder[i] - qty[i];
        value[i] = shortage[i] * price[i];
    }
    batch_seal(o);
    write_texts(x, o);
    batch_unref(o);
    batch_unref(v);
}

/* --- running --- */

/* Time of the processor that this thread got: what others do on the machine counts less. */
static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static uint64_t decode_file(struct bench *x, int file, void (*with)(struct bench *, struct batch *))
{
    struct codec codec;
    codec_default(&codec, x->kind);
    struct decoder *d = decoder_new(&codec, x->paths, x->pool, x->origin);
    uint64_t records = 0;
    ssize_t n;
    off_t at = 0;
    while ((n = pread(file, decoder_space(d, READ_BYTES), READ_BYTES, at)) > 0) {
        struct batch *b;
        at += n;
        decoder_fill(d, (size_t)n);
        while ((b = decoder_next(d, 4096))) {
            records += b->view.n;
            with(x, b);
            batch_unref(b);
        }
    }
    decoder_free(d);
    return records;
}

static void measure(struct bench *x, const char *name, int file, size_t bytes,
                    void (*with)(struct bench *, struct batch *))
{
    double best = 1e30;
    uint64_t records = 0;
    for (int i = 0; i < CASES_REPEAT; i++) {
        x->out_bytes = 0;
        double begin = cpu_us();
        records = decode_file(x, file, with);
        double us = cpu_us() - begin;
        best = us < best ? us : best;
    }
    printf("%-44s %7.1f ns/record %6.2f GB/s  (%llu records, %llu bytes out)\n", name, best * 1000 / (double)records,
           (double)bytes / best / 1000, (unsigned long long)records, (unsigned long long)x->out_bytes);
}

static void only_read(int file, size_t bytes, uint64_t records)
{
    static char to[READ_BYTES];
    double begin = cpu_us();
    off_t at = 0;
    for (ssize_t n; (n = pread(file, to, sizeof to, at)) > 0; at += n)
        continue;
    double us = cpu_us() - begin;
    printf("%-44s %7.1f ns/record %6.2f GB/s\n", "read() alone", us * 1000 / (double)records,
           (double)bytes / us / 1000);
}

static int make_input(void (*add)(struct buf *, unsigned), size_t *ret_bytes, unsigned *ret_records)
{
    auto_buf b = {0};
    unsigned i = 0;
    int file = memfd_create("bench", MFD_CLOEXEC);
    while (b.n < INPUT_BYTES)
        add(&b, i++);
    if (file < 0 || write_all(file, b.data, b.n) < 0)
        abort();
    *ret_bytes = b.n;
    *ret_records = i;
    return file;
}

static void run(struct bench *x, const char *title, void (*add)(struct buf *, unsigned))
{
    size_t bytes;
    unsigned records;
    int file = make_input(add, &bytes, &records);
    printf("--- %s: %u records of %zu bytes\n", title, records, bytes / records);
    only_read(file, bytes, records);
    measure(x, "decode", file, bytes, only_decode);
    measure(x, "decode, two integer columns", file, bytes, two_columns);
    measure(x, "decode, one text column", file, bytes, text_column);
    measure(x, "decode, one column of doubles", file, bytes, double_column);
    measure(x, "decode, $id", file, bytes, identities);
    measure(x, "decode, filter", file, bytes, filter);
    measure(x, "decode, write unchanged", file, bytes, pass_through);
    measure(x, "decode, filter, compute two, write", file, bytes, whole_flow);
    x->all = true;
    measure(x, "the same, everything passes", file, bytes, whole_flow);
    x->all = false;
    close(file);
}

static void run_views(struct bench *x)
{
    size_t bytes;
    unsigned records;
    int file = make_input(add_event, &bytes, &records);
    x->views = 0;
    double begin = cpu_us();
    decode_file(x, file, only_decode);
    double decoding = cpu_us() - begin;
    begin = cpu_us();
    decode_file(x, file, many_views);
    printf("--- views: %.0f ns for select + derive + read + write + seal of one row\n",
           (cpu_us() - begin - decoding) * 1000 / (double)x->views);
    close(file);
}

static void run_csv(struct bench *x)
{
    size_t bytes;
    unsigned records;
    int file = make_input(add_csv, &bytes, &records);
    x->kind = CODEC_CSV;
    printf("--- csv: %u records of %zu bytes\n", records, bytes / records);
    measure(x, "decode", file, bytes, only_decode);
    measure(x, "decode, one text column", file, bytes, text_column);
    x->kind = CODEC_JSON;
    close(file);
}

int main(int argc, char **argv)
{
    struct bench x = {.paths = paths_new(), .pool = pool_new(), .sink = open("/dev/null", O_WRONLY | O_CLOEXEC)};
    struct codec codec;
    record_scalar = argc > 1 && !strcmp(argv[1], "scalar");
    codec_default(&codec, CODEC_JSON);
    x.encoder = encoder_new(&codec);
    x.origin = origin_new(TEXT("b/"), TEXT("0"), TEXT("t"), 0);
    x.qty = paths_add(x.paths, TEXT("qty"));
    x.reorder = paths_add(x.paths, TEXT("reorder_point"));
    x.cost = paths_add(x.paths, TEXT("unit_cost"));
    x.shortage = paths_add(x.paths, TEXT("shortage"));
    x.value = paths_add(x.paths, TEXT("value"));
    x.warehouse = paths_add(x.paths, TEXT("warehouse"));
    run(&x, "events", add_event);
    run(&x, "mixed", add_mixed);
    run(&x, "beyond ASCII", add_foreign);
    run_csv(&x);
    run_views(&x);
    encoder_free(x.encoder);
    origin_unref(x.origin);
    pool_free(x.pool);
    paths_free(x.paths);
    close(x.sink);
    return 0;
}
