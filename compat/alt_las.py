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


def program():
    """Its path: ALTLAS_PROGRAM, the release build, an installation beside this folder, the PATH. Ends where it is nowhere."""
    found = os.environ.get("ALTLAS_PROGRAM") or find()
    if found is None:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: the program alt_las is neither built here (./run builds it) nor on the PATH")
    return found


def start(*words, defaults=None):
    """Becomes `alt_las words... arguments...`, with the default of each option that the arguments leave out."""
    arguments = sys.argv[1:]
    for option, value in (defaults or {}).items():
        if not any(given == option or given.startswith(option + "=") for given in arguments):
            arguments = [option, value, *arguments]
    os.execv(program(), [program(), *words, *arguments])


if __name__ == "__main__":
    start()
