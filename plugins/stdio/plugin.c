/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c: standard input and output, and a sink that forgets. */
#include "streams.h"

LEAT_PLUGIN("stdio", "1.0.0", "Standard input and output.", &stdio_stdin, &stdio_stdout, &stdio_null);
