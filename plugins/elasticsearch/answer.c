/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c: reads what bulk requests are answered with: a small, tolerant JSON reader that copies only errors. */
#include "elastic.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

static void blanks(struct answer_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

/* The next byte that is no blank, or 0 at the end; taken if it is c. */
static bool took(struct answer_reader *r, char c)
{
    blanks(r);
    if (r->at >= r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static void need(struct answer_reader *r, char c)
{
    if (!took(r, c)) {
        r->broken = true;
        r->at = r->end;
    }
}

/* What stands between the quotes, as it is. */
static leat_text string(struct answer_reader *r)
{
    need(r, '"');
    leat_text t = {r->at, 0};
    while (r->at < r->end && *r->at != '"')
        r->at += *r->at == '\\' && r->end - r->at > 1 ? 2 : 1;
    t.n = (size_t)(r->at - t.data);
    need(r, '"');
    return t;
}

static void skip_value(struct answer_reader *r)
{
    int depth = 0;
    do {
        blanks(r);
        if (r->at >= r->end || depth > DEPTH_MAX) {
            r->broken = true;
            r->at = r->end;
            return;
        }
        char c = *r->at;
        if (c == '"') {
            string(r);
        } else {
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
            r->at++;
            if (depth == 0 && c != '}' && c != ']') /* a number or a word alone: to its end */
                while (r->at < r->end && !strchr(",]} \n\r\t", *r->at))
                    r->at++;
        }
    } while (depth > 0);
}

static bool is(leat_text t, const char *name)
{
    return t.n == strlen(name) && !memcmp(t.data, name, t.n);
}

/* The next key of an object whose { was taken; false at its end. first: none was read yet. */
static bool next_key(struct answer_reader *r, bool *first, leat_text *ret)
{
    if (took(r, '}') || r->broken || r->at >= r->end)
        return false;
    if (!*first)
        need(r, ',');
    *first = false;
    *ret = string(r);
    need(r, ':');
    return !r->broken;
}

static char plain_escape(char c)
{
    return c == 'n' || c == 'r' || c == 't' ? ' ' : c;
}

/* A text for people: escapes undone (\u as it stands), shortened to what fits. */
static void copy(char *ret, size_t room, leat_text t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.n && n + 1 < room; i++) {
        bool escaped = t.data[i] == '\\' && i + 1 < t.n && t.data[i + 1] != 'u';
        ret[n++] = escaped ? plain_escape(t.data[++i]) : t.data[i];
    }
    while (n && n + 1 >= room && ((unsigned char)ret[n - 1] & 0xc0) == 0x80) /* not in the middle of a character */
        n--;
    ret[n] = 0;
}

static void text_member(struct answer_reader *r, char *ret, size_t room)
{
    blanks(r);
    if (r->at < r->end && *r->at == '"')
        copy(ret, room, string(r));
    else
        skip_value(r);
}

static void read_cause(struct answer_reader *r, struct item_answer *a)
{
    leat_text key;
    bool first = true;
    if (!took(r, '{')) {
        skip_value(r);
        return;
    }
    while (next_key(r, &first, &key)) {
        if (is(key, "reason"))
            text_member(r, a->caused_by, sizeof a->caused_by);
        else
            skip_value(r);
    }
}

static void read_error(struct answer_reader *r, struct item_answer *a)
{
    leat_text key;
    bool first = true;
    blanks(r);
    if (!took(r, '{')) { /* some versions answer a sentence alone */
        text_member(r, a->reason, sizeof a->reason);
        return;
    }
    while (next_key(r, &first, &key)) {
        if (is(key, "type"))
            text_member(r, a->type, sizeof a->type);
        else if (is(key, "reason"))
            text_member(r, a->reason, sizeof a->reason);
        else if (is(key, "caused_by"))
            read_cause(r, a);
        else
            skip_value(r);
    }
}

static int number(struct answer_reader *r)
{
    int n = 0;
    blanks(r);
    if (r->at >= r->end || *r->at < '0' || *r->at > '9') {
        skip_value(r);
        return 0;
    }
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && n < 100000)
        n = n * 10 + (*r->at++ - '0');
    return n;
}

/* {"status": 400, "error": {...}}, of an item or of the whole answer. */
static void read_result(struct answer_reader *r, struct item_answer *ret)
{
    leat_text key;
    bool first = true;
    need(r, '{');
    while (next_key(r, &first, &key)) {
        if (is(key, "status"))
            ret->status = number(r);
        else if (is(key, "error"))
            read_error(r, ret);
        else
            skip_value(r);
    }
}

struct answer_reader answer_items(leat_text body)
{
    struct answer_reader r = {.at = body.data, .end = body.data + body.n};
    leat_text key;
    bool first = true;
    need(&r, '{');
    while (next_key(&r, &first, &key)) {
        if (is(key, "items")) {
            need(&r, '[');
            return r;
        }
        skip_value(&r);
    }
    r.broken = true;
    return r;
}

bool answer_next(struct answer_reader *r, struct item_answer *ret)
{
    leat_text op;
    bool first = true;
    ret->status = 0;
    ret->type[0] = ret->reason[0] = ret->caused_by[0] = 0;
    if (r->broken || took(r, ']'))
        return false;
    took(r, ',');
    need(r, '{');
    if (!next_key(r, &first, &op))
        return false;
    read_result(r, ret);
    need(r, '}');
    return !r->broken;
}

void answer_error(leat_text body, char ret[512])
{
    struct item_answer a = {0};
    struct answer_reader r = {.at = body.data, .end = body.data + body.n};
    if (body.n)
        read_result(&r, &a);
    if (!r.broken && a.reason[0])
        snprintf(ret, 512, "%s%s%s", a.type, a.type[0] ? ": " : "", a.reason);
    else
        copy(ret, 200, body);
}
