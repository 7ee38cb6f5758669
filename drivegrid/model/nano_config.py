"""Configuration of drivegrid-nano."""

from __future__ import annotations

from typing import Any

from transformers import PretrainedConfig

from drivegrid.model.nano_files import MODEL_TYPE
from drivegrid.tokens.grid import GridSpec


class NanoConfig(PretrainedConfig):
    """Sizes and token ids of the nano model; every value is saved in ``config.json``.

    Args:
        vocab_size: Rows of the embedding: text first, then the spatial tokens.
        spatial_base_id: Id of ``<grid_0_0>``; the spatial tokens follow in spec order.
        hidden_size: Width d of the decoder.
        num_layers: Decoder layers (self-attention, cross-attention, feed-forward).
        num_heads: Attention heads.
        num_image_layers: Self-attention layers over the image memory.
        image_size_wh: Model input in pixels, multiples of 32; frames are resized plainly.
        grid: Lattice as a dict of ``GridSpec`` fields.
        num_cell_classes: What the training-only head tells of each cell (`cell_loss`).
        target_sigma: Spread of the soft grid targets in cells; 0 for one-hot targets.
        special_ids: Ids of the chat and offset tags: user, assistant, end, pad, offset,
            end_offset.
        representation: How answers write shapes (see ``drivegrid.tasks.representation``).
        grounded: Whether spatial tokens look at the image (see ``drivegrid.model.nano``); only
            cells of the lattice can.
    """

    model_type = MODEL_TYPE

    def __init__(  # noqa: PLR0913, PLR0917 - a config is its fields
        self,
        vocab_size: int = 2048,
        spatial_base_id: int = 900,
        hidden_size: int = 192,
        num_layers: int = 5,
        num_heads: int = 6,
        num_image_layers: int = 1,
        num_cell_classes: int = 10,
        image_size_wh: tuple[int, int] = (512, 288),
        grid: dict[str, float] | None = None,
        target_sigma: float = 0.6,
        special_ids: dict[str, int] | None = None,
        representation: str = "grid+offset",
        grounded: bool = True,
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.spatial_base_id = spatial_base_id
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.num_image_layers = num_image_layers
        self.num_cell_classes = num_cell_classes
        self.image_size_wh = tuple(image_size_wh)
        self.grid = grid or {}
        self.target_sigma = target_sigma
        self.special_ids = special_ids or {}
        self.representation = representation
        self.grounded = grounded
        # transformers' generation code asks for these names.
        self.num_hidden_layers = num_layers
        self.num_attention_heads = num_heads
        super().__init__(**{"tie_word_embeddings": True, **kwargs})

    @property
    def grid_spec(self) -> GridSpec:
        """The lattice."""
        return GridSpec(**self.grid)  # type: ignore[arg-type]

    @property
    def grounded_moves(self) -> bool:
        """Whether offsets look at the image where they would land."""
        return self.grounded and self.representation == "grid+offset"
