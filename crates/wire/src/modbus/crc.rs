/// The checksum of RTU frames, low byte first on the wire.
#[must_use]
pub fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |sum, byte| {
        let [low, _] = (sum ^ u16::from(*byte)).to_le_bytes();
        (sum >> 8) ^ TABLE.get(usize::from(low)).copied().unwrap_or_default()
    })
}

/// What one byte does to the checksum: polynomial 0xA001, bit by bit, worked out at build.
const TABLE: [u16; 256] = {
    let mut table = [0_u16; 256];
    let mut n = 0_u16;
    while n < 256 {
        let mut sum = n;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xa001 } else { sum >> 1 };
            bit += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "worked out at build, where it cannot panic")]
        {
            table[n as usize] = sum;
        }
        n += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_a_known_question() {
        assert_eq!(crc(&[0x01, 0x04, 0x00, 0x48, 0x00, 0x02]).to_le_bytes(), [0xf1, 0xdd]);
    }
}
