/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.h: finding, scanning and loading plugins; their descriptors in the host's own layout. */
#ifndef LEAT_CORE_PLUGIN_H
#define LEAT_CORE_PLUGIN_H

#include "core/base/base.h"

#include <leat/plugin.h>

/* One file that was looked at. */
struct plugin_file {
    const char *path;
    const char *name, *version, *doc; /* NULL when broken */
    char hash[65];                    /* SHA-256 of the file */
    const char *broken;               /* why it cannot be used; NULL: it can */
    const char *describe;             /* what the scan printed: JSON of the whole description */
    size_t n_processors;
    struct {
        const char *name;
        uint32_t kind;
    } *processors;
    const leat_plugin *image; /* loaded, in the host's own layout (all rows have this host's sizes); NULL: not yet */
};
struct registry;
/* [main] Scans *.so in the folders, each in a child process unless the cache knows its hash; a crash or a time-out of
 * the child marks that file broken. NULL cache: none. Folders: NULL-terminated. */
struct registry *registry_open(const char *const *folders, const char *cache, struct err *err);
void registry_free(struct registry *r); /* images stay loaded */
const struct plugin_file *registry_files(const struct registry *r, size_t *ret_n);
/* [main] Loads what is needed (a private copy named by its hash, never unloaded) and returns the processor; NULL with a
 * sentence: unknown (with "did you mean"), broken (with the reason), of another ABI. */
const leat_processor *registry_processor(struct registry *r, uint32_t kind, leat_text name,
                                         const struct plugin_file **ret_file, struct err *err);
/* [main] Loads one file by path, for `plugins describe FILE.so`. From then on its processors come before equally named
 * ones. What registry_files gave before is not valid any more. */
const leat_plugin *registry_load(struct registry *r, const char *path, struct err *err);
/* The folders to look in: --plugins, $LEAT_PLUGINS, beside the binary (build folder), the installed one. */
char **plugin_folders(const char *given);
/* The child's side: `leat plugins scan FILE` prints what registry_open wants to know and exits. */
int plugin_scan_child(const char *path);
void plugin_describe_text(const leat_plugin *p, struct buf *out); /* for people */
void plugin_describe_json(const leat_plugin *p, struct buf *out);
const char *plugin_kind_name(uint32_t kind);

/* What can be told of a file without loading it, for `plugins check`. */
leat_text elf_note(leat_text file); /* section leat.note, "leat abi=1.0 name=... version=..."; empty: there is none */
void elf_exports(leat_text file, struct buf *out); /* names of the symbols that it exports, one a line */
bool elf_has_segment(leat_text file, uint32_t type, uint32_t flags); /* PT_TLS, PT_GNU_STACK with PF_X, ... */
#endif
