/* SPDX-License-Identifier: Apache-2.0 */
/* elastic.c: the sink `elasticsearch`: its options, and the hooks that bring the other files together. */
#include "elastic.h"

#include <stdlib.h>
#include <string.h>

static const leat_option auth[] = {
    [AUTH_USER] = {.name = "user", .doc = "Name for basic authentication.", .type = LEAT_OPT_TEXT},
    [AUTH_PASSWORD] =
        {.name = "password", .doc = "Its password.", .type = LEAT_OPT_TEXT, .flags = LEAT_SECRET, .only_with = "user"},
    [AUTH_API_KEY] = {.name = "api_key",
                      .doc = "API key, encoded as the cluster gave it out; instead of a user.",
                      .type = LEAT_OPT_TEXT,
                      .flags = LEAT_SECRET},
};
static const leat_option tls[] = {
    [TLS_CA] = {.name = "ca",
                .doc = "PEM file of the authorities to believe; without it those of the system.",
                .type = LEAT_OPT_TEXT},
    [TLS_CERT] = {.name = "cert", .doc = "PEM file of our certificate.", .type = LEAT_OPT_TEXT},
    [TLS_KEY] = {.name = "key", .doc = "PEM file of its key.", .type = LEAT_OPT_TEXT, .only_with = "cert"},
    [TLS_VERIFY] = {.name = "verify",
                    .doc = "Whether the cluster must prove who it is.",
                    .type = LEAT_OPT_BOOL,
                    .standard = "true"},
};
static const leat_option options[] = {
    [URL] = {.name = "url",
             .doc = "Address of the cluster, or a list of its nodes: dead ones are left out until they answer.",
             .type = LEAT_OPT_TEXT,
             .flags = LEAT_REQUIRED | LEAT_MANY},
    [INDEX] = {.name = "index",
               .doc = "Index to write to, such as stock-{warehouse}.",
               .type = LEAT_OPT_TEMPLATE,
               .column = LEAT_JSON,
               .flags = LEAT_REQUIRED | LEAT_DESTINATION},
    [ID] = {.name = "id",
            .doc = "Id of the document: what comes again under it replaces what was there.",
            .type = LEAT_OPT_TEMPLATE,
            .column = LEAT_JSON,
            .standard = "{$id}"},
    [VERSION] = {.name = "version",
                 .doc =
                     "A number that rises with every record of the same id; an older one never replaces a newer one.",
                 .type = LEAT_OPT_READ,
                 .column = LEAT_I64},
    [OP] =
        {.name = "op",
         .doc =
             "What to do: index (replace), create (only if new), update (merge fields, or make), delete; or a template "
             "that gives one of these.",
         .type = LEAT_OPT_TEMPLATE,
         .column = LEAT_TEXT,
         .standard = "index",
         .choices = "index|create|update|delete"},
    [PIPELINE] = {.name = "pipeline",
                  .doc = "Ingest pipeline of the cluster that every record goes through.",
                  .type = LEAT_OPT_TEXT},
    [TEMPLATE] = {.name = "template",
                  .doc = "JSON file with an index template, which is created if the cluster has none of its name.",
                  .type = LEAT_OPT_TEXT},
    [TEMPLATE_NAME] = {.name = "template_name",
                       .doc = "Name of that template; without it the name of the file.",
                       .type = LEAT_OPT_TEXT,
                       .only_with = "template"},
    [GZIP] = {.name = "gzip",
              .doc = "Compress requests: less network, more CPU.",
              .type = LEAT_OPT_BOOL,
              .standard = "false"},
    [IN_FLIGHT] = {.name = "in_flight",
                   .doc = "Batches that may be under way at once, per lane; fewer while the cluster is short of room.",
                   .type = LEAT_OPT_I64,
                   .standard = "4",
                   .range = "1..64"},
    [TIMEOUT] = {.name = "timeout",
                 .doc = "How long an answer may take; the cluster is asked to give up in half of that.",
                 .type = LEAT_OPT_DURATION,
                 .standard = "60s",
                 .range = "1s..1h"},
    [AUTH] = {.name = "auth", .doc = "Who we are.", .type = LEAT_OPT_GROUP, .rows = auth, .n_rows = LEAT_N(auth)},
    [TLS] = {.name = "tls", .doc = "For https addresses.", .type = LEAT_OPT_GROUP, .rows = tls, .n_rows = LEAT_N(tls)},
};
static const leat_metric metrics[] = {
    [RETRIED_ITEMS] = {.name = "retried_items",
                       .doc = "Items that the cluster had no room for and that were given again."},
    [CONFLICTS] = {.name = "conflicts", .doc = "Items that the cluster had already, in this or a newer version."},
    [REQUESTS] = {.name = "requests", .doc = "Bulk requests sent."},
    [SENT] = {.name = "sent", .doc = "Bytes of bulk requests, as sent.", .unit = "bytes"},
};

