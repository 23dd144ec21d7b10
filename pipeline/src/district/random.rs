//! Reproducible chance: a splitmix64 sequence that starts anywhere, and an order in which everybody comes up once.
//!
//! Owns how a seed becomes numbers. Must never take entropy from outside: the same seed gives the same district.

use fuma_schemas::instant::HOUR_MS;

/// What a sequence is for: no two purposes share numbers, so one can change without moving the others.
#[derive(Clone, Copy)]
#[repr(u64)]
pub(super) enum Purpose {
    Identity = 1,
    Home,
    Tests,
    Travel,
    Order,
    Plan,
    Outbreak,
    Border,
    Clinic,
    Lists,
    Faults,
    Phones,
}

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A splitmix64 sequence.
#[derive(Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The sequence of one thing: a person, a slot of a day, a cluster.
    pub(super) fn of(seed: u64, purpose: Purpose, index: u64) -> Random {
        Random(mix(mix(seed ^ (purpose as u64).wrapping_mul(STEP)).wrapping_add(index)))
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number of [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something of this probability happens.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number of [0, bound); 0 for a bound of 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        (((self.next() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// A number of [low, high].
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// One of the entries; the type's default of an empty list.
    pub(super) fn pick<T: Copy + Default>(&mut self, entries: &[T]) -> T {
        entries.get(self.below(entries.len() as u32) as usize).copied().unwrap_or_default()
    }

    /// A span of whole seconds, in milliseconds, of [low, high] minutes.
    pub(super) fn minutes(&mut self, low: u32, high: u32) -> i64 {
        i64::from(self.between(low * 60, high * 60)) * 1000
    }

    /// A span of whole seconds, in milliseconds, of [low, high] hours.
    pub(super) fn hours(&mut self, low: u32, high: u32) -> i64 {
        i64::from(low) * HOUR_MS + self.minutes(0, (high - low) * 60)
    }
}

/// An order of 0..count in which every number comes up once before any comes up again.
#[derive(Clone, Copy)]
pub(super) struct Order {
    count: u64,
    factor: u64,
    offset: u64,
}

impl Order {
    /// The order number `index` of a seed.
    pub(super) fn new(seed: u64, index: u64, count: u32) -> Order {
        let mut random = Random::of(seed, Purpose::Order, index);
        let count = u64::from(count.max(1));
        let mut factor = 1 + random.next() % count;
        while greatest_common_divisor(factor, count) != 1 {
            factor += 1;
        }
        Order { count, factor, offset: random.next() % count }
    }

    /// Who comes up at this position.
    pub(super) fn at(self, position: u64) -> u32 {
        ((position % self.count * self.factor + self.offset) % self.count) as u32
    }
}

fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ value >> 31
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_everybody_once() {
        for count in [1, 2, 7, 12, 1000] {
            let order = Order::new(7, 3, count);
            let mut seen: Vec<u32> = (0..u64::from(count)).map(|position| order.at(position)).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn chance_has_its_probability() {
        let hits = (0..10_000).filter(|index| Random::of(1, Purpose::Tests, *index).chance(0.3)).count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
    }
}
