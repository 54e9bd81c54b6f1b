#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Finds tests that cannot fail: a *_test.cc that the CMakeLists.txt nearest above it does not name (with or without its
ending) does not exist, and rapidcheck's rc::check() only returns that a property is false: alone it is a statement.

usage: check_tests.py REPOSITORY
Exit code 0 where there is none, 1 with one line for each.
"""
import pathlib
import re
import sys

UNHEARD = re.compile(r"[;{}]\s*rc::check\(")
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
        for found in UNHEARD.finditer(text := test.read_text()):
            line = text.count("\n", 0, found.end()) + 1
            problems.append(f"{test.relative_to(root)}:{line}: nobody hears of rc::check(): write EXPECT_TRUE(rc::check(...))")
    print("\n".join(problems) if problems else f"{checked} tests, all named in CMake and heard")
    return 1 if problems or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
