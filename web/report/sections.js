// The report's sections, each made from the summary (docs/formats/profile_summary.md) where the capture holds what it shows.

const HEADLINES = ["total_time_ms", "gpu_busy_percent", "kernel_time_ms", "kernel_count", "avg_kernel_time", "copy_time_ms", "copy_bytes_per_second", "pageable_copy_percent",
  "launch_delay_median_us", "sync_time_ms", "allocation_peak_bytes", "operator_time_ms", "operator_count", "sm_efficiency_percent", "memory_throughput_percent", "achieved_occupancy_percent"];
const CAUSES = {launch: "launching", copy: "copies", data: "loading data", host: "the host", queued: "queued behind other work", between: "between kernels", unknown: "not known"};

function timingColumns() {
  return [
    {title: "Calls", number: true, value: (row) => row.count, text: (row) => count(row.count)},
    {title: "Mean", number: true, value: (row) => row.mean_ns, text: (row) => time(row.mean_ns), detail: (row) => exactTime(row.mean_ns)},
    {title: "Median", number: true, value: (row) => row.median_ns, text: (row) => time(row.median_ns), detail: (row) => exactTime(row.median_ns)},
    {title: "p95", number: true, value: (row) => row.p95_ns, text: (row) => time(row.p95_ns), detail: (row) => `${exactTime(row.p95_ns)}; from ${exactTime(row.min_ns)} to ${exactTime(row.max_ns)}`},
  ];
}
function totalColumn(title = "Total") { return {title, number: true, value: (row) => row.total_ns, text: (row) => time(row.total_ns), detail: (row) => exactTime(row.total_ns)}; }
function shareColumn(title = "Share") { return {title, number: true, value: (row) => row.share, text: (row) => share(row.share), bar: (row) => row.share}; }
function nameColumn(title, nameOf, fullOf = nameOf) { return {title, wide: true, value: (row) => fullOf(row) || "", text: nameOf, detail: fullOf}; }

function pageHead(data) {
  const names = {auto: "Theme: system", light: "Theme: light", dark: "Theme: dark"}, order = ["auto", "light", "dark"];
  let now = theme.read();
  if (!names[now]) now = "auto";
  const button = el("button", {type: "button", class: "quiet", id: "theme", text: names[now], onclick: () => {
    now = order[(order.indexOf(now) + 1) % 3];
    button.textContent = names[now];
    theme.choose(now);
  }});
  const sources = data.summary.sources || [];
  const tools = [...new Set(sources.map((source) => source.tool || source.format))].join(", ");
  const devices = [...new Set((data.summary.devices || []).map((device) => device.name).filter(Boolean))].join(", ");
  const facts = [tools, devices, data.created].filter(Boolean);
  return [el("div", {class: "brand"}, el("span", {text: "ALT_LAS profile"}), button), el("h1", {text: data.title}), el("p", {class: "facts"}, facts.map((fact) => el("span", {text: fact})))];
}

function summarySection(data) {
  const summary = data.summary, provenance = summary.provenance || {};
  const tiles = HEADLINES.filter((name) => typeof summary[name] === "number" && provenance[name]).slice(0, 8).map((name) =>
    el("div", {class: "tile", title: provenance[name].text}, el("dt", {text: label(name)}), el("dd", {text: figure(name, summary[name])}), el("dd", {class: "how", text: provenance[name].kind})));
  const findings = (summary.findings || []).map((finding) => el("li", {class: "finding " + (["warning", "notice"].includes(finding.severity) ? finding.severity : "info")},
    el("p", {class: "sentence"}, el("span", {class: "mark", text: finding.severity === "warning" ? "Warning" : finding.severity === "notice" ? "Notice" : "Note"}), finding.sentence),
    finding.mend ? el("p", {class: "mend", text: finding.mend}) : null,
    finding.command ? el("pre", {tabindex: "0"}, el("code", {text: finding.command})) : null));
  const all = Object.entries(provenance).map(([name, how]) => ({name, value: typeof summary[name] === "number" ? summary[name] : null, how}));
  return section("summary", "Summary", null,
    findings.length ? el("ol", {class: "findings"}, findings) : el("p", {class: "plain", text: "No findings."}),
    tiles.length ? el("dl", {class: "tiles"}, tiles) : null,
    all.length ? el("details", {class: "more"}, el("summary", {text: "All figures, and how each is known"}),
      makeTable({id: "figures", caption: "All figures", rows: all, page: 100, columns: [
        nameColumn("Figure", (row) => row.name),
        {title: "Value", number: true, value: (row) => row.value, text: (row) => row.value === null ? "–" : figure(row.name, row.value), detail: (row) => row.value === null ? null : String(row.value)},
        {title: "Known", value: (row) => row.how.kind, text: (row) => row.how.kind === "absent" ? "not in this capture" : row.how.kind},
        nameColumn("How", (row) => row.how.text)]})) : null);
}

