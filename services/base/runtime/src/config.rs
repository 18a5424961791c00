//! Configuration: one TOML file, then environment variables; unknown keys are refused.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use figment::{
    Figment, Metadata, Profile, Provider,
    error::Kind,
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::Platform;

/// Every section of the file that belongs to a service, in rank order.
pub const SERVICES: [&str; 11] = [
    "indexer",
    "account",
    "oracle",
    "market",
    "portfolio",
    "vault",
    "quoter",
    "funder",
    "keeper",
    "watcher",
    "gateway",
];
const SHARED: [&str; 6] = ["database", "telemetry", "process", "peers", "events", "chains"];
const PREFIX: &str = "CAPSTAN__";

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there.
    #[error("configuration file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A key that nothing reads.
    #[error("{place}: unknown key {key:?}{}", suggestion(nearest))]
    UnknownKey {
        /// File or environment variable.
        place: String,
        /// The key with its section.
        key: String,
        /// The nearest known key.
        nearest: Option<String>,
    },
    /// A value that does not fit its key.
    #[error("{place}: {key}: {reason}")]
    Value {
        /// File or environment variable.
        place: String,
        /// The key with its section.
        key: String,
        /// What is wrong with the value.
        reason: String,
    },
}

impl ConfigError {
    fn in_place(self, name: &str) -> Self {
        match self {
            Self::Value { key, reason, .. } => Self::Value { place: name.to_owned(), key, reason },
            other => other,
        }
    }
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!("; did you mean {nearest:?}?")).unwrap_or_default()
}

/// The merged layers, before they are read into types.
#[derive(Debug, Clone)]
pub struct Settings {
    layers: Figment,
    file: Option<PathBuf>,
}

impl Settings {
    /// Reads `file` and the environment of this process.
    ///
    /// # Errors
    /// When the file is missing or has unknown top-level keys.
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::from_layers(file, std::env::vars())
    }

    /// Reads `file` and the given environment.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn from_layers(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = match file {
            Some(path) => Figment::from(Layer::file(path)?),
            None => Figment::new(),
        };
        for (variable, value) in environment {
            if variable == "PORT" {
                let listen = with_port(&layers, &value)?;
                layers = layers.merge(Layer::one(variable, "gateway.listen", listen.into()));
            } else if let Some(key) = key_of(&variable, &value) {
                layers = layers.merge(Layer::one(variable, &key.0, key.1));
            }
        }
        let settings = Self { layers, file: file.map(Path::to_owned) };
        settings.refuse_unknown_sections()?;
        Ok(settings)
    }

    /// Reads the same file and the environment again, without what was set or completed since.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn reread(&self) -> Result<Self, ConfigError> {
        Self::load(self.file.as_deref())
    }

    /// Sets a key above every layer, as the command line does.
    #[must_use]
    pub fn with(self, option: &str, key: &str, value: impl Into<Value>) -> Self {
        Self { layers: self.layers.merge(Layer::one(option.to_owned(), key, value.into())), ..self }
    }

    /// Fills keys that no layer sets from one more file.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn completed_by(self, file: &Path) -> Result<Self, ConfigError> {
        let settings = Self { layers: self.layers.join(Layer::file(file)?), ..self };
        settings.refuse_unknown_sections()?;
        Ok(settings)
    }

    /// Sets a key that no layer sets.
    #[must_use]
    pub fn or(self, key: &str, value: impl Into<Value>) -> Self {
        Self { layers: self.layers.join(Layer::one("default".to_owned(), key, value.into())), ..self }
    }

    /// The shared part.
    ///
    /// # Errors
    /// When a key is unknown or a value does not fit.
    pub fn platform(&self) -> Result<Platform, ConfigError> {
        self.layers.extract().map_err(|error| refuse(error, ""))
    }

    /// The section of one service, with its defaults.
    ///
    /// # Errors
    /// When a key is unknown or a value does not fit.
    pub fn section<C: DeserializeOwned + Serialize + Default>(&self, name: &str) -> Result<C, ConfigError> {
        match self.layers.find_value(name) {
            Ok(_) => self.layers.extract_inner(name).map_err(|error| refuse(error, name)),
            Err(_) => Ok(C::default()),
        }
    }

    fn refuse_unknown_sections(&self) -> Result<(), ConfigError> {
        let data = self.layers.data().map_err(|error| refuse(error, ""))?;
        let known: Vec<&str> = SHARED.iter().chain(&SERVICES).copied().collect();
        for (section, value) in data.get(&Profile::Default).into_iter().flatten() {
            if !known.contains(&section.as_str()) {
                let place =
                    self.layers.get_metadata(value.tag()).map_or("configuration", |place| &place.name);
                let nearest = nearest(section, &known);
                return Err(ConfigError::UnknownKey {
                    place: place.to_owned(),
                    key: section.clone(),
                    nearest,
                });
            }
        }
        Ok(())
    }
}

