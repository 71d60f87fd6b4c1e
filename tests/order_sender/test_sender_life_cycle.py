"""The life of an order as a table: what the gate asks, what the venue does, what the readers are told."""

import pytest

from procs.order_sender.life_cycle import (
    EVENTS,
    ILLEGAL,
    NEXT_STATE,
    ORDER_STATE_CLOSED,
    STATE_NAMES,
    STATES,
    next_state,
)
from shm.codes import (
    REPORT_ACCEPTED,
    REPORT_BROKEN,
    REPORT_CANCEL_PENDING,
    REPORT_CANCEL_REJECTED,
    REPORT_CANCELED,
    REPORT_CORRECTED,
    REPORT_EXECUTED,
    REPORT_EXPIRED,
    REPORT_NEVER_ARRIVED,
    REPORT_REJECTED,
    REPORT_REPLACED,
    REPORT_RESTATED,
    REPORT_UNKNOWN,
)
from tests.support.sender_bench import SenderBench

# Every order is for 100 lots. Words, in order, each followed by everything that it sets in motion:
#   new A   replace A B 120   reduce A 60   cancel A     asked by the gate (replace and reduce name the new total)
#   wire                                      our bytes reach the venue
#   accept A   dead A   fill A 40   done A 40 (canceled lots)   reject A   replaced A B   pending A   refuse A
#   self A 20 (kept from trading with ourselves)   left A 50 (modified: outstanding now)   price A   restate A
#   bust A   fix A 30 (corrected to 30 lots)   lose   back       said or done by the venue
# Results: reports in order as KIND order leaves/executed, then the state of each order.
LIFE = """
accepted             new A, wire, accept A                                        -> ACC A 100/0 | A WORKING
accepted dead        new A, wire, dead A                                          -> ACC A 0/0 | A CLOSED
rejected             new A, wire, reject A                                        -> REJ A 0/0 | A CLOSED
filled in parts      new A, wire, accept A, fill A 40, fill A 60                  -> ACC A 100/0, EXE A 60/40, EXE A 0/100 | A CLOSED
fill before accept   new A, wire, fill A 40, accept A                             -> EXE A 60/40, ACC A 60/40 | A WORKING
all before accept    new A, wire, fill A 100, accept A                            -> EXE A 0/100 | A CLOSED
cancelled            new A, wire, accept A, cancel A, wire, done A 100            -> ACC A 100/0, CXL A 0/0 | A CLOSED
cancel unanswered    new A, wire, cancel A, wire, accept A, done A 100            -> ACC A 100/0, CXL A 0/0 | A CLOSED
cancel then fill     new A, wire, accept A, cancel A, wire, fill A 30, done A 70  -> ACC A 100/0, EXE A 70/30, CXL A 0/30 | A CLOSED
fill beats cancel    new A, wire, accept A, cancel A, wire, fill A 100            -> ACC A 100/0, EXE A 0/100 | A CLOSED
late cancel reject   new A, wire, accept A, cancel A, wire, fill A 100, refuse A  -> ACC A 100/0, EXE A 0/100 | A CLOSED
cancel refused       new A, wire, accept A, cancel A, wire, refuse A              -> ACC A 100/0, CRJ A 100/0 | A WORKING
refused, again       new A, wire, accept A, cancel A, wire, refuse A, cancel A, wire, done A 100 -> ACC A 100/0, CRJ A 100/0, CXL A 0/0 | A CLOSED
cancel pending       new A, wire, accept A, cancel A, wire, pending A, done A 100 -> ACC A 100/0, PEN A 100/0, CXL A 0/0 | A CLOSED
venue cancels a part new A, wire, accept A, done A 30, fill A 70                  -> ACC A 100/0, CXL A 70/0, EXE A 0/70 | A CLOSED
price slid           new A, wire, accept A, price A, fill A 100                   -> ACC A 100/0, RST A 100/0, EXE A 0/100 | A CLOSED
price restated       new A, wire, accept A, restate A, fill A 100                 -> ACC A 100/0, RST A 100/0, EXE A 0/100 | A CLOSED
modified             new A, wire, accept A, left A 50, fill A 50                  -> ACC A 100/0, RST A 50/0, EXE A 0/50 | A CLOSED
self-match, a part   new A, wire, accept A, self A 20, fill A 80                  -> ACC A 100/0, CXL A 80/0, EXE A 0/80 | A CLOSED
self-match, all      new A, wire, accept A, cancel A, wire, self A 100            -> ACC A 100/0, CXL A 0/0 | A CLOSED
restated when closed new A, wire, accept A, fill A 100, price A                   -> ACC A 100/0, EXE A 0/100 | A CLOSED
reduced              new A, wire, accept A, reduce A 60, wire, done A 40          -> ACC A 100/0, CXL A 60/0 | A WORKING
reduced, filled      new A, wire, accept A, reduce A 60, wire, done A 40, fill A 60 -> ACC A 100/0, CXL A 60/0, EXE A 0/60 | A CLOSED
fill, then reduced   new A, wire, accept A, reduce A 60, wire, fill A 50, done A 40 -> ACC A 100/0, EXE A 50/50, CXL A 10/50 | A WORKING
fill reaches total   new A, wire, accept A, reduce A 60, wire, fill A 70, done A 30 -> ACC A 100/0, EXE A 30/70, CXL A 0/70 | A CLOSED
fill beats reduce    new A, wire, accept A, reduce A 60, wire, fill A 100         -> ACC A 100/0, EXE A 0/100 | A CLOSED
reduce unanswered    new A, wire, reduce A 60, wire, accept A, done A 40          -> ACC A 100/0, CXL A 60/0 | A WORKING
reduce behind order  new A, reduce A 60, wire, accept A, done A 40                -> ACC A 100/0, CXL A 60/0 | A WORKING
reduce refused       new A, wire, accept A, reduce A 60, wire, refuse A, cancel A, wire, done A 100 -> ACC A 100/0, CRJ A 100/0, CXL A 0/0 | A CLOSED
reduce, then cancel  new A, wire, accept A, reduce A 60, wire, cancel A, wire, done A 40, done A 60 -> ACC A 100/0, CXL A 60/0, CXL A 0/0 | A CLOSED
first is refused     new A, wire, accept A, reduce A 60, wire, cancel A, wire, refuse A, done A 100 -> ACC A 100/0, CRJ A 100/0, CXL A 0/0 | A CLOSED
cancel, then reduce  new A, wire, accept A, cancel A, wire, reduce A 60, wire, done A 100 -> ACC A 100/0, CXL A 0/0 | A CLOSED
reduce, then replace new A, wire, accept A, reduce A 60, wire, replace A B 120, wire, done A 40, replaced A B -> ACC A 100/0, CXL A 60/0, RPL B 120/0 | A CLOSED, B WORKING
reduce a replaced    new A, wire, accept A, replace A B 120, wire, reduce A 60, wire, replaced A B -> ACC A 100/0, RPL B 120/0 | A CLOSED, B WORKING
reduce a replacement new A, wire, accept A, fill A 40, replace A B 120, wire, reduce B 100, wire, replaced A B, done B 20 -> ACC A 100/0, EXE A 60/40, RPL B 80/40, CXL B 60/40 | A CLOSED, B WORKING
reduced, replaced    new A, wire, accept A, reduce A 60, wire, done A 40, replace A B 80, wire, replaced A B -> ACC A 100/0, CXL A 60/0, RPL B 80/0 | A CLOSED, B WORKING
reduce lost          new A, wire, accept A, reduce A 60, lose, back, wire, done A 40 -> ACC A 100/0, CXL A 60/0 | A WORKING
reduce answered lost new A, wire, accept A, reduce A 60, wire, lose, done A 40, back -> ACC A 100/0, CXL A 60/0 | A WORKING
replaced             new A, wire, accept A, replace A B 120, wire, replaced A B   -> ACC A 100/0, RPL B 120/0 | A CLOSED, B WORKING
replaced, executed   new A, wire, accept A, fill A 40, replace A B 120, wire, replaced A B, fill B 80 -> ACC A 100/0, EXE A 60/40, RPL B 80/40, EXE B 0/120 | A CLOSED, B CLOSED
fill, then replaced  new A, wire, accept A, replace A B 120, wire, fill A 40, replaced A B -> ACC A 100/0, EXE A 60/40, RPL B 80/40 | A CLOSED, B WORKING
fill beats replace   new A, wire, accept A, replace A B 120, wire, fill A 100     -> ACC A 100/0, EXE A 0/100, NEV B 0/0 | A CLOSED, B CLOSED
replace kills        new A, wire, accept A, replace A B 120, wire, done A 100     -> ACC A 100/0, CXL A 0/0, NEV B 0/0 | A CLOSED, B CLOSED
kills, says reject   new A, wire, accept A, replace A B 120, wire, done A 100, reject B -> ACC A 100/0, CXL A 0/0, NEV B 0/0 | A CLOSED, B CLOSED
replace refused      new A, wire, accept A, replace A B 120, wire, reject B       -> ACC A 100/0, REJ B 0/0 | A WORKING, B CLOSED
replace unanswered   new A, wire, replace A B 120, wire, accept A, replaced A B   -> ACC A 100/0, RPL B 120/0 | A CLOSED, B WORKING
chain                new A, wire, replace A B 120, wire, replace B C 130, wire, accept A, replaced A B, replaced B C -> ACC A 100/0, RPL B 120/0, RPL C 130/0 | A CLOSED, B CLOSED, C WORKING
chain breaks         new A, wire, replace A B 120, wire, replace B C 130, wire, accept A, fill A 100 -> ACC A 100/0, EXE A 0/100, NEV B 0/0, NEV C 0/0 | A CLOSED, B CLOSED, C CLOSED
cancel the old one   new A, wire, accept A, replace A B 120, wire, cancel A, wire, replaced A B -> ACC A 100/0, RPL B 120/0 | A CLOSED, B WORKING
cancel the new one   new A, wire, accept A, replace A B 120, wire, cancel B, wire, replaced A B, done B 120 -> ACC A 100/0, RPL B 120/0, CXL B 0/0 | A CLOSED, B CLOSED
replace a cancelled  new A, wire, accept A, cancel A, replace A B 120, wire, done A 100 -> ACC A 100/0, EXP B 0/0, CXL A 0/0 | A CLOSED, B CLOSED
second replacement   new A, wire, accept A, replace A B 120, wire, replace A C 90, wire, replaced A B -> ACC A 100/0, EXP C 0/0, RPL B 120/0 | A CLOSED, B WORKING, C CLOSED
bust                 new A, wire, accept A, fill A 40, bust A                     -> ACC A 100/0, EXE A 60/40, BRK A 60/0 | A WORKING
bust when closed     new A, wire, accept A, fill A 100, bust A                    -> ACC A 100/0, EXE A 0/100, BRK A 0/0 | A CLOSED
bust before cancel   new A, wire, accept A, fill A 40, cancel A, wire, bust A, done A 60 -> ACC A 100/0, EXE A 60/40, BRK A 60/0, CXL A 0/0 | A CLOSED
corrected            new A, wire, accept A, fill A 40, fix A 30                   -> ACC A 100/0, EXE A 60/40, FIX A 60/30 | A WORKING
corrected up, closed new A, wire, accept A, fill A 100, fix A 110                 -> ACC A 100/0, EXE A 0/100, FIX A 0/110 | A CLOSED
corrected, broken    new A, wire, accept A, fill A 40, fix A 30, bust A           -> ACC A 100/0, EXE A 60/40, FIX A 60/30, BRK A 60/0 | A WORKING
corrected when lost  new A, wire, accept A, fill A 40, lose, fix A 30, back       -> ACC A 100/0, EXE A 60/40, FIX A 60/30 | A WORKING
lost, arrived        new A, wire, lose, accept A, back                            -> UNK A 100/0, ACC A 100/0 | A WORKING
lost, and filled     new A, wire, lose, accept A, fill A 100, back                -> UNK A 100/0, ACC A 100/0, EXE A 0/100 | A CLOSED
lost on the way      new A, lose, back                                            -> UNK A 100/0, NEV A 0/0 | A CLOSED
lost while working   new A, wire, accept A, lose, fill A 40, back                 -> ACC A 100/0, EXE A 60/40 | A WORKING
lost replace         new A, wire, accept A, replace A B 120, lose, back           -> ACC A 100/0, UNK B 120/0, NEV B 0/0 | A WORKING, B CLOSED
arrived replace      new A, wire, accept A, replace A B 120, wire, lose, replaced A B, back -> ACC A 100/0, UNK B 120/0, RPL B 120/0 | A CLOSED, B WORKING
lost cancel          new A, wire, accept A, cancel A, lose, back, wire, done A 100 -> ACC A 100/0, CXL A 0/0 | A CLOSED
"""
KINDS = {
    "ACC": REPORT_ACCEPTED,
    "RPL": REPORT_REPLACED,
    "CXL": REPORT_CANCELED,
    "EXE": REPORT_EXECUTED,
    "REJ": REPORT_REJECTED,
    "CRJ": REPORT_CANCEL_REJECTED,
    "PEN": REPORT_CANCEL_PENDING,
    "RST": REPORT_RESTATED,
    "BRK": REPORT_BROKEN,
    "FIX": REPORT_CORRECTED,
    "EXP": REPORT_EXPIRED,
    "UNK": REPORT_UNKNOWN,
    "NEV": REPORT_NEVER_ARRIVED,
}
NAME_OF = {code: name for name, code in KINDS.items()}