function scenarioSection(data) {
  const {scenario, metrics} = data.summary;
  if (!metrics || metrics.length === 0) return null;
  const repeats = (row) => row.samples.length + (data.summary_left_out["samples:" + row.name] || 0);
  const extreme = (row, choose) => row.samples.reduce((a, b) => choose(a, b));  // too many for arguments of a call
  const parameters = Object.entries(scenario?.parameters || {}).map(([name, value]) => `${name} ${value}`).join(", ");
  return section("scenario", scenario ? "Scenario: " + scenario.name : "Measurements", parameters,
    makeTable({id: "metrics", caption: "Measurements", rows: metrics, page: 100, columns: [
      nameColumn("Measurement", (row) => label(row.name), (row) => row.name),
      {title: "Value", number: true, value: (row) => row.value, text: (row) => `${short(row.value)} ${row.unit}${row.is_estimate ? " (estimate)" : ""}`, detail: (row) => `${row.value} ${row.unit}`},
      {title: "Better", value: (row) => row.better, text: (row) => row.better || "–"},
      {title: "Repeats", number: true, value: (row) => (row.samples ? repeats(row) : 0), text: (row) => (row.samples ? `${count(repeats(row))}: ${short(extreme(row, Math.min))} to ${short(extreme(row, Math.max))}` : "–")}]}));
}

function timelineSection(data) {
  if (data.timeline.lanes.length === 0) return null;
  const view = new TimelineView(data);
  data.view = view;
  return section("timeline", "Timeline", `${plural(data.timeline.events, "event")} in ${time(data.timeline.span)}. Short neighbours are drawn as one bar until you come near; the paler it is, the less of it is busy.`,
    view.element, ...data.timeline.notes.map((note) => el("p", {class: "muted small", text: note})));
}

function kernelSection(data) {
  const rows = data.summary.kernels;
  if (!rows || rows.length === 0) return null;
  const shape = (row) => (row.shapes || []).slice(0, 4).map((item) => `grid ${item.grid.join("×")} block ${item.block.join("×")}: ${count(item.count)}`).join("\n");
  return section("kernels", "Kernels", "By full name, over all devices. Shares are of the time of all kernels.",
    makeTable({id: "kernel-table", caption: "Kernels", rows, sortBy: 1, filter: "Filter kernels", leftOut: data.summary_left_out.kernels, columns: [
      nameColumn("Kernel", (row) => row.name || shortName(row.full_name), (row) => row.full_name), totalColumn(), shareColumn(), ...timingColumns(),
      {title: "Shapes", number: true, hint: "Different grids, blocks, registers and shared memory", value: (row) => row.shape_count, text: (row) => row.shape_count ? count(row.shape_count) : "–", detail: shape}]}));
}

function operatorSection(data) {
  const rows = data.summary.operators;
  if (!rows || rows.length === 0) return null;
  const kernels = rows.some((row) => row.kernel_count > 0);
  return section("operators", "Operators", "Self time leaves the operators called within out; shares are of the self time of all.",
    makeTable({id: "operator-table", caption: "Operators", rows, sortBy: 1, filter: "Filter operators", leftOut: data.summary_left_out.operators, columns: [
      nameColumn("Operator", (row) => row.name), {title: "Self", number: true, value: (row) => row.self_ns, text: (row) => time(row.self_ns), detail: (row) => exactTime(row.self_ns)}, shareColumn(), totalColumn(), ...timingColumns(),
      ...(kernels ? [{title: "Kernel time", number: true, value: (row) => row.kernel_ns, text: (row) => row.kernel_count ? time(row.kernel_ns) : "–", detail: (row) => plural(row.kernel_count, "kernel")}] : [])]}));
}

