use std::collections::BTreeMap;

use crate::Model;

/// Every known meter model, by name. Shipped models are embedded at build; an owner's model of the
/// same name replaces a shipped one whole.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    models: BTreeMap<String, Model>,
}

impl Catalog {
    /// The shipped models.
    #[must_use]
    pub fn shipped() -> Self {
        Self::default()
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
