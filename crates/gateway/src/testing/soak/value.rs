//! What the registers of a simulated meter hold: where they are, whose, and when.

/// An entry begins at each fourth register and has four.
const SIZE: u16 = 4;

/// What one register holds: a quarter of a number that tells the meter, the first register of the
/// entry, the time in hundredths of a second, and a check over all three.
pub(super) fn word(meter: u8, register: u16, ticks: u32) -> u16 {
    let entry = register - register % SIZE;
    let told = Told { meter, entry, ticks }.number();
    let shift = 16 * (SIZE - 1 - register % SIZE);
    u16::try_from((told >> shift) & 0xffff).unwrap()
}

/// What an entry tells about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) meter: u8,
    pub(super) entry: u16,
    pub(super) ticks: u32,
}

impl Told {
    fn number(self) -> u64 {
        let Self { meter, entry, ticks } = self;
        let check = meter
            ^ entry.to_be_bytes().iter().fold(0x5a, |sum: u8, byte| sum.rotate_left(3) ^ byte);
        let check = ticks.to_be_bytes().iter().fold(check, |sum, byte| sum.rotate_left(3) ^ byte);
        // 12 bits of register are enough here; the check fills the rest of 63 bits.
        u64::from(meter) << 52
            | u64::from(entry & 0xfff) << 40
            | u64::from(ticks) << 8
            | u64::from(check)
    }

    /// Reads what an entry tells; `None` when it was put together from two.
    pub(super) fn of(number: u64) -> Option<Self> {
        let meter = u8::try_from(number >> 52).ok()?;
        let entry = u16::try_from((number >> 40) & 0xfff).ok()?;
        let ticks = u32::try_from((number >> 8) & 0xffff_ffff).ok()?;
        let told = Self { meter, entry, ticks };
        (told.number() == number).then_some(told)
    }
}

/// Numbers that look like chance and come again with the same seed.
#[derive(Debug, Clone, Copy)]
pub(in crate::testing) struct Chance(pub(in crate::testing) u64);

impl Chance {
    pub(in crate::testing) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(in crate::testing) fn one_in(&mut self, count: u64) -> bool {
        self.next().is_multiple_of(count)
    }

    /// A place in something so long.
    pub(in crate::testing) fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.next()).unwrap() % length.max(1)
    }

    pub(in crate::testing) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }
}
