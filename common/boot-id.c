/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/boot-id.h"
#include "common/cleanup.h"
#include "common/parse.h"

int boot_id_read(uint8_t ret[16]) {
        _cleanup_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        char text[64], digits[33];
        uint64_t high, low;
        ssize_t n;
        size_t k = 0;

        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof(text));
        for (ssize_t i = 0; i < n && k < 32; i++)
                if (text[i] != '-' && text[i] != '\n')
                        digits[k++] = text[i];
        digits[k] = '\0';
        if (k != 32 || parse_hex64(digits + 16, &low) < 0)
                return -EBADMSG;
        digits[16] = '\0';
        if (parse_hex64(digits, &high) < 0)
                return -EBADMSG;
        for (int i = 0; i < 8; i++) {
                ret[i] = (uint8_t) (high >> (56 - 8 * i));
                ret[8 + i] = (uint8_t) (low >> (56 - 8 * i));
        }
        return 0;
}
