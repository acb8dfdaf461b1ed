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
    return memcmp(ret->e_ident, ELFMAG, SELFMAG) == 0 && ret->e_ident[EI_CLASS] == ELFCLASS64 &&
           ret->e_type == ET_DYN && ret->e_shentsize == sizeof(Elf64_Shdr);
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
        return err_set(
            err, ENOEXEC,
            "is built for plugin ABI %u.%u, this Leat has %d.%d: build it again with the headers of this Leat", major,
            minor, LEAT_ABI_MAJOR, LEAT_ABI_MINOR);
    return 0;
}

/* --- symbols and segments -------------------------------------------------------------------------------------------
 */

static bool is_own_export(const Elf64_Sym *s, const char *name)
{
    unsigned bind = ELF64_ST_BIND(s->st_info);
    bool defined = s->st_shndx != SHN_UNDEF && (bind == STB_GLOBAL || bind == STB_WEAK);
    return defined && strncmp(name, "__", 2) != 0 && strcmp(name, "_init") != 0 && strcmp(name, "_fini") != 0 &&
           strcmp(name, "_edata") != 0 && strcmp(name, "_end") != 0;
}

static void add_exports(leat_text file, const Elf64_Ehdr *h, const Elf64_Shdr *symbols, struct buf *out)
{
    Elf64_Shdr names;
    if (!read_section(file, h, symbols->sh_link, &names))
        return;
    leat_text strings = piece(file, names.sh_offset, names.sh_size);
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= symbols->sh_size; at += sizeof(Elf64_Sym)) {
        Elf64_Sym s;
        leat_text t = piece(file, symbols->sh_offset + at, sizeof s);
        if (!t.n)
            return;
        memcpy(&s, t.data, sizeof s);
        if (s.st_name >= strings.n || !memchr(strings.data + s.st_name, 0, strings.n - s.st_name))
            continue;
        if (is_own_export(&s, strings.data + s.st_name))
            buf_printf(out, "%s\n", strings.data + s.st_name);
    }
}

void elf_exports(leat_text file, struct buf *out)
{
    Elf64_Ehdr h;
    Elf64_Shdr s;
    if (!read_header(file, &h))
        return;
    for (uint32_t i = 0; i < h.e_shnum && read_section(file, &h, i, &s); i++)
        if (s.sh_type == SHT_DYNSYM)
            add_exports(file, &h, &s, out);
}

bool elf_has_segment(leat_text file, uint32_t type, uint32_t flags)
{
    Elf64_Ehdr h;
    if (!read_header(file, &h) || h.e_phentsize != sizeof(Elf64_Phdr))
        return false;
    for (uint32_t i = 0; i < h.e_phnum; i++) {
        Elf64_Phdr p;
        leat_text t = piece(file, h.e_phoff + i * sizeof p, sizeof p);
        if (!t.n)
            return false;
        memcpy(&p, t.data, sizeof p);
        if (p.p_type == type && (p.p_flags & flags) == flags)
            return true;
    }
    return false;
}
