/* SPDX-License-Identifier: Apache-2.0 */
/* finding.c: collecting findings, and printing them with their line and a caret. */
#include "core/config/config.h"

#include "core/config/config_internal.h"

void findings_fini(struct findings *f)
{
    VEC_FINI(&f->all);
    VEC_FINI(&f->sources);
    arena_fini(&f->memory);
    f->errors = f->warnings = 0;
}

static char *vprint(struct arena *a, const char *format, va_list args)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, args);
    secret_strike(text, false);
    return arena_strdup(a, text);
}

const char *finding_text(struct findings *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = vprint(&f->memory, format, args);
    va_end(args);
    return text;
}

const char *finding_suggest(struct findings *f, leat_text word, const char *const *known, size_t n)
{
    const char *near = closest(word, known, n);
    if (near)
        return finding_text(f, "did you mean '%s'?", near);
    auto_buf b = {0};
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s%s", i ? ", " : "known here: ", known[i]);
    return n ? finding_text(f, "%s", b.data) : NULL;
}

void findings_source(struct findings *f, const char *file, leat_text text)
{
    *VEC_PUSH(&f->sources) = (struct finding_source){arena_strdup(&f->memory, file), arena_text(&f->memory, text)};
}

static struct finding *add(struct findings *f, enum severity s, const char *code, const char *hint)
{
    struct finding *x = VEC_PUSH(&f->all);
    *x = (struct finding){.severity = s, .code = code, .hint = hint ? arena_strdup(&f->memory, hint) : NULL};
    x->code = arena_strdup(&f->memory, code);
    f->errors += s == FINDING_ERROR;
    f->warnings += s == FINDING_WARNING;
    return x;
}

static uint32_t characters(leat_text t)
{
    uint32_t n = 0;
    for (size_t i = 0; i < t.n; i++)
        n += ((unsigned char)t.data[i] & 0xc0) != 0x80;
    return n;
}

static leat_text first_line(leat_text t)
{
    size_t n = 0;
    while (n < t.n && t.data[n] != '\n' && t.data[n] != '\r')
        n++;
    return (leat_text){t.data, n};
}

static void place_at_value(struct findings *f, struct finding *x, const struct node *where)
{
    if (!where)
        return;
    x->file = where->file ? arena_strdup(&f->memory, where->file) : NULL;
    x->line = where->line;
    x->column = where->column;
    x->length = characters(first_line(where->source));
}

void finding_add(struct findings *f, enum severity s, const char *code, const struct node *where, const char *hint,
                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct finding *x = add(f, s, code, hint);
    x->text = vprint(&f->memory, format, args);
    va_end(args);
    place_at_value(f, x, where);
}

void finding_add_key(struct findings *f, enum severity s, const char *code, const struct node *where, const char *hint,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct finding *x = add(f, s, code, hint);
    x->text = vprint(&f->memory, format, args);
    va_end(args);
    place_at_value(f, x, where);
    if (where && where->key_line) {
        x->line = where->key_line;
        x->column = where->key_column;
        x->length = characters(where->key);
    }
}

/* Byte `offset` of a scalar's value, as line, column and bytes of its source. */
struct place {
    uint32_t line, column;
    size_t at;
};

/* Bytes of value that the source bytes at s stand for, and how many source bytes that is. */
static size_t quoted_step(char quote, leat_text s, size_t *ret_value)
{
    *ret_value = 1;
    if (quote == '\'' && s.n > 1 && s.data[0] == '\'')
        return 2;
    if (quote != '"' || s.data[0] != '\\' || s.n < 2)
        return 1;
    switch (s.data[1]) {
    case 'x':
        return 4;
    case 'u':
        return 6;
    case 'U':
        return 10;
    default:
        return 2;
    }
}

static struct place place_in_quotes(const struct node *n, size_t offset)
{
    size_t at = 1, value = 0;
    while (at < n->source.n && value < offset) {
        size_t gained;
        at += quoted_step(n->source.data[0], (leat_text){n->source.data + at, n->source.n - at}, &gained);
        value += gained;
    }
    return (struct place){n->line, n->column + characters((leat_text){n->source.data, at}), at};
}

/* Block scalars: lines of the source less their indentation. */
static struct place place_in_block(const struct node *n, size_t offset)
{
    leat_text s = n->source;
    size_t at = 0, value = 0, indent = SIZE_MAX;
    uint32_t line = n->line;
    while (at < s.n) {
        leat_text row = first_line((leat_text){s.data + at, s.n - at});
        size_t blanks = 0;
        while (blanks < row.n && row.data[blanks] == ' ')
            blanks++;
        if (line > n->line) {
            if (indent == SIZE_MAX && blanks < row.n)
                indent = blanks;
            size_t cut = indent < row.n ? indent : row.n;
            if (offset <= value + row.n - cut)
                return (struct place){line, (uint32_t)(cut + offset - value) + 1, at + cut + offset - value};
            value += row.n - cut + 1;
        }
        at += row.n + 1;
        line++;
    }
    return (struct place){n->line, n->column, 0};
}

