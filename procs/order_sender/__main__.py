"""Entry of `python -m procs.order_sender`: wires the role, nothing else."""

import sys

from procs.order_sender.desk import HISTOGRAMS
from procs.order_sender.login import SessionClient
from procs.order_sender.recover import replay
from procs.order_sender.state import check, open_
from procs.order_sender.warm import warm_up
from procs.runtime.agent import main
from procs.runtime.role import Role

clients: dict[int, SessionClient] = {}  # by id of the wiring: the cold half of an instance


def recover(wiring, state) -> None:
    """Journal and rings first; then the session may be looked for."""
    replay(state, wiring.journal_reader(wiring.instance))
    check(state)
    settings = wiring.config.venues[wiring.index].session
    clients[id(wiring)] = SessionClient(settings, state, wiring.note_error)


def tend(wiring, state) -> None:
    """One turn of the control thread: the session, and the next block of reference numbers."""
    clients[id(wiring)].turn()
    wiring.id_block.extend()


def close(wiring, state) -> None:
    """The hot thread has ended: close the socket, look at the invariants once more."""
    client = clients.pop(id(wiring), None)
    if client is not None:
        client.close()
    check(state)


ROLE = Role(
    name="order_sender",
    step="procs.order_sender.step:step",
    poll_in="procs.net.tcp_kernel:poll_in",
    poll_out="procs.order_sender.wire_out:poll_out",
    sent_again="procs.order_sender.wire_out:sent_again",
    streams=True,
    open_=open_,
    recover=recover,
    warm_up=warm_up,
    tend=tend,
    close=close,
    histograms=HISTOGRAMS,
)

if __name__ == "__main__":
    sys.exit(main(ROLE))
