# SPDX-License-Identifier: GPL-2.0-or-later
"""netdde by itself, in real time and without lockcheck: the captures pass whole, and bad input is refused.

Real time is not the test's: on a busy machine a frame may come when the simulated card has no room, and then it is
rightly lost. What came must be right every time; that everything came, in one of a few attempts.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import struct
import subprocess
from collections.abc import Callable

import pytest

from conftest import Outcome

CAPTURES = ["sftp-download.pcapng", "sftp-upload.pcapng"]
SYNCS = ["legacy", "drain", "posix"]
CARDS = {"rtl8139": "8139too", "82540em": "e1000", "82559": "e100", "virtio-net": "virtio_net", "virtio-net-legacy": "virtio_net"}
# The card that a driver is for, if it is for several.
FIRST_CARDS = {driver: next(card for card in CARDS if CARDS[card] == driver) for driver in CARDS.values()}
QUEUES = "virtio-net,queues=4"
ORDER = "(?:its|each flow's) order"
ATTEMPTS = 5

DEVICE = bytes.fromhex("525400000001")
PEER = bytes.fromhex("525400000002")
ETHERNET, RAW_IP = 1, 101


@dataclasses.dataclass(frozen=True)
class Summary:
    """The numbers of netdde's summary."""

    played: int
    of: int
    accepted: int
    filtered: int
    missed: int
    received: int
    wrong: int
    lost: int
    sent: int
    to_send: int
    send_errors: int
    delayed: int
    by_timer: int
    transmitted: int
    transmitted_wrong: int
    checksums: tuple[str, str] | None


def numbers(pattern: str, outcome: Outcome) -> list[int]:
    found = re.search(pattern, outcome.stdout)
    assert found, f"no {pattern!r}\n{outcome.text}"
    return [int(group) for group in found.groups()]


def summary(outcome: Outcome) -> Summary:
    lost = re.findall(r"^lost between card and client: (\d+),", outcome.stdout, re.MULTILINE)
    checksums = re.search(r"^checksum ([0-9a-f]+), the capture's ([0-9a-f]+)$", outcome.stdout, re.MULTILINE)
    received, _, wrong = numbers(
        rf"card to client: (\d+) frames, (\d+) octets, equal to the capture and in {ORDER}; (\d+) wrong", outcome
    )
    sent, to_send, send_errors, delayed, by_timer = numbers(
        r"client to card: (\d+) frames of (\d+), \d+ octets; (\d+) errors; "
        r"of (\d+) delayed acknowledgements (\d+) sent by a timer",
        outcome,
    )
    return Summary(
        *numbers(
            r"wire to card: (\d+) frames of (\d+); (\d+) accepted, (\d+) filtered, (\d+) missed",
            outcome,
        ),
        received=received,
        wrong=wrong,
        lost=sum(map(int, lost)),
        sent=sent,
        to_send=to_send,
        send_errors=send_errors,
        delayed=delayed,
        by_timer=by_timer,
        **dict(
            zip(
                ["transmitted", "transmitted_wrong"],
                numbers(rf"card to wire: (\d+) frames, equal to the capture and in {ORDER}; (\d+) wrong", outcome),
            )
        ),
        checksums=(checksums[1], checksums[2]) if checksums else None,
    )


def check_right(outcome: Outcome) -> Summary:
    """What must hold of every run, whatever was lost: nothing wrong, nothing unaccounted for."""
    assert outcome.code == 0, outcome.text
    got = summary(outcome)
    assert got.wrong == 0 and got.transmitted_wrong == 0, outcome.text
    assert got.played == got.of, outcome.text
    assert got.accepted + got.filtered + got.missed == got.played, outcome.text
    assert got.received + got.lost == got.accepted, outcome.text
    assert got.sent + got.send_errors == got.to_send, outcome.text
    assert got.transmitted <= got.sent, outcome.text
    return got


def run_until_whole(run: Callable[[], Outcome]) -> Summary:
    for _ in range(ATTEMPTS):
        outcome = run()
        got = check_right(outcome)
        if got.received == got.of and got.transmitted == got.to_send:
            return got
    pytest.fail(f"in {ATTEMPTS} attempts something was lost each time; the last:\n{outcome.text}")


