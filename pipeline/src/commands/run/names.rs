//! What a process is called, and where others find its port.
//!
//! Owns the names of the status log: letters, digits and `-`, and never the same twice.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;

/// The longest part that is taken of a host's or an instance's name.
const PART_MAX: usize = 64;

/// The name of this process: that of its instance, which it keeps over a restart, else host, number and chance.
pub(super) fn process(instance: Option<&str>) -> String {
    let word = |text: &str| -> String {
        text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).take(PART_MAX).collect()
    };
    match instance {
        Some(instance) => word(instance),
        None => {
            // Two processes of one host and one number: containers.
            let chance = RandomState::new().hash_one(()) as u32;
            format!("{}-{}-{chance:08x}", word(&host()), std::process::id())
        }
    }
}

/// Where others find the port: one that listens everywhere is found by the host's name.
pub(super) fn advertised(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("{}:{}", host(), address.port()) } else { address.to_string() }
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_an_instance_keeps_its_own() {
        assert_eq!(process(Some("fuma.0")), "fuma-0");
        let (one, other) = (process(None), process(None));
        assert_ne!(one, other);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{one}");
    }

    #[test]
    fn a_port_that_listens_everywhere_is_found_by_the_hosts_name() {
        assert_eq!(advertised(SocketAddr::from(([127, 0, 0, 1], 9464))), "127.0.0.1:9464");
        let everywhere = advertised(SocketAddr::from(([0, 0, 0, 0], 9464)));
        assert!(!everywhere.starts_with("0.0.0.0") && everywhere.ends_with(":9464"), "{everywhere}");
    }
}
