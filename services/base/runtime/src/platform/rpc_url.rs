//! Where a node is, with a key that is never shown.

use std::{fmt, num::NonZeroU32};

use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

/// URL of a node and what it is for, written `"https://…"` or
/// `{ url = "https://…", role = "fallback", requests_per_second = 25 }`.
/// Its path and credentials are often a key, so it is shown without them.
#[derive(Clone, Deserialize)]
#[serde(from = "WrittenRpcUrl")]
pub struct RpcUrl {
    url: String,
    role: RpcRole,
    requests_per_second: Option<NonZeroU32>,
}

/// What an endpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RpcRole {
    /// Answers requests.
    #[default]
    Primary,
    /// Answers requests while no primary can.
    Fallback,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a URL, or { url = \"…\", role = \"primary\" or \"fallback\", requests_per_second = … }"
)]
enum WrittenRpcUrl {
    Plain(String),
    Whole(WholeRpcUrl),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WholeRpcUrl {
    url: String,
    #[serde(default)]
    role: RpcRole,
    #[serde(default)]
    requests_per_second: Option<NonZeroU32>,
}

impl RpcUrl {
    /// The whole URL, key included.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.url
    }

    /// What the endpoint is for.
    #[must_use]
    pub const fn role(&self) -> RpcRole {
        self.role
    }

    /// Most requests a second that the endpoint is sent.
    #[must_use]
    pub const fn requests_per_second(&self) -> Option<NonZeroU32> {
        self.requests_per_second
    }
}

impl From<String> for RpcUrl {
    fn from(url: String) -> Self {
        Self { url, role: RpcRole::Primary, requests_per_second: None }
    }
}

impl From<WrittenRpcUrl> for RpcUrl {
    fn from(written: WrittenRpcUrl) -> Self {
        match written {
            WrittenRpcUrl::Plain(url) => Self::from(url),
            WrittenRpcUrl::Whole(WholeRpcUrl { url, role, requests_per_second }) => {
                Self { url, role, requests_per_second }
            }
        }
    }
}

impl fmt::Display for RpcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let hidden = if path.is_empty() { "" } else { "/***" };
        write!(f, "{scheme}://{host}{hidden}")
    }
}

impl fmt::Debug for RpcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for RpcUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.role == RpcRole::Primary && self.requests_per_second.is_none() {
            return serializer.collect_str(self);
        }
        let mut fields = serializer.serialize_struct("RpcUrl", 3)?;
        fields.serialize_field("url", &self.to_string())?;
        fields.serialize_field("role", &self.role)?;
        match self.requests_per_second {
            Some(most) => fields.serialize_field("requests_per_second", &most)?,
            None => fields.skip_field("requests_per_second")?,
        }
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_key_in_a_node_url_is_never_shown() {
        let url = RpcUrl::from("https://user:secret@node.example/v2/key".to_owned());
        assert_eq!(url.to_string(), "https://node.example/***");
        assert_eq!(format!("{url:?}"), "https://node.example/***");
        assert_eq!(RpcUrl::from("ws://127.0.0.1:8545".to_owned()).to_string(), "ws://127.0.0.1:8545");
    }

    #[test]
    fn an_endpoint_has_a_role_and_a_limit_when_they_are_written() {
        let text = r#"urls = ["http://one", { url = "http://me:key@two/key", role = "fallback" }, { url = "http://three", requests_per_second = 25 }]"#;
        let read: BTreeMap<String, Vec<RpcUrl>> = toml::from_str(text).unwrap();
        let roles: Vec<_> = read["urls"].iter().map(RpcUrl::role).collect();
        assert_eq!(roles, [RpcRole::Primary, RpcRole::Fallback, RpcRole::Primary]);
        let limits = read["urls"].iter().map(|url| url.requests_per_second().map(NonZeroU32::get));
        assert_eq!(limits.collect::<Vec<_>>(), [None, None, Some(25)]);
        let none = r#"urls = [{ url = "http://one", requests_per_second = 0 }]"#;
        assert!(toml::from_str::<BTreeMap<String, Vec<RpcUrl>>>(none).is_err());
        let shown = toml::to_string(&read).unwrap();
        assert!(
            shown.contains("fallback")
                && shown.contains("requests_per_second = 25")
                && !shown.contains("key"),
            "{shown}"
        );
        let wrong =
            toml::from_str::<BTreeMap<String, Vec<RpcUrl>>>(r#"urls = [{ url = "x", role = "main" }]"#);
        assert!(wrong.unwrap_err().to_string().contains("expected a URL, or { url"));
    }
}
