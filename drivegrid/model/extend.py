"""Add the spatial tokens to a Qwen2.5-VL checkpoint: once, offline, before any training.

Only the embedding (and an untied head) changes: the weights are edited shard by shard on disk,
so every other tensor and every old row stays bit-identical and memory stays at one shard. The
result is a plain Hugging Face folder with a manifest (`drivegrid.model.manifest`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tokenizers import AddedToken
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from drivegrid.errors import ModelError
from drivegrid.geometry import FloatArray
from drivegrid.model.adapter_files import QWEN_TYPE
from drivegrid.model.manifest import (
    MANIFEST_FILE,
    Manifest,
    build_manifest,
    load_tokenizer_file,
    verify,
)
from drivegrid.model.places import place_tokens
from drivegrid.model.rows import (
    RowInit,
    check_init,
    check_rows,
    composed_rows,
    grid_rows,
    mask_rows,
    words_of,
)
from drivegrid.model.stored import read_json, tensor_files, tensor_shape
from drivegrid.model.weight_files import (
    copy_small_files,
    copy_weights,
    new_checkpoint,
    read_tensor,
    weights_size,
)
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.mask_words import MaskWords
from drivegrid.tokens.vocabulary import Vocabulary

ROWS_MULTIPLE = 128
"""Matrix rows are padded to a multiple of this, as tensor cores and tensor parallelism like."""
_CHUNK_ROWS = 8192
# The tokenizer is written anew, so its old files must not travel.
_TOKENIZER_FILES = frozenset(
    ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "added_tokens.json",
     "special_tokens_map.json")
)  # fmt: skip


def extend_checkpoint(
    source_dir: str | Path,
    target_dir: str | Path,
    grid: GridSpec,
    init: RowInit = "fourier",
    mask_words: MaskWords | None = None,
) -> Manifest:
    """Write a copy of a checkpoint that knows the spatial tokens of a lattice.

    The tokens get contiguous ids after the tokenizer's last one. The matrices grow to a multiple
    of 128 rows and never shrink. Rows of grid tokens follow ``init``; offsets and tags start from
    the words that say the same, words for masks from draws like the old rows. The target appears
    whole or not at all.

    Args:
        source_dir: Qwen2.5-VL folder: ``config.json``, safetensors, tokenizer. Not changed.
        target_dir: Folder to create; must not exist.
        grid: The lattice.
        init: How the rows of grid tokens start; see `drivegrid.model.rows`. ``"mean"`` is always
            refused: its rows are equal.
        mask_words: Those for masks, if it shall know any.

    Returns:
        The manifest, also written to the target.

    Raises:
        ConfigError: If the target exists, the scheme is unknown or the disk is too small.
        ModelError: If the source is no such checkpoint, incomplete or already extended, or the
            new rows come out too alike.
    """
    source, target = Path(source_dir), Path(target_dir)
    check_init(init)
    matrices = _check_source(source)
    tokenizer, words, vocabulary = _extend_tokenizer(source, grid, mask_words)
    with new_checkpoint(target, _size_bound(source, matrices, vocabulary)) as folder:
        copy_small_files(source, folder, without=_TOKENIZER_FILES)
        tokenizer.save_pretrained(folder)
        places = place_tokens(source, grid) if init == "vision" else None
        new_rows = _NewRows(vocabulary, words, init, places)
        changes = {name: partial(new_rows.append_to, name) for name in matrices}
        copy_weights(source, folder, changes)
        _write_config(source, folder, _num_rows(folder, matrices))
        manifest = build_manifest(
            folder, grid, row_tensors=list(matrices), init=init, mask_words=mask_words
        )
        manifest.save(folder)
        manifest = verify(folder)
    return manifest


@dataclass(frozen=True)
class _NewRows:
    """Recipe for the rows of all spatial tokens, given the old matrix.

    Args:
        vocabulary: Tokens and ids.
        words: For each offset token and tag the old ids of its words.
        init: Scheme of the grid rows.
        places: (num_cells, dim) what the vision tower says of each cell, for ``"vision"``.
    """

    vocabulary: Vocabulary
    words: list[list[int]]
    init: RowInit
    places: FloatArray | None

    def append_to(self, what: str, old: Tensor) -> Tensor:
        """Return (num_rows, dim): the old matrix, grown, with the spatial rows filled in."""
        base, stop = self.vocabulary.base_id, self.vocabulary.base_id + len(self.vocabulary)
        # Rows past the tokenizer's last id are padding and say nothing about the scale.
        mean, std = _moments(old[:base])
        word_rows = np.stack([_as_numpy(old[ids]).mean(axis=0) for ids in self.words])
        cells = grid_rows(self.init, self.vocabulary.grid, mean, std, places=self.places)
        masks = mask_rows(len(self.vocabulary.word_range), mean, std)
        rows = np.concatenate([cells, composed_rows(word_rows, std), masks])
        stored = torch.from_numpy(rows).to(old.dtype)
        check_rows(_as_numpy(stored), std, what)
        grown = old.new_empty(grown_size(old.shape[0], stop), old.shape[1])
        grown[: len(old)] = old
        grown[len(old) :] = torch.from_numpy(mean).to(old.dtype)
        grown[base:stop] = stored
        return grown


def grown_size(num_rows: int, num_tokens: int) -> int:
    """Return how many rows a matrix gets: enough, a multiple of 128, never fewer than it had.

    >>> grown_size(152_064, 151_665 + 1_059), grown_size(151_936, 151_700)
    (152832, 151936)
    """
    return -(-max(num_rows, num_tokens) // ROWS_MULTIPLE) * ROWS_MULTIPLE


def _check_source(source: Path) -> dict[str, Path]:
    """Return the tensors with a row per token, input embedding first, and their files."""
    if (source / MANIFEST_FILE).exists():
        raise ModelError(
            f"checkpoint must not be extended already, got {MANIFEST_FILE} ({source})."
        )
    model_type = read_json(source / "config.json").get("model_type")
    if model_type != QWEN_TYPE:
        raise ModelError(f"model_type must be {QWEN_TYPE!r}, got {model_type!r} ({source}).")
    files = tensor_files(source)
    inputs = [name for name in files if name.endswith("embed_tokens.weight")]
    heads = [name for name in files if name.endswith("lm_head.weight")]
    tied = AutoConfig.from_pretrained(source).tie_word_embeddings
    if len(inputs) != 1 or len(heads) > 1 or not (heads or tied):
        raise ModelError(
            "weights must hold one input embedding, and a head unless it is tied, "
            f"got {inputs + heads} ({source})."
        )
    matrices = {name: files[name] for name in inputs + heads}
    if (
        tied
        and heads
        and not torch.equal(*(read_tensor(file, name) for name, file in matrices.items()))
    ):
        raise ModelError(
            f"a tied head must equal the input embedding, got different weights ({source}). "
            "Merge the training run again without modules_to_save."
        )
    return matrices


def _extend_tokenizer(
    source: Path, grid: GridSpec, mask_words: MaskWords | None
) -> tuple[PreTrainedTokenizerBase, list[list[int]], Vocabulary]:
    """Return the tokenizer with the tokens added, the ids of their words, and the vocabulary."""
    load_tokenizer_file(source)  # AutoTokenizer makes up an empty one where the file is missing.
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(source)
    vocabulary = Vocabulary(grid, len(tokenizer), mask_words)
    known = tokenizer.get_vocab()
    taken = [token for token in vocabulary.tokens if token in known]
    if taken:
        raise ModelError(
            f"tokenizer must not own spatial tokens yet, got {', '.join(taken[:4])} ({source})."
        )
    named = vocabulary.tokens[grid.num_cells : vocabulary.num_spatial]
    words = [tokenizer.encode(f" {words_of(t)}", add_special_tokens=False) for t in named]
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t in vocabulary.tokens])
    return tokenizer, words, vocabulary


def _size_bound(source: Path, matrices: dict[str, Path], vocabulary: Vocabulary) -> int:
    # A new row costs what an old row costs; fp32 and 8192 dimensions bound every Qwen2.5-VL.
    added = len(matrices) * (len(vocabulary) + ROWS_MULTIPLE) * 8192 * 4
    return weights_size(source) + added


def _num_rows(folder: Path, matrices: dict[str, Path]) -> int:
    name = next(iter(matrices))
    return tensor_shape(tensor_files(folder)[name], name)[0]


def _write_config(source: Path, folder: Path, num_rows: int) -> None:
    """Set the vocabulary size wherever the configuration states it: flat, nested or both."""
    config = read_json(source / "config.json")
    for part in (config, config.get("text_config", {})):
        if "vocab_size" in part:
            part["vocab_size"] = num_rows
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    found = AutoConfig.from_pretrained(folder).get_text_config().vocab_size
    if found != num_rows:
        raise ModelError(f"config.json must state vocab_size, got {found} on loading ({source}).")


def _moments(rows: Tensor) -> tuple[FloatArray, FloatArray]:
    """Return (dim,) mean and (dim,) standard deviation over (N, dim) rows, in fp64."""
    total, square = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for chunk in torch.split(rows, _CHUNK_ROWS):
        total += _as_numpy(chunk).sum(axis=0)
    mean = total / len(rows)
    for chunk in torch.split(rows, _CHUNK_ROWS):
        square += ((_as_numpy(chunk) - mean) ** 2).sum(axis=0)
    return mean, np.sqrt(square / len(rows))


def _as_numpy(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.double().numpy()
    return array
