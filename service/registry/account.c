/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/registry/account.h"
#include "service/registry/table.h"

int account_new(uid_t uid, struct quota *quota, struct account **ret) {
        struct account *a;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->uid = uid;
        a->applications = table_new();
        if (!a->applications) {
                free(a);
                return -ENOMEM;
        }
        window_init(&a->window);
        strays_init(&a->strays);
        definitions_store_init(&a->definitions, quota, uid);
        *ret = a;
        return 0;
}

struct account *account_free(struct account *a) {
        definitions_store_done(&a->definitions);
        window_done(&a->window);
        strays_done(&a->strays);
        cds_lfht_destroy(a->applications, NULL);
        free(a);
        return NULL;
}
