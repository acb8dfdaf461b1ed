/* SPDX-License-Identifier: Apache-2.0 */
/* sql.h: what the files of this plugin share.
 *
 * sql.c     the sink: options, epochs, records
 * sqlite.c  the database: opening, statements, cells */
#ifndef LEAT_SQL_H
#define LEAT_SQL_H

#include <leat/plugin.h>
#include <sqlite3.h>
#include <stdbool.h>

enum { MODE_APPEND, MODE_UPSERT, MODE_INSERT_IGNORE };
enum { COLUMNS_MAX = 1024 };

struct column {
    char *name;
    leat_field field;
    uint32_t type; /* as far as it is known before the first record; LEAT_NULL: it is not */
    bool key;
};
/* What a row is written to. */
struct shape {
    char *table;
    int mode;
    uint32_t n;
    uint32_t n_keys;
    struct column *columns;
};
struct epoch_row { /* what leat_epochs holds of a scope */
    bool there;
    uint64_t incarnation, number, id;
};

/* Opens the file, with what is missing of its folders, in WAL mode, with the table leat_epochs. false: the database's
 * message stands in why. */
bool sqlite_start(sqlite3 **ret, const char *path, char why[256]);
bool sqlite_has_table(sqlite3 *db, const char *table, bool *ret);
/* SQL texts, to be freed with sqlite3_free; NULL: no memory. */
char *sqlite_create_text(const struct shape *s, const uint32_t *types);
char *sqlite_insert_text(const struct shape *s);
/* The cell of a row, bound to parameter `at` of q; texts are borrowed until the statement is reset. */
int sqlite_bind_cell(sqlite3_stmt *q, int at, const leat_column *c, uint32_t row);
bool sqlite_load_epoch(sqlite3 *db, leat_text scope, struct epoch_row *ret);
bool sqlite_store_epoch(sqlite3 *db, leat_text scope, const struct epoch_row *e);

#endif
