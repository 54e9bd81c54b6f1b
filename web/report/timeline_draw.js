// How lanes and bars are laid out and painted.

const ROW = 17, ROW_GAP = 2, LANE_PADDING = 7, GROUP_HEAD = 30, RULER = 26;
const KIND_TITLE = {phases: "phases", kernels: "kernels", copies: "copies", syncs: "synchronization", operators: "operators", calls: "API"};

function deviceName(data, capture, index) {
  const known = (data.captures[capture]?.devices || []).find((device) => device.index === index);
  const head = index < 0 ? "Host" : "GPU " + index;
  return known && known.name ? head + " · " + known.name : head;
}

// Lanes under the heads of their device or host, in the order of the captures: [{head} or {lane, top, ...}].
// In a narrow window a lane's name stands above it, else beside it.
function layOut(data, narrow) {
  const groups = new Map();
  for (const lane of data.timeline.lanes) {
    const key = lane.capture + "/" + (lane.device < 0 ? "h" + (lane.kind === "phases" ? 0 : 2) : "d" + lane.device);
    if (!groups.has(key)) groups.set(key, {capture: lane.capture, device: lane.device, order: [lane.capture, lane.device < 0 ? (lane.kind === "phases" ? -1 : 1e9) : lane.device], lanes: []});
    groups.get(key).lanes.push(lane);
  }
  const items = [];
  let top = 0;
  for (const group of [...groups.values()].sort((a, b) => a.order[0] - b.order[0] || a.order[1] - b.order[1])) {
    const capture = data.captures.length > 1 ? data.captures[group.capture].label + " · " : "";
    const title = capture + (group.order[1] === -1 ? "Phases" : deviceName(data, group.capture, group.device));
    items.push({head: title, top, height: GROUP_HEAD});
    top += GROUP_HEAD;
    for (const lane of group.lanes) {
      const padding = LANE_PADDING + (narrow ? 11 : 0);
      const height = lane.rows.length * (ROW + ROW_GAP) - ROW_GAP + LANE_PADDING + padding;
      items.push({lane, title: group.device < 0 && lane.kind !== "phases" ? KIND_TITLE[lane.kind] + ", " + lane.title : lane.title, top, height, padding});
      top += height;
    }
  }
  return {items, height: top};
}

// Levels are read when they are first looked at.
class Levels {
  constructor(data) { this.bars = data.bars; this.read = new Map(); }
  // The coarsest level in which nothing wider than two pixels is merged.
  pick(row, nsPerPixel) {
    let chosen = row[0];
    for (const level of row) if (level[0] <= 2 * nsPerPixel) chosen = level;
    if (!this.read.has(chosen)) this.read.set(chosen, readLevel(this.bars, chosen));
    return this.read.get(chosen);
  }
}

class Painter {
  constructor(data) {
    this.names = data.timeline.names;
    this.shorts = [];
    this.widths = new Map();
    this.readTheme();
  }
  readTheme() {
    this.ink = color("ink"); this.muted = color("muted"); this.line = color("line"); this.accent = color("accent");
    this.surface = color("surface"); this.zebra = color("zebra"); this.onBar = color("on-bar");
    this.palette = Array.from({length: 12}, (_, hue) => color("hue-" + hue));
    this.fills = [];
  }
  // Names come with the longest-running first: the dozen that matter have hues of their own.
  fill(name) { return this.fills[name] ??= this.palette[(name + 11) % 12]; }
  shortName(name) { return this.shorts[name] ??= shortName(this.names[name]); }

  // How strongly a stretch is painted of which `busy` (0 to 1) is busy.
  strength(busy, dim) { return dim ? 0.1 : 0.32 + 0.58 * Math.min(1, busy); }

  // One row: bars narrower than a pixel share one, wide ones carry their name.
  row(context, level, view, top, width, active) {
    const scale = width / (view.to - view.from);
    let pixel = -1, inPixel = 0, name = 0, most = 0;
    const flush = () => {
      if (most > 0) {
        context.globalAlpha = this.strength(inPixel, view.find && !view.find(name));
        context.fillStyle = this.fill(name);
        context.fillRect(pixel, top, 1, ROW);
      }
      inPixel = most = 0;
    };
    for (let bar = firstAfter(level, view.from - 1); bar < level.size && level.start[bar] <= view.to; ++bar) {
      const left = (level.start[bar] - view.from) * scale, right = (level.end[bar] - view.from) * scale;
      if (right - left < 1.5) {
        if (Math.floor(left) !== pixel) flush();
        pixel = Math.floor(left);
        const weight = level.busy[bar] * scale + 1e-9;
        inPixel += weight;
        if (weight > most) { most = weight; name = level.name[bar]; }
        continue;
      }
      flush();
      const dim = view.find && !view.find(level.name[bar]);
      const from = Math.max(left, -2), to = Math.min(right, width + 2);
      context.globalAlpha = this.strength(level.count[bar] > 1 ? level.busy[bar] / (level.end[bar] - level.start[bar]) : 1, dim);
      context.fillStyle = this.fill(level.name[bar]);
      context.fillRect(from, top, Math.max(1, to - from - (right - left > 4 ? 1 : 0)), ROW);
      if (to - from > 34 && !dim) this.barText(context, level, bar, from, to, top);
    }
    flush();
    context.globalAlpha = 1;
    if (active) { context.strokeStyle = this.accent; context.lineWidth = 1; context.strokeRect(0.5, top - 1.5, width - 1, ROW + 3); }
  }

  barText(context, level, bar, from, to, top) {
    const many = level.count[bar] > 1 ? count(level.count[bar]) + " × " : "";
    const text = this.fit(context, many + this.shortName(level.name[bar]), to - Math.max(0, from) - 10);
    if (!text) return;
    context.globalAlpha = 1;
    context.fillStyle = this.onBar;
    context.fillText(text, Math.max(0, from) + 5, top + ROW / 2 + 0.5);
  }

  fit(context, text, room) {
    let width = this.widths.get(text);
    if (width === undefined) {
      if (this.widths.size > 5000) this.widths.clear();
      this.widths.set(text, width = context.measureText(text).width);
    }
    if (width <= room) return text;
    const letters = Math.floor(text.length * room / width) - 1;
    return letters < 3 ? "" : text.slice(0, letters) + "…";
  }

  ruler(context, view, width) {
    context.fillStyle = this.surface;
    context.fillRect(0, 0, width, RULER);
    const wanted = (view.to - view.from) / Math.max(2, width / 110);
    const power = 10 ** Math.floor(Math.log10(Math.max(wanted, 1)));
    const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= wanted);
    context.textAlign = "left";
    for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
      const x = Math.round((at - view.from) / (view.to - view.from) * width) + 0.5;
      context.strokeStyle = this.line;
      context.beginPath();
      context.moveTo(x, RULER - 6);
      context.lineTo(x, view.height);
      context.stroke();
      const text = moment(Math.round(at), step, Math.max(Math.abs(view.from), view.to));
      context.fillStyle = this.muted;
      if (x + 4 + context.measureText(text).width < width) context.fillText(text, x + 4, RULER / 2);
    }
    context.strokeStyle = this.line;
    context.beginPath();
    context.moveTo(0, RULER - 0.5);
    context.lineTo(width, RULER - 0.5);
    context.stroke();
  }
}

// A canvas as large as its box in device pixels; returns its context in CSS pixels.
function prepareCanvas(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * density) || canvas.height !== Math.round(height * density)) {
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
    canvas.style.height = height + "px";
  }
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11.5px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif";
  context.textBaseline = "middle";
  return context;
}
