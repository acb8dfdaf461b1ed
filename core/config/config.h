/* SPDX-License-Identifier: Apache-2.0 */
/* config.h: YAML to a tree that knows line and column of everything; findings; options by a plugin's table. */
#ifndef LEAT_CORE_CONFIG_H
#define LEAT_CORE_CONFIG_H

#include "core/base/base.h"

#include <leat/plugin.h>

/* --- findings ---------------------------------------------------------------------------------------------------- */

/* What is wrong or worth saying in a file, each with a stable code. All of a run are collected. */
enum severity { FINDING_ERROR, FINDING_WARNING, FINDING_NOTE };
struct finding {
    enum severity severity;
    const char *code; /* "E204"; a row of the table of codes */
    const char *file;
    uint32_t line, column, length; /* 1-based; 0: the file as a whole; length of what the caret underlines */
    const char *text;              /* one sentence */
    const char *hint;              /* next step, or NULL */
};
struct finding_source {
    const char *file;
    leat_text text;
};
struct findings {
    VEC(struct finding) all;
    VEC(struct finding_source) sources; /* of the files that were read, to show their lines */
    struct arena memory;
    size_t errors, warnings;
};
void findings_fini(struct findings *f);
struct node;
/* Where: node may be NULL. The sentence is copied. */
void finding_add(struct findings *f, enum severity s, const char *code, const struct node *where, const char *hint,
                 const char *format, ...) PRINTF(6, 7);
/* As finding_add, of the key that the node stands behind. */
void finding_add_key(struct findings *f, enum severity s, const char *code, const struct node *where, const char *hint,
                     const char *format, ...) PRINTF(6, 7);
/* As finding_add, of bytes offset .. offset + length of the node's scalar value. */
void finding_add_at(struct findings *f, enum severity s, const char *code, const struct node *where, size_t offset,
                    size_t length, const char *hint, const char *format, ...) PRINTF(8, 9);
/* file:line:column: error E204: sentence; the line; a caret; the hint. In order of place. */
/* A text of the findings' memory, for hints. */
const char *finding_text(struct findings *f, const char *format, ...) PRINTF(2, 3);
/* "did you mean 'x'?", or, if none is near, "known here: a, b, c". */
const char *finding_suggest(struct findings *f, leat_text word, const char *const *known, size_t n);
void findings_source(struct findings *f, const char *file, leat_text text);
void findings_print(const struct findings *f, FILE *to, bool colour);
void findings_json(const struct findings *f, struct buf *out);

/* The table of codes: what `leat explain E204` tells. */
struct code_doc {
    const char *code, *title, *text; /* text: cause, example, what to do */
};
const struct code_doc *code_find(const char *code);
const struct code_doc *code_all(size_t *ret_n);

/* --- trees ------------------------------------------------------------------------------------------------------- */

enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_FLOAT, NODE_TEXT, NODE_LIST, NODE_MAP };
struct node {
    enum node_kind kind;
    bool plain;       /* a scalar without quotes or block style */
    bool secret;      /* came from ${secret:...} or env, never printed */
    bool resolved;    /* had ${...} in it */
    bool cut;         /* plain, and ` #` follows on its line */
    bool flow;        /* stands within { } or [ ] */
    const char *file; /* as given */
    uint32_t line, column;
    leat_text text;   /* scalars: as written, after ${...}; zero-terminated */
    leat_text source; /* scalars: the bytes of the file, quotes and block indicators included */
    struct node *parent;
    leat_text key; /* in a map: its key; key_line and key_column its place */
    uint32_t key_line, key_column;
    struct node **items; /* of lists and maps, in order */
    size_t n;
};
struct document {
    struct arena memory;
    struct node *root; /* NULL: the file could not be read at all */
    const char *file;
    leat_text source;
};
/* Parses YAML 1.2 core; refuses what flows.md refuses. Returns the number of errors added to f. */
size_t document_read(struct document *d, const char *path, struct findings *f);
size_t document_parse(struct document *d, const char *name, leat_text source, struct findings *f);
void document_fini(struct document *d);
/* A file, or a text, as a tree of d, beside its root; NULL if it cannot be read. */
struct node *document_fragment(struct document *d, const char *path, struct findings *f);
const struct node *node_get(const struct node *map, const char *key);  /* NULL: not there, or no map */
const char *node_kind_name(enum node_kind k);                          /* "a text", "a list" */
void node_append(struct arena *a, struct node *to, struct node *item); /* of a list or map; the item's key is set */
/* The kind of a plain scalar by YAML's core schema. */
enum node_kind node_kind_of(leat_text plain);

/* Replaces ${name}, ${env:X}, ${secret:file:/p} in all scalars of the tree, typed. parameters: values by name. */
size_t document_resolve(struct document *d, const struct map *parameters, struct findings *f);

/* --- options ----------------------------------------------------------------------------------------------------- */

/* How the rows that name fields, expressions and ports become values: asked of whoever plans the flow. Each returns
 * false after it has added a finding. `where` is the scalar; option the row. */
struct option_binder {
    void *self;
    bool (*read)(void *self, const leat_option *o, uint32_t port, const struct node *where, leat_text text,
                 leat_value *ret);
    bool (*template_)(void *self, const leat_option *o, uint32_t port, const struct node *where, leat_text text,
                      leat_value *ret);
    bool (*write)(void *self, const leat_option *o, const struct node *where, leat_text name, leat_value *ret);
    bool (*key)(void *self, const leat_option *o, uint32_t port, const struct node *where, leat_text text,
                leat_value *ret);
    bool (*aggregate)(void *self, const leat_option *o, uint32_t port, const struct node *where, leat_text text,
                      leat_value *ret);
    bool (*input)(void *self, const leat_option *o, const struct node *where, leat_text name, leat_value *ret);
    bool (*output)(void *self, const leat_option *o, const struct node *where, leat_text name, leat_value *ret);
};
/* The map `with` (NULL: nothing is given) by the rows of a table: one value per row, as leat/plugin.h describes them.
 * Keys in `host_keys` (NULL-terminated: "codec", "batch", ...) are skipped. Values are the arena's. Returns the number
 * of errors. */
size_t options_read(struct arena *a, const leat_option *rows, uint32_t n_rows, const struct node *with,
                    const struct node *blame, const char *const *host_keys, const struct option_binder *binder,
                    struct findings *f, leat_value **ret);
/* JSON Schema of a table of options, for editors. */
void options_schema(const leat_option *rows, uint32_t n_rows, struct buf *out);
#endif
