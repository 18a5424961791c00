//! `[events]`: a broker that carries the event log beside gRPC.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};

/// `[events]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Events {
    /// Kafka; nothing is published when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<Kafka>,
}

/// `[events.kafka]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// Some of the brokers, as in `["kafka-1:9092", "kafka-2:9092"]`.
    pub brokers: Brokers,
    /// The topic that carries every chain.
    #[serde(default)]
    pub topic: Topic,
    /// Whether services read events from the topic instead of asking the indexer.
    #[serde(default)]
    pub read: bool,
    /// Further settings of librdkafka, such as `sasl.password`.
    #[serde(default)]
    pub options: Options,
}

/// Addresses of brokers, at least one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Brokers(Vec<String>);

impl Brokers {
    /// The addresses with commas between them.
    #[must_use]
    pub fn joined(&self) -> String {
        self.0.join(",")
    }
}

impl TryFrom<Vec<String>> for Brokers {
    type Error = String;

    fn try_from(brokers: Vec<String>) -> Result<Self, String> {
        if brokers.is_empty() {
            return Err("names no broker; give one as in [\"kafka:9092\"]".to_owned());
        }
        match brokers.iter().find(|broker| !is_address(broker)) {
            Some(broker) => Err(format!("{broker:?} is no address; give host and port as in \"kafka:9092\"")),
            None => Ok(Self(brokers)),
        }
    }
}

fn is_address(broker: &str) -> bool {
    let parts = broker.rsplit_once(':');
    let plain = |host: &str| !host.is_empty() && !host.contains([',', '/', ' ']);
    parts.is_some_and(|(host, port)| plain(host) && port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Name of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Topic(String);

/// So long that the name of the indexer's own cursor has room for it.
const LONGEST_TOPIC: usize = 60;

impl Topic {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Default for Topic {
    fn default() -> Self {
        Self("capstan.events".to_owned())
    }
}

impl TryFrom<String> for Topic {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let dots = name.bytes().all(|byte| byte == b'.');
        match name.bytes().all(is_legal) && !dots && name.len() <= LONGEST_TOPIC {
            true => Ok(Self(name)),
            false => Err(format!(
                "{name:?} is no name of a topic: 1 to {LONGEST_TOPIC} letters, digits, \".\", \"_\" and \"-\""
            )),
        }
    }
}

/// Settings of librdkafka by name, written `sasl.password = "…"` or `"sasl.password" = "…"`. Many
/// are secrets, so they are shown without their values.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "BTreeMap<String, Written>")]
pub struct Options(BTreeMap<String, String>);

/// A value, or a table of those whose names begin alike.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string, a number, true or false")]
enum Written {
    Flag(bool),
    Number(i64),
    Text(String),
    Table(BTreeMap<String, Written>),
}

impl Options {
    /// Names and values.
    pub fn reveal(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn add(&mut self, name: String, written: Written) {
        match written {
            Written::Flag(flag) => drop(self.0.insert(name, flag.to_string())),
            Written::Number(number) => drop(self.0.insert(name, number.to_string())),
            Written::Text(text) => drop(self.0.insert(name, text)),
            Written::Table(table) => {
                table.into_iter().for_each(|(key, written)| self.add(format!("{name}.{key}"), written));
            }
        }
    }
}

impl From<BTreeMap<String, Written>> for Options {
    fn from(table: BTreeMap<String, Written>) -> Self {
        let mut options = Self::default();
        table.into_iter().for_each(|(name, written)| options.add(name, written));
        options
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|name| (name, "***"))).finish()
    }
}

impl Serialize for Options {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for name in self.0.keys() {
            map.serialize_entry(name, "***")?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Settings;

    use super::*;

    fn kafka(text: &str, environment: &[(&str, &str)]) -> Result<Kafka, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("[events.kafka]\n{text}")).unwrap();
        let environment = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let settings = Settings::from_layers(Some(file.path()), environment).unwrap();
        let platform = settings.platform().map_err(|error| error.to_string())?;
        Ok(platform.events.kafka.unwrap())
    }

    #[test]
    fn options_are_read_from_file_and_environment_and_never_shown() {
        let text = "brokers = [\"a:9092\", \"b:9092\"]\noptions.security.protocol = \"sasl_plaintext\"\n\
                    options.\"linger.ms\" = 20";
        let kafka = kafka(text, &[("CAPSTAN__EVENTS__KAFKA__OPTIONS__SASL__PASSWORD", "hush")]).unwrap();
        let options: Vec<_> = kafka.options.reveal().collect();
        let expected =
            [("linger.ms", "20"), ("sasl.password", "hush"), ("security.protocol", "sasl_plaintext")];
        assert_eq!(options, expected);
        let shown = format!("{kafka:?}{}", toml::to_string(&kafka).unwrap());
        assert!(shown.contains("sasl.password") && !shown.contains("hush"), "{shown}");
        assert_eq!(
            (kafka.brokers.joined().as_str(), kafka.topic.name()),
            ("a:9092,b:9092", "capstan.events")
        );
        assert!(!kafka.read);
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_place() {
        let cases = [
            ("topic = \"x\"", "missing field `brokers`"),
            ("brokers = []", "events.kafka.brokers: names no broker"),
            ("brokers = [\"kafka\"]", "events.kafka.brokers: \"kafka\" is no address"),
            ("brokers = [\"http://kafka:9092\"]", "is no address"),
            ("brokers = [\"a:1\"]\ntopic = \"a b\"", "events.kafka.topic: \"a b\" is no name of a topic"),
            ("brokers = [\"a:1\"]\nraed = true", "unknown key \"events.kafka.raed\"; did you mean \"read\"?"),
            ("brokers = [\"a:1\"]\noptions.a = [1]", "expected a string, a number, true or false"),
        ];
        for (text, reason) in cases {
            let refused = kafka(text, &[]).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}
