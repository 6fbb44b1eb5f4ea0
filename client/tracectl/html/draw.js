/* SPDX-License-Identifier: LGPL-2.1-or-later */
"use strict";

/* The timeline on its canvas: what is seen of the time is in from and to, in nanoseconds; top says how far it is
 * scrolled. */

const GUTTER = 120, RULER = 26, HEAD = 26, POINTS = 18, LANE = 18, GAP = 6;

class Timeline {
  constructor(canvas, data) {
    this.canvas = canvas;
    this.data = data;
    this.rows = [];
    this.selected = -1;
    this.hits = 0;
    this.top = 0;
    this.fit();
  }

  fit() {
    const length = Math.max(this.data.end - this.data.begin, 1000);
    this.from = this.data.begin - length / 50;
    this.to = this.data.end + length / 50;
  }

  setRows(rows) {
    let y = 0;
    for (const row of rows) {
      row.y = y;
      row.height = row.head !== undefined ? HEAD : POINTS + row.spans.length * LANE + GAP;
      y += row.height;
    }
    this.rows = rows;
    this.height = y;
    this.top = 0;
  }

  get width() { return this.canvas.clientWidth - GUTTER; }
  x(time) { return GUTTER + (time - this.from) / (this.to - this.from) * this.width; }
  time(x) { return this.from + (x - GUTTER) / this.width * (this.to - this.from); }

  zoom(factor, x) {
    const at = this.time(x), length = (this.to - this.from) * factor;
    const whole = Math.max(this.data.end - this.data.begin, 1000);
    const wanted = Math.min(Math.max(length, 20), whole * 1.2);
    this.from = at - (at - this.from) * wanted / (this.to - this.from);
    this.to = this.from + wanted;
    this.keepInside();
  }

  move(time) {
    this.from += time;
    this.to += time;
    this.keepInside();
  }

  keepInside() {
    const length = this.to - this.from, margin = length / 2;
    const least = this.data.begin - margin, most = this.data.end + margin;
    this.from = Math.max(Math.min(this.from, most - length), least);
    this.to = this.from + length;
  }

  scroll(y) {
    const room = Math.max(0, this.height + RULER + 20 - this.canvas.clientHeight);
    this.top = Math.min(Math.max(this.top + y, 0), room);
  }

  /* Far from that of the names before: the angle between them fits into a circle as badly as any can. */
  colour(name) {
    return `hsl(${(210 + name * 137.508) % 360} ${this.theme.chroma} ${this.theme.light})`;
  }

  readTheme() {
    const style = getComputedStyle(document.documentElement), get = name => style.getPropertyValue(name).trim();
    this.theme = {
      ground: get("--ground"), panel: get("--panel"), line: get("--line"), text: get("--text"), dim: get("--dim"),
      row: get("--row"), accent: get("--accent"), density: get("--density"), onBar: get("--on-bar"),
      light: get("--bar-light"), chroma: get("--bar-chroma"),
    };
    this.font = getComputedStyle(document.body).fontFamily;
  }

  draw() {
    const { canvas } = this, ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const g = this.g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.fillStyle = this.theme.ground;
    g.fillRect(0, 0, width, height);
    this.drawGrid(g, width, height);
    for (const row of this.rows) {
      const y = RULER + row.y - this.top;
      if (y + row.height > RULER && y < height)
        this.drawRow(g, row, y, width);
    }
    this.drawRuler(g, width);
    this.drawSelection(g, width, height);
  }

