//! A real Apache Kafka for tests: started by scripts/kafka on a free port, stopped when the last test lets go of it.
//!
//! Where FUMA_BOOTSTRAP is set, that one is used and nothing is started. FUMA_BROKERS=3 starts three brokers in the
//! place of one. What a broker said is kept where a test fails.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A running broker, or several.
pub struct Broker {
    bootstrap: String,
    own: Option<tempfile::TempDir>,
}

static SHARED: Mutex<Weak<Broker>> = Mutex::new(Weak::new());

impl Broker {
    /// One of its own.
    pub fn start() -> Broker {
        let count = std::env::var("FUMA_BROKERS").unwrap_or_default();
        if count.is_empty() || count == "1" {
            Broker::start_with(&[])
        } else {
            Broker::start_with(&["--brokers", &count])
        }
    }

    /// Three of its own, and a controller apart from them.
    pub fn start_three() -> Broker {
        Broker::start_with(&["--brokers", "3"])
    }

    /// One of its own, with a second port for TLS and passwords, and a third for TLS and certificates.
    pub fn start_secure() -> Broker {
        Broker::start_with(&["--secure"])
    }

    fn start_with(options: &[&str]) -> Broker {
        if let Ok(bootstrap) = std::env::var("FUMA_BOOTSTRAP") {
            return Broker { bootstrap, own: None };
        }
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().display().to_string();
        let bootstrap = run(&[&["up", "--dir", &folder], options].concat());
        Broker { bootstrap, own: Some(dir) }
    }

    /// The configuration of a client of the second port, if there is one: TLS and a password.
    pub fn secure_file(&self) -> Option<PathBuf> {
        self.file("secure.toml")
    }

    /// The configuration of a client of the third port, if there is one: TLS and a certificate of its own.
    pub fn certificate_file(&self) -> Option<PathBuf> {
        self.file("certificate.toml")
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.own.as_ref()?.path().join(name)).filter(|file| file.exists())
    }

    /// The one that tests of a process share while any of them has it.
    pub fn shared() -> Arc<Broker> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(broker) = shared.upgrade() {
            return broker;
        }
        let broker = Arc::new(Broker::start());
        *shared = Arc::downgrade(&broker);
        broker
    }

    /// host:port, with commas.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Runs a command of scripts/kafka on it (kill, restart, pause, resume); nothing where it is not ours.
    pub fn command(&self, name: &str) {
        self.run(&[name]);
    }

    /// The same with arguments: `--node 2` means one of several, and Kafka's own tools have theirs.
    pub fn run(&self, words: &[&str]) -> String {
        let Some(dir) = &self.own else { return String::new() };
        let dir = dir.path().display().to_string();
        let (first, rest) = words.split_first().unwrap();
        run(&[&[*first, "--dir", &dir], rest].concat())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let Some(dir) = &mut self.own else { return };
        let path = dir.path().display().to_string();
        let is_kept = std::thread::panicking();
        let options: &[&str] = if is_kept { &["down", "--dir", &path] } else { &["down", "--dir", &path, "--wipe"] };
        let _ = Command::new(script()).args(options).output();
        if is_kept {
            dir.disable_cleanup(true);
            eprintln!("what the broker said is kept in {path}");
        }
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka")
}

fn run(arguments: &[&str]) -> String {
    let output = Command::new(script()).args(arguments).output().unwrap();
    assert!(output.status.success(), "scripts/kafka {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
