"""HiMTok: a mask as up to 32 words from coarse to fine, read without an image."""
