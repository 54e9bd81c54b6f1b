#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`python analyze_profile.py X.nsys-rep > profile_summary.json`, as the profiling document calls it: hands over to
`alt_las profile analyze`."""
from alt_las import start

if __name__ == "__main__":
    start("profile", "analyze")
