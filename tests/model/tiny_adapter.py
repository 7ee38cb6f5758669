"""Tiny checkpoints with a trained adapter, and ways to spoil one."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from drivegrid.model.adapter import AdapterConfig, add_adapter, load_base, save_adapter
from drivegrid.model.adapter_files import ADAPTER_MANIFEST, ADAPTER_WEIGHTS
from drivegrid.model.stored import file_sha256
from tests.model.tiny_qwen import make_batch, make_extended

SMALL = AdapterConfig(rank=4, alpha=8)
tied_or_not = pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])


def train(model, batch, num_steps=2, rate=0.05):
    """Take steps of AdamW on everything that trains; return the losses."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=rate, weight_decay=0.0)
    losses = []
    for _ in range(num_steps):
        loss = model(**batch, labels=batch["input_ids"]).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def logits_of(model, batch):
    with torch.no_grad():
        return model.eval()(**batch).logits


def make_trained(tmp_path, tied, dtype=torch.float32):
    """Return base folder, adapter folder, trained model and batch."""
    base = make_extended(tmp_path, tied, dtype)
    model, _, manifest = load_base(base)
    torch.manual_seed(0)
    model = add_adapter(model, manifest, SMALL)
    batch = make_batch(manifest)
    train(model, batch)
    save_adapter(model, base, tmp_path / "adapter")
    return base, tmp_path / "adapter", model, batch


def edit(name, **fields):
    def change(folder):
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return change


def tensors(change):
    """Change the dict of tensors and the digest that goes with them."""

    def apply(folder):
        found = load_file(folder / ADAPTER_WEIGHTS)
        change(found)
        save_file(found, folder / ADAPTER_WEIGHTS, metadata={"format": "pt"})
        edit(ADAPTER_MANIFEST, weights_sha256=file_sha256(folder / ADAPTER_WEIGHTS))(folder)

    return apply
