/* SPDX-License-Identifier: Apache-2.0 */
/* plugin_internal.h: the steps from a file to a description in the host's own layout. */
#ifndef LEAT_CORE_PLUGIN_INTERNAL_H
#define LEAT_CORE_PLUGIN_INTERNAL_H

#include "core/plugin/plugin.h"

enum { IMAGES_MAX = 4096, SCAN_MS = 10000, SCAN_BYTES = 8 << 20, OPTION_DEPTH = 8 };

/* --- elf.c: what can be told without loading --------------------------------------------------------------------- */

/* 0; -ENOEXEC: no shared object, or noted as one of another ABI major; err says what to do. Without a note: 0. */
int elf_check(leat_text file, struct err *err);

/* --- image.c: private copies and what is loaded ------------------------------------------------------------------- */

/* A copy of `file` that nobody else writes to: in cache/images, or in memory when cache is NULL or cannot be written.
 * It is named by its hash, so equal files are one image. *ret_fd: to be closed after the image is loaded. */
char *image_private(leat_text file, const char hash[65], const char *cache, int *ret_fd, struct err *err);
/* Loads it once per process and never unloads it; the description is the process's own. shown: how to call it in a
 * sentence. */
const leat_plugin *image_load(const char *private_path, const char hash[65], const char *shown, struct err *err);
const leat_plugin *image_loaded(const char hash[65]); /* NULL: not yet */

/* --- adopt.c ------------------------------------------------------------------------------------------------------ */

/* A copy of the whole description with this host's sizes of structs and rows: what the plugin does not have is 0. NULL:
 * groups nest without end, and err says so. */
const leat_plugin *plugin_adopt(struct arena *a, const leat_plugin *theirs, struct err *err);

/* --- sanity.c ------------------------------------------------------------------------------------------------------
 */

/* Everything that a description must keep to so that the host can use it. Adds sentences, one a line; 0: none. */
size_t plugin_mistakes(const leat_plugin *p, struct buf *out);
size_t plugin_option_mistakes(const leat_processor *p, struct buf *out);
void plugin_mistake(struct buf *out, const char *format, ...) PRINTF(2, 3);

/* --- scan.c --------------------------------------------------------------------------------------------------------
 */

/* Fills in everything of *f that a scan tells, from the cache or by a child; f->broken when it cannot be used. */
void scan_file(struct arena *a, struct plugin_file *f, const char *cache);
#endif
