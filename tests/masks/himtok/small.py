"""A HiMTok with random weights, small enough for tests."""

import torch

from drivegrid.masks.himtok.network import CODE_DIM, NUM_CODES, HimConfig, HimNetwork
from drivegrid.masks.himtok.tokenizer import HimTokenizer

SMALL = HimConfig(view=16, patch=4, width=16, depth=2, heads=2)


def small_network(seed: int = 0) -> HimNetwork:
    """Return a network whose codes are random vectors."""
    torch.manual_seed(seed)
    network = HimNetwork(SMALL)
    network.book.codes.copy_(torch.nn.functional.normalize(torch.randn(NUM_CODES, CODE_DIM)))
    network.book.started.fill_(True)
    return network.eval()


def small_tokenizer(length: int = 32) -> HimTokenizer:
    """Return a tokenizer with that network."""
    return HimTokenizer(small_network(), length)
