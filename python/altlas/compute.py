# SPDX-License-Identifier: Apache-2.0
"""The compute interface (TUN-2): which device computes, what its memory does, and the batch that fits it.

    from altlas.compute import get_compute, initialize_compute
    compute = initialize_compute(mode="hybrid")
    used, reserved = compute.vram_usage_gib()
    batch_size = compute.suggest_batch_size(vram_usage_multiplier=0.9, model=model, sample=dataset[0])

Pure Python on PyTorch. GiB are 2**30 bytes, rounded to a MiB. On a CPU every figure of video memory is 0, because there is
none; the ram_ figures are this process's and machine's. Not thread-safe, but for get_compute().
"""
import gc
import logging
import sys
import threading

import torch

from . import host_memory, measure
from .batch_search import BatchSearch

GIB = 1 << 30
MODES = ("cpu", "gpu", "hybrid")
MARGIN_GIB = 0.5  # kept free beside the share: the guide's margin is 0.5 to 1 GiB
# The guide's figure, for the estimate where nothing was measured: batch 112 on a card of 8 GB at 0.9 of its memory.
_GUIDE_BATCH, _GUIDE_BYTES = 112, 0.9 * 8e9
# Optimizer state as a multiple of the trainable parameters, by class.
_STATE_COPIES = {"SGD": 0, "Adam": 2, "AdamW": 2, "NAdam": 2, "RAdam": 2, "Adamax": 2, "RMSprop": 1, "Adagrad": 1}
# Options of an optimizer that each keep one more copy.
_STATE_OPTIONS = ("momentum", "amsgrad", "centered")

_log = logging.getLogger("altlas.compute")


def _gib(count):
    return round((count or 0) / GIB, 3)


def _percent(part, whole):
    return round(100.0 * part / whole, 1) if whole else 0.0


class BatchSize(int):
    """A batch size that says where it comes from: `measured`, `why` and, where steps were run, `answer`."""

    measured = False
    why = ""
    answer = None

    @classmethod
    def of(cls, size, measured, why, answer=None):
        self = cls(size)
        self.measured, self.why, self.answer = measured, why, answer
        return self


