#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stage Performance Validation: document 5's rule on the one capture, then the gate on repeated runs.
# Exit code: 0 both passed, 1 one failed, 3 the gate could not tell, anything else: nothing could be measured.
. "$(dirname "$0")/common.sh"
here=$(cd "$(dirname "$0")" && pwd)
# Of an earlier build in the same workspace: where nothing can be measured, there is no verdict to publish.
rm -f "$NSIGHT_DATA_DIR/gate.md" "$NSIGHT_DATA_DIR/gate_junit.xml"

document=0
if [ -f "$NSIGHT_DATA_DIR/profile_summary.json" ]; then
  "$ALT_LAS" profile gate --rule document --threshold "$PERFORMANCE_THRESHOLD" "$NSIGHT_DATA_DIR/profile_summary.json" || document=$?
else
  echo "validate.sh: there is no profile_summary.json, so the rule of $PERFORMANCE_THRESHOLD was not applied"
fi

gate=0
if [ -f "$BASELINE" ]; then
  "$ALT_LAS" profile gate --baseline "$BASELINE" --threshold "$REGRESSION_THRESHOLD" --runs "$GATE_RUNS" ${GATE_METRIC:+--metric "$GATE_METRIC"} \
    --junit "$NSIGHT_DATA_DIR/gate_junit.xml" --markdown "$NSIGHT_DATA_DIR/gate.md" -- "$here/run_once.sh" || gate=$?
else
  echo "validate.sh: no baseline at $BASELINE; this build records one. Commit it to have later builds judged."
  "$ALT_LAS" profile gate record --baseline "$NSIGHT_DATA_DIR/baseline.json" --runs $((2 * GATE_RUNS)) -- "$here/run_once.sh" || gate=$?
fi

echo "validate.sh: rule of $PERFORMANCE_THRESHOLD: exit code $document, gate: exit code $gate"
for code in "$document" "$gate"; do
  case "$code" in 0|1|3) ;; *) exit "$code" ;; esac
done
if [ "$document" = 1 ] || [ "$gate" = 1 ]; then exit 1; fi
if [ "$document" = 3 ] || [ "$gate" = 3 ]; then exit 3; fi
