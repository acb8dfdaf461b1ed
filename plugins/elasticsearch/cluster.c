/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.c: the nodes of a cluster, which of them live, how they are spoken to; and its index template. */
#include "elastic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROBE_FIRST_US = 1000000, PROBE_LAST_US = 30000000, TEMPLATE_MAX = 4 << 20 };

/* --- what the options say -------------------------------------------------------------------------------------------
 */

static leat_text option(const leat_host *h, int group, int row)
{
    const leat_value *v = &h->with[group].as.list.at[row];
    leat_text none = {NULL, 0};
    return v->type == LEAT_NULL ? none : v->as.text;
}

/* NULL for an option that was not given. */
static char *copy(leat_text t)
{
    return t.n ? strndup(t.data, t.n) : NULL;
}

static leat_status take_node(const leat_host *h, struct elastic *e, leat_text url)
{
    bool http = url.n > 7 && !memcmp(url.data, "http://", 7), https = url.n > 8 && !memcmp(url.data, "https://", 8);
    if (!http && !https)
        return leat_failf(h, LEAT_FATAL, "url '%.*s' must begin with http:// or https://", (int)url.n, url.data);
    if (memchr(url.data, '@', url.n))
        return h->fail(h, LEAT_FATAL,
                       "a user does not belong into 'url', where it would be logged; give auth: {user, password}");
    if (memchr(url.data, '?', url.n))
        return leat_failf(h, LEAT_FATAL, "url '%.*s' has a query; give the address of the cluster alone", (int)url.n,
                          url.data);
    if (e->n_nodes == NODES_MAX)
        return leat_failf(h, LEAT_FATAL, "more than %d addresses in 'url'", NODES_MAX);
    while (url.n && url.data[url.n - 1] == '/')
        url.n--;
    e->nodes[e->n_nodes++].url = strndup(url.data, url.n);
    return LEAT_OK;
}

leat_status cluster_take_auth(const leat_host *h, struct elastic *e)
{
    leat_text user = option(h, AUTH, AUTH_USER), password = option(h, AUTH, AUTH_PASSWORD);
    leat_text api_key = option(h, AUTH, AUTH_API_KEY);
    if (user.n && api_key.n)
        return h->fail(h, LEAT_FATAL, "auth has both a user and an api_key; give one of them");
    free(e->user);
    free(e->api_key);
    e->user = e->api_key = NULL;
    if (user.n && asprintf(&e->user, "%.*s:%.*s", (int)user.n, user.data, (int)password.n, password.data) < 0)
        e->user = NULL;
    if (api_key.n && asprintf(&e->api_key, "Authorization: ApiKey %.*s", (int)api_key.n, api_key.data) < 0)
        e->api_key = NULL;
    return LEAT_OK;
}

/* Its own name, or that of the file without folder and ending. */
static char *template_name(const leat_host *h)
{
    leat_text name = h->with[TEMPLATE_NAME].type == LEAT_NULL ? (leat_text){NULL, 0} : h->with[TEMPLATE_NAME].as.text;
    if (name.n)
        return copy(name);
    leat_text file = h->with[TEMPLATE].as.text;
    const char *slash = memrchr(file.data, '/', file.n);
    if (slash) {
        file.n -= (size_t)(slash + 1 - file.data);
        file.data = slash + 1;
    }
    if (file.n > 5 && !memcmp(file.data + file.n - 5, ".json", 5))
        file.n -= 5;
    return copy(file);
}

leat_status cluster_create(const leat_host *h, struct elastic *e)
{
    leat_status s = LEAT_OK;
    for (size_t i = 0; s == LEAT_OK && i < h->with[URL].as.list.n; i++)
        s = take_node(h, e, h->with[URL].as.list.at[i].as.text);
    if (s == LEAT_OK && !e->n_nodes)
        s = h->fail(h, LEAT_FATAL, "'url' is empty; give the address of the cluster");
    if (s == LEAT_OK)
        s = cluster_take_auth(h, e);
    e->ca = copy(option(h, TLS, TLS_CA));
    e->cert = copy(option(h, TLS, TLS_CERT));
    e->key = copy(option(h, TLS, TLS_KEY));
    if (s == LEAT_OK && h->with[TEMPLATE].type != LEAT_NULL)
        e->template_name = template_name(h);
    return s;
}

