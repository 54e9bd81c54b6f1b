// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "profile/summary.h"

// The fields of each part of a summary, once for its writer and its reader: a visitor is called with a
// field's JSON name and a reference to it. Private to summary.cc and summary_json.cc.
namespace altlas::profile {

template <typename V>
void VisitFields(V& v, Timing& t) {
  v("count", t.count);
  v("total_ns", t.total_ns);
  v("mean_ns", t.mean_ns);
  v("median_ns", t.median_ns);
  v("p95_ns", t.p95_ns);
  v("min_ns", t.min_ns);
  v("max_ns", t.max_ns);
  v("stddev_ns", t.stddev_ns);
}

template <typename V>
void VisitFields(V& v, SummarySource& s) {
  v("path", s.path);
  v("format", s.format);
  v("tool", s.tool);
  v("schema", s.schema);
  v("rank", s.rank);
  v("start_unix_ns", s.start_unix_ns);
  v("duration_ns", s.duration_ns);
  v("operator_ns", s.operator_ns);
  v("operator_sampling", s.operator_sampling);
  v("dropped_records", s.dropped_records);
  v("bad_records", s.bad_records);
}

template <typename V>
void VisitFields(V& v, SummaryWarning& w) {
  v("severity", w.severity);
  v("text", w.text);
  v("source", w.source);
}

template <typename V>
void VisitFields(V& v, SummaryScenario& s) {
  v("name", s.name);
  v("parameters", s.parameters);
}

template <typename V>
void VisitFields(V& v, SummaryMetric& m) {
  v("name", m.name);
  v("unit", m.unit);
  v("value", m.value);
  v("better", m.better);
  v("is_estimate", m.is_estimate);
  v("samples", m.samples);
}

template <typename V>
void VisitFields(V& v, SummaryDevice& d) {
  v("id", d.id);
  v("source", d.source);
  v("index", d.index);
  v("name", d.name);
  v("memory_bytes", d.memory_bytes);
  v("memory_bandwidth", d.memory_bandwidth);
  v("sm_count", d.sm_count);
  v("window_start_ns", d.window_start_ns);
  v("window_ns", d.window_ns);
  v("busy_ns", d.busy_ns);
  v("compute_ns", d.compute_ns);
  v("copy_ns", d.copy_ns);
  v("idle_ns", d.idle_ns);
  v("busy_percent", d.busy_percent);
  v("share", d.share);
  v("kernel_count", d.kernel_count);
  v("kernel_ns", d.kernel_ns);
}

template <typename V>
void VisitFields(V& v, KernelShape& s) {
  v("grid", s.grid);
  v("block", s.block);
  v("registers", s.registers);
  v("shared_bytes", s.shared_bytes);
  v("count", s.count);
  v("total_ns", s.total_ns);
}

template <typename V>
void VisitFields(V& v, DevicePart& d) {
  v("device", d.device);
  v("count", d.count);
  v("total_ns", d.total_ns);
}

template <typename V>
void VisitFields(V& v, SummaryKernel& k) {
  v("name", k.name);
  v("full_name", k.full_name);
  VisitFields(v, k.timing);
  v("share", k.share);
  v("is_graph", k.is_graph);
  v("devices", k.devices);
  v("shape_count", k.shape_count);
  v("shapes", k.shapes);
}

template <typename V>
void VisitFields(V& v, SummaryOperator& o) {
  v("name", o.name);
  VisitFields(v, o.timing);
  v("self_ns", o.self_ns);
  v("share", o.share);
  v("kernel_count", o.kernel_count);
  v("kernel_ns", o.kernel_ns);
}

template <typename V>
void VisitFields(V& v, SummaryCopy& c) {
  v("kind", c.kind);
  v("source_memory", c.source_memory);
  v("target_memory", c.target_memory);
  v("bytes", c.bytes);
  VisitFields(v, c.timing);
  v("engine_bytes_per_second", c.engine_bytes_per_second);
  v("api_count", c.api_count);
  v("api_ns", c.api_ns);
  v("api_bytes_per_second", c.api_bytes_per_second);
}

template <typename V>
void VisitFields(V& v, SummaryApi& a) {
  v("name", a.name);
  VisitFields(v, a.timing);
  v("share", a.share);
  v("failures", a.failures);
}

template <typename V>
void VisitFields(V& v, SummaryLaunch& l) {
  v("matched", l.matched);
  v("unmatched", l.unmatched);
  v("call", l.call);
  v("latency", l.latency);
  v("delay_median_ns", l.delay_median_ns);
  v("delay_p95_ns", l.delay_p95_ns);
  v("delay_min_ns", l.delay_min_ns);
  v("delay_max_ns", l.delay_max_ns);
  v("before_call_end", l.before_call_end);
  v("queued", l.queued);
  v("queue_ns", l.queue_ns);
  v("shorter_than_call", l.shorter_than_call);
  v("max_queue_length", l.max_queue_length);
}

template <typename V>
void VisitFields(V& v, SummaryGap& g) {
  v("cause", g.cause);
  v("count", g.count);
  v("total_ns", g.total_ns);
  v("share", g.share);
}

template <typename V>
void VisitFields(V& v, SummaryLongGap& g) {
  v("device", g.device);
  v("start_ns", g.start_ns);
  v("duration_ns", g.duration_ns);
  v("cause", g.cause);
  v("before", g.before);
  v("after", g.after);
}

template <typename V>
void VisitFields(V& v, SummaryGaps& g) {
  v("causes", g.causes);
  v("count", g.count);
  v("total_ns", g.total_ns);
  v("median_ns", g.median_ns);
  v("max_ns", g.max_ns);
  v("longest", g.longest);
}

template <typename V>
void VisitFields(V& v, SummaryOverlap& o) {
  v("copy_ns", o.copy_ns);
  v("overlap_ns", o.overlap_ns);
  v("percent", o.percent);
}

template <typename V>
void VisitFields(V& v, SummarySync& s) {
  v("kind", s.kind);
  VisitFields(v, s.timing);
}

template <typename V>
void VisitFields(V& v, SummaryAllocation& a) {
  v("device", a.device);
  v("memory", a.memory);
  v("allocations", a.allocations);
  v("frees", a.frees);
  v("allocated_bytes", a.allocated_bytes);
  v("peak_bytes", a.peak_bytes);
  v("end_bytes", a.end_bytes);
  v("largest_bytes", a.largest_bytes);
  v("peak_reserved_bytes", a.peak_reserved_bytes);
}

template <typename V>
void VisitFields(V& v, PhaseKernel& k) {
  v("full_name", k.full_name);
  v("count", k.count);
  v("total_ns", k.total_ns);
}

template <typename V>
void VisitFields(V& v, SummaryPhase& p) {
  v("name", p.name);
  v("domain", p.domain);
  VisitFields(v, p.timing);
  v("marks", p.marks);
  v("kernel_count", p.kernel_count);
  v("kernel_ns", p.kernel_ns);
  v("self_kernel_ns", p.self_kernel_ns);
  v("projected_ns", p.projected_ns);
  v("kernels", p.kernels);
}

template <typename V>
void VisitFields(V& v, SummaryStream& s) {
  v("device", s.device);
  v("process", s.process);
  v("context", s.context);
  v("stream", s.stream);
  v("kernel_count", s.kernel_count);
  v("copy_count", s.copy_count);
  v("busy_ns", s.busy_ns);
  v("share", s.share);
}

template <typename V>
void VisitFields(V& v, SummaryCounter& c) {
  v("name", c.name);
  v("device", c.device);
  v("count", c.count);
  v("min", c.min);
  v("mean", c.mean);
  v("max", c.max);
  v("first", c.first);
  v("last", c.last);
}

template <typename V>
void VisitFields(V& v, SummaryKernelDetail& d) {
  v("name", d.name);
  v("full_name", d.full_name);
  v("count", d.count);
  v("duration_ns", d.duration_ns);
  v("sm_throughput_percent", d.sm_throughput_percent);
  v("memory_throughput_percent", d.memory_throughput_percent);
  v("dram_throughput_percent", d.dram_throughput_percent);
  v("l1_throughput_percent", d.l1_throughput_percent);
  v("l2_throughput_percent", d.l2_throughput_percent);
  v("l1_hit_percent", d.l1_hit_percent);
  v("l2_hit_percent", d.l2_hit_percent);
  v("achieved_occupancy_percent", d.achieved_occupancy_percent);
  v("theoretical_occupancy_percent", d.theoretical_occupancy_percent);
  v("waves_per_sm", d.waves_per_sm);
  v("warp_efficiency_percent", d.warp_efficiency_percent);
  v("coalescing_percent", d.coalescing_percent);
  v("instructions_per_second", d.instructions_per_second);
  v("ipc", d.ipc);
  v("dram_bytes_per_second", d.dram_bytes_per_second);
  v("global_bytes_per_second", d.global_bytes_per_second);
  v("shared_bytes_per_second", d.shared_bytes_per_second);
  v("texture_bytes_per_second", d.texture_bytes_per_second);
  v("tensor_active_percent", d.tensor_active_percent);
  v("flop", d.flop);
  v("flop_per_second", d.flop_per_second);
  v("arithmetic_intensity", d.arithmetic_intensity);
  v("peak_flop_per_second", d.peak_flop_per_second);
  v("peak_bytes_per_second", d.peak_bytes_per_second);
  v("bound", d.bound);
}

template <typename V>
void VisitFields(V& v, SummaryFinding& f) {
  v("id", f.id);
  v("severity", f.severity);
  v("sentence", f.sentence);
  v("figures", f.figures);
  v("mend", f.mend);
  v("command", f.command);
}

// All but the head, which is not one object.
template <typename V>
void VisitFields(V& v, Summary& s) {
  v("sources", s.sources);
  v("environment", s.environment);
  v("warnings", s.warnings);
  v("findings", s.findings);
  v("scenario", s.scenario);
  v("metrics", s.metrics);
  v("devices", s.devices);
  v("kernels", s.kernels);
  v("operators", s.operators);
  v("copies", s.copies);
  v("memsets", s.memsets);
  v("api", s.api);
  v("launch", s.launch);
  v("gaps", s.gaps);
  v("overlap", s.overlap);
  v("syncs", s.syncs);
  v("allocations", s.allocations);
  v("phases", s.phases);
  v("streams", s.streams);
  v("counters", s.counters);
  v("kernel_details", s.kernel_details);
}

}  // namespace altlas::profile
