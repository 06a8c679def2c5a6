"""Scheduling of tests over processes: whole files, then the rows of chaos when all other tests have ended."""

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

CHAOS = "tests/chaos/test_chaos.py"
AT_ONCE = 2
ONE_BY_ONE = (
    CHAOS,
    "tests/contract/test_durable_writes.py",
    "tests/queue/test_peers.py",
    "tests/service/test_cli_serve.py",
    "tests/service/test_failover.py",
)
"""Files whose tests take long and share nothing."""


class ChaosLastScheduling(LoadFileScheduling):
    """Hands out files in the order of collection, as each process has few tests left.

    The rows of chaos have bounds in seconds. They run in the last two processes, once no other test is left to run.
    """

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return nodeid if file in ONE_BY_ONE else file

    def _assign_work_unit(self, node: WorkerController) -> None:
        for scope in [scope for scope in self.workqueue if _is_chaos(scope)]:
            self.workqueue.move_to_end(scope)  # behind what a crashed process has left
        if not self._only_chaos_is_left() or self._is_quiet(node):
            super()._assign_work_unit(node)

    def _only_chaos_is_left(self) -> bool:
        return bool(self.workqueue) and all(map(_is_chaos, self.workqueue))

    def _is_quiet(self, node: WorkerController) -> bool:
        """End this process if there are too many; else tell whether other tests still run."""
        if sum(not other.shutting_down for other in self.nodes) > AT_ONCE:
            node.shutdown()
            return False
        # A process keeps its last test until it knows of another.
        return len(self.nodes) <= AT_ONCE and all(self._others_of(each) <= 1 for each in self.nodes)

    def _others_of(self, node: WorkerController) -> int:
        units = self.assigned_work[node]
        pending: int = self._pending_of({scope: tests for scope, tests in units.items() if not _is_chaos(scope)})
        return pending

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        self._give_out_chaos()

    def remove_node(self, node: WorkerController) -> str | None:
        crashed: str | None = super().remove_node(node)
        self._give_out_chaos()
        return crashed

    def _give_out_chaos(self) -> None:
        if self._only_chaos_is_left():
            for node in self.nodes:
                self._reschedule(node)


def _is_chaos(scope: str) -> bool:
    return scope.startswith(CHAOS)
