//! MCP in both eras, as the official Python library answers it: what a line of the client is, and what is said to it without asking anybody.
//!
//! The client's first request decides the era of the session. With the envelope of 2026-07-28 (`_meta` names the protocol version) every request
//! stands for itself; else the session begins with `initialize`, as it did until 2025-11-25.

use crate::catalogue::Catalogue;
use crate::json::{Members, Object, is_object, quoted, string};

pub const PARSE_ERROR: i32 = -32700;
pub const INVALID_REQUEST: i32 = -32600;
pub const METHOD_NOT_FOUND: i32 = -32601;
pub const INVALID_PARAMS: i32 = -32602;
pub const INTERNAL_ERROR: i32 = -32603;
pub const UNSUPPORTED_VERSION: i32 = -32022;

const HANDSHAKE_VERSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
pub const MODERN_VERSION: &str = "2026-07-28";
pub const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
pub const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    Handshake,
    Modern,
}

/// What a client asks that only the daemon can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Tool,
    Resource,
    Resources,
    Prompt,
    Complete,
}

impl Verb {
    fn of(method: &str) -> Option<Verb> {
        Some(match method {
            "tools/call" => Verb::Tool,
            "resources/read" => Verb::Resource,
            "resources/list" => Verb::Resources,
            "prompts/get" => Verb::Prompt,
            "completion/complete" => Verb::Complete,
            _ => return None,
        })
    }

    /// Its name between front and daemon.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Tool => "tool",
            Verb::Resource => "resource",
            Verb::Resources => "resources",
            Verb::Prompt => "prompt",
            Verb::Complete => "complete",
        }
    }

    /// Do its results say how long they may be kept?
    fn cacheable(self) -> bool {
        matches!(self, Verb::Resource | Verb::Resources)
    }

    /// Its arguments for the daemon, where those of the client have the shape they must have.
    fn arguments(self, params: &Members) -> Option<String> {
        let mut out = Object::new();
        // Name, what it must be, whether it must be there.
        let expected: &[(&str, Kind, bool)] = match self {
            Verb::Tool => &[
                ("name", Kind::String, true),
                ("arguments", Kind::Object, false),
            ],
            Verb::Resource => &[("uri", Kind::String, true)],
            Verb::Resources => &[("cursor", Kind::String, false)],
            Verb::Prompt => &[
                ("name", Kind::String, true),
                ("arguments", Kind::Strings, false),
            ],
            Verb::Complete => &[
                ("ref", Kind::Object, true),
                ("argument", Kind::Object, true),
                ("context", Kind::Object, false),
            ],
        };
        for (name, kind, needed) in expected {
            match params.given(name) {
                Some(value) => drop(out.put(name, kind.is(value).then_some(value)?)),
                None if *needed => return None,
                None => {}
            }
        }
        Some(out.end())
    }
}

enum Kind {
    String,
    Object,
    Strings,
}

impl Kind {
    fn is(&self, text: &str) -> bool {
        match self {
            Kind::String => text.starts_with('"'),
            Kind::Object => is_object(text),
            Kind::Strings => Members::read(text)
                .is_some_and(|members| members.0.iter().all(|(_, value)| value.starts_with('"'))),
        }
    }
}

/// An id as it is compared; it is echoed as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    Number(String),
    Text(String),
}

impl Id {
    pub fn read(text: &str) -> Option<Id> {
        if let Some(text) = string(text) {
            return Some(Id::Text(text));
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| Id::Number(text.to_owned()))
    }
}

/// What is to be done about a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    Nothing,
    /// Say this line.
    Answer(String),
    /// Ask the daemon, in this era.
    Forward(Box<Forward>),
    /// The client does not want the answer to this request any more.
    Cancel(Id),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// As the client wrote it.
    pub id: String,
    pub key: Id,
    pub verb: Verb,
    /// An object, as the daemon wants it.
    pub arguments: String,
    /// The token for progress, if progress is wanted.
    pub token: Option<String>,
    /// The client's line, for a server that speaks MCP.
    pub line: String,
}

