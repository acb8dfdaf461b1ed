/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c: files as source and as sink. */
#include "file.h"

LEAT_PLUGIN("file", "1.0.0", "Reads files, and appends to files.", &file_source, &file_sink);
