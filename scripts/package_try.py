"""Installs each package that scripts/package made in a clean root or environment, and uses it there as a newcomer would.

    scripts/package --try        or: python3 scripts/package_try.py DIR VERSION

Used means: the version, feeds of an invented district, a replay of them with changes, and in the image a service that becomes
ready, answers its health check and ends in order. What this machine has no tool for (mmdebstrap, zsh, fish, pipx ...) is
named; it is never counted as tried. Ends with 1 where anything failed.
"""

import glob
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

OUT, VERSION = os.path.abspath(sys.argv[1]), sys.argv[2]
PACK = "zhejiang-2020-109"
CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8"}


class Failed(Exception):
    pass


class Missing(Exception):
    """A tool that is not here: nothing was tried."""


def hold(holds, message):
    if not holds:
        raise Failed(message)


def one(pattern):
    found = glob.glob(os.path.join(OUT, pattern))
    hold(len(found) == 1, "%s: %d files" % (pattern, len(found)))
    return found[0]


def run(*words, environment=CLEAN, **more):
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    hold(done.returncode == 0, "%s: exit code %d\n%s" % (shlex.join(words), done.returncode, done.stdout[-2000:]))
    return done.stdout


def tool(name):
    path = shutil.which(name)
    if path is None:
        raise Missing("%s is not here" % name)
    return path


def use(fuma, folder, environment=CLEAN):
    """Uses an installed program: no broker, no files but those that it makes."""
    os.makedirs(folder)
    home = {**environment, "HOME": folder}
    said = run(fuma, "--version", environment=home).strip()
    hold(said == "fuma %s" % VERSION, "--version says %r" % said)
    run(fuma, "demo", "--feeds-only", "--out-dir", "feeds", "--people", "500", "--days", "10", environment=home, cwd=folder)
    run(fuma, "replay", "--policy", PACK, "--feeds", "feeds", "--key-file", "feeds.key", "--out", "changes.ndjson",
        environment=home, cwd=folder)
    with open(os.path.join(folder, "changes.ndjson"), encoding="utf-8") as file:
        changes = [json.loads(line) for line in file]
    hold(len(changes) > 0 and all(change["policy"] == PACK for change in changes), "%d changes" % len(changes))


def pages(folder):
    """The man pages as `man` shows them."""
    found = sorted(glob.glob(os.path.join(folder, "fuma*.1*")))
    hold(len(found) > 15, "%d man pages" % len(found))
    for page in found:
        text = run(tool("man"), "--warnings=w", "-l", page, environment={**CLEAN, "MANWIDTH": "100", "MANPAGER": "cat"})
        hold("SYNOPSIS" in text and "warning" not in text, "%s: %s" % (page, text[:500]))
    said = run("man", "-l", next(page for page in found if "fuma-run.1" in page), environment={**CLEAN, "MANPAGER": "cat"})
    hold("--create-topics" in said and "Exit codes" in said, said[:1000])


def completes_bash(file):
    script = 'source "$1"; COMP_WORDS=(fuma pol); COMP_CWORD=1; COMPREPLY=(); _fuma fuma pol fuma; printf "%s\\n" "${COMPREPLY[@]}"'
    said = run("bash", "-c", script, "bash", file)
    hold(said.split() == ["policy"], "bash completes `fuma pol` to %r" % said)


def completes_zsh(file):
    run(tool("zsh"), "-f", "-c", "autoload -U compinit && compinit -D && source %s && [[ ${_comps[fuma]} = _fuma ]]" % file)


def completes_fish(file):
    said = run(tool("fish"), "--no-config", "-c", "source %s; complete --do-complete 'fuma pol'" % file)
    hold(said.startswith("policy"), "fish completes `fuma pol` to %r" % said)


