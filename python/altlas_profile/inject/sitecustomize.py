# SPDX-License-Identifier: Apache-2.0
"""Python imports this at its start because `alt_las profile run` put its folder first in PYTHONPATH. It hooks the
import of torch and then hands over to the sitecustomize that would have run without it. It must never be the reason
that a program fails."""
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))


def _next_sitecustomize():
    from importlib.machinery import PathFinder

    others = [p for p in sys.path if os.path.abspath(p or ".") != _here]
    return PathFinder.find_spec("sitecustomize", others)


def _hand_over():
    spec = _next_sitecustomize()
    if spec is None or spec.loader is None:
        return
    from importlib.util import module_from_spec

    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


if os.environ.get("ALTLAS_PROFILE_OUTPUT"):
    try:
        sys.path.insert(0, os.path.dirname(os.path.dirname(_here)))
        try:
            from altlas_profile import hook
        finally:
            sys.path.pop(0)
        hook.install()
    except Exception as error:  # a program to be watched runs on unwatched
        print("alt_las profile: this Python process is not watched: %s" % error, file=sys.stderr)
_hand_over()