/// One source of values, under the name that error texts give it.
struct Layer {
    place: Metadata,
    values: Map<Profile, Dict>,
}

impl Layer {
    fn file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
        let place = Metadata::named(path.display().to_string());
        let values = Toml::string(&text).data().map_err(|error| refuse(error, ""));
        let values = values.map_err(|error| error.in_place(&place.name))?;
        Ok(Self { place, values })
    }

    fn one(place: String, key: &str, value: Value) -> Self {
        let nested = figment::util::nest(key, value).into_dict().unwrap_or_default();
        Self { place: Metadata::named(place), values: Profile::Default.collect(nested) }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.place.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(self.values.clone())
    }
}

/// The key and value that an environment variable sets: `CAPSTAN__SECTION__KEY`, and the names that
/// operators know from elsewhere.
fn key_of(variable: &str, value: &str) -> Option<(String, Value)> {
    let text = || Value::from(value);
    match variable {
        "DATABASE_URL" => Some(("database.url".into(), text())),
        "LOG_LEVEL" | "RUST_LOG" => Some(("telemetry.log".into(), text())),
        _ => {
            let key = variable.strip_prefix(PREFIX)?.to_lowercase().replace("__", ".");
            Some((key, parsed(value)))
        }
    }
}

/// The gateway's address with another port: `PORT` says nothing of the interface.
fn with_port(layers: &Figment, port: &str) -> Result<String, ConfigError> {
    let refused = || ConfigError::Value {
        place: "PORT".into(),
        key: "gateway.listen".into(),
        reason: format!("{port:?} is not a port, 0 to 65535"),
    };
    let mut listen: SocketAddr =
        layers.extract_inner("gateway.listen").unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
    listen.set_port(port.parse().map_err(|_| refused())?);
    Ok(listen.to_string())
}

fn parsed(value: &str) -> Value {
    value.parse().unwrap_or_else(|infallible| match infallible {})
}

fn refuse(error: figment::Error, section: &str) -> ConfigError {
    let place = error.metadata.as_ref().map_or("configuration".to_owned(), |place| place.name.to_string());
    let mut path: Vec<&str> = error.path.iter().flat_map(|part| part.split('.')).collect();
    // Reading a section by itself gives paths with the section once, twice or not at all.
    if let Some(at) = path.iter().rposition(|part| *part == section) {
        path.drain(..at);
    } else if !section.is_empty() {
        path.insert(0, section);
    }
    match &error.kind {
        Kind::UnknownField(key, known) => {
            let key = key.rsplit('.').next().unwrap_or(key);
            if path.last() != Some(&key) {
                path.push(key);
            }
            ConfigError::UnknownKey { place, key: path.join("."), nearest: nearest(key, known) }
        }
        kind => ConfigError::Value { place, key: path.join("."), reason: kind.to_string() },
    }
}

