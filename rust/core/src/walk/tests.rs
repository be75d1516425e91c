//! What only a look between two steps of a walk shows.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use super::identify::{identify, read_file};
use super::look::{Found, look_around};
use super::{Blob, Failure, Known, Listing, settled, walk};
use crate::git::{User, blob_id};

fn user() -> User {
    User::default()
}

fn look(folder: &tempfile::TempDir, most: u64) -> Found {
    look_around(
        folder.path().as_os_str().as_bytes(),
        most,
        &user(),
        &mut || false,
    )
    .unwrap()
}

fn paths(listing: &Listing) -> Vec<&str> {
    listing.rows.iter().map(|row| &row.path[..]).collect()
}

#[test]
fn what_vanishes_between_looking_and_reading_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c", "d"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let found = look(&folder, 10);
    fs::remove_file(folder.path().join("b")).unwrap();
    fs::remove_file(folder.path().join("c")).unwrap();
    std::os::unix::fs::symlink("a", folder.path().join("c")).unwrap();
    fs::write(folder.path().join("d"), "d has grown beyond the limit").unwrap();
    let listing = identify(found, Known::default(), 10, &mut || false).unwrap();
    assert_eq!(paths(&listing), ["a"]);
    assert_eq!(listing.rows[0].blob, Blob::Hashed(blob_id(b"a")));
    assert_eq!(listing.skipped, [("d".to_string(), "too-large")]);
}

#[test]
fn a_file_that_changes_once_while_it_is_read_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "before").unwrap();
    let mut reads = Vec::new();
    let read = read_file(
        path.as_os_str().as_bytes(),
        1000,
        &mut Vec::new(),
        &mut |data| {
            reads.push(data.to_vec());
            if reads.len() == 1 {
                fs::write(&path, "changed meanwhile").unwrap();
            }
        },
    );
    let read = read.unwrap().unwrap();
    assert_eq!(reads, [&b"before"[..], b"changed meanwhile"]);
    assert_eq!(
        (read.blob, read.look.size),
        (blob_id(b"changed meanwhile"), 17)
    );
    assert!(read.looked_ns > 0);
}

#[test]
fn a_file_that_keeps_changing_is_taken_as_read_and_not_believed_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, "x".repeat(10_000)).unwrap();
    let mut last = Vec::new();
    let read = read_file(
        path.as_os_str().as_bytes(),
        1_000_000,
        &mut Vec::new(),
        &mut |data| {
            last = data.to_vec();
            OpenOptions::new()
                .append(true)
                .open(&path)
                .unwrap()
                .write_all(b"y")
                .unwrap();
        },
    );
    let read = read.unwrap().unwrap();
    assert_eq!(
        (read.looked_ns, read.blob, read.look.size),
        (0, blob_id(&last), 10_002)
    );
    assert!(!settled(
        read.look.mtime_ns,
        read.look.ctime_ns,
        read.looked_ns
    ));
}

#[test]
fn a_walk_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "a").unwrap();
    let root = folder.path().as_os_str().as_bytes();
    for last in 0..2 {
        let mut asked = 0;
        let stopped = walk(root, Known::default(), 10, &user(), &mut || {
            asked += 1;
            asked > last
        });
        assert!(matches!(stopped, Err(Failure::Stopped)));
    }
}

#[test]
fn many_folders_are_no_reason_not_to_ask_whether_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    for name in 0..1100 {
        fs::create_dir(folder.path().join(name.to_string())).unwrap();
    }
    let root = folder.path().as_os_str().as_bytes();
    let mut asked = 0;
    look_around(root, 10, &user(), &mut || {
        asked += 1;
        false
    })
    .unwrap();
    assert_eq!(asked, 5); // for each of two levels, and for each of three batches
}
