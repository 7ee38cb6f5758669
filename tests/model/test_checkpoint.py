"""A checkpoint that is not whole is refused by name; one that is loads what was saved."""

import json
import shutil
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402
from transformers.utils import logging  # noqa: E402

from drivegrid.errors import ModelError  # noqa: E402
from drivegrid.model.checkpoint import load_nano, save_nano  # noqa: E402
from drivegrid.model.nano import NanoForGrounding  # noqa: E402
from drivegrid.model.nano_files import verify_nano  # noqa: E402

GRID = {"cols": 8, "rows": 8, "offset_cols": 16, "offset_rows": 16, "gamma": 0.5}
INDEX = "model.safetensors.index.json"
CONFIG, MANIFEST, WEIGHTS = "config.json", "drivegrid.json", "model.safetensors"


@pytest.fixture(scope="module")
def saved(toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "toy"
    save_nano(*toy, folder, {})
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "copy")


def write(name, text):
    return lambda folder: (folder / name).write_text(text)


def edit(name, **fields):
    def change(folder):
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return change


def drop(name, field):
    def change(folder):
        content = json.loads((folder / name).read_text())
        del content[field]
        (folder / name).write_text(json.dumps(content))

    return change


def tensors(change):
    """Change the dict of tensors and write a sound file of it."""

    def apply(folder):
        found = load_file(folder / WEIGHTS)
        change(found)
        save_file(found, folder / WEIGHTS, metadata={"format": "pt"})

    return apply


def header(**entries):
    """Change entries of the header and leave the data alone."""

    def apply(folder):
        data = (folder / WEIGHTS).read_bytes()
        length = int.from_bytes(data[:8], "little")
        text = json.dumps(json.loads(data[8 : 8 + length]) | entries).encode()
        (folder / WEIGHTS).write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])

    return apply


def cut(size):
    return lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:size])


def fill(name, value):
    return tensors(lambda found: found[name].view(-1)[:1].fill_(value))


