"""arq's entry point: `python worker.py` starts Aether's leased worker, `arq worker.WorkerSettings` arq's own.

Both run the same jobs; what arq's own worker lacks stands in the README.
"""

from aether.bootstrap import Worker
from aether.cli.main import aether
from aether.settings import Settings

if __name__ == "__main__":
    aether(["worker"])
else:
    WorkerSettings = Worker(Settings.from_env()).for_arq()
