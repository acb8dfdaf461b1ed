/* SPDX-License-Identifier: Apache-2.0 */
/* elf.c: reads the note of a plugin out of the file, without running a byte of it. */
#include "core/plugin/plugin_internal.h"

#include <elf.h>

/* A piece of the file; empty when it does not lie within. */
static leat_text piece(leat_text file, uint64_t at, uint64_t n)
{
    bool within = at <= file.n && n <= file.n - at;
    return within ? (leat_text){file.data + at, n} : (leat_text){"", 0};
}

static bool read_section(leat_text file, const Elf64_Ehdr *h, uint32_t i, Elf64_Shdr *ret)
{
    leat_text t = piece(file, h->e_shoff + (uint64_t)i * sizeof *ret, sizeof *ret);
    if (t.n)
        memcpy(ret, t.data, sizeof *ret);
    return t.n > 0;
}

static bool read_header(leat_text file, Elf64_Ehdr *ret)
{
    if (file.n < sizeof *ret)
        return false;
    memcpy(ret, file.data, sizeof *ret);
    return memcmp(ret->e_ident, ELFMAG, SELFMAG) == 0 && ret->e_ident[EI_CLASS] == ELFCLASS64 && ret->e_type == ET_DYN &&
           ret->e_shentsize == sizeof(Elf64_Shdr);
}

leat_text elf_note(leat_text file)
{
    Elf64_Ehdr h;
    Elf64_Shdr names, s;
    if (!read_header(file, &h) || !read_section(file, &h, h.e_shstrndx, &names))
        return TEXT("");
    leat_text strings = piece(file, names.sh_offset, names.sh_size);
    for (uint32_t i = 0; i < h.e_shnum && read_section(file, &h, i, &s); i++) {
        leat_text name = s.sh_name < strings.n ? piece(strings, s.sh_name, sizeof "leat.note") : TEXT("");
        if (name.n && memcmp(name.data, "leat.note", sizeof "leat.note") == 0) {
            leat_text note = piece(file, s.sh_offset, s.sh_size);
            note.n = strnlen(note.data, note.n);
            return note;
        }
    }
    return TEXT("");
}

int elf_check(leat_text file, struct err *err)
{
    Elf64_Ehdr h;
    unsigned major = 0, minor = 0;
    if (!read_header(file, &h))
        return err_set(err, ENOEXEC, "is no shared object for this machine");
    auto_free char *note = xstrndup(elf_note(file).data, elf_note(file).n);
    if (sscanf(note, "leat abi=%u.%u ", &major, &minor) == 2 && major != LEAT_ABI_MAJOR)
        return err_set(err, ENOEXEC, "is built for plugin ABI %u.%u, this Leat has %d.%d: build it again with the headers of this Leat",
                       major, minor, LEAT_ABI_MAJOR, LEAT_ABI_MINOR);
    return 0;
}