/// A session with a client: its era, and how far its handshake is.
pub struct Session<'a> {
    catalogue: &'a Catalogue,
    era: Option<Era>,
    /// `initialize` was answered, or the client said that it is done.
    open: bool,
    /// The parameters of the client's `initialize`.
    pub hello: Option<String>,
}

impl<'a> Session<'a> {
    pub fn new(catalogue: &'a Catalogue) -> Self {
        Session {
            catalogue,
            era: None,
            open: false,
            hello: None,
        }
    }

    pub fn era(&self) -> Era {
        self.era.unwrap_or(Era::Handshake)
    }

    /// Has the client asked anything?
    pub fn begun(&self) -> bool {
        self.era.is_some()
    }

    /// What a line of the client asks for.
    pub fn hear(&mut self, line: &[u8]) -> Action {
        let Some(text) = std::str::from_utf8(line).ok().map(str::trim_ascii) else {
            return Action::Answer(error("null", PARSE_ERROR, "This is no UTF-8.", None));
        };
        if text.is_empty() {
            return Action::Nothing;
        }
        let Some(message) = Members::read(text) else {
            return Action::Answer(no_object(text));
        };
        let (id, method) = (message.get("id"), message.get("method"));
        let key = id.and_then(Id::read);
        let echoed = if key.is_some() {
            id.unwrap_or("null")
        } else {
            "null"
        };
        let wrong = |why: &str| Action::Answer(error(echoed, INVALID_REQUEST, why, None));
        if message.get("jsonrpc").and_then(string).as_deref() != Some("2.0") {
            return wrong("jsonrpc must be \"2.0\".");
        }
        let Some(method) = method else {
            // An answer: nothing was asked.
            let answers = message.get("result").or(message.get("error")).is_some();
            return if answers {
                Action::Nothing
            } else {
                wrong("A message has a method.")
            };
        };
        let Some(method) = string(method) else {
            return wrong("method must be a string.");
        };
        let params = match message.given("params") {
            None => Some(Members(Vec::new())),
            Some(params) => Members::read(params),
        };
        match (id, key, params) {
            (None, _, params) => self.notified(&method, params.as_ref()),
            (_, None, _) => wrong("id must be a string or a whole number."),
            (_, _, None) => Action::Answer(error(
                echoed,
                INVALID_PARAMS,
                "params must be an object.",
                None,
            )),
            (Some(id), Some(key), Some(params)) => self.asked(id, key, &method, &params, text),
        }
    }

    fn notified(&mut self, method: &str, params: Option<&Members>) -> Action {
        match method {
            "notifications/initialized" => self.open = true,
            "notifications/cancelled" => {
                if let Some(id) = params
                    .and_then(|params| params.get("requestId"))
                    .and_then(Id::read)
                {
                    return Action::Cancel(id);
                }
            }
            _ => {}
        }
        Action::Nothing
    }

