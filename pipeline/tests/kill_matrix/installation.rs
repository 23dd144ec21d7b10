//! Topics, a group and folders of a case; processes of `fuma run` that can die.
//!
//! Owns the processes: they end with the case. What they said is kept where a case fails.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::announced::Announced;
use crate::feeds::{FUMA, KEY, feeds};

pub(crate) const ZHEJIANG: &str = "zhejiang-2020-109";
pub(crate) const CHONGQING: &str = "chongqing-2021-24";
pub(crate) const PARTITIONS: &str = "4";
/// Members that are silent for so long are taken for dead.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(6);

/// One installation of fuma.
pub(crate) struct Installation {
    pub(crate) bootstrap: String,
    pub(crate) prefix: String,
    pub(crate) folder: tempfile::TempDir,
    /// The configuration by which processes reach the broker, where that is not its address alone.
    pub(crate) config: Option<PathBuf>,
}

impl Installation {
    /// With topics.
    pub(crate) fn new(bootstrap: &str) -> Installation {
        let installation = Installation::bare(bootstrap);
        installation.create_topics(PARTITIONS);
        installation
    }

    /// Without.
    pub(crate) fn bare(bootstrap: &str) -> Installation {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let prefix = format!("k{}-{number}.", std::process::id());
        Installation { bootstrap: bootstrap.to_owned(), prefix, folder, config: None }
    }

    /// With topics; its processes reach the broker as a configuration says.
    pub(crate) fn configured(bootstrap: &str, config: PathBuf) -> Installation {
        let mut installation = Installation::bare(bootstrap);
        installation.config = Some(config);
        installation.create_topics(PARTITIONS);
        installation
    }

    /// Says to a process where the broker is.
    fn reach(&self, command: &mut Command) {
        match &self.config {
            Some(config) => command.arg("--config").arg(config),
            None => command.args(["--bootstrap", &self.bootstrap]),
        };
    }

    pub(crate) fn create_topics(&self, partitions: &str) {
        let output = self.command(&["topics", "create", "--partitions", partitions]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// `fuma <arguments>` on this broker, with this prefix.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(FUMA);
        command.args(arguments).args(["--prefix", &self.prefix]).env_remove("FUMA_BOOTSTRAP");
        self.reach(&mut command);
        command
    }

    /// Sends files or folders at a rate, in the background.
    pub(crate) fn send(&self, what: &[&Path], rate: &str) -> Sender {
        let file = |name: &str| self.folder.path().join(name);
        let log = File::options().create(true).append(true).open(file("send.log")).unwrap();
        let mut command = self.command(&["send", "--rate", rate]);
        command.arg("--resume").arg(file("sent")).args(what).stdout(Stdio::null()).stderr(log);
        Sender { child: command.spawn().unwrap(), command }
    }

    /// Follows the changes.
    pub(crate) fn announced(&self) -> Announced {
        Announced::follow(&self.bootstrap, &self.prefix)
    }

    /// `fuma run` with folders of its own, prepared: `name` says which process of the installation it is.
    pub(crate) fn service(&self, name: &str, pack: &str) -> Command {
        let mut command = Command::new(FUMA);
        command
            .args(["run", "--policy", pack])
            .args(["--group", self.prefix.trim_end_matches('.')])
            .args(["--workers", "1", "--http", "off", "--local-snapshots", "--state"])
            .arg(self.folder.path().join(name))
            .arg("--owners")
            .arg(feeds().owners())
            .env_remove("FUMA_BOOTSTRAP")
            .env("FUMA_KEY", KEY)
            .env("FUMA__KAFKA__PREFIX", &self.prefix)
            .env("FUMA__KAFKA__CONSUMER__SESSION_TIMEOUT_MS", SESSION_TIMEOUT.as_millis().to_string())
            .env("FUMA__SNAPSHOTS__URL", self.folder.path().join("snapshots"))
            .env("FUMA__SNAPSHOTS__RECORDS", "20")
            .env("FUMA__GUARD__TIERS_SETTLE", "100ms")
            .env("FUMA__SNAPSHOTS__EVERY", "2s")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        self.reach(&mut command);
        command
    }

    /// Starts it; `fault` as FUMA_FAULT says it.
    pub(crate) fn start(&self, name: &str, pack: &str, fault: Option<&str>) -> Process {
        let mut command = self.service(name, pack);
        if let Some(fault) = fault {
            command.env("FUMA_FAULT", fault);
        }
        Process::spawn(command, self.folder.path().join(format!("{name}.log")))
    }

    /// Starts it, and waits for its end, which has to come by itself.
    pub(crate) fn refused(&self, name: &str) -> Output {
        refused(self.service(name, ZHEJIANG))
    }

    /// Keeps what the processes said: something went wrong.
    pub(crate) fn keep(&mut self) {
        self.folder.disable_cleanup(true);
        eprintln!("what the processes said is kept in {}", self.folder.path().display());
    }

    /// The last lines of what the processes said.
    pub(crate) fn logs(&self) -> String {
        let mut text = String::new();
        let mut paths: Vec<PathBuf> =
            fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "log")) {
            let log = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default();
            text.push_str(&format!("--- {}\n{}\n", path.display(), last.join("\n")));
        }
        text
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep();
        }
    }
}

/// Starts a process, and waits for its end, which has to come by itself.
pub(crate) fn refused(mut command: Command) -> Output {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    waited(|| child.try_wait().unwrap().is_some());
    let _ = child.kill();
    child.wait_with_output().unwrap()
}

/// Waits for something, a minute of this process's own time: a machine that sleeps meanwhile is no failure.
fn waited(mut is_so: impl FnMut() -> bool) -> bool {
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    for _ in 0..3000 {
        if is_so() {
            return true;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    false
}

/// `fuma send` under way.
pub(crate) struct Sender {
    child: Child,
    command: Command,
}

impl Sender {
    /// Waits until all was sent; what gave up, because the broker was away for long, goes on where it was.
    pub(crate) fn finish(mut self) {
        for _ in 0..10 {
            if self.child.wait().unwrap().success() {
                return;
            }
            self.child = self.command.spawn().unwrap();
        }
        panic!("not all was sent");
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process of `fuma run`.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it, with what it says going to a file.
    pub(crate) fn spawn(mut command: Command, log: PathBuf) -> Process {
        let file = File::options().create(true).append(true).open(&log).unwrap();
        Process { child: command.stderr(file).spawn().unwrap(), log }
    }

    /// Waits until its log, from the first start on, holds a text.
    pub(crate) fn wait_until_it_says(&self, text: &str) {
        let says = || fs::read_to_string(&self.log).unwrap().contains(text);
        assert!(waited(says), "{text:?} is never said: {}", fs::read_to_string(&self.log).unwrap());
    }

    /// Waits until its fault has killed it, or stopped it; false if that does not happen.
    pub(crate) fn wait_for_fault(&mut self, kills: bool) -> bool {
        waited(|| if kills { !self.runs() } else { self.is_stopped() })
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    fn is_stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
    }

    fn signal(&self, signal: &str) {
        let _ = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
    }

    /// A stopped one goes on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    /// Ends in order; whether it did.
    pub(crate) fn end(mut self) -> bool {
        self.signal("-TERM");
        self.child.wait().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