def try_sums(_):
    with open(os.path.join(OUT, "SHA256SUMS"), encoding="utf-8") as file:
        sums = dict(reversed(line.split()) for line in file)
    hold(len(sums) == 4, "SHA256SUMS names %s" % sorted(sums))
    for name, digest in sums.items():
        with open(os.path.join(OUT, name), "rb") as file:
            hold(hashlib.sha256(file.read()).hexdigest() == digest, "%s: another checksum" % name)


def try_sbom(_):
    with open(one("*.cdx.json"), encoding="utf-8") as file:
        bom = json.load(file)
    names = {part["name"] for part in bom["components"]}
    hold({"datafusion", "rdkafka-sys", "openssl-sys", "fuma-connectors"} <= names, "parts are missing: %d" % len(names))
    hold(not names & {"proptest", "criterion", "jsonschema"}, "tools of the tests are no parts")
    refs = {part["bom-ref"] for part in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
    for entry in bom["dependencies"]:
        hold(entry["ref"] in refs and set(entry["dependsOn"]) <= refs, "%s depends on what is not listed" % entry["ref"])
    lacks = [part["name"] for part in bom["components"] if not part["name"].startswith("fuma-") and not part.get("hashes")]
    hold(not lacks, "without a checksum: %s" % lacks)


def try_tarball(scratch):
    with tarfile.open(one("*.tar.gz")) as tar:
        tar.extractall(scratch, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(scratch)
    root = one_folder(scratch)
    use(os.path.join(root, "bin/fuma"), os.path.join(scratch, "used"))
    pages(os.path.join(root, "share/man/man1"))
    for wanted in ("docs/operations.md", "deploy/kubernetes.yaml", "deploy/prometheus-rules.yaml", "LICENSE", "fuma.toml"):
        hold(os.path.exists(os.path.join(root, "share/doc/fuma", wanted)), "%s is missing" % wanted)


def one_folder(scratch):
    (name,) = os.listdir(scratch)
    return os.path.join(scratch, name)


def try_deb(scratch):
    deb = one("*.deb")
    fields = run("dpkg-deb", "--field", deb)
    hold(re.search(r"^Depends: .*libc6.*libssl3", fields, re.M), fields)
    root = os.path.join(scratch, "root")
    run("dpkg-deb", "-x", deb, root)
    run("dpkg-deb", "-e", deb, os.path.join(scratch, "control"))
    run("md5sum", "--check", "--quiet", os.path.join(scratch, "control/md5sums"), cwd=root)
    use(os.path.join(root, "usr/bin/fuma"), os.path.join(scratch, "used"))
    pages(os.path.join(root, "usr/share/man/man1"))
    config = os.path.join(root, "etc/fuma/fuma.toml")
    said = run(os.path.join(root, "usr/bin/fuma"), "config", "check", config)
    hold("ok" in said, said)


def try_unit(scratch):
    root = os.path.join(scratch, "root")
    run("dpkg-deb", "-x", one("*.deb"), root)
    # The program has to be where the unit says.
    unit = os.path.join(root, "lib/systemd/system/fuma.service")
    with open(unit, encoding="utf-8") as file:
        text = file.read()
    copy = os.path.join(scratch, "fuma.service")
    with open(copy, "w", encoding="utf-8") as file:
        file.write(text.replace("/usr/bin/fuma", os.path.join(root, "usr/bin/fuma")))
    said = run(tool("systemd-analyze"), "verify", "--man=no", copy)
    hold("fuma.service" not in said, said)


def try_wheel(scratch):
    venv = os.path.join(scratch, "venv")
    run(sys.executable, "-m", "venv", venv)
    run(os.path.join(venv, "bin/pip"), "install", "--quiet", "--no-index", "--disable-pip-version-check", one("*.whl"))
    use(os.path.join(venv, "bin/fuma"), os.path.join(scratch, "used"))
    hold(os.path.exists(os.path.join(venv, "share/man/man1/fuma-run.1")), "no man pages")
    run(os.path.join(venv, "bin/pip"), "uninstall", "--quiet", "--yes", "fuma")
    hold(not os.path.exists(os.path.join(venv, "bin/fuma")), "pip uninstall leaves the program")


def try_pipx(scratch):
    pipx = shutil.which("pipx")
    words = [pipx]
    if pipx is None:
        venv = os.path.join(scratch, "pipx")
        run(sys.executable, "-m", "venv", venv)
        got = subprocess.run([os.path.join(venv, "bin/pip"), "install", "--quiet", "pipx"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, check=False)
        if got.returncode != 0:
            raise Missing("pipx is not here, and cannot be fetched")
        words = [os.path.join(venv, "bin/python"), "-m", "pipx"]
    home = os.path.join(scratch, "home")
    places = {**os.environ, "HOME": home, "PIPX_HOME": os.path.join(home, "pipx"), "PIPX_BIN_DIR": os.path.join(home, "bin"),
              "PIPX_MAN_DIR": os.path.join(home, "man"), "PIPX_DEFAULT_PYTHON": sys.executable}
    run(*words, "install", one("*.whl"), environment=places)
    use(os.path.join(home, "bin/fuma"), os.path.join(scratch, "used"))


def completions_of(scratch):
    with tarfile.open(one("*.tar.gz")) as tar:
        tar.extractall(scratch)
    return os.path.join(one_folder(scratch), "share")


def try_bash(scratch):
    completes_bash(os.path.join(completions_of(scratch), "bash-completion/completions/fuma"))


def try_zsh(scratch):
    completes_zsh(os.path.join(completions_of(scratch), "zsh/site-functions/_fuma"))


def try_fish(scratch):
    completes_fish(os.path.join(completions_of(scratch), "fish/vendor_completions.d/fuma.fish"))


class Image:
    """The steps of the Dockerfile on a root that mmdebstrap makes, without a container engine."""

    def __init__(self, root, context):
        self.root, self.context = root, context
        self.environment, self.user, self.folder = dict(CLEAN), "0:0", "/"
        self.entry, self.command, self.health, self.volumes = [], [], [], []

    def words(self, words, user, read_only=False):
        """A command in the root, with /proc and /dev; as in the cluster the root may be read only, but for the volumes."""
        mounts = ["mount -t proc proc %s/proc" % self.root, "mount --rbind /dev %s/dev" % self.root]
        if read_only:
            mounts += ["mount --bind %s %s" % (self.root, self.root)]
            mounts += ["mount --bind %s%s %s%s" % (self.root, volume, self.root, volume) for volume in self.volumes]
            mounts = mounts[2:] + mounts[:2] + ["mount -o remount,ro,bind %s" % self.root]
        inner = "cd %s && exec \"$@\"" % shlex.quote(self.folder)
        values = ["%s=%s" % pair for pair in self.environment.items()]
        chroot = ["chroot", "--userspec=%s" % user, self.root, "env", "-i", *values, "bash", "-c", inner, "bash", *words]
        return ["unshare", "--mount", "bash", "-c", " && ".join(mounts) + " && exec \"$@\"", "bash", *chroot]

    def build(self):
        with open(os.path.join(self.context, "Dockerfile"), encoding="utf-8") as file:
            text = re.sub(r"^#.*\n", "", file.read(), flags=re.M).replace("\\\n", " ")
        for line in filter(None, map(str.strip, text.splitlines())):
            word, rest = line.split(None, 1)
            self.step(word, rest.strip())

    def step(self, word, rest):
        if word == "FROM":
            hold(rest == "debian:12-slim", "the root is made for debian:12-slim, not %s" % rest)
        elif word == "COPY":
            pattern, place = rest.split()
            for file in glob.glob(os.path.join(self.context, pattern)):
                shutil.copy(file, self.root + place)
        elif word == "RUN":
            run(*self.words(["bash", "-c", rest], self.user), environment={**os.environ})
        elif word == "ENV":
            name, _, value = rest.partition("=")
            self.environment[name] = value
        elif word == "WORKDIR":
            self.folder = rest
        elif word == "USER":
            self.user = rest
        elif word == "VOLUME":
            self.volumes.append(rest)
        elif word == "HEALTHCHECK":
            self.health = json.loads(rest.partition("CMD")[2])
        elif word == "ENTRYPOINT":
            self.entry = json.loads(rest)
        elif word == "CMD":
            self.command = json.loads(rest)
        else:
            hold(word in ("EXPOSE", "STOPSIGNAL"), "this script does not know %s" % word)


def try_image(scratch):
    if os.geteuid() != 0:
        raise Missing("a root for the image needs root")
    root = os.path.join(scratch, "root")
    tool("mmdebstrap")
    run("mmdebstrap", "--quiet", "--variant=minbase", "bookworm", root, environment=dict(os.environ))
    for file in ("/etc/resolv.conf", "/etc/hosts"):
        shutil.copy(file, root + file)
    # The package registry of this machine, as Docker's build would reach one.
    for folder in ("apt.conf.d", "sources.list.d", "trusted.gpg.d"):
        shutil.rmtree("%s/etc/apt/%s" % (root, folder), ignore_errors=True)
        shutil.copytree("/etc/apt/%s" % folder, "%s/etc/apt/%s" % (root, folder))
    image = Image(root, os.path.join(OUT, "image"))
    image.build()
    hold(image.user.split(":")[0] not in ("", "0", "root"), "the image runs as %s" % image.user)
    serve(image, root + "/var/lib/fuma")


def serve(image, state):
    def inside(*words):
        return run(*image.words([*image.entry, *words], image.user, read_only=True), environment=dict(os.environ))

    inside("demo", "--feeds-only", "--out-dir", "feeds", "--people", "500", "--days", "10", "--days-ago", "10")
    healthy = lambda: subprocess.run(image.words(image.health, image.user), stderr=subprocess.DEVNULL, check=False).returncode == 0
    hold(not healthy(), "the health check passes before anything runs")
    words = [*image.entry, *image.command, "--policy", PACK, "--key-file", "feeds.key", "--watch", "feeds"]
    with open(os.path.join(state, "run.log"), "w+b") as log:
        service = subprocess.Popen(image.words(words, image.user, read_only=True), stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 60
            while not (healthy() and "code changes" in said(log) + tailed(inside)):
                hold(service.poll() is None and time.monotonic() < deadline, "the service does not serve:\n%s" % said(log))
                time.sleep(0.5)
            service.send_signal(signal.SIGTERM)
            hold(service.wait(40) == 0, "SIGTERM: exit code %s\n%s" % (service.returncode, said(log)))
        finally:
            if service.poll() is None:
                service.kill()


def said(log):
    log.seek(0)
    return log.read().decode("utf-8", "replace")


def tailed(inside):
    """That changes were announced."""
    lines = inside("tail", "--state", "/var/lib/fuma", "--from-beginning", "--until-idle", "1", "--json").splitlines()
    return "code changes" if any(line.startswith("{") for line in lines) else ""


TRIED = [try_sums, try_sbom, try_tarball, try_deb, try_unit, try_wheel, try_pipx, try_bash, try_zsh, try_fish, try_image]


def main():
    passed, failed, missing = 0, [], []
    for trial in TRIED:
        name = trial.__name__[4:]
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="fuma-try-") as scratch:
            try:
                trial(scratch)
                passed += 1
                print("tried    %-8s %.1f s" % (name, time.monotonic() - begun))
            except Missing as reason:
                missing.append(name)
                print("not tried %s: %s" % (name, reason))
            except Failed as reason:
                failed.append(name)
                print("FAILED   %s: %s" % (name, reason))
    print("%d passed, %d failed, %d skipped" % (passed, len(failed), len(missing)))
    sys.exit(1 if failed else 0)


main()
