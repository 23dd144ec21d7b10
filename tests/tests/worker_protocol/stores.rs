//! A store that is away, mixed up or damaged is not an empty one; and whose a snapshot is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fuma_connectors::log::Topic;
use fuma_pipeline::live::partitions::ParkReason;
use fuma_pipeline::live::snapshot::{SnapshotStore, series_of_partition};
use fuma_pipeline::live::worker::owned::Owned;
use fuma_pipeline::live::worker::restore::RestoreError;
use fuma_pipeline::live::worker::snapshots::Snapshots;
use fuma_tests::live::lines::{listing, person, retracted_listing};
use fuma_tests::live::{EvidenceFeed, Member, Setup};

use crate::faulty::{FaultyLog, Gate, Meanwhile, Sleep};
use crate::whole::{refusal, take_over};
use crate::{DAY, Stage, step, zhejiang};

/// A folder of a test's own.
fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("fuma-stores-{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn snapshots(folder: &Path, records: u64) -> Snapshots {
    let store = SnapshotStore::folder(folder).unwrap();
    let (place, every) = (folder.display().to_string(), Duration::from_secs(1_000 * 86_400));
    Snapshots { store, place, every, records, at_stop: Duration::ZERO }
}

fn setup(snapshots: &Snapshots) -> Setup {
    Setup { snapshots: Some(snapshots.clone()), ..Setup::of(zhejiang()) }
}

