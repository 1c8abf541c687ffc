"""How tests are shared out among processes, also when one of these dies."""

import contextlib

import seconds
from xdist.scheduler import LoadScopeScheduling


class Grouped(LoadScopeScheduling):
    """Groups stay with one process, and the longest begin: see seconds.py.

    A process begins a test once it knows the next one, or that there is none. Where another
    has died, xdist's own scheduler hands out what is left so that processes may wait for
    ever: groups in which everything is done, or a single test and nothing after it.
    """

    def __init__(self, config, log=None):
        super().__init__(config, log)
        self.listed = seconds.listed()

    def _split_scope(self, nodeid):
        return seconds.group_of(nodeid, self.listed)

    def _assign_work_unit(self, node):
        # a process may be dead before the news of it is read: what it was given stands in
        # assigned_work by then, and remove_node hands it out again
        with contextlib.suppress(OSError):
            super()._assign_work_unit(node)

    def _reschedule(self, node):
        while True:
            super()._reschedule(node)  # one more group, or the news that there is none
            if node.shutting_down or self._pending_of(self.assigned_work[node]) > 1:
                return

    def remove_node(self, node):
        """Take a process out, and hand out again what it had not done.

        The test at which it died has failed. It is not tried again: it may take the next
        process with it.
        """
        groups = self.assigned_work.pop(node)
        left = [test for tests in groups.values() for test in tests if not tests[test]]
        if not left:
            return None
        for group, tests in groups.items():
            rest = {test: False for test in tests if not tests[test] and test != left[0]}
            if rest:
                self.workqueue[group] = rest
        for other in self.assigned_work:
            self._reschedule(other)
        return left[0]
