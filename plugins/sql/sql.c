/* SPDX-License-Identifier: Apache-2.0 */
/* sql.c: a transactional sink: an epoch's rows and (scope, incarnation, number, id) become durable in one transaction.
 */
#include "sql.h"

#include <stdlib.h>
#include <string.h>

enum { DRIVER, DATABASE, TABLE, MODE, KEY, COLUMNS, CREATE };
static const leat_option options[] = {
    [DRIVER] = {.name = "driver",
                .doc = "Which database.",
                .type = LEAT_OPT_CHOICE,
                .standard = "sqlite",
                .choices = "sqlite|postgresql|mariadb|odbc"},
    [DATABASE] = {.name = "database",
                  .doc = "The database's file; made when absent.",
                  .type = LEAT_OPT_TEXT,
                  .flags = LEAT_REQUIRED},
    [TABLE] = {.name = "table", .doc = "The table that rows go to.", .type = LEAT_OPT_TEXT, .flags = LEAT_REQUIRED},
    [MODE] = {.name = "mode",
              .doc = "What happens to a row whose key exists: append refuses it, upsert replaces it, insert_ignore "
                     "keeps the old one.",
              .type = LEAT_OPT_CHOICE,
              .standard = "append",
              .choices = "append|upsert|insert_ignore"},
    [KEY] = {.name = "key",
             .doc = "Columns that tell rows apart; upsert needs them, and a table that is created gets them as its "
                    "primary key.",
             .type = LEAT_OPT_TEXT,
             .flags = LEAT_MANY},
    [COLUMNS] =
        {.name = "columns",
         .doc = "Columns of the table, each with the field or expression that fills it; not given: the fields that are "
                "known from `schema` and from what the flow writes.",
         .type = LEAT_OPT_READ,
         .flags = LEAT_PAIRS | LEAT_MAY_MISS},
    [CREATE] = {.name = "create",
                .doc = "Create the table when it is missing, with column types as the first records have them.",
                .type = LEAT_OPT_BOOL,
                .standard = "false"},
};
struct sql {
    char *database;
    struct shape shape;
    sqlite3 *db;
    sqlite3_stmt *insert;             /* NULL: not before the first batch, which may create the table */
    uint64_t incarnation;             /* that this instance claimed with */
    uint64_t committed, committed_id; /* the last epoch that it committed; 0: none */
};

static leat_status failed(const leat_host *h, const struct sql *s, const char *what)
{
    int code = sqlite3_errcode(s->db) & 0xff;
    const char *next = code == SQLITE_BUSY || code == SQLITE_LOCKED ? "; another program holds it"
                       : code == SQLITE_FULL                        ? "; make room on its disk"
                                                                    : "";
    return leat_failf(h, LEAT_RETRY, "cannot %s %s: %s%s", what, s->database, sqlite3_errmsg(s->db), next);
}

/* --- columns ----------------------------------------------------------------------------------------------------- */

static char *copy_of(leat_text t)
{
    char *c = malloc(t.n + 1);
    if (c) {
        memcpy(c, t.data, t.n);
        c[t.n] = 0;
    }
    return c;
}

static bool add_column(const leat_host *h, struct shape *s, leat_text name, leat_field f)
{
    uint32_t type = h->read(h, NULL, f)->type;
    char *copy = copy_of(name);
    if (!copy || s->n == COLUMNS_MAX) {
        free(copy);
        return false;
    }
    s->columns[s->n++] = (struct column){copy, f, type, false};
    return true;
}

/* `columns`, or what is known of the records: whole fields, no parts of them. */
static bool add_columns(const leat_host *h, struct shape *s)
{
    const leat_value *given = &h->with[COLUMNS];
    const leat_edge *in = h->place->inputs;
    bool ok = true;
    if (given->type != LEAT_NULL) {
        for (size_t i = 0; ok && i + 1 < given->as.list.n; i += 2)
            ok = add_column(h, s, given->as.list.at[i].as.text, given->as.list.at[i + 1].as.field);
        return ok;
    }
    for (uint32_t i = 0; ok && i < in->n_fields; i++)
        if (!strpbrk(in->fields[i].path.data, ".[$"))
            ok = add_column(h, s, in->fields[i].path,
                            leat_bind(h, LEAT_READ, 0, in->fields[i].path.data, LEAT_NULL, LEAT_MAY_MISS));
    return ok;
}

static leat_status mark_keys(const leat_host *h, struct shape *s)
{
    const leat_value *keys = &h->with[KEY];
    for (size_t k = 0; k < keys->as.list.n; k++) {
        leat_text key = keys->as.list.at[k].as.text;
        uint32_t i = 0;
        while (i < s->n && (strlen(s->columns[i].name) != key.n || memcmp(s->columns[i].name, key.data, key.n) != 0))
            i++;
        if (i == s->n)
            return leat_failf(h, LEAT_FATAL, "`key` names '%.*s', which is none of the columns", (int)key.n, key.data);
        s->n_keys += !s->columns[i].key;
        s->columns[i].key = true;
    }
    if (s->mode == MODE_UPSERT && !s->n_keys)
        return h->fail(h, LEAT_FATAL, "`mode: upsert` needs `key`: the columns that tell rows apart");
    return LEAT_OK;
}

