/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the rendez-vous of applications and tracingd costs. Each mode is a
 * measurement of its own and prints lines of "name value...", times in
 * microseconds; rendezvous.py makes tables of them.
 */

#include <stddef.h>
#include <stdint.h>

/* Microseconds. */
double bench_now(void);

/* Sorts values in place. q: 0 to 1. */
double bench_quantile(double *values, size_t n, double q);

/* "name median p99 mean deviation". Sorts them. */
void bench_print(const char *name, double *values, size_t n);

/* Says what has failed, with errno, and ends the program. */
_Noreturn void bench_fail(const char *what);
void bench_check(int result, const char *what); /* fails where it is negative, -1 as well as -errno */

/* A child that ends with us. */
int bench_fork(void);

/* A listening socket with an address that the kernel chooses; a connection to path, or to it. */
int bench_listen(void);
int bench_connect(const char *path, int listening);

/* The modes. argv[0] is the mode. */
int bench_floor(int argc, char *argv[]);
int bench_register(int argc, char *argv[]);
int bench_storm(int argc, char *argv[]);
int bench_ipc(int argc, char *argv[]);
