/* SPDX-License-Identifier: Apache-2.0 */
/* elf_fuzz.c: files that say they are shared objects, looked at without loading. */
#include "core/plugin/plugin_internal.h"
#include "tests/fuzz/fuzz.h"

#include <elf.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    auto_buf exports = {0};
    struct err err;
    char *exact = memcpy(xmalloc(n + !n), data, n); /* so that a read behind the end is seen */
    leat_text file = {exact, n}, note = elf_note(file);
    ASSERT(note.n == 0 || (note.data >= exact && note.data + note.n <= exact + n));
    if (elf_check(file, &err) < 0)
        ASSERT(err.text[0]);
    elf_exports(file, &exports);
    elf_has_segment(file, PT_GNU_STACK, PF_X);
    free(exact);
    return 0;
}