void cluster_free(struct elastic *e)
{
    for (uint32_t i = 0; i < e->n_nodes; i++)
        free(e->nodes[i].url);
    free(e->user);
    free(e->api_key);
    free(e->ca);
    free(e->cert);
    free(e->key);
    free(e->template_name);
    bytes_free(&e->template_body);
}

/* --- speaking -------------------------------------------------------------------------------------------------------
 */

void cluster_send(const leat_host *h, struct elastic *e, uint32_t node, uint64_t tag, const struct call *c)
{
    struct bytes url = {0};
    leat_text headers[3];
    uint32_t n = 0;
    bytes_str(&url, e->nodes[node].url);
    bytes_str(&url, c->path);
    bytes_add(&url, "", 1);
    if (c->body.n)
        headers[n++] = leat_text_of(!strncmp(c->path, "/_bulk", 6) ? "Content-Type: application/x-ndjson"
                                                                   : "Content-Type: application/json");
    if (c->encoding)
        headers[n++] = leat_text_of("Content-Encoding: gzip");
    if (e->api_key)
        headers[n++] = leat_text_of(e->api_key);
    const leat_value *verify = &h->with[TLS].as.list.at[TLS_VERIFY];
    leat_http_request r = {.size = sizeof r,
                           .timeout_ms = (uint32_t)(h->with[TIMEOUT].as.i64 / 1000),
                           .method = c->method,
                           .url = url.broken ? "" : url.at,
                           .body = c->body,
                           .headers = headers,
                           .n_headers = n,
                           .ca = e->ca,
                           .cert = e->cert,
                           .key = e->key,
                           .user = e->user,
                           .no_verify = verify->type != LEAT_NULL && !verify->as.i64};
    h->loop->request(h, tag, &r);
    bytes_free(&url);
}

/* --- which nodes live -----------------------------------------------------------------------------------------------
 */

uint32_t cluster_next(struct elastic *e)
{
    for (uint32_t i = 0; i < e->n_nodes; i++) {
        uint32_t n = e->next_node++ % e->n_nodes;
        if (!e->nodes[n].dead)
            return n;
    }
    return e->next_node++ % e->n_nodes;
}

bool cluster_other_lives(const struct elastic *e, uint32_t node)
{
    for (uint32_t i = 0; i < e->n_nodes; i++)
        if (i != node && !e->nodes[i].dead)
            return true;
    return false;
}

void cluster_died(const leat_host *h, struct elastic *e, uint32_t node)
{
    struct node *n = &e->nodes[node];
    if (n->dead || e->n_nodes == 1) /* one alone is asked by the batches that are given again */
        return;
    char sentence[512];
    n->dead = true;
    n->probe_after_us = PROBE_FIRST_US;
    snprintf(sentence, sizeof sentence, "%.300s does not answer; it is left out until it does", n->url);
    h->log(h, LEAT_WARN, sentence);
    h->loop->alarm(h, TAG_PROBE | (uint64_t)node << 8, n->probe_after_us);
}

void cluster_lives(const leat_host *h, struct elastic *e, uint32_t node)
{
    struct node *n = &e->nodes[node];
    if (!n->dead)
        return;
    char sentence[512];
    n->dead = false;
    h->loop->alarm(h, TAG_PROBE | (uint64_t)node << 8, -1);
    snprintf(sentence, sizeof sentence, "%.300s answers again", n->url);
    h->log(h, LEAT_INFO, sentence);
}

static void probe(const leat_host *h, struct elastic *e, uint32_t node)
{
    struct call c = {.method = "GET", .path = "/"};
    cluster_send(h, e, node, TAG_PROBE | (uint64_t)node << 8, &c);
}

static void on_probe(const leat_host *h, struct elastic *e, uint32_t node, const leat_http_answer *a)
{
    if (node >= e->n_nodes || !e->nodes[node].dead)
        return;
    struct node *n = &e->nodes[node];
    if (a->status >= 100 && a->status < 500) {
        cluster_lives(h, e, node);
        elastic_wake(h, e);
        return;
    }
    n->probe_after_us = n->probe_after_us * 2 > PROBE_LAST_US ? PROBE_LAST_US : n->probe_after_us * 2;
    h->loop->alarm(h, TAG_PROBE | (uint64_t)node << 8, n->probe_after_us);
}

