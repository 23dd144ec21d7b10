"""The dense load of scripts/bench: of 1000 records 220 change somebody's state (tests/src/load says what it is).

A new broker (C2, heap of 1 GB) for each number of partitions; then, by one process of the service:
backlog   2 M records lie in the feeds' topics when it starts. Records a second: from the change that is a tenth of all to the last
          one, as a reader of committed records sees them. CPU a record: of the service and of the broker, from the start on; a tenth
          of the rate that two cores would give at that cost is what is lost to waiting, at most.
delay     then 5,000 and 10,000 records/s for 25 s, the first 3 s thrown away: from the broker's timestamp of a record until a reader
          has the committed change that names it as its cause.
tier      then a tier `high` for 3301: seconds from that record to the last change.
memory    with --minutes N: so long at the last rate; VmRSS less fuma_state_bytes, each 10 s.
A peer (--peer) is a command that reads the feeds' topics and writes PREFIX + code-changes.v1: it is measured in the same run, behind
a broker of its own.
"""

import datetime
import os
import re
import shlex
import signal
import subprocess
import threading
import time

import torture_feeds

# tests/src/load: one a feed.
OWNERS = ("cl-990000", "hc-990000", "hq-990000", "iso-990000", "lab-990000", "rg-990000", "tel-990000")
RATES, SECONDS, THROWN_AWAY, BACKLOG = (5_000, 10_000), 25, 3, 2_000_000


class Peer:
    """A command that does what `fuma run` does."""

    def __init__(self, bench, name, command):
        self.log = open(os.path.join(bench.folder, name + ".log"), "wb")
        environment = {**bench.environment, "PREFIX": "fuma.", "GROUP": name}
        self.process = subprocess.Popen(shlex.split(command), env=environment, stdout=self.log, stderr=self.log, start_new_session=True)

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(60)
        self.log.close()


