"""What was lowered while a fabric ran holds in the next one; a limits file that cannot be trusted starts nothing."""

import json
import os
import time

import pytest
from msgspec import structs

from config.errors import ConfigError
from config.load import load
from procs.runtime.fabric import Fabric
from procs.runtime.limit_values import limit_scopes
from procs.runtime.limits_file import LimitsFileRefused, load_limits_file, start_limits, store_limits_file
from shm.roster import list_fabrics
from tests.support.cli import call

QNTA = ("--scope", "instrument:QNTA")


@pytest.fixture
def config(folders):
    return load(f"limits-file-{os.getpid()}")


def change(config, *words):
    answer = call("limits", *words, "--reason", "because", "--name", config.name)
    assert answer.code == 0, answer.err


def restarted(config, now_ns=None):
    """The LIMITS row of QNTA in a new life, and what follows its override."""
    fabric = Fabric(config)
    folder = fabric.state_folder
    fabric.destroy()
    content = load_limits_file(folder)
    begun = start_limits(config, folder, now_ns or time.time_ns())
    store_limits_file(folder, content)
    row = begun.rows[limit_scopes(config)["instrument:QNTA"].row]
    return row, begun


def test_what_was_lowered_holds_after_a_restart_and_what_was_raised_does_not(config):
    fabric = Fabric(config)
    change(config, "qty_lots_max=500", "permitted=sell", "burst_window_ms=5000", "collar_near_bps=300", *QNTA)
    fabric.destroy()
    fabric = Fabric(config)
    assert len(fabric.kept_limits) == 3 and "instrument:QNTA qty_lots_max 500, by " in fabric.kept_limits[0]
    told = call("limits", *QNTA, "--json", "--name", config.name).json()["scopes"][0]
    fabric.destroy()
    held = {entry["limit"]: entry["value"] for entry in told["limits"]}
    assert (held["qty_lots_max"], held["permitted"], held["burst_window_ms"]) == (500, ["sell"], 5000)
    assert held["collar_near_bps"] == 200, "a raise ends with the fabric"
    row, _ = restarted(config)
    assert int(row["qty_lots_max"]) == 500, "over any number of restarts"


def test_versions_rise_over_restarts(config):
    fabric = Fabric(config)
    change(config, "qty_lots_max=500", *QNTA)
    fabric.destroy()
    before = load_limits_file(fabric.state_folder)["version"]
    row, begun = restarted(config)
    assert begun.rows["version"].min() > before


def test_a_raise_by_command_ends_what_was_kept(config):
    fabric = Fabric(config)
    change(config, "qty_lots_max=500", *QNTA)
    change(config, "qty_lots_max=1000", *QNTA)
    fabric.destroy()
    assert load_limits_file(fabric.state_folder)["kept"] == {}
    assert int(restarted(config)[0]["qty_lots_max"]) == 1000


def test_a_file_that_is_as_strict_itself_ends_what_was_kept(config):
    fabric = Fabric(config)
    change(config, "qty_lots_max=500", *QNTA)
    fabric.destroy()
    held = config.limits.instruments["QNTA"]

    def revised(revision, qty):
        instruments = config.limits.instruments | {"QNTA": structs.replace(held, qty_lots_max=qty)}
        return structs.replace(
            config, limits=structs.replace(config.limits, revision=revision, instruments=instruments)
        )

    assert int(restarted(revised(2, 800))[0]["qty_lots_max"]) == 500, "the file is looser than what a person said"
    Fabric(revised(3, 400)).destroy()
    assert int(restarted(revised(4, 800))[0]["qty_lots_max"]) == 800, "the file said it itself, and says more now"


def test_a_temporary_lowering_is_kept_until_its_time_and_then_follows_what_lasts(config):
    fabric = Fabric(config)
    change(config, "qty_lots_max=500", *QNTA)
    change(config, "qty_lots_max=300", "--for", "1h", *QNTA)
    fabric.destroy()
    row, begun = restarted(config)
    assert int(row["qty_lots_max"]) == 300 and int(row["expires_ns"]) > time.time_ns()
    lasting = begun.standing[int(row["standing_row"])]
    assert int(lasting["qty_lots_max"]) == 500
    assert int(lasting["standing_row"]) == limit_scopes(config)["instrument:QNTA"].row
    row, _ = restarted(config, time.time_ns() + 2 * 3600 * 10**9)
    assert (int(row["qty_lots_max"]), int(row["expires_ns"])) == (500, 0)


def test_a_temporary_raise_is_not_kept(config):
    fabric = Fabric(config)
    change(config, "qty_lots_max=5000", "--for", "1h", *QNTA)
    fabric.destroy()
    row, _ = restarted(config)
    assert (int(row["qty_lots_max"]), int(row["expires_ns"])) == (1000, 0)


DAMAGE = """
what                | said
a byte              | checksum: expected
an older format     | format: expected 1, the format of this version of Quintet, found 0
a newer format      | format: expected 1, the format of this version of Quintet, found 2
no format           | format: expected 1, the format of this version of Quintet, found None
no checksum         | checksum: expected
cut                 | (syntax): expected JSON in UTF-8
not text            | (syntax): expected JSON in UTF-8
a list              | format: expected 1
empty               | (syntax): expected JSON in UTF-8
"""


@pytest.mark.parametrize(
    "what,said", [[c.strip() for c in line.split("|")] for line in DAMAGE.strip().splitlines()[1:]]
)
def test_a_limits_file_that_cannot_be_trusted_starts_nothing(config, what, said):
    fabric = Fabric(config)
    change(config, "qty_lots_max=500", *QNTA)
    fabric.destroy()
    path = fabric.state_folder / "limits.json"
    data = path.read_bytes()
    content = json.loads(data)
    path.write_bytes(
        {
            "a byte": data.replace(b"500", b"900"),
            "an older format": json.dumps(content | {"format": 0}).encode(),
            "a newer format": json.dumps(content | {"format": 2}).encode(),
            "no format": json.dumps({key: held for key, held in content.items() if key != "format"}).encode(),
            "no checksum": json.dumps({key: held for key, held in content.items() if key != "checksum"}).encode(),
            "cut": data[: len(data) // 2],
            "not text": b"\xff" + data,
            "a list": b"[]",
            "empty": b"",
        }[what]
    )
    with pytest.raises(LimitsFileRefused) as refused:
        Fabric(config)
    assert str(path) in str(refused.value) and said in str(refused.value)
    assert config.name not in list_fabrics(), "nothing is left of the start"


def test_an_older_limits_toml_and_another_one_of_the_same_revision_start_nothing(config):
    limits = structs.replace(config.limits, revision=7)
    Fabric(structs.replace(config, limits=limits)).destroy()
    with pytest.raises(ConfigError, match="revision: expected 7 or above.*found 6"):
        Fabric(structs.replace(config, limits=structs.replace(limits, revision=6)))
    firm = structs.replace(limits.firm, open_orders_max=100)
    with pytest.raises(ConfigError, match=r"revision: expected above 7: what it says .*checksum .*found 7"):
        Fabric(structs.replace(config, limits=structs.replace(limits, firm=firm)))
    Fabric(structs.replace(config, limits=structs.replace(limits, firm=firm, revision=8))).destroy()
    assert config.name not in list_fabrics()


def test_a_demonstration_starts_from_the_file_alone(config):
    fabric = Fabric(config, fresh=True)
    change(config, "qty_lots_max=500", *QNTA)
    fabric.destroy()
    fabric = Fabric(config, fresh=True)
    fabric.destroy()
    assert fabric.kept_limits == [] and load_limits_file(fabric.state_folder)["kept"] == {}
