/* SPDX-License-Identifier: Apache-2.0 */
/* client.c: connections: configuration out of options, TLS and SASL, and telling people what the library meets. */
#include "client.h"

#include "embedded.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const leat_option client_tls[TLS_OPTIONS] = {
    [TLS_CA] = {.name = "ca", .type = LEAT_OPT_TEXT, .doc = "PEM file of the authorities to trust; else the system's."},
    [TLS_CERT] = {.name = "cert",
                  .type = LEAT_OPT_TEXT,
                  .doc = "PEM file of our certificate, for brokers that ask for one."},
    [TLS_KEY] = {.name = "key", .type = LEAT_OPT_TEXT, .doc = "PEM file of its private key.", .only_with = "cert"},
    [TLS_KEY_PASSWORD] = {.name = "key_password",
                          .type = LEAT_OPT_TEXT,
                          .flags = LEAT_SECRET,
                          .only_with = "key",
                          .doc = "What the private key is encrypted with."},
    [TLS_VERIFY] = {.name = "verify",
                    .type = LEAT_OPT_BOOL,
                    .flags = LEAT_BARE,
                    .standard = "true",
                    .doc = "Check the broker's certificate and its name; `tls: true` is short for it."},
};
const leat_option client_auth[AUTH_OPTIONS] = {
    [AUTH_MECHANISM] = {.name = "mechanism",
                        .type = LEAT_OPT_CHOICE,
                        .standard = "SCRAM-SHA-512",
                        .doc = "How to log in.",
                        .choices = "PLAIN|SCRAM-SHA-256|SCRAM-SHA-512"},
    [AUTH_USER] = {.name = "user", .type = LEAT_OPT_TEXT, .flags = LEAT_REQUIRED, .doc = "Who logs in."},
    [AUTH_PASSWORD] = {.name = "password",
                       .type = LEAT_OPT_TEXT,
                       .flags = LEAT_REQUIRED | LEAT_SECRET,
                       .doc = "The password."},
};
static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};

