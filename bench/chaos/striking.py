"""Deals the faults of a plan, and undoes them when their time is over. Does not choose them."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import psutil

from bench.chaos.ground import Ground, Node
from bench.chaos.plan import EXTRA_WORKER, KINDS, Fault
from depeche.broker import BrokerError
from depeche.supervisor import Supervisor

TICK_SECONDS: Final = 0.05
_TARGET_SECONDS: Final = 180.0
"""A process that is not there for so long is not coming back."""
_STOP_SECONDS: Final = 60.0
"""A process that was told to stop and runs on for so long hangs."""
_BROKER_SECONDS: Final = 120.0
_BROKER_STARTS: Final = 3


class ChaosError(Exception):
    """The run can't go on. The message says what did not come about."""


class Striker:
    """Deals faults. Its methods are called by the thread that the supervisor belongs to."""

    def __init__(self, ground: Ground, brokers: dict[str, Node]) -> None:
        """Take what is struck."""
        self.problems: list[str] = []
        """What should not have come of a fault."""
        self.dealt: list[tuple[float, Fault]] = []
        """Each fault with the time of its dealing, seconds since 1970."""
        self._ground = ground
        self._brokers = brokers
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def wait(self, seconds: float) -> None:
        """Let time pass; dead processes are started again meanwhile."""
        self.wait_until(lambda: False, seconds)

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition; return whether it came about in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() >= end:
                return False
            processes = self._ground.processes
            processes.tick()
            if processes.given_up:
                msg = f"{', '.join(processes.given_up)} ended with a status after which nothing is started again"
                raise ChaosError(msg)
            time.sleep(TICK_SECONDS)
        return True

    def deal(self, plan: Sequence[Fault]) -> None:
        """Deal all faults, each at its time, then wait until all are undone.

        Raises:
            ChaosError: something that should be there again is not.
        """
        for fault in plan:
            self.wait(fault.after)
            if not self.wait_until(lambda fault=fault: self._is_there(fault), _TARGET_SECONDS):  # type: ignore[misc] # mypy takes the default for an argument
                msg = f"fault {fault}: not there within {_TARGET_SECONDS:g} s"
                raise ChaosError(msg)
            self.dealt.append((time.time(), fault))
            self._ground.journal.note(f"fault {fault}", fault=fault.number, kind=fault.kind, targets=fault.targets)
            self._strike(fault)
        if not self.wait_until(lambda: not self._busy, _TARGET_SECONDS):
            msg = f"{', '.join(sorted(self._busy))} not there again within {_TARGET_SECONDS:g} s after the last fault"
            raise ChaosError(msg)
        for thread in self._threads:
            thread.join()

    def _is_there(self, fault: Fault) -> bool:
        """Say whether the targets run, and nothing else is being done to them; brokers: to none of them.

        So more than one broker is away only where the fault says so: of three, two must be there.
        """
        with self._lock:
            busy = set(self._busy)
        if KINDS[fault.kind].on == "broker":
            return not busy & self._brokers.keys()
        if busy & set(fault.targets):
            return False
        if fault.kind == "worker-joins":
            return True
        pids = self._ground.processes.pids
        return all(
            name in pids and (fault.kind != "pool-kill" or bool(_pool_processes(pids[name]))) for name in fault.targets
        )

    def _strike(self, fault: Fault) -> None:
        def held() -> None:
            time.sleep(fault.hold)

        kind, target = fault.kind, fault.targets[0]
        if kind == "worker-joins":
            self._later(fault, fault.targets, lambda: self._join_and_leave(fault.hold))
        elif KINDS[kind].on == "broker":
            for name in fault.targets:
                self._strike_broker(fault, name, self._brokers[name])
        else:
            pid = self._ground.processes.pids[target]
            match kind.partition("-")[2]:
                case "kill" if kind == "pool-kill":
                    # The one that is killed may have ended by itself meanwhile.
                    for process in _pool_processes(pid)[:1]:
                        process.kill()
                case "kill" | "folder":
                    os.kill(pid, signal.SIGKILL)
                    _wait_for_end(pid, _STOP_SECONDS)
                    if kind == "worker-folder":
                        shutil.rmtree(self._ground.data_folder(target))
                case "freeze":
                    os.killpg(pid, signal.SIGSTOP)
                    self._later(fault, fault.targets, held, lambda: os.killpg(pid, signal.SIGCONT))
                case "stop":
                    os.kill(pid, signal.SIGTERM)
                    self._later(fault, fault.targets, lambda: self._see_it_end(target, pid))

    def _strike_broker(self, fault: Fault, name: str, node: Node) -> None:
        def held() -> None:
            time.sleep(fault.hold)

        def start() -> None:
            self._start_broker(name, node)

        match fault.kind:
            case "broker-freeze":
                node.send_signal(signal.SIGSTOP)
                self._later(fault, [name], held, lambda: node.send_signal(signal.SIGCONT))
            case "broker-stop":
                self._later(fault, [name], node.stop, held, start)
            case _:
                node.kill()
                self._later(fault, [name], held, start)

    def _start_broker(self, name: str, node: Node) -> None:
        for attempt in range(1, _BROKER_STARTS + 1):
            try:
                node.start(_BROKER_SECONDS)
            except BrokerError as exc:
                self._ground.journal.note(f"{name} did not start at attempt {attempt}: {exc}")
            else:
                self._ground.journal.note(f"      {name} answers again")
                return
        self._problem(f"{name} could not be started again")

    def _join_and_leave(self, hold: float) -> None:
        """Let a worker join, and leave after a time."""
        supervisor: Supervisor = self._ground.supervisor([self._ground.worker_spec(EXTRA_WORKER)])
        supervisor.start()
        end = time.monotonic() + hold
        while time.monotonic() < end:
            supervisor.tick()
            time.sleep(TICK_SECONDS)
        if not supervisor.stop():
            self._problem(f"{EXTRA_WORKER} did not stop in time and was killed")

    def _see_it_end(self, name: str, pid: int) -> None:
        if not _wait_for_end(pid, _STOP_SECONDS):
            self._problem(f"{name} (process {pid}) still ran {_STOP_SECONDS:g} s after SIGTERM; killed")
            os.kill(pid, signal.SIGKILL)

    def _problem(self, what: str) -> None:
        self._ground.journal.note(f"PROBLEM {what}")
        self.problems.append(what)

    def _later(self, fault: Fault, names: Sequence[str], *steps: Callable[[], None]) -> None:
        """Do one thing after the other in a thread; until all is done, nothing else is done to those named."""
        with self._lock:
            self._busy |= set(names)

        def run() -> None:
            try:
                for step in steps:
                    step()
            except Exception as exc:  # noqa: BLE001 - told with the others; the run goes on and fails in the end
                self._problem(f"fault {fault}: {type(exc).__name__}: {exc}")
            finally:
                with self._lock:
                    self._busy -= set(names)

        thread = threading.Thread(target=run, name=f"fault-{fault.number}", daemon=True)
        self._threads.append(thread)
        thread.start()


def _pool_processes(pid: int) -> list[psutil.Process]:
    """Return the coding processes of a worker: children of its fork server."""
    try:
        return [process for child in psutil.Process(pid).children() for process in child.children()]
    except psutil.NoSuchProcess:
        return []


def _wait_for_end(pid: int, seconds: float) -> bool:
    """Wait until a child has ended, whoever reaps it; return whether it did."""
    end = time.monotonic() + seconds
    while True:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(TICK_SECONDS)
