"""The command line as a module: ``python -m evoreg.registry`` does what ``evoreg`` does."""

from evoreg.registry.cli.main import run

if __name__ == "__main__":
    run()
