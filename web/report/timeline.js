// The timeline: an overview with the visible part marked, and the lanes, zoomed and moved by wheel, pointer and keys.
class TimelineView {
  constructor(data) {
    this.data = data;
    this.span = Math.max(1, data.timeline.span);
    this.margin = this.span * 0.004;
    this.view = {from: -this.margin, to: this.span + this.margin, height: 0, find: null};
    this.narrow = matchMedia("(max-width: 760px)");
    this.layOut();
    this.levels = new Levels(data);
    this.painter = new Painter(data);
    this.cursor = {lane: -1, row: 0};
    this.selected = null;
    this.build();
    theme.listeners.push(() => { this.painter.readTheme(); this.draw(); });
  }

  layOut() {
    this.layout = layOut(this.data, this.narrow.matches);
    this.lanes = this.layout.items.filter((item) => item.lane);
  }

  placeLabels() {
    this.labels.replaceChildren(...this.layout.items.map((item) => this.labelOf(item)));
    this.content.style.height = this.layout.height + RULER + 8 + "px";
  }

  // The top of a lane's row, from the first lane's top.
  rowTop(lane, row) { return this.lanes[lane].top + this.lanes[lane].padding + row * (ROW + ROW_GAP); }

  build() {
    const button = (text, title, action) => el("button", {type: "button", title, "aria-label": title, text, onclick: action});
    this.readout = el("output", {class: "readout", "aria-live": "polite"});
    this.search = el("input", {type: "search", placeholder: "Highlight a name", "aria-label": "Highlight a name in the timeline", autocomplete: "off", spellcheck: "false", oninput: () => this.highlight()});
    this.overview = el("canvas", {class: "tl-overview", "aria-hidden": "true"});
    this.canvas = el("canvas", {class: "tl-canvas", tabindex: "0", role: "application", "aria-roledescription": "timeline", "aria-describedby": "tl-help",
      "aria-label": `Timeline of ${plural(this.data.timeline.events, "event")} in ${plural(this.lanes.length, "lane")}`});
    this.labels = el("div", {class: "tl-labels"});
    this.content = el("div", {class: "tl-content"}, this.labels, this.canvas);
    this.placeLabels();
    this.frame = el("div", {class: "tl-frame", tabindex: "-1"}, this.content);
    this.detail = el("div", {class: "tl-detail", role: "status"}, el("p", {class: "muted", text: "Choose a bar to see its exact figures."}));
    this.element = el("div", {class: "timeline", id: "timeline-view"},
      el("div", {class: "tl-tools"}, el("div", {class: "buttons"}, button("−", "Zoom out (−)", () => this.zoom(2)), button("+", "Zoom in (+)", () => this.zoom(0.5)), button("Fit", "Show everything (0)", () => this.fit())), this.search, this.readout),
      this.overview, this.frame, this.detail,
      el("p", {class: "muted small keys", id: "tl-help"}, "Drag to move, Ctrl + wheel or pinch to zoom (the wheel alone once the timeline was clicked), drag in the ruler or the overview to choose a stretch. Keys: ", ...[["+", "−"], ["←", "→"], ["↑", "↓"], ["Shift ←", "→"], ["Enter"], ["0"]].flatMap((keys, index) => [...keys.map((key) => el("kbd", {text: key})), [" zoom, ", " move, ", " lane, ", " previous and next bar, ", " zoom to it, ", " everything."][index]])));
    this.listen();
  }

  labelOf(item) {
    const box = item.head ? el("div", {class: "tl-group", text: item.head}) :
      el("div", {class: "tl-label", title: `${item.title}: ${plural(item.lane.events, "event")}, busy ${time(item.lane.busy)}`},
        el("span", {class: "tl-name", text: item.title}), el("span", {class: "tl-busy", text: percent(item.lane.busy / this.span * 100)}));
    box.style.top = item.top + RULER + "px";
    box.style.height = item.height + "px";
    return box;
  }

