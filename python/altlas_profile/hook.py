# SPDX-License-Identifier: Apache-2.0
"""Starts torch.profiler as soon as the program has imported torch, and writes a Kineto trace when it ends.

Nothing happens in a process that never imports torch. The trace is written at the normal end (atexit, which also
follows an exception, Ctrl-C and sys.exit), at SIGTERM where the program has no handler of its own, and after
ALTLAS_PROFILE_SECONDS. It is not written after SIGKILL, os._exit or a crash: torch keeps its records in memory.

Environment, set by `alt_las profile run`:
  ALTLAS_PROFILE_OUTPUT   folder of the traces, torch-<pid>.json.gz
  ALTLAS_PROFILE_SECONDS  stop recording after so many seconds (the program goes on)
  ALTLAS_PROFILE_SHAPES   1: with the shapes of the inputs
  ALTLAS_PROFILE_MEMORY   1: with every allocation
"""
import atexit
import os
import signal
import sys
import threading


class Recorder:
    """One profiler from start to trace. stop() writes once, whoever calls it first."""

    def __init__(self, torch):
        self._torch = torch
        self._pid = os.getpid()
        self._profiler = None
        self._once = threading.Lock()
        self._timer = None
        self._finished = False
        self._signal = None  # that came in the middle of stop()

    def start(self):
        profiler = self._torch.profiler
        activities = [profiler.ProfilerActivity.CPU]
        if self._torch.cuda.is_available():
            activities.append(profiler.ProfilerActivity.CUDA)
        options = {
            "activities": activities,
            "record_shapes": os.environ.get("ALTLAS_PROFILE_SHAPES") == "1",
            "profile_memory": os.environ.get("ALTLAS_PROFILE_MEMORY") == "1",
        }
        self._profiler = _started(profiler, _with_all_threads(self._torch, options))
        atexit.register(self.stop)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)
        self._stop_at_sigterm()
        seconds = float(os.environ.get("ALTLAS_PROFILE_SECONDS") or 0)
        if seconds > 0:
            self._timer = threading.Timer(seconds, self._stop_on_main_thread)
            self._timer.daemon = True
            self._timer.start()

    def stop(self):
        if not self._once.acquire(blocking=False):
            return
        try:
            self._write_trace()
        except Exception as error:
            print("alt_las profile: the trace of process %d could not be written: %s" % (self._pid, error), file=sys.stderr)
        self._finished = True
        if self._signal is not None:
            _die_of(self._signal)

    def _write_trace(self):
        profiler, self._profiler = self._profiler, None
        if profiler is None or os.getpid() != self._pid:
            return
        if self._timer is not None:
            self._timer.cancel()
        profiler.stop()
        _write(profiler, os.path.join(os.environ["ALTLAS_PROFILE_OUTPUT"], "torch-%d.json.gz" % self._pid))

    def _forget(self):
        # A forked child shares the records of its parent, who writes them.
        self._profiler = None
        self._finished = True

    def _stop_at_sigterm(self):
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            return

        def on_sigterm(number, _frame):
            if self._once.locked() and not self._finished:  # what is being written is written first
                self._signal = number
                return
            self.stop()
            _die_of(number)

        signal.signal(signal.SIGTERM, on_sigterm)

    def _stop_on_main_thread(self):
        # The profiler is to be stopped by the thread that started it: an interrupt between two of its byte codes,
        # without a signal that the program might use itself.
        import ctypes

        call_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)

        def call(_argument):
            self.stop()
            return 0

        self._pending = call_type(call)  # kept alive until it was called
        ctypes.pythonapi.Py_AddPendingCall(self._pending, None)


def _die_of(number):
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _started(profiler, options):
    import warnings

    with warnings.catch_warnings():
        # It asks for acc_events=True, which makes stop() ten times as slow and adds nothing to a trace of one cycle.
        warnings.simplefilter("ignore")
        started = profiler.profile(**options)
        started.start()
        return started


def _with_all_threads(torch, options):
    """Adds that operators of every thread are recorded, where this version of torch can."""
    try:
        from torch._C._profiler import _ExperimentalConfig

        return dict(options, experimental_config=_ExperimentalConfig(profile_all_threads=True))
    except (ImportError, TypeError, AttributeError):
        return options


def _write(profiler, path):
    import gzip
    import shutil

    # A reader, or a full disk, never meets half a trace under the final name. Packed here and not by torch, which
    # takes the slowest level.
    plain = path[: -len(".json.gz")] + ".partial.json"
    packed = plain + ".gz"
    try:
        profiler.export_chrome_trace(plain)
        with open(plain, "rb") as source, gzip.open(packed, "wb", compresslevel=1) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        os.replace(packed, path)
    finally:
        for left in (plain, packed):
            if os.path.exists(left):
                os.unlink(left)


_recorder = None


def _start(torch):
    global _recorder
    if _recorder is not None:
        return
    _recorder = Recorder(torch)
    try:
        _recorder.start()
    except Exception as error:
        print("alt_las profile: torch's profiler did not start: %s" % error, file=sys.stderr)


class _TorchFinder:
    """A meta path finder that lets everybody else find torch, and acts once its module has been executed."""

    def __init__(self):
        self._busy = False

    def find_spec(self, name, path=None, target=None):
        if name != "torch" or self._busy:
            return None
        from importlib.util import find_spec

        self._busy = True
        try:
            spec = find_spec(name)
        finally:
            self._busy = False
        if spec is None or spec.loader is None or not hasattr(spec.loader, "exec_module"):
            return None
        _run_after(spec.loader)
        return spec


def _run_after(loader):
    original = loader.exec_module

    def exec_module(module):
        _leave_cupti_to_torch()
        original(module)
        _start(module)

    try:
        loader.exec_module = exec_module
    except AttributeError:  # a loader with slots: that torch is not watched
        print("alt_las profile: torch's loader cannot be watched here", file=sys.stderr)


def _leave_cupti_to_torch():
    # torch.profiler and the library that `profile run` lets CUDA load would both want CUPTI; here the former is the
    # better one, since it also tells which operator launched a kernel. Python programs without torch keep the library.
    if os.environ.get("CUDA_INJECTION64_PATH", "").endswith("libaltlas_cupti.so"):
        del os.environ["CUDA_INJECTION64_PATH"]


def install():
    if "torch" in sys.modules:
        _leave_cupti_to_torch()
        _start(sys.modules["torch"])
        return
    if not os.path.exists("/proc/driver/nvidia/version"):
        # Without a driver Kineto complains of that on standard error, which is the program's.
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    sys.meta_path.insert(0, _TorchFinder())
