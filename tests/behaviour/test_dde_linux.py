# SPDX-License-Identifier: GPL-2.0-or-later
"""The Linux driver environment under lockcheck, alone and with its drivers: no schedule and no jump of the time shows a
finding with the repaired semaphores, and none goes on for ever."""

from __future__ import annotations

import re

import pytest

SCHEDULES = 1000
FEWER = 100  # with e100, whose known defect shows in every third: to match it takes as long as hundreds; and of LONG
STEPS = 1_000_000  # a schedule takes a few hundred to a few thousand; one that reaches this many is a livelock

PROGRAMS = [
    *("dde_linux_sleeping", "dde_linux_deferring", "dde_linux_coalescing", "dde_linux_messages"),
    "dde_linux_shared_line",
]
LONG = ["dde_linux_life", "dde_linux_ethtool", "dde_linux_queues", "dde_linux_gro"]
DRIVERS = ["8139too", "e1000", "e100", "virtio_net"]
CARDS = ["rtl8139", "82540em", "82559", "virtio-net", "virtio-net-legacy"]
MERGED = ["82540em", "virtio-net", "virtio-net-legacy"]  # what their drivers hand up goes through GRO
ON_CARDS = [
    *(("dde_linux_device", [driver]) for driver in DRIVERS),
    ("dde_linux_coalescing", ["soft"]),
    *(("dde_linux_life", [card]) for card in CARDS),
    *(("dde_linux_ethtool", [card]) for card in CARDS),
    ("dde_linux_life", ["virtio-net", "2"]),
    ("dde_linux_queues", ["2"]),
    ("dde_linux_queues", ["4"]),
    *(("dde_linux_gro", [card]) for card in MERGED),
    ("dde_linux_gro", ["virtio-net", "2"]),
    ("dde_linux_shared_line", ["rtl8139", "rtl8139"]),
    ("dde_linux_shared_line", ["82540em", "82540em"]),
    ("dde_linux_shared_line", ["82559", "rtl8139"]),
]


@pytest.mark.parametrize("sync", ["drain", "posix"])
@pytest.mark.parametrize(("name", "arguments"), [*((name, []) for name in PROGRAMS), *ON_CARDS])
def test_no_schedule_shows_a_finding(name, arguments, sync, program, lockcheck) -> None:
    schedules = FEWER if "e100" in arguments or name in LONG else SCHEDULES
    outcome = lockcheck(
        "explore", "--schedules", schedules, "--steps", STEPS, "--time", 100, "--", program(name), sync, *arguments
    )
    assert outcome.code == 0, outcome.text
    assert outcome.result["schedules"] == schedules
    assert outcome.result["truncated"] == 0


@pytest.mark.parametrize("name", [*PROGRAMS, "dde_linux_device"])
def test_it_passes_in_the_plainest_schedule(name, program, lockcheck) -> None:
    outcome = lockcheck("run", "--", program(name))
    assert outcome.code == 0, outcome.text


def test_two_cards_on_one_line_pass_their_captures(lockcheck, netdde_path, traces) -> None:
    """scripts/soak shared-line does the same for longer."""
    outcome = lockcheck(
        *("explore", "--schedules", 40, "--time", 100, "--", netdde_path, "--sync", "posix"),
        *("--nic", "rtl8139", "--nic", "82540em,irq=11", "--replay", traces / "sftp-download.pcapng"),
    )
    assert outcome.code == 0, outcome.text
    assert outcome.result["schedules"] == 40


def test_a_card_with_several_queues_passes_its_capture(lockcheck, netdde_path, traces) -> None:
    outcome = lockcheck(
        *("explore", "--schedules", 40, "--time", 100, "--", netdde_path, "--sync", "posix"),
        *("--nic", "virtio-net,queues=2", "--replay", traces / "sftp-download.pcapng"),
    )
    assert outcome.code == 0, outcome.text
    assert outcome.result["schedules"] == 40


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_does_all_that_it_offers_and_finds_its_card_in_order(driver, program, lockcheck) -> None:
    outcome = lockcheck("run", "--", program("dde_linux_features"), driver)
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize("capture", ["sftp-download", "sftp-upload"])
@pytest.mark.parametrize(("card", "queues"), [*((card, 1) for card in CARDS), ("virtio-net", 2)])
def test_a_capture_passes_both_ways_and_the_driver_has_counted_it(
    card, queues, capture, program, lockcheck, traces
) -> None:
    outcome = lockcheck("run", "--", program("dde_linux_captures"), card, traces / f"{capture}.pcapng", queues)
    assert outcome.code == 0, outcome.text
    told = re.match(r"(\d+) frames in, (\d+) frames out, (\d+) statistics", outcome.stdout)
    assert told and min(int(number) for number in told.groups()) > 0, outcome.stdout