# --- Captures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sync", ["drain", "posix"])
@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("card", [*CARDS, QUEUES])
def test_the_whole_capture_passes_byte_for_byte(card, capture, sync, netdde, traces) -> None:
    """A card that gathers frames before it interrupts brings more at once than a busy client's port has room for: at half
    the pace it keeps up."""
    rate = "0.5x" if card == "82540em" else "recorded"
    got = run_until_whole(
        lambda: netdde("--nic", card, "--sync", sync, "--replay", traces / capture, "--rate", rate, timeout=60)
    )
    assert got.filtered == 0
    assert got.checksums is not None and got.checksums[0] == got.checksums[1]


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("card", [*CARDS, QUEUES])
def test_a_peer_that_a_window_holds_back_loses_nothing(card, capture, netdde, traces) -> None:
    """However fast it is and whatever else the machine does: no port and no card ever gets more than it holds."""
    got = check_right(netdde("--nic", card, "--replay", traces / capture, "--rate", "window", timeout=60))
    assert got.received == got.of and got.transmitted == got.to_send
    assert got.checksums is not None and got.checksums[0] == got.checksums[1]


@pytest.mark.parametrize("capture", CAPTURES)
def test_legacy_semaphores_pass_a_capture_unless_they_freeze(capture, netdde, traces) -> None:
    """Their defect is a matter of timing, rare in real time: one run in a few must come through, and be right."""
    ends = []
    for _ in range(ATTEMPTS):
        try:
            outcome = netdde("--sync", "legacy", "--replay", traces / capture, "--rate", "recorded", timeout=15)
        except pytest.fail.Exception as freeze:
            ends.append(str(freeze))
            continue
        ends.append(outcome.text)
        if outcome.code >= 0 and check_right(outcome).received == summary(outcome).of:
            return
    pytest.fail("\n".join(ends))


@pytest.mark.parametrize("rate", ["max", "50x", "16M"])
@pytest.mark.parametrize("card", CARDS)
def test_what_comes_at_any_rate_is_right(card, rate, netdde, traces) -> None:
    check_right(netdde("--nic", card, "--replay", traces / CAPTURES[0], "--rate", rate, timeout=60))


def test_the_download_acknowledges_late(netdde, traces) -> None:
    """Most of a download's acknowledgements wait for a second segment, with a timer running."""
    got = check_right(netdde("--replay", traces / CAPTURES[0], "--rate", "4M", timeout=60))
    assert got.delayed > 100
    assert got.by_timer <= got.delayed


# --- Several cards --------------------------------------------------------------------------------------------


def parts(outcome: Outcome) -> dict[str, Outcome]:
    """What the summary says of each interface, by its name."""
    texts = re.split(r"^(?=eth\d+: |lost )", outcome.stdout, flags=re.MULTILINE)
    return {
        text.partition(":")[0]: dataclasses.replace(outcome, stdout=text) for text in texts if text.startswith("eth")
    }


@pytest.mark.parametrize(
    "cards",
    [
        ["rtl8139", "82540em"],
        ["82540em,irq=11", "rtl8139"],
        ["rtl8139", "rtl8139,irq=11"],
        ["82540em", "82540em,slot=07"],
        ["rtl8139,bus=1", "82540em,bus=1"],
        ["82540em,bus=2,slot=03", "rtl8139,bus=1,slot=03"],
    ],
)
def test_two_cards_each_pass_their_capture(cards, netdde, traces) -> None:
    """On lines of their own and on one line, whatever their drivers are."""
    for _ in range(ATTEMPTS):
        outcome = netdde(
            *(word for card in cards for word in ("--nic", card)), "--replay", traces / CAPTURES[0], "--rate", "0.5x"
        )
        assert outcome.code == 0, outcome.text
        each = parts(outcome)
        assert sorted(each) == ["eth0", "eth1"], outcome.text
        assert sorted(part.stdout.split()[1] for part in each.values()) == sorted(
            card.partition(",")[0] + "," for card in cards
        )
        got = [summary(part) for part in each.values()]
        assert all(one.wrong == one.transmitted_wrong == one.filtered == 0 for one in got), outcome.text
        lost = summary(outcome).lost
        assert sum(one.received for one in got) + lost == sum(one.accepted for one in got), outcome.text
        if all(one.received == one.of and one.transmitted == one.to_send for one in got):
            return
    pytest.fail(f"in {ATTEMPTS} attempts something was lost each time; the last:\n{outcome.text}")


