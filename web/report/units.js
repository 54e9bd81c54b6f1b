// Figures as people read them. Times come in nanoseconds, sizes in bytes, rates a second.

const NUMBER = new Intl.NumberFormat("en-US", {maximumFractionDigits: 0});
const THREE = new Intl.NumberFormat("en-US", {maximumSignificantDigits: 3});

function count(value) { return NUMBER.format(value); }

// Three significant digits or all digits before the point, whichever is more.
function short(value) { return Math.abs(value) >= 100 ? NUMBER.format(value) : THREE.format(value); }

function scaled(value, base, units) {
  let at = 0;
  while (at + 1 < units.length && Math.abs(value) >= base * 0.9995) { value /= base; ++at; }
  return short(value) + " " + units[at];
}

function time(ns) {
  if (!Number.isFinite(ns)) return "–";
  return Math.abs(ns) < 120e9 ? scaled(ns, 1000, ["ns", "µs", "ms", "s"]) : scaled(ns / 60e9, 60, ["min", "h"]);
}

function exactTime(ns) { return count(ns) + " ns"; }

// A moment, with as many digits as `resolution` (ns) calls for, in the unit of `like`.
function moment(ns, resolution, like = ns) {
  ns = Math.abs(ns) < 1e-6 ? 0 : ns;  // no -0
  like = Math.abs(like);
  const [unit, size] = like >= 1e9 ? ["s", 1e9] : like >= 1e6 ? ["ms", 1e6] : like >= 1e3 ? ["µs", 1e3] : ["ns", 1];
  const digits = Math.max(0, Math.min(9, Math.ceil(Math.log10(size / Math.max(1, resolution)))));
  const text = (ns / size).toLocaleString("en-US", {minimumFractionDigits: digits, maximumFractionDigits: digits});
  return text.replace("-", /[1-9]/.test(text) ? "−" : "") + " " + unit;
}

function bytes(value) {
  return Number.isFinite(value) ? scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]) : "–";
}

// What was moved, in the units of the rates.
function moved(value) {
  return Number.isFinite(value) ? scaled(value, 1000, ["B", "kB", "MB", "GB", "TB", "PB"]) : "–";
}

function rate(value) {
  return Number.isFinite(value) ? scaled(value, 1000, ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"]) : "–";
}

function share(part) { return Number.isFinite(part) ? percent(part * 100) : "–"; }

function percent(value) {
  if (!Number.isFinite(value)) return "–";
  if (value !== 0 && Math.abs(value) < 0.05) return value > 0 ? "< 0.1 %" : "> −0.1 %";
  return value.toLocaleString("en-US", {minimumFractionDigits: 1, maximumFractionDigits: 1}) + " %";
}

function signedPercent(value) { return Number.isFinite(value) ? (value > 0 ? "+" : value < 0 ? "−" : "") + percent(Math.abs(value)) : "–"; }

function signedPoints(value) { return signedPercent(value).replace(" %", " points"); }

// A figure of the summary's head, by the unit that its name carries.
function figure(name, value) {
  if (/_percent(_|$)/.test(name)) return percent(value);
  if (/bytes_per_second$/.test(name)) return rate(value);
  if (/_per_second$/.test(name)) return scaled(value, 1000, ["/s", "k/s", "M/s", "G/s", "T/s"]);
  if (/_bytes$/.test(name)) return bytes(value);
  if (/_us$/.test(name)) return time(value * 1e3);
  if (/_ms$|^avg_.*_time$/.test(name)) return time(value * 1e6);
  if (/_ns$/.test(name)) return time(value);
  if (/_seconds$/.test(name)) return time(value * 1e9);
  return short(value);
}

// "gpu_busy_percent" -> "GPU busy"
function label(name) {
  const words = name.replace(/_(percent|ms|us|ns|seconds)(?=_|$)/g, "").replace(/_bytes_per_second$/, "_rate").replace(/_bytes$/, "").replace(/_per_second$/, "").replace(/^avg_/, "mean_").split("_");
  const known = {gpu: "GPU", sm: "SM", dram: "DRAM", api: "API", ipc: "IPC", rss: "RSS", cpu: "CPU", l1: "L1", l2: "L2"};
  const text = words.map((word) => known[word] || word).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// A kernel's name without arguments, template arguments and namespaces; what remains is for a bar or a cell.
function shortName(name) {
  let text = "";
  let depth = 0;
  for (const letter of name.replace(/\(anonymous namespace\)/g, "")) {
    if (letter === "<" || letter === "(") ++depth;
    if (depth === 0) text += letter;
    if (letter === ">" || letter === ")") depth = Math.max(0, depth - 1);
  }
  text = text.trim().replace(/^(void|const|static)\s+/, "");
  if (/^(\w+::)+\w+$/.test(text) && !/^aten::/.test(text)) text = text.slice(text.lastIndexOf("::") + 2);
  return text || name;
}

function plural(number, one, many) { return count(number) + " " + (number === 1 ? one : many || one + "s"); }
