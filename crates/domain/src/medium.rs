use std::fmt;

/// What flows through a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Medium {
    /// Electric energy.
    Electricity,
    /// Heat carried by a fluid.
    Heat,
    /// Cold carried by a fluid.
    Cold,
    /// Water that is used up, cold or hot.
    Water,
    /// Fuel gas.
    Gas,
}

impl Medium {
    /// Every medium.
    pub const ALL: [Self; 5] = [Self::Electricity, Self::Heat, Self::Cold, Self::Water, Self::Gas];

    /// The name in files and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Electricity => "electricity",
            Self::Heat => "heat",
            Self::Cold => "cold",
            Self::Water => "water",
            Self::Gas => "gas",
        }
    }

    /// The medium of a name, exact spelling.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|medium| medium.name() == name)
    }
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
