"""The nano model's own tokenizer: byte-level BPE over the taxonomy's words, then spatial tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from drivegrid.errors import ModelError
from drivegrid.model.nano_files import SPECIAL_TOKENS
from drivegrid.tokens.spelling import Spelling
from drivegrid.tokens.vocabulary import Vocabulary

USER, ASSISTANT, END, PAD = (SPECIAL_TOKENS[role] for role in ("user", "assistant", "end", "pad"))
NUM_TEXT_TOKENS = 1408


def build_tokenizer(
    corpus: Iterable[str], vocabulary: Vocabulary, spelling: Spelling | None = None
) -> PreTrainedTokenizerFast:
    """Train the tokenizer on a corpus and append the spatial tokens as plain added tokens.

    Any text survives encode and decode, because unknown characters fall back to bytes.

    Args:
        corpus: Example queries and answers without spatial tokens.
        vocabulary: The spatial tokens; they get contiguous ids in spec order.
        spelling: How points are spelt, if not by cells: bins get ids after the spatial tokens,
            and digits are read one by one.
    """
    in_digits = spelling is not None and spelling.name == "text"
    bpe = train_bpe(corpus, (PAD, USER, ASSISTANT, END), one_by_one=in_digits)
    # Spatial tokens must not be special: skip_special_tokens would erase the answer.
    spelt = [t for t in spelling.tokens if t not in vocabulary.local_index] if spelling else []
    names = [*vocabulary.tokens, *spelt]
    bpe.add_tokens([AddedToken(token, normalized=False) for token in names])
    tokenizer = wrap_tokenizer(bpe)
    base_id = tokenizer.convert_tokens_to_ids(vocabulary.tokens[0])
    ids = tokenizer.convert_tokens_to_ids(list(vocabulary.tokens))
    if ids != list(range(base_id, base_id + len(ids))):
        raise ModelError(f"spatial tokens must have contiguous ids, got {ids[:3]}...")
    return tokenizer


def train_bpe(
    corpus: Iterable[str], special: Sequence[str], *, one_by_one: bool = False
) -> Tokenizer:
    """Train byte-level BPE.

    Args:
        corpus: Text.
        special: Tokens that get the first ids.
        one_by_one: Whether digits are read one by one.
    """
    bpe = Tokenizer(models.BPE())
    by_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = pre_tokenizers.Digits(individual_digits=True)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([digits, by_bytes]) if one_by_one else by_bytes
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=NUM_TEXT_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(special),
        show_progress=False,
    )
    bpe.train_from_iterator(corpus, trainer)
    return bpe


def wrap_tokenizer(bpe: Tokenizer) -> PreTrainedTokenizerFast:
    """Return a tokenizer with the settings that every nano model has."""
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
    )
