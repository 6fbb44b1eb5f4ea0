# SPDX-License-Identifier: LGPL-2.1-or-later
"""A trace made by hand, with whatever names and texts a test wants: one stream, events with one text each."""

import os
import struct

UUID = bytes(range(16))
START = 1_000_000_000_000_000_000  # when the clock was 0

METADATA = """/* CTF 1.8 */
typealias integer { size = 8; align = 8; signed = false; } := uint8_t;
typealias integer { size = 32; align = 8; signed = false; } := uint32_t;
typealias integer { size = 32; align = 8; signed = true; } := int32_t;
typealias integer { size = 64; align = 8; signed = false; } := uint64_t;
trace { major = 1; minor = 8; uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f"; byte_order = le;
        packet.header := struct { uint32_t magic; uint8_t uuid[16]; uint32_t stream_id; }; };
clock { name = "monotonic"; freq = 1000000000; offset_s = 1000000000; offset = 0; absolute = true; };
typealias integer { size = 64; align = 8; signed = false; map = clock.monotonic.value; } := clock_t;
stream { id = 1; event.header := struct { uint32_t id; clock_t timestamp; };
        packet.context := struct { clock_t timestamp_begin; clock_t timestamp_end; uint64_t content_size;
                uint64_t packet_size; uint64_t events_discarded; uint32_t cpu_id; };
        event.context := struct { int32_t vpid; int32_t vtid; string procname; }; };
"""


def write(folder, events, process="small", cpu=0, discarded=0):
    """events: (nanoseconds, name, pid, tid, text), in the order of time. A text is a str or bytes."""
    os.makedirs(folder, exist_ok=True)
    names = list(dict.fromkeys(name for _, name, *_ in events))
    with open(os.path.join(folder, "metadata"), "w", encoding="utf-8") as f:
        f.write(METADATA)
        for number, name in enumerate(names):
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            f.write(f'event {{ name = "{quoted}"; id = {number}; stream_id = 1; '
                    "fields := struct { uint64_t _n; string _text; }; };\n")
    body = b""
    for n, (time, name, pid, tid, text) in enumerate(events):
        data = text if isinstance(text, bytes) else text.encode()
        body += struct.pack("<IQii", names.index(name), time, pid, tid) + process.encode() + b"\0"
        body += struct.pack("<Q", n) + data + b"\0"
    size = (4 + 16 + 4 + 44 + len(body)) * 8
    with open(os.path.join(folder, "stream"), "wb") as f:
        f.write(struct.pack("<I", 0xC1FC1FC1) + UUID + struct.pack("<I", 1))
        f.write(struct.pack("<QQQQQI", events[0][0] if events else 0, events[-1][0] if events else 0, size, size,
                            discarded, cpu))
        f.write(body)
