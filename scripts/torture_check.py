"""Compares announced changes with a replay of the same feeds: what torture counts.

    torture_check.py CHANGES EXPECTED      two files of changes, one JSON object a line, in the order of announcement

Pure: reads lines, counts, explains. A person's state is the colour and the set of rules (docs/feeds.md section 4).
"""

import datetime
import json
import sys

GREEN = ("green", frozenset())
SHOWN = 5


def state(change):
    return change["to"], frozenset(reason["rule"] for reason in change["reasons"])


def milliseconds(text):
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)


class Findings:
    """What is wrong, by kind, each with the words that explain it."""

    def __init__(self):
        self.missing, self.duplicated, self.out_of_order = [], [], []

    def all_well(self):
        return not (self.missing or self.duplicated or self.out_of_order)

    def line(self):
        counts = (len(self.missing), len(self.duplicated), len(self.out_of_order))
        return "missing, duplicated, out of order: %d, %d, %d" % counts

    def explain(self):
        for kind in ("missing", "duplicated", "out_of_order"):
            for words in getattr(self, kind)[:SHOWN]:
                print("  %s: %s" % (kind.replace("_", " "), words), file=sys.stderr)


def last_states(changes):
    """The state of everybody who ever changed."""
    return {change["person"]: state(change) for change in changes}


def check_chain(changes, findings):
    """Each change leads on from the one before it, once, later; its id says whose it is and when."""
    states, times, ids = {}, {}, set()
    for change in changes:
        person, decided_at = change["person"], milliseconds(change["decided_at"])
        before = states.get(person, GREEN)
        if change["id"] != "%s-%d" % (person, decided_at):
            findings.out_of_order.append("%s is not the id of %s at %d" % (change["id"], person, decided_at))
        if change["id"] in ids:
            findings.duplicated.append("%s: the same id again" % change["id"])
            continue
        if state(change) == before:
            findings.duplicated.append("%s: %s again" % (change["id"], change["to"]))
        elif change["from"] != before[0]:
            findings.missing.append("%s: from %s, but the last was to %s" % (change["id"], change["from"], before[0]))
        if decided_at <= times.get(person, -1):
            findings.out_of_order.append("%s: not later than the one before" % change["id"])
        ids.add(change["id"])
        states[person], times[person] = state(change), decided_at


def compare(changes, expected):
    """Findings of announced changes against those of a replay: the final states must be the same."""
    findings = Findings()
    check_chain(changes, findings)
    found, wanted = last_states(changes), last_states(expected)
    for person in sorted(found.keys() | wanted.keys()):
        is_now, should_be = found.get(person, GREEN), wanted.get(person, GREEN)
        if is_now != should_be:
            texts = ["%s %s" % (colour, sorted(rules)) for colour, rules in (is_now, should_be)]
            findings.missing.append("%s: is %s, the replay says %s" % (person, *texts))
    return findings


def read(lines):
    changes = (json.loads(line) for line in lines if line.strip())
    return [change for change in changes if not change.get("erased")]


def main():
    with open(sys.argv[1], encoding="utf-8") as changes, open(sys.argv[2], encoding="utf-8") as expected:
        findings = compare(read(changes), read(expected))
    findings.explain()
    print(findings.line())
    return 0 if findings.all_well() else 1


if __name__ == "__main__":
    sys.exit(main())
