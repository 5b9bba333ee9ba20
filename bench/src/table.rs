//! The table: one line for each thing measured, aligned, with ratios where there is something to compare with.

use std::fmt::{self, Display, Formatter};

use crate::pairs::{Pairs, Samples};

/// What a number counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// Nanoseconds are given, shown in whatever fits.
    Time,
    /// In a second.
    PerSecond,
    /// Mebibytes.
    MiB,
    /// Microseconds of processor time in each second.
    MicrosPerSecond,
    /// Plain.
    Count,
}

/// What is to be read from the table.
#[derive(Default)]
pub(crate) struct Table(Vec<[String; 5]>);

impl Table {
    /// Something measured by itself.
    pub(crate) fn alone(&mut self, name: &str, unit: Unit, samples: &Samples) {
        self.0.push([name.to_owned(), shown(unit, samples), String::new(), String::new(), String::new()]);
    }

    /// Something measured beside another; less is better with [`Unit::Time`], more with [`Unit::PerSecond`], and a larger
    /// ratio is always the worse one. `limit` is the ratio that the design allows, where it says one.
    pub(crate) fn pair(&mut self, name: &str, unit: Unit, other: &str, pairs: &Pairs, limit: Option<f64>) {
        let costs = if matches!(unit, Unit::PerSecond) { pairs.inverted() } else { pairs.clone() };
        let (least, most) = costs.ratio_range();
        self.0.push([
            name.to_owned(),
            shown(unit, &pairs.ours),
            format!("{} {other}", shown(unit, &pairs.other)),
            format!("{} ({}–{})", ratio(costs.ratio()), ratio(least), ratio(most)),
            limit.map_or_else(|| "–".to_owned(), |limit| format!("{limit}")),
        ]);
    }
}

fn ratio(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") }
}

fn shown(unit: Unit, samples: &Samples) -> String {
    let (least, most) = samples.range();
    let (scale, name) = scale(unit, samples.median());
    let number = |value: f64| {
        let value = value / scale;
        match value {
            _ if value < 10.0 => format!("{value:.2}"),
            _ if value < 100.0 => format!("{value:.1}"),
            _ => format!("{value:.0}"),
        }
    };
    format!("{}{name} ({}–{})", number(samples.median()), number(least), number(most))
}

fn scale(unit: Unit, median: f64) -> (f64, &'static str) {
    match unit {
        Unit::Time if median < 1e3 => (1.0, " ns"),
        Unit::Time if median < 1e6 => (1e3, " µs"),
        Unit::Time => (1e6, " ms"),
        Unit::PerSecond => (1.0, "/s"),
        Unit::MiB => (1.0, " MiB"),
        Unit::MicrosPerSecond => (1.0, " µs/s"),
        Unit::Count => (1.0, ""),
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let heading = ["what", "Vestibule", "compared with", "ratio", "limit"].map(str::to_owned);
        let rows = std::iter::once(&heading).chain(&self.0);
        let width = |column: usize| {
            let cells = rows.clone().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..heading.len()).map(width).collect();
        for row in rows.clone() {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        write!(f, "\nmedian (least–most); a ratio over 1 is what Vestibule costs more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_ratio_is_the_worse_one_for_times_and_for_rates() {
        let mut pairs = Pairs::default();
        pairs.push(3e6, 2e6);
        let mut table = Table::default();
        table.pair("a time", Unit::Time, "bare", &pairs, Some(1.5));
        table.pair("a rate", Unit::PerSecond, "bare", &pairs, None);
        let text = table.to_string();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines.get(1).unwrap().join(" "),
            "a time 3.00 ms (3.00–3.00) 2.00 ms (2.00–2.00) bare 1.50 (1.50–1.50) 1.5"
        );
        assert!(lines.get(2).unwrap().join(" ").ends_with("bare 0.67 (0.67–0.67) –"), "{text}");
    }
}
