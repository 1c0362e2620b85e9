/// The most data bytes that an answer can carry, by the width of its byte count.
const KEPT: usize = 255;
/// Room for the longest frame that bytes may pretend to begin (260), and for as much again, so
/// that bytes are moved seldom.
const WINDOW: usize = 520;
const ROOM: usize = KEPT + WINDOW;

/// Bounded memory of an exchange: the data of the first answer, and bytes not yet judged.
#[derive(Clone)]
pub(super) struct Buffer {
    room: [u8; ROOM],
    from: usize,
    to: usize,
}

impl Buffer {
    pub(super) const fn new() -> Self {
        Self { room: [0; ROOM], from: KEPT, to: KEPT }
    }

    /// Where the bytes not yet judged begin.
    pub(super) const fn start(&self) -> usize {
        self.from
    }

    /// The bytes not yet judged.
    pub(super) fn rest(&self) -> &[u8] {
        self.slice(self.from, self.to - self.from)
    }

    /// `len` bytes from `at` on.
    pub(super) fn slice(&self, at: usize, len: usize) -> &[u8] {
        self.room.get(at..at + len).unwrap_or_default()
    }

    /// Takes as much as there is room for and returns what is left over.
    pub(super) fn fill<'a>(&mut self, heard: &'a [u8]) -> &'a [u8] {
        if self.from > KEPT && heard.len() > ROOM - self.to {
            self.room.copy_within(self.from..self.to, KEPT);
            self.to -= self.from - KEPT;
            self.from = KEPT;
        }
        let (taken, left) = heard.split_at(heard.len().min(ROOM - self.to));
        if let Some(room) = self.room.get_mut(self.to..self.to + taken.len()) {
            room.copy_from_slice(taken);
            self.to += taken.len();
        }
        left
    }

    /// Drops `len` judged bytes.
    pub(super) fn drop_front(&mut self, len: usize) {
        self.from = self.to.min(self.from + len);
        if self.from == self.to {
            (self.from, self.to) = (KEPT, KEPT);
        }
    }

    /// Puts the data of an answer where they stay, and returns their new place.
    pub(super) fn keep(&mut self, at: usize, len: usize) -> usize {
        self.room.copy_within(at..at + len.min(KEPT), 0);
        0
    }
}