@pytest.mark.parametrize("gro", [[], [1, "off"]], ids=["gro", "no-gro"])
@pytest.mark.parametrize("card", CARDS)
def test_segments_go_up_as_one_packet_where_the_driver_and_the_device_have_gro(
    card, gro, program, lockcheck, traces
) -> None:
    """The program cuts the packets again and compares the frames with the capture's."""
    outcome = lockcheck("run", "--", program("dde_linux_captures"), card, traces / "sftp-download.pcapng", *gro)
    assert outcome.code == 0, outcome.text
    told = re.match(r"(\d+) frames in, .* (\d+) packets up\n", outcome.stdout)
    assert told, outcome.stdout
    frames, packets = int(told[1]), int(told[2])
    assert 3 * packets < frames if card in MERGED and not gro else packets == frames, outcome.stdout


@pytest.mark.parametrize("card", MERGED)
def test_gro_can_be_switched_off_and_on_again(card, program, lockcheck) -> None:
    outcome = lockcheck("run", "--", program("dde_linux_gro"), "posix", card)
    assert outcome.code == 0, outcome.text
    told = [int(number) for number in re.findall(r"\d+", outcome.stdout.splitlines()[0])]
    frames, on, off, on_again = told[0], told[1], told[3], told[5]
    assert told[::2] == [frames] * 3 and off == frames > 3 * on > 0 and on == on_again, outcome.stdout


@pytest.mark.parametrize("card", CARDS)
def test_a_driver_answers_and_obeys_ethtool_and_netpoll(card, program, lockcheck) -> None:
    outcome = lockcheck("run", "--", program("dde_linux_ethtool"), "posix", card)
    assert outcome.code == 0, outcome.text
    assert outcome.stdout.startswith("10 sent, ") and "none by polling" not in outcome.stdout, outcome.stdout


@pytest.mark.parametrize("card", [[card] for card in CARDS] + [["virtio-net", 2]])
def test_frames_pass_again_after_a_sleep(card, program, lockcheck) -> None:
    outcome = lockcheck("run", "--", program("dde_linux_life"), "posix", *card)
    assert outcome.code == 0, outcome.text
    told = re.match(r"3 lives, 60 frames sent, (\d+) received, (\d+) after a sleep\n", outcome.stdout)
    assert told and int(told[1]) > int(told[2]) > 0, outcome.stdout


def test_a_driver_that_gives_everything_back_is_silent(program, lockcheck) -> None:
    outcome = lockcheck("explore", "--schedules", 200, "--", program("dde_linux_leaks"))
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize(
    ("left", "kind", "tells", "function"),
    [
        ("memory", "leak", "left 104 bytes in 1 allocation", "take_memory"),
        ("buffer", "leak", "in 2 allocations", "take_buffer"),
        ("page", "leak", "in 1 allocation", "take_page"),
        ("registers", "leak", "left 256 bytes in 1 allocation", "take_registers"),
        ("regions", "leak", "with 2 of its regions requested", "pci_unregister_driver"),
        ("enabled", "leak", "0 of its regions requested, enabled", "pci_unregister_driver"),
        ("mapping", "dma-fault", "still has 1 of its mappings", "take_mapping"),
        ("timer", "assertion", "is freed while a timer in it is pending", "leave"),
        ("hrtimer", "assertion", "is freed while an hrtimer in it is pending", "leave"),
        ("work", "assertion", "is freed while work in it is pending", "leave"),
    ],
)
def test_what_a_driver_leaves_behind_is_a_finding(left, kind, tells, function, program, lockcheck) -> None:
    """It names the place that took it."""
    outcome = lockcheck("run", "--", program("dde_linux_leaks"), left)
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == kind and tells in finding["summary"], finding["summary"]
    stacks = [place["stack"] for place in [*finding["threads"], *finding["stacks"]]]
    assert any(function in frame for stack in stacks for frame in stack), outcome.text


