# SPDX-License-Identifier: Apache-2.0
"""The Python side of ALT_LAS. `altlas.compute`: memory of the device, and the batch that fits it."""
