//! Counting over closed sets: what can be counted is known when the program is compiled, so that nothing from outside can
//! make one more series. It must not know what is counted, nor how it is shown.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// An enumeration whose values, and their names in metrics, are all known.
pub trait Closed: Copy + PartialEq + 'static {
    /// Every value, once.
    const ALL: &'static [Self];

    /// Its name: lower case, words joined by `_`.
    fn name(self) -> &'static str;
}

/// Writes an enumeration and its names in one place, so that neither lacks a value of the other.
macro_rules! closed {
    ($(#[$attribute:meta])* $visibility:vis enum $set:ident { $($(#[doc = $doc:literal])* $value:ident = $name:literal,)+ }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $set { $($(#[doc = $doc])* $value,)+ }

        impl $crate::count::Closed for $set {
            const ALL: &'static [Self] = &[$(Self::$value,)+];

            fn name(self) -> &'static str {
                match self { $(Self::$value => $name,)+ }
            }
        }
    };
}
pub(crate) use closed;

/// A counter for each value of a closed set.
pub struct Counts<L> {
    counters: Box<[AtomicU64]>,
    of: PhantomData<L>,
}

impl<L: Closed> Default for Counts<L> {
    fn default() -> Self {
        Self { counters: L::ALL.iter().map(|_| AtomicU64::new(0)).collect(), of: PhantomData }
    }
}

impl<L: Closed> Counts<L> {
    /// One more of these.
    pub fn add(&self, value: L) {
        if let Some((_, counter)) = self.each().find(|(each, _)| *each == value) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there were of each.
    pub fn read(&self) -> impl Iterator<Item = (L, u64)> {
        self.each().map(|(value, counter)| (value, counter.load(Ordering::Relaxed)))
    }

    fn each(&self) -> impl Iterator<Item = (L, &AtomicU64)> {
        L::ALL.iter().copied().zip(&self.counters)
    }
}

/// How long something took, counted by bounds that are the same for everything: from what a plugin in this process needs
/// to the deadline of an operation.
#[derive(Default)]
pub struct Durations {
    /// One for each bound, and one for what took longer.
    counters: [AtomicU64; Durations::BOUNDS.len() + 1],
    /// In microseconds.
    sum: AtomicU64,
}

impl Durations {
    /// The upper bounds, in microseconds.
    const BOUNDS: [u64; 11] = [
        1_000, 5_000, 25_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
        15_000_000,
    ];

    /// One more that took so long.
    pub fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at = Self::BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(counter) = self.counters.get(at) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    /// All of them.
    pub fn read(&self) -> Measured {
        let bounds = Self::BOUNDS.iter().map(|bound| Duration::from_micros(*bound).as_secs_f64());
        let counts = self.counters.iter().map(|counter| counter.load(Ordering::Relaxed));
        Measured {
            buckets: bounds.chain([f64::INFINITY]).zip(counts).collect(),
            sum: Duration::from_micros(self.sum.load(Ordering::Relaxed)).as_secs_f64(),
        }
    }
}

/// What [`Durations`] counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Upper bound in seconds, `f64::INFINITY` for none, and how many were above the bound before and not above this one.
    pub buckets: Vec<(f64, u64)>,
    /// All of them together, in seconds.
    pub sum: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    closed! {
        /// For these tests.
        enum Side {
            /// One.
            Left = "left",
            /// The other.
            Right = "right",
        }
    }

    #[test]
    fn counts_each_value_by_itself() {
        let counts = Counts::<Side>::default();
        counts.add(Side::Right);
        counts.add(Side::Right);
        assert_eq!(counts.read().collect::<Vec<_>>(), [(Side::Left, 0), (Side::Right, 2)]);
        assert_eq!(Side::ALL.iter().map(|side| side.name()).collect::<Vec<_>>(), ["left", "right"]);
    }

    #[test]
    fn a_duration_is_counted_below_the_first_bound_that_holds_it() {
        let durations = Durations::default();
        for micros in [0, 1_000, 1_001, 15_000_000, 15_000_001] {
            durations.add(Duration::from_micros(micros));
        }
        let measured = durations.read();
        let counted: Vec<_> = measured.buckets.iter().filter(|(_, count)| *count > 0).copied().collect();
        assert_eq!(counted, [(0.001, 2), (0.005, 1), (15.0, 1), (f64::INFINITY, 1)]);
        assert!((measured.sum - 30.002_002).abs() < 1e-9, "{}", measured.sum);
    }
}
