//! The index, head and blob ids of a git repository. Twin of `groma._pure.git`.

use sha1::{Digest, Sha1};

/// git's blob id: SHA-1 over "blob <size>\0<content>". The crate asks the processor for its SHA instructions at run time.
pub fn blob_id(data: &[u8]) -> [u8; 20] {
    let mut digest = Sha1::new();
    digest.update(format!("blob {}\0", data.len()));
    digest.update(data);
    digest.finalize().into()
}