  ticks() {
    const least = (this.to - this.from) / Math.max(this.width / 110, 1), power = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= least), ticks = [];
    for (let k = Math.ceil(this.from / step); k * step <= this.to; k++)
      ticks.push(k * step);
    return { ticks, step };
  }

  drawGrid(g, width, height) {
    g.fillStyle = this.theme.line;
    for (const tick of this.ticks().ticks)
      if (this.x(tick) >= GUTTER)
        g.fillRect(Math.round(this.x(tick)), RULER, 1, height);
  }

  drawRuler(g, width) {
    g.fillStyle = this.theme.panel;
    g.fillRect(0, 0, width, RULER);
    g.fillStyle = this.theme.line;
    g.fillRect(0, RULER - 1, width, 1);
    g.fillRect(GUTTER - 1, 0, 1, this.canvas.clientHeight);
    g.fillStyle = this.theme.dim;
    g.font = `11px ${this.font}`;
    g.textBaseline = "middle";
    const { ticks, step } = this.ticks();
    for (const tick of ticks)
      if (this.x(tick) >= GUTTER)
        g.fillText(shortTime(tick, step), this.x(tick) + 4, RULER / 2);
  }

  drawRow(g, row, y, width) {
    g.textBaseline = "middle";
    if (row.head !== undefined) {
      g.fillStyle = this.theme.row;
      g.fillRect(0, y, width, HEAD);
      g.fillStyle = this.theme.text;
      g.font = `600 12px ${this.font}`;
      g.fillText(row.head, 12, y + HEAD / 2 + 1);
      return;
    }
    g.save();
    g.beginPath();
    g.rect(0, y, GUTTER - 8, row.height);
    g.clip();
    g.fillStyle = this.theme.dim;
    g.font = `12px ${this.font}`;
    g.fillText(row.label, 20, y + POINTS / 2 + 1);
    g.restore();
    g.save();
    g.beginPath();
    g.rect(GUTTER, y, width - GUTTER, row.height);
    g.clip();
    this.drawPoints(g, row.points, y + 2, POINTS - 4);
    row.spans.forEach((list, depth) => this.drawSpans(g, list, y + POINTS + depth * LANE, LANE - 2));
    g.restore();
    g.fillStyle = this.theme.line;
    g.fillRect(0, y + row.height - 1, width, 1);
  }

  /* One mark each as long as there is room; where there is none, how many there are of them. */
  drawPoints(g, list, y, height) {
    const { time, span, hit } = this.data.events;
    const first = lowerBound(list, i => time[i] >= this.from), end = lowerBound(list, i => time[i] > this.to);
    if ((end - first) * 3 < this.width) {
      for (let k = first; k < end; k++) {
        g.globalAlpha = this.hits > 0 && !hit[list[k]] ? 0.15 : 1;
        g.fillStyle = this.colour(span[list[k]]);
        g.fillRect(Math.round(this.x(time[list[k]])) - 1, y, 2, height);
      }
      g.globalAlpha = 1;
      return;
    }
    const n = Math.ceil(this.width), counts = new Uint32Array(n + 1), hits = new Uint32Array(n + 1);
    const scale = this.width / (this.to - this.from);
    let most = 1;
    for (let k = first; k < end; k++) {
      const pixel = Math.floor((time[list[k]] - this.from) * scale);
      most = Math.max(most, ++counts[pixel]);
      hits[pixel] += hit[list[k]];
    }
    for (let pixel = 0; pixel <= n; pixel++) {
      if (counts[pixel] === 0)
        continue;
      const tall = 2 + (height - 2) * Math.log2(1 + counts[pixel]) / Math.log2(1 + most);
      g.fillStyle = hits[pixel] > 0 ? this.theme.accent : this.theme.density;
      g.globalAlpha = this.hits > 0 && hits[pixel] === 0 ? 0.2 : 1;
      g.fillRect(GUTTER + pixel, y + height - tall, 1, tall);
    }
    g.globalAlpha = 1;
  }

  /* Bars; what is narrower than a pixel is drawn once for all that share it. */
  drawSpans(g, list, y, height) {
    const { time, length, span, hit } = this.data.events;
    const first = lowerBound(list, i => time[i] >= this.from);
    const scale = this.width / (this.to - this.from);
    let last = -1;
    g.font = `11px ${this.font}`;
    for (let k = first; k < list.length; k++) {
      const i = list[k], begin = time[i] - length[i];
      if (begin > this.to)
        break;
      const left = GUTTER + Math.max(begin - this.from, 0) * scale;
      const right = GUTTER + Math.min(time[i] - this.from, this.to - this.from) * scale;
      const bar = Math.max(right - left, 1), isDim = this.hits > 0 && !hit[i];
      if (right < last && (!this.hits || isDim))
        continue;
      last = left + 1;
      g.globalAlpha = isDim ? 0.2 : 1;
      g.fillStyle = this.colour(span[i]);
      g.fillRect(left, y, bar > 3 ? bar - 0.5 : bar, height);
      if (bar > 40)
        this.drawLabel(g, this.data.names[span[i]], left, bar, y + height / 2);
    }
    g.globalAlpha = 1;
  }

  drawLabel(g, text, left, width, y) {
    const room = width - 10, shown = Math.floor(room / 6.2);
    g.fillStyle = this.theme.onBar;
    g.fillText(text.length <= shown ? text : text.slice(0, Math.max(shown - 1, 1)) + "\u2026", left + 5, y + 1, room);
  }

  place(i) {
    for (const row of this.rows) {
      const lists = row.points ? [row.points, ...row.spans] : [];
      for (let lane = 0; lane < lists.length; lane++) {
        const k = lowerBound(lists[lane], j => j >= i);
        if (lists[lane][k] === i)
          return { y: row.y + (lane === 0 ? 2 : POINTS + (lane - 1) * LANE), isPoint: lane === 0 };
      }
    }
    return null;
  }

  drawSelection(g, width, height) {
    const place = this.selected >= 0 ? this.place(this.selected) : null;
    if (!place)
      return;
    const { time, length } = this.data.events, i = this.selected;
    const left = this.x(time[i] - (place.isPoint ? 0 : length[i])), right = this.x(time[i]);
    const y = RULER + place.y - this.top;
    g.save();
    g.beginPath();
    g.rect(GUTTER, RULER, width - GUTTER, height - RULER);
    g.clip();
    g.strokeStyle = this.theme.accent;
    g.lineWidth = 2;
    g.strokeRect(left - 2.5, y - 1, Math.max(right - left, 0) + 5, (place.isPoint ? POINTS - 4 : LANE - 2) + 2);
    g.restore();
  }

  /* The event at a place of the canvas, or -1. */
  find(x, y) {
    const at = y - RULER + this.top;
    const row = y < RULER || x < GUTTER ? undefined : this.rows.find(r => at >= r.y && at < r.y + r.height);
    if (!row || row.head !== undefined)
      return -1;
    const lane = Math.floor((at - row.y - POINTS) / LANE);
    return lane < 0 ? this.findPoint(row.points, x) : this.findSpan(row.spans[lane] ?? [], x);
  }

  findPoint(list, x) {
    const { time } = this.data.events, at = this.time(x), k = lowerBound(list, i => time[i] >= at);
    let best = -1;
    for (const c of [k - 1, k])
      if (c >= 0 && c < list.length && Math.abs(this.x(time[list[c]]) - x) < 5
        && (best < 0 || Math.abs(time[list[c]] - at) < Math.abs(time[best] - at)))
        best = list[c];
    return best;
  }

  findSpan(list, x) {
    const { time, length } = this.data.events, at = this.time(x), slack = this.time(x + 2) - at;
    const k = lowerBound(list, i => time[i] >= at);
    for (const c of [k, k - 1])
      if (c >= 0 && c < list.length && time[list[c]] + slack >= at && time[list[c]] - length[list[c]] - slack <= at)
        return list[c];
    return -1;
  }
}

/* The first place in a list where is() holds; it holds for all behind it. */
function lowerBound(list, is) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (is(list[middle]))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* A length of time in its largest unit. */
function duration(ns) {
  const units = [["s", 1e9], ["ms", 1e6], ["\u00b5s", 1e3]];
  for (const [unit, size] of units)
    if (ns >= size)
      return `${(ns / size).toFixed(3)} ${unit}`;
  return `${ns} ns`;
}

/* A time since the start, as exact as the ticks are apart. */
function shortTime(ns, step) {
  const [unit, size] = step >= 1e8 ? ["s", 1e9] : step >= 1e5 ? ["ms", 1e6]
    : step >= 100 ? ["\u00b5s", 1e3] : ["ns", 1];
  const digits = Math.max(0, Math.ceil(Math.log10(size / step) - 1e-9));
  return `${(ns / size).toFixed(digits)} ${unit}`;
}