/* --- the index template ---------------------------------------------------------------------------------------------
 */

enum { STEP_LOOK = 0, STEP_MAKE = 1 };

static leat_status read_template(const leat_host *h, struct elastic *e)
{
    char path[4096], chunk[16384];
    leat_text file = h->with[TEMPLATE].as.text;
    snprintf(path, sizeof path, "%.*s", (int)file.n, file.data);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return leat_failf(h, LEAT_FATAL, "cannot read the index template '%s': %s", path, strerror(errno));
    e->template_body.n = 0;
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 && e->template_body.n < TEMPLATE_MAX)
        bytes_add(&e->template_body, chunk, (size_t)n);
    int failed = errno;
    close(fd);
    if (n < 0)
        return leat_failf(h, LEAT_FATAL, "cannot read the index template '%s': %s", path, strerror(failed));
    if (n > 0 || !e->template_body.n || e->template_body.broken)
        return leat_failf(h, LEAT_FATAL, "the index template '%s' is empty or too large; it is one JSON object", path);
    return LEAT_OK;
}

static void template_step(const leat_host *h, struct elastic *e, int step)
{
    struct bytes path = {0};
    struct call c = {.method = step == STEP_LOOK ? "HEAD" : "PUT"};
    bytes_str(&path, "/_index_template/");
    bytes_str(&path, e->template_name);
    bytes_add(&path, "", 1);
    c.path = path.broken ? "/" : path.at;
    if (step == STEP_MAKE)
        c.body = bytes_view(&e->template_body);
    cluster_send(h, e, cluster_next(e), TAG_TEMPLATE | (uint64_t)step << 8 | (uint64_t)e->template_life << 16, &c);
    bytes_free(&path);
}

leat_status cluster_start(const leat_host *h, struct elastic *e)
{
    e->ready = !e->template_name;
    if (e->ready)
        return LEAT_OK;
    leat_status s = read_template(h, e);
    e->template_after_us = PROBE_FIRST_US;
    e->template_life++;
    if (s == LEAT_OK)
        template_step(h, e, STEP_LOOK);
    return s;
}

static void template_failed(const leat_host *h, struct elastic *e, const leat_http_answer *a)
{
    char why[512], sentence[900];
    if (a->status < 100)
        snprintf(why, sizeof why, "%.*s", a->body.n > 400 ? 400 : (int)a->body.n, a->body.data);
    else
        answer_error(a->body, why);
    if (a->status == 400) {
        if (!e->broken && asprintf(&e->broken, "the cluster refuses the index template '%s': %s; correct the file",
                                   e->template_name, why) < 0)
            e->broken = NULL;
        elastic_wake(h, e);
        return;
    }
    snprintf(sentence, sizeof sentence, "cannot see to the index template '%s' (status %d): %s; trying again",
             e->template_name, a->status < 100 ? 0 : a->status, why);
    h->log(h, LEAT_WARN, sentence);
    h->loop->alarm(h, TAG_TEMPLATE, e->template_after_us);
    e->template_after_us = e->template_after_us * 2 > PROBE_LAST_US ? PROBE_LAST_US : e->template_after_us * 2;
}

static void on_template(const leat_host *h, struct elastic *e, uint64_t tag, const leat_http_answer *a)
{
    int step = (int)(tag >> 8 & 0xff);
    if ((uint32_t)(tag >> 16) != e->template_life || e->ready)
        return;
    if (a->status == 404 && step == STEP_LOOK) {
        template_step(h, e, STEP_MAKE);
    } else if (a->status >= 200 && a->status < 300) {
        e->ready = true;
        elastic_wake(h, e);
    } else {
        template_failed(h, e, a);
    }
}

/* --- hooks ----------------------------------------------------------------------------------------------------------
 */

void cluster_on_answer(const leat_host *h, struct elastic *e, uint64_t tag, const leat_http_answer *a)
{
    if ((tag & 0xff) == TAG_PROBE)
        on_probe(h, e, (uint32_t)(tag >> 8), a);
    else
        on_template(h, e, tag, a);
}

void cluster_on_alarm(const leat_host *h, struct elastic *e, uint64_t tag)
{
    if ((tag & 0xff) == TAG_PROBE)
        probe(h, e, (uint32_t)(tag >> 8));
    else
        template_step(h, e, STEP_LOOK);
}
