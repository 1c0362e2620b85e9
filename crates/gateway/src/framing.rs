use wire::Line;

/// How frames are told apart on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Frames end by silence, and silence is owed before each question.
    Serial(Line),
    /// Frames carry their length and a transaction number.
    Tcp,
    /// Serial frames on a socket: somebody else keeps the silence.
    RtuOverTcp,
}