fn nearest(key: &str, known: &[&str]) -> Option<String> {
    let distance = |candidate: &&&str| strsim::damerau_levenshtein(key, candidate);
    known.iter().min_by_key(distance).map(|candidate| (*candidate).to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde::Deserialize;

    use super::*;
    use crate::platform::Retention;

    #[derive(Debug, Default, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Section {
        batch_size: u64,
    }

    fn settings(toml: &str, environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(toml.as_bytes()).unwrap();
        let environment = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Settings::from_layers(Some(file.path()), environment)
    }

    #[test]
    fn the_environment_stands_above_the_file_and_the_command_line_above_both() {
        let loaded = settings("[indexer]\nbatch_size = 5", &[("CAPSTAN__INDEXER__BATCH_SIZE", "7")]).unwrap();
        assert_eq!(loaded.section::<Section>("indexer").unwrap().batch_size, 7);
        let above = loaded.with("--batch-size", "indexer.batch_size", 9);
        assert_eq!(above.section::<Section>("indexer").unwrap().batch_size, 9);
        assert_eq!(above.section::<Section>("market").unwrap().batch_size, 0);
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        let loaded = settings("[indexer]\nbatch_siez = 5", &[]).unwrap();
        let refused = loaded.section::<Section>("indexer").unwrap_err().to_string();
        assert!(
            refused.contains("unknown key \"indexer.batch_siez\"; did you mean \"batch_size\"?"),
            "{refused}"
        );
        let refused = settings("[indexr]\nx = 1", &[]).unwrap_err().to_string();
        assert!(refused.contains("did you mean \"indexer\"?"), "{refused}");
        let refused = settings("", &[("CAPSTAN__INDEXER__BATCH_SIEZ", "1")]).unwrap();
        let refused = refused.section::<Section>("indexer").unwrap_err().to_string();
        assert!(refused.starts_with("CAPSTAN__INDEXER__BATCH_SIEZ: "), "{refused}");
    }

    #[test]
    fn a_bad_value_is_refused_with_its_place() {
        let chain = "[[chains]]\nid = 1\nname = \"x\"\nrpc_urls = []\n[[chains.contracts]]\nprotocol = \"erc20\"\naddress = \"0x12\"";
        let refused = settings(chain, &[]).unwrap().platform().unwrap_err().to_string();
        assert!(refused.contains("chains.0.contracts.0.address: has 2 hex digits"), "{refused}");
        let refused = settings("[database]\nurl = 5", &[]).unwrap().platform().unwrap_err().to_string();
        assert!(refused.contains("database.url"), "{refused}");
    }

    #[test]
    fn the_names_that_operators_expect_are_honoured() {
        let loaded = settings("", &[("DATABASE_URL", "postgres://a:b@c/d"), ("LOG_LEVEL", "warn")]).unwrap();
        let platform = loaded.platform().unwrap();
        assert_eq!(platform.database.url, "postgres://a:b@c/d");
        assert_eq!(platform.telemetry.log, "warn");
        let loaded = settings("[gateway]\nlisten = \"0.0.0.0:80\"", &[("PORT", "9000")]).unwrap();
        let listen: String = loaded.layers.extract_inner("gateway.listen").unwrap();
        assert_eq!(listen, "0.0.0.0:9000");
        let refused = settings("", &[("PORT", "http")]).unwrap_err().to_string();
        assert!(refused.starts_with("PORT: gateway.listen: \"http\" is not a port"), "{refused}");
        let shown = toml::to_string(&platform).unwrap();
        assert!(shown.contains("postgres://a:***@c/d"), "{shown}");
    }

    #[test]
    fn finality_is_a_tag_or_a_number_of_blocks() {
        let chain =
            |rule: &str| format!("[[chains]]\nid = 1\nname = \"x\"\nrpc_urls = []\nfinality = {rule}");
        assert!(settings(&chain("{ tag = \"safe\" }"), &[]).unwrap().platform().is_ok());
        assert!(settings(&chain("{ blocks = 12 }"), &[]).unwrap().platform().is_ok());
        assert!(settings(&chain("{ tag = \"soon\" }"), &[]).unwrap().platform().is_err());
    }

    #[test]
    fn retention_is_a_number_of_blocks_or_days() {
        let platform = |rule: &str| {
            let chain = format!("[[chains]]\nid = 1\nname = \"x\"\nrpc_urls = []\n{rule}");
            settings(&chain, &[]).unwrap().platform()
        };
        let kept = |rule: &str| platform(rule).unwrap().chains[0].retention;
        assert_eq!(kept(""), None);
        assert_eq!(kept("retention = { blocks = 12 }"), Some(Retention::Blocks(12)));
        assert_eq!(kept("retention = { days = 90 }"), Some(Retention::Days(90)));
        for wrong in
            ["{ blocks = -1 }", "{ days = 1.5 }", "{ weeks = 2 }", "{ blocks = 1, days = 1 }", "{}", "7"]
        {
            let refused = platform(&format!("retention = {wrong}")).unwrap_err().to_string();
            assert!(refused.contains("retention"), "{wrong}: {refused}");
        }
    }
}
