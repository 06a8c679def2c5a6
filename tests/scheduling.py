"""Scheduling of tests over processes: a file to each process that is free, and chaos when all others have ended."""

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

ALONE = "tests/chaos/test_chaos.py"


class ChaosLastScheduling(LoadFileScheduling):
    """Hands out files in the order of collection, as each process has few tests left.

    The rows of `ALONE` have bounds in seconds, so the last process gets them once no other is left.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        if ALONE in self.workqueue:
            self.workqueue.move_to_end(ALONE)  # what a crashed process left comes before it
            if list(self.workqueue) == [ALONE] and len(self.nodes) > 1:
                self._make_room(node)
                return
        super()._assign_work_unit(node)

    def _make_room(self, node: WorkerController) -> None:
        """End this process, unless it is the last that could still be given anything."""
        if any(not other.shutting_down for other in self.nodes if other is not node):
            node.shutdown()

    def remove_node(self, node: WorkerController) -> str | None:
        """Look, whenever a process has ended, whether it was the last but one."""
        crashed: str | None = super().remove_node(node)
        for other in self.nodes:
            self._reschedule(other)
        return crashed
