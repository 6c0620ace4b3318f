# SPDX-License-Identifier: GPL-2.0-or-later
"""The Linux drivers are those of the archive that is there now."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

from conftest import ROOT, run_command

LISTED = re.search(
    r"set\(LINUX_FILES\s+(.*?)\)", (ROOT / "netdde-under-test/drivers/CMakeLists.txt").read_text(), re.DOTALL
)
assert LISTED
FILES = LISTED[1].split()


def make_archive(archive: pathlib.Path, text: str, date: int) -> None:
    """An archive with the layout of the package's, whose date is that of its making."""
    top = archive.parent / "linux-source-6.1"
    for name in FILES:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    subprocess.run(["tar", "-C", archive.parent, "-cJf", archive, top.name], check=True)
    os.utime(archive, (date, date))


def test_another_archive_is_unpacked_again_whatever_its_date(tmp_path) -> None:
    archive, build = tmp_path / "linux-source-6.1.tar.xz", tmp_path / "build"
    make_archive(archive, "/* the first */\n", 1_600_000_000)
    configured = run_command(
        ["cmake", "-S", ROOT, "-B", build, "-G", "Ninja", f"-DLINUX_SOURCE_ARCHIVE={archive}"], timeout=300
    )
    assert configured.code == 0, configured.text

    def taken_out() -> set[str]:
        built = run_command(["ninja", "-C", build, "linux_files_unmodified"], timeout=300)
        assert built.code == 0, built.text
        return {(build / "netdde-under-test/drivers/linux-source-6.1" / name).read_text() for name in FILES}

    assert taken_out() == {"/* the first */\n"}
    make_archive(archive, "/* an update, made before the first was unpacked */\n", 1_600_000_100)
    assert taken_out() == {"/* an update, made before the first was unpacked */\n"}

    before = (build / "netdde-under-test/drivers/linux-source-6.1/SHA256SUMS").stat().st_mtime_ns
    assert taken_out() == {"/* an update, made before the first was unpacked */\n"}
    assert (build / "netdde-under-test/drivers/linux-source-6.1/SHA256SUMS").stat().st_mtime_ns == before
