#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Source files stay small: an error above 800 lines, a printed list above 400.

usage: check_sizes.py REPOSITORY
"""
import pathlib
import sys

LIMIT, NOTE = 800, 400
FOLDERS = ["src", "web", "worker", "cuda", "apps", "tests", "fuzz", "bench", "tools", "models", "compat", "examples", "python"]
ENDINGS = {".cc", ".h", ".py", ".js", ".cu"}


def main():
    root = pathlib.Path(sys.argv[1])
    sizes = []
    for folder in FOLDERS:
        for file in (root / folder).rglob("*"):
            if file.suffix in ENDINGS and file.is_file():
                sizes.append((len(file.read_text(errors="replace").splitlines()), file.relative_to(root)))
    for lines, file in sorted(sizes, reverse=True):
        if lines > NOTE:
            print(f"{'ERROR' if lines > LIMIT else 'note '} {lines:5d} lines  {file}")
    over = [s for s in sizes if s[0] > LIMIT]
    print(f"{len(sizes)} files, {len(over)} above {LIMIT} lines")
    return 1 if over or not sizes else 0


if __name__ == "__main__":
    sys.exit(main())