static void *checked(void *p)
{
    if (!p) {
        fputs("kafka: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *kafka_grow(void *p, size_t bytes)
{
    return checked(realloc(p, bytes));
}

void *kafka_zeroed(size_t n, size_t bytes)
{
    return checked(calloc(n, bytes));
}

char *kafka_text(leat_text t)
{
    char *s = kafka_grow(NULL, t.n + 1);
    if (t.n)
        memcpy(s, t.data, t.n);
    s[t.n] = 0;
    return s;
}

int64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --- configuration ----------------------------------------------------------------------------------------------- */

/* One property, for the sentence called `by`. */
static leat_status set(struct client *c, rd_kafka_conf_t *conf, const char *name, leat_text value, const char *by)
{
    char why[256], *text = kafka_text(value);
    rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, text, why, sizeof why);
    free(text);
    if (res == RD_KAFKA_CONF_OK)
        return LEAT_OK;
    return leat_failf(c->h, LEAT_FATAL, "%s: %s", by, why);
}

static leat_status set_tls(struct client *c, rd_kafka_conf_t *conf, const leat_value *at)
{
    static const char *const names[] = {[TLS_CA] = "ssl.ca.location",
                                        [TLS_CERT] = "ssl.certificate.location",
                                        [TLS_KEY] = "ssl.key.location",
                                        [TLS_KEY_PASSWORD] = "ssl.key.password"};
    leat_status s = LEAT_OK;
    for (int i = TLS_CA; i <= TLS_KEY_PASSWORD && !s; i++)
        if (at[i].type)
            s = set(c, conf, names[i], at[i].as.text, "tls");
    if (!s && !at[TLS_VERIFY].as.i64)
        s = set(c, conf, "enable.ssl.certificate.verification", leat_text_of("false"), "tls");
    if (!s)
        s = set(c, conf, "ssl.endpoint.identification.algorithm",
                leat_text_of(at[TLS_VERIFY].as.i64 ? "https" : "none"), "tls");
    return s;
}

static leat_status set_auth(struct client *c, rd_kafka_conf_t *conf, const leat_value *at)
{
    leat_status s = set(c, conf, "sasl.mechanism", leat_text_of(mechanisms[at[AUTH_MECHANISM].as.i64]), "auth");
    s = s ? s : set(c, conf, "sasl.username", at[AUTH_USER].as.text, "auth");
    return s ? s : set(c, conf, "sasl.password", at[AUTH_PASSWORD].as.text, "auth");
}

static bool is_fixed(const struct property *ours, size_t n, leat_text name)
{
    static const char *const always[] = {"bootstrap.servers", "metadata.broker.list"};
    for (size_t i = 0; i < n; i++)
        if (ours[i].fixed && strlen(ours[i].name) == name.n && memcmp(ours[i].name, name.data, name.n) == 0)
            return true;
    for (size_t i = 0; i < LEAT_N(always); i++)
        if (strlen(always[i]) == name.n && memcmp(always[i], name.data, name.n) == 0)
            return true;
    return false;
}

static leat_status set_properties(struct client *c, rd_kafka_conf_t *conf, const struct property *ours, size_t n)
{
    const leat_value *v = &c->h->with[PROPERTIES];
    for (size_t i = 0; v->type && i + 1 < v->as.list.n; i += 2) {
        leat_text name = v->as.list.at[i].as.text;
        if (is_fixed(ours, n, name))
            return leat_failf(c->h, LEAT_FATAL,
                              "properties: %.*s is set by the plugin, which relies on it; leave it out", (int)name.n,
                              name.data);
        char *zero = kafka_text(name);
        leat_status s = set(c, conf, zero, v->as.list.at[i + 1].as.text, "properties");
        free(zero);
        if (s)
            return s;
    }
    return LEAT_OK;
}

/* [any thread of the library] What a person must know comes by client_error, so these are for debugging. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct client_link *link = rd_kafka_opaque(rk);
    char sentence[512];
    (void)level;
    snprintf(sentence, sizeof sentence, "librdkafka %s: %s", facility, text);
    pthread_mutex_lock(&link->lock);
    if (link->c)
        link->c->h->log(link->c->h, LEAT_DEBUG, sentence);
    pthread_mutex_unlock(&link->lock);
}

/* [lane] Served by whoever polls. */
static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct client_link *link = opaque;
    (void)rk;
    if (link->c)
        client_error(link->c, err, reason);
}

bool client_is_embedded(const leat_host *h)
{
    leat_text brokers = h->with[BROKERS].as.text;
    return brokers.n == 8 && memcmp(brokers.data, "embedded", 8) == 0;
}

rd_kafka_conf_t *client_conf(struct client *c, const struct property *ours, size_t n)
{
    static const char *const protocols[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
    const leat_value *with = c->h->with, *tls = &with[TLS], *auth = &with[AUTH];
    leat_text brokers = with[BROKERS].as.text;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    leat_status s = LEAT_OK;
    c->embedded = client_is_embedded(c->h);
    snprintf(c->brokers, sizeof c->brokers, "%.*s", (int)brokers.n, brokers.data);
    for (size_t i = 0; i < n && !s; i++)
        if (ours[i].value)
            s = set(c, conf, ours[i].name, leat_text_of(ours[i].value), "kafka");
    if (!s && c->embedded && (tls->type || auth->type))
        s = c->h->fail(c->h, LEAT_FATAL, "the embedded broker has neither `tls` nor `auth`; leave them out");
    if (!s && tls->type)
        s = set_tls(c, conf, tls->as.list.at);
    if (!s && auth->type)
        s = set_auth(c, conf, auth->as.list.at);
    if (!s)
        s = set(c, conf, "security.protocol", leat_text_of(protocols[(tls->type != 0) + 2 * (auth->type != 0)]),
                "kafka");
    s = s ? s : set_properties(c, conf, ours, n);
    if (!s && !c->embedded)
        s = set(c, conf, "bootstrap.servers", brokers, "brokers");
    if (s) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return conf;
}

leat_status client_open(struct client *c, rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[256];
    leat_status s = LEAT_OK;
    if (c->embedded) {
        const char *address = embedded_address(c->h);
        s = address ? set(c, conf, "bootstrap.servers", leat_text_of(address), "brokers")
                    : c->h->fail(c->h, LEAT_FATAL,
                                 "the embedded broker does not start; are there free ports on 127.0.0.1?");
    }
    if (s) {
        rd_kafka_conf_destroy(conf);
        return s;
    }
    c->link = kafka_zeroed(1, sizeof *c->link);
    pthread_mutex_init(&c->link->lock, NULL);
    c->link->c = c;
    rd_kafka_conf_set_opaque(conf, c->link);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    c->down = false;
    c->reason[0] = 0;
    c->rk = rd_kafka_new(type, conf, why, sizeof why);
    if (c->rk)
        return LEAT_OK;
    free(c->link);
    c->link = NULL;
    rd_kafka_conf_destroy(conf);
    return leat_failf(c->h, LEAT_FATAL, "no client for %s: %s", c->brokers, why);
}

/* --- what the library says --------------------------------------------------------------------------------------- */

const char *client_advice(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        return "; check `auth`: mechanism, user, password";
    case RD_KAFKA_RESP_ERR__SSL:
        return "; check `tls`: ca, cert, key, and the name in the broker's certificate";
    case RD_KAFKA_RESP_ERR__RESOLVE:
        return "; check the names in `brokers`";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return "; the user needs the right to read and describe (sink: write) this topic";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        return "; the user needs the right to read with this group";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return "; the user needs the right to write idempotently to the cluster";
    default:
        return "";
    }
}

static bool needs_a_person(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__AUTHENTICATION || err == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
           err == RD_KAFKA_RESP_ERR__SSL || err == RD_KAFKA_RESP_ERR__RESOLVE || client_advice(err)[0];
}

static void say(struct client *c, uint32_t level, const char *format, ...) LEAT_PRINTF(3, 4);
static void say(struct client *c, uint32_t level, const char *format, ...)
{
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    c->h->log(c->h, level, sentence);
}

void client_error(struct client *c, rd_kafka_resp_err_t err, const char *reason)
{
    reason = reason ? reason : rd_kafka_err2str(err);
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        if (!c->down)
            say(c, LEAT_WARN, "no broker of %s answers (%s); waiting, nothing is lost", c->brokers,
                c->reason[0] ? c->reason : reason);
        c->down = true;
        return;
    }
    if (err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__TIMED_OUT)
        snprintf(c->reason, sizeof c->reason, "%s", reason);
    if (needs_a_person(err))
        say(c, LEAT_ERROR, "%s refuses us: %s%s", c->brokers, reason, client_advice(err));
    else
        say(c, LEAT_DEBUG, "%s: %s", rd_kafka_err2name(err), reason);
}

void client_answered(struct client *c)
{
    if (!c->down)
        return;
    c->down = false;
    say(c, LEAT_INFO, "%s answers again", c->brokers);
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

static void *destroy(void *rk)
{
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return NULL;
}

void client_close(struct client *c)
{
    struct client_link *link = c->link;
    pthread_t thread;
    struct timespec until;
    int late = 0;
    if (!c->rk)
        return;
    pthread_mutex_lock(&link->lock);
    link->c = NULL;
    pthread_mutex_unlock(&link->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    if (pthread_create(&thread, NULL, destroy, c->rk))
        destroy(c->rk);
    else
        late = pthread_timedjoin_np(thread, NULL, &until);
    if (late) { /* it and the link stay until the process ends */
        pthread_detach(thread);
        c->h->log(c->h, LEAT_WARN, "the connection does not end within 5 s; it is left behind");
    } else {
        pthread_mutex_destroy(&link->lock);
        free(link);
    }
    c->rk = NULL;
    c->link = NULL;
}
