/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file with a profile: its text, and the profile's name, which is the file's
 * without folder and ".conf", or NULL where that is none ("-" is the standard
 * input). The caller frees both. 0, or the exit status after saying what is
 * wrong.
 */
int profile_file_read(const char *path, char **ret_text, char **ret_name);
