/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>

#include "common/elf-program.h"

#define SECTION_MAX (UINT64_C(128) << 20) /* of what is read at once */
#define PLACES_MAX 4096
#define NOTE_STAPSDT 3

struct elf_program {
        Elf *elf;
        size_t strings; /* the section of the sections' names */
};

void elf_places_done(struct elf_places *places) {
        for (size_t i = 0; i < places->n; i++) {
                free(places->items[i].provider);
                free(places->items[i].name);
                free(places->items[i].arguments);
        }
        free(places->items);
        *places = (struct elf_places) { 0 };
}

struct elf_program *elf_program_free(struct elf_program *p) {
        if (p)
                elf_end(p->elf);
        free(p);
        return NULL;
}

int elf_program_new(int fd, struct elf_program **ret, char *reason, size_t reason_size) {
        _cleanup_(elf_program_freep) struct elf_program *p = calloc(1, sizeof(*p));
        GElf_Ehdr header;
        struct stat st;

        if (!p || fstat(fd, &st) < 0) {
                snprintf(reason, reason_size, "%s", strerror(errno));
                return -errno;
        }
        if (!S_ISREG(st.st_mode)) {
                snprintf(reason, reason_size, "it is no regular file");
                return -EBADMSG;
        }
        (void) elf_version(EV_CURRENT);
        p->elf = elf_begin(fd, ELF_C_READ, NULL);
        if (!p->elf || elf_kind(p->elf) != ELF_K_ELF || !gelf_getehdr(p->elf, &header)) {
                snprintf(reason, reason_size, "it is no ELF file, as programs and libraries are");
                return -EBADMSG;
        }
        if (header.e_machine != EM_X86_64 || header.e_ident[EI_CLASS] != ELFCLASS64) {
                snprintf(reason, reason_size, "it is no 64-bit program for x86-64");
                return -EBADMSG;
        }
        if (elf_getshdrstrndx(p->elf, &p->strings) < 0)
                p->strings = SHN_UNDEF;
        *ret = TAKE_PTR(p);
        return 0;
}

/* The loaded segment that has an address: code, or what can be written. */
static int find_offset(const struct elf_program *p, uint64_t address, uint32_t flag, uint64_t *ret) {
        GElf_Phdr segment;
        size_t n;

        if (elf_getphdrnum(p->elf, &n) < 0)
                return -EBADMSG;
        for (size_t i = 0; i < n; i++)
                if (gelf_getphdr(p->elf, (int) i, &segment) && segment.p_type == PT_LOAD && segment.p_flags & flag &&
                    address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz) {
                        *ret = address - segment.p_vaddr + segment.p_offset;
                        return 0;
                }
        return -ENOENT;
}

/* Takes over the strings of place, also on failure. The same place twice is one. */
static int add(struct elf_places *places, struct elf_place *place) {
        struct elf_place *items;

        for (size_t i = 0; i < places->n; i++)
                if (places->items[i].offset == place->offset && !place->provider)
                        return 0;
        items = places->n < PLACES_MAX ? realloc(places->items, (places->n + 1) * sizeof(*items)) : NULL;
        if (!items) {
                struct elf_places one = { place, 1 };

                free(one.items->provider);
                free(one.items->name);
                free(one.items->arguments);
                return places->n < PLACES_MAX ? -ENOMEM : -E2BIG;
        }
        places->items = items;
        items[places->n++] = *place;
        return 0;
}

/* The next section of a type, and its contents. */
static Elf_Data *next_section(const struct elf_program *p, Elf_Scn **at, uint32_t type, GElf_Shdr *ret) {
        while ((*at = elf_nextscn(p->elf, *at))) {
                Elf_Data *data;

                if (gelf_getshdr(*at, ret) && ret->sh_type == type && ret->sh_size <= SECTION_MAX &&
                    (data = elf_getdata(*at, NULL)) && data->d_buf)
                        return data;
        }
        return NULL;
}

/* Where .stapsdt.base is: a file whose addresses were changed after linking has it elsewhere. 0: it has none. */
static uint64_t find_base(const struct elf_program *p) {
        Elf_Scn *at = NULL;
        GElf_Shdr section;
        const char *name;

        while ((at = elf_nextscn(p->elf, at)))
                if (gelf_getshdr(at, &section) && (name = elf_strptr(p->elf, p->strings, section.sh_name)) &&
                    strcmp(name, ".stapsdt.base") == 0)
                        return section.sh_addr;
        return 0;
}

/* The string at *at, which moves behind it; NULL where it does not end. */
static const char *next_string(const char **at, const char *end) {
        const char *s = *at, *stop = s < end ? memchr(s, '\0', (size_t) (end - s)) : NULL;

        if (!stop)
                return NULL;
        *at = stop + 1;
        return s;
}

struct wanted {
        const char *provider, *name;
        uint64_t base;
};

