/* SPDX-License-Identifier: LGPL-2.1-or-later */
"use strict";

/* What the reader of the page does: looks closer, chooses rows, searches, clicks. */

const $ = id => document.getElementById(id);

/* Everything that comes from the trace gets into the page as text. */
function element(tag, text, kind) {
  const made = document.createElement(tag);
  if (text !== undefined)
    made.textContent = text;
  if (kind)
    made.className = kind;
  return made;
}

function fullTime(data, ns) {
  const time = BigInt(data.start) + BigInt(Math.round(ns)), second = 1000000000n;
  const part = ((time % second) + second) % second;
  const date = new Date(Number((time - part) / 1000000n));
  return `${date.toISOString().slice(0, 19).replace("T", " ")}.${String(part).padStart(9, "0")} UTC`;
}

class Page {
  constructor(data) {
    this.data = data;
    this.timeline = new Timeline($("canvas"), data);
    this.timeline.readTheme();
    this.rows = { thread: threadRows(data), cpu: cpuRows(data) };
    this.showRows("thread");
    this.showHead();
    this.showEvents();
    this.listen();
    this.redraw();
  }

  redraw() {
    if (this.pending)
      return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.timeline.draw();
    });
  }

  showRows(kind) {
    this.timeline.setRows(this.rows[kind]);
    $("by-thread").setAttribute("aria-pressed", kind === "thread");
    $("by-cpu").setAttribute("aria-pressed", kind === "cpu");
    this.redraw();
  }

  showHead() {
    const { data } = this, name = data.path.replace(/\/+$/, "").split("/").pop() || data.path;
    const parts = [`${data.events.n.toLocaleString("en")} events`, duration(data.end - data.begin)];
    if (data.left_out > 0)
      parts.push(`${data.left_out.toLocaleString("en")} later ones left out`);
    if (data.discarded > 0)
      parts.push(`${data.discarded.toLocaleString("en")} discarded while recording`);
    if (data.packets_lost > 0)
      parts.push(`${data.packets_lost.toLocaleString("en")} packets missing`);
    document.title = `${name} - tracectl`;
    $("title").textContent = name;
    $("title").title = data.path;
    $("summary").textContent = parts.join(", ");
  }

  /* Without a selection: which events there are. */
  showEvents() {
    const { events, names } = this.data, counts = new Map(), table = $("side-table");
    for (let i = 0; i < events.n; i++)
      counts.set(events.name[i], (counts.get(events.name[i]) ?? 0) + 1);
    $("side-title").textContent = "Events";
    $("side-time").textContent = "Click one in the timeline, or here to find all of its kind.";
    table.replaceChildren();
    for (const [name, count] of [...counts].sort((a, b) => b[1] - a[1]).slice(0, 500)) {
      const row = element("tr", undefined, "pick"), cell = element("td", undefined, "kind");
      const swatch = element("span", undefined, "swatch");
      const first = events.name.indexOf(name);
      swatch.style.background = this.timeline.colour(events.span[first]);
      cell.append(swatch, names[name]);
      row.append(cell, element("td", count.toLocaleString("en"), "count"));
      row.addEventListener("click", () => {
        $("search").value = names[name];
        this.search();
      });
      table.append(row);
    }
  }

  select(i) {
    this.timeline.selected = i;
    if (i < 0)
      this.showEvents();
    else
      this.showDetails(i);
    this.redraw();
  }

  showDetails(i) {
    const { data } = this, { events, tracks } = data, track = tracks[events.track[i]], table = $("side-table");
    const isSpan = events.kind[i] >= END, pairs = [["event", data.names[events.name[i]]]];
    if (isSpan) {
      pairs.push(["duration", duration(events.length[i])]);
      pairs.push(["began", fullTime(data, events.time[i] - events.length[i])]);
    }
    if (track.pid !== undefined)
      pairs.push(["process", track.process ? `${track.pid} ${track.process}` : `${track.pid}`],
        ["thread", `${track.tid}`]);
    if (events.cpu[i] >= 0)
      pairs.push(["CPU", `${events.cpu[i]}`]);
    $("side-title").textContent = data.names[events.span[i]];
    $("side-time").textContent = fullTime(data, events.time[i]);
    table.replaceChildren();
    const add = (name, value, kind) => {
      const row = element("tr");
      row.append(element("td", name), element("td", value, kind));
      table.append(row);
    };
    pairs.forEach(([name, value]) => add(name, value));
    const begin = events.kind[i] === END ? this.findBegin(i) : -1;
    for (const from of begin >= 0 ? [begin, i] : [i])
      for (const [name, value] of Object.entries(details(data, from)))
        add(name, typeof value === "string" ? value : JSON.stringify(value), "value");
  }

  /* The event that began what this one ended. */
  findBegin(i) {
    const { time, length, track, kind, depth } = this.data.events, at = time[i] - length[i];
    let low = 0, high = i;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (time[middle] >= at)
        high = middle;
      else
        low = middle + 1;
    }
    for (let k = low; k < i && time[k] === at; k++)
      if (kind[k] === BEGIN && track[k] === track[i] && depth[k] === depth[i])
        return k;
    return -1;
  }

  search() {
    const text = $("search").value, n = search(this.data, text);
    this.timeline.hits = n;
    $("found").textContent = text === "" ? "" : n === 0 ? "none found" : `${n.toLocaleString("en")} found`;
    this.redraw();
  }

  /* To the next event that was found, in one direction or the other, and around the end. */
  step(by) {
    const { events } = this.data, { n } = events;
    if (this.timeline.hits === 0)
      return;
    let i = this.timeline.selected >= 0 ? this.timeline.selected : by > 0 ? -1 : n;
    do
      i = (i + by + n) % n;
    while (!events.hit[i]);
    this.select(i);
    this.show(i);
  }

  /* Brings an event into sight. */
  show(i) {
    const { timeline } = this, { time, length } = this.data.events, place = timeline.place(i);
    const middle = time[i] - length[i] / 2;
    if (time[i] - length[i] < timeline.from || time[i] > timeline.to)
      timeline.move(middle - (timeline.from + timeline.to) / 2);
    const y = place ? place.y - timeline.top : 0, room = $("canvas").clientHeight - RULER - LANE;
    if (place && (y < 0 || y > room))
      timeline.scroll(y - room / 2);
    this.redraw();
  }

  showTip(x, y) {
    const i = this.timeline.find(x, y), tip = $("tip"), { events, names } = this.data;
    tip.hidden = i < 0;
    if (i < 0)
      return;
    tip.textContent = events.kind[i] >= END ? `${names[events.span[i]]}  ${duration(events.length[i])}`
      : names[events.name[i]];
    tip.style.left = `${Math.max(4, Math.min(x + 12, $("stage").clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.min(y + 16, $("stage").clientHeight - tip.offsetHeight - 4)}px`;
  }

  zoom(factor) {
    this.timeline.zoom(factor, GUTTER + this.timeline.width / 2);
    this.redraw();
  }

  fit() {
    this.timeline.fit();
    this.redraw();
  }

  listen() {
    $("by-thread").addEventListener("click", () => this.showRows("thread"));
    $("by-cpu").addEventListener("click", () => this.showRows("cpu"));
    $("zoom-in").addEventListener("click", () => this.zoom(0.5));
    $("zoom-out").addEventListener("click", () => this.zoom(2));
    $("fit").addEventListener("click", () => this.fit());
    $("previous").addEventListener("click", () => this.step(-1));
    $("next").addEventListener("click", () => this.step(1));
    let timer = 0;
    $("search").addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.search(), 150);
    });
    $("search").addEventListener("keydown", event => {
      if (event.key === "Enter") {
        this.search();
        this.step(event.shiftKey ? -1 : 1);
      }
    });
    addEventListener("resize", () => this.redraw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.timeline.readTheme();
      this.redraw();
    });
    this.listenToCanvas();
    this.listenToKeys();
  }

  listenToCanvas() {
    const canvas = $("canvas"), { timeline } = this;
    let drag = null;
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      if (event.ctrlKey || event.altKey)
        timeline.zoom(Math.exp(event.deltaY * 0.005), event.offsetX);
      else {
        timeline.move((event.shiftKey ? event.deltaY : event.deltaX) * (timeline.to - timeline.from) / timeline.width);
        timeline.scroll(event.shiftKey ? 0 : event.deltaY);
      }
      this.redraw();
    }, { passive: false });
    canvas.addEventListener("pointerdown", event => {
      drag = { x: event.offsetX, y: event.offsetY, isMoved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", event => {
      if (!drag) {
        this.showTip(event.offsetX, event.offsetY);
        return;
      }
      const x = event.offsetX - drag.x, y = event.offsetY - drag.y;
      if (!drag.isMoved && Math.hypot(x, y) < 4)
        return;
      drag = { x: event.offsetX, y: event.offsetY, isMoved: true };
      canvas.classList.add("dragging");
      timeline.move(-x * (timeline.to - timeline.from) / timeline.width);
      timeline.scroll(-y);
      this.redraw();
    });
    canvas.addEventListener("pointerup", event => {
      if (drag && !drag.isMoved)
        this.select(timeline.find(event.offsetX, event.offsetY));
      drag = null;
      canvas.classList.remove("dragging");
    });
    canvas.addEventListener("pointerleave", () => { $("tip").hidden = true; });
    canvas.addEventListener("dblclick", event => {
      timeline.zoom(0.25, event.offsetX);
      this.redraw();
    });
  }

  listenToKeys() {
    const keys = {
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), "0": () => this.fit(),
      "/": () => $("search").focus(), "Escape": () => this.select(-1),
      "ArrowLeft": () => this.pan(-0.1), "ArrowRight": () => this.pan(0.1),
      "ArrowUp": () => this.scroll(-40), "ArrowDown": () => this.scroll(40),
    };
    addEventListener("keydown", event => {
      if (event.target === $("search")) {
        if (event.key === "Escape")
          $("search").blur();
        return;
      }
      if (keys[event.key] && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        keys[event.key]();
      }
    });
  }

  pan(part) {
    this.timeline.move(part * (this.timeline.to - this.timeline.from));
    this.redraw();
  }

  scroll(y) {
    this.timeline.scroll(y);
    this.redraw();
  }
}

let page;

readData($("data").textContent).then(data => {
  page = new Page(data);
  document.documentElement.dataset.ready = "yes";
}).catch(error => {
  $("problem").hidden = false;
  $("problem").textContent = `The page cannot show its events: ${error.message}`;
  document.documentElement.dataset.ready = "no";
});
