/* SPDX-License-Identifier: Apache-2.0 */
/* record_dump.c: decodes a file and prints every record, value and rejection, for judges written in another language.
 */
#include "core/record/record_internal.h"

#include <fcntl.h>
#include <unistd.h>

/* What the command line says. */
struct setup {
    struct codec codec;
    size_t chunk;
    uint32_t max_rows;
    bool restart; /* a new decoder after each batch, from the position of the old one */
    bool compressed;
    bool messages; /* the file is one message */
    struct paths *paths;
    uint32_t wanted[64];
    size_t n_wanted;
    const char *file;
};
static uint32_t set_path, gone_path;

static void print_text(leat_text t)
{
    printf("%zu\n", t.n);
    fwrite(t.data, 1, t.n, stdout);
    putchar('\n');
}

static void print_cell(const leat_column *c, const uint64_t *bad, uint32_t row)
{
    if (bad && bad[row >> 6] >> (row & 63) & 1) {
        print_text(TEXT("bad"));
        return;
    }
    if (c->type == LEAT_NULL || !leat_has(c, row)) {
        print_text(TEXT(""));
        return;
    }
    char *text = xmalloc(column_json_bound(c, row) + 1), *end = column_json(text, c, row);
    print_text((leat_text){text, (size_t)(end - text)});
    free(text);
}

static struct batch *changed(const struct setup *s, struct batch *b)
{
    struct batch *o = batch_derive(b->pool, s->paths, b, NULL, 0, false);
    int64_t *x = batch_write(o, set_path, LEAT_I64, 0, NULL);
    for (uint32_t i = 0; i < b->view.n; i++)
        x[i] = i;
    batch_remove(o, gone_path);
    batch_seal(o);
    return o;
}

static void print_batch(const struct setup *s, struct batch *b)
{
    static const uint32_t types[] = {LEAT_NULL, LEAT_I64, LEAT_DEC, LEAT_F64, LEAT_TEXT, LEAT_JSON};
    const leat_column *whole = batch_read(b, PATH_WHOLE, LEAT_JSON).column,
                      *id = batch_read(b, PATH_ID, LEAT_TEXT).column;
    const leat_column *line = batch_read(b, PATH_LINE, LEAT_I64).column;
    struct batch *o = changed(s, b);
    const leat_column *after = batch_read(o, PATH_WHOLE, LEAT_JSON).column;
    for (uint32_t i = 0; i < b->view.n; i++) {
        printf("record\n");
        print_text(((const leat_text *)id->data)[i]);
        printf("%lld\n", (long long)((const int64_t *)line->data)[i]);
        print_text(((const leat_text *)whole->data)[i]);
        print_text(((const leat_text *)after->data)[i]);
        for (size_t p = 0; p < s->n_wanted; p++)
            for (size_t t = 0; t < N_OF(types); t++) {
                struct read r = batch_read(b, s->wanted[p], types[t]);
                print_cell(r.column, r.bad, i);
            }
    }
    batch_unref(o);
}

static void print_rejected(struct decoder *d)
{
    size_t n;
    const struct rejected *r = decoder_rejected(d, &n);
    for (size_t i = 0; i < n; i++) {
        printf("rejected\n%llu\n%llu\n%s\n", (unsigned long long)r[i].sequence, (unsigned long long)r[i].line,
               r[i].code);
        print_text(r[i].raw);
    }
}