function deviceSection(data) {
  const {devices, gaps, streams, launch} = data.summary;
  if (!devices || devices.length === 0) return null;
  const parts = [makeTable({id: "device-table", caption: "Devices", rows: devices, columns: [
    nameColumn("Device", (row) => row.name ? `${row.id} · ${row.name}` : row.id),
    {title: "Busy", number: true, value: (row) => row.busy_percent, text: (row) => percent(row.busy_percent), bar: (row) => row.busy_percent / 100},
    {title: "Window", number: true, value: (row) => row.window_ns, text: (row) => time(row.window_ns), detail: (row) => exactTime(row.window_ns)},
    {title: "Kernels", number: true, value: (row) => row.compute_ns, text: (row) => time(row.compute_ns), detail: (row) => `${plural(row.kernel_count, "kernel")}, ${exactTime(row.compute_ns)} in which at least one runs`},
    {title: "Copies", number: true, value: (row) => row.copy_ns, text: (row) => time(row.copy_ns), detail: (row) => exactTime(row.copy_ns)},
    {title: "Idle", number: true, value: (row) => row.idle_ns, text: (row) => time(row.idle_ns), detail: (row) => exactTime(row.idle_ns)}]})];
  const causes = (gaps?.causes || []).filter((cause) => cause.total_ns > 0);
  if (causes.length) {
    parts.push(el("h3", {text: "Why no kernel ran"}), wholeBar("Time without a kernel", causes.map((cause) => ({name: CAUSES[cause.cause] || cause.cause, value: cause.total_ns, text: time(cause.total_ns)}))));
  }
  if (gaps?.longest?.length) parts.push(el("details", {class: "more"}, el("summary", {text: "The longest gaps"}), gapTable(data, gaps.longest)));
  if (streams?.length > 1) parts.push(el("details", {class: "more"}, el("summary", {text: "Streams"}), streamTable(streams)));
  if (launch?.matched) parts.push(el("details", {class: "more"}, el("summary", {text: "Launching"}), launchFigures(launch)));
  return section("devices", "Devices", "A device's window is from its first record to its last; busy is the time in which a kernel, a copy or a memset runs.", ...parts);
}

function gapTable(data, rows) {
  const jump = data.view && data.captures.length === 1;
  const origin = data.timeline.origin;
  return makeTable({id: "gap-table", caption: "The longest gaps", rows, sortBy: 1, columns: [
    {title: "Starts", number: true, value: (row) => row.start_ns, text: (row) => moment(row.start_ns - origin, 1000), element: jump ? (row) => el("button", {type: "button", class: "link", text: moment(row.start_ns - origin, 1000), title: "Show it in the timeline", onclick: () => {
      data.view.show(row.start_ns - origin - row.duration_ns * 0.3, row.start_ns - origin + row.duration_ns * 1.3);
      document.getElementById("timeline").scrollIntoView();
    }}) : null},
    {title: "Takes", number: true, value: (row) => row.duration_ns, text: (row) => time(row.duration_ns), detail: (row) => exactTime(row.duration_ns)},
    {title: "Cause", value: (row) => row.cause, text: (row) => CAUSES[row.cause] || row.cause},
    nameColumn("After", (row) => row.before || "the window's start"), nameColumn("Before", (row) => row.after || "the window's end"),
    {title: "Device", value: (row) => row.device, text: (row) => row.device}]});
}

