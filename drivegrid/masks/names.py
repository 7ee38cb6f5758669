"""Names of the mask tokenizers."""

from __future__ import annotations

from typing import Literal, TypeAlias

TokenizerName: TypeAlias = Literal["grid", "samtok", "himtok"]
"""Grid anchors (GETok), two words (SAMTok), up to 32 words (HiMTok)."""
