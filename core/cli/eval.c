/* SPDX-License-Identifier: Apache-2.0 */
/* eval.c: `leat eval`: an expression over records from standard input or files; how people learn the language. */
#include "core/cli/cli.h"
#include "core/expr/expr.h"

#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

static const char usage[] =
    "  leat eval '7 / 2'                                       without records\n"
    "  leat eval 'qty * price' orders.ndjson                   one result per record\n"
    "  cat orders.ndjson | leat eval \"status = 'placed'\"      from standard input\n"
    "  leat eval --template 'stock-{warehouse}' stock.ndjson   a template\n"
    "  leat eval --functions                                   the functions there are\n"
    "\n"
    "usage: leat eval [--json] [--template] EXPR [FILE...]\n"
    "Records are JSON, one a line. Where EXPR reads no field and no FILE is given, it is computed once. Results go to\n"
    "standard output, records that fail to standard error. An EXPR that begins with - stands behind --.\n"
    "--json: an object per record to standard output, {\"record\":1,\"result\":...} or {\"record\":1,\"error\":{...}}, "
    "with\n"
    "\"line\" instead where a line is no record. Exit status: 0 all computed, 1 some record failed or a FILE cannot be "
    "read,\n"
    "2 EXPR is wrong.\n";

struct session {
    struct arena arena;
    struct paths *paths;
    struct pool *pool;
    struct expr *expr;
    struct expr_run *run;
    bool json, template, failed;
    uint64_t records;
};

/* --- output ------------------------------------------------------------------------------------------------------ */

/* The expression, and a line of carets under what is wrong in it; where it has several lines, the one that is. */
static void print_place(const char *text, const struct expr_error *e)
{
    size_t from = e->offset > strlen(text) ? strlen(text) : e->offset, to = from, column = 0;
    while (from && text[from - 1] != '\n')
        from--;
    while (text[to] && text[to] != '\n')
        to++;
    for (size_t i = from; i < e->offset && i < to; i++)
        column += ((unsigned char)text[i] & 0xc0) != 0x80;
    fprintf(stderr, "  %.*s\n  %*s", (int)(to - from), text + from, (int)column, "");
    for (size_t i = e->offset; i == e->offset || (i < e->offset + e->length && i < to); i++)
        if (i >= to || ((unsigned char)text[i] & 0xc0) != 0x80)
            fputc('^', stderr);
    fputc('\n', stderr);
}

static int wrong(const struct session *s, const char *text, const struct expr_error *e)
{
    if (s->json) {
        auto_buf out = {0};
        buf_printf(&out, "{\"error\":{\"code\":\"%s\",\"offset\":%zu,\"length\":%zu,\"text\":", e->code, e->offset,
                   e->length);
        buf_json(&out, text_of(e->text));
        buf_str(&out, ",\"hint\":");
        buf_json(&out, text_of(e->hint));
        buf_str(&out, "}}\n");
        fwrite(out.data, 1, out.n, stdout);
        return EXIT_USAGE;
    }
    fprintf(stderr, "leat eval: %s: %s%s%s\n", e->code, e->text, e->hint[0] ? "; " : "", e->hint);
    print_place(text, e);
    return EXIT_USAGE;
}

/* what: "record" or "line", with its number from 1. */
static void print_failure(struct session *s, const char *what, uint64_t number, const char *code, leat_text reason)
{
    auto_buf out = {0};
    s->failed = true;
    if (s->json) {
        buf_printf(&out, "{\"%s\":%llu,\"error\":{\"code\":\"%s\",\"text\":", what, (unsigned long long)number, code);
        buf_json(&out, reason);
        buf_str(&out, "}}\n");
        fwrite(out.data, 1, out.n, stdout);
        return;
    }
    fflush(stdout);
    fprintf(stderr, "%s %llu: " TEXT_FMT " (%s)\n", what, (unsigned long long)number, TEXT_ARG(reason), code);
}

/* Texts and times without their quotes, anything else as JSON. */
static void print_result(const struct session *s, uint64_t record, leat_text json, const leat_column *c, uint32_t row)
{
    if (s->json) {
        printf("{\"record\":%llu,\"result\":" TEXT_FMT "}\n", (unsigned long long)record, TEXT_ARG(json));
        return;
    }
    leat_text plain = json;
    if (c->type == LEAT_TEXT && leat_has(c, row))
        plain = ((const leat_text *)c->data)[row];
    else if (c->type == LEAT_TIME && leat_has(c, row))
        plain = (leat_text){json.data + 1, json.n - 2};
    printf(TEXT_FMT "\n", TEXT_ARG(plain));
}

