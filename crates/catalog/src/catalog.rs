use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};

use crate::Model;

/// Every known meter model, by name. Shipped models are embedded at build; an owner's model of the
/// same name replaces a shipped one whole.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    models: BTreeMap<String, Model>,
}

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/models");

impl Catalog {
    /// The shipped models. Every one of them is parsed and proven by the tests.
    #[must_use]
    pub fn shipped() -> Self {
        let models =
            Self::shipped_files().filter_map(|(name, text)| Model::parse(&name, text).ok());
        Self { models: models.map(|model| (model.name.clone(), model)).collect() }
    }

    /// The shipped model files: name and text, to be shown, copied or parsed.
    pub fn shipped_files() -> impl Iterator<Item = (String, &'static str)> {
        let files = SHIPPED.dirs().flat_map(Dir::files);
        files.filter_map(|file| {
            let path = file.path().with_extension("");
            let name = path.iter().map(|part| part.to_str()).collect::<Option<Vec<_>>>()?.join("/");
            Some((name, file.contents_utf8()?))
        })
    }

    /// The model of a name such as `eastron/sdm630`.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.get(name)
    }

    /// All models, in the order of their names.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.values()
    }

    /// Adds a model, replacing one of the same name whole.
    pub fn put(&mut self, model: Model) {
        self.models.insert(model.name.clone(), model);
    }
}
