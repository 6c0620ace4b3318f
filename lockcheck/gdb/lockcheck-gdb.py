# SPDX-License-Identifier: GPL-2.0-or-later
"""gdb's commands for a program under `lockcheck replay --gdb` (Debugging with GDB, section 23.3, Extending GDB
using Python). The command that started gdb serves it: see lockcheck/tool/gdbserver.h. It answers "monitor"
commands with JSON.

The program's threads are gdb's threads. What is left to do here is to say what they wait for, to go from step
to step, and to leave the frames of lockcheck's runtime out of backtraces.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import gdb
from gdb.FrameDecorator import FrameDecorator

RUNTIME = "liblockcheck.so"

BANNER = """\
The program's threads are gdb's threads: "info threads", "thread N" and "thread apply all bt" show them all.
"lockcheck threads" says what each waits for and holds, "lockcheck step" goes on to the next step, "lockcheck to
STEP" to any step, back too. "help lockcheck" lists the commands.
"""


def ask(question: str) -> Any:
    """What lockcheck answers to a monitor command."""
    answer = json.loads(gdb.execute(f"monitor {question}", to_string=True))
    if isinstance(answer, dict) and "error" in answer:
        raise gdb.GdbError(answer["error"])
    if answer is None:
        raise gdb.GdbError("The program cannot be asked at this place.")
    return answer


# ---- frames ----


def in_runtime(frame: gdb.Frame) -> bool:
    return RUNTIME in (gdb.solib_name(frame.pc()) or "") or frame.type() == gdb.SIGTRAMP_FRAME


def frames() -> Iterator[gdb.Frame]:
    """Of the selected thread, innermost first."""
    frame: gdb.Frame | None = gdb.newest_frame()
    while frame is not None:
        yield frame
        try:
            frame = frame.older()
        except gdb.error:
            return


def in_c_library(frame: gdb.Frame) -> bool:
    return any(name in (gdb.solib_name(frame.pc()) or "") for name in ("/libc.so", "/ld-linux"))


def frame_of_program() -> gdb.Frame:
    """The innermost frame of the program's own code; of any code but the runtime's if that has no lines."""
    outside = [frame for frame in frames() if not in_runtime(frame)]
    own = [frame for frame in outside if frame.find_sal().symtab is not None and not in_c_library(frame)]
    return (own or outside or [gdb.newest_frame()])[0]


def beginning() -> str | None:
    """Of a thread that has no frame of the program's yet: which it will have."""
    outermost = next((frame for frame in frames() if frame.name() == "fiber_main"), None)
    try:
        routine = int(outermost.read_var("t")["start"]) if outermost else 0
    except (gdb.error, ValueError):
        return None
    line, block = gdb.find_pc_line(routine), gdb.block_for_pc(routine) if routine else None
    if not block or not block.function:
        return None
    return f"about to call {block.function.name} ({'/'.join(line.symtab.filename.split('/')[-2:])}:{line.line})"


def place(frame: gdb.Frame) -> str:
    """As a report has it: the last two components of the path say enough."""
    line = frame.find_sal()
    name = frame.name() or f"0x{frame.pc():x}"
    return f"{name} ({'/'.join(line.symtab.filename.split('/')[-2:])}:{line.line})" if line.symtab else name


class WithoutRuntime:
    """Frame filter: of the runtime's frames only the function that the program called is left."""

    name = "lockcheck"
    priority = 100
    enabled = True

    def filter(self, iterator: Iterator[FrameDecorator]) -> Iterator[FrameDecorator]:
        seen = False
        groups = itertools.groupby(iterator, lambda decorated: in_runtime(decorated.inferior_frame()))
        held: list[FrameDecorator] = []
        for runtime, group in groups:
            if runtime:
                held = list(group)
                if held[-1].inferior_frame().type() == gdb.SIGTRAMP_FRAME:
                    held = []  # no call of the program's: a signal
                continue
            if held:
                yield held[-1]
            held = []
            seen = True
            yield from group
        if not seen:
            yield from held


# ---- threads ----


def selected_number() -> int:
    thread = gdb.selected_thread()
    return thread.ptid[1] if thread else 0


def gdb_thread(number: int) -> gdb.InferiorThread | None:
    return next((t for t in gdb.selected_inferior().threads() if t.ptid[1] == number), None)


