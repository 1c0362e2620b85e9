use catalog::document::{Field, Node, Span, Table, Value};
use catalog::{Code, Problems, Reader};

/// A box file as written: every known key with its place, nothing interpreted.
#[derive(Debug, Default)]
pub struct File<'t> {
    /// `http.listen`
    pub listen: Option<Written<'t, &'t str>>,
    /// `store.url`
    pub store: Option<Written<'t, &'t str>>,
    /// `broker.url`
    pub broker: Option<Written<'t, &'t str>>,
    /// `broker.user`
    pub user: Option<Written<'t, &'t str>>,
    /// `broker.password`
    pub password: Option<Written<'t, &'t str>>,
    /// `broker.insecure`
    pub insecure: Option<Written<'t, bool>>,
    /// `network.allowed_networks`
    pub networks: Option<Written<'t, &'t [Node]>>,
    /// `network.allowed_ports`
    pub ports: Option<Written<'t, &'t [Node]>>,
}

/// A value of the right sort, and its field.
#[derive(Debug, Clone, Copy)]
pub struct Written<'t, T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub field: &'t Field,
}

impl<T> Written<'_, T> {
    /// Where the value stands.
    #[must_use]
    pub fn span(&self) -> Span {
        self.field.node.span.clone()
    }
}

const TABLES: [(&str, &[&str]); 4] = [
    ("http", &["listen"]),
    ("store", &["url"]),
    ("broker", &["url", "user", "password", "insecure"]),
    ("network", &["allowed_networks", "allowed_ports"]),
];

impl<'t> File<'t> {
    /// Reads the tables and keys of a box file and complains about all others.
    #[must_use]
    pub fn read(table: &'t Table, problems: &mut Problems) -> Self {
        let mut file = Self::default();
        let mut root = Reader { table, place: 0..0, prefix: String::new(), problems };
        root.only(&TABLES.map(|(name, _)| name), |field| {
            let of_site = matches!(field.key.as_str(), "site" | "bus" | "meter");
            of_site
                .then(|| format!("`{}` belongs into a site file; this is the box file", field.key))
        });
        for (name, keys) in TABLES {
            let Some(field) = root.get(name) else { continue };
            let Value::Table(table) = &field.node.value else {
                root.wrong_type(field, &format!("[{name}] in brackets, then its keys,"));
                continue;
            };
            let (place, prefix) = (field.node.span.clone(), format!("{name}."));
            let mut reader = Reader { table, place, prefix, problems: root.problems };
            reader.only(keys, |_| None);
            file.take(name, &mut reader);
        }
        file
    }

    fn take(&mut self, table: &str, reader: &mut Reader<'t, '_>) {
        match table {
            "http" => self.listen = text(reader, "listen"),
            "store" => self.store = text(reader, "url"),
            "broker" => {
                self.broker = text(reader, "url");
                self.user = text(reader, "user");
                self.password = text(reader, "password");
                self.insecure = flag(reader, "insecure");
            }
            _ => {
                self.networks = list(reader, "allowed_networks");
                self.ports = list(reader, "allowed_ports");
            }
        }
    }
}

fn text<'t>(reader: &mut Reader<'t, '_>, key: &str) -> Option<Written<'t, &'t str>> {
    let field = reader.get(key)?;
    Some(Written { value: reader.text(field)?, field })
}

fn flag<'t>(reader: &mut Reader<'t, '_>, key: &str) -> Option<Written<'t, bool>> {
    let field = reader.get(key)?;
    let Value::Flag(value) = field.node.value else {
        reader.wrong_type(field, "true or false");
        return None;
    };
    Some(Written { value, field })
}

fn list<'t>(reader: &mut Reader<'t, '_>, key: &str) -> Option<Written<'t, &'t [Node]>> {
    const MOST: usize = 1_000;
    let field = reader.get(key)?;
    let Value::List(items) = &field.node.value else {
        reader.wrong_type(field, "a list in brackets");
        return None;
    };
    if items.len() > MOST {
        reader.wrong(Code::TooMany, field, format!("at most {MOST}; {} are given", items.len()));
        return None;
    }
    Some(Written { value: items, field })
}
