"""Pictures: scenes and anchor traces drawn on frames, and the pages that show them."""
