/* SPDX-License-Identifier: Apache-2.0 */
/* bulk.c: batches as bulk requests: builds the bodies, splits what is too large, and judges what comes back. */
#include "elastic.h"

#include <stdlib.h>
#include <string.h>

enum {
    ID_MAX = 512,         /* bytes; a longer one makes the cluster refuse the whole request */
    LIMIT_MIN = 64 << 10, /* below it a 413 says something about the records, not about the size of our requests */
};

static const char *const op_names[] = {
    [OP_INDEX] = "index", [OP_CREATE] = "create", [OP_UPDATE] = "update", [OP_DELETE] = "delete"};

/* --- bodies ---------------------------------------------------------------------------------------------------------
 */

struct columns {
    const leat_text *index, *id, *op, *whole;
    const leat_column *version; /* NULL: none */
};

static struct columns read_columns(const leat_host *h, const struct elastic *e, const leat_batch *b)
{
    const leat_value *version = &h->with[VERSION];
    struct columns c = {.index = leat_read_text(h, b, h->with[INDEX].as.field),
                        .id = leat_read_text(h, b, h->with[ID].as.field),
                        .op = leat_read_text(h, b, h->with[OP].as.field),
                        .whole = leat_read_text(h, b, e->whole),
                        .version = version->type == LEAT_NULL ? NULL : h->read(h, b, version->as.field)};
    return c;
}

static int op_of(leat_text name)
{
    for (int op = OP_INDEX; op <= OP_DELETE; op++)
        if (name.n == strlen(op_names[op]) && !memcmp(name.data, op_names[op], name.n))
            return op;
    return -1;
}

/* What the cluster would refuse together with the whole request is refused here, alone. */
static bool check_row(const leat_host *h, const leat_batch *b, const struct columns *c, uint32_t row)
{
    const char *why = NULL, *code = "id";
    if (c->id[row].n <= 2)
        why = "the id is empty";
    else if (c->id[row].n > ID_MAX + 2)
        why = "the id is longer than 512 bytes, which is all that the cluster takes";
    else if (c->index[row].n <= 2)
        why = "the name of the index is empty", code = "index_name";
    else if (op_of(c->op[row]) < 0)
        why = "'op' must give index, create, update or delete", code = "op";
    else if (c->version && ((const int64_t *)c->version->data)[row] < 0)
        why = "the version is below 0", code = "version";
    if (why)
        h->reject(h, b->ticket, row, code, why);
    return !why;
}

/* A record is one line. A line end in JSON stands between its parts, never in a text, so a blank does as well. */
static void add_record(struct bytes *b, leat_text record)
{
    size_t from = b->n;
    bytes_text(b, record);
    if (b->broken)
        return;
    for (char *end; (end = memchr(b->at + from, '\n', b->n - from)) != NULL; from = (size_t)(end + 1 - b->at))
        *end = ' ';
}

static void add_action(struct bytes *b, const struct columns *c, struct item *item)
{
    char version[80];
    bytes_str(b, "{\"");
    bytes_str(b, op_names[item->op]);
    bytes_str(b, "\":{\"_index\":");
    bytes_text(b, c->index[item->row]);
    bytes_str(b, ",\"_id\":");
    bytes_text(b, c->id[item->row]);
    item->versioned = c->version && (item->op == OP_INDEX || item->op == OP_DELETE) && leat_has(c->version, item->row);
    if (item->versioned) {
        long long v = ((const int64_t *)c->version->data)[item->row];
        snprintf(version, sizeof version, ",\"version\":%lld,\"version_type\":\"external_gte\"", v);
        bytes_str(b, version);
    }
    if (item->op == OP_UPDATE)
        bytes_str(b, ",\"retry_on_conflict\":3");
    bytes_str(b, "}}\n");
}

static void add_item(struct bytes *b, const struct columns *c, struct item *item)
{
    item->from = b->n;
    add_action(b, c, item);
    if (item->op == OP_DELETE)
        return;
    if (item->op == OP_UPDATE)
        bytes_str(b, "{\"doc\":");
    add_record(b, c->whole[item->row]);
    bytes_str(b, item->op == OP_UPDATE ? ",\"doc_as_upsert\":true}\n" : "\n");
}

static bool make_room(struct job *j, uint32_t n)
{
    if (n <= j->items_room)
        return true;
    struct item *more = realloc(j->items, n * sizeof *more);
    if (!more)
        return false;
    j->items = more;
    j->items_room = n;
    return true;
}

