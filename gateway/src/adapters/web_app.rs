//! The files of the browser app, built into the binary when they were there.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Embedded;

/// One file of the app.
#[derive(Debug, Clone)]
pub struct File {
    /// The bytes.
    pub data: Cow<'static, [u8]>,
    /// MIME type by the file's name.
    pub mime: String,
    /// Strong entity tag, quotes included.
    pub etag: String,
}

/// Every file of the app by its path without the leading slash.
#[derive(Debug, Clone, Default)]
pub struct WebApp {
    files: Arc<BTreeMap<String, File>>,
}

impl WebApp {
    /// The app as it was built; without files when it was not.
    #[must_use]
    pub fn embedded() -> Self {
        let files = Embedded::iter().filter_map(|path| {
            let file = Embedded::get(&path)?;
            let digest = file.metadata.sha256_hash();
            let served =
                File { mime: file.metadata.mimetype().to_owned(), etag: etag(&digest), data: file.data };
            Some((path.into_owned(), served))
        });
        Self { files: Arc::new(files.collect()) }
    }

    /// An app of these files: path, MIME type, content.
    #[must_use]
    pub fn of(files: &[(&str, &str, &'static [u8])]) -> Self {
        let files = files.iter().map(|(path, mime, data)| {
            let digest = capstan_primitives::keccak256(&[data]);
            let file =
                File { data: Cow::Borrowed(data), mime: (*mime).to_owned(), etag: format!("\"{digest}\"") };
            ((*path).to_owned(), file)
        });
        Self { files: Arc::new(files.collect()) }
    }

    /// The file at a path without its leading slash.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }

    /// The page that every client-side route begins with; absent when the app was not built.
    #[must_use]
    pub fn index(&self) -> Option<&File> {
        self.file("index.html")
    }
}

fn etag(digest: &[u8]) -> String {
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}
