"""The knowledge base: what 129 licences say, as data files and as a value to look things up in.

The data lies in the YAML files beside this module; README.md says where it comes from.
"""
