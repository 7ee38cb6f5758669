"""Who sees whom: code k depends on no later latent, and a prefix on no later code."""

import pytest
import torch

from drivegrid.errors import ConfigError
from drivegrid.masks.himtok.network import CODE_DIM, NUM_LATENTS, HimConfig

from .small import SMALL, small_network


def inputs(count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    shown = torch.rand(count, SMALL.view, SMALL.view)
    return shown, torch.randint(1024, (count, 4))


@pytest.mark.parametrize("place", [0, 1, 13, NUM_LATENTS - 1])
def test_a_latent_changes_those_after_it_alone(place: int) -> None:
    network, (shown, where) = small_network(), inputs()
    before = network.latents_of(shown, where)
    with torch.no_grad():
        network.latents[place] += torch.randn(SMALL.width)
    moved = (network.latents_of(shown, where) - before).abs().amax((0, 2)) > 1e-6
    assert moved.tolist() == [k >= place for k in range(NUM_LATENTS)]


def test_patches_are_blind_to_latents() -> None:
    network, (shown, where) = small_network(), inputs()
    first = network.latents_of(shown, where)[:, :1]
    with torch.no_grad():
        network.latents[1:] = torch.randn(NUM_LATENTS - 1, SMALL.width)
    torch.testing.assert_close(network.latents_of(shown, where)[:, :1], first)


def test_every_latent_sees_every_patch() -> None:
    network, (shown, where) = small_network(), inputs(1)
    before = network.latents_of(shown, where)
    for row in range(0, SMALL.view, SMALL.patch):
        changed = shown.clone()
        changed[:, row, row] += 1.0
        moved = (network.latents_of(changed, where) - before).abs().amax((0, 2))
        assert (moved > 0).all()


def test_latents_have_length_one() -> None:
    shown, where = inputs()
    lengths = small_network().latents_of(shown, where).norm(dim=2)
    torch.testing.assert_close(lengths, torch.ones(2, NUM_LATENTS))


@pytest.mark.parametrize(("known", "count"), [(1, 0), (3, 0), (4, 0), (4, 1), (4, NUM_LATENTS)])
def test_any_prefix_is_read(known: int, count: int) -> None:
    network, (_, where) = small_network(), inputs()
    logits = network.decode(where[:, :known], torch.randn(2, count, CODE_DIM))
    assert logits.shape == (2, SMALL.view, SMALL.view)
    assert logits.isfinite().all() and logits.dtype == torch.float32


def test_masks_of_a_batch_do_not_touch() -> None:
    network, (shown, where) = small_network(), inputs(3)
    together = network.latents_of(shown, where)
    torch.testing.assert_close(network.latents_of(shown[1:2], where[1:2]), together[1:2])
    vectors = torch.randn(3, 5, CODE_DIM)
    read = network.decode(where, vectors)
    torch.testing.assert_close(network.decode(where[2:], vectors[2:]), read[2:])


def test_patches_come_out_where_they_went_in() -> None:
    network, (_, where) = small_network(), inputs(1)
    vectors = torch.randn(1, 3, CODE_DIM)
    before = network.decode(where, vectors)
    with torch.no_grad():
        network.decoder = torch.nn.ModuleList()
        plain = network.decode(where, vectors)
        network.shown_at[5] += torch.randn(SMALL.width)
    moved = (network.decode(where, vectors) != plain)[0].nonzero()
    assert before.shape == plain.shape
    # Patch 5 of 4 x 4 is the second of the second row.
    assert moved.amin(0).tolist() == [4, 4] and moved.amax(0).tolist() == [7, 7]


@pytest.mark.parametrize(
    "sizes", [{"patch": 5}, {"heads": 3}, {"depth": 0}, {"width": 1.5}, {"view": -64}]
)
def test_sizes_that_do_not_fit(sizes: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        HimConfig(**sizes)  # type: ignore[arg-type]