class Compute:
    """The device that computes, and its memory. Made by initialize_compute()."""

    def __init__(self, mode="hybrid"):
        if mode not in MODES:
            raise ValueError(f'mode "{mode}" is unknown; use cpu, gpu or hybrid')
        has_gpu = torch.cuda.is_available()
        if mode == "gpu" and not has_gpu:
            raise RuntimeError(
                'mode "gpu" and PyTorch sees no GPU: look at nvidia-smi, CUDA_VISIBLE_DEVICES and torch.version.cuda; '
                'or use mode "hybrid", which takes the CPU where there is none'
            )
        self.mode = mode
        self.device = torch.device("cuda", torch.cuda.current_device()) if has_gpu and mode != "cpu" else torch.device("cpu")
        self._registered = None
        self._last = None

    @property
    def is_gpu(self):
        return self.device.type == "cuda"

    def vram_usage_gib(self):
        """(used by tensors, reserved from the driver) of this process; (0.0, 0.0) on a CPU."""
        if not self.is_gpu:
            return 0.0, 0.0
        return _gib(torch.cuda.memory_allocated(self.device)), _gib(torch.cuda.memory_reserved(self.device))

    def get_memory_stats(self):
        """A dict. utilization_percent is what tensors of this process use of the device's whole memory;
        fragmentation_percent what is reserved in blocks that are free and cannot be given back, of all that is reserved."""
        stats = {"device": str(self.device), "mode": self.mode}
        stats.update(self._gpu_stats() if self.is_gpu else dict.fromkeys(_GPU_KEYS, 0.0) | {"alloc_retries": 0, "ooms": 0})
        ram, ram_total = host_memory.resident() or 0, host_memory.total() or 0
        stats.update(
            ram_used_gib=_gib(ram),
            ram_peak_gib=_gib(host_memory.peak_resident()),
            ram_total_gib=_gib(ram_total),
            ram_available_gib=_gib(host_memory.available()),
            ram_utilization_percent=_percent(ram, ram_total),
        )
        return stats

    def _gpu_stats(self):
        raw = torch.cuda.memory_stats(self.device)
        free, total = torch.cuda.mem_get_info(self.device)
        allocated, reserved = torch.cuda.memory_allocated(self.device), torch.cuda.memory_reserved(self.device)
        return {
            "allocated_gib": _gib(allocated),
            "reserved_gib": _gib(reserved),
            "max_allocated_gib": _gib(torch.cuda.max_memory_allocated(self.device)),
            "max_reserved_gib": _gib(torch.cuda.max_memory_reserved(self.device)),
            "free_gib": _gib(free),
            "total_gib": _gib(total),
            "utilization_percent": _percent(allocated, total),
            "reserved_percent": _percent(reserved, total),
            "fragmentation_percent": _percent(raw.get("inactive_split_bytes.all.current", 0), reserved),
            "alloc_retries": raw.get("num_alloc_retries", 0),
            "ooms": raw.get("num_ooms", 0),
        }

    def log_memory_stats(self):
        """One line to the logger "altlas.compute" (to standard error where nobody set logging up); returns it."""
        s = self.get_memory_stats()
        line = "memory: {ram_used_gib} of {ram_total_gib} GiB RAM ({ram_utilization_percent} %), peak {ram_peak_gib} GiB".format(**s)
        if self.is_gpu:
            line = (
                "memory: {allocated_gib} GiB used, {reserved_gib} reserved of {total_gib} ({utilization_percent} %), "
                "peak {max_allocated_gib} GiB, fragmentation {fragmentation_percent} %, {alloc_retries} retries; ".format(**s) + line
            )
        if _log.hasHandlers():
            _log.info(line)
        else:
            print(line, file=sys.stderr)
        return line

    def reset_peak_memory_stats(self):
        """The peaks count anew from here (that of the RAM where the system allows it: Linux)."""
        if self.is_gpu:
            torch.cuda.reset_peak_memory_stats(self.device)
        host_memory.reset_peak()

    def cleanup_after_training(self):
        """Collects garbage and gives memory that nothing uses back to the system. What tensors hold stays; the next
        allocations ask the driver again. Returns the GiB given back."""
        before = measure.held(self.device)
        measure.settle(self.device)
        return _gib(max(0, before - measure.held(self.device)))

    def optimize_memory(self, aggressive=False):
        """Collects garbage; gives cached blocks back where they lie in pieces (over 10 % of what is reserved), or always
        with `aggressive`, which also drops the workspaces of matrix libraries. Returns the GiB given back."""
        before = measure.held(self.device)
        gc.collect()
        if aggressive:
            if self.is_gpu:
                clear = getattr(torch._C, "_cuda_clearCublasWorkspaces", None)
                if clear is not None:
                    clear()
                torch.cuda.ipc_collect()
            measure.settle(self.device)
        elif self.is_gpu and self.get_memory_stats()["fragmentation_percent"] > 10:
            torch.cuda.empty_cache()
        return _gib(max(0, before - measure.held(self.device)))

    def register_model(self, model, sample, loss=None, optimizer=None, autocast=None):
        """What suggest_batch_size() measures when it is given no model of its own."""
        self._registered = dict(model=model, sample=sample, loss=loss, optimizer=optimizer, autocast=autocast)

    def room(self, vram_usage_multiplier=0.9, memory_gib=None, margin_gib=MARGIN_GIB):
        """Bytes that this process may hold: the share of what it holds and what is free, a margin kept."""
        if not 0 < vram_usage_multiplier <= 1:
            raise ValueError(f"vram_usage_multiplier is {vram_usage_multiplier}; it is a share above 0 and at most 1")
        measure.settle(self.device)
        if memory_gib is not None:
            return vram_usage_multiplier * memory_gib * GIB
        free = torch.cuda.mem_get_info(self.device)[0] if self.is_gpu else host_memory.available() or 0
        whole = free + measure.held(self.device)
        return min(vram_usage_multiplier * whole, whole - margin_gib * GIB)

    def suggest_batch_size(
        self,
        vram_usage_multiplier=0.9,
        model=None,
        sample=None,
        loss=None,
        optimizer=None,
        autocast=None,
        step=None,
        most=1 << 16,
        memory_gib=None,
        margin_gib=MARGIN_GIB,
    ):
        """The largest batch whose training step stays within the share of the memory: runs steps of growing sizes, fits
        memory against batch, and runs one step at the answer; out of memory is not provoked. The model comes out as it
        went in.

        sample: one example, as dataset[0] gives it; with `loss`, a pair of input and target. step(size) runs a step of its
        own instead of model and sample. optimizer: its state is counted where it has none yet (none given: AdamW's).
        autocast: a dtype for mixed precision. memory_gib: a limit instead of the device's memory. Without a model the
        registered one is measured, else the last answer is scaled, else an estimate is returned; `measured` and `why`
        of the result say which. 0 where not even the smallest batch fits."""
        given = dict(model=model, sample=sample, loss=loss, optimizer=optimizer, autocast=autocast)
        if step is None and model is None:
            if self._registered is None:
                return self._without_model(vram_usage_multiplier, memory_gib, margin_gib, most)
            given = self._registered
        limit = self.room(vram_usage_multiplier, memory_gib, margin_gib)
        return self._measure(limit, most, step, **given)

    def _measure(self, limit, most, step, model, sample, loss, optimizer, autocast):
        if step is None and sample is None:
            raise TypeError("suggest_batch_size needs sample= beside model=: one example as the dataset gives it")
        state = _missing_state(model, optimizer) if model is not None else 0
        if limit <= state:
            why = f"the optimizer's state takes {_gib(state)} GiB, and {_gib(limit)} GiB are to be had: no step was run"
            return BatchSize.of(0, False, why)
        run = step or measure.training_step(model, sample, loss, autocast, self.device)
        with measure.untouched(model if model is not None else torch.nn.Module()):
            answer = _search(run, limit - state, most, self.device)
        measure.settle(self.device)
        why = (
            f"measured: {len(answer.runs)} steps, {_gib(answer.fit.intercept)} GiB and {answer.fit.slope / (1 << 20):.2f} MiB a "
            f"sample; {_gib(answer.bytes + state)} of {_gib(limit)} GiB at {answer.batch}; {answer.why}"
        )
        self._last = (answer, state)
        _log.info("batch size %d, %s", answer.batch, why)
        return BatchSize.of(answer.batch, True, why, answer)

    def _without_model(self, share, memory_gib, margin_gib, most):
        limit = self.room(share, memory_gib, margin_gib)
        if self._last is not None and self._last[0].fit.slope > 0:
            answer, state = self._last
            size = int((limit - state - answer.fit.intercept) / answer.fit.slope)
            why = "estimate: the line of the model measured last, for another share; no step was run at this size"
        else:
            size = int(_GUIDE_BATCH * limit / _GUIDE_BYTES)
            why = "estimate: no model was given or registered; the guide's 112 on 8 GB, scaled by the memory. Give model= and sample="
        size = max(0, min(size, most))
        _log.warning("batch size %d, %s", size, why)
        return BatchSize.of(size, False, why)