static void print_batch(struct session *s, struct batch *b)
{
    struct read result = expr_eval(s->run, s->expr, b, LEAT_NULL);
    struct batch *o = batch_derive(s->pool, s->paths, b, NULL, 0, true);
    uint32_t path = paths_find(s->paths, TEXT("result"));
    batch_write_column(o, path, result.column);
    batch_seal(o);
    const leat_column *json = batch_read(o, path, LEAT_JSON).column;
    for (uint32_t i = 0; i < b->view.n; i++) {
        uint64_t record = ++s->records;
        if (result.bad && result.bad[i >> 6] >> (i & 63) & 1) {
            char reason[256];
            const char *code;
            expr_reason(s->run, s->expr, b, i, LEAT_NULL, reason, &code);
            print_failure(s, "record", record, code, text_of(reason));
            continue;
        }
        print_result(s, record, leat_has(json, i) ? ((const leat_text *)json->data)[i] : TEXT("null"), result.column,
                     i);
    }
    batch_unref(o);
}

/* --- input ------------------------------------------------------------------------------------------------------- */

static void print_rejected(struct session *s, struct decoder *d)
{
    size_t n;
    const struct rejected *r = decoder_rejected(d, &n);
    for (size_t i = 0; i < n; i++)
        print_failure(s, "line", r[i].line, r[i].code, r[i].reason);
}

static void drain(struct session *s, struct decoder *d)
{
    for (struct batch *b; (b = decoder_next(d, 4096)); batch_unref(b)) {
        b->view.now_us = clock_wall_us();
        print_batch(s, b);
        print_rejected(s, d);
    }
    print_rejected(s, d);
    fflush(stdout);
}

static int read_records(struct session *s, int fd, const char *name)
{
    enum { PIECE = 64 << 10 };
    struct codec codec;
    codec_default(&codec, CODEC_JSON);
    struct origin *origin = origin_new(TEXT("eval/"), text_of(name), text_of(name), 0);
    struct decoder *d = decoder_new(&codec, s->paths, s->pool, origin);
    ssize_t n;
    do {
        n = read(fd, decoder_space(d, PIECE), PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n > 0)
            decoder_fill(d, (size_t)n);
        else
            decoder_end(d);
        drain(s, d);
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0)
        fprintf(stderr, "leat eval: cannot read %s: %s\n", name, strerror(errno));
    decoder_free(d);
    origin_unref(origin);
    return n < 0 ? EXIT_FAILED : 0;
}

static int read_file_named(struct session *s, const char *name)
{
    if (strcmp(name, "-") == 0)
        return read_records(s, STDIN_FILENO, "stdin");
    auto_close int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "leat eval: cannot open %s: %s\n", name, strerror(errno));
        return EXIT_FAILED;
    }
    return read_records(s, fd, name);
}

/* One record without fields. */
static void once(struct session *s)
{
    struct batch *b = batch_derive(s->pool, s->paths, NULL, NULL, 1, true);
    batch_seal(b);
    b->view.now_us = clock_wall_us();
    print_batch(s, b);
    batch_unref(b);
}

/* --- the command ------------------------------------------------------------------------------------------------- */

static int list_functions(bool json)
{
    size_t n;
    const struct expr_function *f = expr_functions(&n);
    auto_buf out = {0};
    for (size_t i = 0; i < n; i++) {
        if (!json) {
            buf_printf(&out, "%-42s %s\n", f[i].signature, f[i].doc);
            continue;
        }
        const char *const members[] = {"name",   f[i].name, "signature",  f[i].signature, "doc",
                                       f[i].doc, "example", f[i].example, "result",       f[i].result};
        for (size_t k = 0; k < N_OF(members); k += 2) {
            buf_printf(&out, "%s\"%s\":", k ? "," : "{", members[k]);
            buf_json(&out, text_of(members[k + 1]));
        }
        buf_str(&out, "}\n");
    }
    fwrite(out.data, 1, out.n, stdout);
    return 0;
}

static int evaluate(struct session *s, const char *text, char **files)
{
    struct expr_error error;
    size_t n_paths;
    int code = 0;
    s->expr = (s->template ? expr_template : expr_parse)(&s->arena, s->paths, text_of(text), NULL, &error);
    if (!s->expr)
        return wrong(s, text, &error);
    paths_add(s->paths, TEXT("result"));
    expr_paths(s->expr, &n_paths);
    if (!*files && !n_paths)
        once(s);
    else if (!*files)
        code = read_records(s, STDIN_FILENO, "stdin");
    for (; *files; files++)
        code |= read_file_named(s, *files);
    return code ? code : s->failed ? EXIT_FAILED : 0;
}

int command_eval(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"template", no_argument, NULL, 't'},
                                            {"functions", no_argument, NULL, 'f'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct session s = {0};
    bool functions = false;
    for (int c; (c = getopt_long(argc, argv, ":jth", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(usage, stdout) < 0;
        if (c == '?' || c == ':')
            return usage_bad_option(c, argv, options, usage);
        s.json |= c == 'j';
        s.template |= c == 't';
        functions |= c == 'f';
    }
    if (functions)
        return list_functions(s.json);
    if (optind >= argc)
        return usage_wrong(usage, "which expression?");
    s.paths = paths_new();
    s.pool = pool_new();
    s.run = expr_run_new();
    int code = evaluate(&s, argv[optind], argv + optind + 1);
    expr_run_free(s.run);
    pool_free(s.pool);
    paths_free(s.paths);
    arena_fini(&s.arena);
    return code;
}
