#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The devices of the pool (document 2, section 2.3)."""
from pool_client import Pool, arguments, show_gpus

show_gpus(Pool(arguments(__doc__)), "Devices")
