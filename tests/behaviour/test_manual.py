# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages are well-formed, and lockcheck's speaks of every option that the command has."""

from __future__ import annotations

import re

import pytest

from conftest import ROOT, command_path, run_command

PAGE = ROOT / "man" / "lockcheck.1"


@pytest.mark.parametrize("page", ["lockcheck.1", "lockcheck-cc.1"])
def test_the_page_is_well_formed(page) -> None:
    outcome = run_command(["mandoc", "-T", "lint", "-W", "warning", PAGE.parent / page])
    assert outcome.code == 0, outcome.text


def test_the_page_names_every_option_of_the_command() -> None:
    shown = run_command(["mandoc", "-T", "ascii", PAGE]).stdout
    page = re.sub(".\b", "", shown)
    said = run_command([command_path("lockcheck"), "--help"]).stdout
    options = set(re.findall(r"--[a-z][a-z-]+", said))
    assert len(options) > 5
    assert options <= set(re.findall(r"--[a-z][a-z-]+", page)), options - set(re.findall(r"--[a-z][a-z-]+", page))
