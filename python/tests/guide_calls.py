# SPDX-License-Identifier: Apache-2.0
"""The calls of the GPU memory guide (document 3, sections 5 to 8) on a small model, in the guide's order and with the
guide's import. Run by test_compute.py as a program of its own with compat/ alone on the path."""
import torch
from torch.utils.data import DataLoader, TensorDataset

from backend.config.compute_config import get_compute, initialize_compute


class MyModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))

    def forward(self, x):
        return self.layers(x)


def main():
    # Section 8
    compute = initialize_compute(mode='hybrid')
    device = compute.device
    dataset = TensorDataset(torch.randn(448, 8), torch.randint(0, 2, (448,)))
    train_loader = DataLoader(
        dataset,
        batch_size=112,
        num_workers=2,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=True,
    )
    model = MyModel().to(device)
    optimizer = torch.optim.AdamW(model.parameters())
    num_epochs = 2

    # Section 5
    compute = get_compute()
    for epoch in range(num_epochs):
        compute.reset_peak_memory_stats()
        for batch in train_loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(batch[0].to(device)), batch[1].to(device))
            loss.backward()
            optimizer.step()
        compute.cleanup_after_training()
        if epoch % 10 == 0:
            compute.log_memory_stats()

    del model
    compute.cleanup_after_training()
    model2 = MyModel().to(device)

    large_output = model2(torch.randn(10_000, 8, device=device))
    del large_output
    compute.optimize_memory(aggressive=True)

    # Section 6
    compute = get_compute()
    used, reserved = compute.vram_usage_gib()
    print(f"Used: {used} GiB, Reserved: {reserved} GiB")
    stats = compute.get_memory_stats()
    print(f"Utilization: {stats['utilization_percent']}%")
    print(f"Peak: {stats['max_allocated_gib']} GiB")

    # Section 7
    batch_size = compute.suggest_batch_size(vram_usage_multiplier=0.75)
    accumulation_steps = 2
    effective_batch_size = batch_size * accumulation_steps
    print(f"Batch: {batch_size}, effective: {effective_batch_size}")


if __name__ == "__main__":
    main()
