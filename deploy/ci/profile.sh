#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stage Performance Profiling: one capture, its summary and its page, for people and for the 200 ms rule.
. "$(dirname "$0")/common.sh"
# Of an earlier build in the same workspace: never judge those.
rm -rf "$NSIGHT_DATA_DIR/capture" "$NSIGHT_DATA_DIR/profile_summary.json"
in_app "$APP_ALT_LAS" profile run --duration "$PROFILE_SECONDS" --output "$NSIGHT_DATA_DIR/capture" -- $BENCHMARK_COMMAND
# Nsight Systems' own file, its export, PyTorch's, our collectors': the first kind that is there, and of several processes the
# one with most in it. The counters of a process, which are always there, hold neither kernels nor operators: they come last.
capture=
for kind in '*.nsys-rep' '*.qdrep' '*.sqlite' '*.json.gz' '*.json' 'gpu-*.alc' 'worker-*.alc' '*.alc'; do
  capture=$(find "$NSIGHT_DATA_DIR/capture" -type f -name "$kind" ! -name manifest.json -printf '%s %p\n' | sort -rn | head -n 1 | cut -d ' ' -f 2-)
  [ -z "$capture" ] || break
done
[ -n "$capture" ] || { echo "profile.sh: no capture in $NSIGHT_DATA_DIR/capture" >&2; exit 1; }
in_app "$APP_ALT_LAS" profile analyze "$capture" >"$NSIGHT_DATA_DIR/profile_summary.json"
