/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A trace after a power cut: what was fsync()ed is there, and of what came later
 * any page may be there or not. Each stream keeps the packets before the first
 * that is not whole, as the walker reads them with the classes of the journal;
 * their index is written again. A discard ring is of no use then, since its pages
 * are of several times: all that is older than the interval was in the file. An
 * overwrite ring is read as ever, which doubts all that is in it anyway. Chunks
 * and snapshots are left as they are, and counted.
 */

struct session;
struct sets;

/* To be called when all classes are known. What cannot be read or written ends the stream there. */
void stream_check_all(struct session *session, const struct sets *sets);
