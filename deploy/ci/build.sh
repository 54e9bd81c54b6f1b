#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stage Build: the app's image.
. "$(dirname "$0")/common.sh"
${BUILD_COMMAND:-docker build -t "$IMAGE" .}
