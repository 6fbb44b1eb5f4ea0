/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Class ids, compartments, ring sizes, definitions: without any thread. */

#undef NDEBUG

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/hash.h"
#include "protocol/ring.h"
#include "protocol/view.h"
#include "service/domain/class-table.h"
#include "service/domain/compartment.h"
#include "service/domain/stream.h"
#include "service/domain/user.h"
#include "service/domain/view-file.h"
#include "service/registry/control-group.h"
#include "service/registry/definitions.h"

static void test_class_ids(void) {
        struct class_table table = { 0 };
        uint32_t id, last = 0;

        for (uint32_t i = 0; i < 1000; i++) {
                g_assert_cmpint(class_table_id(&table, &i, sizeof(i), "", 0, &id), ==, 0);
                g_assert_cmpuint(id, >, last);
                g_assert_true(id != 30 && id != 31);
                g_assert_cmpuint(id, ==, class_id_at(i));
                last = id;
        }
        g_assert_cmpuint(class_id_at(28), ==, 29);
        g_assert_cmpuint(class_id_at(29), ==, 32);
        for (uint32_t i = 0; i < 1000; i++) {
                g_assert_cmpint(class_table_id(&table, &i, sizeof(i), "", 0, &id), ==, 0);
                g_assert_cmpuint(id, ==, class_id_at(i));
        }
        /* A prefix is another definition. */
        g_assert_cmpint(class_table_id(&table, "\0\0\0", 3, "", 0, &id), ==, 0);
        g_assert_cmpuint(id, ==, class_id_at(1000));
        class_table_done(&table);
}

static void test_class_limit(void) {
        struct class_table table = { 0 };
        g_autofree char *large = g_malloc0(CLASS_TABLE_BYTES_MAX);
        uint32_t id = 77;

        for (uint32_t i = 0; i < CLASS_TABLE_MAX; i++)
                g_assert_cmpint(class_table_id(&table, &i, sizeof(i), "", 0, &id), ==, 0);
        id = 77;
        g_assert_cmpint(class_table_id(&table, "new", 3, "", 0, &id), ==, -ENOSPC);
        g_assert_cmpuint(id, ==, 77);
        /* What it has it still has. */
        g_assert_cmpint(class_table_id(&table, &(uint32_t) { 5 }, 4, "", 0, &id), ==, 0);
        g_assert_cmpuint(id, ==, class_id_at(5));
        class_table_done(&table);
        g_assert_cmpint(class_table_id(&table, large, CLASS_TABLE_BYTES_MAX, "", 0, &id), ==, 0);
        g_assert_cmpint(class_table_id(&table, "x", 1, "", 0, &id), ==, -ENOSPC);
        class_table_done(&table);
}

static void read_key(const struct compartment_table *table, pid_t pid, uint64_t application,
                     struct compartment_key *ret) {
        const struct compartment_process process = { pid, -1, getuid(), 64, application };

        compartment_read(table, &process, ret);
}

static bool is_empty(const struct compartment_table *table) {
        for (size_t i = 0; i < COMPARTMENT_BUCKETS; i++)
                if (table->buckets[i])
                        return false;
        return true;
}

static void test_compartments(void) {
        struct compartment_table table;
        struct compartment_key key, gone;
        struct compartment *a, *b, *c;

        compartment_table_init(&table);
        read_key(&table, getpid(), 1, &key);
        g_assert_cmpuint(key.user_namespace, >, 0);
        g_assert_cmpuint(key.pid_namespace, >, 0);
        g_assert_cmpuint(key.alone, ==, 0);
        g_assert_cmpint(compartment_get(&table, &key, &a), ==, 0);
        read_key(&table, getpid(), 2, &key);
        g_assert_cmpint(compartment_get(&table, &key, &b), ==, 0);
        g_assert_true(a == b);
        /* Each part makes another one. */
        key.word_size = 32;
        g_assert_cmpint(compartment_get(&table, &key, &c), ==, 0);
        g_assert_true(c != a);
        compartment_unref(c);
        key.word_size = 64;
        strcpy(key.label, "confined_t");
        g_assert_cmpint(compartment_get(&table, &key, &c), ==, 0);
        g_assert_true(c != a);
        compartment_unref(c);
        /* What cannot be read is alone: no process has number 0. */
        read_key(&table, 0, 7, &gone);
        g_assert_cmpuint(gone.alone, ==, 7);
        g_assert_cmpint(compartment_get(&table, &gone, &c), ==, 0);
        g_assert_false(compartment_shares_pids(c));
        compartment_unref(c);
        g_assert_true(compartment_shares_pids(a));
        compartment_unref(a);
        g_assert_false(is_empty(&table));
        compartment_unref(b);
        g_assert_true(is_empty(&table));
        compartment_table_done(&table);
}

