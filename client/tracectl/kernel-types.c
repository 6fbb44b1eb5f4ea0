/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/tracectl/kernel-types.h"
#include "common/cleanup.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

/* All types one after the other, each a header and what its kind has; names are places among the strings. */
struct types {
        const uint8_t *items;
        size_t size;
        const char *strings;
        size_t strings_size;
};

/* What follows a type's header; SIZE_MAX: the kind is not known. */
static size_t size_of_rest(const struct btf_type *t) {
        size_t n = BTF_INFO_VLEN(t->info);

        switch (BTF_INFO_KIND(t->info)) {
        case BTF_KIND_PTR:
        case BTF_KIND_FWD:
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_CONST:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_FUNC:
        case BTF_KIND_FLOAT:
        case BTF_KIND_TYPE_TAG:
                return 0;
        case BTF_KIND_INT:
                return sizeof(uint32_t);
        case BTF_KIND_ARRAY:
                return sizeof(struct btf_array);
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
                return n * sizeof(struct btf_member);
        case BTF_KIND_ENUM:
                return n * sizeof(struct btf_enum);
        case BTF_KIND_ENUM64:
                return n * sizeof(struct btf_enum64);
        case BTF_KIND_FUNC_PROTO:
                return n * sizeof(struct btf_param);
        case BTF_KIND_VAR:
                return sizeof(struct btf_var);
        case BTF_KIND_DATASEC:
                return n * sizeof(struct btf_var_secinfo);
        case BTF_KIND_DECL_TAG:
                return sizeof(struct btf_decl_tag);
        default:
                return SIZE_MAX;
        }
}

static bool is_named(const struct types *types, uint32_t place, const char *name) {
        size_t n = strlen(name) + 1;

        return place < types->strings_size && types->strings_size - place >= n &&
                memcmp(types->strings + place, name, n) == 0;
}

static int find_member(const struct types *types, const struct btf_type *t, const char *name, uint32_t *ret) {
        const struct btf_member *members = (const struct btf_member *) (t + 1);
        bool has_fields = BTF_INFO_KFLAG(t->info);

        for (size_t i = 0; i < BTF_INFO_VLEN(t->info); i++) {
                uint32_t bits = has_fields ? BTF_MEMBER_BIT_OFFSET(members[i].offset) : members[i].offset;

                if (!is_named(types, members[i].name_off, name))
                        continue;
                if (bits % 8 != 0 || (has_fields && BTF_MEMBER_BITFIELD_SIZE(members[i].offset) != 0))
                        return -EBADMSG;
                *ret = bits / 8;
                return 0;
        }
        return -ENOENT;
}

static int find_members(const struct types *types, const struct btf_type *t, const char *const *names, size_t n,
                        uint32_t *ret) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = find_member(types, t, names[i], &ret[i]);
        return r;
}

static int find(const struct types *types, const char *structure, const char *const *members, size_t n,
                uint32_t *ret) {
        for (size_t at = 0; types->size - at >= sizeof(struct btf_type);) {
                const struct btf_type *t = (const struct btf_type *) (types->items + at);
                size_t rest = size_of_rest(t);

                at += sizeof(*t);
                if (rest > types->size - at)
                        return -EBADMSG;
                if (BTF_INFO_KIND(t->info) == BTF_KIND_STRUCT && is_named(types, t->name_off, structure))
                        return find_members(types, t, members, n, ret);
                at += rest;
        }
        return -ENOENT;
}

static bool is_within(size_t size, uint32_t begin, uint32_t length) {
        return begin <= size && length <= size - begin;
}

static int open_types(const uint8_t *data, size_t size, struct types *ret) {
        const struct btf_header *header = (const struct btf_header *) data;

        if (size < sizeof(*header) || header->magic != BTF_MAGIC || header->version != BTF_VERSION ||
            header->hdr_len > size || header->hdr_len % 4 != 0)
                return -EBADMSG;
        size -= header->hdr_len;
        if (header->type_off % 4 != 0 || !is_within(size, header->type_off, header->type_len) ||
            !is_within(size, header->str_off, header->str_len))
                return -EBADMSG;
        *ret = (struct types) {
                .items = data + header->hdr_len + header->type_off,
                .size = header->type_len,
                .strings = (const char *) data + header->hdr_len + header->str_off,
                .strings_size = header->str_len,
        };
        return 0;
}

static int read_all(int fd, uint8_t *data, size_t size) {
        size_t n = 0;

        while (n < size) {
                ssize_t k = read(fd, data + n, size - n);

                if (k <= 0)
                        return k < 0 ? -errno : -EBADMSG;
                n += (size_t) k;
        }
        return 0;
}

/* Newer kernels map it; by read() it comes in pages, 10 ms in all. */
static int map(int fd, size_t size, void **ret) {
        void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        int r;

        if (p == MAP_FAILED) {
                p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (p == MAP_FAILED)
                        return -errno;
                r = read_all(fd, p, size);
                if (r < 0) {
                        munmap(p, size);
                        return r;
                }
        }
        *ret = p;
        return 0;
}

int kernel_member_offsets(const char *structure, const char *const *members, size_t n, uint32_t *ret) {
        _cleanup_close_ int fd = open(KERNEL_BTF, O_RDONLY | O_CLOEXEC);
        struct types types;
        struct stat st;
        void *data = NULL;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        r = map(fd, (size_t) st.st_size, &data);
        if (r < 0)
                return r;
        r = open_types(data, (size_t) st.st_size, &types);
        if (r >= 0)
                r = find(&types, structure, members, n, ret);
        munmap(data, (size_t) st.st_size);
        return r;
}
