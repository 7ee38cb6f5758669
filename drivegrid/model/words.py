"""A trained nano model learns new words: another tokenizer, the same knowledge."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from drivegrid.model.checkpoint import new_nano
from drivegrid.model.nano import NanoForGrounding
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.model.rows import mask_rows
from drivegrid.tokens.spelling import Spelling

_SIZES = (
    "hidden_size", "num_layers", "num_heads", "num_image_layers", "num_cell_classes",
    "image_size_wh", "target_sigma", "representation", "grounded",
)  # fmt: skip


def renew_words(
    model: NanoForGrounding,
    processor: NanoProcessor,
    corpus: Iterable[str],
    spelling: Spelling | None = None,
) -> tuple[NanoForGrounding, NanoProcessor]:
    """Return the model with a tokenizer that is trained on another corpus, and its processor.

    A token that both tokenizers have keeps its row of the embedding. One that is new starts at the
    mean of the rows of its pieces in the former tokenizer; what has none keeps its random start.
    New words for masks start from draws like the former rows: their pieces say nothing.

    Args:
        model: A trained model; it is left as it is.
        processor: Its processor.
        corpus: Text as in `new_nano`.
        spelling: How the model spells points, and words for masks; by cells by default.
    """
    sizes = {name: getattr(model.config, name) for name in _SIZES}
    renewed, reader = new_nano(processor.grid, corpus, spelling, **sizes)
    weights = dict(model.state_dict())
    weights["embedding.weight"] = _rows(renewed, reader, model, processor)
    renewed.load_state_dict(weights)
    return renewed, reader


@torch.no_grad()
def _rows(
    renewed: NanoForGrounding,
    reader: NanoProcessor,
    model: NanoForGrounding,
    processor: NanoProcessor,
) -> Tensor:
    former = processor.tokenizer.get_vocab()
    known = model.embedding.weight
    rows = renewed.embedding.weight.clone()
    words = reader.vocabulary.word_range
    moments = known.mean(dim=0).double().numpy(), known.std(dim=0).double().numpy()
    rows[words.start : words.stop] = torch.from_numpy(mask_rows(len(words), *moments)).to(rows)
    for token, index in reader.tokenizer.get_vocab().items():
        if index in words and token not in former:
            continue
        text = reader.tokenizer.convert_tokens_to_string([token])
        pieces = [former[token]] if token in former else processor.tokenizer.encode(text)
        if pieces:
            rows[index] = known[pieces].mean(dim=0)
    return rows
