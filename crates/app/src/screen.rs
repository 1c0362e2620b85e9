//! A picture that is drawn anew in its place on a terminal.

use std::io::Write;

use crate::output;

/// Where a picture stands on the terminal. What was above it stays.
#[derive(Debug, Default)]
pub struct Screen {
    drawn: usize,
    size: (usize, usize),
}

impl Screen {
    /// Draws the picture over the one drawn before, as much of it as the terminal shows.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn draw(&mut self, lines: &[String]) -> anyhow::Result<()> {
        let size = output::terminal_size().unwrap_or((80, 24));
        let lines = fitting(lines, size);
        let mut picture = String::new();
        if self.drawn > 0 && self.size == size {
            picture += &format!("\x1b[{}A", self.drawn);
        } else if self.drawn > 0 {
            picture += "\x1b[H"; // the lines have moved, nobody knows where to
        }
        for line in &lines {
            picture += &format!("\x1b[2K{line}\n");
        }
        picture += "\x1b[J"; // what a longer picture has left below
        (self.drawn, self.size) = (lines.len(), size);
        let mut out = output::data();
        out.write_all(picture.as_bytes())?;
        Ok(out.flush()?)
    }
}

/// The lines as the terminal shows them: one that wraps would be two, and what runs out at the top
/// could not be drawn over.
fn fitting(lines: &[String], (width, height): (usize, usize)) -> Vec<String> {
    let most = height.saturating_sub(1).max(1);
    let cut = |line: &String| line.chars().take(width).collect();
    if lines.len() <= most {
        return lines.iter().map(cut).collect();
    }
    let shown = most - 1;
    let more = format!("… and {} more lines, in a higher window", lines.len() - shown);
    lines.iter().take(shown).chain([&more]).map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_never_leaves_the_terminal() {
        let lines = ["one", "two", "three", "four"].map(str::to_owned);
        assert_eq!(fitting(&lines, (80, 5)), lines);
        assert_eq!(
            fitting(&lines, (80, 4)),
            ["one", "two", "… and 2 more lines, in a higher window"]
        );
        assert_eq!(fitting(&lines, (2, 5)), ["on", "tw", "th", "fo"]);
        assert_eq!(fitting(&lines, (7, 1)).len(), 1);
    }
}
