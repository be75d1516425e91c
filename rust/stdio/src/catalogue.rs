//! What this server says of itself without asking anybody: compiled in, made from the Python definitions by `python tools/catalogue.py`.

use crate::json::{Members, compact};
use crate::protocol::INTERNAL_ERROR;

const TEXT: &str = include_str!("../catalogue.json");

pub const TOOLSETS: [&str; 2] = ["core", "full"];

pub struct Catalogue {
    parts: Vec<(String, String)>,
    /// Does the server complete arguments?
    pub completes: bool,
}

impl Catalogue {
    /// Of one of the `TOOLSETS`.
    pub fn of(toolset: &str) -> Self {
        let all = Members::read(TEXT).expect("the catalogue is an object");
        let parts = all
            .get(toolset)
            .and_then(Members::read)
            .expect("the catalogue has this toolset");
        let parts: Vec<_> = parts
            .0
            .into_iter()
            .map(|(name, value)| (name, compact(value)))
            .collect();
        let mut catalogue = Catalogue {
            parts,
            completes: false,
        };
        catalogue.completes = Members::read(catalogue.part("capabilities"))
            .is_some_and(|able| able.get("completions").is_some());
        catalogue
    }

    /// A part as JSON, on one line; "null" where there is none.
    pub fn part(&self, name: &str) -> &str {
        self.parts
            .iter()
            .find(|(known, _)| known == name)
            .map_or("null", |(_, value)| value)
    }

    /// The result of a method that lists what never changes, in its older form.
    pub fn listed(&self, method: &str) -> Option<String> {
        Some(match method {
            "tools/list" => format!(r#"{{"tools":{}}}"#, self.part("tools")),
            "prompts/list" => format!(r#"{{"prompts":{}}}"#, self.part("prompts")),
            "resources/templates/list" => format!(
                r#"{{"resourceTemplates":{}}}"#,
                self.part("resourceTemplates")
            ),
            "server/discover" => format!(
                r#"{{"capabilities":{},"instructions":{}}}"#,
                self.part("capabilities"),
                self.part("instructions")
            ),
            _ => return None,
        })
    }

    /// How long such a result may be kept, in milliseconds, and by whom: both as JSON.
    pub fn kept(&self, method: &str) -> (String, String) {
        let all = Members::read(self.part("cached"));
        let one = all
            .as_ref()
            .and_then(|all| all.get(method))
            .and_then(Members::read);
        let get = |name: &str, default: &str| {
            one.as_ref()
                .and_then(|one| one.get(name))
                .unwrap_or(default)
                .to_owned()
        };
        (get("ttlMs", "0"), get("cacheScope", "\"private\""))
    }

    /// Does this tool only read? Of one that is not known, nobody can say so.
    pub fn only_reads(&self, tool: &str) -> bool {
        let tools: Vec<&serde_json::value::RawValue> =
            serde_json::from_str(self.part("tools")).unwrap_or_default();
        tools.iter().any(|one| {
            let one = Members::read(one.get());
            let named = one
                .as_ref()
                .and_then(|one| one.string("name"))
                .is_some_and(|name| name == tool);
            let marks = one
                .as_ref()
                .and_then(|one| one.get("annotations"))
                .and_then(Members::read);
            named && marks.is_some_and(|marks| marks.get("readOnlyHint") == Some("true"))
        })
    }

    /// The JSON-RPC code for an error of the daemon, by its name.
    pub fn code(&self, kind: &str) -> i32 {
        let codes = Members::read(self.part("errorCodes"));
        let code = codes.and_then(|codes| {
            codes
                .get(kind)
                .or(codes.get(""))
                .and_then(|code| code.parse().ok())
        });
        code.unwrap_or(INTERNAL_ERROR)
    }

    /// The version of groma that it was made from.
    #[cfg(test)]
    fn version(&self) -> String {
        Members::read(self.part("serverInfo"))
            .and_then(|info| info.string("version"))
            .expect("a version")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_toolset_is_there_on_one_line() {
        for toolset in TOOLSETS {
            let catalogue = Catalogue::of(toolset);
            assert_eq!(catalogue.version(), env!("CARGO_PKG_VERSION"));
            for method in [
                "tools/list",
                "prompts/list",
                "resources/templates/list",
                "server/discover",
            ] {
                let listed = catalogue.listed(method).unwrap();
                assert!(
                    !listed.contains('\n') && Members::read(&listed).is_some(),
                    "{listed}"
                );
            }
            assert!(
                catalogue.only_reads("search_code")
                    && !catalogue.only_reads("remember")
                    && !catalogue.only_reads("nothing")
            );
        }
    }
}
