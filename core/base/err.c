/* SPDX-License-Identifier: Apache-2.0 */
/* err.c: errors with a sentence. */
#include "core/base/base.h"

static int fill(struct err *e, int number, const char *code, const char *format, va_list args)
{
    if (e) {
        snprintf(e->code, sizeof e->code, "%s", code);
        errno = number;
        vsnprintf(e->text, sizeof e->text, format, args);
    }
    return -number;
}

int err_set(struct err *e, int number, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(e, number, "", format, args);
    va_end(args);
    return -number;
}

int err_code(struct err *e, int number, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(e, number, code, format, args);
    va_end(args);
    return -number;
}
