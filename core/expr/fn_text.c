/* SPDX-License-Identifier: Apache-2.0 */
/* fn_text.c: functions of texts. Letters are Unicode code points; places are counted from 1, as in SQL. */
#include "core/expr/run_internal.h"

#include <openssl/evp.h>
#include <wctype.h>

enum { RESULT_MAX = 16 << 20 }; /* bytes; what data can blow up has a limit */

static size_t letter(leat_text t, size_t at)
{
    size_t n = 1;
    while (at + n < t.n && ((unsigned char)t.data[at + n] & 0xc0) == 0x80)
        n++;
    return n;
}

static size_t letters(leat_text t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++)
        n += ((unsigned char)t.data[i] & 0xc0) != 0x80;
    return n;
}

static bool give(struct call *c, const struct buf *b, leat_value *ret)
{
    if (!call_allows(c, b->n))
        return false;
    char *copy = call_room(c, b->n);
    if (b->n)
        memcpy(copy, b->data, b->n);
    *ret = value_text((leat_text){copy, b->n});
    return true;
}

FUNCTION(function_length)
{
    (void)c, (void)n;
    *ret = value_int((int64_t)letters(args[0].as.text));
    return true;
}

static uint32_t decode(leat_text t, size_t at, size_t n)
{
    const unsigned char *s = (const unsigned char *)t.data + at;
    uint32_t x = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        x = x << 6 | (s[i] & 63);
    return x;
}

static void encode(struct buf *out, uint32_t x)
{
    char s[4];
    size_t n = x < 0x80 ? 1 : x < 0x800 ? 2 : x < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; x >>= 6)
        s[i] = (char)(0x80 | (x & 63));
    s[0] = (char)(n == 1 ? x : (0xf00 >> n & 0xff) | x);
    buf_add(out, s, n);
}

static bool change_case(struct call *c, leat_text t, bool up, leat_value *ret)
{
    char *copy = call_room(c, t.n);
    unsigned char all = 0;
    for (size_t i = 0; i < t.n; i++) {
        unsigned char x = (unsigned char)t.data[i];
        all |= x;
        bool change = up ? x >= 'a' && x <= 'z' : x >= 'A' && x <= 'Z';
        copy[i] = (char)(x ^ (change << 5));
    }
    *ret = value_text((leat_text){copy, t.n});
    if (all < 0x80)
        return true;
    auto_buf out = {0};
    for (size_t i = 0, n; i < t.n; i += n) {
        n = letter(t, i);
        uint32_t x = decode(t, i, n);
        encode(&out, (uint32_t)(up ? towupper_l(x, text_locale()) : towlower_l(x, text_locale())));
    }
    return give(c, &out, ret);
}

FUNCTION(function_lower)
{
    (void)n;
    return change_case(c, args[0].as.text, false, ret);
}

FUNCTION(function_upper)
{
    (void)n;
    return change_case(c, args[0].as.text, true, ret);
}

static bool among(leat_text set, leat_text t, size_t at, size_t n)
{
    for (size_t i = 0, m; i < set.n; i += m) {
        m = letter(set, i);
        if (m == n && memcmp(set.data + i, t.data + at, n) == 0)
            return true;
    }
    return false;
}

FUNCTION(function_trim)
{
    leat_text t = args[0].as.text, set = n > 1 ? args[1].as.text : TEXT(" ");
    (void)c;
    for (size_t m; t.n && among(set, t, 0, m = letter(t, 0));) {
        t.data += m;
        t.n -= m;
    }
    while (t.n) {
        size_t at = t.n - 1;
        while (at && ((unsigned char)t.data[at] & 0xc0) == 0x80)
            at--;
        if (!among(set, t, at, t.n - at))
            break;
        t.n = at;
    }
    *ret = value_text(t);
    return true;
}

FUNCTION(function_substr)
{
    leat_text t = args[0].as.text;
    wide from = args[1].as.i64, to = (wide)1 << 64;
    if (n > 2) {
        if (args[2].as.i64 < 0)
            return call_fail(c, "domain", "substr of a negative length");
        to = from + args[2].as.i64;
    }
    size_t at = 0, first, count = 1;
    for (; at < t.n && count < from; count++)
        at += letter(t, at);
    for (first = at; at < t.n && count < to; count++)
        at += letter(t, at);
    *ret = value_text((leat_text){t.data + first, at - first});
    return true;
}

static const char *find(leat_text t, size_t from, leat_text what)
{
    return from <= t.n && what.n ? memmem(t.data + from, t.n - from, what.data, what.n) : NULL;
}

FUNCTION(function_replace)
{
    leat_text t = args[0].as.text, what = args[1].as.text, with = args[2].as.text;
    auto_buf out = {0};
    size_t from = 0;
    (void)n;
    for (const char *at; (at = find(t, from, what)) && out.n <= RESULT_MAX; from = (size_t)(at - t.data) + what.n) {
        buf_add(&out, t.data + from, (size_t)(at - t.data) - from);
        buf_text(&out, with);
    }
    if (!from)
        return *ret = args[0], true;
    buf_add(&out, t.data + from, t.n - from);
    return give(c, &out, ret);
}

