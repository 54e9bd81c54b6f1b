// Small charts as SVG: values over time, and the roofline.

const CHART_WIDTH = 1000;

// A sensible end of an axis above `value` and where its lines lie.
function niceTicks(value, wanted, base) {
  const power = base ** Math.floor(Math.log(Math.max(value, 1e-12)) / Math.log(base));
  const steps = base === 1024 ? [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] : [1, 2, 2.5, 5, 10];
  const unit = base === 1024 ? power / 1024 : power / 10;
  const candidates = [unit, power].flatMap((size) => steps.map((step) => step * size));
  const step = candidates.find((size) => value / size <= wanted) || value || 1;
  const ticks = [];
  for (let at = 0; at <= value + step * 0.999; at += step) ticks.push(at);
  return ticks;
}

// lines: [{name, at[], value[], main}] on one time axis. Values hold until the next one.
function timeChart({title, lines, from, to, format, base, height = 180}) {
  const left = 76, right = 12, top = 12, bottom = 26;
  const most = Math.max(...lines.map((line) => line.value.reduce((a, b) => Math.max(a, b), 0)), 1e-9);
  const least = Math.min(0, ...lines.map((line) => line.value.reduce((a, b) => Math.min(a, b), 0)));
  const ticks = niceTicks(most, 4, base);
  const ceiling = ticks[ticks.length - 1];
  const x = (at) => left + (at - from) / Math.max(1, to - from) * (CHART_WIDTH - left - right);
  const y = (value) => top + (1 - (value - least) / (ceiling - least)) * (height - top - bottom);
  const root = svg("svg", {viewBox: `0 0 ${CHART_WIDTH} ${height}`, class: "chart", role: "img", "aria-label": title});
  for (const tick of ticks) root.append(svg("line", {x1: left, x2: CHART_WIDTH - right, y1: y(tick), y2: y(tick), class: "grid"}), svg("text", {x: left - 8, y: y(tick) + 4, class: "tick end", text: format(tick)}));
  for (let tick = 0; tick <= 4; ++tick) {
    const at = from + (to - from) * tick / 4;
    root.append(svg("text", {x: x(at), y: height - 6, class: "tick" + (tick === 0 ? "" : tick === 4 ? " end" : " middle"), text: moment(at, (to - from) / 100, Math.max(Math.abs(from), to))}));
  }
  for (const line of lines) {
    let path = "";
    line.at.forEach((at, index) => { path += index === 0 ? `M${x(at).toFixed(1)} ${y(line.value[index]).toFixed(1)}` : `H${x(at).toFixed(1)}V${y(line.value[index]).toFixed(1)}`; });
    if (line.main && line.at.length) root.append(svg("path", {d: `${path}H${x(to).toFixed(1)}V${y(Math.max(0, least))}H${x(line.at[0]).toFixed(1)}Z`, class: "area"}));
    root.append(svg("path", {d: line.at.length ? `${path}H${x(to).toFixed(1)}` : "", class: line.main ? "line main" : "line"}));
  }
  const cross = svg("line", {y1: top, y2: height - bottom, class: "cross", visibility: "hidden"});
  root.append(cross);
  root.addEventListener("pointermove", (event) => {
    const box = root.getBoundingClientRect();
    const at = from + ((event.clientX - box.left) / box.width * CHART_WIDTH - left) / (CHART_WIDTH - left - right) * (to - from);
    if (at < from || at > to) { tip.hide(); cross.setAttribute("visibility", "hidden"); return; }
    for (const name of ["x1", "x2"]) cross.setAttribute(name, x(at));
    cross.setAttribute("visibility", "visible");
    const rows = lines.map((line) => {
      let index = line.at.findIndex((moment) => moment > at);
      index = index < 0 ? line.at.length - 1 : index - 1;
      return [line.name, index < 0 ? "nothing yet" : format(line.value[index])];
    });
    tip.show(event.clientX, event.clientY, moment(at, (to - from) / 1000), rows);
  });
  root.addEventListener("pointerleave", () => { tip.hide(); cross.setAttribute("visibility", "hidden"); });
  return root;
}