    fn asked(&mut self, id: &str, key: Id, method: &str, params: &Members, line: &str) -> Action {
        let meta = params.get("_meta").and_then(Members::read);
        let enveloped = meta
            .as_ref()
            .is_some_and(|meta| meta.get(VERSION_KEY).is_some());
        let opening = if enveloped && method != "initialize" {
            Era::Modern
        } else {
            Era::Handshake
        };
        let era = *self.era.get_or_insert(opening);
        let refused = match era {
            Era::Modern => refused_modern(id, method, params, meta.as_ref()),
            Era::Handshake if enveloped && method != "initialize" => Some(error(
                id,
                INVALID_REQUEST,
                "this connection serves the handshake protocol era; requests carrying the 2026-07-28 envelope are not accepted on it",
                None,
            )),
            Era::Handshake => None,
        };
        if let Some(refused) = refused {
            return Action::Answer(refused);
        }
        match (era, method) {
            (Era::Handshake, "initialize") => return Action::Answer(self.initialize(id, params)),
            (Era::Handshake, "ping") => return Action::Answer(answer(id, "{}")),
            _ => {}
        }
        let verb =
            Verb::of(method).filter(|verb| *verb != Verb::Complete || self.catalogue.completes);
        let listed = if era == Era::Handshake && method == "server/discover" {
            None
        } else {
            self.catalogue.listed(method)
        };
        if verb.is_none() && listed.is_none() {
            return Action::Answer(error(
                id,
                METHOD_NOT_FOUND,
                "Method not found",
                Some(&quoted(method)),
            ));
        }
        let arguments = verb.and_then(|verb| verb.arguments(params));
        if (verb.is_some() && arguments.is_none()) || (era == Era::Handshake && !self.open) {
            return Action::Answer(error(
                id,
                INVALID_PARAMS,
                "Invalid request parameters",
                Some("\"\""),
            ));
        }
        if let Some(listed) = listed {
            return Action::Answer(answer(id, &self.shaped_list(era, method, &listed)));
        }
        let token = meta
            .as_ref()
            .and_then(|meta| meta.get("progressToken"))
            .filter(|token| Id::read(token).is_some());
        Action::Forward(Box::new(Forward {
            id: id.to_owned(),
            key,
            verb: verb.expect("a method is a verb or a list"),
            arguments: arguments.unwrap_or_default(),
            token: token.map(str::to_owned),
            line: line.to_owned(),
        }))
    }

    fn initialize(&mut self, id: &str, params: &Members) -> String {
        let who = params.get("clientInfo").and_then(Members::read);
        let named =
            who.is_some_and(|who| who.string("name").is_some() && who.string("version").is_some());
        let able = params.get("capabilities").is_some_and(is_object);
        let (Some(asked), true, true) = (params.string("protocolVersion"), named, able) else {
            return error(
                id,
                INVALID_PARAMS,
                "Invalid request parameters",
                Some("\"\""),
            );
        };
        let version = HANDSHAKE_VERSIONS
            .iter()
            .find(|version| **version == asked)
            .unwrap_or(&HANDSHAKE_VERSIONS[3]);
        self.open = true;
        self.hello = Some(params.without(&[]).end());
        let mut result = Object::new();
        result.put("protocolVersion", &quoted(version));
        for name in ["capabilities", "serverInfo", "instructions"] {
            result.put(name, self.catalogue.part(name));
        }
        answer(id, &result.end())
    }

    fn shaped_list(&self, era: Era, method: &str, listed: &str) -> String {
        if era == Era::Handshake {
            return listed.to_owned();
        }
        let members = Members::read(listed).expect("a list is an object");
        let mut result = members.without(&[]);
        if method == "server/discover" {
            result.put(
                "supportedVersions",
                &format!("[{}]", quoted(MODERN_VERSION)),
            );
        }
        let (ttl_ms, scope) = self.catalogue.kept(method);
        result
            .put("resultType", "\"complete\"")
            .put("ttlMs", &ttl_ms)
            .put("cacheScope", &scope);
        result.put("_meta", &stamp(self.catalogue, None)).end()
    }
}

/// A result of the daemon, as this era has it.
pub fn shaped(catalogue: &Catalogue, era: Era, verb: Verb, result: &str) -> String {
    let Some(members) = Members::read(result) else {
        return result.to_owned();
    };
    if era == Era::Handshake {
        // Words of the later protocol that an earlier one does not have.
        let later = ["resultType", "ttlMs", "cacheScope"];
        return if members
            .0
            .iter()
            .any(|(name, _)| later.contains(&name.as_str()))
        {
            members.without(&later).end()
        } else {
            result.to_owned()
        };
    }
    let mut out = members.without(&["_meta"]);
    if members.given("resultType").is_none() {
        out.put("resultType", "\"complete\"");
    }
    if verb.cacheable() {
        for (name, value) in [("ttlMs", "0"), ("cacheScope", "\"private\"")] {
            if members.get(name).is_none() {
                out.put(name, value);
            }
        }
    }
    let meta = members.get("_meta").and_then(Members::read);
    out.put("_meta", &stamp(catalogue, meta.as_ref())).end()
}