class Story:
    """Plays the words of one row. Letters stand for orders."""

    def __init__(self):
        self.bench = SenderBench(report_capacity=64, journal_capacity=256).ready()
        self.bench.venue.auto = False
        self.ids: dict[str, int] = {}
        self.match: dict[str, int] = {}

    def ref(self, letter):
        return self.bench.ref(self.ids[letter])

    def play(self, text):
        verb, *words = text.split()
        bench, venue = self.bench, self.bench.venue
        if verb == "new":
            self.ids[words[0]] = bench.new()
            bench.step()
        elif verb == "replace":
            self.ids[words[1]] = bench.replace(self.ids[words[0]], qty=int(words[2]))
            bench.step()
        elif verb == "cancel":
            bench.cancel(self.ids[words[0]])
            bench.step()
        elif verb == "reduce":
            bench.reduce(self.ids[words[0]], int(words[1]))
            bench.step()
        elif verb == "wire":
            bench.send()
        elif verb == "lose":
            bench.lose()
        elif verb == "back":
            bench.ready()
        else:
            if verb == "accept":
                venue.accept(self.ref(words[0]))
            elif verb == "dead":
                venue.accept(self.ref(words[0]), state="D")
            elif verb == "fill":
                self.match[words[0]] = venue.execute(self.ref(words[0]), int(words[1]))
            elif verb == "done":
                venue.cancel(self.ref(words[0]), int(words[1]))
            elif verb == "reject":
                venue.reject(self.ref(words[0]))
            elif verb == "replaced":
                venue.replace(self.ref(words[0]), self.ref(words[1]))
            elif verb == "pending":
                venue.cancel_pending(self.ref(words[0]))
            elif verb == "refuse":
                venue.cancel_reject(self.ref(words[0]))
            elif verb == "price":
                venue.priority(self.ref(words[0]), 99_5000)
            elif verb == "restate":
                venue.restate(self.ref(words[0]), 99_5000)
            elif verb == "self":
                venue.self_match(self.ref(words[0]), int(words[1]))
            elif verb == "left":
                venue.modify(self.ref(words[0]), int(words[1]))
            elif verb == "fix":
                venue.correct_trade(self.ref(words[0]), self.match[words[0]], int(words[1]), 98_7500)
            elif verb == "bust":
                venue.break_trade(self.ref(words[0]), self.match[words[0]])
            else:
                raise AssertionError(f"unknown word {verb}")
            if venue.connected:
                bench.pull()
                bench.arrive()
                bench.step()


