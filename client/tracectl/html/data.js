/* SPDX-License-Identifier: LGPL-2.1-or-later */
"use strict";

/* What the page shows: events in typed arrays, in the order of time, and the rows that they are in. */

const NONE = 0, BEGIN = 1, END = 2, WHOLE = 3;

async function unpack(text) {
  const binary = atob(text.trim()), packed = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++)
    packed[i] = binary.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* Numbers of seven bits a byte, the lowest first. Beyond 2^31 they are doubles. */
class Cursor {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  number() {
    let value = 0, scale = 1, byte;
    do {
      byte = this.bytes[this.at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    return value;
  }
}

function makeEvents(n) {
  return {
    n,
    time: new Float64Array(n), length: new Float64Array(n), kind: new Uint8Array(n), depth: new Uint8Array(n),
    name: new Uint32Array(n), span: new Uint32Array(n), track: new Uint32Array(n), cpu: new Int32Array(n),
    at: new Uint32Array(n), size: new Uint32Array(n), hit: new Uint8Array(n),
  };
}

function readEvents(bytes, n) {
  const cursor = new Cursor(bytes), events = makeEvents(n);
  let time = 0;
  for (let i = 0; i < n; i++) {
    const head = cursor.number();
    events.kind[i] = head % 4;
    events.name[i] = events.span[i] = Math.floor(head / 4);
    time += cursor.number();
    events.time[i] = time;
    events.track[i] = cursor.number();
    events.cpu[i] = cursor.number() - 1;
    events.depth[i] = cursor.number();
    if (events.kind[i] === BEGIN || events.kind[i] === END)
      events.span[i] = cursor.number();
    if (events.kind[i] >= END)
      events.length[i] = cursor.number();
    events.size[i] = cursor.number();
    events.at[i] = cursor.at;
    cursor.at += events.size[i];
  }
  return events;
}

/* Lists of events, one after another in one array: those of list k are from start[k] to start[k + 1]. */
function makeLists(n_lists, n, listOf) {
  const start = new Uint32Array(n_lists + 1);
  for (let i = 0; i < n; i++) {
    const k = listOf(i);
    if (k >= 0)
      start[k + 1]++;
  }
  for (let k = 0; k < n_lists; k++)
    start[k + 1] += start[k];
  const items = new Uint32Array(start[n_lists]), next = start.slice();
  for (let i = 0; i < n; i++) {
    const k = listOf(i);
    if (k >= 0)
      items[next[k]++] = i;
  }
  return k => items.subarray(start[k], start[k + 1]);
}

function trackName(track) {
  if (track.tid !== undefined)
    return track.tid === track.pid ? `${track.tid} (main)` : `${track.tid}`;
  return track.cpu >= 0 ? `CPU ${track.cpu}` : "unknown";
}

/* Threads below their processes; each has a lane for what only happened, and one for each depth of spans. */
function threadRows(data) {
  const { events, tracks } = data, order = tracks.map((_, i) => i), depths = new Uint16Array(tracks.length);
  for (let i = 0; i < events.n; i++)
    if (events.kind[i] >= END && events.depth[i] + 1 > depths[events.track[i]])
      depths[events.track[i]] = events.depth[i] + 1;
  order.sort((a, b) => (tracks[a].pid ?? -1) - (tracks[b].pid ?? -1) || (tracks[a].tid ?? -1) - (tracks[b].tid ?? -1)
    || a - b);
  const lane = new Uint32Array(tracks.length);
  let n_lanes = 0;
  for (const track of order) {
    lane[track] = n_lanes;
    n_lanes += 1 + depths[track];
  }
  const list = makeLists(n_lanes, events.n,
    i => lane[events.track[i]] + (events.kind[i] >= END ? 1 + events.depth[i] : 0));
  const rows = [];
  let process;
  for (const k of order) {
    const track = tracks[k], pid = track.pid ?? null;
    if (rows.length === 0 || pid !== process)
      rows.push({ head: pid === null ? "No process" : `${track.process ?? "process"} ${pid}` });
    process = pid;
    const spans = [];
    for (let d = 0; d < depths[k]; d++)
      spans.push(list(lane[k] + 1 + d));
    rows.push({ label: trackName(track), points: list(lane[k]), spans });
  }
  return rows;
}

function cpuRows(data) {
  const { events } = data;
  let most = -1;
  for (let i = 0; i < events.n; i++)
    most = Math.max(most, events.cpu[i]);
  const list = makeLists(most + 2, events.n, i => events.cpu[i] + 1), rows = [{ head: "CPUs" }];
  for (let cpu = -1; cpu <= most; cpu++)
    if (list(cpu + 1).length > 0)
      rows.push({ label: cpu < 0 ? "unknown" : `CPU ${cpu}`, points: list(cpu + 1), spans: [] });
  return rows;
}

/* At the very end, in 10 digits, is how long the JSON before it is; before that are the events. */
async function readData(text) {
  const bytes = await unpack(text), decode = (from, to) => new TextDecoder().decode(bytes.subarray(from, to));
  const end = bytes.length - 10, data = JSON.parse(decode(end - Number(decode(end)), end));
  const events = readEvents(bytes, data.n);
  data.bytes = bytes;
  data.events = events;
  data.end = events.n > 0 ? events.time[events.n - 1] : 0;
  data.begin = 0;
  for (let i = 0; i < events.n; i++)
    data.begin = Math.min(data.begin, events.time[i] - events.length[i]);
  return data;
}

function details(data, i) {
  const { at, size } = data.events;
  return JSON.parse(new TextDecoder().decode(data.bytes.subarray(at[i], at[i] + size[i])));
}

/* As the fields are written: ASCII, and nothing that means something to JSON or HTML. */
function escaped(text) {
  return text.replace(/[^ -~]|["\\<>&]/g, c => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

/* Marks the events whose name or fields have the text, and counts them. An empty text marks none. */
function search(data, text) {
  const { events, names, bytes } = data, wanted = text.toLowerCase();
  events.hit.fill(0);
  if (wanted === "")
    return 0;
  const named = names.map(name => name.toLowerCase().includes(wanted));
  const needle = new TextEncoder().encode(escaped(text));
  let n = 0, found = indexOf(bytes, needle, 0);
  for (let i = 0; i < events.n; i++) {
    const end = events.at[i] + events.size[i];
    if (found >= 0 && found < events.at[i])
      found = indexOf(bytes, needle, events.at[i]);
    if (named[events.name[i]] || (found >= 0 && found + needle.length <= end)) {
      events.hit[i] = 1;
      n++;
    }
  }
  return n;
}

function indexOf(bytes, needle, from) {
  for (let at = bytes.indexOf(needle[0], from); at >= 0; at = bytes.indexOf(needle[0], at + 1)) {
    let k = 1;
    while (k < needle.length && bytes[at + k] === needle[k])
      k++;
    if (k === needle.length)
      return at;
  }
  return -1;
}