def test_assertions_that_hold_are_silent(program, lockcheck) -> None:
    outcome = lockcheck("explore", "--schedules", 200, "--detect", "all", "--", program("dde_linux_contexts"))
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize(
    ("mistake", "kind", "tells", "function"),
    [
        ("without-the-lock", "lock-misuse", "lockdep_assert_held(&ring_lock)", "reap_ring"),
        ("under-the-lock", "lock-misuse", "lockdep_assert_not_held(&ring_lock)", "configure"),
        ("without-rtnl", "lock-misuse", "ASSERT_RTNL()", "set_features"),
        ("sleep-under-lock", "sleep-in-atomic", "while it holds ring_lock", "sleeping_under_the_rings_lock"),
        ("allocate-under-lock", "sleep-in-atomic", "while it holds ring_lock", "allocate_patiently"),
        ("mutex-under-lock", "sleep-in-atomic", "while it holds ring_lock", "a_mutex_under_the_rings_lock"),
        ("allocate-in-softirq", "sleep-in-atomic", "in a softirq", "allocate_patiently"),
        ("sleep-without-interrupts", "sleep-in-atomic", "with interrupts disabled", "sleeping_without_interrupts"),
        ("sleep-in-read-side", "sleep-in-atomic", "in a read side of RCU", "sleeping_in_a_read_side"),
        ("wait-in-read-side", "sleep-in-atomic", "in a read side of RCU", "waiting_for_readers_in_a_read_side"),
        ("poll-too-much", "assertion", "a budget of 64 says that it has done 65", "napi_poll"),
        ("complete-with-budget", "assertion", "though it has used up its budget", "napi_poll"),
        ("add-napi-twice", "assertion", "BIT(NAPI_STATE_LISTED))", "adding_twice"),
        ("delete-scheduled", "assertion", "is deleted while it is scheduled", "deleting_what_is_scheduled"),
        ("complete-unscheduled", "assertion", "BIT(NAPI_STATE_SCHED)))", "completing_what_is_not_scheduled"),
        ("configure-in-softirq", "assertion", "WARN_ON(in_interrupt())", "configure_in_softirq"),
        ("nap-in-softirq", "sleep-in-atomic", "in a softirq", "take_a_nap"),
        ("nap-under-lock", "sleep-in-atomic", "while it holds ring_lock", "napping_for_a_jiffy_under_the_rings_lock"),
        ("nap-without-softirqs", "sleep-in-atomic", "with softirqs disabled", "take_a_nap"),
        ("allocate-in-read-side", "sleep-in-atomic", "in a read side of RCU", "allocate_patiently"),
        ("schedule-under-lock", "sleep-in-atomic", "while it holds ring_lock", "scheduling_under_the_rings_lock"),
        ("leave-read-side-twice", "assertion", "rcu_read_unlock outside of a read side", "leaving_a_read_side_twice"),
        ("enable-softirqs-twice", "assertion", "without local_bh_disable", "enabling_softirqs_twice"),
        ("enable-softirqs-without-interrupts", "assertion", "with interrupts disabled", "enabling_softirqs_without"),
        ("softirqs-lock-in-interrupt", "assertion", "with interrupts disabled", "take_the_rings_lock_as_a_softirq"),
        ("send-without-interrupts", "assertion", "with interrupts disabled", "dev_queue_xmit"),
        ("work-stays-in-read-side", "assertion", "work of events has returned in a read side", "worker_main"),
        ("work-leaves-softirqs-disabled", "assertion", "of events has returned with softirqs disabled", "worker_main"),
        ("nobody-cares", "interrupt-storm", "irq 7: nobody cared", "pull_the_line"),
        ("enable-twice", "assertion", "unbalanced enable for IRQ 7", "enabling_what_is_enabled"),
        ("disable-under-lock", "sleep-in-atomic", "while it holds ring_lock", "disabling_a_line_under_the_rings_lock"),
        ("synchronize-without-interrupts", "sleep-in-atomic", "with interrupts disabled", "synchronize_irq"),
        ("ring-under-lock", "sleep-in-atomic", "while it holds ring_lock", "allocate_a_ring"),
        ("free-ring-without-interrupts", "assertion", "WARN_ON(irqs_disabled())", "dma_free_coherent"),
        ("map-stack", "dma-fault", "maps 64 bytes on the stack of .softirqd", "map_a_local"),
        ("look-at-first-only", "dma-fault", "without having looked whether mapping", "unmap_two_pieces"),
        ("unmap-others-unlooked", "dma-fault", "without having looked whether mapping", "map_the_ring"),
        ("free-mapped", "dma-fault", "memory is freed that device card may still use", "freeing_mapped_memory"),
        ("free-mapped-page", "dma-fault", "memory is freed that device card may still use", "dropping_a_mapped_page"),
        ("sleep-in-rx-mode", "sleep-in-atomic", "while it holds dev->addr_list_lock", "mode_that_sleeps"),
        ("free-registered", "crash", "called abort()", "free_netdev"),
        ("register-twice", "crash", "called abort()", "register_netdevice"),
        ("free-buffer-twice", "assertion", "given back where none was left", "freeing_a_buffer_twice"),
        ("add-pending-timer", "crash", "called abort()", "adding_a_pending_timer"),
        ("initialise-pending-timer", "assertion", "a pending timer is init", "initialising_a_pending_timer"),
        ("enable-tasklet-twice", "assertion", "without tasklet_disable", "enabling_an_enabled_tasklet"),
        ("free-timer", "assertion", "memory is freed while a timer in it is pending", "freeing_a_timer"),
        ("free-hrtimer", "assertion", "memory is freed while an hrtimer in it is pending", "freeing_an_hrtimer"),
        ("free-work", "assertion", "memory is freed while a timer in it is pending", "freeing_delayed_work"),
        ("destroy-queue", "assertion", "while 1 items for it wait for their time", "destroying_a_queue_too_early"),
        ("work-cancels-itself", "deadlock", "waits for the end of the work that it is in", "cancel_itself"),
        ("work-flushes-itself", "deadlock", "waits for the end of the work that it is in", "flush_itself"),
        ("timer-deletes-itself", "deadlock", "the end of the timer function that it is in", "delete_itself"),
    ],
)
def test_an_assertion_that_fails_is_a_finding(mistake, kind, tells, function, program, lockcheck) -> None:
    outcome = lockcheck("run", "--detect", "sleep-in-atomic", "--", program("dde_linux_contexts"), mistake)
    assert outcome.code == 1, outcome.text
    findings = outcome.result["findings"]  # two where Linux says one thing of a context and the detector another
    assert {finding["kind"] for finding in findings} == {kind}, outcome.text
    [finding] = [finding for finding in findings if tells in finding["summary"]]
    stacks = finding["threads"] + finding.get("stacks", [])
    assert any(function in frame for it in stacks for frame in it["stack"]), outcome.text