@pytest.mark.parametrize("card", CARDS)
def test_a_card_behind_bridges_is_found_and_passes_its_capture(card, lockcheck, netdde, netdde_path, traces) -> None:
    shown = netdde("--nic", f"{card},bus=2")
    assert shown.code == 0 and shown.stdout.startswith(f"eth0: {card}, "), shown.text
    outcome = lockcheck(
        *("explore", "--schedules", 20, "--", netdde_path, "--quiet", "--nic", f"{card},bus=2"),
        *("--replay", traces / CAPTURES[0]),
    )
    assert outcome.code == 0, outcome.text
    assert outcome.result["schedules"] == 20


def test_each_card_may_have_a_capture_and_an_address_of_its_own(netdde, traces) -> None:
    outcome = netdde(
        *("--nic", f"rtl8139,slot=0a,replay={traces / CAPTURES[1]}", "--driver", "e1000,mac=52:54:00:00:00:aa"),
        *("--rate", "4M"),
    )
    assert outcome.code == 0, outcome.text
    each = parts(outcome)
    assert each["eth0"].stdout.startswith("eth0: rtl8139, ") and CAPTURES[1] in each["eth0"].stdout
    assert summary(each["eth0"]).played == summary(each["eth0"]).of > 0
    assert each["eth1"].stdout == "eth1: 82540em, address 52:54:00:00:00:aa, up, link up, frames up to 1514 octets\n"


def test_cards_without_addresses_get_different_ones(netdde) -> None:
    outcome = netdde("--nic", "rtl8139", "--nic", "rtl8139")
    addresses = re.findall(r"address ([0-9a-f:]+),", outcome.stdout)
    assert len(addresses) == 2 and addresses[0] != addresses[1], outcome.text


# --- Further clients ------------------------------------------------------------------------------------------

KINDS = ["reader", "sniffer", "visitor", "mortal", "sleeper", "pest"]


def observers(outcome: Outcome) -> dict[str, tuple[int, int, int, int]]:
    """Of each further client: times that it came, frames it read, wrong ones, and those it had no room for."""
    lines = re.findall(
        r"^(\w+) \d+: came (\d+) times, read (\d+) frames, (\d+) wrong; had no room for (\d+)$",
        outcome.stdout, re.MULTILINE,
    )
    return {kind: tuple(map(int, rest)) for kind, *rest in lines}


@pytest.mark.parametrize("card", CARDS)
def test_clients_that_come_go_die_and_sleep_cost_the_first_one_nothing(card, netdde, traces) -> None:
    ends = []

    def run() -> Outcome:
        ends.append(netdde("--nic", card, "--replay", traces / CAPTURES[0], "--rate", "2M", "--clients", ",".join(KINDS)))
        return ends[-1]

    got = run_until_whole(run)
    seen = observers(ends[-1])
    assert list(seen) == KINDS, ends[-1].text
    for kind, (came, frames, wrong, lost) in seen.items():
        assert wrong == 0, ends[-1].text
        assert (came > 1) == (kind in ("visitor", "mortal")), ends[-1].text
        assert frames + lost <= got.of + (got.to_send if kind == "sniffer" else 0), ends[-1].text
        assert (frames == 0) == (kind == "sleeper"), ends[-1].text
    assert seen["sleeper"][3] > got.of / 2, ends[-1].text
    assert seen["sniffer"][1] > got.of, ends[-1].text


