//! One folder of a walk with all that is in force in it, and what becomes of its entries.

use std::sync::Arc;

use super::rules::{RuleFile, Rules};
use super::shown;
use crate::git::{self, Index, Repository, Settings, User, join, read_regular, says_yes};

/// Which of the names that `enter` wants to know of a folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Present {
    pub git: bool,
    pub gitignore: bool,
    pub gromaignore: bool,
}

impl Present {
    pub const ALL: Present = Present {
        git: true,
        gitignore: true,
        gromaignore: true,
    };

    pub fn note(&mut self, name: &[u8]) {
        match name {
            b".git" => self.git = true,
            b".gitignore" => self.gitignore = true,
            b".gromaignore" => self.gromaignore = true,
            _ => {}
        }
    }

    pub fn any(self) -> bool {
        self.git || self.gitignore || self.gromaignore
    }
}

/// A repository whose work tree is walked. `origin` is how long its top's path is.
#[derive(Debug)]
pub struct Checkout {
    pub repository: Repository,
    pub index: Index,
    pub origin: usize,
}

/// One folder of a walk and all that is in force in it.
///
/// `folder` is its real path, ending in a slash. `path` is its path from the origin: the top of the work tree that the
/// walk's root lies in, or the root itself where there is none; "" or ending in a slash. The first `lead` bytes of it
/// lead to the root.
#[derive(Clone, Debug)]
pub struct Ground {
    pub folder: Vec<u8>,
    pub path: Vec<u8>,
    pub lead: usize,
    pub rules: Arc<Rules>,
    pub checkout: Option<Arc<Checkout>>,
    pub only_tracked: bool,
    pub user: Arc<(User, Settings)>,
}

/// The ground at `root`, with all that is in force from above; `enter` then adds what lies in the folder itself.
pub fn survey(root: &[u8], user: &User) -> Ground {
    let user = Arc::new((user.clone(), user.settings()));
    let folder = git::real(root);
    let bare = |folder: Vec<u8>, rules: Rules| Ground {
        folder,
        path: Vec::new(),
        lead: 0,
        rules: Arc::new(rules),
        checkout: None,
        only_tracked: false,
        user: user.clone(),
    };
    let Some(found) = git::repository(&folder, &user.0) else {
        let rules = Rules::new(user_rules(&user.0, &user.1, &folder), folds(&user.1), None);
        return bare(slashed(folder), rules);
    };
    let top = found.top.clone();
    let mut settings = user.1.clone();
    settings.extend(found.settings.clone());
    let mut ground = in_checkout(
        bare(slashed(top.clone()), Rules::new(Vec::new(), false, None)),
        found,
    );
    let below = folder.strip_prefix(&top[..]).unwrap_or_default();
    let names: Vec<&[u8]> = below
        .split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty())
        .collect();
    let length = names.join(&b'/').len() + 1;
    let mut ignored = false;
    for name in &names {
        ground = with_rule_files(ground, Present::ALL, length);
        let hit = ground
            .rules
            .judge(name, &join_below(&ground.path, name), true);
        ignored |= hit.is_some_and(|hit| !hit.pattern.negated && !hit.is_junk());
        for path in [&mut ground.folder, &mut ground.path] {
            path.extend_from_slice(name);
            path.push(b'/');
        }
    }
    if ignored {
        ground.rules = Arc::new(Rules::new(
            user_rules(&user.0, &user.1, &top),
            folds(&settings),
            None,
        ));
    }
    ground.lead = ground.path.len();
    ground
}

/// `ground` with the rules that lie in the folder itself; `present` are those names that it holds.
pub fn enter(mut ground: Ground, present: Present) -> Ground {
    if present.git
        && ground
            .checkout
            .as_ref()
            .is_none_or(|checkout| ground.path.len() != checkout.origin)
    {
        let folder = ground
            .folder
            .strip_suffix(b"/")
            .filter(|folder| !folder.is_empty())
            .unwrap_or(&ground.folder);
        if let Some(found) = git::repository_at(folder, &ground.user.0) {
            ground = in_checkout(ground, found);
        }
    }
    let lead = ground.lead;
    with_rule_files(ground, present, lead)
}

/// The ground of a folder below; `enter` it before use.
pub fn child(ground: &Ground, name: &[u8], only_tracked: bool) -> Ground {
    let below = |path: &[u8]| [path, name, b"/"].concat();
    Ground {
        folder: below(&ground.folder),
        path: below(&ground.path),
        lead: ground.lead,
        rules: ground.rules.clone(),
        checkout: ground.checkout.clone(),
        only_tracked,
        user: ground.user.clone(),
    }
}