static struct decoder *decoder_at(const struct setup *s, struct pool *pool, struct origin *o, uint64_t at,
                                  leat_text state)
{
    struct err err;
    struct decoder *d = decoder_new(&s->codec, s->paths, pool, o);
    if (decoder_seek(d, at, state, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return d;
}

/* Everything that is whole; true: stopped after the first batch, because a restart is wanted. */
static bool drain(const struct setup *s, struct decoder *d)
{
    for (;;) {
        struct batch *b = decoder_next(d, s->max_rows);
        size_t n;
        print_rejected(d);
        decoder_rejected(d, &n);
        if (b)
            print_batch(s, b);
        batch_unref(b);
        if (s->restart && (b || n))
            return true;
        if (!b)
            break;
    }
    if (decoder_waiting(d)) {
        fprintf(stderr, "a decoder that gives nothing says that it has something\n");
        exit(1);
    }
    return false;
}

static void run(const struct setup *s, leat_text all)
{
    struct pool *pool = pool_new();
    struct origin *o = origin_new(TEXT("i/"), TEXT("p"), TEXT("t"), 0);
    struct decoder *d = decoder_at(s, pool, o, 0, (leat_text){0});
    size_t at = 0;
    while (at < all.n) {
        size_t n = all.n - at < s->chunk ? all.n - at : s->chunk;
        memcpy(decoder_space(d, n), all.data + at, n);
        decoder_fill(d, n);
        at += n;
        if (at == all.n)
            decoder_end(d);
        if (drain(s, d)) {
            auto_buf state = {0};
            buf_text(&state, decoder_state(d));
            uint64_t position = decoder_position(d);
            decoder_free(d);
            d = decoder_at(s, pool, o, position, buf_view(&state));
            at = s->compressed ? 0 : position; /* compressed streams begin anew */
        }
    }
    printf("end\n%llu\n", (unsigned long long)decoder_position(d));
    decoder_free(d);
    origin_unref(o);
    pool_free(pool);
}

static void run_message(const struct setup *s, leat_text all)
{
    struct pool *pool = pool_new();
    struct origin *o = origin_new(TEXT("i/"), TEXT("p"), TEXT("t"), 0);
    struct decoder *d = decoder_new(&s->codec, s->paths, pool, o);
    decoder_message(d, 0, all, (leat_text){0}, LEAT_NO_TIME, NULL, 0);
    drain(s, d);
    printf("end\n%llu\n", (unsigned long long)decoder_position(d));
    decoder_free(d);
    origin_unref(o);
    pool_free(pool);
}

static void setup_codec(struct setup *s, const char *name)
{
    enum codec_kind kind = CODEC_JSON;
    while (strcmp(codec_name(kind), name))
        if (++kind > CODEC_RAW)
            exit(2);
    codec_default(&s->codec, kind);
}

static void parse(struct setup *s, int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "k:c:m:r:d:D:HRMSZp:")) != -1) {
        if (option == 'k')
            setup_codec(s, optarg);
        else if (option == 'c')
            s->chunk = strtoul(optarg, NULL, 10);
        else if (option == 'm')
            s->max_rows = (uint32_t)strtoul(optarg, NULL, 10);
        else if (option == 'r')
            s->codec.max_record = strtoul(optarg, NULL, 10);
        else if (option == 'd')
            s->codec.max_depth = strtoul(optarg, NULL, 10);
        else if (option == 'D')
            s->codec.delimiter = *optarg;
        else if (option == 'H')
            s->codec.header = false;
        else if (option == 'R')
            s->restart = true;
        else if (option == 'M')
            s->messages = true;
        else if (option == 'Z')
            s->compressed = true;
        else if (option == 'S')
            record_scalar = true;
        else if (option == 'p')
            s->wanted[s->n_wanted++] = paths_add(s->paths, text_of(optarg));
        else
            exit(2);
    }
    s->file = argv[optind];
}

int main(int argc, char **argv)
{
    struct setup s = {.chunk = 65536, .max_rows = 1000, .paths = paths_new()};
    struct err err;
    auto_buf all = {0};
    static char out[1 << 16];
    setvbuf(stdout, out, _IOFBF, sizeof out);
    codec_default(&s.codec, CODEC_JSON);
    set_path = paths_add(s.paths, TEXT("b"));
    gone_path = paths_add(s.paths, TEXT("a"));
    parse(&s, argc, argv);
    if (!s.file || read_file(s.file, &all, &err) < 0)
        return 2;
    if (s.messages)
        run_message(&s, buf_view(&all));
    else
        run(&s, buf_view(&all));
    paths_free(s.paths);
    return 0;
}
