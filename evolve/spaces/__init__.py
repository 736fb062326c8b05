"""Search spaces: from a genome to a recipe."""