/* A process of another user, in a user namespace of its own or not, until it is killed. */
static pid_t start_stranger(bool contained) {
        int ready[2];
        char byte;
        pid_t pid;

        g_assert_no_errno(pipe(ready));
        g_assert_no_errno(pid = fork());
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0 ||
                    (contained && unshare(CLONE_NEWUSER) < 0) || write(ready[1], "", 1) != 1)
                        _exit(1);
                for (;;)
                        pause();
        }
        close(ready[1]);
        g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
        close(ready[0]);
        return pid;
}

static void end_stranger(pid_t pid) {
        g_assert_no_errno(kill(pid, SIGKILL));
        g_assert_no_errno(waitpid(pid, NULL, 0));
}

/* As tracingd is: root without a capability. Whom it finds alone, as bits. */
static int look_without_capabilities(const pid_t *pids, size_t n) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct none[2] = { 0 };
        struct compartment_table table;
        struct compartment_key key;
        int status, alone = 0;
        pid_t pid;

        g_assert_no_errno(pid = fork());
        if (pid == 0) {
                if (syscall(SYS_capset, &header, none) < 0)
                        _exit(64);
                compartment_table_init(&table);
                for (size_t i = 0; i < n; i++) {
                        int pidfd = (int) syscall(SYS_pidfd_open, pids[i], 0);
                        const struct compartment_process with = { pids[i], pidfd, 65534, 64, 1 };
                        const struct compartment_process without = { pids[i], -1, 65534, 64, 1 };

                        compartment_read(&table, &with, &key);
                        alone |= key.alone ? 1 << (2 * i) : 0;
                        compartment_read(&table, &without, &key);
                        alone |= key.alone ? 2 << (2 * i) : 0;
                }
                _exit(alone);
        }
        g_assert_no_errno(waitpid(pid, &status, 0));
        g_assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* The namespaces of others cannot be read without capabilities; their ordinary processes share rings all the same. */
static void test_compartment_of_another(void) {
        pid_t pids[2];

        if (getuid() != 0) {
                g_test_skip("needs root");
                return;
        }
        pids[0] = start_stranger(false);
        pids[1] = start_stranger(true);
        g_assert_cmphex(look_without_capabilities(pids, 2), ==, 0xc);
        end_stranger(pids[0]);
        end_stranger(pids[1]);
}

static void test_control_groups(void) {
        _cleanup_(control_group_table_done) struct control_group_table table;
        _cleanup_free_ char *path = NULL, *unit = NULL;
        struct control_group *a, *b;
        int pidfd = (int) syscall(SYS_pidfd_open, getpid(), 0);

        control_group_table_init(&table);
        g_assert_null(control_group_get(&table, 0, -1));
        a = control_group_get(&table, getpid(), pidfd);
        b = control_group_get(&table, getpid(), pidfd);
        close(pidfd);
        g_assert_true(a == b);
        if (sd_pid_get_cgroup(0, &path) >= 0)
                g_assert_cmpstr(a->path, ==, path);
        if (a && sd_pid_get_unit(0, &unit) >= 0)
                g_assert_cmpstr(a->unit, ==, unit);
        control_group_unref(a);
        control_group_unref(b);
        /* By its path alone, as on older kernels. */
        a = control_group_get(&table, getpid(), -1);
        b = control_group_get(&table, getpid(), -1);
        g_assert_true(a == b);
        if (path)
                g_assert_cmpstr(a->path, ==, path);
        control_group_unref(a);
        control_group_unref(b);
}

