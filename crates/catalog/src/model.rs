mod check;
mod error;
mod file;

use domain::{Decimal, Medium, Quantity, Reason};
use wire::Line;
use wire::modbus::Function;

use crate::{DataType, Register};
pub use error::ModelError;

/// A meter model that has been checked: what a kind of meter measures and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// `maker/model`, the path of its file without ending: `eastron/sdm630`.
    pub name: String,
    /// The maker as people write it: `Eastron`.
    pub maker: String,
    /// The type as printed on the meter: `SDM630`.
    pub title: String,
    /// What flows through it.
    pub medium: Medium,
    /// The line as it leaves the factory.
    pub line: Line,
    /// The most registers of one question.
    pub max_registers: u16,
    /// Whether start and count of every question must be even.
    pub align_even: bool,
    /// What is read, in the order of the file.
    pub registers: Vec<Register>,
    /// What else is known of single quantities, in the order of the file.
    pub facts: Vec<Fact>,
    /// How to tell that a meter is of this model.
    pub identify: Vec<Identify>,
    /// Frames that prove the model.
    pub proofs: Vec<Proof>,
}

/// What a model says about a quantity beyond where it sits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The quantity, one of the model's.
    pub quantity: Quantity,
    /// From .. to, both included, in the quantity's unit: levels outside are worth a look.
    pub expect: Option<(Decimal, Decimal)>,
    /// The first index, in the quantity's unit, that the counter shows as zero again.
    pub wraps_at: Option<Decimal>,
    /// The code of the value in IEC 62056-6-1: `1-0:1.8.0`.
    pub obis: Option<String>,
}

/// A register that tells the model of a meter, or its serial number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identify {
    /// Holding or input registers.
    pub function: Function,
    /// First register, from 0, as sent on the wire.
    pub start: u16,
    /// Registers of the value: 1, 2, 4 or 8.
    pub size: u8,
    /// What the bits mean.
    pub data_type: DataType,
    /// Whether the least significant register comes first.
    pub swap_words: bool,
    /// What the value says.
    pub meaning: Identity,
}

impl Identify {
    /// The raw value of its registers, unsigned.
    #[must_use]
    pub fn raw(&self, words: &[u16]) -> u128 {
        let joined = |raw: u128, word: &u16| raw << 16 | u128::from(*word);
        match self.swap_words {
            true => words.iter().rev().fold(0, joined),
            false => words.iter().fold(0, joined),
        }
    }
}

/// What the value of an identifying register says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// It is of this model when the raw value, unsigned, is one of these.
    Equals(Vec<u128>),
    /// It is the serial number.
    Serial,
}

/// A question, its answer, and what the answer must be read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Where the frames come from: a bench with serial number and date, or "composed from …".
    pub source: String,
    /// The question, an RTU frame.
    pub send: Vec<u8>,
    /// The answer, an RTU frame.
    pub hear: Vec<u8>,
    /// What it must be read as, in the quantity's unit; or why there must be no reading.
    pub read: Vec<(Quantity, Result<Decimal, Reason>)>,
}

impl Model {
    /// Reads a model file and checks it. `name` is its path without ending: `eastron/sdm630`.
    ///
    /// Whether the proofs hold is asked by [`Model::prove`]: a file that is being written can be
    /// parsed before it is proven.
    ///
    /// # Errors
    /// The first mistake found, with its place in the text and advice.
    pub fn parse(name: &str, text: &str) -> Result<Self, ModelError> {
        check::model(name, text)
    }

    /// The entry that reads a quantity.
    #[must_use]
    pub fn register(&self, quantity: Quantity) -> Option<&Register> {
        self.registers.iter().find(|register| register.quantity == quantity)
    }

    /// What else is known of a quantity.
    #[must_use]
    pub fn fact(&self, quantity: Quantity) -> Option<&Fact> {
        self.facts.iter().find(|fact| fact.quantity == quantity)
    }
}
