"""The merge as a use case: from a recipe file to a model folder with its papers and its entries."""
