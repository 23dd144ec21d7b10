#!/usr/bin/env python3
"""Turns public data on Taiwan's cases of 2020 into feeds, and invents people who stay in the risk areas of 2022 (see real-data).

    real_data.py DATA OUT             writes OUT/feeds/{cases,contacts,travel,symptoms,tests,isolations}.ndjson and OUT/key;
                                      reads OUT/feeds/regions.ndjson if it is there
    real_data.py --tally OUT POLICY   prints what came of a replay

What is real (as the source has it, a day without an hour stays that day):
- a case's day of confirmation, onset, arrival, recovery, negative tests; its symptoms and the country it came from
- that a contact met a case, and the kind of the contact

What is synthetic:
- every person. A case has a resident ID of division 99xxxx (no such division exists) with a right check digit, a contact or a
  traveller a key of 32 hex digits; all derived from the running number by SHA-256. They say nothing about anybody.
- hours: a case is determined and known at 14:00 of the day of confirmation (the hour of the daily announcement), an entry is at
  12:00, an onset at 00:00, a test is taken at 08:00 and reported at 20:00. A recovery of which only the month is known counts from
  the last day of that month.
- a contact's degree (DEGREE below), its last exposure (the day of the case's report, else of its confirmation) and its
  determination (two hours after the case's). The source has no day for a contact.
- a close contact's order of isolation at home, for the 14 full days after the exposure, which ends when it is due
- likewise a recovered case's order of recovery at home, for the 14 full days after the recovery
- the end of a symptom's investigation: the case's confirmation, or the symptom's own beginning if that came later
- all stays, tests, orders and fevers in 2022: invented, seeded, around areas of the real list, so that tiers meet somebody

Left out and counted: a case without a day of confirmation (530, withdrawn: its number was left vacant), an edge from a case to
itself, an edge whose index case is left out, an arrival from somewhere that is no country.
"""

import calendar
import collections
import csv
import datetime
import gzip
import hashlib
import json
import os
import random
import re
import sys

ZONE = datetime.timezone(datetime.timedelta(hours=8))
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)
SEED = 20220415
TRAVELLERS = 3000
OWNER = "tw-cdc-2020"
SYNTHETIC = "synthetic"

# What the source calls a contact, as degree. The boundary between close and general is ours.
CLOSE = {"couple", "parent_child", "grandparent_grandchild", "sibling", "family", "friend", "live_together", "coworker",
         "same_flight_nearby_seat", "travel_together", "same_car", "panshi_ship", "coral_princess"}
COUNTRIES = {
    "Australia": "AU", "Austria": "AT", "Bengali": "BD", "Canada": "CA", "China": "CN", "Czech Republic": "CZ", "Denmark": "DK",
    "Dubai": "AE", "Egypt": "EG", "France": "FR", "Germany": "DE", "Greece": "GR", "Guatemala": "GT", "Hong Kong": "HK",
    "Iceland": "IS", "India": "IN", "Indonesia": "ID", "Ireland": "IE", "Italy": "IT", "Japan": "JP", "Lesotho": "LS",
    "Mexico": "MX", "Morocco": "MA", "Myanmar": "MM", "Nepal": "NP", "Netherlands": "NL", "New Zealand": "NZ", "Oman": "OM",
    "Peru": "PE", "Philippines": "PH", "Poland": "PL", "Qatar": "QA", "Republic of Guatemala": "GT", "Russia": "RU",
    "Senegal": "SN", "South Africa": "ZA", "Spain": "ES", "Switzerland": "CH", "Thailand": "TH", "Turkey": "TR",
    "United Kingdom": "GB", "United States": "US", "United states": "US",
}
SYMPTOMS = {"fever": "fever", "dyspnea": "dyspnoea", "cough": "respiratory", "sore throat": "respiratory", "pneumonia": "respiratory",
            "congestion or runny nose": "respiratory", "running nose": "respiratory"}


