//! The files of a job, checked.

use std::borrow::Cow;
use std::path::PathBuf;

use super::{HeldPath, Scanned, Scanner, Source};
use crate::frame::Job;

/// The files of a job, checked.
pub struct Task<'a> {
    root: Option<(PathBuf, u64)>,
    paths: Vec<&'a [u8]>,
    contents: Vec<&'a [u8]>,
    pub flags: &'a [u8],
}

impl<'a> Task<'a> {
    pub fn new(job: &'a Job) -> Result<Task<'a>, String> {
        let root = match (job.root.iter().next(), job.most.first()) {
            (Some(Some(root)), Some(&most)) => {
                Some((PathBuf::from(HeldPath(root).system().into_owned()), most))
            }
            _ => None,
        };
        let paths: Vec<_> = job.paths.iter().map(Option::unwrap_or_default).collect();
        let contents: Vec<_> = job.contents.iter().map(Option::unwrap_or_default).collect();
        if job.flags.len() != paths.len() || (root.is_none() && contents.len() != paths.len()) {
            return Err("a job whose columns differ in length".to_owned());
        }
        Ok(Task {
            root,
            paths,
            contents,
            flags: &job.flags,
        })
    }

    pub fn len(&self) -> usize {
        self.paths.len()
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Are its files read, rather than given?
    pub fn reads_files(&self) -> bool {
        self.root.is_some()
    }

    /// The path of a file, for a sentence.
    pub fn name(&self, at: usize) -> Cow<'a, str> {
        HeldPath(self.paths[at]).text()
    }

    pub fn scan(
        &self,
        scanner: &Scanner,
        at: usize,
        parsing: &dyn Fn(bool),
    ) -> Result<Scanned, String> {
        let source = match &self.root {
            Some((root, most)) => Source::Folder(root, *most),
            None => Source::Given(self.contents[at]),
        };
        scanner.scan(HeldPath(self.paths[at]), source, self.flags[at], parsing)
    }
}
