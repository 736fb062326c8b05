"""A process that carries out commands in children of its own, so that each may be killed cheaply.

It reads a line of JSON (the arguments) and answers with the number of the child; at the next line,
it waits for the child and answers with its exit code. Until then the number belongs to nobody else.
Loading torch takes seconds and happens once; it has no threads when it forks.
"""

import json
import os
import sys

import evoreg.registry.merging.make  # noqa: F401  # loaded here for the children
from evoreg.registry.cli.main import answer

while line := sys.stdin.readline():
    child = os.fork()
    if child == 0:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os._exit(answer(json.loads(line)))
    sys.stdout.write(f"{child}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
    sys.stdout.flush()