/// `_meta` of a result of the later protocol: it says who answered.
fn stamp(catalogue: &Catalogue, meta: Option<&Members>) -> String {
    let none = Members(Vec::new());
    let meta = meta.unwrap_or(&none);
    if meta.given(SERVER_KEY).is_some() {
        return meta.without(&[]).end();
    }
    meta.without(&[SERVER_KEY])
        .put(SERVER_KEY, catalogue.part("serverInfo"))
        .end()
}

/// Why a request of a modern session is refused before anybody looks at what it asks for.
fn refused_modern(
    id: &str,
    method: &str,
    params: &Members,
    meta: Option<&Members>,
) -> Option<String> {
    let supported = |asked: Option<&str>| {
        let mut data = Object::new();
        data.put("supported", &format!("[{}]", quoted(MODERN_VERSION)));
        if let Some(asked) = asked {
            data.put("requested", asked);
        }
        data.end()
    };
    if method == "initialize" {
        return Some(error(
            id,
            UNSUPPORTED_VERSION,
            "connection is serving the 2026-07-28 protocol; the initialize handshake is not accepted",
            Some(&supported(
                params
                    .get("protocolVersion")
                    .filter(|asked| asked.starts_with('"')),
            )),
        ));
    }
    let Some(meta) = meta else {
        let why = format!(
            "params._meta must be an object carrying the required '{VERSION_KEY}' and '{CAPABILITIES_KEY}' envelope keys"
        );
        return Some(error(id, INVALID_PARAMS, &why, None));
    };
    let missing: Vec<&str> = [VERSION_KEY, CAPABILITIES_KEY]
        .into_iter()
        .filter(|key| meta.get(key).is_none())
        .collect();
    if !missing.is_empty() {
        let why = format!(
            "params._meta is missing the required envelope key(s): {}",
            missing.join(", ")
        );
        return Some(error(id, INVALID_PARAMS, &why, None));
    }
    let asked = meta.get(VERSION_KEY).unwrap_or("null");
    match string(asked) {
        None => Some(error(
            id,
            INVALID_PARAMS,
            "the protocol-version envelope value must be a string",
            None,
        )),
        Some(version) if version == MODERN_VERSION => None,
        Some(_) => Some(error(
            id,
            UNSUPPORTED_VERSION,
            "Unsupported protocol version",
            Some(&supported(Some(asked))),
        )),
    }
}

fn no_object(text: &str) -> String {
    match text.as_bytes()[0] {
        b'[' if serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok() => error(
            "null",
            INVALID_REQUEST,
            "Batches are not supported; send one message a line.",
            None,
        ),
        _ if serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok() => {
            error("null", INVALID_REQUEST, "A message is an object.", None)
        }
        _ => error("null", PARSE_ERROR, "This is no JSON.", None),
    }
}

pub fn answer(id: &str, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
}

pub fn error(id: &str, code: i32, message: &str, data: Option<&str>) -> String {
    let data = data
        .map(|data| format!(r#","data":{data}"#))
        .unwrap_or_default();
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{}{data}}}}}"#,
        quoted(message)
    )
}