class Feeds:
    """The records of each feed, and what was left out."""

    def __init__(self):
        self.records = collections.defaultdict(list)
        self.counts = collections.Counter()

    def add(self, feed, person, known_at, owner, record_id, **fields):
        record = {"owner": owner, "id": record_id, **person, "known_at": text(known_at)}
        record.update({name: text(value) for name, value in fields.items() if value is not None})
        self.records[feed].append((known_at, record))

    def write(self, folder):
        for feed, records in sorted(self.records.items()):
            records.sort(key=lambda pair: pair[0])
            with open(os.path.join(folder, feed + ".ndjson"), "w", encoding="utf-8") as file:
                for _, record in records:
                    file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
            self.counts[feed] = len(records)


def text(value):
    return value.isoformat(timespec="seconds") if isinstance(value, datetime.datetime) else value


def at(day, hour):
    return datetime.datetime.combine(day, datetime.time(hour), ZONE)


def day_of(cell, end_of_month=False):
    """The day that a cell names; a month only where its end will do."""
    if cell and re.fullmatch(r"20(19|20|21)-\d\d-\d\d", cell):
        return datetime.date.fromisoformat(cell)
    if end_of_month and cell and re.fullmatch(r"20(19|20|21)-(0[1-9]|1[0-2])", cell):
        year, month = int(cell[:4]), int(cell[5:])
        return datetime.date(year, month, calendar.monthrange(year, month)[1])
    return None


def digest(*parts):
    return hashlib.sha256("/".join(("fuma real data",) + parts).encode()).hexdigest()


def person_key(*parts):
    return {"person": digest(*parts)[:32]}


def resident_id(number):
    """A resident ID of a division that does not exist, unique below 1000, with the check digit of ISO 7064 MOD 11-2."""
    seed = int(digest("case", str(number)), 16)
    born = datetime.date(1940, 1, 1) + DAY * (seed % 25000)
    body = f"99{seed // 25000 % 10000:04}{born:%Y%m%d}{number:03}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    check = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights)) % 11]
    return {"cert_type": "10", "cert_number": body + check}


