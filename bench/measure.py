"""How long a command takes, and how much processor time and memory it and PostgreSQL need meanwhile."""
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


def processor_seconds(pid):
    """Of a process and its descendants, those included that have ended and were waited for."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = "".join(p.read_text() for p in pathlib.Path(f"/proc/{pid}/task").glob("*/children"))
    except (FileNotFoundError, ProcessLookupError):
        return 0
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return own + sum(processor_seconds(child) for child in children.split())


def ended_processor_seconds():
    times = os.times()
    return times.children_user + times.children_system


class Contender:
    """One side of a comparison: a command, and what has to happen before its clock starts."""

    def __init__(self, name, command, env=None, before=None, says_ready=False):
        self.name, self.command, self.env = name, command, env or {}
        self.before = before or (lambda: None)
        self.says_ready = says_ready  # it prints a line when it has loaded what it needs, and waits for one
        self.seconds, self.processor, self.peaks = [], [], []

    def run(self, postmaster):
        self.before()
        process = subprocess.Popen(self.command, env={**os.environ, **self.env}, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                   stdout=subprocess.PIPE if self.says_ready else subprocess.DEVNULL)
        if self.says_ready:
            process.stdout.readline()
        watch = Watch([process.pid, postmaster])
        used = ended_processor_seconds() + processor_seconds(process.pid) + processor_seconds(postmaster)
        began = time.monotonic()
        messages = process.communicate(b"\n" if self.says_ready else None)[1]
        self.seconds.append(time.monotonic() - began)
        self.processor.append(ended_processor_seconds() + processor_seconds(postmaster) - used)
        self.peaks.append(watch.stop())
        if process.returncode != 0:
            sys.exit(f"bench: {self.name} failed: {messages.decode()}")


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


def report(title, contenders, messages=0):
    """The first of the contenders is ours; a ratio below 1 means that ours is faster. With messages, how many a second."""
    ours = contenders[0]
    print(title)
    for c in contenders:
        ratio = "" if c is ours else f"{statistics.median(a / b for a, b in zip(ours.seconds, c.seconds)):.2f}x"
        rate = f"   {messages / statistics.median(c.seconds):9,.0f}/s" if messages else ""
        print(f"  {c.name:<18} {statistics.median(c.seconds):8.2f} s {ratio:>7}   processor "
              f"{statistics.median(c.processor):7.2f} s   memory {max(c.peaks) / 2**20:5.0f} MiB{rate}", flush=True)
