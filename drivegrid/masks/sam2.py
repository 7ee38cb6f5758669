"""SAM2 through transformers, from a local folder, without torchvision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import Sam2Config, Sam2Model

from drivegrid.data.images import Picture
from drivegrid.errors import ModelError
from drivegrid.geometry import FloatArray, Size
from drivegrid.masks.sam2_drawing import Masks, Sam2Drawing, Sam2Handle
from drivegrid.masks.sam2_prompts import to_mask_logits, to_pixel_values, to_square
from drivegrid.masks.segmenter import Prompt

MODEL_TYPES = ("sam2", "sam2_video")
"""Meta's own folders call themselves the latter; its image half is what is loaded."""
HOW_TO_GET = "Run: hf download facebook/sam2.1-hiera-tiny --local-dir FOLDER (or -small, -large)."


class Sam2Segmenter(Sam2Drawing):
    """SAM2's image encoder and promptable mask decoder.

    The whole image is stretched to the model's square. A prompt with a box or several points
    gives the one mask that SAM2 means for it; a lone point, which may mean a thing or its part,
    the mask of the three that it scores highest.

    The candidates of a point are these three.

    Args:
        model: The network; it is put into evaluation mode.
    """

    def __init__(self, model: Sam2Model) -> None:
        self._model = model.train(False)

    @classmethod
    def from_pretrained(cls, folder: str | Path, device: str = "cpu") -> Sam2Segmenter:
        """Load a folder with ``config.json`` and safetensors as transformers writes them.

        Args:
            folder: The checkpoint; nothing is ever downloaded.
            device: Where it runs.

        Raises:
            ModelError: If the folder, its weights or a part of them is missing, or it holds
                another model.
        """
        folder = Path(folder)
        parts = _read_config(folder)
        try:
            loaded: Any = Sam2Model.from_pretrained(
                folder,
                config=Sam2Config(**parts),
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
        except Exception as error:  # whatever transformers makes of a damaged folder
            raise ModelError(
                f"SAM2 must load from its folder, got: {error} ({folder}). {HOW_TO_GET}"
            ) from error
        model, report = loaded
        # Gaps would be filled with random values.
        lacking = sorted(report["missing_keys"]) + sorted(map(str, report["mismatched_keys"]))
        if lacking:
            raise ModelError(
                f"SAM2 must find all its weights, but {len(lacking)} such as {lacking[0]} are "
                f"missing or of another shape ({folder}). {HOW_TO_GET}"
            )
        return cls(model.to(device))

    @torch.inference_mode()
    def encode(self, image: Picture) -> Sam2Handle:
        """Look at an image, (H, W, 3) uint8 RGB."""
        height, width = image.shape[:2]
        pixels = to_pixel_values(image, self._model.prompt_encoder.input_image_size)
        weight = self._model.no_memory_embedding
        features = self._model.get_image_embeddings(pixels.to(weight.device, weight.dtype))
        return Sam2Handle((width, height), tuple(features))

    @property
    def _mask_hw(self) -> Size:
        height, width = self._model.prompt_encoder.mask_input_size
        return height, width

    def _pass(self, handle: Sam2Handle, prompts: list[Prompt]) -> Masks:
        """Decode prompts of one kind, see `Sam2Drawing`."""
        weight = self._model.no_memory_embedding
        ambiguous = prompts[0].is_lone_point
        inputs = self._inputs(handle.size_wh, prompts)
        maps = list(handle.features)
        if prompts[0].mask is not None:
            # Masks are added to the image's map: each prompt needs a map of its own.
            inputs = {name: value.transpose(0, 1) for name, value in inputs.items()}
            inputs["input_masks"] = to_mask_logits(prompts, self._mask_hw).to(weight)
            maps = [m.expand(len(prompts), -1, -1, -1) for m in maps]
        found = self._model(image_embeddings=maps, multimask_output=ambiguous, **inputs)
        masks, scores = found.pred_masks, found.iou_scores
        if prompts[0].mask is not None:
            masks, scores = masks.transpose(0, 1), scores.transpose(0, 1)
        return masks[0].float().cpu().numpy(), scores[0].double().cpu().numpy()

    def _inputs(self, size_wh: Size, prompts: list[Prompt]) -> dict[str, Tensor]:
        """Return points, labels and boxes, (1, N, ..)."""
        weight = self._model.no_memory_embedding
        side = self._model.prompt_encoder.input_image_size

        def on_square(places: list[FloatArray]) -> Tensor:
            return to_square(places, size_wh, side)[None].to(weight)

        inputs = {}
        boxes = [p.box for p in prompts if p.box is not None]
        if len(prompts[0].points):
            labels = np.stack([prompt.positive for prompt in prompts])[None].astype(np.int64)
            inputs["input_points"] = on_square([prompt.points for prompt in prompts])
            inputs["input_labels"] = torch.from_numpy(labels).to(weight.device)
        if boxes:
            inputs["input_boxes"] = on_square([box.reshape(2, 2) for box in boxes]).flatten(2)
        return inputs


def _read_config(folder: Path) -> dict[str, Any]:
    """Return the parts of ``config.json`` that describe the image half."""
    path = folder / "config.json"
    if not path.is_file():
        raise ModelError(f"SAM2 must have a folder with config.json, got {folder}. {HOW_TO_GET}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        found = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"config.json must name its model_type, got: {error!r} ({path}). {HOW_TO_GET}"
        ) from error
    if found not in MODEL_TYPES:
        raise ModelError(f"model must be SAM2, got {found!r:.60} ({path}). {HOW_TO_GET}")
    names = ("vision_config", "prompt_encoder_config", "mask_decoder_config")
    return {name: config[name] for name in names if name in config}