function streamTable(rows) {
  return makeTable({id: "stream-table", caption: "Streams", rows, columns: [
    {title: "Device", value: (row) => row.device, text: (row) => row.device}, {title: "Stream", number: true, value: (row) => row.stream, text: (row) => String(row.stream)},
    {title: "Kernels", number: true, value: (row) => row.kernel_count, text: (row) => count(row.kernel_count)}, {title: "Copies", number: true, value: (row) => row.copy_count, text: (row) => count(row.copy_count)},
    {title: "Busy", number: true, value: (row) => row.busy_ns, text: (row) => time(row.busy_ns), detail: (row) => exactTime(row.busy_ns)}, shareColumn("Of its device")]});
}

function launchFigures(launch) {
  const rows = [["kernels with their call", count(launch.matched)], ["without", count(launch.unmatched)], ["a call takes (median)", time(launch.call?.median_ns)], ["from call to kernel (median)", time(launch.latency?.median_ns)],
    ["from the call's end to the kernel (median)", time(launch.delay_median_ns)], ["p95 of it", time(launch.delay_p95_ns)], ["calls longer than what they launched", count(launch.shorter_than_call)], ["most launched and waiting", count(launch.max_queue_length)]];
  return el("dl", {class: "inline"}, rows.map(([name, value]) => el("div", {}, el("dt", {text: name}), el("dd", {text: value}))));
}

function copySection(data) {
  const rows = [...(data.summary.copies || []), ...(data.summary.memsets?.count ? [{...data.summary.memsets, kind: "memset"}] : [])];
  if (rows.length === 0) return null;
  const overlap = data.summary.overlap;
  return section("copies", "Copies", overlap ? `${percent(overlap.percent)} of the time of all copies lies under a kernel on the same device.` : null,
    makeTable({id: "copy-table", caption: "Copies", rows, sortBy: 4, columns: [
      nameColumn("Copy", (row) => row.kind), {title: "Memory", value: (row) => `${row.source_memory} ${row.target_memory}`, text: (row) => row.source_memory || row.target_memory ? `${row.source_memory || "–"} → ${row.target_memory || "–"}` : "–"},
      {title: "Number", number: true, value: (row) => row.count, text: (row) => count(row.count)}, {title: "Size", number: true, value: (row) => row.bytes, text: (row) => moved(row.bytes), detail: (row) => count(row.bytes) + " B"}, totalColumn("Time"),
      {title: "On the engine", number: true, value: (row) => row.engine_bytes_per_second ?? null, text: (row) => rate(row.engine_bytes_per_second)}, {title: "As the caller saw it", number: true, value: (row) => row.api_bytes_per_second ?? null, text: (row) => rate(row.api_bytes_per_second), detail: (row) => row.api_count ? `${plural(row.api_count, "call")}, ${exactTime(row.api_ns)}` : null}]}));
}

function phaseSection(data) {
  const rows = data.summary.phases;
  if (!rows || rows.length === 0) return null;
  const kernels = (row) => (row.kernels || []).map((kernel) => `${time(kernel.total_ns)}  ${shortName(kernel.full_name)}`).join("\n");
  const device = rows.some((row) => row.kernel_count > 0);
  return section("phases", "Phases", device ? "Named stretches of host time, and the kernels launched within each." : "Named stretches of host time.",
    makeTable({id: "phase-table", caption: "Phases", rows, sortBy: 1, filter: "Filter phases", leftOut: data.summary_left_out.phases, columns: [
      nameColumn("Phase", (row) => row.domain ? `${row.domain}: ${row.name}` : row.name), totalColumn("Host time"), ...timingColumns(), ...(device ? [
      {title: "Kernels", number: true, value: (row) => row.kernel_count, text: (row) => row.kernel_count ? count(row.kernel_count) : "–", detail: kernels}, {title: "Kernel time", number: true, value: (row) => row.kernel_ns, text: (row) => row.kernel_count ? time(row.kernel_ns) : "–", detail: (row) => exactTime(row.kernel_ns)}] : [])]}));
}

