/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.h: copies of the company, so that going back does not mean simulating everything again. Only a shortcut:
 * without them the company is simulated from its first day, with the same result. */
#ifndef GENERATE_SNAPSHOT_H
#define GENERATE_SNAPSHOT_H

#include "company.h"

#include <stddef.h>

/* Writes beside `path` and renames. 0 or -errno. */
int snapshot_save(const char *path, const struct company *c, uint64_t seed);
/* True when there was one of this seed and format, unharmed, and not past `sequence`; *c is changed only then. */
bool snapshot_load(const char *path, struct company *c, uint64_t seed, uint64_t sequence);
#endif