class Silence:
    """gdb says nothing of its own about stops; gdb before 12 does."""

    SETTING = "suppress-cli-notifications"
    depth = 0

    def __enter__(self) -> None:
        Silence.depth += 1
        try:
            self.before = gdb.parameter(self.SETTING)
            gdb.execute(f"set {self.SETTING} on")
        except (gdb.error, RuntimeError):
            self.before = None

    def __exit__(self, *_: object) -> None:
        Silence.depth -= 1
        if self.before is not None:
            gdb.execute(f"set {self.SETTING} {'on' if self.before else 'off'}")


class Kept:
    """The selected thread and frame are the same afterwards."""

    def __enter__(self) -> None:
        self.thread, self.frame = gdb.selected_thread(), gdb.selected_frame()

    def __exit__(self, *_: object) -> None:
        self.thread.switch()
        self.frame.select()


def innermost(number: int) -> str:
    thread = gdb_thread(number)
    if thread is None:
        return "?"
    with Kept():
        thread.switch()
        frame = frame_of_program()
        return (beginning() if in_runtime(frame) else None) or place(frame)


def show_selected() -> None:
    """The selected thread at the program's own code."""
    frame = frame_of_program()
    frame.select()
    if not in_runtime(frame):
        gdb.execute("frame")
    else:
        print(f"{beginning() or 'Not in the program'}.")


# ---- commands ----


class Lockcheck(gdb.Command):
    """Commands for a program under lockcheck."""

    def __init__(self) -> None:
        super().__init__("lockcheck", gdb.COMMAND_RUNNING, prefix=True)


class Connect(gdb.Command):
    """lockcheck connect SOCKET: take over the program; done at the start by "lockcheck replay --gdb"."""

    def __init__(self) -> None:
        super().__init__("lockcheck connect", gdb.COMMAND_SUPPORT)

    def invoke(self, argument: str, from_tty: bool) -> None:
        gdb.execute("set sysroot /")
        gdb.execute("skip -gfi */lockcheck/runtime/*", to_string=True)
        with Silence():
            gdb.execute(f"target remote {argument}", to_string=True)
        gdb.current_progspace().frame_filters[WithoutRuntime.name] = WithoutRuntime()
        show_stop()
        print(BANNER, end="")


class Threads(gdb.Command):
    """lockcheck threads: all threads, what each waits for and holds, and where it is in the program's code."""

    def __init__(self) -> None:
        super().__init__("lockcheck threads", gdb.COMMAND_STATUS)

    def invoke(self, argument: str, from_tty: bool) -> None:
        threads = ask("threads")["threads"]
        running, selected = ask("where")["running"], selected_number()
        width = max(len(thread["name"]) for thread in threads)
        for thread in threads:
            number = thread["id"]
            print(f"{'*' if number == selected else ' '} {number:<3} {thread['name']:<{width}}  ", end="")
            state = "runs" if number == running and thread["state"] == "running" else thread["state"]
            what = f", waits for {thread['waits_for']}" if thread["waits_for"] else ""
            what += f", holds {', '.join(thread['holds'])}" if thread["holds"] else ""
            where = "" if thread["state"] == "finished" else f", at {innermost(number)}"
            print(f"{state}{what}{where}")


class Thread(gdb.Command):
    """lockcheck thread [N]: select a thread, at the program's own code. Without N: the one that runs."""

    def __init__(self) -> None:
        super().__init__("lockcheck thread", gdb.COMMAND_STACK)

    def invoke(self, argument: str, from_tty: bool) -> None:
        if argument and not argument.isdigit():
            raise gdb.GdbError("A thread's number is expected; \"lockcheck threads\" lists them.")
        number = int(argument) if argument else ask("where")["running"]
        thread = gdb_thread(number)
        if thread is None:
            raise gdb.GdbError(f"There is no thread {number}; \"lockcheck threads\" lists them.")
        thread.switch()
        print(f"[Thread {number} \"{thread.name}\"]")
        show_selected()


class Objects(gdb.Command):
    """lockcheck objects [NAME]: what is held or waited for. With NAME: its recent history too."""

    def __init__(self) -> None:
        super().__init__("lockcheck objects", gdb.COMMAND_STATUS)

    def invoke(self, argument: str, from_tty: bool) -> None:
        description = ask("threads")
        chosen = [o for o in description["objects"] if argument in ("", o["name"])]
        if argument and not chosen:
            raise gdb.GdbError(f"No object that matters now is called {argument}.")
        for item in chosen:
            waiting = [t["name"] for t in description["threads"] if t["waits_for_object"] == item["name"]]
            holder = f", held by {item['holder']}" if item["holder"] else ""
            wait = f", {', '.join(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for it" if waiting else ""
            print(f"{item['name']}: {item['kind']}{holder}{wait}")
            for event in item["history"] if argument else []:
                where = f" at {event['stack'][0]}" if event["stack"] else ""
                detail = f" {event['detail']}" if event["detail"] else ""
                print(f"  step {event['step']}, {event['time_ns'] / 1e6:.3f} ms: "
                      f"{event['thread']}: {event['event']}{detail}{where}")


