"""drivegrid-nano: a small causal decoder whose spatial tokens look at the image.

Two additions to a plain transformer make it learn in minutes:

*Grounded grid rows.* The score and the input of ``<grid_x_y>`` also see the feature F of that
cell: ``logit[x, y] += W_q h . F(x, y) / sqrt(d)`` and ``embedding[x, y] += W_in F(x, y)``.

*Grounded offsets.* In a refine turn the input knows which anchor is next (`anchor_hints`) and the
score of each move sees the image where that move would land.

Both can be left out (``NanoConfig.grounded``), to see what they are worth, and for answers that
write shapes by other means than cells.

In training a linear head also says of every cell what it shows (`cell_loss`): tokens name few
cells, and small things like signs are learnt sooner from all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache, GenerationMixin, PreTrainedModel
from transformers.utils import ModelOutput

from drivegrid.model.anchor_hints import anchor_hints
from drivegrid.model.attention import DecoderLayer, rotation
from drivegrid.model.nano_config import NanoConfig
from drivegrid.model.rows import fourier_rows
from drivegrid.model.soft_targets import cell_loss, spatial_cross_entropy
from drivegrid.model.vision import (
    FINE_CHANNELS,
    FOURIER_BANDS,
    ImageEncoder,
    ImageFeatures,
    fourier_features,
    sample_maps,
    shared,
)
from drivegrid.tokens.grid import offset_vectors
from drivegrid.trunk.efficientnet import PYRAMID, EfficientNetLite0

EMBEDDING_STD = 0.02
CELL_LOSS_WEIGHT = 0.3
"""Weight of `cell_loss` beside the token loss: a first choice, not searched for."""


@dataclass
class NanoOutput(ModelOutput):
    """Loss, logits and what the next step needs.

    Args:
        loss: Scalar, given labels: the mean of the token losses, and the loss of the cells.
        token_losses: (N,) loss of each token that is learnt, row by row.
        cell_loss: Scalar, weighted; 0 without cells to learn.
        logits: (B, T, vocab_size); None given labels.
        past_key_values: Cache of the decoder.
        image_features: The encoded image.
    """

    loss: Tensor | None = None
    token_losses: Tensor | None = None
    cell_loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Cache | None = None
    image_features: ImageFeatures | None = None


def compact(chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gather the chosen places of each row at its start.

    Args:
        chosen: (B, T) bool.

    Returns:
        Batch and time indices, each (B, M) with M the most chosen in a row, and (B, M) which
        of them are chosen places rather than filling.
    """
    longest = int(chosen.sum(1).max())
    time = (~chosen).int().argsort(dim=1, stable=True)[:, :longest]
    batch = torch.arange(len(time), device=time.device)[:, None].expand_as(time)
    return batch, time, chosen[batch, time]


def _last(moves: tuple[Tensor, Tensor] | None, start: int) -> tuple[Tensor, Tensor] | None:
    """Return the move features of the places from ``start`` on, counted from there."""
    if moves is None:
        return None
    where, features = moves
    kept = where[:, 1] >= start
    return where[kept] - torch.tensor([0, start], device=where.device), features[kept]


