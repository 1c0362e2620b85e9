use domain::Medium;
use wire::Line;

use crate::Register;

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
    /// What is read, in the order of the file.
    pub registers: Vec<Register>,
}
