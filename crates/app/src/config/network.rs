use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A block of addresses: `192.168.50.0/24`, `fd00:50::/64`, or a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Block {
    /// Its first address.
    pub first: IpAddr,
    /// How many leading bits its addresses have in common.
    pub bits: u8,
}

/// A text that is no block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockError {
    /// No address, or no number of bits behind the slash.
    Malformed,
    /// More bits than an address has.
    Bits,
    /// The address lies inside the block, not at its beginning, which is given.
    Inside(IpAddr),
}

impl Block {
    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && masked(address, self.bits) == self.first
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

impl FromStr for Block {
    type Err = BlockError;

    fn from_str(text: &str) -> Result<Self, BlockError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| BlockError::Malformed)?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| BlockError::Malformed)?
            }
            Some(_) => return Err(BlockError::Malformed),
        };
        if bits > most {
            return Err(BlockError::Bits);
        }
        let start = masked(first, bits);
        if start == first { Ok(Self { first, bits }) } else { Err(BlockError::Inside(start)) }
    }
}

/// The address with all bits behind the first `bits` cleared.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::V4((u32::from(v4) & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            IpAddr::V6((u128::from(v6) & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_begins_at_its_first_address() {
        for (written, outcome) in [
            ("192.168.50.0/24", Ok("192.168.50.0/24")),
            ("10.0.0.1", Ok("10.0.0.1/32")),
            ("0.0.0.0/0", Ok("0.0.0.0/0")),
            ("fd00:50::/64", Ok("fd00:50::/64")),
            ("192.168.50.7/24", Err(BlockError::Inside("192.168.50.0".parse().unwrap()))),
            ("192.168.50.0/33", Err(BlockError::Bits)),
            ("192.168.50.0/", Err(BlockError::Malformed)),
            ("192.168.50.0/+8", Err(BlockError::Malformed)),
            ("house", Err(BlockError::Malformed)),
        ] {
            let read = written.parse::<Block>().map(|block| block.to_string());
            assert_eq!(read, outcome.map(str::to_owned), "{written}");
        }
    }

    #[test]
    fn an_address_lies_in_a_block_of_its_own_kind() {
        let block: Block = "192.168.50.0/24".parse().unwrap();
        assert!(block.contains("192.168.50.21".parse().unwrap()));
        assert!(!block.contains("192.168.51.1".parse().unwrap()));
        assert!(!block.contains("::ffff:192.168.50.21".parse().unwrap()));
        let all: Block = "::/0".parse().unwrap();
        assert!(all.contains("fd00::1".parse().unwrap()));
    }
}
