/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.c: SQLite: opening, statements, cells. */
#include "sql.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { WAIT_MS = 1000 };

/* --- opening ----------------------------------------------------------------------------------------------------- */

static void make_folders(const char *path)
{
    char *copy = sqlite3_mprintf("%s", path);
    bool ok = copy != NULL;
    for (char *at = copy; ok && (at = strchr(at + 1, '/'));) {
        *at = 0;
        ok = mkdir(copy, 0777) == 0 || errno == EEXIST;
        *at = '/';
    }
    sqlite3_free(copy);
}

bool sqlite_start(sqlite3 **ret, const char *path, char why[256])
{
    static const char settings[] =
        "PRAGMA journal_mode = WAL;"
        "PRAGMA synchronous = FULL;" /* a committed epoch survives a power cut */
        "PRAGMA cache_size = -8192;"
        "CREATE TABLE IF NOT EXISTS leat_epochs(scope TEXT PRIMARY KEY, incarnation INTEGER NOT NULL,"
        " number INTEGER NOT NULL, id INTEGER NOT NULL) WITHOUT ROWID;";
    make_folders(path);
    bool ok =
        sqlite3_open_v2(path, ret, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK;
    if (ok) {
        sqlite3_busy_timeout(*ret, WAIT_MS);
        ok = sqlite3_exec(*ret, settings, NULL, NULL, NULL) == SQLITE_OK;
    }
    if (!ok)
        snprintf(why, 256, "%s", sqlite3_errmsg(*ret));
    return ok;
}

bool sqlite_has_table(sqlite3 *db, const char *table, bool *ret)
{
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(db,
                           "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
                           -1, &q, NULL) != SQLITE_OK)
        return false;
    sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC);
    int rc = sqlite3_step(q);
    *ret = rc == SQLITE_ROW;
    sqlite3_finalize(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

/* --- statements -------------------------------------------------------------------------------------------------- */

static const char *type_of(uint32_t type)
{
    switch (type) {
    case LEAT_BOOL:
    case LEAT_I64:
        return " INTEGER";
    case LEAT_F64:
    case LEAT_DEC:
        return " REAL";
    case LEAT_BYTES:
        return " BLOB";
    case LEAT_NULL:
        return ""; /* no record had a value yet: anything may come */
    default:
        return " TEXT";
    }
}

static void add_keys(sqlite3_str *t, const struct shape *s)
{
    const char *before = "";
    for (uint32_t i = 0; i < s->n; i++)
        if (s->columns[i].key) {
            sqlite3_str_appendf(t, "%s\"%w\"", before, s->columns[i].name);
            before = ", ";
        }
}

char *sqlite_create_text(const struct shape *s, const uint32_t *types)
{
    sqlite3_str *t = sqlite3_str_new(NULL);
    sqlite3_str_appendf(t, "CREATE TABLE \"%w\"(", s->table);
    for (uint32_t i = 0; i < s->n; i++)
        sqlite3_str_appendf(t, "%s\"%w\"%s", i ? ", " : "", s->columns[i].name, type_of(types[i]));
    if (s->n_keys) {
        sqlite3_str_appendf(t, ", PRIMARY KEY(");
        add_keys(t, s);
        sqlite3_str_appendf(t, ")");
    }
    sqlite3_str_appendf(t, ")");
    return sqlite3_str_finish(t);
}

char *sqlite_insert_text(const struct shape *s)
{
    sqlite3_str *t = sqlite3_str_new(NULL);
    const char *before = " DO UPDATE SET ";
    sqlite3_str_appendf(t, "INSERT INTO \"%w\"(", s->table);
    for (uint32_t i = 0; i < s->n; i++)
        sqlite3_str_appendf(t, "%s\"%w\"", i ? ", " : "", s->columns[i].name);
    sqlite3_str_appendf(t, ") VALUES(");
    for (uint32_t i = 0; i < s->n; i++)
        sqlite3_str_appendf(t, "%s?", i ? ", " : "");
    sqlite3_str_appendf(t, ")");
    if (s->mode == MODE_INSERT_IGNORE)
        sqlite3_str_appendf(t, " ON CONFLICT DO NOTHING");
    if (s->mode == MODE_UPSERT) {
        sqlite3_str_appendf(t, " ON CONFLICT(");
        add_keys(t, s);
        sqlite3_str_appendf(t, ")");
        for (uint32_t i = 0; i < s->n; i++)
            if (!s->columns[i].key) {
                sqlite3_str_appendf(t, "%s\"%w\" = excluded.\"%w\"", before, s->columns[i].name, s->columns[i].name);
                before = ", ";
            }
        if (s->n_keys == s->n)
            sqlite3_str_appendf(t, " DO NOTHING");
    }
    return sqlite3_str_finish(t);
}

/* --- cells ------------------------------------------------------------------------------------------------------- */

/* RFC 3339, which SQLite's date functions read. Days to date: Howard Hinnant, "chrono-compatible low-level date
 * algorithms". */
static int bind_time(sqlite3_stmt *q, int at, int64_t us)
{
    char t[48];
    int64_t second = us / 1000000, fraction = us % 1000000;
    if (fraction < 0) {
        fraction += 1000000;
        second--;
    }
    int64_t days = second / 86400, rest = second % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153, day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2);
    int n = snprintf(t, sizeof t, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld", (long long)year, (long long)month,
                     (long long)day, (long long)(rest / 3600), (long long)(rest / 60 % 60), (long long)(rest % 60));
    if (fraction)
        n += snprintf(t + n, sizeof t - (size_t)n, ".%06lld", (long long)fraction);
    while (fraction && t[n - 1] == '0')
        n--;
    t[n++] = 'Z';
    return sqlite3_bind_text(q, at, t, n, SQLITE_TRANSIENT);
}