static struct place place_of(const struct node *n, size_t offset)
{
    char first = n->source.n ? n->source.data[0] : 0;
    if (!n->plain && (first == '|' || first == '>'))
        return place_in_block(n, offset);
    if (!n->plain && (first == '"' || first == '\''))
        return place_in_quotes(n, offset);
    size_t at = offset < n->source.n ? offset : n->source.n;
    return (struct place){n->line, n->column + characters((leat_text){n->source.data, at}), at};
}

void finding_add_at(struct findings *f, enum severity s, const char *code, const struct node *where, size_t offset,
                    size_t length, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct finding *x = add(f, s, code, hint);
    x->text = vprint(&f->memory, format, args);
    va_end(args);
    place_at_value(f, x, where);
    if (!where || where->resolved || !where->source.n)
        return;
    struct place p = place_of(where, offset);
    x->line = p.line;
    x->column = p.column;
    leat_text rest = {where->source.data + p.at, where->source.n - p.at};
    rest.n = rest.n < length ? rest.n : length;
    x->length = characters(first_line(rest));
}

/* --- printing ---------------------------------------------------------------------------------------------------- */

static leat_text line_of(const struct findings *f, const struct finding *x)
{
    for (size_t i = f->sources.n; x->file && i-- > 0;) {
        if (strcmp(f->sources.at[i].file, x->file) != 0)
            continue;
        leat_text t = f->sources.at[i].text;
        for (uint32_t line = 1; line < x->line && t.n; line++) {
            size_t n = first_line(t).n;
            n += n < t.n;
            if (n < t.n && t.data[n - 1] == '\r' && t.data[n] == '\n')
                n++;
            t = (leat_text){t.data + n, t.n - n};
        }
        return first_line(t);
    }
    return (leat_text){0};
}

static int by_place(const void *a, const void *b)
{
    const struct finding *x = *(const struct finding *const *)a, *y = *(const struct finding *const *)b;
    if (x->severity != y->severity && (x->severity == FINDING_NOTE || y->severity == FINDING_NOTE))
        return (int)x->severity - (int)y->severity;
    int files = strcmp(x->file ? x->file : "", y->file ? y->file : "");
    if (files)
        return files;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* In order of place; the caller frees it. */
static const struct finding **sorted(const struct findings *f)
{
    const struct finding **all = xmalloc((f->all.n + 1) * sizeof *all);
    for (size_t i = 0; i < f->all.n; i++)
        all[i] = &f->all.at[i];
    qsort(all, f->all.n, sizeof *all, by_place);
    return all;
}

static const char *severity_name(enum severity s)
{
    return s == FINDING_ERROR ? "error" : s == FINDING_WARNING ? "warning" : "note";
}

static void print_caret(const struct finding *x, leat_text line, FILE *to, bool colour)
{
    auto_free char *shown = xstrndup(line.data, line.n);
    secret_strike(shown, true);
    fprintf(to, "  %s\n  ", shown);
    size_t at = 0;
    for (uint32_t column = 1; column < x->column; column++) {
        fputc(at < line.n && line.data[at] == '\t' ? '\t' : ' ', to);
        for (at += at < line.n; at < line.n && ((unsigned char)line.data[at] & 0xc0) == 0x80;)
            at++;
    }
    fprintf(to, "%s^", colour ? "\033[1;32m" : "");
    for (uint32_t i = 1; i < x->length; i++)
        fputc('~', to);
    fprintf(to, "%s\n", colour ? "\033[0m" : "");
}

static void print_one(const struct findings *f, const struct finding *x, FILE *to, bool colour)
{
    static const char *const colours[] = {"\033[1;31m", "\033[1;33m", "\033[1;36m"};
    if (x->file && x->line)
        fprintf(to, "%s:%u:%u: ", x->file, x->line, x->column);
    else if (x->file)
        fprintf(to, "%s: ", x->file);
    fprintf(to, "%s%s%s %s: %s\n", colour ? colours[x->severity] : "", severity_name(x->severity),
            colour ? "\033[0m" : "", x->code, x->text);
    leat_text line = line_of(f, x);
    if (x->line && line.n)
        print_caret(x, line, to, colour);
    for (const char *hint = x->hint; hint && *hint;) {
        size_t n = strcspn(hint, "\n");
        fprintf(to, "  %.*s\n", (int)n, hint);
        hint += n + (hint[n] == '\n');
    }
}

void findings_print(const struct findings *f, FILE *to, bool colour)
{
    const struct finding **all = sorted(f);
    for (size_t i = 0; i < f->all.n; i++)
        print_one(f, all[i], to, colour);
    free(all);
}

static void json_member(struct buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(out, ",\"%s\":", name);
    buf_json(out, text_of(value));
}

void findings_json(const struct findings *f, struct buf *out)
{
    const struct finding **all = sorted(f);
    buf_char(out, '[');
    for (size_t i = 0; i < f->all.n; i++) {
        const struct finding *x = all[i];
        buf_printf(out, "%s{\"severity\":\"%s\",\"code\":\"%s\"", i ? "," : "", severity_name(x->severity), x->code);
        json_member(out, "file", x->file);
        if (x->line)
            buf_printf(out, ",\"line\":%u,\"column\":%u,\"length\":%u", x->line, x->column, x->length);
        json_member(out, "text", x->text);
        json_member(out, "hint", x->hint);
        buf_char(out, '}');
    }
    buf_char(out, ']');
    free(all);
}