class Where(gdb.Command):
    """lockcheck where: the step, the time, and why the program stands still."""

    def __init__(self) -> None:
        super().__init__("lockcheck where", gdb.COMMAND_STATUS)

    def invoke(self, argument: str, from_tty: bool) -> None:
        where = ask("where")
        names = {thread["id"]: thread["name"] for thread in ask("threads")["threads"]}
        runs = f"thread {where['running']}"
        if names.get(where["running"], runs) != runs:
            runs += f" ({names[where['running']]})"
        step = f"step {where['step']} of {where['last_step']}"
        print({
            "step": f"Before {step}, which {runs} is about to take",
            "outcome": f"At the end, after {step}, in {runs}: {where['kind']}",
            "exit": f"The program exits, after {step}, in {runs}",
        }.get(where["stop"], f"In {runs}, after {step} has begun"), end="")
        print(f"; {where['time_ns'] / 1e6:.3f} ms.")
        if where["summary"]:
            print(f"{where['summary']}.")


def show_stop() -> None:
    gdb.execute("lockcheck where")
    show_selected()


stops: list[gdb.StopEvent] = []  # the newest


def on_stop(event: gdb.StopEvent) -> None:
    stops[:] = [event]
    # gdb was told to go on by a command of its own: say where that came to, at the program's own code.
    if not Silence.depth and type(event) is gdb.StopEvent and ask("where")["stop"] != "other":
        show_stop()


gdb.events.stop.connect(on_stop)


def go_to(step: int) -> None:
    """Continue to that step (0: the end), or to where gdb stops for a reason of its own."""
    ask(f"to {step}")
    with Silence():
        said = gdb.execute("continue", to_string=True)
    if not gdb.selected_inferior().pid:
        print(said or "The program has ended.")
        return
    if ask("where")["stop"] != "other":
        show_stop()
        return
    event = stops[-1] if stops else None
    if isinstance(event, gdb.BreakpointEvent):
        print(f"Breakpoint {event.breakpoints[0].number}, ", end="")
    elif isinstance(event, gdb.SignalEvent):
        print(f"Signal {event.stop_signal}, ", end="")
    gdb.execute("frame")


class Step(gdb.Command):
    """lockcheck step [N]: go on to the next step, or N steps."""

    def __init__(self) -> None:
        super().__init__("lockcheck step", gdb.COMMAND_RUNNING)

    def invoke(self, argument: str, from_tty: bool) -> None:
        if argument and not argument.isdigit():
            raise gdb.GdbError("A number of steps is expected.")
        where = ask("where")
        step = where["step"] + int(argument or 1)
        if where["stop"] in ("outcome", "exit"):
            raise gdb.GdbError(f"This is the end; \"lockcheck to STEP\" goes back to a step up to {where['last_step']}.")
        go_to(step if step <= where["last_step"] else 0)


class To(gdb.Command):
    """lockcheck to STEP: go to that step and stop before it. To an earlier step the program is run again, past
breakpoints. "lockcheck to end" goes to the finding, or to where the program exits."""

    def __init__(self) -> None:
        super().__init__("lockcheck to", gdb.COMMAND_RUNNING)

    def invoke(self, argument: str, from_tty: bool) -> None:
        if argument != "end" and not (argument.isdigit() and int(argument)):
            raise gdb.GdbError(f"A step from 1 to {ask('where')['last_step']} is expected, or \"end\".")
        where = ask("where")
        if argument == "end" and where["stop"] in ("outcome", "exit"):
            raise gdb.GdbError("This is the end.")
        go_to(0 if argument == "end" else int(argument))


class Finish(gdb.Command):
    """lockcheck finish: go on until the operation that the selected thread is in has returned to the program."""

    def __init__(self) -> None:
        super().__init__("lockcheck finish", gdb.COMMAND_RUNNING)

    def invoke(self, argument: str, from_tty: bool) -> None:
        own = frame_of_program()
        inner = own.newer()
        if inner is None:
            raise gdb.GdbError("The thread is in the program's own code.")
        inner.select()
        gdb.execute("finish")


for command in (Lockcheck, Connect, Threads, Thread, Objects, Where, Step, To, Finish):
    command()