FUNCTION(function_split_part)
{
    leat_text t = args[0].as.text, by = args[1].as.text;
    int64_t wanted = args[2].as.i64, parts = 1;
    (void)n;
    if (wanted == 0)
        return call_fail(c, "domain", "split_part counts from 1, or from the end by -1");
    size_t from = 0;
    const char *at;
    if (wanted < 0) {
        for (; (at = find(t, from, by)); from = (size_t)(at - t.data) + by.n)
            parts++;
        wanted += parts + 1;
        from = 0;
    }
    *ret = value_text((leat_text){"", 0});
    for (int64_t i = 1; wanted > 0; i++, from = (size_t)(at - t.data) + by.n) {
        at = find(t, from, by);
        if (i == wanted)
            return *ret = value_text((leat_text){t.data + from, (at ? (size_t)(at - t.data) : t.n) - from}), true;
        if (!at)
            break;
    }
    return true;
}

FUNCTION(function_starts_with)
{
    leat_text t = args[0].as.text, with = args[1].as.text;
    (void)c, (void)n;
    *ret = value_bool(t.n >= with.n && (!with.n || memcmp(t.data, with.data, with.n) == 0));
    return true;
}

/* \1 .. \9 are groups, \& is all of it. */
static void put_replacement(struct buf *out, leat_text t, leat_text with, const regmatch_t *groups)
{
    for (size_t i = 0; i < with.n; i++) {
        char next = i + 1 < with.n ? with.data[i + 1] : 0;
        int group = next == '&' ? 0 : next >= '1' && next <= '9' ? next - '0' : -1;
        if (with.data[i] != '\\' || (group < 0 && next != '\\')) {
            buf_char(out, with.data[i]);
            continue;
        }
        i++;
        if (group < 0)
            buf_char(out, '\\');
        else if (groups[group].rm_so >= 0)
            buf_add(out, t.data + groups[group].rm_so, (size_t)(groups[group].rm_eo - groups[group].rm_so));
    }
}

/* Groups that \1 .. \9 need, the whole included: finding groups costs libc more than finding the match. */
static size_t groups_needed(leat_text with)
{
    size_t n = 1;
    for (size_t i = 0; i + 1 < with.n; i++)
        if (with.data[i] == '\\' && with.data[++i] >= '1' && with.data[i] <= '9' && (size_t)(with.data[i] - '0') >= n)
            n = (size_t)(with.data[i] - '0') + 1;
    return n;
}

FUNCTION(function_regexp_replace)
{
    leat_text t = args[0].as.text, flags = n > 3 ? args[3].as.text : (leat_text){"", 0};
    bool all = flags.n && memchr(flags.data, 'g', flags.n), ignore_case = flags.n && memchr(flags.data, 'i', flags.n),
         found = true;
    auto_buf out = {0};
    size_t at = 0, n_groups = groups_needed(args[2].as.text);
    for (bool first = true; at <= t.n && (first || all); first = false) {
        regmatch_t groups[10];
        if (!regex_search(c, t, at, args[1].as.text, ignore_case, groups, n_groups, &found))
            return false;
        if (!found || out.n > RESULT_MAX)
            break;
        size_t from = (size_t)groups[0].rm_so, to = (size_t)groups[0].rm_eo;
        buf_add(&out, t.data + at, from - at);
        put_replacement(&out, t, args[2].as.text, groups);
        at = to;
        if (to == from && at < t.n) { /* an empty match: one letter further */
            size_t m = letter(t, at);
            buf_add(&out, t.data + at, m);
            at += m;
        } else if (to == from) {
            break;
        }
    }
    if (at < t.n)
        buf_add(&out, t.data + at, t.n - at);
    return give(c, &out, ret);
}

/* --- format ------------------------------------------------------------------------------------------------------ */

static bool put_padded(struct buf *out, leat_text t, int64_t width, bool left)
{
    int64_t blanks = width - (int64_t)letters(t);
    if (left)
        buf_text(out, t);
    for (; blanks > 0; blanks--)
        buf_char(out, ' ');
    if (!left)
        buf_text(out, t);
    return true;
}

static int64_t digits(leat_text t, size_t *at)
{
    int64_t x = 0;
    while (*at < t.n && t.data[*at] >= '0' && t.data[*at] <= '9' && x < 100000)
        x = x * 10 + (t.data[(*at)++] - '0');
    return x;
}