static void test_fit(void) {
        struct user_domain d = { .n_cpus = 4, .ring_size_max = UINT64_C(1) << 20 };
        uint64_t size = 512 << 10;
        uint32_t n = 8;

        user_domain_fit(&d, &size, &n);
        g_assert_cmpuint(size, ==, 32 << 10);
        g_assert_cmpuint(n, ==, 8);
        d.ring_size_max = 64 << 10;
        user_domain_fit(&d, &size, &n);
        g_assert_cmpuint(size, ==, 4096);
        g_assert_cmpuint(n, ==, 4);
        /* No less than the smallest ring there is. */
        d.ring_size_max = 1;
        user_domain_fit(&d, &size, &n);
        g_assert_cmpuint(size, ==, 4096);
        g_assert_cmpuint(n, ==, 2);
}

static void test_streams(void) {
        const struct model_channel channel = { .name = "c", .id = 3, .n_subbufs = 2, .subbuf_size = 4096,
                                               .overwrite = true, .ordered_clock = true };
        struct user_domain *d = NULL;
        struct stream *a = NULL, *b = NULL;
        struct ring_geometry g;
        uint64_t size, positions;
        char header[4096];

        g_assert_cmpint(user_domain_new(&d), ==, 0);
        g_assert_cmpuint(d->n_cpus, >=, (unsigned) sysconf(_SC_NPROCESSORS_ONLN));
        g_assert_cmpint(stream_new(d, &channel, getuid(), true, &a), ==, 0);
        g_assert_cmpint(memfd_check_shared(a->ring_fd, &size), ==, 0);
        g_assert_cmpint(memfd_check_shared(a->positions_fd, &positions), ==, 0);
        g_assert_cmpint(pread(a->ring_fd, header, sizeof(header), 0), ==, sizeof(header));
        g_assert_cmpint(ring_geometry_load(header, size, positions, &g), ==, 0);
        g_assert_cmpuint(g.flags, ==, RING_OVERWRITE | RING_LOCKED | RING_ORDERED);
        g_assert_cmpuint(g.n_cpus, ==, d->n_cpus);
        g_assert_cmpuint(a->channel, ==, 3);
        g_assert_cmpint(fcntl(a->positions_readonly_fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
        /* Class ids that were announced, far apart. */
        g_assert_false(stream_has_class(a, 70000));
        g_assert_cmpint(stream_add_class(a, 70000), ==, 0);
        g_assert_cmpint(stream_add_class(a, 1), ==, 0);
        g_assert_true(stream_has_class(a, 70000) && stream_has_class(a, 1) && !stream_has_class(a, 2));
        /* All of them together have a bound, and give back what they had. */
        d->ring_bytes_max = a->bytes;
        g_assert_cmpint(stream_new(d, &channel, getuid(), false, &b), ==, -EFBIG);
        g_assert_null(b);
        stream_unref(a);
        g_assert_cmpuint(d->ring_bytes, ==, 0);
        g_assert_cmpint(stream_new(d, &channel, getuid(), false, &b), ==, 0);
        stream_unref(b);
        user_domain_free(d);
}

static size_t count_descriptors(void) {
        GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
        size_t n = 0;

        g_assert_nonnull(dir);
        while (g_dir_read_name(dir))
                n++;
        g_dir_close(dir);
        return n;
}

/* Made before it is asked for, once, and for no other size. */
static void test_foreseen(void) {
        struct model_channel channel = { .id = 1, .n_subbufs = 2, .subbuf_size = RING_SUBBUF_SIZE_MIN };
        struct model_channel larger = { .id = 2, .n_subbufs = 4, .subbuf_size = RING_SUBBUF_SIZE_MIN };
        struct stream *a = NULL, *b = NULL;
        size_t before = count_descriptors();
        struct user_domain *d = NULL;
        struct spare *spare;

        g_assert_cmpint(user_domain_new(&d), ==, 0);
        stream_foresee(d, &channel);
        g_assert_null(d->spare);
        d->foresees = true;
        stream_foresee(d, &channel);
        spare = d->spare;
        g_assert_nonnull(spare);
        stream_foresee(d, &channel);
        g_assert_true(d->spare == spare);
        g_assert_cmpint(stream_new(d, &channel, getuid(), false, &a), ==, 0);
        g_assert_null(d->spare);
        g_assert_cmpint(stream_new(d, &channel, getuid(), false, &b), ==, 0);
        g_assert_false(fd_same_file(a->ring_fd, b->ring_fd));
        stream_unref(b);

        stream_foresee(d, &channel);
        g_assert_cmpint(stream_new(d, &larger, getuid(), false, &b), ==, 0);
        g_assert_cmpint(lseek(b->ring_fd, 0, SEEK_END), ==, b->bytes);
        stream_unref(b);

        d->ring_bytes_max = a->bytes;
        stream_foresee(d, &channel);
        g_assert_null(d->spare);
        d->ring_bytes_max *= 2;
        stream_foresee(d, &channel);
        g_assert_nonnull(d->spare);
        stream_unref(a);
        user_domain_free(d);
        /* One that is made and not used is not left. */
        g_assert_cmpuint(count_descriptors(), ==, before);
}

static int make(const char *name, size_t padding, uint64_t *ret_hash) {
        const struct definition event = { .provider = "p", .name = name, .loglevel = 6 };
        size_t offset = sizeof(struct definitions_header);
        g_autofree char *buffer = g_malloc0(4096 + padding);
        int fd = -1;

        g_assert_cmpint(definitions_append(buffer, 4096, &offset, &event), ==, 0);
        definitions_finish(buffer, 1, offset);
        *ret_hash = hash_bytes(HASH_INIT, buffer, offset + padding);
        g_assert_cmpint(memfd_new_constant("definitions", buffer, offset + padding, &fd), ==, 0);
        return fd;
}

static struct event_definitions *take(const char *name, size_t padding) {
        struct event_definitions *d = NULL;
        uint64_t hash;
        int fd = make(name, padding, &hash);

        g_assert_cmpint(event_definitions_new(fd, hash, &d), ==, 0);
        close(fd);
        return d;
}

static void test_definitions(void) {
        struct event_definitions *d = NULL;
        uint64_t hash;
        int fd = make("event", 0, &hash), plain = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        g_assert_cmpint(event_definitions_new(fd, hash + 1, &d), ==, -EBADMSG);
        g_assert_cmpint(event_definitions_new(plain, hash, &d), ==, -EPERM);
        g_assert_cmpint(event_definitions_new(STDERR_FILENO, hash, &d), ==, -EPERM);
        g_assert_null(d);
        g_assert_cmpint(event_definitions_new(fd, hash, &d), ==, 0);
        g_assert_cmpuint(d->n_events, ==, 1);
        g_assert_cmpstr(d->events[0].name, ==, "p:event");
        g_assert_cmpuint(d->events[0].offset, ==, sizeof(struct definitions_header));
        g_assert_cmpuint(d->events[0].offset + d->events[0].size, ==, d->size);
        event_definitions_unref(d);
        close(fd);
        close(plain);
}

static void add_one(struct definitions_store *store, const char *name, size_t padding, int wanted,
                    struct event_definitions **ret) {
        struct event_definitions *d = take(name, padding), *kept = NULL;

        g_assert_cmpint(definitions_store_add(store, d, &kept), ==, wanted);
        event_definitions_unref(d);
        if (ret)
                *ret = kept;
        else
                event_definitions_unref(kept);
}

static void test_store(void) {
        const size_t large = MIN(DEFINITIONS_STORE_BYTES_MAX / 10, DEFINITIONS_SIZE_MAX - 4096);
        struct definitions_store store;
        struct quota quota;
        struct event_definitions *used, *again, *found, **list;
        size_t n;

        quota_init(&quota, getuid());
        definitions_store_init(&store, &quota, getuid());
        add_one(&store, "used", 0, 0, &used);
        add_one(&store, "used", 0, 0, &again);
        g_assert_true(used == again);
        event_definitions_unref(again);
        /* What nobody uses makes room for what somebody does. */
        for (int i = 0; i < 30; i++) {
                g_autofree char *name = g_strdup_printf("e%i", i);

                add_one(&store, name, large, 0, NULL);
                g_assert_cmpuint(store.n_bytes, <=, DEFINITIONS_STORE_BYTES_MAX);
        }
        found = definitions_store_find(&store, used->hash);
        g_assert_true(found == used);
        event_definitions_unref(found);
        g_assert_cmpint(definitions_store_list(&store, &list, &n), ==, 0);
        g_assert_cmpuint(n, ==, store.n_definitions);
        /* Now all of them are in use. */
        add_one(&store, "one_too_many", large, -EDQUOT, NULL);
        for (size_t i = 0; i < n; i++)
                event_definitions_unref(list[i]);
        free(list);
        event_definitions_unref(used);
        definitions_store_done(&store);
        g_assert_cmpuint(quota_used(&quota, getuid(), QUOTA_DEFINITIONS), ==, 0);
        quota_done(&quota);
}

static ino_t inode_of_view(const struct compartment_key *key, const char *content) {
        struct view_file *f;
        uint64_t size;
        struct stat st;

        g_assert_cmpint(view_file_get(key, content, strlen(content), &f), ==, 0);
        g_assert_cmpint(memfd_check_constant(f->fd, VIEW_SIZE_MAX, &size), ==, 0);
        g_assert_cmpuint(size, ==, strlen(content));
        g_assert_no_errno(fstat(f->fd, &st));
        view_file_unref(f);
        return st.st_ino;
}

/* Who comes after all others have gone gets the file that they had; nobody but those of their compartment does. */
static void test_view_files(void) {
        const struct compartment_key one = { .uid = 1, .user_namespace = 7 }, other_user = { .uid = 2, .user_namespace = 7 },
                                     elsewhere = { .uid = 1, .user_namespace = 8 },
                                     labelled = { .uid = 1, .user_namespace = 7, .label = "x" };
        ino_t inode = inode_of_view(&one, "first");
        char *large = g_strnfill(VIEW_SIZE_MAX / 2, 'x');
        char name[2] = "a";

        g_assert_cmpuint(inode_of_view(&one, "first"), ==, inode);
        g_assert_cmpuint(inode_of_view(&one, "second"), !=, inode);
        g_assert_cmpuint(inode_of_view(&one, "firs"), !=, inode);
        g_assert_cmpuint(inode_of_view(&other_user, "first"), !=, inode);
        g_assert_cmpuint(inode_of_view(&elsewhere, "first"), !=, inode);
        g_assert_cmpuint(inode_of_view(&labelled, "first"), !=, inode);
        g_assert_cmpuint(inode_of_view(NULL, "first"), !=, inode);
        g_assert_cmpuint(inode_of_view(&one, "first"), ==, inode);
        /* A few are kept. */
        for (; name[0] < 'z'; name[0]++)
                (void) inode_of_view(&one, name);
        g_assert_cmpuint(inode_of_view(&one, "first"), !=, inode);
        /* And none that is large. */
        g_assert_cmpuint(inode_of_view(&one, large), !=, inode_of_view(&one, large));
        g_free(large);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/domain/class-ids", test_class_ids);
        g_test_add_func("/domain/class-limit", test_class_limit);
        g_test_add_func("/domain/compartments", test_compartments);
        g_test_add_func("/domain/compartment-of-another", test_compartment_of_another);
        g_test_add_func("/domain/control-groups", test_control_groups);
        g_test_add_func("/domain/fit", test_fit);
        g_test_add_func("/domain/streams", test_streams);
        g_test_add_func("/domain/foreseen", test_foreseen);
        g_test_add_func("/domain/definitions", test_definitions);
        g_test_add_func("/domain/store", test_store);
        g_test_add_func("/domain/view-files", test_view_files);
        return g_test_run();
}