static leat_status build(const leat_host *h, struct elastic *e, struct job *j, const leat_batch *b)
{
    struct columns c = read_columns(h, e, b);
    j->body.n = 0;
    j->body.broken = false;
    j->n = 0;
    if (!make_room(j, b->n))
        return h->fail(h, LEAT_RETRY, "no memory for a bulk request");
    for (uint32_t row = 0; row < b->n; row++) {
        if (!check_row(h, b, &c, row))
            continue;
        struct item *item = &j->items[j->n++];
        item->row = row;
        item->op = (uint8_t)op_of(c.op[row]);
        add_item(&j->body, &c, item);
    }
    return j->body.broken ? h->fail(h, LEAT_RETRY, "no memory for a bulk request") : LEAT_OK;
}

/* --- sending --------------------------------------------------------------------------------------------------------
 */

static size_t end_of(const struct job *j, uint32_t item)
{
    return item < j->n ? j->items[item].from : j->body.n;
}

/* As many of the items from j->from on as may go together; at least one. */
static void choose(const struct elastic *e, struct job *j)
{
    size_t from = end_of(j, j->from);
    j->to = j->from + 1;
    while (j->to < j->n && j->to - j->from < j->most && end_of(j, j->to + 1) - from <= e->limit)
        j->to++;
}