// dots: [{name, intensity, rate, weight, text}], roofs: {bytes, flop} or absent.
function rooflineChart(dots, roofs) {
  const height = 420, left = 86, right = 24, top = 16, bottom = 46;
  const ridge = roofs.bytes && roofs.flop ? roofs.flop / roofs.bytes : null;
  const xs = [...dots.map((dot) => dot.intensity), ...(ridge ? [ridge] : [])], ys = [...dots.map((dot) => dot.rate), ...(roofs.flop ? [roofs.flop] : [])];
  const low = (values) => 10 ** Math.floor(Math.log10(Math.min(...values)) - 0.3), high = (values) => 10 ** Math.ceil(Math.log10(Math.max(...values)) + 0.2);
  const [x0, x1, y0, y1] = [low(xs), high(xs), low(ys), high(ys)].map(Math.log10);
  const x = (value) => left + (Math.log10(value) - x0) / (x1 - x0) * (CHART_WIDTH - left - right);
  const y = (value) => top + (1 - (Math.log10(value) - y0) / (y1 - y0)) * (height - top - bottom);
  const root = svg("svg", {viewBox: `0 0 ${CHART_WIDTH} ${height}`, class: "chart roofline", role: "img", "aria-label": `Roofline of ${plural(dots.length, "kernel")}`});
  for (let power = Math.ceil(x0); power <= x1; ++power) root.append(svg("line", {x1: x(10 ** power), x2: x(10 ** power), y1: top, y2: height - bottom, class: "grid"}), svg("text", {x: x(10 ** power), y: height - bottom + 18, class: "tick middle", text: short(10 ** power)}));
  for (let power = Math.ceil(y0); power <= y1; ++power) root.append(svg("line", {x1: left, x2: CHART_WIDTH - right, y1: y(10 ** power), y2: y(10 ** power), class: "grid"}), svg("text", {x: left - 8, y: y(10 ** power) + 4, class: "tick end", text: scaled(10 ** power, 1000, ["FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s"])}));
  root.append(svg("text", {x: (left + CHART_WIDTH - right) / 2, y: height - 6, class: "tick middle", text: "FLOP for each byte of DRAM traffic"}));
  if (ridge) {
    const floor = 10 ** x0;
    root.append(svg("path", {class: "roof", d: `M${x(Math.max(floor, 10 ** y0 / roofs.bytes))} ${y(Math.max(floor * roofs.bytes, 10 ** y0))}L${x(ridge)} ${y(roofs.flop)}H${CHART_WIDTH - right}`}),
      svg("text", {x: CHART_WIDTH - right - 4, y: y(roofs.flop) - 8, class: "tick end", text: "peak " + scaled(roofs.flop, 1000, ["FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s"]) + ", memory " + rate(roofs.bytes)}));
  }
  const heaviest = Math.max(...dots.map((dot) => dot.weight || 0), 1e-12);
  for (const dot of dots) {
    const mark = svg("circle", {cx: x(dot.intensity), cy: y(dot.rate), r: 5 + 9 * Math.sqrt((dot.weight || 0) / heaviest), class: "dot", tabindex: "0", role: "img", "aria-label": dot.name + ": " + dot.text.map((pair) => pair.join(" ")).join(", ")});
    const show = () => { const box = mark.getBoundingClientRect(); tip.show(box.right, box.top, dot.name, dot.text); };
    for (const type of ["pointerenter", "focus"]) mark.addEventListener(type, show);
    for (const type of ["pointerleave", "blur"]) mark.addEventListener(type, () => tip.hide());
    root.append(mark);
  }
  return root;
}

// Parts of a whole as one bar with a legend. parts: [{name, value, text}]
function wholeBar(title, parts) {
  const total = parts.reduce((sum, part) => sum + part.value, 0) || 1;
  const bar = el("div", {class: "whole", role: "img", "aria-label": title + ": " + parts.map((part) => part.name + " " + share(part.value / total)).join(", ")});
  const legend = el("ul", {class: "legend"});
  parts.forEach((part, index) => {
    const piece = el("span", {class: "tone-" + index % 7});
    piece.style.width = part.value / total * 100 + "%";
    bar.append(piece);
    legend.append(el("li", {}, el("span", {class: "swatch tone-" + index % 7, "aria-hidden": "true"}), el("span", {text: part.name}), el("strong", {text: part.text})));
  });
  return el("div", {}, bar, legend);
}
