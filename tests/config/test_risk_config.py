"""risk.toml: what ships is sound; every number that cannot be is refused with file, key, expected, found."""

import shutil

import pytest

from config.errors import ConfigError
from config.load import PACKAGE, load
from config.returns import ROWS_MIN, read_returns
from config.risk import volatility_at

MISTAKES = """
replace                                    | by                                        | key                          | expected                  | found
publish_ms = 100                           | publish_ms = 0                            | publish_ms                   | a number above 0          | 0
publish_ms = 100                           | # nothing                                 | publish_ms                   | a value                   | nothing
publish_ms = 100                           | publish_ms = "often"                      | publish_ms                   | int                       | often
publish_ms = 100                           | publish_msec = 100                        | publish_ms                   | no such key               | it
tree_steps = 51                            | tree_steps = 50                           | tree_steps                   | an odd number             | 50
level_bps = 9900                           | level_bps = 10000                         | var.level_bps                | from 5001 to 9999         | 10000
horizon_days = 1.0                         | horizon_days = nan                        | var.horizon_days             | a number above 0          | nan
horizon_days = 1.0                         | horizon_days = inf                        | var.horizon_days             | a number above 0          | inf
correlation = 0.6                          | correlation = 1.1                         | var.correlation              | from 0 to 1               | 1.1
correlation = 0.6                          | correlation = -0.1                        | var.correlation              | from 0 to 1               | -0.1
window_min = 100                           | window_min = 501                          | var.window_min               | from 20 to the window     | 501
draws = 2000                               | draws = -1                                | var.draws                    | from 100 to 100000        | -1
returns_file = ""                          | returns_file = "none.csv"                 | (file)                       | a readable CSV            | No such file
price_moves = [-0.2                        | price_moves = [-1.0                       | stress.price_moves           | moves above -1            | -1.0
price_moves = [-0.2                        | price_moves = [nan                        | stress.price_moves           | moves above -1            | nan
down = -0.15                               | down = 0.15                               | margin.equity.down           | below 0                   | 0.15
up = 0.15                                  | up = inf                                  | margin.equity.up             | a move up                 | inf
offset = 0.9                               | offset = 1.5                              | margin.index.offset          | from 0 to 1               | 1.5
interest_rate = 0.04                       | interest_rate = nan                       | other.interest_rate          | from -1 to 1              | nan
dividend_yield = 0.0                       | dividend_yield = -inf                     | other.dividend_yield         | from -1 to 1              | -inf
mark_age_ms = 60_000                       | mark_age_ms = -1                          | other.mark_age_ms            | a number above 0          | -1
margin = "equity"                          | margin = "bond"                           | other.margin                 | equity or index           | bond
shift = 0.0, moneyness                     | shift = -0.4, moneyness                   | other.volatility[0].volatility | from 0.001 to 10.0      | -0.04
shift = 0.0, moneyness                     | shift = nan, moneyness                    | other.overlay.shift          | from -10 to 10            | nan
moneyness = [0.8, 1.0, 1.2]                | moneyness = [1.0, 0.8, 1.2]               | other.volatility[0].moneyness | in order                 | [1.0, 0.8, 1.2]
moneyness = [0.8, 1.0, 1.2]                | moneyness = [0.8, 1.0]                    | other.volatility[0]          | as many numbers           | 3 and 2
volatility = [0.36, 0.30, 0.28]            | volatility = [0.36, 0.0, 0.28]            | other.volatility[0].volatility | from 0.001              | 0.0
volatility = [0.36, 0.30, 0.28]            | volatility = [0.36, 1.30, 0.28]           | other.volatility, 30 to 365  | never falls               | then
days = 30                                  | days = 400                                | other.volatility             | in order of days          | [400.0, 365.0]
warn = 30_000_000_000_000                  | warn = 46_000_000_000_000                 | threshold[0].reducing        | at least the step before  | 45000000000000
warn = 30_000_000_000_000                  | warn = -1                                 | threshold[0].warn            | a number above 0          | -1
warn = 30_000_000_000_000                  | warn = 0                                  | threshold[0].warn            | a number above 0          | 0
warn = 30_000_000_000_000                  | warn = 5_000_000_000_000_000_000          | threshold[0].warn            | below 2^62                | 5000000
warn = 30_000_000_000_000                  | warn = nan                                | threshold[0].warn            | int                       | nan
measure = "delta"                          | measure = "luck"                          | threshold[0].measure         | one of the documented     | luck
scope = "firm"                             | scope = "desk"                            | threshold[0].scope           | firm, strategy            | desk
scope = "firm"                             | scope = "strategy:other"                  | threshold[0].scope           | firm, strategy            | other
scope = "firm"                             | scope = "underlying:"                     | threshold[0].scope           | firm, strategy            | underlying:
grace_ms = 30_000                          | grace_ms = 0                              | input.grace_ms               | a number above 0          | 0
stale_state = "reducing"                   | stale_state = "nothing"                   | input.stale_state            | one of the documented     | nothing
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the shipped files, in force."""
    shutil.copytree(PACKAGE, tmp_path / "config", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    monkeypatch.setenv("QUINTET_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


def edit(folder, old: str, new: str) -> None:
    text = (folder / "risk.toml").read_text()
    assert old in text, old
    (folder / "risk.toml").write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("line", MISTAKES.strip().splitlines()[1:])
def test_a_mistake_is_told_with_its_key_what_was_expected_and_what_was_found(folder, line):
    old, new, key, expected, found = (piece.strip() for piece in line.split(" | "))
    edit(folder, old, new)
    with pytest.raises(ConfigError) as caught:
        load()
    error = caught.value
    assert "risk.toml" in str(error) or "csv" in str(error)
    assert key in str(error.key) and expected in str(error.expected) and found in str(error.found), str(error)


def test_assumptions_for_what_is_not_traded_are_refused(folder):
    text = (folder / "risk.toml").read_text()
    (folder / "risk.toml").write_text(text.replace("underlying.ESH4", "underlying.NONE"))
    with pytest.raises(ConfigError, match="a symbol of instruments.toml that is nothing's derivative"):
        load()


def test_a_threshold_without_any_number_is_refused(folder):
    text = (folder / "risk.toml").read_text()
    (folder / "risk.toml").write_text(
        text + '\n[[threshold]]\nscope = "firm"\nmeasure = "rho"\n'
        'warn = "none"\nreducing = "none"\nflatten = "none"\nhalted = "none"\n'
    )
    with pytest.raises(ConfigError, match="at least one step with a number"):
        load()


def test_ages_are_told_together_and_times_with_their_offset(folder):
    edit(folder, 'margin = "equity"', 'margin = "equity"\nas_of = 2026-01-01')
    with pytest.raises(ConfigError, match="as_of and age_days_max together"):
        load()
    edit(folder, "as_of = 2026-01-01", "as_of = 2026-01-01\nage_days_max = 5\noverlay_until = 2026-01-01T10:00:00")
    with pytest.raises(ConfigError, match="with its offset"):
        load()
    edit(folder, "T10:00:00", "T10:00:00Z")
    assert load().risk.other.age_days_max == 5


def test_a_volatility_is_read_off_between_knots_as_risk_engine_reads_it():
    from procs.risk_engine.curve import new_curve, vol_at, with_overlay

    held = load().risk.other
    for tenor in held.volatility:
        curve = with_overlay(new_curve(tenor.moneyness, tenor.volatility))
        for moneyness in (0.5, 0.8, 0.87, 1.0, 1.13, 1.2, 2.0):
            assert volatility_at(tenor, held.overlay, moneyness) == pytest.approx(vol_at(curve, moneyness), rel=1e-12)


FILES = """
QNTA,QNTB~0.01,0.02        | at least 20 lines
QNTA,QNTZ~0.01,0.02        | underlyings of instruments.toml
QNTA,QNTA~0.01,0.02        | each once
QNTA,QNTB~0.01             | 2 values
QNTA,QNTB~0.01,nan         | a return above -1
QNTA,QNTB~0.01,inf         | a return above -1
QNTA,QNTB~0.01,-1          | a return above -1
QNTA,QNTB~0.01,much        | a return above -1
"""


@pytest.mark.parametrize("line", FILES.strip().splitlines())
def test_a_file_of_returns_that_cannot_be_used_is_refused_with_its_line(tmp_path, line):
    content, expected = (piece.strip() for piece in line.split(" | "))
    head, row = content.split("~")
    path = tmp_path / "returns.csv"
    rows = 1 if "at least" in expected else ROWS_MIN
    path.write_text("\n".join([head, *["0.001,0.001"] * (rows - 1), row]) + "\n")
    with pytest.raises(ConfigError) as caught:
        read_returns(path, ["QNTA", "QNTB"])
    assert expected in str(caught.value)
    path.write_text("\n".join(["QNTA,QNTB", *["0.001,-0.002"] * ROWS_MIN]) + "\n")
    assert read_returns(path, ["QNTA", "QNTB"])["QNTB"] == [-0.002] * ROWS_MIN
