// SPDX-License-Identifier: Apache-2.0
// The report's script: these files one behind the other, in one function, so that nothing becomes global.
(() => {
"use strict";
