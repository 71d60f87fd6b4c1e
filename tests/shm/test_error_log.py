"""Error codes: one table, labels for status, sentences for people."""

from shm import error_log


def test_every_constant_is_in_the_table_and_in_its_own_block():
    constants = {name: code for name, code in vars(error_log).items() if name.startswith("ERROR_")}
    assert set(constants.values()) == set(error_log.BY_CODE)
    assert len(set(constants.values())) == len(constants)
    assert all(100 <= code < 1000 for code in constants.values())


def test_known_and_unknown_codes_have_a_label_and_a_text():
    assert error_log.error_label(error_log.ERROR_JOURNAL_FULL) == "journal_full"
    assert error_log.error_label(9999) == "error_9999"
    assert "7, 8" in error_log.error_text(error_log.ERROR_GATE_OVERFILL, 7, 8)
    assert "9999" in error_log.error_text(9999, 1, 2)
