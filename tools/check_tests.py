#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds every *_test.cc against the CMakeLists.txt that is nearest above it: a test that CMake does not name does not
exist.

usage: check_tests.py REPOSITORY
Exit code 0 when each is named there, with or without its ending, 1 with one line for each that is not.
"""
import pathlib
import re
import sys

FOLDERS = ["src", "worker", "cuda", "apps", "tests", "bench", "fuzz"]


def words(cmake):
    """The words of a CMake file outside its comments."""
    return set(re.split(r"[\s()\"]+", re.sub(r"#.*", "", cmake.read_text())))


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    problems, checked = [], 0
    for test in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*_test.cc")):
        cmake = next(p / "CMakeLists.txt" for p in test.parents if (p / "CMakeLists.txt").is_file())
        checked += 1
        named = words(cmake)
        if not {test.name, test.stem, str(test.relative_to(cmake.parent))} & named:
            problems.append(f"{test.relative_to(root)}: not named in {cmake.relative_to(root)}, so nobody builds it")
    print("\n".join(problems) if problems else f"{checked} tests, all named in CMake")
    return 1 if problems or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
