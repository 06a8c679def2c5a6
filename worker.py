"""Entry point of a worker: `python worker.py` starts the leased worker, `arq worker.WorkerSettings` arq's own.

Both run the same jobs; the README says what arq's own worker lacks.
"""

from aether.bootstrap.worker import Worker
from aether.cli.commands.main import aether
from aether.settings import Settings
from aether.telemetry import configure_logging, log_unknown_settings

if __name__ == "__main__":
    aether(["worker"])
else:
    settings = Settings.from_env()
    configure_logging(settings.log_level, settings.log_format)
    log_unknown_settings(Settings.unknown_variables())
    WorkerSettings = Worker(settings).queue_settings()
