"""Tasks: questions, right answers, and how well a model answers."""
