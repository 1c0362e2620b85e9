//! Aligned tables for people.

/// Which way a column leans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lean {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells under a head, padded so that they line up.
#[derive(Debug)]
pub struct Table {
    head: Vec<(&'static str, Lean)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(head: &[(&'static str, Lean)]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; missing cells stay empty.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The titles of the columns.
    #[must_use]
    pub fn titles(&self) -> Vec<&'static str> {
        self.head.iter().map(|(title, _)| *title).collect()
    }

    /// The same table with only these columns, in this order.
    #[must_use]
    pub fn only(&self, places: &[usize]) -> Self {
        let head = places.iter().filter_map(|place| self.head.get(*place).copied()).collect();
        let cells = |row: &Vec<String>| {
            places.iter().map(|place| row.get(*place).cloned().unwrap_or_default()).collect()
        };
        Self { head, rows: self.rows.iter().map(cells).collect() }
    }

    /// The same table without so many of these columns, the first of them first, that the others
    /// fit into `width` characters.
    #[must_use]
    pub fn fitting(&self, width: usize, dispensable: &[&str]) -> Self {
        let widths = self.widths();
        let mut kept: Vec<usize> = (0..self.head.len()).collect();
        for name in dispensable {
            let total: usize = kept.iter().filter_map(|place| widths.get(*place)).sum();
            if total + 2 * kept.len().saturating_sub(1) <= width {
                break;
            }
            kept.retain(|place| self.head.get(*place).is_none_or(|(title, _)| title != name));
        }
        self.only(&kept)
    }

    /// The width of each column, in characters.
    fn widths(&self) -> Vec<usize> {
        let titles = self.head.iter().map(|(title, _)| title.chars().count());
        let widest = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        };
        let cells = (0..self.head.len()).map(|column| widest(column).unwrap_or_default());
        titles.zip(cells).map(|(title, cell)| title.max(cell)).collect()
    }

    /// The lines of the table, none longer than `width` characters.
    #[must_use]
    pub fn lines(&self, width: usize) -> Vec<String> {
        let titles: Vec<String> = self.head.iter().map(|(title, _)| (*title).to_owned()).collect();
        let widths = self.widths();
        let line = |row: &Vec<String>| {
            let mut line = String::new();
            for (column, (wide, (_, lean))) in widths.iter().zip(&self.head).enumerate() {
                let cell = row.get(column).map(String::as_str).unwrap_or_default();
                let gap = if column == 0 { "" } else { "  " };
                line += &match lean {
                    Lean::Left => format!("{gap}{cell:<wide$}"),
                    Lean::Right => format!("{gap}{cell:>wide$}"),
                };
            }
            let cut: String = line.chars().take(width).collect();
            cut.trim_end().to_owned()
        };
        std::iter::once(&titles).chain(&self.rows).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_at_the_width() {
        let mut table = Table::new(&[("meter", Lean::Left), ("index", Lean::Right)]);
        table.row(vec!["apt-1-1".to_owned(), "4120.77".to_owned()]);
        table.row(vec!["pv".to_owned(), "12.5".to_owned()]);
        assert_eq!(table.lines(80), ["meter      index", "apt-1-1  4120.77", "pv          12.5"]);
        assert_eq!(table.lines(9), ["meter", "apt-1-1", "pv"]);
    }

    #[test]
    fn what_is_less_important_gives_way_to_what_fits() {
        let mut table =
            Table::new(&[("meter", Lean::Left), ("age", Lean::Right), ("model", Lean::Left)]);
        table.row(vec!["pv".to_owned(), "12 min".to_owned(), "sdm630".to_owned()]);
        let titles = |width| table.fitting(width, &["model", "age"]).titles();
        assert_eq!(titles(21), ["meter", "age", "model"]);
        assert_eq!(titles(20), ["meter", "age"]);
        assert_eq!(titles(12), ["meter"]);
        assert_eq!(titles(1), ["meter"], "what is left is cut");
    }
}
