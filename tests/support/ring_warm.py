"""Preloaded by the fork server of ring_work: every child forked from it starts with all hot functions loaded."""

from tests.support.ring_work import warm_up

warm_up()