@pytest.mark.parametrize("sync", ["drain", "posix"])
def test_schedules_of_many_clients_find_nothing(sync, lockcheck, netdde_path, traces) -> None:
    outcome = lockcheck("explore", "--strategy", "portfolio", "--schedules", 60, "--seed", 5, "--", netdde_path, "--quiet",
                        "--sync", sync, "--replay", traces / CAPTURES[1], "--clients", ",".join(KINDS))
    assert outcome.code == 0, outcome.text


# --- Options --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "card"),
    [
        ([], "rtl8139"),
        *((["--driver", driver], card) for driver, card in FIRST_CARDS.items()),
        *((["--nic", card], card) for card in CARDS),
    ],
)
def test_without_a_capture_the_device_is_shown(arguments, card, netdde) -> None:
    outcome = netdde("--mac", "52:54:00:ab:cd:ef", *arguments)
    assert outcome.code == 0, outcome.text
    assert outcome.stdout == (
        f"eth0: {card}, address 52:54:00:ab:cd:ef, up, link up, frames up to 1514 octets\n"
    ), outcome.text


def test_list_names_every_card_and_generation(netdde) -> None:
    outcome = netdde("--list")
    assert outcome.code == 0, outcome.text
    for card, driver in CARDS.items():
        assert re.search(rf"^  {card} .*\b{driver}\b", outcome.stdout, re.MULTILINE), outcome.text
    for sync in SYNCS:
        assert f"  {sync}\n" in outcome.stdout
    described = [re.match(r"  \S+ +", line) for line in outcome.stdout.splitlines()]
    assert len({found.end() for found in described if found}) == 1, outcome.text


def test_help_names_every_option(netdde) -> None:
    outcome = netdde("--help")
    assert outcome.code == 0 and outcome.stderr == "", outcome.text
    for option in ("driver", "nic", "sync", "replay", "rate", "mac", "clients", "list", "quiet", "help", "version"):
        assert f"--{option}" in outcome.stdout


def test_version(netdde) -> None:
    outcome = netdde("--version")
    assert outcome.code == 0
    assert re.fullmatch(r"netdde \d+\.\d+\.\d+\n", outcome.stdout), outcome.text


def test_quiet_says_nothing_when_all_is_well(netdde, tmp_path) -> None:
    outcome = netdde("--quiet", "--rate", "max", "--replay", write_capture(tmp_path / "small.pcap", exchange(4)))
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "", ""), outcome.text


# --- Captures made here ---------------------------------------------------------------------------------------


def tcp(source: bytes, target: bytes, number: int, flags: int, payload: bytes = b"") -> bytes:
    """An Ethernet frame with a TCP segment, different from every other by its number."""
    ip = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), number, 0x4000, 64, 6, 0, b"\n\0\0\1", b"\n\0\0\2"
    )
    header = struct.pack(">HHIIBBHHH", 22, 40000, number, 1, 5 << 4, flags, 65535, 0, 0)
    return target + source + b"\x08\x00" + ip + header + payload


def exchange(pairs: int) -> list[bytes]:
    """The device connects; then segments from the peer, each acknowledged at once."""
    frames = [tcp(DEVICE, PEER, 0, 0x02), tcp(PEER, DEVICE, 1, 0x12), tcp(DEVICE, PEER, 2, 0x10)]
    for pair in range(pairs):
        frames += [tcp(PEER, DEVICE, 100 + pair, 0x18, bytes([pair]) * 500), tcp(DEVICE, PEER, 500 + pair, 0x10)]
    return frames


def write_capture(
    path: pathlib.Path, frames: list[bytes], *, link_type: int = ETHERNET, at_ms: list[int] | None = None
) -> pathlib.Path:
    """A pcap file with these frames at these times; without times, one each millisecond."""
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type)]
    for time_ms, frame in zip(at_ms or range(len(frames)), frames):
        records.append(struct.pack("<IIII", 1, time_ms * 1000, len(frame), len(frame)) + frame)
    path.write_bytes(b"".join(records))
    return path


def test_a_small_capture_passes(netdde, tmp_path) -> None:
    path = write_capture(tmp_path / "small.pcap", exchange(20))
    got = run_until_whole(lambda: netdde("--replay", path, "--rate", "recorded"))
    assert (got.of, got.to_send) == (21, 22)


