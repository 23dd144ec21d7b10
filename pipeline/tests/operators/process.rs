//! `fuma run` as an operator starts it, with a port for metrics.
//!
//! Owns the process: it ends with the test.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub(crate) const FUMA: &str = env!("CARGO_BIN_EXE_fuma");
const KEY: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
const PATIENCE: Duration = Duration::from_secs(60);

/// A service.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    /// Where its part of the file begins: under the same name one may have run before.
    begins: usize,
    address: String,
}

/// `fuma` with arguments, and nothing of the environment that says where a log is.
pub(crate) fn fuma(arguments: &[&str]) -> Command {
    let mut command = Command::new(FUMA);
    command.args(arguments).env_remove("FUMA_BOOTSTRAP").env_remove("FUMA_STATE").env("FUMA_KEY", KEY);
    command
}

/// What a command printed; it must end well.
pub(crate) fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Feeds of an invented district of the last days, as `fuma demo` makes them.
pub(crate) fn feeds(folder: &Path, people: &str) -> PathBuf {
    let feeds = folder.join("feeds");
    let options = ["demo", "--feeds-only", "--people", people, "--days", "14", "--days-ago", "14", "--out-dir"];
    let made = fuma(&options).arg(&feeds).output();
    let made = made.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    feeds
}

impl Process {
    /// `fuma run` with arguments, a state folder and any free port.
    pub(crate) fn start(folder: &Path, name: &str, arguments: &[&str]) -> Process {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let begins = usize::try_from(file.metadata().unwrap().len()).unwrap();
        let mut command = fuma(&["run", "--http", "127.0.0.1:0", "--state"]);
        command.arg(folder.join(name));
        if !arguments.contains(&"--policy") {
            command.args(["--policy", "zhejiang-2020-109"]);
        }
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let child = command.spawn().unwrap();
        let mut process = Process { child, log, begins, address: String::new() };
        process.until("its port is told", |process| {
            let text = process.said();
            let Some((_, rest)) = text.split_once("metrics and probes address=") else { return false };
            process.address = rest.split_whitespace().next().unwrap().to_owned();
            true
        });
        process
    }

    /// What it has written to its log.
    pub(crate) fn said(&self) -> String {
        let all = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(all.get(self.begins..).unwrap_or_default()).into_owned()
    }

    /// Status and body; 0 where nobody answers.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.get_with(path, "")
    }

    /// The same with more headers, each with its line end.
    pub(crate) fn get_with(&self, path: &str, headers: &str) -> (u16, String) {
        let Ok(mut stream) = TcpStream::connect(&self.address) else { return (0, String::new()) };
        let asked = write!(stream, "GET {path} HTTP/1.1\r\nHost: fuma\r\n{headers}Connection: close\r\n\r\n");
        let mut answer = String::new();
        if asked.and_then(|()| stream.read_to_string(&mut answer)).is_err() {
            return (0, String::new());
        }
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        (head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0), body.to_owned())
    }

    pub(crate) fn metrics(&self) -> String {
        self.get("/metrics").1
    }

    /// Waits until something holds.
    pub(crate) fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Process) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(
                begun.elapsed() < PATIENCE,
                "{what}: not so after {PATIENCE:?}\n{}\n{}",
                self.get("/readyz").1,
                self.said()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn until_ready(&mut self) {
        self.until("it is ready", |process| process.get("/readyz").0 == 200);
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits.
    pub(crate) fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success(), "{}", self.said());
        self.said()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service that has to end by itself, and how long that took.
pub(crate) fn refused(folder: &Path, arguments: &[&str]) -> (Output, Duration) {
    let begun = Instant::now();
    let mut command = fuma(&["run", "--policy", "zhejiang-2020-109", "--state"]);
    let output = command.arg(folder.join("refused")).args(arguments).stdin(Stdio::null()).output().unwrap();
    (output, begun.elapsed())
}
