"""What a model is and where it came from: records, ledger and the papers of a release.

This is the lowest floor of evoreg. It imports no other room and never imports torch.
"""