/// What a client is told about a request that failed in between, not in what it asked for.
pub fn failed(catalogue: &Catalogue, era: Era, asked: &Forward, why: &str) -> String {
    if asked.verb != Verb::Tool {
        return error(&asked.id, INTERNAL_ERROR, why, None);
    }
    let result = format!(
        r#"{{"content":[{{"type":"text","text":{}}}],"isError":true}}"#,
        quoted(why)
    );
    answer(&asked.id, &shaped(catalogue, era, asked.verb, &result))
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;
    const HELLO: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;

    fn said(action: Action) -> String {
        match action {
            Action::Answer(said) => said,
            other => panic!("{other:?}"),
        }
    }

    fn asked(action: Action) -> Forward {
        match action {
            Action::Forward(asked) => *asked,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_request_decides_the_era() {
        let catalogue = Catalogue::of("core");
        let modern = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{{{META}}}}}}}"#
        );
        let mut session = Session::new(&catalogue);
        assert!(!session.begun());
        assert!(
            said(session.hear(modern.as_bytes())).contains(r#""supportedVersions":["2026-07-28"]"#)
        );
        assert_eq!(session.era(), Era::Modern);
        assert!(said(session.hear(HELLO.as_bytes())).contains("-32022"));
        let mut session = Session::new(&catalogue);
        let opened = said(session.hear(HELLO.as_bytes()));
        assert!(
            opened.contains(r#""protocolVersion":"2025-06-18""#)
                && opened.contains(r#""instructions":"groma"#)
        );
        assert_eq!(session.era(), Era::Handshake);
        assert!(said(session.hear(modern.as_bytes())).contains("-32600"));
    }

    #[test]
    fn a_request_before_the_handshake_is_refused_but_for_ping() {
        let catalogue = Catalogue::of("core");
        let mut session = Session::new(&catalogue);
        assert!(
            said(session.hear(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#))
                .contains("-32602")
        );
        assert_eq!(
            said(session.hear(br#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#)),
            r#"{"jsonrpc":"2.0","id":2,"result":{}}"#
        );
        assert_eq!(
            session.hear(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
            Action::Nothing
        );
        assert!(
            said(session.hear(br#"{"jsonrpc":"2.0","id":3,"method":"tools/list"}"#))
                .contains("search_code")
        );
    }

    #[test]
    fn what_is_passed_on_is_what_was_asked() {
        let catalogue = Catalogue::of("core");
        let mut session = Session::new(&catalogue);
        session.hear(HELLO.as_bytes());
        let line = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"read","arguments":{"x" : 1e3},"_meta":{"progressToken":"t"}}}"#;
        let passed = asked(session.hear(line.as_bytes()));
        assert_eq!(
            (passed.id.as_str(), passed.verb, passed.token.as_deref()),
            ("\"a\"", Verb::Tool, Some("\"t\""))
        );
        assert_eq!(
            (passed.arguments.as_str(), passed.line.as_str()),
            (r#"{"name":"read","arguments":{"x" : 1e3}}"#, line)
        );
        let passed = asked(session.hear(br#"{"jsonrpc":"2.0","id":-1,"method":"resources/list"}"#));
        assert_eq!(
            (passed.key, passed.arguments.as_str(), passed.token),
            (Id::Number("-1".into()), "{}", None)
        );
        for wrong in [
            r#""params":{}"#,
            r#""params":{"name":1}"#,
            r#""params":{"name":"a","arguments":[]}"#,
            r#""params":[]"#,
        ] {
            let line = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call",{wrong}}}"#);
            assert!(
                said(session.hear(line.as_bytes())).contains("-32602"),
                "{line}"
            );
        }
        let cancelled = session.hear(br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"\u0061"}}"#);
        assert_eq!(cancelled, Action::Cancel(Id::Text("a".into())));
    }

    #[test]
    fn results_are_shaped_for_their_era() {
        let catalogue = Catalogue::of("core");
        let result = r#"{"resultType":"complete","contents":[],"ttlMs":5,"_meta":{"own":1}}"#;
        assert_eq!(
            shaped(&catalogue, Era::Handshake, Verb::Resource, result),
            r#"{"contents":[],"_meta":{"own":1}}"#
        );
        let modern = shaped(&catalogue, Era::Modern, Verb::Resource, result);
        assert!(modern.starts_with(r#"{"resultType":"complete","contents":[],"ttlMs":5,"cacheScope":"private","_meta":{"own":1,"io.model"#), "{modern}");
        assert_eq!(modern.matches("resultType").count(), 1);
        assert!(!shaped(&catalogue, Era::Modern, Verb::Tool, "{}").contains("ttlMs"));
    }
}