/* Only what helps to judge the items is asked for: an answer is a fiftieth of its request then. */
#define FILTER                                                                                                         \
    "&filter_path=error,status,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason"

static void add_escaped(struct bytes *b, leat_text t)
{
    char escape[4];
    for (size_t i = 0; i < t.n; i++) {
        unsigned char c = (unsigned char)t.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.~", c);
        snprintf(escape, sizeof escape, plain ? "%c" : "%%%02X", c);
        bytes_str(b, escape);
    }
}

static char *make_query(const leat_host *h)
{
    struct bytes b = {0};
    char timeout[192];
    snprintf(timeout, sizeof timeout, "/_bulk?timeout=%lldms" FILTER, (long long)(h->with[TIMEOUT].as.i64 / 2000));
    bytes_str(&b, timeout);
    if (h->with[PIPELINE].type != LEAT_NULL) {
        bytes_str(&b, "&pipeline=");
        add_escaped(&b, h->with[PIPELINE].as.text);
    }
    bytes_add(&b, "", 1);
    return b.at;
}

/* What the cluster would refuse of every record is refused before the first. */
static leat_status check_index(const leat_host *h)
{
    const leat_text *literal = h->read(h, NULL, h->with[INDEX].as.field)->data;
    if (!literal || !literal->n)
        return LEAT_OK;
    for (size_t i = 0; i < literal->n; i++) {
        char c = literal->data[i];
        if ((c >= 'A' && c <= 'Z') || strchr("\\/*?\"<>| ,#:", c) || (i == 0 && strchr("-_+", c)))
            return leat_failf(
                h, LEAT_FATAL,
                "index '%.*s...': the cluster takes no '%c' there; names are lower case, without blanks and "
                "\\ / * ? \" < > | , # :, and do not begin with - _ +",
                (int)literal->n, literal->data, c);
    }
    return LEAT_OK;
}

static leat_status create(const leat_host *h, void *self, void *shared)
{
    struct elastic *e = self;
    (void)shared;
    e->whole = leat_bind(h, LEAT_READ, 0, ".", LEAT_JSON, 0);
    e->query = make_query(h);
    e->limit = SIZE_MAX;
    e->window = (double)h->with[IN_FLIGHT].as.i64;
    leat_status s = check_index(h);
    return s == LEAT_OK ? cluster_create(h, e) : s;
}

static leat_status reconfigure(const leat_host *h, void *self)
{
    return cluster_take_auth(h, self);
}

static leat_status start(const leat_host *h, void *self)
{
    return cluster_start(h, self);
}

static void answer(const leat_host *h, void *self, uint64_t tag, const leat_http_answer *a)
{
    if ((tag & 0xff) == TAG_BULK)
        elastic_on_bulk(h, self, tag, a);
    else
        cluster_on_answer(h, self, tag, a);
}

static void on_alarm(const leat_host *h, void *self, uint64_t tag)
{
    struct elastic *e = self;
    if (tag != TAG_PAUSE) {
        cluster_on_alarm(h, e, tag);
        return;
    }
    e->paused = false;
    elastic_wake(h, e);
}

static void stop(const leat_host *h, void *self)
{
    struct elastic *e = self;
    (void)h;
    elastic_jobs_free(e); /* what still comes finds nobody */
    e->template_life++;
    e->paused = e->wanted = false;
}

static void destroy(const leat_host *h, void *self)
{
    struct elastic *e = self;
    (void)h;
    elastic_jobs_free(e);
    cluster_free(e);
    free(e->query);
    free(e->broken);
}

static const leat_sink sink = {.size = sizeof sink, .class_ = LEAT_UPSERT, .overlap = 4};
static const leat_loop_hooks loop = {.size = sizeof loop, .alarm = on_alarm, .answer = answer};
static const leat_processor elasticsearch = {
    .size = sizeof elasticsearch,
    .kind = LEAT_SINK,
    .name = "elasticsearch",
    .doc = "Writes records into Elasticsearch or OpenSearch, in bulk, each under an id that a repetition gives again.",
    .flags = LEAT_SLOW,
    .batch_us = 1000000,
    .max_pending = IN_FLIGHT_MAX,
    .needs = LEAT_NEEDS_LOOP | LEAT_NEEDS_FILES,
    .instance_bytes = sizeof(struct elastic),
    .options = options,
    .n_options = LEAT_N(options),
    .metrics = metrics,
    .n_metrics = LEAT_N(metrics),
    .sink = &sink,
    .loop = &loop,
    .create = create,
    .start = start,
    .process = elastic_process,
    .reconfigure = reconfigure,
    .stop = stop,
    .destroy = destroy,
};
LEAT_PLUGIN("elasticsearch", "1.0.0", "Elasticsearch and OpenSearch.", &elasticsearch);
