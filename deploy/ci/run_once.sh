#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One run of the benchmark, as the gate repeats it. A benchmark that writes profile_summary.json to the file that ALTLAS_SUMMARY_OUT
# names is judged by that too; it lies in the folder that the image sees.
. "$(dirname "$0")/common.sh"
wanted=${ALTLAS_SUMMARY_OUT:-}
ALTLAS_SUMMARY_OUT="$NSIGHT_DATA_DIR/run_$$.json"
export ALTLAS_SUMMARY_OUT
trap 'rm -f "$ALTLAS_SUMMARY_OUT"' EXIT
in_app $BENCHMARK_COMMAND
if [ -n "$wanted" ] && [ -f "$ALTLAS_SUMMARY_OUT" ]; then cp "$ALTLAS_SUMMARY_OUT" "$wanted"; fi
