"""SAM2 through Meta's package ``sam2``, from its own checkpoints, without torchvision."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from drivegrid.data.images import Picture
from drivegrid.errors import MissingExtraError, ModelError
from drivegrid.geometry import Size
from drivegrid.masks.sam2_drawing import Masks, Sam2Drawing, Sam2Handle
from drivegrid.masks.sam2_prompts import to_mask_logits, to_pixel_values, to_square
from drivegrid.masks.segmenter import Prompt

INSTALL = (
    "SAM2_BUILD_CUDA=0 pip install --no-deps --no-build-isolation "
    "git+https://github.com/facebookresearch/sam2"
)
"""Meta puts it on no registry; without its dependencies it brings no torchvision."""
HOW_TO_GET = (
    "Take a .pt file of https://github.com/facebookresearch/sam2 and its config, for example "
    "sam2.1_hiera_tiny.pt and configs/sam2.1/sam2.1_hiera_t.yaml."
)
IMAGE_HALF = ("image_encoder.", "sam_prompt_encoder.", "sam_mask_decoder.", "no_mem_embed")
"""Begin the names of all weights that a single image needs; the rest is memory, for video."""
# Labels of the prompt encoder, beside 0 and 1 of points.
_NO_POINT, _CORNERS = -1, (2, 3)


class Sam2PackageSegmenter(Sam2Drawing):
    """SAM2 as Meta's package builds it; draws what `Sam2Segmenter` draws with the same weights.

    Encoder and decoder are called themselves, not the package's image predictor, which needs
    torchvision.

    Args:
        model: A ``SAM2Base``; it is put into evaluation mode.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model: Any = model.train(False)

    @classmethod
    def from_pretrained(
        cls, checkpoint: str | Path, config: str | Path, device: str = "cpu"
    ) -> Sam2PackageSegmenter:
        """Load a checkpoint of Meta's.

        Args:
            checkpoint: A ``.pt`` or ``.safetensors`` file with the package's names; nothing is
                ever downloaded and no pickled code run.
            config: A YAML file, or its path inside the package as its README writes it:
                ``configs/sam2.1/sam2.1_hiera_t.yaml``.
            device: Where it runs.

        Raises:
            MissingExtraError: If the package is not installed.
            ModelError: If a file is missing or damaged, or the weights are not the config's.
        """
        tensors = _read_weights(Path(checkpoint))
        model = _build_model(_find_config(config))
        held, wanted = _image_half(tensors), _image_half(model.state_dict())
        unfit = sorted({name for name, _ in _shapes(held) ^ _shapes(wanted)})
        if unfit:
            raise ModelError(
                f"SAM2 must find the weights of its config, but {len(unfit)} such as {unfit[0]} "
                f"are missing, too many or of another shape ({checkpoint}, {config}). {HOW_TO_GET}"
            )
        model.load_state_dict(held, strict=False)
        return cls(model.to(device))

    @torch.inference_mode()
    def encode(self, image: Picture) -> Sam2Handle:
        """Look at an image, (H, W, 3) uint8 RGB."""
        height, width = image.shape[:2]
        weight = self._model.no_mem_embed
        pixels = to_pixel_values(image, self._model.image_size).to(weight)
        maps = self._model.forward_image(pixels)["backbone_fpn"]
        features = list(maps[-self._model.num_feature_levels :])
        if self._model.directly_add_no_mem_embed:
            features[-1] = features[-1] + weight.reshape(1, -1, 1, 1)
        return Sam2Handle((width, height), tuple(features))

    @property
    def _mask_hw(self) -> Size:
        height, width = self._model.sam_prompt_encoder.mask_input_size
        return height, width

    def _pass(self, handle: Sam2Handle, prompts: list[Prompt]) -> Masks:
        """Decode prompts of one kind, see `Sam2Drawing`."""
        encoder, weight = self._model.sam_prompt_encoder, self._model.no_mem_embed
        known = None
        if prompts[0].mask is not None:
            known = to_mask_logits(prompts, self._mask_hw).to(weight)
        sparse, dense = encoder(points=self._points(handle, prompts), boxes=None, masks=known)
        masks, scores, *_ = self._model.sam_mask_decoder(
            image_embeddings=handle.features[-1],
            image_pe=encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=prompts[0].is_lone_point,
            repeat_image=True,
            high_res_features=list(handle.features[:-1]),
        )
        return masks.float().cpu().numpy(), scores.double().cpu().numpy()

    def _points(self, handle: Sam2Handle, prompts: list[Prompt]) -> tuple[Tensor, Tensor]:
        """Return (N, K, 2) places and (N, K) labels: the corners of a box are points as well."""
        weight = self._model.no_mem_embed
        places, labels = [prompt.points for prompt in prompts], [p.positive for p in prompts]
        boxes = [prompt.box.reshape(2, 2) for prompt in prompts if prompt.box is not None]
        if boxes:
            places = [np.concatenate(pair) for pair in zip(boxes, places, strict=True)]
            labels = [np.concatenate([_CORNERS, flags]) for flags in labels]
        elif not len(prompts[0].points):
            # As SAM2 was trained: a mask alone stands beside a point that is none.
            places = [np.zeros((1, 2))] * len(prompts)
            labels = [np.array([_NO_POINT])] * len(prompts)
        on_square = to_square(places, handle.size_wh, self._model.image_size)
        return on_square.to(weight), torch.from_numpy(np.stack(labels)).to(weight.device).int()


