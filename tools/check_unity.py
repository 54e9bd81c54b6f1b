#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Finds names that a unity build would confuse: a constant, type or function in an anonymous namespace of one file whose name
another file of the same folder (a header, or another anonymous namespace) also gives to something at namespace level. The
compiler sees most of these; where the inner name merely hides the outer one it stays silent.

usage: check_unity.py REPOSITORY
Exit code 0 when there is none, 1 with one line for each.
"""
import collections
import pathlib
import re
import sys

FOLDERS = ["src/*", "worker/*", "apps/*"]
NAME = re.compile(r"^(?:inline |static )*(?:constexpr|const)\s[^=({;]*?\b(k[A-Z]\w*)\s*(?:\[[^]]*\])*\s*[=({]", re.M)


def constants(text):
    """Names of constants that begin at the margin, that is, at namespace level."""
    return {found.group(1) for found in NAME.finditer(text)}


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    problems, files = [], 0
    for folder in sorted(f for pattern in FOLDERS for f in root.glob(pattern) if f.is_dir()):
        for tests in (False, True):
            owners = collections.defaultdict(list)
            for file in sorted(folder.glob("*.cc")):
                if file.name.endswith("_test.cc") == tests:
                    files += 1
                    for name in constants(file.read_text()):
                        owners[name].append(file)
            for file in sorted(folder.glob("*.h")):
                for name in constants(file.read_text()):
                    owners[name].append(file)
            for name, places in sorted(owners.items()):
                if len(places) > 1:
                    problems.append(f"{name}: in " + " and ".join(str(p.relative_to(root)) for p in places))
    for problem in sorted(set(problems)):
        print(problem)
    print(f"{files} files, {len(set(problems))} names at two places")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
