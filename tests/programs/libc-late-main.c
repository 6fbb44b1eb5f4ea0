/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libc-late.h"

int main(void) {
        return late_answer();
}
