#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`python alt_las.py --config F`, as the configuration document starts the server: hands over to the program alt_las."""
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
        sys.exit("alt_las.py: the program alt_las is neither built here (./run builds it) nor on the PATH")
    os.execv(program, [program, *sys.argv[1:]])