static leat_status create(const leat_host *h, void *self, void *shared)
{
    static const char *const drivers[] = {"sqlite", "postgresql", "mariadb", "odbc"};
    struct sql *s = self;
    (void)shared;
    if (h->with[DRIVER].as.i64 != 0)
        return leat_failf(h, LEAT_FATAL, "this plugin was built without the driver '%s'; it has sqlite",
                          drivers[h->with[DRIVER].as.i64]);
    s->database = copy_of(h->with[DATABASE].as.text);
    s->shape.table = copy_of(h->with[TABLE].as.text);
    s->shape.mode = (int)h->with[MODE].as.i64;
    s->shape.columns = calloc(COLUMNS_MAX, sizeof *s->shape.columns);
    if (!s->database || !s->shape.table || !s->shape.columns || !add_columns(h, &s->shape))
        return leat_failf(h, LEAT_FATAL, "no memory for the columns, or more than %d of them", COLUMNS_MAX);
    if (!s->shape.n)
        return h->fail(h, LEAT_FATAL,
                       "it is not known which fields to write: give `columns: {column: field}`, or the source a "
                       "`schema`");
    return mark_keys(h, &s->shape);
}

static void destroy(const leat_host *h, void *self)
{
    struct sql *s = self;
    (void)h;
    for (uint32_t i = 0; i < s->shape.n; i++)
        free(s->shape.columns[i].name);
    free(s->shape.columns);
    free(s->shape.table);
    free(s->database);
}

/* --- the connection ---------------------------------------------------------------------------------------------- */

static void stop(const leat_host *h, void *self)
{
    struct sql *s = self;
    (void)h;
    sqlite3_finalize(s->insert);
    sqlite3_close(s->db);
    s->insert = NULL;
    s->db = NULL;
    s->incarnation = s->committed = s->committed_id = 0;
}