/// Turns until the owner knows of a snapshot at an offset.
fn until_written(stage: &Stage, member: &Member, offset: u64) {
    for _ in 0..20_000 {
        let is_known = |owned: &Owned| owned.snapshot >= Some(offset);
        if member.process().worker().is_some_and(|worker| worker.owned().any(is_known)) {
            return;
        }
        member.turn().unwrap();
        stage.cluster.advance(1);
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no snapshot");
}

/// Four people, two snapshots, and a log that was trimmed up to the older of them; the owner is gone.
fn trimmed(test: &str) -> (Stage, Snapshots, PathBuf) {
    let mut stage = Stage::new();
    let folder = folder(test);
    let snapshots = snapshots(&folder, 2);
    let a = Member::new(&stage.cluster, "a", setup(&snapshots));
    a.run(300);
    for number in 0..4 {
        stage.feed.write(&[listing(person(number), "l1", "red", stage.now(), DAY)]);
        a.run(300);
        if number % 2 == 1 {
            until_written(&stage, &a, u64::from(number) + 1);
        }
    }
    stage.feed.write(&[listing(person(4), "l1", "red", stage.now(), DAY)]);
    a.run(300);
    a.die();
    stage.cluster.retain_from(Topic::Evidence, 0, 2);
    assert!(stage.cluster.position(0).metadata.contains("snapshot=4"), "{}", stage.cluster.position(0).metadata);
    (stage, snapshots, folder)
}

fn is_whole(stage: &Stage, snapshots: &Snapshots) {
    let owned = take_over(stage, &setup(snapshots)).unwrap();
    assert_eq!((owned.partition.colours(), owned.sweep.is_empty()), ([0, 0, 5], true));
}

/// P-16. A folder that is not there (a mount that failed) says nothing about snapshots: the partition waits, and goes
/// on once it is back. It is not made anew by reading, nor by writing.
#[test]
fn a_folder_that_is_not_there_is_waited_for() {
    let (stage, snapshots, folder) = trimmed("away");
    let elsewhere = folder.with_extension("elsewhere");
    let _ = std::fs::remove_dir_all(&elsewhere);
    std::fs::rename(&folder, &elsewhere).unwrap();
    let (error, reason) = refusal(&stage, &setup(&snapshots));
    assert!(matches!(error, RestoreError::Store { partition: 0, .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&folder.display().to_string()) && !text.contains("send"), "{text}");
    assert_eq!(reason, Some(ParkReason::Store));
    assert!(ParkReason::Store.passes(), "it is tried again by itself");
    assert!(snapshots.store.begin(&series_of_partition(0), Default::default()).is_err());
    assert!(!folder.exists(), "nothing made it anew");
    std::fs::rename(&elsewhere, &folder).unwrap();
    is_whole(&stage, &snapshots);
    let _ = std::fs::remove_dir_all(&folder);
}

/// P-16. A log that is whole needs no store: it is read instead, under a position that is known.
#[test]
fn without_the_store_a_whole_log_is_enough_where_the_position_is_known() {
    let mut stage = Stage::new();
    let folder = folder("whole");
    let snapshots = snapshots(&folder, 1);
    let a = Member::new(&stage.cluster, "a", setup(&snapshots));
    a.run(300);
    stage.feed.write(&[listing(person(1), "l1", "red", stage.now(), DAY)]);
    a.run(300);
    until_written(&stage, &a, 1);
    a.die();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(take_over(&stage, &setup(&snapshots)).unwrap().partition.colours(), [0, 0, 1]);
    // Without the position only a snapshot could say how far the log was judged.
    stage.cluster.forget_position(0);
    assert_eq!(refusal(&stage, &setup(&snapshots)).1, Some(ParkReason::Store));
}

/// P-17. The next owner looks into another folder than the last one wrote to: a pod that moved with its local
/// snapshots.
#[test]
fn another_place_than_the_last_owners_is_named() {
    let (stage, snapshots_of_a, folder_of_a) = trimmed("moved");
    let folder_of_b = folder("moved-b");
    let (error, reason) = refusal(&stage, &setup(&snapshots(&folder_of_b, 2)));
    let RestoreError::SnapshotsGone { partition: 0, begins: 2, snapshot: 4, place } = error else { panic!("{error}") };
    assert_eq!((place, reason), (folder_of_b.display().to_string(), Some(ParkReason::SnapshotsGone)));
    // As it says: the same place, and it goes on.
    is_whole(&stage, &snapshots_of_a);
    for folder in [folder_of_a, folder_of_b] {
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// Both snapshots are damaged and the log was trimmed: each is named, and a copy that is put back is enough.
#[test]
fn damaged_snapshots_are_named_and_a_copy_that_is_put_back_is_enough() {
    let (stage, snapshots, folder) = trimmed("damaged");
    let mut damaged = Vec::new();
    for found in snapshots.store.list(&series_of_partition(0)).unwrap() {
        let name = found.files.keys().find(|file| file.starts_with("people")).unwrap().clone();
        let file = folder.join(series_of_partition(0)).join(&found.name).join(name);
        let good = std::fs::read(&file).unwrap();
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 1;
        std::fs::write(&file, bad).unwrap();
        damaged.push((found.name, file, good));
    }
    assert_eq!(damaged.len(), 2);
    let (error, reason) = refusal(&stage, &setup(&snapshots));
    assert!(matches!(error, RestoreError::Gap { partition: 0, begins: 2, .. }), "{error}");
    let text = error.to_string();
    assert!(damaged.iter().all(|(name, ..)| text.contains(name.as_str())), "{text}");
    assert!(text.contains("its checksum is another") && text.contains(&folder.display().to_string()), "{text}");
    assert_eq!(reason, Some(ParkReason::Gap));
    let (_, file, good) = damaged.pop().unwrap();
    std::fs::write(file, good).unwrap();
    is_whole(&stage, &snapshots);
    let _ = std::fs::remove_dir_all(&folder);
}

/// P-7. A snapshot of another partition, or of an installation that is cut otherwise, is refused and never loaded.
#[test]
fn a_snapshot_of_something_else_is_refused_by_name() {
    let (stage, snapshots, folder) = trimmed("alien");
    let mut other = setup(&snapshots);
    other.partitions = 8;
    assert!(take_over(&stage, &other).is_ok(), "the snapshots do not say of how many they are");
    let (own, stolen) = (folder.join("p0000"), folder.join("p0007"));
    std::fs::rename(own, stolen).unwrap();
    std::fs::rename(folder.join("p0007"), folder.join("p0000")).unwrap();
    is_whole(&stage, &snapshots);
    let (name, manifest) = newest_manifest(&folder);
    let text = std::fs::read_to_string(&manifest).unwrap();
    reseal(&manifest, &text.replace("\"series\":\"p0000\"", "\"series\":\"p0003\""));
    let (error, reason) = refusal(&stage, &setup(&snapshots));
    assert!(error.to_string().contains(&name) && error.to_string().contains("p0003"), "{error}");
    assert_eq!(reason, Some(ParkReason::Foreign));
    reseal(&manifest, &text.replace("\"partitions\":0", "\"partitions\":4"));
    let (error, reason) = refusal(&stage, &other);
    assert!(matches!(error, RestoreError::OtherNumber { partition: 0, found: 4, own: 8 }), "{error}");
    assert_eq!(reason, Some(ParkReason::Foreign));
    let _ = std::fs::remove_dir_all(&folder);
}

fn newest_manifest(folder: &Path) -> (String, PathBuf) {
    let mut names: Vec<String> = std::fs::read_dir(folder.join("p0000"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let name = names.pop().unwrap();
    (name.clone(), folder.join("p0000").join(name).join("manifest.json"))
}

/// Writes a manifest whose seal fits.
fn reseal(file: &Path, text: &str) {
    let inner = text.split_once("\"manifest\":").unwrap().1.trim_end().strip_suffix('}').unwrap();
    let crc32 = crc32(inner.as_bytes());
    std::fs::write(file, format!("{{\"crc32\":\"{crc32:08x}\",\"manifest\":{inner}}}\n")).unwrap();
}

/// The checksum of Ethernet and gzip.
fn crc32(bytes: &[u8]) -> u32 {
    let each =
        |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)));
    !bytes.iter().fold(u32::MAX, each)
}

/// P-10. The topic of changes was made anew under a snapshot: whoever reads it has been told nothing, and the memory
/// would say that they were.
#[test]
fn an_output_made_anew_under_a_snapshot_is_refused() {
    let (stage, snapshots, folder) = trimmed("output");
    stage.cluster.make_anew(Topic::Changes, 0);
    let (error, reason) = refusal(&stage, &setup(&snapshots));
    assert!(matches!(error, RestoreError::OutputShorter { partition: 0, ends: 0, .. }), "{error}");
    assert_eq!(reason, Some(ParkReason::OutputShorter));
    let _ = std::fs::remove_dir_all(&folder);
}

/// Who stands still before the output's end is asked for reads its successor's end, and has none of what the
/// successor announced. A snapshot of both would bring an old colour back: the next change of that person would come
/// from a colour that nobody has, or be left out.
#[test]
fn a_woken_owner_writes_no_snapshot_with_its_successors_end() {
    let mut stage = Stage::new();
    let folder = folder("woken");
    let snapshots = snapshots(&folder, 1);
    let (a, b) = (Member::new(&stage.cluster, "a", setup(&snapshots)), stage.member("b"));
    let is_deaf = Arc::new(AtomicBool::new(false));
    let at = stage.now();
    // The successor reads that the listing never held, and says so. The sleeper has not read it: it is asked for
    // nothing.
    let (cluster, successor) = (stage.cluster.clone(), b.clone());
    let (meanwhile, deaf) = (Meanwhile::default(), Arc::clone(&is_deaf));
    let of_log = Arc::clone(&meanwhile);
    a.wrap(Box::new(move |inner| {
        let sleep = Sleep { meanwhile: Arc::clone(&of_log), is_deaf: Arc::clone(&deaf) };
        Box::new(FaultyLog { sleep, ..FaultyLog::of(inner) })
    }));
    a.run(300);
    // The look for records that do not come asks as well, some seconds apart: it was just here.
    *meanwhile.lock().unwrap() = Some(Box::new(move || {
        cluster.expire("a-0");
        EvidenceFeed::new(&cluster, 1).write(&[retracted_listing(person(1), "l1", cluster.now())]);
        successor.run(1_000);
    }));
    stage.feed.write(&[listing(person(1), "l1", "red", at, DAY)]);
    for _ in 0..1_000 {
        assert!(a.turn().is_ok());
        if is_deaf.load(Ordering::Relaxed) {
            break;
        }
        stage.cluster.advance(1);
    }
    assert_eq!(stage.steps(), [step("green", "red"), step("red", "green")], "the successor announced meanwhile");
    for _ in 0..200 {
        // Without a proof it would go on writing: nothing else calls for a commit, which is refused.
        if a.turn().is_err() {
            break;
        }
        stage.cluster.advance(1);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(snapshots.store.list(&series_of_partition(0)).unwrap(), [], "none counts");
    // Whoever is next begins from what is there.
    b.die();
    let c = Member::new(&stage.cluster, "c", Setup { snapshots: Some(snapshots), ..Setup::of(zhejiang()) });
    stage.feed.write(&[listing(person(1), "l2", "yellow", stage.now(), DAY)]);
    c.run(3_000);
    assert_eq!(stage.steps().last().unwrap(), &step("green", "yellow"));
    let _ = std::fs::remove_dir_all(&folder);
}

/// A leader that is silent when a snapshot asks how far the logs go holds up nobody: commits go on, and the snapshot is
/// written once it answers.
#[test]
fn a_log_that_does_not_say_where_it_ends_holds_up_no_commit() {
    let mut stage = Stage::new();
    let snapshots = snapshots(&folder("silent"), 2);
    let silence = Gate::closed_for(0);
    let setup = Setup { is_inline: false, ..setup(&snapshots) };
    let a = Member::new(&stage.cluster, "a", setup);
    let gate = silence.clone();
    a.wrap(Box::new(move |inner| Box::new(FaultyLog { silence: gate.clone(), ..FaultyLog::of(inner) })));
    for number in 0..20 {
        stage.feed.write(&[listing(person(number), "l1", "red", stage.now(), DAY)]);
        for _ in 0..200 {
            a.turn().unwrap();
            stage.cluster.advance(1);
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    assert!(silence.begun() > 0, "it is asked");
    assert_eq!(stage.cluster.position(0).offset, Some(20), "and commits go on");
    silence.open();
    until_written(&stage, &a, 20);
}

/// A seed found it. The position expired, and people were announced by evidence that came after the newest snapshot:
/// that evidence is there, and is read before anybody is taken for somebody without any.
#[test]
fn a_position_that_expired_goes_on_behind_a_snapshot() {
    let (mut stage, snapshots, _) = trimmed("expired");
    let rarely = Snapshots { records: 1_000, ..snapshots };
    let b = Member::new(&stage.cluster, "b", setup(&rarely));
    b.run(500);
    stage.feed.write(&[listing(person(9), "l1", "red", stage.now(), DAY)]);
    b.run(500);
    let announced = stage.cluster.records(Topic::Changes, 0).len();
    b.die();
    stage.cluster.forget_position(0);
    let c = Member::new(&stage.cluster, "c", setup(&rarely));
    c.run(3_000);
    assert_eq!((c.owned(), stage.cluster.records(Topic::Changes, 0).len()), (vec![0], announced));
    assert_eq!(stage.cluster.position(0).offset, Some(stage.cluster.end(Topic::Evidence, 0)));
}