BAD = {
    "no folder": (shutil.rmtree, r"must be a folder, got nothing there \(.*copy\)"),
    "no manifest": (lambda f: (f / MANIFEST).unlink(), "must hold drivegrid.json"),
    "no config": (lambda f: (f / CONFIG).unlink(), "must hold config.json"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "must hold tokenizer.json"),
    "no weights": (lambda f: (f / WEIGHTS).unlink(), "must hold model.safetensors"),
    # Weights and sizes.
    "tensor lacks": (tensors(lambda t: t.pop("norm.weight")), "lack 1 such as norm.weight"),
    "tensor too many": (
        tensors(lambda t: t.update(odd=torch.zeros(1))),
        "no other tensors than the model, but hold 1 such as odd",
    ),
    "layer too few": (edit(CONFIG, num_layers=1, num_hidden_layers=1), r"such as layers\.1\."),
    "layer too many": (edit(CONFIG, num_layers=3, num_hidden_layers=3), r"such as layers\.2\."),
    "layers past all": (
        edit(CONFIG, num_layers=10**9, num_hidden_layers=10**9),
        "num_layers must be at most the number of tensors",
    ),
    "tensor shape": (
        tensors(lambda t: t.update({"norm.weight": torch.zeros(31)})),
        r"norm.weight must have shape \(32,\), got \(31,\) \(.*model.safetensors\)",
    ),
    "tensor scalar": (
        tensors(lambda t: t.update({"embedding.weight": torch.tensor(0.0)})),
        "embedding.weight must have at least",
    ),
    "embedding flat": (
        tensors(lambda t: t.update({"embedding.weight": t["embedding.weight"].flatten()})),
        "rows_sha256 must match",
    ),
    "tensor of ints": (
        tensors(lambda t: t.update({"norm.bias": t["norm.bias"].to(torch.int16)})),
        "norm.bias must hold finite floating-point numbers",
    ),
    "nan": (fill("norm.weight", float("nan")), "norm.weight must hold finite"),
    "inf": (fill("norm.weight", float("inf")), "norm.weight must hold finite"),
    "weights empty": (cut(0), r"whole safetensors file.*\(.*model.safetensors\)"),
    "weights cut": (cut(1000), "whole safetensors file"),
    "weights cut short": (cut(-2), "whole safetensors file"),
    "entry number": (header(**{"norm.weight": 5}), "whole safetensors file"),
    "entry empty": (header(**{"norm.weight": {}}), "whole safetensors file"),
    "entry shapeless": (
        header(**{"norm.weight": {"dtype": "F16", "shape": [], "data_offsets": [0, 64]}}),
        "whole safetensors file",
    ),
    "index list": (write(INDEX, '{"weight_map": [1]}'), "weight_map must give .*index.json"),
    "index empty": (write(INDEX, "{}"), "weight_map must give"),
    "index number": (write(INDEX, '{"weight_map": {"a": 1}}'), "weight_map must give"),
    "index outside": (
        write(INDEX, '{"weight_map": {"a": "../model.safetensors"}}'),
        "weight_map must give",
    ),
    "index false": (
        write(INDEX, '{"weight_map": {"odd": "model.safetensors"}}'),
        "model.safetensors must hold the tensor odd",
    ),
    # config.json for itself.
    "config bad": (write(CONFIG, "{bad"), r"config.json must be JSON"),
    "config list": (write(CONFIG, "[]"), "config.json must hold an object"),
    "size lacks": (drop(CONFIG, "hidden_size"), "hidden_size must be an int .*None"),
    "size float": (edit(CONFIG, hidden_size=32.0), "hidden_size must be an int"),
    "width": (edit(CONFIG, hidden_size=36), r"\[vocab_size, hidden_size\] must match"),
    "vocab_size": (edit(CONFIG, vocab_size=7), r"\[vocab_size, hidden_size\] must match"),
    "heads": (edit(CONFIG, num_heads=3, num_attention_heads=3), "multiple of twice num_heads"),
    "heads odd width": (
        edit(CONFIG, num_heads=32, num_attention_heads=32),
        "multiple of twice num_heads, got 32 and 32",
    ),
    "no heads": (edit(CONFIG, num_heads=0), "num_heads must be an int of at least 1, got 0"),
    "heads named twice": (edit(CONFIG, num_attention_heads=4), "num_attention_heads must match"),
    "layers named twice": (edit(CONFIG, num_hidden_layers=9), "num_hidden_layers must match"),
    "image text": (edit(CONFIG, image_size_wh="128"), "image_size_wh must be two ints"),
    "image three": (edit(CONFIG, image_size_wh=[128, 96, 3]), "image_size_wh must be two ints"),
    "image float": (edit(CONFIG, image_size_wh=[128.0, 96]), "image_size_wh must be two ints"),
    "image odd": (edit(CONFIG, image_size_wh=[128, 97]), "positive multiples of 32"),
    "image empty": (edit(CONFIG, image_size_wh=[0, 96]), "positive multiples of 32"),
    "image negative": (edit(CONFIG, image_size_wh=[-32, 96]), "positive multiples of 32"),
    "sigma": (edit(CONFIG, target_sigma=-1), "target_sigma must be a number from 0 up"),
    "field of transformers": (edit(CONFIG, id2label=5), "config.json must describe a model"),
    # config.json against the manifest and the tokenizer.
    "other type": (edit(CONFIG, model_type="bert"), "model_type must match"),
    "other lattice": (edit(CONFIG, grid=GRID | {"cols": 4}), "grid must match .*config.json"),
    "other offsets": (edit(CONFIG, grid=GRID | {"offset_rows": 32}), "grid must match"),
    "other gamma": (edit(CONFIG, grid=GRID | {"gamma": 1}), "grid must match"),
    "no lattice": (drop(CONFIG, "grid"), "grid must be an object, got None .*config.json"),
    "lattice float": (edit(CONFIG, grid=GRID | {"cols": 8.0}), "grid must be a lattice"),
    "base": (edit(CONFIG, spatial_base_id=5), "spatial_base_id must match .* got 5"),
    "specials": (edit(CONFIG, special_ids={"user": 1}), "special_ids must match"),
    "end": (edit(CONFIG, eos_token_id=0), "eos_token_id must match"),
    "pad": (edit(CONFIG, pad_token_id=9), "pad_token_id must match"),
    # The manifest for itself.
    "manifest float": (
        edit(MANIFEST, grid=GRID | {"cols": 8.0}),
        "grid must be a lattice, .*drivegrid.json",
    ),
    "manifest gamma": (edit(MANIFEST, grid=GRID | {"gamma": 1}), "grid must match"),
    "manifest offsets": (edit(MANIFEST, grid=GRID | {"offset_cols": 64}), "grid must match"),
    "manifest huge": (
        edit(MANIFEST, grid=GRID | {"cols": 10**9}, num_tokens=8 * 10**9 + 27),
        "grid must be a lattice",
    ),
    "manifest negative": (edit(MANIFEST, base_id=-1), "base_id must be at least 0"),
    "manifest no rows": (edit(MANIFEST, row_tensors=[]), "row_tensors must be names"),
    "manifest rows": (edit(MANIFEST, row_tensors=[[]]), "row_tensors must be names"),
    # Files that are written for other tools.
    "tokenizer config": (write("tokenizer_config.json", "{bad"), "tokenizer_config.json must be"),
    "tokenizer list": (write("tokenizer_config.json", "[]"), "must hold an object"),
    "generation list": (write("generation_config.json", "[]"), "generation_config.json must hold"),
}


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD.keys())
def test_a_checkpoint_that_is_not_whole_is_refused(folder, change, message) -> None:
    change(folder)
    with pytest.raises(ModelError, match=message):
        load_nano(folder)