/* Makes the table if it is missing. */
static bool make_table(struct sql *s, const uint32_t *types)
{
    bool there;
    if (!sqlite_has_table(s->db, s->shape.table, &there))
        return false;
    char *text = there ? NULL : sqlite_create_text(&s->shape, types);
    bool ok = there || (text && sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_free(text);
    return ok;
}

/* Where all types are known before the first record the table need not wait for it. What fails now fails again then. */
static void make_known_table(struct sql *s)
{
    uint32_t types[COLUMNS_MAX];
    for (uint32_t i = 0; i < s->shape.n; i++) {
        types[i] = s->shape.columns[i].type;
        if (types[i] == LEAT_NULL)
            return;
    }
    make_table(s, types);
}

static leat_status start(const leat_host *h, void *self)
{
    struct sql *s = self;
    char why[256];
    bool there = true;
    if (!sqlite_start(&s->db, s->database, why)) {
        stop(h, self);
        return leat_failf(h, LEAT_RETRY, "cannot open %s: %s", s->database, why);
    }
    if (h->with[CREATE].as.i64) {
        make_known_table(s);
    } else if (sqlite_has_table(s->db, s->shape.table, &there) && !there) {
        stop(h, self);
        return leat_failf(h, LEAT_RETRY, "%s has no table '%s': create it, or say `create: true`", s->database,
                          s->shape.table);
    }
    return LEAT_OK;
}

/* The statement for rows; before it the table, with the types of the first batch. */
static leat_status prepare_insert(const leat_host *h, struct sql *s, const leat_column *const *columns)
{
    uint32_t *types = h->alloc(h, s->shape.n * sizeof *types);
    for (uint32_t i = 0; i < s->shape.n; i++)
        types[i] = columns[i]->type;
    char *insert = sqlite_insert_text(&s->shape);
    bool ok = insert && (!h->with[CREATE].as.i64 || make_table(s, types)) &&
              sqlite3_prepare_v3(s->db, insert, -1, SQLITE_PREPARE_PERSISTENT, &s->insert, NULL) == SQLITE_OK;
    sqlite3_free(insert);
    if (ok)
        return LEAT_OK;
    if ((sqlite3_errcode(s->db) & 0xff) != SQLITE_ERROR)
        return failed(h, s, "write to");
    return leat_failf(h, LEAT_FATAL, "table '%s' of %s does not fit the columns of the flow: %s", s->shape.table,
                      s->database, sqlite3_errmsg(s->db));
}

/* --- epochs ------------------------------------------------------------------------------------------------------ */

static bool is_another(const struct epoch_row *row, const leat_claim *c)
{
    for (uint32_t i = 0; i < c->n_epochs; i++)
        if (c->epochs[i].number == row->number && c->epochs[i].id && row->id && c->epochs[i].id != row->id)
            return true;
    return false;
}

static leat_status recover(const leat_host *h, void *self, const leat_claim *c, uint64_t *ret_number, uint64_t *ret_id)
{
    struct sql *s = self;
    struct epoch_row row;
    if (!sqlite3_get_autocommit(s->db)) /* a COMMIT whose answer was lost */
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return failed(h, s, "claim");
    leat_status status = sqlite_load_epoch(s->db, c->scope, &row) ? LEAT_OK : failed(h, s, "read");
    bool fits = row.number >= c->delivered && row.number <= c->logged;
    if (status == LEAT_OK && fits && is_another(&row, c))
        status = leat_failf(h, LEAT_FATAL,
                            "%s notes another epoch %llu than the state of this flow: one of them is a copy that "
                            "went its own way",
                            s->database, (unsigned long long)row.number);
    *ret_number = row.number;
    *ret_id = row.id;
    row.incarnation = c->incarnation;
    if (status == LEAT_OK && fits &&
        (!sqlite_store_epoch(s->db, c->scope, &row) || sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK))
        status = failed(h, s, "claim");
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    s->incarnation = c->incarnation;
    return status;
}

static leat_status begin(const leat_host *h, void *self, const leat_epoch *e)
{
    struct sql *s = self;
    (void)e;
    return sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK ? LEAT_OK : failed(h, s, "begin in");
}

/* true: this row is at fault, and no other. */
static bool is_the_rows_fault(int rc)
{
    return rc == SQLITE_CONSTRAINT || rc == SQLITE_MISMATCH || rc == SQLITE_TOOBIG || rc == SQLITE_RANGE;
}

static leat_status process(const leat_host *h, void *self, const leat_batch *b)
{
    struct sql *s = self;
    const leat_column **columns = h->alloc(h, s->shape.n * sizeof *columns);
    for (uint32_t i = 0; i < s->shape.n; i++)
        columns[i] = h->read(h, b, s->shape.columns[i].field);
    leat_status status = s->insert || b->n == 0 ? LEAT_OK : prepare_insert(h, s, columns);
    for (uint32_t row = 0; status == LEAT_OK && row < b->n; row++) {
        int rc = SQLITE_OK;
        for (uint32_t i = 0; rc == SQLITE_OK && i < s->shape.n; i++)
            rc = sqlite_bind_cell(s->insert, (int)i + 1, columns[i], row);
        if (rc == SQLITE_OK)
            rc = sqlite3_step(s->insert);
        if (is_the_rows_fault(rc & 0xff))
            h->reject(h, b->ticket, row, (rc & 0xff) == SQLITE_CONSTRAINT ? "constraint" : "value",
                      sqlite3_errmsg(s->db));
        else if (rc != SQLITE_DONE)
            status = failed(h, s, "write to");
        sqlite3_reset(s->insert);
    }
    return status;
}

static void undo(const leat_host *h, void *self, const leat_epoch *e)
{
    struct sql *s = self;
    (void)h, (void)e;
    sqlite3_finalize(s->insert); /* it may have been made for a table that is undone too */
    s->insert = NULL;
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static leat_status commit(const leat_host *h, void *self, const leat_epoch *e)
{
    struct sql *s = self;
    struct epoch_row row;
    if (s->committed == e->number && s->committed_id == e->id && e->number) { /* given again: its answer was lost */
        undo(h, self, e);
        return LEAT_OK;
    }
    if (!sqlite_load_epoch(s->db, e->scope, &row))
        return failed(h, s, "read");
    if (!row.there || row.incarnation != e->incarnation)
        return leat_failf(h, LEAT_FATAL, "another instance has claimed '%.*s' in %s", (int)e->scope.n, e->scope.data,
                          s->database);
    if (row.number >= e->number)
        return leat_failf(h, LEAT_FATAL, "%s notes epoch %llu already, and this is epoch %llu", s->database,
                          (unsigned long long)row.number, (unsigned long long)e->number);
    row.number = e->number;
    row.id = e->id;
    if (!sqlite_store_epoch(s->db, e->scope, &row) || sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        return failed(h, s, "commit to");
    s->committed = e->number;
    s->committed_id = e->id;
    return LEAT_OK;
}

static const leat_sink hooks = {
    .size = sizeof hooks,
    .class_ = LEAT_TRANSACTIONAL,
    .overlap = 1,
    .recover = recover,
    .begin = begin,
    .commit = commit,
    .abort = undo,
};
static const leat_processor sql = {
    .size = sizeof sql,
    .kind = LEAT_SINK,
    .name = "sql",
    .doc = "Writes records as rows of a table, an epoch in one transaction.",
    .flags = LEAT_BLOCKING | LEAT_ONE_LANE,
    .needs = LEAT_NEEDS_FILES,
    .instance_bytes = sizeof(struct sql),
    .options = options,
    .n_options = LEAT_N(options),
    .sink = &hooks,
    .create = create,
    .start = start,
    .process = process,
    .stop = stop,
    .destroy = destroy,
};
LEAT_PLUGIN("sql", "1.0.0", "SQL databases.", &sql);