static int read_note(const struct elf_program *p, const char *text, size_t size, const struct wanted *wanted,
                     struct elf_places *places) {
        const char *at = text + 3 * sizeof(uint64_t), *end = text + size, *provider, *name, *arguments;
        struct elf_place place = { 0 };
        uint64_t addresses[3], moved;

        if (size < sizeof(addresses))
                return -EBADMSG;
        memcpy(addresses, text, sizeof(addresses));
        provider = next_string(&at, end);
        name = provider ? next_string(&at, end) : NULL;
        arguments = name ? next_string(&at, end) : NULL;
        if (!arguments)
                return -EBADMSG;
        if ((wanted->provider && strcmp(provider, wanted->provider) != 0) ||
            (wanted->name && strcmp(name, wanted->name) != 0))
                return 0;
        moved = wanted->base ? wanted->base - addresses[1] : 0;
        place.address = addresses[0] + moved;
        if (find_offset(p, place.address, PF_X, &place.offset) < 0 ||
            (addresses[2] && find_offset(p, addresses[2] + moved, PF_W, &place.semaphore) < 0))
                return -EBADMSG;
        place.provider = strdup(provider);
        place.name = strdup(name);
        place.arguments = strdup(arguments);
        if (place.provider && place.name && place.arguments)
                return add(places, &place);
        free(place.provider);
        free(place.name);
        free(place.arguments);
        return -ENOMEM;
}

static int read_notes(const struct elf_program *p, Elf_Data *data, const struct wanted *wanted,
                      struct elf_places *places) {
        size_t at = 0, next, name, text;
        const char *bytes = data->d_buf;
        GElf_Nhdr note;
        int r = 0;

        while (r >= 0 && (next = gelf_getnote(data, at, &note, &name, &text)) > 0) {
                if (note.n_type == NOTE_STAPSDT && note.n_namesz == sizeof("stapsdt") &&
                    memcmp(bytes + name, "stapsdt", sizeof("stapsdt")) == 0)
                        r = read_note(p, bytes + text, note.n_descsz, wanted, places);
                at = next;
        }
        return r;
}

int elf_program_probes(const struct elf_program *p, const char *provider, const char *name, struct elf_places *ret) {
        const struct wanted wanted = { provider, name, find_base(p) };
        struct elf_places places = { 0 };
        Elf_Scn *at = NULL;
        GElf_Shdr section;
        Elf_Data *data;
        int r = 0;

        while (r >= 0 && (data = next_section(p, &at, SHT_NOTE, &section)))
                r = read_notes(p, data, &wanted, &places);
        if (r < 0)
                elf_places_done(&places);
        else
                *ret = places;
        return r;
}

typedef int (*symbol_t)(const struct elf_program *p, const GElf_Sym *symbol, void *userdata);

/* Each defined symbol of this name, until one returns something else than 0. */
static int each_symbol(const struct elf_program *p, const char *name, uint32_t table, symbol_t symbol_of, void *userdata) {
        Elf_Scn *at = NULL;
        GElf_Shdr section;
        Elf_Data *data;
        int r = 0;

        while (r == 0 && (data = next_section(p, &at, table, &section))) {
                size_t n = section.sh_entsize ? section.sh_size / section.sh_entsize : 0;

                for (size_t i = 0; i < n && i < INT32_MAX && r == 0; i++) {
                        GElf_Sym symbol;
                        const char *found;

                        if (!gelf_getsym(data, (int) i, &symbol) || symbol.st_shndx == SHN_UNDEF)
                                continue;
                        found = elf_strptr(p->elf, section.sh_link, symbol.st_name);
                        if (found && strcmp(found, name) == 0)
                                r = symbol_of(p, &symbol, userdata);
                }
        }
        return r;
}

static int add_function(const struct elf_program *p, const GElf_Sym *symbol, void *userdata) {
        struct elf_place place = { .address = symbol->st_value };

        if (GELF_ST_TYPE(symbol->st_info) != STT_FUNC || find_offset(p, place.address, PF_X, &place.offset) < 0)
                return 0;
        return add(userdata, &place);
}

int elf_program_functions(const struct elf_program *p, const char *name, struct elf_places *ret) {
        struct elf_places places = { 0 };
        int r;

        r = each_symbol(p, name, SHT_SYMTAB, add_function, &places);
        if (r == 0)
                r = each_symbol(p, name, SHT_DYNSYM, add_function, &places);
        if (r < 0)
                elf_places_done(&places);
        else
                *ret = places;
        return r;
}

static int take_address(const struct elf_program *p, const GElf_Sym *symbol, void *userdata) {
        *(uint64_t *) userdata = symbol->st_value;
        return 1;
}

int elf_program_symbol(const struct elf_program *p, const char *name, uint64_t *ret) {
        int r;

        r = each_symbol(p, name, SHT_SYMTAB, take_address, ret);
        if (r == 0)
                r = each_symbol(p, name, SHT_DYNSYM, take_address, ret);
        return r < 0 ? r : r > 0 ? 0 : -ENOENT;
}
