import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.average import WeightAverage  # noqa: E402


def line(weight: float) -> "torch.nn.Linear":
    model = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(model.weight, weight)
    model.bias.requires_grad_(False)
    return model


def test_no_step_leaves_the_first_weights() -> None:
    average = WeightAverage(line(3.0), 0.9)
    assert list(average.weights) == ["weight"]
    assert average.weights["weight"].item() == 3.0


def test_steps_are_averaged_as_by_hand() -> None:
    model, average, expected = line(0.0), WeightAverage(line(0.0), 0.25), 0.0
    for step in range(1, 6):
        model.weight.data.fill_(step)
        average.update(model)
        decay = min(0.25, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert average.weights["weight"].item() == pytest.approx(expected)


def test_the_model_gets_its_own_weights_back() -> None:
    model, average = line(5.0), WeightAverage(line(1.0), 0.5)
    with average.applied(model):
        assert model.weight.item() == 1.0
    assert model.weight.item() == 5.0


def test_saved_and_loaded_it_goes_on_as_before(tmp_path) -> None:
    model, average = line(1.0), WeightAverage(line(0.0), 0.9)
    average.update(model)
    average.save(tmp_path)
    again = WeightAverage(line(7.0), 0.9)
    again.load(tmp_path, average.steps)
    for one in (average, again):
        one.update(model)
    assert torch.equal(average.weights["weight"], again.weights["weight"])
