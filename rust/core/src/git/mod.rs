//! What git knows about a folder, read from git's own files: repository, settings, index, branch. Twin of `groma._pure.git`.
//!
//! Paths are bytes. Whatever is missing, damaged, of a newer format or not a plain file answers like "git does not know".

mod files;
mod index;
mod paths;
mod repository;
mod settings;
mod user;

pub use files::{inode, nanoseconds, now_ns, open, read_regular};
pub use index::{ASSUME_VALID, Entry, INTENT_TO_ADD, Index, Names, SKIP_WORKTREE, read_index};
pub use paths::{absolute, join, normal, path_of, real, split};
pub use repository::{
    Repository, commit_id, head, is_git_directory, repository, repository_at, top_level,
};
pub use settings::{Settings, is_true, says_yes, settings_of};
pub use user::User;

use sha1::{Digest, Sha1};

/// git's blob id: SHA-1 over "blob <size>\0<content>". The crate asks the processor for its SHA instructions at run time.
pub fn blob_id(data: &[u8]) -> [u8; 20] {
    let mut digest = Sha1::new();
    digest.update(format!("blob {}\0", data.len()));
    digest.update(data);
    digest.finalize().into()
}

pub const EMPTY_BLOB: [u8; 20] = [
    0xe6, 0x9d, 0xe2, 0x9b, 0xb2, 0xd1, 0xd6, 0x43, 0x4b, 0x8b, 0x29, 0xae, 0x77, 0x5a, 0xd8, 0xc2,
    0xe4, 0x8c, 0x53, 0x91,
];