_GPU_KEYS = (
    "allocated_gib",
    "reserved_gib",
    "max_allocated_gib",
    "max_reserved_gib",
    "free_gib",
    "total_gib",
    "utilization_percent",
    "reserved_percent",
    "fragmentation_percent",
)


def _missing_state(model, optimizer):
    """Bytes of optimizer state that the first real step will add to what is measured here."""
    if optimizer is None:
        return _STATE_COPIES["AdamW"] * _trainable_bytes(model.parameters())
    if optimizer.state:
        return 0
    copies = _STATE_COPIES.get(type(optimizer).__name__, 2)
    return sum(
        (copies + sum(1 for option in _STATE_OPTIONS if group.get(option))) * _trainable_bytes(group["params"])
        for group in optimizer.param_groups
    )


def _trainable_bytes(parameters):
    return sum(p.numel() * p.element_size() for p in parameters if p.requires_grad)


def _smallest(run, device):
    """1, or 2 for a model that cannot train on one sample (batch norm). The first step of a process also loads kernels and
    starts threads: not part of the next one's growth."""
    try:
        measure.peak_of(run, 1, device)
    except measure.DoesNotFit:
        pass  # the search finds the same, and says so
    except Exception as first:
        try:
            measure.peak_of(run, 2, device)
        except measure.DoesNotFit:
            pass
        except Exception:
            raise first from None
        return 2
    return 1


def _search(run, limit, most, device):
    least = _smallest(run, device)
    measure.settle(device)
    search = BatchSearch(limit, min(measure.held(device), 0.99 * limit), max(most, least), least)
    while (size := search.next()) is not None:
        try:
            search.measured(size, measure.peak_of(run, size, device))
        except measure.DoesNotFit:
            search.failed(size)
    return search.answer()


_lock = threading.Lock()
_compute = None


def initialize_compute(mode="hybrid"):
    """Chooses the device: "cpu", "gpu" (RuntimeError where there is none) or "hybrid" (a GPU where there is one). Returns
    what get_compute() returns from now on."""
    global _compute
    made = Compute(mode)
    with _lock:
        _compute = made
    return made


def get_compute():
    """The process's Compute; initialised as "hybrid" where nobody did."""
    global _compute
    with _lock:
        if _compute is None:
            _compute = Compute("hybrid")
        return _compute
