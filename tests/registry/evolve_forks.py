"""As `forks.py`, with everything loaded that a search needs."""

import json
import os
import sys
import warnings

import transformers.models.llama.modeling_llama  # noqa: F401  # loaded here for the children

import evoreg.provenance.ledger.opening
import evoreg.registry.cli.evolve_run  # noqa: F401
from evoreg.registry.cli.main import answer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import cma  # noqa: F401  # it warns where it cannot draw

while line := sys.stdin.readline():
    child = os.fork()
    if child == 0:
        told = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(told, 1)
        os.dup2(told, 2)
        code = answer(json.loads(line))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.stdout.write(f"{child}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
    sys.stdout.flush()