function callSection(data) {
  const rows = data.summary.api;
  if (!rows || rows.length === 0) return null;
  const failures = rows.some((row) => row.failures > 0);
  return section("calls", "API calls", "On all threads together; shares are of the time of all calls.",
    makeTable({id: "api-table", caption: "API calls", rows, sortBy: 1, filter: "Filter calls", leftOut: data.summary_left_out.api, page: 15, columns: [
      nameColumn("Call", (row) => row.name), totalColumn(), shareColumn(), ...timingColumns(), ...(failures ? [{title: "Failed", number: true, value: (row) => row.failures, text: (row) => row.failures ? count(row.failures) : "–"}] : [])]}),
    data.summary.syncs?.length ? el("details", {class: "more"}, el("summary", {text: "Synchronizations"}), makeTable({id: "sync-table", caption: "Synchronizations", rows: data.summary.syncs, columns: [nameColumn("Waited for", (row) => row.kind), totalColumn(), ...timingColumns()]})) : null);
}

function seriesTitle(data, series) {
  const capture = data.captures.length > 1 ? data.captures[series.capture].label + " · " : "";
  const device = series.device >= 0 ? "GPU " + series.device + " · " : "";
  return capture + device + (series.kind === "counter" ? label(series.name.replace(/_bytes$/, "")) : series.name);
}

function seriesCharts(data, all) {
  const groups = new Map();
  for (const series of all) {
    const key = seriesTitle(data, series);
    groups.set(key, [...(groups.get(key) || []), series]);
  }
  const ends = all.flatMap((series) => [series.at[0] ?? 0, series.at[series.at.length - 1] ?? 0]);
  const from = Math.min(0, ...ends), to = Math.max(data.timeline.span, ...ends, from + 1);
  const flat = [...groups].filter(([, group]) => group.every((series) => series.value.every((value) => value === 0))).map(([title]) => title);
  const shown = [...groups].filter(([title]) => !flat.includes(title));
  const charts = shown.slice(0, 24).map(([title, group]) => {
    const inBytes = group[0].kind !== "counter" || /_bytes$/.test(group[0].name);
    const format = inBytes ? bytes : (value) => figure(group[0].name, value);
    const top = group.reduce((a, b) => (b.largest > a.largest ? b : a));
    return el("figure", {}, el("figcaption", {}, el("strong", {text: title}), el("span", {class: "muted", text: `largest ${format(top.largest)} at ${moment(top.largest_at, (to - from) / 1000)}`})),
      timeChart({title, from, to, format, base: inBytes ? 1024 : 10, lines: group.map((series) => ({name: series.kind === "counter" ? label(series.name) : series.kind, at: series.at, value: series.value, main: series.kind !== "reserved"}))}),
      ...group.filter((series) => series.note).map((series) => el("p", {class: "muted small", text: series.note})));
  });
  const rest = shown.slice(24).map(([title]) => title);
  return [...charts, rest.length ? el("p", {class: "muted small", text: `Not drawn: ${rest.join(", ")}.`}) : null,
    flat.length ? el("p", {class: "muted small", text: `Zero throughout: ${flat.join(", ")}.`}) : null];
}

function memorySection(data) {
  const memory = data.series.filter((series) => series.kind !== "counter" || /_bytes$/.test(series.name));
  const rows = data.summary.allocations || [];
  if (memory.length === 0 && rows.length === 0) return null;
  return section("memory", "Memory over time", null, ...seriesCharts(data, memory),
    rows.length ? makeTable({id: "allocation-table", caption: "Allocations", rows, sortBy: 2, columns: [
      nameColumn("Where", (row) => row.device), {title: "Memory", value: (row) => row.memory, text: (row) => row.memory},
      {title: "Peak", number: true, value: (row) => row.peak_bytes, text: (row) => bytes(row.peak_bytes), detail: (row) => count(row.peak_bytes) + " B"}, {title: "Not given back", number: true, value: (row) => row.end_bytes, text: (row) => bytes(row.end_bytes), detail: (row) => count(row.end_bytes) + " B"},
      {title: "Largest one", number: true, value: (row) => row.largest_bytes, text: (row) => bytes(row.largest_bytes)}, {title: "Taken", number: true, value: (row) => row.allocations, text: (row) => count(row.allocations)}, {title: "Given back", number: true, value: (row) => row.frees, text: (row) => count(row.frees)}]}) : null);
}

function counterSection(data) {
  const counters = data.series.filter((series) => series.kind === "counter" && !/_bytes$/.test(series.name));
  return counters.length ? section("counters", "Counters", null, ...seriesCharts(data, counters)) : null;
}

