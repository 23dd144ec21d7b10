//! A broker that wants TLS and a password: the service and the commands reach it by their configuration, and where they
//! cannot, they say what is wrong.

use std::process::{Command, Output};

use crate::broker::Broker;
use crate::feeds::{FUMA, feeds};
use crate::installation::{Installation, ZHEJIANG, refused};

const PASSWORD: &str = "FUMA__KAFKA__CLIENT__SASL_PASSWORD";
const CERTIFICATES: &str = "FUMA__KAFKA__CLIENT__SSL_CA_LOCATION";

#[test]
fn tls_and_passwords_work_and_what_is_wrong_with_them_is_said() {
    let _alone = crate::alone();
    let broker = Broker::start_secure();
    let Some(config) = broker.secure_file() else {
        eprintln!("FUMA_BOOTSTRAP names the broker: it is as it is");
        return;
    };
    let installation = Installation::configured(broker.bootstrap(), config);
    let mut announced = installation.announced();
    let [first, _] = feeds().halves();
    let process = installation.start("one", ZHEJIANG, None);
    installation.send(&[&first], "100000").finish();
    let settled = announced.settle(&|| feeds().expected(ZHEJIANG, false));
    assert!(settled.is_ok() && process.end(), "{settled:?}\n{}", installation.logs());

    let check =
        |mechanism: &str| installation.command(&["topics", "check", "-X", &format!("sasl.mechanism={mechanism}")]);
    let checked = check("PLAIN").output().unwrap();
    assert!(checked.status.success(), "{}", said(&checked));
    for wrong in [installation.service("two", ZHEJIANG), check("SCRAM-SHA-512"), check("PLAIN")] {
        is_said(with(wrong, PASSWORD, "hunter2"), &["password"]);
    }
    by_certificate(&broker, &installation);
    let other = installation.folder.path().join("other.pem");
    std::fs::write(&other, OTHER).unwrap();
    for wrong in [installation.service("two", ZHEJIANG), check("PLAIN")] {
        is_said(with(wrong, CERTIFICATES, other.to_str().unwrap()), &["certificate"]);
    }
}

/// A client's own certificate in place of a password.
fn by_certificate(broker: &Broker, installation: &Installation) {
    let config = broker.certificate_file().unwrap();
    let without = installation.folder.path().join("without.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let lines = text.lines().filter(|line| !line.contains("keystore"));
    std::fs::write(&without, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let certified = Installation::configured(broker.bootstrap(), config);
    let [first, _] = feeds().halves();
    certified.send(&[&first], "100000").finish();
    let mut uncertified = Command::new(FUMA);
    uncertified.args(["topics", "check", "--config"]).arg(without).env_remove("FUMA_BOOTSTRAP");
    is_said(uncertified, &["certificate"]);
}

fn with(mut command: Command, name: &str, value: &str) -> Command {
    command.env(name, value);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// It ends by itself, saying so, and without what it was given.
fn is_said(command: Command, words: &[&str]) {
    let output = refused(command);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(words.iter().all(|word| said.contains(word)) && !said.contains("hunter2"), "{said}");
}

/// A certificate that signed nothing here.
const OTHER: &str = "-----BEGIN CERTIFICATE-----
MIIBeDCCAR2gAwIBAgIURnJdCviKWbyRqtXH8LwJ2J3vUWUwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFb3RoZXIwIBcNMjYxMTIxMTkzOTAyWhgPMjEyNjEwMjgxOTM5
MDJaMBAxDjAMBgNVBAMMBW90aGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
pXqwFrqXhDGRiIwKgk25AUUydJs6u2EiotdbZHU0atpNq2sG3+uGzxUZqQYcvr91
MEOl+QNUBvLEkVKc1jaeq6NTMFEwHQYDVR0OBBYEFGWrADglpXGMBD/3JS+D1x9g
pSbyMB8GA1UdIwQYMBaAFGWrADglpXGMBD/3JS+D1x9gpSbyMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAKVClzyezfxEaDFmaLLdBTP7l+jKprLx
wFYoI4BBTX+PAiEAttwsiZVMaIr92wm1py9R8DfZTWbHSfxovHg9eAd5E1Q=
-----END CERTIFICATE-----
";
