"""A toy nano model: real architecture, random weights, no download."""

import dataclasses

import pytest

from drivegrid.tokens.grid import GridSpec

GRID = GridSpec(cols=8, rows=8, offset_cols=16, offset_rows=16)
WORDS = ["all lanes", "lane line: ", "none", "car: "]
MORE_WORDS = [*WORDS, "about 10 m", "12 cones (limit: 50): "]


def _random_nano(words, lattice, spelling=None, **settings):
    """Return (model, processor) of width 32."""
    torch = pytest.importorskip("torch")
    from drivegrid.model.nano import NanoForGrounding
    from drivegrid.model.nano_config import NanoConfig
    from drivegrid.model.nano_processor import NanoProcessor
    from drivegrid.model.nano_tokenizer import build_tokenizer
    from drivegrid.tokens.vocabulary import Vocabulary

    torch.set_num_threads(1)
    torch.manual_seed(0)
    said = () if spelling is None else (spelling,)
    tokenizer = build_tokenizer(words * 9, Vocabulary(lattice), *said)
    processor = NanoProcessor(tokenizer, lattice, (128, 96))
    config = NanoConfig(
        vocab_size=len(tokenizer),
        spatial_base_id=processor.base_id,
        hidden_size=32,
        num_heads=2,
        image_size_wh=(128, 96),
        grid=dataclasses.asdict(lattice),
        special_ids=processor.special_ids,
        eos_token_id=processor.special_ids["end"],
        pad_token_id=processor.special_ids["pad"],
        **settings,
    )
    return NanoForGrounding(config), processor


@pytest.fixture(scope="session")
def toy():
    """Return (model, processor) on an 8 x 8 lattice."""
    model, processor = _random_nano(WORDS, GRID, num_layers=2, num_image_layers=1)
    return model.eval(), processor


def writer(name: str, grounded: bool = False):
    """Return a random model that writes shapes in some way, ready to answer."""
    pytest.importorskip("torch")
    from drivegrid.inference.written import Writer
    from drivegrid.tasks.representation import representation

    way = representation(name, GRID)
    model, processor = _random_nano(
        MORE_WORDS,
        way.lattice,
        way.spelling,
        num_layers=1,
        num_image_layers=0,
        representation=name,
        grounded=grounded,
    )
    return Writer(model, processor, way)
