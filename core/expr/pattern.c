/* SPDX-License-Identifier: Apache-2.0 */
/* pattern.c: like, and regular expressions (POSIX extended, by libc), compiled once for a lane and kept. */
#include "core/expr/run_internal.h"

#include <locale.h>

/* --- like -------------------------------------------------------------------------------------------------------- */

static size_t letter(leat_text t, size_t at)
{
    size_t n = 1;
    while (at + n < t.n && ((unsigned char)t.data[at + n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* With one place to go back to: the last %, which takes one letter more each time. */
bool like_match(leat_text t, leat_text pattern, char escape)
{
    size_t i = 0, j = 0, star = SIZE_MAX, from = 0;
    while (i < t.n) {
        bool quoted = j < pattern.n && escape && pattern.data[j] == escape && j + 1 < pattern.n;
        char want = j < pattern.n ? pattern.data[j + quoted] : 0;
        if (j < pattern.n && !quoted && want == '%') {
            star = ++j;
            from = i;
        } else if (j < pattern.n && !quoted && want == '_') {
            i += letter(t, i);
            j++;
        } else if (j < pattern.n && want == t.data[i]) {
            i++;
            j += quoted ? 2 : 1;
        } else if (star != SIZE_MAX) {
            from += letter(t, from);
            i = from;
            j = star;
        } else {
            return false;
        }
    }
    while (j < pattern.n && pattern.data[j] == '%')
        j++;
    return j == pattern.n;
}

/* --- regular expressions ----------------------------------------------------------------------------------------- */

enum { REGEX_MAX = 1000, REGEX_KEPT = 64, REGEX_NESTING = 50, REGEX_WRITTEN_MAX = 1000, REGEX_TEXT_MAX = 64 << 10 };

struct regex {
    leat_text pattern; /* key: the pattern, the case, the locale; one malloc with it */
    bool ignore_case, unicode;
    regex_t compiled;
};

static locale_t utf8_locale(void)
{
    static locale_t made;
    locale_t seen = __atomic_load_n(&made, __ATOMIC_ACQUIRE), none = NULL;
    if (seen)
        return seen;
    seen = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (!seen)
        seen = newlocale(LC_CTYPE_MASK, "C", NULL);
    if (!__atomic_compare_exchange_n(&made, &none, seen, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        freelocale(seen);
        seen = none;
    }
    return seen;
}

locale_t text_locale(void)
{
    return utf8_locale();
}

/* \d and \D are known everywhere but to POSIX; \y is PostgreSQL's word boundary. */
static void translate(leat_text pattern, struct buf *out)
{
    bool inside = false;
    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.data[i], next = i + 1 < pattern.n ? pattern.data[i + 1] : 0;
        if (c == '\\' && (next == 'd' || next == 'D')) {
            buf_str(out, inside ? "0-9" : next == 'd' ? "[0-9]" : "[^0-9]");
            i++;
        } else if (c == '\\' && inside && next == 's') {
            buf_str(out, "[:space:]");
            i++;
        } else if (c == '\\' && inside && next == 'w') {
            buf_str(out, "[:alnum:]_");
            i++;
        } else if (c == '\\' && next == 'y' && !inside) {
            buf_str(out, "\\b");
            i++;
        } else if (c == '\\' && next) { /* in brackets a \ of POSIX means itself */
            if (!inside || next == '\\')
                buf_char(out, c);
            if (!inside || next != '\\')
                buf_char(out, next);
            i++;
        } else {
            if (c == '[' && inside && (next == ':' || next == '.' || next == '=')) { /* [:alpha:] */
                buf_char(out, c);
                buf_char(out, next);
                for (i += 2; i < pattern.n && pattern.data[i - 1] != ']'; i++)
                    buf_char(out, pattern.data[i]);
                i--;
                continue;
            }
            buf_char(out, c);
            if (c == '[' && !inside) {
                inside = true;
                if (i + 1 < pattern.n && pattern.data[i + 1] == '^')
                    buf_char(out, pattern.data[++i]);
                if (i + 1 < pattern.n && pattern.data[i + 1] == ']')
                    buf_char(out, pattern.data[++i]);
            } else if (c == ']') {
                inside = false;
            }
        }
    }
}

/* The larger number in {n,m} at `at`, which is moved behind it. */
static int64_t read_repeat(leat_text pattern, size_t *at)
{
    int64_t n = 0, most = 1;
    for (; *at < pattern.n && pattern.data[*at] != '}'; ++*at) {
        char c = pattern.data[*at];
        n = c >= '0' && c <= '9' && n < 100000 ? n * 10 + (c - '0') : c >= '0' && c <= '9' ? n : 0;
        most = n > most ? n : most;
    }
    return most;
}

/* How long the expression is when every {n,m} is written out, which is what libc does: its time grows with the square.
 */
static int64_t written_out(leat_text pattern)
{
    int64_t sums[REGEX_NESTING] = {0}, last = 0; /* of each open group; of the last atom */
    size_t depth = 0;
    for (size_t i = 0; i < pattern.n && sums[depth] <= REGEX_WRITTEN_MAX; i++) {
        char c = pattern.data[i];
        if (c == '(' && depth + 1 == REGEX_NESTING)
            return REGEX_WRITTEN_MAX + 1;
        if (c == '(') {
            sums[++depth] = 1;
            last = 0;
        } else if (c == ')' && depth) {
            last = sums[depth] + 1;
            sums[--depth] += last;
        } else if (c == '{') {
            int64_t times = read_repeat(pattern, &i);
            sums[depth] += last * (times - 1);
            last *= times;
        } else {
            i += c == '\\' && i + 1 < pattern.n;
            sums[depth] += last = 1;
        }
    }
    int64_t all = 0;
    for (size_t i = 0; i <= depth; i++)
        all += sums[i];
    return all;
}

/* \1 makes libc try without end. */
static bool refers_back(leat_text pattern)
{
    for (size_t i = 0; i + 1 < pattern.n; i++)
        if (pattern.data[i] == '\\' && pattern.data[++i] >= '1' && pattern.data[i] <= '9')
            return true;
    return false;
}

/* 0, or a number for regerror; -1: refused, with the reason in room. */
static int compile(leat_text pattern, bool ignore_case, bool unicode, regex_t *ret, char room[128])
{
    auto_buf translated = {0};
    if (pattern.n > REGEX_MAX || written_out(pattern) > REGEX_WRITTEN_MAX ||
        (pattern.n && memchr(pattern.data, 0, pattern.n))) {
        snprintf(room, 128, "it is too large (at most %d bytes, %d with its repeats written out)", REGEX_MAX,
                 REGEX_WRITTEN_MAX);
        return -1;
    }
    if (pattern.n >= 4 && memcmp(pattern.data, "(?i)", 4) == 0) {
        ignore_case = true;
        pattern.data += 4;
        pattern.n -= 4;
    }
    if (pattern.n && memmem(pattern.data, pattern.n, "(?", 2)) {
        snprintf(room, 128, "groups with (? are not known here; write ( )");
        return -1;
    }
    if (refers_back(pattern)) {
        snprintf(room, 128, "references back to groups (\\1) are not known here");
        return -1;
    }
    translate(pattern, &translated);
    locale_t before = unicode ? uselocale(utf8_locale()) : NULL;
    int r = regcomp(ret, translated.data ? translated.data : "", REG_EXTENDED | (ignore_case ? REG_ICASE : 0));
    if (unicode)
        uselocale(before);
    if (r)
        regerror(r, ret, room, 128);
    return r;
}

const char *regex_check(leat_text pattern, char room[128])
{
    regex_t compiled;
    if (compile(pattern, false, true, &compiled, room))
        return room;
    regfree(&compiled);
    return NULL;
}

static void regex_drop(struct regex *x)
{
    regfree(&x->compiled);
    free(x);
}

void regex_forget(struct expr_run *r)
{
    for (size_t i = 0; i < r->regexes.n; i++)
        regex_drop(r->regexes.at[i]);
    VEC_FINI(&r->regexes);
}

static bool ascii(leat_text t)
{
    unsigned char all = 0;
    for (size_t i = 0; i < t.n; i++)
        all |= (unsigned char)t.data[i];
    return all < 0x80;
}

static struct regex *regex_find(struct call *c, leat_text pattern, bool ignore_case, bool unicode)
{
    struct expr_run *r = c->run;
    for (size_t i = r->regexes.n; i-- > 0;) {
        struct regex *x = r->regexes.at[i];
        if (x->ignore_case == ignore_case && x->unicode == unicode && text_equal(x->pattern, pattern))
            return x;
    }
    char room[128];
    struct regex *x = xmalloc(sizeof *x + pattern.n + 1);
    if (compile(pattern, ignore_case, unicode, &x->compiled, room)) {
        free(x);
        call_fail(c, "error", "this regular expression is not right: %s", room);
        return NULL;
    }
    if (pattern.n)
        memcpy(x + 1, pattern.data, pattern.n);
    x->pattern = (leat_text){(char *)(x + 1), pattern.n};
    x->ignore_case = ignore_case;
    x->unicode = unicode;
    if (r->regexes.n == REGEX_KEPT) { /* patterns made of data: the oldest goes */
        regex_drop(r->regexes.at[0]);
        memmove(r->regexes.at, r->regexes.at + 1, --r->regexes.n * sizeof *r->regexes.at);
    }
    *VEC_PUSH(&r->regexes) = x;
    return x;
}

/* AddressSanitizer's regexec reads on to a zero byte, which libc's own does not when it is told the end. */
#if defined(__SANITIZE_ADDRESS__)
#define ENDS_WITH_ZERO 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ENDS_WITH_ZERO 1
#endif
#endif
#ifndef ENDS_WITH_ZERO
#define ENDS_WITH_ZERO 0
#endif

static bool search(const regex_t *x, leat_text t, size_t from, regmatch_t *groups, size_t n)
{
    auto_free char *copy = ENDS_WITH_ZERO ? xstrndup(t.n ? t.data : "", t.n) : NULL;
    groups[0] = (regmatch_t){.rm_so = (regoff_t)from, .rm_eo = (regoff_t)t.n};
    return regexec(x, copy ? copy : t.data ? t.data : "", n, groups, REG_STARTEND | (from ? REG_NOTBOL : 0)) == 0;
}

bool regex_search(struct call *c, leat_text t, size_t from, leat_text pattern, bool ignore_case, regmatch_t *ret,
                  size_t n_ret, bool *ret_found)
{
    if (t.n > REGEX_TEXT_MAX) /* the time of libc's search grows with the square of a text that nearly matches */
        return call_fail(c, "overflow", "a regular expression looks at texts of at most 64 KiB");
    if (c->looked_at.data != t.data || c->looked_at.n != t.n) {
        c->looked_at = t;
        c->looked_ascii = ascii(t);
    }
    bool unicode = !c->looked_ascii || !ascii(pattern);
    struct expr_run own = {0}, *kept = c->run;
    c->run = kept ? kept : &own; /* constants are computed without a run */
    struct regex *x = regex_find(c, pattern, ignore_case, unicode);
    if (x) {
        regmatch_t one[1], *groups = ret ? ret : one;
        locale_t before = unicode ? uselocale(utf8_locale()) : NULL;
        *ret_found = search(&x->compiled, t, from, groups, ret ? n_ret : 1);
        if (unicode)
            uselocale(before);
    }
    if (!kept)
        regex_forget(&own);
    c->run = kept;
    return x != NULL;
}

bool regex_match(struct call *c, leat_text t, leat_text pattern, bool ignore_case, bool *ret)
{
    return regex_search(c, t, 0, pattern, ignore_case, NULL, 0, ret);
}
