/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * In libtracectl-tracepoint.a alone. The archive is for programs: a library that
 * had it inside could be unloaded, and the kernel would then find a restartable
 * sequence of a thread where nothing is any more; and each would trace for
 * itself. So this asks for memory of a thread as only programs may, and the
 * linker refuses to make a shared library of it, naming this variable.
 */

static __thread const char this_archive_is_for_programs__link_shared_libraries_with_libtracectl_tracepoint_so
        __attribute__((tls_model("local-exec"), used));

/* The kind of access is what matters, so the compiler must not see through it. */
static void __attribute__((constructor, used)) refuse_to_be_shared(void) {
        const char *address = &this_archive_is_for_programs__link_shared_libraries_with_libtracectl_tracepoint_so;

        __asm__ volatile("" : : "r"(address));
}