def test_deleting_a_timer_under_the_lock_of_its_function_ends_in_a_wait_for_ever(program, lockcheck) -> None:
    outcome = lockcheck("explore", "--schedules", 2000, "--", program("dde_linux_contexts"), "delete-under-lock")
    assert outcome.code == 1, outcome.text
    [finding] = [finding for finding in outcome.result["findings"] if finding["kind"] in ("deadlock", "hang")]
    stacks = {thread["name"]: thread["stack"] for thread in finding["threads"]}
    assert any("del_timer_sync" in frame for frame in stacks["main"]), outcome.text
    assert any("look_at_the_ring" in frame for frame in stacks[".softirqd"]), outcome.text


def test_nothing_is_freed_while_a_reader_has_it(program, lockcheck) -> None:
    """Also from one that was held up as it entered its read side, while two grace periods began."""
    options = ["explore", "--strategy", "pos", "--points", "memory", "--schedules", 2000, "--", program("dde_linux_readers")]
    outcome = lockcheck(*options)
    assert outcome.code == 0, outcome.text
    assert outcome.result["schedules"] == 2000
    outcome = lockcheck(*options, "unprotected")
    assert outcome.code == 1, outcome.text
    assert outcome.result["findings"][0]["kind"] == "assertion"


@pytest.mark.parametrize("mode", ["hard", "soft"])
@pytest.mark.parametrize(
    ("mistake", "kind", "tells"),
    [
        ("cancel-under-lock", "deadlock", "waits for adapter.coalescing, which"),
        ("cancel-itself", "deadlock", "waits for adapter.coalescing, which it holds itself"),
        ("sleep-in-function", "sleep-in-atomic", {"hard": "in an interrupt handler", "soft": "in a softirq"}),
    ],
)
def test_a_mistake_with_an_hrtimer_is_found(mode, mistake, kind, tells, program, lockcheck) -> None:
    outcome = lockcheck("explore", "--schedules", 2000, "--", program("dde_linux_coalescing"), "posix", mode, mistake)
    assert outcome.code == 1, outcome.text
    told = tells if isinstance(tells, str) else tells[mode]
    findings = outcome.result["findings"]
    assert any(finding["kind"] == kind and told in finding["summary"] for finding in findings), outcome.text


def test_cancelling_under_the_functions_lock_is_an_order_of_locks(program, lockcheck) -> None:
    """It is known without the schedule in which it happens."""
    outcome = lockcheck(
        "run", "--detect", "lock-order", "--", program("dde_linux_coalescing"), "posix", "hard", "cancel-under-lock"
    )
    assert outcome.code == 1, outcome.text
    assert [finding["kind"] for finding in outcome.result["findings"]] == ["lock-order"]


def test_the_legacy_semaphore_is_found_out_below_linux(program, lockcheck) -> None:
    outcome = lockcheck("explore", "--schedules", 5000, "--", program("dde_linux_sleeping"), "legacy")
    assert outcome.code == 1, outcome.text
    assert outcome.result["findings"][0]["kind"] in ("assertion", "lost-wakeup", "phantom-wakeup", "hang")
