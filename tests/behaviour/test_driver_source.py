# SPDX-License-Identifier: GPL-2.0-or-later
"""The Linux drivers are those of the archive that is there now."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess

from conftest import BUILD, ROOT, Outcome, run_command

LISTED = re.search(
    r"set\(LINUX_FILES\s+(.*?)\)", (ROOT / "netdde-under-test/drivers/CMakeLists.txt").read_text(), re.DOTALL
)
assert LISTED
FILES = LISTED[1].split()
SCRIPTS = ROOT / "netdde-under-test" / "drivers"
TAKEN_OUT = BUILD / "netdde-under-test" / "drivers" / "linux-source-6.1"


def pack(archive: pathlib.Path, texts: dict[str, str]) -> pathlib.Path:
    """An archive with the layout of the package's."""
    top = archive.parent / "linux-source-6.1"
    for name, text in texts.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    subprocess.run(["tar", "-C", archive.parent, "-cJf", archive, top.name], check=True)
    return archive


def make_archive(archive: pathlib.Path, text: str, date: int) -> None:
    """One in which all files are alike, whose date is that of its making."""
    os.utime(pack(archive, dict.fromkeys(FILES, text)), (date, date))


def the_packages() -> dict[str, str]:
    return {name: (TAKEN_OUT / name).read_text() for name in FILES}


def take_out(archive: pathlib.Path, output: pathlib.Path) -> Outcome:
    return run_command(["cmake", f"-DARCHIVE={archive}", f"-DOUTPUT={output}", f"-DFILES={','.join(FILES)}", "-P",
                        SCRIPTS / "extract.cmake"])


def verify(output: pathlib.Path) -> Outcome:
    return run_command(["cmake", f"-DOUTPUT={output}", "-P", SCRIPTS / "verify.cmake"])


def said(outcome: Outcome) -> str:
    """Its message without the line breaks that cmake puts in."""
    return " ".join(outcome.stderr.split())


def not_as_tested(outcome: Outcome) -> set[str]:
    return set(re.findall(r"^  (\S+)$", outcome.stderr, re.MULTILINE))


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


def test_an_update_says_which_files_it_changed(tmp_path) -> None:
    texts = the_packages()
    assert take_out(pack(tmp_path / "installed.tar.xz", texts), tmp_path / "installed").code == 0
    texts["drivers/net/ethernet/intel/e100.c"] += "/* mended */\n"
    assert take_out(pack(tmp_path / "update.tar.xz", texts), tmp_path / "update").code == 0
    installed = verify(tmp_path / "installed")
    for _ in range(2):  # with each build, not only with the one that takes them out
        update = verify(tmp_path / "update")
        assert update.code == 0, update.text
        assert not_as_tested(update) - not_as_tested(installed) == {"drivers/net/ethernet/intel/e100.c"}, update.text
        [tested] = re.findall(
            r"not those of (linux-source-6.1 6\.1\.\S+), with which this tree was tested", update.stderr
        )
        assert (SCRIPTS / "tested.sha256").read_text().startswith(f"# {tested}\n")


def test_a_file_that_is_new_here_is_not_called_changed(tmp_path) -> None:
    assert take_out(pack(tmp_path / "linux.tar.xz", the_packages()), tmp_path / "out").code == 0
    before = verify(tmp_path / "out")
    with (tmp_path / "out/SHA256SUMS").open("a") as sums:
        sums.write(f"{hashlib.sha256(b'').hexdigest()}  drivers/net/new.c\n")
    (tmp_path / "out/drivers/net/new.c").touch()
    outcome = verify(tmp_path / "out")
    assert outcome.code == 0, outcome.text
    assert not_as_tested(outcome) - not_as_tested(before) == {"drivers/net/new.c"}
    assert re.search(r"not in \S+/tested.sha256 yet:\n  drivers/net/new.c\n", outcome.stderr), outcome.text


def test_sums_are_printed_and_are_those_of_the_files(tmp_path) -> None:
    assert take_out(pack(tmp_path / "linux.tar.xz", the_packages()), tmp_path / "out").code == 0
    sums = (tmp_path / "out/SHA256SUMS").read_text()
    outcome = verify(tmp_path / "out")
    assert outcome.code == 0, outcome.text
    for name in FILES:
        sum_of = hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest()
        assert f"{sum_of}  {name}\n" in sums
        if name.startswith("drivers/"):
            assert re.search(rf" {sum_of[:12]} {pathlib.Path(name).name}(\s|$)", outcome.stdout), outcome.text


def test_a_file_that_an_update_dropped_is_named(tmp_path) -> None:
    texts = the_packages()
    del texts["drivers/net/ethernet/realtek/8139cp.c"]
    outcome = take_out(pack(tmp_path / "linux.tar.xz", texts), tmp_path / "out")
    assert outcome.code != 0
    assert "(missing: drivers/net/ethernet/realtek/8139cp.c)" in said(outcome), outcome.text


def test_a_damaged_archive_is_refused(tmp_path) -> None:
    archive = pack(tmp_path / "linux.tar.xz", the_packages())
    archive.write_bytes(archive.read_bytes()[:10_000])
    outcome = take_out(archive, tmp_path / "out")
    assert outcome.code != 0
    assert "The archive may be damaged" in said(outcome), outcome.text


def include_as_a_driver(header: str, folder: pathlib.Path) -> Outcome:
    """Compile a file of one line with the command by which the build compiles a driver."""
    everything = json.loads(run_command(["ninja", "-C", BUILD, "-t", "compdb"]).stdout)
    [command] = [entry["command"] for entry in everything if entry["file"].endswith("/net/ethernet/fealnx.c")]
    words = shlex.split(command)
    source = folder / "includes.c"
    source.write_text(f"#include <{header}>\n")
    for option, value in (("-o", folder / "includes.o"), ("-MF", folder / "includes.d"), ("-c", source)):
        words[words.index(option) + 1] = value
    return run_command(words, cwd=BUILD)


def test_a_driver_does_not_get_the_systems_header_for_one_that_is_missing(tmp_path) -> None:
    assert pathlib.Path("/usr/include/linux/time.h").exists()
    there = include_as_a_driver("linux/if_ether.h", tmp_path)  # the environment's, built on the system's
    assert there.code == 0, there.text
    missing = include_as_a_driver("linux/time.h", tmp_path)
    assert missing.code != 0
    assert "linux/time.h: No such file or directory" in missing.stderr, missing.text


def test_a_driver_that_was_changed_by_hand_is_not_built(tmp_path) -> None:
    taken_out = take_out(pack(tmp_path / "linux.tar.xz", the_packages()), tmp_path / "out")
    assert taken_out.code == 0, taken_out.text
    with (tmp_path / "out/drivers/net/mii.c").open("a") as driver:
        driver.write("\n")
    outcome = verify(tmp_path / "out")
    assert outcome.code != 0
    assert "drivers/net/mii.c was changed" in said(outcome), outcome.text
