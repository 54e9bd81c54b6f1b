#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stage Deploy: only ever called for a stable build of main.
. "$(dirname "$0")/common.sh"
latest=${IMAGE%:*}:latest
${DEPLOY_PREFIX:-} docker tag "$IMAGE" "$latest"
${DEPLOY_PREFIX:-} docker push "$latest"
