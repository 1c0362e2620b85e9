use domain::{Decimal, Quantity, Reason};
use thiserror::Error;
use wire::modbus::{Heard, Read, crc};

use crate::{Model, Proof, Register, decode};

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{model}, proof \"{source_text}\": {why}")]
pub struct ProofError {
    /// The model.
    pub model: String,
    /// The source the proof names.
    pub source_text: String,
    /// What does not hold.
    pub why: String,
}

impl Model {
    /// Replays every proof: the question must be one that is asked of this model, the answer must
    /// be its sound answer, and must be read as the proof says. Returns how many readings were
    /// proven.
    ///
    /// # Errors
    /// The first proof that does not hold. A model without a proof proves nothing: zero readings.
    pub fn prove(&self) -> Result<usize, ProofError> {
        let prove = |proof: &Proof| {
            self.replay(proof).map_err(|why| ProofError {
                model: self.name.clone(),
                source_text: proof.source.clone(),
                why,
            })
        };
        self.proofs.iter().map(prove).sum()
    }

    fn replay(&self, proof: &Proof) -> Result<usize, String> {
        sound("send", &proof.send)?;
        let heard =
            Heard::rtu(&proof.send).ok_or("`send` has not the eight bytes of a question")?;
        let question = heard.read().ok_or("`send` does not read registers")?;
        self.could_ask(question)?;
        let words = answer(question, &proof.hear)?;
        for (quantity, said) in &proof.read {
            let register = self.register(*quantity).ok_or("the model does not read it")?;
            let read = decode(register, covered(register, question, &words)?);
            compare(*quantity, read, *said)?;
            self.plausible(*quantity, read)?;
        }
        Ok(proof.read.len())
    }

    /// Whether the question begins and ends with entries of this model and keeps its limits.
    fn could_ask(&self, question: Read) -> Result<(), String> {
        let (start, end) = ends(question.start, question.count);
        let odd = u32::from(self.align_even);
        let asked = |register: &&Register| register.function == question.function;
        let entries = || self.registers.iter().filter(asked);
        let entry = |register: &Register| ends(register.start, register.size.into());
        let begins = entries().map(entry).any(|(first, _)| first - first % 2 * odd == start);
        let closes = entries().map(entry).any(|(_, last)| last + last % 2 * odd == end);
        if question.count > self.max_registers {
            return Err(format!("`send` asks for more than {} registers", self.max_registers));
        }
        if !begins || !closes {
            return Err("`send` does not begin and end with quantities of the model".to_owned());
        }
        Ok(())
    }

    fn plausible(&self, quantity: Quantity, read: Result<Decimal, Reason>) -> Result<(), String> {
        let expect = self.fact(quantity).and_then(|fact| fact.expect);
        match (expect, read) {
            (Some((least, most)), Ok(value))
                if value.cmp_value(least).is_lt() || value.cmp_value(most).is_gt() =>
            {
                Err(format!("{quantity} is {value}, outside what the model expects"))
            }
            _ => Ok(()),
        }
    }
}

/// The registers of a sound answer to the question.
fn answer(question: Read, frame: &[u8]) -> Result<Vec<u16>, String> {
    let body = sound("hear", frame)?;
    let &[address, function, count, ref data @ ..] = body else {
        return Err("`hear` is too short".to_owned());
    };
    if (address, function) != (question.address, question.function.code()) {
        return Err("`hear` answers another address or function".to_owned());
    }
    if usize::from(count) != data.len() || data.len() != usize::from(question.count) * 2 {
        return Err(format!("`hear` must carry {} registers", question.count));
    }
    Ok(data
        .chunks_exact(2)
        .filter_map(|pair| pair.try_into().ok())
        .map(u16::from_be_bytes)
        .collect())
}

/// The frame without its checksum, if that is right.
fn sound<'a>(name: &str, frame: &'a [u8]) -> Result<&'a [u8], String> {
    let (body, sum) =
        frame.split_last_chunk::<2>().ok_or_else(|| format!("`{name}` is too short"))?;
    let [low, high] = crc(body).to_le_bytes();
    if [low, high] != *sum {
        return Err(format!("the checksum of `{name}` must be {low:02X} {high:02X}"));
    }
    Ok(body)
}

fn covered<'a>(register: &Register, question: Read, words: &'a [u16]) -> Result<&'a [u16], String> {
    let missing = || format!("`send` does not read {}", register.quantity);
    if register.function != question.function {
        return Err(missing());
    }
    let first = register.start.checked_sub(question.start).map(usize::from).ok_or_else(missing)?;
    words.get(first..first + usize::from(register.size)).ok_or_else(missing)
}

fn compare(
    quantity: Quantity,
    read: Result<Decimal, Reason>,
    said: Result<Decimal, Reason>,
) -> Result<(), String> {
    let same = match (read, said) {
        (Ok(read), Ok(said)) => read.cmp_value(said).is_eq(),
        (Err(read), Err(said)) => read == said,
        _ => false,
    };
    let show = |outcome: Result<Decimal, Reason>| match outcome {
        Ok(value) => format!("{value} {}", quantity.unit()),
        Err(reason) => reason.name().to_owned(),
    };
    if same { Ok(()) } else { Err(format!("{quantity} is {}, not {}", show(read), show(said))) }
}

fn ends(start: u16, count: u16) -> (u32, u32) {
    (u32::from(start), u32::from(start) + u32::from(count))
}