class Changes(threading.Thread):
    """Reads committed changes from the first one on and notes when so many had come."""

    def __init__(self, bench):
        super().__init__(daemon=True)
        self.tail = subprocess.Popen([bench.fuma, "tail", "--json", "--from-beginning"], env=bench.environment,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.count, self.at, self.marks = 0, 0.0, []

    def run(self):
        while True:
            chunk = os.read(self.tail.stdout.fileno(), 1 << 20)
            if not chunk:
                return
            self.count, self.at = self.count + chunk.count(b"\n"), time.monotonic()
            self.marks.append((self.count, self.at))

    def wait_quiet(self, seconds, used, seconds_max=900):
        """Until changes have come and no more come for so long; then what `used` said when the last one came."""
        deadline, last, seen = time.monotonic() + seconds_max, used(), -1
        while time.monotonic() < deadline:
            if self.count != seen:
                seen, last = self.count, used()
            elif seen > 0 and time.monotonic() - self.at > seconds:
                self.tail.terminate()
                self.join(10)
                return last
            time.sleep(0.1)
        raise SystemExit("changes did not end within %d s: %d came" % (seconds_max, self.count))

    def tenth_at(self):
        return next(at for count, at in self.marks if count * 10 >= self.count)


def make(bench, name, begin, end, records):
    """Records of the load as feed files; says how many there are of each feed."""
    folder = os.path.join(bench.folder, name)
    subprocess.run([bench.load, "--out-dir", folder, "--records", str(records), "--from", str(begin), "--to", str(end)], check=True,
                   stdout=subprocess.DEVNULL)
    return folder, torture_feeds.count_lines(folder)


def measure(bench, partitions, cpu_seconds, service_of, name):
    rates = [rate for rate in RATES if rate <= bench.given.rate]
    total = bench.given.records or BACKLOG
    parts = [("backlog", total, 0)] + [("at-%d" % rate, rate * SECONDS, rate) for rate in rates]
    if bench.given.minutes:
        parts.append(("memory", int(rates[-1] * 60 * bench.given.minutes), rates[-1]))
    whole, begin, made = sum(count for _, count, _ in parts), 0, {}
    for part, count, rate in parts:
        made[part] = (*make(bench, "%s-%d" % (part, partitions), begin, begin + count, whole), rate)
        begin += count
    with open(bench.owners, "w", encoding="utf-8") as file:
        file.write("\n".join(OWNERS) + "\n")
    bench.begin(partitions, "full")
    bench.fuma_run("send", made["backlog"][0])
    label = "%-6s %2d partitions" % (name, partitions)
    # A name of its own: what another broker's run left in its folder belongs to another installation.
    service = service_of("%s-%d" % (name, partitions))
    try:
        both = lambda: (cpu_seconds(service.process.pid), cpu_seconds(bench.broker))  # noqa: E731
        before = both()
        changes = Changes(bench)
        changes.start()
        after = changes.wait_quiet(3, both)
        own, broker = ((after[at] - before[at]) / total * 1e6 for at in (0, 1))
        rate = 0.9 * total / (changes.at - changes.tenth_at())
        possible = 0.9 * 2 / (own + broker) * 1e6
        held = "held" if rate >= possible else "not held"
        print("%s  backlog  %d records, %d changes: %d records/s; CPU a record own %.2f us, broker %.2f us; "
              "90 %% of 2 cores/(own+broker) is %d records/s: %s" % (label, total, changes.count, rate, own, broker, possible, held),
              flush=True)
        for part, (folder, counts, rate) in list(made.items())[1:]:
            samples = Memory(service) if part == "memory" and hasattr(service, "metric") else None
            before, begun = both(), time.monotonic()
            lag = live(bench, folder, counts, rate)
            after, seconds = both(), sum(counts.values()) / rate
            print("%s  %-8s %d records/s for %d s: %s; cores own %.2f, broker %.2f" % (
                label, part, rate, time.monotonic() - begun, lag, (after[0] - before[0]) / seconds, (after[1] - before[1]) / seconds),
                flush=True)
            if samples:
                print("%s  memory   %s" % (label, samples.end()), flush=True)
        print("%s  tier     %s" % (label, tier(bench)), flush=True)
    finally:
        service.end()
        bench.kafka("down")


def tail(bench, idle):
    return subprocess.Popen([bench.fuma, "tail", "--lag", "--until-idle", str(idle)], env=bench.environment, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)


def live(bench, folder, counts, rate):
    """Sends each feed at its share of the rate; the delays of what comes after the first seconds."""
    seconds = sum(counts.values()) / rate
    feeders = [subprocess.Popen([bench.fuma, "send", "--rate", str(max(count / seconds, 0.1)), feed,
                                 os.path.join(folder, feed + ".ndjson")], env=bench.environment, stderr=subprocess.DEVNULL)
               for feed, count in counts.items()]
    time.sleep(THROWN_AWAY)
    reader = tail(bench, 3)
    for feeder in feeders:
        feeder.wait()
    return reader.communicate()[1].strip()


def tier(bench):
    """A tenth of the stays of people meet a new tier."""
    now = datetime.datetime.now(torture_feeds.ZONE).isoformat(timespec="milliseconds")
    record = '{"owner":"rg-990000","id":"tier-%s","known_at":"%s","region":"3301","tier":"high","since":"%s","authority":"bench"}\n'
    reader = tail(bench, 5)
    time.sleep(2)
    subprocess.run([bench.fuma, "send", "regions", "-"], env=bench.environment, input=record % (now[:10], now, now), text=True, check=True,
                   stderr=subprocess.DEVNULL)
    return reader.communicate()[1].strip()


class Memory(threading.Thread):
    """What a process has beyond its state, each ten seconds."""

    def __init__(self, service):
        super().__init__(daemon=True)
        self.service, self.samples, self.is_ended = service, [], threading.Event()
        self.start()

    def run(self):
        while not self.is_ended.wait(10):
            with open("/proc/%d/status" % self.service.process.pid, encoding="ascii") as file:
                resident = int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024
            state = self.service.metric("fuma_state_bytes") / 2**20
            self.samples.append((time.monotonic(), resident, state))

    def end(self):
        """How much it grew over the last five minutes, by the means of the first and of the last minute of them."""
        self.is_ended.set()
        last = self.samples[-1][0]
        beyond = lambda begin, end: [r - s for at, r, s in self.samples if last - begin <= at <= last - end]  # noqa: E731
        mean = lambda values: sum(values) / max(1, len(values))  # noqa: E731
        first, second = mean(beyond(300, 240)), mean(beyond(60, 0))
        growth = 100 * (second - first) / first if first else float("nan")
        resident, state = self.samples[-1][1:]
        return ("VmRSS %d MiB, state %d MiB at the end; VmRSS less state from %d to %d MiB over the last five minutes: %+.1f %%, %s" % (
            resident, state, first, second, growth, "flat" if growth < 5 else "not flat"))


def run(bench, cpu_seconds, service_of):
    for partitions in bench.given.delay_partitions:
        measure(bench, partitions, cpu_seconds, service_of, "fuma")
        if bench.given.peer:
            measure(bench, partitions, cpu_seconds, lambda name: Peer(bench, name, bench.given.peer), "peer")
