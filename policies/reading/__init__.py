"""Reading policy files: from YAML to records, with file, line and column of everything wrong."""
