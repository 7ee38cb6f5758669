"""Conversations about pictures, side by side over one key-value cache.

Rows of different length are padded on the left. What stands in the padding is never looked at
and does not count as a place, so that every conversation runs as it would alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import DynamicCache

from drivegrid.inference.speaker import Block, KeysValues, Speaker, View, keys_values


@dataclass(frozen=True)
class Talk:
    """One conversation about a picture, as far as it has come.

    Args:
        view: The encoded picture.
        ids: Its tokens so far.
        cache: For each decoder layer keys and values, each (1, heads, T, dim): of what stands
            before the tokens (see `Speaker.opening`), then of the tokens.
    """

    view: View
    ids: tuple[int, ...]
    cache: KeysValues


class Talks:
    """Some conversations, advanced together.

    Args:
        speaker: The model.
        talks: At least one conversation; they may be about different pictures.
    """

    def __init__(self, speaker: Speaker, talks: Sequence[Talk]) -> None:
        self.speaker = speaker
        self.views = [talk.view for talk in talks]
        self._view = speaker.join(self.views)
        self.rows = [list(talk.ids) for talk in talks]
        lengths = [_length(talk.cache) for talk in talks]
        longest = max(lengths)
        ends = torch.tensor(lengths)[:, None]
        self._seen = torch.arange(longest) >= longest - ends  # (B, T) False in padding
        self._cache = DynamicCache()
        for layer, rows in enumerate(zip(*(talk.cache for talk in talks), strict=True)):
            keys, values = (
                torch.cat([F.pad(x, (0, 0, longest - x.shape[2], 0)) for x in xs])
                for xs in zip(*rows, strict=True)
            )
            self._cache.update(keys, values, layer)

    @classmethod
    def about(cls, speaker: Speaker, views: Sequence[View]) -> Talks:
        """Begin a conversation about each of some encoded pictures."""
        return cls(speaker, [Talk(view, (), speaker.opening(view)) for view in views])

    def __len__(self) -> int:
        return len(self.rows)

    def feed(self, new: Sequence[Sequence[int]], scored: int = 0) -> Tensor:
        """Append tokens to every conversation.

        Args:
            new: For each conversation at least one token.
            scored: How many tokens at the end are scored; 0 for all.

        Returns:
            (B, T, vocab_size) fp32 scores of what follows each token, T the most new tokens of
            any conversation; those of shorter ones stand at the end.
        """
        longest = max(map(len, new))
        for row, more in zip(self.rows, new, strict=True):
            row += more
        counts = torch.tensor([len(ids) for ids in new])[:, None]
        fresh = torch.arange(longest) >= longest - counts
        self._seen = torch.cat([self._seen, fresh], dim=1)
        ids = torch.tensor([[0] * (longest - len(ids)) + list(ids) for ids in new])
        places = (self._seen.cumsum(1) - 1).clamp(min=0)[:, -longest:]
        mask = None if bool(self._seen.all()) else self._seen
        block = Block(ids, places, mask, self.rows, scored)
        return self.speaker.scores(block, self._view, self._cache)

    def branch(self, ways: Sequence[Sequence[Sequence[int]]]) -> Tensor:
        """Score ways in which every conversation may go on, each as if it came alone.

        The cache is of no use afterwards.

        Args:
            ways: For each conversation the tokens of its ways; not all empty.

        Returns:
            (B, T, vocab_size) fp32 scores of what follows each token. The ways of a conversation
            stand one after another, all at the end of its row.
        """
        flat = [[token for way in mine for token in way] for mine in ways]
        longest = max(map(len, flat))
        owner, places = torch.full((2, len(ways), longest), -1).unbind(0)
        for row, mine in enumerate(ways):
            if flat[row]:
                counts = torch.tensor([len(way) for way in mine])
                owner[row, -len(flat[row]) :] = torch.arange(len(mine)).repeat_interleave(counts)
                within = torch.cat([torch.arange(len(way)) for way in mine])
                places[row, -len(flat[row]) :] = int(self._seen[row].sum()) + within
        alike = (owner[:, :, None] == owner[:, None]).tril()
        sees = torch.cat([self._seen[:, None].expand(-1, longest, -1), alike], dim=2)
        ids = torch.tensor([[0] * (longest - len(row)) + row for row in flat])
        rows = [old + new for old, new in zip(self.rows, flat, strict=True)]
        block = Block(ids, places.clamp(min=0), sees, rows)
        return self.speaker.scores(block, self._view, self._cache)

    def rewind(self, columns: int) -> None:
        """Forget the last columns, as many as the longest row of the last `feed` had."""
        gone = self._seen[:, self._seen.shape[1] - columns :].sum(1).tolist()
        for row, count in zip(self.rows, gone, strict=True):
            del row[len(row) - count :]
        self._seen = self._seen[:, : self._seen.shape[1] - columns]
        self._cache.crop(-columns)

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all conversations but these, given in rising order."""
        if len(rows) == len(self):
            return
        chosen = torch.tensor(rows)
        self._cache.batch_select_indices(chosen.to(self.speaker.device))
        self._seen = self._seen[chosen]
        self.rows = [self.rows[i] for i in rows]
        self.views = [self.views[i] for i in rows]
        self._view = self.speaker.join(self.views)

    def repeat(self, copies: int) -> None:
        """Let every conversation go on in so many ways, which stand together."""
        self._cache.batch_repeat_interleave(copies)
        self._seen = self._seen.repeat_interleave(copies, 0)
        self.rows = [list(row) for row in self.rows for _ in range(copies)]
        self.views = [view for view in self.views for _ in range(copies)]
        self._view = self.speaker.join(self.views)

    def talk(self, row: int) -> Talk:
        """Return one conversation by itself."""
        seen = self._seen[row].nonzero().squeeze(1).to(self.speaker.device)
        cache = tuple(
            (keys[row : row + 1, :, seen], values[row : row + 1, :, seen])
            for keys, values in keys_values(self._cache)
        )
        return Talk(self.views[row], tuple(self.rows[row]), cache)


def _length(cache: KeysValues) -> int:
    return cache[0][0].shape[2] if cache else 0
