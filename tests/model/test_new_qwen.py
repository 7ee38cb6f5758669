import pytest

torch = pytest.importorskip("torch")

from typer.testing import CliRunner  # noqa: E402

from drivegrid.cli.main import app  # noqa: E402
from drivegrid.errors import ConfigError  # noqa: E402
from drivegrid.model.adapter import load_base  # noqa: E402
from drivegrid.model.checkpoint import load_nano, shipped_checkpoint  # noqa: E402
from drivegrid.model.manifest import verify  # noqa: E402
from drivegrid.model.new_qwen import QwenSizes, new_qwen  # noqa: E402
from drivegrid.model.processor import (  # noqa: E402
    QwenProcessor,
    save_size_wh,
    stated_size_wh,
)
from drivegrid.model.stored import rows_sha256, tensor_files, tensor_shapes  # noqa: E402
from drivegrid.tokens.grid import GridSpec  # noqa: E402

GRID = GridSpec(cols=4, rows=3)
TINY = QwenSizes(hidden_size=32, num_layers=1, tower_size=32, tower_layers=1)
CORPUS = ["the second lane line from the left", "traffic cone: "] * 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("new") / "qwen"
    new_qwen(target, CORPUS, GRID, TINY)
    return target


def test_it_answers_a_picture(folder) -> None:
    model, _, manifest = load_base(folder)
    processor = QwenProcessor.from_pretrained(folder, (84, 56))
    picture = torch.zeros((40, 60, 3), dtype=torch.uint8).numpy()
    batch = processor([picture], [[{"role": "user", "content": "the left lane line"}]])
    with torch.no_grad():
        logits = model(**batch).logits
    assert logits.shape[2] >= manifest.token_ids.stop
    assert logits.isfinite().all()
    text = "system\nYou are a helpful assistant. Çé<grid_1_2></box>"
    assert processor.text_of(processor.tokenizer.encode(text)) == text


def test_the_seed_says_the_weights(folder, tmp_path) -> None:
    before = torch.get_rng_state()
    names = verify(folder).row_tensors
    digests = []
    for seed in (0, 1):
        new_qwen(tmp_path / str(seed), CORPUS, GRID, TINY, seed)
        digests.append(rows_sha256(tmp_path / str(seed), names, range(0, 200)))
    assert torch.equal(torch.get_rng_state(), before)
    assert digests[0] == rows_sha256(folder, names, range(0, 200)) != digests[1]
    with pytest.raises(ConfigError, match="must not exist yet"):
        new_qwen(folder, CORPUS, GRID, TINY)


def test_by_default_it_is_as_large_as_the_nano(tmp_path) -> None:
    ran = CliRunner().invoke(app, ["model", "new", str(tmp_path / "base")])
    assert ran.exit_code == 0, ran.output
    path = tensor_files(tmp_path / "base")["model.embed_tokens.weight"]
    mine = sum(torch.Size(shape).numel() for shape in tensor_shapes(path).values())
    nano = sum(p.numel() for p in load_nano(shipped_checkpoint())[0].parameters())
    assert mine == pytest.approx(nano, rel=0.02)


@pytest.mark.parametrize(
    "sizes", [{"hidden_size": 40}, {"tower_size": 0}, {"num_layers": 0}, {"tower_layers": 0}]
)
def test_sizes_that_no_model_has(sizes) -> None:
    with pytest.raises(ConfigError, match="must be"):
        QwenSizes(**sizes)


def test_a_folder_states_the_size_of_its_pictures(folder) -> None:
    assert stated_size_wh(folder) is None
    assert QwenProcessor.from_pretrained(folder).size_wh == (896, 896)
    save_size_wh(folder, (504, 280))
    assert stated_size_wh(folder) == QwenProcessor.from_pretrained(folder).size_wh == (504, 280)
    (folder / "preprocessor_config.json").unlink()


@pytest.mark.parametrize("name", ["samtok", "himtok"])
def test_the_command_adds_words_for_masks(tmp_path, name) -> None:
    target = tmp_path / "words"
    sizes = ["--width", "32", "--layers", "1", "--tower-width", "32", "--tower-layers", "1"]
    command = ["model", "new", str(target), "--lattice", "4x3", "--masks", name, *sizes]
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 0, ran.output
    words = verify(target).mask_words
    assert words is not None and words.name == name
    told = CliRunner().invoke(app, ["model", "info", str(target)])
    assert f"the last {words.count} tokens are words of {name}" in told.output
    assert QwenProcessor.from_pretrained(target, (84, 56)).vocabulary.words == words