pub(super) fn join_below(path: &[u8], name: &[u8]) -> Vec<u8> {
    [path, name].concat()
}

pub(super) fn slashed(mut folder: Vec<u8>) -> Vec<u8> {
    if !folder.ends_with(b"/") {
        folder.push(b'/');
    }
    folder
}

fn folds(settings: &Settings) -> bool {
    says_yes(settings, b"core.ignorecase")
}

/// The ground at the top of a repository: its index, and its git rules in place of those from around it.
fn in_checkout(mut ground: Ground, found: Repository) -> Ground {
    let index = git::read_index(&found.git_dir, found.sha256());
    let mut settings = ground.user.1.clone();
    settings.extend(found.settings.clone());
    let mut files: Vec<_> = ground.rules.files().filter(|file| file.own).collect();
    files.extend(user_rules(&ground.user.0, &settings, &found.top));
    let exclude = join(&join(&found.common_dir, b"info"), b"exclude");
    if let Some((data, _)) = read_regular(&exclude, true) {
        files.push(Arc::new(RuleFile {
            source: exclude,
            base: ground.path.clone(),
            data,
            own: false,
        }));
    }
    ground.rules = Arc::new(Rules::new(files, folds(&settings), Some(&ground.rules)));
    ground.checkout = Some(Arc::new(Checkout {
        repository: found,
        index,
        origin: ground.path.len(),
    }));
    ground.only_tracked = false;
    ground
}

/// The user's own ignore file: core.excludesFile, by default `ignore` in the user's folder.
fn user_rules(user: &User, settings: &Settings, top: &[u8]) -> Vec<Arc<RuleFile>> {
    let path = match settings.get(&b"core.excludesfile"[..]) {
        Some(path) => join(top, &user.expand(path)),
        None => join(&user.folder(), b"ignore"),
    };
    let content = read_regular(&path, true);
    content
        .into_iter()
        .map(|(data, _)| {
            Arc::new(RuleFile {
                source: path.clone(),
                base: Vec::new(),
                data,
                own: false,
            })
        })
        .collect()
}

/// `ground` with its folder's `.gitignore` and `.gromaignore`, where they are `present`.
///
/// Links are not followed, as in git: a repository must not make us read files from elsewhere.
fn with_rule_files(mut ground: Ground, present: Present, lead: usize) -> Ground {
    let mut added = Vec::new();
    // Below an ignored folder git reads no rules; ours may still leave out what is tracked there.
    for (name, wanted, own) in [
        (
            &b".gitignore"[..],
            present.gitignore && !ground.only_tracked,
            false,
        ),
        (b".gromaignore", present.gromaignore, true),
    ] {
        if wanted && let Some((data, _)) = read_regular(&join_below(&ground.folder, name), false) {
            let source = join_below(ground.path.get(lead..).unwrap_or(&ground.folder), name);
            added.push(Arc::new(RuleFile {
                source: shown(&source).into_bytes(),
                base: ground.path.clone(),
                data,
                own,
            }));
        }
    }
    if !added.is_empty() {
        let files = ground.rules.files().chain(added).collect();
        ground.rules = Arc::new(Rules::new(files, ground.rules.fold, Some(&ground.rules)));
    }
    ground
}

/// What becomes of an entry of a folder. `OnlyTracked`: an ignored folder that is entered for the tracked files in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    Wanted = 0,
    OnlyTracked = 1,
    Ignored = 2,
}

/// What becomes of the entry `name` of a folder; `path` is its path from the ground's origin.
pub fn fate(ground: &Ground, name: &[u8], path: &[u8], is_folder: bool) -> Fate {
    match ground.rules.judge(name, path, is_folder) {
        Some(hit) if !hit.pattern.negated && hit.own => return Fate::Ignored,
        Some(hit) if !hit.pattern.negated => {}
        _ if !ground.only_tracked => return Fate::Wanted,
        _ => {}
    }
    let Some(checkout) = &ground.checkout else {
        return Fate::Ignored;
    };
    let (index, below) = (&checkout.index, &path[checkout.origin..]);
    if index.find(below, index.everything()).is_some() {
        Fate::Wanted // for a folder: a submodule
    } else if is_folder && index.holds(&[below, b"/"].concat(), index.everything()) {
        Fate::OnlyTracked
    } else {
        Fate::Ignored
    }
}
