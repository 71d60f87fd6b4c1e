"""Null roles are recorded while they run, killed and started again, and replayed: the same bytes, or where they differ."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from procs.runtime import replay as replaying
from procs.runtime.recording_file import (
    BLOCK_ENTRIES,
    RecordingDamaged,
    blocks,
    entries_in,
    head_of,
    items_in,
    write_block,
)
from procs.runtime.replay import Replay, replay
from shm.records.intent import INTENT
from shm.records.recording_entry import ENTRY_STEP, ITEM_HEAD_BYTES, ITEM_IN_RING, ITEM_OUT_RING, RECORDING_ENTRY
from shm.records.tick import TICK
from tests.runtime.test_null_roles import Nulls, null_config

PACKAGE = "tests.support.null"
ROLES = ("feed_handler", "strategy", "risk_gate", "order_sender", "position_keeper")
FRAMES = 200


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Folder of one recorded run in which the strategy was killed once."""
    folder = tmp_path_factory.mktemp("recorded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUINTET_STATE", str(folder / "state"))
        patch.setenv("QUINTET_RUNTIME", str(folder / "run"))
        patch.chdir(Path(__file__).resolve().parents[2])
        config = null_config(f"recnull-{folder.name[-8:].strip('-')}")
        machine = Nulls(structs.replace(config, run=structs.replace(config.run, record=str(folder / "rec"))))
        try:
            machine.wait(lambda: machine.relayed() > FRAMES)
            os.kill(machine.fabric.page("strategy").pid, signal.SIGKILL)
            before = machine.relayed()
            machine.wait(lambda: machine.relayed() > before + FRAMES)
            warned = [row for row in machine.snapshot.take()["instances"] if "recording ended" in row["warnings"]]
            errors = machine.snapshot.take()["errors"]
        finally:
            machine.close()
    assert warned == [] and errors == {} and machine.killed == []
    return folder / "rec"


def test_every_role_gives_out_the_same_bytes_again_also_after_it_was_killed(recording):
    results = list(replay(recording, package=PACKAGE))
    for result in results:
        print(result.part.instance, result.part.path.name, result.steps, result.output_bytes)
        assert result.difference is None, result.difference.text()
        relays = result.part.instance != "position_keeper"  # at the end of the chain: words of its own, for many frames
        assert result.output_bytes > FRAMES // 2 * (128 if relays else 8)
    assert [result.part.instance for result in results].count("strategy") == 2
    assert {result.part.instance for result in results} == set(ROLES)
    ended = {(result.part.instance, result.part.path.stem): result.ended for result in results}
    assert ended.pop(("strategy", "0001")) == "", "it was killed"
    assert set(ended.values()) == {"the role ended"}


def spoil(path: Path, change) -> int:
    """Rewrite a part with one step changed by `change(entry) -> entry or None`; its sums hold. Returns its number."""
    held, number = list(blocks(path)), -1
    with open(path, "wb") as file:
        for _, kind, data in held:
            if kind == BLOCK_ENTRIES and number < 0:
                entries = list(entries_in(data))
                for at, entry in enumerate(entries):
                    head = head_of(entry)
                    if number < 0 and int(head["kind"]) == ENTRY_STEP and (changed := change(entry, head)) is not None:
                        entries[at], number = changed, int(head["number"])
                data = b"".join(entries)
            write_block(file, kind, data)
    return number


def flip(entry: bytes, begin: int, end: int, kind: int, offset: int) -> bytes | None:
    """The entry with one bit of the first item of that kind between two offsets changed."""
    at = begin
    for item in items_in(entry[begin:end]):
        if item.kind == kind:
            spoilt = bytearray(entry)
            spoilt[at + ITEM_HEAD_BYTES + offset] ^= 4
            return bytes(spoilt)
        at += ITEM_HEAD_BYTES + ((len(item.payload) + 7) & -8)
    return None


def copied(recording: Path, target: Path, instance: str) -> Path:
    shutil.copytree(recording / instance, target / instance)
    return target / instance / "0001.recording"


def test_a_changed_input_is_found_at_the_first_output_that_depends_on_it(recording, tmp_path):
    path = copied(recording, tmp_path, "strategy")
    offset = TICK.fields["venue_seq"][1]
    number = spoil(
        path,
        lambda entry, head: flip(entry, RECORDING_ENTRY.itemsize, int(head["outputs_at"]), ITEM_IN_RING, offset),
    )
    result = next(iter(replay(tmp_path, "strategy", PACKAGE)))
    assert result.difference is not None
    print(result.difference.text())
    assert result.difference.entry == number
    assert result.difference.field == "intent_id"
    assert result.difference.output == "ring intents.strategy.risk_gate"
    assert int(result.difference.expected) ^ int(result.difference.found) == 4


def test_a_changed_output_is_named_with_its_ring_sequence_and_field(recording, tmp_path):
    path = copied(recording, tmp_path, "feed_handler")
    offset = TICK.fields["venue_seq"][1]
    number = spoil(path, lambda entry, head: flip(entry, int(head["outputs_at"]), len(entry), ITEM_OUT_RING, offset))
    result = next(iter(replay(tmp_path, "feed_handler", PACKAGE)))
    assert result.difference[:1] == (number,)
    assert result.difference.output == "ring ticks.feed_handler.strategy" and result.difference.key == 0
    assert result.difference[4:] == ("venue_seq", 4, 0)


def test_a_flipped_bit_of_the_file_is_named_with_its_block(recording, tmp_path):
    path = copied(recording, tmp_path, "risk_gate")
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    path.write_bytes(spoilt)
    with pytest.raises(RecordingDamaged, match=r"0001.recording, block at byte \d+"):
        list(replay(tmp_path, "risk_gate", PACKAGE))


def test_a_step_that_computes_otherwise_is_found(recording):
    part = replaying.find_parts(recording, "order_sender")[0]
    calls = []

    def before(entry, state):
        calls.append(entry)
        if len(calls) == 5:
            state.ends_in[0]["next_seq"] += 1  # as if it had read a record twice

    result = Replay(part, PACKAGE, before).run()
    assert result.difference is not None and result.difference.entry >= calls[4]
    assert result.steps >= 4


def test_the_recorded_stamps_of_hops_are_the_true_ones(recording):
    """Every intent was decided after its tick was published: no stamp is made up."""
    part = replaying.find_parts(recording, "strategy")[0]
    published, decided = [], []
    for _, kind, data in blocks(part.path):
        for entry in entries_in(data) if kind == BLOCK_ENTRIES else ():
            for item in items_in(entry[RECORDING_ENTRY.itemsize :]):
                if item.kind == ITEM_IN_RING and len(item.payload) == TICK.itemsize and item.index == 0:
                    published.append(int(np.frombuffer(item.payload, TICK)[0]["publish_stamp_ns"]))
                if item.kind == ITEM_OUT_RING:
                    decided.append(int(np.frombuffer(item.payload, INTENT)[0]["decide_stamp_ns"]))
    assert len(decided) > 50
    assert all(tick < intent for tick, intent in zip(published, decided, strict=False))