function detailSection(data) {
  const rows = data.summary.kernel_details;
  if (!rows || rows.length === 0) return null;
  const flops = (value) => Number.isFinite(value) ? scaled(value, 1000, ["FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s"]) : "–";
  const dots = rows.filter((row) => row.arithmetic_intensity > 0 && row.flop_per_second > 0).map((row) => ({name: row.name || shortName(row.full_name), intensity: row.arithmetic_intensity, rate: row.flop_per_second, weight: (row.duration_ns || 0) * row.count,
    text: [["does", flops(row.flop_per_second)], ["FLOP a byte", short(row.arithmetic_intensity)], ["takes", time(row.duration_ns)], ["bound by", row.bound || "–"]]}));
  const roof = rows.find((row) => row.peak_flop_per_second && row.peak_bytes_per_second) || {};
  const ratio = (title, field) => ({title, number: true, optional: true, value: (row) => row[field] ?? null, text: (row) => percent(row[field]), bar: (row) => row[field] / 100});
  return section("roofline", "Hardware counters", "Measured by Nsight Compute, which locks the clocks and flushes the caches: its times are not those of a run.",
    dots.length ? rooflineChart(dots, {bytes: roof.peak_bytes_per_second, flop: roof.peak_flop_per_second}) : null,
    makeTable({id: "detail-table", caption: "Hardware counters by kernel", rows, sortBy: 1, filter: rows.length > 8 ? "Filter kernels" : null, columns: [
      nameColumn("Kernel", (row) => row.name || shortName(row.full_name), (row) => row.full_name), {title: "Time", number: true, value: (row) => row.duration_ns ?? null, text: (row) => time(row.duration_ns)},
      ratio("SM", "sm_throughput_percent"), ratio("Memory", "memory_throughput_percent"), ratio("Occupancy", "achieved_occupancy_percent"), ratio("Warps", "warp_efficiency_percent"), ratio("Coalescing", "coalescing_percent"),
      {title: "DRAM", number: true, optional: true, value: (row) => row.dram_bytes_per_second ?? null, text: (row) => rate(row.dram_bytes_per_second)}, {title: "Bound by", value: (row) => row.bound || "", text: (row) => row.bound || "–"}]}));
}

function compareSection(data) {
  const then = data.baseline, now = data.summary;
  if (!then) return null;
  const figures = Object.keys(now.provenance || {}).filter((name) => typeof now[name] === "number" && typeof then[name] === "number").map((name) => ({name, then: then[name], now: now[name], change: then[name] ? (now[name] - then[name]) / Math.abs(then[name]) * 100 : NaN}));
  const join = (list, key) => {
    const rows = new Map();
    for (const row of then[list] || []) rows.set(row[key], {name: row.name || row[key], full: row[key], then: row, now: null});
    for (const row of now[list] || []) rows.set(row[key], {...(rows.get(row[key]) || {name: row.name || row[key], full: row[key], then: null}), now: row});
    return [...rows.values()].map((row) => ({...row, delta: (row.now?.total_ns || 0) - (row.then?.total_ns || 0), mean: row.now && row.then && row.then.mean_ns ? (row.now.mean_ns / row.then.mean_ns - 1) * 100 : NaN}));
  };
  const table = (id, caption, rows) => rows.length ? makeTable({id, caption, rows: rows.sort((a, b) => Math.abs(b.delta) - Math.abs(a.delta)), filter: "Filter " + caption.toLowerCase(), page: 15, columns: [
    nameColumn(caption.replace(/s$/, ""), (row) => row.name, (row) => row.full), {title: "Before", number: true, value: (row) => row.then?.total_ns ?? null, text: (row) => row.then ? time(row.then.total_ns) : "new"}, {title: "Now", number: true, value: (row) => row.now?.total_ns ?? null, text: (row) => row.now ? time(row.now.total_ns) : "gone"},
    {title: "Difference", number: true, value: (row) => row.delta, text: (row) => (row.delta > 0 ? "+" : row.delta < 0 ? "−" : "") + time(Math.abs(row.delta)), detail: (row) => count(row.delta) + " ns"},
    {title: "A call (mean)", number: true, value: (row) => row.mean, text: (row) => signedPercent(row.mean)}, {title: "Calls", number: true, value: (row) => row.now?.count ?? 0, text: (row) => `${count(row.then?.count || 0)} → ${count(row.now?.count || 0)}`}]}) : null;
  return section("comparison", "Against the baseline", `${data.baseline_name}. One run against one run: what differs less than two runs of the same program do is noise; alt_las profile gate tells them apart.`,
    makeTable({id: "compare-figures", caption: "Figures", rows: figures, page: 12, columns: [
      nameColumn("Figure", (row) => label(row.name), (row) => row.name), {title: "Before", number: true, value: (row) => row.then, text: (row) => figure(row.name, row.then)}, {title: "Now", number: true, value: (row) => row.now, text: (row) => figure(row.name, row.now)}, {title: "Change", number: true, value: (row) => row.change, text: (row) => /_percent(_|$)/.test(row.name) ? signedPoints(row.now - row.then) : signedPercent(row.change)}]}),
    table("compare-kernels", "Kernels", join("kernels", "full_name")), table("compare-operators", "Operators", join("operators", "name")));
}

