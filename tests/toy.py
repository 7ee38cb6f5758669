"""A toy nano model: real architecture, random weights, no download."""

import dataclasses

import pytest

from drivegrid.tokens.grid import GridSpec


@pytest.fixture(scope="session")
def toy():
    """Return (model, processor) of width 32 on an 8 x 8 lattice."""
    torch = pytest.importorskip("torch")
    from drivegrid.model.nano import NanoForGrounding
    from drivegrid.model.nano_config import NanoConfig
    from drivegrid.model.nano_processor import NanoProcessor
    from drivegrid.model.nano_tokenizer import build_tokenizer
    from drivegrid.tokens.vocabulary import Vocabulary

    torch.set_num_threads(1)
    torch.manual_seed(0)
    grid = GridSpec(cols=8, rows=8, offset_cols=16, offset_rows=16)
    tokenizer = build_tokenizer(["all lanes", "lane line: ", "none", "car: "] * 9, Vocabulary(grid))
    processor = NanoProcessor(tokenizer, grid, (128, 96))
    config = NanoConfig(
        vocab_size=len(tokenizer),
        spatial_base_id=processor.base_id,
        hidden_size=32,
        num_layers=2,
        num_heads=2,
        num_image_layers=1,
        image_size_wh=(128, 96),
        grid={"cols": 8, "rows": 8, "offset_cols": 16, "offset_rows": 16},
        special_ids=processor.special_ids,
        eos_token_id=processor.special_ids["end"],
        pad_token_id=processor.special_ids["pad"],
    )
    return NanoForGrounding(config).eval(), processor


def writer(name: str, grounded: bool = False):
    """Return a random model of width 32 that writes shapes in some way, ready to answer."""
    torch = pytest.importorskip("torch")
    from drivegrid.inference.written import Writer
    from drivegrid.model.nano import NanoForGrounding
    from drivegrid.model.nano_config import NanoConfig
    from drivegrid.model.nano_processor import NanoProcessor
    from drivegrid.model.nano_tokenizer import build_tokenizer
    from drivegrid.tasks.representation import representation
    from drivegrid.tokens.vocabulary import Vocabulary

    torch.set_num_threads(1)
    torch.manual_seed(0)
    way = representation(name, GridSpec(cols=8, rows=8, offset_cols=16, offset_rows=16))
    words = ["all lanes", "lane line: ", "none", "car: ", "about 10 m", "12 cones (limit: 50): "]
    tokenizer = build_tokenizer(words * 9, Vocabulary(way.lattice), way.spelling)
    processor = NanoProcessor(tokenizer, way.lattice, (128, 96))
    config = NanoConfig(
        vocab_size=len(tokenizer),
        spatial_base_id=processor.base_id,
        hidden_size=32,
        num_layers=1,
        num_heads=2,
        num_image_layers=0,
        image_size_wh=(128, 96),
        grid=dataclasses.asdict(way.lattice),
        special_ids=processor.special_ids,
        eos_token_id=processor.special_ids["end"],
        pad_token_id=processor.special_ids["pad"],
        representation=name,
        grounded=grounded,
    )
    return Writer(NanoForGrounding(config), processor, way)