def _read_weights(path: Path) -> dict[str, Tensor]:
    """Return tensors by name; Meta's files hold them under ``model``."""
    if not path.is_file():
        raise ModelError(f"checkpoint of SAM2 must be a file, got {path}. {HOW_TO_GET}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        tensors = loaded.get("model", loaded)
        return {name: tensor for name, tensor in tensors.items() if isinstance(tensor, Tensor)}
    except Exception as error:  # whatever torch and safetensors make of a damaged file
        raise ModelError(
            f"checkpoint of SAM2 must hold tensors by name, got: {error!s:.300} ({path}). "
            f"{HOW_TO_GET}"
        ) from error


def _image_half(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if name.startswith(IMAGE_HALF)}


def _shapes(tensors: Mapping[str, Tensor]) -> set[tuple[str, tuple[int, ...]]]:
    return {(name, tuple(tensor.shape)) for name, tensor in tensors.items()}


def _find_config(config: str | Path) -> Path:
    """Return the YAML file, where need be the package's."""
    try:
        package = importlib.import_module("sam2.modeling").__path__[0]
    except ImportError as error:
        missing = (error.name or "sam2").partition(".")[0]
        raise MissingExtraError("Sam2PackageSegmenter", missing, "sam2", INSTALL) from error
    for path in (Path(config), Path(package).parent / config):
        if path.is_file():
            return path
    raise ModelError(f"config of SAM2 must be a YAML file, got {config}. {HOW_TO_GET}")


def _build_model(path: Path) -> nn.Module:
    """Return the network of a config, as ``build_sam2`` of the package makes it."""
    from omegaconf import OmegaConf  # Hydra's, which the package needs

    try:
        parts: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
        # As there, a single mask that is not stable gives way to the best of three.
        extra = parts["model"].setdefault("sam_mask_decoder_extra_args", {})
        extra["dynamic_multimask_via_stability"] = True
        model = _build(parts["model"])
        if not isinstance(model, nn.Module) or type(model).__name__ != "SAM2Base":
            raise TypeError(f"{type(model).__name__} must be a SAM2Base")
    except Exception as error:  # whatever YAML and the package make of a damaged config
        raise ModelError(
            f"config must describe a SAM2 of the package, got: {error!r:.300} ({path}). "
            f"{HOW_TO_GET}"
        ) from error
    return model


def _build(part: Any) -> Any:
    """Make what a part of a config describes: ``_target_`` names its class, the rest goes in."""
    if isinstance(part, list):
        return [_build(item) for item in part]
    if not isinstance(part, dict):
        return part
    values = {name: _build(value) for name, value in part.items()}
    return _class_at(values.pop("_target_"))(**values) if "_target_" in values else values


def _class_at(target: str) -> Any:
    """Return a class of the package: a config must not call anything else."""
    module, _, name = target.rpartition(".")
    if not module.startswith("sam2.modeling."):
        raise ValueError(f"_target_ must be a class of sam2.modeling, got {target}")
    found = getattr(importlib.import_module(module), name)
    if not (isinstance(found, type) and found.__module__ == module):
        raise ValueError(f"_target_ must be a class of {module}, got {target}")
    return found
