//! P6: what one model costs, and what a request costs by it. Whole numbers only.
//!
//! A price is in millionths of a dollar per million tokens, so tokens times price is exact in units of 10⁻¹² dollars;
//! the sum of one request is rounded up once, to a billionth of a dollar.
//!
//! Never: takes a part that has no price of its own for free. It costs what the part it belongs to costs.

use golive_checklist::unit::{MicroUsd, NanoUsd};

/// The kinds of tokens that may have a price of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Input that is none of the kinds below.
    Input,
    /// Input read from the provider's cache.
    CachedInput,
    /// Input written to the provider's cache.
    CacheWrite,
    /// Input written to the cache for an hour.
    CacheWrite1h,
    /// Images in the input.
    ImageInput,
    /// Sound in the input.
    AudioInput,
    /// Output that is none of the kinds below.
    Output,
    /// Reasoning.
    Reasoning,
    /// Images in the output.
    ImageOutput,
    /// Sound in the output.
    AudioOutput,
}

impl Part {
    /// All of them; those of the input first.
    pub const ALL: [Self; 10] = [
        Self::Input,
        Self::CachedInput,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::ImageInput,
        Self::AudioInput,
        Self::Output,
        Self::Reasoning,
        Self::ImageOutput,
        Self::AudioOutput,
    ];

    /// Its key in `golive.toml` and in tables of prices.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CachedInput => "cached_input",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite1h => "cache_write_1h",
            Self::ImageInput => "image_input",
            Self::AudioInput => "audio_input",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::ImageOutput => "image_output",
            Self::AudioOutput => "audio_output",
        }
    }

    /// It is part of the input.
    #[must_use]
    pub fn is_input(self) -> bool {
        self < Self::Output
    }

    /// What it costs where it has no price of its own.
    fn falls_back_to(self) -> Option<Self> {
        match self {
            Self::Input | Self::Output => None,
            Self::CacheWrite1h => Some(Self::CacheWrite),
            part if part.is_input() => Some(Self::Input),
            _ => Some(Self::Output),
        }
    }
}

/// Prices per million tokens, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates([Option<MicroUsd>; Part::ALL.len()]);

impl Rates {
    /// The price that is given for a kind itself.
    #[must_use]
    pub fn own(&self, part: Part) -> Option<MicroUsd> {
        self.0[part as usize]
    }

    /// Gives a kind its price. A negative one counts as nothing.
    pub fn set(&mut self, part: Part, price: Option<MicroUsd>) {
        self.0[part as usize] = price.map(|price| MicroUsd(price.0.max(0)));
    }

    /// What a million tokens of a kind cost, in millionths of a dollar: its own price or that of what it belongs to.
    fn of(&self, part: Part) -> u64 {
        match (self.own(part), part.falls_back_to()) {
            (Some(price), _) => u64::try_from(price.0).unwrap_or(0),
            (None, Some(wider)) => self.of(wider),
            (None, None) => 0,
        }
    }

    /// The dearest kind of the input or of the output.
    fn dearest(&self, input: bool) -> u64 {
        let of_side = Part::ALL.into_iter().filter(|part| part.is_input() == input);
        of_side.map(|part| self.of(part)).max().unwrap_or(0)
    }

    /// Kind by kind the higher of both.
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        let mut both = *self;
        for part in Part::ALL {
            both.set(part, self.own(part).max(other.own(part)));
        }
        both
    }

    /// These, and for kinds without a price of their own those of `base`.
    fn over(&self, base: &Self) -> Self {
        let mut both = *base;
        for part in Part::ALL {
            if self.own(part).is_some() {
                both.set(part, self.own(part));
            }
        }
        both
    }
}

/// What one model costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Per million tokens.
    pub rates: Rates,
    /// Prices that hold for the whole request once its input is longer, shortest first.
    pub above: Vec<Above>,
    /// Per request, beside its tokens: what an HTTP agent costs whose tokens nobody sees.
    pub request: MicroUsd,
    /// The day on which it was looked up, since 1970-01-01.
    pub date: Option<i64>,
    /// Where it was looked up.
    pub source: Option<String>,
}

/// Prices for long inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Above {
    /// They hold for inputs of more tokens than this.
    pub tokens: u64,
    /// Per million tokens. A kind that is left out costs what it costs below.
    pub rates: Rates,
}

