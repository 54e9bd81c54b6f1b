#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds every #include against the DEPS of its module, and every DEPS against the order of ALTLAS_LAYERS;
in worker/, the order is WORKER_LAYERS.

usage: check_layers.py REPOSITORY
Exit code 0 when every include goes strictly down, 1 with one line for each that does not.
"""
import pathlib
import re
import sys

WORKER_LAYERS = ["model", "serve", "compute", "bench"]  # folders of worker/, lowest first


def layers(root):
    text = (root / "CMakeLists.txt").read_text()
    return re.search(r"set\(ALTLAS_LAYERS ([^)]*)\)", text).group(1).split()


def declared(module_dir):
    """The module's (deps, deps of its tests) as its altlas_module() line declares them."""
    text = (module_dir / "CMakeLists.txt").read_text()
    call = re.search(r"altlas_module\(\s*(\w+)(.*?)\)", text, re.S)
    if call is None:
        return set(), set()
    fields, current = {}, None
    for word in call.group(2).split():
        if re.fullmatch(r"SOURCES|DEPS|LIBS|TESTS|TEST_DEPS|TEST_LIBS|TEST_LABELS", word):
            current = fields.setdefault(word, set())
        elif current is not None:
            current.add(word)
    return fields.get("DEPS", set()), fields.get("TEST_DEPS", set())


def worker_problem(root, file, number, line):
    """What is wrong with one line of a file in worker/ by the order of its folders; a list of one or none."""
    found = re.match(r'\s*#\s*include\s+"worker/(\w+)/', line)
    if found is None:
        return []
    layer, used = file.relative_to(root / "worker").parts[0], found.group(1)
    for name in (layer, used):
        if name not in WORKER_LAYERS:
            return [f"{file.relative_to(root)}:{number}: worker/{name} is not listed in WORKER_LAYERS"]
    if WORKER_LAYERS.index(used) > WORKER_LAYERS.index(layer):
        return [f"{file.relative_to(root)}:{number}: worker/{layer} includes worker/{used}, which is above it"]
    return []


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    order = layers(root)
    problems, checked = [], 0
    for module_dir in sorted(p.parent for p in (root / "src").glob("*/CMakeLists.txt")):
        name = module_dir.name
        if name not in order:
            problems.append(f"src/{name}: not listed in ALTLAS_LAYERS of CMakeLists.txt")
            continue
        deps, test_deps = declared(module_dir)
        for dep in deps:
            if dep not in order or order.index(dep) >= order.index(name):
                problems.append(f"src/{name}/CMakeLists.txt: depends on {dep}, which is not below it")
        for file in sorted(module_dir.glob("*.h")) + sorted(module_dir.glob("*.cc")):
            allowed = {name} | deps | (test_deps if "_test" in file.name else set())
            for number, line in enumerate(file.read_text().splitlines(), 1):
                found = re.match(r'\s*#\s*include\s+"([^"/]+)/', line)
                if found is None:
                    continue
                checked += 1
                if found.group(1) not in allowed:
                    problems.append(f"{file.relative_to(root)}:{number}: includes {found.group(1)}, not in DEPS ({', '.join(sorted(deps)) or 'none'})")
    for file in sorted((root / "worker").rglob("*.h")) + sorted((root / "worker").rglob("*.cc")):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s+"([^"/]+)/', line)
            if found and found.group(1) not in {"worker", "base", "device", "profile", "text", "tune", "wire"}:
                problems.append(f"{file.relative_to(root)}:{number}: the worker may include base, device, profile, text, tune, wire and worker, not {found.group(1)}")
            checked += found is not None
            problems += worker_problem(root, file, number, line)
    print("\n".join(problems) if problems else f"{checked} includes, all go down")
    return 1 if problems or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
