"""SAMTok: a mask as two words, through a promptable segmenter."""
