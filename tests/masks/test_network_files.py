"""Folders of networks: half precision, parts of a config, and what is missing."""

from dataclasses import dataclass, field

import pytest

torch = pytest.importorskip("torch")

from drivegrid.errors import ModelError  # noqa: E402
from drivegrid.masks.network_files import is_shipped, load_network, save_network  # noqa: E402


@dataclass(frozen=True)
class Part:
    sides: tuple[int, int] = (2, 3)


@dataclass(frozen=True)
class Sizes:
    width: int = 4
    part: Part = field(default_factory=Part)


class Network(torch.nn.Module):
    def __init__(self, config: Sizes) -> None:
        super().__init__()
        self.config = config
        self.line = torch.nn.Linear(config.part.sides[0], config.width)
        self.register_buffer("steps", torch.tensor(70_001))


def test_there_and_back_in_half_precision(tmp_path) -> None:
    torch.manual_seed(0)
    network = Network(Sizes(5, Part((3, 1))))
    save_network(network, network.config, tmp_path / "one")
    again = load_network(Network, Sizes, tmp_path / "one", "one")
    assert again.config == network.config
    assert again.line.weight.dtype == torch.float32
    assert torch.equal(again.line.weight, network.line.weight.half().float())
    assert again.steps == 70_001  # whole numbers stay what they are
    assert not again.training


def test_weights_that_are_not_shipped_are_told_so() -> None:
    assert is_shipped("himtok")
    assert not is_shipped("nothing")
    with pytest.raises(ModelError, match=r"weights of nothing must be named.*train masks"):
        load_network(Network, Sizes, None, "nothing")


@pytest.mark.parametrize("config", ["", "[]", "{}x", '{"height": 4}', '{"part": {"side": 1}}'])
def test_configs_of_others_are_named(tmp_path, config) -> None:
    save_network(Network(Sizes()), Sizes(), tmp_path / "one")
    (tmp_path / "one" / "config.json").write_text(config)
    with pytest.raises(ModelError, match=r"config must hold the sizes of a Sizes.*config\.json"):
        load_network(Network, Sizes, tmp_path / "one", "one")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e9])  # halves end at 65504
def test_weights_that_are_not_finite(tmp_path, value) -> None:
    network = Network(Sizes())
    network.line.weight.data[0, 0] = value
    save_network(network, Sizes(), tmp_path / "one")
    with pytest.raises(ModelError, match=r"finite, got .* line\.weight .*model\.safetensors"):
        load_network(Network, Sizes, tmp_path / "one", "one")
