"""The software bill of materials of the program `fuma` (CycloneDX 1.5, JSON), to standard output: scripts/package calls it.

Every crate that is compiled into the program or runs while it is built, as `cargo tree` resolves it for this machine, with its
licence and the checksum of Cargo.lock. Owns the format only. Two runs on one commit give the same bytes.
"""

import datetime
import json
import os
import re
import subprocess
import tomllib
import uuid

PACKAGE = "fuma-pipeline"


def cargo(*words):
    return subprocess.run(["cargo", *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def names(edges):
    """Name and version of each crate, by the kind of edge."""
    lines = cargo("tree", "--package", PACKAGE, "--edges", edges, "--prefix", "none", "--format", "{p}", "--locked").splitlines()
    return {tuple(re.match(r"(\S+) v(\S+)", line).groups()) for line in lines if line}


def purl(name, version):
    return "pkg:cargo/%s@%s" % (name, version.replace("+", "%2B"))


def component(package, checksum, is_linked):
    name, version = package["name"], package["version"]
    entry = {
        "type": "library", "bom-ref": purl(name, version), "name": name, "version": version, "purl": purl(name, version),
        "scope": "required" if is_linked else "excluded",
    }
    if package.get("license"):
        # An old way to write "or".
        entry["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum:
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    # What a crate carries in another language stands behind the plus: rdkafka-sys 4.10.0+2.12.1.
    if name.endswith("-sys") and "+" in version:
        entry["properties"] = [{"name": "fuma:bundled", "value": "%s %s" % (name[:-4], version.partition("+")[2])}]
    return entry


def main():
    linked, all_names = names("normal"), names("normal,build")
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--locked"))
    with open("Cargo.lock", "rb") as file:
        text = file.read()
    checksums = {(lock["name"], lock["version"]): lock.get("checksum") for lock in tomllib.loads(text.decode())["package"]}
    packages = {(package["name"], package["version"]): package for package in metadata["packages"]}
    by_id = {package["id"]: key for key, package in packages.items()}
    own = next(package for package in metadata["packages"] if package["name"] == PACKAGE)
    keys = sorted(key for key in all_names if key != (own["name"], own["version"]))
    needs = {}
    for node in metadata["resolve"]["nodes"]:
        key = by_id[node["id"]]
        if key in all_names:
            kinds = [(by_id[need["pkg"]], need["dep_kinds"]) for need in node["deps"]]
            needs[key] = sorted({to for to, kinds in kinds if to in all_names and any(kind["kind"] != "dev" for kind in kinds)})
    when = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": "urn:uuid:%s" % uuid.uuid5(uuid.NAMESPACE_OID, text.decode() + own["version"]),
        "version": 1,
        "metadata": {
            "timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application", "bom-ref": purl(own["name"], own["version"]), "name": "fuma", "version": own["version"],
                "purl": purl(own["name"], own["version"]), "licenses": [{"expression": own["license"]}],
            },
        },
        "components": [component(packages[key], checksums.get(key), key in linked) for key in keys],
        "dependencies": [
            {"ref": purl(*key), "dependsOn": [purl(*to) for to in needs.get(key, [])]}
            for key in [(own["name"], own["version"]), *keys]
        ],
    }
    print(json.dumps(bom, indent=1))


main()