def test_a_file_is_no_checkpoint(folder) -> None:
    with pytest.raises(ModelError, match=r"must be a folder, got a file \(.*config.json\)"):
        load_nano(folder / CONFIG)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: None,
        lambda folder: (folder / "tokenizer_config.json").unlink(),
        # Settings beside the weights have no say: these would erase the answer, or end it.
        edit("tokenizer_config.json", extra_special_tokens=["<grid_0_0>"]),
        write("generation_config.json", '{"eos_token_id": 7}'),
    ],
    ids=["whole", "no tokenizer config", "tokenizer config", "generation config"],
)
def test_a_whole_checkpoint_loads_what_was_saved(toy, folder, change) -> None:
    change(folder)
    model, processor = load_nano(folder)
    saved, by_hand = toy[0].state_dict(), toy[1]
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, saved[name].half().float()), name
    ids = processor.reply_ids("lane line: <line><grid_0_0><grid_3_5></line>")
    assert ids == by_hand.reply_ids("lane line: <line><grid_0_0><grid_3_5></line>")
    assert processor.text_of(ids) == by_hand.text_of(ids)
    assert processor.special_ids == by_hand.special_ids == model.config.special_ids
    assert model.generation_config.eos_token_id == processor.special_ids["end"]


def test_shards_load_like_one_file(toy, folder) -> None:
    found = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    names = sorted(found)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in shards.items():
        save_file({name: found[name] for name in part}, folder / file)
    weight_map = {name: file for file, part in shards.items() for name in part}
    write(INDEX, json.dumps({"weight_map": weight_map}))(folder)
    loaded = load_nano(folder)[0].state_dict()
    assert all(torch.equal(loaded[name], found[name].float()) for name in names)


def test_new_tensors_of_the_model_are_asked_for(toy, folder, monkeypatch) -> None:
    plain = NanoForGrounding.__init__

    def with_head(self, config):
        plain(self, config)
        self.head = torch.nn.Linear(2, 3)

    monkeypatch.setattr(NanoForGrounding, "__init__", with_head)
    with pytest.raises(ModelError, match=r"lack 2 such as head.bias, head.weight"):
        load_nano(folder)


@pytest.mark.parametrize("shown", [True, False])
def test_saving_and_loading_draw_no_bar(toy, tmp_path, capfd, shown) -> None:
    before = logging.is_progress_bar_enabled()
    (logging.enable_progress_bar if shown else logging.disable_progress_bar)()
    try:
        save_nano(*toy, tmp_path / "new", {})
        load_nano(tmp_path / "new")
        assert logging.is_progress_bar_enabled() is shown
    finally:
        (logging.enable_progress_bar if before else logging.disable_progress_bar)()
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "new" / "generation_config.json").exists()


def test_files_are_checked_without_torch(folder) -> None:
    assert verify_nano(folder).num_tokens == 8 * 8 + 27
    code = (
        "import sys; from drivegrid.model.nano_files import verify_nano; "
        "verify_nano(sys.argv[1]); sys.exit(bool({'torch', 'transformers'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", code, str(folder)]
    assert subprocess.run(command, check=False).returncode == 0
