//! Marks the library with what it was made from, so that Python can tell a stale one from a fresh one.
//!
//! Two CRC-32 over the sources and the data that is embedded, in the order of their paths: `GROMA_LISTING` over paths and sizes (cheap to
//! compare), `GROMA_SOURCES` over paths and contents. Twin of `groma._compiled.built`, which compares.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 4] = [
    "rust/core",
    "rust/py",
    "src/groma/languages",
    "src/groma/masking",
];
const ENDINGS: [&str; 4] = ["rs", "scm", "toml", "txt"];

fn main() -> io::Result<()> {
    // Asked when it runs: cargo may use this program again for another checkout.
    let own = env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?;
    let root = Path::new(&own).join("../..");
    let mut found = vec![PathBuf::from("Cargo.lock"), PathBuf::from("Cargo.toml")];
    for folder in FOLDERS {
        println!("cargo:rerun-if-changed=../../{folder}");
        collect(&root, Path::new(folder), &mut found)?;
    }
    for file in &found[..2] {
        println!("cargo:rerun-if-changed=../../{}", file.display());
    }
    let mut named: Vec<(String, PathBuf)> = found
        .into_iter()
        .map(|path| (path.to_string_lossy().replace('\\', "/"), path))
        .collect();
    named.sort();
    let mut listing = crc32fast::Hasher::new();
    let mut sources = crc32fast::Hasher::new();
    for (name, path) in named {
        let data = fs::read(root.join(path))?;
        listing.update(format!("{name}\0{}\0", data.len()).as_bytes());
        sources.update(format!("{name}\0{}\0", data.len()).as_bytes());
        sources.update(&data);
    }
    println!("cargo:rustc-env=GROMA_LISTING={}", listing.finalize());
    println!("cargo:rustc-env=GROMA_SOURCES={}", sources.finalize());
    Ok(())
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(root, &path, found)?;
        } else if path
            .extension()
            .is_some_and(|e| ENDINGS.iter().any(|x| e == *x))
        {
            found.push(path);
        }
    }
    Ok(())
}
