#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`python analyze_profile.py X.nsys-rep > profile_summary.json`, as the profiling document calls it: hands over to
`alt_las profile analyze`."""
import os
import pathlib
import shutil
import sys


def find():
    root = pathlib.Path(__file__).resolve().parent.parent
    for candidate in (root / "build/release/apps/alt_las/alt_las", root / "bin/alt_las"):
        if candidate.is_file():
            return str(candidate)
    return shutil.which("alt_las")


if __name__ == "__main__":
    program = find()
    if program is None:
        sys.exit("analyze_profile.py: the program alt_las is neither built here (./run builds it) nor on the PATH")
    os.execv(program, [program, "profile", "analyze", *sys.argv[1:]])