def read_cases(data, feeds):
    """The cases by number, with what the feeds need of them."""
    cases = {}
    with gzip.open(os.path.join(data, "taiwan_cases.ndjson.gz"), "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            confirmed = day_of(row["confirmed_date"])
            if confirmed is None:
                feeds.counts["left out: case without a day"] += 1
                continue
            cases[row["id"]] = {"row": row, "determined_at": at(confirmed, 14), "person": resident_id(row["id"]),
                                "exposed_at": at(min(day_of(row["report_to_cdc"]) or confirmed, confirmed), 0)}
    return cases


def convert_case(number, case, feeds):
    row, person, determined_at = case["row"], case["person"], case["determined_at"]
    onset = day_of(row["onset_of_symptom"])
    onset_at = at(onset, 0) if onset else None
    known = {"classification": "confirmed", "determined_at": determined_at, "onset_at": onset_at}
    feeds.add("cases", person, determined_at, OWNER, f"case-{number}", **known)
    recovery = day_of(row["recovery"], end_of_month=True)
    if recovery and at(recovery, 14) >= determined_at:
        discharged_at = at(recovery, 14)
        feeds.add("cases", person, discharged_at, OWNER, f"case-{number}", revision=2, discharged_at=discharged_at, **known)
        order = {"stage": "home", "basis": "recovery", "started_at": discharged_at, "due_at": at(recovery, 0) + 15 * DAY}
        isolate(person, f"recovery-{number}", order, feeds)

    arrival = day_of(row["date_of_arrival_to_taiwan"])
    country = COUNTRIES.get(row["infection_source"])
    if arrival and country:
        entered_at = at(arrival, 12)
        feeds.add("travel", person, entered_at, OWNER, f"entry-{number}", kind="entry", entered_at=entered_at, country=country)
    elif arrival:
        feeds.counts["left out: arrival from no country"] += 1

    named = {SYMPTOMS[name.strip().lower()] for name in (row["symptom"] or "").split(",") if name.strip().lower() in SYMPTOMS}
    for symptom in sorted(named if onset_at else ()):
        seen_at = max(case["exposed_at"] + 14 * HOUR, onset_at)
        seen = {"symptom": symptom, "onset_at": onset_at, "source": "clinic"}
        feeds.add("symptoms", person, seen_at, OWNER, f"{symptom}-{number}", **seen)
        # With the confirmation the investigation of the symptom is closed; one that came later is the case's, and closed at once.
        cleared_at = max(seen_at, determined_at)
        feeds.add("symptoms", person, cleared_at, OWNER, f"{symptom}-{number}", revision=2, cleared_at=cleared_at, **seen)
    for place in range(1, 5):
        tested = day_of(row[f"negative_test_date_{place}"])
        if tested:
            feeds.add("tests", person, at(tested, 20), OWNER, f"test-{number}-{place}", method="nat", result="negative",
                      sampled_at=at(tested, 8), reported_at=at(tested, 20))


def convert_contacts(data, cases, feeds):
    ordered = set()
    seen = set()
    with gzip.open(os.path.join(data, "taiwan_contacts.csv.gz"), "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            ends = contact_ends(row, cases)
            if ends is None:
                feeds.counts["left out: edge without an index case"] += 1
                continue
            index, name, person = ends
            record_id = f"contact-{index}-{name}-{row['type_code']}"
            if record_id in seen:
                feeds.counts["left out: edge twice"] += 1
                continue
            seen.add(record_id)
            case = cases[index]
            determined_at = case["determined_at"] + 2 * HOUR
            degree = "close" if row["type"] in CLOSE else "general"
            feeds.add("contacts", person, determined_at, OWNER, record_id, degree=degree, determined_at=determined_at,
                      last_exposure_at=case["exposed_at"], index_case=f"{OWNER}/case-{index}")
            if degree == "close" and (name, determined_at) not in ordered:
                ordered.add((name, determined_at))
                order_home(person, f"home-{name}-{determined_at:%Y%m%d}", determined_at, case["exposed_at"], feeds)


def contact_ends(row, cases):
    """The number of the index case, and the name and person of the contact. Of two cases the one confirmed later is the contact,
    unless the source says who infected whom."""
    numbers = [int(end[1:]) if end.startswith("I") else None for end in (row["source"], row["target"])]
    source, target = numbers
    if source is not None and target is not None:
        if source == target or source not in cases or target not in cases:
            return None
        if row["directed"] != "1" and cases[source]["determined_at"] > cases[target]["determined_at"]:
            source, target = target, source
        return source, f"I{target}", cases[target]["person"]
    index = source if source is not None else target
    if index not in cases:
        return None
    name = row["target"] if source is not None else row["source"]
    return index, name, person_key("contact", name)


def order_home(person, record_id, started_at, exposed_at, feeds):
    due_at = exposed_at + 15 * DAY
    if due_at <= started_at:
        return
    isolate(person, record_id, {"stage": "home", "basis": "contact", "started_at": started_at, "due_at": due_at}, feeds)


def isolate(person, record_id, order, feeds):
    """An order, and its release when it is due."""
    due_at = order["due_at"]
    feeds.add("isolations", person, order["started_at"], SYNTHETIC, record_id, **order)
    feeds.add("isolations", person, due_at, SYNTHETIC, record_id, revision=2, ended_at=due_at, outcome="released", **order)


def invent_stays(regions, feeds):
    """People around the areas of the real list: in them, in their street or county, or elsewhere at the time."""
    areas = [record for record in regions if record["revision"] == 1]
    chance = random.Random(SEED)
    for number in range(TRAVELLERS):
        person = person_key("traveller", str(number))
        for stay in range(chance.choice((1, 1, 2, 3))):
            area = chance.choice(areas)
            region = coarser(area["region"], chance) if chance.random() < 0.85 else coarser(chance.choice(areas)["region"], chance)
            since = datetime.datetime.fromisoformat(area["since"])
            arrived_at = since + HOUR * chance.randrange(-10 * 24, 3 * 24)
            left_at = arrived_at + HOUR * chance.randrange(2, 7 * 24)
            invent_stay(person, f"stay-{number}-{stay}", region, (arrived_at, left_at), chance, feeds)


def coarser(region, chance):
    """The code, or the street or county that holds it. From 600 on the digits behind a county are no street's."""
    known = [region, region[:6]] + ([region[:9]] if len(region) >= 9 and region[6] < "6" else [])
    return chance.choice([region] + known)


def invent_stay(person, record_id, region, times, chance, feeds):
    arrived_at, left_at = times
    stay = {"kind": "stay", "region": region, "arrived_at": arrived_at, "source": chance.choice(("telecom", "checkin", "declared"))}
    feeds.add("travel", person, arrived_at + HOUR, SYNTHETIC, record_id, **stay)
    feeds.add("travel", person, left_at + HOUR, SYNTHETIC, record_id, revision=2, left_at=left_at, **stay)
    what = chance.random()
    if what < 0.55:
        sampled_at = left_at + HOUR * chance.randrange(1, 72)
        feeds.add("tests", person, sampled_at + 8 * HOUR, SYNTHETIC, "test-" + record_id, method="nat", result="negative", tube="mixed",
                  sampled_at=sampled_at, reported_at=sampled_at + 8 * HOUR, issuer_region=region[:6])
    elif what < 0.65:
        order = {"stage": "centralised", "basis": "region", "started_at": left_at + 6 * HOUR, "due_at": left_at + 14 * DAY}
        isolate(person, "order-" + record_id, order, feeds)
    elif what < 0.70:
        invent_fever(person, "fever-" + record_id, left_at + HOUR * chance.randrange(1, 120), chance, feeds)


def invent_fever(person, record_id, onset_at, chance, feeds):
    """A fever, and for nine in ten the end of its investigation two to five days later; the others are left overdue."""
    fever = {"symptom": "fever", "onset_at": onset_at, "source": "clinic"}
    feeds.add("symptoms", person, onset_at + 10 * HOUR, SYNTHETIC, record_id, **fever)
    if chance.random() < 0.9:
        cleared_at = onset_at + HOUR * chance.randrange(48, 120)
        feeds.add("symptoms", person, cleared_at, SYNTHETIC, record_id, revision=2, cleared_at=cleared_at, **fever)


def convert(data, out):
    folder = os.path.join(out, "feeds")
    os.makedirs(folder, exist_ok=True)
    feeds = Feeds()
    cases = read_cases(data, feeds)
    for number, case in cases.items():
        convert_case(number, case, feeds)
    convert_contacts(data, cases, feeds)
    regions = os.path.join(folder, "regions.ndjson")
    if os.path.exists(regions):
        with open(regions, encoding="utf-8") as file:
            invent_stays([json.loads(line) for line in file], feeds)
    feeds.write(folder)
    # A fixed key is good enough for people who do not exist, and gives the same tokens every time.
    with open(os.path.join(out, "key"), "w", encoding="ascii") as file:
        file.write(digest("key") + "\n")
    for name, count in sorted(feeds.counts.items()):
        print(f"{count:8} {name}", file=sys.stderr)


def tally(out, policy):
    """Changes by from and to and by month, rejects by code. A reject here is an error of the conversion."""
    steps, months, rules = collections.Counter(), collections.Counter(), collections.Counter()
    with open(os.path.join(out, f"changes-{policy}.ndjson"), encoding="utf-8") as file:
        for line in file:
            change = json.loads(line)
            steps[f"{change['from']} to {change['to']}"] += 1
            months[change["decided_at"][:7]] += 1
            rules.update(reason["rule"] for reason in change["reasons"])
    with open(os.path.join(out, f"rejects-{policy}.ndjson"), encoding="utf-8") as file:
        rejects = collections.Counter(json.loads(line)["code"] for line in file)
    for title, counts in (("changes", steps), ("changes by month", months), ("changes that name a rule", rules), ("rejects", rejects)):
        print(f"{policy}: {title}: " + (", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"))


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "--tally":
        tally(arguments[1], arguments[2])
    elif len(arguments) == 2 and not arguments[0].startswith("-"):
        convert(arguments[0], arguments[1])
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