  listen() {
    new ResizeObserver(() => this.draw()).observe(this.frame);
    this.narrow.addEventListener("change", () => { this.layOut(); this.placeLabels(); this.draw(); });
    this.frame.addEventListener("scroll", () => this.draw());
    this.canvas.addEventListener("wheel", (event) => this.onWheel(event), {passive: false});
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    this.canvas.addEventListener("dblclick", (event) => { const found = this.at(event); if (found) this.zoomTo(found); });
    this.canvas.addEventListener("pointerleave", () => tip.hide());
    this.canvas.addEventListener("focus", () => { this.draw(); });
    this.canvas.addEventListener("blur", () => { this.draw(); });
    this.pointers = new Map();
    for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) this.canvas.addEventListener(type, (event) => this.onPointer(type, event));
    for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) this.overview.addEventListener(type, (event) => this.onOverview(type, event));
    matchMedia("print").addEventListener("change", () => { this.painter.readTheme(); this.drawNow(); });
  }

  get width() { return Math.max(1, this.canvas.clientWidth); }
  get nsPerPixel() { return (this.view.to - this.view.from) / this.width; }

  show(from, to) {
    const least = 20, most = this.span + 2 * this.margin;
    const length = Math.min(Math.max(to - from, least), most);
    from = (from + to) / 2 - length / 2;
    from = Math.min(Math.max(from, -this.margin), this.span + this.margin - length);
    this.view.from = from;
    this.view.to = from + length;
    this.draw();
  }
  fit() { this.show(-this.margin, this.span + this.margin); }
  zoom(factor, center = (this.view.from + this.view.to) / 2) {
    const length = (this.view.to - this.view.from) * factor;
    const share = (center - this.view.from) / (this.view.to - this.view.from);
    if (length < 20) return;
    this.show(center - share * length, center + (1 - share) * length);
  }
  pan(share) { const by = (this.view.to - this.view.from) * share; this.show(this.view.from + by, this.view.to + by); }
  zoomTo(found) {
    const length = Math.max(found.end - found.start, 20);
    this.show(found.start - length * 0.6, found.end + length * 0.6);
  }

  momentAt(event) { return this.view.from + (event.clientX - this.canvas.getBoundingClientRect().left) * this.nsPerPixel; }
  inRuler(event) { return event.clientY - this.canvas.getBoundingClientRect().top < RULER; }

  // The bar under a pointer, two pixels to each side.
  at(event) {
    const y = event.clientY - this.canvas.getBoundingClientRect().top + this.frame.scrollTop - RULER;
    if (this.inRuler(event)) return null;
    const index = this.lanes.findIndex((item) => y >= item.top && y < item.top + item.height);
    if (index < 0) return null;
    const row = Math.floor((y - this.rowTop(index, 0)) / (ROW + ROW_GAP));
    if (row < 0 || row >= this.lanes[index].lane.rows.length) return null;
    const level = this.levels.pick(this.lanes[index].lane.rows[row], this.nsPerPixel);
    const moment = this.momentAt(event), reach = 2 * this.nsPerPixel;
    const bar = firstAfter(level, moment - reach);
    for (let near = bar; near < Math.min(level.size, bar + 4); ++near)
      if (level.start[near] <= moment && level.end[near] >= moment) return this.barOf(index, row, level, near);
    return bar < level.size && level.start[bar] <= moment + reach ? this.barOf(index, row, level, bar) : null;
  }

  barOf(lane, row, level, bar) {
    return {lane, row, level, bar, start: level.start[bar], end: level.end[bar], name: this.data.timeline.names[level.name[bar]], count: level.count[bar], busy: level.busy[bar], nameBusy: level.nameBusy[bar]};
  }

  figures(found) {
    const length = found.end - found.start;
    const rows = [["starts", moment(found.start, 1)]];
    if (found.count === 1) rows.push(["takes", length >= 1000 ? `${time(length)} (${exactTime(length)})` : exactTime(length)]);
    else rows.push(["events", count(found.count)], ["from first to last", `${time(length)} (${exactTime(length)})`], ["busy", `${time(found.busy)}, ${share(found.busy / Math.max(1, length))}`], ["of it this name", share(found.nameBusy / Math.max(1, found.busy))]);
    return rows;
  }

  select(found) {
    this.selected = found;
    this.cursor = {lane: found.lane, row: found.row};
    const title = (found.count > 1 ? "Mostly " : "") + found.name;
    this.detail.replaceChildren(el("p", {class: "tl-detail-name", text: title}),
      el("dl", {class: "inline"}, [["lane", this.lanes[found.lane].title], ...this.figures(found)].map(([name, value]) => el("div", {}, el("dt", {text: name}), el("dd", {text: value})))));
    this.draw();
  }

  onWheel(event) {
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
    if (!event.ctrlKey && !event.metaKey && !sideways && document.activeElement !== this.canvas) return;
    event.preventDefault();
    tip.hide();
    const size = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 400 : 1;
    if (sideways) this.pan((event.deltaX || event.deltaY) * size / this.width);
    else this.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * size * 0.0025))), this.momentAt(event));
  }

  onPointer(type, event) {
    if (type === "pointerdown") {
      if (event.button !== 0) return;
      this.canvas.focus({preventScroll: true});
      this.canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event.clientX);
      this.drag = {x: event.clientX, moved: false, from: this.view.from, to: this.view.to, ruler: this.inRuler(event), start: this.momentAt(event)};
      return;
    }
    const down = this.pointers.has(event.pointerId);
    if (type === "pointermove" && !down) { this.hover(event); return; }
    if (!down) return;
    if (type === "pointermove") { this.onDrag(event); return; }
    this.pointers.delete(event.pointerId);
    const {ruler, moved, start} = this.drag;
    if (moved && ruler && this.brush) this.show(Math.min(start, this.momentAt(event)), Math.max(start, this.momentAt(event)));
    else if (!moved && type === "pointerup") { const found = this.at(event); if (found) this.select(found); }
    this.brush = null;
    this.canvas.classList.remove("moving");
    this.draw();
  }

  onDrag(event) {
    const before = [...this.pointers.values()];
    this.pointers.set(event.pointerId, event.clientX);
    if (Math.abs(event.clientX - this.drag.x) > 3) this.drag.moved = true;
    if (!this.drag.moved) return;
    tip.hide();
    if (this.pointers.size === 2) {
      const now = [...this.pointers.values()];
      const factor = Math.abs(before[0] - before[1]) / Math.max(10, Math.abs(now[0] - now[1]));
      this.zoom(factor, this.view.from + ((now[0] + now[1]) / 2 - this.canvas.getBoundingClientRect().left) * this.nsPerPixel);
    } else if (this.drag.ruler) {
      this.brush = [this.drag.start, this.momentAt(event)];
      this.draw();
    } else {
      this.canvas.classList.add("moving");
      const by = (this.drag.x - event.clientX) * (this.drag.to - this.drag.from) / this.width;
      this.show(this.drag.from + by, this.drag.to + by);
    }
  }

  onOverview(type, event) {
    const box = this.overview.getBoundingClientRect();
    const here = (event.clientX - box.left) / box.width * this.span;
    if (type === "pointerdown") { this.overview.setPointerCapture(event.pointerId); this.overviewFrom = here; return; }
    if (this.overviewFrom === undefined || this.overviewFrom === null) return;
    if (Math.abs(here - this.overviewFrom) / this.span * box.width > 4) this.show(Math.min(here, this.overviewFrom), Math.max(here, this.overviewFrom));
    else if (type === "pointerup") { const half = (this.view.to - this.view.from) / 2; this.show(here - half, here + half); }
    if (type !== "pointermove") this.overviewFrom = null;
  }

  hover(event) {
    const found = this.at(event);
    if (!found) { tip.hide(); return; }
    tip.show(event.clientX, event.clientY, (found.count > 1 ? "Mostly " : "") + found.name, this.figures(found));
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), "_": () => this.zoom(2), "0": () => this.fit(), Home: () => this.fit(),
      ArrowLeft: () => event.shiftKey ? this.step(-1) : this.pan(-0.15), ArrowRight: () => event.shiftKey ? this.step(1) : this.pan(0.15),
      ArrowUp: () => this.moveLane(-1), ArrowDown: () => this.moveLane(1),
      Enter: () => this.selected && this.zoomTo(this.selected),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  moveLane(by) {
    const places = this.lanes.flatMap((item, lane) => item.lane.rows.map((_, row) => [lane, row]));
    if (places.length === 0) return;
    const now = places.findIndex(([lane, row]) => lane === this.cursor.lane && row === this.cursor.row);
    const [lane, row] = places[Math.max(0, Math.min(places.length - 1, now + by))];
    this.cursor = {lane, row};
    const top = this.rowTop(lane, row);
    if (top < this.frame.scrollTop) this.frame.scrollTop = Math.max(0, top - GROUP_HEAD);
    if (top + ROW > this.frame.scrollTop + this.frame.clientHeight - RULER) this.frame.scrollTop = top + 2 * ROW - this.frame.clientHeight + RULER;
    this.detail.replaceChildren(el("p", {class: "muted", text: `${this.lanes[lane].title}, row ${row + 1}: ${plural(this.lanes[lane].lane.events, "event")} in this lane, busy ${time(this.lanes[lane].lane.busy)}`}));
    this.draw();
  }

  step(by) {
    if (this.cursor.lane < 0) this.moveLane(1);
    if (this.cursor.lane < 0) return;
    const {lane, row} = this.cursor;
    const level = this.levels.pick(this.lanes[lane].lane.rows[row], this.nsPerPixel);
    const same = this.selected && this.selected.lane === lane && this.selected.row === row;
    let bar = same && this.selected.level === level ? this.selected.bar + by : same ? firstAfter(level, this.selected.start) + Math.max(0, by) : firstAfter(level, this.view.from);
    bar = Math.max(0, Math.min(level.size - 1, bar));
    const found = this.barOf(lane, row, level, bar);
    if (found.start < this.view.from || found.end > this.view.to) {
      const half = (this.view.to - this.view.from) / 2, middle = (found.start + found.end) / 2;
      this.show(middle - half, middle + half);
    }
    this.select(found);
  }

  highlight() {
    const needle = this.search.value.trim().toLowerCase();
    if (!needle) { this.view.find = null; this.draw(); return; }
    const hits = this.data.timeline.names.map((name) => name.toLowerCase().includes(needle));
    this.view.find = (name) => hits[name];
    this.draw();
  }

  draw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    this.pending = null;
    const width = this.width, height = Math.max(RULER + 40, Math.min(this.frame.clientHeight, this.layout.height + RULER + 8));
    const context = prepareCanvas(this.canvas, width, height);
    this.view.height = height;
    const scroll = this.frame.scrollTop;
    this.painter.ruler(context, this.view, width);
    context.save();
    context.beginPath();
    context.rect(0, RULER, width, height - RULER);
    context.clip();
    this.layout.items.forEach((item) => this.drawItem(context, item, RULER + item.top - scroll, width, height));
    this.drawMarks(context, width, height, scroll);
    context.restore();
    this.drawOverview();
    const length = this.view.to - this.view.from;
    const from = Math.max(0, this.view.from), to = Math.min(this.span, this.view.to);
    this.readout.textContent = `${moment(from, length / 1000, to)} to ${moment(to, length / 1000)} · ${time(to - from)}`;
    this.element.dataset.from = this.view.from;
    this.element.dataset.to = this.view.to;
  }

  drawItem(context, item, top, width, height) {
    if (top > height || top + item.height < RULER) return;
    if (item.head) {
      context.strokeStyle = this.painter.line;
      context.strokeRect(-2, Math.round(top) + 0.5, width + 4, 0);
      return;
    }
    item.lane.rows.forEach((row, index) => {
      const y = top + item.padding + index * (ROW + ROW_GAP);
      if (y > height || y + ROW < RULER) return;
      const active = document.activeElement === this.canvas && this.lanes[this.cursor.lane] === item && this.cursor.row === index;
      this.painter.row(context, this.levels.pick(row, this.nsPerPixel), this.view, y, width, active);
    });
  }

  drawMarks(context, width, height, scroll) {
    const x = (moment) => (moment - this.view.from) / this.nsPerPixel;
    if (this.selected) {
      const {lane, row, start, end} = this.selected;
      const top = RULER + this.rowTop(lane, row) - scroll;
      context.strokeStyle = this.painter.ink;
      context.lineWidth = 1.5;
      context.strokeRect(Math.max(-3, x(start)) - 0.5, top - 0.75, Math.max(3, Math.min(width + 3, x(end)) - Math.max(-3, x(start))), ROW + 1.5);
      context.lineWidth = 1;
    }
    if (this.brush) {
      context.globalAlpha = 0.15;
      context.fillStyle = this.painter.accent;
      context.fillRect(x(Math.min(...this.brush)), 0, Math.abs(x(this.brush[1]) - x(this.brush[0])), height);
      context.globalAlpha = 1;
    }
  }

  // How busy the devices are (or, without one, the operators or calls), and which part is visible.
  drawOverview() {
    const width = Math.max(1, this.overview.clientWidth), height = 44;
    const context = prepareCanvas(this.overview, width, height);
    const cover = this.cover ??= new Map();
    if (!cover.has(width)) { cover.clear(); cover.set(width, this.measureCover(width)); }
    context.fillStyle = this.painter.accent;
    cover.get(width).forEach((busy, pixel) => {
      if (busy <= 0) return;
      context.globalAlpha = 0.75;
      const tall = Math.max(1, busy * (height - 8));
      context.fillRect(pixel, height - 2 - tall, 1, tall);
    });
    context.globalAlpha = 1;
    const from = Math.max(0, this.view.from / this.span * width), to = Math.min(width, this.view.to / this.span * width);
    context.globalAlpha = 0.72;
    context.fillStyle = this.painter.surface;
    context.fillRect(0, 0, from, height);
    context.fillRect(to, 0, width - to, height);
    context.globalAlpha = 1;
    context.strokeStyle = this.painter.accent;
    context.strokeRect(Math.floor(from) + 0.5, 0.5, Math.max(2, Math.floor(to - from) - 1), height - 1);
  }

  measureCover(width) {
    const kind = ["kernels", "operators", "calls", "phases", "copies", "syncs"].find((name) => this.lanes.some((item) => item.lane.kind === name));
    const cover = new Float64Array(width);
    const perPixel = this.span / width;
    for (const {lane} of this.lanes.filter((item) => item.lane.kind === kind)) {
      const own = new Float64Array(width);
      const level = this.levels.pick(lane.rows[0], perPixel);
      for (let bar = 0; bar < level.size; ++bar) {
        const density = level.busy[bar] / Math.max(1, level.end[bar] - level.start[bar]);
        const first = Math.max(0, Math.floor(level.start[bar] / perPixel)), last = Math.min(width - 1, Math.floor(level.end[bar] / perPixel));
        for (let pixel = first; pixel <= last; ++pixel)
          own[pixel] += density * Math.max(0, Math.min(level.end[bar], (pixel + 1) * perPixel) - Math.max(level.start[bar], pixel * perPixel)) / perPixel;
      }
      for (let pixel = 0; pixel < width; ++pixel) cover[pixel] = Math.max(cover[pixel], Math.min(1, own[pixel]));
    }
    return cover;
  }
}
