//! Files whose names say that they hold secrets.

const SECRET_NAMES: [&[u8]; 15] = [
    b"id_rsa",
    b"id_dsa",
    b"id_ecdsa",
    b"id_ecdsa_sk",
    b"id_ed25519",
    b"id_ed25519_sk",
    b".netrc",
    b"_netrc",
    b".pgpass",
    b".htpasswd",
    b".npmrc",
    b".pypirc",
    b".git-credentials",
    b"credentials.json",
    b".envrc",
];
const SECRET_ENDS: [&[u8]; 9] = [
    b".pem",
    b".key",
    b".p12",
    b".pfx",
    b".jks",
    b".keystore",
    b".kdbx",
    b".tfstate",
    b".tfstate.backup",
];
const SECRET_PLACES: [(&[u8], &[u8]); 3] = [
    (b"/.docker/", b"config.json"),
    (b"/.aws/", b"credentials"),
    (b"/.kube/", b"config"),
];

/// Whether a file's name (and the folder's it is in) says that it holds secrets. Case does not matter.
pub fn secrets_file(path: &[u8]) -> bool {
    let cut = path
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |at| at + 1);
    is_secret(&path[cut..], &[b"/", &path[..cut]].concat())
}

/// The same for a name and its folder's path, which begins and ends in a slash.
pub(super) fn is_secret(name: &[u8], folder: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let name = &lower[..];
    SECRET_NAMES.contains(&name)
        || SECRET_ENDS.iter().any(|end| name.ends_with(end))
        || is_secret_env(name)
        || is_service_account(name)
        || is_private_asc(name)
        || SECRET_PLACES
            .iter()
            .any(|(place, own)| name == *own && folder.to_ascii_lowercase().ends_with(place))
}

/// `.env`, `.env.production`, `.env-local`; not `.environment`, not `.env.example`.
fn is_secret_env(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b".env") else {
        return false;
    };
    let last = rest.strip_suffix(b"\n").unwrap_or(rest);
    let is_example = |rest: &[u8]| {
        [&b"example"[..], b"sample", b"template", b"dist"]
            .iter()
            .any(|word| {
                rest.strip_suffix(*word)
                    .and_then(<[u8]>::last)
                    .is_some_and(|&border| matches!(border, b'.' | b'_' | b'-'))
            })
    };
    !rest.first().is_some_and(u8::is_ascii_lowercase) && !is_example(last)
}

fn is_service_account(name: &[u8]) -> bool {
    name.strip_prefix(b"service").is_some_and(|rest| {
        let rest = rest
            .strip_prefix(b"-")
            .or_else(|| rest.strip_prefix(b"_"))
            .unwrap_or(rest);
        rest.strip_prefix(b"account")
            .is_some_and(|rest| rest.ends_with(b".json"))
    })
}

fn is_private_asc(name: &[u8]) -> bool {
    let has = |stem: &[u8], word: &[u8]| stem.windows(word.len()).any(|part| part == word);
    name.strip_suffix(b".asc")
        .is_some_and(|stem| has(stem, b"private") || has(stem, b"secret"))
}