/* %s %10s %-10s %2$s, as PostgreSQL's format */
FUNCTION(function_format)
{
    auto_buf out = {0};
    leat_text f = args[0].as.text;
    size_t next = 1;
    if (args[0].type == LEAT_NULL)
        return *ret = args[0], true;
    for (size_t i = 0; i < f.n;) {
        if (f.data[i] != '%') {
            buf_char(&out, f.data[i++]);
            continue;
        }
        if (++i < f.n && f.data[i] == '%') {
            buf_char(&out, f.data[i++]);
            continue;
        }
        size_t mark = i;
        int64_t number = digits(f, &i);
        if (i < f.n && f.data[i] == '$')
            next = (size_t)number, i++;
        else
            i = mark;
        bool left = i < f.n && f.data[i] == '-';
        i += left;
        int64_t width = digits(f, &i);
        if (i >= f.n || f.data[i++] != 's')
            return call_fail(c, "error", "format knows %%s, %%10s, %%-10s, %%2$s and %%%%");
        if (next < 1 || next >= n || width > 10000)
            return call_fail(c, "error", "format has no argument %zu", next);
        leat_text t = {"", 0};
        if (args[next].type != LEAT_NULL && !value_to_text(c, &args[next], &t))
            return false;
        put_padded(&out, t, width, left);
        next++;
    }
    return give(c, &out, ret);
}

/* --- digests ----------------------------------------------------------------------------------------------------- */

/* Looking a digest up costs OpenSSL several times what computing it does, so the run keeps those in use. */
static bool digest(struct call *c, enum digest_kind kind, leat_text t, unsigned char *ret, unsigned int *ret_n)
{
    static const char *const names[] = {[DIGEST_MD5] = "MD5", [DIGEST_SHA1] = "SHA1", [DIGEST_SHA256] = "SHA256"};
    struct expr_run own = {0}, *r = c->run ? c->run : &own;
    if (!r->digests[kind])
        r->digests[kind] = EVP_MD_fetch(NULL, names[kind], NULL);
    if (!r->digesting)
        r->digesting = EVP_MD_CTX_new();
    bool good = r->digests[kind] && r->digesting && EVP_DigestInit_ex(r->digesting, r->digests[kind], NULL) &&
                EVP_DigestUpdate(r->digesting, t.data ? t.data : "", t.n) &&
                EVP_DigestFinal_ex(r->digesting, ret, ret_n);
    digests_forget(&own);
    return good || call_fail(c, "error", "this system's library refuses %s", names[kind]);
}

void digests_forget(struct expr_run *r)
{
    for (size_t i = 0; i < N_OF(r->digests); i++)
        EVP_MD_free(r->digests[i]);
    EVP_MD_CTX_free(r->digesting);
}

static bool put_digest(struct call *c, enum digest_kind kind, leat_text t, leat_value *ret)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    if (!digest(c, kind, t, bytes, &n))
        return false;
    char *out = call_room(c, 2 * n);
    for (unsigned int i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    *ret = value_text((leat_text){out, 2 * n});
    return true;
}

FUNCTION(function_md5)
{
    (void)n;
    return put_digest(c, DIGEST_MD5, args[0].as.text, ret);
}

FUNCTION(function_sha256)
{
    (void)n;
    return put_digest(c, DIGEST_SHA256, args[0].as.text, ret);
}

static bool read_uuid(leat_text t, unsigned char ret[16])
{
    static const struct {
        const char *name;
        unsigned char last;
    } known[] = {{"dns", 0x10}, {"url", 0x11}, {"oid", 0x12}, {"x500", 0x14}}; /* RFC 4122, appendix C */
    static const unsigned char base[16] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                           0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
    for (size_t i = 0; i < N_OF(known); i++)
        if (text_is(t, known[i].name)) {
            memcpy(ret, base, 16);
            ret[3] = known[i].last;
            return true;
        }
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++) {
        unsigned char ch = (unsigned char)t.data[i], low = ch | 32;
        int x = ch >= '0' && ch <= '9' ? ch - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
        if (ch == '-')
            continue;
        if (x < 0 || n == 32)
            return false;
        ret[n / 2] = (unsigned char)(n % 2 ? ret[n / 2] | x : x << 4);
        n++;
    }
    return n == 32;
}

/* RFC 4122, 4.3: SHA-1 of the namespace and the name. */
FUNCTION(function_uuid5)
{
    auto_buf whole = {0};
    unsigned char id[EVP_MAX_MD_SIZE];
    unsigned int got = 0;
    (void)n;
    if (!read_uuid(args[0].as.text, id))
        return call_fail(c, "error", "the namespace of uuid5 is a UUID, or one of dns, url, oid, x500");
    buf_add(&whole, id, 16);
    buf_text(&whole, args[1].as.text);
    if (!digest(c, DIGEST_SHA1, buf_view(&whole), id, &got))
        return false;
    id[6] = (id[6] & 0x0f) | 0x50;
    id[8] = (id[8] & 0x3f) | 0x80;
    char *out = call_room(c, 37);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", id[0], id[1], id[2],
             id[3], id[4], id[5], id[6], id[7], id[8], id[9], id[10], id[11], id[12], id[13], id[14], id[15]);
    *ret = value_text((leat_text){out, 36});
    return true;
}
