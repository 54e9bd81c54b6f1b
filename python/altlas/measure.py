# SPDX-License-Identifier: Apache-2.0
"""One training step of a model at a batch size, and the memory at its peak. The model comes out as it went in."""
import contextlib
import gc

import torch

from . import host_memory


class DoesNotFit(Exception):
    """The step ran out of memory."""


def _map(value, change):
    """`change` of every tensor in nested tuples, lists and dicts."""
    if torch.is_tensor(value):
        return change(value)
    if isinstance(value, dict):
        return {key: _map(item, change) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return _rebuilt(value, [_map(item, change) for item in value])
    return value


def _rebuilt(value, items):
    """The items in a list or tuple of the type of `value`; a named tuple takes them one by one."""
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def _tensors(value):
    found = []
    _map(value, found.append)
    return found


def make_batch(sample, size, device):
    """`size` copies of one example, as a DataLoader would stack them, on the device."""

    def stack(tensor):
        return tensor.detach().to(device).unsqueeze(0).expand(size, *tensor.shape).contiguous()

    def leaf(value):
        return torch.as_tensor(value) if isinstance(value, (int, float)) else value

    if not _tensors(sample) and not isinstance(sample, (int, float)):
        sample = leaf(sample)
    if isinstance(sample, (tuple, list)):
        sample = _rebuilt(sample, [leaf(item) for item in sample])
    batch = _map(sample, stack)
    if not _tensors(batch):
        raise TypeError("sample holds no tensor: give one example as the dataset gives it, e.g. dataset[0]")
    return batch


def _forward(model, batch):
    if isinstance(batch, dict):
        return model(**batch)
    if isinstance(batch, (tuple, list)):
        return model(*batch)
    return model(batch)


def _sum_of(output):
    """Some number that depends on every floating output, so that the backward pass reaches everything."""
    if hasattr(output, "loss") and torch.is_tensor(getattr(output, "loss")):
        return output.loss
    if hasattr(output, "to_tuple"):
        output = output.to_tuple()
    parts = [t.float().mean() for t in _tensors(output) if t.is_floating_point() and t.requires_grad]
    if not parts:
        raise TypeError("the model's output has no floating tensor with a gradient: give loss= or step=")
    return torch.stack(parts).sum()


@contextlib.contextmanager
def untouched(model):
    """Puts gradients, buffers (running averages), mode and random state back as they were."""
    gradients = [(p, p.grad) for p in model.parameters()]
    buffers = [(b, b.detach().clone()) for b in model.buffers()]
    modes = [(m, m.training) for m in model.modules()]
    cuda = torch.cuda.is_available()
    state, cuda_state = torch.get_rng_state(), torch.cuda.get_rng_state_all() if cuda else None
    try:
        for parameter, _ in gradients:
            parameter.grad = None
        yield
    finally:
        for parameter, gradient in gradients:
            parameter.grad = gradient
        with torch.no_grad():
            for buffer, kept in buffers:
                buffer.copy_(kept)
        for module, training in modes:
            module.training = training
        torch.set_rng_state(state)
        if cuda:
            torch.cuda.set_rng_state_all(cuda_state)


def training_step(model, sample, loss, autocast, device):
    """A function of the batch size that runs forward and backward once."""

    def run(size):
        batch = make_batch(sample, size, device)
        model.train()
        with torch.autocast(device.type, dtype=autocast, enabled=autocast is not None):
            if loss is not None:
                inputs, target = batch
                value = loss(_forward(model, inputs if isinstance(inputs, (tuple, list, dict)) else (inputs,)), target)
            else:
                value = _sum_of(_forward(model, batch if isinstance(batch, (tuple, list, dict)) else (batch,)))
        value.backward()
        del value, batch
        for parameter in model.parameters():
            parameter.grad = None

    return run


def _is_out_of_memory(error):
    text = str(error).lower()
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "out of memory" in text or "can't allocate memory" in text


def settle(device):
    """Gives back what nobody uses, so that the next peak is that of one step alone."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
    else:
        host_memory.release_unused()


def held(device):
    """Bytes that this process holds of the device's memory: reserved by PyTorch, or resident on a CPU."""
    return torch.cuda.memory_reserved(device) if device.type == "cuda" else host_memory.resident() or 0


def peak_of(run, size, device):
    """The bytes held at the peak of run(size). DoesNotFit where it ran out of memory."""
    settle(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        host_memory.reset_peak()
    try:
        run(size)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        raise DoesNotFit(str(error).splitlines()[0]) from None
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    return host_memory.peak_resident() or 0
