"""The search itself: generation after generation, and an honest result."""
