/* SPDX-License-Identifier: Apache-2.0 */
/* select.c: keeps, drops and renames fields. */
#include "transform.h"

#include <stdlib.h>
#include <string.h>

enum { KEEP, DROP, RENAME };
static const leat_option options[] = {
    [KEEP] = {.name = "keep",
              .doc = "Fields that stay, in this order; all others go.",
              .type = LEAT_OPT_TEXT,
              .flags = LEAT_MANY},
    [DROP] = {.name = "drop", .doc = "Fields that go.", .type = LEAT_OPT_TEXT, .flags = LEAT_MANY},
    [RENAME] = {.name = "rename",
                .doc = "New names, each with the field that gets it: {new: old}.",
                .type = LEAT_OPT_TEXT,
                .flags = LEAT_PAIRS},
};
struct moved {
    leat_field from, to;
};
struct select {
    struct moved *moved; /* what is read and written under the same or another name */
    size_t n;
};

static char *copy_of(leat_text t)
{
    return strndup(t.data, t.n);
}

static leat_status move(const leat_host *h, struct select *s, leat_text from, leat_text to)
{
    char *old = copy_of(from), *new = copy_of(to);
    if (!old || !new) {
        free(old);
        free(new);
        return h->fail(h, LEAT_FATAL, "no memory");
    }
    struct moved *m = &s->moved[s->n++];
    uint32_t known = h->read(h, NULL, leat_bind(h, LEAT_READ, 0, old, LEAT_NULL, LEAT_MAY_MISS))->type;
    m->from = leat_bind(h, LEAT_READ, 0, old, LEAT_JSON, LEAT_MAY_MISS); /* as it is written, digit for digit */
    m->to = leat_bind(h, LEAT_WRITE, 0, new, known, LEAT_MAY_MISS);
    free(old);
    free(new);
    return LEAT_OK;
}

static leat_status take_away(const leat_host *h, leat_text name)
{
    char *old = copy_of(name);
    if (!old)
        return h->fail(h, LEAT_FATAL, "no memory");
    leat_bind(h, LEAT_REMOVE, 0, old, LEAT_NULL, 0);
    free(old);
    return LEAT_OK;
}

static bool is_new_name(const leat_host *h, leat_text name)
{
    const leat_value *pairs = &h->with[RENAME];
    for (size_t i = 0; i + 1 < pairs->as.list.n; i += 2) {
        leat_text to = pairs->as.list.at[i].as.text;
        if (to.n == name.n && memcmp(to.data, name.data, name.n) == 0)
            return true;
    }
    return false;
}

static leat_status create(const leat_host *h, void *self, void *shared)
{
    struct select *s = self;
    const leat_value *keep = &h->with[KEEP], *drop = &h->with[DROP], *rename = &h->with[RENAME];
    leat_status status = LEAT_OK;
    (void)shared;
    if (keep->type == LEAT_NULL && drop->type == LEAT_NULL && rename->type == LEAT_NULL)
        return h->fail(h, LEAT_FATAL, "say which fields to `keep`, to `drop` or to `rename`");
    if (keep->type != LEAT_NULL && drop->type != LEAT_NULL)
        return h->fail(h, LEAT_FATAL, "`keep` drops all other fields: `drop` beside it says nothing");
    s->moved = calloc(keep->as.list.n + rename->as.list.n + 1, sizeof *s->moved);
    if (!s->moved)
        return h->fail(h, LEAT_FATAL, "no memory");
    if (keep->type != LEAT_NULL)
        leat_bind(h, LEAT_REMOVE, 0, ".", LEAT_NULL, 0);
    for (size_t i = 0; status == LEAT_OK && i < keep->as.list.n; i++)
        status = move(h, s, keep->as.list.at[i].as.text, keep->as.list.at[i].as.text);
    for (size_t i = 0; status == LEAT_OK && i + 1 < rename->as.list.n; i += 2) {
        leat_text to = rename->as.list.at[i].as.text, from = rename->as.list.at[i + 1].as.text;
        status = move(h, s, from, to);
        if (status == LEAT_OK && keep->type == LEAT_NULL && !is_new_name(h, from))
            status = take_away(h, from);
    }
    for (size_t i = 0; status == LEAT_OK && i < drop->as.list.n; i++)
        if (!is_new_name(h, drop->as.list.at[i].as.text))
            status = take_away(h, drop->as.list.at[i].as.text);
    return status;
}

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    const struct select *s = self;
    leat_out *out = h->derive(h, b, NULL, b->n);
    for (size_t i = 0; i < s->n; i++)
        h->write_column(h, out, s->moved[i].to, h->read(h, b, s->moved[i].from));
    h->send(h, out, 0);
    return LEAT_OK;
}

static void destroy(const leat_host *h, void *self)
{
    (void)h;
    free(((struct select *)self)->moved);
}

const leat_processor transform_select = {
    .size = sizeof transform_select,
    .kind = LEAT_TRANSFORM,
    .name = "select",
    .doc = "Keeps, drops and renames fields.",
    .flags = LEAT_STATELESS,
    .instance_bytes = sizeof(struct select),
    .options = options,
    .n_options = LEAT_N(options),
    .create = create,
    .process = process,
    .destroy = destroy,
};
