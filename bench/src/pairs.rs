//! Samples, their medians, and ratios of what was measured in turns. Knows nothing of what the numbers mean.

/// Measurements of one thing.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// The middle one; of an even number, the mean of the two in the middle. NaN if there is none.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match (sorted.get(middle), sorted.len() % 2) {
            (Some(sample), 1) => *sample,
            (Some(above), _) => middle
                .checked_sub(1)
                .and_then(|below| sorted.get(below))
                .map_or(f64::NAN, |below| (above + below) / 2.0),
            (None, _) => f64::NAN,
        }
    }

    /// The smallest and the largest.
    pub(crate) fn range(&self) -> (f64, f64) {
        let least = self.0.iter().copied().fold(f64::NAN, f64::min);
        (least, self.0.iter().copied().fold(f64::NAN, f64::max))
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        Self(samples.into_iter().collect())
    }
}

/// Measurements of two things in turns: ours, the other, ours, the other, …
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pairs {
    pub(crate) ours: Samples,
    pub(crate) other: Samples,
}

impl Pairs {
    pub(crate) fn push(&mut self, ours: f64, other: f64) {
        self.ours.push(ours);
        self.other.push(other);
    }

    /// Of the medians: how many times the other's ours is.
    pub(crate) fn ratio(&self) -> f64 {
        self.ours.median() / self.other.median()
    }

    /// The smallest and the largest ratio of one pair, whose halves met the same machine.
    pub(crate) fn ratio_range(&self) -> (f64, f64) {
        let ratios = self.ours.0.iter().zip(&self.other.0).map(|(ours, other)| ours / other);
        ratios.collect::<Samples>().range()
    }

    /// The same with both as rates instead of times or the reverse, so that a larger ratio is always the worse one.
    pub(crate) fn inverted(&self) -> Self {
        let inverted = |samples: &Samples| samples.0.iter().map(|sample| 1.0 / sample).collect();
        Self { ours: inverted(&self.ours), other: inverted(&self.other) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Samples::from_iter([9.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(Samples::from_iter([9.0, 1.0, 2.0, 4.0]).median(), 3.0);
        assert!(Samples::default().median().is_nan());
        assert_eq!(Samples::from_iter([3.0, 1.0, 2.0]).range(), (1.0, 3.0));
    }

    #[test]
    fn a_ratio_is_of_medians_and_its_range_of_pairs() {
        let mut pairs = Pairs::default();
        for (ours, other) in [(2.0, 1.0), (6.0, 4.0), (4.0, 2.0)] {
            pairs.push(ours, other);
        }
        assert_eq!(pairs.ratio(), 2.0);
        assert_eq!(pairs.ratio_range(), (1.5, 2.0));
        assert_eq!(pairs.inverted().ratio(), 0.5);
    }
}