/// The tokens that a price is asked for. Parts that are not known are zero; they lie within their whole, and what is
/// said to be more than it is cut to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All input.
    pub input: u64,
    /// Of `input`.
    pub cached_input: u64,
    /// Of `input`.
    pub cache_write: u64,
    /// Of `cache_write`.
    pub cache_write_1h: u64,
    /// Of `input`.
    pub image_input: u64,
    /// Of `input`.
    pub audio_input: u64,
    /// All output.
    pub output: u64,
    /// Of `output`.
    pub reasoning: u64,
    /// Of `output`.
    pub image_output: u64,
    /// Of `output`.
    pub audio_output: u64,
}

impl Price {
    /// What a request costs, rounded up to a billionth of a dollar.
    #[must_use]
    pub fn cost(&self, counts: &Counts) -> NanoUsd {
        let rates = self.rates_for(counts.input);
        let mut sum: u128 = 0;
        let mut add = |part: Part, tokens: u64| sum += u128::from(tokens) * u128::from(rates.of(part));
        let mut rest = counts.input;
        let mut take = |wanted: u64| {
            let taken = wanted.min(rest);
            rest -= taken;
            taken
        };
        add(Part::CachedInput, take(counts.cached_input));
        let written = take(counts.cache_write);
        let hour = counts.cache_write_1h.min(written);
        add(Part::CacheWrite1h, hour);
        add(Part::CacheWrite, written - hour);
        add(Part::ImageInput, take(counts.image_input));
        add(Part::AudioInput, take(counts.audio_input));
        add(Part::Input, rest);
        let mut rest = counts.output;
        let mut take = |wanted: u64| {
            let taken = wanted.min(rest);
            rest -= taken;
            taken
        };
        add(Part::Reasoning, take(counts.reasoning));
        add(Part::ImageOutput, take(counts.image_output));
        add(Part::AudioOutput, take(counts.audio_output));
        add(Part::Output, rest);
        self.whole(sum)
    }

    /// The most that a request with at most so many tokens can cost: each taken for the dearest kind there is.
    #[must_use]
    pub fn at_most(&self, input: u64, output: u64) -> NanoUsd {
        let dearest = |rates: &Rates| {
            u128::from(input) * u128::from(rates.dearest(true))
                + u128::from(output) * u128::from(rates.dearest(false))
        };
        // A shorter input than the most may be dearer where long ones get a rebate: the dearest tier it can reach.
        let reached = self.above.iter().filter(|above| input > above.tokens);
        let tiers = reached.map(|above| dearest(&above.rates.over(&self.rates)));
        self.whole(tiers.chain([dearest(&self.rates)]).max().unwrap_or(0))
    }

