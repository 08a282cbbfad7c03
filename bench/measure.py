"""How long a command takes and how much memory it and PostgreSQL need meanwhile."""
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

SAMPLE_SECONDS = 0.03


def anonymous_memory(pid):
    """Bytes of private memory (RssAnon) of a process and its descendants; what has ended meanwhile counts as nothing."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        children = "".join(p.read_text() for p in pathlib.Path(f"/proc/{pid}/task").glob("*/children"))
    except (FileNotFoundError, ProcessLookupError):
        return 0
    own = next((line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")), "0")
    return int(own) * 1024 + sum(anonymous_memory(child) for child in children.split())


class Contender:
    """One side of a comparison: a command, and what has to happen before its clock starts."""

    def __init__(self, name, command, env=None, before=None, says_ready=False):
        self.name, self.command, self.env = name, command, env or {}
        self.before = before or (lambda: None)
        self.says_ready = says_ready  # it prints a line when it has loaded what it needs, and waits for one
        self.seconds, self.peaks = [], []

    def run(self, postmaster):
        self.before()
        process = subprocess.Popen(self.command, env={**os.environ, **self.env}, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE if self.says_ready else subprocess.DEVNULL)
        if self.says_ready:
            process.stdout.readline()
        watch = Watch([process.pid, postmaster])
        began = time.monotonic()
        process.communicate(b"\n" if self.says_ready else None)
        self.seconds.append(time.monotonic() - began)
        self.peaks.append(watch.stop())
        if process.returncode != 0:
            sys.exit(f"bench: {self.name} failed: {' '.join(map(str, self.command))}")

    def peak(self):
        return max(self.peaks)


class Watch:
    """Samples the memory of some process trees until it is stopped."""

    def __init__(self, pids):
        self.pids, self.peak, self.done = pids, 0, threading.Event()
        self.base = anonymous_memory(pids[-1])  # PostgreSQL's processes that stand there anyway
        self.thread = threading.Thread(target=self.sample)
        self.thread.start()

    def sample(self):
        while not self.done.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(map(anonymous_memory, self.pids)) - self.base)

    def stop(self):
        self.done.set()
        self.thread.join()
        return self.peak


def interleave(turns, rounds, postmaster):
    """Runs the contenders in turn, so that what disturbs the machine disturbs all; each round begins with another turn."""
    for n in range(rounds):
        for i in range(len(turns)):
            for contender in turns[(n + i) % len(turns)]:
                contender.run(postmaster)


def report(title, contenders):
    """The first of the contenders is ours; a ratio below 1 means that ours is faster."""
    ours = contenders[0]
    cells = []
    for c in contenders:
        ratio = statistics.median(a / b for a, b in zip(ours.seconds, c.seconds))
        note = f"{c.peak() / 2**20:.0f} MiB" if c is ours else f"{ratio:.2f}x, {c.peak() / 2**20:.0f} MiB"
        cells.append(f"{c.name} {statistics.median(c.seconds):.2f} s ({note})")
    print(f"{title:<26} " + "   ".join(cells), flush=True)