@pytest.mark.parametrize("line", LIFE.strip().splitlines(), ids=lambda line: line[:21].strip())
def test_each_life_of_the_table_tells_its_reports_and_ends_in_its_states(line):
    what, _, result = line[21:].partition("->")
    story = Story()
    before = story.bench.errors()
    for text in what.split(","):
        story.play(text)
    story.bench.settle()
    wanted, _, states = result.partition("|")
    names = {order_id: letter for letter, order_id in story.ids.items()}
    told = [
        f"{NAME_OF[r['kind']]} {names[r['order_id']]} {r['leaves_lots']}/{r['cum_lots']}"
        for r in story.bench.readers[0].reports
    ]
    assert told == [word.strip() for word in wanted.split(",")]
    found = {}
    for letter, order_id in story.ids.items():
        row = story.bench.row(order_id)
        found[letter] = "CLOSED" if row is None else STATE_NAMES[int(row["state"])]
    assert found == dict(word.split() for word in states.split(","))
    after = {code: n - before.get(code, 0) for code, n in story.bench.errors().items()}
    assert {code for code, n in after.items() if n} <= {406}, "only a lost session may be an error here"


def test_the_table_of_transitions_is_complete_and_closed_never_opens_again():
    for event in range(1, EVENTS):
        for state in range(1, STATES):
            assert 0 <= NEXT_STATE[event, state] < STATES
        assert NEXT_STATE[event, ORDER_STATE_CLOSED] in (ILLEGAL, ORDER_STATE_CLOSED)


def test_states_and_events_out_of_range_are_illegal():
    for state, event in ((0, 1), (-1, 1), (STATES, 1), (1, 0), (1, -1), (1, EVENTS), (1 << 40, 1 << 40)):
        assert next_state(state, event) == ILLEGAL