    /// Kind by kind the higher price of both; tiers are flattened into it.
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        Self {
            rates: self.flat().max(&other.flat()),
            above: Vec::new(),
            request: self.request.max(other.request),
            date: self.date.min(other.date),
            source: None,
        }
    }

    fn flat(&self) -> Rates {
        let tiers = self.above.iter().map(|above| above.rates);
        tiers.fold(self.rates, |all, tier| all.max(&tier))
    }

    fn rates_for(&self, input: u64) -> Rates {
        let reached = self.above.iter().filter(|above| input > above.tokens);
        match reached.max_by_key(|above| above.tokens) {
            Some(above) => above.rates.over(&self.rates),
            None => self.rates,
        }
    }

    /// A sum in 10⁻¹² dollars, with the price of the request itself.
    fn whole(&self, sum: u128) -> NanoUsd {
        let tokens = NanoUsd(u64::try_from(sum.div_ceil(1000)).unwrap_or(u64::MAX));
        tokens.plus(self.request.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(micros: i64) -> Option<MicroUsd> {
        Some(MicroUsd(micros))
    }

    fn price(parts: &[(Part, i64)]) -> Price {
        let mut price = Price::default();
        for (part, micros) in parts {
            price.rates.set(*part, usd(*micros));
        }
        price
    }

    #[test]
    fn a_request_costs_what_its_tokens_cost_to_the_last_digit() {
        // 2.50 and 10 dollars a million: 1,000 in and 500 out are 0.0025 + 0.005.
        let gpt = price(&[(Part::Input, 2_500_000), (Part::Output, 10_000_000)]);
        let counts = Counts {
            input: 1000,
            output: 500,
            ..Counts::default()
        };
        assert_eq!(gpt.cost(&counts).to_string(), "0.0075 USD");
        assert_eq!(gpt.cost(&Counts::default()), NanoUsd(0));
        // One token at 0.0125 dollars a million is 12.5 billionths: rounded up, once.
        let fine = price(&[(Part::Input, 12_500), (Part::Output, 0)]);
        let tokens = |input| Counts {
            input,
            ..Counts::default()
        };
        assert_eq!(fine.cost(&tokens(1)), NanoUsd(13));
        assert_eq!(fine.cost(&tokens(2)), NanoUsd(25));
    }

    #[test]
    fn each_part_costs_its_own_price_and_one_without_a_price_that_of_its_whole() {
        let claude = price(&[
            (Part::Input, 3_000_000),
            (Part::CachedInput, 300_000),
            (Part::CacheWrite, 3_750_000),
            (Part::CacheWrite1h, 6_000_000),
            (Part::Output, 15_000_000),
        ]);
        let counts = Counts {
            input: 1_000_000,
            cached_input: 500_000,
            cache_write: 300_000,
            cache_write_1h: 100_000,
            image_input: 50_000,
            output: 1_000_000,
            reasoning: 400_000,
            ..Counts::default()
        };
        // 0.5 × 0.3 + 0.1 × 6 + 0.2 × 3.75 + 0.2 × 3 + 1 × 15
        assert_eq!(claude.cost(&counts).to_string(), "17.10 USD");
        let thinker = price(&[
            (Part::Input, 0),
            (Part::Output, 1_000_000),
            (Part::Reasoning, 3_000_000),
        ]);
        assert_eq!(thinker.cost(&counts).to_string(), "1.80 USD");
    }

    #[test]
    fn parts_that_claim_more_than_their_whole_are_cut_to_it() {
        let odd = price(&[
            (Part::Input, 1_000_000),
            (Part::CachedInput, 0),
            (Part::Output, 1_000_000),
        ]);
        let counts = Counts {
            input: 10,
            cached_input: 50,
            cache_write: 50,
            output: 10,
            reasoning: 99,
            ..Counts::default()
        };
        assert_eq!(odd.cost(&counts), NanoUsd(10_000));
    }

    #[test]
    fn a_long_input_makes_the_whole_request_dearer() {
        let mut gemini = price(&[
            (Part::Input, 1_250_000),
            (Part::CachedInput, 125_000),
            (Part::Output, 10_000_000),
        ]);
        let mut rates = Rates::default();
        rates.set(Part::Input, usd(2_500_000));
        rates.set(Part::Output, usd(15_000_000));
        gemini.above.push(Above {
            tokens: 200_000,
            rates,
        });
        let of = |input, cached_input| {
            let counts = Counts {
                input,
                cached_input,
                output: 1_000_000,
                ..Counts::default()
            };
            gemini.cost(&counts).to_string()
        };
        assert_eq!(of(200_000, 0), "10.25 USD");
        assert_eq!(of(200_001, 1), "15.500000125 USD");
        assert_eq!(gemini.at_most(400_000, 0).to_string(), "1 USD");
        assert_eq!(gemini.at_most(100_000, 0).to_string(), "0.125 USD");
    }

    #[test]
    fn a_price_per_request_stands_beside_its_tokens() {
        let agent = Price {
            request: MicroUsd(20_000),
            ..Price::default()
        };
        assert_eq!(agent.cost(&Counts::default()).to_string(), "0.02 USD");
        assert_eq!(agent.at_most(1_000_000, 1_000_000).to_string(), "0.02 USD");
    }

    proptest! {
        #[test]
        fn no_request_costs_more_than_the_bound_of_its_tokens(
            prices in prop::array::uniform10(prop::option::of(0_i64..100_000_000)),
            above in prop::option::of((0_u64..5_000, prop::array::uniform10(prop::option::of(0_i64..100_000_000)))),
            parts in prop::array::uniform10(0_u64..10_000),
        ) {
            let rates = |prices: [Option<i64>; 10]| {
                let mut rates = Rates::default();
                for (part, price) in Part::ALL.into_iter().zip(prices) {
                    rates.set(part, price.map(MicroUsd));
                }
                rates
            };
            let price = Price {
                rates: rates(prices),
                above: above.into_iter().map(|(tokens, prices)| Above { tokens, rates: rates(prices) }).collect(),
                ..Price::default()
            };
            let [input, cached_input, cache_write, cache_write_1h, image_input, audio_input, output, reasoning, image_output, audio_output] = parts;
            let counts = Counts { input, cached_input, cache_write, cache_write_1h, image_input, audio_input, output, reasoning, image_output, audio_output };
            prop_assert!(price.cost(&counts) <= price.at_most(input, output));
        }
    }
}