static bool zip(struct elastic *e, leat_text plain)
{
    if (!e->zip_ready) {
        if (deflateInit2(&e->zip, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            return false;
        e->zip_ready = true;
    }
    deflateReset(&e->zip);
    size_t room = deflateBound(&e->zip, plain.n);
    if (room > e->zipped.room) {
        bytes_free(&e->zipped);
        e->zipped.at = malloc(room);
        e->zipped.room = e->zipped.at ? room : 0;
    }
    if (!e->zipped.at)
        return false;
    e->zip.next_in = (Bytef *)(uintptr_t)plain.data;
    e->zip.avail_in = (uInt)plain.n;
    e->zip.next_out = (Bytef *)e->zipped.at;
    e->zip.avail_out = (uInt)e->zipped.room;
    if (deflate(&e->zip, Z_FINISH) != Z_STREAM_END)
        return false;
    e->zipped.n = e->zipped.room - e->zip.avail_out;
    return true;
}

static void send_to(const leat_host *h, struct elastic *e, struct job *j, uint32_t node)
{
    leat_text body = {j->body.at + end_of(j, j->from), end_of(j, j->to) - end_of(j, j->from)};
    struct call c = {.method = "POST", .path = e->query, .body = body};
    if (h->with[GZIP].as.i64 && body.n < UINT32_MAX && zip(e, body)) {
        c.body = bytes_view(&e->zipped);
        c.encoding = "gzip";
    }
    j->node = node;
    j->life++;
    j->tries++;
    h->measure(h, REQUESTS, 1);
    h->measure(h, SENT, (double)c.body.n);
    cluster_send(h, e, node, TAG_BULK | (uint64_t)(j - e->jobs) << 8 | (uint64_t)j->life << 32, &c);
}

static void send_next(const leat_host *h, struct elastic *e, struct job *j)
{
    choose(e, j);
    j->tries = 0;
    send_to(h, e, j, cluster_next(e));
}

/* As TCP does it: half as many at once when there was no room, slowly more while there is. */
static void adapt(const leat_host *h, struct elastic *e, bool had_room)
{
    double most = (double)h->with[IN_FLIGHT].as.i64;
    e->window = had_room ? e->window + 1 / e->window : e->window / 2;
    if (e->window > most)
        e->window = most;
    if (e->window < 1)
        e->window = 1;
}

static struct job *free_job(const leat_host *h, struct elastic *e)
{
    struct job *found = NULL;
    int under_way = 0;
    for (struct job *j = e->jobs; j < e->jobs + h->with[IN_FLIGHT].as.i64; j++) {
        under_way += j->ticket != 0;
        found = j->ticket ? found : j;
    }
    return under_way < (int)e->window ? found : NULL;
}

leat_status elastic_process(const leat_host *h, void *self, const leat_batch *b)
{
    struct elastic *e = self;
    struct job *j = free_job(h, e);
    if (e->broken)
        return h->fail(h, LEAT_FATAL, e->broken);
    e->wanted = !j || e->paused || !e->ready;
    if (e->wanted)
        return LEAT_AGAIN;
    leat_status s = build(h, e, j, b);
    if (s != LEAT_OK || !j->n)
        return s;
    j->ticket = b->ticket;
    j->from = 0;
    j->most = UINT32_MAX;
    send_next(h, e, j);
    return LEAT_PENDING;
}

void elastic_wake(const leat_host *h, struct elastic *e)
{
    if (!e->wanted)
        return;
    e->wanted = false;
    h->wake(h);
}

static void finish(const leat_host *h, struct elastic *e, struct job *j, leat_status s)
{
    uint64_t ticket = j->ticket;
    j->ticket = 0;
    j->life++;
    h->finish(h, ticket, s);
    elastic_wake(h, e);
}

/* --- judging items --------------------------------------------------------------------------------------------------
 */

/* Repeated, a request finds what it did before: that is success. */
static bool is_done(const struct item *item, int status)
{
    if (status < 300)
        return true;
    if (status == 409)
        return item->op == OP_CREATE || item->versioned;
    return status == 404 && item->op == OP_DELETE;
}

static bool is_block(const struct item_answer *a)
{
    return !strcmp(a->type, "cluster_block_exception");
}

static bool is_temporary(const struct item *item, const struct item_answer *a)
{
    return a->status == 429 || a->status >= 500 || is_block(a) || (a->status == 409 && item->op == OP_UPDATE);
}

/* A constant to group by. */
static const char *code_of(const struct item_answer *a)
{
    static const struct {
        const char *type, *code;
    } codes[] = {
        {"mapper_parsing_exception", "mapping"},         {"document_parsing_exception", "mapping"},
        {"strict_dynamic_mapping_exception", "mapping"}, {"invalid_index_name_exception", "index_name"},
        {"index_not_found_exception", "no_index"},       {"document_missing_exception", "no_document"},
        {"illegal_argument_exception", "mapping"},       {"index_closed_exception", "index_closed"},
    };
    for (size_t i = 0; i < LEAT_N(codes); i++)
        if (!strcmp(a->type, codes[i].type))
            return codes[i].code;
    return "refused";
}

static void say(char ret[700], const struct item_answer *a, const char *before, const char *after)
{
    snprintf(ret, 700, "%s%s%s%s (%s, status %d)%s", before, a->reason, a->caused_by[0] ? ": " : "", a->caused_by,
             a->type[0] ? a->type : "no reason given", a->status, after);
}

/* The reason of a full queue names objects in the cluster's memory: every line of the log would be another one. */
static void retry_item(const leat_host *h, struct job *j, const struct item *item, const struct item_answer *a)
{
    char why[700];
    if (is_block(a))
        say(why, a, "the index is read-only: ", "; lift its block and it goes on");
    else if (a->status == 429)
        snprintf(why, sizeof why, "the cluster has no room for the item (%s, status 429)", a->type);
    else
        say(why, a, "the cluster cannot take the item now: ", "");
    h->retry(h, j->ticket, item->row, is_block(a) ? "read_only" : "busy", why);
    h->measure(h, RETRIED_ITEMS, 1);
}

static void refuse_item(const leat_host *h, struct job *j, const struct item *item, const struct item_answer *a)
{
    char why[700];
    const char *code = code_of(a);
    say(why, a,
        strcmp(code, "mapping") ? "the cluster refuses the record: " : "the mapping of the index refuses the record: ",
        "");
    h->reject(h, j->ticket, item->row, code, why);
}

/* False: the answer does not tell what became of all items. */
static bool judge(const leat_host *h, struct elastic *e, struct job *j, leat_text body)
{
    struct answer_reader r = answer_items(body);
    struct item_answer a;
    uint32_t at = j->from;
    bool had_room = true;
    for (; at < j->to && answer_next(&r, &a); at++) {
        const struct item *item = &j->items[at];
        if (is_done(item, a.status) && a.status >= 200) {
            if (a.status == 409)
                h->measure(h, CONFLICTS, 1);
        } else if (is_temporary(item, &a)) {
            retry_item(h, j, item, &a);
            had_room &= a.status != 429 || is_block(&a);
        } else if (a.status >= 300) {
            refuse_item(h, j, item, &a);
        } else {
            return false;
        }
    }
    adapt(h, e, had_room);
    return at == j->to && !answer_next(&r, &a) && !r.broken;
}

/* --- judging requests -----------------------------------------------------------------------------------------------
 */

/* Too large: by halves, until one record alone is refused. What goes through tells how large a request may be. */
static void split(const leat_host *h, struct elastic *e, struct job *j)
{
    size_t bytes = end_of(j, j->to) - end_of(j, j->from);
    if (j->to - j->from == 1) {
        char why[200];
        snprintf(why, sizeof why,
                 "the record (%zu bytes) is larger than the cluster takes (http.max_content_length, or a proxy)",
                 bytes);
        h->reject(h, j->ticket, j->items[j->from].row, "too_large", why);
        j->from = j->to;
    } else {
        j->most = (j->to - j->from) / 2;
        if (bytes / 2 >= LIMIT_MIN && bytes / 2 < e->limit)
            e->limit = bytes / 2;
    }
    if (j->from == j->n)
        finish(h, e, j, LEAT_OK);
    else
        send_next(h, e, j);
}

static void pause_for(const leat_host *h, struct elastic *e, int64_t us)
{
    if (us <= 0)
        return;
    e->paused = true;
    h->loop->alarm(h, TAG_PAUSE, us);
}

static void no_answer(const leat_host *h, struct elastic *e, struct job *j, const leat_http_answer *a)
{
    cluster_died(h, e, j->node);
    if (j->tries < e->n_nodes && cluster_other_lives(e, j->node)) {
        send_to(h, e, j, cluster_next(e));
        return;
    }
    leat_status s = leat_failf(h, LEAT_RETRY, "%.*s", a->body.n > 480 ? 480 : (int)a->body.n, a->body.data);
    finish(h, e, j, s);
}

static void refused(const leat_host *h, struct elastic *e, struct job *j, const leat_http_answer *a)
{
    char why[512];
    const char *url = e->nodes[j->node].url;
    leat_status s;
    answer_error(a->body, why);
    if (strstr(why, "rejected_execution_exception")) /* what follows is different every time, and says no more */
        snprintf(why, sizeof why, "rejected_execution_exception: its queue is full");
    if (a->status == 429 || a->status == 503)
        adapt(h, e, false);
    if (a->status == 401 || a->status == 403)
        s = leat_failf(h, LEAT_RETRY, "%.150s refuses the user or API key (status %d): %.150s; correct 'auth'", url,
                       a->status, why);
    else if (a->status == 429 || a->status >= 500)
        s = leat_failf(h, LEAT_RETRY, "%.150s is busy or not whole (status %d): %.200s", url, a->status, why);
    else if (a->status == 400)
        s = leat_failf(h, LEAT_REJECT, "%.150s refuses the bulk request (status 400): %.200s", url, why);
    else
        s = leat_failf(h, LEAT_FATAL, "%.150s has no bulk API (status %d): %.150s; correct 'url'", url, a->status, why);
    pause_for(h, e, s == LEAT_RETRY ? a->retry_after_us : 0);
    finish(h, e, j, s);
}

static void answered(const leat_host *h, struct elastic *e, struct job *j, const leat_http_answer *a)
{
    if (!judge(h, e, j, a->body)) {
        finish(h, e, j,
               h->fail(h, LEAT_RETRY,
                       "the answer to a bulk request does not tell what became of its items; sending them again"));
        return;
    }
    j->from = j->to;
    if (j->from == j->n)
        finish(h, e, j, LEAT_OK);
    else
        send_next(h, e, j);
}

void elastic_on_bulk(const leat_host *h, struct elastic *e, uint64_t tag, const leat_http_answer *a)
{
    struct job *j = &e->jobs[(tag >> 8 & 0xffffff) % IN_FLIGHT_MAX];
    if (!j->ticket || j->life != (uint32_t)(tag >> 32))
        return;
    if (a->status >= 100)
        cluster_lives(h, e, j->node);
    if (a->status < 100)
        no_answer(h, e, j, a);
    else if (a->status == 413)
        split(h, e, j);
    else if (a->status == 200)
        answered(h, e, j, a);
    else
        refused(h, e, j, a);
}

void elastic_jobs_free(struct elastic *e)
{
    for (int i = 0; i < IN_FLIGHT_MAX; i++) {
        uint32_t life = e->jobs[i].life + 1;
        bytes_free(&e->jobs[i].body);
        free(e->jobs[i].items);
        memset(&e->jobs[i], 0, sizeof e->jobs[i]);
        e->jobs[i].life = life;
    }
    bytes_free(&e->zipped);
    if (e->zip_ready)
        deflateEnd(&e->zip);
    e->zip_ready = false;
}
