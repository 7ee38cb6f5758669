"""A tiny SAM2 with random weights, large enough for every part to matter."""

from pathlib import Path

import torch
from transformers import Sam2Config, Sam2Model

torch.set_num_threads(1)
SIDE = 64


DECODER = {"mlp_dim": 64, "num_attention_heads": 2, "iou_head_hidden_dim": 32}


def make_sam2(folder: Path, decoder: dict[str, float] = DECODER) -> Path:
    """Write a checkpoint of a 64-pixel SAM2 whose masks are 16 x 16."""
    config = Sam2Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 8,
                "image_size": [SIDE, SIDE],
                "blocks_per_stage": [1, 1, 2, 1],
                "embed_dim_per_stage": [8, 16, 32, 64],
                "num_attention_heads_per_stage": [1, 2, 4, 8],
                "window_size_per_stage": [4, 4, 4, 2],
                "window_positional_embedding_background_size": [4, 4],
                "global_attention_blocks": [3],
            },
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            "fpn_hidden_size": 32,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": SIDE},
        mask_decoder_config={"hidden_size": 32, **decoder},
    )
    generator = torch.Generator().manual_seed(0)
    model = Sam2Model(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                small = "proj" in name or "iou_prediction" in name
                scale = parameter[0].numel() ** -0.5 if small else 1.0
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
        frequencies = torch.randn((2, 16), generator=generator)
        model.shared_image_embedding.positional_embedding.copy_(frequencies)
        model.prompt_encoder.shared_embedding.positional_embedding.copy_(frequencies)
    model.save_pretrained(folder)
    return folder
