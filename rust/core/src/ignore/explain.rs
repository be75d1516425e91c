//! Why a path is or is not in a walk, in the words of the rule that says so.

use super::ground::{Fate, Present, child, enter, fate, join_below, slashed, survey};
use super::rules::JUNK_SOURCE;
use super::shown;
use crate::git::{self, User, join, path_of, split};

/// Why a path is or is not ignored; see the twin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    pub path: Vec<u8>,
    pub ignored: bool,
    pub tracked: bool,
    pub source: Option<Vec<u8>>,
    pub line: usize,
    pub pattern: String,
    pub matched: String,
}

/// Whether `walk(root)` passes over `path`, and the rule that says so; None if it does not lie below `root`.
///
/// `path` is absolute or relative to `root` and need not exist; a slash at its end makes it a folder.
pub fn explain(root: &[u8], path: &[u8], user: &User) -> Option<Verdict> {
    let folder = git::real(root);
    let mut target = join(&folder, path);
    while target.ends_with(b"/") {
        target.pop();
    }
    // Only what is above the last name is resolved: a link is an entry of its own.
    let (above, name) = split(&target);
    let target = join(&git::real(above), name);
    let clean = git::absolute(&target);
    let below = clean
        .strip_prefix(&slashed(folder)[..])
        .filter(|below| !below.is_empty())?;
    let names: Vec<&[u8]> = below.split(|&byte| byte == b'/').collect();
    let mut verdict = Verdict {
        path: below.to_vec(),
        ..Verdict::default()
    };
    let mut ground = survey(root, user);
    for (place, name) in names.iter().enumerate() {
        let exists = |name: &[u8]| {
            path_of(&join_below(&ground.folder, name))
                .symlink_metadata()
                .is_ok()
        };
        let present = Present {
            git: exists(b".git"),
            gitignore: exists(b".gitignore"),
            gromaignore: exists(b".gromaignore"),
        };
        ground = enter(ground, present);
        let entry = join_below(&ground.path, name);
        let is_folder = place < names.len() - 1
            || path.ends_with(b"/")
            || (path_of(&target).is_dir() && !path_of(&target).is_symlink());
        if *name == b".git" {
            let matched = shown(&entry[ground.lead..]);
            let source = Some(JUNK_SOURCE.to_vec());
            return Some(Verdict {
                ignored: true,
                tracked: false,
                source,
                line: 0,
                pattern: ".git".into(),
                matched,
                ..verdict
            });
        }
        verdict.tracked = ground.checkout.as_ref().is_some_and(|checkout| {
            let index = &checkout.index;
            index
                .find(&entry[checkout.origin..], index.everything())
                .is_some()
        });
        let hit = ground.rules.judge(name, &entry, is_folder);
        if !ground.only_tracked || hit.is_some_and(|hit| hit.own && !hit.pattern.negated) {
            verdict.source = hit.map(|hit| hit.source.to_vec());
            verdict.line = hit.map_or(0, |hit| hit.pattern.line);
            verdict.pattern = hit.map_or(String::new(), |hit| shown(&hit.pattern.text));
            verdict.matched = hit.map_or(String::new(), |_| shown(&entry[ground.lead..]));
        }
        let what = fate(&ground, name, &entry, is_folder);
        verdict.ignored = what == Fate::Ignored;
        if verdict.ignored {
            break;
        }
        ground = child(&ground, name, what == Fate::OnlyTracked);
    }
    Some(verdict)
}
