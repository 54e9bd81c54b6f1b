# SPDX-License-Identifier: Apache-2.0
"""`from backend.config.compute_config import get_compute, initialize_compute`, as the memory guide has it: re-exports
altlas.compute, which lies in python/ beside compat/ where it is not installed."""
import importlib.util
import pathlib
import sys

if importlib.util.find_spec("altlas") is None:
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[3] / "python"))

from altlas.compute import Compute, get_compute, initialize_compute  # noqa: E402

__all__ = ["Compute", "get_compute", "initialize_compute"]
