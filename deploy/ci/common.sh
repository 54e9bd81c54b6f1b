# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts beside it: what they share, with a default for everything. Override by environment.
set -eu

IMAGE=${IMAGE:-altlas-app:${BUILD_NUMBER:-local}}          # what build.sh makes and the others run
NSIGHT_DATA_DIR=${NSIGHT_DATA_DIR:-$PWD/nsight-data}       # everything that is archived
BASELINE=${BASELINE:-perf/baseline.json}                   # of `alt_las profile gate record`, kept in the repository
PERFORMANCE_THRESHOLD=${PERFORMANCE_THRESHOLD:-200ms}      # document 5's limit on the mean kernel time
REGRESSION_THRESHOLD=${REGRESSION_THRESHOLD:-5%}           # against the baseline
GATE_RUNS=${GATE_RUNS:-12}                                 # processes to screen with, and as many again if in doubt
ALT_LAS=${ALT_LAS:-alt_las}                                # the program on this machine
APP_ALT_LAS=${APP_ALT_LAS:-alt_las}                        # the program in the image
BENCHMARK_COMMAND=${BENCHMARK_COMMAND:-python benchmark.py}
UNIT_TEST_COMMAND=${UNIT_TEST_COMMAND:-python -m pytest tests/}
PROFILE_SECONDS=${PROFILE_SECONDS:-30}

export NSIGHT_DATA_DIR
mkdir -p "$NSIGHT_DATA_DIR"

# Runs a command of the app: in its image, or behind RUN_PREFIX where that is set (RUN_PREFIX= runs it right here, without docker).
in_app() {
  if [ -n "${RUN_PREFIX+set}" ]; then
    # The prefix and the commands are lists of words, split on purpose.
    $RUN_PREFIX "$@"
  else
    # As the agent's user: what root leaves, the agent can neither read (captures are 0700) nor remove.
    docker run --rm --gpus all --user "$(id -u):$(id -g)" -v "$NSIGHT_DATA_DIR:$NSIGHT_DATA_DIR" -e ALTLAS_SUMMARY_OUT "$IMAGE" "$@"
  fi
}
