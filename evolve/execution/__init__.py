"""Carrying out a plan: streaming tensors through a method into files, and counting the shares."""
