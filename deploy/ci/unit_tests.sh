#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stage Unit Tests.
. "$(dirname "$0")/common.sh"
in_app $UNIT_TEST_COMMAND