function trustSection(data) {
  const {sources = [], warnings = [], environment = {}} = data.summary;
  const facts = sources.map((source) => el("div", {class: "source"}, el("h3", {text: source.path || source.format}), el("dl", {class: "inline"}, [["format", source.format], ["tool", source.tool], ["schema", source.schema], ["rank", source.rank], ["length", source.duration_ns ? time(source.duration_ns) : null],
    ["records the tool dropped", count(source.dropped_records || 0)], ["records left out as faulty", count(source.bad_records || 0)]].filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => el("div", {}, el("dt", {text: name}), el("dd", {text: value}))))));
  const said = [...warnings.map((warning) => [warning.severity, warning.text]), ...data.notes.map((note) => ["info", note])];
  return section("trust", "What this rests on", null, ...facts,
    said.length ? el("ul", {class: "warnings"}, said.map(([severity, text]) => el("li", {class: severity}, el("span", {class: "mark", text: severity === "info" ? "Note" : severity.charAt(0).toUpperCase() + severity.slice(1)}), text))) : el("p", {class: "muted", text: "The tools report no trouble with these captures."}),
    Object.keys(environment).length ? el("details", {class: "more", open: true}, el("summary", {text: "Environment"}), el("dl", {class: "pairs"}, Object.entries(environment).map(([name, value]) => [el("dt", {text: name}), el("dd", {text: value})]))) : null);
}

async function startReport() {
  theme.show(theme.read());
  const main = document.getElementById("main");
  let data;
  try {
    data = await readData();
  } catch (problem) {
    main.replaceChildren(el("p", {class: "plain", text: "The report's data cannot be read: " + problem.message + ". Make the report anew."}));
    return;
  }
  const makers = [summarySection, scenarioSection, timelineSection, kernelSection, operatorSection, deviceSection, copySection, phaseSection, memorySection, counterSection, detailSection, callSection, compareSection, trustSection];
  const sections = makers.map((make) => make(data)).filter(Boolean);
  document.getElementById("top").append(el("div", {class: "page"}, pageHead(data)));
  const links = sections.map((item) => el("a", {href: "#" + item.id, text: item.querySelector("h2").textContent}));
  document.getElementById("top").after(el("nav", {class: "contents", "aria-label": "Sections"}, el("div", {class: "page"}, links)));
  main.replaceChildren(...sections);
  document.getElementById("foot").append(el("p", {class: "page muted small", text: `Made by ${data.program}, ${data.created}. This file holds everything it shows and loads nothing.`}));
  const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (!entry.isIntersecting) return;
    for (const link of links) link.setAttribute("aria-current", String(link.hash === "#" + entry.target.id));
  }), {rootMargin: "-20% 0px -70% 0px"});
  sections.forEach((item) => seen.observe(item));
  document.documentElement.dataset.ready = "yes";
}