/* Up to 15 digits a double gives back what was put in; longer ones travel as text. */
static int bind_decimal(sqlite3_stmt *q, int at, int64_t mantissa, int32_t scale)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    char t[48];
    if (scale <= 0 || scale > 18)
        return sqlite3_bind_int64(q, at, mantissa);
    if (mantissa > -1000000000000000 && mantissa < 1000000000000000)
        return sqlite3_bind_double(q, at, (double)mantissa / powers[scale]);
    uint64_t size = mantissa < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa, power = 1;
    for (int32_t i = 0; i < scale; i++)
        power *= 10;
    int n = snprintf(t, sizeof t, "%s%llu.%0*llu", mantissa < 0 ? "-" : "", (unsigned long long)(size / power),
                     (int)scale, (unsigned long long)(size % power));
    while (t[n - 1] == '0')
        n--;
    return sqlite3_bind_text(q, at, t, t[n - 1] == '.' ? n - 1 : n, SQLITE_TRANSIENT);
}

int sqlite_bind_cell(sqlite3_stmt *q, int at, const leat_column *c, uint32_t row)
{
    if (!leat_has(c, row))
        return sqlite3_bind_null(q, at);
    switch (c->type) {
    case LEAT_BOOL:
        return sqlite3_bind_int(q, at, ((const uint8_t *)c->data)[row]);
    case LEAT_I64:
        return sqlite3_bind_int64(q, at, ((const int64_t *)c->data)[row]);
    case LEAT_F64:
        return sqlite3_bind_double(q, at, ((const double *)c->data)[row]);
    case LEAT_DEC:
        return bind_decimal(q, at, ((const int64_t *)c->data)[row], c->scale);
    case LEAT_TIME:
        return bind_time(q, at, ((const int64_t *)c->data)[row]);
    case LEAT_BYTES: {
        leat_text t = ((const leat_text *)c->data)[row];
        return sqlite3_bind_blob64(q, at, t.data ? t.data : "", t.n, SQLITE_STATIC);
    }
    case LEAT_TEXT:
    case LEAT_JSON: {
        leat_text t = ((const leat_text *)c->data)[row];
        return sqlite3_bind_text64(q, at, t.data ? t.data : "", t.n, SQLITE_STATIC, SQLITE_UTF8);
    }
    default:
        return sqlite3_bind_null(q, at);
    }
}

/* --- epochs ------------------------------------------------------------------------------------------------------ */

bool sqlite_load_epoch(sqlite3 *db, leat_text scope, struct epoch_row *ret)
{
    sqlite3_stmt *q;
    *ret = (struct epoch_row){0};
    if (sqlite3_prepare_v2(db, "SELECT incarnation, number, id FROM leat_epochs WHERE scope = ?1", -1, &q, NULL) !=
        SQLITE_OK)
        return false;
    sqlite3_bind_text(q, 1, scope.data, (int)scope.n, SQLITE_STATIC);
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW)
        *ret = (struct epoch_row){true, (uint64_t)sqlite3_column_int64(q, 0), (uint64_t)sqlite3_column_int64(q, 1),
                                  (uint64_t)sqlite3_column_int64(q, 2)};
    sqlite3_finalize(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

bool sqlite_store_epoch(sqlite3 *db, leat_text scope, const struct epoch_row *e)
{
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO leat_epochs VALUES(?1, ?2, ?3, ?4)", -1, &q, NULL) != SQLITE_OK)
        return false;
    sqlite3_bind_text(q, 1, scope.data, (int)scope.n, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, (int64_t)e->incarnation);
    sqlite3_bind_int64(q, 3, (int64_t)e->number);
    sqlite3_bind_int64(q, 4, (int64_t)e->id);
    int rc = sqlite3_step(q);
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}