class NanoForGrounding(PreTrainedModel, GenerationMixin):
    """EfficientNet-Lite0 trunk, image encoder and causal decoder with grounded spatial tokens."""

    config_class = NanoConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    _tied_weights_keys = {}  # noqa: RUF012 - the name and type transformers expects
    _supports_sdpa = True

    def __init__(self, config: NanoConfig) -> None:
        super().__init__(config)
        dim = config.hidden_size
        self.trunk = EfficientNetLite0()
        self.image_encoder = ImageEncoder(config)
        self.embedding = nn.Embedding(config.vocab_size, dim)
        self.layers = nn.ModuleList(
            DecoderLayer(dim, config.num_heads, i) for i in range(config.num_layers)
        )
        self.norm = nn.LayerNorm(dim)
        self.cell_classes = nn.Linear(dim, config.num_cell_classes)
        if config.grounded:
            self.cell_query = nn.Linear(dim, dim, bias=False)
            self.cell_input = nn.Linear(dim, dim, bias=False)
        if config.grounded_moves:
            fine = PYRAMID[4][1] + PYRAMID[8][1] + FINE_CHANNELS
            self.move_key = nn.Sequential(nn.Linear(fine, dim), nn.GELU(), nn.Linear(dim, dim))
            self.move_query = nn.Linear(dim, dim, bias=False)
            self.anchor_input = nn.Linear(9 * dim + 4 * FOURIER_BANDS, dim)
        self.post_init()
        self._init_rows()

    def _init_weights(self, module: nn.Module) -> None:
        """Small normal weights; called by transformers for what a checkpoint does not hold."""
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=EMBEDDING_STD)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    @torch.no_grad()
    def _init_rows(self) -> None:
        """Start the grid rows as one smooth function of the place."""
        grid, dim = self.config.grid_spec, self.config.hidden_size
        rows = fourier_rows(grid, np.zeros(dim), np.full(dim, EMBEDDING_STD))
        start = self.config.spatial_base_id
        self.embedding.weight[start : start + grid.num_cells] = torch.from_numpy(rows).to(
            self.embedding.weight
        )

    def get_input_embeddings(self) -> nn.Module:
        """Return the embedding; scores use the same rows."""
        return self.embedding

    def encode_image(
        self, pixel_values: Tensor | None = None, pyramid: dict[int, Tensor] | None = None
    ) -> ImageFeatures:
        """Encode images once for any number of turns.

        Args:
            pixel_values: (B, 3, H, W) as ``NanoProcessor`` makes them; not needed given
            pyramid: the trunk's output, stride to (B, C, H / stride, W / stride); strides 4 and 8
                are enough.
        """
        if pyramid is None:
            assert pixel_values is not None
            pyramid = self.trunk(pixel_values)
        elif 16 not in pyramid:
            pyramid = pyramid | self.trunk.above(pyramid[8])
        memory, cells, fine = self.image_encoder(pyramid)
        cross = tuple(layer.cross_attention.keys_values(memory) for layer in self.layers)
        return ImageFeatures(cross, cells, fine)

    def forward(  # noqa: PLR0913, PLR0917 - the signature transformers' generate and Trainer expect
        self,
        input_ids: Tensor,
        pixel_values: Tensor | None = None,
        pyramid: dict[int, Tensor] | None = None,
        image_features: ImageFeatures | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        segment_ids: Tensor | None = None,
        anchor_xyr: Tensor | None = None,
        past_key_values: Cache | None = None,
        labels: Tensor | None = None,
        cell_planes: Tensor | None = None,
        logits_to_keep: int = 0,
        **_: Any,
    ) -> NanoOutput:
        """Score the next token at every place.

        Args:
            input_ids: (B, T) new token ids.
            pixel_values: (B, 3, H, W) image; or
            pyramid: the trunk's maps; or
            image_features: encoded images; of fewer than B, each is looked at by equally many rows
                that stand together.
            attention_mask: (B, T_all) 1 for tokens, 0 for padding; or (B, T, T_all) 1 for what
                each new token sees.
            position_ids: (B, T) positions within each conversation.
            segment_ids: (B, T) conversation each token belongs to, where several are packed
                into one row; -1 for padding. Tokens see their own conversation only.
            anchor_xyr: (B, T, 3) as `anchor_hints` returns; found from ``input_ids`` by default.
            past_key_values: Earlier tokens.
            labels: (B, T) next-token targets *already shifted*; -100 is ignored.
            cell_planes: (B, K, rows, cols) what each cell shows, to be learnt with the labels.
            logits_to_keep: How many places at the end are scored; 0 for all.
        """
        if image_features is None:
            image_features = self.encode_image(pixel_values, pyramid)
        past = past_key_values.get_seq_length() if past_key_values is not None else 0
        if position_ids is None:
            position_ids = torch.arange(past, past + input_ids.shape[1], device=input_ids.device)
            position_ids = position_ids.expand_as(input_ids)
        if anchor_xyr is None:
            anchor_xyr = self._hints(input_ids)
        mask = self._mask(input_ids, attention_mask, segment_ids, past)
        moves = self._move_features(anchor_xyr, image_features)
        x = self._embed(input_ids, image_features, anchor_xyr, moves)
        config = self.config
        turn = rotation(position_ids, config.hidden_size // config.num_heads, x.dtype)
        for layer, memory in zip(self.layers, image_features.cross, strict=True):
            x = layer(x, turn, memory, mask, past_key_values)
        x = self.norm(x)
        if labels is not None:
            tokens = self._token_losses(x, labels, image_features, moves)
            cells = tokens.new_zeros(())
            if cell_planes is not None:
                shown = self.cell_classes(image_features.cells)
                cells = CELL_LOSS_WEIGHT * cell_loss(shown, cell_planes)
            mean = tokens.sum() / max(len(tokens), 1)
            return NanoOutput(loss=mean + cells, token_losses=tokens, cell_loss=cells)
        if logits_to_keep:
            moves = _last(moves, x.shape[1] - logits_to_keep)
            x = x[:, -logits_to_keep:]
        return NanoOutput(
            logits=self._scores(x, image_features, moves),
            past_key_values=past_key_values,
            image_features=image_features,
        )

    def _hints(self, input_ids: Tensor) -> Tensor:
        config = self.config
        hints = [
            anchor_hints(row, config.grid_spec, config.spatial_base_id, config.special_ids)
            for row in input_ids.tolist()
        ]
        return torch.tensor(np.array(hints), dtype=torch.float32, device=input_ids.device)

    def _mask(
        self, ids: Tensor, attention_mask: Tensor | None, segments: Tensor | None, past: int
    ) -> Tensor | None:
        new, total = ids.shape[1], past + ids.shape[1]
        if new == 1 and attention_mask is None:
            return None
        causal = torch.ones(new, total, dtype=torch.bool, device=ids.device).tril(past)
        mask = causal[None, None]
        if segments is not None:
            mask = mask & (segments[:, None, :, None] == segments[:, None, None, :])
        if attention_mask is not None and attention_mask.ndim == 3:
            return attention_mask[:, None].bool()
        if attention_mask is not None:
            # A padded query row keeps itself, so that no row is empty.
            keep = attention_mask[:, None, None, :total].bool()
            mask = mask & keep | torch.eye(total, dtype=torch.bool, device=ids.device)[past:]
        return mask

    def _move_features(
        self, anchor_xyr: Tensor, image: ImageFeatures
    ) -> tuple[Tensor, Tensor] | None:
        """Return the places with an anchor, (M, 2) batch and time, and (M, 9, d) move features."""
        where = (anchor_xyr[..., 0] >= 0).nonzero()
        if not self.config.grounded_moves or not len(where):
            return None
        grid = self.config.grid_spec
        step = torch.tensor(grid.offset_step((1, 1)), device=where.device, dtype=torch.float32)
        steps = grid.gamma ** (anchor_xyr[..., 2:] - 1) * step
        moves = torch.tensor(offset_vectors(), device=where.device)
        places = anchor_xyr[:, :, None, :2] + moves * steps[:, :, None]
        batch, time, valid = compact(anchor_xyr[..., 0] >= 0)
        looked = shared(places[batch, time].flatten(1, 2), image.num_images)
        found = sample_maps(image.fine, looked)
        features = self.move_key(found).view(*time.shape, 9, -1)
        return where, features[valid]

    def _embed(
        self,
        ids: Tensor,
        image: ImageFeatures,
        anchor_xyr: Tensor,
        moves: tuple[Tensor, Tensor] | None,
    ) -> Tensor:
        x: Tensor = self.embedding(ids)
        if self.config.grounded:
            cell = ids - self.config.spatial_base_id
            is_grid = (cell >= 0) & (cell < self.config.grid_spec.num_cells)
            batch, time = is_grid.nonzero(as_tuple=True)
            shown = batch // (len(ids) // image.num_images)
            seen = self.cell_input(image.cells[shown, cell[batch, time]])
            x = x.index_put((batch, time), seen, True)
        if moves is not None:
            (batch, time), features = moves[0].unbind(1), moves[1]
            place = fourier_features(anchor_xyr[batch, time, :2]).to(features.dtype)
            hint = self.anchor_input(torch.cat([features.flatten(1), place], dim=1))
            x = x.index_put((batch, time), hint, True)
        return x

    def _scores(
        self, x: Tensor, image: ImageFeatures, moves: tuple[Tensor, Tensor] | None
    ) -> Tensor:
        """(B, T, d) hidden states to (B, T, vocab_size) fp32 logits."""
        config, scale = self.config, 1 / math.sqrt(self.config.hidden_size)
        logits: Tensor = (x @ self.embedding.weight.T).float()
        if not config.grounded:
            return logits
        start = config.spatial_base_id
        stop = start + config.grid_spec.num_cells
        query = shared(self.cell_query(x), image.num_images)
        grounded = (query @ image.cells.transpose(1, 2) * scale).view(*x.shape[:2], -1)
        logits = torch.cat(
            [logits[..., :start], logits[..., start:stop] + grounded, logits[..., stop:]], dim=-1
        )
        if moves is not None:
            (batch, time), features = moves[0].unbind(1), moves[1]
            query = self.move_query(x[batch, time])
            score = torch.einsum("md,mkd->mk", query, features) * scale
            logits[..., stop : stop + 9].index_put_((batch, time), score.float(), True)
        return logits

    def _token_losses(
        self,
        x: Tensor,
        labels: Tensor,
        image: ImageFeatures,
        moves: tuple[Tensor, Tensor] | None,
    ) -> Tensor:
        """Score the supervised places only; the vocabulary is the widest matrix of the model."""
        supervised = labels != -100
        batch, time, valid = compact(supervised)
        if moves is not None:
            where, features = moves
            # Where each place went in the compacted rows; unsupervised anchors fall out.
            slot = supervised.cumsum(1) - 1
            kept = supervised[where[:, 0], where[:, 1]]
            where = where[kept]
            slots = torch.stack([where[:, 0], slot[where[:, 0], where[:, 1]]], dim=1)
            moves = (slots, features[kept])
        logits = self._scores(x[batch, time], image, moves)
        return spatial_cross_entropy(
            logits[valid],
            labels[batch, time][valid],
            self.config.grid_spec,
            self.config.spatial_base_id,
            self.config.target_sigma,
        )

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, past_key_values: Cache | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Keep the new tokens only and say which anchor is next; see ``GenerationMixin``."""
        past = past_key_values.get_seq_length() if past_key_values is not None else 0
        mask = kwargs.get("attention_mask")
        positions = None
        if mask is not None:
            positions = (mask.cumsum(1) - 1).clamp(min=0)[:, past : input_ids.shape[1]]
        return {
            "input_ids": input_ids[:, past:],
            "anchor_xyr": self._hints(input_ids)[:, past:],
            "past_key_values": past_key_values if past_key_values is not None else DynamicCache(),
            "pixel_values": kwargs.get("pixel_values"),
            "image_features": kwargs.get("image_features"),
            "attention_mask": mask,
            "position_ids": positions,
        }

    def _update_model_kwargs_for_generation(
        self, outputs: ModelOutput, model_kwargs: dict[str, Any], *args: Any, **kwargs: Any
    ) -> dict[str, Any]:
        updated: dict[str, Any] = super()._update_model_kwargs_for_generation(
            outputs, model_kwargs, *args, **kwargs
        )
        updated["image_features"] = outputs.image_features
        return updated
