"""Feeds for the torture: a synthetic district, and people whose state changes again and again while it runs.

Everything became known within the last ten days (the live service refuses what is older than a feed's retention), no identity is
real: people are keys of 32 hex digits made from a running number.
"""

import datetime
import hashlib
import json
import os
import re
import subprocess

ZONE = datetime.timezone(datetime.timedelta(hours=8))
DAYS = 10
# Each of these people is isolated, has a fever, is released, is cleared, and half of them are isolated again.
CHANGES_OF_A_PERSON = 5
CASES, CONTACTS_OF_A_CASE, FLIPS = 40, 25, 8
EVENTS_OF_CASES = CASES * (CONTACTS_OF_A_CASE + FLIPS)


def person(number):
    return hashlib.sha256(b"torture %d" % number).hexdigest()[:32]


class Writer:
    """Lines of feeds; what is written later became known later."""

    def __init__(self, folder, begin):
        self.folder, self.now, self.counts = folder, begin, {}
        self.files = {}

    def write(self, feed, owner, identity, who, revision, **fields):
        self.now += datetime.timedelta(milliseconds=1)
        record = {"owner": owner, "id": identity, "revision": revision, "person": person(who), "known_at": self.at(0)}
        record.update(fields)
        if feed not in self.files:
            self.files[feed] = open(os.path.join(self.folder, feed + ".ndjson"), "a", encoding="utf-8")
        self.files[feed].write(json.dumps(record, separators=(",", ":")) + "\n")

    def at(self, hours):
        return (self.now + datetime.timedelta(hours=hours)).isoformat(timespec="milliseconds")

    def close(self):
        for file in self.files.values():
            file.close()


def add_people(writer, count):
    began, fever = writer.at(-30), writer.at(-28)
    home = {"stage": "home", "basis": "contact", "started_at": began}
    for who in range(count):
        writer.write("isolations", "torture", "home-%d" % who, who, 1, **home)
    for who in range(count):
        writer.write("symptoms", "torture", "fever-%d" % who, who, 1, symptom="fever", onset_at=fever, source="clinic")
    for who in range(count):
        writer.write("isolations", "torture", "home-%d" % who, who, 2, ended_at=writer.at(-1), outcome="released", **home)
    for who in range(count):
        again = {"stage": "hospital", "basis": "other", "started_at": writer.at(-1)}
        writer.write("isolations", "torture", "ward-%d" % who, who, 1, retracted=who % 2 == 0, **again)
    for who in range(count):
        cleared = {"symptom": "fever", "onset_at": fever, "cleared_at": writer.at(-1), "source": "clinic"}
        writer.write("symptoms", "torture", "fever-%d" % who, who, 2, **cleared)


def add_cases(writer):
    """Contacts count while their case does, and the cases come and go."""
    base, determined = 10_000_000, writer.at(-40)
    for revision in range(1, FLIPS + 1):
        for case in range(CASES):
            # Some end as cases, some as mistakes.
            holds = (revision + case) % 2 == 0
            writer.write("cases", "torture", "case-%d" % case, base + case, revision, determined_at=determined,
                         classification="confirmed" if holds else "excluded")
            for contact in range(CONTACTS_OF_A_CASE if revision == 1 else 0):
                who = base + 1000 + case * CONTACTS_OF_A_CASE + contact
                writer.write("contacts", "torture", "contact-%d" % who, who, 1, degree="close", determined_at=determined,
                             last_exposure_at=writer.at(-44), index_case="torture/case-%d" % case)


def count_lines(folder):
    counts = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            counts[name.split(".")[0]] = sum(1 for line in file if line.strip())
    return counts


def owners(folder):
    found = set()
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            found.update(re.findall(r'"owner":"([a-z0-9-]{1,64})"', file.read()))
    return sorted(found)


def drop_undated(folder):
    """Live, a record without known_at became known when the broker took it; a replay refuses it. They would differ."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with open(path, "rb") as file:
            lines = [line for line in file if b'"known_at"' in line]
        with open(path, "wb") as file:
            file.writelines(lines)


def make_district(fuma, folder, events, seed):
    """The feeds of a district with about so many records, all known within the last days."""
    start = (datetime.datetime.now(ZONE) - datetime.timedelta(days=DAYS)).strftime("%Y-%m-%d")
    # Two thirds of an event a person and day.
    people = str(max(100, int(events * 30 / (20 * DAYS))))
    subprocess.run([fuma, "demo", "--feeds-only", "--out-dir", folder, "--days", str(DAYS), "--start", start,
                    "--people", people, "--seed", str(seed)], check=True)
    drop_undated(folder)
    return count_lines(folder)


def make(fuma, folder, events, seed):
    """Half a district, half people whose state changes again and again; says how many records each feed has."""
    counts = make_district(fuma, folder, events // 2, seed)
    writer = Writer(folder, datetime.datetime.now(ZONE) - datetime.timedelta(hours=1))
    add_people(writer, max(0, (events - sum(counts.values()) - EVENTS_OF_CASES) // CHANGES_OF_A_PERSON))
    add_cases(writer)
    writer.close()
    return count_lines(folder)


def make_live(fuma, folder, events, seed, contacts):
    """Nine of ten records are a district's tests and travel; each tenth turns somebody red: isolated, or a contact of a case."""
    make_district(fuma, folder, events * 9 // 10, seed)
    for name in os.listdir(folder):
        if not name.startswith(("tests.", "travel.")):
            os.remove(os.path.join(folder, name))
    writer = Writer(folder, datetime.datetime.now(ZONE) - datetime.timedelta(hours=1))
    began, case = writer.at(-30), "case-%d" % seed
    if contacts:
        writer.write("cases", "torture", case, 10**7 + seed, 1, classification="confirmed", determined_at=began)
    for who in range(10**8 * seed, 10**8 * seed + events // 10):
        if contacts:
            writer.write("contacts", "torture", "contact", who, 1, degree="close", determined_at=began,
                         last_exposure_at=began, index_case="torture/" + case)
        else:
            writer.write("isolations", "torture", "home", who, 1, stage="home", basis="contact", started_at=began)
    writer.close()
    return count_lines(folder)
