"""The tiny SAM2 again, as a checkpoint and a config of Meta's package."""

import re
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file, save_file

from tests.masks.tiny_sam2 import SIDE, make_sam2

DELTA = 1.0
"""Of stability: with it some masks of the tiny network are stable and some are not."""
PACKAGE_DECODER = {
    "mlp_dim": 2048,
    "num_attention_heads": 8,
    "iou_head_hidden_dim": 256,
    "dynamic_multimask_stability_delta": DELTA,
}
"""Sizes that the package has fixed."""

RENAMED = (
    (r"^no_memory_embedding$", "no_mem_embed"),
    (r"^vision_encoder\.backbone\.patch_embed\.projection", "image_encoder.trunk.patch_embed.proj"),
    (r"^vision_encoder\.backbone", "image_encoder.trunk"),
    (r"^vision_encoder\.neck\.convs\.(\d)", r"image_encoder.neck.convs.\1.conv"),
    (r"^prompt_encoder\.mask_embed\.conv1", "prompt_encoder.mask_downscaling.0"),
    (r"^prompt_encoder\.mask_embed\.layer_norm1", "prompt_encoder.mask_downscaling.1"),
    (r"^prompt_encoder\.mask_embed\.conv2", "prompt_encoder.mask_downscaling.3"),
    (r"^prompt_encoder\.mask_embed\.layer_norm2", "prompt_encoder.mask_downscaling.4"),
    (r"^prompt_encoder\.mask_embed\.conv3", "prompt_encoder.mask_downscaling.6"),
    (
        r"^prompt_encoder\.shared_embedding\.positional_embedding",
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
    ),
    (r"^mask_decoder\.upscale_conv1", "mask_decoder.output_upscaling.0"),
    (r"^mask_decoder\.upscale_layer_norm", "mask_decoder.output_upscaling.1"),
    (r"^mask_decoder\.upscale_conv2", "mask_decoder.output_upscaling.3"),
    (r"(mlps\.\d|_head)\.layers\.0", r"\1.layers.1"),
    (r"(mlps\.\d|_head)\.proj_in", r"\1.layers.0"),
    (r"(mlps\.\d|_head)\.proj_out", r"\1.layers.2"),
    (r"mlp\.proj_in", "mlp.layers.0"),
    (r"mlp\.proj_out", "mlp.layers.1"),
    (r"layer_norm", "norm"),
    (r"o_proj", "out_proj"),
    (r"^(prompt_encoder|mask_decoder)", r"sam_\1"),
)
"""From transformers' names to the package's: its conversion, backwards."""


def make_pair(folder: Path) -> tuple[Path, Path, Path]:
    """Write one SAM2 twice: folder of transformers, checkpoint and config of the package."""
    folder.mkdir(exist_ok=True)
    source = make_sam2(folder / "transformers", PACKAGE_DECODER)
    tensors = to_package_names(load_file(source / "model.safetensors"))
    checkpoint, config = folder / "tiny.pt", folder / "tiny.yaml"
    torch.save({"model": tensors}, checkpoint)
    save_file(tensors, folder / "tiny.safetensors")
    config.write_text(yaml.safe_dump({"model": package_config()}))
    return source, checkpoint, config


def to_package_names(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    renamed = {}
    for name, tensor in tensors.items():
        if name == "prompt_encoder.point_embed.weight":
            for i, row in enumerate(tensor):
                renamed[f"sam_prompt_encoder.point_embeddings.{i}.weight"] = row[None].clone()
        elif not name.startswith("shared_image_embedding"):  # the prompt encoder's once more
            for pattern, replacement in RENAMED:
                name = re.sub(pattern, replacement, name)
            renamed[name] = tensor
    return renamed


def package_config() -> dict[str, object]:
    """Return sizes of `make_sam2`; the memory is as small as it can be."""
    modeling = "sam2.modeling"
    sine = {"_target_": f"{modeling}.position_encoding.PositionEmbeddingSine", "num_pos_feats": 32}
    encoder = f"{modeling}.backbones"
    return {
        "_target_": f"{modeling}.sam2_base.SAM2Base",
        "image_encoder": {
            "_target_": f"{encoder}.image_encoder.ImageEncoder",
            "scalp": 1,
            "trunk": {
                "_target_": f"{encoder}.hieradet.Hiera",
                "embed_dim": 8,
                "num_heads": 1,
                "stages": [1, 1, 2, 1],
                "global_att_blocks": [3],
                "window_pos_embed_bkg_spatial_size": [4, 4],
                "window_spec": [4, 4, 4, 2],
            },
            "neck": {
                "_target_": f"{encoder}.image_encoder.FpnNeck",
                "position_encoding": sine,
                "d_model": 32,
                "backbone_channel_list": [64, 32, 16, 8],
                "fpn_top_down_levels": [2, 3],
                "fpn_interp_model": "nearest",
            },
        },
        "memory_attention": {
            "_target_": f"{modeling}.memory_attention.MemoryAttention",
            "d_model": 32,
            "pos_enc_at_input": True,
            "layer": None,
            "num_layers": 0,
        },
        "memory_encoder": {
            "_target_": f"{modeling}.memory_encoder.MemoryEncoder",
            "out_dim": 32,
            "in_dim": 32,
            "mask_downsampler": None,
            "fuser": None,
            "position_encoding": sine,
        },
        "image_size": SIDE,
        "directly_add_no_mem_embed": True,
        "use_high_res_features_in_sam": True,
        "iou_prediction_use_sigmoid": True,
        "pred_obj_scores": True,
        "pred_obj_scores_mlp": True,
        "sam_mask_decoder_extra_args": {"dynamic_multimask_stability_delta": DELTA},
    }