def test_the_devices_address_may_be_given(netdde, tmp_path) -> None:
    """Seen from the other side the same capture has the roles exchanged."""
    path = write_capture(tmp_path / "small.pcap", exchange(20))
    got = check_right(netdde("--replay", path, "--rate", "max", "--mac", "52:54:00:00:00:02"))
    assert (got.of, got.to_send) == (22, 21)


def test_an_acknowledgement_by_the_clock_is_sent_by_a_timer(netdde, tmp_path) -> None:
    """The second acknowledgement comes 50 ms after its segment, and the next segment much later."""
    frames = [*exchange(2), tcp(PEER, DEVICE, 300, 0x18, b"x" * 10)]
    path = write_capture(tmp_path / "late.pcap", frames, at_ms=[0, 1, 2, 3, 4, 5, 55, 500])
    got = check_right(netdde("--replay", path, "--rate", "recorded"))
    assert (got.delayed, got.by_timer) == (1, 1)


def test_a_second_segment_forestalls_the_timer(netdde, tmp_path) -> None:
    """Two segments with one acknowledgement: it waits for the second, and not for the clock."""
    segments = [tcp(PEER, DEVICE, 300 + number, 0x18, b"x" * 10) for number in range(2)]
    path = write_capture(tmp_path / "two.pcap", [*exchange(1), *segments, tcp(DEVICE, PEER, 900, 0x10)])
    got = check_right(netdde("--replay", path, "--rate", "recorded"))
    assert (got.delayed, got.by_timer) == (1, 0)


def test_frames_for_others_are_filtered_by_the_card(netdde, tmp_path) -> None:
    other = bytes.fromhex("525400000003")
    path = write_capture(tmp_path / "others.pcap", [*exchange(3), tcp(PEER, other, 900, 0x10)])
    got = check_right(netdde("--replay", path, "--rate", "recorded"))
    assert got.filtered == 1


