"""HiMTok: a mask as up to 32 words from coarse to fine, read without an image.

Wang et al., "HiMTok" (ICCV 2025), at a small size. What is the same: one-dimensional latents that
see the patches and those before them, 1,024 codes of 12 numbers compared at length 1, prefixes of
any length that are masks, the hierarchical loss. What differs: the first four codes are not learnt
but tell where the mask is and how large, and the others what is seen there. The paper stretches
the whole frame over the patches, where a sign of ten pixels is less than one of them.
"""
