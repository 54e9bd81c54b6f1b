# SPDX-License-Identifier: Apache-2.0
"""Memory of this process and machine, without packages beside Python's own. Bytes; None where the system does not tell."""
import ctypes
import os
import pathlib
import sys

_PROC = pathlib.Path("/proc")
_CGROUP = pathlib.Path("/sys/fs/cgroup")


def _field(path, name):
    """The number of `name:   123 kB` in a file of /proc, in bytes."""
    try:
        for line in path.read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


class _WindowsCounters(ctypes.Structure):
    _fields_ = [("cb", ctypes.c_uint32), ("faults", ctypes.c_uint32)] + [
        (name, ctypes.c_size_t)
        for name in ("peak_working_set", "working_set", "a", "b", "c", "d", "pagefile", "peak_pagefile")
    ]


def _windows_counters():
    counters = _WindowsCounters()
    counters.cb = ctypes.sizeof(counters)
    kernel = ctypes.windll.kernel32
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    ok = kernel.K32GetProcessMemoryInfo(ctypes.c_void_p(kernel.GetCurrentProcess()), ctypes.byref(counters), counters.cb)
    return counters if ok else None


def resident():
    """What this process holds in RAM."""
    if sys.platform == "win32":
        counters = _windows_counters()
        return counters.working_set if counters else None
    return _field(_PROC / "self/status", "VmRSS")


def peak_resident():
    """The most it held, since reset_peak() where the system allows that, else since its start."""
    if sys.platform == "win32":
        counters = _windows_counters()
        return counters.peak_working_set if counters else None
    peak = _field(_PROC / "self/status", "VmHWM")
    if peak is None and sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak


def reset_peak():
    """True where the peak counts anew from here."""
    try:
        (_PROC / "self/clear_refs").write_text("5")
        return True
    except OSError:
        return False


def release_unused():
    """Gives memory that the C library keeps for later back to the system, where it has a call for that (glibc)."""
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _own_groups(controller):
    """The folders of this process's control group, the innermost first."""
    try:
        lines = (_PROC / "self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, names, path = line.split(":", 2)
        if names == "" if controller is None else controller in names.split(","):
            base = _CGROUP / controller if controller else _CGROUP
            relative = pathlib.PurePosixPath(path.lstrip("/"))
            return [base / relative, *[base / parent for parent in relative.parents]]
    return []


def _group_limit():
    limits = []
    for controller, name in ((None, "memory.max"), ("memory", "memory.limit_in_bytes")):
        for folder in _own_groups(controller):
            try:
                limits.append(int((folder / name).read_text()))
            except (OSError, ValueError):
                continue
    return min(limits, default=None)


def total():
    """The machine's RAM, or the limit of this process's control group where that is lower."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return _windows_memory("total") if sys.platform == "win32" else None
    limit = _group_limit()
    return physical if limit is None else min(physical, limit)


def available():
    """What may still be taken without swapping; within the control group's limit, what this process leaves of it."""
    if sys.platform == "win32":
        return _windows_memory("available")
    free = _field(_PROC / "meminfo", "MemAvailable")
    limit = _group_limit()
    if limit is None:
        return free
    left = max(0, limit - (resident() or 0))
    return left if free is None else min(free, left)


class _WindowsStatus(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint32), ("load", ctypes.c_uint32)] + [
        (name, ctypes.c_uint64) for name in ("total", "available", "a", "b", "c", "d", "e")
    ]


def _windows_memory(name):
    status = _WindowsStatus()
    status.length = ctypes.sizeof(status)
    return getattr(status, name) if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None
