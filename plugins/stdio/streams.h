/* SPDX-License-Identifier: Apache-2.0 */
/* streams.h: the processors that plugin.c lists; each is defined in the file of its name. */
#ifndef LEAT_STREAMS_H
#define LEAT_STREAMS_H

#include <leat/plugin.h>

extern const leat_processor stdio_stdin, stdio_stdout, stdio_null;

#endif