def test_a_truncated_capture_is_used_as_far_as_it_is_whole(netdde, tmp_path, traces) -> None:
    whole = (traces / CAPTURES[0]).read_bytes()
    path = tmp_path / "truncated.pcapng"
    path.write_bytes(whole[: len(whole) // 2 + 3])
    outcome = netdde("--replay", path, "--rate", "4M", timeout=60)
    got = check_right(outcome)
    assert 100 < got.of < 1488
    warnings = [line for line in outcome.stderr.splitlines() if line.startswith("netdde: warning: ")]
    assert len(warnings) == 1 and str(path) in warnings[0], outcome.text


# --- Bad input ------------------------------------------------------------------------------------------------


def refused(outcome: Outcome, *words: str) -> None:
    """Exit code 2, nothing on standard output, and one line on standard error that names what is at fault."""
    assert outcome.code == 2, outcome.text
    assert outcome.stdout == "", outcome.text
    lines = outcome.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("netdde: "), outcome.text
    for word in words:
        assert word in lines[0], outcome.text


def test_no_such_file(netdde, tmp_path) -> None:
    path = tmp_path / "none.pcapng"
    refused(netdde("--replay", path), str(path), "No such file")


def test_a_directory_is_no_capture(netdde, tmp_path) -> None:
    refused(netdde("--replay", tmp_path), str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"\n", b"This is not a capture, but a long enough text.\n" * 10, bytes(4096)])
def test_not_a_capture(content, netdde, tmp_path) -> None:
    path = tmp_path / "text.pcap"
    path.write_bytes(content)
    refused(netdde("--replay", path), str(path))


def test_a_capture_without_a_whole_frame(netdde, tmp_path) -> None:
    path = write_capture(tmp_path / "empty.pcap", [])
    refused(netdde("--replay", path), str(path))
    path.write_bytes(write_capture(path, exchange(1)).read_bytes()[:50])
    outcome = netdde("--replay", path)
    assert outcome.code == 2 and str(path) in outcome.stderr, outcome.text


def test_another_link_type(netdde, tmp_path) -> None:
    path = write_capture(tmp_path / "raw.pcap", [frame[14:] for frame in exchange(2)], link_type=RAW_IP)
    refused(netdde("--replay", path), str(path), "Ethernet")


def test_no_frame_for_the_device(netdde, tmp_path) -> None:
    path = write_capture(tmp_path / "others.pcap", exchange(2))
    refused(netdde("--replay", path, "--mac", "52:54:00:00:00:09"), str(path), "52:54:00:00:00:09")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bogus"], ["--bogus"]),
        (["-x"], ["-x"]),
        (["file.pcap"], ["file.pcap"]),
        (["--nic"], ["--nic"]),
        (["--nic", "ne2000"], ["ne2000", *CARDS]),
        (["--driver"], ["--driver"]),
        (["--driver", "rtl8139"], ["rtl8139", *FIRST_CARDS]),
        (["--nic", "rtl8139,irq=24"], ["irq", "24", "23"]),
        (["--nic", "rtl8139,slot=1e"], ["slot", "1e", "1d"]),
        (["--nic", "rtl8139,bus=4"], ["bus", "'4'", "0 to 3"]),
        (["--nic", "virtio-net,queues=5"], ["queues", "'5'", "can have"]),
        (["--nic", "virtio-net,queues=0"], ["queues", "'0'", "can have"]),
        (["--nic", "rtl8139,queues=2"], ["queues", "'2'", "can have"]),
        (["--nic", "rtl8139,mac=1"], ["mac", "'1'", "52:54:00"]),
        (["--nic", "rtl8139,line=9"], ["line", "slot=", "bus=", "irq=", "queues=", "mac=", "replay="]),
        (["--nic", "rtl8139,irq=11,irq=10"], ["irq=", "twice"]),
        (["--nic", "rtl8139,replay=a.pcapng", "--replay", "b.pcapng"], ["--replay", "own"]),
        (["--nic", "rtl8139,slot=4", "--nic", "82540em,slot=04"], ["04", "two cards"]),
        (["--nic", "rtl8139,replay=none.pcap"], ["none.pcap"]),
        (["--nic", "rtl8139"] * 5, ["4 cards"]),
        (["--nic", "rtl8139," + "x" * 100], ["too long"]),
        (["--sync", "futex"], ["futex", *SYNCS]),
        (["--sync", ""], SYNCS),
        (["--rate", "fast"], ["fast", "max"]),
        (["--rate", "0"], ["0"]),
        (["--rate", "-1x"], ["-1x"]),
        (["--mac", "52:54:00"], ["52:54:00"]),
        (["--clients", "reader"], ["--clients", "--replay"]),
        (["--clients", "reader,spy"], ["reader,spy", "reader", "sleeper"]),
        (["--clients", ""], ["reader"]),
        (["--clients", "sniffer,"], ["sniffer,", "reader"]),
        (["--nic", "rtl8139,"], ["property ''", "slot="]),
        (["--nic", "rtl8139,irq=10,"], ["property ''", "slot="]),
        (["--clients", ",".join(["reader"] * 9)], ["8"]),
        (["--mac", "ff:ff:ff:ff:ff:ff"], ["ff:ff:ff:ff:ff:ff"]),
    ],
)
def test_a_wrong_option_is_named(arguments, words, netdde) -> None:
    refused(netdde(*arguments), *words)


def test_input_is_judged_before_the_machine_boots(netdde, tmp_path) -> None:
    """A wrong option after a right capture, and the reverse: no word of the driver's either way."""
    refused(netdde("--replay", write_capture(tmp_path / "a.pcap", exchange(1)), "--sync", "none"), "none")
    refused(netdde("--sync", "posix", "--replay", tmp_path / "none.pcap"), "none.pcap")


@pytest.mark.parametrize("option", ["--list", "--help", "--version"])
def test_output_that_cannot_be_written_is_an_error(option, netdde_path) -> None:
    with open("/dev/full", "w") as full:
        process = subprocess.run([netdde_path, option], stdout=full, stderr=subprocess.PIPE, text=True)
    assert process.returncode == 1
    assert process.stderr.startswith("netdde: standard output: ")
