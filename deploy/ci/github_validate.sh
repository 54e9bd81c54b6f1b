#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# validate.sh as a step of GitHub Actions: FAIL and INCONCLUSIVE both fail the step, so that nothing is deployed; the report goes to
# the job's page.
. "$(dirname "$0")/common.sh"
code=0
"$(dirname "$0")/validate.sh" || code=$?
if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$NSIGHT_DATA_DIR/gate.md" ]; then cat "$NSIGHT_DATA_DIR/gate.md" >>"$GITHUB_STEP_SUMMARY"; fi
case "$code" in
  0) ;;
  1) echo "::error::Performance gate: FAIL" ;;
  3) echo "::warning::Performance gate: INCONCLUSIVE, see the job's summary for the reason and what to do" ;;
  *) echo "::error::Performance gate: nothing could be measured (exit code $code)" ;;
esac
exit "$code"
