//! JSON as texts: what passes through is sliced, never built anew, so that a large answer costs one scan and keeps its numbers as they were.

use std::fmt;

use serde_core::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in order; each value is its own text.
pub struct Members<'a>(pub Vec<(String, &'a str)>);

impl<'a> Members<'a> {
    /// The members of the object that `text` is; None if it is anything else.
    pub fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The value of a member; of several with this name the last one, as Python has it.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| *value)
    }

    /// The value of a member, where it is there and not null.
    pub fn given(&self, name: &str) -> Option<&'a str> {
        self.get(name).filter(|value| *value != "null")
    }

    /// The value of a member that is a string.
    pub fn string(&self, name: &str) -> Option<String> {
        self.get(name).and_then(string)
    }

    /// The object again, without the members that `dropped` names.
    pub fn without(&self, dropped: &[&str]) -> Object {
        let mut object = Object::new();
        for (name, value) in &self.0 {
            if !dropped.contains(&name.as_str()) {
                object.put(name, value);
            }
        }
        object
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// An object that is being written.
pub struct Object(String);

impl Object {
    pub fn new() -> Self {
        Object("{".to_owned())
    }

    /// Add a member whose value is JSON already.
    pub fn put(&mut self, name: &str, value: &str) -> &mut Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(value);
        self
    }

    pub fn end(&mut self) -> String {
        self.0.push('}');
        std::mem::take(&mut self.0)
    }
}

/// Is this the text of an object?
pub fn is_object(text: &str) -> bool {
    text.starts_with('{')
}

/// The string that `text` is.
pub fn string(text: &str) -> Option<String> {
    if text.starts_with('"') {
        serde_json::from_str(text).ok()
    } else {
        None
    }
}

/// A string as JSON.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string has a JSON text")
}

/// JSON without the white space between its parts, so on one line.
pub fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut inside, mut escaped) = (false, false);
    for c in text.chars() {
        if inside {
            out.push(c);
            (inside, escaped) = (escaped || c != '"', !escaped && c == '\\');
        } else if !c.is_ascii_whitespace() {
            out.push(c);
            inside = c == '"';
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_their_texts() {
        let members =
            Members::read(r#" {"a": 1e400, "b":{"c" :[1, 2]}, "\u0061": null} "#).unwrap();
        assert_eq!(members.get("b"), Some(r#"{"c" :[1, 2]}"#));
        assert_eq!((members.get("a"), members.given("a")), (Some("null"), None));
        assert_eq!(
            members.without(&["a"]).put("z", "0").end(),
            r#"{"b":{"c" :[1, 2]},"z":0}"#
        );
        assert!(
            Members::read("[]").is_none()
                && Members::read("{} x").is_none()
                && Members::read(r#"{"a":NaN}"#).is_none()
        );
    }

    #[test]
    fn what_is_nested_without_end_is_read_without_recursion() {
        let text = format!(
            r#"{{"deep":{}1{}}}"#,
            "[".repeat(1_000_000),
            "]".repeat(1_000_000)
        );
        assert_eq!(
            Members::read(&text).unwrap().get("deep").unwrap().len(),
            2_000_001
        );
    }

    #[test]
    fn compact_takes_no_white_space_out_of_strings() {
        assert_eq!(
            compact("{ \"a b\" :\n [ 1 , \"c\\\" \\\\\" ] }"),
            r#"{"a b":[1,"c\" \\"]}"#
        );
    }

    #[test]
    fn a_string_is_quoted_and_read_again() {
        let text = "line\nquote\" \u{1}\u{2028}ü";
        assert!(!quoted(text).contains('\n'));
        assert_eq!(string(&quoted(text)).as_deref(), Some(text));
        assert_eq!(string("1"), None);
    }
}
