"""`--record` and `quintet replay` on the command line: refusals before anything starts, and one sentence each."""

import pytest

from config.errors import ConfigError
from config.load import load
from procs.cli.__main__ import main
from procs.cli.command_line import parser
from procs.cli.record_to import with_record


def test_recording_is_off_unless_it_is_asked_for():
    for words in (["demo"], ["up"]):
        assert parser().parse_args(words).record is None
    config = load("cli-replay")
    assert with_record(config, None) is config and config.run.record == ""


def test_the_folder_is_made_absolute_because_roles_need_not_share_ours(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert with_record(load("cli-replay"), "here").run.record == str(tmp_path / "here")


def test_a_folder_that_holds_a_recording_is_refused(tmp_path):
    (tmp_path / "strategy").mkdir()
    (tmp_path / "strategy" / "0001.recording").touch()
    with pytest.raises(ConfigError, match="a folder without a recording"):
        with_record(load("cli-replay"), str(tmp_path))


def test_a_replay_of_nothing_ends_with_1_and_says_what_to_name(tmp_path, capsys):
    assert main(["replay", str(tmp_path)]) == 1
    assert "name the folder that was given to --record" in capsys.readouterr().err


def test_a_replay_of_a_cut_header_ends_with_1(tmp_path, capsys):
    (tmp_path / "strategy").mkdir()
    (tmp_path / "strategy" / "0001.recording").write_bytes(b"QNTETREC")
    assert main(["replay", str(tmp_path)]) == 1
    assert "the role died at once" in capsys.readouterr().err
