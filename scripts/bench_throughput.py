# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/bench throughput: how many frames a second the driver stack carries in real time, without lockcheck.

For each driver of netdde --list with the first of its cards, on one processor: from the wire to a packet tap behind the driver, from dev_queue_xmit
to the wire, and both with the device server and its client as well. Beside it the same frames through a veth pair of the
kernel, from packet socket to packet socket, on the same processor and in the same rounds.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import struct
import subprocess
from collections.abc import Callable, Sequence

OCTETS = 1514
"""Of a frame, without its check sequence: a full one."""
COUNT = 200_000
NETDDE_COUNT = 50_000
"""netdde keeps all frames of a capture in memory."""

WINDOW = 128
"""Frames under way at most, where both ends are programs of the benchmark."""
WINDOWS = {"8139too": 16}
"""Less where a card has no room for as many: the RTL8139's receive ring has 32 KiB, of which the frame's header and its
alignment take some."""

DEVICE, PEER = bytes.fromhex("525400123456"), bytes.fromhex("020000000001")
TYPE = bytes.fromhex("88b5")
PCAP_ETHERNET = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)

VETH = ("lockcheck0", "lockcheck1")
MAKE_VETH = (
    f"ip link add name {VETH[0]} type veth peer name {VETH[1]} && ip link set {VETH[0]} up && ip link set {VETH[1]} up"
)


@dataclasses.dataclass
class Row:
    """One way for frames, and how many a second took it in each round."""

    what: str
    measure: Callable[[], float]
    values: list[float] = dataclasses.field(default_factory=list)


def alone() -> list[str]:
    """What to put before a command for a processor of its own: real-time priority where that is allowed, so that other
    programs on the machine do not count, and its last processor."""
    words = ["taskset", "--cpu-list", str(max(os.sched_getaffinity(0)))]
    real_time = ["chrt", "--rr", "1"]
    return [*real_time, *words] if subprocess.run([*real_time, "true"], capture_output=True).returncode == 0 else words


def output_of(words: Sequence[object]) -> str:
    command = [str(word) for word in words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode} from: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def drivers(netdde: pathlib.Path) -> list[str]:
    return list(dict.fromkeys(re.findall(r"\(driver (\S+)\)", output_of([netdde, "--list"]))))


def write_capture(path: pathlib.Path, to_device: int, from_device: int) -> None:
    """A capture of full frames, each numbered. The device's own come behind the first to it, without which there is no
    device."""
    rest = bytes(i & 0xFF for i in range(OCTETS - 22))
    with path.open("wb") as file:
        file.write(PCAP_ETHERNET)
        for number in range(to_device + from_device):
            addresses = DEVICE + PEER if number < to_device else PEER + DEVICE
            frame = addresses + TYPE + struct.pack("<Q", number) + rest
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def without_veth() -> str:
    """Why there is no veth pair here; empty when there is one."""
    words = ["unshare", "--map-root-user", "--net", "sh", "-c", MAKE_VETH]
    try:
        done = subprocess.run(words, capture_output=True, text=True)
        return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode != 0 else ""
    except FileNotFoundError as error:
        return str(error)


def rows(build: pathlib.Path, directory: pathlib.Path) -> list[Row]:
    before = alone()
    bench, netdde = build / "tests" / "bench", build / "bin" / "netdde"
    captures = {"wire to client": (NETDDE_COUNT, 0), "client to wire": (1, NETDDE_COUNT)}
    for name, counts in captures.items():
        write_capture(directory / f"{name}.pcap", *counts)

    def by_program(words: Sequence[object]) -> Callable[[], float]:
        return lambda: float(output_of([*before, *words]).split()[0])

    def by_netdde(driver: str, way: str) -> Callable[[], float]:
        mac = ":".join(f"{octet:02x}" for octet in DEVICE)
        words = [netdde, "--driver", driver, "--rate", "window", "--mac", mac, "--replay", directory / f"{way}.pcap"]

        def measure() -> float:
            text = output_of([*before, *words])
            [seconds] = re.findall(r"semaphores \S+, ([0-9.]+) s$", text, re.MULTILINE)
            carried = sum(map(int, re.findall(r"^(?:card to client|client to card): (\d+) frames", text, re.MULTILINE)))
            if carried != sum(captures[way]):
                raise RuntimeError(f"{carried} of {sum(captures[way])} frames arrived:\n{text}")
            return carried / float(seconds)

        return measure

    found = []
    for driver in drivers(netdde):
        for way, verb in (("wire to tap", "receive"), ("dev_queue_xmit to wire", "transmit")):
            words = [bench / "driver_frames", driver, verb, COUNT, OCTETS, WINDOWS.get(driver, WINDOW)]
            found.append(Row(f"{driver}: {way}", by_program(words)))
        for way in captures:
            found.append(Row(f"{driver}: {way}", by_netdde(driver, way)))
    if not without_veth():
        program = f'{MAKE_VETH} && exec "$@"'
        inside = ["unshare", "--map-root-user", "--net", "sh", "-c", program, "sh"]
        found.append(
            Row("veth pair of the kernel", by_program([*inside, bench / "veth_frames", *VETH, COUNT, OCTETS, WINDOW]))
        )
    return found


def notes() -> list[str]:
    lines = [
        f"  with {'real-time' if 'chrt' in alone() else 'ordinary'} priority; at most {WINDOW} frames under way, 16 with"
        f" the client, {', '.join(f'{count} with {name}' for name, count in WINDOWS.items())}"
    ]
    if missing := without_veth():
        lines.append(f"  no veth pair can be made here, so there is nothing to compare with: {missing}")
    return lines
