"""A Python wheel that carries the program: scripts/package calls it with the tree (bin/, share/), the version and the folder for it.

The wheel has no Python code: its one script is the program, beside it man pages and completions. `pip install` and `pipx install`
of it put `fuma` on the PATH. Its tag says `linux_<machine>`, not `manylinux`: the program needs the system's OpenSSL 3 and a C library
at least as new as that of the machine on which it was built. Two runs on one tree give the same bytes.
"""

import base64
import hashlib
import os
import platform
import sys
import time
import zipfile

METADATA = """\
Metadata-Version: 2.1
Name: fuma
Version: {version}
Summary: Recomputes health-code colours from streams of evidence, with the rule and clause behind each change
License: Apache-2.0
Requires-Python: >=3.7
Description-Content-Type: text/markdown

"""

WHEEL = """\
Wheel-Version: 1.0
Generator: fuma scripts/package
Root-Is-Purelib: false
Tag: py3-none-linux_{machine}
"""


def main():
    tree, version, out = sys.argv[1:]
    machine = platform.machine()
    info, data = "fuma-%s.dist-info" % version, "fuma-%s.data" % version
    with open(os.path.join(tree, "share/doc/fuma/README.md"), encoding="utf-8") as file:
        readme = file.read()
    files = {
        "%s/METADATA" % info: METADATA.format(version=version).encode() + readme.encode(),
        "%s/WHEEL" % info: WHEEL.format(machine=machine).encode(),
    }
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), tree)
            place = "%s/scripts/fuma" % data if path == "bin/fuma" else "%s/data/%s" % (data, path)
            with open(os.path.join(folder, name), "rb") as file:
                files[place] = file.read()
    record = []
    for place, contents in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(contents).digest()).rstrip(b"=").decode()
        record.append("%s,sha256=%s,%d" % (place, digest, len(contents)))
    record.append("%s/RECORD,," % info)
    files["%s/RECORD" % info] = ("\n".join(record) + "\n").encode()
    when = time.gmtime(max(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), 315532800))[:6]
    with zipfile.ZipFile(os.path.join(out, "fuma-%s-py3-none-linux_%s.whl" % (version, machine)), "w") as wheel:
        for place, contents in sorted(files.items()):
            entry = zipfile.ZipInfo(place, when)
            entry.external_attr = (0o100755 if "/scripts/" in place else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, contents)


main()
